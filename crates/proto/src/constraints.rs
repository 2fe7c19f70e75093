//! What a service accepts: lengths, characters and counts of everything that a client may send.
//!
//! Each check takes one value and returns a [`Violation`] that says what is wrong and what is allowed, as the rest of a
//! sentence that starts with the member's name. [`check_tunnel`] and its siblings check a whole request and collect
//! messages by member, as an answer with status 400 carries them.
//!
//! Lengths count characters. Checks look at the whole value: nothing may stand before or after what is allowed.

mod request;
mod text;

pub use request::{
    Errors, check_access_control, check_endpoint, check_events, check_new_tunnel, check_port,
    check_tunnel,
};

use std::fmt;
use std::ops::RangeInclusive;

/// Most ports of a tunnel.
pub const MAX_PORTS: usize = 1000;
/// Most labels of a tunnel or a port.
pub const MAX_LABELS: usize = 100;
/// Most entries of an access list.
pub const MAX_ACCESS_ENTRIES: usize = 40;
/// Most subjects of an access entry.
pub const MAX_SUBJECTS: usize = 100;
/// Most scopes of an access entry.
pub const MAX_SCOPES: usize = 10;
/// Most public keys of a host.
pub const MAX_HOST_KEYS: usize = 10;
/// Most properties of an event.
pub const MAX_EVENT_PROPERTIES: usize = 100;
/// Most events of a report.
pub const MAX_EVENTS: usize = 1000;
/// How long after its last use a tunnel may go away, in seconds: from one hour to 30 days.
pub const CUSTOM_EXPIRATION: RangeInclusive<u32> = 3600..=30 * 24 * 3600;

/// Names that our relay keeps for itself.
pub const RESERVED: [&str; 3] = ["api", "cp", "www"];

/// Why a value is not acceptable. Displays as the rest of a sentence: "must be …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It has too few or too many characters.
    Length {
        /// How many it has.
        found: usize,
        /// How many it may have.
        allowed: RangeInclusive<usize>,
    },
    /// It has a character that may not stand there.
    Character {
        /// The first such character.
        found: char,
        /// Its place, counted from 1.
        at: usize,
        /// What may stand there.
        allowed: &'static str,
    },
    /// It starts or ends with a character that may stand inside only.
    End {
        /// That character.
        found: char,
        /// Its place, counted from 1.
        at: usize,
        /// What may stand there.
        allowed: &'static str,
    },
    /// It is of another form than is asked for.
    Form(&'static str),
    /// It is one of the [`RESERVED`] names.
    Reserved,
    /// It is none of a few.
    NotOneOf(&'static [&'static str]),
    /// It is too small or too large.
    Range {
        /// The smallest that is allowed.
        least: u64,
        /// The largest that is allowed.
        most: u64,
    },
    /// There are too many of it.
    Count {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// It stands there twice.
    Duplicate,
    /// It means something elsewhere, but this relay does not do it.
    Unsupported(&'static str),
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Length { found, allowed } => {
                let (least, most) = (allowed.start(), allowed.end());
                match (least, most) {
                    (0, most) => write!(f, "must have at most {most} characters")?,
                    (least, most) if least == most => write!(f, "must have {most} characters")?,
                    (least, most) => write!(f, "must have {least} to {most} characters")?,
                }
                write!(f, ", and has {found}")
            }
            Violation::Character { found, at, allowed } => {
                write!(f, "must consist of {allowed}; character {at} is {found:?}")
            }
            Violation::End { found, at, allowed } => {
                write!(f, "must start and end with {allowed}; character {at} is {found:?}")
            }
            Violation::Form(form) => write!(f, "must be {form}"),
            Violation::Reserved => {
                write!(f, "must not be one of {}, which the relay needs", RESERVED.join(", "))
            }
            Violation::NotOneOf(values) => write!(f, "must be one of {}", values.join(", ")),
            Violation::Range { least, most } => write!(f, "must be from {least} to {most}"),
            Violation::Count { found, most } => {
                write!(f, "must have at most {most} elements, and has {found}")
            }
            Violation::Duplicate => f.write_str("must not stand there twice"),
            Violation::Unsupported(why) => f.write_str(why),
        }
    }
}

/// Whether a value is acceptable.
pub type Check = Result<(), Violation>;

/// Checks a tunnel id of either form.
pub fn tunnel_id(id: &str) -> Check {
    text::HYPHENATED.check(id)
}

/// Checks the id of a tunnel that is being made: the long form only, and none that our relay keeps for itself.
pub fn new_tunnel_id(id: &str) -> Check {
    tunnel_id(id)?;
    unreserved(id)?;
    if is_alias(id) { Err(Violation::Form(NOT_AN_ALIAS)) } else { Ok(()) }
}

