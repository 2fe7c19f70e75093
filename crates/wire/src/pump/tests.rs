//! Two pumps over an in-memory pipe: a host and the relay's end of it.

use std::time::Duration;

use adit_proto::{
    relay::{
        Host, HostCommand, HostEvent, HostPeer, HostPeerCommand, HostPeerEvent, message::Connect,
    },
    ssh,
};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::{
    channel::{self, Io},
    clock, task,
};

const PORT: u16 = 3000;

struct Pair {
    host: Handle<HostCommand>,
    host_events: Events<HostEvent>,
    host_budget: Arc<ssh::Budget>,
    relay: Handle<HostPeerCommand>,
    relay_events: Events<HostPeerEvent>,
    relay_budget: Arc<ssh::Budget>,
    _tasks: task::Group,
}

fn config(role: ws::Role) -> Config {
    Config { role, ping: None, channels: ssh::Limits::default().channels }
}

/// A host that serves [`PORT`], and the relay that knows.
async fn pair() -> Pair {
    pair_within(usize::MAX).await
}

/// The same with a budget of `limit` bytes on each side.
async fn pair_within(limit: usize) -> Pair {
    let host_budget = Arc::new(ssh::Budget::new(limit));
    let relay_budget = Arc::new(ssh::Budget::new(limit));
    let config_of = |budget: &Arc<ssh::Budget>, cookie| ssh::Config {
        budget: budget.clone(),
        ..ssh::Config::new([cookie; 16])
    };
    let (a, b) = tokio::io::duplex(64 * 1024);
    let tasks = task::Group::new("pair");
    let now = clock::now();
    let role = Host::new(config_of(&host_budget, 1), now);
    let (host, host_events, run) = pump(config(ws::Role::Client), role, a, Bytes::new());
    tasks.spawn("host", run);
    let role = HostPeer::new(config_of(&relay_budget, 2), now);
    let (relay, relay_events, run) = pump(config(ws::Role::Server), role, b, Bytes::new());
    tasks.spawn("relay", run);
    let mut pair =
        Pair { host, host_events, host_budget, relay, relay_events, relay_budget, _tasks: tasks };
    let Some(Event::Role(HostEvent::Ready { own_relay: true })) = pair.host_events.recv().await
    else {
        panic!("no handshake")
    };
    let token = Bytes::from_static(b"token");
    pair.host.command(HostCommand::Announce { port: PORT, token }).await;
    loop {
        match pair.relay_events.recv().await {
            Some(Event::Role(HostPeerEvent::Announce { port: PORT, .. })) => break,
            Some(Event::Role(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    pair.relay.command(HostPeerCommand::Answer { port: PORT, serve: true }).await;
    let Some(Event::Role(HostEvent::Announced { port: PORT })) = pair.host_events.recv().await
    else {
        panic!("not announced")
    };
    pair
}

impl Pair {
    async fn incoming(&mut self) -> Incoming {
        match self.host_events.recv().await {
            Some(Event::Incoming(HostEvent::Connect(_), incoming)) => incoming,
            other => panic!("{other:?}"),
        }
    }

    /// A connection: the relay's end, the host's end.
    async fn channel(&mut self) -> (Channel, Channel) {
        let relay = self.relay.clone();
        let open = relay.open(HostPeerCommand::Connect(Connect::to_port(PORT)));
        let accept = async { self.incoming().await.accept(false).await };
        let (opened, accepted) = tokio::join!(open, accept);
        (opened.unwrap().channel, accepted)
    }
}

async fn drain(mut reader: channel::Reader) -> (Vec<u8>, channel::Ending) {
    let mut all = Vec::new();
    while let Some(bytes) = reader.recv().await {
        all.extend_from_slice(&bytes);
        reader.consumed(bytes.len());
    }
    (all, reader.ending().unwrap())
}

#[tokio::test]
async fn bytes_cross_both_ways_and_each_direction_ends_by_itself() {
    let mut pair = pair().await;
    let (relay, host) = pair.channel().await;
    let (relay_reader, mut relay_writer) = relay.split();
    let (host_reader, mut host_writer) = host.split();
    let question: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let sent = question.clone();
    let ask = async move {
        for chunk in sent.chunks(60_000) {
            relay_writer.send(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        relay_writer.eof().await.unwrap();
        relay_writer
    };
    let ((heard, ending), _relay_writer) = tokio::join!(drain(host_reader), ask);
    assert_eq!(ending, channel::Ending::Eof);
    assert!(heard == question);
    let answer = async move {
        host_writer.send(Bytes::from_static(b"answer")).await.unwrap();
    };
    let ((heard, ending), ()) = tokio::join!(drain(relay_reader), answer);
    assert_eq!((&heard[..], ending), (&b"answer"[..], channel::Ending::Closed));
}

#[tokio::test]
async fn a_channel_works_as_a_byte_stream() {
    let mut pair = pair().await;
    let (relay, host) = pair.channel().await;
    let (mut relay, mut host) = (Io::new(relay), Io::new(host));
    let size = 3 * MEBIBYTE;
    let echo = async {
        let mut buffer = vec![0; 8000];
        loop {
            let n = host.read(&mut buffer).await.unwrap();
            if n == 0 {
                return host.shutdown().await.unwrap();
            }
            host.write_all(&buffer[..n]).await.unwrap();
        }
    };
    let (mut reader, mut writer) = tokio::io::split(&mut relay);
    let talk = async {
        let sent = vec![7; size];
        let send = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let (_, n) = tokio::join!(send, reader.read_to_end(&mut back));
        assert_eq!(n.unwrap(), size);
        assert!(back == sent);
    };
    tokio::join!(echo, talk);
}

const MEBIBYTE: usize = 1024 * 1024;

/// Lets the pumps work until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    clock::until(clock::now() + Duration::from_secs(10), look).await.expect("it never is so");
}

/// Sends without end and tells how much was taken when no more is.
async fn fill(writer: &mut channel::Writer, chunk: &Bytes) -> usize {
    let mut taken = 0;
    let deadline = clock::now() + Duration::from_millis(200);
    while let Ok(sent) = clock::until(deadline, writer.send(chunk.clone())).await {
        sent.unwrap();
        taken += chunk.len();
    }
    taken
}

#[tokio::test]
async fn a_parked_channel_holds_little_and_harms_no_other() {
    let mut pair = pair().await;
    let (_parked_relay, parked) = pair.channel().await;
    let (_, mut parked_writer) = parked.split();
    let chunk = Bytes::from(vec![1; 32 * 1024]);
    let taken = fill(&mut parked_writer, &chunk).await;
    let window = ssh::Limits::default().initial_window as usize;
    let queue = channel::MAX_QUEUED + chunk.len();
    assert!(taken <= window + queue + chunk.len(), "{taken} bytes are held");
    assert_eq!(pair.relay_budget.waiting(), window, "what came and is not read");
    assert!(pair.host_budget.waiting() <= queue, "{}", pair.host_budget.waiting());

    let (relay, host) = pair.channel().await;
    let (relay_reader, _relay_writer) = relay.split();
    let (_host_reader, mut host_writer) = host.split();
    let send = async {
        let (mut received, mut unsent) = (0, 0);
        for _ in 0..(64 * MEBIBYTE / chunk.len()) {
            host_writer.send(chunk.clone()).await.unwrap();
            received = pair.relay_budget.waiting().max(received);
            unsent = pair.host_budget.waiting().max(unsent);
        }
        host_writer.eof().await.unwrap();
        (received, unsent)
    };
    let ((heard, _), (received, unsent)) = tokio::join!(drain(relay_reader), send);
    assert_eq!(heard.len(), 64 * MEBIBYTE);
    let grown = ssh::Limits::default().max_window as usize;
    assert!(received <= window + grown, "{received} bytes waited for readers");
    assert!(unsent <= 2 * queue, "{unsent} bytes waited for the socket");
    until(|| pair.relay_budget.waiting() == window).await;
}

#[tokio::test]
async fn bytes_that_come_one_by_one_wait_in_few_pieces() {
    let mut pair = pair().await;
    let (mut relay, mut host) = pair.channel().await;
    let total = 64 * 1024;
    for _ in 0..total {
        host.send(Bytes::from_static(b"x")).await.unwrap();
    }
    host.close();
    until(|| pair.relay_budget.waiting() == total).await;
    let (mut bytes, mut pieces) = (0, 0);
    while let Some(data) = relay.recv().await {
        bytes += data.len();
        pieces += 1;
        relay.consumed(data.len());
    }
    assert_eq!(bytes, total);
    assert!(pieces <= 2 * channel::INBOX, "{pieces} pieces");
}

#[tokio::test]
async fn a_budget_that_is_used_up_slows_everybody_and_stops_nobody() {
    let mut pair = pair_within(0).await;
    let (_parked_relay, parked) = pair.channel().await;
    let (_, mut parked_writer) = parked.split();
    let chunk = Bytes::from(vec![1; 32 * 1024]);
    let min = ssh::Limits::default().min_window as usize;
    clock::until(clock::now() + Duration::from_millis(50), parked_writer.send(chunk.clone()))
        .await
        .unwrap_err();
    assert_eq!(pair.relay_budget.waiting(), min);
    assert!(pair.host_budget.waiting() <= 2 * min, "{}", pair.host_budget.waiting());

    let (relay, host) = pair.channel().await;
    let (relay_reader, mut relay_writer) = relay.split();
    let (host_reader, mut host_writer) = host.split();
    let forth = async {
        for _ in 0..32 {
            host_writer.send(chunk.clone()).await.unwrap();
            assert!(pair.relay_budget.waiting() <= 4 * min);
            assert!(pair.host_budget.waiting() <= 5 * min);
        }
        host_writer.eof().await.unwrap();
    };
    let back = async {
        for _ in 0..32 {
            relay_writer.send(chunk.clone()).await.unwrap();
        }
        relay_writer.eof().await.unwrap();
    };
    let ((there, _), (here, _), (), ()) =
        tokio::join!(drain(relay_reader), drain(host_reader), forth, back);
    assert_eq!((there.len(), here.len()), (MEBIBYTE, MEBIBYTE));
}

#[tokio::test]
async fn what_a_closed_channel_has_not_sent_counts_until_it_is_sent() {
    let mut pair = pair().await;
    let (mut relay, host) = pair.channel().await;
    let (host_reader, mut host_writer) = host.split();
    let taken = fill(&mut host_writer, &Bytes::from(vec![1; 32 * 1024])).await;
    let window = ssh::Limits::default().initial_window as usize;
    drop((host_reader, host_writer));
    let mut seen = pair.host_budget.waiting();
    assert!(seen >= taken - window, "{seen} of {taken}");
    let mut received = 0;
    while let Some(data) = relay.recv().await {
        received += data.len();
        relay.consumed(data.len());
        seen = pair.host_budget.waiting();
    }
    assert_eq!((received, seen), (taken, 0));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_given_up_is_noticed_and_a_late_answer_closed() {
    let mut pair = pair().await;
    let relay = pair.relay.clone();
    let open = relay.open(HostPeerCommand::Connect(Connect::to_port(PORT)));
    let late = clock::until(clock::now() + Duration::from_secs(5), open).await;
    assert!(late.is_err(), "nobody answers");
    until(|| relay.traffic().channels() == 0).await;
    let incoming = pair.incoming().await;
    clock::sleep(Duration::from_secs(60)).await;
    assert_eq!(pair.relay_budget.promised(), 0, "it has lost its place");
    let (reader, _writer) = incoming.accept(false).await.split();
    assert_eq!(drain(reader).await, (vec![], channel::Ending::Closed));
    pair.channel().await;
}

#[tokio::test]
async fn a_refused_connection_says_what_the_host_said() {
    let mut pair = pair().await;
    let relay = pair.relay.clone();
    let open = relay.open(HostPeerCommand::Connect(Connect::to_port(PORT)));
    let reject = async {
        let incoming = pair.incoming().await;
        incoming.reject(ssh::open_failure::CONNECT_FAILED, "nothing listens").await;
    };
    let (opened, ()) = tokio::join!(open, reject);
    let error = opened.unwrap_err();
    assert!(error.is_connect_failure());
    assert_eq!(error.to_string(), "nothing listens");
}

#[tokio::test]
async fn a_dropped_request_is_refused_and_a_dropped_channel_is_closed() {
    let mut pair = pair().await;
    let relay = pair.relay.clone();
    let open = relay.open(HostPeerCommand::Connect(Connect::to_port(PORT)));
    let drop_it = async { drop(pair.incoming().await) };
    let (opened, ()) = tokio::join!(open, drop_it);
    assert!(matches!(opened, Err(OpenError::Refused(_))));

    let (relay, host) = pair.channel().await;
    drop(host);
    let (reader, _writer) = relay.split();
    assert_eq!(drain(reader).await, (vec![], channel::Ending::Closed));
}

#[tokio::test]
async fn everything_sent_before_close_arrives_even_if_the_session_ends_right_after() {
    let mut pair = pair().await;
    let (relay, mut host) = pair.channel().await;
    let total = 200 * 1000;
    for _ in 0..200 {
        host.send(Bytes::from(vec![5; 1000])).await.unwrap();
    }
    host.close();
    pair.host.disconnect(ssh::disconnect::BY_APPLICATION, "done").await;
    let ended = async {
        loop {
            match pair.relay_events.recv().await {
                Some(Event::Ended(ending)) => return ending,
                Some(_) => {}
                None => panic!("no last event"),
            }
        }
    };
    let (reader, _writer) = relay.split();
    let ((heard, _), ending) = tokio::join!(drain(reader), ended);
    assert_eq!(heard.len(), total);
    assert_eq!(ending, Ending::Disconnected { reason: 11, description: "done".into() });
}

#[tokio::test]
async fn a_lost_session_ends_its_channels_and_tells_its_owner() {
    let mut pair = pair().await;
    let (relay, host) = pair.channel().await;
    pair.host.kill().await;
    let (reader, mut writer) = relay.split();
    assert_eq!(drain(reader).await, (vec![], channel::Ending::Lost));
    assert_eq!(writer.send(Bytes::from_static(b"x")).await, Err(channel::Closed));
    drop(host);
    let open = pair.relay.open(HostPeerCommand::Connect(Connect::to_port(PORT))).await;
    assert_eq!(open.unwrap_err(), OpenError::Ended);
    let Some(Event::Ended(Ending::Lost(_))) = pair.relay_events.recv().await else {
        panic!("no ending")
    };
}

/// What a bare peer writes before anything else: identification and KEXINIT, masked.
fn hello() -> (BytesMut, Host) {
    let mut host = Host::new(ssh::Config::new([3; 16]), clock::now());
    let mut bytes = BytesMut::new();
    masked(&mut host, &mut bytes);
    (bytes, host)
}

fn relay_over(
    stream: DuplexStream,
    ping: Option<KeepAlive>,
    received: Bytes,
) -> (Events<HostPeerEvent>, task::Group, Handle<HostPeerCommand>) {
    let tasks = task::Group::new("relay");
    let role = HostPeer::new(ssh::Config::new([2; 16]), clock::now());
    let config = Config { ping, ..config(ws::Role::Server) };
    let (handle, events, run) = pump(config, role, stream, received);
    tasks.spawn("relay", run);
    (events, tasks, handle)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let (a, mut b) = tokio::io::duplex(64 * 1024);
    let ping = KeepAlive { idle: Duration::from_secs(30), timeout: Duration::from_secs(10) };
    let start = clock::now();
    let (mut events, _tasks, _handle) = relay_over(a, Some(ping), Bytes::new());
    b.write_all(&hello().0).await.unwrap();
    loop {
        match events.recv().await {
            Some(Event::Ended(ending)) => {
                assert_eq!(ending, Ending::Failed(ssh::Error::Silent));
                break;
            }
            Some(_) => {}
            None => panic!("no ending"),
        }
    }
    assert!(clock::now() - start >= Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_peer_in_doubt_has_until_then_to_show_that_it_is_there() {
    let mut pair = pair().await;
    pair.host.prove(Duration::from_secs(5)).await;
    let gone = clock::until(clock::now() + Duration::from_secs(60), pair.host_events.recv()).await;
    assert!(gone.is_err(), "the relay has answered: {gone:?}");

    let (a, mut b) = tokio::io::duplex(64 * 1024);
    let (mut events, _tasks, relay) = relay_over(a, None, Bytes::new());
    b.write_all(&hello().0).await.unwrap();
    let Some(Event::Role(HostPeerEvent::Ready { .. })) = events.recv().await else {
        panic!("not ready")
    };
    // From here on it is silent.
    let start = clock::now();
    relay.prove(Duration::from_secs(5)).await;
    let ending = loop {
        match events.recv().await {
            Some(Event::Ended(ending)) => break ending,
            Some(_) => {}
            None => panic!("no ending"),
        }
    };
    assert_eq!(ending, Ending::Failed(ssh::Error::Silent));
    assert_eq!((clock::now() - start).as_secs(), 5);
}

#[tokio::test]
async fn bytes_read_with_the_upgrade_are_the_first_of_the_session() {
    let (a, _b) = tokio::io::duplex(64 * 1024);
    let (mut events, _tasks, _handle) = relay_over(a, None, hello().0.freeze());
    let Some(Event::Role(HostPeerEvent::Ready { .. })) = events.recv().await else {
        panic!("not ready")
    };
}

#[tokio::test]
async fn a_malformed_frame_ends_this_session_with_a_reason() {
    let (a, mut b) = tokio::io::duplex(64 * 1024);
    let (mut events, _tasks, _handle) = relay_over(a, None, Bytes::new());
    b.write_all(&[0x82, 0x85, 0, 0, 0, 0, b'H', b'T', b'T', b'P', b'\n']).await.unwrap();
    b.write_all(&[0x81, 0x80, 0, 0, 0, 0]).await.unwrap();
    let Some(Event::Ended(Ending::Lost(text))) = events.recv().await else { panic!("goes on") };
    assert!(text.contains("text message"), "{text}");
}

/// Frames a role's packets as its websocket client would.
fn masked(host: &mut Host, into: &mut BytesMut) {
    while let Some(packet) = adit_proto::relay::Role::session(host).poll_transmit() {
        let packet = packet.to_bytes();
        let key = [9, 8, 7, 6];
        let head = ws::FrameHead::new(ws::Opcode::Binary, packet.len(), Some(key));
        into.extend_from_slice(head.as_ref());
        let at = into.len();
        into.extend_from_slice(&packet);
        ws::mask(&mut into[at..], key, 0);
    }
}

#[tokio::test]
async fn an_owner_that_answers_every_event_hears_of_the_end_behind_full_queues() {
    let (a, mut b) = tokio::io::duplex(1024 * 1024);
    let (mut events, _tasks, handle) = relay_over(a, None, Bytes::new());
    let (mut bytes, mut host) = hello();
    for port in 1..=500 {
        let token = Bytes::from_static(b"token");
        adit_proto::relay::Role::command(&mut host, HostCommand::Announce { port, token });
    }
    masked(&mut host, &mut bytes);
    // A text frame: the session ends with all of that in its queues.
    bytes.extend_from_slice(&[0x81, 0x80, 0, 0, 0, 0]);
    b.write_all(&bytes).await.unwrap();
    let answer_all = async {
        loop {
            match events.recv().await {
                Some(Event::Role(HostPeerEvent::Announce { port, .. })) => {
                    handle.command(HostPeerCommand::Answer { port, serve: true }).await;
                }
                Some(Event::Ended(ending)) => return ending,
                Some(_) => {}
                None => panic!("no ending"),
            }
        }
    };
    let ending = clock::until(clock::now() + Duration::from_secs(10), answer_all).await;
    assert!(matches!(ending, Ok(Ending::Lost(_))), "{ending:?}");
    assert!(handle.is_ended());
}

#[tokio::test]
async fn a_peer_that_pings_and_does_not_read_is_owed_one_pong_only() {
    let (a, mut b) = tokio::io::duplex(4 * 1024);
    let (_events, _tasks, _handle) = relay_over(a, None, Bytes::new());
    b.write_all(&hello().0).await.unwrap();
    let ping = [0x89, 0xfd, 0, 0, 0, 0];
    for n in 0..10_000_u32 {
        let mut payload = vec![b'.'; 125];
        payload[..4].copy_from_slice(&n.to_be_bytes());
        b.write_all(&ping).await.unwrap();
        b.write_all(&payload).await.unwrap();
    }
    // Everything was taken although nothing was read; what comes back is little, and the last.
    let mut answered = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let last = 9_999_u32.to_be_bytes();
    while !answered.windows(4).any(|four: &[u8]| four == last) {
        let n = b.read(&mut buffer).await.unwrap();
        answered.extend_from_slice(&buffer[..n]);
    }
    assert!(answered.len() < 400 * 1024, "{} bytes for 1.25 MB of pings", answered.len());
}
