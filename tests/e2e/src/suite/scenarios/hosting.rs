//! Hosting as such: the reference's S1 to S4 with the mark checked, every tunnel loaded, and one spinning core
//! told as 100 %.

use std::time::{Duration, Instant};

use crate::suite::backend::Backend;
use crate::suite::outcome::Measured;
use crate::suite::system::{cpu_percent, resident_mb};
use crate::suite::visitor::{Address, Visitor};
use crate::suite::world::{Tunnel, World, say, signal, state};

/// More processor than this with nothing to do is a loop that spins. Of one core.
const IDLE_PERCENT: f64 = 10.0;

pub(super) async fn stop_and_host_again(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve at first");
    let began = Instant::now();
    say(&mut host, &format!("stop {}", tunnel.id)).await;
    state(&mut host, &tunnel, "Stopped").await;
    measured.millis("stopped_ms", began.elapsed());
    measured.must(world.settled(0).await == 0, "a session is left after the stop");
    let began = Instant::now();
    host.forget(|line| line["event"] == "state");
    say(&mut host, &format!("host {}", tunnel.id)).await;
    state(&mut host, &tunnel, "Hosting").await;
    measured.millis("hosting_again_ms", began.elapsed());
    measured.must(tunnel.address.serves().await, "the URL does not serve again");
    measured
}

pub(super) async fn several_on_one_port(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 3).await;
    let began = Instant::now();
    let _host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    measured.millis("all_hosting_ms", began.elapsed());
    let span = Duration::from_secs(if long { 30 } else { 3 });
    let visitors: Vec<_> =
        tunnels.iter().map(|tunnel| Visitor::start(tunnel.address.clone(), 50)).collect();
    tokio::time::sleep(span).await;
    let (mut total, mut lost, mut slowest) = (0, 0, Duration::ZERO);
    for visitor in visitors {
        let seen = visitor.stop().await;
        total += seen.total();
        lost += seen.lost();
        slowest = slowest.max(seen.percentile(99));
    }
    measured.figure("requests", total);
    measured.figure("lost", lost);
    measured.millis("p99_ms", slowest);
    measured.must(lost == 0, format!("{lost} of {total} requests were not answered"));
    measured.must(world.backend.served() >= total as u64, "somebody else answered");
    measured
}

pub(super) async fn load_then_idle(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 2).await;
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    let before = resident_mb(host.pid());
    let span = Duration::from_secs(if long { 60 } else { 4 });
    let visitors: Vec<_> =
        tunnels.iter().map(|tunnel| Visitor::start(tunnel.address.clone(), 200)).collect();
    tokio::time::sleep(span).await;
    let (mut total, mut lost) = (0, 0);
    for visitor in visitors {
        let seen = visitor.stop().await;
        total += seen.total();
        lost += seen.lost();
    }
    measured.figure("requests", total);
    measured.figure("lost", lost);
    measured.must(lost == 0, format!("{lost} of {total} requests were not answered"));
    let span = Duration::from_secs(if long { 60 } else { 3 });
    let (host_cpu, relay_cpu) =
        tokio::join!(cpu_percent(host.pid(), span), cpu_percent(world.relay().pid(), span));
    measured.figure("idle_host_percent_of_a_core", host_cpu);
    measured.figure("idle_relay_percent_of_a_core", relay_cpu);
    measured.must(host_cpu < IDLE_PERCENT, format!("the idle host uses {host_cpu} % of a core"));
    measured.must(relay_cpu < IDLE_PERCENT, format!("the idle relay uses {relay_cpu} % of a core"));
    measured.figure("host_mb_before", before);
    let after = resident_mb(host.pid());
    measured.figure("host_mb_after", after);
    measured.must(after - before < 50.0, format!("memory grew from {before} to {after} MB"));
    measured
}

pub(super) async fn cold_restart(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnels = many(&world, 2).await;
    let all: Vec<_> = tunnels.iter().collect();
    let host = world.host(&all).await;
    signal(&host, "KILL").await;
    drop(host);
    let began = Instant::now();
    let _host = world.host(&all).await;
    measured.millis("all_hosting_ms", began.elapsed());
    for tunnel in &tunnels {
        measured.must(tunnel.address.serves().await, format!("{} does not serve", tunnel.id));
    }
    let sessions = world.settled(2).await;
    measured.must(sessions == 2, format!("{sessions} sessions for two tunnels"));
    measured
}

pub(super) async fn ports_under_load(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let other = Backend::start().await;
    let mut host = world.host(&[&tunnel]).await;
    let visitor = Visitor::start(tunnel.address.clone(), 100);
    let port = other.port().to_string();
    for _ in 0..if long { 20 } else { 2 } {
        host.forget(|_| true);
        let began = Instant::now();
        world.run(&["port", "create", &tunnel.id, "-p", &port, "--protocol", "http"]).await;
        let line = host.line("addresses", |line| line["event"] == "url_changed").await;
        let urls = line["urls"].as_array().cloned().unwrap_or_default();
        let url = urls.iter().find(|url| url["port"] == other.port());
        let address = Address::of(url.and_then(|url| url["url"].as_str()).expect("an address"));
        while !address.serves().await && began.elapsed() < Duration::from_secs(20) {}
        measured.millis("serving_after_create_ms", began.elapsed());
        measured.must(address.serves().await, "an added port does not serve");
        host.forget(|_| true);
        let began = Instant::now();
        world.run(&["port", "delete", &tunnel.id, "-p", &port]).await;
        host.line("addresses", |line| line["event"] == "url_changed").await;
        measured.millis("gone_after_delete_ms", began.elapsed());
        measured.must(!address.serves().await, "a removed port serves");
    }
    let seen = visitor.stop().await;
    measured.figure("visitor_requests", seen.total());
    measured.figure("visitor_lost", seen.lost());
    measured
        .must(seen.lost() == 0, format!("{} requests of the other port were lost", seen.lost()));
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the session was touched");
    measured
}

pub(super) async fn fifty_tunnels(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let count = if long { 50 } else { 12 };
    let tunnels = many(&world, count).await;
    let began = Instant::now();
    let host = world.host(&tunnels.iter().collect::<Vec<_>>()).await;
    measured.figure("tunnels", count);
    measured.millis("all_hosting_ms", began.elapsed());
    // Floods one, and asks all others once meanwhile.
    let flood = Visitor::start(tunnels[0].address.clone(), 500);
    let (mut slowest, mut dead) = (Duration::ZERO, 0);
    for tunnel in &tunnels[1..] {
        let began = Instant::now();
        dead += usize::from(!tunnel.address.serves().await);
        slowest = slowest.max(began.elapsed());
    }
    let seen = flood.stop().await;
    measured.figure("flood_requests", seen.total());
    measured.millis("slowest_other_ms", slowest);
    measured.must(dead == 0, format!("{dead} tunnels did not serve beside a flooded one"));
    measured.must(seen.lost() == 0, format!("the flooded one lost {}", seen.lost()));
    let span = Duration::from_secs(if long { 60 } else { 3 });
    let idle = cpu_percent(host.pid(), span).await;
    measured.figure("idle_host_percent_of_a_core", idle);
    measured.must(idle < IDLE_PERCENT, format!("the idle host uses {idle} % of a core"));
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
