//! Where the window is, and bringing it back there.

use std::rc::{Rc, Weak};
use std::time::Duration;

use adit_app::placement::{Placement, Screen};
use slint::winit_030::{WinitWindowAccessor as _, winit};
use slint::{ComponentHandle as _, LogicalSize, PhysicalPosition, Timer};

use super::Around;

/// As the interface has it.
const LEAST: (f64, f64) = (640.0, 440.0);

/// A window that is being moved tells its place many times; it is remembered when that has ended.
const REST: Duration = Duration::from_secs(1);

/// Where a window goes whose place is on no screen: so far from the corner of one, in logical pixels.
const INSET: f64 = 48.0;

impl Around {
    /// Puts the window where it was. Which screens there are is known when there is a window; then it is made sure
    /// that it can be reached.
    pub(super) fn come_back(&self) {
        let Some(kept) = self.memory.face().placement else { return };
        let window = self.window.app().window();
        let known = screens(window);
        let wanted = kept.fit(&known, LEAST);
        window.set_size(LogicalSize::new(wanted.size.0 as f32, wanted.size.1 as f32));
        // Before there are screens to ask, the place is believed.
        let position = if known.is_empty() { kept.position } else { wanted.position };
        if let Some((x, y)) = position {
            window.set_position(PhysicalPosition::new(x, y));
        }
        window.set_maximized(kept.is_maximised);
    }

    /// Remembers where the window is whenever it has come to rest. What is returned is told that it moved.
    pub(super) fn watch_place(self: &Rc<Self>) -> impl FnMut(&slint::Window) + 'static {
        let rest = Timer::default();
        let weak = Rc::downgrade(self);
        let mut is_checked = false;
        move |window| {
            if !std::mem::replace(&mut is_checked, true) {
                check(window, &weak);
            }
            let weak = weak.clone();
            rest.start(slint::TimerMode::SingleShot, REST, move || {
                if let Some(around) = weak.upgrade() {
                    around.remember_place();
                }
            });
        }
    }

    /// Remembers where the window is, if it is on a screen.
    pub(super) fn remember_place(&self) {
        if !self.window.is_seen() {
            return;
        }
        let window = self.window.app().window();
        let Some(position) = window.with_winit_window(|it| it.outer_position().ok()) else {
            return;
        };
        let is_maximised = window.is_maximized();
        let size = window.size().to_logical(window.scale_factor());
        self.memory.change(|face| {
            face.placement = match face.placement {
                Some(before) if is_maximised => Some(Placement { is_maximised, ..before }),
                _ => Some(Placement {
                    position: position.map(|it| (it.x, it.y)),
                    size: (f64::from(size.width), f64::from(size.height)),
                    is_maximised,
                }),
            };
        });
    }
}

/// A window that came back to where no screen is any more goes to where one is. One that is larger than its screen, as at
/// first on a small one or one of a large scale, becomes smaller.
fn check(window: &slint::Window, around: &Weak<Around>) {
    let Some(around) = around.upgrade() else { return };
    let screens = screens(window);
    let Some(first) = screens.first() else { return };
    let size = window.size().to_logical(window.scale_factor());
    let size = (f64::from(size.width), f64::from(size.height));
    let is_maximised = window.is_maximized();
    let kept = around.memory.face().placement;
    let kept = kept.unwrap_or(Placement { position: None, size, is_maximised });
    let fit = kept.fit(&screens, LEAST);
    if !is_maximised && (fit.size.0 < size.0 || fit.size.1 < size.1) {
        let (width, height) = (fit.size.0.min(size.0), fit.size.1.min(size.1));
        window.set_size(LogicalSize::new(width as f32, height as f32));
    }
    if kept.position.is_some() && fit.position.is_none() {
        let inset = (INSET * first.scale) as i32;
        let (x, y) = (first.position.0 + inset, first.position.1 + inset);
        window.set_position(PhysicalPosition::new(x, y));
    }
}

/// The screens; none before there is a window. The one that the system calls the first is the first.
fn screens(window: &slint::Window) -> Vec<Screen> {
    let scale = f64::from(window.scale_factor());
    let told = window.with_winit_window(|window| {
        let (first, own) = (window.primary_monitor(), window.current_monitor());
        let others = window.available_monitors().filter(|it| Some(it) != first.as_ref());
        let others: Vec<_> = others.collect();
        // Somebody may have chosen another scale for the window than its screen has.
        let of = |it| screen(&it, (Some(&it) == own.as_ref()).then_some(scale));
        first.into_iter().chain(others).map(of).collect()
    });
    told.unwrap_or_default()
}

fn screen(monitor: &winit::monitor::MonitorHandle, scale: Option<f64>) -> Screen {
    let (position, size) = (monitor.position(), monitor.size());
    Screen {
        position: (position.x, position.y),
        size: (size.width, size.height),
        scale: scale.unwrap_or_else(|| monitor.scale_factor()),
    }
}
