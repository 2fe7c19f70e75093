//! The log, as a window needs it.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use adit_app::journal::{Excerpt, Journal, Search};
use tokio::sync::watch;

/// A log to be read, gathered beside the interface.
pub struct LogDesk {
    /// What the last search leaves, always the newest.
    pub excerpts: watch::Receiver<Arc<Excerpt>>,
    /// Looks for other lines, or for none while nobody looks. Never blocks.
    pub search: Rc<dyn Fn(Option<Search>)>,
    /// Where its files are.
    pub folder: PathBuf,
}

impl LogDesk {
    /// The one of this process. Its reader is a task, so a runtime must be there.
    pub fn new(journal: &Journal, folder: PathBuf) -> Self {
        let reader = journal.read();
        let excerpts = reader.excerpts();
        Self { excerpts, search: Rc::new(move |search| reader.search(search)), folder }
    }
}

impl std::fmt::Debug for LogDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogDesk").finish_non_exhaustive()
    }
}
