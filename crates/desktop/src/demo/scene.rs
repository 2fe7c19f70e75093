//! The worlds of the pictures.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_app::command::Command;
use adit_app::event::{Event, Preflight};
use adit_app::failure::{Code, Failure};
use adit_app::local::{Found, Listening, risk};
use adit_app::moment::Moment;
use adit_app::persist::{Kept, reference};
use adit_app::place_key::PlaceKey;
use adit_app::reach::Reach;
use adit_app::setup::Setup;
use adit_app::tunnel_key::TunnelKey;
use adit_proto::contracts::{
    AccessControl, AccessEntry, AccessEntryType, Protocol, Tunnel, TunnelPort,
};
use adit_proto::health::{Health, Label, Proof, Reason, Sign};
use adit_tunnel::host::{self, GiveUp, PortUrls};
use jiff::Timestamp;

use super::{SetupScript, World, traffic};

/// A world to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// Five tunnels, each in another state.
    Main,
    /// No answer has come yet.
    Loading,
    /// No tunnels yet.
    Empty,
    /// No network.
    Offline,
    /// Four tunnels that need somebody.
    Errors,
    /// A sign-in that has ended, and a tunnel that is being deleted.
    SignIn,
    /// A thousand tunnels.
    Many,
    /// Nothing was set up yet.
    FirstRun,
    /// The same, and nothing listens on this computer.
    FirstRunQuiet,
    /// The same, and another app was used.
    FirstRunImport,
}

/// When the pictures were taken.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_795_456_961).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The places that are used at the start.
pub(super) fn keys(scene: Scene) -> Vec<PlaceKey> {
    match scene {
        Scene::FirstRun | Scene::FirstRunQuiet | Scene::FirstRunImport => vec![PlaceKey::here()],
        _ => vec![PlaceKey::here(), relay(), PlaceKey::microsoft()],
    }
}

/// What was kept of an earlier run.
pub(super) fn kept(scene: Scene) -> Kept {
    let is_first = matches!(scene, Scene::FirstRun | Scene::FirstRunQuiet | Scene::FirstRunImport);
    let setup = Setup {
        microsoft: !is_first,
        first_run_over: !is_first,
        default: (!is_first).then(relay),
        ..Setup::default()
    };
    Kept { setup, ..Kept::default() }
}

/// What comes of setting up.
pub(super) fn setup(scene: Scene) -> SetupScript {
    let kept = r#"{"auto_host": ["quiet-fox-4k9x2bd.euw"], "settings": {"dark": true}}"#;
    let import = (scene == Scene::FirstRunImport).then(|| reference(kept)).flatten();
    SetupScript { sample: Some(40_123), import, ..SetupScript::default() }
}

pub(super) fn relay() -> PlaceKey {
    PlaceKey::from("https://cp.relay.example.com")
}

/// How far a place of the pictures reaches.
pub(super) fn reach(place: &PlaceKey) -> Reach {
    if *place == PlaceKey::here() { Reach::Computer } else { Reach::Internet }
}

/// A tunnel of the pictures, by its id.
struct Drawn {
    id: &'static str,
    name: &'static str,
    place: fn() -> PlaceKey,
    ports: &'static [(u16, Protocol)],
    access: fn() -> Vec<AccessEntry>,
}

const DRAWN: &[Drawn] = &[
    Drawn {
        id: "t4wq8zxn",
        name: "billing",
        place: PlaceKey::here,
        ports: &[(3000, Protocol::Http)],
        access: Vec::new,
    },
    Drawn {
        id: "k3x9q2mw",
        name: "storefront",
        place: relay,
        ports: &[(5173, Protocol::Http), (8080, Protocol::Http)],
        access: three_people,
    },
    Drawn {
        id: "m8vd41tz",
        name: "design-review",
        place: relay,
        ports: &[(6006, Protocol::Http)],
        access: Vec::new,
    },
    Drawn {
        id: "p5hn7c2k",
        name: "phone-demo",
        place: relay,
        ports: &[(8000, Protocol::Http)],
        access: everybody,
    },
    Drawn {
        id: "7jr2c0b1",
        name: "webhooks",
        place: PlaceKey::microsoft,
        ports: &[(4000, Protocol::Auto)],
        access: Vec::new,
    },
];

fn three_people() -> Vec<AccessEntry> {
    let subjects = ["ben", "eva", "joao"].map(str::to_owned).to_vec();
    vec![AccessEntry { kind: AccessEntryType::Users, subjects, ..AccessEntry::default() }]
}

fn everybody() -> Vec<AccessEntry> {
    let expiration = start().checked_add(Duration::from_secs(38 * 60 - 41)).ok();
    vec![AccessEntry { kind: AccessEntryType::Anonymous, expiration, ..AccessEntry::default() }]
}

