//! What is said at the lower edge of the window.

use std::time::Duration;

use slint::{ComponentHandle, SharedString, TimerMode};

use super::Window;
use crate::ui;

/// For so long a toast is shown.
const TOAST: Duration = Duration::from_millis(2_400);

/// For so long one that nobody waits for.
const SLOW: Duration = Duration::from_secs(10);

impl Window {
    /// Says something for a moment.
    pub fn say(&self, text: SharedString) {
        self.say_for(TOAST, text, (true, false));
    }

    /// Says something that nobody has asked for, and leaves time to read it.
    pub fn say_slowly(&self, text: SharedString) {
        self.say_for(SLOW, text, (false, false));
    }

    /// Says what could not be done, likewise.
    pub fn warn(&self, text: SharedString) {
        self.say_for(SLOW, text, (false, true));
    }

    fn say_for(&self, span: Duration, text: SharedString, (is_done, warns): (bool, bool)) {
        let bars = self.app.global::<ui::Bars>();
        bars.set_toast_is_done(is_done);
        bars.set_toast_warns(warns);
        bars.set_toast(text);
        let app = self.app.as_weak();
        self.toast.start(TimerMode::SingleShot, span, move || {
            if let Some(app) = app.upgrade() {
                app.global::<ui::Bars>().set_toast(SharedString::default());
            }
        });
    }

    /// Copies a text, and says so.
    pub fn copy(&self, text: &str, said: SharedString) {
        if self.outside.copy(text) {
            self.say(said);
        } else {
            self.warn(self.app.global::<ui::Strings>().invoke_not_copied());
        }
    }
}
