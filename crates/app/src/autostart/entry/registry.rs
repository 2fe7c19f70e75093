//! A value of the user's part of the registry, and the task manager's note that may switch it off.

use std::path::Path;

use windows_registry::CURRENT_USER;

use crate::autostart::{MINIMISED, as_text};
use crate::failure::{Code, Failure, Outcome};

/// Where the values are.
const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";

/// Where the task manager notes which of them it switched off.
const APPROVED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";

/// What the value is called.
const NAME: &str = "Adit";

/// The error of what is not there.
const NOT_FOUND: u32 = 0x8007_0002;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::autostart) struct Entry;

impl Entry {
    pub(in crate::autostart) fn of_user() -> Outcome<Self> {
        Ok(Self)
    }

    pub(in crate::autostart) fn starts(&self, program: &Path) -> Outcome<bool> {
        let wanted = command(program)?;
        let told = CURRENT_USER.open(RUN).and_then(|key| key.get_string(NAME));
        let is_ours = there(told).map_err(|error| cannot("read", &error))?;
        Ok(is_ours.is_some_and(|told| told == wanted) && !is_switched_off()?)
    }

    pub(in crate::autostart) fn write(&self, program: &Path) -> Outcome {
        let command = command(program)?;
        CURRENT_USER
            .create(RUN)
            .and_then(|key| key.set_string(NAME, command))
            .map_err(|error| cannot("write", &error))?;
        forget(APPROVED)
    }

    pub(in crate::autostart) fn remove(&self) -> Outcome {
        forget(RUN)?;
        forget(APPROVED)
    }
}

fn command(program: &Path) -> Outcome<String> {
    Ok(format!("\"{}\" {MINIMISED}", as_text(program)?))
}

/// An odd first byte means so.
fn is_switched_off() -> Outcome<bool> {
    let noted = CURRENT_USER.open(APPROVED).and_then(|key| key.get_value(NAME));
    let noted = there(noted).map_err(|error| cannot("read", &error))?;
    Ok(noted.is_some_and(|value| value.first().is_some_and(|byte| byte % 2 == 1)))
}

fn forget(key: &str) -> Outcome {
    let gone = CURRENT_USER.options().write().open(key).and_then(|key| key.remove_value(NAME));
    there(gone).map(|_| ()).map_err(|error| cannot("remove", &error))
}

/// What is not there is no error.
fn there<T>(result: windows_registry::Result<T>) -> windows_registry::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code().0.cast_unsigned() == NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

fn cannot(what: &str, error: &impl std::fmt::Display) -> Failure {
    let text = format!("cannot {what} the entry that starts Adit at login: {error}");
    Failure::new(Code::Storage, text)
}
