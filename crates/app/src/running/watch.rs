//! Watches all processes that host.
//!
//! Each is asked once and tells of every change from then on; only one that does not know how is asked again and again.
//! That a process has begun shows in its directory, which is looked at once in a second and asks nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adit_wire::{clock, task};
use tokio::sync::mpsc;

use super::{Process, directories};
use crate::control::{Client, Reply, Request, Status};
use crate::failure::Code;
use crate::places::Places;

/// How often new processes are looked for, and those asked that do not tell by themselves.
const LOOK: Duration = Duration::from_secs(1);

/// News that wait to be taken in; full means that who brings one waits, and its process is read later.
const NEWS: usize = 16;

/// How it stands with a process; nothing once it has ended, or says nothing.
type News = (PathBuf, Option<Status>);

/// Watches the processes of one user on this computer.
#[derive(Debug)]
pub struct Watch {
    places: Places,
    /// Those that are heard, by directory, which is the order that they are shown in.
    heard: BTreeMap<PathBuf, Heard>,
    sender: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
    look_at: Instant,
}

#[derive(Debug)]
struct Heard {
    status: Option<Status>,
    _task: task::Task<()>,
}

impl Watch {
    /// Watches on from what was `known`. Must be called within a runtime.
    pub fn new(places: Places, known: &[Process]) -> Self {
        let (sender, news) = mpsc::channel(NEWS);
        let (heard, look_at) = (BTreeMap::new(), clock::now());
        let mut watch = Self { places, heard, sender, news, look_at };
        for Process { directory, status } in known {
            watch.listen(directory.clone(), Some(status.clone()));
        }
        watch
    }

    /// All processes, as soon as something is other than before. Safe to drop and call again.
    pub async fn next(&mut self) -> Vec<Process> {
        loop {
            tokio::select! {
                // A sender is kept here.
                Some((directory, status)) = self.news.recv() => {
                    if self.take_in(directory, status) {
                        return self.processes();
                    }
                }
                () = clock::sleep_until(self.look_at) => self.look(),
            }
        }
    }

    /// Returns whether it is news.
    fn take_in(&mut self, directory: PathBuf, status: Option<Status>) -> bool {
        let Some(status) = status else {
            return self.heard.remove(&directory).is_some_and(|heard| heard.status.is_some());
        };
        let Some(heard) = self.heard.get_mut(&directory) else { return false };
        let news = heard.status.as_ref() != Some(&status);
        heard.status = Some(status);
        news
    }

    fn look(&mut self) {
        self.look_at = clock::now() + LOOK;
        for directory in directories(&self.places) {
            if !self.heard.contains_key(&directory) {
                self.listen(directory, None);
            }
        }
    }

    fn listen(&mut self, directory: PathBuf, status: Option<Status>) {
        let (sender, at) = (self.sender.clone(), directory.clone());
        let task = task::spawn("watch a process", async move {
            hear(&at, &sender).await;
            // Whoever watches no longer needs no news.
            let _ = sender.send((at, None)).await;
        });
        self.heard.insert(directory, Heard { status, _task: task });
    }

    fn processes(&self) -> Vec<Process> {
        let known = self.heard.iter().filter_map(|(directory, heard)| {
            Some(Process { directory: directory.clone(), status: heard.status.clone()? })
        });
        known.collect()
    }
}

/// Brings what a process tells, until it tells no more.
async fn hear(directory: &Path, sender: &mpsc::Sender<News>) {
    let Some(mut client) = Client::connect(directory).await else { return };
    let mut told = match client.ask(&Request::Watch).await {
        Err(failure) if failure.code == Code::Usage => return ask_on(directory, sender).await,
        told => Some(told),
    };
    while let Some(Ok(Reply::Status(status))) = told {
        if sender.send((directory.to_owned(), Some(status))).await.is_err() {
            return;
        }
        told = client.next().await;
    }
}

/// The same of one that tells only when it is asked.
async fn ask_on(directory: &Path, sender: &mpsc::Sender<News>) {
    while let Some(Ok(status)) = super::ask(directory).await {
        if sender.send((directory.to_owned(), Some(status))).await.is_err() {
            return;
        }
        clock::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::sync::watch;

    use super::*;
    use crate::claim::Claim;
    use crate::control::Server;
    use crate::environment::Environment;
    use crate::running;

    fn places() -> (TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Some(folder.path().join(name).into_os_string());
        let (config, state_dir, data_dir) = (at("config"), at("state"), at("data"));
        let environment = Environment { config, state_dir, data_dir, ..Environment::default() };
        let places = Places::new(&environment).unwrap();
        (folder, places)
    }

    fn status(pid: u32) -> Status {
        Status { pid, program: "host".to_owned(), tunnels: Vec::new() }
    }

    fn pids(processes: &[Process]) -> Vec<u32> {
        processes.iter().map(|process| process.status.pid).collect()
    }

    #[tokio::test]
    async fn processes_are_heard_as_they_begin_change_and_end() {
        let (_folder, places) = places();
        let claim = Claim::take(&places.owner(), "adit host").unwrap();
        let (owner, watched) = watch::channel(status(1));
        let server = Server::listen(&places.state, watched).unwrap();
        let known = running::all(&places).await;
        let mut watch = Watch::new(places.clone(), &known);
        assert_eq!(pids(&known), [1]);
        owner.send_replace(status(2));
        assert_eq!(pids(&watch.next().await), [2]);

        let up = places.embedded("shop");
        let _claim_of_up = Claim::take(&up, "shop").unwrap();
        let (_up, watched) = watch::channel(status(3));
        let _server_of_up = Server::listen(&up, watched).unwrap();
        assert_eq!(pids(&watch.next().await), [2, 3]);

        server.close().await;
        drop(claim);
        assert_eq!(pids(&watch.next().await), [3]);
    }

    /// One that knows no more than how it stands, and is another each time.
    #[cfg(unix)]
    #[tokio::test]
    async fn one_that_does_not_tell_by_itself_is_asked_again() {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        let (_folder, places) = places();
        let _claim = Claim::take(&places.owner(), "adit host").unwrap();
        let listener = tokio::net::UnixListener::bind(places.state.join("control.sock")).unwrap();
        let _old = task::spawn("an old one", async move {
            let mut asked = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                let answer = match line.contains("watch") {
                    true => r#"{"v":1,"reply":"failed","code":"usage","message":"what?"}"#.into(),
                    false => {
                        asked += 1;
                        format!(
                            r#"{{"v":1,"reply":"status","pid":{asked},"program":"host","tunnels":[]}}"#
                        )
                    }
                };
                stream.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            }
        });
        let mut watch = Watch::new(places, &[]);
        assert_eq!(pids(&watch.next().await), [1]);
        assert_eq!(pids(&watch.next().await), [2]);
    }
}
