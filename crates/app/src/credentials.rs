//! The relays that this user is signed in to, with the key for each, in a file of its owner's own.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use adit_proto::token::Secret;
use serde::Deserialize;

use crate::durable;
use crate::failure::{Code, Failure, Outcome};
use crate::relay_url::RelayUrl;

/// All sign-ins.
#[derive(Debug)]
pub struct Credentials {
    path: PathBuf,
    signed_in: Vec<SignIn>,
    remarks: Vec<String>,
}

/// One sign-in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The relay.
    pub relay: RelayUrl,
    /// The user's API key there.
    pub key: Secret,
}

/// Why the file of the keys cannot be used.
#[derive(Debug)]
pub enum Unreadable {
    /// The system does not let it be read.
    File(PathBuf, io::Error),
    /// A newer program wrote it, in that form.
    Newer(PathBuf, u32),
    /// It makes no sense and cannot be set aside.
    Damaged(Failure),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default, rename = "sign_in")]
    signed_in: Vec<SignIn>,
}

/// What this program reads and writes; raised with a migration when the form changes.
const VERSION: u32 = 1;

impl Credentials {
    /// Reads them. A file that makes no sense is set aside, which [`remarks`](Self::remarks) tell; then
    /// nobody is signed in.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program.
    pub fn load(path: PathBuf) -> Result<Self, Unreadable> {
        let mut read = Self { path, signed_in: Vec::new(), remarks: Vec::new() };
        let text = match durable::text(&read.path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(read),
            Err(error) => return Err(Unreadable::File(read.path, error)),
        };
        read.remarks.extend(protect(&read.path));
        match toml::from_str::<File>(&text) {
            Ok(file) if file.version == VERSION => read.signed_in = file.signed_in,
            Ok(file) => return Err(Unreadable::Newer(read.path, file.version)),
            Err(_) => match toml::from_str::<toml::Table>(&text).ok().and_then(version) {
                Some(version) if version > VERSION => {
                    return Err(Unreadable::Newer(read.path, version));
                }
                _ => read.set_aside().map_err(Unreadable::Damaged)?,
            },
        }
        Ok(read)
    }

    fn set_aside(&mut self) -> Outcome {
        let aside = durable::set_aside(&self.path)?;
        // Not the parser's message: it quotes the line, which may hold a key.
        self.remarks.push(format!(
            "{} is damaged and was moved to {}; sign in again with: adit login <relay URL>",
            self.path.display(),
            aside.display()
        ));
        Ok(())
    }

    /// What the user should hear about the file, each a sentence.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// All sign-ins, oldest first.
    pub fn all(&self) -> &[SignIn] {
        &self.signed_in
    }

    /// The sign-in to that relay.
    pub fn find(&self, relay: &RelayUrl) -> Option<&SignIn> {
        self.signed_in.iter().find(|it| it.relay == *relay)
    }

    /// The relay that is meant by a host name, with or without `cp.` before it, if one is.
    pub fn by_host(&self, host: &str) -> Option<&SignIn> {
        let bare = |it: &SignIn| it.relay.authority().strip_prefix("cp.") == Some(host);
        self.signed_in.iter().find(|it| it.relay.authority() == host || bare(it))
    }

    /// Adds a sign-in or replaces its key.
    pub fn put(&mut self, sign_in: SignIn) -> Outcome {
        self.signed_in.retain(|it| it.relay != sign_in.relay);
        self.signed_in.push(sign_in);
        self.save()
    }

    /// Forgets a sign-in; `false` when there was none.
    pub fn remove(&mut self, relay: &RelayUrl) -> Outcome<bool> {
        let before = self.signed_in.len();
        self.signed_in.retain(|it| it.relay != *relay);
        let found = self.signed_in.len() < before;
        if found {
            self.save()?;
        }
        Ok(found)
    }

    fn save(&self) -> Outcome {
        let mut text = format!(
            "# Written by `adit login`. Keep it to yourself: these keys are you.\nversion = {VERSION}\n"
        );
        for SignIn { relay, key } in &self.signed_in {
            // Addresses and keys are checked for what a TOML string must escape.
            let _ =
                write!(text, "\n[[sign_in]]\nrelay = \"{relay}\"\nkey = \"{}\"\n", key.expose());
        }
        durable::write(&self.path, &text)
    }
}

