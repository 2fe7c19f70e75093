//! The dialog that lists what happened to a tunnel.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use adit_app::command::{Command, OF_TUNNEL};
use adit_app::traffic::{self, Detail};
use adit_app::tunnel_key::TunnelKey;
use slint::{ComponentHandle, ModelRc, VecModel};

use super::Window;
use crate::adapter::terms::Speech;
use crate::adapter::{events, sync};
use crate::ui;

/// What the dialog shows.
#[derive(Default)]
pub(super) struct Events {
    /// Whose events; nobody's while it is closed.
    of: RefCell<Option<TunnelKey>>,
    rows: Rc<VecModel<ui::EventRow>>,
}

impl Window {
    pub(super) fn listen_events(self: &Rc<Self>) {
        let log = self.app.global::<ui::EventLog>();
        log.set_events(ModelRc::from(self.events.rows.clone()));
        log.on_copy(self.on(|window| {
            let Some(detail) = window.events_detail() else { return };
            let speech = window.speech();
            let text = traffic::to_text(&detail.events, speech.language, &speech.now);
            window.copy(&text, window.app.global::<ui::Strings>().invoke_text_copied());
        }));
    }

    /// The dialog is about to appear.
    pub(super) fn open_events(&self, key: &str) {
        let Some(card) = self.card(key) else { return };
        let Some(tunnel) = card.tunnel().cloned() else { return };
        self.app.global::<ui::EventLog>().set_tunnel(card.name.as_str().into());
        self.events.rows.set_vec(Vec::new());
        self.events.of.replace(Some(tunnel));
        self.select();
        self.draw_events(&self.speech());
    }

    /// The open dialog is closed, whichever it is.
    pub(super) fn close_events(&self) {
        if self.events.of.take().is_some() {
            self.select();
        }
    }

    /// Asks for the details of what is seen: the dialog of events lies over the screen of a port.
    pub(super) fn select(&self) {
        let of = self.events.of.borrow().clone().map(|tunnel| (tunnel, OF_TUNNEL));
        let nav = self.app.global::<ui::Nav>();
        let port = || {
            let number = u16::try_from(nav.get_port()).ok()?;
            let is_seen = nav.get_screen() == ui::Screen::Port;
            Some((self.tunnel(&nav.get_key())?, number)).filter(|_| is_seen)
        };
        self.send(Command::Select(of.or_else(port)));
    }

    pub(super) fn draw_events(&self, speech: &Speech) {
        if let Some(detail) = self.events_detail() {
            let rows = events::rows(&detail.events, speech);
            sync(&self.events.rows, rows, |row| (row.time.clone(), row.text.clone()));
        }
    }

    /// What is known of the tunnel whose events are shown.
    fn events_detail(&self) -> Option<Arc<Detail>> {
        let of = self.events.of.borrow();
        let is_it = |it: &Arc<Detail>| of.as_ref() == Some(&it.tunnel) && it.port == OF_TUNNEL;
        self.desk.details.borrow().clone().filter(is_it)
    }
}
