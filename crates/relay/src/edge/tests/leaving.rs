//! Visitors whose relay is taken over by another process.

use std::time::Duration;

use adit_wire::clock;

use super::support::*;
use crate::course::Phase;
use crate::hub::OpenError;

#[tokio::test(start_paused = true)]
async fn an_idle_connection_serves_once_more_and_is_told_to_close() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("hi"));
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "")).await;
    assert_eq!(visitor.response().await.field("connection"), None);
    stage.helm.turn(Phase::HandedOver);
    clock::sleep(Duration::from_secs(9)).await;
    visitor.say(&get("/", "")).await;
    let response = visitor.response().await;
    assert_eq!((response.text(), response.field("connection")), ("hi", Some("close")));
    visitor.end().await;
    assert_eq!(stage.idle(), 0, "no connection is kept for later");
}

#[tokio::test(start_paused = true)]
async fn one_that_stays_idle_ends_after_a_while() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("hi"));
    let mut silent = stage.quiet_visitor();
    let mut idle = stage.quiet_visitor();
    idle.say(&get("/", "")).await;
    idle.response().await;
    stage.helm.turn(Phase::HandedOver);
    let start = clock::now();
    tokio::join!(silent.end(), idle.end());
    assert_eq!(clock::now() - start, Duration::from_secs(10));
    assert!(stage.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_is_finished_however_long_it_takes() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        clock::sleep(Duration::from_secs(20)).await;
        talk.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh").await;
        clock::sleep(Duration::from_secs(20)).await;
        talk.say("i").await;
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "")).await;
    while stage.opened() == 0 {
        tokio::task::yield_now().await;
    }
    stage.helm.turn(Phase::HandedOver);
    let response = visitor.response().await;
    assert_eq!((response.text(), response.field("connection")), ("hi", Some("close")));
    visitor.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_goes_on() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await;
        while let Some(byte) = talk.peek().await {
            talk.take(1).await;
            talk.send(&[byte]).await;
        }
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/", "connection: upgrade\r\nupgrade: echo\r\n")).await;
    let head = visitor.head().await;
    assert_eq!(field(&head, "connection"), Some("upgrade"));
    stage.helm.turn(Phase::HandedOver);
    for _ in 0..5 {
        clock::sleep(Duration::from_secs(10)).await;
        visitor.say("!").await;
        visitor.expect("!").await;
    }
}

#[tokio::test]
async fn a_host_that_has_moved_is_not_called_away() {
    let stage = Stage::open().await;
    stage.behind(3000, || Err(OpenError::Away));
    assert_eq!(stage.get("/", "").await.code(), "host_away");
    stage.helm.turn(Phase::HandedOver);
    let response = stage.get("/", "").await;
    assert_eq!((response.status(), &*response.code()), (503, "restarting"));
    assert_eq!(response.field("retry-after"), Some("1"));
    assert_eq!(response.field("connection"), Some("close"));
}
