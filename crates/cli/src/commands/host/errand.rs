//! What standard input asks for, where the service has to say first which tunnel is meant.

use std::sync::Arc;

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::service::find;
use adit_proto::id::FullId;
use adit_tunnel::management::Locator;
use adit_wire::task;

use super::order::Order;
use super::services::Service;

/// One look-up at a time: until it has ended no further command is read, so that they are done in the order given.
/// It takes as long as the service may take for one question, and nothing else waits for it.
#[derive(Debug, Default)]
pub(super) struct Errand {
    under_way: Option<(Order, task::Task<Outcome<Order>>)>,
}

impl Errand {
    /// Whether nothing is looked up.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// Looks up which tunnel a command means by `locator`.
    pub(super) fn begin(&mut self, order: Order, locator: Locator, service: Arc<Service>) {
        let asked = order.clone();
        let task = task::spawn("look up a tunnel", async move {
            let found = find(&*service.management, &locator).await?;
            Ok(asked.of(found.into()))
        });
        self.under_way = Some((order, task));
    }

    /// The command with its tunnel, or why that is not known; never, while nothing is looked up. Safe to drop and
    /// call again.
    pub(super) async fn done(&mut self) -> Outcome<Order> {
        let Some((order, task)) = &mut self.under_way else { return std::future::pending().await };
        let failed = || Failure::new(Code::Internal, format!("{order:?} was not looked up"));
        let found = task.join().await.unwrap_or_else(|| Err(failed()));
        self.under_way = None;
        found
    }
}

/// A tunnel of which the cluster is known by now.
pub(super) fn full(locator: &Locator) -> Outcome<FullId> {
    let unknown = || Failure::new(Code::NotFound, format!("where {locator} lives is not known"));
    let cluster = locator.cluster.clone().ok_or_else(unknown)?;
    Ok(FullId { tunnel: locator.id.clone(), cluster })
}
