//! The report of a run that stopped working.

use std::rc::Rc;

use slint::{ComponentHandle as _, ModelRc};

use super::Window;
use crate::adapter::reader;
use crate::ui;

impl Window {
    /// Shows what the last run left behind. `done` is called once somebody has seen it.
    pub fn show_report(self: &Rc<Self>, text: &str, done: impl Fn() + 'static) {
        let crash = self.app.global::<ui::Crash>();
        crash.set_lines(reader::lines(text));
        let report = text.to_owned();
        crash.on_copy(self.on(move |window| {
            window.copy(&report, window.app.global::<ui::Strings>().invoke_text_copied());
        }));
        crash.on_done(self.on(move |window| {
            window.app.global::<ui::Crash>().set_lines(ModelRc::default());
            done();
        }));
        self.open(ui::Dialog::Report, "", 0);
    }
}
