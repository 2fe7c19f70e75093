//! Asks the process that holds a directory.

use std::path::Path;
use std::time::Duration;

use adit_wire::clock;
use interprocess::local_socket::GenericFilePath;
use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::tokio::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::address;
use super::wire::{AnyVersion, Reply, Request, VERSION, Versioned};
use crate::failure::{Code, Failure, Outcome};

/// How long a process may take to answer: it may be swapped out, but not stuck.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection to the process that holds a directory.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<Stream>,
    line: Vec<u8>,
}

/// Whether somebody may listen in that directory.
pub fn is_served(directory: &Path) -> bool {
    cfg!(windows) || address::socket(directory).exists()
}

impl Client {
    /// Connects to the process that holds `directory`; nothing if nobody listens there.
    pub async fn connect(directory: &Path) -> Option<Self> {
        if let Err(failure) = address::is_trusted(directory) {
            tracing::warn!(%failure, "nobody is asked at a socket that others may have made");
            return None;
        }
        let path = address::socket(directory);
        let name = path.as_path().to_fs_name::<GenericFilePath>().ok()?;
        let stream = clock::until(clock::now() + ANSWER, Stream::connect(name)).await.ok()?.ok()?;
        Some(Self { stream: BufReader::new(stream), line: Vec::new() })
    }

    /// Asks something; the answer comes with [`next`](Self::next).
    ///
    /// # Errors
    /// When the process has ended or does not read.
    pub async fn send(&mut self, request: &Request) -> Outcome {
        let mut text = serde_json::to_string(&Versioned { v: VERSION, what: request })
            .expect("numbers and texts are JSON");
        text.push('\n');
        let written = self.stream.get_mut().write_all(text.as_bytes());
        match clock::until(clock::now() + ANSWER, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(clock::Late) => Err(silent()),
        }
    }

    /// Asks something and waits for the first answer.
    ///
    /// # Errors
    /// What the process answered, or that it did not.
    pub async fn ask(&mut self, request: &Request) -> Outcome<Reply> {
        self.try_ask(request).await?.ok_or_else(silent)
    }

    /// The same; nothing when the process has ended instead of answering.
    ///
    /// # Errors
    /// What the process answered, or that it says nothing.
    pub async fn try_ask(&mut self, request: &Request) -> Outcome<Option<Reply>> {
        if self.send(request).await.is_err() {
            return Ok(None);
        }
        match clock::until(clock::now() + ANSWER, self.next()).await {
            Ok(Some(Ok(Reply::Failed(failure)))) => Err(failure),
            Ok(Some(reply)) => reply.map(Some),
            Ok(None) => Ok(None),
            Err(clock::Late) => Err(silent()),
        }
    }

    /// The next answer; `None` when the process has ended. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Outcome<Reply>> {
        // Only this user's own process is at the other end, so the length is its business.
        while !self.line.ends_with(b"\n") {
            match self.stream.read_until(b'\n', &mut self.line).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
        let reply = read(&self.line);
        self.line.clear();
        Some(reply)
    }
}

fn silent() -> Failure {
    Failure::new(Code::Internal, "the adit that runs already does not answer")
        .hint("look at it, or end its process and start anew")
}

fn read(line: &[u8]) -> Outcome<Reply> {
    let newer = |_| {
        Failure::new(Code::Internal, "the adit that runs already speaks another version of this")
            .hint("end it, and start the same version everywhere")
    };
    let AnyVersion { v } = serde_json::from_slice(line).map_err(newer)?;
    if v != VERSION {
        return Err(newer(serde::de::Error::custom("version")));
    }
    let read: Versioned<Reply> = serde_json::from_slice(line).map_err(newer)?;
    Ok(read.what)
}
