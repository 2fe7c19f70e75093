//! What the relay refuses: what passes is tried again, a real refusal ends the hosting at once.

use std::time::{Duration, Instant};

use crate::faultproxy::Role;
use crate::lines::JsonLines;
use crate::suite::case::Case;
use crate::suite::outcome::Measured;
use crate::suite::world::{Tunnel, World, say, state};

/// Refusals that pass, and how often each is given in a row.
const PASSING: [(u16, usize); 4] = [(429, 1), (500, 1), (502, 1), (503, 2)];

/// Refusals of the API that end the hosting, and a word of what is told then.
const FINAL: [(u16, &str); 3] = [(401, "sign in"), (403, "refused"), (404, "no longer exists")];

/// As often as anybody could ask.
const ALWAYS: usize = 1000;

/// How often a visitor asks meanwhile.
const PER_SECOND: u32 = 50;

/// What is tried after giving up would be tried in this time.
const AT_REST: Duration = Duration::from_secs(3);

pub(super) async fn on_the_upgrade(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for (status, times) in PASSING {
        // A new one each time: the pauses grow as long as sessions do not prove themselves.
        let mut host = world.host(&[&tunnel]).await;
        upgrade_refused(&mut measured, &world, &mut host, &tunnel, (status, times), long).await;
    }
    let mut host = world.host(&[&tunnel]).await;
    // A cached token that is refused is minted anew before anybody is asked.
    upgrade_refused(&mut measured, &world, &mut host, &tunnel, (401, 1), long).await;
    let asked = host.kept().any(|line| line["event"] == "relogin_required");
    measured.must(!asked, "somebody was asked to sign in although a new token was to be had");
    // The endpoint may be gone alone: it is put again, once.
    upgrade_refused(&mut measured, &world, &mut host, &tunnel, (404, 1), long).await;
    given_up(&mut measured, &world, &mut host, &tunnel, long).await;
    measured
}

/// Drops the session and refuses the next tries.
async fn upgrade_refused(
    measured: &mut Measured,
    world: &World,
    host: &mut JsonLines,
    tunnel: &Tunnel,
    (status, times): (u16, usize),
    long: bool,
) {
    let name = format!("{status} on the upgrade{}", repeated(times));
    let mut case = Case::begin(name, tunnel, PER_SECOND, long).await;
    world.proxy.answer_upgrades(Role::Host, status, times);
    case.dropped(host, tunnel).await;
    case.end(measured, world, &[host], 1).await;
    measured.must(tunnel.address.serves().await, format!("dead after {status} on the upgrade"));
}

fn repeated(times: usize) -> String {
    if times > 1 { format!(", {times} times") } else { String::new() }
}

/// What is refused for good ends the hosting, nothing is tried after that, and a word of the user begins it
/// again.
async fn given_up(
    measured: &mut Measured,
    world: &World,
    host: &mut JsonLines,
    tunnel: &Tunnel,
    long: bool,
) {
    let name = "403 on the upgrade, for good (mended: since the user hosts again)";
    let mut case = Case::begin(name, tunnel, PER_SECOND, long).await;
    host.forget(|_| true);
    world.proxy.answer_upgrades(Role::Host, 403, ALWAYS);
    let began = Instant::now();
    world.proxy.drop_sockets(Role::Host);
    state(host, tunnel, "Error").await;
    case.noticed(began.elapsed());
    quiet(measured, world, "403 on the upgrade").await;
    world.proxy.answer_upgrades(Role::Host, 403, 0);
    host_again(&mut case, host, tunnel).await;
    case.end(measured, world, &[host], 1).await;
}

/// Nothing is asked of the relay for a while.
async fn quiet(measured: &mut Measured, world: &World, after: &str) {
    let asked = || world.proxy.count("GET", "/host/") + world.proxy.count("GET", "tokenScopes");
    let before = asked();
    tokio::time::sleep(AT_REST).await;
    let more = asked() - before;
    measured.must(more == 0, format!("{more} tries after giving up over {after}"));
}

/// The user starts the tunnel again.
async fn host_again(case: &mut Case, host: &mut JsonLines, tunnel: &Tunnel) {
    host.forget(|_| true);
    let again = Instant::now();
    say(host, &format!("host {}", tunnel.id)).await;
    state(host, tunnel, "Hosting").await;
    case.mended(again.elapsed());
}

pub(super) async fn on_the_api(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for (status, times) in PASSING {
        // First at the start, where nothing is cached.
        world.proxy.answer_calls("GET", "/tunnels/", status, times);
        let began = Instant::now();
        let mut host = world.host(&[&tunnel]).await;
        measured.millis(first(status), began.elapsed());
        // Or the pauses would go on where they were.
        proven(&mut host).await;
        // Then while a new token is needed.
        let name = format!("{status} on the API{}", repeated(times));
        let mut case = Case::begin(name, &tunnel, PER_SECOND, long).await;
        world.proxy.answer_upgrades(Role::Host, 401, 1);
        world.proxy.answer_calls("GET", "/tunnels/", status, times);
        case.dropped(&mut host, &tunnel).await;
        case.end(&mut measured, &world, &[&host], 1).await;
        measured.must(tunnel.address.serves().await, format!("dead after {status} on the API"));
    }
    measured
}

pub(super) async fn on_the_api_for_good(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for (status, word) in FINAL {
        api_refuses(&mut measured, &world, &tunnel, (status, word), long).await;
    }
    measured
}

/// Waits until the host has seen that the URL works.
async fn proven(host: &mut JsonLines) {
    host.line("a proof", |line| line["event"] == "health" && !line["proven_at"].is_null()).await;
}

fn first(status: u16) -> &'static str {
    match status {
        429 => "first_hosting_with_429_ms",
        500 => "first_hosting_with_500_ms",
        502 => "first_hosting_with_502_ms",
        _ => "first_hosting_with_503_twice_ms",
    }
}

/// A new token is needed and refused for good: that is told, and asked for once.
async fn api_refuses(
    measured: &mut Measured,
    world: &World,
    tunnel: &Tunnel,
    (status, word): (u16, &str),
    long: bool,
) {
    let mut host = world.host(&[tunnel]).await;
    let name = format!("{status} on the API, for good (mended: since the user hosts again)");
    let mut case = Case::begin(name, tunnel, PER_SECOND, long).await;
    host.forget(|_| true);
    let before = world.proxy.count("GET", "tokenScopes");
    world.proxy.answer_upgrades(Role::Host, 401, 1);
    world.proxy.answer_calls("GET", "/tunnels/", status, ALWAYS);
    let began = Instant::now();
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    let error = state(&mut host, tunnel, "Error").await;
    case.noticed(began.elapsed());
    let message = error["message"].as_str().unwrap_or_default();
    measured.must(message.contains(word), format!("{status} on the API is told as {message:?}"));
    let tries = world.proxy.count("GET", "tokenScopes") - before;
    measured.must(tries == 1, format!("{status} on the API was asked for {tries} times"));
    quiet(measured, world, &format!("{status} on the API")).await;
    world.proxy.answer_calls("GET", "/tunnels/", status, 0);
    host_again(&mut case, &mut host, tunnel).await;
    case.end(measured, world, &[&host], 1).await;
}
