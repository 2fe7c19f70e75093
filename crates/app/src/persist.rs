//! The application's own files: settings, which tunnels to host again, the last lists, history.
//!
//! Each is JSON with a version and is replaced whole. One that makes no sense is set aside and reported; one of
//! a newer program is left alone, reported and never written over.

mod form;
mod import;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::Outcome;
use crate::history::History;
use crate::known::Known;
use crate::place_key::PlaceKey;
use crate::preferences::Preferences;
use crate::setup::Setup;
use crate::tunnel_key::TunnelKey;

pub use form::{Migration, Stored};
pub use import::{Imported, find_reference, reference};

/// The files.
#[derive(Clone, Debug)]
pub struct Files {
    directory: PathBuf,
}

/// What a file said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What is in force: what the file said, or what holds at first.
    pub value: T,
    /// What somebody should hear of the file.
    pub remark: Option<Remark>,
}

/// What somebody should hear of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It made no sense and was moved; what holds at first is in force.
    SetAside {
        /// The file.
        file: PathBuf,
        /// Where it is now.
        to: PathBuf,
    },
    /// A newer program wrote it; it is left alone, and what is changed now is not kept.
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It could not be read, or not be moved; it is left alone, and what is changed now is not kept.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
}

/// Which tunnels to host again, in the order they were started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The tunnels, each once.
    pub tunnels: Vec<TunnelKey>,
}

/// The last list of each place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lists {
    /// By place.
    pub places: BTreeMap<PlaceKey, SavedList>,
}

/// The last list of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedList {
    /// When the service told it.
    pub saved_at: Timestamp,
    /// Its tunnels, in the order they are shown.
    pub tunnels: Vec<Known>,
}

/// All that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The settings.
    pub preferences: Preferences,
    /// Which tunnels to host again.
    pub memory: Memory,
    /// The last lists.
    pub lists: Lists,
    /// What happened.
    pub history: History,
    /// What was chosen once.
    pub setup: Setup,
    /// What somebody should hear of the files.
    pub remarks: Vec<Remark>,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// The settings.
    Preferences(Preferences),
    /// Which tunnels to host again.
    Memory(Memory),
    /// The last lists.
    Lists(Lists),
    /// What happened.
    History(Box<History>),
    /// What was chosen once.
    Setup(Setup),
}

/// Names what is kept in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The settings.
    Preferences,
    /// Which tunnels to host again.
    Memory,
    /// The last lists.
    Lists,
    /// What happened.
    History,
    /// What was chosen once.
    Setup,
}

impl Files {
    /// In a directory of their own. Nothing is made yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Reads them all. What is wrong with one is a remark and hinders no other.
    pub fn load(&self) -> Kept {
        let mut remarks = Vec::new();
        Kept {
            preferences: self.read(&mut remarks),
            memory: self.read(&mut remarks),
            lists: self.read(&mut remarks),
            history: self.read(&mut remarks),
            setup: self.read(&mut remarks),
            remarks,
        }
    }

    /// Writes one, unless it is a newer program's.
    ///
    /// # Errors
    /// When it cannot be written, or must not be.
    pub fn save(&self, save: &Save) -> Outcome {
        match save {
            Save::Preferences(value) => self.write(value),
            Save::Memory(value) => self.write(value),
            Save::Lists(value) => self.write(value),
            Save::History(value) => self.write(&**value),
            Save::Setup(value) => self.write(value),
        }
    }

    fn read<T: Stored>(&self, remarks: &mut Vec<Remark>) -> T {
        let loaded = form::load(&self.path::<T>());
        remarks.extend(loaded.remark);
        loaded.value
    }

    fn write<T: Stored>(&self, value: &T) -> Outcome {
        let path = self.path::<T>();
        // Asked each time: another program may have written it since.
        form::check_writable::<T>(&path)?;
        durable::write(&path, &form::write(value))
    }

    fn path<T: Stored>(&self) -> PathBuf {
        self.directory.join(T::FILE)
    }
}

