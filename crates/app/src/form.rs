//! What people type into dialogs, checked as they type: each field with its mistake, and when all is well the command.
//!
//! Pure, for any face: a form is a value, and so is what is said of it. Nothing is kept here between two keys.

mod add_port;
mod mistake;
mod new_tunnel;
mod options;

pub use add_port::{AddPort, CheckedPort, To, suggest_name};
pub use mistake::Mistake;
pub(crate) use new_tunnel::lifetime;
pub use new_tunnel::{CheckedTunnel, NameSays, NewTunnel, default_place, reach};
pub(crate) use options::seconds;
pub use options::{CheckedOptions, HeaderText, Labels, OptionsText};
