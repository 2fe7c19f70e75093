//! Where a trial relay listened, so that it listens there again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adit_proto::id::TunnelId;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::Outcome;

/// What a trial relay remembers besides its own store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    version: u32,
    /// The port that it listened on last; 0 for none.
    pub(super) listen: u16,
    /// Where each port of each tunnel had its own listener.
    pub(super) tunnels: BTreeMap<TunnelId, BTreeMap<u16, u16>>,
}

const VERSION: u32 = 2;

impl Default for Memory {
    fn default() -> Self {
        Self { version: VERSION, listen: 0, tunnels: BTreeMap::new() }
    }
}

/// The first form knew one tunnel.
#[derive(Deserialize)]
struct First {
    version: u32,
    listen: u16,
    tunnel: Option<TunnelId>,
    ports: BTreeMap<u16, u16>,
}

/// The file in a relay's directory.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("trial.json")
}

impl Memory {
    /// What was true the last time, and what the user should hear of it. A note that makes no sense is set aside; the
    /// relay's own store, which holds the tunnels, is not touched.
    pub(super) fn load(path: &Path) -> Outcome<(Self, Vec<String>)> {
        let Some(text) = durable::read(path)? else { return Ok(Default::default()) };
        if let Some(memory) = Self::parse(&text) {
            return Ok((memory, Vec::new()));
        }
        let aside = durable::set_aside(path)?;
        let remark = format!("{} is damaged and was moved to {}", path.display(), aside.display());
        Ok((Self::default(), vec![remark]))
    }

    fn parse(text: &str) -> Option<Self> {
        match serde_json::from_str::<Self>(text) {
            Ok(memory) => (memory.version == VERSION).then_some(memory),
            Err(_) => {
                let first =
                    serde_json::from_str::<First>(text).ok().filter(|it| it.version == 1)?;
                let tunnels = first.tunnel.into_iter().map(|tunnel| (tunnel, first.ports.clone()));
                Some(Self { version: VERSION, listen: first.listen, tunnels: tunnels.collect() })
            }
        }
    }

    /// Keeps it.
    pub(super) fn save(&self, path: &Path) -> Outcome {
        durable::write(path, &serde_json::to_string(self).expect("numbers and texts are JSON"))
    }

    /// What was true the last time, as somebody else may look at it who changes nothing.
    pub(super) fn look(path: &Path) -> Option<Self> {
        Self::parse(&durable::read(path).ok()??)
    }

    /// All ports of this computer that it was at.
    pub(super) fn listeners(&self) -> impl Iterator<Item = u16> {
        let own = (self.listen != 0).then_some(self.listen);
        own.into_iter().chain(self.tunnels.values().flat_map(|ports| ports.values().copied()))
    }

    /// As a relay takes it.
    pub(super) fn ports(&self) -> impl Iterator<Item = ((TunnelId, u16), u16)> {
        self.tunnels.iter().flat_map(|(tunnel, ports)| {
            ports.iter().map(|(port, at)| ((tunnel.clone(), *port), *at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnel() -> TunnelId {
        "quiet-fox-4k9x2bd".parse().unwrap()
    }

    #[test]
    fn what_was_is_remembered_and_a_damaged_note_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        assert_eq!(Memory::load(&path).unwrap(), Default::default());
        let tunnels = BTreeMap::from([(tunnel(), BTreeMap::from([(3000, 4002)]))]);
        let memory = Memory { listen: 4001, tunnels, ..Memory::default() };
        memory.save(&path).unwrap();
        assert_eq!(Memory::load(&path).unwrap(), (memory, Vec::new()));
        for damaged in ["", r#"{"version":2,"listen":99999,"tunnels":{}}"#, r#"{"version":2"#] {
            durable::write(&path, damaged).unwrap();
            let (memory, remarks) = Memory::load(&path).unwrap();
            assert_eq!(memory, Memory::default());
            assert!(remarks[0].contains("trial.json is damaged"), "{remarks:?}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn the_first_form_keeps_its_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let text =
            r#"{"version":1,"listen":4001,"tunnel":"quiet-fox-4k9x2bd","ports":{"3000":4002}}"#;
        durable::write(&path, text).unwrap();
        let (memory, remarks) = Memory::load(&path).unwrap();
        assert_eq!((memory.listen, remarks), (4001, Vec::new()));
        assert_eq!(memory.ports().collect::<Vec<_>>(), [((tunnel(), 3000), 4002)]);
    }
}
