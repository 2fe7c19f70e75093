//! What a dialog about a tunnel asks for: reading it, changing it, and what comes of that.

use std::sync::Arc;

use adit_proto::contracts::Tunnel;
use adit_tunnel::host;

use super::Turn;
use crate::command::Ticket;
use crate::effect::Effect;
use crate::event::Trouble;
use crate::failure::{Code, Failure};
use crate::known::Known;
use crate::manage::{Got, Job, Manage, Sheet, Whole, Work};
use crate::state::change::What;
use crate::state::place::Entry;
use crate::state::sheet::Open;
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    pub(super) fn manage(&mut self, manage: Manage) {
        match manage {
            Manage::Look(None) => self.close_sheet(),
            Manage::Look(Some(tunnel)) => {
                // One dialog leads to another about the same tunnel.
                let open = self.state.sheet.as_ref().filter(|open| open.sheet.tunnel == tunnel);
                let whole = open.and_then(|open| open.sheet.whole.clone());
                self.close_sheet();
                let sheet = Sheet { tunnel, whole, trouble: None, work: Work::Idle };
                self.state.sheet = Some(Open { sheet, asked: None, ticket: None });
                self.ask_whole();
            }
            Manage::Again => self.ask_whole(),
            Manage::Do(tunnel, job) => self.begin_managing(tunnel, job),
            Manage::Taken => {
                if let Some(open) = &mut self.state.sheet
                    && matches!(open.sheet.work, Work::Done(_) | Work::Moved(_))
                {
                    open.sheet.work = Work::Idle;
                }
            }
        }
    }

    /// Whoever closes a dialog has seen what it says; what is still under way is told on the card, should it fail.
    fn close_sheet(&mut self) {
        let Some(open) = self.state.sheet.take() else { return };
        if let Some(ticket) = open.ticket {
            self.dismiss(ticket);
        }
    }

    fn ask_whole(&mut self) {
        let serial = self.state.serial();
        let Some(open) = &mut self.state.sheet else { return };
        (open.asked, open.sheet.trouble) = (Some(serial), None);
        let tunnel = open.sheet.tunnel.clone();
        self.effects.push(Effect::Read { tunnel, serial });
    }

    pub(super) fn read(
        &mut self,
        tunnel: &TunnelKey,
        serial: u64,
        result: Result<Box<Whole>, Trouble>,
    ) {
        let Some(open) = self.state.sheet.as_mut().filter(|open| open.asked == Some(serial)) else {
            return;
        };
        open.asked = None;
        match result {
            Ok(whole) => open.sheet.whole = Some(Arc::from(whole)),
            Err(trouble) => {
                let code = trouble.code();
                open.sheet.trouble = Some(trouble.failure);
                if code == Code::SignIn {
                    self.signed_out(&tunnel.place);
                }
            }
        }
    }

    fn begin_managing(&mut self, tunnel: TunnelKey, job: Job) {
        let of_it = |open: &&mut Open| open.sheet.tunnel == tunnel;
        if let Some(open) = self.state.sheet.as_mut().filter(of_it) {
            if open.sheet.work == Work::Doing {
                return;
            }
            open.sheet.work = Work::Doing;
        }
        let ticket = self.begin(What::Manage { tunnel: tunnel.clone(), job: Box::new(job) });
        if let Some(open) = self.state.sheet.as_mut().filter(of_it) {
            open.ticket = Some(ticket);
        }
    }

    /// The service did it. What it told of the tunnel is newer than any list that was asked for before.
    pub(super) fn managed(&mut self, ticket: Ticket, got: Got) {
        let Some(change) = self.state.change(ticket) else { return };
        let What::Manage { tunnel, job } = change.what.clone() else { return };
        self.state.changes.retain(|change| change.ticket != ticket);
        let work = match got {
            Got::Moved(made) => self.moved(&tunnel, &job, &made),
            got => {
                match &got {
                    Got::Whole(whole)
                    | Got::Link { whole: Some(whole), .. }
                    | Got::Revoked { whole: Some(whole) } => self.take_whole(&tunnel, &job, whole),
                    Got::Link { whole: None, .. } | Got::Revoked { whole: None } => {
                        self.ask_whole();
                    }
                    Got::Token { .. } | Got::Moved(_) => {}
                }
                Work::Done(got)
            }
        };
        if let Some(open) = self.state.sheet.as_mut().filter(|open| open.ticket == Some(ticket)) {
            (open.sheet.work, open.ticket) = (work, None);
        }
    }

    pub(super) fn not_managed(&mut self, ticket: Ticket, failure: &Failure) {
        if let Some(open) = self.state.sheet.as_mut().filter(|open| open.ticket == Some(ticket)) {
            open.sheet.work = Work::Failed(failure.clone());
            return;
        }
        let is_it = |what: &What| matches!(what, What::Manage { job, .. } if job.is_for_dialog());
        self.state.changes.retain(|change| change.ticket != ticket || !is_it(&change.what));
    }

    fn take_whole(&mut self, tunnel: &TunnelKey, job: &Job, whole: &Arc<Whole>) {
        let (now, wall) = (self.at(), self.now.wall);
        if let Some(open) = self.state.sheet.as_mut().filter(|it| it.sheet.tunnel == *tunnel) {
            (open.sheet.whole, open.asked) = (Some(whole.clone()), None);
        }
        if let Some(known) = Known::of(&whole.tunnel, wall)
            && let Some(entry) = self.state.entry_mut(tunnel)
        {
            entry.showing = None;
            entry.take(known, now);
        }
        self.ask_anew(tunnel);
        if matches!(job, Job::EditPort(_)) {
            self.tell(tunnel, host::Command::RefreshPorts);
        }
    }

    /// The tunnel is there at once, and is hosted there if it is hosted here.
    fn moved(&mut self, from: &TunnelKey, job: &Job, made: &Tunnel) -> Work {
        let now = self.at();
        let place = job.place(from).clone();
        let Some(known) = Known::of(made, self.now.wall) else {
            let message = format!("{place} made the tunnel and did not tell its id");
            return Work::Failed(Failure::new(Code::Unreachable, message));
        };
        let to = TunnelKey { place, id: known.id.clone() };
        if let Some(place) = self.state.place_mut(&to.place)
            && place.entry(&to.id).is_none()
        {
            place.entries.push(Entry::told(known, now));
        }
        self.ask_anew(&to);
        if self.state.hosted.contains_key(from) {
            self.remember(&to);
            self.host(&to);
        }
        Work::Moved(to)
    }

    /// A list that is under way is older than what is known now.
    fn ask_anew(&mut self, tunnel: &TunnelKey) {
        let now = self.at();
        if let Some(place) = self.state.place_mut(&tunnel.place) {
            place.asked = None;
            place.by(now);
        }
    }
}
