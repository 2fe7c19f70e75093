//! The text of the unit.

use std::path::PathBuf;

use adit_app::failure::Outcome;
use adit_app::unit::{MARK, environment, quoted};
use adit_proto::id::FullId;

/// What the service is to do.
pub(super) struct Unit {
    /// This program.
    pub(super) program: PathBuf,
    /// With their clusters.
    pub(super) tunnels: Vec<FullId>,
    /// As `--on` takes it.
    pub(super) place: String,
    /// Whether the tunnels are kept from running out.
    pub(super) renew: bool,
    /// Overrides that it shall go by.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
}

impl Unit {
    /// The unit.
    ///
    /// # Errors
    /// When a path cannot stand in a unit.
    pub(super) fn text(&self) -> Outcome<String> {
        let mut start = quoted(&self.program)?;
        start.push_str(" host");
        self.tunnels.iter().for_each(|tunnel| start.push_str(&format!(" {tunnel}")));
        start.push_str(&format!(" --on {}", self.place.replace('%', "%%")));
        if self.renew {
            start.push_str(" --renew");
        }
        let variables = environment(&self.variables)?;
        Ok(format!("{MARK}{HEAD}ExecStart={start}\n{variables}{TAIL}"))
    }
}

const HEAD: &str = "\
[Unit]
Description=Adit: tunnels of this user
Documentation=man:adit(1)
# Failures that pass are tried for ever, by adit and then here.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
";

/// The limits are those that a user's own manager can set. Writable and executable memory is not forbidden,
/// because the official command, which adit may start, compiles what it runs.
const TAIL: &str = "\
Restart=on-failure
RestartSec=2
# Not found, running already, usage, sign-in or access: trying again changes nothing.
RestartPreventExitStatus=2 5 64 77
WatchdogSec=60
TimeoutStopSec=30
KillMode=mixed
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
";

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn unit(program: &str) -> Unit {
        Unit {
            program: program.into(),
            tunnels: vec!["shop-1abc.loc1".parse().unwrap(), "blog-1abc.loc1".parse().unwrap()],
            place: "https://cp.relay.example.com".to_owned(),
            renew: false,
            variables: vec![("ADIT_STATE_DIR", "/var/my state/100%".into())],
        }
    }

    #[test]
    fn it_hosts_these_tunnels_and_keeps_to_the_overrides() {
        let text = unit("/opt/my tools/adit").text().unwrap();
        let start = "ExecStart=\"/opt/my tools/adit\" host shop-1abc.loc1 blog-1abc.loc1 --on \
                     https://cp.relay.example.com\n";
        assert!(text.contains(start), "{text}");
        assert!(text.contains("Environment=\"ADIT_STATE_DIR=/var/my state/100%%\"\n"), "{text}");
        assert!(unit("/opt/a\nb/adit").text().is_err());
        let renewing = Unit { renew: true, ..unit("/bin/adit") }.text().unwrap();
        assert!(renewing.contains("--on https://cp.relay.example.com --renew\n"), "{renewing}");
    }

    /// It tells of every line that it does not know.
    #[cfg(target_os = "linux")]
    #[test]
    fn systemd_finds_nothing_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.service");
        for renew in [false, true] {
            let text = Unit { renew, ..unit("/bin/true") }.text().unwrap();
            std::fs::write(&path, text).unwrap();
            let verified = Command::new("systemd-analyze")
                .args(["--user", "--man=no", "verify"])
                .arg(&path)
                .env("XDG_RUNTIME_DIR", folder.path())
                .output();
            let output = verified.expect("systemd-analyze, which ./test installs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && !said.contains("adit.service"), "{said}");
        }
    }
}
