//! Where the socket of a directory is.

use std::path::{Path, PathBuf};

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
}
