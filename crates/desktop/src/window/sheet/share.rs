//! The dialog that shares a port: its URL, a link that lets visitors in, and a header for programs.

use std::rc::Rc;

use adit_app::manage::{Job, Sheet, Supports};
use adit_app::reach::Reach;
use adit_app::view::View;
use slint::{ComponentHandle, SharedString};

use super::{HOURS, set_parts};
use crate::adapter::terms::{self, Speech};
use crate::adapter::{cards, sheet};
use crate::ui;
use crate::window::Window;

impl Window {
    pub(super) fn listen_share(self: &Rc<Self>) {
        let app = &self.app;
        let share = app.global::<ui::ShareSheet<'_>>();
        share.on_copy_url(self.on(|window| {
            let dialogs = window.app.global::<ui::Dialogs<'_>>();
            window.copy_url(&dialogs.get_key(), dialogs.get_port());
        }));
        share.on_copy_header(self.on(|window| {
            let Some(sheet) = window.sheet() else { return };
            let port = u16::try_from(window.app.global::<ui::Dialogs<'_>>().get_port()).ok();
            let port = port.filter(|_| Supports::of(&sheet.tunnel.place).port_tokens);
            window.change(Job::Token { port });
        }));
        share.on_make_link(self.on(|window| {
            let port = u16::try_from(window.app.global::<ui::Dialogs<'_>>().get_port()).ok();
            window.change(Job::Link { port, until: window.in_hours(HOURS[1]) });
        }));
        share.on_revoke_link(self.on_one(|window, id: SharedString| {
            window.change(Job::Unlink { id: id.into() });
        }));
    }

    pub(super) fn draw_share(&self, view: &View, sheet: &Sheet, speech: &Speech) {
        let dialogs = self.app.global::<ui::Dialogs<'_>>();
        let share = self.app.global::<ui::ShareSheet<'_>>();
        let card = view.cards.iter().find(|card| card.tunnel() == Some(&sheet.tunnel));
        let Some(card) = card
            .filter(|_| dialogs.get_current() == ui::Dialog::Share || !self.sheets.is_filled.get())
        else {
            return;
        };
        let row = card.rows.iter().find(|row| i32::from(row.port) == dialogs.get_port());
        let Some(row) = row else { return };
        share.set_port(row.port.into());
        let url = row.urls.first().map(String::as_str).unwrap_or_default();
        if share.get_address().whole != url || !share.get_has_code() {
            share.set_address(terms::address(url));
            let code = Some(url).filter(|url| !url.is_empty()).and_then(sheet::code);
            share.set_has_code(code.is_some());
            share.set_code(code.unwrap_or_default());
        }
        share.set_mood(terms::mood(row.standing.mood));
        share.set_status(speech.say(&row.standing.text));
        let (who, with, until) = cards::access(card.openness, speech);
        let is_open = who == ui::Who::Anyone;
        let supports = Supports::of(&sheet.tunnel.place);
        share.set_has_header(supports.tokens && !is_open);
        let texts = self.app.global::<ui::SheetWords<'_>>();
        let makes_links = supports.links && !is_open;
        share.set_makes_links(makes_links);
        let whole = sheet.whole.as_deref();
        let links = whole.map(|whole| sheet::links(whole, row.port, speech, &texts));
        set_parts(share.get_links(), links.unwrap_or_default(), |links| share.set_links(links));
        share.set_visitors(match terms::place_kind(&sheet.tunnel.place) {
            ui::PlaceKind::Here if card.reach != Some(Reach::Network) => texts.invoke_share_here(),
            _ if is_open && until.is_empty() => texts.invoke_share_open_endless(),
            _ if is_open => texts.invoke_share_open(until.clone()),
            ui::PlaceKind::Microsoft => texts.invoke_share_microsoft(),
            // Its links say it. The network reaches here only what is open, which was said.
            ui::PlaceKind::Relay | ui::PlaceKind::Here => SharedString::default(),
        });
        share.set_who(who);
        share.set_shared_with(with);
        share.set_until(until);
    }
}
