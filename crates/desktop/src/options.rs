//! How the app is started.

use clap::Parser;

use crate::demo::Scene;

/// The window of Adit.
#[derive(Clone, Debug, Parser)]
#[command(name = "adit-desktop", version)]
pub struct Options {
    /// Show a scripted world instead of the real one; nothing is hosted and nothing is sent.
    #[arg(long, value_enum, value_name = "SCENE", num_args = 0..=1, default_missing_value = "main")]
    pub demo: Option<Scene>,
    /// Start without a window where there is a tray, as at login.
    #[arg(long)]
    pub minimised: bool,
}
