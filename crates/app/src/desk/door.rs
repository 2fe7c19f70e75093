//! What other processes ask of the application, and what they are told.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use adit_proto::id::FullId;
use adit_tunnel::host;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::command::Command;
use crate::control::{Answers, Asked, Reply, Request, Server, Status};
use crate::controller::{Commands, Handle, Happened, Hosted, HostedTunnel, Told};
use crate::failure::{Code, Failure, Outcome};
use crate::lines::{Teller, given_up};
use crate::place::Place;
use crate::place_key::PlaceKey;
use crate::reach::Reaches;
use crate::status;
use crate::tunnel_key::TunnelKey;

/// Answers at the control socket. One task; nothing that is hosted waits for it.
pub(super) struct Door {
    status: watch::Sender<Status>,
    commands: Commands,
    hosted: watch::Receiver<Hosted>,
    told: broadcast::Receiver<Told>,
    raise: mpsc::Sender<()>,
    /// Other processes that want tunnels hosted and hear of them, by connection.
    followers: BTreeMap<u64, Follower>,
    /// How far addresses reach, by place, once somebody asked.
    reaches: BTreeMap<PlaceKey, Reaches>,
}

/// Another process.
struct Follower {
    answers: Answers,
    teller: Teller,
    tunnels: BTreeSet<TunnelKey>,
    /// Once it leaves: what has to end before it is told that it has left.
    leaves: Option<BTreeSet<TunnelKey>>,
}

impl Door {
    pub(super) fn new(
        status: watch::Sender<Status>,
        handle: &Handle,
        raise: mpsc::Sender<()>,
    ) -> Self {
        Self {
            status,
            commands: handle.commands(),
            hosted: handle.hosted(),
            told: handle.told(),
            raise,
            followers: BTreeMap::new(),
            reaches: BTreeMap::new(),
        }
    }

    /// Answers until told to stop, and frees the socket.
    pub(super) async fn run(mut self, mut server: Server, mut stop: oneshot::Receiver<()>) {
        let mut is_open = true;
        loop {
            tokio::select! {
                // What happened is told before what is asked next.
                biased;
                _ = &mut stop => break,
                told = self.told.recv(), if is_open => match told {
                    Ok(told) => self.tell(&told),
                    Err(RecvError::Lagged(lost)) => {
                        tracing::debug!(lost, "followers of hosted tunnels missed events");
                    }
                    Err(RecvError::Closed) => is_open = false,
                },
                Ok(()) = self.hosted.changed() => self.publish(),
                asked = server.next() => self.asked(asked).await,
            }
        }
        server.close().await;
    }

    fn publish(&mut self) {
        let tunnels = self.hosted.borrow_and_update().iter().map(|it| it.status.clone()).collect();
        self.status.send_modify(|status| status.tunnels = tunnels);
    }

