//! Streams that last: server-sent events and websockets, when their session is lost and when it is replaced.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::suite::backend::MARK;
use crate::suite::case::Case;
use crate::suite::figures::Column;
use crate::suite::outcome::Measured;
use crate::suite::talker::{Talked, Talker, Talking, echo};
use crate::suite::world::{World, read_up, say, state};

/// How long a talk goes on before something happens, and after.
const WHILE: Duration = Duration::from_secs(1);

/// How often a visitor asks beside a stream.
const PER_SECOND: u32 = 50;

/// A session that is replaced by plan is left to its streams for so long.
const RETIRING: Duration = Duration::from_secs(60);

pub(super) async fn events_through_a_drop(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let tunnel = world.tunnel("shop").await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("event stream, session dropped", &tunnel, PER_SECOND, long).await;
    let mut stream = tunnel.address.open("/events", "keep-alive").await.expect("a connection");
    measured.must(hears(&mut stream).await, "the stream has no events");
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    let began = Instant::now();
    // What the visitor sees: the stream ends; a browser's EventSource then asks again.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
    measured.must(ended.is_ok(), "a stream whose session is gone neither ends nor goes on");
    case.noticed(began.elapsed());
    let mut again = tunnel.address.open("/events", "keep-alive").await.expect("a connection");
    measured.must(hears(&mut again).await, "the next stream has no events");
    case.mended(began.elapsed());
    drop(again);
    case.end(&mut measured, &world, &[&host], 1).await;
    measured
}

/// Whether an event of the local server comes.
async fn hears(stream: &mut TcpStream) -> bool {
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

pub(super) async fn websocket_through_a_drop(long: bool) -> Measured {
    let mut measured = Measured::default();
    let world = World::new("").await;
    let (_web, port) = echo().await;
    let tunnel = world.tunnel_at("chat", port).await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("websocket, session dropped", &tunnel, PER_SECOND, long).await;
    let talking = Talker::ready().await.dial(&tunnel.address).await;
    tokio::time::sleep(WHILE).await;
    // The next page is open already, so that what is measured is not its start.
    let next = Talker::ready().await;
    let began = Instant::now();
    say(&mut host, &format!("drop {}", tunnel.id)).await;
    // What the visitor sees: the websocket ends; a page then opens the next.
    let talked = talking.until_cut(Duration::from_secs(60)).await;
    let Some(cut) = talked.cut else {
        measured.must(false, format!("a websocket whose session is gone is not cut: {talked:?}"));
        return measured;
    };
    case.noticed(cut.saturating_duration_since(began));
    let again = next.dial(&tunnel.address).await;
    case.mended(began.elapsed());
    tokio::time::sleep(WHILE).await;
    let (talker, next) = again.stop().await;
    talker.hang_up().await;
    whole(&mut measured, "before", &talked);
    whole(&mut measured, "after", &next);
    measured.must(next.cut.is_none(), "the next websocket was cut too");
    measured.figure("words_echoed_before", talked.echoed);
    measured.figure("words_echoed_after", next.echoed);
    state(&mut host, &tunnel, "Reconnecting").await;
    state(&mut host, &tunnel, "Hosting").await;
    case.end(&mut measured, &world, &[&host], 1).await;
    measured
}

/// What came through a websocket is what was said, and something was.
fn whole(measured: &mut Measured, when: &str, talked: &Talked) {
    let wrong = talked.wrong.as_deref().unwrap_or_default();
    measured.must(talked.wrong.is_none(), format!("{when}: {wrong}"));
    measured.must(talked.echoed > 0, format!("{when}: nothing was said"));
}

pub(super) async fn websocket_through_a_swap(long: bool) -> Measured {
    let mut measured = Measured::default();
    renewed(&mut measured, long).await;
    relay_replaced(&mut measured, long).await;
    measured
}

/// A host replaces its session because its tokens run out. In its eyes they live for six seconds.
async fn renewed(measured: &mut Measured, long: bool) {
    let world = World::at("-54", "[tokens]\nlifetime = '1m'").await;
    let (_web, port) = echo().await;
    let tunnel = world.tunnel_at("chat", port).await;
    let mut host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("websocket, session renewed", &tunnel, PER_SECOND, long).await;
    case.none(&[Column::Noticed, Column::Mended], "it is by plan");
    let talking = Talker::ready().await.dial(&tunnel.address).await;
    tokio::time::sleep(WHILE).await;
    let before = world.proxy.count("GET", "/host/");
    let began = Instant::now();
    while world.proxy.count("GET", "/host/") < before + 2 && began.elapsed() < RETIRING / 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let swaps = world.proxy.count("GET", "/host/") - before;
    measured.must(swaps >= 2, format!("{swaps} renewals in {} s", began.elapsed().as_secs()));
    tokio::time::sleep(WHILE).await;
    let names = ("words_through_renewals", "lived_on_after_renewals");
    uncut(measured, "the session was renewed", names, talking, long).await;
    // No more renewals, so that the sessions can be counted.
    world.calendar.as_ref().expect("set above").set("+0");
    case.end_without_loss(measured, &world, &[&host], 1).await;
    read_up(&mut host).await;
    let dropped = host.kept().any(|line| line["state"] == "Reconnecting");
    measured.must(!dropped, "the host had no session while it renewed it");
}

async fn relay_replaced(measured: &mut Measured, long: bool) {
    let mut world = World::new("").await;
    let (_web, port) = echo().await;
    let tunnel = world.tunnel_at("chat", port).await;
    let host = world.host(&[&tunnel]).await;
    let mut case = Case::begin("websocket, relay replaced", &tunnel, PER_SECOND, long).await;
    case.none(&[Column::Noticed, Column::Mended], "it is by plan");
    let talking = Talker::ready().await.dial(&tunnel.address).await;
    tokio::time::sleep(WHILE).await;
    let mut old = world.take_over().await;
    // Until new requests go the new way.
    tokio::time::sleep(WHILE * 3).await;
    let names = ("words_through_a_replacement", "lived_on_after_a_replacement");
    uncut(measured, "the relay was replaced", names, talking, long).await;
    let ended = old.ended().await;
    measured.must(ended.success(), format!("the old relay ended with {ended}"));
    case.end_without_loss(measured, &world, &[&host], 1).await;
}

/// The websocket has lived through it; in the long form, it is also seen how long it lives on.
async fn uncut(
    measured: &mut Measured,
    what: &str,
    (words, lived_on): (&'static str, &'static str),
    talking: Talking,
    long: bool,
) {
    let (talker, talked) = talking.stop().await;
    whole(measured, what, &talked);
    measured.must(talked.cut.is_none(), format!("a websocket was cut when {what}"));
    measured.figure(words, talked.echoed);
    measured.millis("slowest_echo_ms", talked.slowest);
    if talked.cut.is_some() || !long {
        return talker.hang_up().await;
    }
    let began = Instant::now();
    let more = talker.start().until_cut(RETIRING * 2).await;
    whole(measured, what, &more);
    let lived = more.cut.map(|cut| cut.saturating_duration_since(began));
    measured.figure(
        lived_on,
        lived.map_or("more than 120 s".to_owned(), |lived| format!("{} s", lived.as_secs())),
    );
}
