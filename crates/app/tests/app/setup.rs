//! Setting up with the real services: a relay, the files of a user, and a script in place of the official command.

use std::sync::Arc;

use crate::world::{self, World, environment, until, visit};
use adit_app::autostart::Autostart;
use adit_app::command::Command;
use adit_app::controller::{Config, Handle, ProfileServices};
use adit_app::environment::Environment;
use adit_app::failure::Code;
use adit_app::persist::Files;
use adit_app::place_key::PlaceKey;
use adit_app::profile::Profile;
use adit_app::setup::{Ask, Stage};
#[cfg(not(windows))]
use adit_app::unit::{MARK, Unit};
use adit_app::view::View;
use adit_proto::token::Secret;
use adit_tunnel::host::Identity;

/// The application of a user who has a folder for everything.
struct User {
    folder: tempfile::TempDir,
    app: Handle,
}

impl User {
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    async fn with(prepare: impl FnOnce(&std::path::Path, &mut Environment)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(folder.path());
        prepare(folder.path(), &mut environment);
        let mut profile = Profile::new(environment, |_| {}).unwrap();
        #[cfg(not(windows))]
        {
            let program = std::env::current_exe().unwrap();
            profile.autostart = Some(Autostart::at(&folder.path().join("autostart"), &program));
            profile.unit = Some(unit(folder.path()));
        }
        let profile = Arc::new(profile);
        let config = Config {
            places: vec![PlaceKey::here()],
            files: Files::new(profile.places.state.join("desktop")),
            claims: None,
            services: Arc::new(ProfileServices::new(profile)),
            identity: Identity::random(),
        };
        Self { folder, app: config.spawn().await }
    }

    async fn ask(&self, ask: Ask) {
        self.app.commands().send(Command::Setup(ask)).await;
    }

    /// Waits for the end of the errand, and puts it away.
    async fn ended(&self) -> Stage {
        let over =
            |view: &View| view.setup.errand.as_ref().is_some_and(|errand| !errand.is_under_way());
        let view = until(&self.app, over).await;
        self.ask(Ask::PutAway).await;
        until(&self.app, |view| view.setup.errand.is_none()).await;
        view.setup.errand.clone().unwrap().stage
    }

    fn keys(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("credentials.toml")).unwrap_or_default()
    }
}

fn has(view: &View, place: &PlaceKey) -> bool {
    view.places.iter().any(|it| it.key == *place)
}

fn failed(stage: &Stage) -> Option<Code> {
    match stage {
        Stage::Failed(failure) => Some(failure.code),
        _ => None,
    }
}

#[tokio::test]
async fn a_relay_is_used_while_the_application_runs_and_left_again() {
    let (world, user) = (World::new().await, User::new().await);
    let relay: adit_app::relay_url::RelayUrl = world.place().as_str().parse().unwrap();
    let wrong = Ask::UseRelay { relay: relay.clone(), key: Secret::from("adit_another-key") };
    user.ask(wrong).await;
    assert_eq!(failed(&user.ended().await), Some(Code::SignIn));
    assert_eq!(user.keys(), "");

    let key = Secret::from("adit_key-of-the-test");
    user.ask(Ask::UseRelay { relay, key }).await;
    assert!(matches!(user.ended().await, Stage::Done { .. }));
    assert!(user.keys().contains("adit_key-of-the-test"));
    let tunnel = world.tunnel("shop", &[80]).await;
    user.app.commands().send(Command::Refresh(None)).await;
    let view = until(&user.app, |view| view.cards.len() == 1).await;
    assert!(has(&view, world.place()) && view.cards[0].tunnel() == Some(&tunnel));

    user.ask(Ask::Forget(world.place().clone())).await;
    assert!(matches!(user.ended().await, Stage::Done { .. }));
    let view = until(&user.app, |view| !has(view, world.place())).await;
    assert!(view.cards.is_empty() && !user.keys().contains("adit_key"));
    // Its tunnel is still there.
    assert_eq!(world.hosts("shop").await, 0);
    user.app.quit().await;
}

