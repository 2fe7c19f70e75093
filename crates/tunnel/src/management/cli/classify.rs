//! What a failed call means, from its exit code and the command's own words.
//!
//! The words may repeat what was asked: ids, ports, addresses and numbers of requests. Those are taken
//! out first, so that a tunnel called `app-4010` is never taken for a 401. What is then not known is
//! taken for something that passes.

use std::time::Duration;

use adit_proto::contracts::ProblemDetails;

use super::line::Line;
use super::trouble::Trouble;
use crate::management::{Error, Said};

/// The exit code for something that does not exist, in every command.
const NOT_FOUND: i32 = 2;

/// The most of its words that is shown.
const SHOWN: usize = 400;

/// What a failed call means.
pub(super) fn failed(line: &Line, code: Option<i32>, stderr: &str) -> Error {
    let words = own_words(line, stderr);
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let said = || said(stderr);
    if has(EXPIRED) {
        Trouble::Expired.into()
    } else if has(SIGNED_OUT) || lacks_scope(&words, "anonymous ") {
        Trouble::SignedOut.into()
    } else if has(LIMITED) {
        Error::RateLimited { said: said(), retry_after: retry_after(&words) }
    } else if has(FORBIDDEN) || lacks_scope(&words, "") {
        Error::Forbidden(said())
    } else if has(REFUSED_CREDENTIAL) {
        Trouble::Expired.into()
    } else if has(INVALID) {
        Error::Invalid(said())
    } else if has(TOO_OLD) {
        Trouble::TooOld { found: None }.into()
    } else if has(CONFLICT) {
        Error::Conflict(said())
    } else if code == Some(NOT_FOUND) || has(MISSING) {
        Error::NotFound(said())
    } else if let Some(status) = unavailable(&words) {
        Error::Unavailable { status, said: said(), retry_after: retry_after(&words) }
    } else {
        Trouble::Failed { what: line.what(), code, said: shown(stderr).into() }.into()
    }
}

const EXPIRED: &[&str] = &[
    "login expired",
    "login has expired",
    "login token expired",
    "token is expired",
    "token has expired",
    "token was revoked",
    "token has been revoked",
];

const SIGNED_OUT: &[&str] = &[
    "not logged in",
    "login required",
    "please log in",
    "please login",
    "devtunnel user login",
    "devtunnel login",
    "authentication required",
    "authentication failed",
];

const LIMITED: &[&str] =
    &["too many requests", "toomanyrequests", "rate limit", "status code: 429", "status 429"];

const FORBIDDEN: &[&str] =
    &["request not permitted", "request forbidden", "forbidden", "status code: 403", "status 403"];

/// Whether it says that somebody lacks access: `ann@x does not have 'host' access scope for that tunnel`.
fn lacks_scope(words: &str, who: &str) -> bool {
    let lacks = format!("{who}does not have ");
    words.split(&lacks).skip(1).any(|rest| {
        let scopes = rest.split_once(" access scope").map(|(scopes, _)| scopes);
        // Some scopes stand between, and not the rest of another sentence.
        scopes.is_some_and(|scopes| !scopes.contains(". ") && scopes.split(' ').count() <= SCOPES)
    })
}

/// `'host', 'inspect' or 'manage'`, and one more.
const SCOPES: usize = 5;

/// A 401 with a sign-in: it is good no longer.
const REFUSED_CREDENTIAL: &[&str] =
    &["unauthorized", "status code: 401", "status 401", "invalid token", "token is invalid"];

const INVALID: &[&str] = &[
    "cannot be changed",
    "invalid arguments",
    "400 bad request",
    "status code: badrequest",
    "status code: 400",
    "status 400",
];

const TOO_OLD: &[&str] = &["unrecognized command or argument", "unrecognized option"];

const CONFLICT: &[&str] = &["conflict with existing", "already exists", "status code: 409"];

const MISSING: &[&str] = &["not found", "status code: 404", "status 404", "does not exist"];

/// Words of a service in trouble, and the status they stand for.
const UNAVAILABLE: &[(&str, u16)] = &[
    ("internal server error", 500),
    ("status code: internalservererror", 500),
    ("bad gateway", 502),
    ("status code: badgateway", 502),
    ("service unavailable", 503),
    ("status code: serviceunavailable", 503),
    ("gateway timeout", 504),
    ("status code: gatewaytimeout", 504),
];

fn unavailable(words: &str) -> Option<u16> {
    UNAVAILABLE.iter().find(|(phrase, _)| words.contains(phrase)).map(|(_, status)| *status)
}

/// `retry after 30 seconds`, or with a colon, as HTTP libraries put it into words.
fn retry_after(words: &str) -> Option<Duration> {
    let after = ["retry after", "retry-after"].iter().find_map(|phrase| words.split_once(phrase));
    let number: String = after?
        .1
        .chars()
        .skip_while(|char| matches!(char, ' ' | ':'))
        .take_while(char::is_ascii_digit)
        .collect();
    number.parse().ok().map(Duration::from_secs)
}

