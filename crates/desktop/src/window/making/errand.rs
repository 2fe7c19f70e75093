//! What a dialog that makes something has asked for, and waits for.

use adit_app::command::{Command, Errand, ErrandId, Wish};
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, Progress, View};
use slint::{ComponentHandle, Model, SharedString};

use super::index;
use crate::adapter::terms;
use crate::ui;
use crate::window::Window;

impl Window {
    pub(super) fn begin(&self, wish: Wish) {
        let id = ErrandId(self.making.last.get() + 1);
        self.making.last.set(id.0);
        if !self.try_send(Command::Begin(Box::new(Errand { id, wish }))) {
            return;
        }
        self.making.errand.set(Some(id));
        let global = self.app.global::<ui::Errand>();
        global.set_is_under_way(true);
        global.set_failed(SharedString::default());
    }

    pub(super) fn clear_errand(&self) {
        let global = self.app.global::<ui::Errand>();
        global.set_is_under_way(false);
        global.set_is_half(false);
        global.set_failed(SharedString::default());
        global.set_why(SharedString::default());
    }

    /// Tells how far it is; what is done closes the dialog.
    pub(super) fn draw_errand(&self, view: &View) {
        let Some(id) = self.making.errand.get() else { return };
        let Some(errand) = view.errand.as_ref().filter(|it| it.id == id) else { return };
        let global = self.app.global::<ui::Errand>();
        match &errand.progress {
            Progress::UnderWay => {}
            Progress::Failed { text, failure } => {
                let speech = self.speech();
                global.set_is_under_way(false);
                global.set_is_half(errand.made.is_some());
                global.set_failed(terms::sentence(&speech.say(text)).into());
                global.set_why(speech.heard(failure.why()).into());
                if let Some(made) = &errand.made {
                    *self.making.chosen.borrow_mut() = Some(made.clone());
                }
            }
            Progress::Done { tunnel, port, url } => {
                self.app.global::<ui::Dialogs>().invoke_close();
                self.tell_done(view, tunnel.as_ref(), *port, url.as_deref());
            }
        }
    }

    fn tell_done(
        &self,
        view: &View,
        tunnel: Option<&TunnelKey>,
        port: Option<u16>,
        url: Option<&str>,
    ) {
        let strings = self.app.global::<ui::MakingStrings>();
        let is_it = |card: &&Card| tunnel.is_some() && card.tunnel() == tunnel;
        let card = view.cards.iter().find(is_it);
        match (port, url) {
            (Some(_), Some(url)) => self.copy(url, strings.invoke_copied()),
            (Some(port), None) => self.say(strings.invoke_added(port.into())),
            (None, _) => {
                let name = card.map(|card| card.name.as_str()).unwrap_or_default();
                self.say(strings.invoke_created(name.into()));
            }
        }
        if let Some(card) = card {
            self.go_to(&terms::card_key(&card.id));
        }
    }

    /// Puts the keyboard on a tunnel of the list, if the filter shows it.
    fn go_to(&self, key: &str) {
        let tunnels = self.app.global::<ui::Tunnels>();
        let at = tunnels.get_cards().iter().position(|card| card.key == key);
        if let Some(at) = at {
            tunnels.set_card(index(Some(at)));
            tunnels.set_row(-1);
        }
    }

    pub(super) fn remove_empty(&self) {
        let view = self.view();
        if let Some(made) = view.errand.as_ref().and_then(|errand| errand.made.clone()) {
            self.send(Command::Delete(made));
        }
        self.app.global::<ui::Dialogs>().invoke_close();
    }
}
