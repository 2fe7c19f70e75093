//! Listens in a directory and hands on what is asked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adit_wire::{clock, task};
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::{GenericFilePath, ListenerOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::address;
use super::wire::{AnyVersion, Reply, Request, Status, VERSION, Versioned};
use crate::failure::{Code, Failure, Outcome};

/// Questions that wait for the process; full means that whoever asks waits.
const ASKED: usize = 16;

/// Answers that wait for one who asked. Full means that news is lost to him; see
/// [`Answers::try_send`].
const ANSWERS: usize = 256;

/// Connections at a time: some windows and scripts. One more is answered with a failure.
const CONNECTIONS: usize = 32;

/// The longest question, with a thousand ids.
const LONGEST: u64 = 64 * 1024;

/// How long an answer may take to be taken by one who does not read.
const TAKEN: Duration = Duration::from_secs(10);

/// The listener of a directory. Dropping it ends all connections and frees the name.
#[derive(Debug)]
pub struct Server {
    task: task::Task<()>,
    /// Dropped to end it.
    stop: Option<oneshot::Sender<()>>,
    asked: mpsc::Receiver<Asked>,
}

/// Something that came over a connection.
#[derive(Debug)]
pub enum Asked {
    /// A question, other than how it stands.
    Request {
        /// Which connection asks. Never used twice.
        connection: u64,
        /// What it asks.
        request: Request,
        /// Where the answers go.
        answers: Answers,
    },
    /// A connection that asked something has ended.
    Gone {
        /// Which one.
        connection: u64,
    },
}

/// Answers to a connection.
#[derive(Clone, Debug)]
pub struct Answers {
    sender: mpsc::Sender<Reply>,
}

impl Answers {
    /// Answers, unless who asked is gone or does not read: then it is lost, and `false` is returned. Nothing
    /// that is hosted waits for one who only watches.
    pub fn try_send(&self, reply: Reply) -> bool {
        self.sender.try_send(reply).is_ok()
    }
}

impl Server {
    /// Listens in `directory`, of which the caller must be the only holder: a socket that is left over there
    /// is removed. Whoever asks how it stands is told `status`, by the server itself.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(directory: &Path, status: watch::Receiver<Status>) -> Outcome<Self> {
        let path = address::socket(directory);
        let failure = |error: &io::Error| {
            Failure::new(Code::Listen, format!("cannot listen at {}: {error}", path.display()))
                .hint("check who may write there, or choose another place with ADIT_STATE_DIR")
        };
        prepare(directory, &path)?;
        let listener = bind(&path).map_err(|error| failure(&error))?;
        let (sender, asked) = mpsc::channel(ASKED);
        let (stop, stopped) = oneshot::channel::<()>();
        let accepting = accept(listener, sender, status, Leftover(path));
        let task = task::spawn("control", async move {
            tokio::select! {
                () = accepting => {}
                _ = stopped => {}
            }
        });
        Ok(Self { task, stop: Some(stop), asked })
    }

    /// Ends it and waits until the socket is gone: before the directory is somebody else's.
    pub async fn close(mut self) {
        self.stop = None;
        self.task.join().await;
    }

    /// What is asked next. Safe to drop and call again.
    pub async fn next(&mut self) -> Asked {
        match self.asked.recv().await {
            Some(asked) => asked,
            // The listener has failed for good; the process goes on without.
            None => std::future::pending().await,
        }
    }
}

/// Removes the socket at the end, on systems where it is a file.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        if cfg!(unix) {
            // Whoever listens next removes it too.
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

