//! The traffic of ports: what is kept of it, what is sent again, and how many connections there are.

use std::collections::BTreeMap;

use adit_tunnel::inspect::{Exchange, Passed};

use super::Turn;
use crate::effect::Effect;
use crate::failure::{Code, Failure};
use crate::status;
use crate::traffic::Again;
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    /// Keeps the bodies of a port's requests and answers from now on, or not any more.
    pub(super) fn keep_bodies(&mut self, tunnel: TunnelKey, port: u16, keep: bool) {
        let bodies = &mut self.state.traffic.bodies;
        let key = (tunnel.clone(), port);
        let is_new = if keep { bodies.insert(key) } else { bodies.remove(&key) };
        if is_new {
            self.effects.push(Effect::KeepBodies { tunnel, port, keep });
        }
    }

    /// Sends a request to the local server again. One of a port at a time; somebody confirmed it.
    pub(super) fn send_again(&mut self, tunnel: TunnelKey, port: u16, of: u64) {
        let state = &mut *self.state;
        let key = (tunnel.clone(), port);
        if matches!(state.traffic.again.get(&key), Some(Again::Sending { .. })) {
            return;
        }
        let history = state.history.of(&tunnel).and_then(|it| it.ports.get(&port));
        let Some(request) = history.and_then(|it| it.requests.find(of)) else {
            let message = format!("the request to port {port} is not kept any more");
            let failure = Failure::new(Code::NotFound, message);
            state.traffic.again.insert(key, Again::Failed { of, failure });
            return;
        };
        match request.to_again() {
            Ok(request) => {
                let keep = state.traffic.bodies.contains(&key);
                state.traffic.again.insert(key, Again::Sending { of });
                let request = Box::new(request);
                self.effects.push(Effect::SendAgain { tunnel, port, of, request, keep });
            }
            Err(unfit) => {
                // Told behind what was not done, beside the request that it is about.
                let failure = Failure::new(Code::Refused, unfit.to_string())
                    .hint("switch bodies on for this port, and have it sent by its sender again");
                state.traffic.again.insert(key, Again::Failed { of, failure });
            }
        }
    }

    /// The local server answered, or did not.
    pub(super) fn sent_again(
        &mut self,
        tunnel: &TunnelKey,
        port: u16,
        of: u64,
        result: Result<Box<Exchange>, Failure>,
    ) {
        let key = (tunnel.clone(), port);
        // A tunnel that is gone meanwhile stays forgotten.
        if self.state.traffic.again.remove(&key).is_none() {
            return;
        }
        match result {
            Ok(exchange) => {
                self.state.history.sent_again(tunnel, port, of, &exchange, self.now.wall);
            }
            Err(failure) => {
                self.state.traffic.again.insert(key, Again::Failed { of, failure });
            }
        }
    }

    /// How many connections there are. Every port of a tunnel that is hosted has a number, so that a quiet time can be
    /// told from one without a session.
    pub(super) fn connections(&mut self, counts: &BTreeMap<TunnelKey, BTreeMap<u16, u32>>) {
        let state = &mut *self.state;
        for (tunnel, counts) in counts {
            let Some(hosted) = state.hosted.get(tunnel) else { continue };
            if hosted.status.state != status::State::Hosting {
                continue;
            }
            for port in hosted.status.ports.keys() {
                let count = counts.get(port).copied().unwrap_or(0);
                state.history.connections(tunnel, *port, count, self.now.wall);
            }
        }
    }

    /// How many bytes passed. They count also when the session has been lost meanwhile.
    pub(super) fn passed(&mut self, passed: &BTreeMap<TunnelKey, BTreeMap<u16, Passed>>) {
        for (tunnel, ports) in passed {
            // One that is gone meanwhile stays forgotten.
            if !self.state.hosted.contains_key(tunnel) {
                continue;
            }
            for (port, passed) in ports {
                self.state.history.passed(tunnel, *port, *passed, self.now.wall);
            }
            self.save_history_later();
        }
    }
}
