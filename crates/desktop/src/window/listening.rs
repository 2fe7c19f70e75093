//! What listens on this computer, while somebody is about to put a port at a URL.

use std::cell::Cell;
use std::rc::Rc;

use slint::{ComponentHandle as _, Model as _, ModelRc, VecModel};

use super::Window;
use crate::adapter::terms::Speech;
use crate::adapter::{listening, sync};
use crate::ui;

/// A window that nobody works in looks every so often that it is to look: that costs a walk through all processes.
const UNWORKED: u32 = 2;

/// What listens, and what is chosen among it in the first run.
#[derive(Default)]
pub(super) struct Listening {
    ports: Rc<VecModel<ui::Listener>>,
    chosen: Cell<Chosen>,
    /// Which entry was chosen when it was drawn last.
    shown: Cell<i32>,
    /// How often it was to look and nobody worked in the window.
    passed: Cell<u32>,
}

/// What gets the first URL, wherever it stands in the list.
#[derive(Clone, Copy, Default)]
enum Chosen {
    /// What stands first, as nobody has chosen.
    #[default]
    First,
    /// The page of our own.
    Own,
    /// A port, also while nothing listens on it: a server that is started anew comes back.
    Port(i32),
}

impl Window {
    pub(super) fn listen_listening(self: &Rc<Self>) {
        let global = self.app.global::<ui::Listening>();
        global.set_ports(ModelRc::from(self.listening.ports.clone()));
        global.on_refresh(self.on(|window| (window.desk.look)()));
        global.on_keep_up(self.on(|window| {
            let passed = &window.listening.passed;
            passed.set(passed.get() + 1);
            if window.is_seen() && (window.is_worked_in() || passed.get() >= UNWORKED) {
                passed.set(0);
                (window.desk.look)();
            }
        }));
    }

    /// Somebody is asked which port gets the first URL.
    pub(super) fn ask_for_port(&self) {
        self.listening.chosen.set(Chosen::First);
        self.listening.shown.set(0);
        self.app.global::<ui::FirstRun>().set_port(0);
    }

    /// Shows what listens. What is chosen among it stays chosen; where that is gone, it is the page of our own, and never
    /// a port that nobody has chosen.
    pub(super) fn draw_listening(&self, speech: &Speech) {
        let Listening { ports, chosen, shown, .. } = &self.listening;
        let first = self.app.global::<ui::FirstRun>();
        let port_at = |index: i32| Some(ports.row_data(usize::try_from(index).ok()?)?.port);
        if first.get_port() != shown.get() {
            chosen.set(port_at(first.get_port()).map_or(Chosen::Own, Chosen::Port));
        }
        sync(ports, listening::ports(&self.desk.listening.borrow(), speech), |it| it.port);
        if let (Chosen::First, Some(port)) = (chosen.get(), port_at(0)) {
            chosen.set(Chosen::Port(port));
        }
        let at = match chosen.get() {
            Chosen::Port(port) => ports.iter().position(|it| it.port == port),
            Chosen::First | Chosen::Own => None,
        };
        shown.set(i32::try_from(at.unwrap_or(ports.row_count())).unwrap_or_default());
        first.set_port(shown.get());
    }
}
