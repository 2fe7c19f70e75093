//! Who hosts what: claims of host sockets, their order by epoch, and the hand-over from one to the next.
//!
//! Events go in through the methods, [`Command`]s come out of [`Registry::poll`]. A host's upgrade
//! *claims* its tunnel; the store answers with a lease, whose epoch orders all sessions of the tunnel
//! across restarts; only then is the session routed to, and only then does the one before it go.
//! What becomes of the earlier session depends on who the newcomer is:
//!
//! * the same endpoint, superseding the session by its epoch: both live, the earlier one *retires*;
//! * the same endpoint otherwise: the earlier socket is a dead leftover of the same host, closed in silence;
//! * another endpoint, published later: the earlier host is told that it was replaced (reason 12).
//!
//! A host that comes back with the address of an endpoint that was replaced is accepted and told the
//! same, since an SDK understands nothing else.
//!
//! The registry opens no channels and knows neither tokens nor definitions of tunnels: whoever drives it
//! has authorised the upgrade and says which endpoint the tunnel publishes. Nothing here assumes that a
//! visitor reaches the node its host is on, so several nodes can later share the answers.

mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use self::session::{Entry, Last, Pending, Retiring, Session};
pub use crate::relay::Version;

/// How long a retiring session may finish what it carries: longer than nearly every request, and short
/// enough that a host does not pile up sessions when it rotates.
pub const RETIRING: Duration = Duration::from_secs(60);

/// How long a host that was lost counts as coming back: the longest pause between two tries of our own
/// host is 60 s, of Microsoft's SDKs 16 s, and a try takes a few seconds itself.
pub const GRACE: Duration = Duration::from_secs(75);

/// How many sessions of a tunnel may retire at once: the oldest goes early when a host rotates faster.
pub const MAX_RETIRING: usize = 4;

/// The place of a session in the order of all sessions. The store gives them, rising, across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One upgrade of a host, from its claim until the lease is granted or the claim is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(u64);

/// What a host's upgrade says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<K> {
    /// The tunnel it wants to host.
    pub tunnel: K,
    /// The endpoint whose address it used.
    pub endpoint: Box<str>,
    /// The endpoint that the tunnel's definition has now, if any. At most one is published at a time.
    pub published: Option<Box<str>>,
    /// `X-Tunnels-Host-Process-Id`, if sent: tells two processes of one installation apart.
    pub process: Option<Box<str>>,
    /// `Adit-Supersedes`, if sent: the session of its own that this one shall overlap and replace.
    pub supersedes: Option<Epoch>,
    /// The version that was negotiated.
    pub version: Version,
}

/// What the driver has to do. Sessions are named by their epoch, claims by their id until they have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<K> {
    /// Write the lease; answer with [`Registry::lease_granted`] or [`Registry::lease_refused`]. Leases
    /// of one tunnel must be granted in the order they were asked for: the epoch is that order.
    PersistLease {
        /// The claim to answer.
        claim: ClaimId,
        /// The tunnel.
        tunnel: K,
        /// To be kept with the lease, for [`Registry::restore`].
        endpoint: Box<str>,
        /// To be kept with the lease, for [`Registry::restore`].
        version: Version,
    },
    /// Note that the host of this lease left on purpose, so that a restart does not await it.
    EndLease {
        /// The tunnel.
        tunnel: K,
        /// The lease.
        epoch: Epoch,
    },
    /// Answer the upgrade with 101 and `Adit-Epoch`, and send new channels to this session from now on.
    StartRouting {
        /// The upgrade to answer.
        claim: ClaimId,
        /// The tunnel.
        tunnel: K,
        /// The name of the session from now on.
        epoch: Epoch,
        /// What this host speaks.
        version: Version,
        /// What the host before it spoke. Clients that cannot follow from there have to be dropped.
        previous: Option<Version>,
    },
    /// Open no more channels on this session. Tell [`Registry::emptied`] when it carries none.
    Retire {
        /// The tunnel.
        tunnel: K,
        /// The session.
        epoch: Epoch,
        /// When it will be closed though it still carries some.
        until: Instant,
    },
    /// Close the socket without a word: the same host has a better one, or the tunnel is gone.
    Close {
        /// The tunnel.
        tunnel: K,
        /// The session, of which the registry knows nothing any more.
        epoch: Epoch,
    },
    /// Send DISCONNECT 12 (another host took over), then close the socket.
    Disconnect12 {
        /// The tunnel.
        tunnel: K,
        /// The session, of which the registry knows nothing any more.
        epoch: Epoch,
    },
    /// Answer the upgrade with 101, then send DISCONNECT 12 and close: its endpoint was replaced.
    AcceptThenDisconnect12 {
        /// The upgrade to answer.
        claim: ClaimId,
        /// The tunnel.
        tunnel: K,
    },
    /// Answer the upgrade with a status that says this.
    Refuse {
        /// The upgrade to answer.
        claim: ClaimId,
        /// The tunnel.
        tunnel: K,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a claim got no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The tunnel publishes no endpoint: it was deleted and has to be put again (404).
    NotPublished,
    /// A later claim was served before this one; trying again is right (503).
    Outdated,
    /// The lease could not be written (503).
    NoLease,
    /// The tunnel was deleted meanwhile (404).
    TunnelGone,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The socket broke, or we closed it in a way that makes the host return.
    Lost,
    /// The host said goodbye.
    Left,
}

