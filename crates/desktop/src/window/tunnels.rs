//! The list of tunnels: what people do with cards and rows.

use std::rc::Rc;

use adit_app::command::Command;
use adit_app::message::Offer;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, CardId};
use slint::{ComponentHandle, Model as _, SharedString};

use super::Window;
use crate::adapter::cards::{self, Focused};
use crate::adapter::terms;
use crate::ui;

impl Window {
    pub(super) fn listen_tunnels(self: &Rc<Self>) {
        let tunnels = self.app.global::<ui::Tunnels>();
        tunnels.on_filtered(self.on(|window| window.draw()));
        tunnels.on_switch(self.with(|window, key: SharedString, on: bool| {
            let Some(card) = window.card(&key) else { return };
            let Some(tunnel) = card.tunnel().cloned() else { return };
            match on {
                // Its first port is on the way.
                true if !card.toggle.is_enabled && !card.rows.is_empty() => {}
                true if !card.toggle.is_enabled => {
                    window.warn(window.app.global::<ui::Strings>().invoke_no_port());
                }
                true => window.start(tunnel),
                false => window.send(Command::Stop(tunnel)),
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
            if let Some((url, card)) = window.url(&key, port).zip(window.card(&key)) {
                window.visit(&url, Some(&card));
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
        tunnels.on_refresh(self.on(|window| {
            window.send(Command::Refresh(None));
            (window.desk.look)();
        }));
        tunnels.on_stop_all(self.on(|window| window.send(Command::StopAll)));
        tunnels.on_start_all(self.on(|window| {
            let view = window.view();
            let waiting = view.cards.iter().filter(|card| card.can_start());
            waiting
                .filter_map(Card::tunnel)
                .for_each(|tunnel| window.send(Command::Host(tunnel.clone())));
        }));
    }

    /// Starts a tunnel. Where another computer has it meanwhile, somebody is asked first.
    fn start(&self, tunnel: TunnelKey) {
        if self.is_taken(&tunnel) {
            let key = terms::card_key(&CardId::Tunnel(tunnel));
            self.open(ui::Dialog::TakeOver, &key, 0);
        } else {
            self.send(Command::Host(tunnel));
        }
    }

    /// Does what was offered a while ago, outside the window. What asks somebody first is shown by `raise`.
    pub fn do_late(&self, command: Command, raise: impl FnOnce()) {
        match command {
            Command::Host(tunnel) => {
                if self.is_taken(&tunnel) {
                    raise();
                }
                self.start(tunnel);
            }
            command => self.send(command),
        }
    }

    fn is_taken(&self, tunnel: &TunnelKey) -> bool {
        let key = terms::card_key(&CardId::Tunnel(tunnel.clone()));
        self.card(&key).is_some_and(|card| card.is_taken())
    }

    /// Leads to the card of a tunnel, whatever was filtered.
    pub fn seek(&self, tunnel: &TunnelKey) {
        let key = terms::card_key(&CardId::Tunnel(tunnel.clone()));
        let tunnels = self.app.global::<ui::Tunnels>();
        let at = || tunnels.get_cards().iter().position(|card| card.key == key);
        self.app.global::<ui::Nav>().invoke_go(ui::Screen::Tunnels);
        if at().is_none() {
            tunnels.set_filter(0);
            tunnels.set_search(SharedString::default());
            self.draw();
        }
        if let Some(Ok(index)) = at().map(i32::try_from) {
            tunnels.set_sought(index);
        }
    }

    /// The keyboard stays on what it was on, whatever came or went before that. When it is gone the keyboard is on nothing, so
    /// that no key does to another tunnel what was meant for it.
    pub(super) fn keep_focus(&self, focused: Option<&Focused>) {
        let Some(focused) = focused else { return };
        let tunnels = self.app.global::<ui::Tunnels>();
        let found = self.cards.borrow().find(focused);
        if found.is_none() {
            tunnels.set_near(tunnels.get_card());
            tunnels.set_action(0);
        }
        let (card, row) = found.unwrap_or((-1, -1));
        tunnels.set_card(card);
        tunnels.set_row(row);
    }

    pub(super) fn act(&self, key: &str, id: &str) {
        let Some(card) = self.card(key) else { return };
        let Some(offer) = cards::offer(&card, id) else { return };
        match offer {
            Offer::SignIn(place) | Offer::GetCommand(place) => {
                self.open(ui::Dialog::SignIn, place.as_str(), 0);
            }
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

    pub(super) fn url(&self, key: &str, port: i32) -> Option<String> {
        let card = self.card(key)?;
        let row = card.rows.iter().find(|row| i32::from(row.port) == port)?;
        row.urls.first().cloned()
    }

    pub(super) fn copy_url(&self, key: &str, port: i32) {
        let Some(url) = self.url(key, port) else { return };
        let name = self.card(key).map(|card| card.name).unwrap_or_default();
        let said = self.app.global::<ui::Strings>().invoke_url_copied(name.into(), port);
        self.copy(&url, said);
    }

    pub(super) fn copy_all(&self, key: &str) {
        let Some(card) = self.card(key) else { return };
        let urls: Vec<_> = card.rows.iter().filter_map(|row| row.urls.first().cloned()).collect();
        if !urls.is_empty() {
            let count = i32::try_from(urls.len()).unwrap_or(i32::MAX);
            let said = self.app.global::<ui::Strings>().invoke_urls_copied(count);
            self.copy(&urls.join("\n"), said);
        }
    }
}
