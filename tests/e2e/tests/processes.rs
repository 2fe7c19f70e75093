//! The real command end to end: `adit up` in a browser, and `adit relay` as an operator has it, killed
//! without notice and out of disk.

use std::fs;
use std::os::unix::fs::MetadataExt;

use adit_e2e::adit::{Adit, binary};
use adit_e2e::browser;
use adit_e2e::curl::fetch;
use adit_e2e::deadline::soon;
use adit_e2e::lines::JsonLines;
use adit_e2e::peer::{Peer, Refusal, Role};
use serde_json::{Value, json};
use tokio::process::Command;

const RELAY_TOML: &str = "listen = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\n";

/// `adit relay` and a user of it.
struct Relay {
    adit: Adit,
    process: JsonLines,
    url: String,
    admin: String,
    key: String,
}

impl Relay {
    async fn start() -> Self {
        let adit = Adit::new();
        configure(&adit);
        let added = adit.run(&["relay", "user", "add", "ann", "--json"], "").await;
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        let process = adit.start(&["relay", "--json"]);
        Self::ready(adit, process, &added).await
    }

    /// The same with all its data on a disk of 1 MiB, which nobody else sees.
    async fn on_a_small_disk() -> Self {
        let adit = Adit::new();
        configure(&adit);
        let data = adit.home().join("data");
        fs::create_dir(&data).unwrap();
        let mut command = adit.command(&[]);
        let script = "mount -t tmpfs -o size=1m,mode=0700 none \"$1\" \
                      && \"$2\" relay user add ann --json && exec \"$2\" relay --json";
        let command = {
            let mut unshare = Command::new("unshare");
            // Whoever is not root becomes it in a namespace of his own.
            let root = fs::metadata("/proc/self").unwrap().uid() == 0;
            unshare.args((!root).then_some("--map-root-user"));
            unshare.args(["--mount", "sh", "-c", script, "sh"]);
            unshare.arg(&data).arg(binary()).kill_on_drop(true);
            let envs = command.as_std_mut().get_envs();
            unshare.envs(envs.filter_map(|(name, value)| Some((name, value?))));
            unshare
        };
        let mut process = JsonLines::spawn("adit relay on a small disk", command);
        let added = process.line("the user", |line| line["key"].is_string()).await;
        Self::ready(adit, process, &added).await
    }

    async fn ready(adit: Adit, mut process: JsonLines, added: &Value) -> Self {
        let ready = process.line("ready", |line| line["event"] == "ready").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (url, admin) = (text(&ready["relay"]), text(&ready["admin"]));
        Self { adit, process, url, admin, key: text(&added["key"]) }
    }

    async fn peer(&self, role: Role) -> Peer {
        let mut peer = Peer::start(role);
        peer.open(&self.url, Some(&format!("github {}", self.key))).await;
        peer
    }
}

fn configure(adit: &Adit) {
    fs::create_dir(adit.home().join("config")).unwrap();
    fs::write(adit.home().join("config/relay.toml"), RELAY_TOML).unwrap();
}

/// A local web server and its port.
async fn web() -> (Peer, u64) {
    let mut web = Peer::start(Role::Web);
    let port = web.ask("listen", json!({})).await.unwrap()["port"].as_u64().unwrap();
    (web, port)
}

#[tokio::test]
async fn a_browser_shows_what_adit_up_puts_at_its_urls() {
    let (_web, port) = web().await;
    let adit = Adit::new();
    let mut up = adit.start(&["up", &port.to_string(), "--json"]);
    let ready = up.line("ready", |line| line["event"] == "ready").await;
    let urls = ready["urls"].as_array().unwrap();
    let urls: Vec<_> = urls.iter().map(|it| it["url"].as_str().unwrap()).collect();
    assert!(urls[0].starts_with("http://127.0.0.1:"), "{urls:?}");
    assert!(urls[1].contains(".localhost:"), "{urls:?}");
    for url in urls {
        let page = browser::open(url).await;
        assert!(page.contains("<h1>It works</h1>"), "{url}: {page}");
        let fits = |line: &Value| line["event"] == "request" && line["path"] == "/";
        assert_eq!(up.line("the request", fits).await["status"], 200);
    }
}