/// Where new channels of a tunnel go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// To this session of this node.
    Local {
        /// The session.
        epoch: Epoch,
        /// What it speaks.
        version: Version,
    },
    /// Nowhere yet: the host was lost less than [`GRACE`] ago, or is just being let in. Waiting is worth it.
    Pending {
        /// When it was lost, or when it asked to be let in if there was none before.
        since: Instant,
        /// What it speaks, or spoke last.
        version: Version,
    },
    /// Nowhere: the host left, or has been away for longer than [`GRACE`].
    Absent {
        /// When it went.
        since: Instant,
        /// What it spoke last.
        version: Version,
    },
    /// Nowhere: no host is known to have been there.
    Unknown,
}

/// What the store remembers of the last lease of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The epoch that was granted.
    pub epoch: Epoch,
    /// As it was in [`Command::PersistLease`].
    pub endpoint: Box<str>,
    /// As it was in [`Command::PersistLease`].
    pub version: Version,
    /// Whether [`Command::EndLease`] has ended it.
    pub ended: bool,
}

/// The sessions of all tunnels of this node. `K` names a tunnel.
#[derive(Debug)]
pub struct Registry<K> {
    tunnels: BTreeMap<K, Entry>,
    claims: BTreeMap<ClaimId, Pending<K>>,
    /// Tunnels that have retiring sessions, so that timers need not look at all.
    retiring: BTreeSet<K>,
    next_claim: u64,
    commands: VecDeque<Command<K>>,
}

impl<K> Default for Registry<K> {
    fn default() -> Self {
        Registry {
            tunnels: BTreeMap::new(),
            claims: BTreeMap::new(),
            retiring: BTreeSet::new(),
            next_claim: 0,
            commands: VecDeque::new(),
        }
    }
}

impl<K: Ord + Clone> Registry<K> {
    /// Returns a registry that knows of no host.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what to do next; to be called after every event until it returns `None`.
    pub fn poll(&mut self) -> Option<Command<K>> {
        self.commands.pop_front()
    }

    /// Takes over what the store remembers after a restart. A host whose lease was not ended counts as
    /// lost `now`, so that visitors wait for it.
    pub fn restore(&mut self, tunnel: K, lease: Lease, now: Instant) {
        let entry = self.tunnels.entry(tunnel).or_default();
        entry.highest = entry.highest.max(Some(lease.epoch));
        entry.last = Some(Last {
            endpoint: Some(lease.endpoint),
            version: lease.version,
            since: now,
            left: lease.ended,
        });
    }

    /// A host wants to serve a tunnel. The claim is answered by exactly one of the commands
    /// [`StartRouting`](Command::StartRouting), [`AcceptThenDisconnect12`](Command::AcceptThenDisconnect12)
    /// and [`Refuse`](Command::Refuse), unless it is [abandoned](Registry::abandon) first.
    pub fn claim(&mut self, claim: Claim<K>, now: Instant) -> ClaimId {
        let id = ClaimId(self.next_claim);
        self.next_claim += 1;
        let tunnel = claim.tunnel.clone();
        let Some(published) = &claim.published else {
            self.refuse(id, tunnel, Refusal::NotPublished);
            return id;
        };
        let current = *published == claim.endpoint;
        // An endpoint that was published but never came has replaced nobody: until it comes, the host
        // before it may return.
        let incumbent = self.tunnels.get(&tunnel).and_then(Entry::endpoint);
        if !current && incumbent != Some(&*claim.endpoint) {
            self.commands.push_back(Command::AcceptThenDisconnect12 { claim: id, tunnel });
            return id;
        }
        self.commands.push_back(Command::PersistLease {
            claim: id,
            tunnel: tunnel.clone(),
            endpoint: claim.endpoint.clone(),
            version: claim.version,
        });
        self.tunnels.entry(tunnel).or_default().pending.insert(id);
        self.claims.insert(id, Pending { claim, current, since: now, abandoned: false });
        id
    }

