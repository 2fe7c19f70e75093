//! What was kept of a request or an answer, to be read by a person.

use std::borrow::Cow;

use adit_tunnel::inspect::Message;
use serde::de::IgnoredAny;

/// JSON that would take more bytes than this with its line breaks is shown as it came.
const MAX_INDENTED: usize = 512 * 1024;

/// The body of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// It has none.
    None,
    /// It was not kept.
    NotKept {
        /// Its bytes.
        bytes: u64,
    },
    /// A text; JSON with a line for each value.
    Text {
        /// The text.
        text: Cow<'a, str>,
        /// Whether there was more.
        is_cut: bool,
    },
    /// Something that cannot be read.
    Binary {
        /// Its bytes.
        bytes: u64,
        /// What it is said to be, such as `image/png`, or how it is packed, such as `gzip`.
        kind: Option<&'a str>,
    },
}

/// The body of `message`, of which `bytes` went by.
pub fn body(message: &Message, bytes: u64) -> Body<'_> {
    if bytes == 0 {
        return Body::None;
    }
    let Some(kept) = message.body.as_deref() else { return Body::NotKept { bytes } };
    if let Some(packed) = packed(message) {
        return Body::Binary { bytes, kind: Some(packed) };
    }
    let Some(text) = text(kept.bytes(), kept.is_cut()) else {
        return Body::Binary { bytes, kind: message.content_type() };
    };
    let is_cut = kept.is_cut();
    let text = indented(text).map_or(Cow::Borrowed(text), Cow::Owned);
    Body::Text { text, is_cut }
}

/// How it is packed, where it is.
fn packed(message: &Message) -> Option<&str> {
    message.header("content-encoding").filter(|it| !it.trim().eq_ignore_ascii_case("identity"))
}

/// The bytes as text, if they are. What was cut may end within a letter.
fn text(bytes: &[u8], is_cut: bool) -> Option<&str> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_readable = |it: char| !it.is_control() || matches!(it, '\n' | '\r' | '\t');
    text.chars().all(is_readable).then_some(text)
}

/// JSON with a line for each value, every letter of it kept; nothing for what is no JSON object or list.
fn indented(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut indented = String::with_capacity(text.len() * 2);
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    let mut before = ' ';
    let break_line = |indented: &mut String, depth: usize| {
        indented.push('\n');
        (0..depth).for_each(|_| indented.push_str("  "));
    };
    for letter in text.chars() {
        if indented.len() > MAX_INDENTED {
            return None;
        }
        if is_string {
            indented.push(letter);
            is_string = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
            continue;
        }
        if letter.is_ascii_whitespace() {
            continue;
        }
        let is_end = matches!(letter, '}' | ']');
        if is_end {
            depth = depth.saturating_sub(1);
        }
        // Nothing stands in `{}`.
        let is_first = matches!(before, '{' | '[');
        if is_first != is_end {
            break_line(&mut indented, depth);
        }
        indented.push(letter);
        match letter {
            '{' | '[' => depth += 1,
            '"' => is_string = true,
            ':' => indented.push(' '),
            _ => {}
        }
        before = letter;
        if letter == ',' {
            break_line(&mut indented, depth);
        }
    }
    Some(indented)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::request::tests::request;

    fn of(head: &str, content: &[u8]) -> crate::history::Request {
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n{head}\r\n", content.len());
        request([head.as_bytes(), content].concat())
    }

    /// What a person reads of a body of this content.
    #[track_caller]
    fn reads(head: &str, content: &[u8], expected: Body<'_>) {
        let request = of(head, content);
        assert_eq!(body(request.request.as_deref().unwrap(), request.sent), expected);
    }

    fn whole(text: &str) -> Body<'_> {
        Body::Text { text: text.into(), is_cut: false }
    }

    #[test]
    fn json_has_a_line_for_each_value_and_keeps_every_letter() {
        let content =
            br#"{"b":[1,2.50,12345678901234567890123],"a":"x, \"y\": {z}\\","e":{},"n":null}"#;
        let text = [
            "{",
            r#"  "b": ["#,
            "    1,",
            "    2.50,",
            "    12345678901234567890123",
            "  ],",
            r#"  "a": "x, \"y\": {z}\\","#,
            r#"  "e": {},"#,
            r#"  "n": null"#,
            "}",
        ];
        reads("", content, whole(&text.join("\n")));
        reads("", b"[ ]", whole("[]"));
    }

    #[test]
    fn what_is_no_json_stays_as_it_came() {
        for text in ["a=1&b=2", "{\"a\": 1", "{broken}", "12", "line\r\nline\ttab", "caf\u{e9}"] {
            reads("", text.as_bytes(), whole(text));
        }
        // A line break and more for each bracket would take megabytes.
        let deep = format!("{}{}1{}", "[".repeat(100), "1,".repeat(15_000), "]".repeat(100));
        reads("", deep.as_bytes(), whole(&deep));
    }

    #[test]
    fn what_is_no_text_says_what_it_is() {
        let png = Body::Binary { bytes: 4, kind: Some("image/png") };
        reads("Content-Type: image/png\r\n", b"\x89PNG", png);
        reads("", b"a\0b", Body::Binary { bytes: 3, kind: None });
        let gzip = Body::Binary { bytes: 2, kind: Some("gzip") };
        reads("Content-Encoding: gzip\r\n", b"ok", gzip);
        reads("Content-Encoding: identity\r\n", b"ok", whole("ok"));
    }

    #[test]
    fn a_body_that_was_cut_may_end_within_a_letter() {
        // 64 KiB are kept: the last letter of two bytes is cut in two.
        let content = "x".to_owned() + &"\u{e9}".repeat(40_000);
        let request = of("", content.as_bytes());
        let Body::Text { text, is_cut: true } =
            body(request.request.as_deref().unwrap(), request.sent)
        else {
            panic!("it is a text");
        };
        assert_eq!(text.len(), 65_535);
        assert!(content.starts_with(&*text));
    }

    #[test]
    fn a_body_that_was_not_kept_has_a_size() {
        let mut request = of("", b"12345");
        assert_eq!(body(of("", b"").request.as_deref().unwrap(), 0), Body::None);
        let message = request.request.as_mut().unwrap();
        message.body = None;
        assert_eq!(body(message, 5), Body::NotKept { bytes: 5 });
    }
}
