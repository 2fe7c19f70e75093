//! What the desktop wishes of every program, over a bus of the test's own.

use std::collections::HashMap;

use adit_desktop::demo::Scene;
use adit_desktop::system::{System, follow_at};
use adit_desktop::{Settings, SettingsPage, Theme};
use slint::ComponentHandle as _;
use tokio::sync::watch;
use zbus::fdo;
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedValue, Value};

use crate::bus::{Private, within};
use crate::common::Stage;

const PATH: &str = "/org/freedesktop/portal/desktop";
const APPEARANCE: &str = "org.freedesktop.appearance";

/// A portal that knows these.
struct Portal(HashMap<(&'static str, &'static str), Value<'static>>);

#[interface(name = "org.freedesktop.portal.Settings")]
impl Portal {
    fn read_one(&self, namespace: String, key: String) -> fdo::Result<OwnedValue> {
        let found = self.0.iter().find(|(it, _)| **it == (&*namespace, &*key));
        let (_, value) = found.ok_or_else(|| fdo::Error::Failed("not found".to_owned()))?;
        Ok(value.try_to_owned().unwrap())
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        namespace: &str,
        key: &str,
        value: Value<'_>,
    ) -> zbus::Result<()>;
}

#[tokio::test]
async fn wishes_are_heard_at_the_start_and_when_they_change() {
    let private = Private::start();
    let connection = private.connect().await;
    let knows = [
        ((APPEARANCE, "contrast"), Value::from(1_u32)),
        (("org.gnome.desktop.interface", "enable-animations"), Value::from(false)),
    ];
    connection.object_server().at(PATH, Portal(knows.into())).await.unwrap();
    connection.request_name("org.freedesktop.portal.Desktop").await.unwrap();
    let told = watch::Sender::new(System::default());
    let mut heard = told.subscribe();
    let _following = tokio::spawn(follow_at(private.bus(), told));
    let both = System { contrast: true, still: true, login: None };
    within(heard.wait_for(|it| *it == both)).await.unwrap();

    let emitter = SignalEmitter::new(&connection, PATH).unwrap();
    Portal::setting_changed(&emitter, APPEARANCE, "accent-color", Value::from(1_u32))
        .await
        .unwrap();
    Portal::setting_changed(&emitter, APPEARANCE, "contrast", Value::from(0_u32)).await.unwrap();
    within(heard.wait_for(|it| !it.contrast && it.still)).await.unwrap();
}

#[test]
fn the_window_heeds_the_system_and_says_so() {
    let stage = Stage::new(Scene::Main);
    let theme = |stage: &Stage| {
        let theme = stage.window.app().global::<Theme<'_>>();
        (theme.get_high_contrast(), theme.get_reduced_motion())
    };
    assert_eq!(theme(&stage), (false, false));
    stage.demo.wish(System { contrast: true, still: true, login: Some("disk full".to_owned()) });
    stage.window.heed();
    assert_eq!(theme(&stage), (true, true));
    let settings = stage.window.app().global::<Settings<'_>>();
    assert!(settings.get_system_contrast() && settings.get_system_motion());
    settings.invoke_go(SettingsPage::General);
    stage.settle();
    assert_eq!(settings.get_start_at_login_fault(), "disk full");
    stage.demo.wish(System::default());
    stage.window.heed();
    assert_eq!(theme(&stage), (false, false));
}
