//! The relay goes away and comes back.

use std::time::{Duration, Instant};

use crate::suite::case::Case;
use crate::suite::figures::Column;
use crate::suite::outcome::Measured;
use crate::suite::world::{World, read_up, state};

pub(super) async fn killed_and_restarted(long: bool) -> Measured {
    let mut measured = Measured::default();
    let mut world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let before = world.proxy.count("PUT", "/endpoints/");
    let name = "relay killed (mended: since it was started again)";
    let mut case = Case::begin(name, &tunnel, 50, long).await;
    for _ in 0..if long { 5 } else { 1 } {
        host.forget(|_| true);
        let began = Instant::now();
        world.kill_relay().await;
        state(&mut host, &tunnel, "Reconnecting").await;
        case.noticed(began.elapsed());
        world.start_relay().await;
        let up = Instant::now();
        state(&mut host, &tunnel, "Hosting").await;
        case.mended(up.elapsed());
        let serves = tunnel.address.ask("/").await;
        measured.must(
            matches!(serves, Ok((200, true))),
            format!("afterwards a visitor gets {serves:?}"),
        );
    }
    case.end(&mut measured, &world, &[&host], 1).await;
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
    let mut case = Case::begin("relay replaced by plan", &tunnel, 200, long).await;
    case.none(&[Column::Noticed, Column::Mended], "it is by plan");
    let calm = Duration::from_secs(if long { 28 } else { 2 });
    tokio::time::sleep(calm).await;
    let began = Instant::now();
    let mut before = world.take_over().await;
    measured.millis("taken_over_ms", began.elapsed());
    let ended = before.ended().await;
    measured.millis("old_relay_ended_ms", began.elapsed());
    measured.must(ended.success(), format!("the old relay ended with {ended}"));
    tokio::time::sleep(calm).await;
    case.end_without_loss(&mut measured, &world, &[&host], 1).await;
    read_up(&mut host).await;
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the host had no session for a while");
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}
