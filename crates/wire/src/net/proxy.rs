//! Which HTTP proxy stands on the way to where, as the environment says.
//!
//! The conventions are those of curl. All connections go through CONNECT, unencrypted ones too.
//! This computer is never reached through a proxy.

use std::fmt;
use std::net::IpAddr;

use adit_proto::token::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::target::Host;
use super::{BadUrl, ProxyProblem, Target};

/// The proxies to go through, and where to go without.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    encrypted: Option<Result<Proxy, BadProxy>>,
    plain: Option<Result<Proxy, BadProxy>>,
    except: Vec<Exception>,
    told: Told,
}

/// What processes that are started find in their environment.
#[derive(Clone, Debug)]
enum Told {
    /// What this one found in its own.
    Inherited,
    /// These values, of [`VARIABLES`]. They may hold passwords.
    Only([Option<Secret>; 4]),
}

impl Default for Told {
    fn default() -> Self {
        Self::Only([const { None }; 4])
    }
}

/// The variables that programs go by; in capitals, too.
const VARIABLES: [[&str; 2]; 4] = [
    ["https_proxy", "HTTPS_PROXY"],
    ["http_proxy", "HTTP_PROXY"],
    ["all_proxy", "ALL_PROXY"],
    ["no_proxy", "NO_PROXY"],
];

/// Where no program needs a proxy.
const THIS_COMPUTER: &str = "localhost,127.0.0.1,::1";

impl Proxies {
    /// No proxy for anything.
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment of this process says: `https_proxy` for encrypted connections,
    /// `http_proxy` for others, `all_proxy` for both, `no_proxy` for exceptions. Each but
    /// `http_proxy` may also be in capitals (`HTTP_PROXY` is something that a web server's visitor
    /// can set).
    pub fn from_env() -> Self {
        let proxies = Self::from_vars(|name| std::env::var(name).ok());
        Self { told: Told::Inherited, ..proxies }
    }

    /// As [`Proxies::from_env`], with the variables given.
    ///
    /// An unusable URL is an error only for connections that would go through it.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let any = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| var(name));
            values.find(|value| !value.trim().is_empty())
        };
        let all = ["all_proxy", "ALL_PROXY"];
        let encrypted = any(&["https_proxy", "HTTPS_PROXY"]).or_else(|| any(&all));
        let plain = any(&["http_proxy"]).or_else(|| any(&all));
        let except = any(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        let told = match encrypted.is_some() || plain.is_some() {
            true => {
                let except = Some(&except).filter(|text| !text.is_empty());
                let except = except.map_or(THIS_COMPUTER, |text| text.as_str());
                let [encrypted, plain] = [&encrypted, &plain].map(|url| url.as_deref().map(whole));
                Told::Only([encrypted, plain, None, Some(except.into())])
            }
            false => Told::default(),
        };
        let entries = except.split(|it: char| it == ',' || it.is_whitespace());
        Self {
            encrypted: encrypted.map(|url| Proxy::parse(&url)),
            plain: plain.map(|url| Proxy::parse(&url)),
            except: entries.filter_map(Exception::parse).collect(),
            told,
        }
    }

    /// What a process that is started is to find in its environment, so that it goes the same way: each variable with
    /// its value, or without, if it shall not be there. Nothing if it inherits what this process found.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, Option<&Secret>)> {
        let values = match &self.told {
            Told::Inherited => None,
            Told::Only(values) => Some(VARIABLES.iter().zip(values)),
        };
        let each = values.into_iter().flatten();
        each.flat_map(|(names, value)| names.map(|name| (name, value.as_ref())))
    }

    /// The proxy to go through, if any.
    pub(super) fn on_the_way_to(&self, target: &Target) -> Option<Result<&Proxy, ProxyProblem>> {
        if target.is_loopback() || self.except.iter().any(|except| except.covers(target)) {
            return None;
        }
        let proxy = if target.is_encrypted() { &self.encrypted } else { &self.plain };
        Some(proxy.as_ref()?.as_ref().map_err(|bad| bad.clone().into()))
    }
}

