//! The official command, played by a script, and a host that is managed through it on a real relay.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod fake;
mod hosted;
mod remake;
mod world;

use std::process::Stdio;
use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType, Tunnel, TunnelPort};
use adit_tunnel::management::cli::{Account, Provider, Trouble, Version};
use adit_tunnel::management::{Error, Filter, Locator, Management, Turn, Want};
use adit_wire::net::{Connector, Proxies};
use adit_wire::{clock, task, tls};
use tokio::sync::watch;

use self::fake::Fake;

fn at(id: &str) -> Locator {
    id.parse().unwrap()
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Command(trouble) => trouble,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn what_is_documented_is_understood() {
    let fake = Fake::documented();
    let cli = fake.cli();
    assert_eq!(cli.version().await.unwrap(), Some(Version { parts: [1, 0, 1435] }));
    let account = cli.account().await.unwrap();
    let (name, provider) = (Some("ann@example.com".into()), Some("microsoft".into()));
    assert_eq!(account, Account { name, provider });
    let tunnel = cli.get(&at("shop-front.usw2"), Want::PORTS).await.unwrap();
    assert_eq!(tunnel.full_id().unwrap().to_string(), "shop-front.usw2");
    assert_eq!(tunnel.ports.unwrap().len(), 2);
    let token = cli.mint(&at("shop-front.usw2"), Scope::Connect).await.unwrap();
    assert_eq!(token.expose(), "a-token-in-its-place");
    assert!(cli.delete(&at("shop-front.usw2")).await.unwrap());
    assert_eq!(
        fake.calls(),
        [
            "--version",
            "user show -j",
            "show shop-front.usw2 -j",
            "token shop-front.usw2 --scopes connect -j",
            "delete shop-front.usw2 -f -j",
        ]
    );
}

#[tokio::test]
async fn notices_around_an_answer_mean_nothing_for_tokens_too() {
    let fake = Fake::documented();
    let banner = include_str!("../fixtures/devtunnel/banner.out");
    let token = include_str!("../fixtures/devtunnel/token.out");
    fake.answers("token.host", &format!("{banner}{token}{banner}"));
    let token = fake.cli().mint(&at("shop-front.usw2"), Scope::Host).await.unwrap();
    assert_eq!(token.expose(), "a-token-in-its-place");
}

#[tokio::test]
async fn garbage_is_neither_a_sign_in_nor_an_end() {
    let fake = Fake::documented();
    let cli = fake.cli();
    for garbage in ["", "not logged in 401 {", "{\"token\": 5}", "{\"token\": \"\"}"] {
        fake.answers("token.host", garbage);
        let error = cli.mint(&at("shop-front.usw2"), Scope::Host).await.unwrap_err();
        assert!(error.is_transient() && !error.requires_sign_in(), "{error:?}");
        assert!(matches!(trouble(error), Trouble::Garbled { what: "token", .. }));
    }
}

#[tokio::test]
async fn a_call_that_hangs_is_ended_and_leaves_no_process() {
    let fake = Fake::documented();
    fake.hangs("show");
    let cli = fake.cli_with(|config| config.deadline = Duration::from_millis(300));
    // Neither a 401 nor a 404, whatever the tunnel is called.
    let error = cli.get(&at("app-4010.brs"), Want::PORTS).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(matches!(trouble(error), Trouble::Late { what: "show", .. }));
    // It is reaped, not only dead, before the call returns.
    assert!(!fake.is_there("show"));
}

#[tokio::test]
async fn who_drops_a_question_ends_its_process() {
    let fake = Fake::documented();
    fake.hangs("show");
    let cli = fake.cli();
    let question = task::spawn("question", async move {
        let _ = cli.get(&at("shop-front.usw2"), Want::PORTS).await;
    });
    fake.started("show").await;
    drop(question);
    fake.gone("show").await;
}

#[tokio::test]
async fn only_so_many_processes_run_at_once() {
    let fake = Fake::documented();
    fake.writes("together", "3");
    let cli = fake.cli_with(|config| config.concurrent = 3);
    let looks: Vec<_> = (0..8)
        .map(|_| {
            let cli = cli.clone();
            task::spawn("look", async move { cli.get(&at("shop-front.usw2"), Want::PORTS).await })
        })
        .collect();
    for mut look in looks {
        look.join().await.unwrap().unwrap();
    }
    assert_eq!((fake.calls().len(), fake.most_at_once()), (8, 3));
}

#[tokio::test]
async fn who_mints_hears_whether_it_waits_for_its_turn() {
    let fake = Fake::documented();
    fake.hangs("show");
    let cli = fake.cli_with(|config| config.concurrent = 1);
    let (busy, turns) = (cli.clone(), watch::Sender::new(Turn::Runs));
    let question = task::spawn("question", async move {
        let _ = busy.get(&at("shop-front.usw2"), Want::PORTS).await;
    });
    fake.started("show").await;
    let mut heard = turns.subscribe();
    let mut mint = task::spawn("mint", async move {
        cli.authorize(&at("shop-front.usw2"), false, turns).await.map(drop)
    });
    heard.wait_for(|turn| *turn == Turn::Waits).await.unwrap();
    assert_eq!(fake.count("token"), 0);
    drop(question);
    heard.wait_for(|turn| *turn == Turn::Runs).await.unwrap();
    mint.join().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_list_looks_at_its_tunnels_side_by_side_and_keeps_those_that_fail() {
    let fake = Fake::documented();
    let cli = fake.cli();
    let with_ports = Filter { ports: true, ..Filter::default() };
    let tunnels = cli.list(&with_ports).await.unwrap();
    assert!(tunnels.iter().all(|tunnel| tunnel.ports.is_some()));
    assert_eq!((tunnels.len(), fake.calls().len()), (2, 3));
    fake.fails("show", 1, "The service is busy.");
    let tunnels = cli.list(&with_ports).await.unwrap();
    assert!(tunnels.iter().all(|tunnel| tunnel.ports.is_none()), "unknown, not none");
    fake.fails("show", 2, "Tunnel not found.");
    assert!(cli.list(&with_ports).await.unwrap().is_empty());
    fake.fails("show", 1, "Login token expired.");
    assert!(cli.list(&with_ports).await.unwrap_err().requires_sign_in());
}

#[tokio::test]
async fn everything_that_can_be_wrong_with_the_command_is_told_apart() {
    let fake = Fake::documented();
    let missing = fake.cli_with(|config| config.program = fake.path("nowhere").into());
    assert!(matches!(trouble(missing.version().await.unwrap_err()), Trouble::Missing { .. }));
    let folder = fake.cli_with(|config| config.program = fake.path(".").into());
    assert!(matches!(trouble(folder.account().await.unwrap_err()), Trouble::Unstartable { .. }));
    let cli = fake.cli();
    fake.answers("version", "Tunnel CLI version: 1.0.944+14026cffe3\n");
    let old = trouble(cli.version().await.unwrap_err());
    assert_eq!(old.to_string(), "the `devtunnel` command is too old (version 1.0.944): update it");
    // One that does not tell its version may still work.
    fake.answers("version", "who knows");
    assert_eq!(cli.version().await.unwrap(), None);
    fake.answers("user.show", "{\"status\": \"Not logged in\"}");
    assert!(matches!(trouble(cli.account().await.unwrap_err()), Trouble::SignedOut));
    fake.answers("user.show", "Not logged in.\n");
    assert!(matches!(trouble(cli.account().await.unwrap_err()), Trouble::SignedOut));
    fake.answers("user.show", "{\"status\": \"Login token expired\", \"username\": \"ann\"}");
    assert!(matches!(trouble(cli.account().await.unwrap_err()), Trouble::Expired));
}

#[tokio::test]
async fn a_sign_in_that_this_user_does_not_see_is_called_by_its_name() {
    let fake = Fake::documented();
    let cli = fake.cli();
    let account = cli.login(Provider::GitHub, true, Stdio::null()).await.unwrap();
    assert_eq!(account.name.as_deref(), Some("ann@example.com"));
    fake.answers("user.show", "{\"status\": \"Not logged in\"}");
    let error = cli.login(Provider::Microsoft, false, Stdio::null()).await.unwrap_err();
    assert!(matches!(trouble(error), Trouble::OtherProfile));
    fake.fails("user.login", 1, "cancelled");
    let error = cli.login(Provider::Microsoft, false, Stdio::null()).await.unwrap_err();
    assert!(matches!(trouble(error), Trouble::SignedOut));
    assert_eq!(fake.calls()[0], "user login -g -d");
}

fn anonymous(hours: i64) -> AccessControl {
    let end = clock::wall().checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
    let entry = AccessEntry {
        kind: AccessEntryType::Anonymous,
        scopes: vec!["connect".into()],
        expiration: Some(end),
        ..AccessEntry::default()
    };
    AccessControl { entries: vec![entry] }
}

#[tokio::test]
async fn a_tunnel_is_made_whole_or_not_at_all() {
    let fake = Fake::documented();
    let cli = fake.cli();
    let port = TunnelPort { port_number: 3000, ..TunnelPort::default() };
    let tunnel = Tunnel {
        name: Some("shop-front".into()),
        ports: Some(vec![port]),
        access_control: Some(anonymous(8)),
        ..Tunnel::default()
    };
    let made = cli.create(&tunnel, Want::NOTHING.token(Scope::Host)).await.unwrap();
    assert_eq!(made.ports.as_ref().unwrap().len(), 1);
    assert!(made.token(Scope::Host).is_some());
    assert_eq!(
        fake.calls(),
        [
            "create shop-front -j",
            "access create shop-front.usw2 --anonymous --expiration 8h -j",
            "port create shop-front.usw2 -p 3000 -j",
            "token shop-front.usw2 --scopes host -j",
        ]
    );
    fake.forget_calls();
    fake.fails("port.create", 1, "Tunnel service error: Internal server error.");
    cli.create(&tunnel, Want::NOTHING).await.unwrap_err();
    assert_eq!(fake.calls().last().unwrap(), "delete shop-front.usw2 -f -j");
}

#[tokio::test]
async fn what_cannot_be_done_whole_is_not_begun() {
    let fake = Fake::documented();
    let cli = fake.cli();
    let mut access = anonymous(1);
    access.entries[0].expiration = clock::wall().checked_add(Duration::from_secs(5400)).ok();
    let tunnel = Tunnel { access_control: Some(access), ..Tunnel::default() };
    let refused = cli.create(&tunnel, Want::NOTHING).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    assert_eq!(fake.calls(), [""; 0]);
}

#[tokio::test]
async fn a_missing_tunnel_is_told_by_the_exit_code() {
    let fake = Fake::documented();
    fake.fails("show", 2, "");
    fake.fails("delete", 2, "Tunnel not found.");
    let cli = fake.cli();
    let error = cli.get(&at("shop-front.usw2"), Want::PORTS).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    assert!(!cli.delete(&at("shop-front.usw2")).await.unwrap());
}

#[tokio::test]
async fn nothing_that_the_command_says_is_logged_or_shown_with_its_tokens() {
    let fake = Fake::documented();
    let cli = fake.cli();
    let shown = cli.get(&at("shop-front.usw2"), Want::NOTHING.token(Scope::Host)).await.unwrap();
    assert!(!format!("{shown:?} {cli:?}").contains("a-token-in-its-place"));
    fake.answers("token.host", "{\"token\": [\"canary\"]}");
    let error = cli.mint(&at("shop-front.usw2"), Scope::Host).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[tokio::test]
async fn the_command_goes_through_the_same_proxy() {
    let fake = Fake::documented();
    fake.writes("proxies", "");
    let direct = fake.cli();
    let proxies = Proxies::from_vars(|name| {
        (name == "all_proxy").then(|| "http://proxy.example:3128".to_owned())
    });
    let connector = Connector::new(tls::Client::danger_unverified(), proxies);
    direct.through(&connector).account().await.unwrap();
    let found = std::fs::read_to_string(fake.path("proxies")).unwrap();
    for line in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
        let line = format!("{line}=http://proxy.example:3128\n");
        assert!(found.contains(&line), "{line} is not in {found}");
    }
    assert!(found.contains("NO_PROXY=localhost"), "{found}");
    direct.account().await.unwrap();
    assert_eq!(std::fs::read_to_string(fake.path("proxies")).unwrap(), "");
}
