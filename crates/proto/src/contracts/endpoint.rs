//! Where a host and its clients meet.

use serde::{Deserialize, Serialize};

use super::tolerant::{self, open_enum};

/// The text in [`TunnelEndpoint::port_uri_format`] that stands for a port number.
const PORT_TOKEN: &str = "{port}";

/// One way to reach a host, registered by that host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelEndpoint {
    /// The endpoint's id, chosen by the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How the two meet.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub connection_mode: ConnectionMode,
    /// Who hosts; the same for every endpoint of one process.
    #[serde(deserialize_with = "tolerant::or_default")]
    pub host_id: String,
    /// The host's SSH public keys: wire format in padded standard base64.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub host_public_keys: Vec<String>,
    /// Websocket address for the host; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_relay_uri: Option<String>,
    /// Websocket address for clients; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_relay_uri: Option<String>,
    /// Web address of a port, with `{port}` for its number; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_uri_format: Option<String>,
    /// Web address of the default port; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_uri: Option<String>,
    /// An `ssh` command line for a port, with `{port}` for its number; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_ssh_command_format: Option<String>,
    /// An `ssh` command line for the default port; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_ssh_command: Option<String>,
    /// The key of the service's SSH gateway; set by the service when asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_public_key: Option<String>,
    /// Addresses of a host on the local network.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub host_endpoints: Vec<String>,
}

impl TunnelEndpoint {
    /// Returns the web address of a port.
    pub fn port_uri(&self, port: u16) -> Option<String> {
        Some(self.port_uri_format.as_ref()?.replace(PORT_TOKEN, &port.to_string()))
    }
}

open_enum! {
    /// How a host and a client meet.
    #[derive(Default)]
    pub enum ConnectionMode {
        /// Through a relay, which both connect to.
        #[default]
        TunnelRelay = "TunnelRelay",
        /// Directly on a local network; no SDK does it.
        LocalNetwork = "LocalNetwork",
    }
}
