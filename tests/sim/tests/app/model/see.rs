//! Looks at what the application did.

use std::time::Duration;

use adit_app::effect::{Effect, Notice, NoticeKind};
use adit_app::persist::Save;
use adit_app::preferences::Notify;
use adit_app::view::View;
use adit_tunnel::host::{self, State};

use super::seen::Seen;
use super::{Create, Errand, Model, Removal, SETTLE, Stage};
use crate::check::{Promise, Summary};
use crate::words::keys;

/// What a removal that was just asked for is about.
pub(crate) type Removed = (adit_app::tunnel_key::TunnelKey, Option<u16>);

impl Model {
    /// The application did this. `removed` is what it was asked to remove, if it was.
    pub(crate) fn see(
        &mut self,
        effects: &[Effect],
        view: &View,
        removed: Option<Removed>,
        now: Duration,
        summary: &mut Summary,
    ) {
        self.goes_by(now);
        if let Some(removed) = removed {
            self.begins(removed, view, now);
        }
        for effect in effects {
            self.effect(effect, &view.preferences.notify, now, summary);
        }
        self.errand_goes_on = None;
        self.is_ready = false;
        for tunnel in std::mem::take(&mut self.forgotten) {
            let is_it = |effect: &&Effect| {
                matches!(effect, Effect::Notify(Notice { kind: NoticeKind::Forgotten, about, .. })
                    if about.tunnel() == Some(&tunnel))
            };
            let said = effects.iter().filter(is_it).count();
            if said != usize::from(view.preferences.notify.forgotten) {
                self.breaks(
                    Promise::TwoAnswers,
                    format!("{tunnel} is forgotten, said {said} times"),
                );
            }
        }
        let kept = || self.wishes.iter().filter(|(_, it)| it.kept).map(|(tunnel, _)| tunnel);
        if !kept().eq(&self.memory) {
            let text = format!("wanted: {}, in the file: {}", keys(kept()), keys(&self.memory));
            self.breaks(Promise::Kept, text);
        }
    }

    /// What is over is over.
    fn goes_by(&mut self, now: Duration) {
        if self.quits.is_some() {
            return;
        }
        for removal in &mut self.removals {
            if matches!(removal.stage, Stage::Open { until } if until <= now) {
                removal.stage = Stage::Over;
            }
        }
        self.forget_removed();
        let is_old = |since: Duration| since + SETTLE <= now;
        self.removals.retain(|it| !matches!(it.stage, Stage::Settling { since } if is_old(since)));
        self.creates
            .retain(|_, it| !matches!(it, Create::Settling { since, .. } if is_old(*since)));
    }

    fn begins(&mut self, (tunnel, port): Removed, view: &View, now: Duration) {
        let known: Vec<_> = self.removals.iter().map(|it| it.ticket).collect();
        let tickets = view.undo.iter().flat_map(|undo| undo.tickets.iter().copied());
        let new = tickets.into_iter().find(|ticket| !known.contains(ticket));
        let is_hidden = self.is_hidden(&tunnel);
        let Some(ticket) = new else {
            if port.is_none() && !is_hidden && self.quits.is_none() {
                self.breaks(Promise::DeletesInTime, format!("no offer to keep {tunnel}"));
            }
            return;
        };
        if is_hidden {
            self.breaks(Promise::DeletesInTime, format!("{tunnel} is removed twice"));
        }
        self.removals
            .retain(|it| it.stage != Stage::Failed || it.tunnel != tunnel || it.port != port);
        let stage = Stage::Open { until: now + Duration::from_secs(6) };
        self.removals.push(Removal { ticket, tunnel, port, stage });
    }