    async fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Request { connection, request: Request::Leave, answers } => {
                self.leave(connection, &answers).await;
            }
            Asked::Request { connection, request, answers } => {
                let before = self.followers.get(&connection).map(|it| it.tunnels.clone());
                let reply = match self.request(connection, request, &answers).await {
                    Ok(tunnels) => Reply::Done { tunnels },
                    Err(failure) => Reply::Failed(failure),
                };
                answers.try_send(reply);
                self.show_where_it_stands(connection, &before.unwrap_or_default());
            }
            Asked::Gone { connection } => self.release(connection).await,
        }
    }

    async fn request(
        &mut self,
        connection: u64,
        request: Request,
        answers: &Answers,
    ) -> Outcome<Vec<String>> {
        let commands: Vec<Command> = match request {
            Request::Host { renew: true, .. } => {
                return Err(Failure::new(
                    Code::Refused,
                    "the desktop app hosts for others too, and keeps no tunnel from running out",
                )
                .hint("leave --renew out, or end the app first"));
            }
            Request::Host { tunnels, place, show_query, .. } => {
                return self.host(connection, &tunnels, &place, show_query, answers).await;
            }
            Request::Show => {
                // Full: it is about to be shown.
                let _ = self.raise.try_send(());
                return Ok(Vec::new());
            }
            Request::GiveWay => {
                return Err(Failure::new(Code::Refused, "the desktop app hosts until it is ended"));
            }
            Request::Stop { tunnels } => {
                self.named(&tunnels)?.into_iter().map(Command::Stop).collect()
            }
            Request::Retry { tunnel } => self.one(&tunnel, Command::TryNow)?,
            Request::TakeOver { tunnel } => self.one(&tunnel, Command::TakeOver)?,
            Request::Drop { tunnel } => self.one(&tunnel, Command::Drop)?,
            Request::Leave | Request::Status | Request::Watch => Vec::new(),
        };
        let mut tunnels = Vec::new();
        for command in commands {
            if let Command::Stop(tunnel)
            | Command::TryNow(tunnel)
            | Command::TakeOver(tunnel)
            | Command::Drop(tunnel) = &command
            {
                tunnels.push(tunnel.id.to_string());
            }
            self.commands.send(command).await;
        }
        Ok(tunnels)
    }

    /// Hosts for another process as long as it is there.
    async fn host(
        &mut self,
        connection: u64,
        tunnels: &[String],
        place: &str,
        show_query: bool,
        answers: &Answers,
    ) -> Outcome<Vec<String>> {
        let place: Place = place.parse().map_err(|error| Failure::new(Code::Usage, error))?;
        let key = PlaceKey::from(place.to_string());
        let keys: Vec<_> =
            ids(tunnels)?.into_iter().map(|id| TunnelKey { place: key.clone(), id }).collect();
        if let Entry::Vacant(unknown) = self.reaches.entry(key) {
            // Bounded; meanwhile what happens waits in its queue.
            unknown.insert(Reaches::of_place(&place).await);
        }
        let follower = self.followers.entry(connection).or_insert_with(|| Follower {
            answers: answers.clone(),
            teller: Teller::new(show_query),
            tunnels: BTreeSet::new(),
            leaves: None,
        });
        for key in &keys {
            follower.tunnels.insert(key.clone());
            self.commands.send(Command::Lend(key.clone())).await;
        }
        Ok(keys.iter().map(|key| key.id.to_string()).collect())
    }

    /// Tells a follower how it stands with tunnels that it follows only now: they may be hosted for long.
    fn show_where_it_stands(&self, connection: u64, before: &BTreeSet<TunnelKey>) {
        let Some(follower) = self.followers.get(&connection) else { return };
        let is_new = |key: &TunnelKey| follower.tunnels.contains(key) && !before.contains(key);
        for of in self.hosted.borrow().iter().filter(|it| is_new(&it.key)) {
            let reaches = self.reaches.get(&of.key.place).copied().unwrap_or_default();
            for told in status::retell(&of.status, &reaches) {
                let tunnel_id = of.key.id.to_string();
                follower.answers.try_send(Reply::Told { tunnel_id, told });
            }
        }
    }

    /// Ends what only that process wanted, and tells it when that has ended.
    async fn leave(&mut self, connection: u64, answers: &Answers) {
        let Some(mut follower) = self.followers.remove(&connection) else {
            answers.try_send(Reply::Left);
            return;
        };
        let unwanted = self.give_back(std::mem::take(&mut follower.tunnels)).await;
        if unwanted.is_empty() {
            answers.try_send(Reply::Left);
            return;
        }
        // What has not ended is told to it, as before.
        follower.tunnels = unwanted.clone();
        follower.leaves = Some(unwanted);
        self.followers.insert(connection, follower);
    }

    /// A process is gone, perhaps without having left.
    async fn release(&mut self, connection: u64) {
        if let Some(follower) = self.followers.remove(&connection) {
            self.give_back(follower.tunnels).await;
        }
    }

    /// Gives tunnels back that no other process wants. Returned are those that end with that.
    async fn give_back(&mut self, tunnels: BTreeSet<TunnelKey>) -> BTreeSet<TunnelKey> {
        let is_wanted = |key: &TunnelKey| {
            self.followers.values().any(|it| it.leaves.is_none() && it.tunnels.contains(key))
        };
        let unwanted: BTreeSet<_> = tunnels.into_iter().filter(|key| !is_wanted(key)).collect();
        for key in &unwanted {
            self.commands.send(Command::GiveBack(key.clone())).await;
        }
        // One that somebody started here goes on, as the command decides too.
        let hosted = self.hosted.borrow();
        let ends = |key: &TunnelKey| hosted.iter().any(|it| it.key == *key && !it.is_kept);
        unwanted.into_iter().filter(ends).collect()
    }

    /// Something happened to a hosted tunnel.
    fn tell(&mut self, Told { tunnel, what }: &Told) {
        let reaches = self.reaches.get(&tunnel.place).copied().unwrap_or_default();
        let tunnel_id = tunnel.id.to_string();
        for follower in self.followers.values_mut().filter(|it| it.tunnels.contains(tunnel)) {
            follower.hear(&tunnel_id, what, &reaches);
        }
        if let Happened::Ended | Happened::NotHosted(_) = what {
            self.let_go(tunnel);
        }
    }

    /// A tunnel has ended, perhaps the last that somebody who leaves waits for.
    fn let_go(&mut self, tunnel: &TunnelKey) {
        self.followers.retain(|_, follower| {
            let Some(leaves) = &mut follower.leaves else { return true };
            leaves.remove(tunnel);
            if leaves.is_empty() {
                follower.answers.try_send(Reply::Left);
            }
            !leaves.is_empty()
        });
    }

    fn one(&self, name: &str, command: impl Fn(TunnelKey) -> Command) -> Outcome<Vec<Command>> {
        Ok(self.named(&[name.to_owned()])?.into_iter().map(command).collect())
    }

    /// The hosted tunnels of these names; all of them if none is given.
    fn named(&self, names: &[String]) -> Outcome<Vec<TunnelKey>> {
        let hosted = self.hosted.borrow();
        if names.is_empty() {
            return Ok(hosted.iter().map(|it| it.key.clone()).collect());
        }
        names.iter().map(|name| named_one(&hosted, name)).collect()
    }
}

