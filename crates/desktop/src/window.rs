//! The window: shows views, and turns what people do into commands.

mod announce;
mod asked;
mod banner;
mod detail;
mod drawn;
mod events;
mod keyboard;
mod life;
mod log;
mod making;
mod pointed;
mod pulse;
mod report;
mod settings;
mod setup;
mod sheet;
mod toast;
mod tunnels;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::message::Message;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, Standing, View};
use adit_app::words::{Ages, Language};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use slint::winit_030::WinitWindowAccessor as _;
use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};

use crate::adapter::cards::{Cards, Wanted};
use crate::adapter::log::LogLines;
use crate::adapter::port::PortLists;
use crate::adapter::reader::Reader;
use crate::adapter::terms::{self, Speech};
use crate::adapter::{bars, listening, places, sync};
use crate::desk::Desk;
use crate::outside::Outside;
use crate::ui;

pub use keyboard::Input;
pub use life::raise;

/// "Checked 12 s ago" is written anew so often. Each time costs a redraw, and a window that is only looked at now and then
/// is open all day.
const RETELL: Duration = Duration::from_secs(15);

/// When the next try is due is written anew so often, and what can be undone, in twelve steps of its six seconds.
const COUNT: Duration = Duration::from_secs(1);
const COUNT_UNDO: Duration = Duration::from_millis(500);

