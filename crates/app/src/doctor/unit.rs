//! The systemd unit of the user that `adit service install` makes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use adit_wire::clock;
use tokio::process::Command;

use super::Check;
use crate::places;

const NAME: &str = "adit.service";

/// How long systemd may take to answer; it takes some milliseconds.
const ANSWER: Duration = Duration::from_secs(5);

/// How it stands with the unit.
pub(super) async fn look() -> Check {
    let Some(path) = installed() else {
        return Check::ok("service", "not installed: tunnels are hosted while a command runs");
    };
    match (systemctl("is-active").await, systemctl("is-enabled").await) {
        (Ok(active), Ok(enabled)) => judge(&path, &active, &enabled),
        (Err(cause), _) | (_, Err(cause)) => Check::warn(
            "service",
            format!("{} is there, and systemd does not say how it stands: {cause}", path.display()),
            "ask in a session with its own systemd: log in at a desktop or with ssh, not with su",
        ),
    }
}

fn installed() -> Option<PathBuf> {
    let path = places::user_config().ok()?.join("systemd/user").join(NAME);
    path.exists().then_some(path)
}

/// The word that `systemctl --user` says of the unit; its exit code says no more.
async fn systemctl(question: &str) -> Result<String, String> {
    let mut command = Command::new("systemctl");
    command.args(["--user", question, NAME]).stdin(Stdio::null()).kill_on_drop(true);
    let output = match clock::until(clock::now() + ANSWER, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("`systemctl` cannot be run: {error}")),
        Err(clock::Late) => return Err("`systemctl` does not answer".to_owned()),
    };
    let word = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match word.is_empty() {
        true => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        false => Ok(word),
    }
}

/// What the two words mean.
fn judge(path: &Path, active: &str, enabled: &str) -> Check {
    let at = path.display();
    match (active, enabled) {
        ("failed", _) => Check::fail(
            "service",
            format!("{at} has failed"),
            "see why with `journalctl --user -u adit`, mend that, then: systemctl --user restart adit",
        ),
        ("active", "enabled") => Check::ok("service", format!("{at} runs, now and from login on")),
        ("active", _) => Check::warn(
            "service",
            format!("{at} runs, but does not start at login ({enabled})"),
            "have it started: systemctl --user enable adit",
        ),
        ("activating" | "reloading" | "deactivating", _) => Check::warn(
            "service",
            format!("{at} is on its way ({active})"),
            "if that lasts, see why with: journalctl --user -u adit",
        ),
        _ => Check::warn(
            "service",
            format!("{at} does not run ({active}, {enabled})"),
            "start it, now and at login, with: systemctl --user enable --now adit",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

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
            let told = check.mend.as_deref();
            assert_eq!(told.is_some(), mend.is_some());
            assert!(told.unwrap_or_default().contains(mend.unwrap_or_default()), "{told:?}");
        }
    }
}
