//! Tunnels on a relay: hosted by one process, connected to by another.

use std::io::Read;
use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Local, Relay, Running, Sandbox, free_port, get, send, visit};

/// `adit connect`, and where it put that port.
fn connect(sandbox: &Sandbox, tunnel: &str, port: u16) -> (Running, SocketAddr) {
    let mut client = sandbox.start(&["connect", tunnel, "--json"]);
    let line = client.event_that("listening", |line| line["port"] == port);
    let local = u16::try_from(line["local"].as_u64().unwrap()).unwrap();
    (client, SocketAddr::from(([127, 0, 0, 1], local)))
}

/// A named tunnel that nobody hosts, as `adit up` leaves it.
fn tunnel(sandbox: &Sandbox, name: &str, port: u16) -> String {
    made(sandbox.start(&["up", &port.to_string(), "--name", name, "--json"]))
}

/// One that everybody may visit.
pub(crate) fn open_tunnel(sandbox: &Sandbox, name: &str, port: u16) -> String {
    made(sandbox.start(&["up", &port.to_string(), "--name", name, "--anonymous", "--json"]))
}

fn made(mut up: Running) -> String {
    let id = up.event("ready")["tunnel_id"].as_str().unwrap().to_owned();
    assert_eq!(up.interrupted().0.code(), Some(0));
    id
}

#[test]
fn what_one_process_hosts_another_reaches() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut host = ann.start(&["host", &id, "--json"]);
    assert_eq!(host.event("started")["tunnel_ids"][0], id.as_str());
    for phase in ["authorizing", "connecting_relay", "forwarding_ports"] {
        assert_eq!(host.event("progress")["phase"], phase);
    }
    host.event_that("state", |line| line["state"] == "Hosting");

    let (client, addr) = connect(&ann, "shop", local.port);
    assert!(
        get(addr, "localhost", "/hello?key=canary").ends_with("you asked for /hello?key=canary")
    );
    let request = host.event("request");
    assert_eq!(request["path"], "/hello?key=•••");
    assert_eq!((&request["method"], &request["status"]), (&"GET".into(), &200.into()));
    assert_eq!((&request["v"], &request["port"]), (&1.into(), &local.port.into()));
    assert_eq!(request["tunnel_id"], id.as_str());

    assert_eq!(client.interrupted().0.code(), Some(0));
    let (status, lines, _) = host.interrupted();
    assert_eq!(status.code(), Some(0));
    assert!(lines.last().unwrap().contains(r#""event":"stopped""#), "{lines:?}");
}

#[test]
fn a_script_drives_the_host_through_standard_input() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let (one, two) = (tunnel(&ann, "one", local.port), tunnel(&ann, "two", local.port));
    let mut host = ann.start(&["host", &one, "--json"]);
    let hosting = |host: &mut Running, id: &str| {
        host.event_that("state", |line| line["state"] == "Hosting" && line["tunnel_id"] == id);
    };
    hosting(&mut host, &one);

    host.say(&format!("host {two}"));
    hosting(&mut host, &two);

    host.say(&format!("drop {one}"));
    host.event_that("state", |line| line["state"] == "Reconnecting" && line["tunnel_id"] == *one);
    hosting(&mut host, &one);

    host.say("make me a sandwich");
    let error = host.event("error");
    assert_eq!(error["code"], "usage");
    assert!(error["message"].as_str().unwrap().contains("sandwich"));

    host.say("stop nobody-4k9x2bd.loc1");
    assert_eq!(host.event("error")["code"], "not_found");

    host.say("stop");
    host.event_that("state", |line| line["state"] == "Stopped" && line["tunnel_id"] == *one);
    host.say(&format!("host {one}"));
    hosting(&mut host, &one);

    host.say_no_more();
    let (status, lines, _) = host.ended();
    assert_eq!(status.code(), Some(0));
    assert!(lines.last().unwrap().contains(r#""event":"stopped""#));
}

#[test]
fn a_look_up_that_takes_its_time_keeps_nothing_from_going_on() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let shop = tunnel(&ann, "shop", local.port);
    let mut host = ann.start(&["host", &shop, "--json"]);
    host.event("ready");
    let mut second = ann.start(&["host", &shop, "--json"]);
    second.event("ready");
    relay.signal("STOP");
    // Only the relay knows what is called so.
    for host in [&mut host, &mut second] {
        host.say("stop blog");
        host.say("dance");
    }
    assert_eq!(ann.run(&["retry", &shop, "--json"]).ended_with(0).json()["done"], "trying now");
    assert_eq!(second.interrupted().0.code(), Some(0));
    relay.signal("CONT");
    // What was asked first is done first.
    assert_eq!(host.event("error")["code"], "not_found");
    assert_eq!(host.event("error")["code"], "usage");
    // A name is as good as an id.
    host.say("drop shop");
    host.event_that("state", |line| line["state"] == "Reconnecting");
    host.say_no_more();
    assert_eq!(host.ended().0.code(), Some(0));
}

#[test]
fn a_tunnel_is_hosted_by_one_process_of_a_user_at_a_time() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut host = ann.start(&["host", &id, "--json"]);
    let url = host.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    // It is refused before it changes anything.
    let second = ann.run(&["up", "1", "--name", "shop", "-j"]).ended_with(5);
    assert!(second.error()["message"].as_str().unwrap().contains(&url), "{second:?}");
    let second = ann.run(&["host", &id, "--exclusive", "-j"]).ended_with(5);
    let message = second.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&host.pid().to_string()), "{message}");
}

