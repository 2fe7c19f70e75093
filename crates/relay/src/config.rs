//! The relay's configuration.
//!
//! A [`Config`] that exists is valid: everything is checked while it is read, and the types do not
//! admit what the relay could not run with. Files hold no secrets; the only one there is, the key
//! of an embedded relay's owner, is passed in code.

mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use adit_proto::id::ClusterId;
use adit_proto::token::Secret;
use serde::Deserialize;

pub use crate::edge::Loopback;
pub use value::{BaseUrl, Buffers, Domain, Expiration, TokenLifetime, ValueError, parse_duration};

/// How a relay runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API, the sockets and the edge are served.
    pub listen: SocketAddr,
    /// Where `/healthz` and `/metrics` are served, if at all.
    pub admin: Option<SocketAddr>,
    /// The domain under which tunnels have names; without one they are reached on loopback only.
    pub domain: Option<Domain>,
    /// What clients are told to connect to, when that is not what they already connect to.
    pub advertised_url: Option<BaseUrl>,
    /// This relay's cluster id.
    pub cluster: ClusterId,
    /// Where definitions, users and the token key are kept.
    pub storage: Storage,
    /// Who may create tunnels.
    pub identity: Identity,
    /// The certificate to serve with; plain HTTP without one.
    pub tls: Option<TlsFiles>,
    /// How long tunnel access tokens live.
    pub token_lifetime: TokenLifetime,
    /// How long an unused tunnel is kept unless it says so itself.
    pub expiration: Expiration,
    /// What the relay lets users have, and takes itself.
    pub limits: Limits,
    /// How ports are served on this computer, each by a listener of its own. Without it they are
    /// reached by their names only.
    pub loopback: Option<Loopback>,
}

/// Where a relay keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In this directory, which is made if it is not there.
    Directory(PathBuf),
    /// In memory only; gone with the process.
    Memory,
}

/// Who may create tunnels.
#[derive(Debug, Clone)]
pub enum Identity {
    /// The users in the store, each with an API key.
    Users,
    /// One local owner who presents this key: the trial relay inside another process.
    Embedded {
        /// The owner's key, made by that process.
        owner_key: Secret,
    },
}

/// A certificate and its key, in PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the relay lets one user have, and what it takes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Ports of one tunnel, at most 1000.
    pub ports_per_tunnel: u32,
    /// Tunnels of one user.
    pub tunnels_per_user: u32,
    /// What hosts and clients together may make the relay hold.
    pub buffers: Buffers,
}

impl Default for Limits {
    fn default() -> Self {
        Self { ports_per_tunnel: MAX_PORTS, tunnels_per_user: 1000, buffers: Buffers::default() }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, a key that does not exist, or a value that does not fit; the message names the
    /// place.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A limit is outside of what the protocol allows.
    #[error("limits.{name} must be between 1 and {max}")]
    Limit {
        /// The key below `limits`.
        name: &'static str,
        /// The largest value that is allowed.
        max: u32,
    },
}

impl Config {
    /// Reads a TOML document. `data_dir` is used when the document names none.
    ///
    /// # Errors
    /// When the document is not TOML, has an unknown key or a value out of range.
    pub fn parse(text: &str, data_dir: &Path) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text)?;
        let limits = file.limits;
        check_limit("ports_per_tunnel", limits.ports_per_tunnel, MAX_PORTS)?;
        check_limit("tunnels_per_user", limits.tunnels_per_user, MAX_TUNNELS)?;
        Ok(Self {
            listen: file.listen,
            admin: file.admin.0,
            domain: file.domain,
            advertised_url: file.advertised_url,
            cluster: file.cluster.unwrap_or_else(default_cluster),
            storage: Storage::Directory(file.data_dir.unwrap_or_else(|| data_dir.to_owned())),
            identity: Identity::Users,
            tls: file.tls,
            token_lifetime: file.tokens.lifetime,
            expiration: file.tunnels.expiration,
            limits,
            loopback: None,
        })
    }

    /// The trial relay inside another process: loopback only, any free port, no admin listener, one
    /// owner who needs no login. Each port gets a loopback listener.
    pub fn embedded(owner_key: Secret, storage: Storage) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin: None,
            domain: None,
            advertised_url: None,
            cluster: default_cluster(),
            storage,
            identity: Identity::Embedded { owner_key },
            tls: None,
            token_lifetime: TokenLifetime::default(),
            expiration: Expiration::default(),
            limits: Limits::default(),
            loopback: Some(Loopback::default()),
        }
    }
}

