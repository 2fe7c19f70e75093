//! What is asked before something is removed, taken from another computer or ended.

use std::rc::Rc;

use adit_app::command::Command;
use adit_app::message::{Entry, Message};
use adit_app::place_key::Kind;
use adit_app::view::{Card, View};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::Window;
use crate::adapter::terms;
use crate::ui;

impl Window {
    pub(super) fn listen_asked(self: &Rc<Self>) {
        let asked = self.app.global::<ui::Asked>();
        asked.on_delete_tunnel(self.on(|window| {
            if let Some(tunnel) = window.asked_card().and_then(|card| card.tunnel().cloned()) {
                window.send(Command::Delete(tunnel));
            }
            window.close_dialog();
        }));
        asked.on_delete_port(self.on(|window| {
            let port = u16::try_from(window.app.global::<ui::Dialogs>().get_port()).ok();
            let tunnel = window.asked_card().and_then(|card| card.tunnel().cloned());
            if let (Some(tunnel), Some(port)) = (tunnel, port) {
                window.send(Command::DeletePort { tunnel, port });
            }
            window.close_dialog();
        }));
        asked.on_take_over(self.on(|window| {
            if let Some(tunnel) = window.asked_card().and_then(|card| card.tunnel().cloned()) {
                window.send(Command::TakeOver(tunnel));
            }
            window.close_dialog();
        }));
        asked.on_quit(self.on(|window| {
            window.close_dialog();
            window.send(Command::Quit);
        }));
    }

    /// Whether something stops, or is not done after all, when the application ends.
    pub(super) fn would_lose(&self) -> bool {
        let view = self.view();
        view.hosted().next().is_some() || !view.undo.is_empty()
    }

    /// Fills in what a question is about.
    pub(super) fn open_asked(&self, dialog: ui::Dialog, key: &str, port: i32) {
        match dialog {
            ui::Dialog::DeleteTunnel | ui::Dialog::DeletePort | ui::Dialog::TakeOver => {
                if let Some(card) = self.card(key) {
                    self.ask_about(&card, (dialog == ui::Dialog::DeletePort).then_some(port));
                }
            }
            ui::Dialog::Quit => self.draw_quit(&self.view()),
            _ => {}
        }
    }

    /// Shows what is new to the question that is open; what it is about may be gone.
    pub(super) fn draw_asked(&self, view: &View) {
        let dialogs = self.app.global::<ui::Dialogs>();
        match dialogs.get_current() {
            ui::Dialog::Quit => self.draw_quit(view),
            ui::Dialog::DeleteTunnel | ui::Dialog::DeletePort | ui::Dialog::TakeOver
                if self.asked_card().is_none() =>
            {
                self.close_dialog();
            }
            _ => {}
        }
    }

    fn asked_card(&self) -> Option<Card> {
        self.card(&self.app.global::<ui::Dialogs>().get_key())
    }

    fn close_dialog(&self) {
        self.app.global::<ui::Dialogs>().invoke_close();
    }

    /// Of one port, or of all.
    fn ask_about(&self, card: &Card, port: Option<i32>) {
        let rows =
            card.rows.iter().filter(|row| port.is_none_or(|port| i32::from(row.port) == port));
        let urls: Vec<_> =
            rows.filter_map(|row| row.urls.first()).map(|url| terms::address(url)).collect();
        let asked = self.app.global::<ui::Asked>();
        asked.set_name(card.name.as_str().into());
        asked.set_is_here(card.place.kind() == Kind::Here);
        asked.set_urls(ModelRc::new(VecModel::from(urls)));
    }

    fn draw_quit(&self, view: &View) {
        let asked = self.app.global::<ui::Asked>();
        let names: Vec<_> = view.hosted().map(|card| card.name.as_str()).collect();
        let count = names.len();
        let quit = Message::Menu(Entry::Quit(count as u64));
        asked.set_count(i32::try_from(count).unwrap_or(i32::MAX));
        asked.set_names(names_of(&names));
        asked.set_is_undoable(!view.undo.is_empty());
        asked.set_primary(self.speech().say(&quit));
    }
}

/// The first few, and how many more there are.
fn names_of(names: &[&str]) -> SharedString {
    const MOST: usize = 6;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown.into(),
        more => slint::format!("{shown} +{more}"),
    }
}
