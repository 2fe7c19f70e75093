//! The whole host, against a relay that does as a test tells it.

mod edge;
mod health;
mod ports;
mod queue;
mod relay;

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use adit_proto::relay::{Ending, HostPeerCommand};
use adit_proto::ssh::disconnect;
use adit_wire::channel::Channel;
use adit_wire::task;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use self::relay::{Relay, Seen, Session};
use super::*;
use crate::inspect::Observation;

/// A local server that sends back what it hears.
struct Echo {
    port: u16,
    _task: task::Task<()>,
}

impl Echo {
    async fn new() -> Self {
        Self::at(0).await
    }

    async fn at(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let task = task::spawn("echo", async move {
            let connections = task::Group::new("echo connections");
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn("echo", async move {
                    let mut buffer = [0; 1024];
                    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                        stream.write_all(&buffer[..n]).await.expect("a reader");
                    }
                });
            }
        });
        Self { port, _task: task }
    }
}

fn spawn(relay: &Relay) -> HostHandle {
    let at = "web".parse().expect("a locator");
    Host::spawn(Config::new(relay.service.clone(), relay.connector.clone(), at))
}

fn word(event: Event) -> String {
    match event {
        Event::State(state) => format!("{state:?}"),
        Event::Progress(phase) => phase.as_str().to_owned(),
        Event::Ready { urls } => format!("ready {}", urls.len()),
        Event::UrlChanged { urls } => format!("changed {}", urls.len()),
        Event::Retry { attempt, .. } => format!("retry {attempt}"),
        Event::LocalDown { .. } => "local down".to_owned(),
        Event::LocalUp { .. } => "local up".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What the host says up to `last`.
async fn story(host: &mut HostHandle, last: &str) -> Vec<String> {
    let mut story = Vec::new();
    while let Some(event) = host.next().await {
        story.push(word(event));
        if story.last().is_some_and(|word| word == last) {
            return story;
        }
    }
    panic!("{last} never came: {story:?}");
}

/// A relay, a host that is up, and its session.
async fn up(port: u16, own: bool) -> (Relay, HostHandle, Session) {
    let mut relay = Relay::new([port], own).await;
    let mut host = spawn(&relay);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(port));
    story(&mut host, "ready 1").await;
    (relay, host, session)
}

async fn say(channel: &mut Channel, text: &'static str) -> Bytes {
    channel.send(Bytes::from_static(text.as_bytes())).await.expect("it is open");
    let heard = channel.recv().await.expect("an echo");
    channel.consumed(heard.len());
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_comes_up_step_by_step_and_serves() {
    let echo = Echo::new().await;
    let mut relay = Relay::new([echo.port], true).await;
    let mut host = spawn(&relay);
    let steps = story(&mut host, "ready 1").await;
    assert_eq!(
        steps,
        ["Connecting", "authorizing", "connecting_relay", "forwarding_ports", "Hosting", "ready 1"]
    );
    let session = relay.session().await;
    assert_eq!(session.headers["authorization"], "tunnel token-1");
    assert_eq!(session.headers["x-tunnels-host-process-id"].len(), 36);
    let mut channel = session.open(echo.port).await.expect("a channel").channel;
    assert_eq!(say(&mut channel, "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_is_told_at_once_and_mended_without_a_new_token() {
    let echo = Echo::new().await;
    let (mut relay, mut host, session) = up(echo.port, true).await;
    session.handle.kill().await;
    let steps = story(&mut host, "Hosting").await;
    assert_eq!(steps[0], "Reconnecting");
    assert_eq!(steps[steps.len() - 3..], ["connecting_relay", "forwarding_ports", "Hosting"]);
    assert!(!steps.iter().any(|step| step == "authorizing"), "{steps:?}");
    assert_eq!(relay.service.mints.load(Ordering::Relaxed), 1);
    assert_eq!(relay.service.puts.load(Ordering::Relaxed), 1);
    let session = relay.session().await;
    let mut channel = session.open(echo.port).await.expect("a channel").channel;
    assert_eq!(say(&mut channel, "again").await, "again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cached_token_that_is_refused_is_minted_anew_before_anybody_is_asked() {
    let echo = Echo::new().await;
    let (mut relay, mut host, session) = up(echo.port, true).await;
    relay.refuse_next(1, 401);
    session.handle.kill().await;
    let steps = story(&mut host, "Hosting").await;
    assert!(steps.iter().any(|step| step == "authorizing"), "{steps:?}");
    assert_eq!(relay.service.mints.load(Ordering::Relaxed), 2);
    assert_eq!(relay.session().await.headers["authorization"], "tunnel token-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_port_that_does_not_answer_is_refused_and_told_once() {
    let echo = Echo::new().await;
    let port = echo.port;
    let (_relay, mut host, session) = up(port, true).await;
    drop(echo);
    for _ in 0..2 {
        let error = session.open(port).await.expect_err("nobody listens");
        assert!(error.is_connect_failure(), "{error:?}");
        assert_eq!(error.to_string(), format!("nothing listens on localhost:{port}"));
    }
    let _echo = Echo::at(port).await;
    session.open(port).await.expect("it listens again");
    assert_eq!(story(&mut host, "local up").await, ["local down", "local up"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_is_not_fought_until_the_user_says_so() {
    let (mut relay, mut host, session) = up(3000, true).await;
    session.handle.disconnect(disconnect::TOO_MANY_CONNECTIONS, "another host").await;
    assert_eq!(story(&mut host, "Standby").await, ["Standby"]);
    assert!(!relay.has_new_session());
    host.command(Command::TakeOver).await;
    story(&mut host, "Hosting").await;
    assert_eq!(relay.service.puts.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_swap_overlaps_and_cuts_nothing() {
    let echo = Echo::new().await;
    let (mut relay, host, old) = up(echo.port, true).await;
    let mut in_flight = old.open(echo.port).await.expect("a channel").channel;
    assert_eq!(say(&mut in_flight, "before").await, "before");
    host.command(Command::Renew).await;
    let mut new = relay.session().await;
    assert_eq!(new.headers["adit-supersedes"], "1");
    assert_eq!(new.headers["authorization"], "tunnel token-2");
    assert_eq!(new.seen().await, Seen::Announced(echo.port));
    let mut channel = new.open(echo.port).await.expect("a channel").channel;
    assert_eq!(say(&mut channel, "new").await, "new");
    assert_eq!(say(&mut in_flight, "after").await, "after");
}

/// On Microsoft's relay a host's second session evicts its first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_sessions_cannot_overlap_a_planned_swap_mints_first_and_takes_its_own_eviction_in_stride()
 {
    let (mut relay, mut host, mut old) = up(3000, false).await;
    host.command(Command::Renew).await;
    let mut new = relay.session().await;
    assert_eq!(new.headers["authorization"], "tunnel token-2");
    assert!(!new.headers.contains_key("adit-supersedes"));
    old.handle.disconnect(disconnect::TOO_MANY_CONNECTIONS, "another host").await;
    assert!(matches!(old.seen().await, Seen::Ended(_)));
    assert_eq!(new.seen().await, Seen::Announced(3000));
    let steps = story(&mut host, "forwarding_ports").await;
    assert_eq!(steps[..2], ["authorizing", "connecting_relay"], "all tokens before the socket");
    assert!(!steps.iter().any(|step| step == "Standby"), "{steps:?}");
    // Whichever came first, the eviction or the answer of the relay: it is hosted, by one session.
    host.command(Command::RefreshPorts).await;
    host.command(Command::Drop).await;
    story(&mut host, "Hosting").await;
    assert_eq!(relay.service.puts.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_about_to_restart_gets_its_successor_a_session() {
    let (mut relay, mut host, mut old) = up(3000, true).await;
    old.handle.command(HostPeerCommand::Drain).await;
    let mut new = relay.session().await;
    assert_eq!(new.headers["adit-supersedes"], "1");
    assert_eq!(new.seen().await, Seen::Announced(3000));
    // Nobody listens; but whoever answers is routed to, and the old session has done its part.
    new.open(3000).await.expect_err("nobody listens");
    old.handle.kill().await;
    assert!(matches!(old.seen().await, Seen::Ended(_)));
    // No state but progress: the tunnel was hosted all the time.
    let steps = story(&mut host, "forwarding_ports").await;
    assert_eq!(steps, ["connecting_relay", "forwarding_ports"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_followed_while_hosted() {
    let (relay, mut host, mut session) = up(3000, true).await;
    relay.service.set_ports([3001]);
    host.command(Command::RefreshPorts).await;
    assert_eq!(session.seen().await, Seen::Withdrawn(3000));
    assert_eq!(session.seen().await, Seen::Announced(3001));
    assert_eq!(story(&mut host, "changed 1").await, ["changed 1"]);
    let error = session.open(3000).await.expect_err("it is withdrawn");
    assert!(error.is_connect_failure());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_says_so_has_its_ports_followed_at_once() {
    let (relay, mut host, mut session) = up(3000, true).await;
    relay.service.set_ports([3000, 3001]);
    session.handle.command(HostPeerCommand::PortsChanged).await;
    assert_eq!(session.seen().await, Seen::Announced(3001));
    assert_eq!(story(&mut host, "changed 2").await, ["changed 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_that_changed_while_there_was_no_session_are_followed_in_the_next() {
    let (mut relay, mut host, session) = up(3000, true).await;
    relay.service.set_ports([4000]);
    session.handle.kill().await;
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    assert_eq!(session.seen().await, Seen::Withdrawn(3000));
    assert_eq!(session.seen().await, Seen::Announced(4000));
    assert_eq!(story(&mut host, "changed 1").await.last().map(String::as_str), Some("changed 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_finishes_what_is_in_flight_takes_leave_and_unregisters() {
    let echo = Echo::new().await;
    let (relay, host, mut session) = up(echo.port, true).await;
    let mut in_flight = session.open(echo.port).await.expect("a channel").channel;
    assert_eq!(say(&mut in_flight, "one").await, "one");
    let stop = task::spawn("stop", host.stop());
    assert_eq!(session.seen().await, Seen::Withdrawn(echo.port));
    assert_eq!(say(&mut in_flight, "two").await, "two");
    in_flight.close();
    let Seen::Ended(ending) = session.seen().await else { panic!("it ends") };
    assert!(matches!(ending, Ending::Disconnected { reason: disconnect::BY_APPLICATION, .. }));
    let mut stop = stop;
    stop.join().await.expect("it stops");
    assert_eq!(relay.service.removals.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_stops_before_it_is_up_removes_the_endpoint_that_it_put() {
    let relay = Relay::new([3000], true).await;
    relay.refuse_next(usize::MAX, 503);
    let mut host = spawn(&relay);
    story(&mut host, "retry 1").await;
    assert_eq!(relay.service.puts.load(Ordering::Relaxed), 1);
    host.stop().await;
    assert_eq!(relay.service.removals.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_host_leaves_no_session_behind() {
    let (_relay, host, mut session) = up(3000, true).await;
    drop(host);
    while !matches!(session.seen().await, Seen::Ended(_)) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_diagnostic_drop_leaves_exactly_one_session() {
    let (mut relay, mut host, mut first) = up(3000, false).await;
    host.command(Command::Drop).await;
    let mut second = relay.session().await;
    assert!(matches!(first.seen().await, Seen::Ended(_)));
    assert_eq!(second.seen().await, Seen::Announced(3000));
    story(&mut host, "Hosting").await;
    assert!(!relay.has_new_session());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_observed_on_their_way() {
    let echo = Echo::new().await;
    let (_relay, mut host, session) = up(echo.port, true).await;
    let mut channel = session.open(echo.port).await.expect("a channel").channel;
    // An echo is no HTTP server, and that is told.
    assert_eq!(say(&mut channel, "GET / HTTP/1.1\r\n\r\n").await, "GET / HTTP/1.1\r\n\r\n");
    let Some(Event::Observed(observed)) = host.next().await else { panic!("nothing observed") };
    assert_eq!(observed.port, echo.port);
    assert!(matches!(observed.observation, Observation::NotInspected(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_that_is_to_be_kept_is_given_its_own_life_again() {
    let relay = Relay::new([3000], true).await;
    *relay.service.renewals.lock().expect("no panic") = Some(Vec::new());
    let at = "web".parse().expect("a locator");
    let mut config = Config::new(relay.service.clone(), relay.connector.clone(), at);
    config.renew = true;
    let mut host = Host::spawn(config);
    story(&mut host, &format!("{:?}", Event::Renewed { life: Duration::from_secs(7200) })).await;
    assert_eq!(*relay.service.renewals.lock().expect("no panic"), Some(vec![7200]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_fails_is_told_and_the_tunnel_is_served_on() {
    let mut relay = Relay::new([3000], true).await;
    let at = "web".parse().expect("a locator");
    let mut config = Config::new(relay.service.clone(), relay.connector.clone(), at);
    config.renew = true;
    let mut host = Host::spawn(config);
    let mut session = relay.session().await;
    assert_eq!(session.seen().await, Seen::Announced(3000));
    let failed = loop {
        match host.next().await.expect("it goes on") {
            Event::RenewalFailed { wait, cause } => break (wait, cause),
            Event::State(State::Error(why)) => panic!("{why}"),
            _ => {}
        }
    };
    assert!(!failed.0.is_zero() && failed.1.contains("not found"), "{failed:?}");
    session.open(3000).await.expect_err("nobody listens, which somebody had to find out");
}

#[test]
fn identities_are_random_uuids() {
    let (one, two) = (Identity::random(), Identity::random());
    assert_ne!(one, two);
    let text = one.as_str();
    assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
}
