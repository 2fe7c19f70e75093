//! Which ports a session was asked to serve, and what has to change.
//!
//! A port that the relay refuses is remembered as refused for as long as the session lives, so that it is
//! neither asked for again and again nor mistaken for one that is served.

use std::collections::BTreeSet;

/// The ports of one session.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    asked: BTreeSet<u16>,
    served: BTreeSet<u16>,
    refused: BTreeSet<u16>,
    /// Asked for without an answer in time. It may still come, so they are withdrawn like served ones.
    silent: BTreeSet<u16>,
}

/// What to ask the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To be served from now on.
    pub announce: BTreeSet<u16>,
    /// To be served no longer.
    pub withdraw: BTreeSet<u16>,
}

impl Ports {
    /// Returns what to ask so that the session serves what is `wanted`, and takes it as asked.
    pub fn reconcile(&mut self, wanted: &BTreeSet<u16>) -> Changes {
        let claimed = &(&self.asked | &self.served) | &self.silent;
        let changes =
            Changes { announce: &(wanted - &claimed) - &self.refused, withdraw: &claimed - wanted };
        self.asked = &(&self.asked & wanted) | &changes.announce;
        self.served = &self.served & wanted;
        // Removed and added again is a reason to ask again.
        self.refused = &self.refused & wanted;
        self.silent = &self.silent & wanted;
        changes
    }

    /// The relay serves `port`. Means nothing for one that was withdrawn meanwhile. What it said before
    /// belongs to an earlier question. Returns whether the port was taken for one that is not served.
    pub fn announced(&mut self, port: u16) -> bool {
        let asked = self.asked.remove(&port);
        let mended = self.silent.remove(&port) | self.refused.remove(&port);
        if asked || mended {
            self.served.insert(port);
        }
        mended
    }

    /// The relay does not serve `port`. Returns whether that is news.
    pub fn refused(&mut self, port: u16) -> bool {
        let news = self.asked.remove(&port) || self.served.remove(&port);
        if news || self.silent.remove(&port) {
            self.refused.insert(port);
        }
        news
    }

    /// Takes the answers that have not come as refusals, and returns the ports.
    pub fn refuse_unanswered(&mut self) -> BTreeSet<u16> {
        let unanswered = std::mem::take(&mut self.asked);
        self.silent.extend(&unanswered);
        unanswered
    }

    /// Whether every port that was asked for has its answer.
    pub fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether ports were asked for and all of them refused.
    pub fn is_useless(&self) -> bool {
        self.served.is_empty() && !(self.refused.is_empty() && self.silent.is_empty())
    }

    /// Lists the ports that are served.
    pub fn served(&self) -> impl Iterator<Item = u16> {
        self.served.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(announce: &[u16], withdraw: &[u16]) -> Changes {
        Changes {
            announce: announce.iter().copied().collect(),
            withdraw: withdraw.iter().copied().collect(),
        }
    }

    fn hosting(wanted: impl Into<BTreeSet<u16>>) -> Ports {
        let mut ports = Ports::default();
        let asked = ports.reconcile(&wanted.into());
        for port in asked.announce {
            assert!(!ports.announced(port));
        }
        ports
    }

    #[test]
    fn only_differences_are_asked_for() {
        let mut ports = hosting([3000, 3001]);
        assert_eq!(ports.reconcile(&[3000, 3001].into()), Changes::default());
        assert_eq!(ports.reconcile(&[3001, 3002].into()), changes(&[3002], &[3000]));
        ports.announced(3002);
        assert_eq!(ports.served().collect::<Vec<_>>(), [3001, 3002]);
    }

    #[test]
    fn a_port_is_not_announced_twice_while_its_answer_is_awaited() {
        let mut ports = Ports::default();
        assert_eq!(ports.reconcile(&[1].into()), changes(&[1], &[]));
        assert!(!ports.is_settled());
        assert_eq!(ports.reconcile(&[1, 2].into()), changes(&[2], &[]));
    }

    #[test]
    fn an_answer_that_comes_after_the_withdrawal_means_nothing() {
        let mut ports = Ports::default();
        ports.reconcile(&[1].into());
        assert_eq!(ports.reconcile(&[].into()), changes(&[], &[1]));
        ports.announced(1);
        assert_eq!(ports.served().count(), 0);
        assert!(!ports.refused(1), "no news either");
    }

    #[test]
    fn a_refused_port_is_asked_for_again_only_after_it_was_removed() {
        let mut ports = hosting([1]);
        ports.reconcile(&[1, 2].into());
        assert!(ports.refused(2));
        assert!(!ports.refused(2));
        assert_eq!(ports.reconcile(&[1, 2].into()), Changes::default());
        assert_eq!(ports.reconcile(&[1].into()), Changes::default(), "it was never served");
        assert_eq!(ports.reconcile(&[1, 2].into()), changes(&[2], &[]));
        assert!(!ports.is_useless());
    }

    #[test]
    fn a_port_whose_answer_is_late_is_withdrawn_when_it_is_removed() {
        let mut ports = Ports::default();
        ports.reconcile(&[1].into());
        ports.refuse_unanswered();
        assert_eq!(ports.reconcile(&[].into()), changes(&[], &[1]));
    }

    #[test]
    fn a_session_is_useless_only_if_all_its_ports_are_refused() {
        let mut ports = Ports::default();
        assert!(!ports.is_useless(), "no ports is a choice");
        ports.reconcile(&[1, 2].into());
        ports.refused(1);
        assert_eq!(ports.refuse_unanswered(), [2].into());
        assert!(ports.is_useless());
        assert!(ports.announced(2), "late is better than never");
        assert!(!ports.is_useless() && !ports.announced(2));
    }
}
