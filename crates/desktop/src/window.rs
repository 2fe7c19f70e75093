//! The window: shows views, and turns what people do into commands.

mod asked;
mod drawn;
mod life;
mod log;
mod making;
mod pointed;
mod report;
mod settings;
mod setup;
mod sheet;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use adit_app::command::{Command, Ticket};
use adit_app::message::Offer;
use adit_app::traffic::{self, Detail};
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, View};
use adit_app::words::Language;
use jiff::tz::TimeZone;
use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};

use crate::adapter::cards::{Cards, Wanted};
use crate::adapter::log::LogLines;
use crate::adapter::port::{self, PortLists};
use crate::adapter::terms::{self, Speech};
use crate::adapter::{bars, cards, listening, places, sync};
use crate::desk::Desk;
use crate::outside::Outside;
use crate::ui;

pub use life::raise;

/// "Checked 12 s ago" is written anew so often.
const RETELL: Duration = Duration::from_secs(5);

/// What counts down is written anew so often: twelve steps in six seconds.
const COUNT: Duration = Duration::from_millis(500);

/// For so long a toast is shown.
const TOAST: Duration = Duration::from_millis(2_400);

/// Glyphs pulse in these steps, for half a minute.
const PULSE: (Duration, [f32; 4], u32) = (Duration::from_millis(400), [1.0, 0.7, 0.4, 0.7], 75);

/// A window with what fills it. Lives on the thread of the interface.
pub struct Window {
    app: ui::App,
    desk: Desk,
    outside: Rc<dyn Outside>,
    zone: TimeZone,
    language: Cell<Language>,
    view: RefCell<Arc<View>>,
    cards: RefCell<Cards>,
    marks: Rc<VecModel<ui::PlaceMark>>,
    undo: Rc<VecModel<ui::UndoOffer>>,
    listening: Rc<VecModel<ui::Listener>>,
    port: PortLists,
    log: Rc<LogLines>,
    settings: settings::Settings,
    making: making::Making,
    sheets: sheet::Sheets,
    setup: setup::Parts,
    /// What was left of an offer to undo when somebody began to look at it.
    held: RefCell<BTreeMap<i32, Duration>>,
    retell: Timer,
    toast: Timer,
    pulse: Timer,
    closing: life::Closing,
    drawn: drawn::Drawn,
}

impl Window {
    /// Makes the window, not yet on the screen.
    ///
    /// # Errors
    /// When the system lets nothing be shown.
    pub fn new(
        desk: Desk,
        outside: Rc<dyn Outside>,
        zone: TimeZone,
        language: Language,
    ) -> Result<Rc<Self>, slint::PlatformError> {
        let app = ui::App::new()?;
        let view = desk.views.borrow().clone();
        let log = Rc::new(LogLines::new(zone.clone()));
        let window = Rc::new(Self {
            app,
            desk,
            outside,
            zone,
            language: Cell::new(language),
            view: RefCell::new(view),
            cards: RefCell::default(),
            marks: Rc::default(),
            undo: Rc::default(),
            listening: Rc::default(),
            port: PortLists::default(),
            log,
            settings: settings::Settings::new(language),
            making: making::Making::default(),
            sheets: sheet::Sheets::default(),
            setup: setup::Parts::default(),
            held: RefCell::default(),
            retell: Timer::default(),
            toast: Timer::default(),
            pulse: Timer::default(),
            closing: life::Closing::default(),
            drawn: drawn::Drawn::default(),
        });
        window.fill();
        window.listen();
        window.prefer();
        window.draw();
        window.begin_setup();
        window.speak(language);
        Ok(window)
    }

    /// The interface, for what is not wired here.
    pub fn app(&self) -> &ui::App {
        &self.app
    }

