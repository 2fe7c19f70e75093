//! Why what was typed cannot be taken. [`crate::words`] says the rule.

use crate::name::BadName;
use crate::place_key::PlaceKey;

/// A mistake in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A name is not as names are.
    Name(BadName),
    /// The place has a tunnel of that name.
    NameTaken(PlaceKey),
    /// Not the number of a port.
    PortNumber,
    /// The tunnel has that port.
    PortThere {
        /// What the tunnel is called.
        name: String,
        /// The port.
        port: u16,
    },
    /// No time after which a tunnel can go away.
    Expiration,
    /// Such a time, on a service that takes whole hours.
    ExpirationHours,
    /// A description is too long.
    Description,
    /// The service takes no description away.
    DescriptionStays,
    /// Not a label.
    Label(String),
    /// More labels than a tunnel can have.
    ManyLabels,
    /// Not the value of a header.
    Header,
    /// Not a number of seconds that a request may be silent.
    Timeout,
    /// No time at which open access can end.
    Until,
}
