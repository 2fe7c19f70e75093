//! Requests and local servers that do not behave.

use std::sync::Arc;
use std::time::Duration;

use adit_proto::contracts::TunnelOptions;
use adit_wire::clock;
use adit_wire::net::Stream;

use super::support::*;
use crate::edge::problem::Problem;
use crate::hub::OpenError;

#[tokio::test]
async fn each_way_in_which_the_host_is_not_there_has_its_own_words() {
    let stage = Stage::open().await;
    for (error, status, code) in [
        (OpenError::NoHost, 502, "no_host"),
        (OpenError::Away, 502, "host_away"),
        (OpenError::PortNotShared(3000), 502, "not_shared"),
        (OpenError::Refused("connection refused".into()), 502, "refused"),
        (OpenError::Timeout, 504, "host_silent"),
        (OpenError::Busy, 503, "busy"),
    ] {
        stage.behind(3000, move || Err(error.clone()));
        let response = stage.get("/", "").await;
        assert_eq!((response.status(), &*response.code()), (status, code));
        let page = stage.get("/", "accept: text/html\r\n").await;
        assert_eq!(page.status(), status);
        assert!(page.text().starts_with("<!doctype html>"), "{page:?}");
    }
    let refused = Problem::Refused { port: 3000, text: None };
    assert_eq!(stage.counters.problems(&refused), 2);
}

#[tokio::test]
async fn what_the_host_said_about_a_refusal_is_passed_on() {
    let stage = Stage::open().await;
    stage.behind(3000, || Err(OpenError::Refused("connection refused".into())));
    let response = stage.get("/", "").await;
    assert!(response.text().contains("(connection refused)"), "{response:?}");
    assert!(response.text().contains("Is the server running on port 3000?"), "{response:?}");
}

#[tokio::test]
async fn a_connection_that_closes_without_a_byte_was_refused() {
    let stage = Stage::open().await;
    stage.serve(|_, talk| async move { drop(talk) });
    let response = stage.get("/", "").await;
    assert_eq!((response.status(), &*response.code()), (502, "closed"));
}

#[tokio::test]
async fn a_connection_that_is_closed_from_the_start_is_tried_once() {
    let stage = Stage::open().await;
    stage.behind(3000, || Ok(Stream::other(tokio::io::duplex(1).0)));
    for method in ["GET", "POST"] {
        let request = format!("{method} / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(stage.ask(&request).await.code(), "closed");
    }
    assert_eq!(stage.opened(), 2);
}

#[tokio::test]
async fn a_local_server_that_does_not_speak_http_is_named_as_that() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.say("SSH-2.0-OpenSSH_9.9\r\n").await;
        talk.rest().await;
    });
    let response = stage.get("/", "").await;
    assert_eq!((response.status(), &*response.code()), (502, "not_http"));
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_refused() {
    let stage = Stage::open().await;
    stage.answer(|_| "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".into());
    assert_eq!(stage.get("/", "").await.code(), "not_http");
}

#[tokio::test]
async fn unknown_tunnels_ports_and_names_are_told_apart() {
    let stage = Stage::open().await;
    for (host, status, code) in [
        ("nobody-3000.relay.test", 404, "no_tunnel"),
        ("quiet-fox-3001.relay.test", 404, "no_port"),
        ("quiet-fox.relay.test", 421, "misdirected"),
        ("relay.test.evil.example", 421, "misdirected"),
        ("quiet fox", 400, "bad_host"),
    ] {
        let response = stage.ask(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!((response.status(), &*response.code()), (status, code), "{host}");
    }
    assert_eq!(stage.ask("GET / HTTP/1.1\r\n\r\n").await.code(), "bad_host");
    let twice = format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nhost: evil.test\r\n\r\n");
    assert_eq!(stage.ask(&twice).await.code(), "bad_host");
    let connect = format!("CONNECT {HOST}:443 HTTP/1.1\r\nhost: {HOST}:443\r\n\r\n");
    assert_eq!(stage.ask(&connect).await.code(), "bad_request");
    assert_eq!(stage.opened(), 0);
}

#[tokio::test]
async fn an_early_refusal_reaches_a_visitor_who_is_still_sending() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.take(1000).await;
        talk.say("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig").await;
        // Closes with most of the body unread.
    });
    let mut visitor = stage.visitor().await;
    let size = 8 * 1024 * 1024;
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {size}\r\n\r\n"))
        .await;
    visitor.send(&pattern(size)).await;
    let response = visitor.response().await;
    assert_eq!((response.status(), response.text()), (413, "big"));
}

#[tokio::test]
async fn an_early_answer_does_not_end_an_upload_that_is_still_wanted() {
    let stage = Stage::open().await;
    let (bodies, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let bodies = bodies.clone();
        async move {
            talk.head().await;
            talk.say(&ok("early")).await;
            bodies.send(talk.take(100_000).await).await.unwrap();
            let again = talk.head().await;
            talk.say(&ok(again.split(' ').nth(1).unwrap())).await;
        }
    });
    let data = pattern(100_000);
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 100000\r\n\r\n"))
        .await;
    assert_eq!(visitor.response().await.text(), "early");
    visitor.send(&data).await;
    assert!(seen.recv().await.unwrap() == data);
    visitor.say(&get("/next", "")).await;
    assert_eq!(visitor.response().await.text(), "/next");
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn a_refused_upload_is_read_to_its_end_and_the_connection_stays() {
    let stage = Stage::open().await;
    stage.behind(3000, || Err(OpenError::NoHost));
    let mut visitor = stage.visitor().await;
    let size = 4 * 1024 * 1024;
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {size}\r\n\r\n"))
        .await;
    visitor.send(&pattern(size)).await;
    assert_eq!(visitor.response().await.code(), "no_host");
    visitor.say(&get("/", "")).await;
    assert_eq!(visitor.response().await.code(), "no_host");
}

