//! What is wrong with the command itself, or with who it thinks its user is.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Version;

/// Why the official `devtunnel` command could not be asked, or did not answer. Each has a remedy of
/// its own, which whoever shows it knows for the platform.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It is not installed, or not where it was said to be: install it, or say where it is.
    #[error("the `devtunnel` command is not there ({program}): install it, or say where it is")]
    Missing {
        /// What was looked for.
        program: Box<str>,
    },
    /// It is there and cannot be started: mend its permissions, or install it anew.
    #[error("the `devtunnel` command ({program}) cannot be started")]
    Unstartable {
        /// What was started.
        program: Box<str>,
        /// Why it does not start.
        source: io::Error,
    },
    /// It is older than what is spoken here: update it.
    #[error("the `devtunnel` command is too old{}: update it", known(.found.as_ref()))]
    TooOld {
        /// Its version, where it told that.
        found: Option<Version>,
    },
    /// Nobody is signed in: sign in.
    #[error("nobody is signed in to Microsoft Dev Tunnels")]
    SignedOut,
    /// The sign-in has ended, as it does after some days: sign in again.
    #[error("the sign-in to Microsoft Dev Tunnels has expired")]
    Expired,
    /// The command said that the sign-in succeeded, and then knew of none: it was kept for another
    /// user or in an elevated console, or the keychain is locked. Sign in as the user who hosts.
    #[error(
        "the sign-in succeeded, but this user's `devtunnel` does not find it: it was kept in another \
         profile, such as an elevated console's, or the keychain is locked"
    )]
    OtherProfile,
    /// It was not even started, because so many others ran before it: try again.
    #[error("`devtunnel {what}` waited for its turn for longer than {} s", .after.as_secs())]
    Queued {
        /// Its verbs.
        what: &'static str,
        /// How long it waited.
        after: Duration,
    },
    /// It took too long and was ended: try again.
    #[error("`devtunnel {what}` took longer than {} s and was ended", .after.as_secs())]
    Late {
        /// Its verbs.
        what: &'static str,
        /// How long it had.
        after: Duration,
    },
    /// It said that it succeeded, without the answer that was asked for: try again, or update it.
    #[error("`devtunnel {what}` gave no answer that makes sense: {flaw}")]
    Garbled {
        /// Its verbs.
        what: &'static str,
        /// What is wrong with the answer; never a part of it.
        flaw: &'static str,
    },
    /// It failed for a reason that is not known here: try again.
    #[error("`devtunnel {what}` failed{}: {said}", how(*.code))]
    Failed {
        /// Its verbs.
        what: &'static str,
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// What it said, cut.
        said: Box<str>,
    },
}

impl Trouble {
    /// Whether somebody has to sign in.
    pub fn requires_sign_in(&self) -> bool {
        matches!(self, Self::SignedOut | Self::Expired | Self::OtherProfile)
    }

    /// Whether the same call may succeed later although nobody changes anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Queued { .. } | Self::Late { .. } | Self::Garbled { .. } | Self::Failed { .. }
        )
    }
}

fn known(version: Option<&Version>) -> String {
    version.map_or_else(String::new, |version| format!(" (version {version})"))
}

fn how(code: Option<i32>) -> impl fmt::Display {
    match code {
        Some(code) => format!(" with exit code {code}"),
        None => " by a signal".to_owned(),
    }
}
