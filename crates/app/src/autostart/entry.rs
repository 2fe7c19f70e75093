//! The entry, as each system has it.

#[cfg(not(any(windows, target_os = "macos")))]
mod desktop_file;
#[cfg(any(target_os = "macos", test))]
mod launch_agent;
#[cfg(windows)]
mod registry;

#[cfg(not(windows))]
mod file {
    use std::fs;
    use std::io;
    use std::path::{Path, PathBuf};

    #[cfg(not(target_os = "macos"))]
    use super::desktop_file as form;
    #[cfg(target_os = "macos")]
    use super::launch_agent as form;
    use crate::autostart::as_text;
    use crate::durable;
    use crate::failure::Outcome;

    /// A file.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::autostart) struct Entry {
        path: PathBuf,
    }

    impl Entry {
        pub(in crate::autostart) fn of_user() -> Outcome<Self> {
            Ok(Self::at(&form::directory()?))
        }

        pub(in crate::autostart) fn at(directory: &Path) -> Self {
            Self { path: directory.join(form::NAME) }
        }

        pub(in crate::autostart) fn starts(&self, program: &Path) -> Outcome<bool> {
            let program = as_text(program)?;
            Ok(durable::read(&self.path)?.is_some_and(|text| form::starts(&text, program)))
        }

        pub(in crate::autostart) fn write(&self, program: &Path) -> Outcome {
            durable::write(&self.path, &form::write(as_text(program)?))
        }

        pub(in crate::autostart) fn remove(&self) -> Outcome {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(durable::cannot("remove", &self.path, &error))
                }
                _ => Ok(()),
            }
        }
    }
}

#[cfg(not(windows))]
pub(super) use file::Entry;
#[cfg(windows)]
pub(super) use registry::Entry;
