//! Faults of connections and of local servers, seen by a visitor.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use crate::faultproxy::{Flow, Role};
use crate::lines::JsonLines;
use crate::suite::backend::Backend;
use crate::suite::case::Case;
use crate::suite::outcome::Measured;
use crate::suite::visitor::VISIT;
use crate::suite::world::{World, read_up, state};

/// How often a visitor asks while something goes wrong.
const PER_SECOND: u32 = 100;

/// As often as anybody could ask.
const ALWAYS: usize = 10_000;

pub(super) async fn forced_drop(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let before = world.proxy.count("PUT", "/endpoints/");
    let mut case = Case::begin("dropped on demand", &tunnel, PER_SECOND, long).await;
    let took = case.dropped(&mut host, &tunnel).await;
    measured.millis("drop_to_hosting_by_the_hosts_clock_ms", took);
    let minted = host.kept().any(|line| line["phase"] == "authorizing");
    measured.must(!minted, "a drop minted tokens although there were some");
    case.end(&mut measured, &world, &[&host], 1).await;
    let puts = world.proxy.count("PUT", "/endpoints/") - before;
    measured.must(puts == 0, format!("a drop registered the endpoint again, {puts} times"));
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn socket_reset(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("connection reset", &tunnel, PER_SECOND, long).await;
    let mut reset = 0;
    case.broken(&mut host, &tunnel, || reset = world.proxy.drop_sockets(Role::Host)).await;
    assert_eq!(reset, 1, "there was a session to reset");
    case.end(&mut measured, &world, &[&host], 1).await;
    // Again and again: the pauses begin anew with each session that has proven itself.
    let mut case = Case::begin("reset again and again", &tunnel, PER_SECOND, long).await;
    for _ in 0..if long { 5 } else { 2 } {
        let breaking = || reset = world.proxy.drop_sockets(Role::Host);
        case.broken(&mut host, &tunnel, breaking).await;
    }
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn silent_relay(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("silent relay", &tunnel, 10, long).await;
    let mut silent = 0;
    let breaking = || silent = world.proxy.flow(Role::Host, Flow::Hold);
    case.broken(&mut host, &tunnel, breaking).await;
    assert_eq!(silent, 1, "there was a session to silence");
    // What was held goes on, so that the proxy sees that the other end has left.
    world.proxy.flow(Role::Host, Flow::Pass);
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn dead_url(long: bool) -> Measured {
    let mut measured = Measured::default();
    // With a domain, URLs lead through the proxy too.
    let world = World::new("domain = 'suite.localhost'").await;
    let tunnel = world.tunnel("shop").await;
    let often = |command: &mut Command| {
        command.args(["--check", "10s"]);
    };
    let mut host = world.host_with(&[&tunnel], often).await;
    labelled(&mut host, "operational").await;
    let name = "URL dead behind a live session, looked at every 10 s (mended: until proven)";
    let mut case = Case::begin(name, &tunnel, 10, long).await;
    host.forget(|_| true);
    let refuse = |times| {
        for part in [VISIT, "/.well-known/adit/"] {
            world.proxy.answer_calls("GET", part, 502, times);
        }
    };
    let began = Instant::now();
    refuse(ALWAYS);
    state(&mut host, &tunnel, "Reconnecting").await;
    case.noticed(began.elapsed());
    refuse(0);
    state(&mut host, &tunnel, "Hosting").await;
    labelled(&mut host, "operational").await;
    case.mended(began.elapsed());
    let told = host.kept().any(|line| line["label"] == "zombie");
    measured.must(told, "nobody was told that the URL was dead");
    let minted = host.kept().any(|line| line["phase"] == "authorizing");
    measured.must(!minted, "a dead URL minted tokens although there were some");
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

/// Waits until the host says this of the URL.
async fn labelled(host: &mut JsonLines, label: &str) {
    let fits = |line: &Value| line["event"] == "health" && line["label"] == label;
    host.line(&format!("health {label}"), fits).await;
}

pub(super) async fn local_restarts(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let backend = Backend::start().await;
    let port = backend.port();
    let tunnel = world.tunnel_at("shop", port).await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("local server restarts every 3 s", &tunnel, 50, long).await;
    host.forget(|_| true);
    let mut backend = Some(backend);
    for _ in 0..if long { 10 } else { 2 } {
        let began = Instant::now();
        drop(backend.take());
        let told = |line: &Value| line["event"] == "error" && line["code"] == "local_port";
        host.line("word of the local server", told).await;
        case.noticed(began.elapsed());
        let away = tunnel.address.ask("/").await;
        let is_told = matches!(away, Ok((502, false)));
        measured.must(is_told, format!("with the local server away a visitor gets {away:?}"));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        backend = Some(Backend::at(port).await.expect("its port is still free"));
        let began = Instant::now();
        while !tunnel.address.serves().await && began.elapsed() < Duration::from_secs(30) {}
        case.mended(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let seen = case.end(&mut measured, &world, &[&host], 1).await;
    let told = seen.failures().iter().all(|failure| failure == "status 502");
    measured.must(told, format!("visitors got {}", seen.failures().join("; ")));
    read_up(&mut host).await;
    let touched = host.kept().filter(|line| line["state"] == "Reconnecting").count();
    measured.must(touched == 0, format!("{touched} reconnects for a local server that restarts"));
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}
