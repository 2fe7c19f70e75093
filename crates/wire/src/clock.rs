//! The one place that reads a clock.
//!
//! Everything that decides takes `now` as an argument; the drivers get it here. Instants follow
//! tokio's clock, so a test that pauses time moves them, and timers set from them, together. Wall
//! time is never moved by a test: it is only written down or compared with what others wrote down.

#![allow(clippy::disallowed_methods, reason = "the one file that reads a clock")]

use std::future::Future;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The monotonic now.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The calendar now, for stamps and for expiry dates that others set. It may jump either way.
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// Waits for `span`.
pub async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Waits until `at`; returns at once if that is past.
pub async fn sleep_until(at: Instant) {
    tokio::time::sleep_until(at.into()).await;
}

/// Waits until `at`, or for ever if there is no such moment: the timer arm of a `select!`.
pub async fn sleep_until_maybe(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Gives `future` until `deadline`.
///
/// # Errors
///
/// [`Late`] when the deadline came first; the future is then dropped.
pub async fn until<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Late> {
    tokio::time::timeout_at(deadline.into(), future).await.map_err(|_| Late)
}

/// A deadline passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct Late;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_moves_now_and_the_timers_together() {
        let start = now();
        sleep_until(start + Duration::from_secs(60)).await;
        assert_eq!(now(), start + Duration::from_secs(60));
        assert_eq!(until(start, std::future::pending::<()>()).await, Err(Late));
    }
}
