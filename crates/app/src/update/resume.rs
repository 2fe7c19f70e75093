//! What was hosted is hosted again, once after a start or a sign-in.

use std::time::Duration;

use super::Turn;
use crate::condition::Subject;
use crate::effect::{Notice, NoticeKind};
use crate::message::Message;
use crate::place_key::PlaceKey;
use crate::state::Ends;
use crate::tunnel_key::TunnelKey;

/// For so long a host that the service counts may be our own of before a crash. After that it is another's, and
/// taking its tunnel is a person's choice.
const OWN_GHOST: Duration = Duration::from_secs(120);

/// How soon the service is asked again where its answer left something open.
const AGAIN: Duration = Duration::from_secs(10);

/// A tunnel that is missing in so many answers is gone.
const GONE: u8 = 2;

/// What becomes of a tunnel that is to be hosted again.
enum Next {
    Host,
    /// Not now; a later answer decides.
    Wait,
    /// As [`Next::Wait`], and the answer is to come soon.
    WaitForAnswer,
    Skip,
}

impl Turn<'_> {
    /// Has everything of a place hosted again that is remembered, unless it rests.
    pub(super) fn arm(&mut self, place: &PlaceKey) {
        let now = self.at();
        for remembered in &mut self.state.remembered {
            if remembered.key.place == *place && !remembered.rests {
                remembered.resume.get_or_insert(now);
            }
        }
    }

    /// Hosts what is to be hosted again and can be.
    pub(super) fn resume(&mut self, place: &PlaceKey) {
        let wanted: Vec<_> = (self.state.remembered.iter())
            .filter(|it| it.key.place == *place && it.resume.is_some())
            .map(|it| it.key.clone())
            .collect();
        for tunnel in wanted {
            match self.next(&tunnel) {
                Next::Wait => continue,
                Next::WaitForAnswer => {
                    self.ask_soon(place);
                    continue;
                }
                Next::Host => self.host(&tunnel),
                Next::Skip => {}
            }
            if let Some(it) = self.state.remembered.iter_mut().find(|it| it.key == tunnel) {
                it.resume = None;
            }
        }
    }

    fn next(&self, tunnel: &TunnelKey) -> Next {
        let state = &*self.state;
        if state.hosted.contains_key(tunnel) {
            return Next::Skip;
        }
        // Its removal may still be undone.
        if state.is_hidden(tunnel) {
            return Next::Wait;
        }
        let Some(entry) = state.entry(tunnel) else { return Next::Wait };
        match (&entry.known.ports, entry.ports_at) {
            // An earlier run's ports are good enough to begin with, but not to leave a tunnel out.
            (None, _) => return Next::Wait,
            (Some(ports), None) if ports.is_empty() => return Next::Wait,
            (Some(ports), Some(_)) if ports.is_empty() => return Next::Skip,
            (Some(_), _) => {}
        }
        if !state.is_hosted_elsewhere(tunnel) {
            return Next::Host;
        }
        let since = state.remembered.iter().find(|it| it.key == *tunnel).and_then(|it| it.resume);
        match since {
            Some(since) if self.now.at < since + OWN_GHOST => Next::WaitForAnswer,
            _ => Next::Skip,
        }
    }

    /// A whole list was told: counts for each remembered tunnel whether the service knows it.
    pub(super) fn count_missing(&mut self, place: &PlaceKey) {
        let state = &*self.state;
        let missing: Vec<_> = (state.remembered.iter())
            .filter(|it| it.key.place == *place)
            // One that is served or just made is there, whatever a list says.
            .filter(|it| state.known(&it.key).is_none() && !self.is_served(&it.key))
            .map(|it| it.key.clone())
            .collect();
        for remembered in &mut self.state.remembered {
            if remembered.key.place == *place && !missing.contains(&remembered.key) {
                remembered.missing = 0;
            }
        }
        missing.iter().for_each(|tunnel| self.unknown(tunnel));
    }

    /// The service said once more that it does not know a tunnel.
    pub(super) fn unknown(&mut self, tunnel: &TunnelKey) {
        let remembered = self.state.remembered.iter_mut().find(|it| it.key == *tunnel);
        let Some(remembered) = remembered else { return };
        remembered.missing += 1;
        if remembered.missing < GONE {
            return self.ask_soon(&tunnel.place);
        }
        let name = self.state.name(tunnel);
        self.forget(tunnel);
        // Nor is it taken up again when its engine has ended.
        if let Some(hosted) = self.state.hosted.get_mut(tunnel)
            && hosted.ends == Ends::ToBegin
        {
            hosted.ends = Ends::Told;
        }
        self.notify(Notice {
            kind: NoticeKind::Forgotten,
            about: Subject::Tunnel(tunnel.clone()),
            name: Some(name.clone()),
            text: Message::Forgotten(name),
            offer: None,
        });
    }

    fn is_served(&self, tunnel: &TunnelKey) -> bool {
        let state = self.state.hosted.get(tunnel).map(|hosted| hosted.status.state);
        state.is_some_and(|state| state != crate::status::State::Error)
    }

    fn ask_soon(&mut self, place: &PlaceKey) {
        let at = self.at() + AGAIN;
        if let Some(place) = self.state.place_mut(place) {
            place.by(at);
        }
    }
}
