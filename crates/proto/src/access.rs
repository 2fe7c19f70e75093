//! Who may do what: the six scopes, and the evaluation of access lists.
//!
//! Pure: the lists, who asks, and the time come as arguments. Verifying who asks, and what a token grants beside the
//! lists, is the caller's business.
//!
//! # What a scope implies
//!
//! Scopes are separate, with one exception: `manage` includes `manage:ports`. In particular `manage` lets nobody host
//! or connect, and `host` lets nobody change a tunnel. An *operation* may accept any of several scopes; the sets are
//! [`Scopes::READ`], [`Scopes::WRITE_PORTS`], [`Scopes::WRITE_ENDPOINTS`]. The owner of a tunnel has every scope,
//! whatever the lists say.

mod evaluate;
mod scope;

pub use evaluate::{Decision, Grant, Place, Refusal, Request, Subject, denial, evaluate};
pub use scope::{Scope, ScopeError, Scopes, TokenRequest, token_requests};