/// Where a proxy is and how to sign in to it.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    target: Target,
    /// Marked sensitive, so that it does not print.
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Reads `http[s]://[user[:password]@]host[:port]`; the scheme may be missing.
    fn parse(url: &str) -> Result<Self, BadProxy> {
        let url = url.trim();
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: Uri = url.parse().map_err(|_| BadProxy::Url(BadUrl::Host))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(BadProxy::Scheme(uri.scheme_str().unwrap_or_default().into()));
        }
        let target = Target::from_uri(&uri)?;
        let sign_in = uri.authority().and_then(|it| it.as_str().rsplit_once('@'));
        Ok(Self { target, authorization: sign_in.map(|(sign_in, _)| basic(sign_in)) })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The request to connect further, to `target`.
    pub(super) fn request(&self, target: &Target) -> Vec<u8> {
        let place = target.authority();
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}

/// Some programs take no address without a scheme.
fn whole(url: &str) -> Secret {
    let url = url.trim();
    if url.contains("://") { url.into() } else { format!("http://{url}").into() }
}

/// The Basic credentials of a URL's user information.
fn basic(sign_in: &str) -> HeaderValue {
    let (user, password) = sign_in.split_once(':').unwrap_or((sign_in, ""));
    let decode = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let sign_in = [decode(user), decode(password)].join(&b':');
    let value = format!("Basic {}", BASE64_STANDARD.encode(sign_in));
    let mut value = HeaderValue::try_from(value).expect("base64 is a valid header");
    value.set_sensitive(true);
    value
}

/// Why a proxy's URL is unusable. The URL itself is not shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// Not a URL.
    #[error("{0}")]
    Url(#[from] BadUrl),
    /// Another kind of proxy.
    #[error("{0}: proxies are not supported, only http: and https: ones")]
    Scheme(Box<str>),
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Anything,
    /// The domain itself and all below it.
    Domain(Box<str>),
    /// All addresses that share so many leading bits.
    Network(IpAddr, u8),
}

