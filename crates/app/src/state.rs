//! All that the application knows. [`crate::update`] changes it, [`crate::view`] shows it, and nobody else looks.

pub(crate) mod change;
pub(crate) mod errand;
pub(crate) mod place;
pub(crate) mod setup;
pub(crate) mod sheet;
mod sizes;
pub(crate) mod traffic;
#[cfg(test)]
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::command::Ticket;
use crate::condition::Tracker;
use crate::failure::{Code, Failure};
use crate::history::History;
use crate::known::{Known, KnownPort, Openness};
use crate::moment::Moment;
use crate::persist::{Kept, Lists, Memory, Part, Remark, SavedList};
use crate::place_key::PlaceKey;
use crate::preferences::Preferences;
use crate::status;
use crate::tunnel_key::TunnelKey;

use self::change::{Change, Made, Stage, What};
use self::errand::Errand;
use self::place::{Entry, Place};
use self::setup::SetupState;
use self::sheet::Open;
use self::traffic::Traffic;

/// How far ahead the time of a file may be before the clock is called wrong.
const CLOCK_SLACK: Duration = Duration::from_secs(120);

/// A list older than this is not shown: its tunnels have expired unless they were used.
const OLD_LIST: Duration = Duration::from_secs(30 * 86_400);

/// For so long after our engine has left, a service may count it still.
pub(crate) const LEAVING: Duration = Duration::from_secs(30);

/// All that the application knows.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) places: Vec<Place>,
    /// Tunnels with an engine.
    pub(crate) hosted: BTreeMap<TunnelKey, Hosted>,
    pub(crate) remembered: Vec<Remembered>,
    /// What was asked for and is not confirmed, oldest first.
    pub(crate) changes: Vec<Change>,
    /// What dialogs asked for: the one that is waited for, and those that go on without anybody.
    pub(crate) errands: Vec<Errand>,
    /// Why a tunnel could not begin to be hosted.
    pub(crate) troubles: BTreeMap<TunnelKey, Failure>,
    /// When our engine of a tunnel ended.
    pub(crate) left: BTreeMap<TunnelKey, Instant>,
    /// When another computer took a tunnel from here.
    pub(crate) taken: BTreeMap<TunnelKey, Instant>,
    pub(crate) preferences: Preferences,
    pub(crate) history: History,
    /// When the history is written next, if there is something new.
    pub(crate) history_due: Option<Instant>,
    /// What was wrong with files at the start.
    pub(crate) remarks: Vec<Remark>,
    pub(crate) unsaved: BTreeMap<Part, Failure>,
    /// When that is tried again.
    pub(crate) unsaved_due: Option<Instant>,
    /// A list that was kept is from the future.
    pub(crate) clock_is_wrong: bool,
    /// Since when no way leads out of this computer, if none does.
    pub(crate) offline: Option<Timestamp>,
    pub(crate) visible: bool,
    pub(crate) selected: Option<(TunnelKey, u16)>,
    pub(crate) traffic: Traffic,
    /// What the open dialog is about.
    pub(crate) sheet: Option<Open>,
    pub(crate) conditions: Tracker,
    /// The URLs of ports that are hosted, as they were told last.
    pub(crate) urls: BTreeMap<(TunnelKey, u16), String>,
    /// When a tunnel is so near its end that it is told, or is open no longer: the next one.
    pub(crate) end_due: Option<Instant>,
    pub(crate) quitting: Option<Quitting>,
    /// What ends only because the program does: whoever follows hosts it next.
    pub(crate) handed_on: BTreeSet<TunnelKey>,
    pub(crate) setup: SetupState,
    /// When the last thing happened.
    pub(crate) wall: Timestamp,
    next: u64,
}

/// A tunnel with an engine.
#[derive(Clone, Debug)]
pub(crate) struct Hosted {
    pub(crate) status: status::Tunnel,
    pub(crate) ends: Ends,
}

impl Hosted {
    /// Whether it waits because another computer took the tunnel.
    pub(crate) fn stands_by(&self) -> bool {
        self.ends == Ends::No && self.status.state == status::State::Standby
    }
}

/// Whether an engine is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    No,
    Told,
    /// It was told to end, and then the tunnel was to be hosted again.
    ToBegin,
}

/// A tunnel that is hosted again at the next start.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) key: TunnelKey,
    /// In how many answers in a row the service did not know it.
    pub(crate) missing: u8,
    /// It is to be hosted as soon as that can be, since then.
    pub(crate) resume: Option<Instant>,
    /// Not in this run, unless somebody asks for it: all were stopped, or nothing was to be hosted at the start.
    pub(crate) rests: bool,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quitting {
    /// When engines are not waited for any longer.
    pub(crate) until: Instant,
    pub(crate) finished: bool,
}

