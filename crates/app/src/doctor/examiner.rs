//! Looks on request, one look at a time, beside whoever asks.

use std::sync::Arc;

use adit_wire::{clock, task};
use jiff::Timestamp;
use tokio::sync::watch;

use super::{Check, examine};
use crate::profile::Profile;

/// What was found, if somebody has looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// A look is under way.
    pub is_running: bool,
    /// What the last look found, and when.
    pub found: Option<(Timestamp, Arc<[Check]>)>,
}

/// Looks when it is asked to. Dropping it breaks that off.
#[derive(Debug)]
pub struct Examiner {
    // Ends with this.
    _task: task::Task<()>,
    asked: watch::Sender<u64>,
    told: watch::Receiver<Examination>,
}

impl Examiner {
    /// One that has not looked yet.
    pub fn spawn(profile: Arc<Profile>) -> Self {
        let (asked, questions) = watch::channel(0);
        let (tell, told) = watch::channel(Examination::default());
        let task = task::spawn("examiner", answer(profile, questions, tell));
        Self { _task: task, asked, told }
    }

    /// Looks again; who asks while that is under way gets one more look after it. Never blocks.
    pub fn look(&self) {
        self.asked.send_modify(|count| *count += 1);
    }

    /// What was found, always the newest.
    pub fn told(&self) -> watch::Receiver<Examination> {
        self.told.clone()
    }
}

async fn answer(
    profile: Arc<Profile>,
    mut questions: watch::Receiver<u64>,
    tell: watch::Sender<Examination>,
) {
    while questions.changed().await.is_ok() {
        tell.send_modify(|told| told.is_running = true);
        let checks = examine(&profile).await;
        let found = Some((clock::wall(), checks.into()));
        tell.send_replace(Examination { is_running: false, found });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Subject;
    use super::*;
    use crate::environment::Environment;

    #[tokio::test]
    async fn a_look_is_told_when_it_begins_and_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let directory = || Some(folder.path().into());
        let environment = Environment {
            config: directory(),
            state_dir: directory(),
            data_dir: directory(),
            devtunnel: Some(folder.path().join("nowhere").into()),
            ..Environment::default()
        };
        let examiner = Examiner::spawn(Arc::new(Profile::new(environment, |_| {}).unwrap()));
        let mut told = examiner.told();
        assert_eq!(*told.borrow(), Examination::default());
        examiner.look();
        let mut was_running = false;
        loop {
            told.changed().await.unwrap();
            let now = told.borrow_and_update().clone();
            if let Some((_, checks)) = now.found {
                assert!(checks.iter().any(|check| check.subject == Subject::State));
                break;
            }
            was_running |= now.is_running;
        }
        assert!(was_running && !told.borrow().is_running);
    }
}
