//! Writes files one after another. What changes again before its turn is written once, as it is then.

use std::collections::BTreeMap;

use adit_wire::task;

use crate::event::Event;
use crate::failure::Outcome;
use crate::persist::{Files, Part, Save};

/// What waits to be written: a part at most once, so this is bounded by what there is.
#[derive(Debug)]
pub(super) struct Saver {
    files: Files,
    waiting: BTreeMap<Part, Save>,
    /// One is being written.
    is_busy: bool,
}

impl Saver {
    pub(super) fn new(files: Files) -> Self {
        Self { files, waiting: BTreeMap::new(), is_busy: false }
    }

    pub(super) fn add(&mut self, save: Save) {
        self.waiting.insert(save.part(), save);
    }

    /// The next to write; nothing while one is being written.
    pub(super) fn next(&mut self) -> Option<impl Future<Output = Event> + Send + use<>> {
        if self.is_busy {
            return None;
        }
        let (_, save) = self.waiting.pop_first()?;
        self.is_busy = true;
        Some(write(self.files.clone(), save))
    }

    /// One was written.
    pub(super) fn written(&mut self) {
        self.is_busy = false;
    }

    /// Writes all that waits, at the end. There is nobody left to tell.
    pub(super) async fn finish(mut self) {
        while let Some((part, save)) = self.waiting.pop_first() {
            if let Event::Saved { result: Err(failure), .. } = write(self.files.clone(), save).await
            {
                tracing::warn!(?part, reason = failure.message, "a file was not written");
            }
        }
    }
}

async fn write(files: Files, save: Save) -> Event {
    let part = save.part();
    let result: Outcome = task::blocking("write file", move || files.save(&save)).await;
    Event::Saved { part, result }
}
