//! `adit host` and the desktop app's engine in one state directory, in either order.

use adit_app::command::Command;
use adit_app::desk::{self, Desk, Started};
use adit_app::environment::Environment;
use adit_app::failure::Code;
use adit_app::profile::Profile;
use adit_app::status::State;
use adit_app::tunnel_key::TunnelKey;
use tokio::runtime::Runtime;

use crate::headless::managed;
use crate::on_a_relay::open_tunnel;
use crate::support::{Local, Relay, Running, Sandbox, visit};

fn profile(of: &Sandbox) -> Profile {
    let environment = Environment {
        config: Some(of.path("config").into()),
        state_dir: Some(of.path("state").into()),
        ..Environment::default()
    };
    Profile::new(environment, |_| {}).unwrap()
}

fn app(runtime: &Runtime, of: &Sandbox) -> Box<Desk> {
    match runtime.block_on(desk::start(profile(of))).unwrap() {
        Started::Here(desk) => desk,
        Started::Shown => panic!("there is no other window"),
    }
}

#[test]
fn the_app_hosts_what_a_host_wants_as_long_as_it_runs() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let mut script = ann.start(&["host", &id, "--json"]);
    let url = script.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    let mut person = ann.start(&["host", &id]);
    person.line("URL", |line| line.starts_with("http"));

    let app = app(&runtime, &ann);
    let hosted = |app: &Desk| {
        let mut hosted = app.handle().hosted();
        runtime.block_on(async {
            let is_up = |hosted: &adit_app::controller::Hosted| {
                hosted.iter().any(|it| it.status.state == State::Hosting)
            };
            drop(hosted.wait_for(is_up).await.unwrap());
        });
    };
    hosted(&app);
    // What it has said so far is of before and of the app.
    script.event_that("state", |line| line["state"] == "Hosting");
    script.event("ready");
    assert!(visit(&url, "/").starts_with("HTTP/1.1 200"));
    // What it hosts for others is not its own.
    assert!(app.handle().hosted().borrow().iter().all(|it| !it.is_kept));

    runtime.block_on(app.quit());
    // Either of them hosts next, and the other follows.
    script.event("ready");
    assert!(visit(&url, "/").starts_with("HTTP/1.1 200"));
    script.say("quit");
    assert_eq!(script.ended().0.code(), Some(0));
    assert_eq!(person.interrupted().0.code(), Some(0));
}

#[test]
fn a_host_that_the_app_cannot_replace_stays_and_says_why() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    for option in ["--renew", "--exclusive"] {
        let mut host = ann.start(&["host", &id, option, "--json"]);
        host.event("ready");
        let failure = runtime.block_on(desk::start(profile(&ann))).unwrap_err();
        assert_eq!(failure.code, Code::Refused);
        assert!(failure.message.contains(option), "{failure}");
        assert_eq!(host.interrupted().0.code(), Some(0));
    }
}

#[test]
fn who_goes_on_without_the_app_leaves_what_was_stopped_there() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let shop = open_tunnel(&ann, "shop", local.port);
    let blog = open_tunnel(&ann, "blog", local.port);
    let app = app(&runtime, &ann);
    let mut script = ann.start(&["host", &shop, &blog, "--json"]);
    script.event("ready");
    script.event("ready");
    let stop = Command::Stop(key(&app, &shop));
    runtime.block_on(app.handle().commands().send(stop));
    script.event_that("state", |line| line["state"] == "Stopped");
    runtime.block_on(app.quit());
    assert_eq!(script.event("ready")["tunnel_id"], blog);
    let status = ann.run(&["status", "--json"]).ended_with(0).out;
    assert!(status.contains(&blog) && !status.contains(&shop), "{status}");
    assert_eq!(script.interrupted().0.code(), Some(0));
}

#[test]
fn a_service_is_there_for_what_the_app_has_stopped_and_started_again() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let app = app(&runtime, &ann);
    let (manager, mut service) = managed(&ann, ann.command(&["host", &id]));
    manager.hears("STATUS=1 of 1 tunnels hosted");
    let url = service.line("URL", |line| line.starts_with("http"));
    let tunnel = key(&app, &id);
    runtime.block_on(app.handle().commands().send(Command::Stop(tunnel.clone())));
    manager.hears("STATUS=0 of 1 tunnels hosted");
    runtime.block_on(app.handle().commands().send(Command::Host(tunnel)));
    manager.hears("STATUS=1 of 1 tunnels hosted");
    runtime.block_on(app.quit());
    manager.hears("STATUS=0 of 1 tunnels hosted");
    manager.hears("STATUS=1 of 1 tunnels hosted");
    let url = url.split_whitespace().next().unwrap();
    assert!(visit(url, "/").starts_with("HTTP/1.1 200"));
    assert_eq!(service.interrupted().0.code(), Some(0));
}

/// What the app calls a tunnel that it hosts.
fn key(app: &Desk, id: &str) -> TunnelKey {
    let hosted = app.handle().hosted();
    let hosted = hosted.borrow();
    hosted.iter().find(|it| it.key.id.to_string() == id).unwrap().key.clone()
}

#[test]
fn a_host_with_a_key_of_its_own_stays_because_the_app_has_none() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, key) = (Local::start(), relay.add_user("ann"));
    let (ann, app) = (Sandbox::new(), Sandbox::new());
    ann.run_with(&["login", &relay.url], &key).ended_with(0);
    let id = open_tunnel(&ann, "shop", local.port);
    let mut command = app.command(&["host", &id, "--on", &relay.url, "--json"]);
    command.env("ADIT_API_KEY", key);
    let mut host = Running::start(command);
    host.event("ready");
    let failure = runtime.block_on(desk::start(profile(&app))).unwrap_err();
    assert_eq!(failure.code, Code::Refused);
    assert!(failure.message.contains("ADIT_API_KEY"), "{failure}");
    assert_eq!(host.interrupted().0.code(), Some(0));
}

#[test]
fn what_was_stopped_in_the_app_stays_stopped_for_who_follows() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let app = app(&runtime, &ann);
    let mut person = ann.start(&["host", &id]);
    person.line("URL", |line| line.starts_with("http"));
    let tunnel = key(&app, &id);
    runtime.block_on(app.handle().commands().send(Command::Stop(tunnel)));
    // Somebody wanted that: it has nothing left to do.
    assert_eq!(person.ended().0.code(), Some(0));
    runtime.block_on(app.quit());
}
