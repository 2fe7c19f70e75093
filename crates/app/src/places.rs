//! Where files are: the platform's directories, each with one override.
//!
//! Nothing is made here; who writes a file makes the directory it goes into.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use adit_proto::id::FullId;
use etcetera::{BaseStrategy, HomeDirError, choose_base_strategy};

use crate::environment::Environment;
use crate::failure::{Code, Failure, Outcome};

/// The directories of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    config: Config,
    /// What `adit` remembers from run to run.
    pub state: PathBuf,
    /// What a relay keeps, unless its configuration says where.
    pub data: PathBuf,
}

/// `ADIT_CONFIG` names a directory, or with a name in `.toml` the one file that the command reads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Config {
    Directory(PathBuf),
    File(PathBuf),
}

impl Places {
    /// Finds them.
    pub fn new(environment: &Environment) -> Outcome<Self> {
        let base = choose_base_strategy();
        let base = base.as_ref();
        let config = match &environment.config {
            Some(path) if has_toml_name(path) => Config::File(path.into()),
            Some(path) => Config::Directory(path.into()),
            None => Config::Directory(own(base.map(|it| it.config_dir()), "ADIT_CONFIG")?),
        };
        let state = match &environment.state_dir {
            Some(path) => path.into(),
            None => own(base.map(state_dir), "ADIT_STATE_DIR")?,
        };
        let data = match &environment.data_dir {
            Some(path) => path.into(),
            None => own(base.map(|it| it.data_dir()), "ADIT_DATA_DIR")?.join("relay"),
        };
        Ok(Self { config, state, data })
    }

    /// The user's settings.
    pub fn settings(&self) -> PathBuf {
        self.config_file("adit.toml")
    }

    /// A relay's configuration.
    pub fn relay_config(&self) -> PathBuf {
        self.config_file("relay.toml")
    }

    /// The keys of signed-in relays; beside the configuration.
    pub fn credentials(&self) -> PathBuf {
        match &self.config {
            Config::Directory(directory) => directory.join("credentials.toml"),
            Config::File(file) => file.with_file_name("credentials.toml"),
        }
    }

    /// The claim of the process that hosts a tunnel of a relay.
    pub fn claim_of(&self, tunnel: &FullId) -> PathBuf {
        self.state.join("tunnels").join(tunnel.to_string())
    }

    /// The directories of all trial relays.
    pub fn all_embedded(&self) -> PathBuf {
        self.state.join("embedded")
    }

    /// Where the trial relay of that name is.
    pub fn embedded(&self, name: &str) -> PathBuf {
        self.all_embedded().join(name)
    }

    /// The claim of the one process that hosts for others too.
    pub fn owner(&self) -> PathBuf {
        self.state.join("owner")
    }

    /// The tunnels that are meant where a command is given none.
    pub fn default_tunnels(&self) -> PathBuf {
        self.state.join("default-tunnels.json")
    }

    /// Ports of Microsoft's service that are being made again.
    pub fn remakes(&self) -> PathBuf {
        self.state.join("microsoft-ports.json")
    }

    /// What the desktop app's window remembers of itself.
    pub fn window(&self) -> PathBuf {
        self.state.join("window.json")
    }

    /// The log of the desktop app.
    pub fn log(&self) -> PathBuf {
        self.state.join("logs").join("desktop.log")
    }

    /// Where reports of panics are.
    pub fn reports(&self) -> PathBuf {
        self.state.join("reports")
    }

    fn config_file(&self, name: &str) -> PathBuf {
        match &self.config {
            Config::Directory(directory) => directory.join(name),
            Config::File(file) => file.clone(),
        }
    }
}

/// The directory of the user's configuration files, of which other programs have theirs too.
///
/// # Errors
/// When the user has no home directory.
pub fn user_config() -> Outcome<PathBuf> {
    let base = choose_base_strategy().map_err(|_| no_home().hint("set HOME to one"))?;
    Ok(base.config_dir())
}

fn no_home() -> Failure {
    Failure::new(Code::Storage, "this user has no home directory")
}

/// Our folder in one of the user's directories, or which variable helps.
fn own(directory: Result<PathBuf, &HomeDirError>, variable: &str) -> Outcome<PathBuf> {
    let directory = directory.map_err(|_| {
        no_home().hint(format!("set {variable} to a directory that may be used instead"))
    })?;
    Ok(directory.join("adit"))
}

/// Windows knows no state directory; its cache directory is the one that does not roam.
fn state_dir(base: &impl BaseStrategy) -> PathBuf {
    base.state_dir().unwrap_or_else(|| base.cache_dir())
}

fn has_toml_name(path: &OsStr) -> bool {
    Path::new(path).extension() == Some(OsStr::new("toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(config: Option<&str>) -> Places {
        let environment = Environment {
            config: config.map(Into::into),
            state_dir: Some("/s".into()),
            data_dir: Some("/d".into()),
            ..Environment::default()
        };
        Places::new(&environment).unwrap()
    }

    #[test]
    fn overrides_are_taken_as_they_are() {
        let places = places(Some("/c"));
        assert_eq!(places.settings(), Path::new("/c/adit.toml"));
        assert_eq!(places.relay_config(), Path::new("/c/relay.toml"));
        assert_eq!(places.credentials(), Path::new("/c/credentials.toml"));
        assert_eq!((places.state, places.data), ("/s".into(), "/d".into()));
    }

    #[test]
    fn a_file_may_be_named_and_keys_stand_beside_it() {
        let places = places(Some("/etc/adit/my-relay.toml"));
        assert_eq!(places.relay_config(), Path::new("/etc/adit/my-relay.toml"));
        assert_eq!(places.credentials(), Path::new("/etc/adit/credentials.toml"));
    }

    #[test]
    fn without_overrides_the_directories_are_below_the_users() {
        let places = Places::new(&Environment::default()).unwrap();
        assert!(places.settings().ends_with("adit/adit.toml"));
        assert!(places.state.is_absolute() && places.state.ends_with("adit"));
        assert!(places.data.ends_with("adit/relay"));
    }
}
