//! The dialogs about a tunnel: they open, show what is known, and ask for changes.

mod ask;
mod share;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use adit_app::access::Access;
use adit_app::command::Command;
use adit_app::form::Mistake;
use adit_app::manage::edit::{PortForm, TunnelForm};
use adit_app::manage::people::{self, Invite};
use adit_app::manage::{Got, Job, Manage, Sheet, Supports, Whole, Work, anyone};
use adit_app::message::Message;
use adit_app::name::Name;
use adit_app::place_key::{Kind, PlaceKey};
use adit_app::view::View;
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::Window;
use crate::adapter::terms::{self, Speech};
use crate::adapter::{making, sheet, sync};
use crate::ui;

/// How long URLs open for, in hours: what the first choices say.
const HOURS: [i64; 3] = [1, 8, 24];

/// What a place offers that takes whole hours only, instead of a time.
const WEEK: i64 = 7 * 24;

/// The lists of these dialogs; they live as long as the window.
#[derive(Default)]
pub(super) struct Sheets {
    people: Rc<VecModel<ui::PersonRow>>,
    doors: Rc<VecModel<ui::DoorRow>>,
    /// The form of the open dialog was filled in from what was read.
    is_filled: Cell<bool>,
}

/// Whether a dialog is one of these.
fn is_about_tunnel(dialog: ui::Dialog) -> bool {
    use ui::Dialog::{Access, Anyone, EditPort, EditTunnel, MoveTunnel, Share};
    matches!(dialog, Access | Anyone | EditPort | EditTunnel | MoveTunnel | Share)
}

impl Window {
    pub(super) fn listen_sheet(self: &Rc<Self>) {
        let app = &self.app;
        app.global::<ui::AccessList<'_>>().set_people(ModelRc::from(self.sheets.people.clone()));
        app.global::<ui::AnyoneForm<'_>>().set_doors(ModelRc::from(self.sheets.doors.clone()));
        app.global::<ui::Sheet<'_>>().on_again(self.on(|it| it.manage(Manage::Again)));
        self.listen_access();
        self.listen_forms();
        self.listen_share();
    }

    fn listen_access(self: &Rc<Self>) {
        let list = self.app.global::<ui::AccessList<'_>>();
        list.on_kind_chosen(self.on_one(|window, kind| {
            window.app.global::<ui::AccessList<'_>>().set_kind(kind);
            window.draw();
        }));
        list.on_remove(self.on_one(|window, index: i32| {
            let person =
                usize::try_from(index).ok().and_then(|it| window.people().into_iter().nth(it));
            if let Some(person) = person {
                window.change(person.remove);
            }
        }));
        list.on_invite(self.on(|window| {
            let list = window.app.global::<ui::AccessList<'_>>();
            let job = window
                .invited()
                .and_then(|what| people::invite(what, &list.get_names(), window.now()));
            if let Some(job) = job {
                window.change(job);
            }
        }));
        let form = self.app.global::<ui::AnyoneForm<'_>>();
        form.on_changed(self.on(|window| window.draw()));
        form.on_open(self.on(|window| {
            let Some((whole, end)) = window.whole().zip(window.end()) else { return };
            if let Some(job) = anyone::open(&whole, &window.closed(&whole), end).job {
                window.change(job);
            }
        }));
        form.on_close_now(self.on(|window| {
            if let Some(whole) = window.whole() {
                window.change(anyone::close(&whole));
            }
        }));
    }

