//! How the app is started.

use clap::Parser;

use crate::demo::Scene;
use crate::manual::Page;

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

    /// Print what a package has besides the program, and end.
    #[arg(long, value_enum, value_name = "PAGE", hide = true)]
    pub print: Option<Page>,

    /// Tell on standard output, each second, how long the thread of the interface was kept from its events.
    #[arg(long, hide = true)]
    pub ticks: bool,
}
