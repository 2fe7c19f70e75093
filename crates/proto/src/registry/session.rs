//! What the registry keeps of one tunnel.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Claim, ClaimId, Epoch, Version};

/// A tunnel that has, had or is about to have a host.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The session that new channels go to.
    pub(super) holder: Option<Session>,
    /// Sessions that finish what they carry, oldest first.
    pub(super) retiring: Vec<Retiring>,
    /// Claims whose lease is being written.
    pub(super) pending: BTreeSet<ClaimId>,
    /// Who hosted last, while nobody does.
    pub(super) last: Option<Last>,
    /// The highest epoch ever seen: nothing at or below it may be routed to any more.
    pub(super) highest: Option<Epoch>,
}

impl Entry {
    /// Returns the endpoint of whoever hosts or hosted last.
    pub(super) fn endpoint(&self) -> Option<&str> {
        match (&self.holder, &self.last) {
            (Some(holder), _) => Some(&holder.endpoint),
            (None, Some(last)) => last.endpoint.as_deref(),
            (None, None) => None,
        }
    }

    /// Returns the version of whoever hosts or hosted last.
    pub(super) fn version(&self) -> Option<Version> {
        let holder = self.holder.as_ref().map(|holder| holder.version);
        holder.or(self.last.as_ref().map(|last| last.version))
    }

    /// Lists the open sessions, the one that is routed to first.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Epoch> + '_ {
        let holder = self.holder.iter().map(|holder| holder.epoch);
        holder.chain(self.retiring.iter().map(|retiring| retiring.epoch))
    }
}

/// The session that a tunnel's new channels go to.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) epoch: Epoch,
    pub(super) endpoint: Box<str>,
    pub(super) process: Option<Box<str>>,
    pub(super) version: Version,
    /// Whether its endpoint's record was deleted while it lived.
    pub(super) withdrawn: bool,
}

/// A session that gets no new channels.
#[derive(Debug)]
pub(super) struct Retiring {
    pub(super) epoch: Epoch,
    pub(super) until: Instant,
}

/// The host before the present nobody.
#[derive(Debug)]
pub(super) struct Last {
    /// Absent once the endpoint's record was deleted.
    pub(super) endpoint: Option<Box<str>>,
    pub(super) version: Version,
    pub(super) since: Instant,
    /// Whether it left on purpose.
    pub(super) left: bool,
}

/// A claim whose lease is being written.
#[derive(Clone, Debug)]
pub(super) struct Pending<K> {
    pub(super) claim: Claim<K>,
    /// Whether its endpoint was the published one when it came.
    pub(super) current: bool,
    pub(super) since: Instant,
    /// Whether the upgrade ended while the store was still writing.
    pub(super) abandoned: bool,
}
