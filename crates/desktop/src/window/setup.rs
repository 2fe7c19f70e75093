//! Places, signing in and the first run: what people press, and what becomes of it on the screen.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adit_app::command::Command;
use adit_app::place_key::PlaceKey;
use adit_app::setup::{Ask, ErrandKind, Provider, RelayForm, Stage};
use adit_app::view::{ErrandView, Usable, View};
use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::Window;
use super::making::index;
use crate::adapter::terms::Speech;
use crate::adapter::{setup, sync};
use crate::ui;

/// What the setup remembers between two views.
#[derive(Default)]
pub(super) struct Parts {
    places: Rc<VecModel<ui::PlaceCard>>,
    /// The errand whose end was seen to.
    seen: Cell<u64>,
    /// Where the first URL is to live.
    place: RefCell<Option<PlaceKey>>,
    /// Microsoft's service became a place only to sign in to it.
    is_only_tried: Cell<bool>,
}

impl Window {
    pub(super) fn begin_setup(&self) {
        let list = self.app.global::<ui::PlaceList>();
        list.set_places(ModelRc::from(self.setup.places.clone()));
        if self.view().setup.first_run.is_some() {
            self.app.global::<ui::Nav>().set_screen(ui::Screen::FirstRun);
        }
        self.read_form();
    }

    fn ask(&self, ask: Ask) {
        self.send(Command::Setup(ask));
    }

    /// Writes everything anew; an errand that ended is seen to once.
    pub(super) fn draw_setup(&self, view: &View, speech: &Speech) {
        let strings = self.app.global::<ui::SetupStrings>();
        let places = setup::places(view, speech, &strings);
        let list = self.app.global::<ui::PlaceList>();
        list.set_has_microsoft(places.iter().any(|it| it.kind == ui::PlaceKind::Microsoft));
        let names: Vec<_> = view.places.iter().map(|place| self.place_name(&place.key)).collect();
        if !list.get_names().iter().eq(names.iter().cloned()) {
            list.set_names(ModelRc::new(VecModel::from(names)));
        }
        list.set_default(index(view.places.iter().position(|place| place.is_default)));
        sync(&self.setup.places, places, |place| place.key.clone());
        let of = self.app.global::<ui::Setup>();
        setup::errand(&of, view.setup.errand.as_ref(), speech);
        setup::microsoft(&of, view, speech);
        if let Some(errand) = &view.setup.errand {
            self.see_to(errand);
        }
        self.draw_first_run(view, speech);
    }

    fn draw_first_run(&self, view: &View, speech: &Speech) {
        let nav = self.app.global::<ui::Nav>();
        if nav.get_screen() != ui::Screen::FirstRun {
            return;
        }
        let Some(run) = &view.setup.first_run else { return nav.set_screen(ui::Screen::Tunnels) };
        let of = self.app.global::<ui::FirstRun>();
        setup::first_run(&of, run, view, speech);
        let is_made = run.trial.as_ref().is_some_and(|trial| trial.tunnel.is_some());
        if is_made && of.get_step() == ui::FirstStep::Port {
            of.set_step(ui::FirstStep::Done);
        }
        let kept = self.app.global::<ui::Kept>();
        if kept.get_has_import() != view.setup.import.is_some() {
            setup::kept(&kept, view);
        }
    }

    /// What follows when an errand has ended well. A failure stays where it was asked for.
    fn see_to(&self, errand: &ErrandView) {
        if !matches!(errand.stage, Stage::Done { .. }) || self.setup.seen.get() == errand.serial {
            return;
        }
        self.setup.seen.set(errand.serial);
        let dialogs = self.app.global::<ui::Dialogs>();
        let strings = self.app.global::<ui::SetupStrings>();
        match &errand.kind {
            ErrandKind::Relay(place) => {
                self.clear_form();
                let first = self.app.global::<ui::FirstRun>();
                if first.get_step() == ui::FirstStep::Relay {
                    self.aim(place.clone());
                } else {
                    dialogs.invoke_close();
                }
                self.say(strings.invoke_used_now(setup::called(place)));
            }
            ErrandKind::Forget(place) if dialogs.get_current() == ui::Dialog::ForgetPlace => {
                dialogs.invoke_close();
                self.say(strings.invoke_left(setup::called(place)));
            }
            ErrandKind::SignIn { .. } => self.setup.is_only_tried.set(false),
            // Everything is gone, and the program ends.
            ErrandKind::Remove => return,
            ErrandKind::Install | ErrandKind::Forget(_) => {}
        }
        self.ask(Ask::PutAway);
    }

