//! A session that serves until the next does, and then what it has.

use std::time::Duration;

use adit_proto::ssh::disconnect;
use adit_wire::{clock, pump};

use super::driver::Events;
use super::local::Session;

/// How long a session that was replaced serves the connections it has.
const RETIREMENT: Duration = Duration::from_secs(60);

/// How often it is looked whether it has any left.
const RETIREMENT_CHECK: Duration = Duration::from_millis(250);

/// A session whose relay is about to go.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) session: Session,
    pub(super) events: Events,
}

impl Leaving {
    /// Lets it serve the connections it has, then ends it.
    pub(super) async fn retire(mut self) {
        let handle = self.session.handle;
        let deadline = clock::now() + RETIREMENT;
        while handle.traffic().channels() > 0 && clock::now() < deadline {
            tokio::select! {
                event = self.events.recv() => if is_end(event) { return },
                () = clock::sleep(RETIREMENT_CHECK) => {}
            }
        }
        handle.disconnect(disconnect::BY_APPLICATION, "replaced by a new session").await;
        while self.events.recv().await.is_some() {}
    }
}

/// Waits for the end of the session that leaves, if one does. What it tells of ports does not count:
/// the next session tells it anew. Safe to drop and call again.
pub(super) async fn ended(leaving: &mut Option<Leaving>) {
    match leaving {
        Some(leaving) => while !is_end(leaving.events.recv().await) {},
        None => std::future::pending().await,
    }
}

fn is_end<E>(event: Option<pump::Event<E>>) -> bool {
    matches!(event, Some(pump::Event::Ended(_)) | None)
}
