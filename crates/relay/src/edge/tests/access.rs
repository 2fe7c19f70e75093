//! Who is let in, and what of his credential goes on.

use adit_proto::access::token_requests;
use adit_proto::contracts::TunnelOptions;
use adit_wire::clock;

use super::support::*;
use crate::auth::Caller;
use crate::record::TunnelRecord;
use crate::store::StoreError;

/// A tunnel for its owner only.
fn private(bearer: bool) -> TunnelRecord {
    let options = TunnelOptions {
        is_bearer_token_authentication_enabled: Some(bearer),
        ..TunnelOptions::default()
    };
    TunnelRecord { access: Vec::new(), options: Some(options), ..open_tunnel() }
}

/// A token of the owner's with this scope.
fn token(stage: &Stage, scope: &str) -> String {
    let owner = Caller::User("u-owner".parse().unwrap());
    let record = stage.directory.find("quiet-fox").unwrap();
    let request = &token_requests([scope]).unwrap()[0];
    let token = stage.auth.mint(&owner, &record, None, request, clock::wall()).unwrap();
    token.expose().to_owned()
}

/// The local server shows which credentials reached it.
fn show(stage: &Stage) {
    stage.answer(|head| {
        let seen = |name| field(head, name).unwrap_or("-").to_owned();
        ok(&format!("{} {}", seen("authorization"), seen("x-tunnel-authorization")))
    });
}

#[tokio::test]
async fn a_private_tunnel_asks_for_a_credential_and_says_which() {
    let stage = Stage::with(private(false), None).await;
    show(&stage);
    let response = stage.get("/", "").await;
    assert_eq!((response.status(), &*response.code()), (401, "sign_in"));
    assert_eq!(response.field("www-authenticate"), Some("tunnel"));
    // The application's own is not the relay's business.
    assert_eq!(stage.get("/", "authorization: Bearer mine\r\n").await.status(), 401);
    assert_eq!(stage.opened(), 0);
}

#[tokio::test]
async fn a_connect_token_opens_it_and_goes_no_further() {
    let stage = Stage::with(private(false), None).await;
    show(&stage);
    let connect = token(&stage, "connect");
    for value in [format!("tunnel {connect}"), format!("Tunnel {connect}"), connect.clone()] {
        let own = format!("authorization: Basic eDp5\r\nx-tunnel-authorization: {value}\r\n");
        assert_eq!(stage.get("/", &own).await.text(), "Basic eDp5 -", "{value}");
    }
}

#[tokio::test]
async fn tokens_that_are_not_good_enough_are_refused() {
    let stage = Stage::with(private(false), None).await;
    let host = token(&stage, "host");
    for (value, status, code) in [
        ("tunnel nonsense".to_owned(), 401, "bad_token"),
        ("Basic eDp5".to_owned(), 401, "bad_token"),
        (format!("tunnel {host}"), 403, "forbidden"),
    ] {
        let response = stage.get("/", &format!("x-tunnel-authorization: {value}\r\n")).await;
        assert_eq!((response.status(), &*response.code()), (status, code), "{value}");
        assert!(!response.text().contains(&value));
    }
    assert_eq!(stage.opened(), 0);
}

#[tokio::test]
async fn a_token_that_was_good_before_is_refused_from_when_it_is_revoked() {
    let stage = Stage::with(private(false), None).await;
    show(&stage);
    let own = format!("x-tunnel-authorization: tunnel {}\r\n", token(&stage, "connect"));
    for _ in 0..2 {
        assert_eq!(stage.get("/", &own).await.status(), 200);
    }
    let record = stage.directory.find("quiet-fox").unwrap();
    let revoke = stage.directory.change(move |draft| {
        draft
            .put(TunnelRecord { tokens_valid_from: clock::wall(), ..TunnelRecord::clone(&record) });
        Ok::<_, StoreError>(())
    });
    revoke.await.unwrap();
    let response = stage.get("/", &own).await;
    assert_eq!((response.status(), &*response.code()), (401, "bad_token"));
}

#[tokio::test]
async fn authorization_counts_only_where_the_tunnel_says_so_and_is_then_used_up() {
    let stage = Stage::with(private(true), None).await;
    show(&stage);
    let connect = token(&stage, "connect");
    let own = format!("authorization: tunnel {connect}\r\n");
    assert_eq!(stage.get("/", &own).await.text(), "- -");
    let both = format!("authorization: Bearer app\r\nx-tunnel-authorization: tunnel {connect}\r\n");
    assert_eq!(stage.get("/", &both).await.text(), "Bearer app -");
    assert_eq!(stage.get("/", "authorization: Bearer app\r\n").await.code(), "bad_token");
}

#[tokio::test]
async fn an_open_tunnel_leaves_credentials_to_the_application() {
    let record = TunnelRecord { options: private(true).options, ..open_tunnel() };
    let stage = Stage::with(record, None).await;
    show(&stage);
    assert_eq!(stage.get("/", "authorization: Bearer app\r\n").await.text(), "Bearer app -");
    let stale = "x-tunnel-authorization: tunnel old\r\n";
    assert_eq!(stage.get("/", stale).await.text(), "- -");
}

#[tokio::test]
async fn a_visit_is_a_use_of_the_tunnel() {
    let stage = Stage::open().await;
    show(&stage);
    let before = stage.directory.find("shop").unwrap().used.get();
    stage.get("/", "").await;
    assert!(stage.directory.find("shop").unwrap().used.get() > before);
}
