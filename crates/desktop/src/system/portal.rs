//! The wishes of a Linux desktop: `org.freedesktop.portal.Settings` on the session bus, which GNOME, KDE and others serve.
//! Without it nothing is wished for.

use futures_lite::StreamExt as _;
use tokio::sync::watch;
use zbus::proxy;
use zbus::zvariant::{OwnedValue, Value};

use super::System;
use crate::tray::bus::Bus;

/// Where what is common to all desktops is.
const APPEARANCE: &str = "org.freedesktop.appearance";

/// Where GNOME has what older portals do not have in common.
const GNOME: &str = "org.gnome.desktop.interface";

/// What is asked for, with what it means.
const WISHES: [(&str, &str, Apply); 3] = [
    (APPEARANCE, "contrast", |system, value| system.contrast = number(value) == Some(1)),
    (GNOME, "enable-animations", |system, value| system.still = flag(value) == Some(false)),
    // The newest last: it has the last word.
    (APPEARANCE, "reduced-motion", |system, value| system.still = number(value) == Some(1)),
];

type Apply = fn(&mut System, &Value<'_>);

#[proxy(
    interface = "org.freedesktop.portal.Settings",
    default_service = "org.freedesktop.portal.Desktop",
    default_path = "/org/freedesktop/portal/desktop",
    gen_blocking = false
)]
trait Settings {
    fn read_one(&self, namespace: &str, key: &str) -> zbus::Result<OwnedValue>;

    #[zbus(signal)]
    fn setting_changed(&self, namespace: &str, key: &str, value: Value<'_>) -> zbus::Result<()>;
}

pub(super) async fn follow(told: watch::Sender<System>) {
    follow_at(Bus::Session, told).await;
}

/// The same on any bus.
pub async fn follow_at(bus: Bus, told: watch::Sender<System>) {
    if let Err(error) = run(&bus, &told).await {
        tracing::debug!(%error, "the desktop says nothing about contrast and motion");
    }
}

async fn run(bus: &Bus, told: &watch::Sender<System>) -> zbus::Result<()> {
    let connection = bus.builder()?.build().await?;
    let settings = SettingsProxy::new(&connection).await?;
    // Before it is asked, so that nothing is missed in between.
    let mut changes = settings.receive_setting_changed().await?;
    for (namespace, key, apply) in WISHES {
        match settings.read_one(namespace, key).await {
            Ok(value) => System::change(told, |system| apply(system, &value)),
            Err(error) => tracing::debug!(%error, key, "the desktop does not say"),
        }
    }
    while let Some(change) = changes.next().await {
        let change = change.args()?;
        let wish = WISHES.iter().find(|it| (it.0, it.1) == (change.namespace, change.key));
        if let Some((.., apply)) = wish {
            System::change(told, |system| apply(system, &change.value));
        }
    }
    Ok(())
}

fn number(value: &Value<'_>) -> Option<u32> {
    value.downcast_ref().ok()
}

fn flag(value: &Value<'_>) -> Option<bool> {
    value.downcast_ref().ok()
}
