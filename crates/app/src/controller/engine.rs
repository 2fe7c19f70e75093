//! One hosted tunnel: its engine, its claim, and its way to the controller.

use std::time::{Duration, Instant};

use adit_tunnel::host::{Command, Config, Event as Told, Host, HostHandle, Interval, STOP_WITHIN};
use adit_wire::{clock, task};
use tokio::sync::{mpsc, watch};

use crate::claim::Claim;
use crate::event::Event;
use crate::places::Places;
use crate::tunnel_key::TunnelKey;

/// Commands that wait for an engine. Full means that the newest is dropped and logged: an engine that does not take
/// eight is busy with what they ask for. To stop is none of them.
const COMMANDS: usize = 8;

/// An engine that does not take a command for so long, though it is not told to stop, is broken off.
const TAKES: Duration = Duration::from_secs(8);

/// How much later than its own end an engine that was told to stop is broken off.
const TOLD: Duration = Duration::from_millis(100);

/// Tells an engine something without waiting.
#[derive(Debug)]
pub(super) struct Engine {
    commands: mpsc::Sender<Command>,
    stop: watch::Sender<bool>,
}

/// The other ends.
pub(super) struct Orders {
    commands: mpsc::Receiver<Command>,
    stop: watch::Receiver<bool>,
    /// How often URLs are looked at; one for all engines, so that none misses the last word.
    every: watch::Receiver<Interval>,
}

impl Engine {
    pub(super) fn new(every: watch::Receiver<Interval>) -> (Self, Orders) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (stop, stopped) = watch::channel(false);
        (Self { commands, stop }, Orders { commands: receiver, stop: stopped, every })
    }

    pub(super) fn tell(&self, command: Command) {
        if command == Command::Stop {
            self.stop.send_replace(true);
        } else if self.commands.try_send(command).is_err() {
            tracing::warn!(?command, "an engine takes no more commands");
        }
    }
}

/// Makes sure that no other process of this user hosts the tunnel.
pub(super) async fn claim(
    places: Option<&Places>,
    tunnel: &TunnelKey,
) -> Result<Option<Claim>, Event> {
    let Some(places) = places else { return Ok(None) };
    let (directory, what) = (places.claim_of(&tunnel.id), tunnel.to_string());
    let taken = task::blocking("claim", move || Claim::take(&directory, &what)).await;
    taken.map(Some).map_err(|failure| Event::NotHosted { tunnel: tunnel.clone(), failure })
}

/// Hosts until told to stop, looks as often as its orders say, and brings every event to the controller; the end is one too.
pub(super) async fn run(
    mut config: Config,
    tunnel: TunnelKey,
    claim: Option<Claim>,
    mut orders: Orders,
    events: mpsc::Sender<Event>,
) {
    config.health = Some(*orders.every.borrow_and_update());
    let mut handle = Host::spawn(config);
    let mut last = None;
    loop {
        tokio::select! {
            event = handle.next() => match event {
                Some(event) => {
                    if let Some(claim) = &claim {
                        note(claim, &event);
                    }
                    let event = Event::Engine { tunnel: tunnel.clone(), event };
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
                None => break,
            },
            command = next(&mut orders.commands, &mut orders.every) => tokio::select! {
                told = told(&handle, command, last.unwrap_or(clock::now() + TAKES)) => if told.is_err() {
                    break;
                },
                () = stopped(&mut orders.stop), if last.is_none() => {}
            },
            () = stopped(&mut orders.stop), if last.is_none() => {
                // Its own end is a little earlier, since it is told a little later.
                let until = clock::now() + STOP_WITHIN + TOLD;
                last = Some(until);
                if told(&handle, Command::Stop, until).await.is_err() {
                    break;
                }
            }
            () = clock::sleep_until_maybe(last) => {
                tracing::warn!(%tunnel, "an engine did not end in time, broken off");
                break;
            }
        }
    }
    // The engine and the claim are given up before anybody hears of it, who may host the tunnel next.
    drop((handle, claim));
    let _ = events.send(Event::Ended(tunnel)).await;
}

/// The next thing to tell an engine, but to stop. Safe to drop and call again.
async fn next(
    commands: &mut mpsc::Receiver<Command>,
    every: &mut watch::Receiver<Interval>,
) -> Command {
    tokio::select! {
        Some(command) = commands.recv() => command,
        Ok(()) = every.changed() => Command::LookEvery(*every.borrow_and_update()),
        // Whoever could say more is gone, which stops the engine.
        else => std::future::pending().await,
    }
}

/// Tells an engine something. One that does not even take a command is broken off.
async fn told(handle: &HostHandle, command: Command, until: Instant) -> Result<(), clock::Late> {
    clock::until(until, handle.command(command)).await
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the controller is gone, which is as good as being told.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says where the tunnel can be reached, for another process that wants to host it.
fn note(claim: &Claim, event: &Told) {
    let (Told::Ready { urls } | Told::UrlChanged { urls }) = event else { return };
    let urls: Vec<_> = urls.iter().flat_map(|of| of.urls.iter().cloned()).collect();
    claim.note_or_warn(&urls);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adit_proto::contracts::{Tunnel, TunnelPort};
    use adit_tunnel::management::{Credential, Management, Rest, Want};
    use adit_wire::net::Connector;

    use super::*;
    use crate::place_key::PlaceKey;
    use crate::relay_url::RelayUrl;
    use crate::sample::Sample;

    #[tokio::test]
    async fn another_interval_is_in_force_in_engines_that_run() {
        let relay = crate::embedded::for_tests("key").await;
        let base = format!("http://{}", relay.addr()).parse::<RelayUrl>().unwrap().base();
        let rest = Rest::new(Connector::default(), base, Credential::User("key".into()));
        let page = Sample::serve(None).unwrap();
        let port = TunnelPort { port_number: page.port(), ..TunnelPort::default() };
        let tunnel = Tunnel { ports: Some(vec![port]), ..Tunnel::default() };
        let id = rest.create(&tunnel, Want::NOTHING).await.unwrap().full_id().unwrap();
        let config = Config::new(Arc::new(rest), Connector::default(), id.clone().into());

        let every = watch::Sender::new(Interval::new(Interval::MAX).unwrap());
        let (engine, orders) = Engine::new(every.subscribe());
        let (sender, mut events) = mpsc::channel(64);
        let key = TunnelKey { place: PlaceKey::here(), id };
        let running = task::spawn("engine", run(config, key, None, orders, sender));
        proven(&mut events).await;

        // For what is said now the next look is late by then, and for what was said before not by far.
        tokio::time::pause();
        tokio::time::advance(Interval::MIN).await;
        tokio::time::resume();
        every.send_replace(Interval::new(Interval::MIN).unwrap());
        proven(&mut events).await;
        engine.tell(Command::Stop);
        drop((running, page));
    }

    async fn proven(events: &mut mpsc::Receiver<Event>) {
        let looked = async {
            while let Some(event) = events.recv().await {
                let Event::Engine { event, .. } = event else { panic!("{event:?}") };
                if matches!(event, Told::Health { .. } | Told::Proven { .. }) {
                    return;
                }
            }
        };
        clock::until(clock::now() + Duration::from_secs(60), looked).await.unwrap();
    }
}
