//! What the edge counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::problem::Problem;

/// Counters of the edge, since the relay started.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub(super) requests: Counter,
    pub(super) looks: Counter,
    pub(super) upgrades: Counter,
    pub(super) opened: Counter,
    pub(super) reused: Counter,
    pub(super) retried: Counter,
    problems: Family<Answered, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    code: &'static str,
    status: u16,
}

impl Counters {
    /// Names them for Prometheus.
    pub fn register(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        add("edge_requests", "Requests of visitors", &self.requests);
        add("edge_looks", "Looks of hosts at their own URLs", &self.looks);
        add("edge_upgrades", "Connections that were upgraded", &self.upgrades);
        add("edge_upstream_opened", "Connections opened to local servers", &self.opened);
        add("edge_upstream_reused", "Requests on a connection that stood", &self.reused);
        add("edge_retried", "Requests sent again after a stale connection", &self.retried);
        let problems = self.problems.clone();
        registry.register("edge_problems", "Requests answered by the edge itself", problems);
    }

    pub(super) fn problem(&self, problem: &Problem) {
        let status = problem.status().as_u16();
        self.problems.get_or_create(&Answered { code: problem.code(), status }).inc();
    }

    #[cfg(test)]
    pub(super) fn problems(&self, problem: &Problem) -> u64 {
        let status = problem.status().as_u16();
        self.problems.get_or_create(&Answered { code: problem.code(), status }).get()
    }
}