impl Follower {
    fn hear(&mut self, tunnel_id: &str, what: &Happened, reaches: &Reaches) {
        let told = match what {
            Happened::Engine(event) => self.teller.tell(tunnel_id, event, reaches),
            Happened::NotHosted(failure) => return self.gave_up(tunnel_id, failure.clone()),
            Happened::Ended => None,
        };
        if let Some(told) = told {
            let is_told =
                self.answers.try_send(Reply::Told { tunnel_id: tunnel_id.to_owned(), told });
            if !is_told {
                tracing::debug!(
                    tunnel = tunnel_id,
                    "a follower that does not read missed an event"
                );
            }
        }
        if let Happened::Engine(event) = what
            && let host::Event::State(host::State::Error(give_up)) = &**event
        {
            self.gave_up(tunnel_id, given_up(tunnel_id, give_up));
        }
    }

    fn gave_up(&self, tunnel_id: &str, failure: Failure) {
        self.answers.try_send(Reply::GaveUp { tunnel_id: tunnel_id.to_owned(), failure });
    }
}

fn ids(texts: &[String]) -> Outcome<Vec<FullId>> {
    let read = |text: &String| {
        text.parse::<FullId>().map_err(|error| {
            Failure::caused(Code::Usage, format_args!("`{text}` names no tunnel"), &error)
        })
    };
    texts.iter().map(read).collect()
}

fn named_one(hosted: &[HostedTunnel], name: &str) -> Outcome<TunnelKey> {
    let is = |it: &&HostedTunnel| {
        it.key.id.to_string() == name
            || it.key.id.tunnel.as_str() == name
            || it.status.name.as_deref() == Some(name)
    };
    let mut found = hosted.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(it), None) => Ok(it.key.clone()),
        (None, _) => Err(Failure::new(Code::NotFound, format!("{name} is not hosted here"))
            .hint("see what is, with: adit status")),
        (Some(_), Some(_)) => {
            Err(Failure::new(Code::Usage, format!("several tunnels are called {name}"))
                .hint("give its id with its cluster, as `adit status` shows it"))
        }
    }
}
