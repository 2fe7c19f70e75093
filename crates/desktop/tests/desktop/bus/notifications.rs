//! A server of notifications.

use std::collections::HashMap;

use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

use super::{Private, next};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The server.
pub(crate) struct Server {
    connection: Connection,
    shown: mpsc::Receiver<Shown>,
}

/// What it was asked to show.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: u32,
    pub(crate) replaces: u32,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Keys and words in turn.
    pub(crate) actions: Vec<String>,
    pub(crate) hints: HashMap<String, OwnedValue>,
    pub(crate) time: i32,
}

struct Notifications {
    shown: mpsc::Sender<Shown>,
    can: Vec<&'static str>,
    next: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<&'static str> {
        self.can.clone()
    }

    #[allow(clippy::too_many_arguments, reason = "the protocol's")]
    async fn notify(
        &mut self,
        _app_name: String,
        replaces: u32,
        _app_icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        time: i32,
    ) -> u32 {
        self.next += 1;
        let id = if replaces == 0 { self.next } else { replaces };
        let shown = Shown { id, replaces, title, body, actions, hints, time };
        self.shown.send(shown).await.unwrap();
        id
    }

    #[zbus(signal)]
    async fn action_invoked(to: &SignalEmitter<'_>, id: u32, action_key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(to: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

impl Server {
    pub(crate) async fn start(bus: &Private, can: &[&'static str]) -> Self {
        let (sender, shown) = mpsc::channel(8);
        let connection = bus.connect().await;
        let notifications = Notifications { shown: sender, can: can.to_vec(), next: 0 };
        connection.object_server().at(PATH, notifications).await.unwrap();
        connection.request_name(NAME).await.unwrap();
        Self { connection, shown }
    }

    pub(crate) async fn shown(&mut self) -> Shown {
        next(&mut self.shown).await
    }

    /// Somebody presses a button.
    pub(crate) async fn press(&self, id: u32, action: &str) {
        Notifications::action_invoked(&self.emitter().await, id, action).await.unwrap();
    }

    /// Somebody puts it away.
    pub(crate) async fn close(&self, id: u32) {
        Notifications::notification_closed(&self.emitter().await, id, 2).await.unwrap();
    }

    async fn emitter(&self) -> SignalEmitter<'static> {
        let server = self.connection.object_server();
        let found = server.interface::<_, Notifications>(PATH).await.unwrap();
        found.signal_emitter().to_owned()
    }
}