#[test]
fn a_second_host_joins_the_first_and_takes_with_it_only_what_it_brought() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let shop = open_tunnel(&ann, "shop", local.port);
    let blog = open_tunnel(&ann, "blog", local.port);
    let mut first = ann.start(&["host", &shop, "--json"]);
    first.event("ready");
    let mut second = ann.start(&["host", &shop, &blog, "--json"]);
    assert_eq!(second.event("started")["tunnel_ids"], serde_json::json!([shop, blog]));
    let is = |id: &str| {
        let id = id.to_owned();
        move |line: &Value| line["tunnel_id"] == *id
    };
    second.event_that("ready", is(&shop));
    let ready = second.event_that("ready", is(&blog));
    let url = ready["urls"][0]["url"].as_str().unwrap().to_owned();
    assert!(visit(&url, "/").starts_with("HTTP/1.1 200"));
    let seen = second.event_that("request", is(&blog));
    assert_eq!(seen["status"], 200);
    // It is asked like the first one.
    second.say("dance");
    assert_eq!(second.event("error")["code"], "usage");
    second.say(&format!("drop {blog}"));
    second.event_that("state", |line| line["state"] == "Reconnecting");
    second.event_that("state", |line| line["state"] == "Hosting");

    second.signal("INT");
    let (status, lines, _) = second.ended();
    assert_eq!(status.code(), Some(0));
    assert!(lines.last().unwrap().contains(r#""event":"stopped""#));
    let ready = lines.iter().filter(|line| line.contains(r#""event":"ready""#)).count();
    assert_eq!(ready, 2, "once for each tunnel: {lines:?}");
    assert_eq!(listed(&mut first), [shop]);
}

#[test]
fn a_second_host_with_nothing_of_its_own_stops_nothing() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let (shop, blog) = (tunnel(&ann, "shop", local.port), tunnel(&ann, "blog", local.port));
    let mut first = ann.start(&["host", &shop, "--json"]);
    first.event("ready");
    let mut second = ann.start(&["host", &blog, "--json"]);
    second.event("ready");
    second.say(&format!("stop {blog}"));
    second.event_that("state", |line| line["state"] == "Stopped");
    second.say("stop");
    second.say(&format!("drop {shop}"));
    // What is stopped does not come back.
    first.event_that("state", |line| line["state"] == "Reconnecting");
    first.event_that("state", |line| line["state"] == "Hosting");
}

#[test]
fn a_disk_that_takes_no_note_ends_no_hosting() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut host = ann.start(&["host", &id, "--json"]);
    let url = host.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    let notes = |text: &[u8]| String::from_utf8_lossy(text).contains(&url);
    let (note, _) = ann
        .files()
        .into_iter()
        .find(|(path, text)| path.ends_with("running.json") && notes(text))
        .expect("where the tunnel can be reached is noted");
    // No file takes the place of a folder with something in it.
    std::fs::remove_file(&note).unwrap();
    std::fs::create_dir_all(note.join("x")).unwrap();
    let port = free_port();
    ann.run(&["port", "create", &id, "-p", &port.to_string()]).ended_with(0);
    let changed = host.event("url_changed");
    let added = |url: &Value| url["port"] == port;
    assert!(changed["urls"].as_array().unwrap().iter().any(added), "{changed}");
    host.say("quit");
    assert_eq!(host.ended().0.code(), Some(0));
}

/// What a host says that it hosts.
fn listed(host: &mut Running) -> Vec<String> {
    host.say("list");
    host.say("that is all");
    let mut ids = Vec::new();
    loop {
        let line = host.line("status", |line| line.contains("\"status\"") || line.contains("all"));
        let line: Value = serde_json::from_str(&line).unwrap();
        match line["tunnel_id"].as_str() {
            Some(id) if line["event"] == "status" => ids.push(id.to_owned()),
            _ => return ids,
        }
    }
}

#[test]
fn a_second_host_ends_with_what_it_brought_and_says_why() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let shop = tunnel(&ann, "shop", local.port);
    let blog = tunnel(&ann, "blog", local.port);
    let mut first = ann.start(&["host", &shop, "--json"]);
    first.event("ready");
    let second = || {
        let mut second = ann.start(&["host", &blog]);
        second.line("an address", |line| line.contains("http://"));
        second
    };
    let stopped = second();
    ann.run(&["stop", &blog]).ended_with(0);
    assert_eq!(stopped.ended().0.code(), Some(0));
    let bereft = second();
    ann.run(&["delete", &blog, "-f"]).ended_with(0);
    let (status, _, errors) = bereft.ended();
    assert_eq!(status.code(), Some(2), "{errors}");
    assert!(errors.contains("no longer exists"), "{errors}");
    assert_eq!(listed(&mut first), [shop]);
}

