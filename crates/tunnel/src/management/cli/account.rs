//! Who the command's user is, and whether the command can be used at all.

use std::process::Stdio;
use std::time::Duration;

use tokio::sync::mpsc;

use super::json;
use super::line::Line;
use super::shape::Known;
use super::trouble::Trouble;
use super::version::{OLDEST, Version};
use super::{Cli, Provider};
use crate::management::Error;

/// Some versions ask the service before they tell theirs, and hang with it.
const VERSION_WITHIN: Duration = Duration::from_secs(10);

/// The signed-in user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The name, mostly an e-mail address; missing where the command does not tell it.
    pub name: Option<String>,
    /// Who knows the user: `microsoft` or `github`.
    pub provider: Option<String>,
}

impl Cli {
    /// Whether the command is there and can be spoken to; its version, if it tells that in time.
    ///
    /// # Errors
    ///
    /// [`Trouble::Missing`], [`Trouble::Unstartable`] or [`Trouble::TooOld`].
    pub async fn version(&self) -> Result<Option<Version>, Error> {
        let line = Line::new("--version");
        let answer = match self.runner().ask_within(&line, VERSION_WITHIN).await {
            Ok(answer) => answer,
            Err(Error::Command(
                trouble @ (Trouble::Missing { .. } | Trouble::Unstartable { .. }),
            )) => return Err(trouble.into()),
            // It is there; what does not work will show in the next call, with its reason.
            Err(_) => return Ok(None),
        };
        match Version::find(answer.expose()) {
            Some(found) if found < OLDEST => Err(Trouble::TooOld { found: Some(found) }.into()),
            found => Ok(found),
        }
    }

    /// The signed-in user.
    ///
    /// # Errors
    ///
    /// [`Trouble::SignedOut`] or [`Trouble::Expired`] when there is none.
    pub async fn account(&self) -> Result<Account, Error> {
        let line = Line::new("user show").words(&["-j"]);
        let answer = self.ask(&line).await?;
        let text = answer.expose();
        match json::find::<Known>(text) {
            Some(Known::Name { username }) => Ok(Account { name: Some(username), provider: None }),
            Some(Known::Status { status, username, provider }) => match status_of(&status) {
                Some(trouble) => Err(trouble.into()),
                None => Ok(Account { name: username, provider }),
            },
            // Without JSON it is a sentence for people.
            None => match status_of(text) {
                Some(trouble) => Err(trouble.into()),
                None => Err(garbled(&line)),
            },
        }
    }

    /// Lets the user sign in: the command opens a browser, or with `device_code` prints an address and
    /// a code. It has the terminal until it ends, and as long as it takes. Its own output goes to
    /// `output`.
    ///
    /// # Errors
    ///
    /// [`Trouble::OtherProfile`] when it says that it succeeded and this user is not signed in then;
    /// [`Trouble::SignedOut`] when it did not succeed, which it has said itself.
    pub async fn login(
        &self,
        provider: Provider,
        device_code: bool,
        output: Stdio,
    ) -> Result<Account, Error> {
        let line = login(provider, device_code);
        if self.runner().talk(&line, output).await? != Some(0) {
            return Err(Trouble::SignedOut.into());
        }
        self.signed_in().await
    }

    /// As [`Cli::login`] without a terminal: what the command says is told line by line, such as the address and the
    /// code. It has until `within` to succeed. Dropping the future ends it.
    ///
    /// # Errors
    ///
    /// As [`Cli::login`], and [`Trouble::Late`].
    pub async fn login_telling(
        &self,
        provider: Provider,
        device_code: bool,
        said: &mpsc::Sender<String>,
        within: Duration,
    ) -> Result<Account, Error> {
        let line = login(provider, device_code);
        if self.runner().tell(&line, !device_code, said, within).await? != Some(0) {
            return Err(Trouble::SignedOut.into());
        }
        self.signed_in().await
    }

    /// The user that a successful sign-in is for.
    async fn signed_in(&self) -> Result<Account, Error> {
        let account = self.account().await.map_err(|error| match error {
            Error::Command(Trouble::SignedOut | Trouble::Expired) => Trouble::OtherProfile.into(),
            error => error,
        })?;
        // They may have been for want of it, or of what another user may do.
        self.pauses().end();
        Ok(account)
    }

    /// Forgets the sign-in.
    ///
    /// # Errors
    ///
    /// As every call of the command.
    pub async fn logout(&self) -> Result<(), Error> {
        self.ask(&Line::new("user logout")).await.map(drop)
    }
}

fn login(provider: Provider, device_code: bool) -> Line {
    let mut line = Line::new("user login");
    if provider == Provider::GitHub {
        line = line.words(&["-g"]);
    }
    if device_code {
        line = line.words(&["-d"]);
    }
    line
}

fn status_of(text: &str) -> Option<Trouble> {
    let text = text.to_lowercase();
    if text.contains("expired") {
        Some(Trouble::Expired)
    } else if text.contains("not logged in") || text.contains("logged out") {
        Some(Trouble::SignedOut)
    } else {
        None
    }
}

fn garbled(line: &Line) -> Error {
    Trouble::Garbled { what: line.what(), flaw: "there is no JSON that tells it" }.into()
}
