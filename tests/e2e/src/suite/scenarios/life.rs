//! What computers and people do: a second computer, a closed lid, a clock that jumps, an end.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::faults::tell;
use crate::adit::Adit;
use crate::suite::outcome::Measured;
use crate::suite::visitor::Visitor;
use crate::suite::world::{World, interrupt, say, signal, state};

pub(super) async fn second_computer(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut first = world.host(&[&tunnel]).await;
    let other = Adit::new();
    world.sign_in(&other).await;
    let began = Instant::now();
    let mut second = other.start(&["host", &tunnel.id, "--json"]);
    state(&mut second, &tunnel, "Hosting").await;
    first.line("stand-by", |line| line["event"] == "standby").await;
    measured.millis("taken_ms", began.elapsed());
    // Nobody fights: for a while, nothing changes.
    let calm = Duration::from_secs(if long { 60 } else { 5 });
    let upgrades = world.proxy.count("GET", "/host/");
    tokio::time::sleep(calm).await;
    let fights = world.proxy.count("GET", "/host/") - upgrades;
    measured.must(fights == 0, format!("{fights} connections of hosts while one stands by"));
    measured.must(tunnel.address.serves().await, "the URL does not serve from the second computer");
    first.forget(|line| line["event"] == "state");
    say(&mut first, &format!("host {}", tunnel.id)).await;
    state(&mut first, &tunnel, "Hosting").await;
    second.line("stand-by", |line| line["event"] == "standby").await;
    measured.must(tunnel.address.serves().await, "the URL does not serve after it was taken back");
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions in the end"));
    measured
}

pub(super) async fn suspended(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|_| true);
    let visitor = Visitor::start(tunnel.address.clone(), 5);
    signal(&host, "STOP").await;
    // Longer than the relay waits for a host that says nothing.
    tokio::time::sleep(Duration::from_secs(if long { 90 } else { 20 })).await;
    signal(&host, "CONT").await;
    let woken = Instant::now();
    while !tunnel.address.serves().await && woken.elapsed() < Duration::from_secs(60) {}
    measured.millis("serving_after_waking_ms", woken.elapsed());
    measured.must(tunnel.address.serves().await, "the URL does not serve after waking up");
    tell(&mut measured, &visitor.stop().await);
    let sessions = world.settled(1).await;
    measured.must(sessions == 1, format!("{sessions} sessions after waking up"));
    measured
}

pub(super) async fn clock_jumps(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let Some(library) = faketime() else {
        measured.must(false, "libfaketime is not installed: ./test does it");
        return measured;
    };
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let file = world.adit.home().join("faketime");
    std::fs::write(&file, "+0d\n").expect("an own file");
    let mut host = world
        .host_with(&[&tunnel], |command| {
            command.env("LD_PRELOAD", library);
            command.env("FAKETIME_TIMESTAMP_FILE", &file);
            command.env("FAKETIME_NO_CACHE", "1");
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        })
        .await;
    for jump in ["+1d", "-1d"] {
        std::fs::write(&file, format!("{jump}\n")).expect("an own file");
        let began = Instant::now();
        while !tunnel.address.serves().await && began.elapsed() < Duration::from_secs(60) {}
        measured.must(tunnel.address.serves().await, format!("the URL is dead after {jump}"));
        say(&mut host, &format!("drop {}", tunnel.id)).await;
        host.forget(|line| line["event"] == "state");
        state(&mut host, &tunnel, "Hosting").await;
        measured.must(tunnel.address.serves().await, format!("dead after a drop after {jump}"));
    }
    let asked = host.kept().any(|line| line["event"] == "relogin_required");
    measured.must(!asked, "a clock that jumps is no reason to sign in");
    measured
}

/// Debian's library, wherever this architecture has it.
fn faketime() -> Option<std::path::PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|it| it.is_file())
}

pub(super) async fn leaves_nothing(_long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for end in [End::Interrupt, End::Quit, End::Terminate] {
        let mut host = world.host(&[&tunnel]).await;
        let began = Instant::now();
        match end {
            End::Interrupt => interrupt(&host).await,
            End::Quit => say(&mut host, "quit").await,
            End::Terminate => signal(&host, "TERM").await,
        }
        let status = host.ended().await;
        measured.millis(end.name(), began.elapsed());
        measured.must(status.success(), format!("{end:?} ends with {status}"));
        measured.must(world.settled(0).await == 0, format!("a session is left after {end:?}"));
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
            End::Interrupt => "ended_after_ctrl_c_ms",
            End::Quit => "ended_after_quit_ms",
            End::Terminate => "ended_after_sigterm_ms",
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
