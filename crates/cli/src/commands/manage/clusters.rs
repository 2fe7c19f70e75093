//! `adit clusters`: the clusters of a relay, and how far away they are.

use std::time::Duration;

use adit_app::failure::{Failure, Outcome};
use adit_app::relay_url::RelayUrl;
use adit_app::service::connector;
use adit_proto::contracts::ClusterDetails;
use adit_tunnel::management::{Credential, Management, Rest};
use adit_wire::clock;
use serde::Serialize;

use super::shape;
use super::target::On;
use crate::context::Context;
use crate::screen::harmless;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit clusters
  adit clusters --ping    nearest first")]
pub(crate) struct Args {
    /// Measure how far away each is, and list the nearest first.
    #[arg(long)]
    ping: bool,

    #[command(flatten)]
    on: On,
}

/// A cluster as scripts read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    cluster: ClusterDetails,
    /// Of a request on a standing connection; left out where it was not measured, or not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let relay = args.on.relay(context)?;
    let clusters = context.profile.service_for_anybody(&relay)?.clusters().await;
    let clusters = clusters
        .map_err(|error| Failure::service(format_args!("list the clusters of {relay}"), &error))?;
    let mut rows = Vec::with_capacity(clusters.len());
    for cluster in clusters {
        let latency = if args.ping { measure(&cluster).await } else { None };
        rows.push(Row { cluster, latency_ms: latency.map(|time| time.as_secs_f64() * 1000.0) });
    }
    let distance = |row: &Row| row.latency_ms.unwrap_or(f64::INFINITY);
    rows.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
    if context.json {
        return shape::print("clusters", &rows);
    }
    rows.iter().try_for_each(|row| context.screen.line(text(row, args.ping)))
}

/// How long a cluster takes to answer once it is connected to. No key goes there: who answers was
/// only told by the relay.
async fn measure(cluster: &ClusterDetails) -> Option<Duration> {
    let url: RelayUrl = cluster.uri.parse().ok()?;
    let rest = Rest::new(connector(), url.base(), Credential::Anonymous);
    rest.clusters().await.ok()?;
    let begin = clock::now();
    rest.clusters().await.ok()?;
    Some(clock::now().saturating_duration_since(begin))
}

fn text(row: &Row, pinged: bool) -> String {
    let ClusterDetails { cluster_id, uri, azure_location } = &row.cluster;
    let cluster = harmless(&format!("{cluster_id}   {azure_location}   {uri}"));
    match row.latency_ms {
        Some(ms) => format!("{cluster}   {ms:.1} ms"),
        None if pinged => format!("{cluster}   no answer"),
        None => cluster,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cluster_that_was_not_measured_has_no_latency() {
        let cluster = ClusterDetails {
            cluster_id: "loc1".into(),
            uri: "http://127.0.0.1:1/".into(),
            azure_location: "self-hosted".into(),
        };
        let row = Row { cluster, latency_ms: None };
        assert_eq!(
            serde_json::to_value(&row).unwrap(),
            json!({"clusterId": "loc1", "uri": "http://127.0.0.1:1/",
                "azureLocation": "self-hosted"})
        );
        assert_eq!(text(&row, false), "loc1   self-hosted   http://127.0.0.1:1/");
        assert!(text(&row, true).ends_with("no answer"));
        let row = Row { latency_ms: Some(1.25), ..row };
        assert!(text(&row, true).ends_with("1.2 ms"));
    }
}
