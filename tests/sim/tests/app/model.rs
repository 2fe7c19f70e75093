//! What somebody who sees only what goes in and comes out expects of the application.
//!
//! It knows wishes, answers and engines, and nothing of how the application keeps them. [`Model::hear`] takes in what
//! the application is about to hear, [`Model::see`] what it did.

mod answers;
mod see;
pub(crate) mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_app::command::{self, Command, Ticket};
use adit_app::event::Input;
use adit_app::place_key::PlaceKey;
use adit_app::tunnel_key::TunnelKey;

use crate::check::{Promise, Summary};
use seen::{Ends, Seen};

/// For so long a list may lag behind before it is believed.
const SETTLE: Duration = Duration::from_secs(60);

/// What is expected of one run.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) wishes: BTreeMap<TunnelKey, Wish>,
    /// The tunnels of each place's last list.
    pub(crate) told: BTreeMap<PlaceKey, BTreeSet<TunnelKey>>,
    /// Tunnels with an engine, and what it told.
    pub(crate) engines: BTreeMap<TunnelKey, Seen>,
    /// The question for each list that is open, and since when.
    lists: BTreeMap<PlaceKey, (u64, Duration)>,
    shows: BTreeMap<TunnelKey, u64>,
    creates: BTreeMap<Ticket, Create>,
    pub(crate) removals: Vec<Removal>,
    /// Where what is asked for is made.
    place_of: BTreeMap<Ticket, PlaceKey>,
    /// The changes that errands wait for.
    errands: BTreeMap<Ticket, Errand>,
    /// An errand has just begun, or its tunnel was just made: its next change comes now.
    errand_goes_on: Option<Errand>,
    /// What the last file says.
    pub(crate) memory: BTreeSet<TunnelKey>,
    /// What was just forgotten, and is to be said.
    forgotten: Vec<TunnelKey>,
    /// Since when it quits.
    pub(crate) quits: Option<Duration>,
    /// A place was just found to be ready.
    is_ready: bool,
    pub(crate) has_finished: bool,
    pub(crate) broken: Option<(Promise, String)>,
}

/// What is wished of a tunnel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// It is hosted again at the next start.
    pub(crate) kept: bool,
    /// It is to be hosted in this run.
    pub(crate) on: bool,
    /// Another process borrows it.
    pub(crate) lent: bool,
    /// It was left to another computer, had no port when it was its turn, or failed.
    pub(crate) yielded: bool,
    /// In how many answers in a row it was not known.
    missing: u8,
    /// It could not be hosted, or ended by itself.
    pub(crate) trouble: bool,
}

/// A tunnel that was asked for.
#[derive(Clone, Debug)]
enum Create {
    Sent,
    Settling { since: Duration, tunnel: TunnelKey },
    Failed,
}

/// What is made with a port, and then hosted.
#[derive(Clone, Debug, Default)]
struct Errand {
    /// The tunnel, once it is made and only the port is missing.
    tunnel: Option<TunnelKey>,
    /// Nobody waits for it any more.
    is_left: bool,
    has_failed: bool,
}

/// Something that is removed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub(crate) ticket: Ticket,
    pub(crate) tunnel: TunnelKey,
    /// Nothing means all of it.
    pub(crate) port: Option<u16>,
    pub(crate) stage: Stage,
}

/// How far a removal has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Open {
        until: Duration,
    },
    Held {
        left: Duration,
    },
    /// It cannot be undone any more.
    Over,
    Sent,
    Settling {
        since: Duration,
    },
    Failed,
}

impl Model {
    /// At a start: what is on the disk.
    pub(crate) fn new(
        kept: &[TunnelKey],
        resumes: bool,
        told: BTreeMap<PlaceKey, BTreeSet<TunnelKey>>,
    ) -> Model {
        let wish = Wish { kept: true, on: resumes, ..Wish::default() };
        Model {
            wishes: kept.iter().map(|key| (key.clone(), wish.clone())).collect(),
            memory: kept.iter().cloned().collect(),
            told,
            ..Model::default()
        }
    }

    /// Whether a tunnel may be hosted.
    pub(crate) fn may_host(&self, tunnel: &TunnelKey) -> bool {
        self.wishes.get(tunnel).is_some_and(|wish| wish.on || wish.lent)
    }

    pub(crate) fn is_hidden(&self, tunnel: &TunnelKey) -> bool {
        self.removals.iter().any(|removal| {
            removal.port.is_none() && removal.tunnel == *tunnel && removal.stage != Stage::Failed
        })
    }

    /// Tunnels that were made and may not be in their list.
    pub(crate) fn made(&self) -> impl Iterator<Item = &TunnelKey> {
        self.creates.values().filter_map(|create| match create {
            Create::Settling { tunnel, .. } => Some(tunnel),
            Create::Sent | Create::Failed => None,
        })
    }

    /// Changes that are asked for tunnels that are not made yet: surely shown, and perhaps.
    pub(crate) fn new_cards(&self) -> (BTreeSet<Ticket>, BTreeSet<Ticket>) {
        let of = |is_it: fn(&Create) -> bool| {
            self.creates.iter().filter(|(_, it)| is_it(it)).map(|(ticket, _)| *ticket).collect()
        };
        (of(|it| matches!(it, Create::Sent)), of(|it| matches!(it, Create::Failed)))
    }

