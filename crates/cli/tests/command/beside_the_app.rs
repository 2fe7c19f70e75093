//! `adit host` and the desktop app's engine in one state directory, in either order.

use adit_app::command::Command;
use adit_app::desk::{self, Desk, Started};
use adit_app::environment::Environment;
use adit_app::failure::Code;
use adit_app::profile::Profile;
use adit_app::status::State;
use tokio::runtime::Runtime;

use crate::on_a_relay::open_tunnel;
use crate::support::{Local, Relay, Sandbox, visit};

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
fn what_was_stopped_in_the_app_stays_stopped_for_who_follows() {
    let (relay, runtime) = (Relay::start(), Runtime::new().unwrap());
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let app = app(&runtime, &ann);
    let mut person = ann.start(&["host", &id]);
    person.line("URL", |line| line.starts_with("http"));
    let tunnel = app.handle().hosted().borrow()[0].key.clone();
    runtime.block_on(app.handle().commands().send(Command::Stop(tunnel)));
    // Somebody wanted that: it has nothing left to do.
    assert_eq!(person.ended().0.code(), Some(0));
    runtime.block_on(app.quit());
}