impl Exception {
    /// Reads one entry: `*`, a domain (with or without a leading dot), an address, a network
    /// `address/bits`; each but the last may end in `:port`. Nothing else is an exception.
    fn parse(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Some(place) = Place::network(bare) {
            return Some(Self { place, port: None });
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let place = match name.trim_start_matches("*.").trim_start_matches('.') {
            "*" => Place::Anything,
            name => match Host::parse(name)? {
                Host::Name(name) => Place::Domain(name),
                Host::Ip(ip) => Place::Network(ip, bits(ip)),
            },
        };
        Some(Self { place, port })
    }

    fn covers(&self, target: &Target) -> bool {
        if self.port.is_some_and(|port| port != target.port()) {
            return false;
        }
        match (&self.place, target.parsed_host()) {
            (Place::Anything, _) => true,
            (Place::Domain(domain), Host::Name(name)) => {
                let below = name.strip_suffix(&**domain);
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            (Place::Network(network, bits), Host::Ip(ip)) => shares(*network, *ip, *bits),
            (Place::Domain(_), Host::Ip(_)) | (Place::Network(..), Host::Name(_)) => false,
        }
    }
}

impl Place {
    fn network(text: &str) -> Option<Self> {
        let (ip, length) = match text.split_once('/') {
            Some((ip, length)) => (ip.parse().ok()?, Some(length.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let length = length.unwrap_or(bits(ip));
        (length <= bits(ip)).then_some(Self::Network(ip, length))
    }
}

fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// Whether two addresses of one family share their leading bits.
fn shares(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let differing = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => u128::from(one.to_bits() ^ other.to_bits()) << 96,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    differing.leading_zeros() >= u32::from(bits)
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(vars: &[(&str, &str)], uri: &str) -> Option<String> {
        let find = |name: &str| vars.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        let target = Target::from_uri(&uri.parse().unwrap()).unwrap();
        let proxies = Proxies::from_vars(find);
        let way = proxies.on_the_way_to(&target)?;
        Some(way.map_or_else(|problem| problem.to_string(), Proxy::to_string))
    }

    #[test]
    fn each_kind_of_url_has_its_proxy() {
        let vars = [("HTTPS_PROXY", "http://secure:3128"), ("http_proxy", "plain:3129/")];
        assert_eq!(way(&vars, "https://a.example").unwrap(), "secure:3128");
        assert_eq!(way(&vars, "wss://a.example").unwrap(), "secure:3128");
        assert_eq!(way(&vars, "ws://a.example").unwrap(), "plain:3129");
        assert_eq!(way(&[("HTTP_PROXY", "evil:1")], "http://a.example"), None);
        let vars = [("all_proxy", "any:1"), ("https_proxy", ""), ("HTTPS_PROXY", "secure:2")];
        assert_eq!(way(&vars, "https://a.example").unwrap(), "secure:2");
        assert_eq!(way(&vars, "http://a.example").unwrap(), "any:1");
    }

    #[test]
    fn this_computer_is_never_proxied() {
        for uri in ["http://localhost:1", "http://x.localhost", "https://127.0.0.1", "http://[::1]"]
        {
            assert_eq!(way(&[("all_proxy", "any:1")], uri), None, "{uri}");
        }
    }

    #[test]
    fn exceptions_are_domains_addresses_and_networks() {
        let no = ".corp.example, other.example:8443 10.0.0.0/8,192.168.1.7,2001:db8::/32,::9,/,a:b";
        let vars = [("all_proxy", "any:1"), ("NO_PROXY", no)];
        for (uri, direct) in [
            ("https://corp.example", true),
            ("https://a.b.CORP.example", true),
            ("https://notcorp.example", false),
            ("https://x.other.example:8443", true),
            ("https://other.example", false),
            ("http://10.255.0.1", true),
            ("http://11.0.0.1", false),
            ("http://192.168.1.7:99", true),
            ("http://192.168.1.8", false),
            ("http://[::9]", true),
            ("http://[2001:db8::1]", true),
            ("http://[2001:db9::1]", false),
            ("http://10.example", false),
        ] {
            assert_eq!(way(&vars, uri).is_none(), direct, "{uri}");
        }
        assert_eq!(way(&[("all_proxy", "any:1"), ("no_proxy", "*")], "http://a.example"), None);
        let vars = [("all_proxy", "any:1"), ("no_proxy", "10.0.0.0/33")];
        assert!(way(&vars, "http://10.0.0.1").is_some());
    }

    #[test]
    fn an_unusable_proxy_fails_only_what_would_go_through_it() {
        let vars = [("https_proxy", "socks5://user:secret@a:1"), ("http_proxy", "http://:1")];
        let problem = way(&vars, "https://a.example").unwrap();
        assert!(problem.contains("socks5") && !problem.contains("secret"), "{problem}");
        assert!(way(&vars, "http://a.example").unwrap().contains("cannot be used"));
        assert_eq!(way(&vars, "https://localhost"), None);
    }

    #[test]
    fn processes_are_told_to_go_the_same_way() {
        let told = |proxies: &Proxies| -> Vec<_> {
            let told = proxies.told();
            told.map(|(name, value)| (name, value.map(|it| it.expose().to_owned()))).collect()
        };
        assert_eq!(told(&Proxies::from_env()), []);
        let none = told(&Proxies::none());
        assert!(none.len() == 8 && none.iter().all(|(_, value)| value.is_none()), "{none:?}");
        let proxies = Proxies::from_vars(|name| {
            (name == "all_proxy").then(|| "ann:secret@proxy.example:3128".to_owned())
        });
        let value = |name: &str| {
            let told = told(&proxies);
            told.into_iter().find(|(of, _)| *of == name).and_then(|(_, value)| value)
        };
        for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
            assert_eq!(value(name).unwrap(), "http://ann:secret@proxy.example:3128", "{name}");
        }
        assert_eq!((value("ALL_PROXY"), value("NO_PROXY").unwrap()), (None, THIS_COMPUTER.into()));
        assert!(!format!("{proxies:?}").contains("secret"));
    }

    #[test]
    fn the_sign_in_is_decoded_sent_and_never_printed() {
        let proxy = Proxy::parse("http://us%40er:p%3Ass@proxy:3128").unwrap();
        let target = Target::from_uri(&Uri::from_static("https://[::1]")).unwrap();
        let request = String::from_utf8(proxy.request(&target)).unwrap();
        let encoded = BASE64_STANDARD.encode("us@er:p:ss");
        let lines = format!(
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic {encoded}\r\n\r\n"
        );
        assert_eq!(request, lines);
        assert!(!format!("{proxy} {proxy:?}").contains(&encoded));
    }
}
