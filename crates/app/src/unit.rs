//! The systemd unit that hosts tunnels from login on: what `adit service` installs, and whoever removes Adit removes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::durable;
use crate::failure::Outcome;
use crate::places;

/// What it is called.
pub const NAME: &str = "adit.service";

/// How a unit of ours begins. Another of that name is somebody else's.
pub const MARK: &str =
    "# Written by `adit service install`; removed by `adit service uninstall`.\n";

/// The unit of a user, whether it is there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    path: PathBuf,
    systemctl: OsString,
}

impl Unit {
    /// That of this user.
    ///
    /// # Errors
    /// When the user has no home directory.
    pub fn of_user() -> Outcome<Self> {
        Ok(Self::at(&places::user_config()?.join("systemd/user"), OsStr::new("systemctl")))
    }

    /// That in a directory, which this program manages.
    pub fn at(directory: &Path, systemctl: &OsStr) -> Self {
        Self { path: directory.join(NAME), systemctl: systemctl.to_owned() }
    }

    /// The file that it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it for now, if `adit service` has installed it. Waits for what it hosts to end. Returns whether it ran.
    pub fn stop(&self) -> bool {
        let runs = self.is_ours() && self.ask(&["is-active", "--quiet", NAME]);
        if runs {
            self.ask(&["stop", NAME]);
        }
        runs
    }

    /// Lets it run again.
    pub fn start(&self) {
        self.ask(&["start", NAME]);
    }

    fn is_ours(&self) -> bool {
        fs::read(&self.path).is_ok_and(|text| text.starts_with(MARK.as_bytes()))
    }

    /// Ends it and takes it away, if `adit service` has installed it. Waits for what it hosts to end.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self) -> Outcome {
        if !self.is_ours() {
            return Ok(());
        }
        self.ask(&["disable", "--now", NAME]);
        // As `disable` does, where systemd cannot be asked.
        let wanted = self.path.with_file_name("default.target.wants").join(NAME);
        for path in [&wanted, &self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(durable::cannot("remove", path, &error));
                }
                _ => {}
            }
        }
        self.ask(&["daemon-reload"]);
        Ok(())
    }

    /// Without its systemd the unit does not run, and is a file like others. Returns whether it was done, or is so.
    fn ask(&self, what: &[&str]) -> bool {
        let done = Command::new(&self.systemctl).arg("--user").args(what).output();
        match done {
            Ok(done) if done.status.success() => return true,
            Ok(done) => tracing::info!(?what, code = ?done.status.code(), "systemctl says no"),
            Err(error) => tracing::warn!(?what, %error, "systemctl cannot be run"),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_ended_for_now_is_ours_and_runs() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (script, asked) = (folder.path().join("systemctl"), folder.path().join("asked"));
        // It runs as long as nobody has stopped it.
        let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit\necho \"$2\" >>asked\n\
                    [ \"$2\" != is-active ] || ! grep -q stop asked\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let unit = Unit::at(folder.path(), script.as_os_str());
        assert!(!unit.stop() && !asked.exists(), "there is none");
        fs::write(unit.path(), format!("{MARK}[Unit]\n")).unwrap();
        assert!(unit.stop());
        assert!(!unit.stop(), "it does not run any more");
        unit.start();
        let asked = fs::read_to_string(asked).unwrap();
        let asked: Vec<_> = asked.lines().collect();
        assert_eq!(asked, ["is-active", "stop", "is-active", "start"]);
    }

    #[test]
    fn only_what_was_installed_by_us_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let unit = Unit::at(folder.path(), OsStr::new("/nowhere/systemctl"));
        unit.remove().unwrap();
        fs::write(unit.path(), "[Unit]\nDescription=Another program of that name\n").unwrap();
        unit.remove().unwrap();
        assert!(unit.path().exists());
        let wanted = folder.path().join("default.target.wants").join(NAME);
        fs::create_dir(wanted.parent().unwrap()).unwrap();
        fs::write(&wanted, "").unwrap();
        fs::write(unit.path(), format!("{MARK}[Unit]\n")).unwrap();
        unit.remove().unwrap();
        assert!(!unit.path().exists() && !wanted.exists());
    }
}