/// What is as near as this is told in seconds.
const IN_SECONDS: SignedDuration = SignedDuration::from_secs(60);

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
    reader: Reader,
    log: Rc<LogLines>,
    settings: settings::Settings,
    making: making::Making,
    sheets: sheet::Sheets,
    setup: setup::Parts,
    /// What was left of an offer to undo when somebody began to look at it.
    held: RefCell<BTreeMap<i32, Duration>>,
    retell: Timer,
    toast: Timer,
    pulse: pulse::Pulse,
    closing: life::Closing,
    drawn: drawn::Drawn,
    announced: announce::Announced,
    events: events::Events,
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
            reader: Reader::default(),
            log,
            settings: settings::Settings::new(language),
            making: making::Making::default(),
            sheets: sheet::Sheets::default(),
            setup: setup::Parts::default(),
            held: RefCell::default(),
            retell: Timer::default(),
            toast: Timer::default(),
            pulse: pulse::Pulse::default(),
            closing: life::Closing::default(),
            drawn: drawn::Drawn::default(),
            announced: announce::Announced::default(),
            events: events::Events::default(),
        });
        window.fill();
        window.listen();
        window.prefer();
        window.heed();
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
        let mut system = self.desk.system.clone();
        loop {
            let is_open = tokio::select! {
                changed = views.changed() => {
                    self.hear();
                    if changed.is_ok() {
                        continue;
                    }
                    false
                }
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
                changed = system.changed() => {
                    self.heed();
                    changed.is_ok()
                }
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
            self.keep_pace();
            self.prefer();
            self.pulse();
        }
        self.draw();
    }

    /// Takes the newest view, and draws it unless it says what is shown but for ages, which are written in their own time.
    pub fn hear(&self) {
        let view = self.desk.views.borrow().clone();
        if view.is_alike(&self.view.borrow()) {
            *self.view.borrow_mut() = view;
        } else {
            self.catch_up();
        }
    }

    fn fill(&self) {
        let model = self.cards.borrow().model.clone();
        self.app.global::<ui::Tunnels>().set_cards(ModelRc::from(model));
        self.app.global::<ui::Listening>().set_ports(ModelRc::from(self.listening.clone()));
        self.port.attach(&self.app.global::<ui::Port>());
        self.reader.attach(&self.app.global::<ui::Reader>());
        self.app.global::<ui::Places>().set_marks(ModelRc::from(self.marks.clone()));
        self.app.global::<ui::Bars>().set_undo(ModelRc::from(self.undo.clone()));
        self.pulse();
    }

    /// In which language, and against which time, things are said now.
    pub fn speech(&self) -> Speech {
        let now = (self.desk.clock)().wall.to_zoned_datetime(self.zone.clone());
        // Beside the window that somebody works in, nothing has to be drawn anew as long as all is well.
        let ages = if self.is_worked_in() { Ages::Seconds } else { Ages::Minutes };
        Speech { language: self.language.get(), now, ages }
    }

    /// Whether it has the keyboard, or nobody says.
    fn is_worked_in(&self) -> bool {
        self.app.window().with_winit_window(|window| window.has_focus()).unwrap_or(true)
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
        let is_getting = view.headline.text == Message::Getting;
        tunnels.set_is_getting(is_getting);
        tunnels.set_is_empty(view.cards.is_empty() && !is_getting);
        tunnels.set_can_stop(view.cards.iter().any(|card| card.toggle.on));
        tunnels.set_can_start(view.cards.iter().any(Card::can_start));
        let wanted =
            Wanted { filter: tunnels.get_filter(), search: tunnels.get_search().to_string() };
        let rows = self.desk.rows.borrow().clone();
        let focused = self.cards.borrow().focused(tunnels.get_card(), tunnels.get_row());
        self.cards.borrow_mut().show(&view, &wanted, &speech, &strings, &rows);
        self.keep_focus(focused.as_ref());
        self.draw_port(&view, &speech);
        self.draw_events(&speech);
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
        sync(&self.undo, bars::undo(&view.undo, &speech, now, &held), |bar| bar.id);
        self.announce(&view, &speech);
        self.tell_drawn();
        self.draw_dialog(&view);
    }

    /// Keeps times true while the window is seen, as often as they need it.
    pub fn keep_told(self: &Rc<Self>) {
        let window = Rc::downgrade(self);
        self.retell.start(TimerMode::Repeated, self.pace(), move || {
            let Some(window) = window.upgrade() else { return };
            if window.is_seen() {
                window.draw();
            }
            window.keep_pace();
        });
    }

    /// Writes times anew, soon: it came to the front, or went behind another.
    pub fn tell_anew(self: &Rc<Self>) {
        let window = Rc::downgrade(self);
        Timer::single_shot(Duration::ZERO, move || {
            if let Some(window) = window.upgrade().filter(|it| it.is_seen()) {
                window.draw();
                window.keep_pace();
            }
        });
    }

    /// Whether somebody may see it now.
    pub fn is_seen(&self) -> bool {
        let window = self.app.window();
        window.is_visible() && !window.is_minimized()
    }

    /// Something may count down now that did not, or the other way round.
    fn keep_pace(&self) {
        let pace = self.pace();
        if self.retell.interval() != pace {
            self.retell.set_interval(pace);
        }
    }

    fn pace(&self) -> Duration {
        match self.is_seen() {
            true => pace(&self.view.borrow(), (self.desk.clock)().wall),
            false => RETELL,
        }
    }

    fn listen(self: &Rc<Self>) {
        self.listen_tunnels();
        self.listen_bars();
        self.listen_nav();
        self.listen_port();
        self.listen_events();
        self.listen_life();
        self.listen_log();
        self.listen_settings();
        self.listen_sheet();
        self.listen_setup();
        self.listen_dialogs();
        self.listen_announced();
        let listening = self.app.global::<ui::Listening>();
        listening.on_refresh(self.on(|window| (window.desk.look)()));
    }

    fn listen_nav(self: &Rc<Self>) {
        let nav = self.app.global::<ui::Nav>();
        nav.on_go(self.on_one(|window, screen| {
            window.app.global::<ui::Nav>().set_screen(screen);
            window.select();
            window.draw();
        }));
        nav.on_open_port(self.with(|window, key: SharedString, port: i32| {
            if window.tunnel(&key).is_none() {
                return;
            }
            let nav = window.app.global::<ui::Nav>();
            nav.set_key(key);
            nav.set_port(port);
            nav.set_screen(ui::Screen::Port);
            window.select();
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
            window.leave_removal();
            match dialog {
                ui::Dialog::NewTunnel => window.open_new_tunnel(),
                ui::Dialog::AddPort => window.open_add_port(&key, port),
                ui::Dialog::ReadRequest => window.open_request(port),
                ui::Dialog::Events => window.open_events(&key),
                dialog => {
                    window.open_asked(dialog, &key, port);
                    window.open_sheet(dialog, &key);
                    window.open_setup(dialog, &key);
                }
            }
        });
        dialogs.on_closed(self.on(|window| {
            window.reader.turn_to(None);
            window.close_events();
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
}

/// How often what is told of times is written anew.
fn pace(view: &View, now: Timestamp) -> Duration {
    // In seconds, and not there yet.
    let counts = |told: &Standing| match told.text {
        Message::Retry { at, .. } | Message::ConnectingAgain { at, .. } => {
            at > now && at.duration_since(now) <= IN_SECONDS
        }
        _ => false,
    };
    let standings =
        |card: &Card| counts(&card.standing) || card.rows.iter().any(|it| counts(&it.standing));
    if !view.undo.is_empty() {
        COUNT_UNDO
    } else if view.cards.iter().any(standings) {
        COUNT
    } else {
        RETELL
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}