const MAX_PORTS: u32 = 1000;
const MAX_TUNNELS: u32 = 100_000;

fn check_limit(name: &'static str, value: u32, max: u32) -> Result<(), ConfigError> {
    if (1..=max).contains(&value) { Ok(()) } else { Err(ConfigError::Limit { name, max }) }
}

fn default_cluster() -> ClusterId {
    "loc1".parse().expect("loc1 is a valid cluster id")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    #[serde(default)]
    admin: Admin,
    domain: Option<Domain>,
    advertised_url: Option<BaseUrl>,
    cluster: Option<ClusterId>,
    data_dir: Option<PathBuf>,
    tls: Option<TlsFiles>,
    #[serde(default)]
    tokens: Tokens,
    #[serde(default)]
    tunnels: Tunnels,
    #[serde(default)]
    limits: Limits,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8443))
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Admin(Option<SocketAddr>);

impl Default for Admin {
    fn default() -> Self {
        Self(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9443))))
    }
}

impl TryFrom<String> for Admin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "off" => Ok(Self(None)),
            address => address
                .parse()
                .map(|address| Self(Some(address)))
                .map_err(|_| format!("`{address}` is neither an address and port nor \"off\"")),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Tokens {
    lifetime: TokenLifetime,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Tunnels {
    expiration: Expiration,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("data"))
    }

    #[test]
    fn an_empty_file_is_a_loopback_relay() {
        let config = parse("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8443");
        assert_eq!(config.admin.unwrap().to_string(), "127.0.0.1:9443");
        assert_eq!(config.cluster.to_string(), "loc1");
        assert_eq!(config.storage, Storage::Directory("data".into()));
        assert_eq!(config.token_lifetime.duration(), DAY);
        assert_eq!(config.expiration.duration(), 30 * DAY);
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            r#"
            listen = "[::1]:443"
            admin = "off"
            domain = "Relay.Example.com"
            advertised_url = "https://cp.relay.example.com:8443/"
            cluster = "team1"
            data_dir = "/var/lib/adit"
            tls = { cert = "c.pem", key = "k.pem" }
            [tokens]
            lifetime = "90m"
            [tunnels]
            expiration = "7d"
            [limits]
            ports_per_tunnel = 10
            tunnels_per_user = 20
            buffers = "512MiB"
            "#,
        )
        .unwrap();
        assert_eq!(config.admin, None);
        assert_eq!(config.domain.unwrap().as_str(), "relay.example.com");
        assert_eq!(config.advertised_url.unwrap().as_str(), "https://cp.relay.example.com:8443");
        assert_eq!(config.storage, Storage::Directory("/var/lib/adit".into()));
        assert_eq!(config.token_lifetime.duration(), Duration::from_secs(5400));
        assert_eq!(config.expiration.duration(), 7 * DAY);
        let limits = config.limits;
        assert_eq!((limits.ports_per_tunnel, limits.tunnels_per_user), (10, 20));
        assert_eq!(limits.buffers.bytes(), 512 * 1024 * 1024);
        assert_eq!(config.tls.unwrap().key, Path::new("k.pem"));
    }

    #[test]
    fn a_key_that_does_not_exist_is_refused_by_name() {
        for text in ["lisen = '127.0.0.1:1'", "[limits]\nports = 1", "[tokens]\nlife = '1h'"] {
            let key = text.lines().last().unwrap().split(' ').next().unwrap();
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for text in [
            "listen = 'localhost'",
            "admin = 'on'",
            "cluster = 'MyCluster'",
            "domain = 'under_score.example'",
            "advertised_url = 'ftp://x/'",
            "advertised_url = 'https://x/path'",
            "[tokens]\nlifetime = '59s'",
            "[tokens]\nlifetime = '25h'",
            "[tunnels]\nexpiration = '59m'",
            "[tunnels]\nexpiration = '31d'",
            "[limits]\nports_per_tunnel = 0",
            "[limits]\nports_per_tunnel = 1001",
            "[limits]\nbuffers = '15MiB'",
            "[limits]\nbuffers = '2TiB'",
            "[limits]\nbuffers = '1GB'",
            "[limits]\nbuffers = 1073741824",
            "tls = { cert = 'a' }",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
