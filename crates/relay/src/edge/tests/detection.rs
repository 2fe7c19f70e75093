//! Ports that speak TLS, and ports of which nobody said what they speak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adit_proto::contracts::Protocol;
use adit_wire::net::Stream;
use adit_wire::tls;
use tokio::sync::mpsc;

use super::support::*;

/// What a scripted local server saw.
#[derive(Debug, PartialEq)]
enum Seen {
    /// A request, over TLS or not.
    Request { head: String, secure: bool },
    /// Something else: a question, or the wrong language.
    Other,
}

/// How a TLS server treats plain HTTP.
#[derive(Debug, Clone, Copy)]
enum Manners {
    Alert,
    Close,
    BadRequest,
}

fn certificate() -> tls::Server {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, key.cert.pem()).unwrap();
    std::fs::write(&private, key.signing_key.serialize_pem()).unwrap();
    tls::Server::from_files(&cert, &private).unwrap()
}

async fn answer(talk: &mut Talk<Stream>, secure: bool, seen: &mpsc::Sender<Seen>) {
    while let Some(head) = talk.head_or_end().await {
        let body = talk.take(length(&head)).await;
        let words = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
        seen.send(Seen::Request { head: words, secure }).await.unwrap();
        let body = format!("{}:{}", if secure { "tls" } else { "plain" }, body.len());
        talk.say(&ok(&body)).await;
    }
}

/// A local server that speaks TLS while `secure` holds, and else plain HTTP.
fn server(stage: &Stage, secure: &Arc<AtomicBool>, manners: Manners) -> mpsc::Receiver<Seen> {
    let (tell, seen) = queue();
    let tls = certificate();
    let secure = secure.clone();
    stage.serve(move |_, mut talk| {
        let (tls, tell, secure) = (tls.clone(), tell.clone(), secure.load(Ordering::Relaxed));
        async move {
            let first = talk.peek().await;
            let greeted = first == Some(22);
            if secure && !greeted {
                let _ = tell.send(Seen::Other).await;
                match manners {
                    Manners::Alert => drop(talk.try_send(&[21, 3, 1, 0, 2, 2, 70]).await),
                    Manners::Close => {}
                    Manners::BadRequest => {
                        let text = "HTTP/1.0 400 Bad Request\r\n\r\nThis is HTTPS.\n";
                        talk.try_send(text.as_bytes()).await;
                    }
                }
                return;
            }
            if !secure && greeted {
                let _ = tell.send(Seen::Other).await;
                talk.say("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
                return;
            }
            if !secure {
                return answer(&mut talk.boxed(), false, &tell).await;
            }
            match tls.accept(talk.into_stream()).await {
                Ok(stream) => answer(&mut Talk::new(stream), true, &tell).await,
                Err(_) => drop(tell.send(Seen::Other).await),
            }
        }
    });
    seen
}

fn request(head: &str, secure: bool) -> Seen {
    Seen::Request { head: head.into(), secure }
}

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 5\r\n\r\nhello")
}

fn drain(seen: &mut mpsc::Receiver<Seen>) -> Vec<Seen> {
    std::iter::from_fn(|| seen.try_recv().ok()).collect()
}