#[test]
fn a_second_host_ends_after_the_request_at_hand_unless_it_is_told_twice() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let shop = tunnel(&ann, "shop", local.port);
    let blog = open_tunnel(&ann, "blog", local.port);
    let mut first = ann.start(&["host", &shop, "--json"]);
    first.event("ready");
    let hold = || {
        let mut second = ann.start(&["host", &blog, "--json"]);
        let url = second.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
        let visit = std::thread::spawn(move || visit(&url, "/held"));
        local.holds_one();
        second.signal("INT");
        second.event_that("state", |line| line["state"] == "Stopped");
        (second, visit)
    };
    let (second, visit) = hold();
    local.release();
    assert_eq!(second.ended().0.code(), Some(0));
    assert!(visit.join().unwrap().ends_with("you asked for /held"));
    assert_eq!(listed(&mut first), [shop]);
    let (second, visit) = hold();
    assert_eq!(second.interrupted().0.code(), Some(130));
    local.release();
    visit.join().unwrap();
}

#[test]
fn a_second_host_can_be_ended_while_the_first_does_not_answer() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    let mut first = ann.start(&["host", &id, "--json"]);
    first.event("ready");
    first.signal("STOP");
    let second = ann.run(&["host", &id, "-j"]);
    first.signal("CONT");
    assert_eq!(second.error()["code"], "internal", "{second:?}");
    assert!(second.err.contains("does not answer"), "{second:?}");
}

#[test]
fn when_the_first_host_ends_the_second_goes_on() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let mut first = ann.start(&["host", &id, "--json"]);
    first.event("ready");
    let mut second = ann.start(&["host", &id, "--json"]);
    second.event("ready");
    first.signal("KILL");
    second.event_that("state", |line| line["state"] == "Connecting");
    let ready = second.event("ready");
    assert!(visit(ready["urls"][0]["url"].as_str().unwrap(), "/").starts_with("HTTP/1.1 200"));
    second.say("quit");
    assert_eq!(second.ended().0.code(), Some(0));
}

#[test]
fn when_the_first_host_is_told_to_end_a_second_one_for_people_goes_on() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = open_tunnel(&ann, "shop", local.port);
    let mut first = ann.start(&["host", &id, "--json"]);
    first.event("ready");
    let mut second = ann.start(&["host", &id]);
    let url = second.line("URL", |line| line.starts_with("http"));
    assert_eq!(first.interrupted().0.code(), Some(0));
    // It hosts itself now, at the same URL.
    second.line("Connected", |line| line == "Connected again");
    second.line("URL", |line| line.starts_with("http"));
    let url = url.split_whitespace().next().unwrap();
    assert!(visit(url, "/").starts_with("HTTP/1.1 200"));
    let (status, _, said) = second.interrupted();
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("has ended; this one goes on"), "{said}");
}

