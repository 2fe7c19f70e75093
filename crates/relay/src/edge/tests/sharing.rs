//! Visitors who came by a link: what they are let in for, and what of it the local server sees.

use std::time::Duration;

use adit_wire::clock;
use jiff::SignedDuration;

use super::support::*;
use crate::auth::hash_key;
use crate::record::{PortRecord, ShareRecord, TunnelRecord};
use crate::store::StoreError;

/// A tunnel for its owner, and for who has the link to port 3000.
fn shared() -> TunnelRecord {
    let now = clock::wall();
    let share = ShareRecord {
        id: "k1".into(),
        port: Some(3000),
        secret: hash_key("s3"),
        created: now,
        expires: now + SignedDuration::from_hours(8),
    };
    let mut record = TunnelRecord { access: Vec::new(), shares: vec![share], ..open_tunnel() };
    record.ports.insert(4000, PortRecord::default());
    record
}

/// The local server shows the cookies and the credential that reached it.
fn show(stage: &Stage) {
    stage.answer(|head| {
        let lines = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("cookie:"));
        let cookies: Vec<_> = lines.collect();
        ok(&format!("{} {}", cookies.join("|"), field(head, "authorization").unwrap_or("-")))
    });
}

/// Opens the link, and returns the cookie's name and value.
async fn cookie(stage: &Stage) -> String {
    let request = http::Request::get("/go/s3?to=/start").body(()).unwrap();
    let led = stage.sharing.go(&request, clock::wall(), clock::now());
    let location = led.headers()["location"].to_str().unwrap();
    let (_, path) = location.split_once(HOST).unwrap();
    let entered = stage.get(path, "").await;
    assert_eq!((entered.status(), entered.field("location")), (303, Some("/start")), "{entered:?}");
    assert_eq!(entered.field("cache-control"), Some("no-store"));
    assert_eq!(entered.field("referrer-policy"), Some("no-referrer"));
    let again = stage.get(path, "").await;
    assert_eq!((again.status(), &*again.code()), (410, "code_used"));
    let set = entered.field("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

async fn change(stage: &Stage, change: impl FnOnce(&mut TunnelRecord)) {
    let mut record = TunnelRecord::clone(&stage.directory.find("quiet-fox").unwrap());
    change(&mut record);
    let put = stage.directory.change(move |draft| {
        draft.put(record);
        Ok::<_, StoreError>(())
    });
    put.await.unwrap();
}

#[tokio::test]
async fn who_came_by_a_link_is_let_in_and_the_local_server_does_not_see_by_what() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    assert_eq!(stage.get("/", "").await.code(), "sign_in");
    assert_eq!(stage.opened(), 0);
    let pass = cookie(&stage).await;
    assert!(pass.starts_with("adit-visitor="), "{pass}");
    let own = format!("cookie: a=1; {pass}; b=\"2\"\r\nauthorization: Bearer app\r\n");
    assert_eq!(stage.get("/", &own).await.text(), "cookie: a=1; b=\"2\" Bearer app");
    assert_eq!(stage.get("/", &format!("cookie: {pass}\r\n")).await.text(), " -");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_one_that_no_other_host_can_set() {
    let stage = Stage::behind_tls_with(shared()).await;
    show(&stage);
    let pass = cookie(&stage).await;
    assert!(pass.starts_with("__Host-adit-visitor="), "{pass}");
    assert_eq!(stage.get("/", &format!("cookie: {pass}\r\n")).await.status(), 200);
    let plain = pass.replace("__Host-", "");
    assert_eq!(stage.get("/", &format!("cookie: {plain}\r\n")).await.code(), "sign_in");
}

#[tokio::test]
async fn an_open_port_does_not_pass_it_on_either() {
    let stage = Stage::open().await;
    show(&stage);
    let own = "cookie: __Host-adit-visitor=x; a=1\r\ncookie: adit-visitor=y\r\n";
    assert_eq!(stage.get("/", own).await.text(), "cookie: a=1 -");
    let evil = "origin: https://evil.test\r\nsec-fetch-site: cross-site\r\n";
    assert_eq!(stage.get("/", evil).await.status(), 200, "open is open, to other pages too");
}

#[tokio::test]
async fn a_link_opens_its_own_port_of_its_own_tunnel_only() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    let other = HOST.replace("3000", "4000");
    let request = format!("GET / HTTP/1.1\r\nhost: {other}\r\n{own}\r\n");
    assert_eq!(stage.ask(&request).await.code(), "sign_in");
    let mut record = shared();
    record.id = "other-fox".parse().unwrap();
    record.name = None;
    let put = stage.directory.change(move |draft| {
        draft.put(record);
        Ok::<_, StoreError>(())
    });
    put.await.unwrap();
    let other = HOST.replace("quiet", "other");
    let request = format!("GET / HTTP/1.1\r\nhost: {other}\r\n{own}\r\n");
    assert_eq!(stage.ask(&request).await.code(), "sign_in");
    assert_eq!(stage.opened(), 0);
}

#[tokio::test]
async fn access_ends_with_the_link_at_the_next_request_of_a_connection() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/", &own)).await;
    assert_eq!(visitor.response().await.status(), 200);
    change(&stage, |record| record.shares.clear()).await;
    visitor.say(&get("/", &own)).await;
    let response = visitor.response().await;
    assert_eq!((response.status(), &*response.code()), (401, "link_ended"));
    assert_eq!(response.field("www-authenticate"), Some("tunnel"));
}

