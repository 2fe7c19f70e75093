//! The screen of the settings, and what they change about the window.

use std::cell::RefCell;
use std::rc::Rc;

use adit_app::command::Command;
use adit_app::doctor;
use adit_app::preferences::{General, Preferences};
use adit_app::words::Language;
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::Window;
use crate::adapter::settings;
use crate::ui;

/// What the screen was drawn from, and what is in force in the window.
pub(super) struct Settings {
    /// The language of the system.
    language: Language,
    drawn: RefCell<Option<Preferences>>,
    in_force: RefCell<Option<General>>,
    checks: Rc<VecModel<ui::CheckRow>>,
}

impl Settings {
    pub(super) fn new(language: Language) -> Self {
        Self {
            language,
            drawn: RefCell::default(),
            in_force: RefCell::default(),
            checks: Rc::default(),
        }
    }
}

/// The licences that come with the program.
const LICENCES: [(&str, &str, &[&str]); 3] = [
    (
        "adit",
        "Adit",
        &[include_str!("../../../../LICENSE-MIT"), include_str!("../../../../LICENSE-APACHE")],
    ),
    ("inter", "Inter", &[include_str!("../../assets/fonts/OFL-Inter.txt")]),
    ("mono", "JetBrains Mono", &[include_str!("../../assets/fonts/OFL-JetBrainsMono.txt")]),
];

impl Window {
    pub(super) fn listen_settings(self: &Rc<Self>) {
        let screen = self.app.global::<ui::Settings>();
        screen.set_checks(ModelRc::from(self.settings.checks.clone()));
        screen.set_version(env!("CARGO_PKG_VERSION").into());
        screen.on_go(self.on_one(|window, page| window.show_settings(page)));
        screen.on_switch(self.with(|window, what, on| {
            window.take_typed(|_| true);
            window.send(Command::Set(settings::switched(what, on)));
        }));
        screen.on_choose(self.with(|window, what, index| {
            // Who chooses another proxy does not want the one that was being typed.
            window.take_typed(|typed| what != ui::Choice::Proxy || typed != ui::Typed::ProxyAt);
            if what == ui::Choice::Proxy {
                // A field opens or goes. What is in force may be the same as before it was opened.
                let screen = window.app.global::<ui::Settings>();
                screen.set_proxy(index);
                settings::refuse(&screen, ui::Typed::ProxyAt, SharedString::default());
                settings::fill_typed(&screen, ui::Typed::ProxyAt, &window.view().preferences);
            }
            if let Some(edit) = settings::chosen(what, index) {
                window.send(Command::Set(edit));
            }
        }));
        screen.on_type(self.with(|window, what, text: SharedString| window.typed(what, &text)));
        screen.on_reset(self.on(|window| {
            let page = window.app.global::<ui::Settings>().get_page();
            if let Some(page) = settings::page(page) {
                window.send(Command::Reset(page));
            }
            window.forget_typed();
        }));
        screen.on_open_log_folder(self.on(|window| {
            window.open_folder(&window.desk.log.folder, |window, is_open| {
                if !is_open {
                    window.warn(window.app.global::<ui::Strings>().invoke_no_folder());
                }
            });
        }));
        screen.on_look(self.on(|window| {
            (window.desk.status.look)();
            window.draw_status();
        }));
        screen.on_copy_checks(self.on(|window| {
            let told = window.desk.status.told.borrow().clone();
            if let Some((_, checks)) = told.found {
                let said = window.app.global::<ui::Strings>().invoke_text_copied();
                window.copy(&doctor::to_text(&checks, window.language.get()), said);
            }
        }));
        screen.on_read_licence(self.on_one(|window, of: SharedString| window.read_licence(&of)));
    }

    /// Opens a page of the settings.
    pub(super) fn show_settings(&self, page: ui::SettingsPage) {
        let screen = self.app.global::<ui::Settings>();
        self.take_typed(|_| true);
        screen.set_page(page);
        self.read_licence("");
        self.forget_typed();
        let nav = self.app.global::<ui::Nav>();
        if nav.get_screen() != ui::Screen::Settings {
            nav.invoke_go(ui::Screen::Settings);
        }
        self.draw();
    }

