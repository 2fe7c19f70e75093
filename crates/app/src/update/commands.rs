//! What people ask for.

use adit_tunnel::host;

use super::Turn;
use crate::command::Command;
use crate::effect::Effect;
use crate::persist::Save;
use crate::place_key::PlaceKey;
use crate::preferences::{Page, Preferences};
use crate::state::change::{Stage, What};
use crate::state::{Ends, Quitting};

impl Turn<'_> {
    pub(super) fn command(&mut self, command: Command) {
        if self.state.quitting.is_some() {
            return;
        }
        match command {
            Command::Visible(visible) => self.state.visible = visible,
            Command::Refresh(place) => {
                self.refresh(place.as_ref());
                self.try_now(place.as_ref());
            }
            Command::CheckAgain(place) => self.ask_check(&place),
            Command::Create(draft) => {
                self.begin(What::Create(draft));
            }
            Command::Begin(errand) => self.begin_errand(*errand),
            Command::LetGo(errand) => self.let_go(errand),
            Command::AddPort { tunnel, port } => {
                self.begin(What::AddPort { tunnel, port: Box::new(port.into()) });
            }
            Command::ChangePort { tunnel, port } => {
                self.begin(What::ChangePort { tunnel, port });
            }
            Command::Delete(tunnel) => self.begin_undoable(What::Delete(tunnel)),
            Command::DeletePort { tunnel, port } => {
                self.begin_undoable(What::DeletePort { tunnel, port });
            }
            Command::Undo(ticket) => self.undo(ticket),
            Command::HoldUndo { ticket, held } => self.hold(ticket, held),
            Command::Retry(ticket) => self.retry(ticket),
            Command::Dismiss(ticket) => self.dismiss(ticket),
            // What is on its way out is not taken up again behind somebody's back.
            Command::Host(tunnel) | Command::TakeOver(tunnel) | Command::Lend(tunnel)
                if self.state.is_hidden(&tunnel) => {}
            Command::Host(tunnel) => {
                self.remember(&tunnel);
                self.host(&tunnel);
            }
            Command::Stop(tunnel) => {
                self.forget(&tunnel);
                self.stop(&tunnel);
            }
            Command::Lend(tunnel) => self.host(&tunnel),
            Command::GiveBack(tunnel) => {
                if self.state.remembered.iter().all(|it| it.key != tunnel || it.rests) {
                    self.stop(&tunnel);
                }
            }
            Command::Drop(tunnel) => self.tell(&tunnel, host::Command::Drop),
            Command::StopAll => self.stop_all(),
            Command::TakeOver(tunnel) => {
                self.remember(&tunnel);
                self.take_over(&tunnel);
            }
            Command::TryNow(tunnel) => self.tell(&tunnel, host::Command::RetryNow),
            Command::Prefer(preferences) => self.prefer(*preferences),
            Command::Set(edit) => {
                if let Ok(preferences) = self.state.preferences.edited(&edit) {
                    self.prefer(preferences);
                }
            }
            Command::Reset(page) => {
                self.prefer(self.state.preferences.reset(page));
                if page == Page::Defaults {
                    self.forget_default();
                }
            }
            Command::Select(selected) => self.state.selected = selected,
            Command::KeepBodies { tunnel, port, keep } => self.keep_bodies(tunnel, port, keep),
            Command::SendAgain { tunnel, port, of } => self.send_again(tunnel, port, of),
            Command::Manage(manage) => self.manage(manage),
            Command::Setup(ask) => self.ask_setup(ask),
            Command::Quit => self.quit(),
        }
    }

    /// Somebody wants to see how things are: ports are asked for again too.
    pub(super) fn refresh(&mut self, only: Option<&PlaceKey>) {
        let now = self.at();
        for place in &mut self.state.places {
            if only.is_none_or(|key| place.key == *key) {
                place.entries.iter_mut().for_each(|entry| entry.ports_at = None);
                place.by(now);
            }
        }
    }

    pub(super) fn prefer(&mut self, preferences: Preferences) {
        if preferences == self.state.preferences {
            return;
        }
        self.state.preferences = preferences.clone();
        self.effects.push(Effect::Save(Save::Preferences(preferences.clone())));
        self.effects.push(Effect::Apply(Box::new(preferences)));
    }

    /// Ends all in good order. What could still be undone is not done; what is remembered stays so.
    pub(super) fn quit(&mut self) {
        self.leave_removal();
        self.state
            .changes
            .retain(|change| !matches!(change.stage, Stage::Undoable { .. } | Stage::Held { .. }));
        // To remove everything does want all of them ended.
        if self.state.quitting.is_none() && self.state.setup.removing.is_none() {
            let wanted = self.state.hosted.iter().filter(|(_, hosted)| hosted.ends != Ends::Told);
            self.state.handed_on = wanted.map(|(tunnel, _)| tunnel.clone()).collect();
        }
        let engines: Vec<_> = self.state.hosted.keys().cloned().collect();
        for tunnel in engines {
            self.stop(&tunnel);
        }
        // Nothing begins again behind the end.
        self.state.hosted.values_mut().for_each(|hosted| hosted.ends = Ends::Told);
        self.state.quitting =
            Some(Quitting { until: self.at() + host::STOP_WITHIN, finished: false });
    }
}
