//! What comes of setting up in the scripted world: what the script says, and else that it goes well.

use std::collections::VecDeque;

use adit_app::event::{Event, Preflight};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place_key::PlaceKey;
use adit_app::setup::{Act, Errand, Told};

use super::World;

/// The script of setting up.
#[derive(Debug, Default)]
pub struct SetupScript {
    /// How the next errands end, in turn. One that is not named stays under way until [`World::end_errand`].
    pub ends: VecDeque<Outcome<Option<String>>>,
    /// What commands say when they begin.
    pub says: Vec<String>,
    /// What another app kept.
    pub import: Option<adit_app::persist::Imported>,
    /// Whether the command of Microsoft's service is there.
    pub has_command: bool,
    /// Whether a port for our own page is to be had.
    pub sample: Option<u16>,
    /// The errand that is under way.
    pub(super) open: Option<(u64, Errand)>,
}

impl World {
    /// Ends the errand that is under way.
    pub fn end_errand(&mut self, result: Outcome<Option<String>>) {
        let Some((serial, errand)) = self.setup.open.take() else { return };
        self.finish_errand(serial, &errand, result);
    }

    pub(super) fn set_up(&mut self, act: Act) {
        match act {
            Act::Begin { serial, errand } => {
                for line in self.setup.says.clone() {
                    self.told(Told::Said { serial, line });
                }
                match self.setup.ends.pop_front() {
                    Some(result) => self.finish_errand(serial, &errand, result),
                    None => self.setup.open = Some((serial, errand)),
                }
            }
            Act::Cancel => self.setup.open = None,
            Act::LookForCommand => self.told(Told::CommandIsThere(self.setup.has_command)),
            Act::LookForImport => self.told(Told::Import(self.setup.import.clone())),
            Act::Sample(port) => {
                let failure = || Failure::new(Code::Listen, "no port is free");
                let result = port.or(self.setup.sample).ok_or_else(failure);
                self.told(Told::Sample(result));
            }
            Act::EndSample => {}
        }
    }

    /// What an errand changes in the world.
    fn finish_errand(&mut self, serial: u64, errand: &Errand, result: Outcome<Option<String>>) {
        if result.is_ok() {
            let microsoft = PlaceKey::microsoft();
            match errand {
                Errand::SignIn { .. } => drop(self.broken.remove(&microsoft)),
                Errand::Install { .. } => {
                    self.broken.insert(microsoft, Preflight::SignedOut);
                }
                Errand::Relay { relay, .. } => {
                    self.broken.remove(&PlaceKey::from(relay.to_string()));
                }
                Errand::Forget(_) | Errand::MayRemove | Errand::Remove => {}
            }
        }
        self.told(Told::Ended { serial, result });
    }

    fn told(&mut self, told: Told) {
        self.event(Event::Setup(told));
    }
}
