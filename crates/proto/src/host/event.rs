//! What the driver tells the policy.

use std::collections::BTreeSet;
use std::time::Duration;

use super::SessionId;
use crate::registry::Epoch;

/// Something that happened. Events of a session that is over are harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The user, or a restart of the program, wants the tunnel hosted. Means nothing while it is, and
    /// nothing while standing by: only [`TakeOver`](Event::TakeOver) ends that.
    Start,
    /// The user wants it no longer.
    Stop,
    /// The user wants it hosted here even though another host has it.
    TakeOver,
    /// Somebody does not want to wait for the next try, or for refused ports to be asked for again.
    RetryNow,
    /// The computer slept, or is in another network: a try is worth while now, and one that was begun before may be
    /// waited for in vain.
    Moved,
    /// These ports shall be served, instead of those told before.
    PortsWanted(BTreeSet<u16>),
    /// What mints the tokens waits until others have had their turn.
    MintQueued {
        /// The session they are for.
        session: SessionId,
    },
    /// What mints the tokens has had its turn and begins. Told of each call that it takes.
    MintBegun {
        /// The session they are for.
        session: SessionId,
    },
    /// [`Action::Mint`](super::Action::Mint) has succeeded.
    TokenMinted {
        /// The session they were minted for.
        session: SessionId,
        /// How long until the first of them ends, as [`life`](super::life) says; `None` if unreadable.
        life: Option<Duration>,
    },
    /// [`Action::Mint`](super::Action::Mint) has failed.
    MintFailed {
        /// The session they would have been for.
        session: SessionId,
        /// Why.
        failure: Failure,
    },
    /// [`Action::Connect`](super::Action::Connect) has succeeded.
    Connected {
        /// The session.
        session: SessionId,
        /// What the relay calls it, if the relay lets a host's sessions overlap (`Adit-Epoch`).
        epoch: Option<Epoch>,
    },
    /// [`Action::Connect`](super::Action::Connect) has failed.
    ConnectFailed {
        /// The session.
        session: SessionId,
        /// Why.
        failure: Failure,
    },
    /// The relay serves this port now.
    PortAnnounced {
        /// The session.
        session: SessionId,
        /// The port.
        port: u16,
    },
    /// This port is not served.
    PortRefused {
        /// The session.
        session: SessionId,
        /// The port.
        port: u16,
        /// Why, as far as is known. One that can pass has the port asked for again.
        failure: Failure,
    },
    /// A visitor's bytes have arrived, which proves the session's worth. Once a session is enough.
    Traffic {
        /// The session.
        session: SessionId,
    },
    /// The session ended without a word.
    Dropped {
        /// The session.
        session: SessionId,
        /// What is known of the cause.
        cause: String,
    },
    /// The relay ended the session with DISCONNECT.
    Disconnected {
        /// The session.
        session: SessionId,
        /// The code, as in [`reason`].
        reason: u32,
    },
    /// The relay is about to restart (`drain@adit`): what the session carries may end, nothing new comes.
    Drain {
        /// The session.
        session: SessionId,
    },
    /// The tokens should be replaced though no timer says so: the wall clock has jumped, a user signed in.
    RemintDue,
    /// What a look at the public URL has shown.
    Probe(Probe),
    /// Somebody wants to see the session break (the diagnostic `drop`).
    DropRequested,
}

/// The outcome of a look at the public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The URL answered through this host.
    Healthy,
    /// The tunnel works, the local service does not answer.
    ServiceDown,
    /// The URL does not reach this host.
    Down,
}

/// Why a step failed, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// 401: the credential is missing, has ended or was revoked.
    #[error("the credential was refused")]
    Unauthorized,
    /// 403: the credential does not allow this.
    #[error("access was refused: {0}")]
    Forbidden(String),
    /// 404: there is no such endpoint or tunnel.
    #[error("there is no such tunnel")]
    NotFound,
    /// 429.
    #[error("too many requests")]
    RateLimited {
        /// How long to wait at least, if that was said.
        retry_after: Option<Duration>,
    },
    /// 502, 503 or 504.
    #[error("the service is not available")]
    Unavailable {
        /// How long to wait at least, if that was said.
        retry_after: Option<Duration>,
    },
    /// The request itself is wrong and would be again.
    #[error("{0}")]
    Fatal(String),
    /// Everything else: no network, an answer that did not come, a 500.
    #[error("{0}")]
    Transient(String),
}

impl Failure {
    /// Whether the same may work later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Failure::RateLimited { .. } | Failure::Unavailable { .. } | Failure::Transient(_) => {
                true
            }
            Failure::Unauthorized
            | Failure::Forbidden(_)
            | Failure::NotFound
            | Failure::Fatal(_) => false,
        }
    }

    /// Whether another token may be the answer.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Failure::Unauthorized | Failure::Forbidden(_))
    }

    /// Returns how long the service asked to be left alone.
    pub fn retry_after(&self) -> Duration {
        match self {
            Failure::RateLimited { retry_after } | Failure::Unavailable { retry_after } => {
                retry_after.unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }
}

/// Reasons of an SSH DISCONNECT (RFC 4253, section 11.1) that mean something to a host.
pub mod reason {
    /// This host may not connect.
    pub const HOST_NOT_ALLOWED: u32 = 1;
    /// The relay lost something; the same host is welcome.
    pub const CONNECTION_LOST: u32 = 10;
    /// Another host serves the tunnel now.
    pub const TOO_MANY_CONNECTIONS: u32 = 12;
    /// The authentication was called off.
    pub const AUTH_CANCELLED: u32 = 13;
    /// The token is good for nothing here.
    pub const NO_MORE_AUTH_METHODS: u32 = 14;
}