    /// Follows the application until it ends: for [`slint::spawn_local`].
    pub async fn follow(self: Rc<Self>) {
        let mut views = self.desk.views.clone();
        let mut rows = self.desk.rows.clone();
        let mut details = self.desk.details.clone();
        let mut listening = self.desk.listening.clone();
        let (mut log, mut status) = (self.desk.log.excerpts.clone(), self.desk.status.told.clone());
        loop {
            let is_open = tokio::select! {
                changed = views.changed() => changed.is_ok(),
                changed = rows.changed() => changed.is_ok(),
                changed = details.changed() => changed.is_ok(),
                changed = listening.changed() => changed.is_ok(),
                changed = log.changed() => {
                    self.draw_log();
                    if changed.is_ok() {
                        continue;
                    }
                    false
                }
                changed = status.changed() => changed.is_ok(),
            };
            if !is_open {
                return;
            }
            self.catch_up();
        }
    }

    /// Shows the newest view, if that is another one: what [`Window::follow`] does by itself.
    pub fn catch_up(&self) {
        let view = self.desk.views.borrow().clone();
        self.show(view);
    }

    /// Switches the language, at once.
    pub fn speak(&self, language: Language) {
        self.switch_language(language);
        self.draw();
    }

    fn switch_language(&self, language: Language) {
        self.language.set(language);
        let code = match language {
            Language::English => "",
            Language::Portuguese => "pt_BR",
        };
        if let Err(error) = slint::select_bundled_translation(code) {
            tracing::warn!(%error, "the language could not be switched");
        }
    }

    /// Says something for a moment.
    pub fn say(&self, text: SharedString) {
        self.app.global::<ui::Bars>().set_toast(text);
        let app = self.app.as_weak();
        self.toast.start(TimerMode::SingleShot, TOAST, move || {
            if let Some(app) = app.upgrade() {
                app.global::<ui::Bars>().set_toast(SharedString::default());
            }
        });
    }

    /// Asks the application for something.
    pub fn send(&self, command: Command) {
        self.try_send(command);
    }

    /// As [`Window::send`]; `false` when it cannot be asked now, which is said.
    pub fn try_send(&self, command: Command) -> bool {
        let is_sent = self.desk.commands.send(command);
        if !is_sent {
            self.say(self.app.global::<ui::Strings>().invoke_busy());
        }
        is_sent
    }

    /// The view that is shown.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// The tunnel that the interface calls so.
    pub fn tunnel(&self, key: &str) -> Option<TunnelKey> {
        self.card(key)?.tunnel().cloned()
    }

    fn card(&self, key: &str) -> Option<Card> {
        let view = self.view.borrow();
        view.cards.iter().find(|card| terms::card_key(&card.id) == key).cloned()
    }

    fn show(&self, view: Arc<View>) {
        let is_new = !Arc::ptr_eq(&self.view.borrow(), &view);
        if is_new {
            *self.view.borrow_mut() = view;
            self.prefer();
            self.begin_pulse();
        }
        self.draw();
    }

    fn fill(&self) {
        let model = self.cards.borrow().model.clone();
        self.app.global::<ui::Tunnels>().set_cards(ModelRc::from(model));
        self.app.global::<ui::Listening>().set_ports(ModelRc::from(self.listening.clone()));
        self.port.attach(&self.app.global::<ui::Port>());
        self.app.global::<ui::Places>().set_marks(ModelRc::from(self.marks.clone()));
        self.app.global::<ui::Bars>().set_undo(ModelRc::from(self.undo.clone()));
        self.begin_pulse();
    }

    /// In which language, and against which time, things are said now.
    pub fn speech(&self) -> Speech {
        let now = (self.desk.clock)().wall.to_zoned_datetime(self.zone.clone());
        Speech { language: self.language.get(), now }
    }