#[tokio::test]
async fn an_https_port_is_spoken_to_in_tls_whoever_signed_its_certificate() {
    let stage = Stage::speaking(Protocol::Https).await;
    let mut seen = server(&stage, &Arc::new(AtomicBool::new(true)), Manners::Alert);
    assert_eq!(stage.get("/a", "").await.text(), "tls:0");
    assert_eq!(stage.ask(&post("/b")).await.text(), "tls:5");
    assert_eq!(drain(&mut seen), [request("GET /a", true), request("POST /b", true)]);
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn an_https_port_that_is_plain_is_named_as_that() {
    let stage = Stage::speaking(Protocol::Https).await;
    let _seen = server(&stage, &Arc::default(), Manners::Alert);
    let response = stage.get("/", "").await;
    assert_eq!((response.status(), &*response.code()), (502, "no_tls"));
}

#[tokio::test]
async fn a_plain_server_is_found_without_bothering_it() {
    let stage = Stage::speaking(Protocol::Auto).await;
    let mut seen = server(&stage, &Arc::default(), Manners::Alert);
    assert_eq!(stage.get("/a", "").await.text(), "plain:0");
    assert_eq!(stage.ask(&post("/b")).await.text(), "plain:5");
    assert_eq!(drain(&mut seen), [request("GET /a", false), request("POST /b", false)]);
    assert_eq!(stage.opened(), 1);
}

#[tokio::test]
async fn a_tls_server_is_found_by_a_get_and_gets_each_request_once() {
    for manners in [Manners::Alert, Manners::Close, Manners::BadRequest] {
        let stage = Stage::speaking(Protocol::Auto).await;
        let mut seen = server(&stage, &Arc::new(AtomicBool::new(true)), manners);
        assert_eq!(stage.get("/a", "").await.text(), "tls:0", "{manners:?}");
        assert_eq!(stage.ask(&post("/b")).await.text(), "tls:5", "{manners:?}");
        let requests: Vec<_> = drain(&mut seen).into_iter().filter(|s| *s != Seen::Other).collect();
        assert_eq!(requests, [request("GET /a", true), request("POST /b", true)], "{manners:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_again_is_not_sent_before_the_server_was_asked() {
    for secure in [false, true] {
        let stage = Stage::speaking(Protocol::Auto).await;
        let mut seen = server(&stage, &Arc::new(AtomicBool::new(secure)), Manners::Close);
        let text = if secure { "tls:5" } else { "plain:5" };
        assert_eq!(stage.ask(&post("/a")).await.text(), text);
        assert_eq!(drain(&mut seen), [Seen::Other, request("POST /a", secure)]);
        assert_eq!(stage.opened(), 2);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_not_taken_for_one_that_speaks_plainly() {
    let secure = Arc::new(AtomicBool::new(true));
    let stage = Stage::speaking(Protocol::Auto).await;
    for first in [get("/", ""), post("/")] {
        stage.serve(|_, talk| async move { drop(talk) });
        assert_eq!(stage.ask(&first).await.code(), "closed");
        let mut seen = server(&stage, &secure, Manners::Close);
        assert_eq!(stage.ask(&post("/")).await.text(), "tls:5");
        assert_eq!(drain(&mut seen), [Seen::Other, request("POST /", true)]);
        stage
            .edge
            .shared
            .pools
            .sweep(adit_wire::clock::now() + std::time::Duration::from_secs(4000));
    }
}

#[tokio::test]
async fn a_server_that_changes_its_language_is_followed() {
    let secure = Arc::new(AtomicBool::new(false));
    let stage = Stage::speaking(Protocol::Auto).await;
    let mut seen = server(&stage, &secure, Manners::Close);
    for (now, text) in [(false, "plain:0"), (true, "tls:0"), (false, "plain:0"), (true, "tls:0")] {
        secure.store(now, Ordering::Relaxed);
        stage.edge.shared.pools.sweep(adit_wire::clock::now() + std::time::Duration::from_secs(61));
        assert_eq!(stage.get("/", "").await.text(), text);
        // The answer that a request got is the only one that it got.
        let requests: Vec<_> = drain(&mut seen).into_iter().filter(|s| *s != Seen::Other).collect();
        assert_eq!(requests, [request("GET /", now)]);
    }
    // From TLS to plain nothing is lost of a body either: nothing was sent of it.
    secure.store(false, Ordering::Relaxed);
    stage.edge.shared.pools.sweep(adit_wire::clock::now() + std::time::Duration::from_secs(61));
    assert_eq!(stage.ask(&post("/")).await.text(), "plain:5");
}

#[tokio::test]
async fn a_bad_request_of_the_applications_own_is_passed_on_once() {
    let stage = Stage::speaking(Protocol::Auto).await;
    let (tell, mut seen) = queue();
    stage.serve(move |_, mut talk| {
        let tell = tell.clone();
        async move {
            if talk.peek().await == Some(22) {
                return tell.send("greeting").await.unwrap();
            }
            talk.head().await;
            tell.send("request").await.unwrap();
            talk.say("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nno id given").await;
        }
    });
    for _ in 0..3 {
        let response = stage.get("/", "").await;
        assert_eq!((response.status(), response.text()), (400, "no id given"));
    }
    drop(stage);
    let mut all = Vec::new();
    while let Some(one) = seen.recv().await {
        all.push(one);
    }
    // Asked once, and then not again for a while.
    assert_eq!(all, ["request", "greeting", "request", "request"]);
}