    /// The upgrade ended before it was answered, and no command will answer it. The store's answer is
    /// still to be reported.
    pub fn abandon(&mut self, claim: ClaimId) {
        let Some(pending) = self.claims.get_mut(&claim) else { return };
        pending.abandoned = true;
        if let Some(entry) = self.tunnels.get_mut(&pending.claim.tunnel) {
            entry.pending.remove(&claim);
        }
    }

    /// The store has written the lease of `claim`.
    pub fn lease_granted(&mut self, claim: ClaimId, epoch: Epoch, now: Instant) {
        let Some(pending) = self.take_claim(claim) else { return };
        if pending.abandoned {
            return self.skip_epoch(&pending.claim.tunnel, epoch);
        }
        let Pending { claim: Claim { tunnel, endpoint, process, supersedes, version, .. }, .. } =
            pending.clone();
        let entry = self.tunnels.entry(tunnel.clone()).or_default();
        let replaced = entry.holder.as_ref().is_some_and(|holder| holder.endpoint != endpoint);
        if entry.highest.is_some_and(|highest| epoch <= highest) {
            return match replaced {
                true => {
                    self.commands.push_back(Command::AcceptThenDisconnect12 { claim, tunnel });
                }
                false => self.refuse(claim, tunnel, Refusal::Outdated),
            };
        }
        entry.highest = Some(epoch);
        if replaced && !pending.current {
            // Its successor was let in between the claim and the lease.
            self.commands.push_back(Command::AcceptThenDisconnect12 { claim, tunnel });
            return;
        }
        let previous = entry.version();
        let session = Session { epoch, endpoint, process, version, withdrawn: false };
        let before = entry.holder.replace(session.clone());
        entry.last = None;
        // Route to the new one first: at no moment is there nobody to open a channel on.
        let start =
            Command::StartRouting { claim, tunnel: tunnel.clone(), epoch, version, previous };
        self.commands.push_back(start);
        let Some(before) = before else { return };
        if before.endpoint != session.endpoint {
            self.commands.push_back(Command::Disconnect12 { tunnel, epoch: before.epoch });
        } else if supersedes == Some(before.epoch) && before.process == session.process {
            self.retire(tunnel, before.epoch, now);
        } else {
            self.commands.push_back(Command::Close { tunnel, epoch: before.epoch });
        }
    }

    /// The store could not write the lease of `claim`. Whoever hosts now goes on.
    pub fn lease_refused(&mut self, claim: ClaimId) {
        if let Some(pending) = self.take_claim(claim).filter(|pending| !pending.abandoned) {
            self.refuse(claim, pending.claim.tunnel, Refusal::NoLease);
        }
    }

    /// A session has ended. Harmless for one that the registry has already given up.
    pub fn release(&mut self, tunnel: &K, epoch: Epoch, departure: Departure, now: Instant) {
        let Some(entry) = self.tunnels.get_mut(tunnel) else { return };
        if let Some(holder) = entry.holder.take_if(|holder| holder.epoch == epoch) {
            let left = departure == Departure::Left || holder.withdrawn;
            entry.last = Some(Last {
                endpoint: (!holder.withdrawn).then_some(holder.endpoint),
                version: holder.version,
                since: now,
                left,
            });
            if left {
                self.commands.push_back(Command::EndLease { tunnel: tunnel.clone(), epoch });
            }
        }
        self.drop_retiring(tunnel, |retiring| retiring.epoch == epoch);
    }

    /// A retiring session carries no channel any more. Harmless for any other.
    pub fn emptied(&mut self, tunnel: &K, epoch: Epoch) {
        for epoch in self.drop_retiring(tunnel, |retiring| retiring.epoch == epoch) {
            self.commands.push_back(Command::Close { tunnel: tunnel.clone(), epoch });
        }
    }

    /// The record of an endpoint was deleted: its host, once gone, is not awaited.
    pub fn withdraw(&mut self, tunnel: &K, endpoint: &str) {
        let Some(entry) = self.tunnels.get_mut(tunnel) else { return };
        if let Some(holder) = entry.holder.as_mut().filter(|holder| &*holder.endpoint == endpoint) {
            holder.withdrawn = true;
        }
        if let Some(last) = entry.last.as_mut().filter(|l| l.endpoint.as_deref() == Some(endpoint))
        {
            last.endpoint = None;
            let ended = std::mem::replace(&mut last.left, true);
            if let Some(epoch) = entry.highest.filter(|_| !ended) {
                self.commands.push_back(Command::EndLease { tunnel: tunnel.clone(), epoch });
            }
        }
    }

