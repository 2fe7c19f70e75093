//! A port that is removed and made again, with trouble in between.

use std::process::Stdio;

use adit_proto::access::Scope;
use adit_proto::contracts::{
    AccessControl, AccessEntry, AccessEntryType, Protocol, Tunnel, TunnelOptions, TunnelPort,
};
use adit_tunnel::management::cli::Provider;
use adit_tunnel::management::{Confirmed, Error, Management, Want};
use adit_wire::task;

use crate::hosted::{is_hosting, until};
use crate::world::{Trouble, World};

/// The making of a port, and nothing else.
const MAKE: &str = "put /ports/3000 if-none-match";
const REMOVE: &str = "delete /ports/3000";
const CHANGE: &str = "put /ports/3000 if-match";

/// It asks for so much patience that nobody has it.
const BUSY: Trouble = Trouble::Answer("503 Service Unavailable\r\nretry-after: 3600");

fn https() -> TunnelPort {
    TunnelPort { port_number: 3000, protocol: Some(Protocol::Https), ..TunnelPort::default() }
}

impl World {
    /// With a port that has options and an access list.
    async fn with_rich_port() -> Self {
        let world = Self::new(3000).await;
        let anonymous = AccessEntry {
            kind: AccessEntryType::Anonymous,
            scopes: vec!["connect".into()],
            ..AccessEntry::default()
        };
        let options = TunnelOptions { host_header: Some("shop.test".into()), ..Default::default() };
        let rich = TunnelPort {
            port_number: 3000,
            access_control: Some(AccessControl { entries: vec![anonymous] }),
            options: Some(options),
            ..TunnelPort::default()
        };
        world.owner.update_port(&world.at, &rich).await.unwrap();
        world
    }

    async fn replace(&self) -> Result<TunnelPort, Error> {
        self.cli.replace_port(&self.at, &https(), Confirmed).await
    }

    async fn port(&self) -> Option<TunnelPort> {
        self.owner.get(&self.at, Want::PORTS).await.unwrap().port(3000).cloned()
    }

    async fn has_all_with(&self, protocol: Protocol) {
        self.has_all_and(protocol, "the shop").await;
    }

    async fn has_all_and(&self, protocol: Protocol, description: &str) {
        let port = self.port().await.expect("it is there");
        assert_eq!(port.protocol, Some(protocol));
        assert_eq!(port.description.as_deref(), Some(description));
        assert_eq!(port.options.unwrap().host_header.as_deref(), Some("shop.test"));
        let own = port.access_control.unwrap().own().entries;
        assert!(matches!(&own[..], [entry] if entry.kind == AccessEntryType::Anonymous), "{own:?}");
    }

    /// Nobody can have the journal.
    fn cannot_be_noted(&self) {
        let lock = self.fake.path("journal/ports.lock");
        std::fs::remove_file(&lock).unwrap();
        std::fs::create_dir(lock).unwrap();
    }