#[tokio::test]
async fn a_response_cut_short_is_cut_short_for_the_visitor() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    });
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/", "")).await;
    assert_eq!(length(&visitor.head().await), 100);
    assert_eq!(visitor.rest().await, b"half");
}

#[tokio::test]
async fn an_upload_cut_short_is_cut_short_for_the_local_server() {
    let stage = Stage::open().await;
    let (bodies, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let bodies = bodies.clone();
        async move {
            talk.head().await;
            bodies.send(talk.rest().await).await.unwrap();
        }
    });
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 100\r\n\r\nhalf"))
        .await;
    drop(visitor);
    assert_eq!(seen.recv().await.unwrap(), b"half");
}

#[tokio::test]
async fn a_visitor_who_goes_takes_his_request_with_him() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let ends = ends.clone();
        async move {
            talk.head().await;
            ends.send(()).await.unwrap();
            talk.end().await;
            ends.send(()).await.unwrap();
        }
    });
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/slow", "")).await;
    seen.recv().await.unwrap();
    drop(visitor);
    seen.recv().await.unwrap();
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused_and_one_of_a_mebibyte_too() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("fits"));
    let cookie = |size| format!("cookie: {}\r\n", "c".repeat(size));
    assert_eq!(stage.get("/", &cookie(60 * 1024)).await.text(), "fits");
    let response = stage.get("/", &cookie(66 * 1024)).await;
    assert_eq!((response.status(), &*response.code()), (431, "head_too_large"));
    let response = stage.get("/", &cookie(1024 * 1024)).await;
    assert_eq!(response.status(), 431);
    assert_eq!(stage.opened(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_local_server_is_given_up_after_the_tunnels_timeout() {
    let options = TunnelOptions { request_timeout_seconds: Some(7), ..TunnelOptions::default() };
    for (stage, seconds) in [(Stage::open().await, 100), (Stage::optioned(options).await, 7)] {
        stage.serve(|_, mut talk| async move {
            talk.head().await;
            talk.end().await;
        });
        let mut visitor = stage.quiet_visitor();
        let start = clock::now();
        visitor.say(&get("/", "")).await;
        let response = visitor.response().await;
        assert_eq!((response.status(), &*response.code()), (504, "timeout"));
        assert!(response.text().contains(&format!("{seconds} seconds")), "{response:?}");
        assert_eq!((clock::now() - start).as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_moves_starts_the_timeout_anew() {
    let stage = Stage::open().await;
    let pause = || clock::sleep(Duration::from_secs(90));
    stage.serve(move |_, mut talk| async move {
        talk.head().await;
        talk.take(2).await;
        pause().await;
        talk.say("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n").await;
        for part in ["a", "b"] {
            pause().await;
            talk.say(part).await;
        }
        talk.rest().await;
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 2\r\n\r\n1")).await;
    pause().await;
    visitor.say("2").await;
    let start = clock::now();
    visitor.head().await;
    assert_eq!(visitor.rest().await, b"ab");
    // Three pauses, and then silence in the middle of the response.
    assert_eq!((clock::now() - start).as_secs(), 3 * 90 + 100);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_waits_for_ever() {
    let options = TunnelOptions { request_timeout_seconds: Some(0), ..TunnelOptions::default() };
    let stage = Stage::optioned(options).await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        clock::sleep(Duration::from_secs(86_400)).await;
        talk.say(&ok("late")).await;
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "")).await;
    assert_eq!(visitor.response().await.text(), "late");
}

#[tokio::test(start_paused = true)]
async fn a_visitor_who_is_slow_to_read_is_not_the_local_servers_silence() {
    let stage = Stage::open().await;
    let data = Arc::new(pattern(2 * 1024 * 1024));
    let sent = data.clone();
    stage.serve(move |_, mut talk| {
        let sent = sent.clone();
        async move {
            talk.head().await;
            talk.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", sent.len())).await;
            let (first, last) = sent.split_at(sent.len() - 10);
            talk.send(first).await;
            clock::sleep(Duration::from_secs(50)).await;
            talk.send(last).await;
        }
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "")).await;
    visitor.head().await;
    clock::sleep(Duration::from_secs(1000)).await;
    assert!(visitor.take(data.len()).await == *data);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_after_the_response_began_is_given_up() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let ends = ends.clone();
        async move {
            talk.head().await;
            talk.say("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes").await;
            talk.expect("half").await;
            talk.end().await;
            ends.send(()).await.unwrap();
        }
    });
    let mut visitor = stage.quiet_visitor();
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 100\r\n\r\nhalf"))
        .await;
    assert_eq!(visitor.response().await.text(), "yes");
    let start = clock::now();
    seen.recv().await.unwrap();
    assert_eq!((clock::now() - start).as_secs(), 100);
}

#[tokio::test]
async fn a_visitor_who_goes_in_the_middle_of_both_takes_the_request_with_him() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let ends = ends.clone();
        async move {
            talk.head().await;
            talk.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
            talk.rest().await;
            ends.send(()).await.unwrap();
        }
    });
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 100\r\n\r\nhalf"))
        .await;
    visitor.head().await;
    visitor.expect("half").await;
    drop(visitor);
    seen.recv().await.unwrap();
}