    /// The first URL is to live there; now for a port.
    fn aim(&self, place: PlaceKey) {
        let first = self.app.global::<ui::FirstRun>();
        let key = place.as_str().to_owned();
        let card = slint::Model::iter(&*self.setup.places).find(|it| it.key == key);
        first.set_place(match card {
            Some(card) if card.kind == ui::PlaceKind::Here => {
                self.app.global::<ui::SetupStrings>().invoke_this_computer()
            }
            _ => setup::called(&place),
        });
        *self.setup.place.borrow_mut() = Some(place);
        self.ask_for_port();
        first.set_step(ui::FirstStep::Port);
    }

    fn clear_form(&self) {
        let of = self.app.global::<ui::Setup>();
        of.set_address(SharedString::default());
        of.set_api_key(SharedString::default());
        self.read_form();
    }

    fn form(&self) -> RelayForm {
        let of = self.app.global::<ui::Setup>();
        RelayForm::read(&of.get_address(), &of.get_api_key())
    }

    fn read_form(&self) {
        let strings = self.app.global::<ui::SetupStrings>();
        setup::form(&self.app.global::<ui::Setup>(), &self.form(), &strings);
    }

    /// What was typed is another thing than what failed.
    fn form_edited(&self) {
        self.read_form();
        self.put_away_failure();
    }

    fn put_away_failure(&self) {
        if self.view().setup.errand.as_ref().is_some_and(|errand| errand.failed.is_some()) {
            self.ask(Ask::PutAway);
        }
    }

    fn cancel(&self) {
        if self.view().setup.errand.as_ref().is_some_and(|errand| errand.can_be_cancelled) {
            self.ask(Ask::Cancel);
        }
    }

    fn use_relay(&self) {
        if let Some((relay, key)) = self.form().whole() {
            self.ask(Ask::UseRelay { relay: relay.clone(), key: key.clone() });
        }
    }

    fn use_microsoft(&self) {
        let key = PlaceKey::microsoft();
        if !self.view().places.iter().any(|place| place.key == key) {
            self.setup.is_only_tried.set(true);
        }
        self.ask(Ask::UseMicrosoft);
    }

    /// Nobody signed in after all: the place goes again, so that it does not ask for it for ever.
    fn leave_untried(&self) {
        self.cancel();
        if !self.setup.is_only_tried.replace(false) {
            return;
        }
        let view = self.view();
        let place = view.places.iter().find(|place| place.key == PlaceKey::microsoft());
        if place.is_some_and(|place| place.usable != Usable::Ready) {
            self.put_away_failure();
            self.ask(Ask::Forget(PlaceKey::microsoft()));
        }
    }

    fn sign_in(&self) {
        let of = self.app.global::<ui::Setup>();
        let provider = if of.get_by_github() { Provider::GitHub } else { Provider::Microsoft };
        self.ask(Ask::SignIn { provider, by_code: of.get_by_code() });
    }

