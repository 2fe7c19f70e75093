//! Notifications of the desktop: what needs a person, and confirmations where the window is not seen.
//!
//! What is told, and in which words, is decided by the application; here it is shown, and what people answer comes
//! back. On Linux one task speaks the protocol itself: the usual crate wants a thread for each notification that
//! waits for an answer.

#[cfg(not(any(windows, target_os = "macos")))]
pub mod bus;
#[cfg(target_os = "macos")]
mod script;
#[cfg(windows)]
mod toast;

use adit_app::effect::Notice;
use adit_app::face::Saying;
use adit_app::words;
use tokio::sync::mpsc;

use crate::adapter::terms::Speech;

/// Notes that wait to be shown. Full means that the newest is dropped and logged: the window shows all of it too.
pub(crate) const NOTES: usize = 16;

/// Answers that wait to be acted on; people are not faster. Full means that it is dropped and logged.
pub(crate) const ANSWERS: usize = 16;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What happened.
    pub title: String,
    /// What to do; may be empty.
    pub body: String,
    /// What it is about, for one that asks for something.
    pub about: Option<About>,
    /// It tells of something that was just done, and goes away by itself.
    pub passes: bool,
    /// It says that; what became of it is answered.
    pub says: Option<Saying>,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The notice.
    pub notice: Notice,
    /// The words of its button.
    pub action: Option<String>,
    /// The words of the button that puts it away.
    pub later: String,
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To show what it is about.
    Show(Notice),
    /// To do what is offered.
    Act(Notice),
    /// Nobody did: this was said where somebody can see it.
    Said(Saying),
}

impl Note {
    /// Of a notice.
    pub fn of(notice: Notice, speech: &Speech) -> Self {
        let told = words::telling(&notice, speech.language, &speech.now);
        let about = About { notice, action: told.action, later: told.later };
        Self { title: told.title, body: told.body, about: Some(about), passes: false, says: None }
    }

    /// Of something that was done, which passes by itself.
    pub fn passing(title: impl Into<String>) -> Self {
        let title = title.into();
        Self { title, body: String::new(), about: None, passes: true, says: None }
    }

    /// Of something to know.
    pub fn telling(says: Saying, title: impl Into<String>, body: impl Into<String>) -> Self {
        let (title, body) = (title.into(), body.into());
        Self { title, body, about: None, passes: false, says: Some(says) }
    }

    /// Whether it takes the place of another: the same is not told twice on one screen.
    #[cfg(not(any(windows, target_os = "macos")))]
    fn replaces(&self, other: &Self) -> bool {
        match (&self.about, &other.about) {
            (Some(one), Some(other)) => {
                (one.notice.kind, &one.notice.about) == (other.notice.kind, &other.notice.about)
            }
            (None, None) => self.passes && other.passes,
            _ => false,
        }
    }
}

/// Where notes go: never waits.
#[derive(Clone, Debug)]
pub struct Notes(mpsc::Sender<Note>);

impl Notes {
    /// Where notes go, and where they come from.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(NOTES);
        (Self(sender), receiver)
    }

    /// Shows one, soon.
    pub fn show(&self, note: Note) {
        if let Err(mpsc::error::TrySendError::Full(note)) = self.0.try_send(note) {
            tracing::warn!(title = %note.title, "a notification is not shown: too many wait");
        }
    }
}

/// Tells that a note is shown, where somebody wants to know.
pub(crate) fn said(note: &Note, answers: &mpsc::Sender<Answer>) {
    if let Some(says) = note.says
        && answers.try_send(Answer::Said(says)).is_err()
    {
        tracing::warn!(?says, "it is not heard that this was said: too many wait");
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
pub use bus::Notifier;
#[cfg(target_os = "macos")]
pub use script::Notifier;
#[cfg(windows)]
pub use toast::Notifier;
