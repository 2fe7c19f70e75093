//! The six scopes and sets of them.

use std::fmt;
use std::str::FromStr;

/// What a token or an entry of an access list lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Create tunnels. Belongs to users, never to a tunnel.
    Create,
    /// Change and delete the tunnel, its access list and its ports.
    Manage,
    /// Add, change and remove ports, and nothing else.
    ManagePorts,
    /// Serve the tunnel: register an endpoint, connect as its host, add ports.
    Host,
    /// See what goes through.
    Inspect,
    /// Connect to its ports.
    Connect,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 6] = [
        Scope::Create,
        Scope::Manage,
        Scope::ManagePorts,
        Scope::Host,
        Scope::Inspect,
        Scope::Connect,
    ];

    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Create => "create",
            Scope::Manage => "manage",
            Scope::ManagePorts => "manage:ports",
            Scope::Host => "host",
            Scope::Inspect => "inspect",
            Scope::Connect => "connect",
        }
    }

    /// Returns the scopes any of which grants this one: itself, and `manage` for `manage:ports`.
    pub const fn granted_by(self) -> Scopes {
        match self {
            Scope::ManagePorts => Scopes::of(&[Scope::ManagePorts, Scope::Manage]),
            scope => Scopes::of(&[scope]),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Scope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| ScopeError::Unknown(text.chars().take(40).collect()))
    }
}

/// Why a text names no scopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A word that is none of the six.
    #[error("'{0}' is not a scope; there are create, manage, manage:ports, host, inspect, connect")]
    Unknown(Box<str>),
    /// `create` where it means nothing.
    #[error("the scope 'create' belongs to users and cannot be asked of a tunnel")]
    CreateOnTunnel,
    /// Nothing between two separators.
    #[error("a scope is missing")]
    Empty,
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Scopes = Scopes(0);
    /// Any of these lets somebody read a tunnel and report events.
    pub const READ: Scopes =
        Scopes::of(&[Scope::Manage, Scope::ManagePorts, Scope::Host, Scope::Connect]);
    /// Any of these lets somebody add, change and remove ports.
    pub const WRITE_PORTS: Scopes = Scopes::of(&[Scope::Manage, Scope::ManagePorts, Scope::Host]);
    /// This lets somebody register and remove endpoints.
    pub const WRITE_ENDPOINTS: Scopes = Scopes::of(&[Scope::Host]);
    /// Everything that can be asked of a tunnel.
    pub const TUNNEL: Scopes = Scopes::of(&[
        Scope::Manage,
        Scope::ManagePorts,
        Scope::Host,
        Scope::Inspect,
        Scope::Connect,
    ]);

    /// Makes a set.
    pub const fn of(scopes: &[Scope]) -> Scopes {
        let mut bits = 0;
        let mut at = 0;
        while at < scopes.len() {
            bits |= 1 << scopes[at] as u8;
            at += 1;
        }
        Scopes(bits)
    }

    /// Whether this very scope is in the set; see [`Scopes::allows`] for what the set grants.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether the set grants this scope, by itself or by one that implies it.
    pub const fn allows(self, scope: Scope) -> bool {
        self.intersects(scope.granted_by())
    }

    /// Whether the two sets have a scope in common.
    pub const fn intersects(self, other: Scopes) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the set with one more scope.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Scopes {
        Scopes(self.0 | 1 << scope as u8)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the scopes in their order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

/// Words joined by spaces, as in a token's `scp`.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for scope in self.iter() {
            write!(f, "{separator}{scope}")?;
            separator = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::as_str)).finish()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Scopes::NONE, Scopes::with)
    }
}

/// Reads words separated by white space; no words are an empty set.
impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split_whitespace().map(str::parse::<Scope>).collect()
    }
}

/// One token to mint: an item of the `tokenScopes` parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The item as it was asked, under which the token is returned; words joined by one space.
    pub key: String,
    /// What the token is to grant.
    pub scopes: Scopes,
}

