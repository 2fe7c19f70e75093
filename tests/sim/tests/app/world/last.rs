//! How a world ends: everything is mended, it is looked whether what is wanted comes back, what is shown is compared
//! with what is, and a last restart shows whether what was wanted is hosted again.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Mood, Usable};
use adit_tunnel::host::{GiveUp, State};

use super::engines::Is;
use super::steps::sign_in;
use super::{Due, World};
use crate::check::Promise;
use crate::model::seen::Ends;
use crate::words::keys;

/// How soon what is wanted is hosted, once nothing is in its way.
const SOON: Duration = Duration::from_secs(30);

/// The longest that a call from before may take.
const UNDER_WAY: Duration = Duration::from_secs(40);

/// The longest that an application that nobody looks at waits for its turn to ask a place.
const TURN: Duration = Duration::from_secs(600);

/// Lists are believed after this.
const SETTLED: Duration = Duration::from_secs(75);

/// The end, step by step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last {
    Mend,
    /// Somebody does what the window offers.
    Offers,
    Judge,
    Refresh,
    /// Nobody wants to be reminded of what failed.
    PutAway,
    Compare,
    Quit,
    Restored,
}

impl World<'_> {
    pub(super) fn last(&mut self, last: Last) {
        // It may be on its way out still.
        let is_on = self.app.is_some() && self.model.quits.is_none();
        if !is_on && !matches!(last, Last::Mend) {
            self.returns.get_or_insert(Duration::from_millis(10));
            return self.then(Duration::from_secs(1), last);
        }
        match last {
            Last::Mend => self.mend(),
            Last::Offers => self.offers(),
            Last::Judge => self.judge(),
            Last::Refresh => {
                self.command(Command::Refresh(None));
                self.then(SETTLED, Last::PutAway);
            }
            Last::PutAway => {
                self.nothing_is_said_of_what_is_gone();
                if let Some(errand) = self.view.as_ref().and_then(|view| view.errand.as_ref()) {
                    self.command(Command::LetGo(errand.id));
                }
                for ticket in self.failed() {
                    self.command(Command::Dismiss(ticket));
                }
                self.command(Command::Refresh(None));
                self.then(Duration::from_secs(5), Last::Compare);
            }
            Last::Compare => {
                self.compare();
                self.then(Duration::ZERO, Last::Quit);
            }
            Last::Quit => {
                self.returns = Some(Duration::from_secs(1));
                self.command(Command::Quit);
                self.then(Duration::from_secs(15) + SOON, Last::Restored);
            }
            Last::Restored => {
                self.restored();
                self.is_over = true;
            }
        }
    }

    fn then(&mut self, wait: Duration, last: Last) {
        self.schedule.after(wait, Due::Last(last));
    }

    fn mend(&mut self) {
        let now = self.now();
        if now < self.asleep {
            return self.schedule.at(self.asleep, Due::Last(Last::Mend));
        }
        self.is_mended = true;
        for service in &mut self.services {
            (service.is_signed_in, service.is_up, service.hangs) = (true, true, false);
            (service.refuses, service.is_deaf) = (false, false);
            service.ghosts.iter_mut().for_each(|(until, _)| *until = now);
        }
        self.disk.is_full = false;
        self.has_command = true;
        self.forbidden.clear();
        self.claimed.clear();
        for tunnel in std::mem::take(&mut self.local_down) {
            self.local_changed(&tunnel);
        }
        self.let_go();
        if self.app.is_none() {
            self.start();
        }
        self.then(Duration::from_millis(1_500), Last::Offers);
    }

    /// Does what the window offers, or leaves it alone.
    fn offers(&mut self) {
        if !self.plan.is_told {
            return self.then(TURN + UNDER_WAY + super::engines::MOST_WAIT + SOON, Last::Judge);
        }
        self.command(Command::Visible(true));
        let places = self.view.iter().flat_map(|view| &view.places);
        let signed_out = places.filter(|place| place.usable != Usable::Ready);
        let signed_out: Vec<_> = signed_out.map(|place| place.key.clone()).collect();
        for (at, place) in signed_out.into_iter().enumerate() {
            self.command(if at == 0 { sign_in(&place) } else { Command::CheckAgain(place) });
        }
        self.command(Command::Refresh(None));
        let cards = self.view.iter().flat_map(|view| &view.cards);
        let gave_up = cards.filter(|card| card.standing.mood == Mood::Error);
        let gave_up: Vec<_> = gave_up.filter_map(|card| card.tunnel().cloned()).collect();
        for tunnel in
            gave_up.iter().filter(|it| self.model.may_host(it)).cloned().collect::<Vec<_>>()
        {
            self.command(Command::Host(tunnel));
        }
        for tunnel in self.engines.keys().cloned().collect::<Vec<_>>() {
            self.command(Command::TryNow(tunnel));
        }
        self.then(UNDER_WAY + SOON, Last::Judge);
    }

    /// What is wanted is hosted, and nothing else.
    fn judge(&mut self) {
        for tunnel in self.tunnels.clone() {
            let wish = self.model.wishes.get(&tunnel).cloned().unwrap_or_default();
            let truth = self.service(&tunnel.place).tunnels.get(&tunnel).cloned();
            let engine = self.engines.get(&tunnel).map(|engine| engine.is);
            let is_owed = wish.on && !wish.yielded && !self.model.is_hidden(&tunnel);
            let can_be = truth.as_ref().is_some_and(|truth| !truth.ports.is_empty());
            let has_given_up = || {
                let seen = self.model.engines.get(&tunnel).map(|seen| seen.state());
                let waits_for_sign_in = seen == Some(&State::Error(GiveUp::SignIn));
                engine == Some(Is::GivenUp) && !self.plan.is_told && !waits_for_sign_in
            };
            // Whoever stands by does so until somebody says otherwise.
            let is_elsewhere = || engine == Some(Is::StandingBy);
            if is_owed && can_be && engine != Some(Is::Up) && !has_given_up() && !is_elsewhere() {
                self.fail(
                    Promise::Converges,
                    format!("{tunnel} is wanted, and its engine is {engine:?}"),
                );
            }
            let is_ending = self.model.engines.get(&tunnel).is_some_and(|it| it.ends == Ends::Told);
            let is_active =
                !is_ending && engine.is_some_and(|is| !matches!(is, Is::Over | Is::GivenUp));
            if is_active && !self.model.may_host(&tunnel) {
                self.fail(
                    Promise::Converges,
                    format!("nobody wants {tunnel} hosted, and it is {engine:?}"),
                );
            }
        }
        self.then(Duration::ZERO, Last::Refresh);
    }

    /// After the last restart: what was wanted, and nothing else.
    fn restored(&mut self) {
        let resumes = self.disk.kept.preferences.general.resume;
        let memory = self.disk.memory();
        let mut hosted = BTreeSet::new();
        for tunnel in &memory {
            let truth = self.service(&tunnel.place).tunnels.get(tunnel);
            if resumes && truth.is_some_and(|it| !it.ports.is_empty() && !it.elsewhere) {
                hosted.insert(tunnel.clone());
            }
        }
        let up = self.engines.iter().filter(|(_, engine)| engine.is == Is::Up);
        let up: BTreeSet<TunnelKey> = up.map(|(tunnel, _)| tunnel.clone()).collect();
        self.summary.restored += up.len() as u64;
        if up != hosted || self.engines.len() != up.len() {
            let text = format!(
                "to be hosted again: {}, hosted: {}",
                keys(&hosted),
                keys(self.engines.keys())
            );
            self.fail(Promise::Restores, text);
        }
    }
}
