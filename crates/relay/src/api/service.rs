//! What is not about one tunnel: events, limits, clusters, subjects.

use adit_proto::constraints::{check_events, subject_name};
use adit_proto::contracts::{
    AccessEntryType, AccessSubject, ClusterDetails, ClusterRecommendation,
    ClusterRecommendationResponse, NamedRateStatus, RateStatus, TunnelEvent,
};

use super::problem::Problem;
use super::reply::Reply;
use super::{Api, Call};

/// What stands where Microsoft's service names a region of its cloud.
const LOCATION: &str = "self-hosted";

impl Api {
    /// Takes note of what hosts and clients report about themselves.
    pub(super) fn report_events(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let record = self.find(id).ok_or_else(Problem::no_tunnel)?;
        self.check_read(call, &record)?;
        let events: Vec<TunnelEvent> = call.list()?;
        Problem::of(check_events(&events))?;
        for event in &events {
            let severity = event.severity.as_ref().map(|severity| severity.as_str());
            tracing::debug!(tunnel = %record.id, name = event.name, severity, "reported event");
        }
        self.metrics.events.inc_by(events.len() as u64);
        Ok(Reply::ok(&true))
    }

    pub(super) fn user_limits(&self, call: &Call) -> Result<Reply, Problem> {
        let user = self.require_user(call)?;
        let tunnels = self.directory.tunnels_of(&user.id);
        let most_ports = tunnels.iter().map(|record| record.ports.len()).max().unwrap_or(0);
        let limit = |name: &str, current: usize, limit: u32| NamedRateStatus {
            name: name.into(),
            rate: RateStatus {
                limit: Some(u64::from(limit)),
                limit_source: Some("relay".into()),
                ..RateStatus::from(current as u64)
            },
        };
        Ok(Reply::ok(&[
            limit("TunnelsPerUser", tunnels.len(), self.limits.tunnels_per_user),
            limit("PortsPerTunnel", most_ports, self.limits.ports_per_tunnel),
        ]))
    }

    pub(super) fn list_clusters(&self, call: &Call) -> Reply {
        Reply::ok(&[ClusterDetails {
            cluster_id: self.cluster.to_string(),
            uri: format!("{}/", call.base),
            azure_location: LOCATION.into(),
        }])
    }

    pub(super) fn recommend_cluster(&self, call: &Call) -> Reply {
        let cluster = self.cluster.to_string();
        let preferred = call.query.first("preferredClusterId").map(str::to_owned);
        Reply::ok(&ClusterRecommendationResponse {
            is_fallback: preferred.as_ref().is_some_and(|preferred| *preferred != cluster),
            preferred_cluster_id: preferred,
            recommended_cluster_id: Some(cluster.clone()),
            recommendations: vec![ClusterRecommendation {
                cluster_id: cluster,
                azure_location: LOCATION.into(),
                azure_geo: LOCATION.into(),
                cluster_uri: format!("{}/", call.base),
                reason: "The only cluster of this relay.".into(),
                ..ClusterRecommendation::default()
            }],
        })
    }

    /// Gives subjects, known by id, their names.
    pub(super) fn format_subjects(&self, call: &Call) -> Result<Reply, Problem> {
        self.require_user(call)?;
        let mut subjects: Vec<AccessSubject> = call.list()?;
        for subject in &mut subjects {
            let Some(id) = &subject.id else { continue };
            match subject.kind {
                AccessEntryType::Users => {
                    let user = id.parse().ok().and_then(|id| self.directory.user(&id));
                    subject.name = user.map(|user| user.name.to_string());
                }
                AccessEntryType::Groups if self.has_group(id) => subject.name = Some(id.clone()),
                _ => {}
            }
        }
        Ok(Reply::ok(&subjects))
    }

    /// Gives subjects, known by name, their ids. A subject that is not found stays without one; a user
    /// of whom nothing is said is the caller.
    pub(super) fn resolve_subjects(&self, call: &Call) -> Result<Reply, Problem> {
        let caller = self.require_user(call)?;
        let mut subjects: Vec<AccessSubject> = call.list()?;
        for (index, subject) in subjects.iter_mut().enumerate() {
            if subject.kind == AccessEntryType::Users && subject.id.is_none() {
                subject.name.get_or_insert_with(|| caller.name.to_string());
            }
            let Some(name) = &subject.name else { continue };
            subject_name(name)
                .map_err(|it| Problem::member(&format!("[{index}].name"), it.to_string()))?;
            subject.id = match subject.kind {
                AccessEntryType::Users => self.user_named(name),
                AccessEntryType::Groups if self.has_group(name) => Some(name.clone()),
                _ => None,
            };
        }
        Ok(Reply::ok(&subjects))
    }

    fn user_named(&self, name: &str) -> Option<String> {
        let mut users = self.directory.users().into_iter();
        users.find(|user| user.active && *user.name == *name).map(|user| user.id.to_string())
    }

    /// A group is there when somebody is in it.
    fn has_group(&self, group: &str) -> bool {
        self.directory.users().iter().any(|user| user.groups.iter().any(|it| it == group))
    }
}
