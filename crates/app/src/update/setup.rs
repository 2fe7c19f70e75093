//! Setting up: errands, the first run, taking over from another app, and the way out.

use super::Turn;
use crate::effect::Effect;
use crate::failure::Outcome;
use crate::persist::{Imported, Save};
use crate::place_key::{Kind, PlaceKey};
use crate::setup::errand::Current;
use crate::setup::{Act, Ask, Errand, ErrandKind, Stage, Told};
use crate::state::Remembered;
use crate::state::place::{Access, Place};
use crate::state::setup::Removing;

impl Turn<'_> {
    pub(super) fn ask_setup(&mut self, ask: Ask) {
        match ask {
            Ask::UseRelay { relay, key } => self.start_errand(Errand::Relay { relay, key }),
            Ask::UseMicrosoft => self.use_place(&PlaceKey::microsoft()),
            Ask::SignIn { provider, by_code } => {
                self.use_place(&PlaceKey::microsoft());
                self.start_errand(Errand::SignIn { provider, by_code });
            }
            Ask::Install => {
                let place = self.state.place(&PlaceKey::microsoft());
                let update = place.is_some_and(|it| matches!(it.access, Access::CommandOld(_)));
                self.start_errand(Errand::Install { update });
            }
            Ask::Cancel => self.cancel(),
            Ask::PutAway => {
                if !self.state.setup.is_busy() {
                    self.state.setup.errand = None;
                }
            }
            Ask::Forget(place) => self.leave(&place),
            Ask::MakeDefault(place) => self.make_default(place),
            Ask::TryOut { place, port } => self.try_out(place, port),
            Ask::Back => self.try_nothing(),
            Ask::EndFirstRun => self.end_first_run(),
            Ask::Import(takes) => self.import(takes),
            Ask::Remove => self.start_errand(Errand::MayRemove),
        }
    }

    pub(super) fn told_setup(&mut self, told: Told) {
        match told {
            Told::Said { serial, line } => {
                if let Some(errand) = self.errand(serial) {
                    errand.hear(&line);
                }
            }
            Told::Ended { serial, result } => self.errand_ended(serial, result),
            Told::CommandIsThere(is_there) => self.state.setup.command_is_there = Some(is_there),
            Told::Import(found) => {
                if !self.state.setup.chosen.import_answered {
                    self.state.setup.import = found.filter(Imported::is_worth_a_question);
                }
            }
            Told::Sample(result) => self.sample_told(result),
        }
    }

    /// What is asked once at the start, and what waits for tunnels to end.
    pub(super) fn setup_due(&mut self) {
        if !self.state.setup.has_begun {
            self.state.setup.has_begun = true;
            self.begin_setup();
        }
        self.leave_when_stopped();
        self.trial_due();
    }

    fn begin_setup(&mut self) {
        let setup = &self.state.setup;
        let (first_run, sample) = (setup.first_run, setup.chosen.sample);
        if first_run {
            self.act(Act::LookForCommand);
        } else if !setup.chosen.first_run_over {
            // There is something already: it never comes.
            self.end_first_run();
        }
        if !self.state.setup.chosen.import_answered {
            self.act(Act::LookForImport);
        }
        if let Some(port) = sample {
            self.sample_again(port);
        }
    }

    pub(super) fn act(&mut self, act: Act) {
        self.effects.push(Effect::Setup(act));
    }

    pub(super) fn save_setup(&mut self) {
        self.effects.push(Effect::Save(Save::Setup(self.state.setup.chosen.clone())));
    }

    /// One at a time: while one is under way, no other begins.
    fn start_errand(&mut self, errand: Errand) {
        if self.state.setup.is_busy() {
            return;
        }
        let serial = self.state.serial();
        let stage = if errand == Errand::MayRemove { Stage::Checking } else { Stage::Running };
        self.state.setup.errand = Some(Current::new(serial, errand.kind(), stage));
        self.act(Act::Begin { serial, errand });
    }

    fn errand(&mut self, serial: u64) -> Option<&mut Current> {
        self.state.setup.errand.as_mut().filter(|it| it.serial == serial && !it.is_over())
    }

    fn cancel(&mut self) {
        if self.state.setup.errand.as_ref().is_some_and(Current::can_be_cancelled) {
            self.state.setup.errand = None;
            self.act(Act::Cancel);
        }
    }

    /// What is only being found out before a removal is not gone on with.
    pub(super) fn leave_removal(&mut self) {
        let is_checking = |errand: &Current| errand.stage == Stage::Checking;
        if self.state.setup.errand.as_ref().is_some_and(is_checking) {
            self.cancel();
        }
    }

    fn errand_ended(&mut self, serial: u64, result: Outcome<Option<String>>) {
        let Some(errand) = self.errand(serial) else { return };
        let kind = errand.kind.clone();
        let failed = result.is_err();
        errand.stage = match result {
            Ok(account) => Stage::Done { account },
            Err(failure) => Stage::Failed(failure),
        };
        match kind {
            ErrandKind::Relay(place) if !failed => {
                self.use_place(&place);
                self.ask_check(&place);
            }
            // However it ended: somebody may be signed in, and the command may be there.
            ErrandKind::SignIn { .. } => self.ask_check(&PlaceKey::microsoft()),
            ErrandKind::Install => {
                if !failed {
                    self.state.setup.command_is_there = Some(true);
                }
                self.ask_check(&PlaceKey::microsoft());
            }
            ErrandKind::Forget(place) if !failed => self.drop_place(&place),
            ErrandKind::Remove if self.state.setup.removing.is_some() => self.removed(failed),
            // Nothing was touched yet.
            ErrandKind::Remove if !failed => self.remove_all(),
            ErrandKind::Relay(_) | ErrandKind::Forget(_) | ErrandKind::Remove => {}
        }
    }

    /// Has a place among those that are used. Nothing of it is hosted that nobody asked for.
    fn use_place(&mut self, key: &PlaceKey) {
        if key.kind() == Kind::Microsoft && !self.state.setup.chosen.microsoft {
            self.state.setup.chosen.microsoft = true;
            self.save_setup();
        }
        if self.state.place(key).is_none() {
            self.keep_default();
            self.state.places.push(Place::new(key.clone(), None));
        }
    }

    /// What is the default because it is the only place stays it when another one comes.
    fn keep_default(&mut self) {
        let default = self.state.default_place();
        if default != PlaceKey::here() && self.state.setup.chosen.default.is_none() {
            self.state.setup.chosen.default = Some(default);
            self.save_setup();
        }
    }

    fn make_default(&mut self, place: PlaceKey) {
        if self.state.place(&place).is_some() {
            self.state.setup.chosen.default = Some(place);
            self.save_setup();
        }
    }

    /// New tunnels live where they do while nobody has said where.
    pub(super) fn forget_default(&mut self) {
        if self.state.setup.chosen.default.take().is_some() {
            self.save_setup();
        }
    }

    /// Leaves a place: first all that is hosted there ends. Nothing is deleted from its service.
    fn leave(&mut self, place: &PlaceKey) {
        let is_used = self.state.place(place).is_some() && place.kind() != Kind::Here;
        if !is_used || self.state.setup.is_busy() {
            return;
        }
        self.forget_if(|tunnel| tunnel.place == *place);
        self.state.changes.retain(|change| change.place() != place);
        let hosted = self.state.hosted.keys().filter(|tunnel| tunnel.place == *place);
        for tunnel in hosted.cloned().collect::<Vec<_>>() {
            self.stop(&tunnel);
        }
        let serial = self.state.serial();
        let kind = ErrandKind::Forget(place.clone());
        self.state.setup.errand = Some(Current::new(serial, kind, Stage::Stopping));
    }

    fn leave_when_stopped(&mut self) {
        let Some(errand) = &mut self.state.setup.errand else { return };
        let (Stage::Stopping, ErrandKind::Forget(place)) = (&errand.stage, &errand.kind) else {
            return;
        };
        if self.state.hosted.keys().any(|tunnel| tunnel.place == *place) {
            return;
        }
        let (serial, place) = (errand.serial, place.clone());
        errand.stage = Stage::Running;
        self.act(Act::Begin { serial, errand: Errand::Forget(place) });
    }

    fn drop_place(&mut self, key: &PlaceKey) {
        let state = &mut *self.state;
        state.places.retain(|place| place.key != *key);
        state.troubles.retain(|tunnel, _| tunnel.place != *key);
        state.left.retain(|tunnel, _| tunnel.place != *key);
        let chosen = &mut state.setup.chosen;
        chosen.microsoft &= key.kind() != Kind::Microsoft;
        chosen.default = chosen.default.take().filter(|place| place != key);
        self.save_setup();
        self.save_lists();
    }

    fn import(&mut self, takes: bool) {
        let Some(found) = self.state.setup.import.take() else { return };
        self.state.setup.chosen.import_answered = true;
        self.save_setup();
        if !takes {
            return;
        }
        self.prefer(found.over(&self.state.preferences));
        if found.tunnels.is_empty() {
            return;
        }
        self.use_place(&PlaceKey::microsoft());
        let now = self.at();
        for key in found.tunnels {
            if self.state.remembered.iter().all(|it| it.key != key) {
                let resume = Some(now);
                self.state.remembered.push(Remembered { key, missing: 0, resume, rests: false });
            }
        }
        self.save_memory();
        self.resume(&PlaceKey::microsoft());
    }

    /// Stops everything, and then removes what is kept.
    fn remove_all(&mut self) {
        if self.state.preferences.general.start_at_login {
            let mut preferences = self.state.preferences.clone();
            preferences.general.start_at_login = false;
            self.prefer(preferences);
        }
        let serial = self.state.serial();
        let errand = Current::new(serial, ErrandKind::Remove, Stage::Stopping);
        self.state.setup.errand = Some(errand);
        self.state.setup.removing = Some(Removing::Stopping);
        // Should it fail, nothing begins to host by itself.
        self.rest_all();
        self.quit();
    }

    /// All tunnels have ended, or are not waited for any longer.
    pub(super) fn remove_files(&mut self) {
        let Some(errand) = &mut self.state.setup.errand else { return };
        errand.stage = Stage::Running;
        let serial = errand.serial;
        self.state.setup.removing = Some(Removing::Asked);
        self.act(Act::EndSample);
        self.act(Act::Begin { serial, errand: Errand::Remove });
    }

    fn removed(&mut self, failed: bool) {
        if failed {
            // It goes on, with nothing hosted, so that somebody reads why and tries again.
            self.state.setup.removing = None;
            self.state.quitting = None;
        } else {
            self.state.setup.removing = Some(Removing::Done);
        }
    }
}