/// Whether there are no tunnels.
fn is_empty(scene: Scene) -> bool {
    matches!(
        scene,
        Scene::Loading
            | Scene::Empty
            | Scene::FirstRun
            | Scene::FirstRunQuiet
            | Scene::FirstRunImport
    )
}

/// What each place has.
pub(super) fn places(scene: Scene) -> BTreeMap<PlaceKey, Vec<Tunnel>> {
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    if scene == Scene::Many {
        let many = (0..1_000).map(|n| {
            let (id, name) = (format!("t{n:07}"), format!("service-{n}"));
            let ports = [(8080, Protocol::Http)];
            Tunnel {
                expiration: start().checked_add(Duration::from_secs(27 * 86_400)).ok(),
                ..tunnel(&relay(), &id, &name, &ports, Vec::new())
            }
        });
        places.insert(relay(), many.collect());
    } else if !is_empty(scene) {
        for drawn in DRAWN {
            let place = (drawn.place)();
            let tunnel = tunnel(&place, drawn.id, drawn.name, drawn.ports, (drawn.access)());
            places.entry(place).or_default().push(tunnel);
        }
    }
    places
}

fn tunnel(
    place: &PlaceKey,
    id: &str,
    name: &str,
    ports: &[(u16, Protocol)],
    entries: Vec<AccessEntry>,
) -> Tunnel {
    let key = |port| port_with(place, id, port);
    let ports = ports
        .iter()
        .map(|(number, protocol)| TunnelPort { protocol: Some(protocol.clone()), ..key(*number) });
    Tunnel {
        tunnel_id: Some(id.to_owned()),
        cluster_id: Some("loc1".to_owned()),
        name: Some(name.to_owned()),
        ports: Some(ports.collect()),
        access_control: Some(AccessControl { entries }),
        ..Tunnel::default()
    }
}

/// A tunnel that was asked for, as the service has it then; `n` makes its id.
pub(super) fn made(place: &PlaceKey, asked: Tunnel, n: usize) -> Tunnel {
    let id = format!("n{n:07}");
    let ports = asked.ports.unwrap_or_default().into_iter().map(|port| TunnelPort {
        port_forwarding_uris: port_with(place, &id, port.port_number).port_forwarding_uris,
        ..port
    });
    let ports = Some(ports.collect());
    Tunnel { tunnel_id: Some(id), cluster_id: Some("loc1".to_owned()), ports, ..asked }
}

/// A port of a tunnel, as its service has it.
pub(super) fn port_of(tunnel: &TunnelKey, asked: TunnelPort) -> TunnelPort {
    let id = tunnel.id.tunnel.to_string();
    let made = port_with(&tunnel.place, &id, asked.port_number);
    TunnelPort { port_forwarding_uris: made.port_forwarding_uris, ..asked }
}

fn port_with(place: &PlaceKey, id: &str, number: u16) -> TunnelPort {
    let url = if *place == PlaceKey::here() {
        format!("http://127.0.0.1:{}/", 46_214 + u32::from(number) % 10_000)
    } else if *place == PlaceKey::microsoft() {
        format!("https://{id}-{number}.euw.devtunnels.ms/")
    } else {
        format!("https://{id}-{number}.relay.example.com/")
    };
    TunnelPort {
        port_number: number,
        port_forwarding_uris: Some(vec![url]),
        ..TunnelPort::default()
    }
}

/// What an engine tells of a tunnel with which all is well.
pub(super) fn well(tunnel: Option<&Tunnel>, now: Timestamp) -> Vec<host::Event> {
    let ports = tunnel.and_then(|tunnel| tunnel.ports.as_deref()).unwrap_or_default();
    let mut events = hosting(ports);
    events.extend(ports.iter().map(|port| health(port.port_number, None, Some(now))));
    events
}

fn hosting(ports: &[TunnelPort]) -> Vec<host::Event> {
    let urls = ports.iter().map(|port| PortUrls {
        port: port.port_number,
        urls: port.port_forwarding_uris.clone().unwrap_or_default(),
    });
    vec![host::Event::State(host::State::Hosting), host::Event::Ready { urls: urls.collect() }]
}

fn health(port: u16, reason: Option<Reason>, proven: Option<Timestamp>) -> host::Event {
    let label = reason.as_ref().map_or(Label::Operational, Reason::label);
    let proven = proven.map(|at| (at, Proof::Strong));
    host::Event::Health { port, health: Health { label, reason, proven } }
}

/// Brings a world to the moment of its picture.
pub(super) fn play(scene: Scene, world: &mut World) {
    let end = world.now();
    // Twelve seconds before, everything was looked at.
    let before = Moment {
        at: end.at,
        wall: end.wall.checked_sub(Duration::from_secs(12)).unwrap_or(end.wall),
    };
    world.set_now(before);
    script(scene, world);
    world.start();
    world.command(Command::Visible(true));
    if scene == Scene::Many {
        some_of_many(world);
    } else if !is_empty(scene) {
        for drawn in DRAWN {
            world.command(Command::Host(key(drawn)));
        }
        if scene == Scene::Main || scene == Scene::SignIn {
            traffic::traffic(world);
        }
    }
    world.pass(Duration::from_secs(12));
    then(scene, world);
}

