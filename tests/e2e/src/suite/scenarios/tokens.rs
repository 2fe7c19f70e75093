//! Tokens that run out and tokens that are taken away; and the command that they come from on Microsoft's
//! service, when it is slow or hangs.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::adit::binary;
use crate::faultproxy::Role;
use crate::lines::JsonLines;
use crate::suite::calendar::Calendar;
use crate::suite::case::Case;
use crate::suite::figures::Column;
use crate::suite::outcome::Measured;
use crate::suite::world::{NO_CALENDAR, Tunnel, World, read_up, say, state};

/// How often a visitor asks meanwhile.
const PER_SECOND: u32 = 50;

/// As short as a relay allows.
const A_MINUTE: &str = "[tokens]\nlifetime = '1m'";

pub(super) async fn token_renewed(long: bool) -> Measured {
    let mut measured = Measured::default();
    // The long form lives through real minutes. In the short form the relay's calendar is 54 seconds behind the
    // host's, so that in the host's eyes tokens live for six seconds.
    let (offset, name, span) = match long {
        true => ("+0", "tokens that live a minute", 95),
        false => ("-54", "tokens that live six seconds", 10),
    };
    let world = match Calendar::is_there() {
        true => World::at(offset, A_MINUTE).await,
        false => return Measured::skipped(NO_CALENDAR),
    };
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    host.forget(|_| true);
    let before = world.proxy.count("GET", "/host/");
    let mut case = Case::begin(name, &tunnel, 200, long).await;
    case.none(&[Column::Noticed, Column::Mended], "it is by plan");
    tokio::time::sleep(Duration::from_secs(span)).await;
    // Told by the relay's side: a host whose lines nobody reads keeps no more of them than it may.
    let renewed = world.proxy.count("GET", "/host/") - before;
    measured.figure("renewals", renewed);
    measured.must(renewed >= 2, format!("{renewed} renewals in {span} s"));
    // The right time again, so that sessions are not renewed while they are counted.
    world.calendar.as_ref().expect("set above").set("+0");
    case.end_without_loss(&mut measured, &world, &[&host], 1).await;
    read_up(&mut host).await;
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the host had no session for a while");
    measured
}

pub(super) async fn token_expired(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = match Calendar::is_there() {
        true => World::at("+0", A_MINUTE).await,
        false => return Measured::skipped(NO_CALENDAR),
    };
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("token expired, found at a drop", &tunnel, PER_SECOND, long).await;
    // To the relay the host's token ended a minute ago; the host has no reason to think so.
    world.calendar.as_ref().expect("set above").set("+120");
    let before = world.proxy.count("GET", "tokenScopes");
    case.dropped(&mut host, &tunnel).await;
    let minted = world.proxy.count("GET", "tokenScopes") - before;
    measured.must(minted >= 1, "an expired token was taken for a good one");
    measured.figure("tokens_asked_for", minted);
    let asked = host.kept().any(|line| line["event"] == "relogin_required");
    measured.must(!asked, "somebody was asked to sign in although a new token was to be had");
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve afterwards");
    measured
}

pub(super) async fn token_revoked(long: bool) -> Measured {
    let mut measured = Measured::default();
    let mut world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    for when in [When::Hosting, When::Reconnecting] {
        let mut host = world.host(&[&tunnel]).await;
        revoked(&mut measured, &mut world, &mut host, &tunnel, when, long).await;
    }
    measured
}

/// What a host does when its tokens, and the key that they came from, are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Hosting,
    Reconnecting,
}

