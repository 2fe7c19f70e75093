//! Runs a relay until Ctrl-C, or until another process takes over.

use std::net::SocketAddr;
use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_relay::Server;
use adit_relay::config::Config;
use adit_relay::handover::{self, Party};
use adit_relay::server::SpawnError;
use serde_json::json;

use crate::context::Context;
use crate::screen::{print_line, remark};
use crate::signal::{self, Requests};

/// How long connections have to end by themselves.
const GRACE: Duration = Duration::from_secs(10);

/// How long they have when another process serves meanwhile.
const FINISH: Duration = Duration::from_secs(60);

/// `option` is how the same configuration is named to another command.
pub(crate) async fn run(
    config: Config,
    take_over: bool,
    option: &str,
    context: &Context,
) -> Outcome {
    let mut requests = Requests::listen()?;
    let manage = Manage::of(&config);
    let starting = async {
        let started = match take_over {
            true => Server::take_over(config).await,
            false => Server::spawn(config).await,
        };
        started.map_err(|error| failure(&error))
    };
    let mut server = requests.unless(starting).await?;
    announce(&server, manage, option, context)?;
    tokio::select! {
        taker = server.handed_over() => finish(server, &taker, &mut requests, context).await,
        () = requests.next() => {
            if !context.json {
                remark("ending; open connections have 10 seconds (Ctrl-C again ends at once)");
            }
            end(server, GRACE, &mut requests, context).await.map(drop)
        }
    }
}

/// Lets what is in flight end after another process has taken over, and says whether it did.
async fn finish(
    server: Server,
    taker: &Party,
    requests: &mut Requests,
    context: &Context,
) -> Outcome {
    let Party { pid, version } = taker;
    if context.json {
        let line = json!({ "v": 1, "event": "handed_over", "pid": pid, "version": version });
        print_line(&line.to_string())?;
    } else {
        remark(format!(
            "process {pid} (version {version}) has taken over; what is in flight here has 60 \
             seconds (Ctrl-C ends it sooner)"
        ));
    }
    let grace = tokio::select! {
        finished = server.finish(FINISH) => if finished { GRACE } else { Duration::ZERO },
        () = requests.next() => GRACE,
    };
    let clean = end(server, grace, requests, context).await?;
    if !context.json {
        remark(match clean {
            true => "all that was in flight is finished",
            false => "what was still in flight was cut",
        });
    }
    Ok(())
}

/// Ends the relay. Returns whether all that was in flight came to its own end.
async fn end(
    server: Server,
    grace: Duration,
    requests: &mut Requests,
    context: &Context,
) -> Outcome<bool> {
    let clean = tokio::select! {
        ended = server.shutdown(grace) => ended.is_clean(),
        () = requests.next() => return Err(signal::interrupted()),
    };
    if context.json {
        print_line(&json!({ "v": 1, "event": "stopped", "finished": clean }).to_string())?;
    }
    Ok(clean)
}

fn announce(server: &Server, manage: Manage, option: &str, context: &Context) -> Outcome {
    let addr = server.addr();
    let manage = manage.url(addr);
    if context.json {
        let admin = server.admin_addr().map(|admin| format!("http://{admin}"));
        let before = server.predecessor().map(|before| before.pid);
        let line = json!({
            "v": 1, "event": "ready", "listen": addr, "relay": manage, "admin": admin,
            "took_over_from": before,
        });
        return print_line(&line.to_string());
    }
    if let Some(Party { pid, version }) = server.predecessor() {
        context.screen.line(format!("Took over from process {pid} (version {version})"))?;
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
    context.screen.line(format!(
        "To sign somebody in: adit relay {option}user add <name>, then adit login {manage}"
    ))
}

/// Where to sign in.
#[derive(Debug)]
enum Manage {
    /// The configuration says it.
    At(String),
    /// At the name for it in this domain, with this scheme, and the port that is listened on.
    Named(&'static str, String),
    /// At the address that is listened on, with this scheme.
    Listening(&'static str),
}

impl Manage {
    fn of(config: &Config) -> Self {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        match (&config.advertised_url, &config.domain) {
            (Some(url), _) => Self::At(url.to_string()),
            (None, Some(domain)) => Self::Named(scheme, format!("cp.{}", domain.as_str())),
            (None, None) => Self::Listening(scheme),
        }
    }

    fn url(self, addr: SocketAddr) -> String {
        match self {
            Self::At(url) => url,
            Self::Named(scheme, name) => match (addr.port(), scheme) {
                (443, "https") | (80, "http") => format!("{scheme}://{name}"),
                (port, _) => format!("{scheme}://{name}:{port}"),
            },
            Self::Listening(scheme) if addr.ip().is_unspecified() => {
                format!("{scheme}://localhost:{}", addr.port())
            }
            Self::Listening(scheme) => format!("{scheme}://{addr}"),
        }
    }
}

fn failure(error: &SpawnError) -> Failure {
    let failure = |code| Failure::caused(code, "the relay cannot start", error);
    match error {
        SpawnError::Running(_) => failure(Code::AlreadyRunning).hint(match cfg!(unix) {
            true => {
                "take its place with --take-over, end it, or give this one another data_dir in \
                 its configuration"
            }
            false => "end that one, or give this one another data_dir in its configuration",
        }),
        SpawnError::HandOver { error, .. } => failure(Code::AlreadyRunning).hint(match error {
            handover::Error::NotOffered { .. } => {
                "it may be just starting or ending: try again; if it is of a version that \
                     does not hand over, end it first"
            }
            handover::Error::Stranger { .. } => "run this as the user that the other runs as",
            _ => "the other goes on as before; look into its log, then try again",
        }),
        SpawnError::Bind(_) => failure(Code::Listen)
            .hint("end what listens there, or choose another address with `listen`"),
        SpawnError::Tls(_) => failure(Code::Usage).hint("check `tls` in the configuration"),
        SpawnError::Directory { .. } | SpawnError::Store(_) | SpawnError::Key(_) => {
            failure(Code::Storage)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_address_to_sign_in_at_follows_from_the_configuration() {
        let tls = "tls = { cert = 'c', key = 'k' }\n";
        let domain = "domain = 'x.org'\n";
        for (text, at, url) in [
            (String::new(), "127.0.0.1:5001", "http://127.0.0.1:5001"),
            (tls.to_owned(), "127.0.0.1:5001", "https://127.0.0.1:5001"),
            (domain.to_owned(), "127.0.0.1:8443", "http://cp.x.org:8443"),
            (format!("listen = '127.0.0.1:0'\n{domain}"), "127.0.0.1:5001", "http://cp.x.org:5001"),
            (format!("listen = '0.0.0.0:443'\n{domain}{tls}"), "0.0.0.0:443", "https://cp.x.org"),
            (format!("{domain}advertised_url = 'https://r.x.org'"), "[::]:1", "https://r.x.org"),
        ] {
            let config = Config::parse(&text, Path::new("d")).unwrap();
            assert_eq!(Manage::of(&config).url(at.parse().unwrap()), url);
        }
        let everywhere = Manage::Listening("http").url("0.0.0.0:80".parse().unwrap());
        assert_eq!(everywhere, "http://localhost:80");
    }
}
