//! What is known and chosen in the open dialog about a tunnel.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_app::command::Command;
use adit_app::manage::people::{self, Invite, Person};
use adit_app::manage::{Job, Manage, Sheet, Whole, anyone, moving};
use adit_app::place_key::PlaceKey;
use adit_proto::contracts::TunnelPort;
use jiff::{Timestamp, ToSpan as _};
use slint::ComponentHandle;

use super::{HOURS, WEEK};
use crate::ui;
use crate::window::Window;

impl Window {
    /// What the open dialog is about.
    pub(super) fn sheet(&self) -> Option<Sheet> {
        // The newest, which may not be drawn yet.
        self.desk.views.borrow().sheet.clone()
    }

    pub(super) fn whole(&self) -> Option<Arc<Whole>> {
        self.sheet()?.whole
    }

    pub(super) fn port_told(&self) -> Option<TunnelPort> {
        let port = u16::try_from(self.app.global::<ui::Dialogs<'_>>().get_port()).ok()?;
        self.whole()?.port(port).cloned()
    }

    pub(super) fn people(&self) -> Vec<Person> {
        self.whole().map(|whole| people::list(&whole, self.now())).unwrap_or_default()
    }

    pub(super) fn invited(&self) -> Option<Invite> {
        let kind = self.app.global::<ui::AccessList<'_>>().get_kind();
        let invites = people::invites(&self.sheet()?.tunnel.place);
        invites.into_iter().nth(usize::try_from(kind).ok()?)
    }

    /// The ports that stay closed, as chosen.
    pub(super) fn closed(&self, whole: &Whole) -> BTreeSet<u16> {
        match self.app.global::<ui::AnyoneForm<'_>>().get_leaves() {
            true => anyone::risky(whole),
            false => BTreeSet::new(),
        }
    }

    /// When open access is to end, as chosen; nothing while that cannot be read.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let form = self.app.global::<ui::AnyoneForm<'_>>();
        let choice = usize::try_from(form.get_choice()).unwrap_or(1);
        match HOURS.get(choice) {
            Some(hours) => Some(self.in_hours(*hours)),
            None if form.get_asks_time() => {
                anyone::until(&form.get_time(), &self.speech().now).ok()
            }
            None => Some(self.in_hours(WEEK)),
        }
    }

    pub(super) fn in_hours(&self, hours: i64) -> Timestamp {
        let now = self.now();
        now.checked_add(hours.hours()).unwrap_or(now)
    }

    pub(super) fn other_places(&self) -> Vec<PlaceKey> {
        let Some(sheet) = self.sheet() else { return Vec::new() };
        let view = self.desk.views.borrow();
        let places = view.places.iter().map(|place| place.key.clone());
        places.filter(|place| *place != sheet.tunnel.place).collect()
    }

    pub(super) fn moving(&self) -> Option<moving::Moving> {
        let form = self.app.global::<ui::MoveForm<'_>>();
        let to = self.other_places().into_iter().nth(usize::try_from(form.get_place()).ok()?)?;
        let name = Some(form.get_name().to_string());
        Some(moving::to(&*self.whole()?, &to, name, self.now()))
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.desk.clock)().wall
    }

    pub(super) fn change(&self, job: Job) {
        if let Some(sheet) = self.sheet() {
            self.manage(Manage::Do(sheet.tunnel, job));
        }
    }

    pub(super) fn manage(&self, manage: Manage) {
        self.send(Command::Manage(manage));
    }
}
