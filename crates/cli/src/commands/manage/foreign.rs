//! Flags of the `devtunnel` command that mean nothing on a relay of one's own. They are read, so that
//! they can be refused with a word on what to do instead.

use adit_app::failure::{Code, Failure, Outcome};

use super::target::Written;

/// Who may visit, by directories that a relay does not know.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Audience {
    #[arg(long, hide = true, num_args = 0..=1, value_name = "TENANT")]
    tenant: Option<Option<String>>,

    #[arg(long, alias = "org", hide = true, num_args = 0..=1, value_name = "ORGANIZATION")]
    organization: Option<Option<String>>,

    #[arg(short, long, alias = "repo", hide = true, num_args = 0..=1, value_name = "OWNER/REPO")]
    repository: Option<Option<String>>,
}

impl Audience {
    /// Refuses what was given.
    pub(crate) fn refuse(&self) -> Outcome {
        let flags = [
            (self.tenant.is_some(), "--tenant", "Microsoft Entra tenants"),
            (self.organization.is_some(), "--organization", "GitHub organizations"),
            (self.repository.is_some(), "--repository", "GitHub repositories"),
        ];
        refuse_first(&flags, "a relay knows its own users and groups only", |flag| {
            format!(
                "instead of {flag}: `adit access create <tunnel>` with --user <name>, with --group \
                 <name>, or for everybody with --anonymous"
            )
        })
    }
}

/// Ways to sign in that a relay does not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SignIn {
    #[arg(short, long, hide = true)]
    github: bool,

    #[arg(short, long, hide = true)]
    entra: bool,

    #[arg(short, long, hide = true)]
    microsoft: bool,

    #[arg(short = 'd', long, hide = true)]
    use_device_code_auth: bool,

    #[arg(short = 'b', long, hide = true)]
    use_browser_auth: bool,
}

impl SignIn {
    /// Refuses what was given.
    pub(crate) fn refuse(&self) -> Outcome {
        let flags = [
            (self.github, "--github", "GitHub accounts"),
            (self.entra, "--entra", "Microsoft Entra accounts"),
            (self.microsoft, "--microsoft", "Microsoft accounts"),
            (self.use_device_code_auth, "--use-device-code-auth", "device codes"),
            (self.use_browser_auth, "--use-browser-auth", "sign-in in a browser"),
        ];
        refuse_first(&flags, "a relay knows its users by their API keys only", |flag| {
            format!("leave {flag} out: the key is asked for, or read from standard input")
        })
    }
}

/// A right to host that is handed on, which is not enough here.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct HostToken {
    #[arg(short = 't', long, hide = true, value_name = "-")]
    access_token: Option<Written>,
}

impl HostToken {
    /// Refuses what was given.
    pub(crate) fn refuse(&self) -> Outcome {
        let Some(written) = self.access_token else { return Ok(()) };
        written.check()?;
        let message = "a token ends, and hosting goes on: it makes its own tokens, as a user";
        Err(Failure::new(Code::Usage, message)
            .hint("sign in as a user who may host the tunnel: adit login <relay URL>"))
    }
}

/// Refuses the first flag that was given; each with its name and what it stands for.
fn refuse_first(
    flags: &[(bool, &str, &str)],
    because: &str,
    instead: impl Fn(&str) -> String,
) -> Outcome {
    match flags.iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, flag, what)) => {
            let message = format!("{flag} is about {what}, and {because}");
            Err(Failure::new(Code::Usage, message).hint(instead(flag)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_cannot_mean_is_refused_by_name_with_a_way_out() {
        assert_eq!(Audience::default().refuse(), Ok(()));
        let audience = Audience { tenant: Some(None), ..Audience::default() };
        let failure = audience.refuse().unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.message.contains("--tenant"), "{failure}");
        assert!(failure.hint.unwrap().contains("--group"));
        let audience = Audience { organization: Some(Some("o".into())), ..Audience::default() };
        assert!(audience.refuse().unwrap_err().message.contains("--organization"));
        let sign_in = SignIn { github: true, ..SignIn::default() };
        assert!(sign_in.refuse().unwrap_err().hint.unwrap().contains("standard input"));
    }
}
