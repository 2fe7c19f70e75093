//! What is wrong, by what is known.

use std::time::{Duration, Instant};

use adit_proto::health::Label;
use jiff::Timestamp;

use super::{Code, Condition, Subject};
use crate::cause::Cause;
use crate::event::Trouble;
use crate::failure::{self, Failure};
use crate::manage::Job;
use crate::message::{Message, Offer};
use crate::moment::Moment;
use crate::persist::Remark;
use crate::state::change::{Change, What};
use crate::state::place::{Access, Place};
use crate::state::{Ends, Remembered, State};
use crate::status::ErrorKind::RunningOut;
use crate::status::{ErrorKind, Port, State as Engine, Tunnel};
use crate::tunnel_key::TunnelKey;
use crate::view::Standing;

/// A list that was told longer ago is called old: one and a half of the longest time between two.
const OLD: Duration = Duration::from_secs(900);

/// A tunnel whose life is long is told this long before its end; a short one, in this part of its life.
const EXPIRES_SOON: (Duration, u32) = (Duration::from_secs(86_400), 6);

/// All that holds, causes and consequences alike.
pub fn raised(state: &State, now: Moment) -> Vec<Condition> {
    let mut raised = Raised { conditions: Vec::new() };
    raised.app(state);
    for place in &state.places {
        raised.place(place, now);
        if state.waits_for_network(&place.key).is_some() {
            let about = Subject::Place(place.key.clone());
            raised.add(Code::NoNetwork, about, Message::NoNetwork).offer = Some(Offer::Refresh);
        }
    }
    for (tunnel, hosted) in &state.hosted {
        if hosted.ends == Ends::No {
            raised.tunnel(tunnel, &hosted.status, state.is_given_up_elsewhere(tunnel));
        }
    }
    // What waited for a sign-in and is about to be hosted again is no news.
    let waits = |tunnel: &TunnelKey, failure: &Failure| {
        let resumes = |it: &Remembered| it.key == *tunnel && it.resume.is_some();
        failure.code == failure::Code::SignIn && state.remembered.iter().any(resumes)
    };
    for (tunnel, failure) in state.troubles.iter().filter(|(key, why)| !waits(key, why)) {
        let offer = crate::view::start_or_ask(state, tunnel);
        raised.not_hosted(tunnel, Message::CouldNotStart, failure, offer);
    }
    let told = state.changes.iter().filter(|change| !state.is_waited_for(change.ticket));
    told.for_each(|change| raised.change(change));
    expiring(state).filter(|(_, from, _)| *from <= now.wall).for_each(|(key, _, ends)| {
        // One that is hosted is asked to live longer by its engine, which fails.
        let offer = (!state.hosted.contains_key(&key)).then_some(Offer::Start);
        let about = Subject::Tunnel(key);
        raised.add(Code::Expiring, about, Message::Expiring(ends)).offer = offer;
    });
    raised.conditions
}

/// When the next tunnel comes so near its end that it is told, or is open to anyone no longer, after `now`.
pub(crate) fn next_end(state: &State, now: Moment) -> Option<Instant> {
    let expiring = expiring(state).map(|(_, from, _)| from).filter(|from| *from > now.wall);
    let entries = state.places.iter().flat_map(|place| &place.entries);
    let closing = entries.filter_map(|entry| entry.known.openness.ends());
    let next = expiring.chain(closing.filter(|end| *end > now.wall)).min()?;
    Some(now.at + next.duration_since(now.wall).unsigned_abs())
}

/// The tunnels that nothing keeps from their end, with when that is to be told and when it is. One that is hosted is
/// renewed, by us unless that fails, or by whoever hosts it.
fn expiring(state: &State) -> impl Iterator<Item = (TunnelKey, Timestamp, Timestamp)> {
    let entries = state.places.iter().flat_map(|place| {
        place.entries.iter().map(|entry| (place.key_of(&entry.known.id), &entry.known))
    });
    entries.filter_map(|(key, known)| {
        let is_kept = match state.hosted.get(&key) {
            Some(hosted) => !hosted.status.error.as_ref().is_some_and(|it| it.kind == RunningOut),
            None => known.hosts > 0 || state.is_hidden(&key),
        };
        let ends = known.expires.filter(|_| !is_kept)?;
        let (most, part) = EXPIRES_SOON;
        let lead =
            known.life.map_or(most, |life| (Duration::from_secs(life.into()) / part).min(most));
        Some((key, ends.checked_sub(lead).ok()?, ends))
    })
}

