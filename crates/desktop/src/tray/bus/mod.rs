//! The tray on the session bus of a Linux desktop.
//!
//! One task owns the connection. It registers the icon with the watcher of the bus, and again with each that comes:
//! panels start late, crash, and are switched on by people who miss them. Without a bus there is no tray.

mod board;
mod item;
mod menu;

use std::time::Duration;

use adit_wire::{clock, task};
use futures_lite::StreamExt as _;
use tokio::sync::{mpsc, watch};
use zbus::Connection;
use zbus::connection;
use zbus::fdo::DBusProxy;
use zbus::proxy;

use self::item::{Item, Pictures};
use self::menu::Menu;
use super::{Event, Events, Shown};

/// The name under which trays find each other.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// So long after a watcher did not take the icon it is asked again, and then twice as long each time.
const AGAIN: Duration = Duration::from_secs(2);

/// But not longer than this.
const LONGEST: Duration = Duration::from_secs(300);

/// For so long is waited for an answer: who gives none is taken for not there.
const ANSWER: Duration = Duration::from_secs(10);

/// Where the bus is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bus {
    /// Where the session says.
    #[default]
    Session,
    /// At an address.
    At(String),
}

/// The tray. It is there while this is.
#[derive(Debug)]
pub struct Tray {
    shown: watch::Sender<Shown>,
    _task: task::Task<()>,
}

impl Tray {
    /// Starts it, inside of a Tokio runtime. The first event says whether there is a tray.
    pub fn start(bus: Bus, shown: Shown) -> (Self, mpsc::Receiver<Event>) {
        let (events, told) = Events::new();
        let pictures = Pictures::draw();
        let (shown, wanted) = watch::channel(shown);
        let task = task::spawn("tray", async move {
            if let Err(error) = run(&bus, wanted, pictures, &events).await {
                tracing::warn!(%error, "there is no tray: the session bus cannot be used");
                events.tell(Event::Present(false));
            }
        });
        (Self { shown, _task: task }, told)
    }

    /// It shows this now. Never blocks.
    pub fn show(&self, shown: Shown) {
        self.shown.send_if_modified(|old| {
            let is_new = *old != shown;
            if is_new {
                *old = shown;
            }
            is_new
        });
    }
}

impl Bus {
    pub(crate) fn builder(&self) -> zbus::Result<connection::Builder<'_>> {
        let builder = match self {
            Self::Session => connection::Builder::session()?,
            Self::At(address) => connection::Builder::address(address.as_str())?,
        };
        Ok(builder.method_timeout(ANSWER))
    }
}

#[proxy(
    interface = "org.kde.StatusNotifierWatcher",
    default_service = "org.kde.StatusNotifierWatcher",
    default_path = "/StatusNotifierWatcher"
)]
trait Watcher {
    fn register_status_notifier_item(&self, service: &str) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn is_status_notifier_host_registered(&self) -> zbus::Result<bool>;

    #[zbus(signal)]
    fn status_notifier_host_registered(&self) -> zbus::Result<()>;

    #[zbus(signal)]
    fn status_notifier_host_unregistered(&self) -> zbus::Result<()>;
}

/// Ends when nobody shows anything any more, or the bus is gone.
async fn run(
    bus: &Bus,
    mut wanted: watch::Receiver<Shown>,
    pictures: Pictures,
    events: &Events,
) -> zbus::Result<()> {
    let shown = wanted.borrow_and_update().clone();
    let icon = Item::new(&shown, pictures, events.clone());
    let menu = Menu::new(shown.menu, events.clone());
    let name = format!("org.kde.StatusNotifierItem-{}-1", std::process::id());
    let connection = bus.builder()?.serve_at(item::PATH, icon)?.serve_at(menu::PATH, menu)?;
    let connection = connection.name(name.as_str())?.build().await?;
    let watcher = WatcherProxy::new(&connection).await?;
    let bus = DBusProxy::new(&connection).await?;
    let mut owners = bus.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    let mut hosts = watcher.receive_status_notifier_host_registered().await?;
    let mut no_hosts = watcher.receive_status_notifier_host_unregistered().await?;
    let mut told = None;
    let mut tell = |is_there: bool| {
        if told.replace(is_there) != Some(is_there) {
            events.tell(Event::Present(is_there));
        }
    };
    let (mut again, mut wait) = (None, AGAIN);
    tell(register(&watcher, &name).await && has_host(&watcher).await);
    loop {
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return connection.close().await;
                }
                let shown = wanted.borrow_and_update().clone();
                show(&connection, shown).await?;
            }
            owner = owners.next() => {
                let Some(owner) = owner else { return Err(zbus::Error::InvalidReply) };
                let has_owner = owner.args()?.new_owner.is_some();
                abandon(&connection).await?;
                let is_known = has_owner && register(&watcher, &name).await;
                wait = AGAIN;
                again = (has_owner && !is_known).then(|| clock::now() + wait);
                tell(is_known && has_host(&watcher).await);
            }
            // A desktop that is only starting may be slow to answer.
            () = clock::sleep_until_maybe(again) => {
                let is_known = register(&watcher, &name).await;
                wait = LONGEST.min(wait * 2);
                again = (!is_known).then(|| clock::now() + wait);
                tell(is_known && has_host(&watcher).await);
            }
            Some(_) = hosts.next() => {
                tell(has_host(&watcher).await);
            }
            Some(_) = no_hosts.next() => {
                tell(has_host(&watcher).await);
            }
        }
    }
}

/// Whether the watcher knows the icon from now on.
async fn register(watcher: &WatcherProxy<'_>, name: &str) -> bool {
    let registered = watcher.register_status_notifier_item(name).await;
    registered.inspect_err(|error| tracing::info!(%error, "no tray takes the icon")).is_ok()
}

/// Whether something draws what the watcher knows.
async fn has_host(watcher: &WatcherProxy<'_>) -> bool {
    let told = watcher.is_status_notifier_host_registered().await;
    told.inspect_err(|error| tracing::info!(%error, "the tray does not say whether it is drawn"))
        .unwrap_or(false)
}

async fn show(connection: &Connection, shown: Shown) -> zbus::Result<()> {
    let server = connection.object_server();
    let menu = server.interface::<_, Menu>(menu::PATH).await?;
    menu.get_mut().await.offer(shown.menu.clone(), menu.signal_emitter()).await;
    let icon = server.interface::<_, Item>(item::PATH).await?;
    icon.get_mut().await.show(&shown, icon.signal_emitter()).await;
    Ok(())
}

/// Whoever had the menu open is gone.
async fn abandon(connection: &Connection) -> zbus::Result<()> {
    let menu = connection.object_server().interface::<_, Menu>(menu::PATH).await?;
    menu.get_mut().await.abandon(menu.signal_emitter()).await;
    Ok(())
}
