//! Links by which a tunnel is shared. They are an extension: Microsoft's service and SDKs know nothing of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tolerant;
use crate::token::{self, Secret};

/// A link that lets whoever opens it visit a tunnel, until it ends or is revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TunnelLink {
    /// What it is revoked by; given by the service. It opens nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<String>,
    /// The link itself, which is a secret: told once, to whoever made it.
    #[serde(with = "token::exposed", skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// The one port that it opens; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_number: Option<u16>,
    /// When it ends.
    #[serde(with = "tolerant::time", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
}

/// The links of a tunnel, without their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinkList {
    /// The links.
    #[serde(deserialize_with = "tolerant::list")]
    pub value: Vec<TunnelLink>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_comes_back_as_it_was_sent_and_does_not_print() {
        let sent = json!({"linkId": "k3x9", "url": "https://cp.r/go/canary", "portNumber": 5173,
            "expiration": "2026-11-30T12:00:00Z"});
        let link: TunnelLink = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(link.url.as_ref().unwrap().expose(), "https://cp.r/go/canary");
        assert!(!format!("{link:?}").contains("canary"));
        assert_eq!(serde_json::to_value(&link).unwrap(), sent);
        assert_eq!(serde_json::to_value(TunnelLink::default()).unwrap(), json!({}));
    }

    #[test]
    fn what_is_null_is_absent() {
        let link: TunnelLink = serde_json::from_value(json!({"linkId": "k3x9", "url": null,
            "portNumber": null, "expiration": null, "label": "new"}))
        .unwrap();
        assert_eq!(link, TunnelLink { link_id: Some("k3x9".into()), ..TunnelLink::default() });
        let list: LinkList = serde_json::from_value(json!({"value": null})).unwrap();
        assert_eq!(list, LinkList::default());
    }
}
