//! The process that hosts: for its own command line, for what standard input says, and for every other
//! `adit` that asks it over the control socket.

mod orders;
mod others;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use adit_app::claim::Claim;
use adit_app::control::{self, Reply};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::lines::{Event as LineEvent, given_up};
use adit_app::status::{self, Tunnel};
use adit_proto::id::FullId;
use adit_tunnel::host::{Event, GiveUp, STOP_WITHIN, State};
use adit_wire::clock;
use tokio::sync::watch;

use self::others::Follower;
use super::Wanted;
use super::errand::Errand;
use super::hosted::Hosted;
use super::order::Orders;
use super::services::{Service, Services};
use crate::context::Context;
use crate::manager::Manager;
use crate::report::Report;
use crate::screen::remark;
use crate::signal::{self, Requests};

/// How much later than its own end a tunnel that was told to stop is broken off.
const LATE: Duration = Duration::from_millis(250);

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
    /// Whether what it signs in with is known to this process only.
    has_key_of_its_own: bool,
    /// Once it ends: how.
    ends: Option<Ends>,
    /// What ends then only because this process does: whoever follows hosts it next.
    handed_on: BTreeSet<FullId>,
    _claim: Claim,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// With all that it hosts.
    Over,
    /// Another process hosts from now on.
    GivesWay,
}

/// What became of a run.
pub(super) enum Finished<'a> {
    /// It is over.
    Over,
    /// Another process hosts from now on, and is to host what this run wanted.
    GaveWay(Box<Rest<'a>>),
}

/// What is left of a run that gave way.
pub(super) struct Rest<'a> {
    pub(super) wanted: Wanted,
    pub(super) services: Services<'a>,
    pub(super) report: Report,
    pub(super) errand: Errand,
    pub(super) requests: Requests,
    pub(super) orders: Orders,
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
        errand: Errand,
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
            errand,
            failed: None,
            manager: Manager::new(),
            has_key_of_its_own: context.profile.has_key_in_environment(),
            ends: None,
            handed_on: BTreeSet::new(),
            _claim: claim,
        })
    }

    /// Hosts until somebody wants to end, or nothing is left to host for people.
    pub(super) async fn finish(
        mut self,
        mut requests: Requests,
        orders: Option<Orders>,
    ) -> Outcome<Finished<'a>> {
        let mut orders = self.start(orders).await?;
        self.manager.ready();
        self.manager.alive();
        let mut alive = self.manager.every().map(|every| clock::now() + every);
        let ended = loop {
            if self.ends.is_some() {
                return self.give_way_to(requests, orders).await;
            }
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
        self.end_as(Ends::Over);
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
        ended.map(|()| Finished::Over)
    }

    fn end_as(&mut self, how: Ends) {
        self.ends = Some(how);
        self.handed_on = self.hosted.staying().cloned().collect();
    }

    /// Ends what is hosted here, so that the process that asked can host it.
    async fn give_way_to(
        mut self,
        mut requests: Requests,
        orders: Orders,
    ) -> Outcome<Finished<'a>> {
        self.wanted.tunnels =
            self.hosted.staying().filter(|it| self.is_wanted_by_run(it)).cloned().collect();
        if !self.report.is_for_script() {
            remark("the desktop app has started, and hosts from now on");
        }
        let is_over = {
            let mut draining = pin!(self.drain());
            tokio::select! {
                () = &mut draining => false,
                // As at any other time: what is at hand is ended, and a second time at once.
                () = requests.next() => tokio::select! {
                    () = draining => true,
                    () = requests.next() => return Err(signal::interrupted()),
                },
            }
        };
        let Self { wanted, services, report, errand, control, .. } = self;
        control.close().await;
        // For people nothing is left to follow.
        if is_over || (wanted.tunnels.is_empty() && !report.is_for_script()) {
            report.of_run(LineEvent::Stopped)?;
            return Ok(Finished::Over);
        }
        let rest = Rest { wanted, services, report, errand, requests, orders };
        Ok(Finished::GaveWay(Box::new(rest)))
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
            self.hosted.note(tunnel, &urls);
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
        let goes_on =
            self.ends == Some(Ends::GivesWay) && matches!(event, Event::State(State::Stopped));
        if self.is_wanted_by_run(tunnel) && !goes_on {
            self.report.event(&tunnel.to_string(), &event, &service.reaches)?;
        }
        self.after(tunnel, event)
    }

    /// What an event means for what comes next.
    fn after(&mut self, tunnel: &FullId, event: Event) -> Outcome {
        match event {
            Event::State(State::Error(give_up)) => {
                if let (GiveUp::SignIn, Some(service)) = (&give_up, self.hosted.service(tunnel)) {
                    self.services.forget(&service.place);
                }
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

    /// Ends all hosting in good order. What does not end in its time is broken off.
    async fn drain(&mut self) {
        let ending = async {
            let tunnels: BTreeSet<FullId> = self.hosted.ids().cloned().collect();
            for tunnel in &tunnels {
                self.hosted.stop(tunnel).await;
            }
            while !self.hosted.is_empty() {
                let (tunnel, event) = self.hosted.next().await;
                // Where nobody reads any more there is still to be ended in good order.
                let _ = self.told(&tunnel, event).await;
            }
        };
        if clock::until(clock::now() + STOP_WITHIN + LATE, ending).await.is_err() {
            tracing::warn!("tunnels that did not end in time are broken off");
        }
    }
}

fn not_hosted(name: &str) -> Failure {
    Failure::new(Code::NotFound, format!("{name} is not hosted here"))
}
