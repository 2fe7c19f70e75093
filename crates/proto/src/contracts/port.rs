//! A port of a tunnel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tolerant::{self, open_enum};
use super::tunnel::token_for;
use super::{AccessControl, PortStatus, TunnelOptions};
use crate::access::Scope;
use crate::token::{self, Secret};

/// A port: in a response the whole of it, in the body of an update only what changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelPort {
    /// Where the tunnel lives; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The tunnel's id; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<String>,
    /// The port's number; 0 when a partial update left it to the path.
    #[serde(deserialize_with = "tolerant::number", skip_serializing_if = "is_zero")]
    pub port_number: u16,
    /// A short name, unique among the tunnel's ports; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find the port by.
    #[serde(deserialize_with = "tolerant::maybe_list", skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// What the local server speaks; absent means [`Protocol::Auto`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Whether the tunnel's URI without a port leads here.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    /// The tokens that were asked for, by the scopes asked.
    #[serde(with = "token::exposed_map", skip_serializing_if = "Option::is_none")]
    pub access_tokens: Option<BTreeMap<String, Secret>>,
    /// Who may do what; in a response the tunnel's entries come first, marked as inherited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// How this port behaves; what it leaves open comes from the tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<TunnelOptions>,
    /// What the service counts; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PortStatus>,
    /// The user name for `ssh` ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_user: Option<String>,
    /// Web addresses of the port; set by the service.
    #[serde(deserialize_with = "tolerant::maybe_list", skip_serializing_if = "Option::is_none")]
    pub port_forwarding_uris: Option<Vec<String>>,
    /// Web address of its inspector; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection_uri: Option<String>,
}

impl TunnelPort {
    /// Returns a token that was minted for `scope`, alone or among others.
    pub fn token(&self, scope: Scope) -> Option<&Secret> {
        token_for(self.access_tokens.as_ref()?, scope)
    }
}

open_enum! {
    /// What a local server speaks.
    #[derive(Default)]
    pub enum Protocol {
        /// Found out from the first bytes.
        #[default]
        Auto = "auto",
        /// Any bytes over TCP.
        Tcp = "tcp",
        /// Datagrams; the relay protocol carries none.
        Udp = "udp",
        /// SSH.
        Ssh = "ssh",
        /// Remote desktop.
        Rdp = "rdp",
        /// Plain HTTP.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
    }
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}
