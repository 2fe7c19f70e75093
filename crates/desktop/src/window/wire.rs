//! What callbacks of the interface hold: the window, as long as it is there.

use std::rc::{Rc, Weak};

use super::Window;

impl Window {
    pub(super) fn on(self: &Rc<Self>, act: impl Fn(&Self) + 'static) -> impl Fn() + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move || {
            if let Some(window) = window.upgrade() {
                act(&window);
            }
        }
    }

    pub(super) fn on_one<A>(
        self: &Rc<Self>,
        act: impl Fn(&Self, A) + 'static,
    ) -> impl Fn(A) + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move |one| {
            if let Some(window) = window.upgrade() {
                act(&window, one);
            }
        }
    }

    pub(super) fn with<A, B>(
        self: &Rc<Self>,
        act: impl Fn(&Self, A, B) + 'static,
    ) -> impl Fn(A, B) + 'static {
        let window: Weak<Self> = Rc::downgrade(self);
        move |one, two| {
            if let Some(window) = window.upgrade() {
                act(&window, one, two);
            }
        }
    }
}
