//! The systemd unit of the user that `adit service install` makes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use adit_wire::clock;
use tokio::process::Command;

use super::{Check, Found, Mend, Silence, Subject};
use crate::places;

const NAME: &str = "adit.service";

/// How long systemd may take to answer; it takes some milliseconds.
const ANSWER: Duration = Duration::from_secs(5);

/// How it stands with the unit.
pub(super) async fn look() -> Check {
    let Some(path) = installed() else {
        return Check::ok(Subject::Service, Found::NoUnit);
    };
    match (systemctl("is-active").await, systemctl("is-enabled").await) {
        (Ok(active), Ok(enabled)) => judge(&path, &active, &enabled),
        (Err(silence), _) | (_, Err(silence)) => {
            Check::warn(Subject::Service, Found::UnitUnknown(path, silence), Mend::Session)
        }
    }
}

fn installed() -> Option<PathBuf> {
    let path = places::user_config().ok()?.join("systemd/user").join(NAME);
    path.exists().then_some(path)
}

/// The word that `systemctl --user` says of the unit; its exit code says no more.
async fn systemctl(question: &str) -> Result<String, Silence> {
    let mut command = Command::new("systemctl");
    command.args(["--user", question, NAME]).stdin(Stdio::null()).kill_on_drop(true);
    let output = match clock::until(clock::now() + ANSWER, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(Silence::NotRun(error.to_string())),
        Err(clock::Late) => return Err(Silence::Late),
    };
    let word = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match word.is_empty() {
        true => Err(Silence::Said(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        false => Ok(word),
    }
}

/// What the two words mean.
fn judge(path: &Path, active: &str, enabled: &str) -> Check {
    let (subject, file) = (Subject::Service, path.to_owned());
    let [active, enabled] = [active.to_owned(), enabled.to_owned()];
    match (&*active, &*enabled) {
        ("failed", _) => Check::fail(subject, Found::UnitFailed(file), Mend::UnitFailed),
        ("active", "enabled") => Check::ok(subject, Found::UnitRuns(file)),
        ("active", _) => {
            Check::warn(subject, Found::UnitNotAtLogin(file, enabled), Mend::UnitLogin)
        }
        ("activating" | "reloading" | "deactivating", _) => {
            Check::warn(subject, Found::UnitOnItsWay(file, active), Mend::UnitWait)
        }
        _ => Check::warn(subject, Found::UnitDown { file, active, enabled }, Mend::UnitStart),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::words::Language;

    #[test]
    fn only_a_unit_that_runs_and_will_again_is_in_order() {
        for (active, enabled, verdict, mend) in [
            ("active", "enabled", Verdict::Ok, None),
            ("active", "disabled", Verdict::Warn, Some("systemctl --user enable adit")),
            ("activating", "enabled", Verdict::Warn, Some("journalctl")),
            ("inactive", "disabled", Verdict::Warn, Some("enable --now adit")),
            ("failed", "enabled", Verdict::Fail, Some("systemctl --user restart adit")),
        ] {
            let check = judge(Path::new("/u/adit.service"), active, enabled);
            assert_eq!(check.verdict, verdict, "{active} {enabled}");
            let told = check.told(Language::English).mend;
            assert_eq!(told.is_some(), mend.is_some());
            assert!(told.unwrap_or_default().contains(mend.unwrap_or_default()), "{check:?}");
        }
    }
}
