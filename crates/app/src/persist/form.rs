//! The form of a kept file: one JSON object with its version among its members.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Loaded, Remark};
use crate::durable;
use crate::failure::{Code, Failure, Outcome};

/// What is kept in a file of its own. Its JSON is an object without a member `version`.
pub trait Stored: Default + Serialize + DeserializeOwned {
    /// The file's name.
    const FILE: &str;
    /// The form that this program reads and writes, from 1.
    const VERSION: u32;
    /// Each makes the members of the next version; the first makes those of version 2.
    const MIGRATIONS: &[Migration];
}

/// Brings the members of one version to the next.
pub type Migration = fn(&mut Map<String, Value>);

/// What a text says.
#[derive(Debug, PartialEq, Eq)]
enum Read<T> {
    Value(T),
    Newer(u32),
    Damaged,
}

/// Reads a file; what is wrong with it is a remark.
pub(super) fn load<T: Stored>(path: &Path) -> Loaded<T> {
    let without = |remark| Loaded { value: T::default(), remark };
    let unreadable = |failure: Failure| {
        without(Some(Remark::Unreadable { file: path.to_owned(), cause: failure.message }))
    };
    let text = match durable::read(path) {
        Ok(Some(text)) => text,
        Ok(None) => return without(None),
        Err(failure) => return unreadable(failure),
    };
    match read::<T>(&text, T::MIGRATIONS) {
        Read::Value(value) => Loaded { value, remark: None },
        Read::Newer(version) => without(Some(Remark::Newer { file: path.to_owned(), version })),
        Read::Damaged => match durable::set_aside(path) {
            Ok(to) => without(Some(Remark::SetAside { file: path.to_owned(), to })),
            Err(failure) => unreadable(failure),
        },
    }
}

/// Keeps a file of a newer program from being written over.
pub(super) fn check_writable<T: Stored>(path: &Path) -> Outcome {
    let Some(version) = durable::read(path)?.and_then(|text| version(&object(&text)?)) else {
        return Ok(());
    };
    if version <= T::VERSION {
        return Ok(());
    }
    let path = path.display();
    let message = format!("{path} has form {version}, which this program does not know");
    Err(Failure::new(Code::Storage, message)
        .hint("use the newer program that wrote it, or move the file away"))
}

/// Writes a value, for people to read too.
pub(super) fn write<T: Stored>(value: &T) -> String {
    #[derive(Serialize)]
    struct Written<'a, T> {
        version: u32,
        #[serde(flatten)]
        value: &'a T,
    }
    let written = Written { version: T::VERSION, value };
    let mut text = serde_json::to_string_pretty(&written).expect("what is kept is JSON");
    text.push('\n');
    text
}

fn read<T: Stored>(text: &str, migrations: &[Migration]) -> Read<T> {
    let Some(mut members) = object(text) else { return Read::Damaged };
    let Some(version @ 1..) = version(&members) else { return Read::Damaged };
    // The list says how far this program knows its way.
    let known = u32::try_from(migrations.len()).map_or(u32::MAX, |count| count + 1);
    if version > known {
        return Read::Newer(version);
    }
    members.remove("version");
    for migrate in &migrations[version as usize - 1..] {
        migrate(&mut members);
    }
    match serde_json::from_value(Value::Object(members)) {
        Ok(value) => Read::Value(value),
        Err(_) => Read::Damaged,
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

fn version(members: &Map<String, Value>) -> Option<u32> {
    u32::try_from(members.get("version")?.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::history::History;
    use crate::persist::{Lists, Memory};
    use crate::preferences::Preferences;

    #[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Third {
        colour: String,
        loud: bool,
    }

    impl Stored for Third {
        const FILE: &str = "third.json";
        const VERSION: u32 = 3;
        const MIGRATIONS: &[Migration] = &[
            |members| {
                let colour = members.remove("color").unwrap_or_default();
                members.insert("colour".to_owned(), colour);
            },
            |members| {
                let loud = members.get("volume").and_then(Value::as_u64).is_some_and(|it| it > 5);
                members.insert("loud".to_owned(), loud.into());
            },
        ];
    }

    fn third(text: &str) -> Read<Third> {
        read(text, Third::MIGRATIONS)
    }

    #[test]
    fn every_older_form_is_brought_forward_step_by_step() {
        let red = |loud| Read::Value(Third { colour: "red".to_owned(), loud });
        assert_eq!(third(r#"{"version":1,"color":"red","volume":9}"#), red(true));
        assert_eq!(third(r#"{"version":2,"colour":"red","volume":2}"#), red(false));
        assert_eq!(third(r#"{"version":3,"colour":"red","loud":true}"#), red(true));
        assert_eq!(third(r#"{"version":4,"colour":"red","loud":true}"#), Read::Newer(4));
        for damaged in [r#"{"version":0,"color":"red"}"#, r#"{"color":"red"}"#, "3", "{"] {
            assert_eq!(third(damaged), Read::Damaged, "{damaged}");
        }
    }

    #[test]
    fn every_kind_of_file_knows_its_way_from_the_first_version() {
        fn check<T: Stored>() {
            assert_eq!(T::MIGRATIONS.len() + 1, T::VERSION as usize, "{}", T::FILE);
        }
        check::<Preferences>();
        check::<Memory>();
        check::<Lists>();
        check::<History>();
        check::<crate::setup::Setup>();
        check::<Third>();
    }
}