/// The command's words in lower case, one space apart, without what we said or a request is called.
fn own_words(line: &Line, stderr: &str) -> String {
    let mut text = stderr.to_lowercase();
    let values: Vec<_> = line.values().iter().map(|value| value.to_lowercase()).collect();
    for value in values.iter().filter(|value| value.contains(char::is_whitespace)) {
        text = text.replace(value.as_str(), " _ ");
    }
    let is_ours = |word: &str| {
        let word = word.trim_matches(|char: char| !char.is_alphanumeric());
        let bare =
            |value: &String| value == word || value.split('.').next().is_some_and(|id| id == word);
        word.contains("://") || is_request_id(word) || values.iter().any(bare)
    };
    // Something stays in their place, so that no phrase is made of what stood around them.
    let words = text.split_whitespace().map(|word| if is_ours(word) { "_" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// `51e19983-804c-4669-8818-f168f0b6f317`
fn is_request_id(word: &str) -> bool {
    let parts: Vec<_> = word.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn said(stderr: &str) -> Said {
    let detail = Some(shown(stderr)).filter(|text| !text.is_empty());
    Said { problem: ProblemDetails { detail, ..ProblemDetails::default() }, request_id: None }
}

/// The words for people: one line, cut, without what would steer a terminal.
fn shown(stderr: &str) -> String {
    let words = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = words.chars().filter(|char| !char.is_control());
    let text: String = clean.take(SHOWN).collect();
    if text.is_empty() { "it did not say why".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(line: &Line, code: i32, stderr: &str) -> String {
        kind(&failed(line, Some(code), stderr))
    }

    fn kind(error: &Error) -> String {
        match error {
            Error::Command(Trouble::Failed { .. }) => "passes".to_owned(),
            Error::Command(trouble) => format!("{trouble:?}"),
            Error::Unavailable { status, .. } => format!("Unavailable {status}"),
            error => format!("{error:?}").split(['(', ' ']).next().unwrap().to_owned(),
        }
    }

    fn show(id: &str) -> Line {
        Line::new("show").value(id).words(&["-j"])
    }

    fn token(id: &str) -> Line {
        Line::new("token").value(id).option("--scopes", "host").words(&["-j"])
    }

    #[test]
    fn what_we_asked_for_never_decides() {
        let late = "The operation timed out.";
        let port = Line::new("port create").value("web.brs").option("-p", 4030).words(&["-j"]);
        for (line, stderr) in [
            (show("app-4010.brs"), format!("Cannot show app-4010.brs: {late}")),
            (port, format!("Cannot add port 4030 to web.brs: {late}")),
            (token("svc-4040.brs"), format!("`devtunnel token svc-4040.brs`: {late}")),
            (show("unauthorized.brs"), format!("Tunnel 'unauthorized': {late}")),
            (show("not-found.brs"), format!("(not-found.brs) {late}")),
        ] {
            assert_eq!(classify(&line, 1, &stderr), "passes", "{stderr}");
        }
        let described = Line::new("update").text("-d", Some("login required here")).unwrap();
        assert_eq!(classify(&described, 1, "'login required here' was not stored"), "passes");
    }

    #[test]
    fn numbers_of_requests_and_addresses_never_decide() {
        let stderr = "Tunnel service error: Something broke.\n\
                      Request ID: 4010d403-4040-4001-8403-f168f0b64040\n\
                      at https://euw.example.com/tunnels/forbidden/unauthorized?status=401";
        assert_eq!(classify(&show("a.euw"), 1, stderr), "passes");
    }

    #[test]
    fn wrong_arguments_while_minting_are_no_sign_in() {
        let stderr = "Tunnel service error: Invalid arguments. The token scope is unknown.";
        assert_eq!(classify(&token("a.euw"), 1, stderr), "Invalid");
        assert_eq!(classify(&token("a.euw"), 1, "invalid JSON in token cache"), "passes");
    }

    #[test]
    fn known_words_are_understood() {
        let service = "Tunnel service error: ";
        for (code, stderr, expected) in [
            (1, "Login required. Use 'devtunnel user login'.", "SignedOut"),
            (1, "You are NOT logged in", "SignedOut"),
            (1, "Login token expired. Please log in again.", "Expired"),
            (1, "Tunnel service response status code: Unauthorized", "Expired"),
            (
                1,
                "Tunnel service error: Request not permitted. Unauthorized tunnel creation access: \
                 Anonymous does not have 'create' access scope for The default tunnel domain.",
                "SignedOut",
            ),
            (1, "ann@x does not have 'host' access scope for a tunnel.", "Forbidden"),
            (1, "ann@x does not have 'host' or 'manage' access scope.", "Forbidden"),
            (1, "Anonymous does not have 'connect' access scope.", "SignedOut"),
            (1, "The host does not have an IPv6 address.", "passes"),
            (1, "It does not have a cache. The access scope is read again.", "passes"),
            (1, "Tunnel does not have port 3000. Tunnel port not found.", "NotFound"),
            (1, "Request not permitted. ann@x does not have 'host' access scope", "Forbidden"),
            (
                1,
                "Request forbidden. The allow custom tunnel names feature is disabled.",
                "Forbidden",
            ),
            (2, "Tunnel not found.", "NotFound"),
            (2, "", "NotFound"),
            (1, &format!("{service}Not Found"), "NotFound"),
            (1, &format!("{service}Conflict with existing entity."), "Conflict"),
            (
                1,
                &format!("{service}Invalid arguments. The tunnel port protocol cannot be changed."),
                "Invalid",
            ),
            (1, "Unrecognized command or argument '-j'.", "TooOld { found: None }"),
            (1, "Response status code: ServiceUnavailable", "Unavailable 503"),
            (1, "Too many requests.", "RateLimited"),
            (134, "Unhandled exception.", "passes"),
        ] {
            assert_eq!(classify(&show("a.euw"), code, stderr), expected, "{stderr}");
        }
        assert_eq!(kind(&failed(&show("a.euw"), None, "")), "passes");
    }

    #[test]
    fn a_pause_that_is_asked_for_is_heard() {
        let error = failed(&show("a.euw"), Some(1), "Too many requests. Retry after: 30 seconds");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        let long = format!("a\u{1b}[31m\n\nb {}", "c".repeat(1000));
        let text = shown(&long);
        assert!(text.starts_with("a[31m b c") && text.chars().count() == SHOWN, "{text}");
    }
}
