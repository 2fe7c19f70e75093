//! Faults of connections, seen by a visitor.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::faultproxy::{Flow, Role};
use crate::lines::JsonLines;
use crate::suite::backend::{Backend, MARK};
use crate::suite::outcome::Measured;
use crate::suite::visitor::{Seen, Visitor};
use crate::suite::world::{Tunnel, World, elapsed, say, state};

/// How often a visitor asks while something goes wrong.
const PER_SECOND: u32 = 100;

/// How long the visitor asks before and after.
const CALM: Duration = Duration::from_secs(1);

/// What the host and a visitor show of something that breaks a session.
pub(super) async fn broken(
    measured: &mut Measured,
    host: &mut JsonLines,
    tunnel: &Tunnel,
    breaking: impl Future<Output = ()>,
) {
    let visitor = Visitor::start(tunnel.address.clone(), PER_SECOND);
    tokio::time::sleep(CALM).await;
    host.forget(|line| line["event"] == "state" || line["event"] == "progress");
    let began = Instant::now();
    breaking.await;
    let noticed = state(host, tunnel, "Reconnecting").await;
    measured.millis("noticed_ms", began.elapsed());
    let mended = state(host, tunnel, "Hosting").await;
    measured.millis("reconnecting_ms", elapsed(&mended).saturating_sub(elapsed(&noticed)));
    tokio::time::sleep(CALM).await;
    let seen = visitor.stop().await;
    tell(measured, &seen);
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
}

/// What a visitor saw.
pub(super) fn tell(measured: &mut Measured, seen: &Seen) {
    measured.figure("visitor_requests", seen.total());
    measured.figure("visitor_lost", seen.lost());
    measured.millis("visitor_longest_gap_ms", seen.longest_gap());
    if seen.lost() > 0 {
        measured.figure("visitor_failures", seen.failures().join("; "));
    }
}

pub(super) async fn forced_drop(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let visitor = Visitor::start(tunnel.address.clone(), PER_SECOND);
    tokio::time::sleep(CALM).await;
    host.forget(|_| true);
    let before = world.proxy.count("PUT", "/endpoints/");
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    let noticed = state(&mut host, &tunnel, "Reconnecting").await;
    let mended = state(&mut host, &tunnel, "Hosting").await;
    let took = elapsed(&mended).saturating_sub(elapsed(&noticed));
    measured.millis("drop_to_hosting_ms", took);
    let minted = host.kept().any(|line| line["phase"] == "authorizing");
    measured.must(!minted, "a drop minted tokens although there were some");
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions after a drop"));
    measured.figure("sessions_after", sessions);
    let puts = world.proxy.count("PUT", "/endpoints/") - before;
    measured.must(puts == 0, format!("a drop registered the endpoint again, {puts} times"));
    tokio::time::sleep(CALM).await;
    tell(&mut measured, &visitor.stop().await);
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn socket_reset(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    broken(&mut measured, &mut host, &tunnel, async {
        assert_eq!(world.proxy.drop_sockets(Role::Host), 1);
    })
    .await;
    // Again and again: the pauses begin anew with each session that has proven itself.
    for _ in 0..if long { 5 } else { 2 } {
        host.forget(|line| line["event"] == "state");
        world.proxy.drop_sockets(Role::Host);
        state(&mut host, &tunnel, "Hosting").await;
    }
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions after the resets"));
    measured
}

pub(super) async fn silent_relay(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|line| line["event"] == "state");
    let visitor = Visitor::start(tunnel.address.clone(), 10);
    tokio::time::sleep(CALM).await;
    let began = Instant::now();
    assert_eq!(world.proxy.flow(Role::Host, Flow::Hold), 1);
    state(&mut host, &tunnel, "Reconnecting").await;
    measured.millis("noticed_ms", began.elapsed());
    state(&mut host, &tunnel, "Hosting").await;
    measured.millis("restored_ms", began.elapsed());
    tokio::time::sleep(CALM).await;
    tell(&mut measured, &visitor.stop().await);
    // What was held goes on, so that the proxy sees that the other end has left.
    world.proxy.flow(Role::Host, Flow::Pass);
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions afterwards"));
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn streams_through_a_drop(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let mut stream = tunnel.address.open("/events", "keep-alive").await.expect("a connection");
    measured.must(hears(&mut stream).await, "the stream has no events");
    host.forget(|line| line["event"] == "state");
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    let began = Instant::now();
    // What the visitor sees: the stream ends; a browser's EventSource then asks again.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
    measured.must(ended.is_ok(), "a stream whose session is gone neither ends nor goes on");
    measured.millis("stream_ended_ms", began.elapsed());
    let mut again = tunnel.address.open("/events", "keep-alive").await.expect("a connection");
    measured.must(hears(&mut again).await, "the next stream has no events");
    measured.millis("stream_again_ms", began.elapsed());
    measured
}

/// Whether an event of the local server comes.
async fn hears(stream: &mut tokio::net::TcpStream) -> bool {
    let hearing = async {
        let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
        while let Ok(size @ 1..) = stream.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..size]);
            if String::from_utf8_lossy(&heard).contains(MARK) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(Duration::from_secs(30), hearing).await.unwrap_or(false)
}

pub(super) async fn local_restarts(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let backend = Backend::start().await;
    let port = backend.port();
    let tunnel = world.tunnel_at("shop", port).await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|line| line["event"] == "state");
    let mut backend = Some(backend);
    let mut slowest = Duration::ZERO;
    for _ in 0..if long { 10 } else { 2 } {
        drop(backend.take());
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let away = tunnel.address.ask("/").await;
        let is_told = matches!(away, Ok((502, false)));
        measured.must(is_told, format!("with the local server away a visitor gets {away:?}"));
        backend = Some(Backend::at(port).await.expect("its port is still free"));
        let began = Instant::now();
        while !tunnel.address.serves().await && began.elapsed() < Duration::from_secs(30) {}
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    measured.millis("slowest_return_ms", slowest);
    let touched = host.kept().filter(|line| is_state(line, "Reconnecting")).count();
    measured.must(touched == 0, format!("{touched} reconnects for a local server that restarts"));
    measured.figure("reconnects", touched);
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

fn is_state(line: &Value, state: &str) -> bool {
    line["event"] == "state" && line["state"] == state
}