/// An API key as it was typed or piped in.
///
/// # Errors
/// When it is nothing that a relay gives out.
pub fn parse_key(text: &str) -> Outcome<Secret> {
    let text = text.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if (8..=512).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(Secret::from(text));
    }
    Err(Failure::new(Code::Usage, "that is not an API key")
        .hint("the relay's operator makes one with: adit relay user add <name>"))
}

fn version(table: toml::Table) -> Option<u32> {
    u32::try_from(table.get("version")?.as_integer()?).ok()
}

impl From<Unreadable> for Failure {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::File(path, error) => durable::cannot("read", &path, &error),
            Unreadable::Newer(path, version) => {
                let path = path.display();
                let message = format!("{path} has form {version}, which this adit does not know");
                Self::new(Code::Storage, message).hint(
                    "use the newer adit that wrote it, or move the file away and sign in again",
                )
            }
            Unreadable::Damaged(failure) => failure,
        }
    }
}

/// Takes the file away from others, if they could read it.
#[cfg(unix)]
fn protect(path: &Path) -> Option<String> {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let found = metadata(path).ok()?;
    if found.permissions().mode() & 0o077 == 0 {
        return None;
    }
    let changed = set_permissions(path, Permissions::from_mode(0o600));
    let what = if changed.is_ok() { "is now readable by you only" } else { "should not be" };
    Some(format!("others could read {}; it {what}", path.display()))
}

#[cfg(not(unix))]
fn protect(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sign_in(relay: &str, key: &str) -> SignIn {
        SignIn { relay: relay.parse().unwrap(), key: Secret::from(key) }
    }

    #[test]
    fn a_sign_in_is_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let mut credentials = Credentials::load(path.clone()).unwrap();
        assert!(credentials.all().is_empty());
        credentials.put(sign_in("https://cp.one.example", "first-key")).unwrap();
        credentials.put(sign_in("http://127.0.0.1:8443", "local-key")).unwrap();
        credentials.put(sign_in("https://cp.one.example/", "second-key")).unwrap();

        let mut credentials = Credentials::load(path).unwrap();
        let one = credentials.by_host("one.example").unwrap();
        assert_eq!(one.key.expose(), "second-key");
        assert_eq!(credentials.by_host("127.0.0.1:8443").unwrap().key.expose(), "local-key");
        assert!(credentials.by_host("two.example").is_none());
        let relay = one.relay.clone();
        assert!(credentials.remove(&relay).unwrap());
        assert!(!credentials.remove(&relay).unwrap());
        assert_eq!(credentials.all().len(), 1);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_nobody_is_signed_in() {
        for text in [
            "version = 1\n[[sign_in]]\nrelay",
            "version = 1\nkeys = 3",
            "",
            "version = 1\n[[sign_in]]\nrelay = 'x y'\nkey='k'",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("credentials.toml");
            durable::write(&path, text).unwrap();
            let credentials = Credentials::load(path.clone()).unwrap();
            assert!(credentials.all().is_empty());
            assert!(credentials.remarks().iter().any(|it| it.contains("is damaged")));
            assert!(!path.exists());
            let aside = folder.path().join("credentials.toml.damaged");
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
        }
    }

    #[test]
    fn a_file_of_a_newer_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        for text in ["version = 2", "version = 2\nshape = 'new'"] {
            durable::write(&path, text).unwrap();
            assert!(matches!(Credentials::load(path.clone()), Err(Unreadable::Newer(_, 2))));
            assert!(path.exists());
        }
    }

    #[test]
    fn keys_never_print() {
        let folder = tempfile::tempdir().unwrap();
        let mut credentials = Credentials::load(folder.path().join("c.toml")).unwrap();
        credentials.put(sign_in("https://cp.one.example", "canary-key")).unwrap();
        assert!(!format!("{credentials:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_repeating_it() {
        assert_eq!(parse_key(" adit_abcdefgh \n").unwrap().expose(), "adit_abcdefgh");
        for text in ["", "short", "two words", "with\"quote", "canary\u{7}bell"] {
            let failure = parse_key(text).unwrap_err();
            assert_eq!(failure.code, Code::Usage);
            assert!(text.is_empty() || !failure.to_string().contains(text));
        }
    }
}
