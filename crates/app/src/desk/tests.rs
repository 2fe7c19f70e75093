//! The application with its own relay, in a folder that goes away.

use std::path::Path;
use std::time::Duration;

use adit_wire::clock;

use super::*;
use crate::access::Access;
use crate::command::{Command, Draft};
use crate::control::Status;
use crate::environment::Environment;
use crate::lines::{self, Event as Line};
use crate::tunnel_key::TunnelKey;

/// How long anything may take on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(60);

fn profile(folder: &Path) -> Profile {
    let at = |name: &str| Some(folder.join(name).into_os_string());
    let environment = Environment {
        config: at("config"),
        state_dir: at("state"),
        data_dir: at("data"),
        ..Environment::default()
    };
    Profile::new(environment, |_| {}).unwrap()
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    clock::until(clock::now() + SOON, work).await.expect("it takes a minute at most")
}

async fn begin(folder: &Path) -> Box<Desk> {
    match soon(start(profile(folder))).await.unwrap() {
        Started::Here(desk) => desk,
        Started::Shown => panic!("it runs already"),
    }
}

/// Makes a tunnel and returns which it is.
async fn make(desk: &Desk, name: &str) -> TunnelKey {
    let draft = Draft {
        place: PlaceKey::here(),
        name: name.parse().ok(),
        description: None,
        ports: vec!["3000".parse().unwrap()],
        access: Access::Private,
        expiration: None,
        labels: Default::default(),
        options: Default::default(),
    };
    desk.handle().commands().send(Command::Create(Box::new(draft))).await;
    let mut views = desk.handle().views();
    let made = |view: &std::sync::Arc<crate::view::View>| {
        view.cards.iter().any(|card| card.name == name && !card.is_placeholder)
    };
    let view = soon(views.wait_for(made)).await.unwrap().clone();
    view.cards.iter().find(|card| card.name == name).unwrap().tunnel().unwrap().clone()
}

async fn connect(folder: &Path) -> Client {
    Client::connect(&profile(folder).places.state).await.unwrap()
}

async fn until_status(client: &mut Client, holds: impl Fn(&Status) -> bool) -> Status {
    client.send(&Request::Watch).await.unwrap();
    loop {
        match soon(client.next()).await.unwrap().unwrap() {
            Reply::Status(status) if holds(&status) => return status,
            _ => {}
        }
    }
}

fn is_hosting(status: &Status) -> bool {
    status.tunnels.iter().any(|it| it.state == crate::status::State::Hosting)
}

#[tokio::test]
async fn a_tunnel_keeps_its_url_and_others_are_told_of_it_and_may_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = begin(folder.path()).await;
    let shop = make(&desk, "shop").await;
    desk.handle().commands().send(Command::Host(shop)).await;
    let status = until_status(&mut connect(folder.path()).await, is_hosting).await;
    let url = status.tunnels[0].ports[&3000].urls[0].clone();
    assert_eq!(
        (status.program.as_str(), status.tunnels[0].name.as_deref()),
        ("desktop", Some("shop"))
    );
    soon(desk.quit()).await;

    let desk = begin(folder.path()).await;
    let status = until_status(&mut connect(folder.path()).await, is_hosting).await;
    assert_eq!(status.tunnels[0].ports[&3000].urls[0], url);
    let stop = Request::Stop { tunnels: vec!["shop".to_owned()] };
    let done = connect(folder.path()).await.ask(&stop).await.unwrap();
    assert!(matches!(done, Reply::Done { tunnels } if tunnels.len() == 1));
    until_status(&mut connect(folder.path()).await, |status| status.tunnels.is_empty()).await;
    soon(desk.quit()).await;
}

#[tokio::test]
async fn a_second_start_shows_the_window_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = begin(folder.path()).await;
    let second = soon(start(profile(folder.path()))).await.unwrap();
    assert!(matches!(second, Started::Shown));
    assert_eq!(soon(desk.next()).await, Happens::Raised);
    desk.handle().commands().send(Command::Quit).await;
    assert_eq!(soon(desk.next()).await, Happens::Ended);
    soon(desk.quit()).await;
    soon(begin(folder.path()).await.quit()).await;
}

