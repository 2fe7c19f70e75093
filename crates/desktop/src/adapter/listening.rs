//! What listens on this computer.

use adit_app::local::{Found, Listening};
use adit_app::message::Message;
use adit_app::words;

use super::terms::Speech;
use crate::ui;

/// The ports, the likeliest first; none where that is not known on this system.
pub fn ports(found: &Found, speech: &Speech) -> Vec<ui::Listener> {
    match found {
        Found::Ports(ports) => ports.iter().map(|port| listener(port, speech)).collect(),
        Found::Unknown => Vec::new(),
    }
}

fn listener(listening: &Listening, speech: &Speech) -> ui::Listener {
    let age =
        listening.since.map(|since| speech.now.timestamp().duration_since(since).unsigned_abs());
    ui::Listener {
        port: listening.port.into(),
        name: listening.program.as_deref().unwrap_or_default().into(),
        detail: age.map(words::span).unwrap_or_default().into(),
        warning: listening.risk.map(|risk| speech.say(&Message::Risk(risk))).unwrap_or_default(),
    }
}
