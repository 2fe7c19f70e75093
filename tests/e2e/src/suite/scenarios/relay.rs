//! The relay goes away and comes back.

use std::time::{Duration, Instant};

use super::faults::tell;
use crate::suite::outcome::Measured;
use crate::suite::visitor::Visitor;
use crate::suite::world::{World, state};

pub(super) async fn killed_and_restarted(long: bool) -> Measured {
    let mut measured = Measured::default();
    let mut world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let before = world.proxy.count("PUT", "/endpoints/");
    let visitor = Visitor::start(tunnel.address.clone(), 50);
    for _ in 0..if long { 5 } else { 1 } {
        host.forget(|_| true);
        let began = Instant::now();
        world.kill_relay().await;
        state(&mut host, &tunnel, "Reconnecting").await;
        measured.millis("noticed_ms", began.elapsed());
        world.start_relay().await;
        let up = Instant::now();
        state(&mut host, &tunnel, "Hosting").await;
        measured.millis("hosting_after_start_ms", up.elapsed());
        let serves = tunnel.address.ask("/").await;
        measured.must(
            matches!(serves, Ok((200, true))),
            format!("afterwards a visitor gets {serves:?}"),
        );
    }
    tell(&mut measured, &visitor.stop().await);
    let puts = world.proxy.count("PUT", "/endpoints/") - before;
    measured.figure("endpoint_puts", puts);
    measured.must(puts == 0, format!("the endpoint was registered again, {puts} times"));
    measured
}

pub(super) async fn handed_over(long: bool) -> Measured {
    let mut measured = Measured::default();
    let mut world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|_| true);
    let per_second = 200;
    let visitor = Visitor::start(tunnel.address.clone(), per_second);
    let calm = Duration::from_secs(if long { 28 } else { 3 });
    tokio::time::sleep(calm).await;
    let began = Instant::now();
    let (next, addr) = world.relay_process(&["relay", "--take-over", "--json"]).await;
    world.proxy.serve(addr);
    measured.millis("taken_over_ms", began.elapsed());
    let mut before = world.replace_relay(next).expect("it ran");
    let ended = before.ended().await;
    measured.millis("old_relay_ended_ms", began.elapsed());
    measured.must(ended.success(), format!("the old relay ended with {ended}"));
    tokio::time::sleep(calm).await;
    let seen = visitor.stop().await;
    tell(&mut measured, &seen);
    measured
        .must(seen.lost() == 0, format!("{} of {} requests were lost", seen.lost(), seen.total()));
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the host had no session for a while");
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions afterwards"));
    measured
}
