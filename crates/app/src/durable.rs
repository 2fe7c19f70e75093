//! Files that are there whole or not at all, whatever happens while they are written, with failures for people.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use adit_wire::file;

use crate::failure::{Code, Failure, Outcome};

/// Reads a text; nothing when there is no file.
pub fn read(path: &Path) -> Outcome<Option<String>> {
    text(path).map_err(|error| cannot("read", path, &error))
}

/// As [`read`], with what the system says where it does not let that happen.
pub(crate) fn text(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file, readable by its owner only. Makes its directory.
pub fn write(path: &Path, text: &str) -> Outcome {
    replace(path, text.as_bytes()).map_err(|error| cannot("write", path, &error))
}

/// Makes a directory that only its owner can enter, with those above it.
pub fn make_private_directory(path: &Path) -> Outcome {
    file::make_private_directory(path).map_err(|error| cannot("make", path, &error))
}

/// Moves a file that makes no sense out of the way, so that nothing is lost, and returns where to.
pub fn set_aside(path: &Path) -> Outcome<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    let mut aside = path.with_file_name(&name);
    let mut count = 1;
    while aside.exists() {
        count += 1;
        let mut numbered = name.clone();
        numbered.push(format!("-{count}"));
        aside = path.with_file_name(numbered);
    }
    fs::rename(path, &aside).map_err(|error| cannot("move away", path, &error))?;
    Ok(aside)
}

/// A failure to do `what` with a file.
pub fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(Code::Storage, format!("cannot {what} {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            failure.hint("make room on that disk, then try again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failure
            .hint("check who owns it, or choose another place (see the files in `adit --help`)"),
        _ => failure,
    }
}

/// As [`write`], with what the system says where it does not let that happen.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|it| !it.exists()) {
        file::make_private_directory(directory)?;
    }
    file::replace(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/a.toml");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_set_aside_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        for (text, name) in [("1", "a.toml.damaged"), ("2", "a.toml.damaged-2")] {
            write(&path, text).unwrap();
            assert_eq!(set_aside(&path).unwrap(), folder.path().join(name));
        }
        assert_eq!(fs::read_to_string(folder.path().join("a.toml.damaged")).unwrap(), "1");
        assert!(!path.exists());
    }

    #[test]
    fn a_failure_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let failure = write(folder.path(), "x").unwrap_err();
        assert_eq!(failure.code, Code::Storage);
        assert!(failure.message.contains(&folder.path().display().to_string()), "{failure}");
    }
}
