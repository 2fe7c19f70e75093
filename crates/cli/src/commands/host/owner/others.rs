//! What other processes ask of the one that hosts, and what they are told.

use std::collections::BTreeSet;

use adit_app::control::{Answers, Asked, Reply, Request};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::Teller;
use adit_app::status;
use adit_proto::id::FullId;
use adit_tunnel::host::{Command, Event, State};

use super::super::hosted::StandBy;
use super::super::services::Service;
use super::{Ends, Run, Wanter, not_hosted};

/// Another process.
pub(super) struct Follower {
    pub(super) answers: Answers,
    pub(super) teller: Teller,
    pub(super) tunnels: BTreeSet<FullId>,
    /// Once it leaves: what has to end before it is told that it has left.
    pub(super) leaves: Option<BTreeSet<FullId>>,
}

impl Run<'_> {
    /// Answers another process.
    pub(super) async fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Request { connection, request: Request::Leave, answers } => {
                self.leave(connection, &answers).await;
            }
            Asked::Request { connection, request, answers } => {
                let before = self.followed_by(connection);
                let done = self.request(connection, request, &answers).await;
                let reply = match done {
                    Ok(tunnels) => Reply::Done { tunnels },
                    Err(failure) => Reply::Failed(failure),
                };
                answers.try_send(reply);
                self.show_where_it_stands(connection, &before);
            }
            Asked::Gone { connection } => self.gone(connection).await,
        }
    }

    async fn request(
        &mut self,
        connection: u64,
        request: Request,
        answers: &Answers,
    ) -> Outcome<Vec<String>> {
        match request {
            Request::Host { tunnels, place, show_query, renew } => {
                let tunnels = ids(&tunnels)?;
                self.host_for(connection, &tunnels, &place, renew).await?;
                let teller = Teller::new(show_query);
                let follower = Follower {
                    answers: answers.clone(),
                    teller,
                    tunnels: BTreeSet::new(),
                    leaves: None,
                };
                let follower = self.followers.entry(connection).or_insert(follower);
                follower.tunnels.extend(tunnels.iter().cloned());
                Ok(tunnels.iter().map(ToString::to_string).collect())
            }
            Request::Stop { tunnels } => {
                let tunnels = self.named(&tunnels)?;
                for tunnel in &tunnels {
                    self.hosted.stop(tunnel).await;
                }
                Ok(tunnels.iter().map(ToString::to_string).collect())
            }
            Request::Retry { tunnel } => self.tell(&tunnel, Command::RetryNow).await,
            Request::TakeOver { tunnel } => self.tell(&tunnel, Command::TakeOver).await,
            Request::Drop { tunnel } => self.tell(&tunnel, Command::Drop).await,
            Request::Show => Err(Failure::new(Code::Refused, "`adit host` has no window")
                .hint("see what it hosts with: adit status")),
            Request::GiveWay => self.give_way(),
            Request::Leave | Request::Status | Request::Watch => Ok(Vec::new()),
        }
    }

    /// Has the process that asks host next, unless that could not do what was wanted here.
    fn give_way(&mut self) -> Outcome<Vec<String>> {
        let alone = if self.wanted.exclusive {
            "`adit host --exclusive` hosts alone"
        } else if self.hosted.renews() {
            "`adit host --renew` keeps its tunnels from running out"
        } else if self.has_key_of_its_own {
            "`adit host` signs in with ADIT_API_KEY, which only it has"
        } else if self.hosted.stands_by() {
            // Whoever hosts such a tunnel anew takes it from the host that has it.
            "`adit host` stands by for a tunnel that another host has"
        } else {
            self.end_as(Ends::GivesWay);
            return Ok(self.wanted.ids());
        };
        let failure =
            Failure::new(Code::Refused, format!("{alone}, and goes on until it is ended"));
        Err(failure.hint("end it, then start again; `adit status` says what it hosts"))
    }

    /// Hosts for another process: all of them or none.
    async fn host_for(
        &mut self,
        connection: u64,
        tunnels: &[FullId],
        place: &str,
        renew: bool,
    ) -> Outcome {
        let service = self.services.get(place).await?;
        let mut claims = Vec::new();
        for tunnel in tunnels {
            if !self.hosted.ids().any(|hosted| hosted == tunnel) {
                claims.push((tunnel, self.hosted.claim(tunnel, &service)?));
            }
        }
        let wanter = Wanter::Connection(connection);
        for tunnel in tunnels {
            self.wanters.entry(tunnel.clone()).or_default().insert(wanter);
            // Whoever joins has not seen that another host has it, and has not decided to disconnect that.
            self.hosted.resume(tunnel, StandBy::Stays, &service).await;
        }
        for (tunnel, claim) in claims {
            self.host_claimed(tunnel, claim, &service, wanter, renew);
        }
        Ok(())
    }

    fn followed_by(&self, connection: u64) -> BTreeSet<FullId> {
        self.followers.get(&connection).map(|it| it.tunnels.clone()).unwrap_or_default()
    }

    /// Tells a follower how it stands with tunnels that it follows only now: they may be hosted for long.
    fn show_where_it_stands(&mut self, connection: u64, before: &BTreeSet<FullId>) {
        let Some(follower) = self.followers.get_mut(&connection) else { return };
        for tunnel in follower.tunnels.difference(before) {
            let Some(status) = self.tunnels.get(tunnel) else { continue };
            let Some(service) = self.hosted.service(tunnel) else { continue };
            for told in status::retell(status, &service.reaches) {
                let tunnel_id = tunnel.to_string();
                follower.answers.try_send(Reply::Told { tunnel_id, told });
            }
        }
    }

    /// Ends what only that process wanted, and tells it when that has ended.
    async fn leave(&mut self, connection: u64, answers: &Answers) {
        let unwanted = self.unwant(connection).await;
        match self.followers.get_mut(&connection) {
            // What has not ended is told to it, as before.
            Some(follower) if !unwanted.is_empty() => follower.leaves = Some(unwanted),
            _ => {
                self.followers.remove(&connection);
                answers.try_send(Reply::Left);
            }
        }
    }

    /// A tunnel has ended, perhaps the last that somebody who leaves waits for.
    pub(super) fn let_go(&mut self, tunnel: &FullId) {
        self.followers.retain(|_, follower| {
            let Some(leaves) = &mut follower.leaves else { return true };
            leaves.remove(tunnel);
            if leaves.is_empty() {
                follower.answers.try_send(Reply::Left);
            }
            !leaves.is_empty()
        });
    }

    /// A process is gone without having left.
    async fn gone(&mut self, connection: u64) {
        self.followers.remove(&connection);
        self.unwant(connection).await;
    }

    /// What only that process wanted is told to stop, and returned.
    async fn unwant(&mut self, connection: u64) -> BTreeSet<FullId> {
        let mut unwanted = BTreeSet::new();
        for (tunnel, wanters) in &mut self.wanters {
            if wanters.remove(&Wanter::Connection(connection)) && wanters.is_empty() {
                unwanted.insert(tunnel.clone());
            }
        }
        for tunnel in &unwanted {
            self.hosted.stop(tunnel).await;
        }
        unwanted
    }

    async fn tell(&mut self, tunnel: &str, command: Command) -> Outcome<Vec<String>> {
        let tunnels = self.named(&[tunnel.to_owned()])?;
        for tunnel in &tunnels {
            self.hosted.tell(tunnel, command).await;
        }
        Ok(tunnels.iter().map(ToString::to_string).collect())
    }

    /// The hosted tunnels of these names; all of them if none is given.
    fn named(&self, names: &[String]) -> Outcome<Vec<FullId>> {
        if names.is_empty() {
            return Ok(self.hosted.ids().cloned().collect());
        }
        names.iter().map(|name| self.named_one(name)).collect()
    }

    fn named_one(&self, name: &str) -> Outcome<FullId> {
        let is = |tunnel: &&FullId| tunnel.to_string() == name || tunnel.tunnel.as_str() == name;
        let mut found = self.hosted.ids().filter(is);
        match (found.next(), found.next()) {
            (Some(tunnel), None) => Ok(tunnel.clone()),
            (None, _) => Err(not_hosted(name).hint("see what is, with: adit status")),
            (Some(_), Some(_)) => {
                Err(Failure::new(Code::Usage, format!("several tunnels are called {name}"))
                    .hint("give its id with its cluster, as `adit status` shows it"))
            }
        }
    }

    pub(super) fn tell_followers(&mut self, tunnel: &FullId, event: &Event, service: &Service) {
        if self.handed_on.contains(tunnel) && matches!(event, Event::State(State::Stopped)) {
            return;
        }
        let tunnel_id = tunnel.to_string();
        for follower in self.followers.values_mut().filter(|it| it.tunnels.contains(tunnel)) {
            let Some(told) = follower.teller.tell(&tunnel_id, event, &service.reaches) else {
                continue;
            };
            let reply = Reply::Told { tunnel_id: tunnel_id.clone(), told };
            if !follower.answers.try_send(reply) {
                tracing::debug!(
                    tunnel = tunnel_id,
                    "a follower that does not read missed an event"
                );
            }
        }
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
