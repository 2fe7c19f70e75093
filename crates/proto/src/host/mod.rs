//! The keep-alive policy of a host: what to do so that a tunnel stays up, and what to say about it.
//!
//! One [`Policy`] looks after one tunnel. Its driver reports [`Event`]s and does the [`Action`]s that
//! [`Policy::poll`] gives, in their order, then sleeps until [`Policy::deadline`]. The policy opens no sockets,
//! keeps no secrets and reads no clock; time and randomness are arguments.
//!
//! A *session* is everything from the first step of a try (minting tokens) to the end of its socket. Each has
//! a [`SessionId`] that is never used again, so what is told late of an old one cannot do harm. Steps have
//! deadlines of their own ([`MINT_WITHIN`], [`CONNECT_WITHIN`], [`ANNOUNCE_WITHIN`]): nothing lasts for ever. Where
//! minting waits for its turn, that is bounded for itself ([`MINT_QUEUED_WITHIN`]).
//!
//! * A drop is told at once and retried at once; only then does the back-off decide. It begins again when a
//!   session has proven itself, not when one has merely connected.
//! * A token that was reused and is refused is minted anew, once, before anybody is asked to sign in.
//! * What can pass (no network, 429, 5xx) is retried for ever; a real refusal ends the hosting at once.
//! * A port that is refused harms no other. It is asked for again in the same session, with a back-off of its own,
//!   if the cause can pass.
//! * A session is replaced by plan (tokens that will end, a relay that restarts) while the old one serves on.
//! * Reason 12, another host took over, means to stand by until the user takes over in turn.

mod action;
mod event;
mod policy;
mod ports;
#[cfg(test)]
mod tests;
mod token_cache;

pub use action::{Action, Endpoint, GiveUp, Notice, Phase, State};
pub use event::{Event, Failure, Probe, reason};
pub use policy::{
    ANNOUNCE_WITHIN, CONNECT_WITHIN, MINT_QUEUED_WITHIN, MINT_WITHIN, PROVEN_AFTER,
    PROVEN_BY_TRAFFIC_AFTER, Policy, RETRY_AFTER_MAX, RETRY_CAP, RETRY_START, SessionId, WATCHDOG,
};
pub use ports::{Changes, Ports};
pub use token_cache::{NEEDED, NEEDED_BY_MICROSOFT, TokenCache, UNREADABLE_LIFE, life};
