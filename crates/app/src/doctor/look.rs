//! The looking itself: files, relays, ports.

use std::path::Path;

use adit_wire::clock;

use super::{Check, judge, listeners};
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
    let mut checks = vec![writable("state", &places.state)];
    checks.push(keys(profile));
    checks
}

/// The mode is read first: reading the keys takes the file away from others.
fn keys(profile: &Profile) -> Check {
    let path = profile.places.credentials();
    let mode = mode(&path);
    match profile.credentials() {
        Ok(credentials) => {
            judge::keys(&path, credentials.all().len(), mode, profile.has_key_in_environment())
        }
        Err(failure) => Check::fail("keys", failure.message, failure.hint.unwrap_or_default()),
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

fn writable(name: &str, directory: &Path) -> Check {
    let probe = directory.join(format!(".doctor-{}", std::process::id()));
    match durable::write(&probe, "written by `adit doctor`\n") {
        Ok(()) => {
            // Harmless where it stays.
            let _ = std::fs::remove_file(&probe);
            Check::ok(name, format!("{} can be written", directory.display()))
        }
        Err(failure) => Check::fail(
            name,
            failure.message,
            failure.hint.unwrap_or_else(|| "choose another with ADIT_STATE_DIR".to_owned()),
        ),
    }
}

/// Every relay that the user is signed in to, and this computer's clock against the first that answers.
pub(super) async fn places(profile: &Profile) -> Vec<Check> {
    let relays: Vec<RelayUrl> = match profile.credentials() {
        Ok(credentials) => credentials.all().iter().map(|it| it.relay.clone()).collect(),
        Err(_) => Vec::new(),
    };
    if relays.is_empty() {
        let found = "signed in to no relay: URLs reach this computer, with --lan the local network";
        return vec![Check::ok("relays", found)];
    }
    let mut checks = Vec::new();
    let mut time = None;
    for relay in relays {
        let service = match profile.service(&relay) {
            Ok(service) => service,
            Err(failure) => {
                let mend = failure.hint.unwrap_or_default();
                checks.push(Check::fail(format!("relay {relay}"), failure.message, mend));
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

/// The official command for Microsoft's service and who is signed in there; nothing where it is neither
/// installed nor chosen.
pub(super) async fn microsoft(profile: &Profile) -> Vec<Check> {
    let command = match profile.microsoft() {
        Ok(command) => command,
        Err(failure) => return vec![of_microsoft(failure)],
    };
    let is_chosen = matches!(profile.choose(None, None), Ok((Place::Microsoft, _)));
    let began = clock::now();
    match preflight(&command).await.map_err(|error| unusable(&error)) {
        Ok(account) => {
            let name = account.name.map(|name| format!(" as {name}")).unwrap_or_default();
            let took = clock::now().saturating_duration_since(began).as_millis();
            vec![Check::ok(MICROSOFT, format!("signed in{name}; the command took {took} ms"))]
        }
        Err(failure) if failure.code == Code::Devtunnel && !is_chosen => Vec::new(),
        Err(failure) if failure.code == Code::SignIn && !is_chosen => {
            vec![Check::ok(MICROSOFT, "the devtunnel command is there; nobody is signed in")]
        }
        Err(failure) => vec![of_microsoft(failure)],
    }
}

const MICROSOFT: &str = "Microsoft Dev Tunnels";

fn of_microsoft(failure: Failure) -> Check {
    Check::fail(MICROSOFT, failure.message, failure.hint.unwrap_or_default())
}

/// What is hosted on this computer, with its local servers.
pub(super) async fn hosted(profile: &Profile) -> Vec<Check> {
    let processes = running::all(&profile.places).await;
    let tunnels: Vec<_> = processes.iter().flat_map(|process| &process.status.tunnels).collect();
    if tunnels.is_empty() {
        return vec![Check::ok("hosting", "nothing is hosted on this computer")];
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
    let loopback = found.is_ok_and(|mut all| all.all(|address| address.ip().is_loopback()));
    Check::ok(
        "names below localhost",
        match loopback {
            true => "found by every program",
            false => {
                "found by browsers and curl only; other programs take the address with 127.0.0.1"
            }
        },
    )
}
