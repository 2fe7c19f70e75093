//! What is due now and then in a relay that runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adit_wire::{clock, task};

use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::seams::Live;

/// How often the store is asked whether another process changed it.
const LOOK: Duration = Duration::from_secs(1);

/// How often unused tunnels are removed and times of last use are stored.
const SWEEP: Duration = Duration::from_secs(60);

/// How much of the time of last use may be lost when the process is killed.
const USE_STEP: Duration = Duration::from_secs(60);

/// Does what is due now and then.
pub(super) struct Housekeeper {
    pub(super) directory: Arc<Directory>,
    pub(super) live: Arc<dyn Live>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) expiration: Duration,
}

impl fmt::Debug for Housekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Housekeeper").finish_non_exhaustive()
    }
}

impl Housekeeper {
    pub(super) async fn run(self, stopping: task::Stopping) {
        let stop = stopping.wait();
        tokio::pin!(stop);
        let mut sweep_at = clock::now();
        loop {
            let now = clock::now();
            if now >= sweep_at {
                self.sweep().await;
                sweep_at = now + SWEEP;
            }
            if let Err(error) = self.directory.refresh().await {
                tracing::warn!(%error, "what another process changed could not be read");
            }
            tokio::select! {
                () = clock::sleep(LOOK) => {}
                () = &mut stop => return,
            }
        }
    }

    async fn sweep(&self) {
        let now = clock::wall();
        let tunnels = self.directory.tunnels();
        for record in tunnels.iter().filter(|record| record.endpoint.is_some()) {
            if self.live.tunnel(&record.id).hosts > 0 {
                record.used.touch(now);
            }
        }
        match self.directory.sweep(now, self.expiration, USE_STEP).await {
            Ok(removed) => {
                self.metrics.expired.inc_by(removed as u64);
            }
            Err(error) => tracing::warn!(%error, "unused tunnels could not be removed"),
        }
    }
}
