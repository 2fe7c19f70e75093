//! Files of which others depend: there whole or as they were, for their owner's eyes only, and one process's at a time.
//!
//! What is written waits for the disk, so whoever must not wait does this on a thread for it. What an error means for
//! people is said by who asked for the file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file; one that is new is readable by its owner only. It is on the disk when this returns, and as it was
/// when this fails. Its directory must be there.
///
/// # Errors
///
/// What the system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two processes that write at once do not mix what they write; one of them is the last.
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = write(&new, bytes).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What matters is the first error; a left-over that cannot be removed harms nobody.
        let _ = fs::remove_file(&new);
        return written;
    }
    sync_directory_of(path)
}

/// Makes a directory that only its owner can enter, with those above it. One that is there stays as it is.
///
/// # Errors
///
/// What the system says.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes the lock that a file is, and makes the file if needed; nothing where another holds it. It is given up when the
/// file is dropped, and taken back by the system however its holder ends.
///
/// # Errors
///
/// What the system says.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether some process holds the lock that a file is. While this looks, nobody can take it.
pub fn is_locked(path: &Path) -> bool {
    // A shared lock, so that those who only ask are not in each other's way.
    let lock = File::open(path);
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name survive a power cut. Only Unix lets a directory be opened for that.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match cfg!(unix) {
        true => match File::open(directory.unwrap_or(Path::new(".")))?.sync_all() {
            // Some file systems cannot do this for a directory; the file is replaced all the same.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            done => done,
        },
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(folder.path(), b"no file").unwrap_err();
        let above = folder.path().parent().unwrap();
        let left = format!("{}.{}.new", folder.path().display(), std::process::id());
        assert!(!above.join(left).exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("new/deep");
        make_private_directory(&directory).unwrap();
        let path = directory.join("a.toml");
        replace(&path, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&directory)), (0o600, 0o700));
    }

    #[test]
    fn one_holds_a_lock_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_locked(&path));
        let held = lock(&path).unwrap();
        assert!(held.is_some() && lock(&path).unwrap().is_none() && is_locked(&path));
        drop(held);
        assert!(!is_locked(&path) && lock(&path).unwrap().is_some());
    }
}
