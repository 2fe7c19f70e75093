//! Our own answers at the edge: a page for people, problem+json for programs.
//!
//! Pages stand alone (no script, no external resource), so that they work on any network and
//! under any host name, and say who answers: this relay, not the application behind it.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use serde::Serialize;

use super::problem::{Problem, Side};

/// The header by which the relay's own answers can be told from the local server's.
pub const SERVED_BY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-served-by"), HeaderValue::from_static("tunnels-adit"));

/// Who asks, as far as an answer of ours depends on it.
#[derive(Debug, Clone)]
pub struct Audience {
    accept: Option<HeaderValue>,
    head: bool,
}

impl Audience {
    /// Whoever sent a request with this method and header.
    pub fn of(method: &Method, request: &HeaderMap) -> Self {
        Self { accept: request.get(header::ACCEPT).cloned(), head: method == Method::HEAD }
    }

    /// Whether the one who asks shows pages to people: `text/html` is accepted by name.
    fn wants_html(&self) -> bool {
        let accept = self.accept.as_ref().and_then(|accept| accept.to_str().ok());
        accept.unwrap_or_default().split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
            html && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0"))
        })
    }
}

/// The answer that says what is wrong.
pub fn respond(problem: &Problem, audience: &Audience) -> Response<Bytes> {
    let (kind, body) = if audience.wants_html() {
        ("text/html; charset=utf-8", html(problem))
    } else {
        ("application/problem+json", json(problem))
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = problem.status();
    let headers = response.headers_mut();
    headers.insert(SERVED_BY.0, SERVED_BY.1);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if matches!(problem, Problem::SignIn | Problem::BadToken | Problem::LinkEnded) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("tunnel"));
    }
    if !audience.head {
        *response.body_mut() = body.into();
    }
    response
}

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

#[derive(Serialize)]
struct Json<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    side: &'a str,
    advice: &'a str,
}

fn json(problem: &Problem) -> String {
    let json = Json {
        title: problem.title(),
        status: problem.status().as_u16(),
        detail: &problem.detail(),
        code: problem.code(),
        side: match problem.side() {
            Side::Visitor => "visitor",
            Side::Relay => "relay",
            Side::Host => "host",
            Side::Server => "server",
        },
        advice: &problem.advice(),
    };
    serde_json::to_string(&json).expect("strings and a number can be written")
}

fn html(problem: &Problem) -> String {
    let mut page = String::with_capacity(4096);
    let title = problem.title();
    page.push_str(HEAD);
    write(
        &mut page,
        format_args!("<title>{title}</title><style>{STYLE}</style></head><body><main>"),
    );
    write(&mut page, format_args!("<p class=s>{}</p><h1>{title}</h1>", problem.status().as_u16()));
    page.push_str("<ol>");
    for (side, name) in STOPS {
        let (class, mark, word) = match side.cmp(&problem.side()) {
            std::cmp::Ordering::Less => ("ok", "\u{2713}", "reached"),
            std::cmp::Ordering::Equal => ("no", "\u{2715}", "here it stops"),
            std::cmp::Ordering::Greater => ("un", "\u{2013}", "not reached"),
        };
        write(
            &mut page,
            format_args!("<li class={class}><b>{mark}</b>{name}<small>{word}</small></li>"),
        );
    }
    page.push_str("</ol><p>");
    escape(&mut page, &problem.detail());
    page.push_str("</p><p class=d>");
    escape(&mut page, &problem.advice());
    page.push_str("</p><footer>This answer comes from the tunnel relay (Adit), not from the site ");
    write(&mut page, format_args!("you asked for. Code: {}</footer>", problem.code()));
    page.push_str("</main></body></html>\n");
    page
}