#[tokio::test]
async fn what_is_no_relay_is_no_place() {
    let user = User::new().await;
    let relay = "http://127.0.0.1:1".parse().unwrap();
    user.ask(Ask::UseRelay { relay, key: Secret::from("adit_0123456789") }).await;
    assert_eq!(failed(&user.ended().await), Some(Code::Unreachable));
    assert_eq!(user.keys(), "");
    user.app.quit().await;
}

#[tokio::test]
async fn the_first_run_ends_with_a_url_that_answers() {
    let user = User::new().await;
    until(&user.app, |view| view.setup.first_run.is_some()).await;
    user.ask(Ask::TryOut { place: PlaceKey::here(), port: None }).await;
    let url = |view: &View| Some(view.cards.first()?.rows.first()?.urls.first()?.clone());
    let view = until(&user.app, |view| {
        url(view).is_some() && view.cards[0].standing.mood == adit_app::view::Mood::Live
    });
    let url = url(&*view.await).unwrap();
    assert!(visit(&url).await.contains("This page came through a tunnel"));
    user.ask(Ask::EndFirstRun).await;
    until(&user.app, |view| view.setup.first_run.is_none()).await;
    user.app.quit().await;
    let kept = Files::new(user.folder.path().join("desktop")).load();
    assert!(kept.setup.first_run_over && kept.setup.sample.is_some());
    assert_eq!(kept.memory.tunnels.len(), 1);
}

#[cfg(not(windows))]
fn unit(folder: &std::path::Path) -> Unit {
    let units = folder.join("units");
    Unit::at(&units, units.join("systemctl").as_os_str(), &[]).unwrap()
}

