//! Why a command ended badly: one sentence on what happened and to which tunnel or port, one on
//! what to do, a code for scripts and an exit code for shells. `docs/cli.md` lists both.

use std::fmt;
use std::process::ExitCode;

use adit_tunnel::management;
use serde::{Deserialize, Serialize};

use crate::microsoft;

/// What kind of failure it is. The name is what scripts match on, and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The command line, or a file that stands in for it, cannot be understood.
    Usage,
    /// There is no such tunnel, port, user or sign-in.
    NotFound,
    /// Another process does this already.
    AlreadyRunning,
    /// The relay does not answer, or what answers is not a relay.
    Unreachable,
    /// The official `devtunnel` command is missing, too old or does not start.
    Devtunnel,
    /// Nobody is signed in, or no longer.
    SignIn,
    /// Signed in, but not allowed.
    Access,
    /// It exists already, or changed meanwhile.
    Conflict,
    /// The relay refuses the request as it is.
    Refused,
    /// An address or port to listen on is taken or not to be had.
    Listen,
    /// A file or directory could not be read or written.
    Storage,
    /// Nothing answers on a local port.
    LocalPort,
    /// Ended by the user before it was done.
    Interrupted,
    /// Something that should not happen.
    Internal,
}

impl Code {
    /// The exit code of a command that fails like this.
    pub fn exit(self) -> u8 {
        match self {
            Self::Conflict | Self::Refused | Self::Listen | Self::Storage => 1,
            Self::LocalPort | Self::Internal => 1,
            Self::NotFound => 2,
            Self::AlreadyRunning => 5,
            Self::Usage => 64,
            Self::Unreachable | Self::Devtunnel => 69,
            Self::SignIn | Self::Access => 77,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command ended badly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it is.
    pub code: Code,
    /// What happened, without a full stop at the end.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure without advice.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A failure with everything that its cause has to say.
    pub fn caused(code: Code, what: impl fmt::Display, cause: &dyn std::error::Error) -> Self {
        Self::new(code, format!("{what}: {}", chain(cause)))
    }

    /// Why, for a face whose own sentence says already what could not be done.
    pub fn why(&self) -> &str {
        let said = self.message.strip_prefix("cannot ").and_then(|it| it.split_once(": "));
        said.map_or(&*self.message, |(_, why)| why)
    }

    /// Standard output is gone: whoever read it, such as `head`, has seen enough.
    pub fn output(cause: &std::io::Error) -> Self {
        Self::caused(Code::Storage, "nothing can be printed", cause)
    }

    /// A relay that did not do `what` (the rest of a sentence that begins with "cannot").
    pub fn service(what: impl fmt::Display, error: &management::Error) -> Self {
        use management::Error;
        let failure = |code| Self::caused(code, format_args!("cannot {what}"), error);
        match error {
            Error::SignIn(_) => {
                failure(Code::SignIn).hint("sign in again with: adit login <relay URL>")
            }
            Error::Forbidden(_) => failure(Code::Access)
                .hint("ask the tunnel's owner for access, or sign in as somebody who has it"),
            Error::NotFound(_) => failure(Code::NotFound)
                .hint("check the id, and that this is the relay it lives on (--on)"),
            Error::Conflict(_) => {
                failure(Code::Conflict).hint("choose another name, or use what exists already")
            }
            Error::Invalid(_) => failure(Code::Refused),
            Error::RateLimited { .. } | Error::Unavailable { .. } => {
                failure(Code::Unreachable).hint("try again in a little while")
            }
            Error::Unreachable { .. } => failure(Code::Unreachable)
                .hint("check that the relay runs there, and the network or proxy between"),
            Error::Untrusted { .. } => failure(Code::Unreachable).hint(
                "its certificate must name this host and come from an authority that this \
                       computer trusts (SSL_CERT_FILE names another list of them)",
            ),
            Error::Command(trouble) => {
                let (code, hint) = microsoft::remedy(trouble);
                failure(code).hint(hint)
            }
            Error::Replacement { port } => failure(Code::Conflict).hint(format!(
                "say --replace-ports to have port {port} removed and made again, with all that it \
                 has; its visitors are cut off for a moment"
            )),
            Error::Unmade { by_hand, kept, source, .. } => {
                let code = Self::service("", source).code;
                let shell = if cfg!(windows) { " in PowerShell" } else { "" };
                // Several commands are one a line.
                let gap = if by_hand.contains('\n') { '\n' } else { ' ' };
                failure(code).hint(match kept {
                    true => format!(
                        "it is noted with all that it had, and made when its tunnel is next shown, changed or \
                         hosted here; by hand it is made{shell} with:{gap}{by_hand}"
                    ),
                    false => format!("make it{shell} with:{gap}{by_hand}"),
                })
            }
            Error::Protocol { .. } => failure(Code::Unreachable)
                .hint("check the address: a relay's is usually https://cp.<its domain>"),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> ExitCode {
        self.code.exit().into()
    }

    /// One line of JSON for a script.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Reported<'a> {
            error: &'a Failure,
        }
        serde_json::to_string(&Reported { error: self }).expect("texts are JSON")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n      {hint}"),
            None => Ok(()),
        }
    }
}

/// An error and what it says were its causes, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_code_message_and_hint() {
        let failure = Failure::new(Code::AlreadyRunning, "it runs").hint("stop it");
        assert_eq!(
            failure.json(),
            r#"{"error":{"code":"already_running","message":"it runs","hint":"stop it"}}"#
        );
        let bare = Failure::new(Code::NotFound, "no tunnel");
        assert_eq!(bare.json(), r#"{"error":{"code":"not_found","message":"no tunnel"}}"#);
    }

    #[test]
    fn why_leaves_out_what_could_not_be_done() {
        let why = |message: &str| Failure::new(Code::Refused, message).why().to_owned();
        assert_eq!(
            why("cannot make the tunnel: not allowed: ten are enough"),
            "not allowed: ten are enough"
        );
        assert_eq!(why("somebody else has this name"), "somebody else has this name");
        assert_eq!(why("cannot go on"), "cannot go on");
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: inner")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
        assert_eq!(chain(&Outer(std::io::Error::other("deep"))), "outer: inner: deep");
    }

    #[test]
    fn every_exit_code_is_a_documented_one() {
        let document = include_str!("../../../docs/cli.md");
        for code in [
            Code::Usage,
            Code::NotFound,
            Code::AlreadyRunning,
            Code::Unreachable,
            Code::Devtunnel,
            Code::SignIn,
            Code::Access,
            Code::Conflict,
            Code::Refused,
            Code::Listen,
            Code::Storage,
            Code::LocalPort,
            Code::Interrupted,
            Code::Internal,
        ] {
            let name = serde_json::to_value(code).unwrap();
            let row = format!("| `{}` | {} |", name.as_str().unwrap(), code.exit());
            assert!(document.contains(&row), "docs/cli.md lacks {row}");
        }
    }
}
