//! The tolerant reader: what peers write for one member, read into one shape.
//!
//! Services and SDKs of several languages write the same member differently (`null` or absent, `true` or `"True"`,
//! a number or its text). These functions are the `deserialize_with` of contract members. What they cannot read they
//! refuse with a message that names what was expected; they never guess a value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// Reads any value, taking `null` for the default one.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list, taking `null` for an empty one and skipping `null` elements.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(maybe_list(deserializer)?.unwrap_or_default())
}

/// Reads an optional list; an empty list is present, `null` is absent, `null` elements are skipped.
pub(crate) fn maybe_list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Sparse<T>>::deserialize(deserializer)?.map(|sparse| sparse.0))
}

/// Reads a flag that is `false` when absent or `null`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(maybe_flag(deserializer)?.unwrap_or(false))
}

/// Reads an optional flag from a boolean, from `"true"`/`"false"` in any case, or from 1 and 0.
pub(crate) fn maybe_flag<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    Ok(Option::<Flag>::deserialize(deserializer)?.map(|flag| flag.0))
}

/// Reads a whole number that is 0 when absent or `null`.
pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Number + Default,
{
    Ok(maybe_number(deserializer)?.unwrap_or_default())
}

/// Reads an optional whole number, also from a float without a fraction and from decimal text.
pub(crate) fn maybe_number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Number,
{
    let Some(Whole(whole)) = Option::<Whole>::deserialize(deserializer)? else { return Ok(None) };
    T::try_from(whole).map(Some).map_err(|_| {
        let (least, most) = T::LIMITS;
        de::Error::custom(format_args!("{whole} is not from {least} to {most}"))
    })
}

/// A type of whole numbers that contracts use.
pub(crate) trait Number: TryFrom<i128> {
    /// The smallest and the largest, for messages.
    const LIMITS: (i128, i128);
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Number for $number {
            const LIMITS: (i128, i128) = (<$number>::MIN as i128, <$number>::MAX as i128);
        }
    )+};
}

numbers!(u16, u32, u64, i64);

struct Sparse<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sparse<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element::<Option<T>>()? {
                    elements.extend(element);
                }
                Ok(elements)
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData)).map(Sparse)
    }
}

struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;

        impl Visitor<'_> for FlagVisitor {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<bool, E> {
                match value {
                    0 => Ok(false),
                    1 => Ok(true),
                    other => Err(E::invalid_value(de::Unexpected::Unsigned(other), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<bool, E> {
                if value.eq_ignore_ascii_case("true") {
                    Ok(true)
                } else if value.eq_ignore_ascii_case("false") {
                    Ok(false)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }
        }

        deserializer.deserialize_any(FlagVisitor).map(Flag)
    }
}

struct Whole(i128);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor).map(Whole)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = i128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i128, E> {
        // Up to 2^53 a float holds every whole number exactly; beyond that it would be a guess.
        if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
            Ok(value as i128)
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<i128, E> {
        value.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
    }
}

/// Times on the wire: written in ISO 8601 with `Z` and no finer than a millisecond, read with any offset.
///
/// For members of type `Option<Timestamp>` (absent or `null` reads as `None`).
pub(crate) mod time {
    use std::fmt;

    use jiff::Timestamp;
    use serde::de::{self, Deserialize, Deserializer, Visitor};
    use serde::ser::Serializer;

    /// Writes the time, cut (not rounded) to milliseconds: a moment never moves into the future.
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(&to_millisecond(*time)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
    }

    fn to_millisecond(time: Timestamp) -> Timestamp {
        let millisecond = time.as_nanosecond().div_euclid(1_000_000) * 1_000_000;
        Timestamp::from_nanosecond(millisecond).unwrap_or(time)
    }

    struct Time(Timestamp);

    impl<'de> Deserialize<'de> for Time {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct TimeVisitor;

            impl Visitor<'_> for TimeVisitor {
                type Value = Timestamp;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an ISO 8601 time such as 2026-11-23T10:00:00Z")
                }

                fn visit_str<E: de::Error>(self, value: &str) -> Result<Timestamp, E> {
                    parse(value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }

            deserializer.deserialize_str(TimeVisitor).map(Time)
        }
    }

    /// .NET writes a time of unknown kind without an offset; it means UTC on this wire.
    fn parse(text: &str) -> Option<Timestamp> {
        text.parse().or_else(|_| format!("{text}Z").parse()).ok()
    }
}

/// Declares a string enum that keeps values it does not know, reads names in any case and writes the canonical one.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )+
            /// A value that this version does not know, as it was written.
            Other(Box<str>),
        }

        impl $name {
            /// Every value that this version knows, in the service's spelling.
            pub const KNOWN: &'static [&'static str] = &[$($text),+];

            /// Returns the service's spelling.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $( if text.eq_ignore_ascii_case($text) { return Self::$variant; } )+
                Self::Other(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

pub(crate) use open_enum;

/// Whether a flag is off, for members that are then left out.
pub(crate) fn is_off(flag: &bool) -> bool {
    !flag
}
