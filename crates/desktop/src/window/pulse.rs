//! Glyphs of what is under way pulse, for a while: nobody looks longer, and a window where nothing pulses sleeps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use adit_app::place_key::PlaceKey;
use adit_app::view::{CardId, Mood, View};
use slint::{ComponentHandle, Timer, TimerMode};

use super::Window;
use crate::ui;

/// Between two steps.
const STEP: Duration = Duration::from_millis(400);

/// How much of a glyph is seen, step by step.
const OPACITIES: [f32; 4] = [1.0, 0.7, 0.4, 0.7];

/// After so many steps it is still: half a minute.
const MOST: usize = 75;

/// What pulses now.
#[derive(Default)]
pub(super) struct Pulse {
    timer: Rc<Timer>,
    under_way: RefCell<BTreeSet<(Glyph, Mood)>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Glyph {
    Card(CardId),
    Port(CardId, u16),
    Place(PlaceKey),
}

impl Window {
    /// Begins when something else is under way than before; ends when nothing is any more, or nothing shall move.
    pub(super) fn pulse(&self) {
        let is_still = self.app.global::<ui::Theme>().get_reduced_motion();
        let now = if is_still { BTreeSet::new() } else { under_way(&self.view()) };
        let is_nothing = now.is_empty();
        if self.pulse.under_way.replace(now.clone()) == now {
            return;
        }
        if is_nothing {
            self.pulse.timer.stop();
            self.app.global::<ui::Pulse>().set_opacity(OPACITIES[0]);
            return;
        }
        let (app, timer) = (self.app.as_weak(), Rc::downgrade(&self.pulse.timer));
        let beat = Cell::new(0_usize);
        self.pulse.timer.start(TimerMode::Repeated, STEP, move || {
            let (Some(app), Some(timer)) = (app.upgrade(), timer.upgrade()) else { return };
            beat.set(beat.get() + 1);
            let is_still = beat.get() > MOST || app.global::<ui::Theme>().get_reduced_motion();
            let at = if is_still { 0 } else { beat.get() % OPACITIES.len() };
            app.global::<ui::Pulse>().set_opacity(OPACITIES[at]);
            if is_still {
                timer.stop();
            }
        });
    }
}

fn under_way(view: &View) -> BTreeSet<(Glyph, Mood)> {
    let cards = view.cards.iter().flat_map(|card| {
        let ports = card.rows.iter().map(|row| {
            let glyph = Glyph::Port(card.id.clone(), row.port);
            (glyph, row.standing.mood)
        });
        ports.chain([(Glyph::Card(card.id.clone()), card.standing.mood)])
    });
    let places = view.places.iter().map(|place| (Glyph::Place(place.key.clone()), place.mood));
    cards.chain(places).filter(|(_, mood)| mood.is_under_way()).collect()
}
