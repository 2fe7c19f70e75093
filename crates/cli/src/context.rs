//! What every command is given.

use adit_app::environment::Environment;
use adit_app::failure::Outcome;
use adit_app::profile::Profile;

use crate::screen::{self, Screen};

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Results, events and errors as JSON.
    pub(crate) json: bool,
    pub(crate) screen: Screen,
    pub(crate) profile: Profile,
}

impl Context {
    /// From what the environment says.
    pub(crate) fn new(json: bool, environment: Environment) -> Outcome<Self> {
        let screen = Screen::new(&environment);
        Ok(Self { json, screen, profile: Profile::new(environment, |text| screen::remark(text))? })
    }
}
