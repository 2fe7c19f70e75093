//! Why a service, or the command for one, does not answer as it should, and what mends that.
//!
//! The same errors end commands, where [`Failure`](crate::failure::Failure) tells them in English. A test holds
//! the two together.

use std::time::Duration;

use adit_tunnel::management::Error;
use adit_tunnel::management::cli::Trouble;

use super::finding::Mend;
use crate::failure::chain;
use crate::microsoft;

/// Why there is no good answer. `said` is what the service or the command said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a variant of the error that it is made of, told there")]
pub enum Fault {
    SignIn(String),
    Forbidden(String),
    NotFound(String),
    Conflict(String),
    Invalid(String),
    RateLimited(String),
    Unavailable { status: u16, said: String },
    Unreachable { host: String, cause: String },
    Untrusted { host: String, cause: String },
    Nonsense { host: String, cause: String },
    Missing { program: String },
    Unstartable { program: String, cause: String },
    TooOld { version: Option<String> },
    SignedOut,
    Expired,
    OtherProfile,
    Queued { what: String, after: Duration },
    Late { what: String, after: Duration },
    Garbled { what: String, flaw: String },
    Failed { what: String, code: Option<i32>, said: String },
    Other(String),
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        match error {
            Error::SignIn(said) => Self::SignIn(said.to_string()),
            Error::Forbidden(said) => Self::Forbidden(said.to_string()),
            Error::NotFound(said) => Self::NotFound(said.to_string()),
            Error::Conflict(said) => Self::Conflict(said.to_string()),
            Error::Invalid(said) => Self::Invalid(said.to_string()),
            Error::RateLimited { said, .. } => Self::RateLimited(said.to_string()),
            Error::Unavailable { status, said, .. } => {
                Self::Unavailable { status: *status, said: said.to_string() }
            }
            Error::Unreachable { host, .. } => {
                Self::Unreachable { host: host.to_string(), cause: cause(error) }
            }
            Error::Untrusted { host, .. } => {
                Self::Untrusted { host: host.to_string(), cause: cause(error) }
            }
            Error::Protocol { host, .. } => {
                Self::Nonsense { host: host.to_string(), cause: cause(error) }
            }
            Error::Command(trouble) => Self::from(trouble),
            // Nothing that is looked at changes a port.
            Error::Replacement { .. } | Error::Unmade { .. } => Self::Other(chain(error)),
        }
    }
}

impl From<&Trouble> for Fault {
    fn from(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Missing { program } => Self::Missing { program: program.to_string() },
            Trouble::Unstartable { program, .. } => {
                Self::Unstartable { program: program.to_string(), cause: cause(trouble) }
            }
            Trouble::TooOld { found } => {
                Self::TooOld { version: found.as_ref().map(ToString::to_string) }
            }
            Trouble::SignedOut => Self::SignedOut,
            Trouble::Expired => Self::Expired,
            Trouble::OtherProfile => Self::OtherProfile,
            Trouble::Queued { what, after } => {
                Self::Queued { what: (*what).to_owned(), after: *after }
            }
            Trouble::Late { what, after } => Self::Late { what: (*what).to_owned(), after: *after },
            Trouble::Garbled { what, flaw } => {
                Self::Garbled { what: (*what).to_owned(), flaw: (*flaw).to_owned() }
            }
            Trouble::Failed { what, code, said } => {
                Self::Failed { what: (*what).to_owned(), code: *code, said: said.to_string() }
            }
        }
    }
}

/// What the causes of an error add to it, behind a colon; nothing where they say the same again.
fn cause(error: &dyn std::error::Error) -> String {
    chain(error).strip_prefix(&error.to_string()).unwrap_or_default().to_owned()
}

impl Mend {
    /// What mends an error of a service, where something does.
    pub(super) fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::SignIn(_) => Self::SignIn,
            Error::Forbidden(_) => Self::Access,
            Error::NotFound(_) => Self::Id,
            Error::Conflict(_) => Self::Name,
            Error::Invalid(_) | Error::Replacement { .. } | Error::Unmade { .. } => return None,
            Error::RateLimited { .. } | Error::Unavailable { .. } => Self::Soon,
            Error::Unreachable { .. } => Self::Network,
            Error::Untrusted { .. } => Self::Certificate,
            Error::Protocol { .. } => Self::Address,
            Error::Command(trouble) => match trouble {
                Trouble::Missing { .. } => Self::Install(microsoft::INSTALL),
                Trouble::Unstartable { .. } => Self::InstallAnew(microsoft::INSTALL),
                Trouble::TooOld { .. } => Self::Update(microsoft::UPDATE),
                Trouble::SignedOut => Self::Microsoft,
                Trouble::Expired => Self::MicrosoftAgain,
                Trouble::OtherProfile => Self::OtherProfile,
                Trouble::Queued { .. }
                | Trouble::Late { .. }
                | Trouble::Garbled { .. }
                | Trouble::Failed { .. } => Self::CommandSoon,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use adit_tunnel::management::{Flaw, Said};

    use super::super::{Check, Found, Subject};
    use super::*;
    use crate::failure::Failure;
    use crate::words::Language;

    /// One of each that a look may end with.
    fn errors() -> Vec<Error> {
        let said = Said::default;
        let host = || "relay.example".into();
        let source = || io::Error::new(io::ErrorKind::ConnectionRefused, "refused").into();
        let (what, after) = ("user show", Duration::from_secs(30));
        let mut errors = vec![
            Error::SignIn(said()),
            Error::Forbidden(said()),
            Error::NotFound(said()),
            Error::Conflict(said()),
            Error::Invalid(said()),
            Error::RateLimited { said: said(), retry_after: None },
            Error::Unavailable { status: 503, said: said(), retry_after: None },
            Error::Unreachable { host: host(), source: source() },
            Error::Untrusted { host: host(), source: source() },
            Error::Protocol { host: host(), flaw: Flaw::Foreign(502) },
        ];
        let failed = |code| Trouble::Failed { what, code, said: "no".into() };
        errors.extend(
            [
                Trouble::Missing { program: "devtunnel".into() },
                Trouble::Unstartable { program: "devtunnel".into(), source: io::Error::other("x") },
                Trouble::TooOld { found: None },
                Trouble::SignedOut,
                Trouble::Expired,
                Trouble::OtherProfile,
                Trouble::Queued { what, after },
                Trouble::Late { what, after },
                Trouble::Garbled { what, flaw: "no JSON" },
                failed(Some(3)),
                failed(None),
            ]
            .map(Error::Command),
        );
        errors
    }

    #[test]
    fn what_a_look_says_of_an_error_is_what_a_command_says() {
        for error in errors() {
            let check = |found| {
                let mend = Mend::of(&error).unwrap_or(Mend::Later);
                Check::fail(Subject::Microsoft, found, mend).told(Language::English)
            };
            let asked = check(Found::NotAsked(Fault::from(&error)));
            let failure = Failure::service("ask it", &error);
            assert_eq!(asked.found, failure.message);
            let hint = failure.hint.unwrap_or_else(|| "try again later".to_owned());
            assert_eq!(asked.mend, Some(hint));
            let used = check(Found::MicrosoftNotUsable(Fault::from(&error)));
            assert_eq!(used.found, microsoft::unusable(&error).message);
        }
    }
}
