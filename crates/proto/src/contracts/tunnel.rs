//! A tunnel and its options.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tolerant;
use super::{AccessControl, TunnelEndpoint, TunnelPort, TunnelStatus};
use crate::access::Scope;
use crate::id::FullId;
use crate::token::{self, Secret};

/// A tunnel: in a response the whole of it, in the body of an update only what changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tunnel {
    /// Where the tunnel lives; set by the service and present in all its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The id, chosen by the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<String>,
    /// A short name, unique in its domain; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find the tunnel by.
    #[serde(deserialize_with = "tolerant::maybe_list", skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// A custom domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The tokens that were asked for, by the scopes asked (one word, or several joined by a space).
    #[serde(with = "token::exposed_map", skip_serializing_if = "Option::is_none")]
    pub access_tokens: Option<BTreeMap<String, Secret>>,
    /// Who may do what, besides the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// How its ports behave unless a port says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<TunnelOptions>,
    /// What the service counts; set by the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TunnelStatus>,
    /// Where hosts and clients connect.
    #[serde(deserialize_with = "tolerant::maybe_list", skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<TunnelEndpoint>>,
    /// The ports: absent unless asked for; in an update, present means "exactly these".
    #[serde(deserialize_with = "tolerant::maybe_list", skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<TunnelPort>>,
    /// When the tunnel was made; set by the service.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it goes away unless it is used before; set by the service.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
    /// How long after its last use it goes away, in seconds.
    #[serde(deserialize_with = "tolerant::maybe_number", skip_serializing_if = "Option::is_none")]
    pub custom_expiration: Option<u32>,
}

impl Tunnel {
    /// Returns `id.cluster` when both are there and well formed.
    pub fn full_id(&self) -> Option<FullId> {
        let tunnel = self.tunnel_id.as_deref()?.parse().ok()?;
        let cluster = self.cluster_id.as_deref()?.parse().ok()?;
        Some(FullId { tunnel, cluster })
    }

    /// Returns a token that was minted for `scope`, alone or among others.
    pub fn token(&self, scope: Scope) -> Option<&Secret> {
        token_for(self.access_tokens.as_ref()?, scope)
    }

    /// Returns the port of that number.
    pub fn port(&self, number: u16) -> Option<&TunnelPort> {
        self.ports.as_ref()?.iter().find(|port| port.port_number == number)
    }
}

/// Finds the token under a key of which `scope` is a word; the key with the fewest words wins.
pub(super) fn token_for(tokens: &BTreeMap<String, Secret>, scope: Scope) -> Option<&Secret> {
    tokens
        .iter()
        .filter(|(key, _)| key.split(' ').any(|word| word == scope.as_str()))
        .min_by_key(|(key, _)| key.split(' ').count())
        .map(|(_, token)| token)
}

/// How a tunnel's ports behave; the same type on a port, whose values win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelOptions {
    /// Whether the tunnel is reachable from every cluster.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_globally_available: Option<bool>,
    /// The `Host` header that the local server gets; `localhost` unless set, empty for not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_header: Option<String>,
    /// Whether the visitor's own `Host` header is passed on.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_host_header_unchanged: Option<bool>,
    /// The `Origin` header that the local server gets; of `localhost` unless set, empty for not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_header: Option<String>,
    /// Whether the visitor's own `Origin` header is passed on.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_origin_header_unchanged: Option<bool>,
    /// Whether traffic may be inspected.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_inspection_enabled: Option<bool>,
    /// Whether requests that come from pages of another site carry the visitor's sign-in.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_cross_site_authentication_enabled: Option<bool>,
    /// Whether the visitor's sign-in is kept apart for each site that embeds the page.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_partitioned_site_authentication_enabled: Option<bool>,
    /// Whether a visitor may authenticate by `Authorization: Bearer`.
    #[serde(deserialize_with = "tolerant::maybe_flag", skip_serializing_if = "Option::is_none")]
    pub is_bearer_token_authentication_enabled: Option<bool>,
    /// How long a request may be silent, in seconds; 0 for no limit, 100 unless set.
    #[serde(deserialize_with = "tolerant::maybe_number", skip_serializing_if = "Option::is_none")]
    pub request_timeout_seconds: Option<u32>,
}

impl TunnelOptions {
    /// Returns these options with what they leave open taken from `base`: `port.over(&tunnel)`.
    #[must_use]
    pub fn over(&self, base: &TunnelOptions) -> TunnelOptions {
        TunnelOptions {
            is_globally_available: self.is_globally_available.or(base.is_globally_available),
            host_header: text_over(&self.host_header, &base.host_header),
            is_host_header_unchanged: self
                .is_host_header_unchanged
                .or(base.is_host_header_unchanged),
            origin_header: text_over(&self.origin_header, &base.origin_header),
            is_origin_header_unchanged: self
                .is_origin_header_unchanged
                .or(base.is_origin_header_unchanged),
            is_inspection_enabled: self.is_inspection_enabled.or(base.is_inspection_enabled),
            is_cross_site_authentication_enabled: self
                .is_cross_site_authentication_enabled
                .or(base.is_cross_site_authentication_enabled),
            is_partitioned_site_authentication_enabled: self
                .is_partitioned_site_authentication_enabled
                .or(base.is_partitioned_site_authentication_enabled),
            is_bearer_token_authentication_enabled: self
                .is_bearer_token_authentication_enabled
                .or(base.is_bearer_token_authentication_enabled),
            request_timeout_seconds: self.request_timeout_seconds.or(base.request_timeout_seconds),
        }
    }
}

/// An empty text is how a text is cleared, so it is as open as an absent one.
fn text_over(own: &Option<String>, base: &Option<String>) -> Option<String> {
    own.clone().filter(|text| !text.is_empty()).or_else(|| base.clone())
}