    pub(super) fn listen_setup(self: &Rc<Self>) {
        let of = self.app.global::<ui::Setup>();
        of.on_edited(self.on(Self::form_edited));
        of.on_use_relay(self.on(Self::use_relay));
        of.on_use_microsoft(self.on(Self::use_microsoft));
        of.on_sign_in(self.on(Self::sign_in));
        of.on_install(self.on(|window| window.ask(Ask::Install)));
        of.on_check_again(self.on(|window| {
            window.put_away_failure();
            window.send(Command::CheckAgain(PlaceKey::microsoft()));
        }));
        of.on_cancel(self.on(|window| window.ask(Ask::Cancel)));
        of.on_put_away(self.on(|window| window.ask(Ask::PutAway)));
        of.on_copy(self.on_one(|window, text: SharedString| {
            window.copy(&text, window.app.global::<ui::SetupStrings>().invoke_code_copied());
        }));
        of.on_open(self.on_one(|window, url: SharedString| {
            window.open_url(&url, |window, is_open| {
                if !is_open {
                    window.warn(window.app.global::<ui::SetupStrings>().invoke_no_browser());
                }
            });
        }));
        self.listen_first_run();
        self.listen_places();
        let kept = self.app.global::<ui::Kept>();
        kept.on_take(self.on_one(|window, takes| window.ask(Ask::Import(takes))));
        kept.on_remove(self.on(|window| window.ask(Ask::Remove)));
    }

    fn listen_first_run(self: &Rc<Self>) {
        let first = self.app.global::<ui::FirstRun>();
        first.on_go_on(self.on(Self::go_on));
        first.on_back(self.on(Self::go_back));
        first.on_copy(self.on(|window| {
            let url = window.app.global::<ui::FirstRun>().get_address().whole;
            window.copy(&url, window.app.global::<ui::Strings>().invoke_urls_copied(1));
        }));
        first.on_open(self.on(|window| {
            let url = window.app.global::<ui::FirstRun>().get_address().whole;
            let view = window.view();
            let trial = view.setup.first_run.as_ref().and_then(|run| run.trial.as_ref());
            let tunnel = trial.and_then(|trial| trial.tunnel.as_ref());
            let card = view.cards.iter().find(|card| card.tunnel() == tunnel);
            window.visit(&url, card.filter(|_| tunnel.is_some()));
        }));
        first.on_other_place(self.on(|window| {
            window.ask(Ask::Back);
            let first = window.app.global::<ui::FirstRun>();
            first.set_choice(1);
            first.set_step(ui::FirstStep::Choose);
        }));
        first.on_start_at_login(self.on_one(|window, on| {
            let mut preferences = window.view().preferences.clone();
            preferences.general.start_at_login = on;
            window.send(Command::Prefer(Box::new(preferences)));
        }));
        first.on_finish(self.on(|window| window.ask(Ask::EndFirstRun)));
    }

    fn go_on(&self) {
        let first = self.app.global::<ui::FirstRun>();
        match first.get_step() {
            ui::FirstStep::Choose => match first.get_choice() {
                0 => self.aim(PlaceKey::here()),
                1 => first.set_step(ui::FirstStep::Relay),
                _ => {
                    self.use_microsoft();
                    first.set_step(ui::FirstStep::Microsoft);
                }
            },
            ui::FirstStep::Relay => self.use_relay(),
            ui::FirstStep::Microsoft => match self.app.global::<ui::Setup>().get_microsoft() {
                ui::MicrosoftState::Ready => self.aim(PlaceKey::microsoft()),
                ui::MicrosoftState::SignedOut => self.sign_in(),
                _ => {}
            },
            ui::FirstStep::Port => self.try_out(),
            ui::FirstStep::Done => self.ask(Ask::EndFirstRun),
        }
    }

    fn try_out(&self) {
        let Some(place) = self.setup.place.borrow().clone() else { return };
        let chosen = self.app.global::<ui::FirstRun>().get_port();
        let ports = self.app.global::<ui::Listening>().get_ports();
        let chosen = usize::try_from(chosen).ok();
        let port = chosen.and_then(|index| slint::Model::row_data(&ports, index));
        let port = port.and_then(|entry| u16::try_from(entry.port).ok());
        self.ask(Ask::TryOut { place, port });
    }

    fn go_back(&self) {
        let first = self.app.global::<ui::FirstRun>();
        match first.get_step() {
            ui::FirstStep::Choose | ui::FirstStep::Done => return,
            ui::FirstStep::Relay => {
                self.cancel();
                self.put_away_failure();
                self.clear_form();
            }
            ui::FirstStep::Microsoft => self.leave_untried(),
            ui::FirstStep::Port => self.ask(Ask::Back),
        }
        first.set_step(ui::FirstStep::Choose);
    }

