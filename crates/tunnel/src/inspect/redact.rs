//! Which header values never leave the observer as they were sent.
//!
//! Names decide, and for all other headers the look of the value: what somebody calls `X-Thing` may still be a
//! token. Values in the queries of addresses are hidden as they are in targets.

use std::borrow::Cow;

use super::mask::{HIDDEN, mask_query};

/// Parts of names that say that the value lets somebody in, such as those of `Proxy-Authorization`, `Set-Cookie`,
/// `X-Tunnel-Authorization` and `X-CSRF-Token`. In order of their first letters, by which they are found.
const SECRET_PARTS: [&str; 13] = [
    "access-key",
    "api-key",
    "api_key",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "csrf",
    "passwd",
    "password",
    "secret",
    "session",
    "token",
];

/// Schemes of credentials.
const SCHEMES: [&str; 5] = ["bearer ", "basic ", "digest ", "tunnel ", "negotiate "];

/// What may be told of a header's value, and whether that is all of it. Runs for every header that is kept, so what
/// needs no change is only looked at.
pub(super) fn value<'a>(name: &str, value: &'a [u8]) -> (Cow<'a, str>, bool) {
    if is_secret_name(name) {
        return (HIDDEN.into(), false);
    }
    // Values are bytes (RFC 9110 section 5.5); what is no text is not sent on as if it were.
    let text = printable(value);
    if is_secret_value(&text) {
        return (HIDDEN.into(), false);
    }
    let shown = if has_query(&text) { mask_query(&text).into() } else { text };
    let intact = shown.as_bytes() == value;
    (shown, intact)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    (0..name.len()).any(|at| {
        let first = name[at].to_ascii_lowercase();
        // Most letters begin none of them.
        matches!(first, b'a' | b'c' | b'p' | b's' | b't') && begins_secret(&name[at..])
    })
}

fn begins_secret(name: &[u8]) -> bool {
    SECRET_PARTS.iter().any(|part| {
        name.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part.as_bytes()))
    })
}

/// Credentials with their scheme, and JSON web tokens, which all begin with a brace in base64.
fn is_secret_value(value: &str) -> bool {
    let has_scheme = |scheme: &&str| {
        value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let is_jwt = |word: &str| word.starts_with("eyJ") && word.split('.').count() >= 3;
    SCHEMES.iter().any(has_scheme)
        || value.contains("eyJ")
            && value.split(|c: char| c.is_whitespace() || ",;=\"".contains(c)).any(is_jwt)
}

fn has_query(value: &str) -> bool {
    let may_hide = value.bytes().any(|byte| matches!(byte, b'?' | b'@'));
    may_hide && (value.starts_with('/') || value.contains("://"))
}

/// A value must not steer a terminal. The tab is allowed in it.
fn printable(value: &[u8]) -> Cow<'_, str> {
    if value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && let Ok(text) = std::str::from_utf8(value)
    {
        return text.into();
    }
    let printable = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    String::from_utf8_lossy(value).chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, text: &str) -> String {
        let (shown, intact) = value(name, text.as_bytes());
        assert_eq!(intact, shown == text, "{name}: {text}");
        shown.into_owned()
    }

    #[test]
    fn what_lets_somebody_in_is_hidden() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "COOKIE",
            "Set-Cookie",
            "X-Tunnel-Authorization",
            "X-Api-Key",
            "Ocp-Apim-Subscription-ApiKey",
            "X-Auth-Token",
            "X-Amz-Security-Token",
            "X-CSRF-Token",
            "Client-Secret",
        ] {
            assert_eq!(shown(name, "hunter2"), HIDDEN, "{name}");
        }
    }

    #[test]
    fn a_token_under_another_name_is_known_by_its_look() {
        for value in ["Bearer abc", "basic dTpw", "tunnel eyJ", "a=eyJhbGciOi.eyJz.sig; b=c"] {
            assert_eq!(shown("X-Thing", value), HIDDEN, "{value}");
        }
    }

    #[test]
    fn queries_of_addresses_are_masked() {
        let masked = "https://h/cb?code=•••";
        assert_eq!(shown("Referer", "https://h/cb?code=123"), masked);
        assert_eq!(shown("Location", "/in?next=%2F&state=7"), "/in?next=•••&state=•••");
        assert_eq!(shown("X-Origin", "https://u:p@h/"), "https://•••@h/");
    }

    #[test]
    fn everything_else_is_as_it_was() {
        for (name, value) in [
            ("Host", "localhost:3000"),
            ("Accept", "text/html, */*;q=0.8"),
            ("User-Agent", "what? (a@b)"),
            ("X-Hub-Signature-256", "sha256=00ff"),
            ("Origin", "https://h"),
            ("ETag", "\"x\""),
            ("X-Name", "Zoë\t1"),
        ] {
            assert_eq!(shown(name, value), value);
        }
        assert_eq!(value("X", b"a\xffb\x1b[31m"), ("a\u{fffd}b\u{fffd}[31m".into(), false));
    }
}
