//! One hosted tunnel: its engine, its claim, and its way to the controller.

use std::time::{Duration, Instant};

use adit_tunnel::host::{Command, Config, Event as Told, Host, HostHandle, STOP_WITHIN};
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
}

impl Engine {
    pub(super) fn new() -> (Self, Orders) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (stop, stopped) = watch::channel(false);
        (Self { commands, stop }, Orders { commands: receiver, stop: stopped })
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

/// Hosts until told to stop, and brings every event to the controller; the end is one too.
pub(super) async fn run(
    config: Config,
    tunnel: TunnelKey,
    claim: Option<Claim>,
    mut orders: Orders,
    events: mpsc::Sender<Event>,
) {
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
            Some(command) = orders.commands.recv() => tokio::select! {
                told = told(&handle, command, clock::now() + TAKES) => if told.is_err() {
                    break;
                },
                () = stopped(&mut orders.stop), if last.is_none() => {}
            },
            () = stopped(&mut orders.stop), if last.is_none() => {
                let until = clock::now() + STOP_WITHIN;
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
