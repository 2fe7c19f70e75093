//! How all that tunnels need is, as a window needs it.

use std::rc::Rc;
use std::sync::Arc;

use adit_app::doctor::{Examination, Examiner};
use adit_app::profile::Profile;
use tokio::sync::watch;

/// What is looked at on request, beside the interface.
pub struct StatusDesk {
    /// What was found, always the newest.
    pub told: watch::Receiver<Examination>,
    /// Looks again; the answer comes as news of `told`. Never blocks.
    pub look: Rc<dyn Fn()>,
}

impl StatusDesk {
    /// That of a profile. It looks in a task, so a runtime must be there.
    pub fn new(profile: Arc<Profile>) -> Self {
        let examiner = Examiner::spawn(profile);
        Self { told: examiner.told(), look: Rc::new(move || examiner.look()) }
    }
}

impl std::fmt::Debug for StatusDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusDesk").finish_non_exhaustive()
    }
}
