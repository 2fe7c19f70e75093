//! Waiting for something that will happen, and failing with its name when it does not.

use std::future::Future;
use std::time::Duration;

/// Longer than anything in these tests takes, even on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition that nobody announces is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Waits for `future` for up to [`PATIENCE`].
///
/// # Panics
/// When the time is up; the message says what was waited for.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}

/// Waits until `condition` holds, for up to [`PATIENCE`]. For what can only be looked at; prefer an
/// event where there is one.
///
/// # Panics
/// When the time is up; the message says what was waited for.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let looking = async {
        let mut glance = tokio::time::interval(GLANCE);
        while !condition().await {
            glance.tick().await;
        }
    };
    soon(what, looking).await;
}