    fn wish(&mut self, tunnel: &TunnelKey) -> &mut Wish {
        self.wishes.entry(tunnel.clone()).or_default()
    }

    fn breaks(&mut self, promise: Promise, text: String) {
        self.broken.get_or_insert((promise, text));
    }

    /// The application is about to hear something.
    pub(crate) fn hear(&mut self, input: &Input, now: Duration, summary: &mut Summary) {
        match input {
            Input::Command(command) if self.quits.is_none() => self.command(command, now, summary),
            Input::Command(_) | Input::Tick => {}
            Input::Event(event) => self.event(event, now, summary),
        }
    }

    fn command(&mut self, command: &Command, now: Duration, summary: &mut Summary) {
        match command {
            Command::Host(tunnel) | Command::TakeOver(tunnel) if !self.is_hidden(tunnel) => {
                let wish = self.wish(tunnel);
                (wish.on, wish.kept, wish.trouble, wish.yielded) = (true, true, false, false);
                self.goes_on(tunnel);
            }
            Command::Lend(tunnel) if !self.is_hidden(tunnel) => {
                let wish = self.wish(tunnel);
                (wish.lent, wish.trouble) = (true, false);
                self.goes_on(tunnel);
            }
            Command::Stop(tunnel) => self.forget(tunnel, true),
            Command::GiveBack(tunnel) => {
                let wish = self.wish(tunnel);
                wish.lent = false;
                if !wish.on {
                    wish.trouble = false;
                    self.ends(tunnel);
                }
            }
            Command::StopAll => {
                for wish in self.wishes.values_mut() {
                    (wish.on, wish.lent) = (false, false);
                }
                self.engines.values_mut().for_each(|seen| seen.ends = Ends::Told);
            }
            Command::Undo(ticket) => {
                let is_it = |it: &Removal| it.ticket == *ticket && it.stage.can_be_undone();
                summary.undone += self.removals.iter().filter(|it| is_it(it)).count() as u64;
                self.removals.retain(|it| !is_it(it));
            }
            Command::HoldUndo { ticket, held } => {
                for removal in self.removals.iter_mut().filter(|it| it.ticket == *ticket) {
                    removal.stage = match (removal.stage, held) {
                        (Stage::Open { until }, true) => {
                            Stage::Held { left: until.saturating_sub(now) }
                        }
                        (Stage::Held { left }, false) => Stage::Open { until: now + left },
                        (stage, _) => stage,
                    };
                }
            }
            Command::Retry(ticket) => {
                if let Some(Create::Failed) = self.creates.get(ticket) {
                    self.creates.insert(*ticket, Create::Sent);
                }
                let is_it = |it: &&mut Removal| it.ticket == *ticket && it.stage == Stage::Failed;
                self.removals.iter_mut().filter(is_it).for_each(|it| it.stage = Stage::Over);
                self.forget_removed();
            }
            Command::Dismiss(ticket) => {
                self.removals.retain(|it| it.ticket != *ticket || it.stage != Stage::Failed);
                self.creates.retain(|it, create| it != ticket || !matches!(create, Create::Failed));
            }
            Command::Begin(errand) => {
                self.lets_go();
                if let command::Wish::Create { port: Some(_), .. } = errand.wish {
                    self.errand_goes_on = Some(Errand::default());
                }
            }
            Command::LetGo(_) => self.lets_go(),
            Command::Quit => {
                self.quits = Some(now);
                self.removals.retain(|it| !it.stage.can_be_undone());
                self.engines.values_mut().for_each(|seen| seen.ends = Ends::Told);
            }
            _ => {}
        }
    }

    /// Nobody waits for errands any more, and what failed was seen.
    fn lets_go(&mut self) {
        let failed = self.errands.extract_if(.., |_, it| it.has_failed);
        for (ticket, _) in failed.collect::<Vec<_>>() {
            self.creates.remove(&ticket);
        }
        self.errands.values_mut().for_each(|it| it.is_left = true);
    }

    /// An engine that was on its way out is wanted after all.
    fn goes_on(&mut self, tunnel: &TunnelKey) {
        if let Some(seen) = self.engines.get_mut(tunnel)
            && seen.ends == Ends::Told
        {
            seen.ends = Ends::ToBegin;
        }
    }

    fn ends(&mut self, tunnel: &TunnelKey) {
        if let Some(seen) = self.engines.get_mut(tunnel) {
            seen.ends = Ends::Told;
        }
    }

    /// It is not wanted any more.
    fn forget(&mut self, tunnel: &TunnelKey, stops: bool) {
        let wish = self.wish(tunnel);
        (wish.kept, wish.on, wish.missing) = (false, false, 0);
        if stops {
            (wish.lent, wish.trouble) = (false, false);
            self.ends(tunnel);
        }
    }

    fn forget_removed(&mut self) {
        let over = self.removals.iter().filter(|it| it.port.is_none() && it.stage == Stage::Over);
        for tunnel in over.map(|it| it.tunnel.clone()).collect::<Vec<_>>() {
            self.forget(&tunnel, self.engines.contains_key(&tunnel));
            self.wish(&tunnel).lent = false;
        }
    }
}

impl Stage {
    pub(crate) fn can_be_undone(self) -> bool {
        matches!(self, Self::Open { .. } | Self::Held { .. })
    }

    fn is_sent(self) -> bool {
        matches!(self, Self::Over | Self::Sent | Self::Settling { .. })
    }
}
