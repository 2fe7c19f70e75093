//! Says in another language what was heard in English: what lower layers and the system give as the cause of a failure.
//!
//! As gettext has it, a sentence is known by its English. What is not known stays as it came, for it may be a service's
//! own words, and is better read in English than not at all.

use std::borrow::Cow;

use super::Language;
use super::catalogue::translated;
use super::say::fill;

/// The hole that holds what was heard further down, and is said in the language, too.
const CAUSE: &str = "cause";

/// Sentences of our own lower layers, then of the system. Of two that fit, the first counts.
pub(super) const HEARD: &[&str] = &[
    "the network is down",
    "the peer closed the connection",
    "the peer closed the websocket with code {n}",
    "the peer closed the websocket",
    "it was ended, reason {n}",
    "the service at {host} cannot be reached",
    "the service at {host} cannot be trusted",
    "the service at {host} gave an answer that makes no sense",
    "cannot find the address of {host}: check its spelling and the network",
    "{target} refused the connection: check that the server runs and the port is right",
    "{target} did not answer in time ({cause}): check the network and any firewall",
    "while its name was looked up",
    "while connecting",
    "through the proxy",
    "while securing the connection",
    "no secure connection to {target}: {cause}",
    "cannot connect to {target}: {cause}",
    "the proxy {target} cannot be used: {cause}",
    "the proxy {target} cannot be reached: {cause}",
    "the proxy {target} is no HTTP proxy, or broke off: {cause}",
    "its certificate has expired: renew it there, or check this computer's date",
    "its certificate is not valid yet: check this computer's date",
    "its certificate is for another name: check the address",
    "its certificate is from an authority that this computer does not trust",
    "its certificate was revoked",
    "it does not speak TLS there; is it a plain http: address?",
    "the connection broke before the answer was whole: {cause}",
    "the connection broke: {cause}",
    "no answer came in time",
    "the session has ended",
    "the service wants to know who you are: {cause}",
    "not allowed: {cause}",
    "not found: {cause}",
    "conflict: {cause}",
    "the service refuses this request: {cause}",
    "too many requests: {cause}",
    "too many requests",
    "the service is not available (status {status}): {cause}",
    "the service is not available",
    "the credential was refused",
    "access was refused: {cause}",
    "there is no such tunnel",
    "every port was refused: {cause}",
    "the relay did not answer",
    "the service did not answer in time",
    "connecting to the relay took longer than {n} s",
    "announcing the ports took longer than {n} s",
    "minting tokens took longer than {n} s",
    "waiting to mint tokens took longer than {n} s",
    "it is no port of the tunnel any more",
    "nobody is signed in to Microsoft Dev Tunnels",
    "the sign-in to Microsoft Dev Tunnels has expired",
    "nothing answers on localhost:{port}",
    "the answer of localhost:{port} could not be read: {cause}",
    "the sample page cannot be served: {cause}",
    "the trial relay for {name} cannot start: {cause}",
    "cannot list your tunnels: {cause}",
    "cannot look up {id}: {cause}",
    "cannot make the tunnel: {cause}",
    "cannot make the tunnel on {place}: {cause}",
    "cannot add port {port} to {id}: {cause}",
    "cannot change port {port} of {id}: {cause}",
    "cannot remove port {port} of {id}: {cause}",
    "cannot remove {id}: {cause}",
    "cannot list the ports of {id}: {cause}",
    "cannot list the links to {id}: {cause}",
    "cannot make a link to {id}: {cause}",
    "cannot revoke a link to {id}: {cause}",
    "cannot change who may visit port {port} of {id}: {cause}",
    "cannot change who may visit {id}: {cause}",
    "cannot find those who are to visit {id}: {cause}",
    "cannot make a token for visitors of {id}: {cause}",
    "cannot change {id}: {cause}",
    "cannot use the place: {cause}",
    "cannot sign in to {place}: {cause}",
    "cannot sign in: {cause}",
    "cannot use Microsoft Dev Tunnels: {cause}",
    "cannot read {file}: {cause}",
    "cannot write {file}: {cause}",
    "the relay knows no user `{name}`",
    "the relay knows no group `{name}`",
    "TLS was not agreed: {cause}",
    "this system trusts no certificate authority: install its ca-certificates package",
    "its certificate is not acceptable ({cause})",
    "the proxy {target} answered {cause}",
    "failed to lookup address information: {cause}",
    "Name or service not known",
    "Temporary failure in name resolution",
    "status {n} came from something else than the service, such as a firewall or a proxy",
    "unexpected status {n}",
    "status {n} points to {target}, which is not followed: use the final address",
    "the body is not what it should be",
    "the body is too large",
    "the answer has no {cause}",
    "no reason given",
    "port {port} was removed, or may have been, and could not be made again",
    "Connection refused (os error {n})",
    "Connection reset by peer (os error {n})",
    "Connection timed out (os error {n})",
    "Broken pipe (os error {n})",
    "Network is unreachable (os error {n})",
    "Network is down (os error {n})",
    "No route to host (os error {n})",
    "Address already in use (os error {n})",
    "No space left on device (os error {n})",
    "Disk quota exceeded (os error {n})",
    "Read-only file system (os error {n})",
    "Permission denied (os error {n})",
    "No such file or directory (os error {n})",
];

