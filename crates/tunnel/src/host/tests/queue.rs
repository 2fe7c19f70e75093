//! Many hosts that come up together, where the service takes a few calls at a time.

use std::net::{Ipv4Addr, SocketAddr};

use adit_proto::host::MINT_WITHIN;
use adit_wire::clock;
use adit_wire::net::Proxies;
use adit_wire::tls;
use tokio::sync::Semaphore;

use super::relay::Service;
use super::*;

#[tokio::test(start_paused = true)]
async fn fifty_hosts_that_wait_for_their_turn_are_minted_for_at_the_first_try() {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let mut service = Service::new(nowhere, []);
    service.queue = Some((Semaphore::new(4), Duration::from_secs(10)));
    let service = Arc::new(service);
    let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
    let begun = clock::now();
    let hosts: Vec<_> = (0..50)
        .map(|n| {
            let at = format!("web-{n}").parse().expect("a locator");
            Host::spawn(Config::new(service.clone(), connector.clone(), at))
        })
        .collect();
    for mut host in hosts {
        let story = story(&mut host, "Error(SignIn)").await;
        assert_eq!(story[..2], ["Connecting", "authorizing"]);
        assert!(!story.iter().any(|word| word.starts_with("retry")), "{story:?}");
    }
    let took = clock::now() - begun;
    assert!(took > 10 * MINT_WITHIN, "they waited for {took:?}");
}
