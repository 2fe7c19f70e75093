//! The pause between two processes that write to one store.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::writer::Writer;
use crate::store::StoreError;

/// A writer that waits. Dropping it lets the writer go on as if nothing had been.
#[derive(Debug)]
#[must_use = "dropping it lets the writer go on"]
pub struct Hold {
    release: oneshot::Sender<()>,
}

impl Hold {
    /// Leaves the store to another process. What waits to be written, and all that comes later, is
    /// refused with [`StoreError::HandedOver`]; reading goes on, and follows what the other writes.
    pub fn release(self) {
        // A writer that has ended writes no more either.
        let _ = self.release.send(());
    }
}

/// Holds the writer after the times of last use are stored.
pub(super) async fn hold(
    writer: &Writer,
    now: Timestamp,
    default: Duration,
) -> Result<Hold, StoreError> {
    let (release, released) = oneshot::channel();
    let (tell, held) = oneshot::channel();
    writer
        .enqueue(move |state| {
            if let Err(error) = state.sweep(now, default, Duration::ZERO) {
                tracing::warn!(%error, "the last times of use were not stored");
            }
            // Whoever asked may have given up, and then the hold is dropped with the answer.
            let _ = tell.send(());
            if released.blocking_recv().is_ok() {
                state.release();
            }
        })
        .await?;
    held.await.map_err(|_| StoreError::Closed)?;
    Ok(Hold { release })
}
