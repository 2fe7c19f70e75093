//! A visitor with a websocket, who numbers what he says and checks what comes back.
//!
//! The websocket library is neither ours nor written in the same language: both ends are Node's.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::backend::MARK;
use super::visitor::Address;
use crate::peer::{Peer, Role};

/// He says so many words a second, if they come back as fast.
const PACE: Duration = Duration::from_millis(20);

/// A local server that echoes what websockets say, and where it listens. Its page has the mark.
pub(super) async fn echo() -> (Peer, u16) {
    let mut web = Peer::start(Role::Web);
    let listening = web.ask("listen", json!({ "page": MARK })).await.expect("a free port");
    let port = listening["port"].as_u64().and_then(|port| port.try_into().ok());
    (web, port.expect("a port"))
}

/// Somebody with an open websocket.
pub(super) struct Talker {
    socket: Peer,
    said: u64,
}

/// What became of a talk.
#[derive(Debug, Default)]
pub(super) struct Talked {
    /// Words that came back as they were said.
    pub(super) echoed: u64,
    /// When the websocket was cut, if it was.
    pub(super) cut: Option<Instant>,
    /// What came instead of a word.
    pub(super) wrong: Option<String>,
    /// The longest time between a word and its echo.
    pub(super) slowest: Duration,
}

/// A talk in the background.
pub(super) struct Talking {
    stop: oneshot::Sender<()>,
    task: JoinHandle<(Talker, Talked)>,
}

impl Talker {
    /// Somebody who has no websocket yet.
    pub(super) async fn ready() -> Self {
        let mut socket = Peer::start(Role::Socket);
        // Answered when the process has started.
        socket.ask("tunnel", json!({})).await.expect("every peer knows this");
        Self { socket, said: 0 }
    }

    /// Opens a websocket and begins to talk. A page tries until it has one.
    ///
    /// # Panics
    /// When that takes half a minute.
    pub(super) async fn dial(mut self, address: &Address) -> Talking {
        let until = Instant::now() + Duration::from_secs(30);
        let url = address.websocket();
        while let Err(refusal) = self.socket.ask("dial", json!({ "url": url })).await {
            assert!(Instant::now() < until, "no websocket: {}", refusal.message);
        }
        self.start()
    }

    /// Talks until it is enough, or until the websocket is cut.
    pub(super) fn start(self) -> Talking {
        let (stop, stopped) = oneshot::channel();
        Talking { stop, task: tokio::spawn(self.talk(stopped)) }
    }

    async fn talk(mut self, mut enough: oneshot::Receiver<()>) -> (Self, Talked) {
        let mut talked = Talked::default();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while talked.cut.is_none() && talked.wrong.is_none() {
            tokio::select! {
                biased;
                _ = &mut enough => break,
                _ = pace.tick() => self.say(&mut talked).await,
            }
        }
        (self, talked)
    }

    async fn say(&mut self, talked: &mut Talked) {
        self.said += 1;
        let number = self.said;
        // Of many lengths, each with its own letters, so that bytes of two words cannot be confused.
        let letter = char::from(b'a' + u8::try_from(number % 26).expect("less than 26"));
        let word = format!("{number} {}", letter.to_string().repeat((number * 37 % 3000) as usize));
        let began = Instant::now();
        if self.socket.ask("send", json!({ "text": word })).await.is_err() {
            // The end has been told, or will be at once.
            talked.cut.get_or_insert(began);
            return;
        }
        let heard = self.socket.news("an echo or the end", &["message", "closed"]).await;
        match heard["text"].as_str() {
            _ if heard["event"] == "closed" => talked.cut = Some(Instant::now()),
            Some(text) if text == word => {
                talked.echoed += 1;
                talked.slowest = talked.slowest.max(began.elapsed());
            }
            other => {
                let start: String = other.unwrap_or("no text").chars().take(40).collect();
                talked.wrong = Some(format!("{start:?} instead of word {number}"));
            }
        }
    }

    /// Ends it in good order.
    pub(super) async fn hang_up(mut self) {
        // If it was cut in this moment, it is over too.
        if self.socket.ask("hangup", json!({})).await.is_ok() {
            self.socket.news("the end", &["closed"]).await;
        }
    }
}

impl Talking {
    /// Says no more, and tells.
    pub(super) async fn stop(self) -> (Talker, Talked) {
        // One whose websocket was cut has stopped by himself.
        let _ = self.stop.send(());
        self.task.await.expect("a talker does not panic")
    }

    /// Goes on until the websocket is cut, for so long at most, and tells.
    pub(super) async fn until_cut(mut self, at_most: Duration) -> Talked {
        match tokio::time::timeout(at_most, &mut self.task).await {
            Ok(ended) => ended.expect("a talker does not panic").1,
            Err(_) => self.stop().await.1,
        }
    }
}
