//! What a look means: the answer of the URL, whether bytes arrived here meanwhile, and the local port.
//!
//! Three sides may have answered: this host, the local server behind it, or somebody before them (an edge, a
//! proxy, another host). Only an answer that came through here says anything good; and whatever came through
//! here, were it an error, shows that the tunnel works.

use super::{Label, Proof};
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
    /// Nothing does, with the cause.
    Refused(String),
    /// Something accepts, but speaks the other of HTTP and HTTPS.
    OtherScheme,
}

/// What a look means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How it stands; nothing where the look shows nothing.
    pub(super) label: Option<Label>,
    /// Why; empty when operational.
    pub(super) reason: String,
    /// How well it proves that the URL reaches this host.
    pub(super) proof: Option<Proof>,
    /// What it means to the policy, if anything.
    pub(super) probe: Option<Probe>,
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
        Answer::Status(status @ (401 | 403)) => {
            refused(port, &format!("its gate answers {status} to a connect token"))
        }
        // A relay that does not say more answers this for a local port that is closed.
        Answer::Status(status) if is_gateway(*status) && matches!(leg, Leg::Refused(_)) => {
            reached(port, None, leg)
        }
        Answer::Status(status) => {
            dead(port, &format!("answers with status {status}, but not through this host"))
        }
        Answer::Edge(code) => edge(port, code, leg),
        Answer::Denied(Denial::SignIn) => Verdict::new(
            Label::SignIn,
            format!("somebody has to sign in again before the URL of port {port} can be checked"),
        ),
        Answer::Denied(Denial::Refused(cause)) => refused(port, cause),
        Answer::Limited => limited(port),
        Answer::NoName(cause) => Verdict::new(
            Label::DnsOrTls,
            format!("the name in the URL of port {port} is not found: {cause}"),
        ),
        Answer::Untrusted(cause) => Verdict::new(
            Label::DnsOrTls,
            format!("the URL of port {port} cannot be reached securely: {cause}"),
        ),
        Answer::Unreachable(cause) => dead(port, &format!("cannot be connected to: {cause}")),
        Answer::Silent if arrived => no_use(port, leg, "accepts connections but does not answer"),
        Answer::Silent => dead(port, "does not answer"),
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
        "no_tls" | "not_http" => no_use(port, leg, "does not speak the port's protocol"),
        "broken" => no_use(port, leg, "closes connections without an answer"),
        "timeout" => no_use(port, leg, "accepts connections but does not answer"),
        "no_tunnel" => {
            Verdict::new(Label::UnknownTunnel, "the relay knows no such tunnel any more".into())
        }
        "no_port" => Verdict::new(
            Label::UnknownTunnel,
            format!("the relay does not know port {port} of this tunnel any more"),
        ),
        "sign_in" | "bad_token" | "forbidden" => {
            refused(port, "the relay does not accept a connect token of this user")
        }
        "busy" => limited(port),
        "no_host" => dead(port, "finds no host at the relay, though the session is up"),
        "host_away" => dead(port, "waits at the relay for a host, though the session is up"),
        "host_silent" => dead(port, "gets no answer through the session that is up"),
        "not_shared" => dead(port, "finds the port not served, though it is announced"),
        code => dead(port, &format!("is answered by an edge that does not serve it ({code})")),
    }
}

/// The look, or what it was for, came through here.
fn reached(port: u16, proof: Option<Proof>, leg: &Leg) -> Verdict {
    let verdict = match leg {
        Leg::Up => Verdict {
            label: Some(Label::Operational),
            probe: Some(Probe::Healthy),
            ..Verdict::nothing()
        },
        Leg::Refused(cause) => {
            let reason = format!("{cause}; the tunnel is fine, start your server");
            Verdict::down(Label::LocalDown, reason)
        }
        Leg::OtherScheme => Verdict::down(
            Label::LocalScheme,
            format!(
                "the server on localhost:{port} speaks the other of http and https than the port is set to; \
                 change the port's protocol or the server"
            ),
        ),
    };
    Verdict { proof, ..verdict }
}

/// It came through here, and what listens is of no use.
fn no_use(port: u16, leg: &Leg, what: &str) -> Verdict {
    match leg {
        Leg::Up => {
            let reason = format!("the server on localhost:{port} {what}; the tunnel is fine");
            Verdict::down(Label::LocalDown, reason)
        }
        _ => reached(port, None, leg),
    }
}

fn dead(port: u16, what: &str) -> Verdict {
    let reason = format!("the URL of port {port} {what}");
    Verdict { probe: Some(Probe::Down), ..Verdict::new(Label::Zombie, reason) }
}

fn limited(port: u16) -> Verdict {
    let reason = format!("the relay takes no more requests to port {port} for now");
    Verdict::new(Label::Limited, reason)
}

fn refused(port: u16, cause: &str) -> Verdict {
    let reason = format!("the URL of port {port} cannot be checked: {cause}");
    Verdict::new(Label::AccessRefused, reason)
}

/// What a gateway says of what is behind it. An application may say it as well.
fn is_gateway(status: u16) -> bool {
    matches!(status, 502..=504)
}

impl Verdict {
    fn nothing() -> Self {
        Self { label: None, reason: String::new(), proof: None, probe: None }
    }

    fn new(label: Label, reason: String) -> Self {
        Self { label: Some(label), reason, ..Self::nothing() }
    }

    /// The tunnel works, and what is behind it does not.
    fn down(label: Label, reason: String) -> Self {
        Self { probe: Some(Probe::ServiceDown), ..Self::new(label, reason) }
    }
}