async fn revoked(
    measured: &mut Measured,
    world: &mut World,
    host: &mut JsonLines,
    tunnel: &Tunnel,
    when: When,
    long: bool,
) {
    let name = match when {
        When::Hosting => "tokens revoked while hosting (mended: since the user hosts again)",
        When::Reconnecting => "tokens revoked while reconnecting (likewise)",
    };
    let mut case = Case::begin(name, tunnel, PER_SECOND, long).await;
    host.forget(|_| true);
    if when == When::Reconnecting {
        world.proxy.answer_upgrades(Role::Host, 503, 1000);
        say(host, &format!("drop {}", tunnel.id)).await;
        paused(host).await;
    }
    let began = Instant::now();
    world.relay_user(&["revoke", "ann"]).await;
    world.proxy.answer_upgrades(Role::Host, 503, 0);
    host.line("a call to sign in", |line| line["event"] == "relogin_required").await;
    case.noticed(began.elapsed());
    state(host, tunnel, "Error").await;
    let (_, left) = world.settled(0).await;
    measured.must(left == 0, format!("{when:?}: a session is left after the revocation"));
    let served = tunnel.address.serves().await;
    measured.must(!served, format!("{when:?}: the URL serves although its owner is revoked"));
    // A new key, and the user signs in with it and starts the tunnel again.
    world.add_user().await;
    world.sign_in(&world.adit).await;
    host.forget(|_| true);
    let again = Instant::now();
    say(host, &format!("host {}", tunnel.id)).await;
    state(host, tunnel, "Hosting").await;
    case.mended(again.elapsed());
    let served = tunnel.address.serves().await;
    measured.must(served, format!("{when:?}: dead after signing in again"));
    case.end(measured, world, &[host], 1).await;
}

pub(super) async fn slow_command(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let command = Devtunnel::new(&world);
    command.takes(1);
    let mut child = world.adit.command(&["host", &tunnel.id, "--on", "microsoft", "--json"]);
    child.env("DEVTUNNEL_BIN", &command.path);
    child.env("ADIT_MICROSOFT_URL", format!("http://{}", world.proxy.addr()));
    let began = Instant::now();
    let mut host = JsonLines::spawn("adit host", child);
    state(&mut host, &tunnel, "Hosting").await;
    measured.millis("first_hosting_where_each_call_takes_a_second_ms", began.elapsed());
    measured.must(tunnel.address.serves().await, "the URL does not serve");

    command.takes(FOR_EVER);
    let name = "devtunnel hangs, and nothing is asked of it";
    let mut case = Case::begin(name, &tunnel, PER_SECOND, long).await;
    case.dropped(&mut host, &tunnel).await;
    case.end(&mut measured, &world, &[&host], 1).await;

    let name = "devtunnel hangs while a token is needed (mended: since it answers)";
    let mut case = Case::begin(name, &tunnel, PER_SECOND, long).await;
    host.forget(|_| true);
    world.proxy.answer_upgrades(Role::Host, 401, 1);
    let began = Instant::now();
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    paused(&mut host).await;
    case.noticed(began.elapsed());
    command.takes(0);
    let answers = Instant::now();
    state(&mut host, &tunnel, "Hosting").await;
    case.mended(answers.elapsed());
    case.end(&mut measured, &world, &[&host], 1).await;
    measured.must(tunnel.address.serves().await, "the URL does not serve after the command hung");
    measured
}

/// Waits until the host says that it failed and tries again after a while; the first try after a drop is at once.
async fn paused(host: &mut JsonLines) {
    let fits = |line: &Value| line["event"] == "retry" && line["in_ms"].as_u64() > Some(0);
    host.line("another try, after a while", fits).await;
}

/// Longer than anybody waits, in seconds.
const FOR_EVER: u32 = 1000;

/// Microsoft's command; ours plays it, after a while.
struct Devtunnel {
    path: PathBuf,
}

impl Devtunnel {
    fn new(world: &World) -> Self {
        Self { path: world.adit.home().join("devtunnel") }
    }

    /// From now on a call takes so many seconds more.
    fn takes(&self, seconds: u32) {
        let script = format!("#!/bin/sh\nsleep {seconds}\nexec {} \"$@\"\n", binary().display());
        // Another file each time: one that runs cannot be written.
        let next = self.path.with_extension("next");
        std::fs::write(&next, script).expect("an own file");
        std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o700))
            .expect("an own file");
        std::fs::rename(&next, &self.path).expect("an own file");
    }
}
