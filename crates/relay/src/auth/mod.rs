//! Who is asking, and whether they may.
//!
//! [`Auth::recognize`] turns what a request presents into a [`Caller`]: nobody, a user by API key, or
//! a tunnel access token, which must not have expired *then*. [`Auth::allow`] decides one use on the
//! current state: it is called again whenever something is opened, and refuses callers that were
//! revoked since, but not tokens that merely expired.

mod file;
mod jwt;
mod key;
mod pass;
pub mod users;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use adit_proto::access::{self, Decision, Refusal, Request, Scope, Scopes, Subject, TokenRequest};
use adit_proto::id::UserId;
use adit_proto::token::Secret;
use http::HeaderValue;
use jiff::Timestamp;

use crate::directory::Directory;
use crate::record::{TunnelRecord, User};
use crate::store::StoreError;

pub(crate) use key::{hash as hash_key, letters};

pub use file::KeyError;
pub use jwt::{Signer, Token, TokenError};
pub use pass::{Pass, PassKey};

/// Identifies callers and decides what they may.
#[derive(Debug)]
pub struct Auth {
    directory: Arc<Directory>,
    signer: Signer,
    token_lifetime: Duration,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nothing was presented.
    Anonymous,
    /// A user, by API key.
    User(UserId),
    /// Whoever holds this token.
    Token(Box<Token>),
}

impl Caller {
    /// The user who asks or on whose behalf the token was made.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Anonymous => None,
            Self::User(id) => Some(id),
            Self::Token(token) => token.user.as_ref(),
        }
    }
}

/// Why what was presented identifies nobody. The answer is 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// Neither an authorization that this relay knows nor a token.
    #[error("the Authorization header is not one this relay understands")]
    Malformed,
    /// No user has this key.
    #[error("no user has this API key")]
    UnknownKey,
    /// The user was revoked.
    #[error("this user has been revoked")]
    Revoked,
    /// The token does not count.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why it is not known who asks.
#[derive(Debug, thiserror::Error)]
pub enum Unrecognized {
    /// What was presented identifies nobody. The answer is 401.
    #[error(transparent)]
    Unidentified(#[from] Unidentified),
    /// The users could not be read. The answer is 503.
    #[error("the relay could not look the API key up; try again in a moment")]
    Store(#[from] StoreError),
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The user or token was revoked since; a fresh token may help. The answer is 401.
    #[error("the access token has been revoked")]
    Revoked,
    /// Nothing was presented and it is not open to everybody. The answer is 401.
    #[error("sign in first: this is not open to everybody")]
    SignInRequired,
    /// The token is for something else. The answer is 403.
    #[error("the access token is not for {0}")]
    WrongToken(Mismatch),
    /// The access lists say no. The answer is 403.
    #[error(transparent)]
    Access(Refusal),
}

/// How a token does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is for another tunnel.
    #[error("this tunnel")]
    Tunnel,
    /// It is for other ports.
    #[error("this port")]
    Port,
    /// It lacks the scope.
    #[error("the scope `{0}`")]
    Scope(Scope),
}

impl Refused {
    /// Whether new credentials could change the answer: 401 rather than 403.
    pub fn wants_credentials(&self) -> bool {
        matches!(self, Self::Revoked | Self::SignInRequired)
    }
}

impl Auth {
    /// Decides by `directory`, signs with `signer`.
    pub fn new(directory: Arc<Directory>, signer: Signer, token_lifetime: Duration) -> Self {
        Self { directory, signer, token_lifetime }
    }

