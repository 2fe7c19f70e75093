//! What listens on this computer, for whoever is about to put a port at a URL: the likeliest first, and a warning where
//! a port had better stay at home.
//!
//! Only processes of this user, on addresses that a tunnel forwards to, and none of ours. Linux tells it in `/proc`,
//! macOS and Windows in tables of their own. Where that cannot be read it is said that it is not known.

#[cfg(target_os = "linux")]
mod proc;
mod risk;
#[cfg(any(test, not(target_os = "linux")))]
mod table;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_wire::{clock, task};
use jiff::Timestamp;
use tokio::sync::Mutex;

pub use risk::{Risk, risk};

/// For so long is an answer good enough for the next question.
const FRESH: Duration = Duration::from_secs(2);

/// What we are called, whichever process it is.
const OURS: [&str; 2] = ["adit", "adit-desktop"];

/// Programs that serve web pages while somebody works on them.
const DEV_SERVERS: [&str; 27] = [
    "air", "beam.smp", "bun", "caddy", "cargo", "deno", "dotnet", "esbuild", "flask", "go",
    "gunicorn", "hugo", "java", "jekyll", "nginx", "node", "npm", "php", "php-fpm", "puma",
    "python", "rails", "ruby", "trunk", "uvicorn", "vite", "webpack",
];

/// Ports that such programs choose by themselves.
const DEV_PORTS: [std::ops::RangeInclusive<u16>; 10] = [
    1313..=1313,
    3000..=3010,
    4000..=4000,
    4173..=4200,
    4321..=4321,
    5000..=5001,
    5173..=5183,
    8000..=8010,
    8080..=8090,
    8787..=8888,
];

/// From here on ports are given out by the system, and mean something to one program only.
const EPHEMERAL: u16 = 32_768;

/// A port that somebody listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The port.
    pub port: u16,
    /// The program, where that is known.
    pub program: Option<String>,
    /// When the process began, where that is known.
    pub since: Option<Timestamp>,
    /// Why it had better not be at a URL.
    pub risk: Option<Risk>,
}

/// What listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// These, the likeliest first.
    Ports(Arc<[Listening]>),
    /// It is not known on this system.
    Unknown,
}

/// Finds out what listens. Answers are kept for a moment, and those who ask at once share one.
#[derive(Debug, Default)]
pub struct Local {
    last: Mutex<Option<(Instant, Found)>>,
}

impl Local {
    /// What listens now, or did a moment ago. It takes as long as looking through all processes does.
    pub async fn find(&self) -> Found {
        let mut last = self.last.lock().await;
        if let Some((at, found)) = &*last
            && clock::now() < *at + FRESH
        {
            return found.clone();
        }
        let found = task::blocking("find listeners", find).await;
        *last = Some((clock::now(), found.clone()));
        found
    }
}

#[cfg(target_os = "linux")]
fn find() -> Found {
    let proc = proc::Proc::system();
    Found::Ports(sorted(proc.listening(std::process::id())).into())
}

#[cfg(not(target_os = "linux"))]
fn find() -> Found {
    let listening = table::listening(std::process::id());
    listening.map_or(Found::Unknown, |listening| Found::Ports(sorted(listening).into()))
}

/// Whether a tunnel could forward to what listens there: on loopback or on all addresses.
fn is_forwarded_to(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// Without ours, the likeliest first, and of those that are as likely the youngest.
fn sorted(mut listening: Vec<Listening>) -> Vec<Listening> {
    listening.retain(|it| !it.program.as_deref().is_some_and(|name| OURS.contains(&name)));
    listening.sort_by_key(|it| (rank(it), Reverse(it.since), it.port));
    // A server may listen on IPv4 and on IPv6.
    let mut seen = BTreeSet::new();
    listening.retain(|it| seen.insert(it.port));
    listening
}

/// How unlikely it is that somebody wants this port at a URL.
fn rank(of: &Listening) -> u8 {
    let is_dev_port = DEV_PORTS.iter().any(|ports| ports.contains(&of.port));
    match of {
        _ if of.risk.is_some() => 4,
        Listening { program: Some(name), .. } if is_dev_server(name) => {
            u8::from(!is_dev_port && of.port >= EPHEMERAL)
        }
        _ if is_dev_port => 1,
        _ if of.port < EPHEMERAL => 2,
        _ => 3,
    }
}

/// `python3.12` is `python`.
fn is_dev_server(program: &str) -> bool {
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    DEV_SERVERS.contains(&name) || DEV_SERVERS.contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(port: u16, program: Option<&str>, since: i64) -> Listening {
        let since = Timestamp::from_second(since).ok();
        Listening { port, program: program.map(Into::into), since, risk: risk(port) }
    }

    #[test]
    fn dev_servers_come_first_and_databases_last() {
        let found = sorted(vec![
            listening(5432, Some("postgres"), 9),
            listening(40_001, Some("code"), 9),
            listening(631, Some("cupsd"), 9),
            listening(8080, None, 9),
            listening(40_000, Some("node"), 9),
            listening(9229, Some("node"), 9),
            listening(5173, Some("node"), 5),
            listening(8000, Some("python3.12"), 7),
            listening(8443, Some("adit"), 9),
            listening(8000, Some("python3.12"), 6),
        ]);
        let ports: Vec<_> = found.iter().map(|it| it.port).collect();
        assert_eq!(ports, [8000, 5173, 8080, 40_000, 631, 40_001, 5432, 9229]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_two_seconds() {
        let local = Local::default();
        let planted = Found::Ports(vec![listening(1, None, 0)].into());
        *local.last.lock().await = Some((clock::now(), planted.clone()));
        assert_eq!(local.find().await, planted);
        tokio::time::advance(FRESH).await;
        assert_ne!(local.find().await, planted);
    }
}
