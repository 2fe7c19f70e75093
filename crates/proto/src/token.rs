//! Secrets, and what can be read from a token without checking it.
//!
//! [`Secret`] cannot print: no `Display`, no `Serialize`, and `Debug` says `[redacted]`. It is written out in a few
//! places only, each by name: [`Secret::expose`], and two members of contracts, `accessTokens` and the `url` of a link.
//! Tokens are minted and verified elsewhere; [`peek`] trusts nothing and decides nothing.

use std::fmt;
use std::hint;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::access::Scope;

/// Payloads beyond this size are nobody's tunnel token.
const LONGEST_PAYLOAD: usize = 64 * 1024;

/// A text that must not be seen: a token, a key, a password.
///
/// Dropping it overwrites its bytes, as well as that can be done without unsafe code. Comparing takes the same time
/// whatever the contents, though not whatever the lengths.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text; its allocation is taken over, so no copy stays behind.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Returns the text, for the one place that must send or hash it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Keeps the optimizer from dropping the writes to memory that is about to be freed.
        hint::black_box(&bytes);
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        let differing = ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b));
        ours.len() == theirs.len() && hint::black_box(differing) == 0
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret)
    }
}

/// What a token says about itself, unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// When it ends.
    pub exp: Option<Timestamp>,
    /// When it was made.
    pub iat: Option<Timestamp>,
    /// Its scopes, as written.
    pub scp: Vec<String>,
    /// The tunnel it is for.
    pub tunnel_id: Option<String>,
    /// The cluster it is for.
    pub cluster_id: Option<String>,
    /// The ports it is limited to; empty for no such limit.
    pub ports: Vec<u16>,
}

impl Claims {
    /// Whether the token names this scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.scp.iter().any(|word| word == scope.as_str())
    }
}

/// Reads what a token says about itself. `None` for anything that is not a JWT with a JSON object in its middle: such
/// tokens are opaque, not wrong.
///
/// The signature is not looked at. Use the result for display and for knowing when to fetch a new token, never to
/// let anybody in. Claims of an unexpected type are left out.
pub fn peek(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || payload.is_empty() || payload.len() > LONGEST_PAYLOAD {
        return None;
    }
    let claims: Map<String, Value> = serde_json::from_slice(&decode(payload)?).ok()?;
    Some(Claims {
        exp: claims.get("exp").and_then(seconds),
        iat: claims.get("iat").and_then(seconds),
        scp: claims.get("scp").map(words).unwrap_or_default(),
        tunnel_id: text(&claims, "tunnelId"),
        cluster_id: text(&claims, "clusterId"),
        ports: claims
            .get("tunnelPorts")
            .or_else(|| claims.get("tunnelPort"))
            .map(ports)
            .unwrap_or_default(),
    })
}

/// Decodes base64 in either alphabet, padded or not: encoders differ and nothing is gained by refusing one.
fn decode(payload: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    ENGINE.decode(payload.replace('+', "-").replace('/', "_")).ok()
}