    fn listen_forms(self: &Rc<Self>) {
        let form = self.app.global::<ui::TunnelForm<'_>>();
        form.on_changed(self.on(|window| window.draw()));
        form.on_save(self.on(|window| {
            let Some(sheet) = window.sheet() else { return };
            let Some(whole) = sheet.whole else { return };
            let form = sheet::written_tunnel(&window.app.global::<ui::TunnelForm<'_>>());
            if let Ok(Some(edit)) = form.change(&whole, Supports::of(&sheet.tunnel.place)) {
                window.change(Job::Edit(Box::new(edit)));
            }
        }));
        let form = self.app.global::<ui::PortForm<'_>>();
        form.on_changed(self.on(|window| {
            window.app.global::<ui::PortForm<'_>>().set_agreed(false);
            window.draw();
        }));
        form.on_save(self.on(|window| {
            let Some((sheet, port)) = window.sheet().zip(window.port_told()) else { return };
            let form = window.app.global::<ui::PortForm<'_>>();
            let written = sheet::written_port(&form, &PortForm::of(&port));
            if let Ok(Some(edit)) = written.change(&port, Supports::of(&sheet.tunnel.place)) {
                window.change(Job::EditPort(Box::new(edit)));
            }
        }));
        let form = self.app.global::<ui::MoveForm<'_>>();
        form.on_changed(self.on(|window| window.draw()));
        form.on_move(self.on(|window| {
            if let Some(moving) = window.moving() {
                window.change(moving.job);
            }
        }));
        form.on_delete_old(self.on(|window| {
            let Some(sheet) = window.sheet() else { return };
            window.app.global::<ui::Dialogs<'_>>().invoke_close();
            window.send(Command::Delete(sheet.tunnel));
        }));
    }

    /// A dialog is about to appear.
    pub(super) fn open_sheet(&self, dialog: ui::Dialog, key: &str) {
        if !is_about_tunnel(dialog) {
            return;
        }
        let Some(tunnel) = self.tunnel(key) else { return };
        self.sheets.is_filled.set(false);
        self.sheets.people.set_vec(Vec::new());
        self.app.global::<ui::AccessList<'_>>().set_names(SharedString::default());
        let form = self.app.global::<ui::AnyoneForm<'_>>();
        form.set_choice(1);
        form.set_leaves(true);
        form.set_time(SharedString::default());
        self.app.global::<ui::PortForm<'_>>().set_agreed(false);
        let form = self.app.global::<ui::MoveForm<'_>>();
        form.set_place(0);
        form.set_has_moved(false);
        self.manage(Manage::Look(Some(tunnel)));
        // What is known already stands there when it appears.
        self.catch_up();
    }

    /// The open dialog is closed.
    pub(super) fn close_sheet(&self) {
        if self.sheet().is_some() {
            self.manage(Manage::Look(None));
        }
    }

    /// Shows what is known in the open dialog.
    pub(super) fn draw_sheet(&self, view: &View, speech: &Speech) {
        let Some(sheet) = &view.sheet else { return };
        let state = self.app.global::<ui::Sheet<'_>>();
        let card = view.cards.iter().find(|card| card.tunnel() == Some(&sheet.tunnel));
        state.set_tunnel(card.map(|card| card.name.as_str()).unwrap_or_default().into());
        state.set_place(terms::place_kind(&sheet.tunnel.place));
        state.set_host(sheet.tunnel.place.host().into());
        state.set_reach(terms::reach(card.and_then(|card| card.reach)));
        state.set_is_read(sheet.whole.is_some());
        let trouble = sheet.trouble.as_ref().map(|it| speech.heard(&it.message));
        state.set_trouble(trouble.unwrap_or_default().into());
        state.set_is_busy(sheet.work == Work::Doing);
        state.set_failure(match &sheet.work {
            Work::Failed(failure) => speech.heard(&failure.message).into(),
            _ => SharedString::default(),
        });
        self.draw_share(view, sheet, speech);
        if let Some(whole) = &sheet.whole {
            if !self.sheets.is_filled.replace(true) {
                self.fill_forms(whole);
            }
            self.draw_access(sheet, whole, speech);
            self.draw_anyone(sheet, whole, speech);
            self.draw_forms(sheet, whole, speech);
            self.draw_move(view, sheet, speech);
        }
        self.end_work(sheet, speech);
    }

    fn draw_access(&self, sheet: &Sheet, whole: &Whole, speech: &Speech) {
        let list = self.app.global::<ui::AccessList<'_>>();
        let texts = self.app.global::<ui::SheetWords<'_>>();
        let rows = people::list(whole, self.now());
        let rows = rows.iter().map(|it| sheet::person(it, speech, &texts)).collect();
        sync(&self.sheets.people, rows, |row| {
            (row.name.clone(), row.detail.clone(), row.is_kept_out)
        });
        let invites = people::invites(&sheet.tunnel.place);
        let words: Vec<_> = invites.iter().map(|it| sheet::invite(*it, &texts)).collect();
        let part = |(text, _): &(SharedString, SharedString)| ui::Part {
            text: text.clone(),
            count: SharedString::default(),
        };
        set_parts(list.get_kinds(), words.iter().map(part).collect(), |parts| {
            list.set_kinds(parts)
        });
        let kind = usize::try_from(list.get_kind()).unwrap_or(0);
        if kind >= words.len() {
            list.set_kind(0);
        }
        let chosen = words.get(kind).or(words.first());
        list.set_placeholder(chosen.map(|(_, text)| text.clone()).unwrap_or_default());
        list.set_is_nameless(self.invited() == Some(Invite::Tenant));
        list.set_open_until(sheet::open_until(anyone::is_open(whole, self.now()), speech, &texts));
    }

    fn draw_anyone(&self, sheet: &Sheet, whole: &Whole, speech: &Speech) {
        let form = self.app.global::<ui::AnyoneForm<'_>>();
        let texts = self.app.global::<ui::SheetWords<'_>>();
        let takes_hours = Supports::of(&sheet.tunnel.place).whole_hours;
        let mut parts = vec![texts.invoke_hour(1), texts.invoke_hour(8), texts.invoke_day(1)];
        parts.push(if takes_hours { texts.invoke_day(7) } else { texts.invoke_until() });
        let part = |text| ui::Part { text, count: SharedString::default() };
        let parts = parts.into_iter().map(part).collect();
        set_parts(form.get_choices(), parts, |parts| form.set_choices(parts));
        let asks_time = form.get_choice() == 3 && !takes_hours;
        form.set_asks_time(asks_time);
        let closed = self.closed(whole);
        let doors = anyone::doors(whole, &closed);
        let rows = doors.iter().map(|door| sheet::door(door, speech)).collect();
        sync(&self.sheets.doors, rows, |row| row.port);
        form.set_open_until(sheet::open_until(anyone::is_open(whole, self.now()), speech, &texts));
        let end = self.end();
        // What nobody has written yet is no mistake.
        let is_wrong = asks_time && end.is_none() && !form.get_time().is_empty();
        let rule = || speech.say(&Message::Mistake(Mistake::Until));
        form.set_error(if is_wrong { rule() } else { SharedString::default() });
        let until = end.unwrap_or_else(|| self.in_hours(HOURS[1]));
        let opening = anyone::open(whole, &closed, until);
        sheet::opening(&form, &opening, &doors, speech, &texts);
        if end.is_none() {
            form.set_ends(SharedString::default());
            form.set_action(
                texts.invoke_open_some(i32::try_from(opening.count).unwrap_or(i32::MAX)),
            );
            form.set_can_open(false);
        }
    }

    fn fill_forms(&self, whole: &Whole) {
        sheet::fill_tunnel(
            &self.app.global::<ui::TunnelForm<'_>>(),
            &TunnelForm::of(&whole.tunnel),
        );
        let form = self.app.global::<ui::PortForm<'_>>();
        form.set_port(self.app.global::<ui::Dialogs<'_>>().get_port());
        if let Some(port) = self.port_told() {
            sheet::fill_port(&form, &PortForm::of(&port));
        }
        let name = whole.tunnel.name.clone().unwrap_or_default();
        self.app.global::<ui::MoveForm<'_>>().set_name(name.into());
    }

    fn draw_forms(&self, sheet: &Sheet, whole: &Whole, speech: &Speech) {
        let supports = Supports::of(&sheet.tunnel.place);
        let form = self.app.global::<ui::TunnelForm<'_>>();
        form.set_can_rename(supports.rename);
        form.set_has_options(supports.tunnel_options);
        let change = sheet::written_tunnel(&form).change(whole, supports);
        form.set_can_save(matches!(change, Ok(Some(_))));
        sheet::blame_tunnel(&form, &change.err().unwrap_or_default(), speech);
        let form = self.app.global::<ui::PortForm<'_>>();
        let Some(port) = self.port_told() else { return form.set_can_save(false) };
        let change = sheet::written_port(&form, &PortForm::of(&port)).change(&port, supports);
        form.set_can_save(matches!(change, Ok(Some(_))));
        form.set_replaces(matches!(&change, Ok(Some(edit)) if edit.replaces));
        sheet::blame_port(&form, &change.err().unwrap_or_default(), speech);
    }

    fn draw_move(&self, view: &View, sheet: &Sheet, speech: &Speech) {
        let form = self.app.global::<ui::MoveForm<'_>>();
        let strings = self.app.global::<ui::MakingStrings<'_>>();
        // Open access does not come along.
        let choice = |place| making::place(place, Access::Private, speech, &strings);
        let others = view.places.iter().filter(|it| it.key != sheet.tunnel.place);
        let places: Vec<_> = others.map(choice).collect();
        set_parts(form.get_places(), places, |places| form.set_places(places));
        let Some(moving) = self.moving() else { return form.set_can_move(false) };
        let urls = |urls: &[String]| urls.iter().map(|url| terms::address(url)).collect();
        set_parts(form.get_urls(), urls(&moving.urls), |urls| form.set_urls(urls));
        let left = moving.left.iter().map(|it| speech.say(&Message::Left(it.clone()))).collect();
        set_parts(form.get_left(), left, |left| form.set_left(left));
        let name = form.get_name();
        let places = self.other_places();
        let to = usize::try_from(form.get_place()).ok().and_then(|index| places.get(index));
        let kind = to.map_or(Kind::Relay, PlaceKey::kind);
        // Without a name the place makes an id.
        let bad = if name.is_empty() { None } else { Name::on(kind, &name).err() };
        let said = bad.map(|bad| speech.say(&Message::Mistake(Mistake::Name(bad))));
        let can_be_used = view.places.iter().any(|it| Some(&it.key) == to && it.can_be_used());
        form.set_can_move(said.is_none() && can_be_used);
        form.set_name_error(said.unwrap_or_default());
        let Work::Moved(to) = &sheet.work else { return };
        form.set_has_moved(true);
        let card = view.cards.iter().find(|card| card.tunnel() == Some(to));
        let there: Vec<_> =
            card.iter().flat_map(|it| &it.rows).filter_map(|it| it.urls.first().cloned()).collect();
        set_parts(form.get_new_urls(), urls(&there), |urls| form.set_new_urls(urls));
    }

    /// What was done closes its dialog, or is said in it.
    fn end_work(&self, sheet: &Sheet, speech: &Speech) {
        let Work::Done(got) = &sheet.work else { return };
        let dialogs = self.app.global::<ui::Dialogs<'_>>();
        let texts = self.app.global::<ui::SheetWords<'_>>();
        self.manage(Manage::Taken);
        if let Got::Token { until, .. } = got {
            let Some(header) = got.header() else { return };
            let said = match until {
                Some(at) => texts.invoke_header_copied_until(sheet::time(*at, speech)),
                None => texts.invoke_header_copied(),
            };
            return self.copy(header.expose(), said);
        }
        if let Got::Link { link, .. } = got {
            let Some(url) = &link.url else { return };
            return self
                .copy(url.expose(), texts.invoke_link_copied(sheet::time(link.expires, speech)));
        }
        if matches!(got, Got::Revoked { .. }) {
            return self.say(texts.invoke_link_revoked());
        }
        let Got::Whole(whole) = got else { return };
        let tunnel = self.app.global::<ui::Sheet<'_>>().get_tunnel();
        match dialogs.get_current() {
            ui::Dialog::Access => {
                self.app.global::<ui::AccessList<'_>>().set_names(SharedString::default());
                self.say(texts.invoke_access_changed());
            }
            ui::Dialog::Anyone => {
                let said = match anyone::is_open(whole, self.now()) {
                    Some(Some(at)) => {
                        let n =
                            anyone::doors(whole, &BTreeSet::new()).len() - self.closed(whole).len();
                        let n = i32::try_from(n).unwrap_or(i32::MAX);
                        texts.invoke_opened(n, sheet::time(at, speech))
                    }
                    _ => texts.invoke_closed(tunnel),
                };
                dialogs.invoke_close();
                self.say(said);
            }
            ui::Dialog::EditTunnel | ui::Dialog::EditPort => {
                dialogs.invoke_close();
                self.say(texts.invoke_saved(tunnel));
            }
            _ => {}
        }
    }
}

/// Sets a short list, if it is another one: whoever has the keyboard in it keeps it.
fn set_parts<T>(old: ModelRc<T>, new: Vec<T>, set: impl FnOnce(ModelRc<T>))
where
    T: Clone + PartialEq + 'static,
{
    use slint::Model as _;
    if old.iter().ne(new.iter().cloned()) {
        set(ModelRc::new(VecModel::from(new)));
    }
}
