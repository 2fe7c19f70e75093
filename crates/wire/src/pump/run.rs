//! The pump's loop.

use std::{
    collections::{HashMap, VecDeque},
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use adit_proto::{
    relay::{Ending, Output as RoleOutput, Role},
    ssh::{Account, ChannelId, Due, Error, Monitor, disconnect, open_failure},
};
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::Sleep,
};

use super::{Config, Control, Event, OpenError, Opening, Traffic, entry::Entry, output::Output};
use crate::{
    channel::{Channel, Flow, INBOX, Inbound, Incoming, Op},
    clock,
    ws::{self, Item, Opcode},
};

/// Operations taken from the queue at once.
const BATCH: usize = 128;
/// Bytes asked of the socket at once: grows while reads fill it, shrinks when they do not.
const MIN_READ: usize = 4 * 1024;
const MAX_READ: usize = 256 * 1024;
/// Time for the last words of a session that ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// Time for readers to take what was received before a session's end.
const LAST_READ: Duration = Duration::from_secs(30);
/// A websocket's normal closure (RFC 6455 section 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;

/// The queues between a pump and the rest.
pub(super) struct Wiring<R: Role> {
    pub(super) controls: mpsc::Receiver<Control<R::Command>>,
    pub(super) op: mpsc::Sender<Op>,
    pub(super) ops: mpsc::Receiver<Op>,
    pub(super) event: mpsc::Sender<Event<R::Event>>,
    pub(super) traffic: Arc<Traffic>,
}

pub(super) struct Pump<R: Role, S> {
    role: R,
    stream: S,
    input: BytesMut,
    read_size: usize,
    decoder: ws::Decoder,
    output: Output,
    monitor: Monitor,
    wiring: Wiring<R>,
    batch: Vec<Op>,
    channels: HashMap<ChannelId, Entry>,
    /// Channels that their owner has closed and of which something is still to be sent.
    closing: HashMap<ChannelId, Arc<Flow>>,
    /// Bytes of all channels that wait to be sent.
    queued: Arc<Account>,
    /// Events the owner had no room for.
    late: VecDeque<Event<R::Event>>,
    delivering: Option<Delivering<R::Event>>,
    timer: Pin<Box<Sleep>>,
    /// The ping that waits for its answer.
    pong: Option<Bytes>,
    /// Asked to disconnect: with what, and when at the latest.
    leaving: Option<(u32, String, Instant)>,
    ending: Option<Ending>,
}

type Delivering<E> = Pin<Box<dyn Future<Output = Option<Permit<E>>> + Send>>;
type Permit<E> = mpsc::OwnedPermit<Event<E>>;

