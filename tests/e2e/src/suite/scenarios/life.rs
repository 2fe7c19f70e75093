//! What computers and people do: a second computer, a closed lid, a clock that jumps, an end.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::adit::Adit;
use crate::suite::calendar::Calendar;
use crate::suite::case::Case;
use crate::suite::figures::Column;
use crate::suite::outcome::Measured;
use crate::suite::world::{NO_CALENDAR, World, interrupt, say, signal, state};

pub(super) async fn second_computer(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut first = world.host(&[&tunnel]).await;
    let other = Adit::new();
    world.sign_in(&other).await;
    let name = "another computer takes over (mended: until it hosts)";
    let mut case = Case::begin(name, &tunnel, 50, long).await;
    let began = Instant::now();
    let mut second = other.start(&["host", &tunnel.id, "--json"]);
    state(&mut second, &tunnel, "Hosting").await;
    case.mended(began.elapsed());
    first.line("stand-by", |line| line["event"] == "standby").await;
    case.noticed(began.elapsed());
    // Nobody fights: for a while, nothing changes.
    let upgrades = world.proxy.count("GET", "/host/");
    tokio::time::sleep(Duration::from_secs(if long { 60 } else { 5 })).await;
    let fights = world.proxy.count("GET", "/host/") - upgrades;
    measured.must(fights == 0, format!("{fights} connections of hosts while one stands by"));
    measured.must(tunnel.address.serves().await, "the URL does not serve from the second computer");
    case.end(&mut measured, &world, &[&first, &second], 1).await;

    let mut case = Case::begin("the first one takes it back", &tunnel, 50, long).await;
    first.forget(|_| true);
    second.forget(|_| true);
    let began = Instant::now();
    say(&mut first, &format!("host {}", tunnel.id)).await;
    state(&mut first, &tunnel, "Hosting").await;
    case.mended(began.elapsed());
    second.line("stand-by", |line| line["event"] == "standby").await;
    case.noticed(began.elapsed());
    case.end(&mut measured, &world, &[&first, &second], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve after it was taken back");
    measured
}

pub(super) async fn suspended(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let host = world.host(&[&tunnel]).await;
    // Longer than the relay waits for a host that says nothing, in the long form.
    let seconds = if long { 90 } else { 20 };
    let name = format!("asleep for {seconds} s (mended: since it woke)");
    let mut case = Case::begin(name, &tunnel, 5, long).await;
    case.none(&[Column::Noticed], "who sleeps notices nothing");
    signal(&host, "STOP").await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    signal(&host, "CONT").await;
    let woken = Instant::now();
    while !tunnel.address.serves().await && woken.elapsed() < Duration::from_secs(60) {}
    case.mended(woken.elapsed());
    measured.must(tunnel.address.serves().await, "the URL does not serve after waking up");
    case.end(&mut measured, &world, &[&host], 1).await;
    measured
}

pub(super) async fn clock_jumps(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let Some(calendar) = Calendar::new(world.adit.home()) else {
        return Measured::skipped(NO_CALENDAR);
    };
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host_with(&[&tunnel], |command| calendar.rule(command)).await;
    for (jump, name) in
        [("+1d", "the clock jumps a day ahead"), ("-1d", "and two days back; then a drop")]
    {
        let mut case = Case::begin(name, &tunnel, 50, long).await;
        host.forget(|_| true);
        calendar.set(jump);
        let began = Instant::now();
        // A clock is looked at every few seconds: what it does to a session would have happened by then.
        tokio::time::sleep(Duration::from_secs(5)).await;
        while !tunnel.address.serves().await && began.elapsed() < Duration::from_secs(60) {}
        measured.must(tunnel.address.serves().await, format!("the URL is dead after {jump}"));
        case.dropped(&mut host, &tunnel).await;
        case.end(&mut measured, &world, &[&host], 1).await;
        measured.must(tunnel.address.serves().await, format!("dead after a drop after {jump}"));
        let asked = host.kept().any(|line| line["event"] == "relogin_required");
        measured.must(!asked, "a clock that jumps is no reason to sign in");
    }
    measured
}

pub(super) async fn leaves_nothing(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for end in [End::Interrupt, End::Quit, End::Terminate] {
        let mut host = world.host(&[&tunnel]).await;
        let mut case = Case::begin(end.name(), &tunnel, 50, long).await;
        case.none(&[Column::Noticed], "it is asked for");
        case.none(&[Column::HostCpu], "it has ended");
        let began = Instant::now();
        match end {
            End::Interrupt => interrupt(&host).await,
            End::Quit => say(&mut host, "quit").await,
            End::Terminate => signal(&host, "TERM").await,
        }
        let status = host.ended().await;
        case.mended(began.elapsed());
        measured.must(status.success(), format!("{end:?} ends with {status}"));
        case.end(&mut measured, &world, &[], 0).await;
        let endpoints = endpoints(&world).await;
        measured.must(endpoints == 0, format!("{endpoints} endpoints are left after {end:?}"));
    }
    let state = world.adit.home().join("state");
    measured.must(!state.join("control.sock").exists(), "the control socket is left");
    let status = world.adit.run(&["status", "--json"], "").await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
    let left = status["processes"].as_array().map_or(1, Vec::len);
    measured.must(left == 0, "a process is left that hosts");
    measured
}

/// The ways in which a host is ended in good order.
#[derive(Clone, Copy, Debug)]
enum End {
    Interrupt,
    Quit,
    Terminate,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Interrupt => "ended by Ctrl-C (mended: until it has ended)",
            End::Quit => "ended by quit (likewise)",
            End::Terminate => "ended by SIGTERM (likewise)",
        }
    }
}

/// How many times endpoints were put beyond those that were removed.
async fn endpoints(world: &World) -> usize {
    let until = Instant::now() + Duration::from_secs(5);
    let left = || {
        let (put, removed) = ("PUT", "DELETE");
        let count = |method| world.proxy.count(method, "/endpoints/");
        count(put).saturating_sub(count(removed))
    };
    while left() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    left()
}