    /// Who presents this value of an `Authorization` header, if there is one. A key that nobody has
    /// may be one that the command line made a moment ago, so the users are read again before it is
    /// refused.
    ///
    /// # Errors
    /// When there is one that identifies nobody, or the users cannot be read.
    pub async fn recognize(
        &self,
        value: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<Caller, Unrecognized> {
        let Some(value) = value else { return Ok(Caller::Anonymous) };
        match self.identify_value(value, now) {
            Err(Unidentified::UnknownKey) => {
                self.directory.refresh().await?;
                Ok(self.identify_value(value, now)?)
            }
            identified => Ok(identified?),
        }
    }

    /// Who presents this value in the form of an `Authorization` header.
    ///
    /// `Bearer`, `github`, `aad`, `tunnelplan` and `apikey` in any case carry an API key; `tunnel`
    /// or no scheme at all carries a tunnel access token. An empty value presents nothing.
    ///
    /// # Errors
    /// When it identifies nobody.
    fn identify_value(&self, value: &HeaderValue, now: Timestamp) -> Result<Caller, Unidentified> {
        let text = value.to_str().map_err(|_| Unidentified::Malformed)?.trim();
        match text.split_once(' ').map(|(scheme, rest)| (scheme, rest.trim())) {
            None if text.is_empty() => Ok(Caller::Anonymous),
            None => self.identify_token(text, now),
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("tunnel") => {
                self.identify_token(token, now)
            }
            Some((scheme, key)) if is_user_scheme(scheme) => self.identify_key(key),
            Some(_) => Err(Unidentified::Malformed),
        }
    }

    /// Who holds this tunnel access token.
    ///
    /// # Errors
    /// When it is not a token of this relay, or has expired.
    pub fn identify_token(&self, text: &str, now: Timestamp) -> Result<Caller, Unidentified> {
        Ok(Caller::Token(Box::new(self.signer.verify(text, now)?)))
    }

    fn identify_key(&self, key: &str) -> Result<Caller, Unidentified> {
        let hash = key::hash(key);
        match self.directory.user_with_key(&hash) {
            Some(user) if !key::same(&user.key, &hash) => Err(Unidentified::UnknownKey),
            Some(user) if user.active => Ok(Caller::User(user.id.clone())),
            Some(_) => Err(Unidentified::Revoked),
            None => Err(Unidentified::UnknownKey),
        }
    }

    /// The user who asks in person, that is, by API key.
    pub fn in_person(&self, caller: &Caller) -> Option<Arc<User>> {
        match caller {
            Caller::User(id) => self.directory.user(id).filter(|user| user.active),
            Caller::Anonymous | Caller::Token(_) => None,
        }
    }

    /// Decides one use of a tunnel, or of one of its ports, as things are now. Returns when the
    /// permission ends, if it does.
    ///
    /// # Errors
    /// When the caller may not.
    pub fn allow(
        &self,
        caller: &Caller,
        tunnel: &TunnelRecord,
        port: Option<u16>,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Refused> {
        if let Caller::Token(token) = caller {
            check_token(token, tunnel, port, scope)?;
        }
        let subject = self.subject(caller)?;
        let request = Request { subject: &subject, owner: &tunnel.owner, scope, now };
        let of_port = port.and_then(|port| tunnel.ports.get(&port));
        let own = of_port.map_or(&[][..], |port| &port.access);
        match access::evaluate(&request, &tunnel.access, own) {
            Decision::Refused(Refusal::SignInRequired) if *caller == Caller::Anonymous => {
                Err(Refused::SignInRequired)
            }
            Decision::Refused(refusal) => Err(Refused::Access(refusal)),
            decision => Ok(decision.until()),
        }
    }

    /// Whether an access list keeps from a port also those who have another ground to connect than
    /// what the lists say, and whom nobody knows: visitors who came by a link.
    pub fn denies_guests(&self, tunnel: &TunnelRecord, port: u16, now: Timestamp) -> bool {
        let (subject, scope) = (Subject::Anonymous, Scope::Connect);
        let request = Request { subject: &subject, owner: &tunnel.owner, scope, now };
        let own = tunnel.ports.get(&port).map_or(&[][..], |port| &port.access);
        access::denial(&request, &tunnel.access, own).is_some()
    }

    /// Like [`Auth::allow`] for a use that any of several scopes lets one do. The refusal is that
    /// of the first.
    ///
    /// # Errors
    /// When the caller may not.
    pub fn allow_any(
        &self,
        caller: &Caller,
        tunnel: &TunnelRecord,
        port: Option<u16>,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let mut refused = None;
        for scope in scopes.iter() {
            match self.allow(caller, tunnel, port, scope, now) {
                Ok(_) => return Ok(()),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        Err(refused.unwrap_or(Refused::Access(Refusal::NotGranted)))
    }

    /// Makes a token that `caller` asks for. It never allows more, nor for longer, than the caller
    /// may: a token cannot renew itself.
    ///
    /// # Errors
    /// When one of the scopes is not the caller's to give, or there is no randomness.
    pub fn mint(
        &self,
        caller: &Caller,
        tunnel: &TunnelRecord,
        port: Option<u16>,
        request: &TokenRequest,
        now: Timestamp,
    ) -> Result<Secret, MintError> {
        let lifetime = now.checked_add(self.token_lifetime).unwrap_or(Timestamp::MAX);
        let mut expires = match self.check_mint(caller, tunnel, port, request, now)? {
            Some(end) => lifetime.min(end),
            None => lifetime,
        };
        let mut ports: Vec<u16> = port.into_iter().collect();
        if let Caller::Token(presented) = caller {
            expires = expires.min(presented.expires);
            if ports.is_empty() {
                ports.clone_from(&presented.ports);
            }
        }
        let user = caller.user().cloned();
        let valid_from = user.as_ref().and_then(|id| self.directory.user(id));
        let valid_from = valid_from.map(|user| user.tokens_valid_from);
        // The clock may have been set back since.
        let issued = millisecond(now).max(tunnel.tokens_valid_from);
        let issued = valid_from.map_or(issued, |from| issued.max(from));
        let scopes = request.scopes;
        let token = Token { tunnel: tunnel.id.clone(), ports, scopes, user, issued, expires };
        Ok(self.signer.mint(&token)?)
    }

    /// Whether `caller` may have this token, without making it. Returns when what it is based on
    /// ends, if it does.
    ///
    /// # Errors
    /// When one of the scopes is not the caller's to give.
    pub fn check_mint(
        &self,
        caller: &Caller,
        tunnel: &TunnelRecord,
        port: Option<u16>,
        request: &TokenRequest,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Refused> {
        let mut ends = None;
        for scope in request.scopes.iter() {
            let until = self.allow(caller, tunnel, port, scope, now)?;
            ends = ends.into_iter().chain(until).min();
        }
        Ok(ends)
    }

    fn subject(&self, caller: &Caller) -> Result<Subject, Refused> {
        let Some(id) = caller.user() else { return Ok(Subject::Anonymous) };
        let user = self.directory.user(id).ok_or(Refused::Revoked)?;
        let stale = match caller {
            Caller::Token(token) => token.issued < user.tokens_valid_from,
            Caller::Anonymous | Caller::User(_) => false,
        };
        if user.active && !stale { Ok(user.subject()) } else { Err(Refused::Revoked) }
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The caller may not have it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn is_user_scheme(scheme: &str) -> bool {
    ["bearer", "github", "aad", "tunnelplan", "apikey"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

fn check_token(
    token: &Token,
    tunnel: &TunnelRecord,
    port: Option<u16>,
    scope: Scope,
) -> Result<(), Refused> {
    let fits_port = match port {
        Some(port) => token.ports.is_empty() || token.ports.contains(&port),
        // A token for one port lets its holder see and enter the tunnel, not change it.
        None => token.ports.is_empty() || scope == Scope::Connect,
    };
    if token.tunnel != tunnel.id {
        Err(Refused::WrongToken(Mismatch::Tunnel))
    } else if !fits_port {
        Err(Refused::WrongToken(Mismatch::Port))
    } else if !token.scopes.allows(scope) {
        Err(Refused::WrongToken(Mismatch::Scope(scope)))
    } else if token.issued < tunnel.tokens_valid_from {
        Err(Refused::Revoked)
    } else {
        Ok(())
    }
}

/// A moment as tokens and the store know it. What is compared with the time of issue of a token has
/// to be as coarse as that.
pub(crate) fn millisecond(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}