impl<R, S> Pump<R, S>
where
    R: Role<Command: Send, Event: Send> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new(
        config: Config,
        mut role: R,
        stream: S,
        received: Bytes,
        wiring: Wiring<R>,
    ) -> Self {
        let now = clock::now();
        let queued = Arc::new(Account::new(role.session().budget().clone()));
        Self {
            role,
            output: Output::new(config.role, stream.is_write_vectored()),
            stream,
            input: BytesMut::from(received),
            read_size: MIN_READ,
            decoder: ws::Decoder::new(config.role),
            monitor: Monitor::new(config.ping, now),
            wiring,
            batch: Vec::with_capacity(BATCH),
            channels: HashMap::new(),
            closing: HashMap::new(),
            queued,
            late: VecDeque::new(),
            delivering: None,
            timer: Box::pin(tokio::time::sleep_until((now + FAREWELL).into())),
            pong: None,
            leaving: None,
            ending: None,
        }
    }

    pub(super) async fn run(mut self) {
        if let Err(ending) = self.serve().await {
            self.ending.get_or_insert(ending);
        }
        // From here on nothing is carried out: who still asks learns it at once, and an owner that
        // waits to ask can take its events.
        self.wiring.controls.close();
        while self.wiring.controls.try_recv().is_ok() {}
        // Channels learn it before the owner does.
        self.channels.retain(|_, entry| {
            entry.flow().close();
            entry.answer(Err(OpenError::Ended));
            entry.is_late()
        });
        self.wiring.traffic.channels.store(0, Ordering::Relaxed);
        let ending = self.ending.take().unwrap_or(Ending::Local);
        tracing::debug!(?ending, "session ended");
        let silent = matches!(ending, Ending::Lost(_));
        let mut last = std::mem::take(&mut self.late);
        last.push_back(Event::Ended(ending));
        let event = self.wiring.event.clone();
        let tell = async {
            for told in last {
                let _ = event.send(told).await;
            }
        };
        let leave = async {
            if !silent {
                let _ = clock::until(clock::now() + FAREWELL, self.say_goodbye()).await;
            }
            let _ = clock::until(clock::now() + LAST_READ, self.deliver_rest()).await;
        };
        tokio::join!(tell, leave);
    }

    async fn serve(&mut self) -> Result<(), Ending> {
        self.receive_input()?;
        loop {
            self.settle()?;
            self.leave_if_done();
            if self.ending.is_some() {
                return Ok(());
            }
            poll_fn(|context| self.poll(context)).await?;
        }
    }

    /// Lets readers have what was received before the end.
    async fn deliver_rest(&mut self) {
        while !self.channels.is_empty() {
            match self.wiring.ops.recv().await {
                Some(Op::Consumed(id, _)) => {
                    if let Some(entry) = self.channels.get_mut(&id) {
                        entry.deliver_late();
                        if !entry.is_late() {
                            self.channels.remove(&id);
                        }
                    }
                }
                Some(Op::Close(id)) => {
                    self.channels.remove(&id);
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Sends what is left, the close frame last.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        while let Some(packet) = self.role.session().poll_transmit() {
            self.output.packet(&packet);
        }
        self.output.control(Opcode::Close, &NORMAL_CLOSURE.to_be_bytes());
        poll_fn(|context| self.output.poll_write(&mut self.stream, context)).await?;
        self.stream.flush().await?;
        self.stream.shutdown().await
    }

    /// Lets the role say everything it has to say, and fills the output with packets.
    fn settle(&mut self) -> Result<(), Ending> {
        loop {
            match self.role.poll() {
                Ok(Some(output)) => self.handle(output),
                Ok(None) => break,
                Err(error) => return Err(self.fail(error)),
            }
        }
        if !self.output.is_full()
            && let Some(payload) = self.pong.take()
        {
            self.output.control(Opcode::Pong, &payload);
        }
        while !self.output.is_full() {
            let Some(packet) = self.role.session().poll_transmit() else { break };
            if let Some((channel, n)) = packet.channel_data() {
                self.wiring.traffic.sent.fetch_add(n as u64, Ordering::Relaxed);
                self.sent(channel, n);
            }
            self.output.packet(&packet);
        }
        Ok(())
    }

    fn sent(&mut self, channel: ChannelId, n: usize) {
        if let Some(entry) = self.channels.get(&channel) {
            entry.flow().sent(n);
        } else if let Some(flow) = self.closing.get(&channel) {
            flow.sent(n);
            if self.role.session().queued(channel) == 0 {
                self.closing.remove(&channel);
            }
        }
    }

    /// Waits until anything moved: ready as soon as one source gave something.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        let mut moved = false;
        if !self.output.is_empty() {
            let full = self.output.is_full();
            match self.output.poll_write(&mut self.stream, context) {
                Poll::Ready(result) => {
                    result.map_err(lost)?;
                    moved = true;
                }
                Poll::Pending => moved |= full && !self.output.is_full(),
            }
        }
        // TLS takes bytes before it sends them.
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(context) {
            return Poll::Ready(Err(lost(error)));
        }
        moved |= self.poll_late(context);
        // Operations before controls: what a channel sent before its session was asked to
        // disconnect belongs before the DISCONNECT.
        moved |= self.poll_ops(context);
        moved |= self.poll_controls(context);
        moved |= self.poll_read(context)?;
        moved |= self.poll_timer(context)?;
        if moved || self.ending.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Gives the owner what it had no room for.
    fn poll_late(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.late.is_empty() {
            let event = &self.wiring.event;
            let delivering = self.delivering.get_or_insert_with(|| {
                let reserve = event.clone().reserve_owned();
                Box::pin(async { reserve.await.ok() })
            });
            let Poll::Ready(permit) = delivering.as_mut().poll(context) else { break };
            self.delivering = None;
            moved = true;
            match (permit, self.late.pop_front()) {
                (Some(permit), Some(event)) => {
                    permit.send(event);
                }
                _ => self.late.clear(),
            }
        }
        moved
    }

    fn poll_controls(&mut self, context: &mut Context<'_>) -> bool {
        if self.leaving.is_some() {
            return false;
        }
        match self.wiring.controls.poll_recv(context) {
            Poll::Pending => return false,
            Poll::Ready(Some(control)) => self.control(control),
            Poll::Ready(None) => {
                self.leave(disconnect::BY_APPLICATION, String::new());
            }
        }
        true
    }

    fn control(&mut self, control: Control<R::Command>) {
        match control {
            Control::Role(command) => {
                self.role.command(command);
            }
            Control::Open(command, answer) => self.open(command, answer),
            Control::Disconnect(reason, description) => self.leave(reason, description),
            Control::Prove(within) => {
                self.output.control(Opcode::Ping, b"");
                self.monitor.doubt(within, clock::now());
            }
            Control::Kill => self.ending = Some(Ending::Lost("ended on purpose".into())),
        }
    }

    /// Disconnects once the channels have said what they had to say, or soon anyway.
    fn leave(&mut self, reason: u32, description: String) {
        self.leaving = Some((reason, description, clock::now() + FAREWELL));
    }

    fn leave_if_done(&mut self) {
        let Some((reason, description, deadline)) = &self.leaving else { return };
        let unsaid = !self.wiring.ops.is_empty() || self.role.session().has_unsent();
        if !unsaid || clock::now() >= *deadline {
            self.role.session().disconnect(*reason, description);
            self.ending.get_or_insert(Ending::Local);
        }
    }

    fn poll_ops(&mut self, context: &mut Context<'_>) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        // The pump holds a sender itself, so that this queue never ends before it does.
        let some = self.wiring.ops.poll_recv_many(context, &mut batch, BATCH).is_ready();
        let now = clock::now();
        for op in batch.drain(..) {
            self.op(op, now);
        }
        self.batch = batch;
        some
    }

    fn op(&mut self, op: Op, now: Instant) {
        match op {
            Op::Data(id, data) => {
                if self.channels.contains_key(&id) {
                    self.role.session().push(id, data, now);
                }
            }
            Op::Consumed(id, n) => {
                self.role.session().consumed(id, n, now);
                let Some(entry) = self.channels.get_mut(&id) else { return };
                // The session may have let go of a channel whose bytes are not all read yet.
                if entry.deliver_late() {
                    self.forget(id);
                }
            }
            Op::Eof(id) => self.role.session().eof(id, now),
            Op::Close(id) => {
                self.role.session().close(id, now);
                let unsent = self.role.session().queued(id) > 0;
                // Its queue still drains, and counts until then; its owner is gone.
                if let Some(entry) = self.forget(id).filter(|_| unsent) {
                    self.closing.insert(id, entry.flow().clone());
                }
            }
            Op::Accept(id, encrypted) => self.role.accept(id, encrypted),
            Op::Reject(id, reason, description) => {
                self.role.session().reject(id, reason, &description);
                self.forget(id);
            }
        }
    }

    fn forget(&mut self, id: ChannelId) -> Option<Entry> {
        let entry = self.channels.remove(&id);
        self.wiring.traffic.channels.store(self.channels.len(), Ordering::Relaxed);
        entry
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        if !self.late.is_empty() || self.role.session().is_congested() || self.ending.is_some() {
            return Ok(false);
        }
        let wanted = self.decoder.wanted().max(self.read_size);
        self.input.reserve(wanted);
        let room = self.input.capacity() - self.input.len();
        let read = {
            let read = pin!(self.stream.read_buf(&mut self.input));
            read.poll(context)
        };
        let n = match read {
            Poll::Ready(Ok(0)) => {
                return Err(Ending::Lost("the peer closed the connection".into()));
            }
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) => return Err(lost(error)),
            Poll::Pending => {
                // An idle session holds no buffer.
                if self.input.is_empty() && self.input.capacity() > 0 {
                    self.input = BytesMut::new();
                    self.read_size = MIN_READ;
                }
                return Ok(false);
            }
        };
        if n >= room {
            self.read_size = (self.read_size * 2).min(MAX_READ);
        } else if n < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(MIN_READ);
        }
        self.monitor.heard(clock::now());
        self.receive_input()?;
        Ok(true)
    }

    /// Gives the session what the websocket holds.
    fn receive_input(&mut self) -> Result<(), Ending> {
        let now = clock::now();
        loop {
            let item = match self.decoder.decode(&mut self.input) {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Ending::Lost(error.to_string())),
            };
            match item {
                Item::Data(bytes) => {
                    if let Err(error) = self.role.session().receive(bytes, now) {
                        // What came before the error still counts.
                        let _ = self.settle();
                        return Err(Ending::Failed(error));
                    }
                }
                // Only the latest needs an answer (RFC 6455 section 5.5.3).
                Item::Ping(payload) => self.pong = Some(payload),
                Item::Pong => {}
                Item::Close(code) => {
                    self.settle()?;
                    let code = code.map_or(String::new(), |code| format!(" with code {code}"));
                    let text = format!("the peer closed the websocket{code}");
                    self.ending.get_or_insert(Ending::Lost(text));
                    return Ok(());
                }
            }
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let leaving = self.leaving.as_ref().map(|(_, _, deadline)| *deadline);
        let deadlines = [self.role.session().poll_timeout(), self.monitor.deadline(), leaving];
        let Some(deadline) = deadlines.into_iter().flatten().min() else { return Ok(false) };
        if self.timer.deadline().into_std() != deadline {
            self.timer.as_mut().reset(deadline.into());
        }
        if self.timer.as_mut().poll(context).is_pending() {
            return Ok(false);
        }
        let now = clock::now();
        match self.monitor.check(now) {
            Due::Nothing => {}
            Due::Ask => self.output.control(Opcode::Ping, b""),
            Due::Lost => return Err(Ending::Failed(Error::Silent)),
        }
        self.role.handle_timeout(now).map_err(Ending::Failed)?;
        let session = self.role.session();
        self.closing.retain(|&id, _| session.queued(id) > 0);
        Ok(true)
    }

    fn fail(&mut self, error: Error) -> Ending {
        self.role.session().disconnect(error.disconnect_reason(), &error.to_string());
        Ending::Failed(error)
    }

    fn handle(&mut self, output: RoleOutput<R::Event>) {
        match output {
            RoleOutput::Event(event) => self.tell(Event::Role(event)),
            RoleOutput::Incoming { channel, event } => match self.channel(channel, None) {
                Some(made) => self.tell(Event::Incoming(event, Incoming::new(made))),
                None => {
                    let text = "too many connections at once on this session";
                    self.role.session().reject(channel, open_failure::RESOURCE_SHORTAGE, text);
                }
            },
            RoleOutput::Opened { channel, encrypted } => {
                if let Some(entry) = self.channels.get_mut(&channel) {
                    entry.answer(Ok(encrypted));
                }
            }
            RoleOutput::OpenFailed { channel, failure } => {
                if let Some(mut entry) = self.forget(channel) {
                    entry.answer(Err(OpenError::Refused(failure)));
                }
            }
            RoleOutput::Data { channel, data } => {
                self.wiring.traffic.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                let len = data.len();
                let delivered = self
                    .channels
                    .get_mut(&channel)
                    .is_some_and(|entry| entry.deliver(Inbound::Data(data)));
                if !delivered {
                    // Nobody reads this any more; the peer must not wait for it.
                    self.role.session().consumed(channel, len, clock::now());
                }
            }
            RoleOutput::Eof { channel } => {
                if let Some(entry) = self.channels.get_mut(&channel) {
                    entry.deliver(Inbound::Eof);
                }
            }
            RoleOutput::Closed { channel } => {
                self.closing.remove(&channel);
                let Some(entry) = self.channels.get_mut(&channel) else { return };
                entry.flow().close();
                entry.deliver(Inbound::Closed);
                if !entry.is_late() {
                    self.forget(channel);
                }
            }
            RoleOutput::Ended(ending) => {
                self.ending.get_or_insert(ending);
            }
        }
    }

    fn tell(&mut self, event: Event<R::Event>) {
        if self.late.is_empty() {
            match self.wiring.event.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) => self.late.push_back(event),
                // Nobody listens: that is the owner's choice.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        } else {
            self.late.push_back(event);
        }
    }

    /// Makes the two ends of a channel's queues; `None` when there is no place for its CLOSE.
    /// `opening` is told of the peer's answer, if it is the peer who is asked.
    fn channel(
        &mut self,
        id: ChannelId,
        opening: Option<oneshot::Sender<Result<bool, OpenError>>>,
    ) -> Option<Channel> {
        let permit = self.wiring.op.clone().try_reserve_owned().ok()?;
        let (inbox, receiver) = mpsc::channel(INBOX);
        let flow = Arc::new(Flow::new(self.queued.clone()));
        let channel = Channel::new(id, self.wiring.op.clone(), permit, receiver, flow.clone());
        self.channels.insert(id, Entry::new(inbox, flow, opening));
        self.wiring.traffic.channels.store(self.channels.len(), Ordering::Relaxed);
        Some(channel)
    }

    /// Asks the peer for a channel. Who asked has it in hand from the start: if they give up, its
    /// drop closes it, as at any other time.
    fn open(&mut self, command: R::Command, answer: oneshot::Sender<Result<Opening, OpenError>>) {
        if self.wiring.op.capacity() == 0 {
            let _ = answer.send(Err(OpenError::TooMany));
            return;
        }
        let Some(id) = self.role.command(command) else {
            let _ = answer.send(Err(OpenError::TooMany));
            return;
        };
        let (confirm, confirmed) = oneshot::channel();
        let Some(channel) = self.channel(id, Some(confirm)) else {
            // The last place went meanwhile.
            self.role.session().close(id, clock::now());
            let _ = answer.send(Err(OpenError::TooMany));
            return;
        };
        let _ = answer.send(Ok(Opening { channel, confirmed }));
    }
}

fn lost(error: io::Error) -> Ending {
    Ending::Lost(error.to_string())
}
