//! Values of the configuration that are valid by construction.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use adit_proto::span;
use http::uri::{Authority, Scheme, Uri};
use serde::Deserialize;

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}`: {expected}")]
pub struct ValueError {
    given: Box<str>,
    expected: &'static str,
}

fn refuse<T>(given: &str, expected: &'static str) -> Result<T, ValueError> {
    Err(ValueError { given: given.into(), expected })
}

/// The domain below which tunnels have names, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Domain(Box<str>);

impl Domain {
    /// The domain without a leading or trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let domain = text.to_ascii_lowercase();
        if domain.len() <= 180 && !domain.is_empty() && domain.split('.').all(is_dns_label) {
            Ok(Self(domain.into()))
        } else {
            refuse(text, "a domain name such as relay.example.com is expected")
        }
    }
}

fn is_dns_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// An `http` or `https` address without a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl {
    text: Box<str>,
    scheme_len: usize,
}

impl BaseUrl {
    /// The address without the trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme_len]
    }

    /// The host and, unless it is the scheme's own, the port.
    pub fn authority(&self) -> &str {
        &self.text[self.scheme_len + "://".len()..]
    }

    /// `:port`, or nothing when it is the scheme's own.
    pub fn port_suffix(&self) -> &str {
        let authority = self.authority();
        let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        authority[host_end..].find(':').map_or("", |colon| &authority[host_end + colon..])
    }
}

impl FromStr for BaseUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const EXPECTED: &str =
            "an address such as https://cp.relay.example.com is expected, without a path";
        let Ok(uri) = text.parse::<Uri>() else { return refuse(text, EXPECTED) };
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.as_str(),
            _ => return refuse(text, EXPECTED),
        };
        let Some(authority) = uri.authority().and_then(plain_authority) else {
            return refuse(text, EXPECTED);
        };
        if uri.path() != "/" || uri.query().is_some() {
            return refuse(text, EXPECTED);
        }
        let default = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default).unwrap_or(&authority);
        let text = format!("{scheme}://{authority}").into_boxed_str();
        Ok(Self { text, scheme_len: scheme.len() })
    }
}

/// Host and port in lower case; nothing if there is a user name in it.
fn plain_authority(authority: &Authority) -> Option<String> {
    let text = authority.as_str();
    (!text.contains('@') && !authority.host().is_empty()).then(|| text.to_ascii_lowercase())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How long a tunnel access token lives: 1 minute to 24 hours, 24 hours unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenLifetime(Duration);

impl TokenLifetime {
    /// The life of a token.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for TokenLifetime {
    fn default() -> Self {
        Self(DAY)
    }
}

impl TryFrom<Duration> for TokenLifetime {
    type Error = ValueError;

    fn try_from(duration: Duration) -> Result<Self, ValueError> {
        if (Duration::from_secs(60)..=DAY).contains(&duration) {
            Ok(Self(duration))
        } else {
            refuse(&format!("{} s", duration.as_secs()), "1m to 24h is expected")
        }
    }
}

/// How long an unused tunnel is kept: 1 hour to 30 days, 30 days unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expiration(Duration);

impl Expiration {
    /// The shortest that is allowed.
    pub const MIN: Duration = Duration::from_secs(3600);
    /// The longest that is allowed.
    pub const MAX: Duration = Duration::from_secs(30 * 86_400);

    /// The time after its last use at which a tunnel is removed.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Expiration {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl TryFrom<Duration> for Expiration {
    type Error = ValueError;

    fn try_from(duration: Duration) -> Result<Self, ValueError> {
        if (Self::MIN..=Self::MAX).contains(&duration) {
            Ok(Self(duration))
        } else {
            refuse(&format!("{} s", duration.as_secs()), "1h to 30d is expected")
        }
    }
}

/// What all sessions together may hold: 16 MiB to 1 TiB, 1 GiB unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Buffers(u64);

impl Buffers {
    /// The number of bytes.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self(1024 * MEBIBYTE)
    }
}

impl FromStr for Buffers {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const EXPECTED: &str = "a size such as 512MiB or 2GiB is expected, from 16MiB to 1TiB";
        let units = [("MiB", MEBIBYTE), ("GiB", 1024 * MEBIBYTE), ("TiB", 1024 * 1024 * MEBIBYTE)];
        let read = units.iter().find_map(|(unit, size)| {
            let digits = text.strip_suffix(unit)?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()?.checked_mul(*size)).flatten()
        });
        match read {
            Some(bytes) if (16 * MEBIBYTE..=1024 * 1024 * MEBIBYTE).contains(&bytes) => {
                Ok(Self(bytes))
            }
            _ => refuse(text, EXPECTED),
        }
    }
}

/// Reads `90s`, `15m`, `8h` or `30d`.
///
/// # Errors
/// When it is not a whole number followed by one of the four units.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    match span::parse(text) {
        Some(duration) => Ok(duration),
        None => refuse(text, "a time such as 90s, 15m, 8h or 30d is expected"),
    }
}

const DAY: Duration = Duration::from_secs(86_400);
const MEBIBYTE: u64 = 1024 * 1024;

macro_rules! from_string {
    ($($type:ty => $read:expr),*) => {$(
        impl TryFrom<String> for $type {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                $read(&text)
            }
        }
    )*};
}

from_string! {
    Domain => str::parse,
    BaseUrl => str::parse,
    Buffers => str::parse,
    TokenLifetime => |text: &str| parse_duration(text)?.try_into(),
    Expiration => |text: &str| parse_duration(text)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_a_number_and_a_unit_that_says_which() {
        let bytes = |text: &str| text.parse::<Buffers>().map(Buffers::bytes);
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("2GiB"), Ok(2 << 30));
        assert_eq!(bytes("1TiB"), Ok(1 << 40));
        for text in ["", "MiB", "16", "16 MiB", "+16MiB", "16mib", "1025GiB", "99999999999999TiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_url_drops_its_own_port_and_keeps_others() {
        let url = |text: &str| text.parse::<BaseUrl>().unwrap();
        assert_eq!(url("https://CP.example.com:443/").as_str(), "https://cp.example.com");
        assert_eq!(url("http://127.0.0.1:9700").authority(), "127.0.0.1:9700");
        assert_eq!(url("http://127.0.0.1:9700").port_suffix(), ":9700");
        assert_eq!(url("http://[::1]:9700").port_suffix(), ":9700");
        assert_eq!(url("http://[::1]").port_suffix(), "");
        for text in
            ["example.com", "ws://x", "https://u@x/", "https://x/?q", "https://x/y", "https://"]
        {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