#[tokio::test]
async fn a_host_without_a_window_is_named_instead() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path());
    let _claim = Claim::take(&profile.places.owner(), "adit host").unwrap();
    let status = Status { pid: 1, program: "host".to_owned(), tunnels: Vec::new() };
    let (_status, watched) = watch::channel(status);
    let mut server = Server::listen(&profile.places.state, watched).unwrap();
    let answering = async {
        loop {
            // As a program that gives way to nobody, because it is older than that.
            if let crate::control::Asked::Request { request, answers, .. } = server.next().await {
                let code = if request == Request::Show { Code::Refused } else { Code::Usage };
                answers.try_send(Reply::Failed(Failure::new(code, "no window, or no question")));
            }
        }
    };
    let failure = tokio::select! {
        started = start(profile) => started.unwrap_err(),
        () = answering => unreachable!("it answers until the test ends"),
    };
    assert_eq!(failure.code, Code::AlreadyRunning);
    assert!(failure.message.contains("adit host"), "{}", failure.message);
}

#[tokio::test]
async fn a_tunnel_is_hosted_for_another_process_as_long_as_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let desk = begin(folder.path()).await;
    let shop = make(&desk, "shop").await;
    let mut other = connect(folder.path()).await;
    let host = Request::Host {
        tunnels: vec![shop.id.to_string()],
        place: "here".to_owned(),
        show_query: false,
        renew: false,
    };
    other.send(&host).await.unwrap();
    let mut is_ready = false;
    while !is_ready {
        let reply = soon(other.next()).await.unwrap().unwrap();
        is_ready = matches!(reply, Reply::Told { told: Line::Ready { .. }, .. });
    }
    let view = desk.handle().views().borrow().clone();
    assert!(view.cards[0].toggle.on, "the window shows what is hosted for others");

    other.send(&Request::Retry { tunnel: shop.id.to_string() }).await.unwrap();
    other.send(&Request::Leave).await.unwrap();
    let mut told = Vec::new();
    loop {
        match soon(other.next()).await.unwrap().unwrap() {
            Reply::Told { told: Line::Ready { .. }, .. } => panic!("it was told that already"),
            Reply::Told { told: Line::State { state, .. }, .. } => told.push(state),
            Reply::Left => break,
            _ => {}
        }
    }
    assert_eq!(told.last(), Some(&lines::State::Stopped), "{told:?}");
    soon(desk.quit()).await;
    let kept = Files::new(profile(folder.path()).places.state.join("desktop")).load();
    assert_eq!(kept.memory.tunnels, [], "what was lent is not hosted at the next start");
}

#[tokio::test]
async fn what_was_started_here_goes_on_when_another_process_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let desk = begin(folder.path()).await;
    let shop = make(&desk, "shop").await;
    desk.handle().commands().send(Command::Host(shop.clone())).await;
    until_status(&mut connect(folder.path()).await, is_hosting).await;
    let mut other = connect(folder.path()).await;
    let host = Request::Host {
        tunnels: vec![shop.id.to_string()],
        place: "here".to_owned(),
        show_query: false,
        renew: false,
    };
    assert!(matches!(other.ask(&host).await.unwrap(), Reply::Done { .. }));
    other.send(&Request::Leave).await.unwrap();
    while soon(other.next()).await.unwrap().unwrap() != Reply::Left {}
    let status = until_status(&mut connect(folder.path()).await, |_| true).await;
    assert!(is_hosting(&status), "{status:?}");
    soon(desk.quit()).await;
}

#[test]
fn the_places_are_this_computer_the_sign_ins_and_microsoft_where_it_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path());
    assert_eq!(places(&profile).unwrap(), [PlaceKey::here()]);
    let relay: crate::relay_url::RelayUrl = "https://cp.relay.example.com".parse().unwrap();
    let key = crate::credentials::parse_key("adit_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG");
    let sign_in = crate::credentials::SignIn { relay: relay.clone(), key: key.unwrap() };
    profile.credentials().unwrap().put(sign_in).unwrap();
    let settings = Settings { r#where: Some(Place::Microsoft) };
    settings.save(&profile.places.settings()).unwrap();
    let relay = PlaceKey::from(relay.to_string());
    let expected = [PlaceKey::here(), relay, PlaceKey::microsoft()];
    assert_eq!(places(&profile).unwrap(), expected);
}