    /// Writes everything anew; what looks as before is not touched.
    fn draw(&self) {
        let view = self.view();
        let speech = self.speech();
        let strings = self.app.global::<ui::Strings>();
        let tunnels = self.app.global::<ui::Tunnels>();
        tunnels.set_headline(speech.say(&view.headline.text));
        tunnels
            .set_below(view.headline.below.as_ref().map(|it| speech.say(it)).unwrap_or_default());
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        tunnels.set_count_all(count(view.counts.all));
        tunnels.set_count_live(count(view.counts.live));
        tunnels.set_count_needs_you(count(view.counts.needs_you));
        tunnels.set_count_stopped(count(view.counts.stopped));
        let is_getting = view.headline.text == adit_app::message::Message::Getting;
        tunnels.set_is_getting(is_getting);
        tunnels.set_is_empty(view.cards.is_empty() && !is_getting);
        tunnels.set_can_stop(view.cards.iter().any(|card| card.toggle.on));
        let wanted =
            Wanted { filter: tunnels.get_filter(), search: tunnels.get_search().to_string() };
        let rows = self.desk.rows.borrow().clone();
        self.cards.borrow_mut().show(&view, &wanted, &speech, &strings, &rows);
        self.draw_port(&view, &speech);
        self.draw_settings();
        self.search_log();
        self.draw_log();
        self.draw_sheet(&view, &speech);
        self.draw_setup(&view, &speech);
        let found = listening::ports(&self.desk.listening.borrow(), &speech);
        sync(&self.listening, found, |it| it.port);

        sync(&self.marks, places::marks(&view, &strings), |mark| mark.key.clone());
        self.app.global::<ui::Places>().set_told(places::told(&view, &speech, &strings));
        let bars = self.app.global::<ui::Bars>();
        bars::banner(&bars, view.banner.as_ref(), &speech);
        self.draw_import(&bars, &view);
        let now = (self.desk.clock)().at;
        let held = |id| self.held.borrow().get(&id).copied();
        sync(&self.undo, bars::undo(&view.undo, &speech, now, &strings, &held), |bar| bar.id);
        self.tell_drawn();
        self.draw_dialog(&view);
    }

    fn draw_port(&self, view: &View, speech: &Speech) {
        let nav = self.app.global::<ui::Nav>();
        if nav.get_screen() != ui::Screen::Port {
            return;
        }
        let port = self.app.global::<ui::Port>();
        let (key, number) = (nav.get_key(), nav.get_port());
        let card = view.cards.iter().find(|card| terms::card_key(&card.id) == key);
        let row = card.and_then(|card| card.rows.iter().find(|row| i32::from(row.port) == number));
        let (Some(card), Some(row)) = (card, row) else {
            // It is gone: there is nothing to look at any more.
            nav.set_screen(ui::Screen::Tunnels);
            self.send(Command::Select(None));
            return;
        };
        port::facts(&port, card, row, speech, &self.desk.rows.borrow());
        port.set_reach(terms::reach_of(view, &card.place));
        let detail = self.desk.details.borrow().clone();
        let is_it = |it: &Arc<Detail>| card.tunnel() == Some(&it.tunnel) && it.port == row.port;
        match detail.filter(is_it) {
            Some(detail) => {
                self.port.show(&port, &detail, speech, &self.app.global::<ui::Strings>())
            }
            None => self.port.clear(&port),
        }
    }

    fn listen_port(self: &Rc<Self>) {
        let port = self.app.global::<ui::Port>();
        port.on_span_changed(self.on(|window| window.draw()));
        port.on_point(self.with(|window, chart, at| window.point(chart, at)));
        port.on_pause(self.on_one(|window, paused| {
            window.app.global::<ui::Port>().set_is_paused(paused);
            window.draw();
        }));
        port.on_copy_curl(self.on_one(|window, id: i32| window.copy_request(id)));
        port.on_send_again(self.on_one(|window, id: i32| {
            let detail = window.desk.details.borrow().clone();
            if let (Some(detail), Ok(of)) = (detail, u64::try_from(id)) {
                window.send(Command::SendAgain {
                    tunnel: detail.tunnel.clone(),
                    port: detail.port,
                    of,
                });
            }
        }));
        port.on_copy_events(self.on(|window| {
            let Some(detail) = window.desk.details.borrow().clone() else { return };
            let speech = window.speech();
            let text = traffic::to_text(&detail.events, speech.language, &speech.now);
            window.copy(&text, window.app.global::<ui::Strings>().invoke_text_copied());
        }));
    }

