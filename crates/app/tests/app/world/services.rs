//! A service that is watched, and that fails when it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use adit_app::controller::{Found, Made, Services};
use adit_app::event::Preflight;
use adit_app::place_key::PlaceKey;
use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{
    AccessSubject, ClusterDetails, NamedRateStatus, Tunnel, TunnelEndpoint, TunnelPort,
};
use adit_proto::token::Secret;
use adit_tunnel::management::{Answer, Error, Filter, Link, Locator, Management, Rest, Said, Want};
use adit_wire::net::Connector;
use jiff::Timestamp;

/// What was asked of the service, and how it is to behave.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    asked: Mutex<Vec<String>>,
    hides_ports: AtomicBool,
    fails_to_show: AtomicBool,
    is_signed_out: AtomicBool,
    hangs: AtomicBool,
}

impl Calls {
    pub(crate) fn clear(&self) {
        self.take();
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Where a call that begins like this stands.
    pub(crate) fn find(calls: &[String], start: &str) -> Option<usize> {
        calls.iter().position(|call| call.starts_with(start))
    }

    pub(crate) fn list_without_ports(&self) {
        self.hides_ports.store(true, Ordering::Relaxed);
    }

    pub(crate) fn fail_to_show(&self, fail: bool) {
        self.fails_to_show.store(fail, Ordering::Relaxed);
    }

    pub(crate) fn sign_out(&self) {
        self.is_signed_out.store(true, Ordering::Relaxed);
    }

    pub(crate) fn sign_in(&self) {
        self.is_signed_out.store(false, Ordering::Relaxed);
    }

    /// From now on neither a list nor a host's leave is ever answered.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    fn note(&self, what: &str, at: &dyn std::fmt::Display) {
        self.asked.lock().unwrap().push(format!("{what} {at}"));
    }
}

/// A relay's service, watched.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    rest: Arc<Rest>,
    calls: Arc<Calls>,
}

impl Watched {
    pub(super) fn new(rest: Arc<Rest>, calls: Arc<Calls>) -> Self {
        Self { rest, calls }
    }
}

impl Services for Watched {
    fn management<'a>(&'a self, _: &'a PlaceKey, _: Connector) -> Made<'a> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Management>) })
    }

    fn check<'a>(&'a self, _: &'a PlaceKey, _: Connector) -> Found<'a> {
        let found = match self.calls.is_signed_out.load(Ordering::Relaxed) {
            true => Preflight::SignedOut,
            false => Preflight::Ready { account: None },
        };
        Box::pin(async { found })
    }
}

impl Management for Watched {
    fn create<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        self.rest.create(tunnel, want)
    }

    fn get<'a>(&'a self, at: &'a Locator, want: Want) -> Answer<'a, Tunnel> {
        if want.ports && self.calls.fails_to_show.load(Ordering::Relaxed) {
            let said = Said::default();
            return Box::pin(async {
                Err(Error::Unavailable { status: 503, said, retry_after: None })
            });
        }
        self.rest.get(at, want)
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Vec<Tunnel>> {
        Box::pin(async {
            if self.calls.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let mut tunnels = self.rest.list(filter).await?;
            if self.calls.hides_ports.load(Ordering::Relaxed) {
                tunnels.iter_mut().for_each(|tunnel| tunnel.ports = None);
            }
            Ok(tunnels)
        })
    }

    fn update<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        self.rest.update(tunnel, want)
    }

    fn delete<'a>(&'a self, at: &'a Locator) -> Answer<'a, bool> {
        self.calls.note("delete", at);
        self.rest.delete(at)
    }

    fn ports<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<TunnelPort>> {
        self.rest.ports(at)
    }

    fn create_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        self.rest.create_port(at, port)
    }

    fn update_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        self.rest.update_port(at, port)
    }

    fn delete_port<'a>(&'a self, at: &'a Locator, port: u16) -> Answer<'a, bool> {
        self.rest.delete_port(at, port)
    }

    fn put_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        token: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint> {
        self.rest.put_endpoint(at, endpoint, token)
    }

    fn delete_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        id: &'a str,
        token: &'a Secret,
    ) -> Answer<'a, bool> {
        self.calls.note("delete_endpoint", at);
        if self.calls.hangs.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        self.rest.delete_endpoint(at, id, token)
    }

    fn mint<'a>(&'a self, at: &'a Locator, scope: Scope) -> Answer<'a, Secret> {
        self.rest.mint(at, scope)
    }

    fn issue<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        scopes: Scopes,
    ) -> Answer<'a, Secret> {
        self.rest.issue(at, port, scopes)
    }

    fn create_link<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        until: Timestamp,
    ) -> Answer<'a, Link> {
        self.rest.create_link(at, port, until)
    }

    fn links<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<Link>> {
        self.rest.links(at)
    }

    fn delete_link<'a>(&'a self, at: &'a Locator, id: &'a str) -> Answer<'a, bool> {
        self.rest.delete_link(at, id)
    }

    fn resolve<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        self.rest.resolve(subjects)
    }

    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>> {
        self.rest.limits()
    }

    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>> {
        self.rest.clusters()
    }
}
