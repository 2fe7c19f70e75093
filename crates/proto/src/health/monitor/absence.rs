//! How it stands while no session serves.

use std::time::{Duration, Instant};

use super::{Absence, Action, Moment, Monitor, Timer};
use crate::health::{Label, NoSession, Reason};

/// A session that comes back within this time was never worth an alarm: most drops take a twentieth second.
const RETURN_WITHIN: Duration = Duration::from_secs(5);

/// The time without a session.
#[derive(Debug)]
pub(super) struct Absent {
    since: Instant,
    why: NoSession,
    /// What was told of it.
    told: Option<Label>,
}

impl Monitor {
    pub(super) fn session_down(&mut self, why: Absence, at: Moment) {
        self.up = false;
        self.told_down = 0;
        self.timers.clear(&Timer::Absent);
        let ports: Vec<_> = self.ports.keys().copied().collect();
        ports.into_iter().for_each(|port| self.rest(port));
        let before = self.absent.take();
        let since = before.as_ref().map_or(at.now, |absent| absent.since);
        let told = before.and_then(|absent| absent.told);
        let soon = since + RETURN_WITHIN;
        // Without one that is wanted, it is another story from here on.
        let Absence::Lacking(why) = why else { return };
        let passes = matches!(why, NoSession::Away(_) | NoSession::Limited);
        self.absent = Some(Absent { since, why, told });
        if passes && at.now < soon {
            self.timers.set(Timer::Absent, soon);
        } else {
            self.absence_lasts();
        }
    }

    /// Tells for each port why it cannot be reached. Each try may fail in words of its own, which is no news.
    pub(super) fn absence_lasts(&mut self) {
        let Some(absent) = &mut self.absent else { return };
        let (label, why) = (absent.why.label(), absent.why.clone());
        let old = absent.told.replace(label) == Some(label);
        let ports: Vec<_> = self.ports.keys().copied().collect();
        for number in ports {
            let Some(port) = self.ports.get(&number) else { continue };
            if old && port.is(label) {
                continue;
            }
            let reason = Reason::NoSession { port: number, why: why.clone() };
            // It worked, and nothing was heard of the local server since.
            let was_well = port.is(Label::Operational) && port.refused.is_none();
            if was_well && label != Label::AnotherHost {
                let (hosting, reason) = (false, reason.clone());
                self.actions.push_back(Action::Dead { port: number, hosting, reason });
            }
            self.tell(number, Some(reason));
        }
    }
}
