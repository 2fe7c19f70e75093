//! The cookie of visitors who came by a link.
//!
//! It belongs to one host name alone, so that no other tunnel can set or read it. The local server
//! never sees it: it could otherwise pass it on to somebody who then visits in his name.

use adit_proto::token::Secret;
use http::header::{COOKIE, HeaderMap, HeaderValue};
use jiff::Timestamp;

/// Its name, which browsers take over TLS only, from the host itself, and for all of it.
const SECURE: &str = "__Host-adit-visitor";

/// Its name on a relay without TLS, for development, where browsers do not take the other.
const PLAIN: &str = "adit-visitor";

/// Cookies of that name that are looked at. There is one; several are somebody's attempt at something.
const LOOKED_AT: usize = 4;

/// What the cookies of a request hold that may be a pass.
pub(super) fn values(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
    // What others have put beside it need not be text: any tunnel of the relay can set cookies for all of them.
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| pairs(line.as_bytes()));
    let ours = move |pair: &'_ [u8]| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (pair[..at].trim_ascii() == name_of(secure).as_bytes()).then_some(at + 1)
    };
    let values = pairs.filter_map(move |pair| ours(pair).map(|at| &pair[at..]));
    values.filter_map(|value| str::from_utf8(value).ok()).map(str::trim).take(LOOKED_AT)
}

/// Takes it out of a request. All else stays as it is, byte for byte.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let has_ours = |line: &HeaderValue| pairs(line.as_bytes()).any(is_ours);
    if !headers.get_all(COOKIE).iter().any(has_ours) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().filter_map(without).collect();
    headers.remove(COOKIE);
    for line in lines {
        headers.append(COOKIE, line);
    }
}

/// Gives it to a visitor, until `end`.
pub(super) fn set(
    pass: &Secret,
    secure: bool,
    end: Timestamp,
    now: Timestamp,
) -> Option<HeaderValue> {
    let (name, age) = (name_of(secure), end.duration_since(now).as_secs().max(0));
    let secure = if secure { " Secure;" } else { "" };
    let pass = pass.expose();
    let text = format!("{name}={pass}; Path=/;{secure} HttpOnly; SameSite=Lax; Max-Age={age}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn name_of(secure: bool) -> &'static str {
    if secure { SECURE } else { PLAIN }
}

/// A line without our cookies; nothing if nothing else was in it.
fn without(line: &HeaderValue) -> Option<HeaderValue> {
    let line = line.as_bytes();
    if !pairs(line).any(is_ours) {
        return HeaderValue::from_bytes(line).ok();
    }
    let kept: Vec<&[u8]> = pairs(line).filter(|pair| !is_ours(pair)).collect();
    let kept = kept.join(&b';');
    // What was behind the first pair may be the first now.
    let kept = kept.trim_ascii_start();
    (!kept.is_empty()).then(|| HeaderValue::from_bytes(kept).ok()).flatten()
}

fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';')
}

/// Under either name: what is set without TLS is sent with it too.
fn is_ours(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    name == SECURE.as_bytes() || name == PLAIN.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line).unwrap())).collect()
    }

    fn stripped(lines: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut headers = map(lines);
        strip(&mut headers);
        headers.get_all(COOKIE).iter().map(|line| line.as_bytes().to_vec()).collect()
    }

    #[test]
    fn ours_goes_and_the_others_stay_byte_for_byte() {
        for (sent, left) in [
            (&b"__Host-adit-visitor=x"[..], &b""[..]),
            (b"adit-visitor=x", b""),
            (b"a=1; __Host-adit-visitor=x; b=2", b"a=1; b=2"),
            (b"__Host-adit-visitor=x; a=1; b=2", b"a=1; b=2"),
            (b"a=1; b=2; __Host-adit-visitor=x", b"a=1; b=2"),
            (b"__Host-adit-visitor=x;a=1;adit-visitor=y;b=2", b"a=1;b=2"),
            (b"a=1;  b = \"2 2\" ; adit-visitor = z;c", b"a=1;  b = \"2 2\" ;c"),
            (b"\xf6=\xff; adit-visitor=x; =e", b"\xf6=\xff; =e"),
            (b"adit-visitor; a=1", b"a=1"),
        ] {
            let expected: Vec<Vec<u8>> =
                (!left.is_empty()).then(|| left.to_vec()).into_iter().collect();
            assert_eq!(stripped(&[sent]), expected, "{}", String::from_utf8_lossy(sent));
        }
    }

    #[test]
    fn what_only_looks_like_ours_stays() {
        for sent in [
            &b"a=__Host-adit-visitor=x"[..],
            b"adit-visitors=x; xadit-visitor=y; ADIT-VISITOR=z",
            b"a=\"adit-visitor\"",
            b" a=1 ;; ; b",
            b"",
        ] {
            assert_eq!(stripped(&[sent]), [sent.to_vec()]);
        }
    }

    #[test]
    fn each_of_several_lines_is_looked_at_and_their_order_stays() {
        let sent: [&[u8]; 4] = [b"a=1", b"adit-visitor=x", b"b=2; __Host-adit-visitor=y", b"a=3"];
        assert_eq!(stripped(&sent), [b"a=1".to_vec(), b"b=2".to_vec(), b"a=3".to_vec()]);
    }

    #[test]
    fn a_pass_is_found_under_the_name_that_is_used_here() {
        let headers = map(&[b"a=1; __Host-adit-visitor=x.y.z ;adit-visitor=p", b"b=2"]);
        assert_eq!(values(&headers, true).collect::<Vec<_>>(), ["x.y.z"]);
        assert_eq!(values(&headers, false).collect::<Vec<_>>(), ["p"]);
        assert_eq!(values(&map(&[b"a=1"]), true).count(), 0);
        let beside = map(&[b"name=Jos\xc3\xa9; x=\xff; __Host-adit-visitor=x.y.z"]);
        assert_eq!(values(&beside, true).collect::<Vec<_>>(), ["x.y.z"]);
        let many = "adit-visitor=x;".repeat(1000);
        assert_eq!(values(&map(&[many.as_bytes()]), false).count(), LOOKED_AT);
    }

    #[test]
    fn a_browser_is_told_to_keep_it_to_this_host_until_the_link_ends() {
        let (now, end) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(28_800).unwrap());
        let set = |secure| set(&Secret::from("x.y.z"), secure, end, now).unwrap();
        assert_eq!(
            set(true),
            "__Host-adit-visitor=x.y.z; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800"
        );
        assert_eq!(set(false), "adit-visitor=x.y.z; Path=/; HttpOnly; SameSite=Lax; Max-Age=28800");
        assert!(!format!("{:?}", set(true)).contains("x.y.z"));
    }
}
