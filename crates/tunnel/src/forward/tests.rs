//! A host's pump and the relay's end of it over an in-memory pipe, and real TCP on the local side.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use adit_proto::relay::{Host, HostCommand, HostEvent, HostPeer, HostPeerCommand, HostPeerEvent};
use adit_proto::{relay::message::Connect, ssh};
use adit_wire::pump::{self, Event, Events, Handle};
use adit_wire::{task, ws};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::inspect::{Inspector, Keep, Observation, Passed};

const PORT: u16 = 3000;

struct Session {
    relay: Handle<HostPeerCommand>,
    relay_events: Events<HostPeerEvent>,
    host: Handle<HostCommand>,
    host_events: Events<HostEvent>,
    _tasks: task::Group,
}

impl Session {
    async fn new() -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let tasks = task::Group::new("session");
        let now = clock::now();
        let config = |role| pump::Config { role, ping: None, channels: 100 };
        let role = Host::new(ssh::Config::new([1; 16]), now);
        let (host, host_events, run) =
            pump::pump(config(ws::Role::Client), role, near, Bytes::new());
        tasks.spawn("host", run);
        let role = HostPeer::new(ssh::Config::new([2; 16]), now);
        let (relay, relay_events, run) =
            pump::pump(config(ws::Role::Server), role, far, Bytes::new());
        tasks.spawn("relay", run);
        let mut session = Self { relay, relay_events, host, host_events, _tasks: tasks };
        let token = Bytes::from_static(b"token");
        session.host.command(HostCommand::Announce { port: PORT, token }).await;
        loop {
            match session.relay_events.recv().await.expect("an event") {
                Event::Role(HostPeerEvent::Announce { .. }) => break,
                event => assert!(matches!(event, Event::Role(_)), "{event:?}"),
            }
        }
        session.relay.command(HostPeerCommand::Answer { port: PORT, serve: true }).await;
        session
    }

    /// A connection: what the visitor holds, and what the host was given.
    async fn channel(&mut self) -> (Channel, Channel) {
        let relay = self.relay.clone();
        let open = relay.open(HostPeerCommand::Connect(Connect::to_port(PORT)));
        let accept = async {
            loop {
                match self.host_events.recv().await.expect("an event") {
                    Event::Incoming(_, incoming) => break incoming.accept(false).await,
                    event => assert!(matches!(event, Event::Role(_)), "{event:?}"),
                }
            }
        };
        let (opened, accepted) = tokio::join!(open, accept);
        (opened.expect("it is accepted").channel, accepted)
    }
}

/// A spliced connection from end to end.
struct Joined {
    visitor: Channel,
    server: TcpStream,
    splice: task::Task<Outcome>,
    session: Session,
}

impl Joined {
    async fn new(tap: Option<Tap>) -> Self {
        let mut session = Session::new().await;
        let (visitor, channel) = session.channel().await;
        let (local, server) = tcp().await;
        let splice = task::spawn("splice", splice(channel, local, Flow { tap, ..Flow::default() }));
        Self { visitor, server, splice, session }
    }
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("a connection"), far.expect("a connection").0)
}

