//! The looking itself: files, relays, ports.

use std::io::ErrorKind;
use std::path::Path;

use adit_wire::clock;

use super::{Check, Fault, Found, Mend, Subject, judge, listeners};
use crate::credentials::Unreadable;
use crate::durable;
use crate::failure::{Code, Failure};
use crate::microsoft::{preflight, unusable};
use crate::place::Place;
use crate::profile::Profile;
use crate::relay_url::RelayUrl;
use crate::running;

/// The directories can be written, and the keys are the user's only.
pub(super) fn files(profile: &Profile) -> Vec<Check> {
    let places = &profile.places;
    vec![writable(&places.state), keys(profile)]
}

/// The mode is read first: reading the keys takes the file away from others.
fn keys(profile: &Profile) -> Check {
    let path = profile.places.credentials();
    let mode = mode(&path);
    match profile.read_credentials() {
        Ok(credentials) => {
            judge::keys(&path, credentials.all().len(), mode, profile.has_key_in_environment())
        }
        Err(Unreadable::File(path, error)) => {
            let mend = of_file(error.kind()).unwrap_or_else(nothing);
            Check::fail(Subject::Keys, Found::NotRead(path, error.to_string()), mend)
        }
        Err(Unreadable::Newer(path, form)) => {
            Check::fail(Subject::Keys, Found::Newer(path, form), Mend::Newer)
        }
        Err(Unreadable::Damaged(failure)) => of_failure(Subject::Keys, failure),
    }
}

/// A failure that tells itself, in English: nobody is expected to see one here.
fn of_failure(subject: Subject, failure: Failure) -> Check {
    let mend = failure.hint.map_or_else(nothing, Mend::Said);
    Check::fail(subject, Found::Said(failure.message), mend)
}

/// Whatever does not work has a mend for scripts, and be it an empty one.
fn nothing() -> Mend {
    Mend::Said(String::new())
}

/// What mends a file that the system does not let be used, as [`durable::cannot`] has it.
fn of_file(kind: ErrorKind) -> Option<Mend> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Mend::Room),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(Mend::Owner),
        _ => None,
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

fn writable(directory: &Path) -> Check {
    let probe = directory.join(format!(".doctor-{}", std::process::id()));
    match durable::replace(&probe, b"written by `adit doctor`\n") {
        Ok(()) => {
            // Harmless where it stays.
            let _ = std::fs::remove_file(&probe);
            Check::ok(Subject::State, Found::Writable(directory.to_owned()))
        }
        Err(error) => {
            let mend = of_file(error.kind()).unwrap_or(Mend::StateDir);
            Check::fail(Subject::State, Found::NotWritten(probe, error.to_string()), mend)
        }
    }
}

/// Every relay that the user is signed in to, and this computer's clock against the first that answers.
pub(super) async fn places(profile: &Profile) -> Vec<Check> {
    let relays: Vec<RelayUrl> = match profile.credentials() {
        Ok(credentials) => credentials.all().iter().map(|it| it.relay.clone()).collect(),
        Err(_) => Vec::new(),
    };
    if relays.is_empty() {
        return vec![Check::ok(Subject::Relays, Found::NoRelays)];
    }
    let mut checks = Vec::new();
    let mut time = None;
    for relay in relays {
        let service = match profile.service(&relay) {
            Ok(service) => service,
            Err(failure) => {
                checks.push(unusable_key(relay, failure));
                continue;
            }
        };
        let began = clock::now();
        let user = service.whoami().await;
        checks.push(judge::relay(&relay, user, clock::now().saturating_duration_since(began)));
        if time.is_none() {
            time = service.time().await.ok().flatten().map(|theirs| (theirs, clock::wall()));
        }
    }
    checks.extend(time.map(|(theirs, ours)| judge::clock(theirs, ours)));
    checks
}

/// There is no asking a relay: what stands in the environment as the user's key is none.
fn unusable_key(relay: RelayUrl, failure: Failure) -> Check {
    let subject = Subject::Relay(relay);
    match failure.code {
        Code::Usage => Check::fail(subject, Found::NoKey, Mend::KeySet),
        _ => of_failure(subject, failure),
    }
}

