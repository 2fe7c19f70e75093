//! The four ends against each other, in memory, in no time.

use std::{collections::BTreeSet, time::Instant};

use bytes::Bytes;

use super::{message::Connect, *};
use crate::ssh::{Config, Packet, codec::Writer, test_clock};

/// What an end told its owner.
type Told<R> = Vec<Output<<R as Role>::Event>>;

/// Moves packets both ways until both are quiet, and collects what their owners are told.
fn run<A: Role, B: Role>(now: Instant, a: &mut A, b: &mut B) -> (Told<A>, Told<B>) {
    let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
    loop {
        let mut moved = false;
        while let Some(packet) = a.session().poll_transmit() {
            b.session().receive(packet.to_bytes(), now).unwrap();
            moved = true;
        }
        while let Some(output) = b.poll().unwrap() {
            from_b.push(output);
        }
        while let Some(packet) = b.session().poll_transmit() {
            a.session().receive(packet.to_bytes(), now).unwrap();
            moved = true;
        }
        while let Some(output) = a.poll().unwrap() {
            from_a.push(output);
        }
        if !moved {
            return (from_a, from_b);
        }
    }
}

fn host_side() -> (Instant, Host, HostPeer) {
    let now = test_clock::start();
    let mut host = Host::new(Config::new([1; 16]), now);
    let mut peer = HostPeer::new(Config::new([2; 16]), now);
    let (host_saw, peer_saw) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, [Output::Event(HostEvent::Ready { own_relay: true })]);
    assert!(matches!(peer_saw[..], [Output::Event(HostPeerEvent::Ready { .. })]));
    (now, host, peer)
}

fn client_side() -> (Instant, Client, ClientPeer) {
    let now = test_clock::start();
    let mut client = Client::new(Config::new([1; 16]), now);
    let mut peer = ClientPeer::new(Config::new([2; 16]), now);
    run(now, &mut client, &mut peer);
    (now, client, peer)
}

#[test]
fn an_announced_port_is_answered_and_then_reachable() {
    let (now, mut host, mut peer) = host_side();
    let token = Bytes::from_static(b"secret");
    host.command(HostCommand::Announce { port: 3000, token: token.clone() });
    let (_, peer_saw) = run(now, &mut host, &mut peer);
    assert_eq!(peer_saw, [Output::Event(HostPeerEvent::Announce { port: 3000, token })]);

    peer.command(HostPeerCommand::Answer { port: 3000, serve: true });
    let (host_saw, _) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, [Output::Event(HostEvent::Announced { port: 3000 })]);

    let connect = Connect { originator: "192.0.2.1".into(), ..Connect::to_port(3000) };
    let relay_channel = peer.command(HostPeerCommand::Connect(connect.clone())).unwrap();
    let (host_saw, _) = run(now, &mut host, &mut peer);
    let [Output::Incoming { channel, event: HostEvent::Connect(seen) }] = &host_saw[..] else {
        panic!("{host_saw:?}")
    };
    assert_eq!(*seen, connect);
    host.accept(*channel, false);
    let (_, peer_saw) = run(now, &mut host, &mut peer);
    assert_eq!(peer_saw, [Output::Opened { channel: relay_channel, encrypted: false }]);
}

#[test]
fn a_refused_port_leaves_the_others_served() {
    let (now, mut host, mut peer) = host_side();
    for port in [3000, 3001] {
        host.command(HostCommand::Announce { port, token: Bytes::from_static(b"t") });
    }
    run(now, &mut host, &mut peer);
    peer.command(HostPeerCommand::Answer { port: 3001, serve: true });
    peer.command(HostPeerCommand::Answer { port: 3000, serve: false });
    let (host_saw, _) = run(now, &mut host, &mut peer);
    let refused = Output::Event(HostEvent::Refused { port: 3000 });
    let announced = Output::Event(HostEvent::Announced { port: 3001 });
    assert_eq!(host_saw, [refused, announced], "in the order of the questions");
}

