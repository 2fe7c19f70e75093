//! Hosting as such: the reference's S1 to S4 with the mark checked, every tunnel loaded, and one spinning core
//! told as 100 %.

use std::time::{Duration, Instant};

use crate::suite::backend::Backend;
use crate::suite::case::Case;
use crate::suite::figures::Column;
use crate::suite::outcome::Measured;
use crate::suite::system::{IDLE_PERCENT, cpu_percent, resident_mb};
use crate::suite::visitor::{Address, Visitor};
use crate::suite::world::{Tunnel, World, read_up, say, signal, state};

/// What a user does, nobody has to notice.
const ASKED_FOR: &str = "it is asked for";

pub(super) async fn stop_and_host_again(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve at first");
    let name = "stopped and hosted again (mended: since that)";
    let mut case = Case::begin(name, &tunnel, 50, long).await;
    case.none(&[Column::Noticed], ASKED_FOR);
    host.forget(|_| true);
    let began = Instant::now();
    say(&mut host, &format!("stop {}", tunnel.id)).await;
    state(&mut host, &tunnel, "Stopped").await;
    measured.millis("stopped_ms", began.elapsed());
    let (_, left) = world.settled(0).await;
    measured.must(left == 0, "a session is left after the stop");
    let began = Instant::now();
    host.forget(|line| line["event"] == "state");
    say(&mut host, &format!("host {}", tunnel.id)).await;
    state(&mut host, &tunnel, "Hosting").await;
    case.mended(began.elapsed());
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve again");
    measured
}

pub(super) async fn several_on_one_port(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 3).await;
    let began = Instant::now();
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    measured.millis("all_hosting_ms", began.elapsed());
    let mut case = Case::alone("three tunnels of one port, 50 requests a second each", long);
    case.nothing_breaks();
    tunnels.iter().for_each(|tunnel| case.visit(tunnel, 50));
    tokio::time::sleep(Duration::from_secs(if long { 30 } else { 3 })).await;
    let seen = case.end_without_loss(&mut measured, &world, &[&host], 3).await;
    measured.millis("p99_ms", seen.percentile(99));
    measured.must(world.backend.served() >= seen.total() as u64, "somebody else answered");
    measured
}

pub(super) async fn load_then_idle(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 2).await;
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    let before = resident_mb(host.pid());
    let mut case = Case::alone("two tunnels, 200 requests a second each", long);
    case.nothing_breaks();
    tunnels.iter().for_each(|tunnel| case.visit(tunnel, 200));
    tokio::time::sleep(Duration::from_secs(if long { 60 } else { 4 })).await;
    case.end_without_loss(&mut measured, &world, &[&host], 2).await;
    measured.figure("host_before_mb", before);
    let after = resident_mb(host.pid());
    measured.figure("host_after_mb", after);
    measured.must(after - before < 50.0, format!("memory grew from {before} to {after} MB"));
    measured
}

pub(super) async fn ten_idle(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 10).await;
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    // What belongs to the start is over when each URL has been looked at.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let span = Duration::from_secs(if long { 60 } else { 5 });
    let percent = cpu_percent(&[host.pid(), world.relay_pid()], span).await;
    measured.figure("seconds", span.as_secs());
    measured.figure("idle_host_percent", percent[0]);
    measured.figure("idle_relay_percent", percent[1]);
    measured.figure("host_mb", resident_mb(host.pid()));
    measured.figure("relay_mb", resident_mb(world.relay_pid()));
    let is_idle = percent.iter().all(|percent| *percent < IDLE_PERCENT);
    measured
        .must(is_idle, format!("host and relay use {percent:?} % of a core with nothing to do"));
    let mut case = Case::alone("ten tunnels, idle", long);
    case.nothing_breaks();
    case.none(&[Column::Requests, Column::Lost, Column::Gap], "a visitor would be work");
    case.end(&mut measured, &world, &[&host], 10).await;
    measured
}

pub(super) async fn cold_restart(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 2).await;
    let all: Vec<_> = tunnels.iter().collect();
    let host = world.host(&all).await;
    let name = "host killed (mended: since it was started again)";
    let mut case = Case::begin(name, &tunnels[0], 50, long).await;
    case.none(&[Column::Noticed], "nobody is left who could notice");
    signal(&host, "KILL").await;
    drop(host);
    let began = Instant::now();
    let host = world.host(&all).await;
    case.mended(began.elapsed());
    for tunnel in &tunnels {
        measured.must(tunnel.address.serves().await, format!("{} does not serve", tunnel.id));
    }
    case.end(&mut measured, &world, &[&host], 2).await;
    measured
}

pub(super) async fn ports_under_load(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let other = Backend::start().await;
    let mut host = world.host(&[&tunnel]).await;
    let name = "port added, port removed; visitors of another one";
    let mut case = Case::begin(name, &tunnel, 100, long).await;
    for _ in 0..if long { 20 } else { 2 } {
        host.forget(|_| true);
        let port = other.port().to_string();
        let began = Instant::now();
        world.run(&["port", "create", &tunnel.id, "-p", &port, "--protocol", "http"]).await;
        let line = host.line("addresses", |line| line["event"] == "url_changed").await;
        case.noticed(began.elapsed());
        let urls = line["urls"].as_array().cloned().unwrap_or_default();
        let url = urls.iter().find(|url| url["port"] == other.port());
        let address = Address::of(url.and_then(|url| url["url"].as_str()).expect("an address"));
        while !address.serves().await && began.elapsed() < Duration::from_secs(20) {}
        case.mended(began.elapsed());
        measured.must(address.serves().await, "an added port does not serve");
        host.forget(|_| true);
        let began = Instant::now();
        world.run(&["port", "delete", &tunnel.id, "-p", &port]).await;
        host.line("addresses", |line| line["event"] == "url_changed").await;
        measured.millis("gone_after_delete_ms", began.elapsed());
        measured.must(!address.serves().await, "a removed port serves");
    }
    case.end_without_loss(&mut measured, &world, &[&host], 1).await;
    read_up(&mut host).await;
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the session was touched");
    measured
}

pub(super) async fn fifty_tunnels(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 50).await;
    let began = Instant::now();
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    measured.millis("all_hosting_ms", began.elapsed());
    // Floods one, and asks all others meanwhile.
    let flood = Visitor::start(tunnels[0].address.clone(), 500);
    let mut case = Case::alone("fifty tunnels; the visitor of 49, while one is flooded", long);
    case.nothing_breaks();
    tunnels[1..].iter().for_each(|tunnel| case.visit(tunnel, 2));
    tokio::time::sleep(Duration::from_secs(if long { 30 } else { 3 })).await;
    let flooded = flood.stop().await;
    measured.figure("flood_requests", flooded.total());
    measured.must(flooded.lost() == 0, format!("the flooded one lost {}", flooded.lost()));
    let seen = case.end_without_loss(&mut measured, &world, &[&host], 50).await;
    measured.millis("p99_beside_the_flood_ms", seen.percentile(99));
    measured.figure("host_mb", resident_mb(host.pid()));
    measured
}

/// Tunnels that all have the local server's port.
async fn many(world: &World, count: usize) -> Vec<Tunnel> {
    let mut tunnels = Vec::with_capacity(count);
    for number in 0..count {
        tunnels.push(world.tunnel(&format!("shop-{number:03}")).await);
    }
    tunnels
}
