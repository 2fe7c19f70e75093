//! Requests and responses as they should go.

use std::sync::Arc;

use tokio::sync::Notify;

use super::support::*;

#[tokio::test]
async fn a_request_reaches_the_local_server_as_if_it_came_from_this_computer() {
    let stage = Stage::open().await;
    let (heads, mut seen) = queue();
    stage.answer(move |head| {
        heads.try_send(head.to_owned()).unwrap();
        "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: http://localhost:3000/in\r\n\r\n"
            .into()
    });
    let origin = format!("origin: http://{HOST}\r\nx-forwarded-for: 6.6.6.6\r\n");
    let response = stage.get("/a/b?c=d&e", &origin).await;
    assert_eq!(response.field("location"), Some(&*format!("http://{HOST}/in")));
    assert_eq!(response.field("x-served-by"), None);
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /a/b?c=d&e HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "host"), Some("localhost"));
    assert_eq!(field(&head, "origin"), Some("http://localhost"));
    assert_eq!(field(&head, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("http"));
    assert_eq!(field(&head, "x-forwarded-host"), Some(HOST));
    assert_eq!(field(&head, "connection"), None);
}

#[tokio::test]
async fn behind_a_proxy_that_ends_tls_visitors_are_at_https() {
    let stage = Stage::behind_tls().await;
    stage.answer(|head| {
        assert_eq!(field(head, "x-forwarded-proto"), Some("https"));
        "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: http://localhost/\r\n\r\n".into()
    });
    let response = stage.get("/", "").await;
    assert_eq!(response.field("location"), Some(&*format!("https://{HOST}/")));
}

#[tokio::test]
async fn a_tunnel_is_found_by_its_name_too_and_by_an_absolute_target() {
    let stage = Stage::open().await;
    stage.answer(|head| ok(head.lines().next().unwrap()));
    for request in [
        "GET / HTTP/1.1\r\nhost: Shop-3000.Relay.Test:8443\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: quiet-fox-3000.localhost\r\n\r\n",
        "GET http://shop-3000.relay.test/ HTTP/1.1\r\nhost: elsewhere\r\n\r\n",
    ] {
        let response = stage.ask(request).await;
        assert_eq!(response.text(), "GET / HTTP/1.1", "{request}");
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests_also_sent_at_once() {
    let stage = Stage::open().await;
    stage.answer(|head| ok(head.split(' ').nth(1).unwrap()));
    let mut visitor = stage.visitor().await;
    for path in ["/1", "/2"] {
        visitor.say(&get(path, "")).await;
        assert_eq!(visitor.response().await.text(), path);
    }
    visitor.say(&(get("/3", "") + &get("/4", ""))).await;
    assert_eq!(visitor.response().await.text(), "/3");
    assert_eq!(visitor.response().await.text(), "/4");
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn a_chunked_upload_arrives_byte_for_byte() {
    const SIZE: usize = 12 * 1024 * 1024;
    let stage = Stage::open().await;
    let (bodies, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let bodies = bodies.clone();
        async move {
            let head = talk.head().await;
            assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
            bodies.send(talk.chunks().await.0).await.unwrap();
            talk.say(&ok("thanks")).await;
        }
    });
    let data = Arc::new(pattern(SIZE));
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!("POST /up HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: chunked\r\n\r\n"))
        .await;
    for chunk in data.chunks(70_001) {
        visitor.say(&format!("{:x}\r\n", chunk.len())).await;
        visitor.send(chunk).await;
        visitor.say("\r\n").await;
    }
    visitor.say("0\r\n\r\n").await;
    assert_eq!(visitor.response().await.text(), "thanks");
    assert!(seen.recv().await.unwrap() == *data);
}

#[tokio::test]
async fn a_large_download_arrives_byte_for_byte() {
    const SIZE: usize = 64 * 1024 * 1024;
    let stage = Stage::open().await;
    let data = Arc::new(pattern(SIZE));
    let sent = data.clone();
    stage.serve(move |_, mut talk| {
        let sent = sent.clone();
        async move {
            talk.head().await;
            talk.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")).await;
            talk.send(&sent).await;
        }
    });
    assert!(stage.get("/", "").await.body == *data);
}

#[tokio::test]
async fn a_get_with_a_body_of_unknown_length_keeps_it() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        let (body, _) = talk.chunks().await;
        talk.say(&ok(std::str::from_utf8(&body).unwrap())).await;
    });
    let request = get("/", "transfer-encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(stage.ask(&request).await.text(), "abc");
}

#[tokio::test]
async fn an_event_arrives_before_the_response_ends() {
    let stage = Stage::open().await;
    let more = Arc::new(Notify::new());
    let wanted = more.clone();
    stage.serve(move |_, mut talk| {
        let wanted = wanted.clone();
        async move {
            talk.head().await;
            talk.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
            talk.say("data: one\n\n").await;
            wanted.notified().await;
            talk.say("data: two\n\n").await;
        }
    });
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/events", "accept: text/event-stream\r\n")).await;
    let head = visitor.head().await;
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
    visitor.expect("B\r\ndata: one\n\n\r\n").await;
    more.notify_one();
    visitor.expect("B\r\ndata: two\n\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        let head = talk.head().await;
        assert_eq!(field(&head, "te"), Some("trailers"));
        let (_, trailers) = talk.chunks().await;
        assert_eq!(trailers, "digest: up\r\n");
        talk.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: digest\r\n\r\n").await;
        talk.say("2\r\nok\r\n0\r\ndigest: down\r\n\r\n").await;
    });
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!(
            "POST / HTTP/1.1\r\nhost: {HOST}\r\nte: trailers\r\ntrailer: digest\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\ndigest: up\r\n\r\n"
        ))
        .await;
    visitor.head().await;
    assert_eq!(visitor.chunks().await, (b"ok".to_vec(), "digest: down\r\n".to_owned()));
}

