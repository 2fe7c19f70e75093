//! Which ports a session was asked to serve, and what has to change.
//!
//! A port that is refused is remembered as refused until it is served or no longer wanted, so that it is not
//! mistaken for one that is served. It is asked for again where the cause may pass, and not at any other time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Failure;

/// What is told of a port without an answer.
pub(super) const SILENCE: &str = "the relay did not answer";

/// The ports of one session.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    asked: BTreeSet<u16>,
    served: BTreeSet<u16>,
    /// Why not. One that is asked for again stays in here until it is served.
    refused: BTreeMap<u16, Failure>,
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
        let mut announce = wanted - &claimed;
        announce.retain(|port| !self.refused.contains_key(port));
        let changes = Changes { announce, withdraw: &claimed - wanted };
        self.asked = &(&self.asked & wanted) | &changes.announce;
        self.served = &self.served & wanted;
        // Removed and added again is a reason to ask again.
        self.refused.retain(|port, _| wanted.contains(port));
        self.silent = &self.silent & wanted;
        changes
    }

    /// The relay serves `port`. Means nothing for one that was withdrawn meanwhile. What it said before
    /// belongs to an earlier question. Returns whether the port was taken for one that is not served.
    pub fn announced(&mut self, port: u16) -> bool {
        let asked = self.asked.remove(&port);
        let mended = self.silent.remove(&port) | self.refused.remove(&port).is_some();
        if asked || mended {
            self.served.insert(port);
        }
        mended
    }

    /// The port is not served. Returns whether that is news, as it is again once it cannot pass any more.
    pub fn refused(&mut self, port: u16, why: Failure) -> bool {
        let answered = self.asked.remove(&port) || self.served.remove(&port);
        if !self.silent.remove(&port) && !answered {
            return false;
        }
        let passes = why.is_retryable();
        let before = self.refused.insert(port, why);
        answered && before.is_none_or(|before| before.is_retryable() && !passes)
    }

    /// Takes the answers that have not come as refusals, and returns the ports of which that is news.
    pub fn refuse_unanswered(&mut self) -> BTreeSet<u16> {
        let mut unanswered = std::mem::take(&mut self.asked);
        self.silent.extend(&unanswered);
        unanswered.retain(|port| !self.refused.contains_key(port));
        unanswered
    }

    /// Takes the refused ports whose cause may have passed as asked, and returns them. One without an answer is
    /// none of them: answers come in order, or not at all and the session is over.
    pub fn ask_again(&mut self) -> BTreeSet<u16> {
        let passing = self.refused.iter().filter(|(_, why)| why.is_retryable());
        let ports: BTreeSet<_> = passing.map(|(port, _)| *port).collect();
        let again = &(&ports - &self.asked) - &self.silent;
        self.asked.extend(&again);
        again
    }

    /// Returns how long to wait at least until refused ports are asked for again; `None` if there are none that may
    /// be served later.
    pub fn patience(&self) -> Option<Duration> {
        let passing = self.refused.values().filter(|why| why.is_retryable());
        passing.map(Failure::retry_after).max()
    }

    /// Returns the ports that are known not to be served, and why.
    pub fn unserved(&self) -> BTreeMap<u16, String> {
        let silent = self.silent.iter().map(|port| (*port, SILENCE.to_owned()));
        silent.chain(self.refused.iter().map(|(port, why)| (*port, why.to_string()))).collect()
    }

    /// Whether every port that was asked for has its answer.
    pub fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// Returns why no port is served, if ports were asked for and all of them refused: what may pass, if anything
    /// of it may.
    pub fn useless(&self) -> Option<Failure> {
        if !self.served.is_empty() {
            return None;
        }
        let passing = self.refused.values().filter(|why| why.is_retryable());
        let passing = passing.max_by_key(|why| why.retry_after()).cloned();
        let silence = || Failure::Transient(SILENCE.to_owned());
        passing
            .or_else(|| (!self.silent.is_empty()).then(silence))
            .or_else(|| self.refused.values().next().cloned())
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

    fn passing() -> Failure {
        Failure::Transient("not now".to_owned())
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
        assert!(!ports.refused(1, passing()), "no news either");
    }

    #[test]
    fn a_refused_port_is_reconciled_only_after_it_was_removed() {
        let mut ports = hosting([1]);
        ports.reconcile(&[1, 2].into());
        assert!(ports.refused(2, passing()));
        assert!(!ports.refused(2, passing()));
        assert_eq!(ports.reconcile(&[1, 2].into()), Changes::default());
        assert_eq!(ports.reconcile(&[1].into()), Changes::default(), "it was never served");
        assert_eq!(ports.reconcile(&[1, 2].into()), changes(&[2], &[]));
        assert_eq!(ports.useless(), None);
    }

    #[test]
    fn only_what_may_pass_is_asked_for_again_and_its_answer_is_no_news_unless_it_is() {
        let mut ports = hosting([1]);
        ports.reconcile(&[1, 2, 3, 4].into());
        ports.refused(2, Failure::RateLimited { retry_after: Some(Duration::from_secs(9)) });
        ports.refused(3, Failure::Forbidden("no".to_owned()));
        assert_eq!(ports.refuse_unanswered(), [4].into());
        assert_eq!(ports.patience(), Some(Duration::from_secs(9)));
        assert_eq!(ports.ask_again(), [2].into());
        assert_eq!(ports.ask_again(), [].into(), "its answer is awaited");
        assert!(!ports.refused(2, passing()));
        assert_eq!(ports.ask_again(), [2].into());
        assert_eq!(ports.reconcile(&[1, 2, 3, 4].into()), Changes::default());
        assert!(ports.refused(2, Failure::Fatal("never".to_owned())), "it cannot pass any more");
        assert_eq!((ports.ask_again(), ports.patience()), ([].into(), None));
        assert!(ports.announced(2), "which the relay need not know");
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
        assert_eq!(ports.useless(), None, "no ports is a choice");
        ports.reconcile(&[1, 2].into());
        ports.refused(1, Failure::Fatal("never".to_owned()));
        assert_eq!(ports.refuse_unanswered(), [2].into());
        assert!(ports.useless().is_some_and(|why| why.is_retryable()));
        assert!(ports.announced(2), "late is better than never");
        assert!(ports.useless().is_none() && !ports.announced(2));
    }
}
