//! What must hold in every world.

use std::time::Duration;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Soon after everything is mended, every wanted tunnel is hosted with all of its ports, and visitors are
    /// served.
    Converges,
    /// One wish of a user moves a tunnel from one host to another at most once.
    NoFight,
    /// A host that was evicted, has stopped or has given up begins nothing by itself.
    AtRest,
    /// A host has one session that serves, one that will replace it, and some that retire.
    OneSession,
    /// After everybody left nothing is left: no session, no connection, no endpoint, no claim.
    NothingLeft,
    /// What a session keeps for itself is bounded.
    QueuesBounded,
    /// Waits rise by a factor to a cap, are jittered, honour `Retry-After`, and are kept.
    BackOff,
    /// What can pass is never given up on.
    NeverGivesUp,
    /// A real refusal ends the hosting soon.
    StopsWhenRefused,
    /// The states follow each other as documented, each told once.
    StatesInOrder,
    /// `Hosting` means a session that is up with its ports answered for; what is lost is told at once.
    HostingIsTrue,
    /// Bytes arrive once, in order, and none is made up.
    BytesArrive,
    /// No end sends beyond its credit, and none breaks the protocol in any other way.
    CreditKept,
    /// What is done by plan costs no visitor's request.
    LosesNothing,
    /// A connection that fell silent is found out within 15 s.
    SilenceFound,
    /// What the registry answers is where the relay sends its channels.
    RegistryAgrees,
    /// Nothing turns in circles.
    Quiet,
}

/// What a world did, for checks over many of them: that they do something at all, and that chance is at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Events that happened.
    pub events: u64,
    /// Sessions that served.
    pub sessions: u64,
    /// Mints.
    pub mints: u64,
    /// Visits that were served.
    pub served: u64,
    /// Visits that were not, for a reason.
    pub excused: u64,
    /// Visits that had to be served whatever was done by plan.
    pub owed: u64,
    /// Sessions that were replaced while they served.
    pub swaps: u64,
    /// Times that a host was told that another had taken over.
    pub evictions: u64,
    /// Times that a host gave up.
    pub refusals: u64,
    /// Bytes that visitors got back.
    pub bytes: u64,
    /// How long after everything was mended it worked again, where the hosts were told.
    pub slowest: Duration,
    /// Where between half of its bound (0) and the bound (1) each wait lay.
    pub jitter: Vec<f64>,
    /// The longest queues seen: control packets, events, bytes of a channel.
    pub longest: (usize, usize, usize),
}
