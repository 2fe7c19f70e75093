//! The bars above and below the list: what is wrong everywhere, and what can be undone.

use std::rc::Rc;

use adit_app::command::{Command, Ticket};
use adit_app::message::Offer;
use slint::ComponentHandle;

use super::Window;
use crate::adapter::bars;
use crate::ui;

impl Window {
    pub(super) fn listen_bars(self: &Rc<Self>) {
        let bars = self.app.global::<ui::Bars>();
        bars.on_banner_acted(self.on(|window| {
            let view = window.view();
            let Some(condition) = &view.banner else { return window.open_import(&view) };
            match &condition.offer {
                Some(Offer::SignIn(place) | Offer::GetCommand(place)) => {
                    window.open(ui::Dialog::SignIn, place.as_str(), 0)
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

    pub(super) fn tickets(&self, id: i32) -> Vec<Ticket> {
        let view = self.view();
        let undo = view.undo.iter().find(|undo| bars::id(undo) == id);
        undo.map(|undo| undo.tickets.clone()).unwrap_or_default()
    }

    pub(super) fn hold(&self, id: i32, is_held: bool) {
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
}
