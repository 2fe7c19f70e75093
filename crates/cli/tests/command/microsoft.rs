//! Microsoft's service as a place, with a script in place of the official command and a relay of our
//! own in place of the service.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType, Tunnel, TunnelPort};
use adit_proto::id::FullId;
use adit_proto::token::Secret;
use adit_tunnel::management::{Base, Credential, Locator, Management, Rest, Want};
use adit_wire::net::{Connector, Proxies};
use adit_wire::tls;
use serde_json::{Value, json};

use crate::support::{Done, Local, Relay, Running, Sandbox, free_port, visit};

/// A computer with the official command, played by the script of `adit-tunnel`'s tests.
struct Computer {
    sandbox: Sandbox,
}

impl Computer {
    fn new() -> Self {
        let computer = Self { sandbox: Sandbox::new() };
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tunnel/tests/fixtures/devtunnel");
        fs::create_dir(computer.sandbox.path("bin")).unwrap();
        symlink(fixtures.join("fake"), computer.sandbox.path("bin/devtunnel")).unwrap();
        for name in ["version", "user.show", "list", "show", "create", "port.create"] {
            computer
                .answers(name, &fs::read_to_string(fixtures.join(format!("{name}.out"))).unwrap());
        }
        computer
    }

    fn answers(&self, key: &str, text: &str) {
        fs::write(self.sandbox.path(&format!("bin/{key}.out")), text).unwrap();
    }

    fn fails(&self, key: &str, code: u8, words: &str) {
        fs::write(self.sandbox.path(&format!("bin/{key}.code")), code.to_string()).unwrap();
        fs::write(self.sandbox.path(&format!("bin/{key}.err")), words).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        command.env("PATH", "/usr/bin:/bin");
        command.env("DEVTUNNEL_BIN", self.sandbox.path("bin/devtunnel"));
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args), "")
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.sandbox.path("bin/calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_user_signs_in_is_known_chooses_the_place_and_signs_out() {
    let computer = Computer::new();
    let signed_in =
        computer.run(&["login", "microsoft", "--device-code", "-j"]).ended_with(0).json();
    assert_eq!(signed_in["user"], "ann@example.com");
    assert!(computer.calls().contains(&"user login -d".to_owned()));
    let chosen = computer.run(&["use", "microsoft"]).ended_with(0);
    assert!(chosen.out.contains("Microsoft Dev Tunnels"), "{}", chosen.out);
    let known = computer.run(&["whoami", "-j"]).ended_with(0).json();
    assert_eq!((&known["where"], &known["because"]), (&"microsoft".into(), &"adit use".into()));
    assert_eq!(known["microsoft"]["user"], "ann@example.com");
    let checks = computer.run(&["doctor", "-j"]).out;
    assert!(checks.contains("signed in as ann@example.com"), "{checks}");
    computer.run(&["logout", "microsoft"]).ended_with(0);
    assert_eq!(computer.calls().last().unwrap(), "user logout");
    computer.answers("user.show", "Not logged in.");
    assert_eq!(
        computer.run(&["whoami", "-j"]).ended_with(77).json()["microsoft"]["signed_in"],
        false
    );
}

#[test]
fn each_failure_is_told_with_its_remedy() {
    let computer = Computer::new();
    let error = |done: Done, exit: i32, code: &str| -> Value {
        let error = done.ended_with(exit).error();
        assert_eq!(error["code"], code, "{error}");
        error
    };
    let says = |error: &Value, text: &str| {
        assert!(error["hint"].as_str().unwrap().contains(text), "{error}");
    };
    let mut missing = computer.command(&["up", "3000", "--on", "microsoft", "-j"]);
    missing.env("DEVTUNNEL_BIN", computer.sandbox.path("bin/nowhere"));
    says(&error(Done::of(missing, ""), 69, "devtunnel"), "install");

    computer.answers("version", "Tunnel CLI version: 1.0.700+abc");
    says(&error(computer.run(&["login", "microsoft", "-j"]), 69, "devtunnel"), "update");

    computer.answers("version", "Tunnel CLI version: 1.0.1516");
    computer.answers("user.show", "{\"status\": \"Not logged in\"}");
    let other = error(computer.run(&["login", "microsoft", "-j"]), 77, "sign_in");
    says(&other, "administrator");

    computer.fails("create", 1, "Login token expired. Use 'devtunnel user login'.");
    let expired = error(computer.run(&["up", "3000", "--on", "microsoft", "-j"]), 77, "sign_in");
    says(&expired, "adit login microsoft");

    error(
        computer.run(&["up", "3000", "--on", "microsoft", "--anonymous=90m", "-j"]),
        1,
        "refused",
    );
    error(computer.run(&["connect", "shop", "--on", "microsoft", "-j"]), 64, "usage");
    error(computer.run(&["login", "https://cp.x.example", "--github", "-j"]), 64, "usage");
}

