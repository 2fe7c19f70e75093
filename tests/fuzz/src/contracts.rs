//! Contracts: what was read once is written so that it reads the same again.

use adit_proto::{contracts, token};
use serde::{Serialize, de::DeserializeOwned};

/// Any JSON as any contract, and any text as a token.
pub fn contracts(data: &[u8]) {
    round_trip::<contracts::Tunnel>(data);
    round_trip::<contracts::TunnelPort>(data);
    round_trip::<contracts::TunnelEndpoint>(data);
    round_trip::<contracts::AccessControl>(data);
    round_trip::<contracts::TunnelStatus>(data);
    round_trip::<contracts::ProblemDetails>(data);
    round_trip::<contracts::TunnelListByRegionResponse>(data);
    round_trip::<contracts::PortList>(data);
    round_trip::<contracts::ClusterRecommendationResponse>(data);
    round_trip::<contracts::TunnelEvent>(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = token::peek(text);
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_string(&read).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    let rewritten = serde_json::to_string(&again).expect("and written again");
    assert_eq!(written, rewritten);
}