    fn copy_request(&self, id: i32) {
        let Some(detail) = self.desk.details.borrow().clone() else { return };
        let request = u64::try_from(id).ok().and_then(|id| detail.request(id).cloned());
        let base = self.app.global::<ui::Port>().get_row().address.whole;
        let strings = self.app.global::<ui::Strings>();
        match request.map(|request| traffic::curl(&request, &base)) {
            Some(Ok(command)) => self.copy(&command, strings.invoke_curl_copied()),
            _ => self.say(strings.invoke_curl_not_copied()),
        }
    }

    /// Keeps times true while the window is seen: counts run each half second, ages each five.
    pub fn keep_told(self: &Rc<Self>) {
        let counts = !self.view.borrow().undo.is_empty();
        let window = Rc::downgrade(self);
        self.retell.start(TimerMode::SingleShot, if counts { COUNT } else { RETELL }, move || {
            let Some(window) = window.upgrade() else { return };
            window.draw();
            window.keep_told();
        });
    }

    /// Glyphs of what is under way pulse for half a minute after a change.
    fn begin_pulse(&self) {
        let app = self.app.as_weak();
        let (step, opacities, most) = PULSE;
        let beat = Cell::new(0_u32);
        self.pulse.start(TimerMode::Repeated, step, move || {
            let Some(app) = app.upgrade() else { return };
            beat.set(beat.get().saturating_add(1));
            let is_still = beat.get() > most || app.global::<ui::Theme>().get_reduced_motion();
            let at = if is_still { 0 } else { beat.get() as usize % opacities.len() };
            app.global::<ui::Pulse>().set_opacity(opacities[at]);
        });
    }

    fn listen(self: &Rc<Self>) {
        let tunnels = self.app.global::<ui::Tunnels>();
        tunnels.on_filtered(self.on(|window| window.draw()));
        tunnels.on_switch(self.with(|window, key: SharedString, on: bool| {
            if let Some(tunnel) = window.tunnel(&key) {
                window.send(if on { Command::Host(tunnel) } else { Command::Stop(tunnel) });
            }
        }));
        tunnels.on_act(self.with(|window, key: SharedString, id: SharedString| {
            window.act(&key, &id);
        }));
        tunnels.on_dismiss(self.with(|window, key: SharedString, id: SharedString| {
            let card = window.card(&key);
            if let Some(Offer::Retry(ticket)) =
                card.as_ref().and_then(|card| cards::offer(card, &id))
            {
                window.send(Command::Dismiss(*ticket));
            }
        }));
        tunnels
            .on_copy(self.with(|window, key: SharedString, port: i32| window.copy_url(&key, port)));
        tunnels.on_open(self.with(|window, key: SharedString, port: i32| {
            let url = window.url(&key, port);
            if url.is_some_and(|url| !window.outside.open(&url)) {
                window.say(window.app.global::<ui::Strings>().invoke_not_opened());
            }
        }));
        tunnels.on_copy_curl(self.with(|window, key: SharedString, port: i32| {
            if let Some(url) = window.url(&key, port) {
                let said = window.app.global::<ui::Strings>().invoke_curl_copied();
                window.copy(&format!("curl '{url}'"), said);
            }
        }));
        tunnels.on_copy_all(self.on_one(|window, key: SharedString| window.copy_all(&key)));
        tunnels.on_show_all_ports(self.on_one(|window, key| {
            window.cards.borrow_mut().unfolded.insert(key);
            window.draw();
        }));
        tunnels.on_stop_all(self.on(|window| window.send(Command::StopAll)));
        tunnels.on_start_all(self.on(|window| {
            let view = window.view();
            let off = view.cards.iter().filter(|card| !card.toggle.on && card.toggle.is_enabled);
            off.filter_map(Card::tunnel)
                .for_each(|tunnel| window.send(Command::Host(tunnel.clone())));
        }));
        self.listen_bars();
        self.listen_nav();
        self.listen_port();
        self.listen_life();
        self.listen_log();
        self.listen_settings();
        self.listen_sheet();
        self.listen_setup();
        self.listen_dialogs();
        let listening = self.app.global::<ui::Listening>();
        listening.on_refresh(self.on(|window| (window.desk.look)()));
    }