impl State {
    /// What is known at the start: what was kept.
    pub fn new(places: Vec<PlaceKey>, kept: Kept, now: Moment) -> Self {
        let Kept { preferences, memory, mut lists, history, setup, remarks } = kept;
        let mut clock_is_wrong = false;
        let setup = SetupState::new(setup, &places, &memory, &lists);
        let places = setup.all_places(places);
        let places = places.into_iter().map(|key| {
            let list = lists.places.remove(&key).filter(|list| {
                let is_future = list.saved_at > now.wall + CLOCK_SLACK;
                clock_is_wrong |= is_future;
                !is_future && now.wall.duration_since(list.saved_at).unsigned_abs() < OLD_LIST
            });
            Place::new(key, list)
        });
        let places: Vec<_> = places.collect();
        let urls = kept_urls(&places, &memory);
        let resume = preferences.general.resume.then_some(now.at);
        let rests = resume.is_none();
        let remember = |key| Remembered { key, missing: 0, resume, rests };
        Self {
            places,
            hosted: BTreeMap::new(),
            remembered: memory.tunnels.into_iter().map(remember).collect(),
            changes: Vec::new(),
            errands: Vec::new(),
            troubles: BTreeMap::new(),
            left: BTreeMap::new(),
            taken: BTreeMap::new(),
            preferences,
            history,
            history_due: None,
            remarks,
            unsaved: BTreeMap::new(),
            unsaved_due: None,
            clock_is_wrong,
            wall: now.wall,
            offline: None,
            visible: false,
            selected: None,
            traffic: Traffic::default(),
            sheet: None,
            conditions: Tracker::default(),
            urls,
            end_due: None,
            quitting: None,
            handed_on: BTreeSet::new(),
            setup,
            next: 0,
        }
    }

    /// The settings in force.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// What happened.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Where new tunnels live, unless somebody says otherwise.
    pub fn default_place(&self) -> PlaceKey {
        let places: Vec<_> = self.places.iter().map(|place| place.key.clone()).collect();
        self.setup.chosen.default_place(&places)
    }

    pub(crate) fn serial(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        Ticket(self.serial())
    }

    pub(crate) fn place(&self, key: &PlaceKey) -> Option<&Place> {
        self.places.iter().find(|place| place.key == *key)
    }