#[tokio::test]
async fn responses_without_a_body_keep_their_header_and_their_connection() {
    let stage = Stage::open().await;
    stage.answer(|head| match head.split(' ').nth(1).unwrap() {
        "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".into(),
        "/204" => "HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n".into(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".into(),
    });
    let mut visitor = stage.visitor().await;
    visitor.say(&format!("HEAD / HTTP/1.1\r\nhost: {HOST}\r\n\r\n")).await;
    assert_eq!(length(&visitor.head().await), 1234);
    visitor.say(&get("/304", "")).await;
    assert_eq!(field(&visitor.head().await, "etag"), Some("\"x\""));
    visitor.say(&get("/204", "")).await;
    assert_eq!(field(&visitor.head().await, "x-a"), Some("b"));
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn a_server_of_old_ends_its_response_by_closing() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nold but gold").await;
    });
    let mut visitor = stage.visitor().await;
    for _ in 0..2 {
        visitor.say(&get("/", "")).await;
        let response = visitor.response().await;
        assert!(response.head.starts_with("HTTP/1.1 200"), "{response:?}");
        assert_eq!(response.text(), "old but gold");
    }
}

#[tokio::test]
async fn a_visitor_of_old_is_served_too() {
    let stage = Stage::open().await;
    stage.answer(|head| {
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n".into()
    });
    let response = stage.ask(&format!("GET / HTTP/1.0\r\nhost: {HOST}\r\n\r\n")).await;
    assert_eq!(response.text(), "hi");
    assert_eq!(response.field("transfer-encoding"), None);
}

#[tokio::test]
async fn a_visitor_who_asks_first_is_answered_by_the_local_server() {
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        while let Some(head) = talk.head_or_end().await {
            assert_eq!(field(&head, "expect"), Some("100-continue"));
            if head.starts_with("POST /no") {
                talk.say("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await;
                return talk.end().await;
            }
            talk.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            talk.expect("hello").await;
            talk.say(&ok("yes")).await;
        }
    });
    let ask = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {HOST}\r\nexpect: 100-continue\r\n\
             content-length: 5\r\n\r\n"
        )
    };
    let mut visitor = stage.visitor().await;
    visitor.say(&ask("/yes")).await;
    visitor.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    visitor.say("hello").await;
    assert_eq!(visitor.response().await.text(), "yes");

    let mut visitor = stage.visitor().await;
    visitor.say(&ask("/no")).await;
    let response = visitor.response().await;
    assert_eq!((response.status(), response.text()), (413, "no"));
    visitor.end().await;
}

#[tokio::test]
async fn a_local_server_that_never_says_100_gets_the_body_all_the_same() {
    let stage = Stage::open().await;
    stage.answer(|_| ok("fine"));
    let mut visitor = stage.visitor().await;
    visitor
        .say(&format!(
            "POST / HTTP/1.1\r\nhost: {HOST}\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        ))
        .await;
    visitor.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    visitor.say("hi").await;
    assert_eq!(visitor.response().await.text(), "fine");
}

#[tokio::test]
async fn a_visitor_may_send_all_before_reading_what_comes_back_meanwhile() {
    const SIZE: usize = 6 * 1024 * 1024;
    let stage = Stage::open().await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say(&format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")).await;
        // Answers as it reads, and keeps what does not go out yet.
        let (mut reader, mut writer) = tokio::io::split(talk.into_stream());
        let (queue, mut queued) = tokio::sync::mpsc::channel(SIZE);
        let reading = async {
            let mut left = SIZE;
            while left > 0 {
                let mut chunk = vec![0; 64 * 1024];
                let n = tokio::io::AsyncReadExt::read(&mut reader, &mut chunk).await.unwrap();
                chunk.truncate(n);
                left -= n;
                queue.send(chunk).await.unwrap();
            }
            drop(queue);
        };
        let writing = async {
            while let Some(chunk) = queued.recv().await {
                tokio::io::AsyncWriteExt::write_all(&mut writer, &chunk).await.unwrap();
            }
        };
        tokio::join!(reading, writing);
    });
    let data = pattern(SIZE);
    let mut visitor = stage.quiet_visitor();
    visitor
        .say(&format!("POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {SIZE}\r\n\r\n"))
        .await;
    visitor.send(&data).await;
    assert!(visitor.response().await.body == data);
}

#[tokio::test]
async fn the_edges_own_answer_to_head_has_no_body() {
    let stage = Stage::open().await;
    let mut visitor = stage.visitor().await;
    for _ in 0..2 {
        visitor.say("HEAD / HTTP/1.1\r\nhost: nobody-1.relay.test\r\n\r\n").await;
        let head = visitor.head().await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
        assert!(length(&head) > 0);
    }
}
