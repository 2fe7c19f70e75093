//! Notifications on Windows.

use adit_app::sender;
use adit_wire::task;
use notify_rust::{Notification, NotificationResponse};
use tokio::sync::{Semaphore, mpsc};

use super::{Answer, Note, Notes};

/// So many notes have a thread that waits for their answer. Of more an answer is not heard: the window is open to all
/// of it.
const WAITING: usize = 8;

/// The action of the offer.
const ACT: &str = "act";

/// The action that puts it away.
const LATER: &str = "later";

/// Shows notes. It does while this is.
#[derive(Debug)]
pub struct Notifier {
    notes: Notes,
    _task: task::Task<()>,
}

impl Notifier {
    /// Starts it, inside of a Tokio runtime.
    pub fn start() -> (Self, mpsc::Receiver<Answer>) {
        let (notes, mut wanted) = Notes::new();
        let (answers, told) = mpsc::channel(super::ANSWERS);
        let task = task::spawn("notifications", async move {
            let name = task::blocking("name of notifications", sender::register).await;
            if let Err(failure) = &name {
                tracing::warn!(reason = failure.message, "notifications stand under another name");
            }
            let sending = Sending { has_name: name.is_ok(), answers };
            let group = task::Group::new("notifications");
            let threads = std::sync::Arc::new(Semaphore::new(WAITING));
            while let Some(note) = wanted.recv().await {
                let sending = sending.clone();
                match threads.clone().try_acquire_owned() {
                    Ok(thread) => group.spawn("notification", async move {
                        task::blocking("show and wait", move || sending.show(note, true)).await;
                        drop(thread);
                    }),
                    Err(_) => task::blocking("show", move || sending.show(note, false)).await,
                }
            }
        });
        (Self { notes, _task: task }, told)
    }

    /// Where notes go.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

/// How notes are shown.
#[derive(Clone, Debug)]
struct Sending {
    /// The application's own name is known to the system. One that is not known would show nothing.
    has_name: bool,
    answers: mpsc::Sender<Answer>,
}

impl Sending {
    /// Shows one, and with `waits` hears the answer.
    fn show(&self, note: Note, waits: bool) {
        let mut toast = Notification::new();
        toast.summary(&note.title).body(&note.body);
        if self.has_name {
            toast.app_id(sender::ID);
        }
        let about = &note.about;
        if let Some(about) = about
            && let Some(action) = &about.action
        {
            toast.action(ACT, action).action(LATER, &about.later);
        }
        let shown = match toast.show() {
            Ok(shown) => shown,
            Err(error) => return tracing::info!(%error, "a notification is not shown"),
        };
        super::said(&note, &self.answers);
        let Some(about) = about.as_ref().filter(|_| waits) else { return };
        let heard = shown.wait_for_response(|response: &NotificationResponse| {
            let notice = about.notice.clone();
            let answer = match response {
                NotificationResponse::Default => Answer::Show(notice),
                NotificationResponse::Action(key) if key == ACT => Answer::Act(notice),
                _ => return,
            };
            if self.answers.try_send(answer).is_err() {
                tracing::warn!("an answer is not heard: too many wait");
            }
        });
        if let Err(error) = heard {
            tracing::debug!(%error, "no answer is heard");
        }
    }
}