    /// Somebody has finished typing: it is in force, or they are told why not.
    fn typed(&self, what: ui::Typed, text: &str) {
        let edit = settings::typed(what, text.to_owned());
        let screen = self.app.global::<ui::Settings>();
        match self.view().preferences.edited(&edit) {
            Ok(preferences) => {
                settings::refuse(&screen, what, SharedString::default());
                settings::fill_typed(&screen, what, &preferences);
                self.send(Command::Set(edit));
            }
            Err(refusal) => {
                settings::refuse(&screen, what, settings::refusal(refusal, &self.speech()));
            }
        }
    }

    /// A pointer leaves a field without a word: what stands in it is taken before something else is done.
    fn take_typed(&self, is_meant: impl Fn(ui::Typed) -> bool) {
        let screen = self.app.global::<ui::Settings>();
        let now = self.view().preferences.clone();
        for what in settings::TYPED.into_iter().filter(|what| is_meant(*what)) {
            let text = settings::shown(&screen, what);
            if text != settings::in_force(what, &now) {
                self.typed(what, &text);
                // Its field goes out of sight, and what is said below it.
                let why = settings::refused(&screen, what);
                if !why.is_empty() {
                    self.warn(why);
                }
            }
        }
    }

    /// The screen of the settings goes out of sight, if it is in it.
    pub(super) fn leave_settings(&self) {
        if self.app.global::<ui::Nav>().get_screen() == ui::Screen::Settings {
            self.take_typed(|_| true);
            self.forget_typed();
        }
    }

    /// What is in force is shown again, instead of what was typed and refused.
    fn forget_typed(&self) {
        let screen = self.app.global::<ui::Settings>();
        settings::TYPED
            .into_iter()
            .for_each(|what| settings::refuse(&screen, what, SharedString::default()));
        self.settings.drawn.replace(None);
        self.draw_settings();
    }

    pub(super) fn draw_settings(&self) {
        let now = self.view().preferences.clone();
        let screen = self.app.global::<ui::Settings>();
        let before = self.settings.drawn.replace(Some(now.clone()));
        if before.as_ref() != Some(&now) {
            settings::fill(&screen, &now, before.as_ref());
        }
        if self.app.global::<ui::Nav>().get_screen() == ui::Screen::Settings {
            self.draw_status();
        }
    }

    pub(super) fn draw_status(&self) {
        let told = self.desk.status.told.borrow().clone();
        let screen = self.app.global::<ui::Settings>();
        screen.set_is_looking(told.is_running);
        let strings = self.app.global::<ui::Strings>();
        let speech = self.speech();
        screen.set_looked(settings::looked(&told, &speech, &strings));
        let checks = settings::checks(&told, speech.language);
        crate::adapter::sync(&self.settings.checks, checks, |row| row.name.clone());
    }

    /// Puts in force what settings say of the window itself; what is as it was is left alone.
    pub(super) fn prefer(&self) {
        let now = self.view().preferences.general.clone();
        let before = self.settings.in_force.replace(Some(now.clone()));
        if before.as_ref() == Some(&now) {
            return;
        }
        let theme = self.app.global::<ui::Theme>();
        let is_new = |is_same: fn(&General, &General) -> bool| {
            before.as_ref().is_none_or(|before| !is_same(before, &now))
        };
        if is_new(|one, two| one.appearance == two.appearance) {
            theme.set_appearance(settings::appearance(now.appearance));
        }
        if is_new(|one, two| {
            (one.high_contrast, one.reduced_motion) == (two.high_contrast, two.reduced_motion)
        }) {
            self.heed();
        }
        if is_new(|one, two| one.language == two.language) {
            self.switch_language(now.language.unwrap_or(self.settings.language));
        }
    }

    /// Contrast and motion as the system wishes, or the settings say.
    pub fn heed(&self) {
        let system = self.desk.system.borrow().clone();
        let own = self.view().preferences.general.clone();
        let theme = self.app.global::<ui::Theme>();
        theme.set_high_contrast(own.high_contrast || system.contrast);
        theme.set_reduced_motion(own.reduced_motion || system.still);
        self.pulse();
        let screen = self.app.global::<ui::Settings>();
        screen.set_system_contrast(system.contrast);
        screen.set_system_motion(system.still);
        screen.set_start_at_login_fault(system.login.unwrap_or_default().into());
    }

    fn read_licence(&self, of: &str) {
        let screen = self.app.global::<ui::Settings>();
        let found = LICENCES.iter().find(|(key, ..)| *key == of);
        screen.set_licence_of(found.map(|(_, name, _)| *name).unwrap_or_default().into());
        screen.set_licence(found.map(|(.., texts)| texts.join("\n\n")).unwrap_or_default().into());
    }
}
