//! The window: shows views, and turns what people do into commands.

mod announce;
mod asked;
mod banner;
mod detail;
mod dialogs;
mod drawn;
mod events;
mod keyboard;
mod life;
mod listening;
mod log;
mod making;
mod opening;
mod pointed;
mod pulse;
mod report;
mod settings;
mod setup;
mod sheet;
mod times;
mod toast;
mod tunnels;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::message::Message;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, View};
use adit_app::words::{Ages, Language};
use jiff::tz::TimeZone;
use slint::winit_030::WinitWindowAccessor as _;
use slint::{ComponentHandle, ModelRc, SharedString, Timer, VecModel};

use crate::adapter::cards::{Cards, Wanted};
use crate::adapter::log::LogLines;
use crate::adapter::port::PortLists;
use crate::adapter::reader::Reader;
use crate::adapter::terms::{self, Speech};
use crate::adapter::{bars, places, sync};
use crate::desk::Desk;
use crate::outside::Outside;
use crate::ui;

pub use keyboard::Input;
pub use life::raise;

/// What is written anew of the cards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anew {
    All,
    Times,
}

/// A window with what fills it. Lives on the thread of the interface.
pub struct Window {
    app: ui::App,
    desk: Desk,
    outside: Rc<dyn Outside>,
    /// Itself, for what is told later.
    me: Weak<Self>,
    zone: TimeZone,
    language: Cell<Language>,
    view: RefCell<Arc<View>>,
    cards: RefCell<Cards>,
    marks: Rc<VecModel<ui::PlaceMark>>,
    undo: Rc<VecModel<ui::UndoOffer>>,
    listening: listening::Listening,
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
    /// The hour of the day in which it was drawn last.
    drawn_in: Cell<i8>,
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
        let window = Rc::new_cyclic(|me| Self {
            app,
            desk,
            outside,
            me: me.clone(),
            zone,
            language: Cell::new(language),
            view: RefCell::new(view),
            cards: RefCell::default(),
            marks: Rc::default(),
            undo: Rc::default(),
            listening: listening::Listening::default(),
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
            drawn_in: Cell::default(),
            announced: announce::Announced::default(),
            events: events::Events::default(),
        });
        window.fill();
        window.listen();
        window.prefer();
        window.heed();
        window.draw();
        window.begin_setup();
        // That of the settings, where they name one.
        window.speak(window.language.get());
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
            self.warn(self.app.global::<ui::Strings>().invoke_busy());
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
        if cfg!(target_os = "macos") {
            // Slint has the key of commands where others have Ctrl.
            self.app.global::<ui::Keys>().set_control("Cmd".into());
        }
        let model = self.cards.borrow().model.clone();
        self.app.global::<ui::Tunnels>().set_cards(ModelRc::from(model));
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
        self.draw_anew(Anew::All);
    }

    /// Writes anew what time alone changes. Of a thousand cards that is little; the ends that they name are told against
    /// the day, so once an hour it is all of them.
    fn draw_times(&self) {
        let hour = self.speech().now.hour();
        self.draw_anew(if hour == self.drawn_in.get() { Anew::Times } else { Anew::All });
    }

    fn draw_anew(&self, anew: Anew) {
        let view = self.view();
        let speech = self.speech();
        self.drawn_in.set(speech.now.hour());
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
        if anew == Anew::Times {
            self.cards.borrow_mut().tell(&view, &speech, &strings);
        } else {
            let wanted = Wanted {
                filter: tunnels.get_filter(),
                search: tunnels.get_search().to_string(),
                here: self.app.global::<ui::MakingStrings>().invoke_here().to_string(),
            };
            let rows = self.desk.rows.borrow().clone();
            let focused = self.cards.borrow().focused(tunnels.get_card(), tunnels.get_row());
            self.cards.borrow_mut().show(&view, &wanted, &speech, &strings, &rows);
            self.keep_focus(focused.as_ref());
        }
        self.draw_port(&view, &speech);
        self.draw_events(&speech);
        self.draw_settings();
        self.search_log();
        self.draw_log();
        self.draw_sheet(&view, &speech);
        self.draw_setup(&view, &speech);
        self.draw_listening(&speech);
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
        self.listen_listening();
    }

    fn listen_nav(self: &Rc<Self>) {
        let nav = self.app.global::<ui::Nav>();
        nav.on_go(self.on_one(|window, screen| {
            window.leave_settings();
            window.app.global::<ui::Nav>().set_screen(screen);
            window.select();
            window.draw();
        }));
        nav.on_open_port(self.with(|window, key: SharedString, port: i32| {
            if window.tunnel(&key).is_none() {
                return;
            }
            window.leave_settings();
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
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}
