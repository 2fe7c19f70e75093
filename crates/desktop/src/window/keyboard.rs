//! Sees to it that something has the keyboard.

use i_slint_core::items::TextInput;
use i_slint_core::window::WindowInner;
use slint::ComponentHandle as _;

use super::Window;
use crate::ui;

/// What has just happened to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key,
    /// Something else.
    Other,
}

impl Window {
    /// Gives the keyboard to what is open where nothing has it any more: a button may be gone with the step it belonged to,
    /// and Slint then sends keys nowhere. To be called before the input goes its way.
    pub fn keep_keyboard(&self, input: Input) {
        let window = WindowInner::from_pub(self.app.window());
        // A menu has a keyboard of its own.
        if !window.active_popups().is_empty() {
            return;
        }
        let holder = window.focus_item.borrow().upgrade();
        let is_alone = self.app.global::<ui::Dialogs>().get_current() == ui::Dialog::None;
        let has_it = match (input, holder) {
            (_, None) => false,
            // Such as a list that is empty now. What is typed into a field that was scrolled away is for nothing else.
            (Input::Key, Some(item)) if is_alone => {
                item.is_visible() || item.downcast::<TextInput>().is_some()
            }
            _ => true,
        };
        if !has_it {
            self.app.invoke_take_keyboard();
        }
    }
}
