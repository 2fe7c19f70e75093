//! How a window comes to the front and goes away.

use std::cell::RefCell;
use std::rc::Rc;

use adit_app::command::Command;
use slint::winit_030::WinitWindowAccessor as _;
use slint::{CloseRequestResponse, ComponentHandle as _};

use super::Window;
use crate::ui;

/// Something that is done to a window.
type Act = Rc<dyn Fn(&Window)>;

/// What happens when somebody closes the window.
#[derive(Default)]
pub(super) struct Closing(RefCell<Option<Act>>);

impl Window {
    /// Shows it, in front of others where the system allows that.
    pub fn raise(&self) {
        raise(&self.app);
        self.draw();
        self.keep_pace();
        self.app.global::<ui::Listening>().set_is_watched(true);
        self.send(Command::Visible(true));
    }

    /// Takes it off the screen. The application goes on.
    pub fn hide(&self) {
        if let Err(error) = self.app.hide() {
            tracing::warn!(%error, "the window could not be hidden");
        }
        self.app.global::<ui::Listening>().set_is_watched(false);
        self.send(Command::Visible(false));
    }

    /// What is done when somebody closes the window, instead of quitting.
    pub fn on_close(&self, act: impl Fn(&Self) + 'static) {
        self.closing.0.replace(Some(Rc::new(act)));
    }

    /// Ends the application, after asking if something would stop.
    pub fn quit(&self) {
        self.leave_settings();
        if self.would_lose() {
            self.raise();
            self.open(ui::Dialog::Quit, "", 0);
        } else {
            self.send(Command::Quit);
        }
    }

    /// Does what closing the window does.
    pub fn close(&self) {
        self.leave_settings();
        let act = self.closing.0.borrow().clone();
        match act {
            Some(act) => act(self),
            None => self.quit(),
        }
    }

    pub(super) fn listen_life(self: &Rc<Self>) {
        let close = self.on(Self::close);
        self.app.window().on_close_requested(move || {
            close();
            CloseRequestResponse::KeepWindowShown
        });
        let nav = self.app.global::<ui::Nav>();
        nav.on_close_window(self.on(Self::close));
        nav.on_quit(self.on(Self::quit));
    }
}

/// Shows a window, in front of others where the system allows that.
pub fn raise(app: &ui::App) {
    if let Err(error) = app.show() {
        tracing::warn!(%error, "the window could not be shown");
    }
    app.window().set_minimized(false);
    app.window().with_winit_window(|window| window.focus_window());
}
