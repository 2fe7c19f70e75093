//! Notifications on the session bus of a Linux desktop: `org.freedesktop.Notifications`.

mod known;

use std::collections::HashMap;

use adit_wire::task;
use futures_lite::StreamExt as _;
use tokio::sync::mpsc;
use zbus::proxy;
use zbus::zvariant::Value;

use self::known::Known;
use super::{About, Answer, Note, Notes};
use crate::tray::bus::Bus;
use crate::tray::icon;

/// What was done is read in so many milliseconds.
const PASSING: i32 = 3_000;

/// The server's own time for what asks for something.
const AS_USUAL: i32 = -1;

/// The size of the picture beside the words.
const PICTURE: u32 = 64;

/// The action of a click on the note itself, as the protocol names it.
const SHOW: &str = "default";

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
    pub fn start(bus: Bus) -> (Self, mpsc::Receiver<Answer>) {
        let (notes, wanted) = Notes::new();
        let (answers, told) = mpsc::channel(super::ANSWERS);
        let picture = Picture::draw();
        let task = task::spawn("notifications", async move {
            if let Err(error) = run(&bus, wanted, &answers, picture).await {
                tracing::warn!(%error, "no notification is shown: the session bus cannot be used");
            }
        });
        (Self { notes, _task: task }, told)
    }

    /// Where notes go.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

#[proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;

    #[allow(clippy::too_many_arguments, reason = "the protocol's")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: String) -> zbus::Result<()>;

    #[zbus(signal)]
    fn notification_closed(&self, id: u32, reason: u32) -> zbus::Result<()>;
}

/// The application's icon, as the protocol has pictures.
#[derive(Clone, Debug)]
struct Picture {
    size: i32,
    pixels: Vec<u8>,
}

impl Picture {
    fn draw() -> Option<Self> {
        let drawn = icon::app(PICTURE)?;
        Some(Self { size: PICTURE.cast_signed(), pixels: drawn.as_bytes().to_vec() })
    }

    fn to_hint(&self) -> Value<'static> {
        let (bits, channels) = (8, 4);
        let row = self.size * channels;
        Value::from((self.size, self.size, row, true, bits, channels, self.pixels.clone()))
    }
}

/// Ends when nobody shows anything any more, or the bus is gone.
async fn run(
    bus: &Bus,
    mut wanted: mpsc::Receiver<Note>,
    answers: &mpsc::Sender<Answer>,
    picture: Option<Picture>,
) -> zbus::Result<()> {
    let connection = bus.builder()?.build().await?;
    let server = NotificationsProxy::new(&connection).await?;
    let mut chosen = server.receive_action_invoked().await?;
    let mut closed = server.receive_notification_closed().await?;
    let mut known = Known::default();
    loop {
        tokio::select! {
            note = wanted.recv() => {
                let Some(note) = note else { return Ok(()) };
                match show(&server, &note, known.place_of(&note), picture.as_ref()).await {
                    Ok(id) => {
                        super::said(&note, answers);
                        known.add(id, note);
                    }
                    Err(error) => {
                        tracing::info!(%error, title = %note.title, "a notification is not shown");
                    }
                }
            }
            choice = chosen.next() => {
                let Some(choice) = choice else { return Err(zbus::Error::InvalidReply) };
                let choice = choice.args()?;
                // The same server tells every program of the choices in all notes.
                let Some(About { notice, .. }) = known.about(choice.id) else { continue };
                let answer = match choice.action_key.as_str() {
                    ACT => Answer::Act(notice),
                    SHOW => Answer::Show(notice),
                    _ => continue,
                };
                if let Err(mpsc::error::TrySendError::Full(answer)) = answers.try_send(answer) {
                    tracing::warn!(?answer, "an answer is not heard: too many wait");
                }
            }
            gone = closed.next() => {
                let Some(gone) = gone else { return Err(zbus::Error::InvalidReply) };
                known.forget(gone.args()?.id);
            }
        }
    }
}

async fn show(
    server: &NotificationsProxy<'_>,
    note: &Note,
    replaces: u32,
    picture: Option<&Picture>,
) -> zbus::Result<u32> {
    let can = server.get_capabilities().await.unwrap_or_default();
    let can = |what: &str| can.iter().any(|it| it == what);
    let body = if can("body-markup") { plain(&note.body) } else { note.body.clone() };
    let mut actions = Vec::new();
    if let Some(about) = note.about.as_ref().filter(|_| can("actions")) {
        // The words of the first are not shown.
        actions.extend([SHOW, note.title.as_str()]);
        if let Some(action) = &about.action {
            actions.extend([ACT, action.as_str(), LATER, about.later.as_str()]);
        }
    }
    let mut hints = HashMap::from([("desktop-entry", Value::from("adit-desktop"))]);
    if let Some(picture) = picture {
        hints.insert("image-data", picture.to_hint());
    }
    let time = if note.passes {
        hints.extend([("transient", Value::from(true)), ("urgency", Value::from(0_u8))]);
        PASSING
    } else {
        AS_USUAL
    };
    let icon = "adit-desktop";
    server.notify("Adit", replaces, icon, &note.title, &body, &actions, hints, time).await
}

/// Text that a server reads as markup.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
