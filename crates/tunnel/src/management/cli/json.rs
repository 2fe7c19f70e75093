//! Finds the answer in what the command prints: one JSON value, with whatever notices before and after.

use serde::de::{DeserializeOwned, IgnoredAny};

/// Places that may begin a value and are looked at. A banner has few brackets; what has more is no
/// answer.
const TRIES: usize = 64;

/// The first JSON object or array of `text` that reads as a `T`.
///
/// Brackets that begin no JSON (`[notice]`) are passed over one by one, and values of another kind as
/// a whole, so that nothing inside them is taken for the answer.
pub(super) fn find<T: DeserializeOwned>(text: &str) -> Option<T> {
    let mut rest = text;
    for _ in 0..TRIES {
        rest = &rest[rest.find(['{', '['])?..];
        let mut any = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        if !matches!(any.next(), Some(Ok(_))) {
            rest = &rest[1..];
            continue;
        }
        let (value, after) = rest.split_at(any.byte_offset());
        if let Ok(value) = serde_json::from_str(value) {
            return Some(value);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Token {
        token: String,
    }

    fn token(text: &str) -> Option<String> {
        find::<Token>(text).map(|it| it.token)
    }

    #[test]
    fn notices_before_and_after_the_answer_mean_nothing() {
        for text in [
            r#"{"token":"t"}"#,
            "Welcome to dev tunnels!\n\n{\"token\":\"t\"}\nA new version is available {1.0.2}\n",
            "[info] [1] {see} {\"notice\":\"x\"}\r\n{\n  \"token\": \"t\"\n}",
            "\u{feff}{\"token\":\"t\"}]]}}",
        ] {
            assert_eq!(token(text).as_deref(), Some("t"), "{text}");
        }
    }

    #[test]
    fn nothing_inside_another_value_is_taken_for_the_answer() {
        assert_eq!(token(r#"{"error":{"token":"not this"}}"#), None);
        assert_eq!(token(r#"[{"token":"not this"}]"#), None);
    }

    #[test]
    fn what_is_no_answer_ends_soon() {
        for text in ["", "no json", "{", "{\"token\":", "]}", &"[".repeat(1 << 20)] {
            assert_eq!(token(text), None);
        }
        let far = format!("{}{{\"token\":\"t\"}}", "{ ".repeat(TRIES));
        assert_eq!(token(&far), None);
    }
}
