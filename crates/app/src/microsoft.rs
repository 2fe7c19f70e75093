//! Microsoft's Dev Tunnels service as a place: which command manages it, and what to do when that
//! does not work.
//!
//! Nothing is installed from here; the line that does it is told, and [`crate::run`] runs it for who has read it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use adit_tunnel::management::cli::{Account, Cli, Config, PROGRAM, Trouble};
use adit_tunnel::management::{Base, Error};

use crate::environment::Environment;
use crate::failure::{Code, Failure, Outcome};
use crate::service::connector;

/// What the environment says of the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Microsoft {
    program: Option<std::ffi::OsString>,
    url: Option<String>,
    path: Option<std::ffi::OsString>,
    /// Where it is installed to, though a program that runs already may not have that in its `PATH`.
    usual: Vec<PathBuf>,
}

impl Microsoft {
    /// From `DEVTUNNEL_BIN` and `ADIT_MICROSOFT_URL`.
    pub fn new(environment: &Environment) -> Self {
        Self {
            program: environment.devtunnel.clone(),
            url: environment.microsoft_url.clone(),
            path: environment.path.clone(),
            usual: usual_places(),
        }
    }

    /// Whether the command is on this computer, as far as its file tells. It is not started.
    pub fn is_there(&self) -> bool {
        let name = Path::new(self.program.as_deref().unwrap_or(OsStr::new(PROGRAM)));
        if name.components().count() > 1 {
            return name.is_file();
        }
        self.in_path(name) || (self.program.is_none() && self.in_usual_place().is_some())
    }

    fn in_path(&self, name: &Path) -> bool {
        let name = Path::new(name).with_extension(std::env::consts::EXE_EXTENSION);
        let path = self.path.as_deref().unwrap_or_default();
        std::env::split_paths(path).any(|directory| directory.join(&name).is_file())
    }

    fn in_usual_place(&self) -> Option<PathBuf> {
        let name = Path::new(PROGRAM).with_extension(std::env::consts::EXE_EXTENSION);
        self.usual.iter().map(|directory| directory.join(&name)).find(|file| file.is_file())
    }

    /// The command; it is not started yet. `journal` is where it notes ports that it makes again.
    ///
    /// # Errors
    /// When `ADIT_MICROSOFT_URL` is no address of a service.
    pub fn command(&self, journal: PathBuf) -> Outcome<Cli> {
        let mut config = Config { journal: Some(journal), ..Config::default() };
        if let Some(program) = &self.program {
            config.program.clone_from(program);
        } else if !self.in_path(Path::new(PROGRAM))
            && let Some(found) = self.in_usual_place()
        {
            config.program = found.into();
        }
        if let Some(url) = &self.url {
            config.service = Base::parse(url).map_err(|error| {
                Failure::new(Code::Usage, format!("ADIT_MICROSOFT_URL is `{url}`, which {error}"))
            })?;
        }
        Ok(Cli::new(connector(), &config))
    }
}

/// Where the lines of [`INSTALL`] put the command.
fn usual_places() -> Vec<PathBuf> {
    let home = etcetera::home_dir().ok();
    let below = |names: &str| home.as_ref().map(|home| home.join(names));
    let places = if cfg!(windows) {
        vec![below("AppData/Local/Microsoft/WinGet/Links")]
    } else if cfg!(target_os = "macos") {
        vec![Some("/opt/homebrew/bin".into()), Some("/usr/local/bin".into()), below("bin")]
    } else {
        vec![below("bin"), below(".local/bin")]
    };
    places.into_iter().flatten().collect()
}

/// Whether the command can be used, and who is signed in.
///
/// # Errors
/// As the command's own, with what is wrong with it before that nobody is signed in.
pub async fn preflight(command: &Cli) -> Result<Account, Error> {
    command.version().await?;
    command.account().await
}

/// What a failed [`preflight`] means for a command: [`Code::Devtunnel`] when the official one cannot be
/// used, [`Code::SignIn`] when nobody is signed in.
pub fn unusable(error: &Error) -> Failure {
    Failure::service("use Microsoft Dev Tunnels", error)
}