    fn listen_bars(self: &Rc<Self>) {
        let bars = self.app.global::<ui::Bars>();
        bars.on_banner_acted(self.on(|window| {
            let view = window.view();
            let Some(condition) = &view.banner else { return window.open_import(&view) };
            match &condition.offer {
                Some(Offer::SignIn(place)) => window.open(ui::Dialog::SignIn, place.as_str(), 0),
                Some(Offer::GetCommand(place)) => {
                    window.open(ui::Dialog::GetCommand, place.as_str(), 0)
                }
                Some(Offer::Refresh) => {
                    window.send(Command::Refresh(condition.about.place().cloned()))
                }
                Some(offer) => {
                    if let Some(command) = condition.about.tunnel().and_then(|it| offer.command(it))
                    {
                        window.send(command);
                    }
                }
                None => {}
            }
        }));
        bars.on_undo_now(self.on_one(|window, id| {
            window.tickets(id).into_iter().for_each(|it| window.send(Command::Undo(it)));
        }));
        bars.on_undo_held(self.with(|window, id: i32, held: bool| window.hold(id, held)));
    }

    fn listen_nav(self: &Rc<Self>) {
        let nav = self.app.global::<ui::Nav>();
        nav.on_go(self.on_one(|window, screen| {
            window.app.global::<ui::Nav>().set_screen(screen);
            window.send(Command::Select(None));
            window.draw();
        }));
        nav.on_open_port(self.with(|window, key: SharedString, port: i32| {
            let Some(tunnel) = window.tunnel(&key) else { return };
            let Ok(number) = u16::try_from(port) else { return };
            window.send(Command::Select(Some((tunnel, number))));
            let nav = window.app.global::<ui::Nav>();
            nav.set_key(key);
            nav.set_port(port);
            nav.set_screen(ui::Screen::Port);
            window.port.clear(&window.app.global::<ui::Port>());
            window.draw();
        }));
        self.app.global::<ui::Places>().on_open(self.on_one(|window, _key| {
            window.show_settings(ui::SettingsPage::Places);
        }));
    }

    /// What dialogs show is filled in before they appear.
    fn listen_dialogs(self: &Rc<Self>) {
        self.listen_making();
        self.listen_asked();
        let dialogs = self.app.global::<ui::Dialogs>();
        let window = Rc::downgrade(self);
        dialogs.on_opening(move |dialog, key, port| {
            let Some(window) = window.upgrade() else { return };
            match dialog {
                ui::Dialog::NewTunnel => window.open_new_tunnel(),
                ui::Dialog::AddPort => window.open_add_port(&key, port),
                dialog => {
                    window.open_asked(dialog, &key, port);
                    window.open_sheet(dialog, &key);
                    window.open_setup(dialog, &key);
                }
            }
        });
        dialogs.on_closed(self.on(|window| {
            window.leave_making();
            window.close_sheet();
            window.close_setup();
        }));
    }

    /// Shows what is new to the dialog that is open.
    fn draw_dialog(&self, view: &View) {
        self.draw_making(view);
        self.draw_asked(view);
    }

    /// Opens a dialog.
    pub fn open(&self, dialog: ui::Dialog, key: &str, port: i32) {
        self.app.global::<ui::Dialogs>().invoke_open(dialog, key.into(), port);
    }

