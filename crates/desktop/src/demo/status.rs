//! What a scripted world finds when everything is looked at.

use std::rc::Rc;

use adit_app::doctor::{Check, Examination, Verdict};
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
    let check = |name: &str, verdict, found: &str, mend: Option<&str>| Check {
        name: name.to_owned(),
        verdict,
        found: found.to_owned(),
        mend: mend.map(str::to_owned),
    };
    vec![
        check("state", Verdict::Ok, "/home/ana/.local/state/adit can be written", None),
        check("keys", Verdict::Ok, "1 key, readable by you only", None),
        check(
            "relay cp.relay.example.com",
            Verdict::Ok,
            "answers in 38 ms, signed in as ana",
            None,
        ),
        check(
            "Microsoft Dev Tunnels",
            Verdict::Fail,
            "nobody is signed in",
            Some("sign in with: devtunnel user login"),
        ),
        check("tunnel storefront", Verdict::Ok, "hosted", None),
        check(
            "port 3000 of billing",
            Verdict::Warn,
            "nothing listens on 127.0.0.1:3000 or [::1]:3000",
            Some("start your server, or remove the port"),
        ),
        check("names below localhost", Verdict::Ok, "found by every program", None),
    ]
}
