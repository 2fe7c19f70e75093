//! Keeps the entry that starts the application at login as the settings ask for, and the settings as the entry is.

use std::sync::Arc;

use adit_app::autostart::Autostart;
use adit_app::command::Command;
use adit_app::controller::Commands;
use adit_app::failure::Outcome;
use adit_app::view::View;
use adit_wire::task;
use tokio::sync::watch;

use crate::system::System;

/// Follows the settings until the application ends. What the system says at the start is in force: people switch
/// entries off in its own settings too.
pub async fn follow(
    entry: Autostart,
    mut views: watch::Receiver<Arc<View>>,
    commands: Commands,
    system: watch::Sender<System>,
) {
    let mut known = told(&entry, false, &system, Autostart::is_on).await;
    let mut asked = tell(&views, &commands, known).await;
    while views.changed().await.is_ok() {
        let wanted = views.borrow_and_update().preferences.general.start_at_login;
        // What is corrected takes a while to be told, and is no wish meanwhile.
        if std::mem::replace(&mut asked, wanted) == wanted || wanted == known {
            continue;
        }
        let make = move |entry: &Autostart| entry.set(wanted).and_then(|()| entry.is_on());
        known = told(&entry, known, &system, make).await;
        if known != wanted {
            asked = tell(&views, &commands, known).await;
        }
    }
}

/// Corrects the settings, and returns what they said.
async fn tell(views: &watch::Receiver<Arc<View>>, commands: &Commands, is_on: bool) -> bool {
    let mut preferences = views.borrow().preferences.clone();
    let asked = std::mem::replace(&mut preferences.general.start_at_login, is_on);
    if asked != is_on {
        commands.send(Command::Prefer(Box::new(preferences))).await;
    }
    asked
}

/// What the entry says after that; as before if it cannot be read or written.
async fn told(
    entry: &Autostart,
    before: bool,
    system: &watch::Sender<System>,
    ask: impl FnOnce(&Autostart) -> Outcome<bool> + Send + 'static,
) -> bool {
    let entry = entry.clone();
    let answer = task::blocking("start at login", move || ask(&entry)).await;
    let fault = answer.as_ref().err().map(|failure| failure.message.clone());
    if let Some(reason) = &fault {
        tracing::warn!(reason, "the start at login is as it was");
    }
    System::change(system, |system| system.login = fault);
    answer.unwrap_or(before)
}
