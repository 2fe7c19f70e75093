//! What was found, as a verdict.

use std::path::Path;
use std::time::Duration;

use adit_tunnel::management::Error;
use jiff::Timestamp;

use super::Check;
use crate::failure::Failure;
use crate::relay_url::RelayUrl;
use crate::status::{State, Tunnel};
use crate::words::span;

/// How wrong a clock may be: tokens and access that ends are told by it.
const SKEW: Duration = Duration::from_secs(30);

/// What a relay said to the user's key, and how long that took.
pub(super) fn relay(
    relay: &RelayUrl,
    answer: Result<Option<String>, Error>,
    took: Duration,
) -> Check {
    let name = format!("relay {relay}");
    match answer {
        Ok(user) => {
            let user = user.map(|user| format!(", signed in as {user}")).unwrap_or_default();
            let found = format!("answers in {} ms{user}", took.as_millis());
            match relay.is_exposed() {
                true => Check::warn(
                    name,
                    format!("{found}, but without encryption: your key can be read on the way"),
                    "have the relay serve https (`docs/relay.md`), and sign in there again",
                ),
                false => Check::ok(name, found),
            }
        }
        Err(error) => {
            let failure = Failure::service("ask it", &error);
            let mend = failure.hint.unwrap_or_else(|| "try again later".to_owned());
            Check::fail(name, failure.message, mend)
        }
    }
}

/// The clock of this computer against a relay's. A `Date` is of the second, and the answer was on its way.
pub(super) fn clock(theirs: Timestamp, ours: Timestamp) -> Check {
    let difference = ours.duration_since(theirs).unsigned_abs();
    let ahead = if ours > theirs { "ahead of" } else { "behind" };
    match difference > SKEW {
        true => Check::fail(
            "clock",
            format!("{} {ahead} the relay's", span(difference)),
            "set this computer's clock (turn on network time); tokens seem expired otherwise",
        ),
        false => Check::ok("clock", "agrees with the relay's"),
    }
}

/// A tunnel that is hosted here.
pub(super) fn tunnel(tunnel: &Tunnel) -> Check {
    let name = format!("tunnel {}", tunnel.name.as_ref().unwrap_or(&tunnel.tunnel_id));
    let error = tunnel.error.as_ref().map(|error| error.message.clone());
    let why = || error.clone().or_else(|| tunnel.retry.as_ref().map(|retry| retry.cause.clone()));
    match tunnel.state {
        State::Hosting => match error {
            Some(error) => Check::warn(name, error, "see `adit status`"),
            None => Check::ok(name, "hosted"),
        },
        State::Connecting | State::Reconnecting => Check::warn(
            name,
            format!("on its way up ({})", why().unwrap_or_else(|| "first try".to_owned())),
            "try at once with: adit retry",
        ),
        State::Standby => Check::warn(
            name,
            "another computer hosts it",
            "take it over, which disconnects the other, with: adit take-over",
        ),
        State::Stopped => Check::ok(name, "stopped"),
        State::Error => Check::fail(
            name,
            why().unwrap_or_else(|| "not hosted".to_owned()),
            "mend that, then host it again",
        ),
    }
}

/// The file of the keys: how many, and its mode as it was found, which is nothing where there are no modes.
pub(super) fn keys(path: &Path, count: usize, mode: Option<u32>, from_environment: bool) -> Check {
    let found = match count {
        0 => "none kept".to_owned(),
        count => format!("{count} kept in {}", path.display()),
    };
    let found = match from_environment {
        true => format!("{found}; ADIT_API_KEY is used before any"),
        false => found,
    };
    match mode {
        Some(mode) if mode & 0o077 != 0 => Check::warn(
            "keys",
            format!("{found}, which others could read (mode {mode:03o}) and now cannot"),
            "have each relay make you a new key, and sign in with it: adit login <relay URL>",
        ),
        Some(mode) => Check::ok(
            "keys",
            format!("{found}, for your eyes only (mode {mode:03o}); no keychain is used"),
        ),
        None => Check::ok("keys", found),
    }
}

#[cfg(test)]
mod tests {
    use adit_tunnel::management::Said;

    use super::super::Verdict;
    use super::*;
    use crate::status::{Error as Trouble, ErrorKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_relay_that_refuses_the_key_says_how_to_sign_in() {
        let url: RelayUrl = "https://cp.relay.example.com".parse().unwrap();
        let refused = relay(&url, Err(Error::SignIn(Said::default())), Duration::ZERO);
        assert_eq!(refused.verdict, Verdict::Fail);
        assert!(refused.mend.unwrap().contains("adit login"));
        let fine = relay(&url, Ok(Some("ann".to_owned())), Duration::from_millis(12));
        assert_eq!(
            (fine.verdict, &*fine.found),
            (Verdict::Ok, "answers in 12 ms, signed in as ann")
        );
        let plain = "http://relay.example.com".parse().unwrap();
        assert_eq!(relay(&plain, Ok(None), Duration::ZERO).verdict, Verdict::Warn);
    }

    #[test]
    fn keys_that_others_could_read_are_to_be_replaced() {
        let keys = |mode| keys(Path::new("/c/credentials.toml"), 2, mode, false);
        assert_eq!(
            (keys(Some(0o600)).verdict, &*keys(Some(0o600)).found),
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
        assert_eq!((ahead.verdict, &*ahead.found), (Verdict::Fail, "31 s ahead of the relay's"));
        assert_eq!(&*clock(at(8200), at(1000)).found, "2 h behind the relay's");
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
        entry.error = Some(Trouble { kind: ErrorKind::SignIn, message: "sign in".to_owned() });
        assert_eq!((tunnel(&entry).verdict, &*tunnel(&entry).found), (Verdict::Warn, "sign in"));
    }
}
