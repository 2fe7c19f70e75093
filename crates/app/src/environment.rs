//! What the environment says, read once: nothing else in this program looks at variables, so a
//! test can bring its own.

use std::env;
use std::ffi::OsString;
use std::fmt;

use adit_proto::token::Secret;

/// The variables that mean something to `adit`.
#[derive(Default)]
pub struct Environment {
    /// `ADIT_CONFIG`: where the configuration is.
    pub config: Option<OsString>,
    /// `ADIT_STATE_DIR`: where state is kept.
    pub state_dir: Option<OsString>,
    /// `ADIT_DATA_DIR`: where a relay keeps its data.
    pub data_dir: Option<OsString>,
    /// `ADIT_ON`: where tunnels live unless the command says so.
    pub on: Option<String>,
    /// `ADIT_API_KEY`: a user's key, used before any that is stored.
    pub api_key: Option<Secret>,
    /// `DEVTUNNEL_BIN`: the official command, where it is not found by its name.
    pub devtunnel: Option<OsString>,
    /// `ADIT_MICROSOFT_URL`: another environment of Microsoft's service than the production one.
    pub microsoft_url: Option<String>,
    /// `ADIT_LOG`: what is logged.
    pub log: Option<String>,
    /// `DEVTUNNEL_HEADLESS_HOST`: tunnels to host where there are no arguments; present, though empty, where it is
    /// set.
    pub headless: Option<String>,
    /// `PATH`: where commands are found by their names.
    pub path: Option<OsString>,
    /// Whether `NO_COLOR` is set to something.
    pub no_color: bool,
}

impl Environment {
    /// Reads them. A variable that is empty counts as not set.
    pub fn read() -> Self {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            config: path("ADIT_CONFIG"),
            state_dir: path("ADIT_STATE_DIR"),
            data_dir: path("ADIT_DATA_DIR"),
            on: text("ADIT_ON"),
            api_key: text("ADIT_API_KEY").map(Secret::new),
            devtunnel: path("DEVTUNNEL_BIN"),
            microsoft_url: text("ADIT_MICROSOFT_URL"),
            log: text("ADIT_LOG"),
            headless: env::var_os("DEVTUNNEL_HEADLESS_HOST")
                .map(|ids| ids.to_string_lossy().into_owned()),
            path: path("PATH"),
            no_color: path("NO_COLOR").is_some(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("config", &self.config)
            .field("state_dir", &self.state_dir)
            .field("data_dir", &self.data_dir)
            .field("on", &self.on)
            .field("devtunnel", &self.devtunnel)
            .field("microsoft_url", &self.microsoft_url)
            .finish_non_exhaustive()
    }
}