    fn effect(&mut self, effect: &Effect, notify: &Notify, now: Duration, summary: &mut Summary) {
        if self.has_finished && !matches!(effect, Effect::Notify(_)) {
            return self.breaks(Promise::Ends, format!("after the end: {effect:?}"));
        }
        match effect {
            Effect::Host(tunnel) => {
                summary.engines += 1;
                self.wish(tunnel).trouble = false;
                if self.engines.insert(tunnel.clone(), Seen::default()).is_some() {
                    self.breaks(Promise::OneHost, format!("two engines for {tunnel}"));
                }
                if self.quits.is_some() {
                    self.breaks(Promise::Ends, format!("{tunnel} is hosted while quitting"));
                }
                if !self.may_host(tunnel) {
                    self.breaks(Promise::OnlyAsked, format!("nobody wants {tunnel} hosted"));
                }
                let is_going =
                    |it: &&Removal| it.port.is_none() && it.tunnel == *tunnel && it.stage.is_sent();
                if self.removals.iter().any(|it| is_going(&it)) {
                    self.breaks(Promise::OnlyAsked, format!("{tunnel} is being removed"));
                }
            }
            Effect::Tell { tunnel, command } => {
                if !self.engines.contains_key(tunnel) {
                    let text = format!("{tunnel} has no engine to tell {command:?}");
                    self.breaks(Promise::OneHost, text);
                }
                if *command == host::Command::Start
                    && let Some(seen) = self.engines.get_mut(tunnel)
                {
                    seen.starts();
                }
                if *command == host::Command::Stop && self.may_host(tunnel) && self.quits.is_none()
                {
                    self.breaks(Promise::OnlyAsked, format!("nobody wants {tunnel} stopped"));
                }
            }
            Effect::List { place, serial } => {
                self.lists.insert(place.clone(), (*serial, now));
            }
            Effect::Show { tunnel, serial } => {
                self.shows.insert(tunnel.clone(), *serial);
            }
            Effect::Create { ticket, place, .. } => {
                self.creates.insert(*ticket, Create::Sent);
                self.place_of.insert(*ticket, place.clone());
                if let Some(errand) = self.errand_goes_on.take() {
                    self.errands.insert(*ticket, errand);
                }
            }
            Effect::AddPort { ticket, tunnel, .. } => {
                if let Some(errand) = self.errand_goes_on.take() {
                    let tunnel = Some(tunnel.clone());
                    self.errands.insert(*ticket, Errand { tunnel, ..errand });
                }
            }
            Effect::DeleteTunnel { ticket, tunnel } => {
                summary.removals += 1;
                if self.engines.contains_key(tunnel) {
                    let text = format!("{tunnel} is removed under its engine");
                    self.breaks(Promise::DeletesInTime, text);
                }
                self.removes(Removal {
                    ticket: *ticket,
                    tunnel: tunnel.clone(),
                    port: None,
                    stage: Stage::Over,
                });
            }
            Effect::DeletePort { ticket, tunnel, port } => {
                let (tunnel, port) = (tunnel.clone(), Some(*port));
                self.removes(Removal { ticket: *ticket, tunnel, port, stage: Stage::Over });
            }
            Effect::Save(Save::Memory(memory)) => {
                self.memory = memory.tunnels.iter().cloned().collect();
                if self.memory.len() != memory.tunnels.len() {
                    self.breaks(Promise::Kept, format!("twice in the file: {memory:?}"));
                }
            }
            Effect::Notify(notice) => {
                summary.notices += 1;
                let is_forgotten = notice.kind == NoticeKind::Forgotten
                    && notice.about.tunnel().is_none_or(|it| !self.forgotten.contains(it));
                if is_forgotten {
                    self.breaks(Promise::TwoAnswers, format!("too early: {notice:?}"));
                }
                if self.is_ready && notice.kind == NoticeKind::Broken && self.mends_itself(notice) {
                    let text = format!("an alarm about what a sign-in mends: {notice:?}");
                    self.breaks(Promise::Discreet, text);
                }
                if !notify.wants(notice.kind) {
                    self.breaks(Promise::Discreet, format!("nobody wants to hear: {notice:?}"));
                }
            }
            Effect::Finish => {
                self.has_finished = true;
                if self.quits.is_none() {
                    self.breaks(Promise::Ends, "nobody wanted it to end".to_owned());
                }
            }
            _ => {}
        }
    }

    /// It waited for a sign-in only.
    fn mends_itself(&self, notice: &Notice) -> bool {
        notice.about.tunnel().is_some_and(|tunnel| {
            let begins =
                self.engines.get(tunnel).is_some_and(|it| *it.state() == State::Connecting);
            let wish = self.wishes.get(tunnel);
            begins || wish.is_some_and(|wish| wish.on && wish.trouble && !wish.yielded)
        })
    }

    /// A removal was sent: its time must be over.
    fn removes(&mut self, sent: Removal) {
        let found = self.removals.iter_mut().find(|it| **it == sent);
        match found {
            Some(removal) => removal.stage = Stage::Sent,
            None => self.breaks(Promise::DeletesInTime, format!("its time is not over: {sent:?}")),
        }
    }
}