/// What kind of failure a trouble with the command is, and what to do.
pub fn remedy(trouble: &Trouble) -> (Code, String) {
    let again = "try again in a little while; `devtunnel user show` tells whether it works";
    match trouble {
        Trouble::Missing { .. } => {
            let hint = format!("install it with: {INSTALL} (or say where it is: DEVTUNNEL_BIN)");
            (Code::Devtunnel, hint)
        }
        Trouble::Unstartable { .. } => {
            (Code::Devtunnel, format!("mend its permissions, or install it anew with: {INSTALL}"))
        }
        Trouble::TooOld { .. } => (Code::Devtunnel, format!("update it with: {UPDATE}")),
        Trouble::SignedOut => (Code::SignIn, "sign in with: adit login microsoft".to_owned()),
        Trouble::Expired => (Code::SignIn, "sign in again with: adit login microsoft".to_owned()),
        Trouble::OtherProfile => (
            Code::SignIn,
            "sign in as the user who hosts, in a terminal without administrator's rights: \
             adit login microsoft"
                .to_owned(),
        ),
        Trouble::Queued { .. }
        | Trouble::Late { .. }
        | Trouble::Garbled { .. }
        | Trouble::Failed { .. } => (Code::Unreachable, again.to_owned()),
    }
}

/// Where Microsoft says what the command is and how else it can be had.
pub const PAGE: &str = "https://learn.microsoft.com/azure/developer/dev-tunnels/get-started";

/// The line that installs the command on this system.
pub const INSTALL: &str = if cfg!(windows) {
    "winget install -e --id Microsoft.devtunnel --accept-package-agreements --accept-source-agreements"
} else if cfg!(target_os = "macos") {
    "brew install --cask devtunnel"
} else {
    "curl -fsSL https://aka.ms/DevTunnelCliInstall | bash"
};

/// The line that installs the command, or updates one that is too old: what is shown before it is run.
pub fn install_line(update: bool) -> &'static str {
    if update { UPDATE } else { INSTALL }
}

/// The line that brings a newer one.
pub const UPDATE: &str = if cfg!(windows) {
    "winget upgrade -e --id Microsoft.devtunnel --accept-package-agreements --accept-source-agreements"
} else if cfg!(target_os = "macos") {
    "brew upgrade --cask devtunnel"
} else {
    INSTALL
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_a_remedy_of_its_own() {
        let program = || "devtunnel".into();
        let troubles = [
            Trouble::Missing { program: program() },
            Trouble::Unstartable { program: program(), source: std::io::Error::other("no") },
            Trouble::TooOld { found: None },
            Trouble::SignedOut,
            Trouble::Expired,
            Trouble::OtherProfile,
        ];
        let mut hints: Vec<_> = troubles.iter().map(|trouble| remedy(trouble).1).collect();
        hints.sort();
        hints.dedup();
        assert_eq!(hints.len(), troubles.len(), "{hints:#?}");
        assert_eq!(remedy(&troubles[0]).0.exit(), 69);
        assert_eq!(remedy(&troubles[4]).0.exit(), 77);
    }

    #[test]
    fn the_command_is_looked_for_where_it_is_said_to_be_and_else_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("devtunnel").with_extension(std::env::consts::EXE_EXTENSION);
        let in_path = Microsoft { path: Some(folder.path().into()), ..Microsoft::default() };
        let named = Microsoft { program: Some(file.clone().into()), ..Microsoft::default() };
        assert!(!in_path.is_there() && !named.is_there());
        std::fs::write(&file, "").unwrap();
        assert!(in_path.is_there() && named.is_there());
        // Just installed, and not in the `PATH` that this process began with.
        let usual = Microsoft { usual: vec![folder.path().into()], ..Microsoft::default() };
        assert!(usual.is_there());
        let elsewhere = Microsoft { program: Some("other".into()), ..usual };
        assert!(!elsewhere.is_there());
        assert!(!Microsoft::default().is_there());
    }

    #[test]
    fn another_environment_has_to_be_an_address() {
        let of = |url: &str| {
            let microsoft = Microsoft { url: Some(url.to_owned()), ..Microsoft::default() };
            microsoft.command("ports.json".into())
        };
        assert!(of("https://global.rel.tunnels.ppe.api.visualstudio.com/").is_ok());
        assert_eq!(of("somewhere").unwrap_err().code, Code::Usage);
    }
}
