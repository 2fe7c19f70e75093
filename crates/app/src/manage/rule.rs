//! Rules that what people write has to keep, for faces that say them.

/// Why something that was written is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A name of a tunnel.
    Name,
    /// A description that is too long.
    Description,
    /// A description that the service cannot take away.
    DescriptionStays,
    /// A label, the first that is not one.
    Label(String),
    /// More labels than there may be.
    Labels,
    /// A time after which a tunnel goes away.
    Expiration,
    /// Such a time, on a service that takes whole hours.
    ExpirationHours,
    /// A header of a request.
    Header,
    /// A time that a request may be silent.
    Timeout,
    /// A time at which open access ends.
    Until,
}
