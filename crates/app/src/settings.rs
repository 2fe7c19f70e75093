//! What the user chose with `adit use`: a file that people may edit too.

use std::path::Path;

use serde::Deserialize;

use crate::durable;
use crate::failure::{Code, Failure, Outcome};
use crate::place::Place;

/// The user's choices.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where tunnels live unless a command says otherwise.
    pub r#where: Option<Place>,
}

impl Settings {
    /// Reads them; all open when there is no file.
    pub fn load(path: &Path) -> Outcome<Self> {
        let Some(text) = durable::read(path)? else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|error| cannot_read(path, &error))
    }

    /// Keeps them.
    pub fn save(&self, path: &Path) -> Outcome {
        let mut text = "# Written by `adit use`; may be edited.\n".to_owned();
        if let Some(place) = &self.r#where {
            text.push_str(&format!("where = \"{place}\"\n"));
        }
        durable::write(path, &text)
    }
}

/// A file of the user's that is not what it should be; `error` names the line and what is wrong.
pub fn cannot_read(path: &Path, error: &toml::de::Error) -> Failure {
    let text = error.to_string();
    Failure::new(Code::Usage, format!("cannot read {}: {}", path.display(), text.trim_end()))
        .hint("mend the file; `docs/cli.md` lists what may stand in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.toml");
        assert_eq!(Settings::load(&path).unwrap().r#where, None);
        for place in ["here", "microsoft", "https://cp.relay.example.com"] {
            let place = place.parse::<Place>().unwrap();
            Settings { r#where: Some(place.clone()) }.save(&path).unwrap();
            assert_eq!(Settings::load(&path).unwrap().r#where, Some(place));
        }
    }

    #[test]
    fn a_mistake_is_named_and_the_file_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit.toml");
        durable::write(&path, "wher = \"here\"").unwrap();
        let failure = Settings::load(&path).unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.message.contains("wher") && failure.message.contains("adit.toml"));
        assert!(path.exists());
    }
}
