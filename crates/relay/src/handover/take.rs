//! The side of the process that takes over.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use adit_wire::net::Listener;
use tokio::net::UnixStream;

use super::line::{Link, Listening, Message, unexpected};
use super::{Error, LOCK, Party, SOCKET, STEP};

/// Asks the relay that runs on a data directory who it is. Nothing happens to it yet.
///
/// # Errors
/// Why there is nobody to take over from.
pub async fn ask(directory: &Path) -> Result<Asked, Error> {
    let path = directory.join(SOCKET);
    let stream = UnixStream::connect(&path).await;
    let stream = stream.map_err(|error| Error::NotOffered { path, error })?;
    let mut link = Link::new(stream)?;
    let Party { pid, version } = Party::ours();
    link.say(Message::Hello { pid, version }, &[]).await?;
    match link.hear(STEP).await? {
        Message::Here { pid, version, listening } => {
            Ok(Asked { link, from: Party { pid, version }, listening })
        }
        message => Err(unexpected(&message)),
    }
}

/// A relay that would hand over.
#[derive(Debug)]
pub struct Asked {
    link: Link,
    from: Party,
    listening: Vec<Listening>,
}

impl Asked {
    /// Which process it is.
    pub fn from(&self) -> &Party {
        &self.from
    }

    /// Where it listens for this, if it does.
    pub fn listens(&self, name: &str) -> Option<SocketAddr> {
        self.listening.iter().find(|listening| listening.name == name).map(|found| found.at)
    }

    /// Takes what it has: from here on it accepts and writes nothing, until it gets it back by this
    /// process's breaking off. Must be called within a runtime.
    ///
    /// # Errors
    /// Why it was not given. The other goes on.
    pub async fn take(mut self) -> Result<Taken, Error> {
        self.link.say(Message::Take, &[]).await?;
        // It stores what is to be stored first.
        let names = match self.link.hear(STEP).await? {
            Message::Yours { names } => names,
            message => return Err(unexpected(&message)),
        };
        let descriptors = self.link.take_descriptors();
        if descriptors.len() != names.len() {
            let (count, names) = (descriptors.len(), names.len());
            return Err(Error::Language(format!("{count} descriptors came, {names} were named")));
        }
        let mut shares: Vec<(String, OwnedFd)> = names.into_iter().zip(descriptors).collect();
        let lock = remove(&mut shares, LOCK);
        let lock = lock.ok_or_else(|| Error::Language("the lock did not come along".to_owned()))?;
        Ok(Taken { link: self.link, from: self.from, lock: lock.into(), shares })
    }
}

/// A relay in two hands: dropping this gives it back.
#[derive(Debug)]
pub struct Taken {
    link: Link,
    from: Party,
    lock: File,
    shares: Vec<(String, OwnedFd)>,
}

impl Taken {
    /// The listener for this, if it came along.
    ///
    /// # Errors
    /// When what came is no listener.
    pub fn listener(&mut self, name: &str) -> Result<Option<Listener>, Error> {
        let share = remove(&mut self.shares, name);
        Ok(share.map(Listener::adopt).transpose()?)
    }

    /// Another hold on the lock of the data directory.
    ///
    /// # Errors
    /// When there is no descriptor to be had.
    pub fn lock(&self) -> Result<File, Error> {
        Ok(self.lock.try_clone()?)
    }

    /// Says that everything is loaded, and waits for the word. When this succeeds the relay is this
    /// process's.
    ///
    /// # Errors
    /// When the other has broken off, and goes on itself.
    pub async fn finish(mut self) -> Result<Party, Error> {
        self.link.say(Message::Ready, &[]).await?;
        match self.link.hear(STEP).await? {
            Message::Go => Ok(self.from),
            message => Err(unexpected(&message)),
        }
    }
}

fn remove(shares: &mut Vec<(String, OwnedFd)>, name: &str) -> Option<OwnedFd> {
    let found = shares.iter().position(|(share, _)| share == name)?;
    Some(shares.swap_remove(found).1)
}
