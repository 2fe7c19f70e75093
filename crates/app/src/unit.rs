//! The systemd unit that hosts tunnels from login on: what `adit service` installs, and whoever removes Adit removes.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::failure::{Code, Failure, Outcome};
use crate::{durable, places};

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
    /// The overrides that it goes by, as they stand in it.
    environment: String,
}

impl Unit {
    /// That of this user, where it goes by these overrides.
    ///
    /// # Errors
    /// When the user has no home directory, or an override cannot stand in a unit.
    pub fn of_user(overrides: &[(&'static str, PathBuf)]) -> Outcome<Self> {
        let directory = places::user_config()?.join("systemd/user");
        Self::at(&directory, OsStr::new("systemctl"), overrides)
    }

    /// That in a directory, which this program manages.
    ///
    /// # Errors
    /// When an override cannot stand in a unit.
    pub fn at(
        directory: &Path,
        systemctl: &OsStr,
        overrides: &[(&'static str, PathBuf)],
    ) -> Outcome<Self> {
        let (path, systemctl) = (directory.join(NAME), systemctl.to_owned());
        Ok(Self { path, systemctl, environment: environment(overrides)? })
    }

    /// The file that it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it for now, if `adit service` has installed it. Waits for what it hosts to end.
    pub fn stop(&self) {
        if self.is_ours() {
            self.ask(&["stop", NAME]);
        }
    }

    /// Lets it run again, if it is to run at all. Does not wait for what it hosts.
    pub fn go_on(&self) {
        if self.is_ours() && self.ask(&["is-enabled", "--quiet", NAME]) {
            self.ask(&["start", "--no-block", NAME]);
        }
    }

    /// Whether it was installed, by us, for the same files.
    fn is_ours(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| {
            text.starts_with(MARK) && of_files(&text) == of_files(&self.environment)
        })
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

/// How a line of an override begins.
const VARIABLE: &str = "Environment=";

/// The overrides that say where the files are.
const FILES: [&str; 2] = ["ADIT_CONFIG", "ADIT_STATE_DIR"];

/// The lines of a unit that say where its files are.
fn of_files(text: &str) -> BTreeSet<&str> {
    let is_it = |line: &&str| {
        let pair = line.strip_prefix(VARIABLE).map(|pair| pair.trim_start_matches('"'));
        let name = pair.and_then(|pair| pair.split_once('=')).map(|(name, _)| name);
        name.is_some_and(|name| FILES.contains(&name))
    };
    text.lines().filter(is_it).collect()
}

/// The lines of a unit that has these overrides.
///
/// # Errors
/// When one cannot stand in a unit.
pub fn environment(overrides: &[(&'static str, PathBuf)]) -> Outcome<String> {
    let line = |(name, value): &(&str, PathBuf)| {
        let pair = PathBuf::from(format!("{name}={}", text(value)?));
        Ok(format!("{VARIABLE}{}\n", quoted(&pair)?))
    };
    overrides.iter().map(line).collect()
}

/// A path as systemd reads it: in quotes, with what it would expand doubled.
///
/// # Errors
/// When it cannot stand in a unit.
pub fn quoted(path: &Path) -> Outcome<String> {
    let text = text(path)?.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
    Ok(format!("\"{}\"", text.replace('$', "$$")))
}

fn text(path: &Path) -> Outcome<&str> {
    path.to_str().filter(|text| !text.contains(char::is_control)).ok_or_else(|| {
        Failure::new(Code::Refused, format!("{} cannot stand in a unit", path.display()))
            .hint("put adit, and its files, at a path of ordinary characters")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_ended_for_now_is_ours_and_goes_on_where_it_is_enabled() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (script, asked) = (folder.path().join("systemctl"), folder.path().join("asked"));
        let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit\necho \"$2\" >>asked\n\
                    [ \"$2\" != is-enabled ] || [ -e enabled ]\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let unit = Unit::at(folder.path(), script.as_os_str(), &[]).unwrap();
        unit.stop();
        unit.go_on();
        assert!(!asked.exists(), "there is none");
        fs::write(unit.path(), format!("{MARK}[Unit]\n")).unwrap();
        unit.stop();
        unit.go_on();
        fs::write(folder.path().join("enabled"), "").unwrap();
        unit.go_on();
        let asked = fs::read_to_string(asked).unwrap();
        let asked: Vec<_> = asked.lines().collect();
        assert_eq!(asked, ["stop", "is-enabled", "is-enabled", "start"]);
    }

    #[test]
    fn a_unit_of_other_files_stays() {
        let folder = tempfile::tempdir().unwrap();
        let for_state = |state: &str| {
            let overrides = [("ADIT_STATE_DIR", PathBuf::from(state))];
            Unit::at(folder.path(), OsStr::new("/nowhere/systemctl"), &overrides).unwrap()
        };
        let (here, there) = (for_state("/var/100%"), for_state("/tmp/other"));
        let nothing = Unit::at(folder.path(), OsStr::new("/nowhere/systemctl"), &[]).unwrap();
        // What else is said there is no matter of files.
        let command = ("DEVTUNNEL_BIN", PathBuf::from("/opt/devtunnel"));
        let lines = environment(&[command, ("ADIT_STATE_DIR", "/var/100%".into())]).unwrap();
        fs::write(here.path(), format!("{MARK}[Service]\n{lines}Restart=on-failure\n")).unwrap();
        there.remove().unwrap();
        nothing.remove().unwrap();
        assert!(here.path().exists());
        here.remove().unwrap();
        assert!(!here.path().exists());
    }

    #[test]
    fn only_what_was_installed_by_us_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let unit = Unit::at(folder.path(), OsStr::new("/nowhere/systemctl"), &[]).unwrap();
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