impl Save {
    /// Which part it is.
    pub fn part(&self) -> Part {
        match self {
            Self::Preferences(_) => Part::Preferences,
            Self::Memory(_) => Part::Memory,
            Self::Lists(_) => Part::Lists,
            Self::History(_) => Part::History,
            Self::Setup(_) => Part::Setup,
        }
    }
}

impl Remark {
    /// The file it is about.
    pub fn file(&self) -> &Path {
        match self {
            Self::SetAside { file, .. }
            | Self::Newer { file, .. }
            | Self::Unreadable { file, .. } => file,
        }
    }
}

impl Stored for Preferences {
    const FILE: &str = "settings.json";
    const VERSION: u32 = 1;
    const MIGRATIONS: &[Migration] = &[];
}

impl Stored for Memory {
    const FILE: &str = "hosted.json";
    const VERSION: u32 = 1;
    const MIGRATIONS: &[Migration] = &[];
}

impl Stored for Lists {
    const FILE: &str = "lists.json";
    const VERSION: u32 = 1;
    const MIGRATIONS: &[Migration] = &[];
}

impl Stored for Setup {
    const FILE: &str = "setup.json";
    const VERSION: u32 = 1;
    const MIGRATIONS: &[Migration] = &[];
}

impl Stored for History {
    const FILE: &str = "history.json";
    const VERSION: u32 = 1;
    const MIGRATIONS: &[Migration] = &[];
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::failure::Code;

    fn kept(folder: &tempfile::TempDir) -> Kept {
        Files::new(folder.path()).load()
    }

    fn some() -> Kept {
        let place = PlaceKey::from("https://cp.r.example");
        let id: adit_proto::id::FullId = "shop.loc1".parse().unwrap();
        let known = Known {
            id: id.clone(),
            name: Some("shop".to_owned()),
            description: None,
            ports: Some(Vec::new()),
            port_count: None,
            hosts: 0,
            openness: Default::default(),
            expires: None,
            life: None,
        };
        let saved_at = Timestamp::from_second(9).unwrap();
        let list = SavedList { saved_at, tunnels: vec![known] };
        Kept {
            preferences: Preferences { local_network: true, ..Default::default() },
            memory: Memory { tunnels: vec![TunnelKey { place: place.clone(), id }] },
            lists: Lists { places: [(place, list)].into() },
            setup: Setup { sample: Some(3000), ..Setup::default() },
            ..Kept::default()
        }
    }

    fn save(folder: &tempfile::TempDir, kept: &Kept) {
        let files = Files::new(folder.path());
        for save in [
            Save::Preferences(kept.preferences.clone()),
            Save::Memory(kept.memory.clone()),
            Save::Lists(kept.lists.clone()),
            Save::History(Box::new(kept.history.clone())),
            Save::Setup(kept.setup.clone()),
        ] {
            files.save(&save).unwrap();
        }
    }

    #[test]
    fn everything_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(&folder), Kept::default());
        save(&folder, &some());
        assert_eq!(kept(&folder), some());
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_the_others_are_read() {
        let folder = tempfile::tempdir().unwrap();
        save(&folder, &some());
        let file = folder.path().join("hosted.json");
        for damage in ["", "{", "[]", r#"{"version":1,"tunnels":[{"where":"here"}]}"#, "null"] {
            fs::write(&file, damage).unwrap();
            let kept = kept(&folder);
            assert_eq!(kept.memory, Memory::default(), "{damage}");
            assert_eq!(kept.preferences, some().preferences);
            let [Remark::SetAside { file: named, to }] = &kept.remarks[..] else {
                panic!("{:?}", kept.remarks)
            };
            assert_eq!((named, fs::read_to_string(to).unwrap().as_str()), (&file, damage));
        }
    }

    #[test]
    fn a_file_of_a_newer_program_is_neither_used_nor_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let text = r#"{"version":2,"general":"of another shape"}"#;
        fs::write(&file, text).unwrap();
        let kept = kept(&folder);
        assert_eq!(kept.preferences, Preferences::default());
        assert_eq!(kept.remarks, [Remark::Newer { file: file.clone(), version: 2 }]);
        let failure =
            Files::new(folder.path()).save(&Save::Preferences(kept.preferences)).unwrap_err();
        assert_eq!(failure.code, Code::Storage);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