fn key(drawn: &Drawn) -> TunnelKey {
    named((drawn.place)(), drawn.id)
}

fn named(place: PlaceKey, id: &str) -> TunnelKey {
    #[allow(clippy::expect_used, reason = "the ids stand above")]
    let id = format!("{id}.loc1").parse().expect("an id of the pictures");
    TunnelKey { place, id }
}

pub(super) fn drawn(name: &str) -> TunnelKey {
    let found = DRAWN.iter().find(|drawn| drawn.name == name);
    key(found.unwrap_or(&DRAWN[0]))
}

/// What is not well in a scene, from the start.
fn script(scene: Scene, world: &mut World) {
    let mut tell = |name: &str, rest: Vec<host::Event>| {
        let tunnel = drawn(name);
        let tunnels = world.places.get(&tunnel.place).cloned().unwrap_or_default();
        let known = tunnels.iter().find(|it| it.full_id().as_ref() == Some(&tunnel.id));
        let ports = known.and_then(|it| it.ports.clone()).unwrap_or_default();
        world.engines.insert(tunnel, [hosting(&ports), rest].concat());
    };
    let lost = |attempt, wait| {
        let wait = Duration::from_secs(wait);
        vec![
            host::Event::State(host::State::Reconnecting),
            host::Event::Retry { attempt, wait, cause: "the network is down".into() },
        ]
    };
    let gave_up = |why| vec![host::Event::State(host::State::Error(why))];
    match scene {
        Scene::Main => {
            tell("billing", vec![host::Event::LocalDown { port: 3000, cause: "refused".into() }]);
            tell("design-review", lost(3, 20));
            tell("webhooks", Vec::new());
        }
        Scene::SignIn => {
            tell("billing", vec![host::Event::LocalDown { port: 3000, cause: "refused".into() }]);
            tell("webhooks", gave_up(GiveUp::SignIn));
        }
        Scene::Offline => {
            for name in ["storefront", "design-review", "phone-demo", "webhooks"] {
                tell(name, lost(4, 90));
            }
        }
        Scene::Errors => {
            let dead = Reason::Dead { port: 5173, sign: Sign::Status(502) };
            tell("storefront", vec![health(5173, Some(dead), None)]);
            tell("design-review", vec![host::Event::State(host::State::Standby)]);
            tell("webhooks", gave_up(GiveUp::SignIn));
            tell(
                "phone-demo",
                gave_up(GiveUp::Forbidden(
                    "403 from cp.relay.example.com: ana may not host it any more".into(),
                )),
            );
        }
        Scene::FirstRun | Scene::FirstRunQuiet | Scene::FirstRunImport => {
            world.broken.insert(PlaceKey::microsoft(), Preflight::CommandMissing);
        }
        Scene::Loading => world.is_silent = true,
        Scene::Empty | Scene::Many => {}
    }
}

/// What happens last.
fn then(scene: Scene, world: &mut World) {
    match scene {
        Scene::SignIn => {
            world.broken.insert(PlaceKey::microsoft(), Preflight::SignedOut);
            world.command(Command::CheckAgain(PlaceKey::microsoft()));
            world.command(Command::Delete(drawn("design-review")));
            world.pass(Duration::from_secs(2));
        }
        Scene::Offline => {
            for place in [relay(), PlaceKey::microsoft()] {
                let trouble = Failure::new(Code::Unreachable, "there is no network").into();
                world.broken.insert(place, Preflight::Failed(trouble));
            }
            world.event(Event::Network { is_there: false });
            world.command(Command::Refresh(None));
            world.pass(Duration::from_secs(50));
        }
        _ => {}
    }
}

/// What listens on the computer of the pictures.
pub(super) fn listening(scene: Scene) -> Found {
    if scene == Scene::FirstRunQuiet {
        return Found::Ports([].into());
    }
    let entry = |port, program: &str, minutes: u64| Listening {
        port,
        program: Some(program.to_owned()),
        since: start().checked_sub(Duration::from_secs(minutes * 60)).ok(),
        risk: risk(port),
    };
    Found::Ports(
        [
            entry(5173, "vite", 42),
            entry(8080, "api-server", 41),
            entry(8000, "python3 -m http.server", 7),
            entry(5432, "postgres", 9 * 60),
        ]
        .into(),
    )
}

fn some_of_many(world: &mut World) {
    for n in (0..1_000).step_by(3) {
        world.command(Command::Host(named(relay(), &format!("t{n:07}"))));
    }
}
