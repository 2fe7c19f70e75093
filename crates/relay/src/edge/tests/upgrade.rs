//! Connections that become something else.

use std::time::Duration;

use adit_proto::contracts::TunnelOptions;
use adit_wire::clock;

use super::support::*;

const UPGRADE: &str = "connection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A local server that accepts, greets in the same breath, and then echoes to the end.
fn echo(stage: &Stage) {
    stage.serve(|_, mut talk| async move {
        let head = talk.head().await;
        assert_eq!(field(&head, "upgrade"), Some("websocket"));
        assert_eq!(field(&head, "connection"), Some("upgrade"));
        assert!(field(&head, "sec-websocket-key").is_some());
        talk.say(&format!("{ACCEPTED}hello")).await;
        let (mut reader, mut writer) = tokio::io::split(talk.stream);
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut writer).await.unwrap();
    });
}

#[tokio::test]
async fn a_websocket_echoes_bytes_as_they_are() {
    let stage = Stage::open().await;
    echo(&stage);
    let mut visitor = stage.visitor().await;
    // The first frame does not wait for the answer.
    let frame = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
    visitor.send(&[get("/ws", UPGRADE).as_bytes(), &frame].concat()).await;
    let head = visitor.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(field(&head, "upgrade"), Some("websocket"));
    assert_eq!(field(&head, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    visitor.expect("hello").await;
    assert_eq!(visitor.take(frame.len()).await, frame);
    let data = pattern(300_000);
    let (sent, received) = {
        let mut visitor = visitor;
        visitor.send(&data[..100]).await;
        let first = visitor.take(100).await;
        let (reader, mut writer) = visitor.stream.into_split();
        let data = data.clone();
        let sending = async move {
            tokio::io::AsyncWriteExt::write_all(&mut writer, &data[100..]).await.unwrap();
            // Half-closed: what was sent still comes back.
            tokio::io::AsyncWriteExt::shutdown(&mut writer).await.unwrap();
            writer
        };
        let mut reader = tokio::io::BufReader::new(reader);
        let mut rest = first;
        let receiving = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut rest);
        let (writer, read) = tokio::join!(sending, receiving);
        read.unwrap();
        (writer, rest)
    };
    drop(sent);
    assert!(received == data);
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_response() {
    let stage = Stage::open().await;
    stage.answer(|_| "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno".into());
    let mut visitor = stage.visitor().await;
    for _ in 0..2 {
        visitor.say(&get("/ws", UPGRADE)).await;
        let response = visitor.response().await;
        assert_eq!((response.status(), response.text()), (403, "no"));
    }
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn the_end_of_one_side_is_the_end_for_the_other() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say(ACCEPTED).await;
        talk.say("bye").await;
    });
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/ws", UPGRADE)).await;
    visitor.head().await;
    assert_eq!(visitor.rest().await, b"bye");
}

#[tokio::test(start_paused = true)]
async fn a_silent_websocket_lives_on_unless_the_tunnel_sets_a_time() {
    let set = TunnelOptions { request_timeout_seconds: Some(30), ..TunnelOptions::default() };
    for (stage, lives) in [(Stage::open().await, true), (Stage::optioned(set).await, false)] {
        echo(&stage);
        let mut visitor = stage.quiet_visitor();
        visitor.say(&get("/ws", UPGRADE)).await;
        visitor.head().await;
        visitor.expect("hello").await;
        clock::sleep(Duration::from_secs(29)).await;
        visitor.say("1").await;
        visitor.expect("1").await;
        clock::sleep(Duration::from_secs(3600)).await;
        assert_eq!(visitor.try_send(b"2").await, lives);
        if lives {
            visitor.expect("2").await;
        } else {
            visitor.end().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_that_stays_silent_after_the_other_ended_is_closed() {
    let stage = Stage::open().await;
    let (ends, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let ends = ends.clone();
        async move {
            talk.head().await;
            talk.say(ACCEPTED).await;
            tokio::io::AsyncWriteExt::shutdown(&mut talk.stream).await.unwrap();
            talk.end().await;
            ends.send(()).await.unwrap();
        }
    });
    let mut visitor = stage.quiet_visitor();
    visitor.say(&get("/ws", UPGRADE)).await;
    visitor.head().await;
    let start = clock::now();
    // The visitor neither speaks nor closes.
    seen.recv().await.unwrap();
    let waited = (clock::now() - start).as_secs();
    assert!((30..=60).contains(&waited), "{waited}");
    drop(visitor);
}
