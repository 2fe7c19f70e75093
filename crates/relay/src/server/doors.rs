//! The doors of a relay: listeners that can be shut and opened again.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use adit_wire::net::{Listener, Stream};
use adit_wire::task::{self, Task};
use tokio::sync::oneshot;

/// What becomes of an accepted connection.
type Welcome = Arc<dyn Fn(Stream, SocketAddr) + Send + Sync>;

/// A listener and whom it leads to. It accepts only while it is open; connections that come while it
/// is shut wait in the system's queue.
pub(super) struct Door {
    name: &'static str,
    addr: SocketAddr,
    welcome: Welcome,
    state: State,
}

enum State {
    Shut(Listener),
    Open {
        /// Dropped to shut it.
        shut: oneshot::Sender<()>,
        accepting: Task<Listener>,
    },
    /// Whoever accepted has panicked, and took the listener along.
    Broken,
}

impl Door {
    /// A door that is shut.
    pub(super) fn new(
        name: &'static str,
        listener: Listener,
        welcome: impl Fn(Stream, SocketAddr) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        Ok(Self { name, addr, welcome: Arc::new(welcome), state: State::Shut(listener) })
    }

    /// What it is called.
    #[cfg(unix)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is, with the port that the system chose.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts from now on.
    pub(super) fn open(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Broken) {
            State::Shut(listener) => {
                let (shut, asked) = oneshot::channel();
                let accepting = task::spawn("door", accept(listener, self.welcome.clone(), asked));
                State::Open { shut, accepting }
            }
            other => other,
        };
    }

    /// Accepts no more. Returns the listener, unless it was lost.
    pub(super) async fn shut(&mut self) -> Option<&Listener> {
        if let State::Open { shut, accepting } = &mut self.state {
            let (never, _) = oneshot::channel();
            drop(std::mem::replace(shut, never));
            let listener = accepting.join().await;
            self.state = listener.map_or(State::Broken, State::Shut);
        }
        match &self.state {
            State::Shut(listener) => Some(listener),
            State::Open { .. } | State::Broken => None,
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.name).field("addr", &self.addr).finish()
    }
}

async fn accept(mut listener: Listener, welcome: Welcome, shut: oneshot::Receiver<()>) -> Listener {
    tokio::pin!(shut);
    loop {
        tokio::select! {
            (stream, addr) = listener.accept() => welcome(stream, addr),
            _ = &mut shut => return listener,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use adit_wire::net::bind;
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_it_is_shut_waits_until_it_opens() {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (told, mut came) = mpsc::channel(8);
        let mut door = Door::new("test", listener, move |_, addr| {
            told.try_send(addr).unwrap();
        })
        .unwrap();
        let mut guests = Vec::new();
        for _ in 0..3 {
            assert!(door.shut().await.is_some());
            let guest = TcpStream::connect(door.addr()).await.unwrap();
            assert!(came.try_recv().is_err());
            door.open();
            door.open();
            assert_eq!(came.recv().await, Some(guest.local_addr().unwrap()));
            guests.push(guest);
        }
        drop(door);
        assert_eq!(came.recv().await, None);
    }
}