fn seconds(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(list) => list.iter().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

fn ports(value: &Value) -> Vec<u16> {
    match value {
        Value::Array(list) => list.iter().flat_map(ports).collect(),
        Value::String(text) => text.parse().into_iter().collect(),
        other => other.as_u64().and_then(|port| u16::try_from(port).ok()).into_iter().collect(),
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}

/// Writes and reads the one secret of a contract.
pub(crate) mod exposed {
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::Serializer;

    use super::Secret;

    /// Writes the secret in the clear.
    pub(crate) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_str(secret.expose()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the secret.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Option::deserialize(deserializer)
    }
}

/// Writes the `accessTokens` member, the one contract member that carries secrets out.
pub(crate) mod exposed_map {
    use std::collections::BTreeMap;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::Serializer;

    use super::Secret;

    /// Writes the tokens in the clear.
    pub(crate) fn serialize<S: Serializer>(
        tokens: &Option<BTreeMap<String, Secret>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match tokens {
            Some(tokens) => serializer.collect_map(tokens.iter().map(|(k, v)| (k, v.expose()))),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the tokens; one that is `null` is absent.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<BTreeMap<String, Secret>>, D::Error> {
        let tokens = Option::<BTreeMap<String, Option<Secret>>>::deserialize(deserializer)?;
        Ok(tokens.map(|tokens| {
            tokens.into_iter().filter_map(|(key, token)| Some((key, token?))).collect()
        }))
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        format!("eyJ.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_secret_does_not_show_in_anything_that_holds_it() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret:?} {:#?}", Some((1, &secret))).matches("canary").count(), 0);
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.expose(), "canary");
    }

    #[test]
    fn secrets_are_equal_by_their_whole_text() {
        let secret = Secret::from("abc");
        assert_eq!(secret, secret.clone());
        for other in ["", "ab", "abd", "abcd", "xbc"] {
            assert_ne!(secret, Secret::from(other), "{other}");
        }
        assert!(Secret::from("").is_empty() && !secret.is_empty());
    }

    #[test]
    fn a_secret_is_read_from_json_but_only_a_text() {
        assert_eq!(serde_json::from_value::<Secret>(json!("x")).unwrap(), Secret::from("x"));
        assert!(serde_json::from_value::<Secret>(json!(1)).is_err());
    }

    #[test]
    fn the_token_of_a_recorded_session_tells_its_claims() {
        let recorded = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.\
            eyJjbHVzdGVySWQiOiJ1c3cyIiwidHVubmVsSWQiOiJtYWplc3RpYy1sYWtlLTJuYmoydGoiLCJzY3AiOiJob3N0\
            IiwiZXhwIjoxNzk1NTM3OTY2LCJpc3MiOiJodHRwczovL21vY2svIiwiYXVkIjoibW9jayJ9.c2lnbmF0dXJl";
        let claims = peek(recorded).unwrap();
        assert_eq!(claims.cluster_id.as_deref(), Some("usw2"));
        assert_eq!(claims.tunnel_id.as_deref(), Some("majestic-lake-2nbj2tj"));
        assert_eq!(claims.exp.unwrap().as_second(), 1_795_537_966);
        assert!(claims.has(Scope::Host) && !claims.has(Scope::Connect));
        assert!(claims.ports.is_empty() && claims.iat.is_none());
    }

    #[test]
    fn claims_are_read_in_every_form_that_services_write() {
        for (written, ports) in [
            (json!({"tunnelPorts": 80}), vec![80]),
            (json!({"tunnelPorts": [80, 443]}), vec![80, 443]),
            (json!({"tunnelPort": 8080}), vec![8080]),
            (json!({"tunnelPort": "8080"}), vec![8080]),
            (json!({"tunnelPorts": [70_000, -1, null, "x", 1]}), vec![1]),
            (json!({"tunnelPorts": {}}), vec![]),
        ] {
            assert_eq!(peek(&token(&written)).unwrap().ports, ports, "{written}");
        }
        let scopes = |written| peek(&token(&written)).unwrap().scp;
        assert_eq!(scopes(json!({"scp": " host  connect "})), ["host", "connect"]);
        assert_eq!(scopes(json!({"scp": ["host", "connect inspect"]})).len(), 3);
        assert_eq!(scopes(json!({"scp": 5})), [""; 0]);
        let ends = |written| peek(&token(&written)).unwrap().exp.map(Timestamp::as_second);
        assert_eq!(ends(json!({"exp": 1.9e9})), Some(1_900_000_000));
        assert_eq!(ends(json!({"exp": -5})), Some(-5));
        assert_eq!(ends(json!({"exp": 1e300})), None);
        assert_eq!(ends(json!({"exp": "soon"})), None);
        assert_eq!(peek(&token(&json!({}))), Some(Claims::default()));
    }

    #[test]
    fn either_alphabet_and_any_padding_is_read() {
        // Chosen so that the encoding needs both special characters and padding.
        let claims = json!({"tunnelId": "~~~???>>>\u{fb}\u{ff}x"}).to_string();
        let standard = STANDARD.encode(&claims);
        assert!(standard.contains(['+', '/']), "{standard}");
        let expected = peek(&token(&serde_json::from_str(&claims).unwrap()));
        assert!(expected.is_some());
        assert_eq!(peek(&format!("h.{standard}.s")), expected);
        assert_eq!(peek(&format!("h.{}.s", standard.trim_end_matches('='))), expected);
    }

    #[test]
    fn what_is_no_token_is_opaque() {
        let list = format!("h.{}.s", URL_SAFE_NO_PAD.encode("[1]"));
        let long = format!("h.{}.s", "A".repeat(LONGEST_PAYLOAD + 1));
        for text in
            ["", "a", "a.b", "..", "a..c", "a.e30", "a.e30.c.d", "a.!.c", "a.e3.c", &list, &long]
        {
            assert_eq!(peek(text), None, "{}", &text[..text.len().min(40)]);
        }
        assert!(peek("a.e30.c").is_some());
    }

    proptest! {
        #[test]
        fn peeking_at_anything_ends_well(text in any::<String>(), payload in any::<Vec<u8>>()) {
            peek(&text);
            peek(&format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload)));
        }
    }
}
