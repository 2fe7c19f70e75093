//! A request as a command line that does it again, for a POSIX shell.

use adit_tunnel::inspect::{Header, Message};

use crate::history::Request;

/// Headers that curl writes itself, or that a relay adds anew on the way.
const NOT_COPIED: [&str; 5] = ["host", "accept-encoding", "forwarded", "via", "x-real-ip"];

/// Why a request cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCopied {
    /// Its headers were not kept.
    #[error("its headers were not kept")]
    NoHead,
    /// Its target is too long and was cut, or its headers were.
    #[error("it is too long to be kept whole")]
    Cut,
    /// It is no request for a resource, but for a tunnel through a proxy.
    #[error("a CONNECT has no URL")]
    Connect,
}

/// Writes a request as a `curl` command for the port's address `base`, such as `https://x.example/`. Headers that were
/// hidden are not in it, and the body only if it was kept whole; the query is, because nothing works without it: for
/// the clipboard, not for a screen.
///
/// # Errors
///
/// [`NotCopied`] where there is no such command.
pub fn curl(request: &Request, base: &str) -> Result<String, NotCopied> {
    let message = request.request.as_deref().ok_or(NotCopied::NoHead)?;
    if message.cut {
        return Err(NotCopied::Cut);
    }
    if &*request.method == "CONNECT" {
        return Err(NotCopied::Connect);
    }
    let body = message.body.as_deref().filter(|body| !body.is_cut()).map(|body| body.bytes());
    let body = body.filter(|body| !body.is_empty());
    let mut words = vec!["curl".to_owned()];
    words.extend(method(&request.method, body.is_some()));
    words.extend(address(base, request.target()));
    words.extend(headers(message, body.is_some()));
    let Some(body) = body else { return Ok(words.join(" ")) };
    Ok(match text(body) {
        Some(text) => {
            words.extend(["--data-raw".to_owned(), quoted(text)]);
            words.join(" ")
        }
        None => {
            words.extend(["--data-binary".to_owned(), "@-".to_owned()]);
            format!("printf {} | {}", quoted(&octal(body)), words.join(" "))
        }
    })
}

/// Curl asks with GET, and posts what has a body.
fn method(method: &str, has_body: bool) -> Vec<String> {
    match (method, has_body) {
        ("GET", false) | ("POST", true) => vec![],
        ("HEAD", false) => vec!["--head".to_owned()],
        _ => vec!["--request".to_owned(), quoted(method)],
    }
}

/// The URL, and what keeps curl from changing it.
fn address(base: &str, target: &str) -> Vec<String> {
    let base = base.trim_end_matches('/');
    if target == "*" {
        let target = ["--request-target".to_owned(), quoted(target)];
        return [&target[..], &[quoted(&format!("{base}/"))]].concat();
    }
    let path = path(target);
    let mut words = Vec::new();
    if path.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    if path.split('?').next().unwrap_or(path).contains("/.") {
        words.push("--path-as-is".to_owned());
    }
    words.push(quoted(&format!("{base}{path}")));
    words
}

/// The path and query of a target that may name a host, as requests to proxies do.
fn path(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    }
}

fn headers(message: &Message, has_body: bool) -> Vec<String> {
    let is_copied = |header: &&Header| {
        let name = header.name.to_ascii_lowercase();
        !NOT_COPIED.contains(&&*name) && !name.starts_with("x-forwarded-")
    };
    let mut words = Vec::new();
    for header in message.sendable().filter(is_copied) {
        // A header without a value is one that curl leaves out; a semicolon says that it is meant.
        let line = match &*header.value {
            "" => format!("{};", header.name),
            value => format!("{}: {value}", header.name),
        };
        words.extend(["--header".to_owned(), quoted(&line)]);
    }
    if message.header("accept-encoding").is_some() {
        words.push("--compressed".to_owned());
    }
    if has_body && message.header("content-type").is_none() {
        // Else curl would say that it is a form.
        words.extend(["--header".to_owned(), quoted("Content-Type:")]);
    }
    words
}

