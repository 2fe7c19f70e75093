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

/// Something that is said once, and counts as said when somebody could see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// That closing the window leaves the application in the tray.
    Stays,
    /// That this desktop has no tray.
    NoTray,
}

/// What closing the window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It goes away, and the tray keeps the application.
    Hide {
        /// Nobody has seen it said yet.
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

    /// What closing the window does.
    pub fn close(&self, has_tray: bool) -> Close {
        if has_tray { Close::Hide { say: !self.said_it_stays } } else { Close::Quit }
    }

    /// Whether to say now that there is no tray.
    pub fn misses_tray(&self) -> bool {
        !self.said_no_tray
    }

    /// Somebody could see that.
    pub fn said(&mut self, what: Saying) {
        match what {
            Saying::Stays => self.said_it_stays = true,
            Saying::NoTray => self.said_no_tray = true,
        }
    }
}

/// Whether the window stays away at a start, where there is a tray. A first start shows it, and so does one that has to
/// say what stopped working the last time.
pub fn begins_hidden(wanted: bool, is_first_run: bool, has_reports: bool) -> bool {
    wanted && !is_first_run && !has_reports
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
        let face = Face::load(&path).unwrap();
        assert_eq!(face.close(true), Close::Hide { say: true });
        face.save(&path).unwrap();
        let mut face = Face::load(&path).unwrap();
        assert_eq!(face.close(true), Close::Hide { say: true }, "nobody has seen it");
        face.said(Saying::Stays);
        face.save(&path).unwrap();
        assert_eq!(Face::load(&path).unwrap().close(true), Close::Hide { say: false });
    }

    #[test]
    fn a_first_start_shows_its_window_whatever_is_wanted() {
        assert!(begins_hidden(true, false, false));
        assert!(!begins_hidden(true, true, false));
        assert!(!begins_hidden(true, false, true));
        assert!(!begins_hidden(false, false, false));
    }

    #[test]
    fn without_a_tray_closing_quits_and_that_there_is_none_is_said_once() {
        let mut face = Face::default();
        assert_eq!(face.close(false), Close::Quit);
        assert!(!face.said_it_stays, "it did not stay");
        assert!(face.misses_tray());
        face.said(Saying::NoTray);
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
