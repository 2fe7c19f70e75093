//! Hides secrets in text that somebody wrote for a log. Nothing of ours prints one; this is for what others say, such
//! as the message of an error that quotes a URL or a header.

use adit_tunnel::inspect::mask_query;

/// What stands in the place of everything that is hidden.
const HIDDEN: &str = "•••";

/// Parts of names whose values are secrets.
const SECRET_NAMES: [&str; 9] = [
    "authorization",
    "cookie",
    "credential",
    "password",
    "passwd",
    "secret",
    "token",
    "api-key",
    "api_key",
];

/// Words before a credential.
const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];

/// What is around words in sentences and in JSON.
const AROUND: &[char] = &['"', '\'', '`', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>'];

/// Returns the text with credentials, tokens and the values of queries hidden.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut hides_next = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let bare = word.trim_matches(AROUND);
        if hides_next && !bare.is_empty() && !is_scheme(bare) {
            redacted.push_str(HIDDEN);
            hides_next = false;
        } else {
            hides_next |=
                is_scheme(bare) || names_a_secret(bare.trim_end_matches([':', '=']), bare);
            redacted.push_str(&hide(word));
        }
        redacted.push_str(&piece[word.len()..]);
    }
    redacted
}

/// Whether a field of that name has a value that is nobody's business.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Hides what is secret in one word.
fn hide(word: &str) -> String {
    if let Some(end) = end_of_secret_name(word) {
        return format!("{}{HIDDEN}", &word[..end]);
    }
    if word.split(|c: char| AROUND.contains(&c) || c == '=' || c == '/').any(is_token) {
        return HIDDEN.to_owned();
    }
    let start = word.find(|c| !AROUND.contains(&c)).unwrap_or(0);
    let (before, rest) = word.split_at(start);
    // A URL may be the value of a field.
    let (name, address) = match rest.split_once('=') {
        Some((name, address)) if !name.contains([':', '/', '?']) => (&rest[..=name.len()], address),
        _ => ("", rest),
    };
    let address = address.trim_start_matches(AROUND);
    let is_address = address.contains("://") || address.starts_with('/');
    if !is_address || !address.contains(['?', '@']) {
        return word.to_owned();
    }
    format!("{before}{name}{}", mask_query(address))
}

/// Where the value begins that a name in the same word says is secret.
fn end_of_secret_name(word: &str) -> Option<usize> {
    let mut start = 0;
    for (at, separator) in word.match_indices(['=', ':']) {
        let (name, end) = (&word[start..at], at + separator.len());
        if is_secret_name(name) && !word[end..].trim_matches(AROUND).is_empty() {
            return Some(end);
        }
        start = end;
    }
    None
}

/// A name at the end of a word, whose value is the next word.
fn names_a_secret(name: &str, word: &str) -> bool {
    name.len() < word.len() && is_secret_name(name)
}

fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// A JSON web token, or a key of a relay.
fn is_token(word: &str) -> bool {
    (word.starts_with("eyJ") && word.split('.').count() >= 3)
        || word.strip_prefix("adit_").is_some_and(|rest| {
            // Our keys are long and have digits; names of our crates and metrics have not.
            rest.len() >= 20 && rest.contains(|c: char| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_wherever_they_stand() {
        for (text, redacted) in [
            ("sent Authorization: Bearer abc.def now", "sent Authorization: Bearer ••• now"),
            ("Cookie: sid=1", "Cookie: •••"),
            ("token=abc port=80", "token=••• port=80"),
            ("error:token=abc", "error:token=•••"),
            (r#"{"access_token":"abc","a":1}"#, r#"{"access_token":•••"#),
            ("basic dTpw", "basic •••"),
            ("got eyJhbGciOi.eyJzdWIi.sig back", "got ••• back"),
            ("key adit_0123456789abcdefghij", "key •••"),
            ("X-Api-Key: k, next", "X-Api-Key: ••• next"),
        ] {
            assert_eq!(redact(text), redacted);
        }
    }

    #[test]
    fn queries_and_passwords_of_urls_are_hidden() {
        for (text, redacted) in [
            ("GET https://h/a?code=1&x=2: 404", "GET https://h/a?code=•••&x=•••: 404"),
            ("url=http://u:p@h/", "url=http://•••@h/"),
            ("(see /cb?state=1)", "(see /cb?state=•••"),
        ] {
            let found = redact(text);
            assert!(!found.contains("=1") && !found.contains("u:p"), "{found}");
            assert!(found.starts_with(redacted.split(": 404").next().unwrap()), "{found}");
        }
    }

    #[test]
    fn what_is_harmless_stays_to_the_letter() {
        for text in [
            "",
            "  state  changed\tto Hosting ",
            "cannot read /home/a/adit.toml: no such file",
            "port=80 cause=\"refused\" at 127.0.0.1:80",
            "https://shop.example/ answered in 12 ms",
            "adit_app::controller: adit_buffer_bytes",
            "really? yes",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
