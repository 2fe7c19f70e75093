//! The name under which Windows shows our notifications: an application's id in the user's part of the registry.

use windows_registry::CURRENT_USER;

use crate::failure::{Code, Failure, Outcome};

/// The id. Notifications name it.
pub const ID: &str = "Adit.Desktop";

/// Where such ids are.
const KEY: &str = r"Software\Classes\AppUserModelId\Adit.Desktop";

/// What people read.
const NAME: &str = "Adit";

/// The error of what is not there.
const NOT_FOUND: u32 = 0x8007_0002;

/// Makes the id known, so that notifications stand under the application's own name.
///
/// # Errors
/// [`Code::Storage`] when the registry cannot be written.
pub fn register() -> Outcome {
    CURRENT_USER
        .create(KEY)
        .and_then(|key| key.set_string("DisplayName", NAME))
        .map_err(|error| cannot("write", &error))
}

/// Makes it unknown again.
///
/// # Errors
/// [`Code::Storage`] when it is there and cannot be removed.
pub fn forget() -> Outcome {
    match CURRENT_USER.remove_tree(KEY) {
        Ok(()) => Ok(()),
        Err(error) if error.code().0.cast_unsigned() == NOT_FOUND => Ok(()),
        Err(error) => Err(cannot("remove", &error)),
    }
}

fn cannot(what: &str, error: &impl std::fmt::Display) -> Failure {
    let text = format!("cannot {what} the name of notifications: {error}");
    Failure::new(Code::Storage, text)
}
