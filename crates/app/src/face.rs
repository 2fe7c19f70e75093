//! What a window remembers of itself from run to run, which no setting is about: where it was, and what it has said
//! once and needs not say again.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::{Code, Failure, Outcome};
use crate::placement::Placement;

/// What a window remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Face {
    /// Where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Somebody was told that the application stays in the tray when its window is closed.
    pub said_it_stays: bool,
    /// Somebody was told that this desktop has no tray.
    pub said_no_tray: bool,
}

/// What closing the window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It goes away, and the tray keeps the application.
    Hide {
        /// It is the first time, so that it is said.
        say: bool,
    },
    /// Everything ends, as without a tray nobody would find it again.
    Quit,
}

impl Face {
    /// Reads it; nothing is remembered where there is no file, or where it makes no sense, which harms nobody.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn load(path: &Path) -> Outcome<Self> {
        let Some(text) = durable::read(path)? else { return Ok(Self::default()) };
        match serde_json::from_str(&text) {
            Ok(face) => Ok(face),
            Err(error) => {
                let aside = durable::set_aside(path)?;
                tracing::warn!(%error, aside = %aside.display(), "what the window remembered made no sense");
                Ok(Self::default())
            }
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Outcome {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::new(Code::Storage, error.to_string()))?;
        durable::write(path, &(text + "\n"))
    }

    /// What closing the window does, and remembers that it is said.
    pub fn close(&mut self, has_tray: bool) -> Close {
        if !has_tray {
            return Close::Quit;
        }
        let say = !std::mem::replace(&mut self.said_it_stays, true);
        Close::Hide { say }
    }

    /// Whether to say now that there is no tray, and remembers that it is said.
    pub fn misses_tray(&mut self) -> bool {
        !std::mem::replace(&mut self.said_no_tray, true)
    }
}

/// For so long a tray may be missing before that counts: at a login panels take their time, and they restart.
pub const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_stays_is_said_once_and_for_all_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.json");
        let mut face = Face::load(&path).unwrap();
        assert_eq!(face.close(true), Close::Hide { say: true });
        face.save(&path).unwrap();
        let mut face = Face::load(&path).unwrap();
        assert_eq!(face.close(true), Close::Hide { say: false });
    }

    #[test]
    fn without_a_tray_closing_quits_and_that_there_is_none_is_said_once() {
        let mut face = Face::default();
        assert_eq!(face.close(false), Close::Quit);
        assert!(!face.said_it_stays, "it did not stay");
        assert!(face.misses_tray());
        assert!(!face.misses_tray());
    }

    #[test]
    fn a_file_that_makes_no_sense_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.json");
        durable::write(&path, "{\"placement\": 3}").unwrap();
        assert_eq!(Face::load(&path).unwrap(), Face::default());
        assert!(folder.path().join("window.json.damaged").exists());
        let placement =
            Placement { position: Some((-5, 7)), size: (800.0, 600.5), is_maximised: true };
        let face = Face { placement: Some(placement), ..Face::default() };
        face.save(&path).unwrap();
        assert_eq!(Face::load(&path).unwrap(), face);
    }
}
