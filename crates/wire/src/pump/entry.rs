//! What the pump keeps of one channel.

use std::sync::Arc;

use adit_proto::ssh::Pieces;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::OpenError;
use crate::channel::{Flow, Inbound};

/// The pump's end of a channel.
pub(super) struct Entry {
    inbox: mpsc::Sender<Inbound>,
    late: Late,
    flow: Arc<Flow>,
    /// Tells who asked for it that the peer answered, while it has not.
    opening: Option<oneshot::Sender<Result<bool, OpenError>>>,
}

/// What a full inbox could not take: bounded by the channel's credit, in few pieces.
#[derive(Debug, Default)]
struct Late {
    data: Pieces,
    /// The ends that follow the data.
    eof: bool,
    closed: bool,
}

impl Entry {
    pub(super) fn new(
        inbox: mpsc::Sender<Inbound>,
        flow: Arc<Flow>,
        opening: Option<oneshot::Sender<Result<bool, OpenError>>>,
    ) -> Self {
        Self { inbox, late: Late::default(), flow, opening }
    }

    pub(super) fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Whether something waits for a place in the inbox.
    pub(super) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// The peer answered, or will not any more: tells who asked, who may be gone.
    pub(super) fn answer(&mut self, answer: Result<bool, OpenError>) {
        if let Some(opening) = self.opening.take() {
            let _ = opening.send(answer);
        }
    }

    /// Puts something into the inbox, or behind what waits for it; false if nobody reads.
    pub(super) fn deliver(&mut self, inbound: Inbound) -> bool {
        if !self.late.is_empty() {
            self.late.push(inbound);
            return true;
        }
        match self.inbox.try_send(inbound) {
            Ok(()) => true,
            Err(TrySendError::Full(inbound)) => {
                self.late.push(inbound);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    /// Moves what waits into the inbox; true if that was the last of a closed channel.
    pub(super) fn deliver_late(&mut self) -> bool {
        while !self.late.is_empty() {
            match self.inbox.try_reserve() {
                Ok(place) => {
                    let Some(inbound) = self.late.pop() else { return false };
                    let closed = matches!(inbound, Inbound::Closed);
                    place.send(inbound);
                    if closed {
                        return true;
                    }
                }
                Err(TrySendError::Full(())) => return false,
                Err(TrySendError::Closed(())) => {
                    let closed = self.late.closed;
                    self.late = Late::default();
                    return closed;
                }
            }
        }
        false
    }
}

impl Late {
    fn is_empty(&self) -> bool {
        self.data.is_empty() && !self.eof && !self.closed
    }

    fn push(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Data(data) => self.data.push(data),
            Inbound::Eof => self.eof = true,
            Inbound::Closed => self.closed = true,
        }
    }

    fn pop(&mut self) -> Option<Inbound> {
        if let Some(data) = self.data.take(usize::MAX) {
            return Some(Inbound::Data(data));
        }
        if std::mem::take(&mut self.eof) {
            return Some(Inbound::Eof);
        }
        std::mem::take(&mut self.closed).then_some(Inbound::Closed)
    }
}

#[cfg(test)]
mod tests {
    use adit_proto::ssh::Account;
    use bytes::Bytes;

    use super::*;
    use crate::channel::INBOX;

    fn entry() -> (Entry, mpsc::Receiver<Inbound>) {
        let (inbox, receiver) = mpsc::channel(INBOX);
        let flow = Arc::new(Flow::new(Arc::new(Account::new(Arc::default()))));
        (Entry::new(inbox, flow, None), receiver)
    }

    #[test]
    fn bytes_that_come_one_by_one_wait_in_few_pieces_and_their_ends_come_after_them() {
        let (mut entry, mut receiver) = entry();
        let credit = 256 * 1024;
        for _ in 0..credit {
            assert!(entry.deliver(Inbound::Data(Bytes::from_static(b"x"))));
        }
        entry.deliver(Inbound::Eof);
        entry.deliver(Inbound::Closed);
        assert!(entry.late.data.count() <= 8, "{} pieces", entry.late.data.count());
        let (mut bytes, mut ends) = (0, Vec::new());
        loop {
            let last = entry.deliver_late();
            while let Ok(inbound) = receiver.try_recv() {
                match inbound {
                    Inbound::Data(data) => bytes += data.len(),
                    end => ends.push(end),
                }
            }
            if last {
                break;
            }
        }
        assert_eq!(bytes, credit);
        assert!(matches!(ends[..], [Inbound::Eof, Inbound::Closed]), "{ends:?}");
    }

    #[test]
    fn what_waits_for_a_reader_that_is_gone_is_let_go() {
        let (mut entry, receiver) = entry();
        for _ in 0..2 * INBOX {
            entry.deliver(Inbound::Data(Bytes::from_static(b"x")));
        }
        entry.deliver(Inbound::Closed);
        drop(receiver);
        assert!(entry.deliver_late());
        assert!(!entry.is_late());
    }
}
