//! The process that hosts: for its own command line, for what standard input says, and for every other
//! `adit` that asks it over the control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adit_app::claim::Claim;
use adit_app::control::{self, Answers, Asked, Reply, Request};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{Event as LineEvent, Teller, given_up};
use adit_app::status::{self, Tunnel};
use adit_proto::id::FullId;
use adit_tunnel::host::{Command, Event, State};
use adit_tunnel::management::Locator;
use adit_wire::clock;
use tokio::sync::watch;

use super::Wanted;
use super::errand::Errand;
use super::hosted::{Hosted, StandBy};
use super::order::{Order, Orders};
use super::services::{Service, Services};
use crate::context::Context;
use crate::manager::Manager;
use crate::report::Report;
use crate::screen::remark;
use crate::signal::{self, Requests};

/// A run from its first line to its last.
pub(super) struct Run<'a> {
    wanted: Wanted,
    services: Services<'a>,
    hosted: Hosted,
    report: Report,
    control: control::Server,
    status: watch::Sender<control::Status>,
    /// How it stands with each tunnel that is hosted.
    tunnels: BTreeMap<FullId, Tunnel>,
    /// Other processes that want tunnels hosted and hear of them, by connection.
    followers: BTreeMap<u64, Follower>,
    /// Who wants each tunnel.
    wanters: BTreeMap<FullId, BTreeSet<Wanter>>,
    /// What standard input asked for, and is not known well enough yet.
    errand: Errand,
    /// Why the last tunnel that gave up did so.
    failed: Option<Failure>,
    manager: Manager,
    _claim: Claim,
}

/// Another process.
struct Follower {
    answers: Answers,
    teller: Teller,
    tunnels: BTreeSet<FullId>,
    /// Once it leaves: what has to end before it is told that it has left.
    leaves: Option<BTreeSet<FullId>>,
}

