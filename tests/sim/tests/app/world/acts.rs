//! Does what the application asks for, and brings back what comes of it.

use std::time::Duration;

use adit_app::effect::Effect;
use adit_app::event::{Event, Input};
use adit_app::failure::{Code, Failure};
use adit_app::place_key::PlaceKey;
use adit_app::setup::{Act, Errand, Told};

use super::{Due, World};

impl World<'_> {
    pub(super) fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Host(tunnel) => self.engine_starts(tunnel),
            Effect::Tell { tunnel, command } => self.engine_told(&tunnel, command),
            Effect::Save(save) => self.save(save),
            Effect::Setup(act) => self.set_up(act),
            Effect::Apply(_) => self.bring(Event::Preferred),
            Effect::Notify(_) => {}
            Effect::Finish => self.finish(),
            call => self.call(call),
        }
    }

    /// The application hears something.
    pub(super) fn deliver(&mut self, event: Event) {
        if let Event::Ended(tunnel) | Event::NotHosted { tunnel, .. } = &event {
            self.engines.remove(tunnel);
        }
        self.input(Input::Event(event));
    }

    fn bring(&mut self, event: Event) {
        let wait = self.rng.millis(1, 50);
        self.schedule.after(wait, Due::Deliver(self.life, Box::new(event)));
    }

    fn set_up(&mut self, act: Act) {
        match act {
            Act::Begin { serial, errand } => self.errand(serial, &errand),
            Act::LookForImport => self.bring(Event::Setup(Told::Import(None))),
            Act::LookForCommand => {
                self.bring(Event::Setup(Told::CommandIsThere(self.has_command)));
            }
            Act::Cancel | Act::Sample(_) | Act::EndSample => {}
        }
    }

    /// Somebody signs in, which takes them a moment.
    fn errand(&mut self, serial: u64, errand: &Errand) {
        let place = match errand {
            Errand::Relay { relay, .. } => PlaceKey::from(relay.to_string()),
            _ => PlaceKey::microsoft(),
        };
        let works = self.service(&place).is_up && self.has_command;
        let result = if works {
            self.signs_in(&place);
            Ok(Some("ann".to_owned()))
        } else {
            Err(Failure::new(Code::Unreachable, "it cannot be reached"))
        };
        let wait = self.rng.millis(200, 9_000);
        let event = Event::Setup(Told::Ended { serial, result });
        self.schedule.after(wait, Due::Deliver(self.life, Box::new(event)));
    }

    pub(super) fn signs_in(&mut self, place: &PlaceKey) {
        self.service(place).is_signed_in = true;
    }

    /// How long after an end the application starts again.
    pub(super) fn comes_back(&mut self) {
        let soon = self.rng.chance(60);
        let wait = if soon { self.rng.millis(10, 3_000) } else { self.rng.millis(3_000, 120_000) };
        self.returns = Some(wait.max(Duration::from_millis(10)));
    }
}