    pub(crate) fn place_mut(&mut self, key: &PlaceKey) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.key == *key)
    }

    pub(crate) fn entry(&self, tunnel: &TunnelKey) -> Option<&Entry> {
        self.place(&tunnel.place)?.entry(&tunnel.id)
    }

    pub(crate) fn entry_mut(&mut self, tunnel: &TunnelKey) -> Option<&mut Entry> {
        self.place_mut(&tunnel.place)?.entry_mut(&tunnel.id)
    }

    /// What is known of a tunnel, from the list or from its making.
    pub(crate) fn known(&self, tunnel: &TunnelKey) -> Option<&Known> {
        let made = || self.made().find_map(|(key, known)| (key == *tunnel).then_some(known));
        self.entry(tunnel).map(|entry| &entry.known).or_else(made)
    }

    /// What a tunnel is called.
    pub(crate) fn name(&self, tunnel: &TunnelKey) -> String {
        let known = self.known(tunnel).map(|known| known.label().to_owned());
        known.unwrap_or_else(|| tunnel.id.tunnel.to_string())
    }

    /// Tunnels that were made and are not in their list yet.
    pub(crate) fn made(&self) -> impl Iterator<Item = (TunnelKey, &Known)> {
        self.changes.iter().filter_map(|change| match (&change.what, &change.stage) {
            (What::Create(draft), Stage::Settling { made: Made::Tunnel(known), .. }) => {
                let key = TunnelKey { place: draft.place.clone(), id: known.id.clone() };
                self.entry(&key).is_none().then_some((key, &**known))
            }
            _ => None,
        })
    }

    /// The ports of a tunnel as they are once every confirmed change is in the list; `None` while nobody told.
    pub(crate) fn ports(&self, tunnel: &TunnelKey) -> Option<Vec<KnownPort>> {
        let mut ports = self.known(tunnel)?.ports.clone()?;
        for change in self.changes.iter().filter(|change| change.tunnel() == Some(tunnel)) {
            match (&change.what, &change.stage) {
                (What::AddPort { .. }, Stage::Settling { made: Made::Port(port), .. })
                    if ports.iter().all(|it| it.number != port.number) =>
                {
                    ports.push(port.clone());
                }
                (What::ChangePort { port: to, .. }, Stage::Sent | Stage::Settling { .. }) => {
                    let protocol = to.to_contract().protocol.unwrap_or_default();
                    let port = ports.iter_mut().find(|port| port.number == to.number);
                    port.into_iter().for_each(|port| port.protocol = protocol.clone());
                }
                _ => {}
            }
        }
        Some(ports)
    }

    /// Whether somebody waits for a change, who hears of its failure there and then.
    pub(crate) fn is_waited_for(&self, ticket: Ticket) -> bool {
        self.errands.iter().any(|errand| errand.ticket == ticket && !errand.is_left)
    }

    /// Who may visit a tunnel now, as far as that is known: open access that has ended is none, whatever the last list said.
    pub(crate) fn openness(&self, tunnel: &TunnelKey) -> Openness {
        self.known(tunnel).map(|known| known.openness.at(self.wall)).unwrap_or_default()
    }

    /// Whether a tunnel is out of sight, because it is being removed.
    pub(crate) fn is_hidden(&self, tunnel: &TunnelKey) -> bool {
        self.changes.iter().any(|change| {
            matches!(&change.what, What::Delete(of) if of == tunnel) && change.hides()
        })
    }

    /// Whether a port is out of sight, because it or its tunnel is being removed.
    pub(crate) fn is_port_hidden(&self, tunnel: &TunnelKey, port: u16) -> bool {
        let hides = |change: &Change| {
            matches!(&change.what, What::DeletePort { tunnel: of, port: number }
                if of == tunnel && *number == port)
                && change.hides()
        };
        self.is_hidden(tunnel) || self.changes.iter().any(hides)
    }

    /// Whether another computer hosts a tunnel, by what the service counts. A count that may still be of our own
    /// engine says nothing.
    pub(crate) fn is_hosted_elsewhere(&self, tunnel: &TunnelKey) -> bool {
        let Some(entry) = self.entry(tunnel) else { return false };
        let left = self.left.get(tunnel).map(|left| *left + LEAVING);
        let is_news = entry.counted_at.is_some_and(|at| left.is_none_or(|left| at > left));
        entry.known.hosts > 0 && !self.hosted.contains_key(tunnel) && is_news
    }

    /// Whether the computer that took a tunnel from here hosts it no longer, by what the service counts. A count of just
    /// after that may know nothing of it yet.
    pub(crate) fn is_given_up_elsewhere(&self, tunnel: &TunnelKey) -> bool {
        let (Some(entry), Some(taken)) = (self.entry(tunnel), self.taken.get(tunnel)) else {
            return false;
        };
        self.hosted.get(tunnel).is_some_and(Hosted::stands_by)
            && entry.known.hosts == 0
            && entry.counted_at.is_some_and(|at| at > *taken + LEAVING)
    }

    /// Since when a place waits for the network: none leads out of this computer, and what needs it there fails. A relay
    /// in the same room may be reached all the same.
    pub(crate) fn waits_for_network(&self, place: &PlaceKey) -> Option<Timestamp> {
        use status::State::{Connecting, Hosting, Reconnecting};
        let since = self.offline.filter(|_| !place.is_on_this_computer())?;
        let hosted = || self.hosted.iter().filter(|(key, _)| key.place == *place);
        let is_any = |states: &[status::State]| {
            hosted().any(|(_, hosted)| states.contains(&hosted.status.state))
        };
        let fails = self.place(place).and_then(|place| place.failed.as_ref());
        let fails = fails.is_some_and(|failed| failed.trouble.code() == Code::Unreachable);
        ((fails || is_any(&[Connecting, Reconnecting])) && !is_any(&[Hosting])).then_some(since)
    }

    /// Which tunnels to host again, for the file.
    pub(crate) fn memory(&self) -> Memory {
        Memory { tunnels: self.remembered.iter().map(|it| it.key.clone()).collect() }
    }

    /// The last lists, for the file.
    pub(crate) fn lists(&self) -> Lists {
        let list = |place: &Place| {
            let tunnels = place.entries.iter().map(|entry| entry.known.clone()).collect();
            Some((place.key.clone(), SavedList { saved_at: place.as_of?, tunnels }))
        };
        Lists { places: self.places.iter().filter_map(list).collect() }
    }

    /// All tunnels, in the order that they are shown: by place, as listed, then made, then hosted only.
    pub(crate) fn tunnels(&self) -> Vec<TunnelKey> {
        let listed = self
            .places
            .iter()
            .flat_map(|place| place.entries.iter().map(|entry| place.key_of(&entry.known.id)));
        let made = self.made().map(|(key, _)| key);
        let mut seen = BTreeSet::new();
        let all = listed.chain(made).chain(self.hosted.keys().cloned());
        all.filter(|key| seen.insert(key.clone())).collect()
    }

    /// When the list of a place was told, if it is not of this run.
    pub(crate) fn kept_as_of(&self, place: &PlaceKey) -> Option<Timestamp> {
        self.place(place).filter(|place| place.told.is_none())?.as_of
    }
}

/// The URLs that the last run's ports had, of what is to be hosted again.
fn kept_urls(places: &[Place], memory: &Memory) -> BTreeMap<(TunnelKey, u16), String> {
    let of = |tunnel: &TunnelKey| {
        let place = places.iter().find(|place| place.key == tunnel.place)?;
        place.entry(&tunnel.id)?.known.ports.clone()
    };
    let ports = memory.tunnels.iter().flat_map(|tunnel| {
        of(tunnel).unwrap_or_default().into_iter().map(|port| (tunnel.clone(), port))
    });
    let first = |(tunnel, port): (TunnelKey, KnownPort)| {
        Some(((tunnel, port.number), port.urls.into_iter().next()?))
    };
    ports.filter_map(first).collect()
}
