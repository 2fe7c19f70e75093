//! `adit up` on this computer, through the trial relay in its own process.

use std::io::Read;

use crate::support::{Local, Running, Sandbox, send, split, visit};

/// `adit up` of a local server, as a script sees it, and its first URL.
fn up(sandbox: &Sandbox, args: &[&str]) -> (Running, String) {
    let mut up = sandbox.start(&[&["up", "--json"], args].concat());
    let ready = up.event("ready");
    (up, ready["urls"][0]["url"].as_str().unwrap().to_owned())
}

#[test]
fn a_local_port_is_at_a_url_that_says_how_far_it_reaches() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let mut up = sandbox.start(&["up", "--json", &local.port.to_string()]);
    let ready = up.event("ready");
    let urls = ready["urls"].as_array().unwrap();
    assert!(urls.iter().all(|url| url["reach"] == "this computer only"), "{urls:?}");
    assert!(urls[0]["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    for url in urls {
        let answer = visit(url["url"].as_str().unwrap(), "/hello?word=canary");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("you asked for /hello?word=canary"), "{answer}");
        let request = up.event("request");
        assert_eq!(request["path"], "/hello?word=•••");
        assert_eq!(request["status"], 200);
    }
    let (status, lines, err) = up.interrupted();
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(lines.last().unwrap().contains(r#""event":"stopped""#), "{lines:?}");
}

#[test]
fn people_read_what_was_chosen_how_far_it_reaches_and_each_request() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let mut up = sandbox.start(&["up", &local.port.to_string()]);
    up.line("choice", |line| line.contains("trial relay") && line.contains("nobody is signed in"));
    let first = up.line("first URL", |line| line.starts_with("http://127.0.0.1:"));
    assert!(first.ends_with("   this computer only (trial relay)"), "{first}");
    let second = up.line("second URL", |line| line.contains(".localhost:"));
    assert!(second.ends_with("   the same, for browsers"), "{second}");
    up.line("advice", |line| line == "To reach it from elsewhere: adit login <relay URL>");
    visit(first.split(' ').next().unwrap(), "/p?q=canary");
    let request = up.line("request", |line| line.starts_with("GET "));
    assert!(request.contains("/p?q=•••   200   ") && request.ends_with(" ms"), "{request}");
    let (status, lines, err) = up.interrupted();
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(!lines.iter().any(|line| line.contains('\x1b') || line.contains("public")));
    assert!(err.contains("ending"), "{err}");
    assert_eq!(err.lines().count(), 1, "no warnings: {err}");
}

#[test]
fn the_url_survives_kill_9() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let port = local.port.to_string();
    let (killed, url) = up(&sandbox, &[&port]);
    visit(&url, "/");
    killed.signal("KILL");
    let (status, ..) = killed.ended();
    assert_eq!(status.code(), None);
    let (mut again, same) = up(&sandbox, &[&port]);
    assert_eq!(same, url);
    assert!(visit(&same, "/after").ends_with("you asked for /after"));
    again.event("request");
    assert_eq!(again.interrupted().0.code(), Some(0));
}

#[test]
fn the_same_name_twice_prints_the_running_url_and_ends_with_5() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let port = local.port.to_string();
    let (_first, url) = up(&sandbox, &[&port, "--name", "shop"]);
    let second = sandbox.run(&["up", &port, "--name", "shop", "-j"]).ended_with(5);
    assert!(second.error()["message"].as_str().unwrap().contains(&url), "{second:?}");
    let (_other, other) = up(&sandbox, &[&port, "--name", "other"]);
    assert_ne!(other, url);
}

#[test]
fn ctrl_c_finishes_the_request_at_hand_and_a_second_one_does_not_wait() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let port = local.port.to_string();

    let (patient, url) = up(&sandbox, &[&port]);
    let (addr, host) = split(&url);
    let mut visitor = send(addr, &host, "/held");
    local.holds_one();
    patient.signal("INT");
    local.release();
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("you asked for /held"), "{answer}");
    assert_eq!(patient.ended().0.code(), Some(0));

    let (mut impatient, url) = up(&sandbox, &[&port]);
    let (addr, host) = split(&url);
    let _visitor = send(addr, &host, "/held");
    local.holds_one();
    impatient.signal("INT");
    impatient.event_that("state", |line| line["state"] != "Hosting");
    impatient.signal("INT");
    assert_eq!(impatient.ended().0.code(), Some(130));
}

#[test]
fn adit_toml_says_what_the_arguments_leave_open() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let text = format!("ports = [{}]\nname = 'shop'\nwhere = 'here'\n", local.port);
    std::fs::write(sandbox.path("work/adit.toml"), text).unwrap();
    let (up, url) = up(&sandbox, &[]);
    assert!(visit(&url, "/file").ends_with("you asked for /file"));
    assert!(sandbox.path("state/embedded/shop").is_dir());
    assert_eq!(up.interrupted().0.code(), Some(0));
}

#[test]
fn a_foreign_host_name_is_not_served() {
    let (sandbox, local) = (Sandbox::new(), Local::start());
    let (_up, url) = up(&sandbox, &[&local.port.to_string()]);
    let (addr, _) = split(&url);
    let answer = crate::support::get(addr, "evil.example.com", "/");
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

#[test]
fn a_port_where_nothing_answers_is_said_at_once_and_visitors_get_a_502() {
    let sandbox = Sandbox::new();
    let port = crate::support::free_port();
    let mut up = sandbox.start(&["up", &port.to_string()]);
    let first = up.line("URL", |line| line.starts_with("http://127.0.0.1:"));
    up.line("warning", |line| line.contains(&format!("local port {port}")));
    let answer = visit(first.split(' ').next().unwrap(), "/");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    up.line("refusal", |line| line.contains("nothing listens"));
    let (_, _, err) = up.interrupted();
    assert_eq!(err.lines().count(), 1, "told once, not logged too: {err}");
}

#[test]
fn the_sample_page_can_be_put_at_a_url() {
    let sandbox = Sandbox::new();
    let port = crate::support::free_port().to_string();
    let mut sample = sandbox.start(&["sample", &port]);
    sample.line("page", |line| line.contains(&port));
    let (_up, url) = up(&sandbox, &[&port]);
    let page = visit(&url, "/a&b");
    assert!(page.contains("This page came through a tunnel"), "{page}");
    assert!(page.contains("x-forwarded-host") && page.contains("/a&amp;b"), "{page}");
    assert_eq!(sample.interrupted().0.code(), Some(0));
}