    /// The tunnel was deleted: everything of it ends.
    pub fn forget(&mut self, tunnel: &K) {
        let Some(entry) = self.tunnels.remove(tunnel) else { return };
        self.retiring.remove(tunnel);
        for claim in &entry.pending {
            self.claims.remove(claim);
            self.refuse(*claim, tunnel.clone(), Refusal::TunnelGone);
        }
        for epoch in entry.sessions() {
            self.commands.push_back(Command::Close { tunnel: tunnel.clone(), epoch });
        }
    }

    /// Answers where new channels of `tunnel` go.
    pub fn lookup(&self, tunnel: &K, now: Instant) -> Lookup {
        let Some(entry) = self.tunnels.get(tunnel) else { return Lookup::Unknown };
        if let Some(Session { epoch, version, .. }) = entry.holder {
            return Lookup::Local { epoch, version };
        }
        let claim = entry.pending.last().and_then(|claim| self.claims.get(claim));
        let coming = claim.map(|pending| (pending.since, pending.claim.version));
        match (coming, &entry.last) {
            (None, Some(Last { since, version, left, .. })) => {
                let awaited = !left && now.saturating_duration_since(*since) < GRACE;
                match awaited {
                    true => Lookup::Pending { since: *since, version: *version },
                    false => Lookup::Absent { since: *since, version: *version },
                }
            }
            (Some((_, version)), Some(Last { since, left: false, .. })) => {
                Lookup::Pending { since: *since, version }
            }
            (Some((since, version)), _) => Lookup::Pending { since, version },
            (None, None) => Lookup::Unknown,
        }
    }

    /// Lists the sessions of `tunnel` that are open, the one that is routed to first.
    pub fn sessions(&self, tunnel: &K) -> impl Iterator<Item = Epoch> {
        self.tunnels.get(tunnel).into_iter().flat_map(Entry::sessions)
    }

    /// Returns when [`handle_timeout`](Registry::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Instant> {
        let entries = self.retiring.iter().filter_map(|tunnel| self.tunnels.get(tunnel));
        entries.flat_map(|entry| &entry.retiring).map(|retiring| retiring.until).min()
    }

    /// Closes the retiring sessions whose time is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        for tunnel in self.retiring.clone() {
            for epoch in self.drop_retiring(&tunnel, |retiring| retiring.until <= now) {
                self.commands.push_back(Command::Close { tunnel: tunnel.clone(), epoch });
            }
        }
    }

    /// A lease was granted to nobody: the order of epochs allows gaps.
    fn skip_epoch(&mut self, tunnel: &K, epoch: Epoch) {
        let Some(entry) = self.tunnels.get_mut(tunnel) else { return };
        entry.highest = entry.highest.max(Some(epoch));
        if entry.holder.is_none() {
            self.commands.push_back(Command::EndLease { tunnel: tunnel.clone(), epoch });
        }
    }

    fn retire(&mut self, tunnel: K, epoch: Epoch, now: Instant) {
        let until = now + RETIRING;
        let Some(entry) = self.tunnels.get_mut(&tunnel) else { return };
        entry.retiring.push(Retiring { epoch, until });
        let crowded = entry.retiring.len() > MAX_RETIRING;
        let oldest = crowded.then(|| entry.retiring.remove(0).epoch);
        self.retiring.insert(tunnel.clone());
        self.commands.push_back(Command::Retire { tunnel: tunnel.clone(), epoch, until });
        if let Some(epoch) = oldest {
            self.commands.push_back(Command::Close { tunnel, epoch });
        }
    }

    /// Forgets the retiring sessions that `over` picks, and returns them.
    fn drop_retiring(&mut self, tunnel: &K, over: impl Fn(&Retiring) -> bool) -> Vec<Epoch> {
        let Some(entry) = self.tunnels.get_mut(tunnel) else { return Vec::new() };
        let gone = entry.retiring.extract_if(.., |retiring| over(retiring));
        let gone = gone.map(|retiring| retiring.epoch).collect();
        if entry.retiring.is_empty() {
            self.retiring.remove(tunnel);
        }
        gone
    }

    fn take_claim(&mut self, claim: ClaimId) -> Option<Pending<K>> {
        let pending = self.claims.remove(&claim)?;
        if let Some(entry) = self.tunnels.get_mut(&pending.claim.tunnel) {
            entry.pending.remove(&claim);
        }
        Some(pending)
    }

    fn refuse(&mut self, claim: ClaimId, tunnel: K, refusal: Refusal) {
        self.commands.push_back(Command::Refuse { claim, tunnel, refusal });
    }
}
