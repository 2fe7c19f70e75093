//! The tray of Windows and macOS, which is Slint's and lives on the thread of the interface.

use std::cell::RefCell;
use std::rc::Rc;

use adit_app::view::Does;
use slint::{ModelRc, VecModel};
use tokio::sync::mpsc;

use super::icon::{self, Ground};
use super::{Event, Events, Line, Shown};
use crate::ui;

/// In pixels; the system makes it fit.
const SIZE: u32 = 32;

/// The tray. It is there while this is.
pub struct Tray {
    component: ui::Tray,
    shown: RefCell<Shown>,
    does: Rc<RefCell<Vec<Does>>>,
}

impl Tray {
    /// Starts it. The first event says that there is one: these systems always have it.
    ///
    /// # Errors
    /// When the system lets nothing be shown.
    pub fn start(shown: Shown) -> Result<(Self, mpsc::Receiver<Event>), slint::PlatformError> {
        let (events, told) = Events::new();
        let component = ui::Tray::new()?;
        let does: Rc<RefCell<Vec<Does>>> = Rc::default();
        let tray = Self { component, shown: RefCell::new(shown), does: does.clone() };
        tray.fill();
        let clicks = events.clone();
        tray.component.on_pressed(move || clicks.tell(Event::Clicked));
        let choices = events.clone();
        tray.component.on_chosen(move |id| {
            let chosen = usize::try_from(id).ok().and_then(|id| does.borrow().get(id).cloned());
            if let Some(does) = chosen {
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

    fn fill(&self) {
        let shown = self.shown.borrow();
        let mut does = Vec::new();
        let picture = |ground| icon::picture(shown.icon, ground, SIZE).unwrap_or_default();
        self.component.set_on_light(picture(Ground::Light));
        self.component.set_on_dark(picture(Ground::Dark));
        self.component.set_words(shown.tooltip.as_str().into());
        let mut parts = shown.menu.split(|line| matches!(line, Line::Separator));
        let summary = parts.next().and_then(<[Line]>::first);
        if let Some(Line::Text(text)) = summary {
            self.component.set_summary(text.as_str().into());
        }
        let parts: Vec<_> = parts.collect();
        // The last two are always there; the tunnels are not.
        let (tunnels, ends) = parts.split_at(parts.len().saturating_sub(2));
        let mut more = Vec::new();
        let mut menus = Vec::new();
        for line in tunnels.iter().copied().flatten() {
            match line {
                Line::Menu(text, below) => menus.push(ui::TrayTunnel {
                    text: text.as_str().into(),
                    entries: model(below.iter().filter_map(|it| entry(it, &mut does)).collect()),
                }),
                Line::Text(text) => menus.push(ui::TrayTunnel {
                    text: text.as_str().into(),
                    entries: model(Vec::new()),
                }),
                line => more.extend(entry(line, &mut does)),
            }
        }
        let mut end = |at: usize| -> Vec<ui::TrayEntry> {
            let lines = ends.get(at).copied().unwrap_or_default();
            lines.iter().filter_map(|it| entry(it, &mut does)).collect()
        };
        let (below, last) = (end(0), end(1));
        more.extend(below);
        self.component.set_tunnels(ModelRc::new(VecModel::from(menus)));
        self.component.set_below(model(more));
        self.component.set_last(model(last));
        *self.does.borrow_mut() = does;
    }
}

fn model(entries: Vec<ui::TrayEntry>) -> ModelRc<ui::TrayEntry> {
    ModelRc::new(VecModel::from(entries))
}

fn entry(line: &Line, does: &mut Vec<Does>) -> Option<ui::TrayEntry> {
    let (text, act) = match line {
        Line::Action(text, act) => (text, Some(act)),
        Line::Text(text) => (text, None),
        Line::Separator | Line::Menu(..) => return None,
    };
    let id = i32::try_from(does.len()).ok()?;
    does.extend(act.cloned());
    Some(ui::TrayEntry { id, text: text.as_str().into(), enabled: act.is_some() })
}

impl std::fmt::Debug for Tray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tray").finish_non_exhaustive()
    }
}
