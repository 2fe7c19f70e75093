//! HTTP as a client speaks it.

use std::time::Duration;

use adit_proto::token::Secret;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// How long a `Retry-After` header asks to wait, seen from `now`: given in seconds or as a date.
/// Nothing if it is missing or unreadable; a date that is past means no time at all.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The value of an `Authorization` header. It is marked sensitive, so it does not print.
///
/// # Errors
///
/// [`BadSecret`] when the secret cannot stand in a header.
pub fn authorization(scheme: &str, secret: &Secret) -> Result<HeaderValue, BadSecret> {
    let value = format!("{scheme} {}", secret.expose());
    let mut value = HeaderValue::try_from(value).map_err(|_| BadSecret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A secret that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds a line break or another character that no token has; copy it again")]
pub struct BadSecret;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().expect("a date");
        for (value, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
        ] {
            let headers = [(RETRY_AFTER, value.parse().expect("a value"))].into_iter().collect();
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
