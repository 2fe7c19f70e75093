//! The lines that two processes exchange, and the descriptors that go with one of them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use adit_wire::clock;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::{Error, Party, STEP};

/// The meaning of the lines.
const VERSION: u32 = 1;

/// The longest line.
const LONGEST: usize = 64 * 1024;

/// The most descriptors that come with a line.
const DESCRIPTORS: usize = 16;

/// What one side says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Message {
    /// Who asks.
    Hello { pid: u32, version: String },
    /// Who is asked, and where it listens.
    Here { pid: u32, version: String, listening: Vec<Listening> },
    /// Hand it over.
    Take,
    /// Here it is: one name for each descriptor that comes along, in their order.
    Yours { names: Vec<String> },
    /// It is loaded.
    Ready,
    /// It is yours from here on.
    Go,
    /// It will not be.
    No { why: String },
}

/// Where a relay listens, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listening {
    pub(super) name: String,
    pub(super) at: SocketAddr,
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    #[serde(flatten)]
    message: Message,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Party {
    /// This process.
    pub(super) fn ours() -> Self {
        Self { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// A connection to the other process, which is of the same user.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    received: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Link {
    pub(super) fn new(stream: UnixStream) -> Result<Self, Error> {
        let (theirs, ours) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
        if theirs != ours {
            return Err(Error::Stranger { theirs, ours });
        }
        Ok(Self { stream, received: Vec::new(), descriptors: Vec::new() })
    }

    /// Says something, along with descriptors.
    pub(super) async fn say(
        &mut self,
        message: Message,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Error> {
        let mut line = serde_json::to_vec(&Line { v: VERSION, message })
            .expect("numbers, texts and addresses are JSON");
        line.push(b'\n');
        let sending = async {
            let mut sent = 0;
            while sent < line.len() {
                // They go with the first byte.
                let along = if sent == 0 { descriptors } else { &[] };
                let send = || send(self.stream.as_fd(), &line[sent..], along);
                sent += self.stream.async_io(Interest::WRITABLE, send).await?;
            }
            Ok::<_, io::Error>(())
        };
        clock::until(clock::now() + STEP, sending).await.map_err(|_| Error::Late)?.map_err(gone)
    }

    /// Hears what the other says next, and no longer than for so long.
    pub(super) async fn hear(&mut self, patience: std::time::Duration) -> Result<Message, Error> {
        let line = clock::until(clock::now() + patience, self.line());
        let line = line.await.map_err(|_| Error::Late)??;
        let unknown = |error: serde_json::Error| Error::Language(error.to_string());
        let Version { v } = serde_json::from_slice(&line).map_err(unknown)?;
        if v != VERSION {
            return Err(Error::Language(format!("it speaks version {v} of the language")));
        }
        match serde_json::from_slice::<Line>(&line).map_err(unknown)?.message {
            Message::No { why } => Err(Error::Refused(why)),
            message => Ok(message),
        }
    }

    /// The descriptors that came so far.
    pub(super) fn take_descriptors(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.descriptors)
    }

    async fn line(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.received, rest));
            }
            if self.received.len() > LONGEST || self.descriptors.len() > DESCRIPTORS {
                return Err(Error::Language("it does not end".to_owned()));
            }
            let receive = || receive(self.stream.as_fd());
            let (bytes, descriptors) =
                self.stream.async_io(Interest::READABLE, receive).await.map_err(gone)?;
            if bytes.is_empty() {
                return Err(Error::Gone);
            }
            self.received.extend(bytes);
            self.descriptors.extend(descriptors);
        }
    }
}

/// What the end of the other process looks like, depending on what was under way.
fn gone(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Error::Gone,
        _ => Error::Io(error),
    }
}

/// That something else was said than fits here.
pub(super) fn unexpected(message: &Message) -> Error {
    Error::Language(format!("{message:?} was not expected"))
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors at once"));
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::empty())?)
}

fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; 4096];
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::empty())?;
    bytes.truncate(received.bytes);
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    for descriptor in &descriptors {
        // Not every system has a flag that does it in the same step.
        fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Ok((bytes, descriptors))
}