    fn listen_places(self: &Rc<Self>) {
        let list = self.app.global::<ui::PlaceList>();
        list.on_act(self.with(|window, key: SharedString, action: ui::PlaceAction| match action {
            ui::PlaceAction::None => {}
            ui::PlaceAction::AllowNetwork => window.open(ui::Dialog::AllowNetwork, &key, 0),
            ui::PlaceAction::KeepNetwork => window.allow_network(false),
            ui::PlaceAction::ChangeKey | ui::PlaceAction::SignIn | ui::PlaceAction::GetCommand => {
                window.open(ui::Dialog::SignIn, &key, 0)
            }
        }));
        list.on_make_default(self.on_one(|window, key: SharedString| {
            let place = PlaceKey::from(key.as_str());
            window.ask(Ask::MakeDefault(place));
        }));
        list.on_make_default_at(self.on_one(|window, index: i32| {
            let place = usize::try_from(index).ok().and_then(|at| {
                let view = window.view();
                view.places.get(at).map(|place| place.key.clone())
            });
            if let Some(place) = place {
                window.ask(Ask::MakeDefault(place));
            }
        }));
        list.on_check_again(self.on_one(|window, key: SharedString| {
            let place = PlaceKey::from(key.as_str());
            window.send(Command::CheckAgain(place.clone()));
            window.send(Command::Refresh(Some(place)));
        }));
        list.on_forget(self.on_one(|window, key: SharedString| {
            window.put_away_failure();
            window.ask(Ask::Forget(PlaceKey::from(key.as_str())));
        }));
        list.on_allow_network(self.on_one(|window, allow| window.allow_network(allow)));
    }

    fn allow_network(&self, allow: bool) {
        let mut preferences = self.view().preferences.clone();
        preferences.local_network = allow;
        self.send(Command::Prefer(Box::new(preferences)));
    }

    /// A dialog of the setup is about to appear.
    pub(super) fn open_setup(&self, dialog: ui::Dialog, key: &str) {
        let asked = slint::Model::iter(&*self.setup.places).find(|place| place.key == key);
        self.app.global::<ui::PlaceList>().set_asked(asked.unwrap_or_default());
        match dialog {
            ui::Dialog::AddRelay => self.clear_form(),
            ui::Dialog::SignIn if key == PlaceKey::microsoft().as_str() => self.use_microsoft(),
            ui::Dialog::SignIn => {
                self.clear_form();
                self.app.global::<ui::Setup>().set_address(key.into());
                self.read_form();
            }
            ui::Dialog::RemoveAdit | ui::Dialog::Import => {
                setup::kept(&self.app.global::<ui::Kept>(), &self.view());
            }
            _ => {}
        }
    }

    /// A dialog was closed: nothing of it is under way or waits to be read any more.
    pub(super) fn close_setup(&self) {
        self.leave_untried();
        self.put_away_failure();
        self.leave_removal();
        if self.app.global::<ui::FirstRun>().get_step() != ui::FirstStep::Relay {
            self.clear_form();
        }
    }

    /// Whoever closes the question of the removal, or goes on to another, does not want what comes behind it.
    pub(super) fn leave_removal(&self) {
        let errand = self.view().setup.errand.clone();
        if errand.is_some_and(|errand| errand.stage == Stage::Checking) {
            self.cancel();
        }
    }

    /// Offers to take over what another app kept, where nothing is wrong that would be said instead.
    pub(super) fn draw_import(&self, bars: &ui::Bars<'_>, view: &View) {
        if view.banner.is_some() || view.setup.import.is_none() {
            return;
        }
        let strings = self.app.global::<ui::SetupStrings>();
        bars.set_banner_lead(strings.invoke_import_lead());
        bars.set_banner_text(strings.invoke_import_text());
        bars.set_banner_tone(ui::Tone::Accent);
        bars.set_banner_is_network(false);
        bars.set_banner_action(strings.invoke_import_look());
        bars.set_banner_is_primary(false);
    }

    pub(super) fn open_import(&self, view: &View) {
        if view.setup.import.is_some() {
            self.open(ui::Dialog::Import, "", 0);
        }
    }
}
