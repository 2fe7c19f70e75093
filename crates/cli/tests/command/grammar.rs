//! What the command line understands, and how it says that it does not.

use serde_json::Value;

use crate::support::{Done, Sandbox};

#[test]
fn usage_errors_end_with_64_and_say_what_would_be_right() {
    let sandbox = Sandbox::new();
    for (args, word) in [
        (&["up", "0"][..], "65535"),
        (&["up", "3000:tcp"], "https"),
        (&["up", "3000", "3000"], "twice"),
        (&["up"], "adit up 3000"),
        (&["up", "3000", "--name", "Shop!"], "name"),
        (&["up", "3000", "--lan"], "--anonymous"),
        (&["up", "3000", "--qr", "--json"], "--json"),
        (&["up", "3000", "--on", "nowhere"], "here"),
        (&["use", "nowhere"], "here"),
        (&["host", "not.a.tunnel"], "tunnel"),
        (&["frobnicate"], "frobnicate"),
        (&["relay", "--config", "missing.toml"], "missing.toml"),
        (&[], "Usage"),
    ] {
        let done = sandbox.run(args).ended_with(64);
        assert!(done.err.contains(word), "{args:?}: {}", done.err);
        assert_eq!(done.out, "", "{args:?}");
    }
}

#[test]
fn a_script_reads_every_failure_as_one_line_of_json() {
    let sandbox = Sandbox::new();
    for (args, code, exit) in [
        (&["up", "0", "-j"][..], "usage", 64),
        (&["--json", "frobnicate"], "usage", 64),
        (&["host", "quiet-fox-4k9x2bd.loc1", "-j"], "sign_in", 77),
        (&["logout", "--json"], "not_found", 2),
    ] {
        let done = sandbox.run(args).ended_with(exit);
        assert_eq!(done.err.lines().count(), 1, "{}", done.err);
        assert_eq!(done.error()["code"], code);
        assert!(done.error()["message"].is_string());
    }
}

#[test]
fn help_and_version_are_results_and_not_errors() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).ended_with(0);
    for word in ["Examples:", "How far a URL reaches:", "Exit codes:", "ADIT_CONFIG"] {
        assert!(help.out.contains(word), "{word}");
    }
    assert!(!help.out.contains('\x1b'), "no colour in a pipe");
    for command in ["up", "host", "connect", "relay", "login", "logout", "whoami", "use", "sample"]
    {
        let of_command = sandbox.run(&["help", command]).ended_with(0);
        assert!(of_command.out.contains("Usage: adit"), "{command}");
    }
    assert!(sandbox.run(&["--version"]).ended_with(0).out.starts_with("adit "));
}

#[test]
fn completions_are_for_the_shells_that_people_use() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.run(&["completions", shell]).ended_with(0);
        assert!(script.out.contains("adit"), "{shell}");
    }
}

#[test]
fn a_log_level_that_does_not_exist_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["whoami", "-j"]);
    command.env("ADIT_LOG", "adit=loud");
    let done = Done::of(command, "").ended_with(64);
    assert!(done.error()["message"].as_str().unwrap().contains("ADIT_LOG"));
}

#[test]
fn a_mistake_in_adit_toml_is_named_with_its_line() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("work/adit.toml"), "ports = [3000]\nprot = 1\n").unwrap();
    let done = sandbox.run(&["up", "-j"]).ended_with(64);
    let message = done.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("adit.toml") && message.contains("prot"), "{message}");
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn where_tunnels_live_is_chosen_and_shown() {
    let sandbox = Sandbox::new();
    let place = || -> Value { sandbox.run(&["whoami", "-j"]).json()["where"].clone() };
    assert_eq!(place(), "here");
    sandbox.run(&["use", "https://CP.relay.example.com/"]).ended_with(0);
    let done = sandbox.run(&["whoami", "-j"]).ended_with(77);
    assert_eq!(done.json()["where"], "https://cp.relay.example.com");
    assert_eq!(done.error()["code"], "sign_in");
    sandbox.run(&["use", "here"]).ended_with(0);
    assert_eq!(place(), "here");
    let mut command = sandbox.command(&["whoami", "-j"]);
    command.env("ADIT_ON", "elsewhere");
    assert_eq!(Done::of(command, "").ended_with(64).error()["code"], "usage");
}