#[test]
fn a_connection_to_a_port_that_was_not_announced_is_refused_by_the_host_itself() {
    let (now, mut host, mut peer) = host_side();
    peer.command(HostPeerCommand::Connect(Connect::to_port(22)));
    let (host_saw, peer_saw) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, []);
    let [Output::OpenFailed { failure, .. }] = &peer_saw[..] else { panic!("{peer_saw:?}") };
    assert_eq!(failure.description, "port 22 is not served by this host");
}

#[test]
fn a_withdrawn_port_is_told_once() {
    let (now, mut host, mut peer) = host_side();
    host.command(HostCommand::Announce { port: 3000, token: Bytes::from_static(b"t") });
    run(now, &mut host, &mut peer);
    peer.command(HostPeerCommand::Answer { port: 3000, serve: true });
    host.command(HostCommand::Withdraw { port: 3000 });
    host.command(HostCommand::Withdraw { port: 3000 });
    let (_, peer_saw) = run(now, &mut host, &mut peer);
    assert_eq!(peer_saw, [Output::Event(HostPeerEvent::Withdrawn { port: 3000 })]);
}

#[test]
fn a_client_hears_differences_of_the_ports_only() {
    let (now, mut client, mut peer) = client_side();
    peer.command(ClientPeerCommand::SetPorts(BTreeSet::from([1000, 2000])));
    let (client_saw, peer_saw) = run(now, &mut client, &mut peer);
    let added = |port| Output::Event(ClientEvent::PortAdded { port });
    assert_eq!(client_saw, [added(1000), added(2000)]);
    let listening = |port| Output::Event(ClientPeerEvent::Listening { port });
    assert_eq!(peer_saw, [listening(1000), listening(2000)]);

    peer.command(ClientPeerCommand::SetPorts(BTreeSet::from([2000, 3000])));
    let (client_saw, _) = run(now, &mut client, &mut peer);
    let removed = Output::Event(ClientEvent::PortRemoved { port: 1000 });
    assert_eq!(client_saw, [removed, added(3000)]);
}

#[test]
fn ports_set_before_the_handshake_are_announced_after_it() {
    let now = test_clock::start();
    let mut client = Client::new(Config::new([1; 16]), now);
    let mut peer = ClientPeer::new(Config::new([2; 16]), now);
    peer.command(ClientPeerCommand::SetPorts(BTreeSet::from([8080])));
    let (client_saw, _) = run(now, &mut client, &mut peer);
    assert!(client_saw.contains(&Output::Event(ClientEvent::PortAdded { port: 8080 })));
}

#[test]
fn refresh_is_answered_by_the_relay_itself() {
    let (now, mut client, mut peer) = client_side();
    client.command(ClientCommand::RefreshPorts);
    let (client_saw, peer_saw) = run(now, &mut client, &mut peer);
    assert_eq!((client_saw, peer_saw), (vec![], vec![]));
}

#[test]
fn a_clients_connection_carries_its_token() {
    let (now, mut client, mut peer) = client_side();
    let connect = Connect {
        token: Bytes::from_static(b"mine"),
        encrypt: true,
        originator_port: 4711,
        ..Connect::to_port(80)
    };
    client.command(ClientCommand::Connect(connect.clone()));
    let (_, peer_saw) = run(now, &mut client, &mut peer);
    let [Output::Incoming { event: ClientPeerEvent::Connect(seen), .. }] = &peer_saw[..] else {
        panic!("{peer_saw:?}")
    };
    assert_eq!(*seen, connect);
}

#[test]
fn drain_is_only_for_own_peers() {
    let (now, mut host, mut peer) = host_side();
    peer.command(HostPeerCommand::Drain);
    let (host_saw, _) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, [Output::Event(HostEvent::Drain)]);

    let foreign = Config { software: "dev-tunnels-ssh_3.12.42".into(), ..Config::new([1; 16]) };
    let mut host = Host::new(foreign, now);
    let mut peer = HostPeer::new(Config::new([2; 16]), now);
    let (_, peer_saw) = run(now, &mut host, &mut peer);
    let [Output::Event(HostPeerEvent::Ready { own_host: false, .. })] = &peer_saw[..] else {
        panic!("{peer_saw:?}")
    };
    peer.command(HostPeerCommand::Drain);
    let (host_saw, _) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, []);
}

