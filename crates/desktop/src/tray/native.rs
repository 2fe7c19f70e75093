//! The tray of Windows and macOS, which is Slint's and lives on the thread of the interface.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adit_app::view::Icon;
use slint::ModelRc;
use tokio::sync::mpsc;

use super::icon::{self, Ground};
use super::rows::Rows;
use super::{Event, Events, Shown};
use crate::ui;

/// In pixels; the system makes it fit.
const SIZE: u32 = 32;

/// The tray. It is there while this is.
pub struct Tray {
    component: ui::Tray,
    shown: RefCell<Shown>,
    /// Which is drawn.
    icon: Cell<Option<Icon>>,
    rows: Rc<Rows>,
}

impl Tray {
    /// Starts it. The first event says that there is one: these systems always have it.
    ///
    /// # Errors
    /// When the system lets nothing be shown.
    pub fn start(shown: Shown) -> Result<(Self, mpsc::Receiver<Event>), slint::PlatformError> {
        let (events, told) = Events::new();
        let component = ui::Tray::new()?;
        let rows = Rc::<Rows>::default();
        component.set_tunnels(ModelRc::from(rows.tunnels.clone()));
        component.set_below(ModelRc::from(rows.below.clone()));
        component.set_last(ModelRc::from(rows.last.clone()));
        let (shown, icon) = (RefCell::new(shown), Cell::default());
        let tray = Self { component, shown, icon, rows: rows.clone() };
        tray.fill();
        let clicks = events.clone();
        tray.component.on_pressed(move || clicks.tell(Event::Clicked));
        let choices = events.clone();
        tray.component.on_chosen(move |id| {
            if let Some(does) = rows.does(id) {
                choices.tell(Event::Chosen(does));
            }
        });
        tray.component.show()?;
        events.tell(Event::Present(true));
        Ok((tray, told))
    }

    /// It shows this now.
    pub fn show(&self, shown: Shown) {
        if *self.shown.borrow() != shown {
            *self.shown.borrow_mut() = shown;
            self.fill();
        }
    }

    /// Only what differs is touched: the menu may be open.
    fn fill(&self) {
        let shown = self.shown.borrow();
        if self.icon.replace(Some(shown.icon)) != Some(shown.icon) {
            let picture = |ground| icon::picture(shown.icon, ground, SIZE).unwrap_or_default();
            self.component.set_on_light(picture(Ground::Light));
            self.component.set_on_dark(picture(Ground::Dark));
        }
        self.component.set_words(shown.tooltip.as_str().into());
        self.component.set_summary(self.rows.show(&shown.menu).into());
    }
}

impl std::fmt::Debug for Tray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tray").finish_non_exhaustive()
    }
}
