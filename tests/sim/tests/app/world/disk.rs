//! The application's files, which are written one after another, and its starts and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_app::event::Event;
use adit_app::event::Input;
use adit_app::failure::{Code, Failure};
use adit_app::persist::{Kept, Part, Save};
use adit_app::tunnel_key::TunnelKey;

use super::{Due, World, note};
use crate::check::Promise;
use crate::mind::Mind;
use crate::model::Model;

/// A list from further ahead is of a clock that was wrong.
const SLACK: i64 = 120;

/// What is on the disk, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) kept: Kept,
    waiting: BTreeMap<Part, Save>,
    writing: Option<Save>,
    pub(super) is_full: bool,
}

impl Disk {
    fn write(&mut self, save: Save) {
        match save {
            Save::Preferences(it) => self.kept.preferences = it,
            Save::Memory(it) => self.kept.memory = it,
            Save::Lists(it) => self.kept.lists = it,
            Save::History(it) => self.kept.history = *it,
            Save::Setup(it) => self.kept.setup = it,
        }
    }

    /// What is to be hosted again at the next start.
    pub(super) fn memory(&self) -> BTreeSet<TunnelKey> {
        self.kept.memory.tunnels.iter().cloned().collect()
    }
}

impl World<'_> {
    pub(super) fn save(&mut self, save: Save) {
        self.disk.waiting.insert(save.part(), save);
        self.write_next();
    }

    fn write_next(&mut self) {
        if self.disk.writing.is_some() {
            return;
        }
        let Some((_, save)) = self.disk.waiting.pop_first() else { return };
        self.disk.writing = Some(save);
        let wait = self.rng.millis(1, 300);
        self.schedule.after(wait, Due::Written(self.life));
    }

    pub(super) fn written(&mut self) {
        let Some(save) = self.disk.writing.take() else { return };
        let part = save.part();
        let result = if self.disk.is_full {
            Err(Failure::new(Code::Storage, "no space left"))
        } else {
            self.disk.write(save);
            Ok(())
        };
        self.write_next();
        self.input(Input::Event(Event::Saved { part, result }));
    }

    /// The application's process begins.
    pub(super) fn start(&mut self) {
        if self.app.is_some() {
            return;
        }
        self.life += 1;
        self.summary.starts += 1;
        note!(self, "starts");
        let kept = self.disk.kept.clone();
        let now = self.moment();
        let mut told = BTreeMap::new();
        for service in &self.services {
            let list = kept.lists.places.get(&service.key);
            let is_good =
                |saved_at: jiff::Timestamp| saved_at.as_second() <= now.wall.as_second() + SLACK;
            let list = list.filter(|list| is_good(list.saved_at));
            let ids = list.into_iter().flat_map(|list| list.tunnels.iter().map(|it| it.id.clone()));
            let place = service.key.clone();
            let key = |id| TunnelKey { place: place.clone(), id };
            told.insert(service.key.clone(), ids.map(key).collect::<BTreeSet<_>>());
        }
        self.model = Model::new(&kept.memory.tunnels, kept.preferences.general.resume, told);
        let places = self.services.iter().map(|service| service.key.clone()).collect();
        self.app = Some(Mind::new(places, kept, now, self.flaw));
        self.input(Input::Tick);
    }

    /// The process has ended in good order: all that waits is written.
    pub(super) fn finish(&mut self) {
        if let Some(since) = self.model.quits
            && self.now() > since + Duration::from_secs(11)
            && self.asleep <= since
        {
            self.fail(Promise::Ends, format!("it took {:?}", self.now() - since));
        }
        let writing = self.disk.writing.take();
        for save in writing.into_iter().chain(std::mem::take(&mut self.disk.waiting).into_values())
        {
            if !self.disk.is_full {
                self.disk.write(save);
            }
        }
        self.leave(false);
    }

    /// The process dies.
    pub(super) fn crash(&mut self) {
        if self.app.is_none() {
            return;
        }
        self.summary.crashes += 1;
        let writing = self.disk.writing.take();
        self.disk.waiting.clear();
        if let Some(save) = writing.filter(|_| !self.disk.is_full)
            && self.rng.chance(50)
        {
            self.disk.write(save);
        }
        self.leave(true);
    }

    /// Engines go with the process; a service hears of it now or later.
    fn leave(&mut self, is_crash: bool) {
        note!(self, "ends{}", if is_crash { " in a crash" } else { "" });
        self.life += 1;
        (self.app, self.view) = (None, None);
        let engines = std::mem::take(&mut self.engines);
        for tunnel in engines.into_keys() {
            let is_ghost = is_crash && self.rng.chance(70) && !self.is_mended;
            let now = self.now();
            let until = if is_ghost { now + self.rng.millis(1_000, 60_000) } else { now };
            let service = self.service(&tunnel.place);
            if until == now {
                service.host(&tunnel, false, now);
            } else {
                service.ghosts.push((until, tunnel));
            }
        }
        if let Some(after) = self.returns.take() {
            self.schedule.after(after, Due::Start);
        }
    }
}
