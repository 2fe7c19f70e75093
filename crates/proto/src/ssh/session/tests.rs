//! Two sessions face to face, with a wire between them that a test can cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::ssh::{disconnect, open_failure, test_clock};

struct Pair {
    now: Instant,
    a: Session,
    b: Session,
}

impl Pair {
    fn new() -> Self {
        Self::with(Config::new([1; 16]), Config::new([2; 16]))
    }

    fn with(a: Config, b: Config) -> Self {
        let now = test_clock::start();
        let mut pair = Self { now, a: Session::new(a, now), b: Session::new(b, now) };
        pair.run();
        assert!(matches!(pair.a.poll_event(), Some(Event::Ready { .. })));
        assert!(matches!(pair.b.poll_event(), Some(Event::Ready { .. })));
        pair
    }

    /// Moves packets both ways until neither side has anything to say.
    fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(packet) = self.a.poll_transmit() {
                self.b.receive(packet.to_bytes(), self.now).unwrap();
                moved = true;
            }
            while let Some(packet) = self.b.poll_transmit() {
                self.a.receive(packet.to_bytes(), self.now).unwrap();
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    /// A channel from `a` to `b`, confirmed.
    fn channel(&mut self) -> (ChannelId, ChannelId) {
        let a = self.a.open(b"test", b"").unwrap();
        self.run();
        let Some(Event::Open { channel: b, .. }) = self.b.poll_event() else { panic!() };
        self.b.accept(b, b"");
        self.run();
        assert!(matches!(self.a.poll_event(), Some(Event::Opened { .. })));
        (a, b)
    }
}

fn foreign(cookie: [u8; 16]) -> Config {
    Config { software: "dev-tunnels-ssh_3.12.42".into(), ..Config::new(cookie) }
}

fn data_of(session: &mut Session, channel: ChannelId, now: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(event) = session.poll_event() {
        let Event::Data { channel: on, data } = event else { panic!("{event:?}") };
        assert_eq!(on, channel);
        session.consumed(channel, data.len(), now);
        all.extend_from_slice(&data);
    }
    all
}

#[test]
fn extras_of_opens_and_confirmations_arrive_as_they_were_sent() {
    let mut pair = Pair::new();
    let a = pair.a.open(b"forwarded-tcpip", b"extra").unwrap();
    pair.run();
    let Some(Event::Open { channel: b, kind, payload }) = pair.b.poll_event() else { panic!() };
    assert_eq!((&kind[..], &payload[..]), (&b"forwarded-tcpip"[..], &b"extra"[..]));
    pair.b.accept(b, &[1]);
    pair.run();
    let opened = Event::Opened { channel: a, payload: Bytes::from_static(&[1]) };
    assert_eq!(pair.a.poll_event(), Some(opened));
}

#[test]
fn a_refused_channel_says_why_and_is_gone() {
    let mut pair = Pair::new();
    let a = pair.a.open(b"test", b"").unwrap();
    pair.run();
    let Some(Event::Open { channel: b, .. }) = pair.b.poll_event() else { panic!() };
    pair.b.reject(b, open_failure::CONNECT_FAILED, "nothing listens on port 3000");
    pair.run();
    let Some(Event::OpenFailed { channel, failure }) = pair.a.poll_event() else { panic!() };
    assert_eq!((channel, failure.reason), (a, open_failure::CONNECT_FAILED));
    assert_eq!(failure.description, "nothing listens on port 3000");
    assert_eq!((pair.a.channels(), pair.b.channels()), (0, 0));
}

#[test]
fn a_sender_stops_at_the_window_until_bytes_were_used() {
    let mut pair = Pair::new();
    let (a, b) = pair.channel();
    pair.a.push(a, Bytes::from(vec![7; 300 * 1024]), pair.now);
    pair.run();
    assert_eq!(pair.a.queued(a), 44 * 1024, "all but the 256 KiB of the window left");
    let mut total = data_of(&mut pair.b, b, pair.now).len();
    pair.run();
    total += data_of(&mut pair.b, b, pair.now).len();
    assert_eq!((total, pair.a.queued(a)), (300 * 1024, 0));
}

#[test]
fn a_channel_nobody_reads_does_not_hold_up_its_neighbour() {
    let mut pair = Pair::new();
    let (parked, _) = pair.channel();
    let (busy, busy_b) = pair.channel();
    pair.a.push(parked, Bytes::from(vec![1; 1 << 20]), pair.now);
    let mut received = 0;
    for _ in 0..64 {
        pair.a.push(busy, Bytes::from(vec![2; 64 * 1024]), pair.now);
        pair.run();
        while let Some(event) = pair.b.poll_event() {
            if let Event::Data { channel, data } = event
                && channel == busy_b
            {
                received += data.len();
                pair.b.consumed(busy_b, data.len(), pair.now);
            }
        }
    }
    pair.run();
    while let Some(event) = pair.b.poll_event() {
        if let Event::Data { data, .. } = event {
            received += data.len();
        }
    }
    assert_eq!(received, 64 * 64 * 1024);
}

#[test]
fn a_peer_that_ignores_its_credit_loses_its_session() {
    let mut pair = Pair::new();
    let (_, b) = pair.channel();
    let flood = Packet::data(1, b.0, Bytes::from(vec![0; 300 * 1024]));
    let error = pair.b.receive(flood.to_bytes(), pair.now).unwrap_err();
    assert_eq!(error.disconnect_reason(), disconnect::PROTOCOL_ERROR);
    assert!(pair.b.is_closed());
}

#[test]
fn half_close_passes_between_own_peers_and_both_ends_close() {
    let mut pair = Pair::new();
    let (a, b) = pair.channel();
    pair.a.push(a, Bytes::from_static(b"question"), pair.now);
    pair.a.eof(a, pair.now);
    pair.run();
    assert!(matches!(pair.b.poll_event(), Some(Event::Data { .. })));
    assert_eq!(pair.b.poll_event(), Some(Event::Eof { channel: b }));
    pair.b.push(b, Bytes::from_static(b"answer"), pair.now);
    pair.b.eof(b, pair.now);
    pair.run();
    assert!(matches!(pair.a.poll_event(), Some(Event::Data { .. })));
    assert_eq!(pair.a.poll_event(), Some(Event::Eof { channel: a }), "a clean end");
    assert_eq!(pair.a.poll_event(), Some(Event::Closed { channel: a }));
    assert_eq!((pair.a.channels(), pair.b.channels()), (0, 0));
}

#[test]
fn a_peer_without_half_close_gets_close_after_thirty_idle_seconds() {
    let mut pair = Pair::with(Config::new([1; 16]), foreign([2; 16]));
    let (a, b) = pair.channel();
    pair.a.eof(a, pair.now);
    pair.run();
    assert_eq!(pair.b.poll_event(), None, "EOF would end both directions there");
    pair.now += Duration::from_secs(20);
    pair.b.push(b, Bytes::from_static(b"still talking"), pair.now);
    pair.run();
    pair.now += Duration::from_secs(29);
    pair.a.handle_timeout(pair.now).unwrap();
    pair.run();
    assert_eq!(pair.b.poll_event(), None);
    let deadline = pair.a.poll_timeout().unwrap();
    assert_eq!(deadline, pair.now + Duration::from_secs(1));
    pair.now = deadline;
    pair.a.handle_timeout(pair.now).unwrap();
    pair.run();
    assert_eq!(pair.b.poll_event(), Some(Event::Closed { channel: b }));
}

#[test]
fn a_peer_that_takes_nothing_of_a_closed_channel_gets_close_without_it() {
    let mut pair = Pair::new();
    let (a, b) = pair.channel();
    pair.a.push(a, Bytes::from(vec![7; 400 * 1024]), pair.now);
    pair.a.close(a, pair.now);
    pair.run();
    assert_eq!(pair.a.channels(), 1, "CLOSE waits behind what has no credit");
    pair.now = pair.a.poll_timeout().unwrap();
    pair.a.handle_timeout(pair.now).unwrap();
    pair.run();
    assert_eq!((pair.a.channels(), pair.b.channels()), (0, 0));
    let last = std::iter::from_fn(|| pair.b.poll_event()).last();
    assert_eq!(last, Some(Event::Closed { channel: b }));
}

#[test]
fn a_late_message_for_a_freed_channel_is_ignored_and_for_an_unknown_one_is_an_error() {
    let mut pair = Pair::new();
    let (a, b) = pair.channel();
    pair.a.close(a, pair.now);
    pair.run();
    assert_eq!(pair.b.poll_event(), Some(Event::Closed { channel: b }));
    let late = Packet::data(1, b.0, Bytes::from_static(b"late"));
    assert_eq!(pair.b.receive(late.to_bytes(), pair.now), Ok(()));
    let wild = Packet::data(1, 77, Bytes::from_static(b"wild"));
    assert!(pair.b.receive(wild.to_bytes(), pair.now).is_err());
}

#[test]
fn a_peer_that_sends_one_byte_a_packet_takes_no_more_memory_than_one_that_does_not() {
    let mut pair = Pair::new();
    let channels = [pair.channel().1, pair.channel().1];
    let total = 2 * 256 * 1024_usize;
    for at in 0..total {
        let packet = Packet::data(1, channels[at % 2].0, Bytes::from_static(b"x"));
        pair.b.receive(packet.to_bytes(), pair.now).unwrap();
    }
    let (mut events, mut bytes) = (0, 0);
    while let Some(event) = pair.b.poll_event() {
        let Event::Data { data, .. } = event else { panic!("{event:?}") };
        events += 1;
        bytes += data.len();
    }
    assert_eq!(bytes, total);
    assert!(events <= 20, "{events} events");

    let (a, _) = pair.channel();
    for _ in 0..total {
        pair.a.push(a, Bytes::from_static(b"x"), pair.now);
    }
    let packets = std::iter::from_fn(|| pair.a.poll_transmit()).count();
    assert!(packets <= 20, "{packets} packets");
}

#[test]
fn a_byte_that_waits_keeps_no_buffer_alive() {
    let mut pair = Pair::new();
    let (_, b) = pair.channel();
    let mut buffer = Packet::data(1, b.0, Bytes::from_static(b"x")).to_bytes().to_vec();
    let ignored = Writer::message(IGNORE).string(&[0; 200 * 1024]).finish();
    buffer.extend_from_slice(&Packet::payload(ignored).to_bytes());
    let open = Writer::message(CHANNEL_OPEN).string(b"test").u32(9).u32(1).u32(1).string(b"token");
    buffer.extend_from_slice(&Packet::payload(open.finish()).to_bytes());
    let buffer = Bytes::from(buffer);
    pair.b.receive(buffer.clone(), pair.now).unwrap();
    assert!(buffer.is_unique(), "what waits are copies");
    assert!(matches!(pair.b.poll_event(), Some(Event::Data { .. })));
    assert!(matches!(pair.b.poll_event(), Some(Event::Open { .. })));
}

#[test]
fn what_comes_after_data_waits_for_all_of_it() {
    let mut pair = Pair::new();
    let (a, b) = pair.channel();
    for part in ["one ", "two ", "three"] {
        pair.a.push(a, Bytes::from(part), pair.now);
        let packet = pair.a.poll_transmit().unwrap();
        pair.b.receive(packet.to_bytes(), pair.now).unwrap();
    }
    pair.a.close(a, pair.now);
    pair.run();
    assert_eq!(data_until_closed(&mut pair.b, b), b"one two three");
}

fn data_until_closed(session: &mut Session, channel: ChannelId) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match session.poll_event() {
            Some(Event::Data { channel: on, data }) if on == channel => {
                all.extend_from_slice(&data)
            }
            Some(Event::Closed { channel: on }) if on == channel => return all,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_channel_that_was_given_up_while_opening_keeps_its_place_for_a_while_only() {
    let limits = Limits { channels: 2, ..Limits::default() };
    let mut pair = Pair::with(Config { limits, ..Config::new([1; 16]) }, Config::new([2; 16]));
    for _ in 0..2 {
        let given_up = pair.a.open(b"test", b"").unwrap();
        pair.a.close(given_up, pair.now);
    }
    pair.run();
    assert_eq!(pair.a.open(b"test", b""), None, "the peer has two questions already");
    let Some(Event::Open { channel: first, .. }) = pair.b.poll_event() else { panic!() };
    let Some(Event::Open { channel: second, .. }) = pair.b.poll_event() else { panic!() };
    pair.b.accept(first, b"");
    pair.run();
    assert_eq!(pair.b.poll_event(), Some(Event::Closed { channel: first }), "nobody wants it");
    assert_eq!(pair.a.channels(), 1);

    pair.now = pair.a.poll_timeout().unwrap();
    pair.a.handle_timeout(pair.now).unwrap();
    assert_eq!((pair.a.channels(), pair.a.budget().promised()), (0, 0));
    pair.b.accept(second, b"");
    pair.b.push(second, Bytes::from_static(b"hello"), pair.now);
    pair.run();
    assert_eq!(pair.b.poll_event(), Some(Event::Closed { channel: second }), "however late");
    assert_eq!(pair.a.poll_event(), None);
}

#[test]
fn a_session_full_of_channels_has_promised_its_limit_and_a_little_for_each() {
    let limits = Limits::default();
    let mut pair = Pair::new();
    for _ in 0..limits.channels {
        pair.a.open(b"test", b"").unwrap();
    }
    let most = limits.session_window + limits.channels * limits.min_window as usize;
    let promised = pair.a.budget().promised();
    assert!((limits.session_window / 2..=most).contains(&promised), "{promised} of {most}");
}

#[test]
fn bytes_of_a_channel_that_is_gone_count_until_they_are_used() {
    let mut pair = Pair::new();
    for used in [true, false] {
        let (a, b) = pair.channel();
        pair.a.push(a, Bytes::from(vec![1; 1000]), pair.now);
        pair.a.close(a, pair.now);
        pair.run();
        assert_eq!(data_until_closed(&mut pair.b, b).len(), 1000);
        assert_eq!(pair.b.channels(), 0);
        let budget = pair.b.budget().clone();
        assert_eq!((budget.promised(), budget.waiting()), (1000, 1000));
        if used {
            pair.b.consumed(b, 400, pair.now);
            assert_eq!((budget.promised(), budget.waiting()), (600, 600));
            pair.b.consumed(b, 600, pair.now);
        } else {
            pair.b.close(b, pair.now);
        }
        assert_eq!((budget.promised(), budget.waiting()), (0, 0));
    }
}

#[test]
fn a_peer_cannot_pile_up_bytes_in_channels_that_it_closes() {
    let limits = Limits { channels: 8, ..Limits::default() };
    let mut pair = Pair::with(Config::new([1; 16]), Config { limits, ..Config::new([2; 16]) });
    for _ in 0..100 {
        let a = pair.a.open(b"test", b"").unwrap();
        pair.run();
        while let Some(event) = pair.b.poll_event() {
            if let Event::Open { channel, .. } = event {
                pair.b.accept(channel, b"");
            }
        }
        pair.run();
        pair.a.push(a, Bytes::from(vec![1; 256 * 1024]), pair.now);
        pair.run();
        pair.a.close(a, pair.now);
        pair.run();
        while pair.a.poll_event().is_some() {}
    }
    assert!(pair.b.budget().waiting() <= 8 * 256 * 1024, "{}", pair.b.budget().waiting());
}

#[test]
fn sessions_of_a_process_that_has_promised_all_it_may_go_on_slowly() {
    let budget = Arc::new(Budget::new(3 * 1024 * 1024));
    let config = |n| Config { budget: budget.clone(), ..Config::new([n; 16]) };
    let mut pairs: Vec<_> =
        (0..8).map(|n| Pair::with(Config::new([n; 16]), config(100 + n))).collect();
    let mut channels: Vec<Vec<_>> = vec![Vec::new(); pairs.len()];
    while !budget.is_full() {
        for (pair, channels) in pairs.iter_mut().zip(&mut channels) {
            channels.push(pair.channel());
        }
    }
    let count = channels.iter().flatten().count();
    let min = Limits::default().min_window as usize;
    assert!(budget.promised() <= budget.limit() + count * min, "{}", budget.promised());
    for (pair, channels) in pairs.iter_mut().zip(&channels) {
        for &(a, b) in channels {
            pair.a.push(a, Bytes::from(vec![7; 300 * 1024]), pair.now);
            let mut received = 0;
            while received < 300 * 1024 {
                pair.run();
                let more = data_of(&mut pair.b, b, pair.now).len();
                assert!(more > 0, "it goes on");
                received += more;
            }
        }
    }
    assert!(budget.promised() <= budget.limit() + count * min);
    assert_eq!(budget.waiting(), 0);
    drop(pairs);
    assert_eq!(budget.promised(), 0);
}

#[test]
fn answers_leave_in_the_order_of_the_questions() {
    let mut pair = Pair::new();
    let first = pair.a.request(b"first", b"1", true);
    pair.a.request(b"silent", b"", false);
    let second = pair.a.request(b"second", b"2", true);
    pair.run();
    let mut tokens = Vec::new();
    while let Some(Event::Request { reply, .. }) = pair.b.poll_event() {
        tokens.extend(reply);
    }
    pair.b.reply(tokens[1], Err(()));
    pair.run();
    assert_eq!(pair.a.poll_event(), None, "the first question is still open");
    pair.b.reply(tokens[0], Ok(b"yes"));
    pair.run();
    let yes = Bytes::from_static(b"yes");
    assert_eq!(pair.a.poll_event(), Some(Event::Reply { request: first, result: Ok(yes) }));
    assert_eq!(pair.a.poll_event(), Some(Event::Reply { request: second, result: Err(()) }));
}

#[test]
fn a_peers_new_key_exchange_is_answered_and_never_started() {
    let mut pair = Pair::new();
    let again = Packet::payload(kex::kexinit([5; 16]));
    pair.b.receive(again.to_bytes(), pair.now).unwrap();
    let answer = pair.b.poll_transmit().unwrap().to_bytes();
    assert_eq!(answer[5], kex::KEXINIT);
    assert!(pair.b.poll_transmit().is_none(), "no NEWKEYS");
}

#[test]
fn a_peer_that_offers_only_real_key_exchange_is_told_so() {
    let now = test_clock::start();
    let mut session = Session::new(Config::new([0; 16]), now);
    session.receive(Bytes::from_static(b"SSH-2.0-OpenSSH_9.2\r\n"), now).unwrap();
    let kexinit = Writer::message(kex::KEXINIT).raw(&[0; 16]).string(b"curve25519-sha256").finish();
    let error = session.receive(Packet::payload(kexinit).to_bytes(), now).unwrap_err();
    assert_eq!(error.disconnect_reason(), disconnect::KEY_EXCHANGE_FAILED);
}

#[test]
fn a_silent_peer_is_asked_and_then_given_up() {
    let keep_alive = KeepAlive { idle: Duration::from_secs(5), timeout: Duration::from_secs(10) };
    let config = Config { keep_alive: Some(keep_alive), ..Config::new([1; 16]) };
    let mut pair = Pair::with(config, Config::new([2; 16]));
    pair.now += Duration::from_secs(5);
    pair.a.handle_timeout(pair.now).unwrap();
    pair.run();
    assert_eq!(pair.a.poll_timeout(), Some(pair.now + Duration::from_secs(5)), "it answered");
    pair.now += Duration::from_secs(5);
    pair.a.handle_timeout(pair.now).unwrap();
    pair.now += Duration::from_secs(10);
    assert_eq!(pair.a.handle_timeout(pair.now), Err(Error::Silent));
}

#[test]
fn a_peer_that_never_says_hello_is_given_up() {
    let now = test_clock::start();
    let mut session = Session::new(Config::new([0; 16]), now);
    let deadline = session.poll_timeout().unwrap();
    assert_eq!(session.handle_timeout(deadline), Err(Error::Handshake));
}

#[test]
fn a_peer_that_asks_without_listening_is_not_read_any_further() {
    let mut pair = Pair::new();
    for _ in 0..2000 {
        pair.a.request(KEEPALIVE, b"", true);
    }
    let mut fed = 0;
    while let Some(packet) = pair.a.poll_transmit() {
        if pair.b.is_congested() {
            break;
        }
        pair.b.receive(packet.to_bytes(), pair.now).unwrap();
        fed += 1;
    }
    assert_eq!(fed, CONGESTED);
    pair.run();
    assert!(!pair.b.is_congested());
}

#[test]
fn disconnect_is_the_last_word_and_carries_its_reason() {
    let mut pair = Pair::new();
    let (a, _) = pair.channel();
    pair.a.disconnect(disconnect::TOO_MANY_CONNECTIONS, "another host took over");
    pair.a.push(a, Bytes::from_static(b"too late"), pair.now);
    pair.run();
    let event = pair.b.poll_event().unwrap();
    let description = "another host took over".into();
    assert_eq!(event, Event::Disconnected { reason: 12, description });
    assert!(pair.b.poll_event().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any interleaving of channels, chunkings and pauses of the readers preserves every byte,
    /// and no side ever sends beyond its credit (which would be an error here).
    #[test]
    fn every_byte_arrives_whatever_the_interleaving(
        steps in proptest::collection::vec((0_usize..4, 1_usize..100_000, 0_usize..4), 1..30),
        cut in 1_usize..70_000,
        small in any::<bool>(),
        budget in prop_oneof![Just(usize::MAX), 0_usize..200_000],
    ) {
        let budget = Arc::new(Budget::new(budget));
        let mut config = Config { budget: budget.clone(), ..Config::new([2; 16]) };
        if small {
            config.limits = Limits {
                initial_window: 10_000,
                session_window: 25_000,
                low_window: 2000,
                min_window: 1000,
                ..Limits::default()
            };
        }
        let mut pair = Pair::with(Config::new([1; 16]), config);
        let channels: Vec<_> = (0..4).map(|_| pair.channel()).collect();
        let mut sent = vec![Vec::new(); 4];
        let mut received = vec![Vec::new(); 4];
        let mut held: Vec<VecDeque<usize>> = vec![VecDeque::new(); 4];
        let mut stream = VecDeque::new();
        let mut byte = 0_u8;
        let mut deliver = |pair: &mut Pair, all: bool, held: &mut Vec<VecDeque<usize>>| {
            while let Some(packet) = pair.a.poll_transmit() {
                stream.extend(packet.to_bytes());
            }
            while !stream.is_empty() {
                let chunk: Vec<u8> = stream.drain(..cut.min(stream.len())).collect();
                pair.b.receive(Bytes::from(chunk), pair.now).unwrap();
                if !all { break }
            }
            while let Some(event) = pair.b.poll_event() {
                let Event::Data { channel, data } = event else { panic!("{event:?}") };
                let at = channels.iter().position(|(_, b)| *b == channel).unwrap();
                held[at].push_back(data.len());
                received[at].extend_from_slice(&data);
            }
            while let Some(packet) = pair.b.poll_transmit() {
                pair.a.receive(packet.to_bytes(), pair.now).unwrap();
            }
            received.clone()
        };
        for (at, len, reader) in steps {
            let data: Vec<u8> = (0..len).map(|_| { byte = byte.wrapping_add(31); byte }).collect();
            sent[at].extend_from_slice(&data);
            pair.a.push(channels[at].0, Bytes::from(data), pair.now);
            deliver(&mut pair, false, &mut held);
            if let Some(n) = held[reader].pop_front() {
                pair.now += Duration::from_millis(1);
                pair.b.consumed(channels[reader].1, n, pair.now);
            }
        }
        let total: usize = sent.iter().map(Vec::len).sum();
        for _ in 0..total {
            let all = deliver(&mut pair, true, &mut held);
            for (at, queue) in held.iter_mut().enumerate() {
                while let Some(n) = queue.pop_front() {
                    pair.b.consumed(channels[at].1, n, pair.now);
                }
            }
            if all == sent {
                prop_assert_eq!(budget.waiting(), 0, "what was used does not count");
                return Ok(());
            }
        }
        prop_assert!(false, "the last bytes never arrived");
    }
}
