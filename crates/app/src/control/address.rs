//! Where the socket of a directory is.

#[cfg(unix)]
use std::fs::{self, Permissions};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::durable;
use crate::failure::Outcome;
#[cfg(unix)]
use crate::failure::{Code, Failure};

/// The longest path that every Unix takes for a socket, with its end: 104 bytes on macOS.
#[cfg(unix)]
const LONGEST: usize = 103;

/// The path of a directory's socket. A directory too deep for a socket has it in the user's own directory
/// for such things, under a name made of the directory's.
#[cfg(unix)]
pub(super) fn socket(directory: &Path) -> PathBuf {
    let own = directory.join("control.sock");
    if own.as_os_str().len() <= LONGEST {
        return own;
    }
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    base.join(format!("adit-{:016x}", hash(directory))).join("control.sock")
}

/// Makes the folder that the socket of `directory` is in. One that stands in for the directory may be where everybody
/// can make folders, so it has to be this user's alone.
#[cfg(unix)]
pub(super) fn make_folder(directory: &Path) -> Outcome {
    let path = socket(directory);
    let Some(folder) = path.parent() else { return Ok(()) };
    durable::make_private_directory(folder)?;
    if folder == directory {
        return Ok(());
    }
    is_of(folder, me())?;
    let only_ours = Permissions::from_mode(0o700);
    fs::set_permissions(folder, only_ours).map_err(|error| durable::cannot("close", folder, &error))
}

/// Whether the socket of `directory` is where only this user can have put it.
///
/// # Errors
/// When the folder that stands in for the directory is somebody else's, or a link.
#[cfg(unix)]
pub(super) fn is_trusted(directory: &Path) -> Outcome {
    match socket(directory).parent() {
        Some(folder) if folder != directory && fs::symlink_metadata(folder).is_ok() => {
            is_of(folder, me())
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a folder is this user's, and no link: where everybody can make links, they lead anywhere.
#[cfg(unix)]
fn is_of(folder: &Path, user: u32) -> Outcome {
    let found =
        fs::symlink_metadata(folder).map_err(|error| durable::cannot("read", folder, &error))?;
    let what = match (found.is_dir(), found.uid() == user) {
        (true, true) => return Ok(()),
        (true, false) => "is somebody else's",
        (false, _) => "is no folder",
    };
    let text = format!("{} {what}, so that the control socket cannot be there", folder.display());
    Err(Failure::new(Code::Storage, text)
        .hint("remove it, or choose a shorter place with ADIT_STATE_DIR"))
}

/// A pipe is in no folder.
#[cfg(windows)]
pub(super) fn is_trusted(_: &Path) -> Outcome {
    Ok(())
}

/// The name of a directory's pipe.
#[cfg(windows)]
pub(super) fn socket(directory: &Path) -> PathBuf {
    PathBuf::from(format!(r"\\.\pipe\adit-{:016x}", hash(directory)))
}

/// FNV-1a: the same in every build, which the standard library's does not promise.
fn hash(directory: &Path) -> u64 {
    let bytes = directory.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_in_its_directory_unless_that_is_too_deep() {
        let short = Path::new("/home/ann/.local/state/adit");
        assert_eq!(socket(short), short.join("control.sock"));
        let deep = Path::new("/tmp").join("x".repeat(100));
        assert!(socket(&deep).as_os_str().len() <= LONGEST && socket(&deep) == socket(&deep));
        assert_ne!(socket(&deep), socket(&deep.join("y")));
    }

    #[test]
    fn the_folder_that_stands_in_is_closed_to_others() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("x".repeat(100));
        let folder = socket(&deep).parent().unwrap().to_owned();
        assert_ne!(folder, deep);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_folder(&deep).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(is_trusted(&deep), Ok(()));

        fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink(directory.path(), &folder).unwrap();
        let failure = make_folder(&deep).unwrap_err();
        assert!(failure.message.contains("is no folder"), "{failure}");
        assert_eq!(is_trusted(&deep), Err(failure));
        fs::remove_file(&folder).unwrap();
        assert_eq!(is_trusted(&deep), Ok(()), "nobody is there");
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(is_of(folder.path(), me()), Ok(()));
        let failure = is_of(folder.path(), me() + 1).unwrap_err();
        assert!(failure.message.contains("is somebody else's"), "{failure}");
    }
}