/// So many links of a chain are said; what is behind them, and a text that is longer than this many bytes, stays as it
/// came. A service may say anything.
const LINKS: usize = 8;
const LONGEST: usize = 4_096;

/// Says what was heard.
pub fn heard(text: &str, language: Language) -> Cow<'_, str> {
    if language == Language::English || text.len() > LONGEST {
        return Cow::Borrowed(text);
    }
    say(text, language, LINKS)
}

/// Causes stand behind each other: as much of the beginning as is known is said, and then what is behind it.
fn say(text: &str, language: Language, links: usize) -> Cow<'_, str> {
    if links == 0 {
        return Cow::Borrowed(text);
    }
    if let Some(said) = sentence(text, language, links) {
        return Cow::Owned(said);
    }
    let mut colons = text.match_indices(": ").take(LINKS);
    let said = colons.find_map(|(at, colon)| {
        let before = sentence(&text[..at], language, links)?;
        Some(before + colon + &say(&text[at + colon.len()..], language, links - 1))
    });
    said.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// One sentence, where it is known.
fn sentence(text: &str, language: Language, links: usize) -> Option<String> {
    HEARD.iter().find_map(|template| {
        let holes = holes(template, text)?;
        let filled: Vec<_> = (holes.into_iter())
            .map(|(hole, value)| match hole {
                CAUSE => (hole, say(value, language, links - 1).into_owned()),
                hole => (hole, value.to_owned()),
            })
            .collect();
        Some(fill(translated(template, language)?, &filled))
    })
}

/// What stands in the holes of a template where `text` is one of it. Only a cause has spaces.
fn holes<'t>(template: &'static str, text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
    let (before, rest) = template.split_once('{').unwrap_or((template, ""));
    let (mut text, mut rest) = (text.strip_prefix(before)?, rest);
    let mut holes = Vec::new();
    while let Some((hole, behind)) = rest.split_once('}') {
        let (next, further) = behind.split_once('{').unwrap_or((behind, ""));
        let end = match next {
            "" => text.len(),
            // A cause may say the same.
            next if further.is_empty() => {
                text.len().checked_sub(next.len()).filter(|_| text.ends_with(next))?
            }
            next => text.find(next)?,
        };
        let value = &text[..end];
        if value.is_empty() || hole != CAUSE && value.contains(' ') {
            return None;
        }
        holes.push((hole, value));
        (text, rest) = (&text[end + next.len()..], further);
    }
    text.is_empty().then_some(holes)
}

#[cfg(test)]
mod tests {
    use std::io;

    use adit_proto::host::Failure;
    use adit_tunnel::management::{self, Error, Flaw, Said};
    use adit_wire::net::{ConnectError, Step, Target};
    use adit_wire::tls::{self, Distrust};

    use super::*;

    fn portuguese(text: &str) -> String {
        heard(text, Language::Portuguese).into_owned()
    }

    #[test]
    fn a_chain_of_causes_is_said_link_by_link() {
        let text = "cannot make the tunnel: the service at cp.example.com cannot be reached: cp.example.com:443 did \
                    not answer in time (while connecting): check the network and any firewall";
        assert_eq!(
            portuguese(text),
            "não foi possível criar o túnel: não é possível alcançar o serviço em cp.example.com: cp.example.com:443 \
             não respondeu a tempo (ao conectar): verifique a rede e o firewall"
        );
        assert_eq!(
            portuguese("cannot connect to [::1]:80: No route to host (os error 113)"),
            "não foi possível conectar a [::1]:80: não há caminho até lá (erro 113)"
        );
        assert_eq!(heard(text, Language::English), text);
    }

