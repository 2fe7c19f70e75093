//! One connection through the proxy: two directions that hold, stop and end together.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};

use super::frames::Tracker;
use super::head::{Head, answer};
use super::{Flow, Link, Role, Shared};

/// What a connection can be told.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// End with a reset.
    Drop,
    /// Treat bytes so from now on.
    Flow(Flow),
    /// Put these bytes between two packets of the server.
    Insert(Vec<u8>),
}

/// Orders that may wait. They are obeyed at once, so a full queue means a connection that is gone.
const ORDERS: usize = 16;

/// What a held direction keeps before it reads no more.
const HELD: usize = 16 * 1024 * 1024;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// What a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Requests and responses.
    Http,
    /// An upgrade was passed on; its response decides.
    Asking(Role),
    /// A websocket.
    Socket,
}

/// Serves one connection to its end.
pub(super) async fn run(id: u64, client: TcpStream, shared: Arc<Shared>) {
    let (orders, mut ordered) = mpsc::channel(ORDERS);
    let (insert, inserted) = mpsc::channel(ORDERS);
    let (flow, flowing) = watch::channel(Flow::Pass);
    let held = Arc::new(AtomicUsize::new(0));
    shared.links().insert(id, Link { role: None, orders, held: held.clone() });

    let client_handle = client.as_fd().try_clone_to_owned();
    let obeyed = Obeyed { flow: flowing, held };
    let passing = pass(id, client, &shared, insert.clone(), inserted, &obeyed);
    let obeying = async {
        while let Some(order) = ordered.recv().await {
            match order {
                Order::Drop => return,
                Order::Flow(to) => drop(flow.send_replace(to)),
                Order::Insert(bytes) => drop(insert.send(bytes).await),
            }
        }
    };
    tokio::select! {
        _ = passing => {}
        () = obeying => reset(client_handle),
    }
    shared.links().remove(&id);
}

/// Makes the end of a socket, when its last handle goes, a reset.
fn reset(handle: io::Result<OwnedFd>) {
    if let Ok(handle) = handle {
        // A socket that is gone already needs no reset.
        let _ = SockRef::from(&handle).set_linger(Some(Duration::ZERO));
    }
}

async fn pass(
    id: u64,
    mut client: TcpStream,
    shared: &Shared,
    insert: mpsc::Sender<Vec<u8>>,
    inserted: mpsc::Receiver<Vec<u8>>,
    obeyed: &Obeyed,
) -> io::Result<()> {
    let mut upstream = shared.upstream.subscribe();
    let addr = upstream.wait_for(Option::is_some).await.map(|addr| *addr);
    let addr = addr.map_err(io::Error::other)?.expect("waited for");
    let mut server = TcpStream::connect(addr).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // Borrowed halves: owned ones end their direction in good order when dropped, which no reset is.
    let (client_reader, client_writer) = client.split();
    let (server_reader, server_writer) = server.split();
    let (phase, phases) = watch::channel(Phase::Http);
    let up = Up {
        shared,
        reader: Gate::new(client_reader, obeyed),
        writer: server_writer,
        answers: insert,
        phase: &phase,
        phases,
        buffer: Vec::new(),
    };
    let down = Down {
        id,
        shared,
        reader: Gate::new(server_reader, obeyed),
        writer: client_writer,
        inserted,
        phase: &phase,
        head: Vec::new(),
        tracker: Tracker::default(),
        waiting: VecDeque::new(),
    };
    tokio::try_join!(up.run(), down.run()).map(drop)
}

/// From the client to the server.
struct Up<'a> {
    shared: &'a Shared,
    reader: Gate<'a>,
    writer: WriteHalf<'a>,
    answers: mpsc::Sender<Vec<u8>>,
    phase: &'a watch::Sender<Phase>,
    phases: watch::Receiver<Phase>,
    /// What was read and is not passed on yet.
    buffer: Vec<u8>,
}

impl Up<'_> {
    async fn run(mut self) -> io::Result<()> {
        while let Some(head) = self.head().await? {
            self.shared.saw(head.line.clone());
            let Some(role) = head.upgrade else {
                if let Some(status) = self.shared.planned_call(&head.line) {
                    self.answers.send(answer(status)).await.map_err(io::Error::other)?;
                    self.buffer.clear();
                    while self.reader.read(&mut [0; 1024]).await? > 0 {}
                    break;
                }
                if !self.request(&head).await? {
                    break;
                }
                continue;
            };
            if let Some(status) = self.shared.planned(role) {
                self.answers.send(answer(status)).await.map_err(io::Error::other)?;
                self.buffer.clear();
                while self.reader.read(&mut [0; 1024]).await? > 0 {}
                break;
            }
            self.phase.send_replace(Phase::Asking(role));
            self.forward(head.size).await?;
            let decided = self.phases.wait_for(|phase| !matches!(phase, Phase::Asking(_)));
            if *decided.await.map_err(io::Error::other)? == Phase::Socket {
                break;
            }
        }
        self.rest().await
    }

    /// The next request head, without taking it from the buffer; none at the end or when what comes
    /// is no request.
    async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            match Head::parse(&self.buffer) {
                Ok(Some(head)) => return Ok(Some(head)),
                Ok(None) if self.fill().await? => {}
                _ => return Ok(None),
            }
        }
    }

    /// Passes a request on; `false` when where it ends cannot be told.
    async fn request(&mut self, head: &Head) -> io::Result<bool> {
        let Some(body) = head.body else { return Ok(false) };
        self.forward(head.size).await?;
        let mut left = body;
        while left > 0 {
            if self.buffer.is_empty() && !self.fill().await? {
                return Ok(false);
            }
            let size = self.buffer.len().min(left);
            self.forward(size).await?;
            left -= size;
        }
        Ok(true)
    }

    async fn rest(mut self) -> io::Result<()> {
        loop {
            self.forward(self.buffer.len()).await?;
            if !self.fill().await? {
                return self.writer.shutdown().await;
            }
        }
    }

    async fn forward(&mut self, size: usize) -> io::Result<()> {
        self.writer.write_all(&self.buffer[..size]).await?;
        self.buffer.drain(..size);
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<bool> {
        let mut piece = vec![0; PIECE];
        let size = self.reader.read(&mut piece).await?;
        self.buffer.extend(&piece[..size]);
        Ok(size > 0)
    }
}

