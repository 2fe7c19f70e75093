//! What is opened beside the window: in the browser, in the file manager.

use std::path::Path;

use adit_app::known::Openness;
use adit_app::place_key::Kind;
use adit_app::view::Card;
use slint::ComponentHandle as _;

use super::Window;
use crate::outside::Told;
use crate::ui;

impl Window {
    /// Opens a URL in the browser; what follows is given whether it could be.
    pub fn open_url(&self, url: &str, then: impl FnOnce(&Self, bool) + 'static) {
        self.outside.open(url, self.told(then));
    }

    /// Opens a folder in the file manager, likewise.
    pub(super) fn open_folder(&self, folder: &Path, then: impl FnOnce(&Self, bool) + 'static) {
        self.outside.open_folder(folder, self.told(then));
    }

    /// Opens the URL of a port, and says what one may wonder about there: a relay knows its owner by a key, which no
    /// browser has.
    pub(super) fn visit(&self, url: &str, card: Option<&Card>) {
        let asks = card.is_some_and(|card| {
            let is_private = !matches!(card.openness, Openness::Anyone { .. });
            is_private && card.place.kind() == Kind::Relay
        });
        self.open_url(url, move |window, is_open| {
            let strings = window.app.global::<ui::Strings>();
            if !is_open {
                window.warn(strings.invoke_not_opened());
            } else if asks {
                window.say_slowly(strings.invoke_opened_private());
            }
        });
    }

    fn told(&self, then: impl FnOnce(&Self, bool) + 'static) -> Told {
        let me = self.me.clone();
        Box::new(move |is_open| {
            if let Some(me) = me.upgrade() {
                then(&me, is_open);
            }
        })
    }
}