    /// Removes the port and cannot make it again.
    async fn lose(&self) -> Error {
        self.gate.troubles(MAKE, [BUSY]);
        let error = self.replace().await.unwrap_err();
        assert!(self.port().await.is_none());
        self.shows(&self.owner.get(&self.at, Want::PORTS).await.unwrap());
        error
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_replaced_with_everything_it_had_once_somebody_agreed() {
    let world = World::with_rich_port().await;
    let refused = world.cli.update_port(&world.at, &https()).await.unwrap_err();
    assert!(matches!(refused, Error::Replacement { port: 3000 }), "{refused:?}");
    assert_eq!(world.fake.count("port"), 0, "nothing was touched");
    world.replace().await.unwrap();
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_goes_in_between_is_waited_for() {
    for (words, trouble) in [
        (MAKE, Trouble::Lost),
        (MAKE, Trouble::Deaf),
        (MAKE, Trouble::Answer("500 Internal Server Error")),
        (REMOVE, Trouble::Lost),
        (REMOVE, Trouble::Deaf),
    ] {
        let world = World::with_rich_port().await;
        world.gate.troubles(words, [trouble]);
        world.replace().await.unwrap();
        world.gate.met().await;
        world.has_all_with(Protocol::Https).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_whose_answer_was_lost_is_no_refusal_of_it() {
    let world = World::with_rich_port().await;
    world.gate.troubles(REMOVE, [Trouble::Deaf, Trouble::Answer("403 Forbidden")]);
    let error = world.replace().await.unwrap_err();
    let Error::Unmade { port: 3000, kept: true, source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, Error::Forbidden(_)), "{source:?}");
    assert!(world.port().await.is_none());
    world.shows(&Tunnel::default());
    world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_was_not_removed_after_all_is_not_made_again() {
    for (trouble, passes) in [(BUSY, true), (Trouble::Answer("403 Forbidden"), false)] {
        let world = World::with_rich_port().await;
        world.gate.troubles(REMOVE, [trouble]);
        let error = world.replace().await.unwrap_err();
        assert!(!matches!(error, Error::Unmade { .. }), "{error:?}");
        assert_eq!(error.is_transient(), passes);
        world.has_all_with(Protocol::Http).await;

        world.owner.delete_port(&world.at, 3000).await.unwrap();
        world.shows(&Tunnel::default());
        world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
        assert!(world.port().await.is_none(), "its owner has removed it since");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_refused_as_it_shall_be_is_made_as_it_was() {
    let world = World::with_rich_port().await;
    world.gate.troubles(MAKE, [Trouble::Answer("400 Bad Request"), Trouble::Lost]);
    let refused = world.replace().await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    world.has_all_with(Protocol::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_cannot_be_made_again_is_made_by_the_next_host() {
    let world = World::with_rich_port().await;
    let error = world.lose().await;
    let Error::Unmade { port: 3000, by_hand, kept: true, source } = error else {
        panic!("{error:?}")
    };
    assert!(matches!(*source, Error::Unavailable { status: 503, .. }), "{source:?}");
    let at = &world.at;
    assert_eq!(
        by_hand,
        format!(
            "devtunnel port create {at} -p 3000 --protocol https -d 'the shop' --host-header shop.test \
             && devtunnel access create {at} --port-number 3000 --anonymous"
        )
        .into()
    );
    world.fake.forget_calls();
    world.cli.get(at, Want::PORTS).await.unwrap();
    assert_eq!(world.fake.count("token"), 0, "the service has asked for patience");
    assert!(world.port().await.is_none());
    let mut host = world.host_of(world.other_cli());
    until(&mut host, is_hosting).await;
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_in_between_costs_no_port() {
    let world = World::with_rich_port().await;
    world.gate.troubles(MAKE, [Trouble::Hangs]);
    let (cli, at) = (world.cli.clone(), world.at.clone());
    let replacing = task::spawn("replacing", async move {
        let _ = cli.replace_port(&at, &https(), Confirmed).await;
    });
    world.gate.met().await;
    world.shows(&Tunnel::default());

    let other = world.other_cli();
    let seen = other.get(&world.at, Want::PORTS).await.unwrap();
    assert!(seen.port(3000).is_none(), "who makes it is about to");
    drop(replacing);
    // The lock goes with whoever held it, which may be in a moment.
    while other.get(&world.at, Want::PORTS).await.unwrap().port(3000).is_none() {
        tokio::task::yield_now().await;
    }
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hosted_tunnel_gets_its_port_back_as_it_is_followed() {
    let world = World::with_rich_port().await;
    let turns = tokio::sync::watch::Sender::new(adit_tunnel::management::Turn::Runs);
    let tokens = world.cli.authorize(&world.at, false, turns).await.unwrap().tokens;
    world.lose().await;
    world.fake.forget_calls();
    let other = world.other_cli();
    let followed = other.follow(&world.at, &tokens).await.unwrap();
    assert_eq!(followed.port(3000).unwrap().protocol, Some(Protocol::Https));
    world.has_all_with(Protocol::Https).await;
    assert_eq!(world.fake.count("token"), 1, "only then is a token asked for that may do so much");
    world.fake.forget_calls();
    other.follow(&world.at, &tokens).await.unwrap();
    assert_eq!(world.fake.calls(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_somebody_removes_stays_removed() {
    let world = World::with_rich_port().await;
    world.lose().await;
    world.fake.fails("port.delete", 2, "Not found.");
    assert!(!world.cli.delete_port(&world.at, 3000).await.unwrap());
    let seen = world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    assert!(seen.port(3000).is_none() && world.port().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_removed_that_cannot_be_written_down() {
    let world = World::with_rich_port().await;
    world.fake.writes("journal", "no directory");
    let refused = world.replace().await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    world.has_all_with(Protocol::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_not_made_again_while_it_is_deleted() {
    for (key, port) in [("port.delete", Some(3000)), ("delete", None)] {
        let world = World::with_rich_port().await;
        world.lose().await;
        world.fake.hangs(key);
        let (cli, at) = (world.cli.clone(), world.at.clone());
        let _deleting = task::spawn("deleting", async move {
            match port {
                Some(port) => cli.delete_port(&at, port).await,
                None => cli.delete(&at).await,
            }
        });
        world.fake.started(key).await;
        world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
        assert!(world.port().await.is_none(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deleted_that_may_come_back() {
    let world = World::with_rich_port().await;
    world.lose().await;
    world.cannot_be_noted();
    for deleted in [world.cli.delete_port(&world.at, 3000).await, world.cli.delete(&world.at).await]
    {
        assert!(matches!(deleted, Err(Error::Invalid(_))), "{deleted:?}");
    }
    assert_eq!((world.fake.count("port delete"), world.fake.count("delete")), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_comes_back_as_it_was_is_shown() {
    let world = World::with_rich_port().await;
    world.lose().await;
    world.gate.troubles(MAKE, [Trouble::Answer("400 Bad Request")]);
    let other = world.other_cli();
    let seen = other.get(&world.at, Want::PORTS).await.unwrap();
    assert_eq!(seen.port(3000).unwrap().protocol, Some(Protocol::Http));
    world.has_all_with(Protocol::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_token_holds_up_nobody() {
    let world = World::with_rich_port().await;
    let turns = tokio::sync::watch::Sender::new(adit_tunnel::management::Turn::Runs);
    let tokens = world.cli.authorize(&world.at, false, turns).await.unwrap().tokens;
    world.lose().await;
    world.fake.forget_calls();
    // The token is there once something else is asked for.
    world.fake.writes("together", "2");
    let (other, at) = (world.other_cli(), world.at.clone());
    let mut following =
        task::spawn("following", async move { other.follow(&at, &tokens).await.map(drop) });
    while world.fake.count("token") == 0 {
        tokio::task::yield_now().await;
    }
    world.cli.delete_port(&world.at, 3000).await.unwrap();
    following.join().await.unwrap().unwrap();
    assert!(world.fake.ended_by_itself(), "the deletion has not waited for the token");
    assert!(world.port().await.is_none(), "it was deleted meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_somebody_made_with_less_gets_what_it_had() {
    let world = World::with_rich_port().await;
    world.lose().await;
    let barer = TunnelPort { description: Some("mine".into()), ..https() };
    world.owner.create_port(&world.at, &barer).await.unwrap();
    let tunnel = world.owner.get(&world.at, Want::PORTS).await.unwrap();
    world.shows(&tunnel);
    let other = world.other_cli();
    world.gate.troubles(CHANGE, [BUSY]);
    other.get(&world.at, Want::PORTS).await.unwrap();
    assert!(world.port().await.unwrap().options.is_none());

    let seen = world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    let [port] = &seen.ports.unwrap()[..] else { panic!("one port") };
    assert!(port.options.is_some());
    world.has_all_and(Protocol::Https, "mine").await;
    world.fake.forget_calls();
    other.get(&world.at, Want::PORTS).await.unwrap();
    assert_eq!(world.fake.count("token"), 0, "nothing is left to be done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_added_while_it_is_missing_has_what_it_had() {
    let world = World::with_rich_port().await;
    world.lose().await;
    let bare =
        TunnelPort { port_number: 3000, description: Some("mine".into()), ..Default::default() };
    let added = world.cli.create_port(&world.at, &bare).await.unwrap();
    assert_eq!(added.protocol, Some(Protocol::Https));
    world.has_all_and(Protocol::Https, "mine").await;
    world.fake.forget_calls();
    world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    assert_eq!(world.fake.count("token"), 0, "nothing is left to be done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_does_not_register_a_port_that_is_made_again_with_more() {
    let world = World::with_rich_port().await;
    let turns = tokio::sync::watch::Sender::new(adit_tunnel::management::Turn::Runs);
    let tokens = world.cli.authorize(&world.at, false, turns).await.unwrap().tokens;
    let before = world.port().await.unwrap();
    world.lose().await;
    world.other_cli().register(&world.at, &before, &tokens).await.unwrap();
    assert!(world.port().await.is_none());
    world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_tunnel_gets_no_port_of_one_that_had_its_name() {
    let world = World::with_rich_port().await;
    world.lose().await;
    let made = serde_json::json!({ "tunnel": { "tunnelId": world.at.to_string() } });
    world.fake.answers("create", &made.to_string());
    let tunnel = Tunnel { ports: Some(vec![https()]), ..Tunnel::default() };
    world.cli.create(&tunnel, Want::NOTHING).await.unwrap();
    assert_eq!(world.fake.count("port create"), 1);
    world.other_cli().get(&world.at, Want::PORTS).await.unwrap();
    assert!(world.port().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_a_missing_port_need_not_wait_for_it() {
    let world = World::with_rich_port().await;
    world.lose().await;
    let change = TunnelPort { description: Some("moved".into()), ..https() };
    world.gate.troubles(MAKE, [BUSY]);
    let error = world.cli.replace_port(&world.at, &change, Confirmed).await.unwrap_err();
    assert!(matches!(error, Error::Unmade { kept: true, .. }), "{error:?}");
    world.replace().await.unwrap();
    world.has_all_and(Protocol::Https, "moved").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_port_is_made_at_once_by_who_has_signed_in() {
    let world = World::with_rich_port().await;
    world.gate.troubles(MAKE, [Trouble::Answer("403 Forbidden"); 2]);
    world.replace().await.unwrap_err();
    world.shows(&Tunnel::default());
    world.cli.get(&world.at, Want::PORTS).await.unwrap();
    assert!(world.port().await.is_none());
    world.cli.login(Provider::Microsoft, false, Stdio::null()).await.unwrap();
    world.cli.get(&world.at, Want::PORTS).await.unwrap();
    world.has_all_with(Protocol::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_the_command_for_access_holds_up_nobody() {
    let world = World::with_rich_port().await;
    // The service tells it only to who manages all of the tunnel.
    let token = world.owner.mint(&world.at, Scope::ManagePorts).await.unwrap();
    let answer = serde_json::json!({ "token": token.expose() });
    world.fake.answers("token.manage", &answer.to_string());
    world.fake.hangs("access.list");
    let (cli, at) = (world.cli.clone(), world.at.clone());
    let _replacing = task::spawn("replacing", async move {
        cli.replace_port(&at, &https(), Confirmed).await.map(drop)
    });
    world.fake.started("access.list").await;
    assert!(!world.fake.path("journal/ports.lock").exists(), "nobody has it yet");
}
