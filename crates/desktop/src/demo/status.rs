//! What a scripted world finds when everything is looked at.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use adit_app::doctor::{Check, Examination, Fault, Found, Mend, Subject, Verdict};
use tokio::sync::watch;

use super::scene;
use crate::desk::StatusDesk;

/// Finds the same each time.
#[derive(Clone)]
pub(super) struct Script {
    told: watch::Sender<Examination>,
}

impl Script {
    pub(super) fn new() -> Self {
        Self { told: watch::Sender::default() }
    }

    pub(super) fn desk(&self) -> StatusDesk {
        let told = self.told.clone();
        let look = move || {
            let found = Some((scene::start(), checks().into()));
            told.send_replace(Examination { is_running: false, found });
        };
        StatusDesk { told: self.told.subscribe(), look: Rc::new(look) }
    }
}

fn checks() -> Vec<Check> {
    let check =
        |subject, verdict, found, mend: Option<Mend>| Check { subject, verdict, found, mend };
    let relay = "https://cp.relay.example.com".parse().expect("a relay");
    let home = Path::new("/home/ana");
    vec![
        check(Subject::State, Verdict::Ok, Found::Writable(home.join(".local/state/adit")), None),
        check(
            Subject::Keys,
            Verdict::Ok,
            Found::Keys {
                count: 1,
                file: home.join(".config/adit/credentials.toml"),
                mode: Some(0o600),
                from_environment: false,
            },
            None,
        ),
        check(
            Subject::Relay(relay),
            Verdict::Ok,
            Found::Answers {
                took: Duration::from_millis(38),
                user: Some("ana".to_owned()),
                is_exposed: false,
            },
            None,
        ),
        check(
            Subject::Microsoft,
            Verdict::Fail,
            Found::MicrosoftNotUsable(Fault::SignedOut),
            Some(Mend::Microsoft),
        ),
        check(Subject::Tunnel("storefront".to_owned()), Verdict::Ok, Found::Hosted, None),
        check(
            Subject::Port { port: 3000, tunnel: "billing".to_owned() },
            Verdict::Warn,
            Found::Silent(3000),
            Some(Mend::Server),
        ),
        check(Subject::Localhost, Verdict::Ok, Found::Names { by_all: true }, None),
    ]
}
