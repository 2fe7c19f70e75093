//! Signing in to a relay, and managing those who may.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Done, Relay, Sandbox, free_port, text};

#[test]
fn a_user_signs_in_is_known_and_signs_out() {
    let relay = Relay::start();
    let sandbox = relay.user("ann");
    let known = sandbox.run(&["whoami", "--json"]).ended_with(0).json();
    assert_eq!(known["where"], relay.url.as_str());
    assert_eq!(known["relays"][0]["signed_in"], true);
    assert_eq!(known["relays"][0]["user"], "ann");
    assert_eq!(known["relays"][0]["tunnels"], 0);
    let credentials = sandbox.path("config/credentials.toml");
    let mode = std::fs::metadata(&credentials).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    sandbox.run(&["logout"]).ended_with(0);
    assert_eq!(sandbox.run(&["whoami", "--json"]).json()["where"], "here");
    sandbox.run(&["logout"]).ended_with(2);
}

#[test]
fn a_wrong_key_is_refused_and_not_kept() {
    let relay = Relay::start();
    let sandbox = Sandbox::new();
    let done = sandbox.run_with(&["login", &relay.url, "-j"], "adit_not_the_right_key\n");
    assert_eq!(done.ended_with(77).error()["code"], "sign_in");
    assert!(!sandbox.path("config/credentials.toml").exists());
    sandbox.run_with(&["login", &relay.url], "").ended_with(64);
}

#[test]
fn a_relay_that_is_not_there_is_unreachable() {
    let sandbox = Sandbox::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let done = sandbox.run_with(&["login", &url, "-j"], "adit_some_key_or_other");
    let done = done.ended_with(69);
    assert_eq!(done.error()["code"], "unreachable");
    assert!(done.error()["message"].as_str().unwrap().contains("127.0.0.1"));
}

#[test]
fn the_key_of_the_environment_is_used_before_any_other() {
    let relay = Relay::start();
    let key = relay.add_user("ann");
    let sandbox = Sandbox::new();
    sandbox.run_with(&["login", &relay.url], &relay.add_user("bob")).ended_with(0);
    let run = |key: &str| {
        let mut command = sandbox.command(&["whoami", "-j"]);
        command.env("ADIT_API_KEY", key);
        Done::of(command, "")
    };
    run(&key).ended_with(0);
    assert_eq!(run("adit_not_the_right_key").ended_with(77).error()["code"], "sign_in");
}

#[test]
fn users_are_added_listed_and_revoked_while_the_relay_runs() {
    let relay = Relay::start();
    let sandbox = relay.user("ann");
    let added = relay.users(&["add", "bob", "--group", "team", "-j"]).ended_with(0).json();
    assert_eq!((&added["name"], &added["groups"][0]), (&"bob".into(), &"team".into()));
    assert!(added["key"].as_str().unwrap().starts_with("adit_"));
    relay.users(&["add", "bob"]).ended_with(1);
    relay.users(&["add", "no spaces"]).ended_with(64);
    relay.users(&["revoke", "nobody"]).ended_with(2);
    let listed = relay.users(&["list"]).ended_with(0).out;
    assert_eq!(listed, "ann\nbob   in team\n");
    relay.users(&["revoke", "ann"]).ended_with(0);
    assert!(relay.users(&["list"]).out.contains("ann   revoked"));
    // The running relay looks every second.
    let refused = (0..500).any(|_| sandbox.run(&["whoami"]).code == Some(77));
    assert!(refused, "the key works no more");
}

#[test]
fn a_damaged_file_of_keys_is_set_aside_and_said() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("config")).unwrap();
    let path = sandbox.path("config/credentials.toml");
    std::fs::write(&path, "version = 1\n[[sign_in]]\nkey = \"canary_key\"").unwrap();
    let done = sandbox.run(&["whoami"]).ended_with(0);
    assert!(done.err.contains("credentials.toml.damaged"), "{}", done.err);
    assert!(!done.err.contains("canary"));
    assert!(sandbox.path("config/credentials.toml.damaged").exists() && !path.exists());
}

#[test]
fn a_second_relay_on_the_same_data_is_refused() {
    let sandbox = Sandbox::new();
    let config = sandbox.path("relay.toml");
    std::fs::write(&config, "listen = '127.0.0.1:0'\nadmin = 'off'\n").unwrap();
    let args = ["relay", "--json", "--config", config.to_str().unwrap()];
    let mut first = sandbox.start(&args);
    first.event("ready");
    let second = sandbox.run(&args).ended_with(5);
    assert_eq!(second.error()["code"], "already_running");
    let (status, lines, _) = first.interrupted();
    assert_eq!(status.code(), Some(0));
    assert!(lines.last().unwrap().contains("stopped"));
}

#[test]
fn an_address_in_use_and_a_configuration_with_a_mistake_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let sandbox = Sandbox::new();
    let config = sandbox.path("relay.toml");
    let run = |content: &str| {
        std::fs::write(&config, content).unwrap();
        let mut command = sandbox.command(&["relay", "-j"]);
        command.env("ADIT_CONFIG", text(&config));
        Done::of(command, "")
    };
    let done = run(&format!("listen = '{addr}'\nadmin = 'off'")).ended_with(1);
    assert_eq!(done.error()["code"], "listen");
    assert!(done.error()["message"].as_str().unwrap().contains(&addr.to_string()));
    let done = run("lisen = '127.0.0.1:0'").ended_with(64);
    assert!(done.error()["message"].as_str().unwrap().contains("lisen"));
}