/// Everything up to the end of a reader's stream, and how that ended.
async fn drain(mut reader: Reader) -> (Vec<u8>, Ending) {
    let mut all = Vec::new();
    while let Some(bytes) = reader.recv().await {
        all.extend_from_slice(&bytes);
        reader.consumed(bytes.len());
    }
    (all, reader.ending().expect("an ending"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_may_end_before_its_answer_begins() {
    let Joined { mut visitor, mut server, mut splice, session } = Joined::new(None).await;
    visitor.send(Bytes::from_static(b"question")).await.expect("it is open");
    visitor.eof().await.expect("it is open");
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.expect("a question");
    assert_eq!(question, b"question");

    server.write_all(b"answer").await.expect("it is open");
    drop(server);
    let (reader, _writer) = visitor.split();
    let (answer, ending) = drain(reader).await;
    // Both directions have ended, so that the channel is closed.
    assert_eq!((&answer[..], ending), (&b"answer"[..], Ending::Closed));
    assert_eq!(splice.join().await, Some(Outcome::Complete));
    assert!(!session.relay.is_ended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_say_all_it_has_and_go_on_listening() {
    let Joined { visitor, mut server, mut splice, session: _session } = Joined::new(None).await;
    server.write_all(b"greeting").await.expect("it is open");
    server.shutdown().await.expect("it is open");
    let (reader, mut writer) = visitor.split();
    let (greeting, ending) = drain(reader).await;
    assert_eq!((&greeting[..], ending), (&b"greeting"[..], Ending::Eof));

    writer.send(Bytes::from_static(b"thanks")).await.expect("it is open");
    writer.eof().await.expect("it is open");
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.expect("an orderly end");
    assert_eq!(heard, b"thanks");
    assert_eq!(splice.join().await, Some(Outcome::Complete));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_pass_both_ways_at_once_and_unchanged() {
    let Joined { visitor, mut server, mut splice, session: _session } = Joined::new(None).await;
    let up: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let down: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 241) as u8).collect();
    let (reader, mut writer) = visitor.split();
    let (mut read, mut write) = server.split();
    let send_up = async {
        for piece in up.chunks(40_000) {
            writer.send(Bytes::copy_from_slice(piece)).await.expect("it is open");
        }
        writer.eof().await.expect("it is open");
    };
    let send_down = async {
        write.write_all(&down).await.expect("it is open");
        write.shutdown().await.expect("it is open");
    };
    let mut heard = Vec::new();
    let (_, _, heard_up, (heard_down, _)) =
        tokio::join!(send_up, send_down, read.read_to_end(&mut heard), drain(reader));
    heard_up.expect("an orderly end");
    assert!(heard == up && heard_down == down);
    assert_eq!(splice.join().await, Some(Outcome::Complete));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_visitor_said_before_closing_arrives() {
    let Joined { mut visitor, mut server, mut splice, session: _session } = Joined::new(None).await;
    visitor.send(Bytes::from_static(b"last words")).await.expect("it is open");
    visitor.close();
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.expect("an orderly end");
    assert_eq!(heard, b"last words");
    // Nobody takes this, and it must not turn the orderly end into a broken one.
    server.write_all(b"too late").await.expect("it is taken");
    drop(server);
    assert_eq!(splice.join().await, Some(Outcome::Complete));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_session_resets_the_local_side() {
    let Joined { mut visitor, mut server, mut splice, session } = Joined::new(None).await;
    visitor.send(Bytes::from_static(b"half")).await.expect("it is open");
    let mut heard = [0; 4];
    server.read_exact(&mut heard).await.expect("half");
    drop(session);
    assert_eq!(splice.join().await, Some(Outcome::TunnelLost));
    let error = server.read(&mut heard).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_local_side_is_not_passed_on_as_an_orderly_end() {
    let Joined { visitor, mut server, mut splice, session } = Joined::new(None).await;
    server.write_all(b"half").await.expect("it is open");
    let (mut reader, _writer) = visitor.split();
    assert_eq!(reader.recv().await.expect("half"), "half");
    server.set_zero_linger().expect("a socket");
    drop(server);
    assert_eq!(splice.join().await, Some(Outcome::LocalBroke));
    // CLOSE without EOF.
    assert_eq!(drain(reader).await.1, Ending::Closed);
    assert!(!session.relay.is_ended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_side_that_reads_nothing_holds_up_nobody_else() {
    let Joined { mut visitor, server, splice, mut session } = Joined::new(None).await;
    let stuck = task::spawn("stuck", async move {
        loop {
            if visitor.send(Bytes::from(vec![0; 100_000])).await.is_err() {
                break;
            }
        }
    });
    let (other, channel) = session.channel().await;
    let (local, mut other_server) = tcp().await;
    let _other_splice = task::spawn("splice", super::splice(channel, local, Flow::default()));
    let (mut reader, mut writer) = other.split();
    for _ in 0..200 {
        writer.send(Bytes::from(vec![1; 50_000])).await.expect("it is open");
        let mut heard = vec![0; 50_000];
        other_server.read_exact(&mut heard).await.expect("it is open");
        other_server.write_all(b"ok").await.expect("it is open");
        let answer = reader.recv().await.expect("an answer");
        reader.consumed(answer.len());
    }
    assert!(!splice.is_finished() && !stuck.is_finished());
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_sees_what_passes() {
    let (inspector, mut seen) = Inspector::new();
    let Joined { mut visitor, mut server, mut splice, session: _session } =
        Joined::new(Some(inspector.tap(PORT, false))).await;
    visitor.send(Bytes::from_static(b"GET /a HTTP/1.1\r\n\r\n")).await.expect("it is open");
    let mut heard = [0; 19];
    server.read_exact(&mut heard).await.expect("a request");
    server.write_all(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").await.expect("it is open");
    drop(server);
    visitor.eof().await.expect("it is open");
    assert_eq!(splice.join().await, Some(Outcome::Complete));
    let Observation::Exchange(exchange) = seen.try_recv().expect("an exchange").observation else {
        panic!("no exchange")
    };
    assert_eq!((&*exchange.target, exchange.status, exchange.received), ("/a", Some(200), 13));
}

/// A tap that keeps bodies, over more requests than its queue takes, which nobody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_costs_observations_and_no_byte() {
    const REQUESTS: usize = 400;
    let keep = Keep::heads();
    keep.bodies(PORT, true);
    let (inspector, seen) = Inspector::keeping(keep.clone());
    let mut tap = inspector.tap(PORT, false);
    tap.joined();
    let Joined { visitor, mut server, mut splice, session: _session } =
        Joined::new(Some(tap)).await;
    // Chunks, secrets and bytes that are no text, in pieces that end anywhere.
    let mut request =
        b"POST /a?b=c HTTP/1.1\r\nCookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    request.extend_from_slice(b"3\r\n\xff\x00\x80\r\n0\r\n\r\n");
    let mut answer =
        b"HTTP/1.1 200 OK\r\nSet-Cookie: c=d\r\nContent-Length: 70000\r\n\r\n".to_vec();
    answer.extend((0..70_000_u32).map(|n| (n % 251) as u8));
    let (mut reader, mut writer) = visitor.split();
    for _ in 0..REQUESTS {
        for piece in request.chunks(17) {
            writer.send(Bytes::copy_from_slice(piece)).await.expect("it is open");
        }
        let mut heard = vec![0; request.len()];
        server.read_exact(&mut heard).await.expect("a request");
        assert!(heard == request);
        let mut told = Vec::new();
        let tell = async { server.write_all(&answer).await.expect("it is open") };
        let hear = async {
            while told.len() < answer.len() {
                let bytes = reader.recv().await.expect("an answer");
                reader.consumed(bytes.len());
                told.extend_from_slice(&bytes);
            }
        };
        tokio::join!(tell, hear);
        assert!(told == answer);
    }
    assert_eq!(keep.connections(), [(PORT, 1)].into());
    drop(server);
    writer.eof().await.expect("it is open");
    assert_eq!(splice.join().await, Some(Outcome::Complete));
    assert_eq!(seen.len() + inspector.dropped() as usize, REQUESTS);
    assert!(inspector.dropped() > 0);
    keep.connections();
    assert_eq!(keep.connections(), [].into());
}

/// Takes what passed until it is that much, which a test's time limit ends.
async fn until_passed(keep: &Keep, received: u64, sent: u64) {
    let mut all = Passed::default();
    while all != (Passed { received, sent }) {
        let passed = keep.passed().remove(&PORT).unwrap_or_default();
        all = Passed { received: all.received + passed.received, sent: all.sent + passed.sent };
        assert!(all.received <= received && all.sent <= sent, "{all:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_count_both_ways_while_they_pass_also_where_nothing_is_looked_at() {
    let keep = Keep::default();
    let (inspector, mut seen) = Inspector::keeping(keep.clone());
    let mut tap = inspector.tap(PORT, true);
    tap.joined();
    let Joined { visitor, mut server, mut splice, session: _session } =
        Joined::new(Some(tap)).await;
    assert_eq!(keep.passed(), [].into());
    let (mut reader, mut writer) = visitor.split();
    // An echo that says everything twice, on a connection that goes on.
    for _ in 0..2 {
        writer.send(Bytes::from(vec![1; 40_000])).await.expect("it is open");
        let mut heard = vec![0; 40_000];
        server.read_exact(&mut heard).await.expect("it is open");
        let tell = async {
            server.write_all(&heard).await.expect("it is open");
            server.write_all(&heard).await.expect("it is open");
        };
        let hear = async {
            let mut told = 0;
            while told < 80_000 {
                let bytes = reader.recv().await.expect("an answer");
                reader.consumed(bytes.len());
                told += bytes.len();
            }
        };
        tokio::join!(tell, hear);
        until_passed(&keep, 40_000, 80_000).await;
    }
    drop(server);
    writer.eof().await.expect("it is open");
    assert_eq!(splice.join().await, Some(Outcome::Complete));
    assert_eq!(keep.passed(), [].into());
    assert!(matches!(
        seen.try_recv().expect("it is told").observation,
        Observation::NotInspected(_)
    ));
}
