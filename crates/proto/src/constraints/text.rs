//! The forms of texts: a length, what may stand inside, and what may stand at the ends.

use super::{Check, Violation, length};

/// A form that a text may have.
pub(super) struct Pattern {
    least: usize,
    most: usize,
    /// What may stand anywhere.
    inside: fn(char) -> bool,
    /// What may stand first and last, of those.
    ends: fn(char) -> bool,
    /// `inside`, for people.
    allowed: &'static str,
    /// `ends`, for people.
    allowed_at_ends: &'static str,
}

/// Ids and names of tunnels.
pub(super) const HYPHENATED: Pattern = Pattern {
    ends: is_lower_or_digit,
    allowed_at_ends: "a lower-case letter or a digit",
    ..anywhere(
        3,
        49,
        |c| is_lower_or_digit(c) || c == '-',
        "lower-case letters, digits and hyphens",
    )
};

/// Aliases, and tunnel ids of the old form.
pub(super) const ALIAS: Pattern = anywhere(
    8,
    8,
    |c| c.is_ascii() && crate::id::ALPHABET.contains(&(c as u8)),
    "digits and lower-case consonants except y",
);

pub(super) const CLUSTER: Pattern =
    anywhere(3, 12, is_lower_or_digit, "lower-case letters and digits");

pub(super) const LABEL: Pattern = anywhere(
    1,
    50,
    |c| is_word(c) || c == '-' || c == '=',
    "letters, digits, underscores, hyphens and equals signs",
);

pub(super) const DOMAIN: Pattern = Pattern {
    ends: is_lower_or_digit,
    allowed_at_ends: "a lower-case letter or a digit",
    ..anywhere(
        4,
        160,
        |c| is_lower_or_digit(c) || c == '-' || c == '.',
        "lower-case letters, digits, hyphens and dots",
    )
};

pub(super) const SUBJECT: Pattern = anywhere(0, 200, is_subject, SUBJECT_CHARACTERS);

pub(super) const USER_ID: Pattern = anywhere(1, 200, is_subject, SUBJECT_CHARACTERS);

pub(super) const SUBJECT_NAME: Pattern = anywhere(
    0,
    200,
    |c| is_word(c) || " -.,/:'\"_@()<>".contains(c),
    "letters, digits, spaces and - . , / : ' \" _ @ ( ) < >",
);

pub(super) const ENDPOINT_ID: Pattern = anywhere(
    1,
    200,
    |c| c.is_ascii_alphanumeric() || "-._".contains(c),
    "letters, digits and - . _",
);

pub(super) const EVENT_NAME: Pattern = anywhere(
    3,
    80,
    |c| is_lower_or_digit(c) || c == '_',
    "lower-case letters, digits and underscores",
);

pub(super) const EVENT_PROPERTY_NAME: Pattern = anywhere(
    3,
    200,
    |c| c.is_ascii_alphanumeric() || c == '_' || c == '.',
    "letters, digits, underscores and dots",
);

pub(super) const HEADER_VALUE: Pattern =
    anywhere(0, 300, |c| c.is_ascii_graphic(), "visible ASCII characters");

const SUBJECT_CHARACTERS: &str = "letters, digits and - . _ : / @";

impl Pattern {
    pub(super) fn check(&self, value: &str) -> Check {
        length(value, self.least..=self.most)?;
        find(value, self.inside, self.allowed)?;
        let mut ends = value.chars();
        let (first, last) = (ends.next(), ends.next_back());
        let places = [(first, 1), (last, value.chars().count())];
        for (found, at) in places {
            if let Some(found) = found.filter(|c| !(self.ends)(*c)) {
                return Err(Violation::End { found, at, allowed: self.allowed_at_ends });
            }
        }
        Ok(())
    }
}

const fn anywhere(
    least: usize,
    most: usize,
    inside: fn(char) -> bool,
    allowed: &'static str,
) -> Pattern {
    Pattern { least, most, inside, ends: inside, allowed, allowed_at_ends: allowed }
}

fn find(value: &str, inside: fn(char) -> bool, allowed: &'static str) -> Check {
    match value.chars().enumerate().find(|(_, c)| !inside(*c)) {
        Some((index, found)) => Err(Violation::Character { found, at: index + 1, allowed }),
        None => Ok(()),
    }
}

fn is_lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// A word character as the service's own language has it: of any script.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_subject(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._:/@".contains(c)
}