/// The body as a word of a command, if it can be one.
fn text(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok().filter(|text| !text.contains('\0'))
}

/// What `printf` makes these bytes of.
fn octal(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        match byte {
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str("\\\\"),
            b' '..=b'~' => format.push(char::from(*byte)),
            _ => format.push_str(&format!("\\{byte:03o}")),
        }
    }
    format
}

/// One word of a POSIX shell. Plain ones stay as they are.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::request::tests::request;

    fn copied(text: impl AsRef<[u8]>) -> String {
        curl(&request(text), "https://x.example/").unwrap()
    }

    #[test]
    fn a_plain_request_is_a_plain_command() {
        assert_eq!(copied("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"), "curl https://x.example/a");
        assert_eq!(copied("HEAD / HTTP/1.1\r\n\r\n"), "curl --head https://x.example/");
        assert_eq!(
            copied("DELETE /a HTTP/1.1\r\n\r\n"),
            "curl --request DELETE https://x.example/a"
        );
    }

    #[test]
    fn neither_secrets_nor_what_is_of_one_connection_are_copied() {
        assert_eq!(
            copied(
                "GET /a?key=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n\
                 Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\
                 Accept: */*\r\nAccept-Encoding: gzip\r\nX-None:\r\n\r\n"
            ),
            "curl 'https://x.example/a?key=1' --header 'Accept: */*' --header 'X-None;' --compressed"
        );
    }

    #[test]
    fn curl_changes_nothing_of_an_odd_url() {
        assert_eq!(
            copied("GET /a/../b?x[]={1} HTTP/1.1\r\n\r\n"),
            "curl --globoff --path-as-is 'https://x.example/a/../b?x[]={1}'"
        );
        assert_eq!(copied("GET http://h:80/p?q HTTP/1.1\r\n\r\n"), "curl 'https://x.example/p?q'");
        assert_eq!(
            copied("OPTIONS * HTTP/1.1\r\n\r\n"),
            "curl --request OPTIONS --request-target '*' https://x.example/"
        );
    }

    #[test]
    fn a_body_is_copied_if_it_is_whole() {
        let post = |body: &str| {
            let length = body.len();
            format!(
                "POST / HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: {length}\r\n\r\n{body}"
            )
        };
        let url = "https://x.example/ --header 'Content-Type: a/b'";
        assert_eq!(copied(post("it's")), format!("curl {url} --data-raw 'it'\\''s'"));
        let long = copied(post(&"x".repeat(70_000)));
        assert_eq!(long, format!("curl --request POST {url}"));
        assert_eq!(
            copied("PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"),
            "curl --request PUT https://x.example/ --header Content-Type: --data-raw a"
        );
    }

    #[test]
    fn what_cannot_be_copied_is_said() {
        let long = request(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(3_000)));
        assert_eq!(curl(&long, "https://x.example"), Err(NotCopied::Cut));
        let connect = request("CONNECT h:1 HTTP/1.1\r\n\r\n");
        assert_eq!(curl(&connect, "https://x.example"), Err(NotCopied::Connect));
    }

    /// The shell itself says what the words are.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_every_byte() {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let shell = |script: String| {
            let mut shell = Command::new("sh");
            let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            shell.wait_with_output().unwrap().stdout
        };
        let odd = "a'b \"$(id)\" `id` \\ \n\t!*?[]{}~#&;|<> é % %s -n";
        assert_eq!(shell(format!("printf %s {}", quoted(odd))), odd.as_bytes());
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(shell(format!("printf {}", quoted(&octal(&bytes)))), bytes);
        let head = b"POST / HTTP/1.1\r\nContent-Length: 256\r\n\r\n";
        let copied = copied([&head[..], &bytes].concat());
        let (printf, curl) = copied.split_once(" | ").unwrap();
        assert_eq!(shell(printf.to_owned()), bytes);
        assert!(curl.ends_with("--data-binary @-"), "{curl}");
    }
}
