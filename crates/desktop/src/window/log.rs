//! The screen of the log.

use std::rc::Rc;
use std::sync::Arc;

use adit_app::journal::{self, Search};
use slint::{ComponentHandle, ModelRc};

use super::Window;
use crate::adapter::log;
use crate::ui;

impl Window {
    pub(super) fn listen_log(self: &Rc<Self>) {
        let screen = self.app.global::<ui::Log>();
        screen.set_lines(ModelRc::from(self.log.clone()));
        screen.on_filtered(self.on(|window| {
            let screen = window.app.global::<ui::Log>();
            screen.set_current(-1);
            screen.set_follows(true);
            window.search_log();
            window.draw_log();
        }));
        screen.on_follow(self.on_one(|window, follows| {
            window.app.global::<ui::Log>().set_follows(follows);
            window.draw_log();
        }));
        screen.on_copy(self.on(|window| {
            let said = window.app.global::<ui::Strings>().invoke_text_copied();
            window.copy(&journal::to_text(&window.log.shown().lines), said);
        }));
        screen.on_copy_line(self.on_one(|window, index: i32| {
            let shown = window.log.shown();
            let line = usize::try_from(index).ok().and_then(|index| shown.lines.get(index));
            if let Some(line) = line {
                let said = window.app.global::<ui::Strings>().invoke_text_copied();
                window.copy(&journal::to_text(std::slice::from_ref(line)), said);
            }
        }));
        screen.on_keep_more(self.on(|window| window.show_settings(ui::SettingsPage::Network)));
    }

    /// Asks for the lines that somebody wants to see, or for none while they look elsewhere.
    pub(super) fn search_log(&self) {
        let screen = self.app.global::<ui::Log>();
        let is_seen = self.app.global::<ui::Nav>().get_screen() == ui::Screen::Log;
        let search = is_seen.then(|| Search {
            level: log::to_level(screen.get_level()),
            words: screen.get_search().to_string(),
            names: Arc::new(log::names(&self.view())),
        });
        (self.desk.log.search)(search);
    }

    /// Shows the newest lines, or how many there are behind those that somebody reads.
    pub(super) fn draw_log(&self) {
        let screen = self.app.global::<ui::Log>();
        let newest = self.desk.log.excerpts.borrow().clone();
        if screen.get_follows() {
            if self.log.show(newest) {
                screen.set_at_end(screen.get_at_end().wrapping_add(1));
            }
            screen.set_unseen(0);
        } else {
            let unseen = log::behind(&self.log.shown(), &newest);
            screen.set_unseen(i32::try_from(unseen).unwrap_or(i32::MAX));
        }
        let level = self.view().preferences.general.log_level;
        screen.set_keeps_debug(log::level(level) == 3);
    }
}