/// The service: a relay, and the tunnel that the command will tell of.
struct Service {
    relay: Relay,
    owner: Rest,
    tunnel: FullId,
}

impl Service {
    async fn with_tunnel(port: u16) -> Self {
        let relay = Relay::start();
        let key = Secret::new(relay.add_user("ann"));
        let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
        let owner = Rest::new(connector, Base::parse(&relay.url).unwrap(), Credential::User(key));
        let anonymous = AccessEntry {
            kind: AccessEntryType::Anonymous,
            scopes: vec!["connect".into()],
            ..AccessEntry::default()
        };
        let tunnel = Tunnel {
            ports: Some(vec![TunnelPort { port_number: port, ..TunnelPort::default() }]),
            access_control: Some(AccessControl { entries: vec![anonymous] }),
            ..Tunnel::default()
        };
        let tunnel = owner.create(&tunnel, Want::NOTHING).await.unwrap().full_id().unwrap();
        Self { relay, owner, tunnel }
    }

    /// Has a computer's command tell of the tunnel, and hand out its tokens.
    async fn is_told_of_by(&self, computer: &Computer, port: u16) {
        let ports = json!([{ "portNumber": port, "protocol": "auto" }]);
        let bare = json!({ "tunnel": { "tunnelId": self.tunnel.to_string() } });
        let whole = json!({ "tunnel": { "tunnelId": self.tunnel.to_string(), "ports": ports } });
        computer.answers("create", &bare.to_string());
        computer.answers("show", &format!("Welcome!\n{whole}"));
        let at = Locator::from(self.tunnel.clone());
        for (scope, key) in [(Scope::Host, "host"), (Scope::ManagePorts, "manage-ports")] {
            let token = self.owner.mint(&at, scope).await.unwrap();
            let token = json!({ "token": token.expose() });
            computer.answers(&format!("token.{key}"), &token.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_put_up_visited_and_taken_down() {
    let local = Local::start();
    let computer = Computer::new();
    let service = Service::with_tunnel(local.port).await;
    service.is_told_of_by(&computer, local.port).await;
    let port = local.port.to_string();
    let mut command = computer.command(&["up", &port, "--on", "microsoft", "--json"]);
    command.env("ADIT_MICROSOFT_URL", &service.relay.url);
    let mut up = Running::start(command);
    // The command does not tell the address yet; the service does.
    let has_url = |line: &Value| !line["urls"].as_array().unwrap().is_empty();
    let url = up.event_that("url_changed", has_url)["urls"][0]["url"].as_str().unwrap().to_owned();
    assert!(visit(&url, "/hello").contains("you asked for /hello"));
    let (status, lines, errors) = up.interrupted();
    assert_eq!(status.code(), Some(0), "{errors}");
    assert!(lines.last().unwrap().contains("stopped"));
    let calls = computer.calls();
    assert_eq!(calls[0], "create -e 1h -j");
    assert_eq!(calls.last().unwrap(), &format!("delete {} -f -j", service.tunnel));
    // No token anywhere but in the answers of the command itself.
    let answers = computer.sandbox.path("bin");
    let token = fs::read_to_string(answers.join("token.host.out")).unwrap();
    let token: Value = serde_json::from_str(&token).unwrap();
    let token = token["token"].as_str().unwrap();
    for (path, bytes) in computer.sandbox.files() {
        let is_answer = path.starts_with(&answers);
        assert!(is_answer || !String::from_utf8_lossy(&bytes).contains(token), "{path:?}");
    }
    assert!(!lines.iter().any(|line| line.contains(token)) && !errors.contains(token));
}

/// The script that an account holder runs, against what stands for Microsoft's service here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verification_works_and_keeps_secrets_to_itself() {
    let port = free_port();
    let computer = Computer::new();
    let service = Service::with_tunnel(port).await;
    service.is_told_of_by(&computer, port).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/verify-microsoft");
    let captures = computer.sandbox.path("captures");
    let adit = computer.command(&[]);
    let mut verify = Command::new(script);
    verify
        .args([&captures, Path::new(&port.to_string())])
        .env_clear()
        .envs(adit.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("ADIT_BIN", env!("CARGO_BIN_EXE_adit"))
        .env("ADIT_MICROSOFT_URL", &service.relay.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let done = Done::of(verify, "").ended_with(0);
    assert!(done.out.contains("back without new tokens"), "{done:?}");
    let capture = |name: &str| fs::read_to_string(captures.join(name)).unwrap();
    assert_eq!(capture("token.host.out").trim(), r#"{"token":"REDACTED-TOKEN"}"#);
    assert_eq!(capture("delete.code"), "0\n");
    let secrets = ["ann@", service.tunnel.tunnel.as_str(), "eyJ", "blog", "shop-front"];
    for file in fs::read_dir(&captures).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for secret in secrets {
            assert!(!text.contains(secret), "{path:?} has {secret}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_that_exists_is_hosted_and_dropped_without_another_token() {
    let local = Local::start();
    let computer = Computer::new();
    let service = Service::with_tunnel(local.port).await;
    service.is_told_of_by(&computer, local.port).await;
    let id = service.tunnel.to_string();
    let mut command = computer.command(&["host", &id, "--on", "microsoft", "--json"]);
    command.env("ADIT_MICROSOFT_URL", &service.relay.url);
    let mut host = Running::start(command);
    host.event_that("state", |line| line["state"] == "Hosting");
    assert_eq!(computer.calls().len(), 3, "a look and two tokens");
    host.say(&format!("drop {id}"));
    host.event_that("state", |line| line["state"] == "Reconnecting");
    host.event_that("state", |line| line["state"] == "Hosting");
    assert_eq!(computer.calls().len(), 3);
    host.say("quit");
    assert_eq!(host.ended().0.code(), Some(0));
}

/// What speaks the grammar of the official command can stand in for it: a test of both ends of that grammar.
#[test]
fn adit_itself_stands_in_for_the_official_command() {
    let (relay, local) = (Relay::start(), Local::start());
    let ann = relay.user("ann");
    let port = local.port.to_string();
    let made = ann.run(&["create", "shop-front", "-a", "-j"]).ended_with(0).json();
    let id = made["tunnel"]["tunnelId"].as_str().unwrap().to_owned();
    let ported = ["port", "create", &id, "-p", &port, "--protocol", "http", "-j"];
    ann.run(&ported).ended_with(0);
    let mut command = ann.command(&["host", &id, "--on", "microsoft", "--json"]);
    command.env("DEVTUNNEL_BIN", env!("CARGO_BIN_EXE_adit")).env("ADIT_MICROSOFT_URL", &relay.url);
    let mut host = Running::start(command);
    host.event_that("state", |line| line["state"] == "Hosting");
    let ready = host.event("ready");
    let url = ready["urls"][0]["url"].as_str().unwrap().to_owned();
    assert!(visit(&url, "/").starts_with("HTTP/1.1 200"), "{url}");
    host.say(&format!("drop {id}"));
    host.event_that("state", |line| line["state"] == "Reconnecting");
    host.event_that("state", |line| line["state"] == "Hosting");
    host.say("quit");
    assert_eq!(host.ended().0.code(), Some(0));
}
