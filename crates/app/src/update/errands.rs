//! What dialogs ask for and wait for: one change after another, until all is done or one is not.

use super::Turn;
use crate::command::{Errand, ErrandId, Ticket, Wish};
use crate::failure::{Code, Failure};
use crate::state::change::What;
use crate::state::errand::{End, Errand as Kept};
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    pub(super) fn begin_errand(&mut self, Errand { id, wish }: Errand) {
        // A tunnel that was made for an errand before is still new to this one.
        let made = self.made_for_errands();
        self.let_all_go();
        let (what, tunnel, port) = match wish {
            Wish::Create { draft, port } => (What::Create(Box::new(draft)), None, port),
            Wish::AddPort { tunnel, port } => {
                let add = What::AddPort { tunnel: tunnel.clone(), port: Box::new(port.clone()) };
                (add, Some(tunnel), Some(port))
            }
        };
        let is_new = tunnel.as_ref().is_none_or(|tunnel| made.contains(tunnel));
        let is_empty = |tunnel: &TunnelKey| {
            !self.state.hosted.contains_key(tunnel)
                && self.state.ports(tunnel).is_some_and(|ports| ports.is_empty())
        };
        let hosts = port.is_some() && (is_new || tunnel.as_ref().is_some_and(is_empty));
        let ticket = self.begin(what);
        let (end, is_left) = (None, false);
        self.state.errands.push(Kept { id, ticket, tunnel, is_new, port, hosts, end, is_left });
    }

    /// Nobody waits for it any more. What has failed was seen, unless a tunnel was made for it: that stays, and says
    /// what it lacks.
    pub(super) fn let_go(&mut self, id: ErrandId) {
        let Some(at) = self.state.errands.iter().position(|it| it.id == id) else { return };
        if self.state.errands[at].end.is_none() {
            self.state.errands[at].is_left = true;
            return;
        }
        let errand = self.state.errands.remove(at);
        if !(errand.is_new && errand.tunnel.is_some()) {
            self.dismiss(errand.ticket);
        }
    }

    /// A new errand takes the place of those before, and of what is said of their failures.
    fn let_all_go(&mut self) {
        let all: Vec<_> = self.state.errands.iter().map(|it| (it.id, it.ticket)).collect();
        for (id, ticket) in all {
            self.let_go(id);
            self.dismiss(ticket);
        }
    }

    fn made_for_errands(&self) -> Vec<TunnelKey> {
        let made = self.state.errands.iter().filter(|it| it.is_new);
        made.filter_map(|it| it.tunnel.clone()).collect()
    }

    /// A change was made: the errand that waits for it goes on. `made` is the tunnel that it brought.
    pub(super) fn errand_goes_on(&mut self, ticket: Ticket, made: Option<TunnelKey>) {
        let Some(at) = self.state.errands.iter().position(|it| it.ticket == ticket) else { return };
        let errand = &mut self.state.errands[at];
        let adds = errand.port.clone().filter(|_| errand.tunnel.is_none());
        let tunnel = errand.tunnel.clone().or(made);
        errand.tunnel.clone_from(&tunnel);
        let hosts = errand.hosts;
        match (tunnel, adds) {
            (Some(tunnel), Some(port)) => {
                let next = self.begin(What::AddPort { tunnel, port: Box::new(port) });
                self.state.errands[at].ticket = next;
            }
            (Some(tunnel), None) => {
                if hosts && !self.state.is_hidden(&tunnel) {
                    self.remember(&tunnel);
                    self.host(&tunnel);
                }
                self.end_errand(at, End::Done);
            }
            (None, None) => self.end_errand(at, End::Done),
            (None, Some(_)) => {
                let message = "the service answered without the id of the tunnel";
                let failure = Failure::new(Code::Unreachable, message)
                    .hint("refresh, and add the port to the tunnel when it is there");
                self.end_errand(at, End::Failed(failure));
            }
        }
    }

    /// A change was not made, and neither is what the errand wanted.
    pub(super) fn errand_fails(&mut self, ticket: Ticket, failure: Failure) {
        if let Some(at) = self.state.errands.iter().position(|it| it.ticket == ticket) {
            self.end_errand(at, End::Failed(failure));
        }
    }

    fn end_errand(&mut self, at: usize, end: End) {
        if self.state.errands[at].is_left {
            self.state.errands.remove(at);
        } else {
            self.state.errands[at].end = Some(end);
        }
    }
}
