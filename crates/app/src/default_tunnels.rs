//! The tunnel that is meant where a command is given none: one for each relay, as long as it is
//! remembered.

use std::collections::BTreeMap;
use std::path::PathBuf;

use adit_proto::id::FullId;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::{Code, Failure, Outcome};
use crate::relay_url::RelayUrl;

/// The default tunnels of this user.
#[derive(Debug)]
pub struct DefaultTunnels {
    path: PathBuf,
    tunnels: BTreeMap<RelayUrl, FullId>,
    remark: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(default)]
    tunnels: BTreeMap<RelayUrl, FullId>,
}

/// What this program reads and writes; raised with a migration when the form changes.
const VERSION: u32 = 1;

impl DefaultTunnels {
    /// Reads them. A file that makes no sense is set aside, which [`remark`](Self::remark) tells;
    /// then there are none.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program.
    pub fn load(path: PathBuf) -> Outcome<Self> {
        let mut read = Self { path, tunnels: BTreeMap::new(), remark: None };
        let Some(text) = durable::read(&read.path)? else { return Ok(read) };
        match (serde_json::from_str::<File>(&text), version(&text)) {
            (Ok(file), Some(VERSION)) => read.tunnels = file.tunnels,
            (_, Some(version)) if version > VERSION => return Err(read.newer(version)),
            _ => read.set_aside()?,
        }
        Ok(read)
    }

    fn set_aside(&mut self) -> Outcome {
        let aside = durable::set_aside(&self.path)?;
        let (path, aside) = (self.path.display(), aside.display());
        self.remark = Some(format!(
            "{path} is damaged and was moved to {aside}; choose a default tunnel again with: adit set"
        ));
        Ok(())
    }

    fn newer(&self, version: u32) -> Failure {
        let path = self.path.display();
        let message = format!("{path} has form {version}, which this adit does not know");
        Failure::new(Code::Storage, message)
            .hint("use the newer adit that wrote it, or remove it: it says only which tunnel is the default")
    }

    /// What the user should hear about the file.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The default on a relay.
    pub fn of(&self, relay: &RelayUrl) -> Option<&FullId> {
        self.tunnels.get(relay)
    }

    /// Makes a tunnel the default on its relay.
    pub fn put(&mut self, relay: RelayUrl, tunnel: FullId) -> Outcome {
        self.tunnels.insert(relay, tunnel);
        self.save()
    }

    /// Forgets the default on a relay, and returns it.
    pub fn remove(&mut self, relay: &RelayUrl) -> Outcome<Option<FullId>> {
        let removed = self.tunnels.remove(relay);
        if removed.is_some() {
            self.save()?;
        }
        Ok(removed)
    }

    fn save(&self) -> Outcome {
        let file = File { version: VERSION, tunnels: self.tunnels.clone() };
        let text = serde_json::to_string(&file).expect("numbers and texts are JSON");
        durable::write(&self.path, &text)
    }
}

fn version(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    serde_json::from_str(text).ok().map(|Versioned { version }| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> RelayUrl {
        text.parse().unwrap()
    }

    #[test]
    fn each_relay_has_a_default_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default-tunnels.json");
        let (one, two) = (relay("https://cp.one.example"), relay("https://cp.two.example"));
        let mut defaults = DefaultTunnels::load(path.clone()).unwrap();
        assert_eq!(defaults.of(&one), None);
        let shop: FullId = "shop.loc1".parse().unwrap();
        defaults.put(one.clone(), shop.clone()).unwrap();
        let mut defaults = DefaultTunnels::load(path.clone()).unwrap();
        assert_eq!((defaults.of(&one), defaults.of(&two)), (Some(&shop), None));
        assert_eq!(defaults.remove(&two).unwrap(), None);
        assert_eq!(defaults.remove(&one).unwrap(), Some(shop));
        assert_eq!(DefaultTunnels::load(path).unwrap().of(&one), None);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default-tunnels.json");
        for text in [
            "{",
            r#"{"tunnels":{}}"#,
            r#"{"version":1,"tunnels":{"https://cp.one.example":"no id"}}"#,
            r#"{"version":1,"tunnels":{"ftp://x":"shop.loc1"}}"#,
        ] {
            durable::write(&path, text).unwrap();
            let defaults = DefaultTunnels::load(path.clone()).unwrap();
            assert!(defaults.remark().unwrap().contains("damaged"), "{text}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn the_file_of_a_newer_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default-tunnels.json");
        durable::write(&path, r#"{"version":2,"places":[]}"#).unwrap();
        let failure = DefaultTunnels::load(path.clone()).unwrap_err();
        assert_eq!(failure.code, Code::Storage);
        assert!(path.exists());
    }
}
