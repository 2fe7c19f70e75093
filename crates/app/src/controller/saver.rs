//! Writes files one after another. What changes again before its turn is written once, as it is then.

use std::collections::BTreeMap;
use std::sync::Arc;

use adit_wire::task;
use tokio::sync::Mutex;

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
    /// Held by who writes.
    writing: Writing,
    /// Nothing is to be written.
    is_shut: bool,
}

/// Held by who writes a file, so that nobody removes what another is about to write.
pub(super) type Writing = Arc<Mutex<()>>;

impl Saver {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            waiting: BTreeMap::new(),
            is_busy: false,
            writing: Writing::default(),
            is_shut: false,
        }
    }

    pub(super) fn add(&mut self, save: Save) {
        if !self.is_shut {
            self.waiting.insert(save.part(), save);
        }
    }

    /// The next to write; nothing while one is being written.
    pub(super) fn next(&mut self) -> Option<impl Future<Output = Event> + Send + use<>> {
        if self.is_busy {
            return None;
        }
        let (_, save) = self.waiting.pop_first()?;
        self.is_busy = true;
        let (writing, files) = (self.writing.clone(), self.files.clone());
        Some(async move {
            let _turn = writing.lock().await;
            write(files, save).await
        })
    }

    /// Nothing is written any more: what is kept is about to be removed by who has the lock.
    pub(super) fn shut(&mut self) -> Writing {
        self.is_shut = true;
        self.waiting.clear();
        self.writing.clone()
    }

    /// It was not removed after all.
    pub(super) fn open(&mut self) {
        self.is_shut = false;
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