/// A unit as `adit service` installs it, and what its systemd is asked.
#[cfg(unix)]
fn install_unit(folder: &std::path::Path) -> (Unit, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let unit = unit(folder);
    let (units, script) = (folder.join("units"), folder.join("units/systemctl"));
    std::fs::create_dir(&units).unwrap();
    std::fs::write(unit.path(), format!("{MARK}[Unit]\n")).unwrap();
    std::fs::write(&script, "#!/bin/sh\necho \"$*\" >>\"$(dirname \"$0\")/asked\"\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    (unit, units.join("asked"))
}

#[tokio::test]
async fn removing_everything_leaves_nothing_and_ends_the_program() {
    // A port that is still to be made again, where nobody can make it.
    let owed = r#"{"version":1,"remakes":[{"tunnel":"shop.euw","since":9999999999,
        "old":{"portNumber":80},"new":{"portNumber":80}}]}"#;
    let prepare = |folder: &std::path::Path, _: &mut Environment| {
        std::fs::write(folder.join("microsoft-ports.json"), owed).unwrap();
    };
    let mut user = User::with(prepare).await;
    user.ask(Ask::TryOut { place: PlaceKey::here(), port: None }).await;
    until(&user.app, |view| view.cards.first().is_some_and(|card| card.toggle.on)).await;
    #[cfg(not(windows))]
    Autostart::at(&user.folder.path().join("autostart"), &std::env::current_exe().unwrap())
        .set(true)
        .unwrap();
    #[cfg(unix)]
    let (unit, asked) = install_unit(user.folder.path());
    user.ask(Ask::Remove).await;
    let ended = user.ended().await;
    #[cfg(unix)]
    assert!(unit.path().exists(), "it goes on while Adit stays");
    assert_eq!(failed(&ended), Some(Code::Conflict), "the port would be lost: {ended:?}");
    user.ask(Ask::Remove).await;
    user.app.ended().await;
    #[cfg(not(windows))]
    std::fs::remove_dir(user.folder.path().join("autostart")).expect("nothing is left in it");
    #[cfg(unix)]
    {
        assert!(!unit.path().exists());
        let asked = std::fs::read_to_string(asked).unwrap();
        let asked: Vec<_> = asked.lines().collect();
        assert_eq!(
            asked,
            [
                "--user stop adit.service",
                "--user disable --now adit.service",
                "--user daemon-reload"
            ]
        );
        std::fs::remove_dir_all(user.folder.path().join("units")).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(user.folder.path())
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// The script of `adit-tunnel`'s tests in place of the official command.
#[cfg(unix)]
mod microsoft {
    use super::*;

    use adit_app::setup::Provider;
    use adit_app::view::Usable;
    use std::path::Path;

    const SIGN_IN: Ask = Ask::SignIn { provider: Provider::GitHub, by_code: true };

    async fn user(answers: &[(&str, &str)]) -> User {
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tunnel/tests/fixtures/devtunnel");
        User::with(|folder, environment| {
            let bin = folder.join("bin");
            std::fs::create_dir(&bin).unwrap();
            std::os::unix::fs::symlink(fixtures.join("fake"), bin.join("devtunnel")).unwrap();
            std::fs::copy(fixtures.join("version.out"), bin.join("version.out")).unwrap();
            for (name, text) in answers {
                std::fs::write(bin.join(name), text).unwrap();
            }
            environment.devtunnel = Some(bin.join("devtunnel").into());
        })
        .await
    }

    #[tokio::test]
    async fn a_sign_in_tells_its_code_and_then_who_it_is() {
        let code = "Browse to https://github.com/login/device and enter the code AB12-CD34\n";
        let user = user(&[
            ("user.login.out", code),
            ("user.show.out", r#"{"status":"Logged in","username":"ann","provider":"github"}"#),
            ("list.out", r#"{"tunnels":[]}"#),
        ])
        .await;
        user.ask(SIGN_IN).await;
        let said =
            |view: &View| view.setup.errand.as_ref().is_some_and(|errand| !errand.said.is_empty());
        until(&user.app, said).await;
        assert_eq!(user.ended().await, Stage::Done { account: Some("ann".to_owned()) });
        let microsoft = |view: &View| {
            let place = view.places.iter().find(|it| it.key == PlaceKey::microsoft());
            place.is_some_and(|it| it.usable == Usable::Ready)
        };
        until(&user.app, microsoft).await;
        let calls = std::fs::read_to_string(user.folder.path().join("bin/calls")).unwrap();
        assert!(calls.lines().any(|call| call == "user login -g -d"), "{calls}");
        user.app.quit().await;
    }

    #[tokio::test]
    async fn a_sign_in_that_hangs_is_broken_off() {
        let user = user(&[("user.login.hang", "")]).await;
        user.ask(SIGN_IN).await;
        let pid = user.folder.path().join("bin/user.login.pid");
        world::soon(async {
            while !pid.exists() {
                adit_wire::clock::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        user.ask(Ask::Cancel).await;
        until(&user.app, |view| view.setup.errand.is_none()).await;
        let pid = std::fs::read_to_string(pid).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        world::soon(async {
            while process.exists() && !is_zombie(&process) {
                adit_wire::clock::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        user.app.quit().await;
    }

    /// Killed, and only not asked after yet.
    fn is_zombie(process: &Path) -> bool {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
    }

    #[tokio::test]
    async fn each_failure_is_of_its_own_kind() {
        for (answers, code) in [
            (vec![("user.login.code", "1")], Code::SignIn),
            (vec![("user.show.out", r#"{"status":"Not logged in"}"#)], Code::Conflict),
            (vec![("version.out", "Tunnel CLI version: 0.0.1+x\n")], Code::Devtunnel),
        ] {
            let user = user(&answers).await;
            user.ask(SIGN_IN).await;
            assert_eq!(failed(&user.ended().await), Some(code), "{answers:?}");
            user.app.quit().await;
        }
    }
}
