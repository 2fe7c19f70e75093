//! Where a relay stands on its way from its first connection to its last.
//!
//! The server turns the [`Helm`]; whoever has connections watches the [`Course`] and lets them end
//! in the way that fits. When exactly something is cut is not said here but by the task groups.

use std::future::{Future, pending};

use tokio::sync::watch;

/// What a relay is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It ends, and nobody serves after it.
    Stopping,
    /// Another process has its listeners and its store; it finishes what it has.
    HandedOver,
}

/// Decides on the phase. When it goes, the relay ends.
#[derive(Debug)]
pub struct Helm(watch::Sender<Phase>);

impl Helm {
    /// Of a relay that serves.
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    /// What those watch who have connections.
    pub fn course(&self) -> Course {
        Course(self.0.subscribe())
    }

    /// Leaves [`Phase::Serving`], once and for good.
    pub(crate) fn turn(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let serves = *now == Phase::Serving;
            if serves {
                *now = phase;
            }
            serves
        });
    }
}

impl Default for Helm {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells the phase. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Course(watch::Receiver<Phase>);

impl Course {
    /// Whether another process serves instead.
    pub fn is_handed_over(&self) -> bool {
        *self.0.borrow() == Phase::HandedOver
    }

    /// Waits until the relay serves no longer. Borrows nothing, so it can stand in a `select!`.
    pub fn left(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.0.clone();
        async move {
            // A relay whose helm is gone has ended.
            let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
        }
    }

    /// Waits until another process serves instead; for ever, if none ever does. Borrows nothing.
    pub fn handed_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.0.clone();
        async move {
            if phase.wait_for(|phase| *phase == Phase::HandedOver).await.is_err() {
                pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_relay_that_was_handed_over_stays_so() {
        let helm = Helm::new();
        let course = helm.course();
        let (left, handed_over) = (course.left(), course.handed_over());
        assert!(!course.is_handed_over());
        helm.turn(Phase::HandedOver);
        helm.turn(Phase::Stopping);
        assert!(course.is_handed_over());
        tokio::join!(left, handed_over);
    }

    #[tokio::test]
    async fn one_that_just_ends_hands_nothing_over() {
        let course = Helm::new().course();
        course.left().await;
        tokio::select! {
            biased;
            () = course.handed_over() => panic!("to nobody"),
            () = std::future::ready(()) => {}
        }
    }
}
