//! How one process follows another as the relay of a data directory.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use adit_wire::net::{Listener, bind};
use adit_wire::{clock, task};

use super::build::{self, ADMIN, Listeners, RELAY};
use super::{Home, Server, SpawnError, home};
use crate::config::Config;
use crate::course::Phase;
use crate::directory::Hold;
use crate::handover::{self, Asked, Error, Offer, Party, Taken, Taker};

/// How long what waits to be written may take before it is said that nothing is handed over.
const FLUSH: Duration = Duration::from_secs(5);

impl Server {
    /// Takes over from the relay that runs on the data directory.
    pub(super) async fn succeed(config: Config, path: PathBuf) -> Result<Self, SpawnError> {
        // All that can go wrong without anything taken shall have gone wrong before.
        let tls = build::tls(&config)?;
        let (looked, at) = (config.clone(), path.clone());
        task::blocking("check store", move || home::check(&at, &looked)).await?;
        let refused = |error| SpawnError::HandOver { path: path.clone(), error };
        let asked = handover::ask(&path).await.map_err(refused)?;
        let own = Own::bind(&config, &asked)?;
        let mut taken = asked.take().await.map_err(refused)?;
        let listeners = own.with(&mut taken).map_err(refused)?;
        let home = Home { path: path.clone(), lock: taken.lock().map_err(refused)? };
        let mut server = Self::build(config, Some(home), tls, listeners).await?;
        let predecessor = taken.finish().await.map_err(refused)?;
        tracing::info!(pid = predecessor.pid, version = predecessor.version, "took over");
        server.predecessor = Some(predecessor);
        server.open();
        Ok(server)
    }

    /// Lets other processes ask for the relay.
    pub(super) fn make_offer(&mut self) {
        let Some(home) = self.home.as_ref().filter(|_| self.is_offered) else { return };
        match Offer::make(&home.path) {
            Ok(offer) => self.offer = Some(offer),
            Err(error) => {
                let path = home.path.display();
                tracing::warn!(%path, %error, "no other process will be able to take over");
            }
        }
    }

    /// Waits for a process that takes over, and takes what belongs to it.
    pub(super) async fn next_successor(&mut self) -> Party {
        loop {
            // Perhaps an earlier call was dropped when it had shut them.
            self.reopen().await;
            let Some(offer) = &self.offer else { return std::future::pending().await };
            let listening: Vec<(&str, SocketAddr)> =
                self.doors.iter().map(|door| (door.name(), door.addr())).collect();
            let taker = offer.taker(&listening).await;
            let Party { pid, version } = taker.party().clone();
            tracing::info!(pid, version, "another process takes over");
            match self.hand_over(taker).await {
                Ok(party) => return party,
                Err(error) => tracing::warn!(pid, %error, "not handed over: going on as before"),
            }
        }
    }

    async fn hand_over(&mut self, taker: Taker) -> Result<Party, Error> {
        let (shares, hold) = match self.part().await {
            Ok(parted) => parted,
            Err(error) => {
                taker.refuse(error.to_string()).await;
                return Err(error);
            }
        };
        // Dropping the hold on the way out of here has the writer go on.
        let party = taker.give(shares).await?.go().await?;
        // In this order: who is refused a change now learns in the same answer where to go.
        self.helm.turn(Phase::HandedOver);
        hold.release();
        self.doors.clear();
        self.home = None;
        if let Some(offer) = self.offer.take() {
            offer.give_away();
        }
        Ok(party)
    }

    /// Accepts and writes no more, and returns what another process needs to do so.
    async fn part(&mut self) -> Result<(Vec<(&'static str, OwnedFd)>, Hold), Error> {
        let lost = |name| Error::NotNow(format!("the {name} is lost"));
        let home = self.home.as_ref().ok_or_else(|| lost("data directory"))?;
        let mut shares = vec![(handover::LOCK, home.lock.try_clone()?.into())];
        for door in &mut self.doors {
            let name = door.name();
            shares.push((name, door.shut().await.ok_or_else(|| lost(name))?.share()?));
        }
        let hold = self.directory.hold(clock::wall(), self.expiration);
        let hold = clock::until(clock::now() + FLUSH, hold).await;
        let hold = hold.map_err(|_| Error::NotNow("the store is not done with writing".into()))?;
        Ok((shares, hold.map_err(|error| Error::NotNow(error.to_string()))?))
    }

    async fn reopen(&mut self) {
        for door in &mut self.doors {
            door.shut().await;
            door.open();
        }
    }
}

/// Listeners at addresses where the relay before did not listen.
struct Own {
    relay: Option<Listener>,
    admin: Option<Listener>,
    wants_admin: bool,
}

impl Own {
    fn bind(config: &Config, asked: &Asked) -> Result<Self, SpawnError> {
        let missing = |name, wanted: SocketAddr| {
            let comes = asked.listens(name).is_some_and(|at| fits(wanted, at));
            (!comes).then(|| bind(wanted)).transpose()
        };
        Ok(Self {
            relay: missing(RELAY, config.listen)?,
            admin: config.admin.map(|wanted| missing(ADMIN, wanted)).transpose()?.flatten(),
            wants_admin: config.admin.is_some(),
        })
    }

    /// What it takes besides comes from the relay before.
    fn with(self, taken: &mut Taken) -> Result<Listeners, Error> {
        let lost = |name| Error::Language(format!("the {name} listener did not come along"));
        let relay = match self.relay {
            Some(own) => own,
            None => taken.listener(RELAY)?.ok_or_else(|| lost(RELAY))?,
        };
        let admin = match self.admin {
            None if self.wants_admin => Some(taken.listener(ADMIN)?.ok_or_else(|| lost(ADMIN))?),
            own => own,
        };
        Ok(Listeners { relay, admin })
    }
}

/// Whether a listener is where it is wanted. Any port is as good as another when none is named.
fn fits(wanted: SocketAddr, at: SocketAddr) -> bool {
    wanted.ip() == at.ip() && (wanted.port() == 0 || wanted.port() == at.port())
}