#[tokio::test(start_paused = true)]
async fn an_open_websocket_ends_soon_after_its_link() {
    let stage = Stage::with(shared(), None).await;
    stage.serve(|_, mut talk| async move {
        talk.head().await;
        talk.say("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\n")
            .await;
        let (mut reader, mut writer) = tokio::io::split(talk.stream);
        tokio::io::copy(&mut reader, &mut writer).await.ok();
    });
    let own = format!("cookie: {}\r\nconnection: upgrade\r\nupgrade: x\r\n", cookie(&stage).await);
    let mut visitor = stage.visitor().await;
    visitor.say(&get("/", &own)).await;
    assert!(visitor.head().await.starts_with("HTTP/1.1 101 "));
    clock::sleep(Duration::from_secs(60)).await;
    visitor.say("hello").await;
    visitor.expect("hello").await;
    change(&stage, |record| record.shares.clear()).await;
    let revoked = clock::now();
    assert!(visitor.rest().await.is_empty());
    assert!(clock::now() - revoked <= Duration::from_secs(5));
}

#[tokio::test]
async fn what_not_everybody_may_see_no_cache_keeps() {
    let stage = Stage::with(shared(), None).await;
    stage.answer(|head| {
        let told = field(head, "say").map(|told| format!("cache-control: {told}\r\n"));
        format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", told.unwrap_or_default())
    });
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    for (told, kept) in [
        ("", "private"),
        ("say: no-store\r\n", "no-store"),
        ("say: max-age=9, Private\r\n", "max-age=9, Private"),
    ] {
        let response = stage.get("/", &format!("{own}{told}")).await;
        assert_eq!(response.field("cache-control"), Some(kept));
    }
}

#[tokio::test]
async fn a_better_pass_is_not_given_away_for_another() {
    let mut record = shared();
    let short = ShareRecord {
        id: "k2".into(),
        secret: hash_key("short"),
        expires: clock::wall() + SignedDuration::from_hours(1),
        ..record.shares[0].clone()
    };
    record.shares.push(short);
    let stage = Stage::with(record, None).await;
    let own = cookie(&stage).await;
    let request = http::Request::get("/go/short").body(()).unwrap();
    let led = stage.sharing.go(&request, clock::wall(), clock::now());
    let (_, path) = led.headers()["location"].to_str().unwrap().split_once(HOST).unwrap();
    let entered = stage.get(path, &format!("cookie: {own}\r\n")).await;
    assert_eq!((entered.status(), entered.field("set-cookie")), (303, None));
}

#[tokio::test]
async fn what_is_denied_to_everybody_no_link_opens() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    change(&stage, |record| {
        record.access = open_tunnel().access;
        record.access[0].is_deny = true;
    })
    .await;
    assert_eq!(stage.get("/", &own).await.code(), "forbidden");
}

#[tokio::test]
async fn a_credential_goes_before_the_cookie() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    let bad = format!("{own}x-tunnel-authorization: tunnel nonsense\r\n");
    assert_eq!(stage.get("/", &bad).await.code(), "bad_token");
}

#[tokio::test]
async fn another_tunnel_s_page_cannot_act_in_a_visitor_s_name() {
    let stage = Stage::with(shared(), None).await;
    show(&stage);
    let own = format!("cookie: {}\r\n", cookie(&stage).await);
    for evil in [
        "sec-fetch-site: same-site\r\nsec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\n",
        "sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n",
        "origin: http://other-fox-3000.relay.test\r\n",
        "origin: null\r\n",
        "origin: http://other-fox-3000.relay.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
    ] {
        let response = stage.get("/", &format!("{own}{evil}")).await;
        assert_eq!((response.status(), &*response.code()), (403, "foreign_page"), "{evil}");
    }
    assert_eq!(stage.opened(), 0);
    let link =
        "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
    assert_eq!(stage.get("/", &format!("{own}{link}")).await.status(), 200);
    let post = format!("origin: http://{HOST}\r\nsec-fetch-site: same-origin\r\n");
    assert_eq!(stage.get("/", &format!("{own}{post}")).await.status(), 200);
}

#[tokio::test]
async fn a_listener_of_this_computer_has_no_entrance() {
    let stage = Stage::with(open_tunnel(), Some(crate::edge::Loopback::default())).await;
    stage.answer(|head| ok(head.lines().next().unwrap()));
    let id = "quiet-fox".parse().unwrap();
    let at = stage.edge.addresses(&id, 3000).unwrap().loopback;
    let mut visitor = Talk::new(tokio::net::TcpStream::connect(at).await.unwrap());
    visitor.say(&format!("GET /.adit/enter HTTP/1.1\r\nhost: {at}\r\n\r\n")).await;
    assert_eq!(visitor.response().await.text(), "GET /.adit/enter HTTP/1.1");
}