/// From the server to the client.
struct Down<'a> {
    id: u64,
    shared: &'a Shared,
    reader: Gate<'a>,
    writer: WriteHalf<'a>,
    inserted: mpsc::Receiver<Vec<u8>>,
    phase: &'a watch::Sender<Phase>,
    /// The response to an upgrade, as far as it came.
    head: Vec<u8>,
    tracker: Tracker,
    waiting: VecDeque<Vec<u8>>,
}

impl Down<'_> {
    async fn run(mut self) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            tokio::select! {
                size = self.reader.read(&mut piece) => match size? {
                    0 => return self.writer.shutdown().await,
                    size => self.arrived(&piece[..size]).await?,
                },
                Some(bytes) = self.inserted.recv() => self.insert(bytes).await?,
            }
        }
    }

    async fn arrived(&mut self, bytes: &[u8]) -> io::Result<()> {
        let phase = *self.phase.borrow();
        match phase {
            Phase::Http => self.writer.write_all(bytes).await,
            Phase::Socket => self.frames(bytes).await,
            Phase::Asking(role) => {
                self.head.extend(bytes);
                let Some(end) = self.head.windows(4).position(|end| end == b"\r\n\r\n") else {
                    return Ok(());
                };
                let response = std::mem::take(&mut self.head);
                let (head, rest) = response.split_at(end + 4);
                if head.starts_with(b"HTTP/1.1 101") {
                    if let Some(link) = self.shared.links().get_mut(&self.id) {
                        link.role = Some(role);
                    }
                    self.phase.send_replace(Phase::Socket);
                    self.writer.write_all(head).await?;
                    self.frames(rest).await
                } else {
                    self.phase.send_replace(Phase::Http);
                    self.writer.write_all(&response).await
                }
            }
        }
    }

    async fn frames(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !self.waiting.is_empty() && !bytes.is_empty() {
            let (now, later) = bytes.split_at(self.tracker.feed_to_boundary(bytes));
            self.writer.write_all(now).await?;
            bytes = later;
            if self.tracker.at_boundary()
                && let Some(inserted) = self.waiting.pop_front()
            {
                self.writer.write_all(&inserted).await?;
            }
        }
        self.tracker.feed(bytes);
        self.writer.write_all(bytes).await
    }

    async fn insert(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let phase = *self.phase.borrow();
        if phase == Phase::Socket && !self.tracker.at_boundary() {
            self.waiting.push_back(bytes);
            return Ok(());
        }
        self.writer.write_all(&bytes).await
    }
}

/// What both directions obey, and how many bytes they hold together.
struct Obeyed {
    flow: watch::Receiver<Flow>,
    held: Arc<AtomicUsize>,
}

/// A reader that obeys the [`Flow`].
struct Gate<'a> {
    reader: ReadHalf<'a>,
    flow: watch::Receiver<Flow>,
    total: &'a AtomicUsize,
    held: Vec<u8>,
    ended: bool,
}

impl<'a> Gate<'a> {
    fn new(reader: ReadHalf<'a>, obeyed: &'a Obeyed) -> Self {
        let flow = obeyed.flow.clone();
        Self { reader, flow, total: &obeyed.held, held: Vec::new(), ended: false }
    }

    /// As `read` of a reader, when bytes pass; waits otherwise. Can be cancelled without loss.
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let flow = *self.flow.borrow_and_update();
            match flow {
                Flow::Pass if !self.held.is_empty() => {
                    let size = self.held.len().min(into.len());
                    into[..size].copy_from_slice(&self.held[..size]);
                    self.held.drain(..size);
                    self.total.fetch_sub(size, Ordering::Relaxed);
                    return Ok(size);
                }
                Flow::Pass if self.ended => return Ok(0),
                Flow::Pass => tokio::select! {
                    size = self.reader.read(into) => return size,
                    changed = self.flow.changed() => changed.map_err(io::Error::other)?,
                },
                Flow::Hold if !self.ended && self.held.len() < HELD => {
                    let mut piece = vec![0; PIECE];
                    tokio::select! {
                        size = self.reader.read(&mut piece) => {
                            let size = size?;
                            self.held.extend(&piece[..size]);
                            self.total.fetch_add(size, Ordering::Relaxed);
                            self.ended = size == 0;
                        }
                        changed = self.flow.changed() => changed.map_err(io::Error::other)?,
                    }
                }
                Flow::Hold | Flow::Stop => {
                    self.flow.changed().await.map_err(io::Error::other)?;
                }
            }
        }
    }
}
