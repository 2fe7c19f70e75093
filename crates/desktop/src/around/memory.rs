//! Keeps what a window remembers, without the interface waiting for a disk.

use std::cell::RefCell;
use std::path::PathBuf;

use adit_app::face::Face;
use adit_wire::task;
use tokio::sync::watch;

/// What a window remembers.
#[derive(Debug)]
pub struct Memory {
    face: RefCell<Face>,
    wanted: watch::Sender<Wanted>,
}

/// Writes it. Only the newest is written.
#[derive(Debug)]
pub struct Saver {
    wanted: watch::Sender<Wanted>,
    task: task::Task<()>,
}

/// What is to be written.
#[derive(Clone, Debug)]
struct Wanted {
    face: Face,
    is_last: bool,
}

impl Memory {
    /// Begins with what a file says, and keeps it there; without a file it is forgotten at the end. Inside of a Tokio
    /// runtime.
    pub fn start(face: Face, file: Option<PathBuf>) -> (Self, Saver) {
        let (wanted, news) = watch::channel(Wanted { face: face.clone(), is_last: false });
        let task = task::spawn("window's memory", save(face.clone(), news, file));
        (Self { face: RefCell::new(face), wanted: wanted.clone() }, Saver { wanted, task })
    }

    /// What is remembered.
    pub fn face(&self) -> Face {
        self.face.borrow().clone()
    }

    /// Changes it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Face) -> T) -> T {
        let changed = change(&mut self.face.borrow_mut());
        let face = self.face();
        self.wanted.send_if_modified(|wanted| {
            let is_new = wanted.face != face;
            wanted.face = face;
            is_new
        });
        changed
    }
}

impl Saver {
    /// Writes the last, and ends.
    pub async fn finish(mut self, face: Face) {
        self.wanted.send_replace(Wanted { face, is_last: true });
        self.task.join().await;
    }
}

/// `written` is in the file already; what is wanted may be newer before this is first polled.
async fn save(mut written: Face, mut news: watch::Receiver<Wanted>, file: Option<PathBuf>) {
    while news.changed().await.is_ok() {
        let Wanted { face, is_last } = news.borrow_and_update().clone();
        if let Some(file) = file.clone().filter(|_| face != written) {
            let wanted = face.clone();
            let saved = task::blocking("save window's memory", move || wanted.save(&file)).await;
            match saved {
                Ok(()) => written = face,
                Err(failure) => {
                    tracing::warn!(
                        reason = failure.message,
                        "what the window remembers is not kept"
                    );
                }
            }
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_app::face::Saying;

    use super::*;

    #[tokio::test]
    async fn what_changed_is_in_the_file_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.json");
        let (memory, saver) = Memory::start(Face::default(), Some(path.clone()));
        memory.change(|face| face.said(Saying::NoTray));
        memory.change(|face| face.said(Saying::Stays));
        saver.finish(memory.face()).await;
        let kept = Face::load(&path).unwrap();
        assert_eq!(kept, memory.face());
        assert!(kept.said_it_stays && kept.said_no_tray);
    }

    #[tokio::test]
    async fn nothing_new_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.json");
        let (memory, saver) = Memory::start(Face::default(), Some(path.clone()));
        saver.finish(memory.face()).await;
        assert!(!path.exists());
    }
}
