//! How requests to one port are forwarded: the tunnel's and the port's options, read once.

use std::time::Duration;

use adit_proto::contracts::TunnelOptions;
use http::HeaderValue;

use crate::record::TunnelRecord;

/// How long a request may be silent when the tunnel says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// How requests to one port are forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the local server is told it is called.
    pub host: HostHeader,
    /// What the local server is told of a page that belongs to the tunnel itself.
    pub origin: OriginHeader,
    /// Whether `Authorization` may carry the visitor's right to connect.
    pub bearer: bool,
    /// How long a request may be silent.
    pub timeout: Option<Duration>,
    /// How long an upgraded connection may be silent: for as long as its ends like, unless the
    /// tunnel set a time itself. Nobody expects a quiet WebSocket to end by default.
    pub upgraded_timeout: Option<Duration>,
}

/// The `Host` that the local server gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostHeader {
    /// `localhost`
    Localhost,
    /// This one.
    Fixed(HeaderValue),
    /// The visitor's.
    Unchanged,
}

/// The `Origin` that the local server gets instead of the tunnel's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginHeader {
    /// The origin of the `Host` that it gets, so that the two agree: servers compare them.
    AsHost,
    /// This one.
    Fixed(HeaderValue),
    /// The visitor's.
    Unchanged,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: HostHeader::Localhost,
            origin: OriginHeader::AsHost,
            bearer: false,
            timeout: Some(DEFAULT_TIMEOUT),
            upgraded_timeout: None,
        }
    }
}

impl Options {
    /// The options of a port of a tunnel, which go before the tunnel's; nothing if it has no such
    /// port.
    pub fn of(tunnel: &TunnelRecord, port: u16) -> Option<Self> {
        let port = tunnel.ports.get(&port)?;
        Some(match (&port.options, &tunnel.options) {
            (None, None) => Self::default(),
            (Some(options), None) | (None, Some(options)) => options.into(),
            (Some(port), Some(tunnel)) => (&port.over(tunnel)).into(),
        })
    }
}

impl From<&TunnelOptions> for Options {
    /// A header text that could not stand in a request counts as not set.
    fn from(options: &TunnelOptions) -> Self {
        let header = |text: &Option<String>| -> Option<HeaderValue> {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
            HeaderValue::from_str(text).ok().filter(|value| value.to_str().is_ok())
        };
        let is = |flag: Option<bool>| flag == Some(true);
        let host = if is(options.is_host_header_unchanged) {
            HostHeader::Unchanged
        } else {
            header(&options.host_header).map_or(HostHeader::Localhost, HostHeader::Fixed)
        };
        let origin = if is(options.is_origin_header_unchanged) {
            OriginHeader::Unchanged
        } else {
            header(&options.origin_header).map_or(OriginHeader::AsHost, OriginHeader::Fixed)
        };
        let seconds = options.request_timeout_seconds;
        let set = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let set = set.filter(|timeout| !timeout.is_zero());
        Self {
            host,
            origin,
            bearer: is(options.is_bearer_token_authentication_enabled),
            timeout: if seconds.is_none() { Some(DEFAULT_TIMEOUT) } else { set },
            upgraded_timeout: set,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_localhost_and_a_hundred_seconds() {
        assert_eq!(Options::from(&TunnelOptions::default()), Options::default());
    }

    #[test]
    fn unchanged_wins_over_a_value() {
        let options = Options::from(&TunnelOptions {
            host_header: Some("app.test".into()),
            is_host_header_unchanged: Some(true),
            origin_header: Some("http://app.test".into()),
            is_origin_header_unchanged: Some(false),
            ..TunnelOptions::default()
        });
        assert_eq!(options.host, HostHeader::Unchanged);
        assert_eq!(
            options.origin,
            OriginHeader::Fixed(HeaderValue::from_static("http://app.test"))
        );
    }

    #[test]
    fn zero_seconds_mean_no_limit_and_a_set_time_also_ends_silent_upgrades() {
        let timeouts = |seconds| {
            let request_timeout_seconds = Some(seconds);
            let set = TunnelOptions { request_timeout_seconds, ..TunnelOptions::default() };
            let options = Options::from(&set);
            (options.timeout, options.upgraded_timeout)
        };
        let seven = Some(Duration::from_secs(7));
        assert_eq!(timeouts(0), (None, None));
        assert_eq!(timeouts(7), (seven, seven));
    }

    #[test]
    fn a_header_that_could_smuggle_is_not_taken() {
        let options = Options::from(&TunnelOptions {
            host_header: Some("a\r\nX-Evil: 1".into()),
            origin_header: Some(" ".into()),
            ..TunnelOptions::default()
        });
        assert_eq!(options, Options::default());
    }
}
