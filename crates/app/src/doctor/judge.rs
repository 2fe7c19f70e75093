//! What was found, as a verdict.

use std::path::Path;
use std::time::Duration;

use adit_tunnel::management::Error;
use jiff::Timestamp;

use super::{Check, Fault, Found, Mend, Subject, Why};
use crate::cause::Cause;
use crate::relay_url::RelayUrl;
use crate::status::{State, Tunnel};

/// How wrong a clock may be: tokens and access that ends are told by it.
const SKEW: Duration = Duration::from_secs(30);

/// What a relay said to the user's key, and how long that took.
pub(super) fn relay(
    relay: &RelayUrl,
    answer: Result<Option<String>, Error>,
    took: Duration,
) -> Check {
    let subject = Subject::Relay(relay.clone());
    match answer {
        Ok(user) => {
            let is_exposed = relay.is_exposed();
            let found = Found::Answers { took, user, is_exposed };
            match is_exposed {
                true => Check::warn(subject, found, Mend::Encrypt),
                false => Check::ok(subject, found),
            }
        }
        Err(error) => {
            let mend = Mend::of(&error).unwrap_or(Mend::Later);
            Check::fail(subject, Found::NotAsked(Fault::from(&error)), mend)
        }
    }
}

/// The clock of this computer against a relay's. A `Date` is of the second, and the answer was on its way.
pub(super) fn clock(theirs: Timestamp, ours: Timestamp) -> Check {
    let difference = ours.duration_since(theirs).unsigned_abs();
    let found = match ours > theirs {
        true => Found::ClockAhead(difference),
        false => Found::ClockBehind(difference),
    };
    match difference > SKEW {
        true => Check::fail(Subject::Clock, found, Mend::Clock),
        false => Check::ok(Subject::Clock, Found::ClockRight),
    }
}

/// A tunnel that is hosted here.
pub(super) fn tunnel(tunnel: &Tunnel) -> Check {
    let subject = Subject::Tunnel(tunnel.name.as_ref().unwrap_or(&tunnel.tunnel_id).clone());
    let error = tunnel.error.as_ref();
    let error = error.map(|it| Why { kind: Some(it.kind), said: it.message.clone() });
    let retry = tunnel.retry.as_ref();
    let retry = retry.map(|it| Why { kind: None, said: Cause::Said(it.cause.clone()) });
    match tunnel.state {
        State::Hosting => match error {
            Some(why) => Check::warn(subject, Found::Wrong(why), Mend::Status),
            None => Check::ok(subject, Found::Hosted),
        },
        State::Connecting | State::Reconnecting => {
            Check::warn(subject, Found::OnItsWay(error.or(retry)), Mend::Retry)
        }
        State::Standby => Check::warn(subject, Found::Elsewhere, Mend::TakeOver),
        State::Stopped => Check::ok(subject, Found::Stopped),
        State::Error => {
            let found = error.or(retry).map_or(Found::NotHosted, Found::Wrong);
            Check::fail(subject, found, Mend::Host)
        }
    }
}

/// The file of the keys: how many, and its mode as it was found, which is nothing where there are no modes.
pub(super) fn keys(path: &Path, count: usize, mode: Option<u32>, from_environment: bool) -> Check {
    let found = Found::Keys { count, file: path.to_owned(), mode, from_environment };
    match mode.is_some_and(Found::is_open) {
        true => Check::warn(Subject::Keys, found, Mend::Keys),
        false => Check::ok(Subject::Keys, found),
    }
}

#[cfg(test)]
mod tests {
    use adit_tunnel::management::Said;

    use super::super::Verdict;
    use super::*;
    use crate::status::{Error as Trouble, ErrorKind};
    use crate::words::Language;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn found(check: &Check) -> String {
        check.told(Language::English).found
    }

    #[test]
    fn a_relay_that_refuses_the_key_says_how_to_sign_in() {
        let url: RelayUrl = "https://cp.relay.example.com".parse().unwrap();
        let refused = relay(&url, Err(Error::SignIn(Said::default())), Duration::ZERO);
        assert_eq!(refused.verdict, Verdict::Fail);
        assert_eq!(refused.mend, Some(Mend::SignIn));
        let fine = relay(&url, Ok(Some("ann".to_owned())), Duration::from_millis(12));
        assert_eq!(
            (fine.verdict, &*found(&fine)),
            (Verdict::Ok, "answers in 12 ms, signed in as ann")
        );
        let plain = "http://relay.example.com".parse().unwrap();
        assert_eq!(relay(&plain, Ok(None), Duration::ZERO).verdict, Verdict::Warn);
    }

    #[test]
    fn keys_that_others_could_read_are_to_be_replaced() {
        let keys = |mode| keys(Path::new("/c/credentials.toml"), 2, mode, false);
        assert_eq!(
            (keys(Some(0o600)).verdict, &*found(&keys(Some(0o600)))),
            (
                Verdict::Ok,
                "2 kept in /c/credentials.toml, for your eyes only (mode 600); no keychain is used"
            )
        );
        for mode in [0o640, 0o604, 0o666] {
            assert_eq!(keys(Some(mode)).verdict, Verdict::Warn, "{mode:o}");
        }
        assert_eq!(keys(None).verdict, Verdict::Ok);
    }

    #[test]
    fn a_clock_is_wrong_from_half_a_minute_on_in_either_direction() {
        assert_eq!(clock(at(1000), at(1030)).verdict, Verdict::Ok);
        let ahead = clock(at(1000), at(1031));
        assert_eq!((ahead.verdict, &*found(&ahead)), (Verdict::Fail, "31 s ahead of the relay's"));
        assert_eq!(found(&clock(at(8200), at(1000))), "2 h behind the relay's");
    }

    #[test]
    fn a_tunnel_is_told_by_its_state_and_its_error() {
        let mut entry = Tunnel::new("shop.loc1", "here", None, at(0));
        for (state, verdict) in [
            (State::Hosting, Verdict::Ok),
            (State::Reconnecting, Verdict::Warn),
            (State::Standby, Verdict::Warn),
            (State::Error, Verdict::Fail),
        ] {
            entry.state = state;
            assert_eq!(tunnel(&entry).verdict, verdict, "{state:?}");
        }
        entry.state = State::Hosting;
        entry.error =
            Some(Trouble { kind: ErrorKind::SignIn, message: Cause::Said("sign in".to_owned()) });
        assert_eq!((tunnel(&entry).verdict, &*found(&tunnel(&entry))), (Verdict::Warn, "sign in"));
    }
}