    fn act(&self, key: &str, id: &str) {
        if id == "log" {
            self.show_log(self.card(key).map(|it| it.name).unwrap_or_default().into());
            return;
        }
        let Some(card) = self.card(key) else { return };
        if id == "try-now" && card.standing.offer != Some(Offer::TryNow) {
            return;
        }
        let Some(offer) = cards::offer(&card, id) else { return };
        match offer {
            Offer::SignIn(place) => self.open(ui::Dialog::SignIn, place.as_str(), 0),
            Offer::GetCommand(place) => self.open(ui::Dialog::GetCommand, place.as_str(), 0),
            Offer::AddPort => self.open(ui::Dialog::AddPort, key, 0),
            Offer::TakeOver => self.open(ui::Dialog::TakeOver, key, 0),
            // What could not be made has no tunnel yet.
            Offer::Retry(ticket) => self.send(Command::Retry(*ticket)),
            offer => {
                if let Some(command) = card.tunnel().and_then(|tunnel| offer.command(tunnel)) {
                    self.send(command);
                }
            }
        }
    }

    fn url(&self, key: &str, port: i32) -> Option<String> {
        let card = self.card(key)?;
        let row = card.rows.iter().find(|row| i32::from(row.port) == port)?;
        row.urls.first().cloned()
    }

    fn copy_url(&self, key: &str, port: i32) {
        let Some(url) = self.url(key, port) else { return };
        let name = self.card(key).map(|card| card.name).unwrap_or_default();
        let said = self.app.global::<ui::Strings>().invoke_url_copied(name.into(), port);
        self.copy(&url, said);
    }

    fn copy_all(&self, key: &str) {
        let Some(card) = self.card(key) else { return };
        let urls: Vec<_> = card.rows.iter().filter_map(|row| row.urls.first().cloned()).collect();
        if !urls.is_empty() {
            let count = i32::try_from(urls.len()).unwrap_or(i32::MAX);
            let said = self.app.global::<ui::Strings>().invoke_urls_copied(count);
            self.copy(&urls.join("\n"), said);
        }
    }

    /// Copies a text, and says so.
    pub fn copy(&self, text: &str, said: SharedString) {
        let is_copied = self.outside.copy(text);
        self.say(if is_copied {
            said
        } else {
            self.app.global::<ui::Strings>().invoke_not_copied()
        });
    }

    fn tickets(&self, id: i32) -> Vec<Ticket> {
        let view = self.view();
        let undo = view.undo.iter().find(|undo| bars::id(undo) == id);
        undo.map(|undo| undo.tickets.clone()).unwrap_or_default()
    }

    fn hold(&self, id: i32, is_held: bool) {
        let view = self.view();
        let until = view.undo.iter().find(|undo| bars::id(undo) == id).and_then(|undo| undo.until);
        let now = (self.desk.clock)().at;
        match until {
            Some(until) if is_held => {
                self.held.borrow_mut().insert(id, until.saturating_duration_since(now));
            }
            _ if !is_held => {
                self.held.borrow_mut().remove(&id);
            }
            _ => {}
        }
        for ticket in self.tickets(id) {
            self.send(Command::HoldUndo { ticket, held: is_held });
        }
    }

    fn on(self: &Rc<Self>, act: impl Fn(&Self) + 'static) -> impl Fn() + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move || {
            if let Some(window) = window.upgrade() {
                act(&window);
            }
        }
    }

    fn on_one<A>(self: &Rc<Self>, act: impl Fn(&Self, A) + 'static) -> impl Fn(A) + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move |one| {
            if let Some(window) = window.upgrade() {
                act(&window, one);
            }
        }
    }

    fn with<A, B>(self: &Rc<Self>, act: impl Fn(&Self, A, B) + 'static) -> impl Fn(A, B) + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move |one, two| {
            if let Some(window) = window.upgrade() {
                act(&window, one, two);
            }
        }
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}
