//! What stands around the window looks at it here.

use std::cell::RefCell;
use std::rc::Rc;

use adit_app::view::View;

use super::Window;
use crate::adapter::terms::Speech;
use crate::outside::Outside;

/// Told of what is drawn.
type Told = dyn Fn(&View, &Speech);

/// Who is told of what is drawn.
#[derive(Default)]
pub(super) struct Drawn(RefCell<Option<Rc<Told>>>);

impl Window {
    /// Calls this with what is drawn: now, with each view, and when the language changes.
    pub fn on_draw(&self, told: impl Fn(&View, &Speech) + 'static) {
        self.drawn.0.replace(Some(Rc::new(told)));
        self.tell_drawn();
    }

    /// The desktop around the window.
    pub fn outside(&self) -> &dyn Outside {
        &*self.outside
    }

    pub(super) fn tell_drawn(&self) {
        let told = self.drawn.0.borrow().clone();
        if let Some(told) = told {
            told(&self.view(), &self.speech());
        }
    }
}