/// Who wants a tunnel hosted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanter {
    /// The command line, or standard input.
    Run,
    /// Another process.
    Connection(u64),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        wanted: Wanted,
        services: Services<'a>,
        report: Report,
        claim: Claim,
        context: &Context,
    ) -> Outcome<Self> {
        let places = &context.profile.places;
        let (pid, program) = (std::process::id(), "host".to_owned());
        let (status, watched) =
            watch::channel(control::Status { pid, program, tunnels: Vec::new() });
        let control = control::Server::listen(&places.state, watched)?;
        Ok(Self {
            services,
            hosted: Hosted::new(places.clone(), wanted.check),
            wanted,
            report,
            control,
            status,
            tunnels: BTreeMap::new(),
            followers: BTreeMap::new(),
            wanters: BTreeMap::new(),
            errand: Errand::default(),
            failed: None,
            manager: Manager::new(),
            _claim: claim,
        })
    }

    /// Hosts until somebody wants to end, or nothing is left to host for people.
    pub(super) async fn finish(
        mut self,
        mut requests: Requests,
        orders: Option<Orders>,
    ) -> Outcome {
        let mut orders = self.start(orders).await?;
        self.manager.ready();
        let mut alive = self.manager.every().map(|every| clock::now() + every);
        let ended = loop {
            tokio::select! {
                (tunnel, event) = self.hosted.next() => match self.told(&tunnel, event).await {
                    Ok(()) if self.is_over() => break self.failed.take().map_or(Ok(()), Err),
                    Ok(()) => {}
                    Err(failure) => break Err(failure),
                },
                order = orders.next(), if self.errand.is_idle() => {
                    match self.take_order(order).await {
                        Ok(true) => {}
                        Ok(false) => break Ok(()),
                        Err(failure) => break Err(failure),
                    }
                }
                found = self.errand.done() => {
                    let done = match found {
                        Ok(order) => self.obey(order).await.map(drop),
                        Err(failure) => self.report.failure(failure),
                    };
                    if let Err(failure) = done {
                        break Err(failure);
                    }
                }
                asked = self.control.next() => {
                    self.asked(asked).await;
                    if self.is_over() {
                        break self.failed.take().map_or(Ok(()), Err);
                    }
                }
                () = clock::sleep_until_maybe(alive) => {
                    self.manager.alive();
                    alive = self.manager.every().map(|every| clock::now() + every);
                }
                () = requests.next() => break Ok(()),
            }
        };
        self.manager.stopping();
        if !self.report.is_for_script() && ended.is_ok() {
            remark("ending, after the requests at hand (Ctrl-C again ends at once)");
        }
        tokio::select! {
            () = self.drain() => {}
            () = requests.next() => return Err(signal::interrupted()),
        }
        let Self { control, report, .. } = self;
        control.close().await;
        if ended.is_ok() {
            report.of_run(LineEvent::Stopped)?;
        }
        ended
    }

    /// Starts all tunnels of the command line; all of them or none.
    async fn start(&mut self, mut orders: Option<Orders>) -> Outcome<Orders> {
        let service = self.services.get(&self.wanted.place).await?;
        let claims: Outcome<Vec<_>> =
            self.wanted.tunnels.iter().map(|tunnel| self.hosted.claim(tunnel, &service)).collect();
        let claims = claims?;
        self.wanted.begin(&self.report, &mut orders)?;
        for (tunnel, claim) in self.wanted.tunnels.clone().iter().zip(claims) {
            self.host_claimed(tunnel, claim, &service, Wanter::Run, self.wanted.renew);
        }
        Ok(orders.unwrap_or_else(Orders::none))
    }

    fn host_claimed(
        &mut self,
        tunnel: &FullId,
        claim: Claim,
        service: &Arc<Service>,
        wanter: Wanter,
        renew: bool,
    ) {
        let entry = Tunnel::new(tunnel.to_string(), &service.place, None, clock::wall());
        self.tunnels.insert(tunnel.clone(), entry);
        self.wanters.entry(tunnel.clone()).or_default().insert(wanter);
        self.hosted.start(tunnel, claim, service.clone(), renew);
        self.publish();
    }

    /// Something happened to a tunnel; `None` is its end.
    async fn told(&mut self, tunnel: &FullId, event: Option<Event>) -> Outcome {
        let Some(event) = event else {
            if !self.hosted.ended(tunnel) {
                self.tunnels.remove(tunnel);
                self.wanters.remove(tunnel);
            }
            self.publish();
            self.let_go(tunnel);
            return Ok(());
        };
        // Before it is told: who reads the line may ask for the note next.
        if let Event::Ready { urls } | Event::UrlChanged { urls } = &event {
            let urls: Vec<_> = urls.iter().flat_map(|of| of.urls.iter().cloned()).collect();
            self.hosted.note(tunnel, &urls)?;
        }
        if let Some(entry) = self.tunnels.get_mut(tunnel) {
            let before = entry.clone();
            entry.apply(&event, clock::wall());
            if *entry != before {
                self.publish();
            }
        }
        let Some(service) = self.hosted.service(tunnel) else { return Ok(()) };
        self.tell_followers(tunnel, &event, &service);
        if self.is_wanted_by_run(tunnel) {
            self.report.event(&tunnel.to_string(), &event, &service.reaches)?;
        }
        self.after(tunnel, event)
    }

    /// What an event means for what comes next.
    fn after(&mut self, tunnel: &FullId, event: Event) -> Outcome {
        match event {
            Event::State(State::Error(give_up)) => {
                let failure = given_up(&tunnel.to_string(), &give_up);
                self.hosted.gave_up(tunnel);
                for follower in self.followers.values().filter(|it| it.tunnels.contains(tunnel)) {
                    let tunnel_id = tunnel.to_string();
                    let gave_up = Reply::GaveUp { tunnel_id, failure: failure.clone() };
                    follower.answers.try_send(gave_up);
                }
                if self.is_wanted_by_run(tunnel) {
                    if !self.report.is_for_script() && self.wanted.tunnels.len() > 1 {
                        self.report.failure(failure.clone())?;
                    }
                    self.failed = Some(failure);
                }
            }
            Event::State(state) => self.hosted.is_in(tunnel, state == State::Standby),
            _ => {}
        }
        Ok(())
    }

    fn tell_followers(&mut self, tunnel: &FullId, event: &Event, service: &Service) {
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

    /// Says to all who ask how it stands.
    fn publish(&self) {
        let is_hosted = |tunnel: &&Tunnel| tunnel.state == status::State::Hosting;
        self.manager.hosted(self.tunnels.values().filter(is_hosted).count(), self.tunnels.len());
        let tunnels = self.tunnels.values().cloned().collect();
        self.status.send_modify(|status| status.tunnels = tunnels);
    }

    fn is_wanted_by_run(&self, tunnel: &FullId) -> bool {
        self.wanters.get(tunnel).is_some_and(|wanters| wanters.contains(&Wanter::Run))
    }

    /// Whether nothing more can happen: for people, when every tunnel has given up. A script decides
    /// for itself.
    fn is_over(&self) -> bool {
        !self.report.is_for_script() && self.followers.is_empty() && self.hosted.all_gave_up()
    }

    /// Does what standard input says, now or when it is known which tunnel is meant; `false` when that is to end.
    async fn take_order(&mut self, order: Order) -> Outcome<bool> {
        let Some(locator) = order.to_look_up() else { return self.obey(order).await };
        let here = self.hosted.ids().find(|tunnel| tunnel.tunnel == locator.id).cloned();
        if let Some(tunnel) = here {
            return self.obey(order.of(tunnel.into())).await;
        }
        match self.services.get(&self.wanted.place).await {
            Ok(service) => self.errand.begin(order, locator, service),
            Err(failure) => self.report.failure(failure)?,
        }
        Ok(true)
    }

    /// Does what standard input says of tunnels with their clusters; `false` when that is to end.
    async fn obey(&mut self, order: Order) -> Outcome<bool> {
        let done = match order {
            Order::Quit => return Ok(false),
            Order::Host(locator) => self.host_more(&locator).await,
            Order::Stop(locator) => self.command(&locator, None).await,
            Order::Drop(locator) => self.command(&locator, Some(Command::Drop)).await,
            Order::StopInitial => {
                for tunnel in &self.wanted.tunnels {
                    self.hosted.stop(tunnel).await;
                }
                Ok(())
            }
            Order::List => {
                for (tunnel, status) in &self.tunnels {
                    let status = Box::new(status.clone());
                    let Some(service) = self.hosted.service(tunnel) else { continue };
                    let line = LineEvent::Status { status };
                    self.report.line(&tunnel.to_string(), line, &service.reaches)?;
                }
                Ok(())
            }
            Order::Unknown(line) => Err(unknown_order(&line)),
        };
        if let Err(failure) = done {
            self.report.failure(failure)?;
        }
        Ok(true)
    }

    /// Hosts one more tunnel, or takes one up again: one that gave up is started anew, one that
    /// stands by is taken over.
    async fn host_more(&mut self, locator: &Locator) -> Outcome {
        let service = self.services.get(&self.wanted.place).await?;
        let tunnel = full(locator)?;
        if self.hosted.resume(&tunnel, StandBy::Ends).await {
            self.wanters.entry(tunnel).or_default().insert(Wanter::Run);
        } else {
            let claim = self.hosted.claim(&tunnel, &service)?;
            self.host_claimed(&tunnel, claim, &service, Wanter::Run, self.wanted.renew);
        }
        Ok(())
    }

    /// Tells a hosted tunnel something; without a command, to stop.
    async fn command(&mut self, locator: &Locator, command: Option<Command>) -> Outcome {
        let tunnel = full(locator)?;
        if !self.hosted.ids().any(|hosted| *hosted == tunnel) {
            return Err(not_hosted(&tunnel.to_string()));
        }
        match command {
            Some(command) => self.hosted.tell(&tunnel, command).await,
            None => self.hosted.stop(&tunnel).await,
        }
        Ok(())
    }

    /// Answers another process.
    async fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Request { connection, request: Request::Leave, answers } => {
                self.leave(connection, &answers).await;
            }
            Asked::Request { connection, request, answers } => {
                let done = self.request(connection, request, &answers).await;
                let reply = match done {
                    Ok(tunnels) => Reply::Done { tunnels },
                    Err(failure) => Reply::Failed(failure),
                };
                answers.try_send(reply);
                self.show_where_it_stands(connection);
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
            Request::Leave | Request::Status | Request::Watch => Ok(Vec::new()),
        }
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
            self.hosted.resume(tunnel, StandBy::Stays).await;
        }
        for (tunnel, claim) in claims {
            self.host_claimed(tunnel, claim, &service, wanter, renew);
        }
        Ok(())
    }

    /// Tells a follower that has just come how it stands with tunnels that were hosted before it came.
    fn show_where_it_stands(&mut self, connection: u64) {
        let Some(follower) = self.followers.get_mut(&connection) else { return };
        for tunnel in &follower.tunnels {
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
    fn let_go(&mut self, tunnel: &FullId) {
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

    /// Ends all hosting in good order.
    async fn drain(&mut self) {
        let tunnels: BTreeSet<FullId> = self.hosted.ids().cloned().collect();
        for tunnel in &tunnels {
            self.hosted.stop(tunnel).await;
        }
        while !self.hosted.is_empty() {
            let (tunnel, event) = self.hosted.next().await;
            // Where nobody reads any more there is still to be ended in good order.
            let _ = self.told(&tunnel, event).await;
        }
    }
}

pub(super) fn unknown_order(line: &str) -> Failure {
    Failure::new(Code::Usage, format!("`{line}` is no command"))
        .hint("there are: host <id>, stop <id>, stop, drop <id>, list, quit")
}

fn ids(texts: &[String]) -> Outcome<Vec<FullId>> {
    let read = |text: &String| {
        text.parse::<FullId>().map_err(|error| {
            Failure::caused(Code::Usage, format_args!("`{text}` names no tunnel"), &error)
        })
    };
    texts.iter().map(read).collect()
}

/// A tunnel of which the cluster is known by now.
pub(super) fn full(locator: &Locator) -> Outcome<FullId> {
    let unknown = || Failure::new(Code::NotFound, format!("where {locator} lives is not known"));
    let cluster = locator.cluster.clone().ok_or_else(unknown)?;
    Ok(FullId { tunnel: locator.id.clone(), cluster })
}

fn not_hosted(name: &str) -> Failure {
    Failure::new(Code::NotFound, format!("{name} is not hosted here"))
}
