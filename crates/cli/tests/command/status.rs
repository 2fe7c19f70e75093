//! What is hosted on a computer, seen from another process, and told to stop from there.

use serde_json::Value;

use crate::support::{Done, Local, Relay, Running, Sandbox};

/// The tunnels that `adit status` knows.
fn tunnels(sandbox: &Sandbox) -> Vec<Value> {
    let status = sandbox.run(&["status", "--json"]).ended_with(0).json();
    let processes = status["processes"].as_array().unwrap().clone();
    processes.iter().flat_map(|process| process["tunnels"].as_array().unwrap().clone()).collect()
}

fn up(sandbox: &Sandbox, local: &Local, name: &str) -> (Running, String) {
    let port = local.port.to_string();
    let mut up = sandbox.start(&["up", &port, "--on", "here", "--name", name, "--json"]);
    let ready = up.event("ready");
    (up, ready["urls"][0]["url"].as_str().unwrap().to_owned())
}

#[test]
fn every_running_up_is_listed_and_can_be_stopped() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    assert!(sandbox.run(&["status"]).ended_with(0).out.contains("Nothing is hosted"));
    let (shop, url) = up(&sandbox, &local, "shop");
    let (blog, _) = up(&sandbox, &local, "blog");

    let listed = tunnels(&sandbox);
    let names: Vec<_> = listed.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["blog", "shop"]);
    assert_eq!((&listed[1]["state"], &listed[1]["where"]), (&"Hosting".into(), &"here".into()));
    assert_eq!(listed[1]["ports"][0]["urls"][0], *url);
    let text = sandbox.run(&["status"]).ended_with(0).out;
    assert!(text.contains(&url) && text.contains("adit up"), "{text}");

    sandbox.run(&["stop", "shop"]).ended_with(0);
    assert_eq!(shop.ended().0.code(), Some(0));
    assert_eq!(tunnels(&sandbox).len(), 1);
    sandbox.run(&["stop", "--all"]).ended_with(0);
    assert_eq!(blog.ended().0.code(), Some(0));
    assert_eq!(tunnels(&sandbox), Vec::<Value>::new());
}

#[test]
fn who_watches_is_shown_every_change() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let mut watch = sandbox.start(&["status", "--watch", "--json"]);
    let mut shows = |fits: &dyn Fn(&Value) -> bool| {
        watch.line("a change", |line| {
            fits(&serde_json::from_str::<Value>(line).unwrap()["processes"])
        });
    };
    let nothing = serde_json::json!([]);
    shows(&|processes| *processes == nothing);
    let (shop, url) = up(&sandbox, &local, "shop");
    shows(&|processes| {
        let tunnel = &processes[0]["tunnels"][0];
        tunnel["state"] == "Hosting" && tunnel["ports"][0]["urls"][0] == *url
    });
    assert_eq!(shop.interrupted().0.code(), Some(0));
    shows(&|processes| *processes == nothing);
    assert_eq!(watch.interrupted().0.code(), Some(0));
}

#[test]
fn what_is_not_hosted_cannot_be_told_anything() {
    let sandbox = Sandbox::new();
    for args in [["stop", "shop"], ["retry", "shop"], ["take-over", "shop"]] {
        let done = sandbox.run(&args).ended_with(2);
        assert!(done.err.contains("shop is not hosted here"), "{done:?}");
    }
}

#[test]
fn a_process_that_was_killed_is_not_listed() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let (shop, _) = up(&sandbox, &local, "shop");
    shop.signal("KILL");
    drop(shop);
    assert_eq!(tunnels(&sandbox), Vec::<Value>::new());
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_mends_it() {
    let (relay, local) = (Relay::start(), Local::start());
    let ann = relay.user("ann");
    let checks = |done: Done| done.json()["checks"].as_array().unwrap().clone();
    let find = |checks: &[Value], name: &str| {
        let found = checks.iter().find(|check| check["name"].as_str().unwrap().starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {checks:?}")).clone()
    };
    let port = local.port.to_string();
    let mut up = ann.start(&["up", &port, "--name", "shop", "--json"]);
    up.event("ready");
    let fine = checks(ann.run(&["doctor", "--json"]).ended_with(0));
    for name in ["state", "keys", "relay http", "clock", "tunnel shop", "port"] {
        assert_eq!(find(&fine, name)["verdict"], "ok", "{name}");
    }
    assert_eq!(up.interrupted().0.code(), Some(0));

    // A unit that has failed, and somebody who listens where a trial relay was.
    let unit = ann.path("home/.config/systemd/user/adit.service");
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(&unit, "").unwrap();
    let said =
        "#!/bin/sh\ncase $2 in is-active) echo failed; exit 3;; is-enabled) echo enabled;; esac\n";
    let systemctl = ann.path("systemctl");
    std::fs::write(&systemctl, said).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&systemctl, executable).unwrap();
    let trial = ann.path("state/embedded/blog");
    std::fs::create_dir_all(&trial).unwrap();
    let note = format!(r#"{{"version":1,"listen":{port},"tunnel":null,"ports":{{}}}}"#);
    std::fs::write(trial.join("trial.json"), note).unwrap();
    let mut command = ann.command(&["doctor", "--json"]);
    command.env("PATH", systemctl.parent().unwrap());
    let bad = checks(Done::of(command, "").ended_with(1));
    assert_eq!(find(&bad, "service")["verdict"], "fail");
    assert!(find(&bad, "service")["mend"].as_str().unwrap().contains("restart adit"));
    let taken = find(&bad, "trial relay blog");
    assert!(taken["found"].as_str().unwrap().contains(&format!("127.0.0.1:{port}")), "{taken}");

    drop(relay);
    let done = ann.run(&["doctor"]).ended_with(1);
    assert!(done.out.contains("FAIL  relay http") && done.err.contains("1 thing"), "{done:?}");
}