#[cfg(unix)]
fn prepare(directory: &Path, path: &Path) -> Outcome {
    address::make_folder(directory)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(crate::durable::cannot("remove", path, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(windows)]
fn prepare(_: &Path, _: &Path) -> Outcome {
    Ok(())
}

#[cfg(unix)]
fn bind(path: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::PermissionsExt;
    let name = path.to_fs_name::<GenericFilePath>()?;
    let listener = ListenerOptions::new().name(name).reclaim_name(false).create_tokio()?;
    // Its directory keeps others out already; this is for one that was made by hand.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(windows)]
fn bind(path: &Path) -> io::Result<Listener> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    // Everything to the owner, nothing to others.
    let only_owner = widestring::u16cstr!("D:P(A;;GA;;;OW)(A;;GA;;;SY)");
    let name = path.to_fs_name::<GenericFilePath>()?;
    ListenerOptions::new()
        .name(name)
        .security_descriptor(SecurityDescriptor::deserialize(only_owner)?)
        .create_tokio()
}

async fn accept(
    listener: Listener,
    asked: mpsc::Sender<Asked>,
    status: watch::Receiver<Status>,
    _leftover: Leftover,
) {
    let connections = task::Group::new("control connections");
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    for connection in 0.. {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "control connection not accepted");
                // Out of descriptors, say: that passes.
                clock::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let (asked, status) = (asked.clone(), status.clone());
        let place = places.clone().try_acquire_owned();
        connections.spawn("control connection", async move {
            match place {
                Ok(_place) => serve(stream, connection, asked, status).await,
                Err(_) => {
                    let failure = Failure::new(Code::Refused, "too many ask at the same time")
                        .hint("try again in a little while");
                    write(&stream, Reply::Failed(failure)).await;
                }
            }
        });
    }
}

/// One connection to its end.
async fn serve(
    stream: Stream,
    connection: u64,
    asked: mpsc::Sender<Asked>,
    mut status: watch::Receiver<Status>,
) {
    let (sender, mut replies) = mpsc::channel(ANSWERS);
    let answers = Answers { sender };
    let mut input = BufReader::new(&stream);
    let mut line = Vec::new();
    let (mut has_asked, mut watches) = (false, false);
    loop {
        tokio::select! {
            request = next(&mut input, &mut line) => {
                let request = match request {
                    None => break,
                    Some(Ok(request)) => request,
                    Some(Err(failure)) => {
                        write(&stream, Reply::Failed(failure)).await;
                        break;
                    }
                };
                if let Request::Status | Request::Watch = request {
                    watches |= request == Request::Watch;
                    let now = status.borrow_and_update().clone();
                    if !write(&stream, Reply::Status(now)).await {
                        break;
                    }
                    continue;
                }
                has_asked = true;
                let answers = answers.clone();
                if asked.send(Asked::Request { connection, request, answers }).await.is_err() {
                    break;
                }
            }
            Some(reply) = replies.recv() => if !write(&stream, reply).await { break },
            Ok(()) = status.changed(), if watches => {
                let now = status.borrow_and_update().clone();
                if !write(&stream, Reply::Status(now)).await {
                    break;
                }
            }
        }
    }
    if has_asked {
        let _ = asked.send(Asked::Gone { connection }).await;
    }
}

/// The next question; `None` at the end. What was read stays in `line` when it is dropped.
async fn next(
    input: &mut BufReader<&Stream>,
    line: &mut Vec<u8>,
) -> Option<Result<Request, Failure>> {
    while !line.ends_with(b"\n") {
        let room = LONGEST.saturating_sub(line.len() as u64);
        if room == 0 {
            return Some(Err(Failure::new(Code::Usage, "that question is too long")));
        }
        match input.take(room).read_until(b'\n', line).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
    let request = read(line);
    line.clear();
    Some(request)
}

fn read(line: &[u8]) -> Result<Request, Failure> {
    let unknown = || Failure::new(Code::Usage, "that is no question that this adit knows");
    let AnyVersion { v } = serde_json::from_slice(line).map_err(|_| unknown())?;
    if v != VERSION {
        let text = format!("this adit speaks version {VERSION} of the control socket, not {v}");
        return Err(Failure::new(Code::Usage, text).hint("end it and start the newer one"));
    }
    let read: Versioned<Request> = serde_json::from_slice(line).map_err(|_| unknown())?;
    Ok(read.what)
}

/// Writes an answer; `false` when nobody takes it.
async fn write(mut stream: &Stream, reply: Reply) -> bool {
    let mut text = serde_json::to_string(&Versioned { v: VERSION, what: reply })
        .expect("numbers and texts are JSON");
    text.push('\n');
    let written = clock::until(clock::now() + TAKEN, stream.write_all(text.as_bytes())).await;
    matches!(written, Ok(Ok(())))
}
