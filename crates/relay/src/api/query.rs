//! What stands behind the question mark, and in the conditional headers.
//!
//! Tolerant: parameters may be repeated, lists may be joined by commas or repeated, and unknown
//! parameters mean nothing.

use adit_proto::access::{ScopeError, TokenRequest, token_requests};
use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;

/// Query parameters, decoded.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let pairs = raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// Every value of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter that is not empty.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Whether a parameter says `true`, in any case.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.all(name).any(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A list that is joined by commas, repeated, or both.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        self.all(name).flat_map(|value| value.split(',')).filter(|item| !item.is_empty()).collect()
    }

    /// The tokens that are asked for.
    pub(super) fn token_requests(&self) -> Result<Vec<TokenRequest>, ScopeError> {
        token_requests(self.all("tokenScopes"))
    }
}

/// Form decoding: a plus is a space.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// What must hold for a PUT to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// Make it or change it.
    None,
    /// Make it only.
    Absent,
    /// Change it only.
    Present,
    /// Both, or a version of which this relay has none: it cannot hold.
    Impossible,
}

impl Condition {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // One of the SDKs writes a name that HTTP does not know.
        let none_match = any(headers, &header::IF_NONE_MATCH)
            || any(headers, &HeaderName::from_static("if-not-match"));
        let matches = headers.get(header::IF_MATCH);
        match (none_match, matches.map(|value| value == "*")) {
            (false, None) => Self::None,
            (true, None) => Self::Absent,
            (false, Some(true)) => Self::Present,
            (true, Some(_)) | (false, Some(false)) => Self::Impossible,
        }
    }
}

fn any(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(|value| value == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sdk_s_way_of_writing_a_list_is_read() {
        for raw in ["labels=a,b", "labels=a%2Cb", "labels=a&labels=b", "x&&labels=a&y=&labels=,b,"]
        {
            assert_eq!(Query::parse(Some(raw)).list("labels"), ["a", "b"], "{raw}");
        }
    }

    #[test]
    fn several_scopes_in_one_token_are_joined_by_a_space_however_encoded() {
        for raw in ["tokenScopes=host%20connect,manage", "tokenScopes=host+connect%2Cmanage"] {
            let requests = Query::parse(Some(raw)).token_requests().unwrap();
            let keys: Vec<_> = requests.iter().map(|request| &*request.key).collect();
            assert_eq!(keys, ["host connect", "manage"]);
        }
    }

    #[test]
    fn flags_are_true_in_any_case_and_parameters_may_repeat() {
        let query = Query::parse(Some("allLabels=True&api-version=1&api-version=1&global=false"));
        assert!(query.flag("allLabels") && !query.flag("global") && !query.flag("includePorts"));
        assert_eq!(query.all("api-version").count(), 2);
    }

    #[test]
    fn conditions_are_read_from_both_spellings() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            Condition::of(&pairs.collect())
        };
        assert_eq!(of(&[]), Condition::None);
        assert_eq!(of(&[("if-none-match", "*")]), Condition::Absent);
        assert_eq!(of(&[("if-not-match", "*")]), Condition::Absent);
        assert_eq!(of(&[("if-match", "*")]), Condition::Present);
        assert_eq!(of(&[("if-match", "\"v1\"")]), Condition::Impossible);
        assert_eq!(of(&[("if-none-match", "\"v1\"")]), Condition::None);
        assert_eq!(of(&[("if-match", "*"), ("if-none-match", "*")]), Condition::Impossible);
    }
}
