//! Files with keys: made once, for their owner's eyes only.

use std::path::Path;

use adit_wire::file;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the token key {path} cannot be read or written")]
    File {
        /// The file.
        path: Box<Path>,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{0} is not a token key; move it away and a new one is made")]
    Damaged(Box<Path>),
    /// The system has no randomness to give.
    #[error("no key could be made")]
    Random,
}

/// Takes a key from `path`; makes one there if there is none.
pub(super) fn load(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    let failed = |source| KeyError::File { path: path.into(), source };
    match std::fs::read(path) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = make()?;
            file::replace(path, &key).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}
