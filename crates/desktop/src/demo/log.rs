//! The log of a scripted world.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adit_app::journal::{Excerpt, Line, Search};
use adit_app::preferences::LogLevel;
use jiff::Timestamp;
use tokio::sync::watch;

use super::scene::{self, Scene};
use crate::desk::LogDesk;

/// Lines, and what somebody looks for among them.
#[derive(Clone)]
pub(super) struct Script(Rc<Inner>);

struct Inner {
    lines: RefCell<Vec<Arc<Line>>>,
    search: RefCell<Option<Search>>,
    told: watch::Sender<Arc<Excerpt>>,
}

impl Script {
    pub(super) fn new(scene: Scene) -> Self {
        let script = Self(Rc::new(Inner {
            lines: RefCell::default(),
            search: RefCell::default(),
            told: watch::Sender::default(),
        }));
        let repeats = if scene == Scene::Many { 250 } else { 2 };
        for round in 0..repeats {
            for (index, (level, tunnel, text)) in LINES.iter().enumerate() {
                let left = (repeats - round) * LINES.len() - index;
                let ago = Duration::from_millis(left as u64 * 2_317);
                let at = scene::start().checked_sub(ago).unwrap_or_default();
                script.add(at, *level, *tunnel, text);
            }
        }
        script
    }

    pub(super) fn desk(&self) -> LogDesk {
        let search = self.clone();
        LogDesk {
            excerpts: self.0.told.subscribe(),
            search: Rc::new(move |asked| search.search(asked)),
            folder: PathBuf::from("/home/ana/.local/state/adit/logs"),
        }
    }

    pub(super) fn say(&self, at: Timestamp, level: LogLevel, tunnel: Option<&str>, text: &str) {
        self.add(at, level, tunnel, text);
        self.tell();
    }

    fn add(&self, at: Timestamp, level: LogLevel, tunnel: Option<&str>, text: &str) {
        let mut lines = self.0.lines.borrow_mut();
        let (number, tunnel) = (lines.len() as u64 + 1, tunnel.map(Into::into));
        let text = text.into();
        lines.push(Arc::new(Line { number, at, level, target: "adit_tunnel::host", tunnel, text }));
    }

    fn search(&self, asked: Option<Search>) {
        let is_new = *self.0.search.borrow() != asked;
        if is_new {
            self.0.search.replace(asked);
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(search) = &*self.0.search.borrow() {
            let lines = search.select(&self.0.lines.borrow());
            self.0.told.send_replace(Arc::new(Excerpt { search: search.clone(), lines }));
        }
    }
}

const LINES: &[(LogLevel, Option<&str>, &str)] = &[
    (LogLevel::Info, None, "started version=0.1.0 places=3"),
    (LogLevel::Info, Some("k3x9q2mw.loc1"), "state state=Connecting"),
    (LogLevel::Debug, Some("k3x9q2mw.loc1"), "token minted scope=host lasts=24h"),
    (LogLevel::Info, Some("k3x9q2mw.loc1"), "state state=Hosting"),
    (
        LogLevel::Info,
        Some("k3x9q2mw.loc1"),
        "url port=5173 url=https://k3x9q2mw-5173.relay.example.com/",
    ),
    (
        LogLevel::Info,
        Some("k3x9q2mw.loc1"),
        "url port=8080 url=https://k3x9q2mw-8080.relay.example.com/",
    ),
    (LogLevel::Info, Some("p5hn7c2k.loc1"), "state state=Hosting"),
    (LogLevel::Warning, Some("t4wq8zxn.loc1"), "nothing answers on localhost:3000 cause=refused"),
    (LogLevel::Debug, Some("t4wq8zxn.loc1"), "health port=3000 label=local-down wait=10s"),
    (LogLevel::Info, Some("7jr2c0b1.loc1"), "state state=Hosting"),
    (LogLevel::Info, Some("7jr2c0b1.loc1"), "checking the URL port=4000"),
    (
        LogLevel::Warning,
        Some("m8vd41tz.loc1"),
        "the session ended cause=\"connection reset by peer\" lasted=2h 14min",
    ),
    (LogLevel::Info, Some("m8vd41tz.loc1"), "state state=Reconnecting"),
    (
        LogLevel::Error,
        Some("m8vd41tz.loc1"),
        "the relay cannot be reached cause=\"the network is down\" host=cp.relay.example.com \
         attempt=3 wait=20s; tunnels that are hosted elsewhere are not touched by this",
    ),
    (LogLevel::Debug, None, "list place=relay.example.com tunnels=3 took=38ms"),
    (LogLevel::Info, Some("k3x9q2mw.loc1"), "the URL answers port=5173 status=200 took=9ms"),
];
