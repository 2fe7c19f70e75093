//! A local port as it is written: `3000`, or `3000:https`.

use std::fmt;
use std::str::FromStr;

use adit_proto::contracts::{self, TunnelPort};
use adit_tunnel::management::change::OptionsChange;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use crate::form::Labels;

/// What the server on a port speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Found out from its first answer.
    #[default]
    Auto,
    /// HTTP.
    Http,
    /// HTTP over TLS; the certificate is not checked.
    Https,
}

/// A port of this computer that is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// What it speaks.
    pub protocol: Protocol,
}

impl Port {
    /// As the service writes it.
    pub fn to_contract(self) -> TunnelPort {
        let protocol = match self.protocol {
            Protocol::Auto => contracts::Protocol::Auto,
            Protocol::Http => contracts::Protocol::Http,
            Protocol::Https => contracts::Protocol::Https,
        };
        TunnelPort { port_number: self.number, protocol: Some(protocol), ..TunnelPort::default() }
    }
}

/// A port that is to be added, with what is said of it and how requests are passed on to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPort {
    /// 1 to 65535.
    pub number: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// What is said of it.
    pub description: Option<String>,
    /// Words to find it by.
    pub labels: Labels,
    /// How requests are passed on; what is left open is as the tunnel has it.
    pub options: OptionsChange,
}

impl NewPort {
    /// As the service writes it.
    pub fn to_contract(&self) -> TunnelPort {
        TunnelPort {
            description: self.description.clone(),
            labels: (!self.labels.is_empty()).then(|| self.labels.as_slice().to_vec()),
            options: self.options.over(None),
            ..Port { number: self.number, protocol: self.protocol }.to_contract()
        }
    }
}

impl From<Port> for NewPort {
    fn from(Port { number, protocol }: Port) -> Self {
        Self { number, protocol, ..Self::default() }
    }
}

/// Why a text is no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPort {
    /// Not a number, or one that no port has.
    #[error("a port is a number from 1 to 65535, such as 3000")]
    Number,
    /// What follows the colon.
    #[error("the protocol after the colon is auto, http or https, as in 3000:https")]
    Protocol,
}

impl FromStr for Port {
    type Err = BadPort;

    fn from_str(text: &str) -> Result<Self, BadPort> {
        let (number, protocol) = match text.split_once(':') {
            Some((number, protocol)) => (number, protocol.parse()?),
            None => (text, Protocol::Auto),
        };
        // `u16::from_str` would take a plus sign too.
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|number| digits && *number != 0);
        Ok(Self { number: number.ok_or(BadPort::Number)?, protocol })
    }
}

impl FromStr for Protocol {
    type Err = BadPort;

    fn from_str(text: &str) -> Result<Self, BadPort> {
        match text {
            "auto" => Ok(Self::Auto),
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(BadPort::Protocol),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Auto => write!(f, "{}", self.number),
            Protocol::Http => write!(f, "{}:http", self.number),
            Protocol::Https => write!(f, "{}:https", self.number),
        }
    }
}

/// In a file a port is a number or a text.
impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Port;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port such as 3000 or \"3000:https\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Port, E> {
                let port = u16::try_from(number).ok().filter(|number| *number != 0);
                match port {
                    Some(number) => Ok(Port { number, protocol: Protocol::Auto }),
                    None => Err(E::custom(BadPort::Number)),
                }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Port, E> {
                match i64::try_from(number) {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Port, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_written_as_it_is_read() {
        for text in ["1", "3000", "65535", "3000:http", "8443:https"] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), text);
        }
        assert_eq!("3000:auto".parse::<Port>(), "3000".parse());
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "0", "65536", "-1", "+80", " 80", "80 ", "http", ":http", "80.0", "３"] {
            assert_eq!(text.parse::<Port>(), Err(BadPort::Number), "{text}");
        }
        for text in ["80:", "80:tcp", "80:HTTP", "80:http:https"] {
            assert_eq!(text.parse::<Port>(), Err(BadPort::Protocol), "{text}");
        }
    }
}
