//! What a look means: the answer of the URL, whether bytes arrived here meanwhile, and the local port.
//!
//! Three sides may have answered: this host, the local server behind it, or somebody before them (an edge, a
//! proxy, another host). Only an answer that came through here says anything good; and whatever came through
//! here, were it an error, shows that the tunnel works.

use super::Proof;
use super::reason::{Barred, Flaw, Reason, Refusal, Sign};
use crate::host::Probe;

/// What came of a request through the public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This host itself, with the secret of its session.
    Proven,
    /// Some server, with this status.
    Status(u16),
    /// An edge of Adit's own making says itself what is wrong, with this code of its problem.
    Edge(Box<str>),
    /// Whoever keeps the gate does not let this look pass.
    Denied(Denial),
    /// The service allows no more looks for now.
    Limited,
    /// The name of the URL has no address.
    NoName(String),
    /// The certificate is not to be trusted, or TLS was not agreed.
    Untrusted(String),
    /// No connection.
    Unreachable(String),
    /// Connected, but no whole answer came in time.
    Silent,
    /// It could not be asked: its address is not known yet, or the service that gives tokens is away.
    Unasked,
}

/// Why a look may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A connect token can be had only after somebody has signed in.
    SignIn,
    /// This user gets no connect token, or one that is not accepted.
    Refused(String),
}

/// What came of a connection to the local port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leg {
    /// Something accepts.
    Up,
    /// Nothing does.
    Refused(Refusal),
    /// Something accepts, but speaks the other of HTTP and HTTPS.
    OtherScheme,
}

/// What a look means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How it stands.
    pub(super) shows: Shows,
    /// How well it proves that the URL reaches this host.
    pub(super) proof: Option<Proof>,
    /// What it means to the policy, if anything.
    pub(super) probe: Option<Probe>,
}

/// What a look shows of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Nothing that was not known.
    Nothing,
    /// It is operational.
    Well,
    /// It is not, for this reason.
    Wrong(Reason),
}

/// Whether the local port has to be looked at to know what this answer means. What the local server answered
/// itself shows that it is there.
pub(super) fn needs_leg(answer: &Answer, arrived: bool) -> bool {
    match answer {
        Answer::Status(status) => !arrived || is_gateway(*status),
        Answer::Denied(_) | Answer::Limited | Answer::Unasked => false,
        Answer::NoName(_) | Answer::Untrusted(_) => false,
        Answer::Proven | Answer::Edge(_) | Answer::Unreachable(_) | Answer::Silent => true,
    }
}

/// Says what a look at `port` means.
pub(super) fn judge(port: u16, answer: &Answer, arrived: bool, leg: &Leg) -> Verdict {
    match answer {
        Answer::Proven => reached(port, Some(Proof::Strong), leg),
        Answer::Status(_) if arrived => reached(port, Some(Proof::Weak), leg),
        Answer::Status(429) => limited(port),
        Answer::Status(status @ (401 | 403)) => refused(port, Barred::Gate(*status)),
        // A relay that does not say more answers this for a local port that is closed.
        Answer::Status(status) if is_gateway(*status) && matches!(leg, Leg::Refused(_)) => {
            reached(port, None, leg)
        }
        Answer::Status(status) => dead(port, Sign::Status(*status)),
        Answer::Edge(code) => edge(port, code, leg),
        Answer::Denied(Denial::SignIn) => Verdict::new(Reason::SignIn { port }),
        Answer::Denied(Denial::Refused(cause)) => refused(port, Barred::Said(cause.clone())),
        Answer::Limited => limited(port),
        Answer::NoName(cause) => Verdict::new(Reason::NoName { port, cause: cause.clone() }),
        Answer::Untrusted(cause) => Verdict::new(Reason::Untrusted { port, cause: cause.clone() }),
        Answer::Unreachable(cause) => dead(port, Sign::Unreachable(cause.clone())),
        Answer::Silent if arrived => no_use(port, leg, Flaw::Silent),
        Answer::Silent => dead(port, Sign::Silent),
        Answer::Unasked => Verdict::nothing(),
    }
}

/// What Adit's own edge says, by the code of its problem.
fn edge(port: u16, code: &str, leg: &Leg) -> Verdict {
    match code {
        "refused" | "closed" => match leg {
            // It has just come up: the next look will tell.
            Leg::Up => Verdict { probe: Some(Probe::ServiceDown), ..Verdict::nothing() },
            _ => reached(port, None, leg),
        },
        "no_tls" | "not_http" => no_use(port, leg, Flaw::Protocol),
        "broken" => no_use(port, leg, Flaw::Closes),
        "timeout" => no_use(port, leg, Flaw::Silent),
        "no_tunnel" => Verdict::new(Reason::UnknownTunnel),
        "no_port" => Verdict::new(Reason::UnknownPort { port }),
        "sign_in" | "bad_token" | "forbidden" => refused(port, Barred::Token),
        "busy" => limited(port),
        "no_host" => dead(port, Sign::NoHost),
        "host_away" => dead(port, Sign::HostAway),
        "host_silent" => dead(port, Sign::HostSilent),
        "not_shared" => dead(port, Sign::NotShared),
        code => dead(port, Sign::Edge(code.into())),
    }
}

/// The look, or what it was for, came through here.
fn reached(port: u16, proof: Option<Proof>, leg: &Leg) -> Verdict {
    let verdict = match leg {
        Leg::Up => {
            let (shows, probe) = (Shows::Well, Some(Probe::Healthy));
            Verdict { shows, probe, ..Verdict::nothing() }
        }
        Leg::Refused(refusal) => Verdict::down(Reason::LocalOnly(refusal.clone())),
        Leg::OtherScheme => Verdict::down(Reason::LocalScheme { port }),
    };
    Verdict { proof, ..verdict }
}

/// It came through here, and what listens is of no use.
fn no_use(port: u16, leg: &Leg, flaw: Flaw) -> Verdict {
    match leg {
        Leg::Up => Verdict::down(Reason::LocalFlaw { port, flaw }),
        _ => reached(port, None, leg),
    }
}

fn dead(port: u16, sign: Sign) -> Verdict {
    Verdict { probe: Some(Probe::Down), ..Verdict::new(Reason::Dead { port, sign }) }
}

fn limited(port: u16) -> Verdict {
    Verdict::new(Reason::Limited { port })
}

fn refused(port: u16, by: Barred) -> Verdict {
    Verdict::new(Reason::Unchecked { port, by })
}

/// What a gateway says of what is behind it. An application may say it as well.
fn is_gateway(status: u16) -> bool {
    matches!(status, 502..=504)
}

impl Verdict {
    fn nothing() -> Self {
        Self { shows: Shows::Nothing, proof: None, probe: None }
    }

    fn new(reason: Reason) -> Self {
        Self { shows: Shows::Wrong(reason), ..Self::nothing() }
    }

    /// The tunnel works, and what is behind it does not.
    fn down(reason: Reason) -> Self {
        Self { probe: Some(Probe::ServiceDown), ..Self::new(reason) }
    }
}