const STOPS: [(Side, &str); 4] = [
    (Side::Visitor, "You"),
    (Side::Relay, "Relay"),
    (Side::Host, "Host computer"),
    (Side::Server, "Local server"),
];

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8>\
    <meta name=viewport content=\"width=device-width,initial-scale=1\">\
    <meta name=robots content=noindex>";

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#f6f6f3;--card:#fff;--line:#e3e2dd;--t1:#1a1c20;--t2:#535861;\
--t3:#656a74;--ok:#14764a;--no:#b8322a;--tint:#fceBe9}\
@media(prefers-color-scheme:dark){:root{--bg:#131417;--card:#1b1d21;--line:#2b2e34;--t1:#ecedef;\
--t2:#abb0ba;--t3:#8d939e;--ok:#4fc78c;--no:#ff8b80;--tint:#3d1f1d}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;\
background:var(--bg);color:var(--t1);font:16px/1.5 system-ui,sans-serif}\
main{max-width:620px;width:100%;background:var(--card);border:1px solid var(--line);\
border-radius:10px;padding:32px}h1{font-size:24px;line-height:1.25;margin:0 0 20px}\
.s{margin:0;color:var(--t3)}p{margin:0 0 12px;overflow-wrap:anywhere}.d{color:var(--t2)}\
ol{list-style:none;display:flex;flex-wrap:wrap;gap:8px;margin:0 0 20px;padding:0}\
li{flex:1 1 120px;border:1px solid var(--line);border-radius:8px;padding:8px 12px}\
li b{display:block}small{display:block;color:var(--t3)}.ok b{color:var(--ok)}\
.no b{color:var(--no)}.no{background:var(--tint);border-color:var(--no)}.un{color:var(--t3)}\
footer{margin-top:20px;padding-top:12px;border-top:1px solid var(--line);font-size:13px;\
color:var(--t3)}";

fn escape(page: &mut String, text: &str) {
    for part in text.split_inclusive(['&', '<', '>', '"', '\'']) {
        let special = part.chars().next_back().and_then(|last| match last {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '"' => Some("&quot;"),
            '\'' => Some("&#39;"),
            _ => None,
        });
        match special {
            Some(entity) => {
                page.push_str(&part[..part.len() - 1]);
                page.push_str(entity);
            }
            None => page.push_str(part),
        }
    }
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn every_problem() -> Vec<Problem> {
        vec![
            Problem::BadHost,
            Problem::BadRequest,
            Problem::Misdirected,
            Problem::HeadTooLarge,
            Problem::NoTunnel,
            Problem::NoPort(3000),
            Problem::SignIn,
            Problem::BadToken,
            Problem::Forbidden,
            Problem::CrossSite,
            Problem::NoLink,
            Problem::CodeUsed,
            Problem::LinkEnded,
            Problem::ForeignPage,
            Problem::NoPorts,
            Problem::NoHost,
            Problem::HostAway,
            Problem::Busy,
            Problem::Restarting,
            Problem::HostSilent(3000),
            Problem::NotShared(3000),
            Problem::Refused { port: 3000, text: None },
            Problem::Refused { port: 3000, text: Some("<script>alert('x')</script>".into()) },
            Problem::Closed(3000),
            Problem::NotHttp(3000),
            Problem::NoTls(3000),
            Problem::Broken(3000),
            Problem::Timeout { port: 3000, after: Duration::from_secs(100) },
        ]
    }

    fn ask(problem: &Problem, accept: &'static str) -> (Response<Bytes>, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let response = respond(problem, &Audience::of(&Method::GET, &headers));
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        (response, text)
    }

    #[test]
    fn people_get_a_page_and_programs_get_json() {
        for (accept, kind) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
            ("application/json, TEXT/HTML;q=0.1", "text/html; charset=utf-8"),
            ("*/*", "application/problem+json"),
            ("application/json", "application/problem+json"),
            ("text/html;q=0", "application/problem+json"),
            ("text/htmlx", "application/problem+json"),
        ] {
            let (response, _) = ask(&Problem::NoHost, accept);
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{accept}");
        }
        let response = respond(&Problem::NoHost, &Audience::of(&Method::GET, &HeaderMap::new()));
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn every_answer_says_who_gives_it_and_may_not_be_kept() {
        for problem in every_problem() {
            let (response, page) = ask(&problem, "text/html");
            assert_eq!(response.status(), problem.status());
            assert_eq!(response.headers()["x-served-by"], "tunnels-adit");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["content-length"], page.len().to_string());
            assert!(page.contains(problem.title()) && page.contains(problem.code()), "{page}");
        }
    }

    #[test]
    fn pages_stand_alone_and_escape_what_a_host_says() {
        for problem in every_problem() {
            let (_, page) = ask(&problem, "text/html");
            for outside in ["<script", "http://", "https://", "src=", "url(", "@import"] {
                assert!(!page.contains(outside), "{outside} in {page}");
            }
            assert_eq!(page.matches("here it stops").count(), 1);
        }
    }

    #[test]
    fn json_has_the_fields_of_a_problem() {
        for problem in every_problem() {
            let (_, text) = ask(&problem, "application/json");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["status"], problem.status().as_u16());
            assert_eq!(value["code"], problem.code());
            for field in ["title", "detail", "side", "advice"] {
                assert!(value[field].as_str().is_some_and(|text| !text.is_empty()), "{text}");
            }
        }
    }

    #[test]
    fn head_gets_the_length_of_what_it_does_not_get() {
        let response = respond(&Problem::NoTunnel, &Audience::of(&Method::HEAD, &HeaderMap::new()));
        assert!(response.body().is_empty());
        assert_ne!(response.headers()["content-length"], "0");
    }

    #[test]
    fn a_private_tunnel_says_how_to_authenticate_and_a_returning_host_when_to_retry() {
        assert_eq!(ask(&Problem::SignIn, "*/*").0.headers()["www-authenticate"], "tunnel");
        assert_eq!(ask(&Problem::HostAway, "*/*").0.headers()["retry-after"], "2");
    }
}
