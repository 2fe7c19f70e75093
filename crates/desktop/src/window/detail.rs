//! The screen of a port: what is drawn there, and what people do.

use std::rc::Rc;
use std::sync::Arc;

use adit_app::command::Command;
use adit_app::history::Request;
use adit_app::traffic::{self, Detail};
use adit_app::view::View;
use slint::{ComponentHandle, Model};

use super::Window;
use crate::adapter::terms::{self, Speech};
use crate::adapter::{cards, port};
use crate::ui;

impl Window {
    pub(super) fn draw_port(&self, view: &View, speech: &Speech) {
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
            self.select();
            return;
        };
        port::facts(&port, card, row, speech, &self.desk.rows.borrow());
        let strings = self.app.global::<ui::Strings>();
        self.port.notice(cards::port_notice(row, speech, &strings));
        port.set_reach(terms::reach(card.reach));
        let detail = self.desk.details.borrow().clone();
        let is_it = |it: &Arc<Detail>| card.tunnel() == Some(&it.tunnel) && it.port == row.port;
        match detail.filter(is_it) {
            Some(detail) => {
                port.set_keeps_bodies(detail.keeps_bodies);
                self.port.show(&port, &detail, speech, &strings)
            }
            None => self.port.clear(&port),
        }
    }

    pub(super) fn listen_port(self: &Rc<Self>) {
        let port = self.app.global::<ui::Port>();
        port.on_span_changed(self.on(|window| window.draw()));
        port.on_point(self.with(|window, chart, at| window.point(chart, at)));
        port.on_pause(self.on_one(|window, paused| {
            window.app.global::<ui::Port>().set_is_paused(paused);
            window.draw();
        }));
        port.on_keep_bodies(self.on_one(|window, keep: bool| {
            let detail = window.desk.details.borrow().clone();
            if let Some(detail) = detail {
                let (tunnel, port) = (detail.tunnel.clone(), detail.port);
                window.send(Command::KeepBodies { tunnel, port, keep });
            }
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
        let requests = port.get_requests();
        port.on_at(move |id| {
            let at = requests.iter().position(|request| request.id == id);
            at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)
        });
        self.listen_reader();
        port.on_copy_events(self.on(|window| {
            let Some(detail) = window.desk.details.borrow().clone() else { return };
            let speech = window.speech();
            let text = traffic::to_text(&detail.events, speech.language, &speech.now);
            window.copy(&text, window.app.global::<ui::Strings>().invoke_text_copied());
        }));
    }

    fn listen_reader(self: &Rc<Self>) {
        let reader = self.app.global::<ui::Reader>();
        reader.on_turned(self.on(|window| window.show_request()));
        reader.on_copy(self.on(|window| {
            let is_answer = window.app.global::<ui::Reader>().get_side() == 1;
            if let Some(text) = window.reader.text(is_answer) {
                window.copy(&text, window.app.global::<ui::Strings>().invoke_text_copied());
            }
        }));
    }

    /// A request is about to be read.
    pub(super) fn open_request(&self, id: i32) {
        self.reader.turn_to(self.request(id));
        self.app.global::<ui::Reader>().set_side(0);
        self.show_request();
    }

    fn show_request(&self) {
        let strings = self.app.global::<ui::Strings>();
        self.reader.show(&self.app.global::<ui::Reader>(), &self.speech(), &strings);
    }

    /// One that is listed, or that is read though newer ones have pushed it out.
    fn request(&self, id: i32) -> Option<Arc<Request>> {
        let number = u64::try_from(id).ok()?;
        let detail = self.desk.details.borrow().clone();
        let listed = detail.and_then(|detail| detail.request(number).cloned());
        listed.or_else(|| self.reader.request().filter(|request| request.number == number))
    }

    pub(super) fn copy_request(&self, id: i32) {
        let base = self.app.global::<ui::Port>().get_row().address.whole;
        let strings = self.app.global::<ui::Strings>();
        match self.request(id).map(|request| traffic::curl(&request, &base)) {
            Some(Ok(command)) => self.copy(&command, strings.invoke_curl_copied()),
            _ => self.warn(strings.invoke_curl_not_copied()),
        }
    }
}
