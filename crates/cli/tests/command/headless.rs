//! Hosting without a terminal: by a script's variable, and by a service manager.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Done, Local, Relay, Running, Sandbox, visit};

fn tunnel(sandbox: &Sandbox, name: &str, port: u16) -> String {
    let mut up = sandbox.start(&["up", &port.to_string(), "--name", name, "--json"]);
    let id = up.event("ready")["tunnel_id"].as_str().unwrap().to_owned();
    assert_eq!(up.interrupted().0.code(), Some(0));
    id
}

#[test]
fn a_variable_hosts_its_tunnels_as_scripts_expect_it() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let (one, two) = (tunnel(&ann, "one", local.port), tunnel(&ann, "two", local.port));
    let mut command = ann.command(&[]);
    command.env("DEVTUNNEL_HEADLESS_HOST", format!(" {one}, {two},"));
    let mut host = Running::start(command);
    let first: Value = serde_json::from_str(&host.line("line", |_| true)).unwrap();
    assert_eq!(
        (&first["event"], &first["tunnel_ids"][1]),
        (&"started".into(), &two.clone().into())
    );
    for _ in 0..2 {
        host.event_that("state", |line| line["state"] == "Hosting" && line["message"].is_null());
    }
    host.say(&format!("drop {one}"));
    host.event_that("state", |line| line["state"] == "Reconnecting");
    // With the tokens that are at hand.
    assert_eq!(host.event("progress")["phase"], "connecting_relay");
    host.event_that("state", |line| line["state"] == "Hosting");
    host.say("exit");
    assert_eq!(host.ended().0.code(), Some(0));
}

#[test]
fn a_variable_that_names_no_tunnel_is_a_failure() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&[]);
    command.env("DEVTUNNEL_HEADLESS_HOST", "");
    let done = Done::of(command, "").ended_with(1);
    assert!(done.err.contains("lists no tunnel ids"), "{done:?}");
}

#[test]
fn a_service_manager_hears_of_the_start_the_state_life_and_the_end() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut command = ann.command(&["host", &id]);
    command.env("WATCHDOG_USEC", "200000");
    let (manager, host) = managed(&ann, command);
    manager.hears("READY=1");
    manager.hears("STATUS=1 of 1 tunnels hosted");
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    host.signal("TERM");
    manager.hears("STOPPING=1");
    assert_eq!(host.ended().0.code(), Some(0));
}

#[test]
fn a_service_manager_hears_how_it_stands_also_while_another_host_hosts() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut owner = ann.start(&["host", &id, "--json"]);
    owner.event("ready");
    let (manager, host) = managed(&ann, ann.command(&["host", &id]));
    manager.hears("READY=1");
    manager.hears("STATUS=1 of 1 tunnels hosted");
    host.signal("TERM");
    manager.hears("STOPPING=1");
    assert_eq!(host.ended().0.code(), Some(0));
    assert_eq!(owner.interrupted().0.code(), Some(0));
}

/// Whoever started the command as a service.
pub(crate) struct ServiceManager(UnixDatagram);

impl ServiceManager {
    pub(crate) fn hears(&self, what: &str) {
        let mut buffer = [0; 1024];
        loop {
            let length = self.0.recv(&mut buffer).unwrap_or_else(|_| panic!("{what} never came"));
            if String::from_utf8_lossy(&buffer[..length]).contains(what) {
                return;
            }
        }
    }
}

/// Starts a command as a service of that user.
pub(crate) fn managed(by: &Sandbox, mut command: Command) -> (ServiceManager, Running) {
    let path = by.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    command.env("NOTIFY_SOCKET", &path);
    (ServiceManager(socket), Running::start(command))
}

#[test]
fn a_script_that_does_not_read_can_end_its_host_all_the_same() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let port = local.port.to_string();
    let mut up = ann.start(&["up", &port, "--name", "shop", "--anonymous", "--json"]);
    let ready = up.event("ready");
    let (id, url) =
        (ready["tunnel_id"].as_str().unwrap(), ready["urls"][0]["url"].as_str().unwrap());
    assert_eq!(up.interrupted().0.code(), Some(0));
    let mut child = ann.command(&["host", id, "--json"]).stdin(Stdio::piped()).spawn().unwrap();
    // Its end would be a word to end, too.
    let _input = child.stdin.take();
    let mut watch = ann.start(&["status", "--watch", "--json"]);
    watch.line("a hosted tunnel", |line| line.contains(r#""Hosting""#));
    // More than a pipe takes, in lines that each tell a request.
    let path = format!("/{}", "x".repeat(2000));
    (0..80).for_each(|_| assert!(visit(url, &path).starts_with("HTTP/1.1 200")));
    let pid = child.id().to_string();
    let kill = |signal: &str| {
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success())
    };
    kill("-TERM");
    let (sender, ended) = mpsc::sync_channel(1);
    let waiting = thread::spawn(move || sender.send(child.wait().unwrap()));
    let status = ended.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| {
        kill("-KILL");
        panic!("it goes on");
    });
    assert_eq!(status.code(), Some(0));
    waiting.join().unwrap().unwrap();
}
