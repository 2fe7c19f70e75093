//! What the pointer is on in a chart.

use slint::{ComponentHandle, SharedString};

use super::Window;
use crate::adapter::{chart, port};
use crate::ui;

impl Window {
    /// Tells the values at a point of a chart; under 0 is nowhere.
    pub(super) fn point(&self, index: i32, at: f32) {
        let screen = self.app.global::<ui::Port>();
        let detail = self.desk.details.borrow().clone();
        let (Some(detail), Ok(drawn)) = (detail, usize::try_from(index)) else { return };
        let charts = if screen.get_is_day() { &detail.day } else { &detail.quarter };
        let speech = self.speech();
        let text = match at < 0.0 {
            true => SharedString::default(),
            false => {
                let time = |at| port::clock(at, &speech);
                let drawn = (drawn, screen.get_is_connections());
                chart::pointed(charts, drawn, at.into(), speech.language, &time)
            }
        };
        screen.set_pointed_chart(if text.is_empty() { -1 } else { index });
        screen.set_pointed_text(text);
    }
}