/// The official command for Microsoft's service and who is signed in there; nothing where it is neither
/// installed nor chosen.
pub(super) async fn microsoft(profile: &Profile) -> Vec<Check> {
    let command = match profile.microsoft() {
        Ok(command) => command,
        Err(failure) => return vec![of_failure(Subject::Microsoft, failure)],
    };
    let is_chosen = matches!(profile.choose(None, None), Ok((Place::Microsoft, _)));
    let began = clock::now();
    let error = match preflight(&command).await {
        Ok(account) => {
            let took = clock::now().saturating_duration_since(began);
            let found = Found::Microsoft { user: account.name, took };
            return vec![Check::ok(Subject::Microsoft, found)];
        }
        Err(error) => error,
    };
    match unusable(&error).code {
        Code::Devtunnel if !is_chosen => Vec::new(),
        Code::SignIn if !is_chosen => vec![Check::ok(Subject::Microsoft, Found::MicrosoftUnused)],
        _ => {
            let mend = Mend::of(&error).unwrap_or_else(nothing);
            let found = Found::MicrosoftNotUsable(Fault::from(&error));
            vec![Check::fail(Subject::Microsoft, found, mend)]
        }
    }
}

/// What is hosted on this computer, with its local servers.
pub(super) async fn hosted(profile: &Profile) -> Vec<Check> {
    let processes = running::all(&profile.places).await;
    let tunnels: Vec<_> = processes.iter().flat_map(|process| &process.status.tunnels).collect();
    if tunnels.is_empty() {
        return vec![Check::ok(Subject::Hosting, Found::NothingHosted)];
    }
    let mut checks = Vec::new();
    for tunnel in tunnels {
        checks.push(judge::tunnel(tunnel));
        for port in tunnel.ports.keys() {
            let name = tunnel.name.as_ref().unwrap_or(&tunnel.tunnel_id);
            checks.push(listeners::local_port(name, *port).await);
        }
    }
    checks
}

/// Whether programs other than browsers find names below `localhost`.
pub(super) async fn localhost_names() -> Check {
    let found = tokio::net::lookup_host(("adit-check.localhost", 0)).await;
    let by_all = found.is_ok_and(|mut all| all.all(|address| address.ip().is_loopback()));
    Check::ok(Subject::Localhost, Found::Names { by_all })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::words::Language;

    #[test]
    fn what_is_said_of_a_file_is_what_a_command_says() {
        let path = Path::new("/c/credentials.toml");
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            let error = || io::Error::new(kind, "no");
            for (what, found) in [
                ("read", Found::NotRead(path.to_owned(), error().to_string())),
                ("write", Found::NotWritten(path.to_owned(), error().to_string())),
            ] {
                let mend = of_file(kind).unwrap_or_else(nothing);
                let told = Check::fail(Subject::Keys, found, mend).told(Language::English);
                let failure = durable::cannot(what, path, &error());
                assert_eq!(told.found, failure.message);
                assert_eq!(told.mend, Some(failure.hint.unwrap_or_default()));
            }
        }
        let newer = Check::fail(Subject::Keys, Found::Newer(path.to_owned(), 2), Mend::Newer);
        let (told, failure) =
            (newer.told(Language::English), Failure::from(Unreadable::Newer(path.to_owned(), 2)));
        assert_eq!((told.found, told.mend), (failure.message, failure.hint));
    }

    #[test]
    fn what_is_no_key_is_said_as_a_command_says_it() {
        let failure = crate::credentials::parse_key("no key").unwrap_err();
        let relay = "https://cp.relay.example.com".parse().unwrap();
        let told = unusable_key(relay, failure.clone()).told(Language::English);
        assert_eq!(told.found, failure.message);
        assert_eq!(told.mend.as_deref(), Some("ADIT_API_KEY is set to it"));
    }
}