#[test]
fn what_does_not_exist_or_is_not_ours_is_told_by_its_exit_code() {
    let relay = Relay::start();
    let (local, ann, bob) = (Local::start(), relay.user("ann"), relay.user("bob"));
    let id = tunnel(&ann, "shop", local.port);
    assert_eq!(ann.run(&["host", "blog", "-j"]).ended_with(2).error()["code"], "not_found");
    ann.run(&["connect", "blog-4k9x2bd.loc1"]).ended_with(2);
    assert_eq!(bob.run(&["connect", &id, "-j"]).ended_with(77).error()["code"], "access");
    assert_eq!(bob.run(&["host", &id]).code, Some(77));
}

/// A listener in the place of the missing local server would have the host connect to the tunnel's
/// own entrance, and each connection make the next.
#[test]
fn on_the_computer_of_the_host_a_client_never_takes_the_place_of_the_local_server() {
    let relay = Relay::start();
    let ann = relay.user("ann");
    let port = free_port();
    let mut up = ann.start(&["up", &port.to_string(), "--name", "shop", "--json"]);
    up.event("ready");
    let (_client, addr) = connect(&ann, "shop", port);
    assert_ne!(addr.port(), port);
    let mut stream = send(addr, "localhost", "/");
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(up.event("error")["code"], "local_port");
}

#[test]
fn a_relay_that_is_away_ends_up_and_makes_a_host_try_until_it_is_told_to_end() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let id = tunnel(&ann, "shop", local.port);
    drop(relay);
    let port = local.port.to_string();
    assert_eq!(ann.run(&["up", &port, "-j"]).ended_with(69).error()["code"], "unreachable");
    let mut host = ann.start(&["host", &id, "--json"]);
    let retry = host.event("retry");
    assert!(retry["in_ms"].is_u64() && retry["cause"].is_string(), "{retry}");
    assert_eq!(host.interrupted().0.code(), Some(0));
}

#[test]
fn a_tunnel_without_a_name_is_temporary_and_one_with_a_name_is_kept() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let port = local.port.to_string();
    let tunnels = || ann.run(&["whoami", "-j"]).json()["relays"][0]["tunnels"].clone();

    let mut temporary = ann.start(&["up", &port]);
    temporary.line("temporary", |line| line.contains("temporary"));
    temporary.line("Ctrl-C", |line| line.contains("Ctrl-C"));
    assert_eq!(tunnels(), 1);
    let (status, _, err) = temporary.interrupted();
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(tunnels(), 0);

    let first = tunnel(&ann, "shop", local.port);
    assert_eq!(tunnels(), 1);
    assert_eq!(tunnel(&ann, "shop", local.port), first);
    assert_eq!(tunnels(), 1);
}

#[test]
fn a_local_server_that_is_away_is_an_error_line_and_not_the_end() {
    let relay = Relay::start();
    let ann = relay.user("ann");
    let port = free_port().to_string();
    let mut up = ann.start(&["up", &port, "--anonymous", "--json"]);
    let url = up.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    let answer = visit(&url, "/");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let error = up.event("error");
    assert_eq!(error["code"], "local_port");
    assert!(error["message"].as_str().unwrap().contains(&port));
    assert_eq!(up.interrupted().0.code(), Some(0));
}

#[test]
fn a_tunnel_on_a_relay_is_private_unless_it_is_opened() {
    let relay = Relay::start();
    let (local, ann) = (Local::start(), relay.user("ann"));
    let port = local.port.to_string();
    let mut closed = ann.start(&["up", &port, "--name", "shop", "--json"]);
    let url = closed.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    let answer = visit(&url, "/");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(closed.interrupted().0.code(), Some(0));

    let mut open = ann.start(&["up", &port, "--name", "shop", "--anonymous=1h", "--json"]);
    assert_eq!(open.event("ready")["urls"][0]["url"], url.as_str());
    let answer = visit(&url, "/open");
    assert!(answer.ends_with("you asked for /open"), "{answer}");
}