#[test]
fn our_own_host_hears_that_its_ports_changed_and_others_are_not_asked_strange_things() {
    let (now, mut host, mut peer) = host_side();
    peer.command(HostPeerCommand::PortsChanged);
    let (host_saw, _) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, [Output::Event(HostEvent::PortsChanged)]);

    let foreign = Config { software: "dev-tunnels-ssh_3.12.42".into(), ..Config::new([1; 16]) };
    let mut host = Host::new(foreign, now);
    let mut peer = HostPeer::new(Config::new([2; 16]), now);
    run(now, &mut host, &mut peer);
    peer.command(HostPeerCommand::PortsChanged);
    let (host_saw, _) = run(now, &mut host, &mut peer);
    assert_eq!(host_saw, []);
}

#[test]
fn a_drain_that_comes_before_the_handshake_waits_for_it_and_is_sent_once() {
    let now = test_clock::start();
    let mut host = Host::new(Config::new([1; 16]), now);
    let mut peer = HostPeer::new(Config::new([2; 16]), now);
    peer.command(HostPeerCommand::Drain);
    let (host_saw, _) = run(now, &mut host, &mut peer);
    let ready = Output::Event(HostEvent::Ready { own_relay: true });
    assert_eq!(host_saw, [ready, Output::Event(HostEvent::Drain)]);

    let mut client = Client::new(Config::new([1; 16]), now);
    let mut peer = ClientPeer::new(Config::new([2; 16]), now);
    peer.command(ClientPeerCommand::Drain);
    let (client_saw, _) = run(now, &mut client, &mut peer);
    let ready = Output::Event(ClientEvent::Ready { own_relay: true });
    assert_eq!(client_saw, [ready, Output::Event(ClientEvent::Drain)]);
    peer.command(ClientPeerCommand::Drain);
    let (client_saw, _) = run(now, &mut client, &mut peer);
    assert_eq!(client_saw, []);
}

#[test]
fn opens_without_the_extra_fields_are_understood() {
    let short = Writer::new().string(b"127.0.0.1").u32(80).string(b"").u32(0).finish();
    assert_eq!(Connect::parse(short), Ok(Connect::to_port(80)));
    assert!(!message::parse_confirmation(b""));
    let zero = Writer::new().string(b"127.0.0.1").u32(0).string(b"").u32(0).finish();
    assert!(Connect::parse(zero).is_err());
}

#[test]
fn a_malformed_request_ends_this_session_with_a_reason() {
    let (now, _, mut peer) = host_side();
    let bad = Writer::message(80).string(b"tcpip-forward").bool(true).u32(99).finish();
    peer.session().receive(Packet::payload_for_test(bad), now).unwrap();
    assert!(peer.poll().is_err());
}

#[test]
fn subprotocols_name_side_and_version() {
    assert_eq!(Side::Host.version("tunnel-relay-host-v2-dev"), Some(Version::V2));
    assert_eq!(Side::Host.version("tunnel-relay-host"), Some(Version::V1));
    assert_eq!(Side::Client.version("tunnel-relay-host"), None);
}

#[test]
fn only_hosts_of_our_own_are_told_that_a_connection_is_for_a_look() {
    for (software, marked) in [("adit_9.9.9", true), ("dev-tunnels-ssh_3.12.42", false)] {
        let now = test_clock::start();
        let config = Config { software: software.into(), ..Config::new([1; 16]) };
        let mut host = Host::new(config, now);
        let mut peer = HostPeer::new(Config::new([2; 16]), now);
        let token = Bytes::from_static(b"token");
        host.command(HostCommand::Announce { port: 3000, token });
        run(now, &mut host, &mut peer);
        peer.command(HostPeerCommand::Connect(Connect::look(3000)));
        let (host_saw, _) = run(now, &mut host, &mut peer);
        let [Output::Incoming { event: HostEvent::Connect(seen), .. }] = &host_saw[..] else {
            panic!("{host_saw:?}")
        };
        assert_eq!((seen.is_look(), seen.originator.is_empty()), (marked, !marked), "{software}");
    }
}