struct Raised {
    conditions: Vec<Condition>,
}

impl Raised {
    fn add(&mut self, code: Code, about: Subject, text: Message) -> &mut Condition {
        self.conditions.push(Condition { code, about, text, detail: None, offer: None });
        self.conditions.last_mut().expect("just added")
    }

    fn app(&mut self, state: &State) {
        for remark in &state.remarks {
            let file = remark.file().to_owned();
            match remark {
                Remark::SetAside { to, .. } => {
                    let text = Message::FileSetAside(to.clone());
                    self.add(Code::StateDamaged, Subject::App, text);
                }
                Remark::Newer { .. } => {
                    self.add(Code::StateNotKept, Subject::App, Message::FileNewer(file));
                }
                Remark::Unreadable { cause, .. } => {
                    let text = Message::FileUnreadable(file);
                    self.add(Code::StateNotKept, Subject::App, text).detail = Cause::said(cause);
                }
            }
        }
        for (part, failure) in &state.unsaved {
            let condition = self.add(Code::NotSaved, Subject::App, Message::NotSaved(*part));
            condition.detail = Cause::said(&failure.message);
        }
        if state.clock_is_wrong {
            self.add(Code::ClockWrong, Subject::App, Message::ClockWrong);
        }
    }

    fn place(&mut self, place: &Place, now: Moment) {
        let about = || Subject::Place(place.key.clone());
        let key = || place.key.clone();
        match &place.access {
            Access::Unknown | Access::Ready => {}
            Access::SignedOut => {
                self.add(Code::SignInNeeded, about(), Message::SignIn(key())).offer =
                    Some(Offer::SignIn(key()));
            }
            Access::CommandMissing => {
                self.add(Code::CommandMissing, about(), Message::CommandMissing(key())).offer =
                    Some(Offer::GetCommand(key()));
            }
            Access::CommandOld(version) => {
                let text = Message::CommandOld { place: key(), version: version.clone() };
                self.add(Code::CommandOld, about(), text).offer = Some(Offer::GetCommand(key()));
            }
        }
        if let Some(failed) = &place.failed {
            self.list_failed(place, &failed.trouble);
        }
        for entry in &place.entries {
            if let Some(failure) = &entry.trouble {
                let about = Subject::Tunnel(place.key_of(&entry.known.id));
                let condition = self.add(Code::PortsUnknown, about, Message::PortsNotTold);
                condition.detail = Cause::said(&failure.message);
                condition.offer = Some(Offer::Refresh);
            }
        }
        let is_old = match (place.told, place.as_of) {
            (None, None) => false,
            (None, Some(_)) => true,
            (Some(told), _) => now.at >= told + OLD,
        };
        if let Some(as_of) = place.as_of.filter(|_| is_old) {
            self.add(Code::ListOld, about(), Message::AsOf(as_of)).offer = Some(Offer::Refresh);
        }
    }

    fn list_failed(&mut self, place: &Place, trouble: &Trouble) {
        let about = Subject::Place(place.key.clone());
        let (code, text) = match trouble.code() {
            // Said by the place's access.
            failure::Code::SignIn => return,
            failure::Code::Unreachable => {
                (Code::RelayUnreachable, Message::RelayUnreachable(place.key.clone()))
            }
            _ => (Code::ListFailed, Message::ListFailed(place.key.clone())),
        };
        let condition = self.add(code, about, text);
        condition.detail = Cause::said(&trouble.failure.message);
        condition.offer = Some(Offer::Refresh);
    }

