//! Looks of hosts at their own URLs, which are no visits.

use adit_proto::contracts::Protocol;
use adit_proto::health::{Nonce, PLAIN_LOOK};

use super::support::*;

fn secret() -> String {
    Nonce::new([7; 32]).path()
}

#[tokio::test]
async fn a_look_has_a_connection_of_its_own_and_leaves_those_that_wait() {
    let stage = Stage::open().await;
    stage.serve(|number, mut talk| async move {
        while talk.head_or_end().await.is_some() {
            talk.say(&ok(&number.to_string())).await;
        }
    });
    assert_eq!(stage.get("/", "").await.text(), "0");
    assert_eq!(stage.idle(), 1);
    assert_eq!(stage.get(&secret(), "").await.text(), "1");
    assert_eq!(stage.get(PLAIN_LOOK, "").await.text(), "2");
    assert_eq!(stage.idle(), 1, "what served a look serves nobody else");
    assert_eq!(stage.get("/", "").await.text(), "0");
}

#[tokio::test]
async fn looks_are_counted_apart_and_their_failures_are_no_visitors_problems() {
    let stage = Stage::open().await;
    stage.behind(3000, || Err(crate::hub::OpenError::NoHost));
    let answer = stage.get(&secret(), "").await;
    assert_eq!(answer.code(), "no_host");
    assert_eq!(stage.counters.looks.get(), 1);
    assert_eq!(stage.counters.requests.get(), 0);
    assert_eq!(stage.counters.problems(&crate::edge::problem::Problem::NoHost), 0);
    stage.get("/.well-known/adit/other", "").await;
    assert_eq!(stage.counters.requests.get(), 1, "the rest of the path is anybody's");
}

#[tokio::test]
async fn a_look_is_let_in_like_a_visitor() {
    let closed = crate::record::TunnelRecord { access: Vec::new(), ..open_tunnel() };
    let stage = Stage::with(closed, None).await;
    let answer = stage.get(&secret(), "").await;
    assert_eq!((answer.status(), &*answer.code()), (401, "sign_in"));
}

#[tokio::test]
async fn a_look_is_in_the_clear_where_the_host_reads_it_and_teaches_nothing() {
    let stage = Stage::speaking(Protocol::Auto).await;
    stage.serve(|_, mut talk| async move {
        while let Some(head) = talk.head_or_end().await {
            talk.say(&ok(head.split(' ').nth(1).unwrap())).await;
        }
    });
    assert_eq!(stage.get(&secret(), "").await.text(), secret());
    let port = stage.edge.shared.pools.port(&open_tunnel().id, 3000);
    assert!(port.take(adit_wire::clock::now(), false).0.speech.is_none());
}

#[tokio::test]
async fn nobody_else_says_that_the_edge_answers() {
    let stage = Stage::open().await;
    stage.answer(|_| {
        "HTTP/1.1 502 Bad Gateway\r\nx-served-by: tunnels-adit\r\ncontent-length: 0\r\n\r\n".into()
    });
    let answer = stage.get("/", "").await;
    assert_eq!((answer.status(), answer.field("x-served-by")), (502, None));
}
