//! Connections to local servers that serve more than one request, and those that went stale.

use std::time::Duration;

use adit_wire::clock;

use super::support::*;

/// A local server that answers one request a connection and then closes, without saying so.
fn forgetful(stage: &Stage) {
    stage.serve(|number, mut talk| async move {
        let head = talk.head().await;
        talk.take(length(&head)).await;
        talk.say(&ok(&number.to_string())).await;
    });
}

#[tokio::test]
async fn visitors_share_connections_one_after_the_other() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("hi"));
    for _ in 0..5 {
        assert_eq!(stage.get("/", "").await.text(), "hi");
    }
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn requests_at_the_same_time_do_not_share_one() {
    let stage = Stage::open().await;
    stage.answer(|_| "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nno".into());
    let mut first = stage.visitor().await;
    let mut second = stage.visitor().await;
    first.say(&get("/", "")).await;
    first.head().await;
    second.say(&get("/", "")).await;
    second.head().await;
    assert_eq!(stage.opened(), 2);
}

#[tokio::test]
async fn a_connection_that_closed_meanwhile_costs_nobody_anything() {
    let stage = Stage::open().await;
    forgetful(&stage);
    for (number, method) in ["GET", "POST", "GET", "PUT"].iter().enumerate() {
        let request = format!("{method} / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 2\r\n\r\nhi");
        assert_eq!(stage.ask(&request).await.text(), number.to_string(), "{method}");
    }
}

#[tokio::test]
async fn a_request_that_was_lost_with_its_connection_is_sent_once_more_if_that_is_harmless() {
    for (method, answer) in [("GET", 200), ("DELETE", 200), ("POST", 502)] {
        let stage = Stage::open().await;
        stage.serve(|number, mut talk| async move {
            talk.head().await;
            talk.say(&ok("first")).await;
            talk.head().await;
            // The first connection closes instead of answering its second request.
            if number > 0 {
                talk.say(&ok("never")).await;
            }
        });
        assert_eq!(stage.get("/", "").await.text(), "first");
        let request = format!("{method} / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 0\r\n\r\n");
        let response = stage.ask(&request).await;
        assert_eq!(response.status(), answer, "{method}");
        if answer == 502 {
            assert_eq!(response.code(), "broken");
        }
        assert_eq!(stage.counters.retried.get(), u64::from(answer == 200));
    }
}

#[tokio::test]
async fn it_is_not_sent_a_third_time() {
    let stage = Stage::open().await;
    stage.serve(|number, mut talk| async move {
        if number == 0 {
            talk.head().await;
            talk.say(&ok("first")).await;
        }
        talk.head().await;
    });
    assert_eq!(stage.get("/", "").await.text(), "first");
    assert_eq!(stage.get("/", "").await.status(), 502);
    assert_eq!(stage.opened(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_fresh_connection_is_trusted_with_what_cannot_be_sent_again() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("hi"));
    let post = format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 1\r\n\r\n1");
    let mut visitor = stage.quiet_visitor();
    for (wait, text, opened) in [
        (0, &*post, 1),
        (0, &*post, 1),
        (5, &*post, 2),
        (20, &*get("/", ""), 2),
        (70, &*get("/", ""), 3),
    ] {
        clock::sleep(Duration::from_secs(wait)).await;
        // The visitor's own connection is closed after a minute.
        if wait > 60 {
            visitor = stage.quiet_visitor();
        }
        visitor.say(text).await;
        assert_eq!(visitor.response().await.text(), "hi");
        assert_eq!(stage.opened(), opened, "after {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_how_long_it_waits_is_believed() {
    let stage = Stage::open().await;
    stage
        .answer(|_| "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n\r\n".into());
    let mut visitor = stage.quiet_visitor();
    for (wait, opened) in [(0, 1), (3, 1), (5, 2)] {
        clock::sleep(Duration::from_secs(wait)).await;
        visitor.say(&get("/", "")).await;
        assert_eq!(visitor.response().await.status(), 200);
        assert_eq!(stage.opened(), opened, "after {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_a_while() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let ends = ends.clone();
        async move {
            talk.head().await;
            talk.say(&ok("hi")).await;
            talk.end().await;
            ends.send(()).await.unwrap();
        }
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "")).await;
    visitor.response().await;
    let start = clock::now();
    assert_eq!(stage.idle(), 1);
    seen.recv().await.unwrap();
    assert_eq!(stage.idle(), 0);
    let waited = (clock::now() - start).as_secs();
    assert!((60..=75).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_host_that_moves_gets_its_idle_connections_back_at_once() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    let goes = std::sync::Arc::new(tokio::sync::Notify::new());
    let go = goes.clone();
    stage.serve(move |number, mut talk| {
        let (ends, go) = (ends.clone(), go.clone());
        async move {
            while let Some(head) = talk.head_or_end().await {
                if head.starts_with("GET /slow") {
                    go.notified().await;
                }
                talk.say(&ok(&number.to_string())).await;
            }
            ends.send(number).await.unwrap();
        }
    });
    let mut slow = stage.visitor().await;
    slow.say(&get("/slow", "")).await;
    while stage.opened() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.get("/", "").await.text(), "1");
    assert_eq!(stage.idle(), 1);
    stage.stand.moves.send("quiet-fox".parse().unwrap()).unwrap();
    assert_eq!(seen.recv().await, Some(1));
    // One that was in use is not used again.
    goes.notify_one();
    assert_eq!(slow.response().await.text(), "0");
    assert_eq!(seen.recv().await, Some(0));
    assert_eq!(stage.get("/", "").await.text(), "2");
    assert_eq!(stage.idle(), 1);
}

#[tokio::test]
async fn a_relay_that_stops_keeps_no_connection() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("hi"));
    assert_eq!(stage.get("/", "").await.text(), "hi");
    assert_eq!(stage.idle(), 1);
    assert!(stage.stop().await);
}
