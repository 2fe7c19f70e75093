//! The side of the relay that runs: offers itself, and hands over.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_wire::clock;
use tokio::net::UnixListener;

use super::line::{Link, Listening, Message, unexpected};
use super::{Error, LOADING, Party, SOCKET, STEP};

/// A pause after a failed accept, which is mostly a shortage of file descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a taker may take from its greeting until it takes: it binds listeners meanwhile.
const MAKING_UP_ITS_MIND: Duration = STEP;

/// The standing offer of a relay that runs. The socket goes with it, unless it was handed over.
#[derive(Debug)]
pub(crate) struct Offer {
    listener: UnixListener,
    path: PathBuf,
    is_ours: bool,
}

impl Offer {
    /// Offers the relay of a data directory whose lock the caller holds.
    pub(crate) fn make(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        // What a relay left behind that was killed, or that hands over to this one.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        let offer = Self { listener, path, is_ours: true };
        // Whoever came before this is looked at all the same, when it is accepted.
        fs::set_permissions(&offer.path, fs::Permissions::from_mode(0o600))?;
        Ok(offer)
    }

    /// Waits for somebody who wants to take over, and has seen where the relay listens. Safe to
    /// drop and call again.
    pub(crate) async fn taker(&self, listening: &[(&str, std::net::SocketAddr)]) -> Taker {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "nobody can ask for a hand-over at the moment");
                    clock::sleep(PAUSE).await;
                    continue;
                }
            };
            let listening = listening.iter();
            let listening =
                listening.map(|(name, at)| Listening { name: (*name).to_owned(), at: *at });
            let met = match Link::new(stream) {
                Ok(link) => meet(link, listening.collect()).await,
                Err(error) => Err(error),
            };
            match met {
                Ok(taker) => return taker,
                Err(Error::Gone) => tracing::debug!("somebody asked who is here"),
                Err(error) => tracing::warn!(%error, "somebody asked for a hand-over in vain"),
            }
        }
    }

    /// The socket's name belongs to the process that has taken over.
    pub(crate) fn give_away(mut self) {
        self.is_ours = false;
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if self.is_ours {
            // A socket that is left over is removed by the next relay.
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn meet(mut link: Link, listening: Vec<Listening>) -> Result<Taker, Error> {
    let party = match link.hear(STEP).await {
        Ok(Message::Hello { pid, version }) => Party { pid, version },
        Ok(message) => return Err(unexpected(&message)),
        Err(error @ Error::Language(_)) => {
            let _ = link.say(Message::No { why: error.to_string() }, &[]).await;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let Party { pid, version } = Party::ours();
    link.say(Message::Here { pid, version, listening }, &[]).await?;
    match link.hear(MAKING_UP_ITS_MIND).await? {
        Message::Take => Ok(Taker { link, party }),
        message => Err(unexpected(&message)),
    }
}

/// Somebody who waits for what it asked for.
#[derive(Debug)]
pub(crate) struct Taker {
    link: Link,
    party: Party,
}

/// A taker that has loaded everything and waits for the word.
#[derive(Debug)]
pub(crate) struct Given {
    link: Link,
    party: Party,
}

impl Taker {
    /// Who it is.
    pub(crate) fn party(&self) -> &Party {
        &self.party
    }

    /// Gives it a share in these, and waits until it has loaded the store.
    pub(crate) async fn give(mut self, shares: Vec<(&str, OwnedFd)>) -> Result<Given, Error> {
        let names = shares.iter().map(|(name, _)| (*name).to_owned()).collect();
        let descriptors: Vec<_> = shares.iter().map(|(_, descriptor)| descriptor.as_fd()).collect();
        self.link.say(Message::Yours { names }, &descriptors).await?;
        match self.link.hear(LOADING).await? {
            Message::Ready => Ok(Given { link: self.link, party: self.party }),
            message => Err(unexpected(&message)),
        }
    }

    /// Says why it gets nothing.
    pub(crate) async fn refuse(mut self, why: String) {
        // One that is gone need not be told.
        let _ = self.link.say(Message::No { why }, &[]).await;
    }
}

impl Given {
    /// Gives the word. When this succeeds the relay is the other's.
    pub(crate) async fn go(mut self) -> Result<Party, Error> {
        self.link.say(Message::Go, &[]).await?;
        Ok(self.party)
    }
}
