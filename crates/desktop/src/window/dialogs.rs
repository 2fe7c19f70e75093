//! Which dialog is open, and whether it can be.

use std::rc::Rc;

use adit_app::view::{Card, View};
use slint::ComponentHandle as _;

use super::Window;
use crate::ui;

impl Window {
    /// What dialogs show is filled in before they appear.
    pub(super) fn listen_dialogs(self: &Rc<Self>) {
        self.listen_making();
        self.listen_asked();
        let dialogs = self.app.global::<ui::Dialogs>();
        let window = Rc::downgrade(self);
        dialogs.on_can_open(move |dialog, key, port| {
            window.upgrade().is_some_and(|window| window.can_open(dialog, &key, port))
        });
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

    /// Whether there is what a dialog would be about: a tunnel or port that is only being made has nothing to change.
    fn can_open(&self, dialog: ui::Dialog, key: &str, port: i32) -> bool {
        use ui::Dialog::{
            Access, AddPort, Anyone, DeletePort, DeleteTunnel, EditPort, EditTunnel, Events,
            MoveTunnel, Share, TakeOver,
        };
        let card = || self.card(key).filter(|card| card.tunnel().is_some());
        let has = |card: Card| {
            let rows = card.rows.iter().filter(|row| row.index.is_some());
            rows.map(|row| i32::from(row.port)).any(|it| it == port)
        };
        match dialog {
            // Of any tunnel, where none is named.
            AddPort => key.is_empty() || card().is_some(),
            Access | Anyone | EditTunnel | MoveTunnel | Events | DeleteTunnel | TakeOver => {
                card().is_some()
            }
            EditPort | DeletePort | Share => card().is_some_and(has),
            _ => true,
        }
    }

    /// Shows what is new to the dialog that is open.
    pub(super) fn draw_dialog(&self, view: &View) {
        self.draw_making(view);
        self.draw_asked(view);
    }

    /// Opens a dialog.
    pub fn open(&self, dialog: ui::Dialog, key: &str, port: i32) {
        self.app.global::<ui::Dialogs>().invoke_open(dialog, key.into(), port);
    }
}
