//! Runs a relay until Ctrl-C.

use std::net::SocketAddr;
use std::time::Duration;

use adit_relay::Server;
use adit_relay::config::Config;
use adit_relay::server::SpawnError;
use serde_json::json;

use crate::context::Context;
use crate::failure::{Code, Failure, Outcome};
use crate::screen::{print_line, remark};
use crate::signal::{self, Requests};

/// How long connections have to end by themselves.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: Config, context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let manage = manage_url(&config);
    let server = requests
        .unless(async { Server::spawn(config).await.map_err(|error| failure(&error)) })
        .await?;
    announce(&server, manage, context)?;
    requests.next().await;
    if !context.json {
        remark("ending; open connections have 10 seconds (Ctrl-C again ends at once)");
    }
    tokio::select! {
        _ = server.shutdown(GRACE) => {}
        () = requests.next() => return Err(signal::interrupted()),
    }
    if context.json {
        print_line(&json!({ "v": 1, "event": "stopped" }).to_string())
    } else {
        Ok(())
    }
}

fn announce(server: &Server, manage: Option<String>, context: &Context) -> Outcome {
    let addr = server.addr();
    let manage = manage.unwrap_or_else(|| format!("http://{addr}"));
    if context.json {
        let admin = server.admin_addr().map(|admin| format!("http://{admin}"));
        let line = json!({
            "v": 1, "event": "ready", "listen": addr, "relay": manage, "admin": admin,
        });
        return print_line(&line.to_string());
    }
    context.screen.line(format!("Relay at {manage} (listening on {addr})"))?;
    if let Some(admin) = server.admin_addr() {
        context
            .screen
            .line(format!("Health and metrics at http://{admin}/healthz and /metrics"))?;
    }
    if addr.ip().is_loopback() {
        context.screen.line("It reaches this computer only; see `adit relay --help` for more.")?;
    }
    context
        .screen
        .line(format!("To sign somebody in: adit relay user add <name>, then adit login {manage}"))
}

/// The address to sign in at, where the configuration says it.
fn manage_url(config: &Config) -> Option<String> {
    if let Some(url) = &config.advertised_url {
        return Some(url.to_string());
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let port = |listen: SocketAddr| match (listen.port(), scheme) {
        (443, "https") | (80, "http") => String::new(),
        (port, _) => format!(":{port}"),
    };
    let domain = config.domain.as_ref()?;
    Some(format!("{scheme}://cp.{}{}", domain.as_str(), port(config.listen)))
}

fn failure(error: &SpawnError) -> Failure {
    let failure = |code| Failure::caused(code, "the relay cannot start", error);
    match error {
        SpawnError::Running(_) => failure(Code::AlreadyRunning)
            .hint("end that one, or give this one another data_dir in its configuration"),
        SpawnError::Bind(_) => failure(Code::Listen)
            .hint("end what listens there, or choose another address with `listen`"),
        SpawnError::Tls(_) => failure(Code::Usage).hint("check `tls` in the configuration"),
        SpawnError::Directory { .. } | SpawnError::Store(_) | SpawnError::Key(_) => {
            failure(Code::Storage)
        }
    }
}
