//! The flags that say what a tunnel or a port is to be.

use std::fmt;
use std::str::FromStr;

use adit_app::access::{Access, Open};
use adit_app::port::Protocol as Known;
use adit_proto::constraints::CUSTOM_EXPIRATION;
use adit_proto::contracts::{Protocol, TunnelOptions};
use adit_proto::span;
use adit_tunnel::management::change::{Change, Header, OptionsChange, Removal};

/// How requests are passed on to the local server.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Forwarding {
    /// The Host header that the local server gets; `unchanged` for the visitor's own.
    #[arg(long, value_name = "VALUE", value_parser = header)]
    host_header: Option<Header>,

    /// The Origin header that the local server gets; `unchanged` for the visitor's own.
    #[arg(long, value_name = "VALUE", value_parser = header)]
    origin_header: Option<Header>,

    /// How long a request may be silent, in seconds; 0 for no limit, 100 unless said.
    #[arg(long, value_name = "SECONDS")]
    request_timeout: Option<u32>,
}

/// What something new is to be.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct New {
    /// What it is for.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// Words to find it by, separated by spaces.
    #[arg(short, long, alias = "tags", value_name = "LABEL", num_args = 1..)]
    pub(crate) labels: Vec<String>,

    #[command(flatten)]
    pub(crate) forwarding: Forwarding,
}

/// What a tunnel is to be, besides.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct NewTunnel {
    #[command(flatten)]
    pub(crate) new: New,

    /// How long after its last use it goes away: 1h to 30d.
    #[arg(short, long, value_name = "TIME")]
    pub(crate) expiration: Option<Expiration>,

    /// Let everybody visit who knows the URL, for 8 hours or another time such as 30m or 2d.
    #[arg(
        short = 'a',
        long = "allow-anonymous",
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = Open::DEFAULT
    )]
    pub(crate) anonymous: Option<Open>,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Changed {
    /// What it is for; empty for nothing.
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,

    /// Labels to add, separated by spaces.
    #[arg(long, alias = "add-tags", value_name = "LABEL", num_args = 1..)]
    add_labels: Vec<String>,

    /// Labels to take away, separated by spaces; all of them where none is named.
    #[arg(long, alias = "remove-tags", value_name = "LABEL", num_args = 0..)]
    remove_labels: Option<Vec<String>>,

    #[command(flatten)]
    forwarding: Forwarding,
}

impl Forwarding {
    /// As a change.
    fn change(self) -> OptionsChange {
        let Self { host_header, origin_header, request_timeout } = self;
        OptionsChange { host_header, origin_header, request_timeout }
    }

    /// As the options of something new.
    pub(crate) fn options(self) -> Option<TunnelOptions> {
        self.change().over(None)
    }
}

impl New {
    /// The labels; none where there are none.
    pub(crate) fn labels(&self) -> Option<Vec<String>> {
        Some(self.labels.clone()).filter(|labels| !labels.is_empty())
    }

    /// The same for something that exists: labels come to those that are there.
    pub(crate) fn change(self) -> Change {
        Change {
            description: self.description,
            add_labels: self.labels,
            remove_labels: Removal::Nothing,
            options: self.forwarding.change(),
        }
    }
}

impl NewTunnel {
    /// Who may visit.
    pub(crate) fn access(&self) -> Access {
        self.anonymous.map_or(Access::Private, Access::Anonymous)
    }
}

impl Changed {
    /// As a change.
    pub(crate) fn change(self) -> Change {
        Change {
            description: self.description,
            add_labels: self.add_labels,
            remove_labels: match self.remove_labels {
                None => Removal::Nothing,
                Some(labels) if labels.is_empty() => Removal::All,
                Some(labels) => Removal::These(labels),
            },
            options: self.forwarding.change(),
        }
    }
}

/// How long after its last use a tunnel goes away, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiration(pub(crate) u32);

impl FromStr for Expiration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let seconds = span::parse(text).and_then(|time| u32::try_from(time.as_secs()).ok());
        let seconds = seconds.filter(|seconds| CUSTOM_EXPIRATION.contains(seconds));
        seconds.map(Self).ok_or("a time from 1h to 30d is expected, such as 4h or 7d")
    }
}

fn header(text: &str) -> Result<Header, std::convert::Infallible> {
    Ok(match text {
        "unchanged" => Header::Unchanged,
        value => Header::Is(value.to_owned()),
    })
}

/// What a local server speaks, as the service writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Speaks(pub(crate) Protocol);

impl FromStr for Speaks {
    type Err = BadProtocol;

    fn from_str(text: &str) -> Result<Self, BadProtocol> {
        match text.parse() {
            Ok(Known::Auto) => Ok(Self(Protocol::Auto)),
            Ok(Known::Http) => Ok(Self(Protocol::Http)),
            Ok(Known::Https) => Ok(Self(Protocol::Https)),
            Err(_) => Err(BadProtocol),
        }
    }
}

/// Why a text is no protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadProtocol;

impl std::error::Error for BadProtocol {}

impl fmt::Display for BadProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there are http, https and auto; other TCP passes through `adit connect`, with auto",
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        changed: Changed,
    }

    fn change(line: &str) -> Change {
        let words = std::iter::once("update").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().changed.change()
    }

    #[test]
    fn labels_are_taken_away_all_or_by_name() {
        assert_eq!(change(""), Change::default());
        assert_eq!(change("--remove-labels").remove_labels, Removal::All);
        let these = Removal::These(vec!["a".into(), "b".into()]);
        assert_eq!(change("--remove-labels a b --add-labels c").remove_labels, these);
        assert_eq!(change("--remove-tags a b").remove_labels, these);
        assert_eq!(change("--add-labels a b").add_labels, ["a", "b"]);
    }

    #[test]
    fn a_header_is_unchanged_or_a_value() {
        let options = change("--host-header unchanged --origin-header http://o").options;
        assert_eq!(options.host_header, Some(Header::Unchanged));
        assert_eq!(options.origin_header, Some(Header::Is("http://o".into())));
    }

    #[test]
    fn an_expiration_is_from_an_hour_to_thirty_days() {
        for (text, seconds) in [("1h", 3600), ("90m", 5400), ("30d", 2_592_000)] {
            assert_eq!(text.parse::<Expiration>().unwrap().0, seconds);
        }
        for text in ["59m", "31d", "30", "", "1w", "never"] {
            assert!(text.parse::<Expiration>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_protocol_that_the_edge_does_not_serve_is_refused_with_a_way() {
        assert_eq!("https".parse::<Speaks>().unwrap().0, Protocol::Https);
        for text in ["tcp", "udp", "ssh", "rdp", "HTTP", ""] {
            assert!(text.parse::<Speaks>().unwrap_err().to_string().contains("connect"), "{text}");
        }
    }
}