    /// Whoever changes the English of an error of the network or of a service hears of it here.
    #[test]
    fn what_the_lower_layers_really_say_is_known() {
        let target = || Target::from_uri(&"https://cp.example.com/".parse().unwrap()).unwrap();
        let io = || io::Error::from(io::ErrorKind::Other);
        let connect = [
            ConnectError::Dns { host: "cp.example.com".to_owned(), source: io() },
            ConnectError::Refused { target: target() },
            ConnectError::Timeout { target: target(), step: Step::Lookup },
            ConnectError::Timeout { target: target(), step: Step::Connect },
            ConnectError::Timeout { target: target(), step: Step::Proxy },
            ConnectError::Timeout { target: target(), step: Step::Tls },
            ConnectError::Io { target: target(), error: io() },
            ConnectError::Tls { target: target(), problem: tls::Error::Io(io()) },
            ConnectError::Tls { target: target(), problem: tls::Error::NoAuthorities },
        ];
        let distrust = [
            Distrust::Expired,
            Distrust::NotYetValid,
            Distrust::WrongName,
            Distrust::UnknownIssuer,
            Distrust::Revoked,
        ];
        let failures = [
            Failure::Unauthorized,
            Failure::Forbidden("x".to_owned()),
            Failure::NotFound,
            Failure::RateLimited { retry_after: None },
            Failure::Unavailable { retry_after: None },
        ];
        let said = Said::default;
        let host = || Box::from("cp.example.com");
        let flaws = [Flaw::Foreign(502), Flaw::Status(418), Flaw::TooLarge];
        let odd = flaws.into_iter().map(|flaw| Error::Protocol { host: host(), flaw });
        let services = [
            Error::SignIn(said()),
            Error::Forbidden(said()),
            Error::NotFound(said()),
            Error::Conflict(said()),
            Error::Invalid(said()),
            Error::RateLimited { said: said(), retry_after: None },
            Error::Unavailable { status: 503, said: said(), retry_after: None },
            Error::Unreachable { host: host(), source: "no answer came in time".into() },
            Error::Untrusted { host: host(), source: "its certificate was revoked".into() },
        ];
        let services = services.into_iter().chain(odd).map(|error| management::explain(&error));
        let said = (connect.iter().map(ToString::to_string))
            .chain(services)
            .chain(distrust.iter().map(ToString::to_string))
            .chain(failures.iter().map(ToString::to_string));
        for said in said {
            let heard = portuguese(&said);
            let english = heard.split(' ').find(|it| ["the", "its", "cannot", "is"].contains(it));
            assert!(heard != said && english.is_none(), "{said} -> {heard}");
        }
        #[cfg(target_os = "linux")]
        for code in [2, 13, 28, 30, 32, 98, 100, 101, 104, 110, 111, 113, 122] {
            let said = io::Error::from_raw_os_error(code).to_string();
            assert!(portuguese(&said).ends_with(&format!(" (erro {code})")), "{said}");
        }
    }

    #[test]
    fn what_a_service_says_stays_as_it_came() {
        assert_eq!(
            portuguese("not allowed: ten tunnels are enough"),
            "não permitido: ten tunnels are enough"
        );
        for text in ["ten tunnels are enough", "the answer: 42", "", ": ", "cannot change : x"] {
            assert_eq!(portuguese(text), text);
        }
    }

    /// It is said again with every draw.
    #[test]
    fn a_long_chain_of_anything_takes_no_time_and_no_stack() {
        let unknown = "a: ".repeat(1_000);
        assert_eq!(portuguese(&unknown), unknown);
        let known = "not found: ".repeat(300) + "x";
        assert!(portuguese(&known).starts_with("não encontrado: não encontrado: "));
        let long = "not found: ".repeat(100_000);
        assert_eq!(portuguese(&long), long);
    }

    #[test]
    fn the_first_that_fits_counts_and_holes_are_single_words() {
        assert_eq!(
            portuguese("cannot change who may visit port 80 of shop.loc1: no answer came in time"),
            "não foi possível alterar quem pode visitar a porta 80 de shop.loc1: nenhuma resposta veio a tempo"
        );
        let known = |text: &str| HEARD.iter().find(|it| holes(it, text).is_some()).copied();
        assert_eq!(known("cannot change shop.loc1: x"), Some("cannot change {id}: {cause}"));
        assert_eq!(known("the relay did not answer"), Some("the relay did not answer"));
        assert_eq!(known("the relay did not answer at all"), None);
        assert_eq!(holes("a {n} b", "a 1 b"), Some(vec![("n", "1")]));
        assert_eq!(holes("a {n} b", "a 1 2 b"), None);
        assert_eq!(holes("({cause}): x", "(y): x): x"), Some(vec![("cause", "y): x")]));
    }
}