#[tokio::test]
async fn definitions_survive_a_kill_without_notice() {
    let relay = Relay::start().await;
    let mut peer = relay.peer(Role::Manage).await;
    let tunnel =
        json!({"tunnelId": "keeps-living", "labels": ["kept"], "ports": [{"portNumber": 80}]});
    peer.call("createTunnel", json!([tunnel])).await.unwrap();
    relay.process.kill().await;

    let mut process = relay.adit.start(&["relay", "--json"]);
    let ready = process.line("ready", |line| line["event"] == "ready").await;
    let mut peer = Peer::start(Role::Manage);
    let authorization = format!("Bearer {}", relay.key);
    peer.open(ready["relay"].as_str().unwrap(), Some(&authorization)).await;
    let all = peer.call("listTunnels", json!([null, null, {"includePorts": true}])).await.unwrap();
    assert_eq!(all[0]["tunnelId"], "keeps-living");
    assert_eq!(all[0]["labels"], json!(["kept"]));
    assert_eq!(all[0]["ports"][0]["portNumber"], 80);
}

#[tokio::test]
async fn a_private_port_opens_for_its_token_only() {
    let relay = Relay::start().await;
    let (_web, port) = web().await;
    let (_host, tunnel) = hosted(&relay, port).await;
    let url = tunnel["ports"][0]["portForwardingUris"][0].as_str().unwrap();
    let closed = fetch(url, &[]).await;
    assert_eq!(closed.status, 401, "{closed:?}");
    let token = tunnel["accessTokens"]["connect"].as_str().unwrap();
    let open = fetch(url, &["--header", &format!("X-Tunnel-Authorization: tunnel {token}")]).await;
    assert_eq!(open.status, 200, "{open:?}");
    let wrong = tunnel["accessTokens"]["host"].as_str().unwrap();
    let closed =
        fetch(url, &["--header", &format!("X-Tunnel-Authorization: tunnel {wrong}")]).await;
    assert_eq!(closed.status, 403, "{closed:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_changes_in_plain_words_and_disturbs_nothing_else() {
    let relay = Relay::on_a_small_disk().await;
    let (_web, port) = web().await;
    let (_host, tunnel) = hosted(&relay, port).await;
    let url = tunnel["ports"][0]["portForwardingUris"][0].as_str().unwrap();
    let token = tunnel["accessTokens"]["connect"].as_str().unwrap();
    let token = format!("X-Tunnel-Authorization: tunnel {token}");
    assert_eq!(fetch(url, &["--header", &token]).await.status, 200);

    let mut peer = relay.peer(Role::Manage).await;
    let refusal = soon("the disk to be full", fill(&mut peer)).await;
    assert_eq!(refusal.status, Some(507), "{refusal}");
    assert!(refusal.message.contains("disk is full"), "{refusal}");

    assert_eq!(fetch(url, &["--header", &token]).await.status, 200);
    let located = json!({"tunnelId": tunnel["tunnelId"], "clusterId": tunnel["clusterId"]});
    peer.call("getTunnel", json!([located])).await.unwrap();
    let metrics = fetch(&format!("{}/metrics", relay.admin), &[]).await.text();
    assert!(metrics.lines().any(|line| line.contains("status=\"507\"")), "{metrics}");
}

/// Creates tunnels until one is refused.
async fn fill(peer: &mut Peer) -> Refusal {
    loop {
        let tunnel = json!({"clusterId": "loc1", "description": "x".repeat(400)});
        if let Err(refusal) = peer.call("createTunnel", json!([tunnel])).await {
            return refusal;
        }
    }
}

/// A tunnel with `port`, hosted by the SDK.
async fn hosted(relay: &Relay, port: u64) -> (Peer, Value) {
    let mut host = relay.peer(Role::Host).await;
    let tunnel = json!({"ports": [{"portNumber": port, "protocol": "http"}]});
    let options = json!({"tokenScopes": ["host", "connect"], "includePorts": true});
    let tunnel = host.call_and_keep("createTunnel", json!([tunnel, options])).await.unwrap();
    host.ask("connect", json!({})).await.unwrap();
    (host, tunnel)
}
