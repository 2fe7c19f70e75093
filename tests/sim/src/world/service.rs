//! The management service: tunnels, tokens, endpoints.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_proto::host::{Failure, SessionId};

use super::{Event, World};
use crate::plan::{Answer, Seconds};
use crate::trace::note;

/// What the service knows of a tunnel.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) exists: bool,
    pub(super) ports: BTreeSet<u16>,
    pub(super) endpoint: Option<String>,
    /// Tokens older than this are refused.
    valid_from: Duration,
    /// How many reasons there are to refuse its owner (401), and to forbid hosting (403).
    pub(super) expelled: u32,
    pub(super) forbidden: u32,
    /// Nothing happens that a visitor may suffer from.
    pub(super) calm: bool,
    /// A host could not remove its endpoint.
    pub(super) left_behind: bool,
    /// Wishes that may move it from one host to another, and moves that there were.
    pub(super) moves_wished: u32,
    pub(super) moves: u32,
}

/// A token: its number is its text.
#[derive(Clone, Debug)]
pub(super) struct Token {
    tunnel: usize,
    issued: Duration,
    pub(super) ends: Duration,
}

/// A host's call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) host: usize,
    pub(super) session: Option<SessionId>,
    pub(super) what: Ask,
    token: Option<usize>,
    slowed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Mint,
    PutEndpoint,
    DeleteEndpoint,
}

impl Tunnel {
    pub(super) fn new(ports: BTreeSet<u16>) -> Tunnel {
        Tunnel {
            exists: true,
            ports,
            endpoint: None,
            valid_from: Duration::ZERO,
            expelled: 0,
            forbidden: 0,
            calm: false,
            left_behind: false,
            moves_wished: 0,
            moves: 0,
        }
    }
}

impl Call {
    pub(super) fn new(host: usize, session: Option<SessionId>, what: Ask) -> Call {
        Call { host, session, what, token: None, slowed: false }
    }
}

/// What a status means to a host, as the driver sorts them.
pub(super) fn failure(status: u16, after: Option<u64>) -> Failure {
    let retry_after = after.map(Seconds::secs);
    let text = format!("status {status}");
    match status {
        401 => Failure::Unauthorized,
        403 => Failure::Forbidden(text),
        404 => Failure::NotFound,
        429 => Failure::RateLimited { retry_after },
        502..=504 => Failure::Unavailable { retry_after },
        500..=599 => Failure::Transient(text),
        _ => Failure::Fatal(text),
    }
}

impl World {
    /// A host's call leaves.
    pub(super) fn send_call(&mut self, mut call: Call) {
        call.token = self.hosts[call.host].token;
        let delay = self.latency();
        if self.steps.has_no_dns(call.host) {
            let failure = Failure::Transient("the name was not found".to_owned());
            return self.schedule.after(delay, Event::Answered(call, Err(failure)));
        }
        self.schedule.after(delay, Event::Call(call));
    }

    /// A call arrives.
    pub(super) fn call(&mut self, mut call: Call) {
        if self.steps.is_offline(call.host) {
            return self.held.push(Event::Call(call));
        }
        match self.steps.api() {
            Some(Answer::Hang) => return self.held.push(Event::Call(call)),
            Some(Answer::Slow(millis)) if !call.slowed => {
                call.slowed = true;
                let delay = self.slowness(millis);
                return self.schedule.after(delay, Event::Call(call));
            }
            Some(Answer::Status(status, after)) => {
                return self.reply(call, Err(failure(status, after)));
            }
            Some(Answer::Slow(_)) | None => {}
        }
        let result = self.decide(&call);
        self.reply(call, result);
    }

    fn reply(&mut self, call: Call, result: Result<Option<usize>, Failure>) {
        let delay = self.latency();
        self.schedule.after(delay, Event::Answered(call, result));
    }

    fn decide(&mut self, call: &Call) -> Result<Option<usize>, Failure> {
        let tunnel = self.hosts[call.host].tunnel;
        let known = &self.tunnels[tunnel];
        if !known.exists {
            return Err(Failure::NotFound);
        }
        let token_fails = call.what != Ask::Mint && !self.is_accepted(call.token, tunnel);
        if known.expelled > 0 || token_fails {
            return Err(Failure::Unauthorized);
        }
        if known.forbidden > 0 && call.what != Ask::DeleteEndpoint {
            return Err(Failure::Forbidden("it is forbidden".to_owned()));
        }
        let endpoint = self.hosts[call.host].endpoint.clone();
        match call.what {
            Ask::Mint => return Ok(Some(self.issue(tunnel))),
            Ask::PutEndpoint => {
                note!(self, "tunnel {tunnel} has the endpoint {endpoint}");
                // Called off, and on its way all the same: it may come after the host has removed everything.
                let session =
                    call.session.filter(|id| self.hosts[call.host].sessions.contains_key(id));
                self.tunnels[tunnel].left_behind = session.is_none();
                let before = self.tunnels[tunnel].endpoint.replace(endpoint);
                if before.is_some() && before != self.tunnels[tunnel].endpoint {
                    self.takes_over(call.host);
                }
            }
            Ask::DeleteEndpoint => {
                if self.tunnels[tunnel].endpoint.take_if(|now| *now == endpoint).is_some() {
                    note!(self, "tunnel {tunnel} has no endpoint any more");
                    self.endpoint_deleted(tunnel, &endpoint);
                }
            }
        }
        Ok(None)
    }

    fn issue(&mut self, tunnel: usize) -> usize {
        let issued = self.schedule.now();
        let ends = issued + self.plan.tokens.0;
        self.tokens.push(Token { tunnel, issued, ends });
        self.summary.mints += 1;
        self.tokens.len() - 1
    }

    /// Whether a token lets its holder host a tunnel at this moment.
    pub(super) fn is_accepted(&self, token: Option<usize>, tunnel: usize) -> bool {
        let Some(token) = token.and_then(|token| self.tokens.get(token)) else { return false };
        let known = &self.tunnels[tunnel];
        token.tunnel == tunnel
            && self.schedule.now() < token.ends
            && token.issued >= known.valid_from
            && known.expelled == 0
    }

    /// Whether a host may serve a port: one of the tunnel's. That a token expired since its holder was
    /// let in does not count against it; that it was revoked has closed the session.
    pub(super) fn may_serve(&self, tunnel: usize, port: u16, token: Option<usize>) -> bool {
        let known = &self.tunnels[tunnel];
        let issued = token.and_then(|token| self.tokens.get(token)).map(|token| token.issued);
        known.ports.contains(&port)
            && known.expelled + known.forbidden == 0
            && issued.is_some_and(|issued| issued >= known.valid_from)
    }

    pub(super) fn revoke(&mut self, tunnel: usize) {
        self.tunnels[tunnel].valid_from = self.schedule.now();
        self.close_sessions(tunnel);
    }
}
