//! What the relay refuses: what passes is tried again, a real refusal ends the hosting at once.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::faults::tell;
use crate::adit::binary;
use crate::faultproxy::Role;
use crate::lines::JsonLines;
use crate::suite::outcome::Measured;
use crate::suite::visitor::Visitor;
use crate::suite::world::{Tunnel, World, elapsed, say, state};

/// Refusals that pass, and how often each is given in a row.
const PASSING: [(u16, usize); 4] = [(429, 1), (500, 1), (502, 1), (503, 2)];

pub(super) async fn on_the_upgrade(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for (status, times) in PASSING {
        // A new one each time: the pauses grow as long as sessions do not prove themselves.
        let mut host = world.host(&[&tunnel]).await;
        let took = refused(&world, &mut host, &tunnel, status, times).await;
        measured.millis(name(status), took);
        measured.must(tunnel.address.serves().await, format!("dead after {status}"));
    }
    let mut host = world.host(&[&tunnel]).await;
    // A cached token that is refused is minted anew before anybody is asked.
    let took = refused(&world, &mut host, &tunnel, 401, 1).await;
    measured.millis(name(401), took);
    let asked = host.kept().any(|line| line["event"] == "relogin_required");
    measured.must(!asked, "somebody was asked to sign in although a new token was to be had");
    // The endpoint may be gone alone: it is put again, once.
    let took = refused(&world, &mut host, &tunnel, 404, 1).await;
    measured.millis(name(404), took);
    // What is refused for good ends the hosting, and nothing is tried after that.
    host.forget(|_| true);
    world.proxy.answer_upgrades(Role::Host, 403, 1000);
    world.proxy.drop_sockets(Role::Host);
    let began = Instant::now();
    state(&mut host, &tunnel, "Error").await;
    measured.millis("given_up_after_403_ms", began.elapsed());
    let tries = world.proxy.requests().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let more = world.proxy.requests().len() - tries;
    measured.must(more == 0, format!("{more} requests after giving up"));
    measured
}

/// Drops the session and refuses the next tries; the time until it is hosted again.
async fn refused(
    world: &World,
    host: &mut JsonLines,
    tunnel: &Tunnel,
    status: u16,
    times: usize,
) -> Duration {
    host.forget(|_| true);
    world.proxy.answer_upgrades(Role::Host, status, times);
    let began = Instant::now();
    say(host, &format!("drop {}", tunnel.id)).await;
    state(host, tunnel, "Reconnecting").await;
    state(host, tunnel, "Hosting").await;
    began.elapsed()
}

fn name(status: u16) -> &'static str {
    match status {
        401 => "hosting_after_401_ms",
        404 => "hosting_after_404_ms",
        429 => "hosting_after_429_ms",
        500 => "hosting_after_500_ms",
        502 => "hosting_after_502_ms",
        _ => "hosting_after_503_ms",
    }
}

pub(super) async fn on_the_api(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    for (number, (status, times)) in PASSING.into_iter().enumerate() {
        let tunnel = world.tunnel(&format!("shop-{number}")).await;
        world.proxy.answer_calls("GET", "/tunnels/", status, times);
        let began = Instant::now();
        let _host = world.host(&[&tunnel]).await;
        measured.millis(name(status), began.elapsed());
        measured.must(tunnel.address.serves().await, format!("dead after {status}"));
    }
    for (status, word) in [(401, "sign in"), (403, "refused"), (404, "no longer exists")] {
        let tunnel = world.tunnel(&format!("blog-{status}")).await;
        world.proxy.answer_calls("GET", &format!("/tunnels/{}", bare(&tunnel)), status, 1000);
        let before = world.proxy.count("GET", bare(&tunnel));
        let mut host = world.adit.start(&["host", &tunnel.id, "--json"]);
        let error = state(&mut host, &tunnel, "Error").await;
        let message = error["message"].as_str().unwrap_or_default();
        measured.must(message.contains(word), format!("{status} is told as {message:?}"));
        let tries = world.proxy.count("GET", bare(&tunnel)) - before;
        measured.must(tries == 1, format!("{status} was asked for {tries} times"));
    }
    measured
}

fn bare(tunnel: &Tunnel) -> &str {
    tunnel.id.split('.').next().unwrap_or_default()
}

pub(super) async fn key_revoked(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|_| true);
    let began = Instant::now();
    world.relay_user(&["revoke", "ann"]).await;
    host.line("a call to sign in", |line| line["event"] == "relogin_required").await;
    measured.millis("noticed_ms", began.elapsed());
    state(&mut host, &tunnel, "Error").await;
    measured.must(world.settled(0).await == 0, "a session is left after the revocation");
    measured.must(!tunnel.address.serves().await, "the URL serves although its owner is revoked");
    measured
}

pub(super) async fn token_expires(long: bool) -> Measured {
    let mut measured = Measured::default();
    if !long {
        // A token lives a minute at least, and is renewed after half of it.
        measured.figure("skipped", "in the long form only");
        return measured;
    }
    let world = World::new("[tokens]\nlifetime = '1m'").await;
    let tunnel = world.tunnel("shop").await;
    let _host = world.host(&[&tunnel]).await;
    let before = world.proxy.count("GET", "/host/");
    let visitor = Visitor::start(tunnel.address.clone(), 200);
    tokio::time::sleep(Duration::from_secs(75)).await;
    let seen = visitor.stop().await;
    tell(&mut measured, &seen);
    // Told by the relay's side: a host whose lines nobody reads keeps no more of them than it may.
    let minted = world.proxy.count("GET", "/host/") - before;
    measured.figure("renewals", minted);
    measured.must(minted >= 2, format!("{minted} renewals in 75 s of tokens that live 60 s"));
    let (lost, total) = (seen.lost(), seen.total());
    measured.must(lost == 0, format!("{lost} of {total} requests were lost"));
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions afterwards"));
    measured
}

pub(super) async fn slow_command(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let command = world.adit.home().join("devtunnel");
    let plays = |seconds: u32| {
        let script = format!("#!/bin/sh\nsleep {seconds}\nexec {} \"$@\"\n", binary().display());
        // Another file each time: one that runs cannot be written.
        let next = command.with_extension("next");
        std::fs::write(&next, script).expect("an own file");
        std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o700))
            .expect("an own file");
        std::fs::rename(&next, &command).expect("an own file");
    };
    plays(if long { 1000 } else { 1 });
    let mut child = world.adit.command(&["host", &tunnel.id, "--on", "microsoft", "--json"]);
    child.env("DEVTUNNEL_BIN", &command);
    child.env("ADIT_MICROSOFT_URL", format!("http://{}", world.proxy.addr()));
    let began = Instant::now();
    let mut host = JsonLines::spawn("adit host", child);
    if long {
        host.line("another try", |line| line["event"] == "retry").await;
        measured.millis("hanging_noticed_ms", began.elapsed());
        plays(0);
    }
    state(&mut host, &tunnel, "Hosting").await;
    measured.millis("hosting_ms", began.elapsed());
    measured.must(tunnel.address.serves().await, "the URL does not serve");
    host.forget(|_| true);
    plays(1000);
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    let noticed = state(&mut host, &tunnel, "Reconnecting").await;
    let mended = state(&mut host, &tunnel, "Hosting").await;
    measured.millis("drop_to_hosting_ms", elapsed(&mended).saturating_sub(elapsed(&noticed)));
    measured.must(tunnel.address.serves().await, "the URL does not serve after a drop");
    measured
}
