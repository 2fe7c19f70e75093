//! What the window system tells, before the window hears it. Slint takes one listener for all of it.

use std::rc::Rc;

use slint::ComponentHandle as _;
use slint::winit_030::winit::event::WindowEvent;
use slint::winit_030::{EventResult, WinitWindowAccessor as _};

use super::Around;
use crate::window::Input;

impl Around {
    pub(super) fn listen_system(self: &Rc<Self>) {
        let mut moved = self.watch_place();
        let weak = Rc::downgrade(self);
        self.window.app().window().on_winit_window_event(move |window, event| {
            if let Some(around) = weak.upgrade() {
                match event {
                    // What is told to who works in it is told more exactly.
                    WindowEvent::Focused(_) => around.window.tell_anew(),
                    WindowEvent::KeyboardInput { .. } => around.window.keep_keyboard(Input::Key),
                    _ => around.window.keep_keyboard(Input::Other),
                }
            }
            if matches!(event, WindowEvent::Moved(_) | WindowEvent::Resized(_)) {
                moved(window);
            }
            EventResult::Propagate
        });
    }
}