    fn tunnel(&mut self, key: &TunnelKey, status: &Tunnel, is_given_up_elsewhere: bool) {
        let about = || Subject::Tunnel(key.clone());
        match status.state {
            Engine::Reconnecting => {
                let text = Message::Reconnecting(None);
                self.add(Code::Reconnecting, about(), text).offer = Some(Offer::TryNow);
            }
            Engine::Standby => {
                let standing = match is_given_up_elsewhere {
                    true => Standing::given_up_elsewhere(),
                    false => Standing::another_host(),
                };
                self.add(Code::AnotherHost, about(), standing.text).offer = standing.offer;
            }
            Engine::Error => {
                let standing = crate::view::of_status(status).standing;
                self.from(Code::NotHosted, about(), &standing);
            }
            Engine::Connecting | Engine::Hosting | Engine::Stopped => {}
        }
        if let Some(error) = &status.error {
            let (code, text) = match error.kind {
                ErrorKind::NotRenewed => (Code::RenewalFailed, Message::NotRenewed),
                ErrorKind::RunningOut => (Code::RenewalFailed, Message::RunningOut),
                ErrorKind::PortsUnknown => (Code::PortsUnknown, Message::PortsUnknown),
                // Said by the state, or by the place's access.
                _ => return self.ports(key, status),
            };
            self.add(code, about(), text).detail = Some(error.message.clone());
        }
        self.ports(key, status);
    }

    fn ports(&mut self, key: &TunnelKey, status: &Tunnel) {
        if status.state != Engine::Hosting {
            return;
        }
        let shown = crate::view::of_status(status);
        for (port, shown) in status.ports.values().zip(&shown.ports) {
            if let Some(code) = code_of(port) {
                self.from(code, Subject::Port(key.clone(), shown.port), &shown.standing);
            }
        }
    }

    fn from(&mut self, code: Code, about: Subject, standing: &Standing) {
        let condition = self.add(code, about, standing.text.clone());
        condition.detail = standing.detail.clone();
        condition.offer = standing.offer.clone();
    }

    fn not_hosted(&mut self, tunnel: &TunnelKey, text: Message, failure: &Failure, offer: Offer) {
        let condition = self.add(Code::NotHosted, Subject::Tunnel(tunnel.clone()), text);
        condition.detail = Cause::said(&failure.message);
        condition.offer = Some(offer);
    }

    fn change(&mut self, change: &Change) {
        let Some(failure) = change.failure() else { return };
        let about = match change.tunnel() {
            Some(tunnel) => Subject::Tunnel(tunnel.clone()),
            None => Subject::Place(change.place().clone()),
        };
        let condition = self.add(Code::ChangeFailed, about, change_text(&change.what));
        condition.detail = Cause::said(&failure.message);
        condition.offer = Some(Offer::Retry(change.ticket));
    }
}

/// What is said of a change that was not made.
pub(crate) fn change_text(what: &What) -> Message {
    match what {
        What::Create(_) => Message::NotCreated,
        What::AddPort { port, .. } => Message::PortNotAdded(port.number),
        What::ChangePort { port, .. } => Message::PortNotChanged(port.number),
        What::Delete(_) => Message::NotDeleted,
        What::DeletePort { port, .. } => Message::PortNotDeleted(*port),
        What::Manage { job, .. } => match &**job {
            Job::Access(_) | Job::Invite { .. } => Message::AccessNotChanged,
            Job::Edit(_) => Message::TunnelNotChanged,
            Job::EditPort(edit) => Message::PortNotChanged(edit.number),
            Job::Token { .. } => Message::TokenNotMade,
            Job::Link { .. } => Message::LinkNotMade,
            Job::Unlink { .. } => Message::LinkNotRevoked,
            Job::Move { to, .. } => Message::NotMoved(to.clone()),
        },
    }
}

/// What is wrong with a port of a hosted tunnel, if something is.
fn code_of(port: &Port) -> Option<Code> {
    if port.refused.is_some() {
        return Some(Code::PortRefused);
    }
    if port.local_down.is_some() {
        return Some(Code::LocalDown);
    }
    let label = &port.health.as_ref()?.label;
    match Label::ALL.into_iter().find(|it| it.as_str() == label)? {
        Label::Operational => None,
        Label::LocalDown => Some(Code::LocalDown),
        Label::LocalScheme => Some(Code::LocalScheme),
        Label::Limited => Some(Code::Limited),
        // Said by the session, which is told the same.
        Label::AnotherHost => None,
        Label::RelayUnreachable
        | Label::DnsOrTls
        | Label::Zombie
        | Label::AccessRefused
        | Label::SignIn
        | Label::UnknownTunnel => Some(Code::UrlDead),
    }
}
