//! `./adit.toml`: what `adit up` without ports puts at a URL.

use std::path::Path;

use adit_app::access::Access;
use adit_app::durable;
use adit_app::failure::Outcome;
use adit_app::name::Name;
use adit_app::place::Place;
use adit_app::port::Port;
use adit_app::settings;
use serde::Deserialize;

/// The file's name, in the directory that `adit up` runs in.
pub(crate) const FILE: &str = "adit.toml";

/// What the file says. Every key is optional but the ports.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Each a number, or a text such as `"3001:https"`.
    pub(crate) ports: Vec<Port>,
    /// As `--name`.
    pub(crate) name: Option<Name>,
    /// `"private"`, `"anonymous"` or `"anonymous=8h"`.
    pub(crate) access: Option<Access>,
    /// As `--on`.
    pub(crate) r#where: Option<Place>,
}

impl Project {
    /// Reads it; nothing when there is none.
    pub(crate) fn load(directory: &Path) -> Outcome<Option<Self>> {
        let path = directory.join(FILE);
        let Some(text) = durable::read(&path)? else { return Ok(None) };
        toml::from_str(&text).map(Some).map_err(|error| settings::cannot_read(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_app::failure::Code;

    fn load(text: &str) -> Outcome<Project> {
        let folder = tempfile::tempdir().unwrap();
        durable::write(&folder.path().join(FILE), text).unwrap();
        Project::load(folder.path()).map(|project| project.unwrap())
    }

    #[test]
    fn ports_alone_are_enough() {
        let project = load("ports = [3000, '3001:https']").unwrap();
        let ports: Vec<_> = project.ports.iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["3000", "3001:https"]);
        assert_eq!((project.name, project.access, project.r#where), (None, None, None));
    }

    #[test]
    fn every_key_is_read() {
        let project = load(
            "ports = [3000]\nname = 'shop'\naccess = 'anonymous=2h'\nwhere = 'https://cp.x.example'",
        )
        .unwrap();
        assert_eq!(project.name.unwrap().as_str(), "shop");
        assert_eq!(project.access, "anonymous=2h".parse().ok());
        assert_eq!(project.r#where, "https://cp.x.example".parse().ok());
    }

    #[test]
    fn mistakes_are_refused_by_name_and_line() {
        for (text, word) in [
            ("ports = [3000]\nprot = 1", "prot"),
            ("name = 'shop'", "ports"),
            ("ports = [0]", "65535"),
            ("ports = [70000]", "65535"),
            ("ports = ['3000:tcp']", "https"),
            ("ports = [true]", "port"),
            ("ports = [3000]\naccess = 'public'", "anonymous"),
            ("ports = [3000]\nname = 'Shop!'", "name"),
            ("ports = [3000]\nwhere = 'nowhere'", "here"),
        ] {
            let failure = load(text).unwrap_err();
            assert_eq!(failure.code, Code::Usage);
            assert!(failure.message.contains(word), "{failure}");
        }
    }
}
