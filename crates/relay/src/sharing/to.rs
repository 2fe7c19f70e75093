//! Where on a tunnel's host a visitor wants to go.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Longer than any path that somebody links to.
const LONGEST: usize = 2048;

/// What cannot stand in a `Location`, or is dropped there by browsers before they read the rest.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

/// The path that `to` says, ready for a `Location`; `/` for what is no path of the same host.
pub(super) fn path(to: Option<&str>) -> String {
    let to = to.filter(|to| to.len() <= LONGEST && is_path(to)).unwrap_or("/");
    utf8_percent_encode(to, ESCAPED).to_string()
}

/// Whether it begins as a path does and not as another host: browsers take `\` for `/`, and leave
/// tabs and line breaks out.
fn is_path(to: &str) -> bool {
    let after = to.strip_prefix('/').map(str::as_bytes);
    after.is_some_and(|after| !matches!(after.first(), Some(b'/' | b'\\' | 0..=b' ' | 0x7f)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_same_host_stays() {
        for to in ["/", "/a/b?c=d&e=%2F#f", "/a//b", "/@evil.test", "/.//evil.test"] {
            assert_eq!(path(Some(to)), to);
        }
        assert_eq!(path(Some("/sök på")), "/s%C3%B6k%20p%C3%A5");
    }

    #[test]
    fn whatever_could_lead_elsewhere_leads_to_the_beginning() {
        for to in [
            "",
            "a",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "/\r\n/evil.test",
            "\t//evil.test",
            " //evil.test",
            "/\0/evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "?a",
            "#a",
        ] {
            assert_eq!(path(Some(to)), "/", "{to:?}");
        }
        assert_eq!(path(None), "/");
        assert_eq!(path(Some(&format!("/{}", "a".repeat(LONGEST)))), "/");
    }

    #[test]
    fn nothing_breaks_out_of_the_header() {
        let made = path(Some("/a\r\nset-cookie: b=c\t\\"));
        assert_eq!(made, "/a%0D%0Aset-cookie:%20b=c%09%5C");
    }
}