/// Whether a text is a tunnel id of the old form, which is also the form of aliases: eight characters of
/// [`ALPHABET`](crate::id::ALPHABET).
pub fn is_alias(text: &str) -> bool {
    text::ALIAS.check(text).is_ok()
}

/// Checks a cluster id: three or four letters and up to three digits, or one of a few old names.
pub fn cluster_id(id: &str) -> Check {
    const OLD: [&str; 5] = ["asse", "aue", "brs", "euw", "use"];
    text::CLUSTER.check(id)?;
    let letters = id.bytes().take_while(u8::is_ascii_lowercase).count();
    let digits = &id[letters..];
    let is_regular = (3..=4).contains(&letters)
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_regular || OLD.contains(&id) {
        Ok(())
    } else {
        Err(Violation::Form(
            "three or four lower-case letters and one to three digits, such as loc1",
        ))
    }
}

/// Checks the id of a user of the relay.
pub fn user_id(id: &str) -> Check {
    text::USER_ID.check(id)
}

/// Checks the name of a tunnel; empty for none.
pub fn tunnel_name(name: &str) -> Check {
    if name.is_empty() {
        return Ok(());
    }
    unreserved(name)?;
    text::HYPHENATED.check(name)?;
    if is_alias(name) {
        Err(Violation::Form(NOT_AN_ALIAS))
    } else if name.ends_with("-inspect") {
        Err(Violation::Form("something that does not end in -inspect, which marks inspectors"))
    } else {
        Ok(())
    }
}

/// Checks the name of a port; empty for none.
pub fn port_name(name: &str) -> Check {
    if name.is_empty() { Ok(()) } else { text::HYPHENATED.check(name) }
}

/// Checks a label.
pub fn label(label: &str) -> Check {
    text::LABEL.check(label)
}

/// Checks a description.
pub fn description(description: &str) -> Check {
    length(description, 0..=400)
}

/// Checks a custom domain; empty for none.
pub fn domain(domain: &str) -> Check {
    if domain.is_empty() { Ok(()) } else { text::DOMAIN.check(domain) }
}

/// Checks the number of a port.
pub fn port_number(number: u16) -> Check {
    if number == 0 { Err(Violation::Range { least: 1, most: 65535 }) } else { Ok(()) }
}

/// Reads the number of a port as it stands in a path: decimal digits without a sign or a leading zero.
pub fn parse_port_number(text: &str) -> Result<u16, Violation> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain).ok_or(Violation::Range { least: 1, most: 65535 })
}

/// Checks the time after its last use that a tunnel goes away, in seconds.
pub fn custom_expiration(seconds: u32) -> Check {
    if CUSTOM_EXPIRATION.contains(&seconds) {
        Ok(())
    } else {
        let (least, most) = (*CUSTOM_EXPIRATION.start(), *CUSTOM_EXPIRATION.end());
        Err(Violation::Range { least: least.into(), most: most.into() })
    }
}

/// Checks the user name for an `ssh` port.
pub fn ssh_user(user: &str) -> Check {
    length(user, 0..=60)
}

/// Checks a `Host` or `Origin` header that the local server is to get. It goes into a request as it is, so nothing
/// that could end a line is let through.
pub fn header_value(value: &str) -> Check {
    text::HEADER_VALUE.check(value)
}

/// Checks the id of a subject of an access entry.
pub fn subject(subject: &str) -> Check {
    text::SUBJECT.check(subject)
}

/// Checks the name of a subject as people write it, to be looked up.
pub fn subject_name(name: &str) -> Check {
    text::SUBJECT_NAME.check(name)
}

/// Checks the id of an endpoint or of a host.
pub fn endpoint_id(id: &str) -> Check {
    text::ENDPOINT_ID.check(id)
}

/// Checks the name of an event.
pub fn event_name(name: &str) -> Check {
    text::EVENT_NAME.check(name)
}

/// Checks the name of a property of an event.
pub fn event_property_name(name: &str) -> Check {
    text::EVENT_PROPERTY_NAME.check(name)
}

/// Checks the details of an event, or the value of a property.
pub fn event_text(text: &str) -> Check {
    length(text, 0..=4000)
}

const NOT_AN_ALIAS: &str =
    "something else than eight digits and consonants, which is the form of aliases";

fn unreserved(name: &str) -> Check {
    if RESERVED.contains(&name) { Err(Violation::Reserved) } else { Ok(()) }
}

fn length(value: &str, allowed: RangeInclusive<usize>) -> Check {
    let found = value.chars().count();
    if allowed.contains(&found) { Ok(()) } else { Err(Violation::Length { found, allowed }) }
}

fn count(found: usize, most: usize) -> Check {
    if found <= most { Ok(()) } else { Err(Violation::Count { found, most }) }
}

#[cfg(test)]
mod tests;