/// Reads the values of the `tokenScopes` parameter of a tunnel or port: comma lists, the parameter possibly repeated,
/// each item one scope or several joined by a space. An item that is asked twice is one request.
///
/// The values are percent-decoded already. A parameter without any item asks for nothing.
///
/// # Errors
/// A word that is no scope, or `create`.
pub fn token_requests<'a>(
    values: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<TokenRequest>, ScopeError> {
    let mut requests: Vec<TokenRequest> = Vec::new();
    for value in values.into_iter().filter(|value| !value.trim().is_empty()) {
        for item in value.split(',') {
            let request = token_request(item)?;
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
    }
    Ok(requests)
}

fn token_request(item: &str) -> Result<TokenRequest, ScopeError> {
    let scopes: Scopes = item.parse()?;
    if scopes.is_empty() {
        return Err(ScopeError::Empty);
    }
    if scopes.contains(Scope::Create) {
        return Err(ScopeError::CreateOnTunnel);
    }
    let words: Vec<&str> = item.split_whitespace().collect();
    Ok(TokenRequest { key: words.join(" "), scopes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(values: &[&str]) -> Result<Vec<(String, String)>, ScopeError> {
        let requests = token_requests(values.iter().copied())?;
        Ok(requests.into_iter().map(|each| (each.key, each.scopes.to_string())).collect())
    }

    #[test]
    fn every_scope_is_read_from_its_name_and_from_nothing_else() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for wrong in ["", "Host", "host ", "manage:", "manage:port", "admin"] {
            assert_eq!(wrong.parse::<Scope>(), Err(ScopeError::Unknown(wrong.into())));
        }
    }

    #[test]
    fn an_unknown_scope_is_named_but_not_at_any_length() {
        let error = "x".repeat(10_000).parse::<Scope>().unwrap_err().to_string();
        assert!(error.contains("xxx") && error.len() < 200, "{error}");
    }

    #[test]
    fn token_scopes_come_as_comma_lists_as_repeated_parameters_and_as_joined_words() {
        let pair = |key: &str, scopes: &str| (key.to_owned(), scopes.to_owned());
        assert_eq!(
            requests(&["host,connect"]),
            Ok(vec![pair("host", "host"), pair("connect", "connect")])
        );
        assert_eq!(requests(&["host", "connect"]), requests(&["host,connect"]));
        assert_eq!(
            requests(&["host connect,connect host"]),
            Ok(vec![pair("host connect", "host connect"), pair("connect host", "host connect")]),
            "each token is returned under the key that was asked"
        );
        assert_eq!(requests(&["host,host", "host"]), Ok(vec![pair("host", "host")]));
        assert_eq!(requests(&[]), Ok(vec![]));
        assert_eq!(requests(&["", " "]), Ok(vec![]));
    }

    #[test]
    fn no_token_is_minted_for_a_wrong_list() {
        assert_eq!(requests(&["host,"]), Err(ScopeError::Empty));
        assert_eq!(requests(&["create"]), Err(ScopeError::CreateOnTunnel));
        assert_eq!(requests(&["host create"]), Err(ScopeError::CreateOnTunnel));
        assert_eq!(requests(&["host", "root"]), Err(ScopeError::Unknown("root".into())));
    }

    #[test]
    fn only_manage_implies_another_scope() {
        for held in Scope::ALL {
            for wanted in Scope::ALL {
                let implied = held == Scope::Manage && wanted == Scope::ManagePorts;
                let allowed = Scopes::of(&[held]).allows(wanted);
                assert_eq!(allowed, held == wanted || implied, "{held} for {wanted}");
            }
        }
        assert!(Scope::ALL.into_iter().all(|wanted| !Scopes::NONE.allows(wanted)));
    }

    #[test]
    fn a_set_prints_as_it_is_read() {
        let set: Scopes = " connect  host\tmanage:ports host".parse().unwrap();
        assert_eq!(set.to_string(), "manage:ports host connect");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert_eq!(format!("{set:?}"), r#"{"manage:ports", "host", "connect"}"#);
        assert_eq!("".parse(), Ok(Scopes::NONE));
        assert!(Scopes::READ.intersects(set) && !Scopes::WRITE_ENDPOINTS.contains(Scope::Manage));
    }
}
