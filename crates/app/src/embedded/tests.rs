//! A relay in a folder that goes away.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use adit_proto::contracts::{Tunnel, TunnelPort};
use adit_tunnel::management::{Filter, Management, Want};

use super::*;

fn shop() -> Tunnel {
    let port = TunnelPort { port_number: 3000, ..TunnelPort::default() };
    Tunnel { name: Some("shop".to_owned()), ports: Some(vec![port]), ..Tunnel::default() }
}

fn urls(tunnel: &Tunnel) -> Vec<String> {
    tunnel.port(3000).unwrap().port_forwarding_uris.clone().unwrap()
}

async fn listed(here: &Here) -> Vec<Tunnel> {
    here.list(&Filter { ports: true, ..Filter::default() }).await.unwrap()
}

#[test]
fn keys_are_new_each_time() {
    assert_eq!(random_key().expose().len(), 64);
    assert_ne!(random_key(), random_key());
}

#[tokio::test]
async fn it_starts_when_something_is_made_and_not_to_say_that_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let here = Here::new(folder.path(), "this computer");
    assert_eq!(listed(&here).await, []);
    assert!(!here.is_running().await);
    here.create(&shop(), Want::PORTS).await.unwrap();
    assert!(here.is_running().await);
    assert_eq!(listed(&here).await.len(), 1);
}

#[tokio::test]
async fn a_url_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let here = Here::new(folder.path(), "this computer");
    let made = here.create(&shop(), Want::PORTS).await.unwrap();
    let first = urls(&made);
    assert!(first[0].starts_with("http://127.0.0.1:"), "{first:?}");
    here.end(Duration::from_secs(1)).await;
    assert!(here.list(&Filter::default()).await.is_err(), "it does not start behind the end");

    let here = Here::new(folder.path(), "this computer");
    let told = listed(&here).await;
    assert_eq!((told[0].name.as_deref(), urls(&told[0])), (Some("shop"), first));
}

#[tokio::test]
async fn a_port_that_is_added_is_remembered_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let here = Here::new(folder.path(), "this computer");
    let made = here.create(&shop(), Want::PORTS).await.unwrap();
    let at = made.full_id().unwrap().into();
    let port = TunnelPort { port_number: 3001, ..TunnelPort::default() };
    here.create_port(&at, &port).await.unwrap();
    let before = here.get(&at, Want::PORTS).await.unwrap();
    here.end(Duration::ZERO).await;

    let (memory, _) = Memory::load(&memory::path(folder.path())).unwrap();
    assert_eq!(memory.ports().count(), 2);
    let here = Here::new(folder.path(), "this computer");
    let told = here.get(&at, Want::PORTS).await.unwrap();
    let url = |tunnel: &Tunnel, port| tunnel.port(port).unwrap().port_forwarding_uris.clone();
    assert_eq!(url(&told, 3001), url(&before, 3001));

    here.delete(&at).await.unwrap();
    listed(&here).await;
    let (memory, _) = Memory::load(&memory::path(folder.path())).unwrap();
    assert_eq!(memory.ports().count(), 0, "what is gone is forgotten");
}

/// Without a local network there is no address to let it in at.
#[tokio::test]
async fn the_local_network_is_let_in_and_out_again_without_another_url() {
    let Ok(lan) = lan_address() else { return };
    let folder = tempfile::tempdir().unwrap();
    let here = Here::new(folder.path(), "this computer");
    let made = here.create(&shop(), Want::PORTS).await.unwrap();
    let of_lan =
        |urls: &[String]| urls.iter().any(|url| url.starts_with(&format!("http://{lan}:")));
    assert!(!of_lan(&urls(&made)));
    here.let_lan_in(true).await.unwrap();
    let with = listed(&here).await;
    assert!(of_lan(&urls(&with[0])), "{:?}", urls(&with[0]));
    assert_eq!(urls(&with[0])[0], urls(&made)[0]);
    here.let_lan_in(false).await.unwrap();
    assert_eq!(urls(&listed(&here).await[0]), urls(&made));
}

/// As a laptop does that is carried into another network.
#[tokio::test]
async fn where_the_local_network_comes_in_moves_with_this_computers_address() {
    static LAST: AtomicU8 = AtomicU8::new(8);
    let address = || match LAST.load(Ordering::Relaxed) {
        0 => Err(Failure::new(Code::Listen, "this computer is in no local network")),
        last => Ok(IpAddr::from([127, 0, 0, last])),
    };
    let folder = tempfile::tempdir().unwrap();
    let here = Here::at(folder.path(), "this computer", address);
    here.create(&shop(), Want::PORTS).await.unwrap();
    here.let_lan_in(true).await.unwrap();
    let shown = async || urls(&listed(&here).await[0]);
    let at_first = shown().await;
    assert!(at_first.iter().any(|url| url.starts_with("http://127.0.0.8:")), "{at_first:?}");
    here.let_lan_in(true).await.unwrap();
    assert_eq!(shown().await, at_first);
    // On the way it is in none, and may come back to the same.
    LAST.store(0, Ordering::Relaxed);
    here.let_lan_in(true).await.unwrap();
    assert_eq!(shown().await, at_first);
    LAST.store(9, Ordering::Relaxed);
    here.let_lan_in(true).await.unwrap();
    let then = shown().await;
    assert!(then.iter().any(|url| url.starts_with("http://127.0.0.9:")), "{then:?}");
    assert_eq!(then[0], at_first[0]);
}

#[test]
fn those_that_run_do_not_rest() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Some(folder.path().join(name).into_os_string());
    let environment = crate::environment::Environment {
        config: at("config"),
        state_dir: at("state"),
        data_dir: at("data"),
        ..Default::default()
    };
    let places = Places::new(&environment).unwrap();
    assert_eq!(resting(&places), []);
    for name in ["shop", "blog", DESKTOP] {
        let ports = std::collections::BTreeMap::from([(3000, 4002)]);
        let mut memory = Memory::default();
        memory.listen = 4001;
        memory.tunnels = [("quiet-fox-4k9x2bd".parse().unwrap(), ports)].into();
        memory.save(&memory::path(&places.embedded(name))).unwrap();
    }
    let _runs = Claim::take(&places.embedded("shop"), "shop").unwrap();
    let names = || resting(&places).into_iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(names(), ["blog", DESKTOP]);
    let _app = Claim::take(&places.owner(), "Adit").unwrap();
    assert_eq!(resting(&places), [("blog".to_owned(), vec![4001, 4002])]);
}
