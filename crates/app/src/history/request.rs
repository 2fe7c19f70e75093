//! The last requests of a port, in memory only: bounded in number and in bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adit_tunnel::inspect::{Again, Ending, Exchange, Message, Unfit, mask_query};
use jiff::Timestamp;

/// Requests that are kept of a port.
const REQUESTS: usize = 200;

/// The bytes that they may take, which bodies use up before the number does. Full means that the oldest go.
const BYTES: usize = 2 * 1024 * 1024;

/// A request, as a list and its details show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number among those of its port since the application started, from 1.
    pub number: u64,
    /// When its answer was seen.
    pub at: Timestamp,
    /// Its method.
    pub method: Box<str>,
    /// Its target, with the values of its query hidden.
    pub path: Box<str>,
    /// The status of its answer, if there was one.
    pub status: Option<u16>,
    /// From its head to the head of its answer.
    pub waited: Option<Duration>,
    /// How long it took.
    pub took: Duration,
    /// Bytes of its body.
    pub sent: u64,
    /// Bytes of its answer's body.
    pub received: u64,
    /// How it ended.
    pub ending: Ending,
    /// The number of the request that this one was sent again of; nothing where a visitor sent it.
    pub again: Option<u64>,
    /// Its headers and body, where they were kept.
    pub request: Option<Box<Message>>,
    /// Those of its answer, where there was one.
    pub response: Option<Box<Message>>,
    target: Target,
}

/// A target with its query, which does not print.
#[derive(Clone, PartialEq, Eq)]
struct Target(Box<str>);

/// The last requests of a port, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    items: VecDeque<Arc<Request>>,
    bytes: usize,
    seen: u64,
}

impl Request {
    fn new(number: u64, exchange: &Exchange, again: Option<u64>, at: Timestamp) -> Self {
        let kept = |message: &Option<Box<Message>>| {
            message.clone().map(|message| Box::new(message.detached()))
        };
        Self {
            number,
            at,
            method: exchange.method.clone(),
            path: mask_query(&exchange.target).into(),
            status: exchange.status,
            waited: exchange.waited,
            took: exchange.took,
            sent: exchange.sent,
            received: exchange.received,
            ending: exchange.ending,
            again,
            request: kept(&exchange.request),
            response: kept(&exchange.response),
            target: Target(exchange.target.clone()),
        }
    }

    /// The target as it was sent. Values in its query may be secrets: for a person who asked to see them, and for what
    /// sends the request again.
    pub fn target(&self) -> &str {
        &self.target.0
    }

    /// The request as it can be sent to the local server again.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where not all of it is here.
    pub fn to_again(&self) -> Result<Again, Unfit> {
        Again::new(&self.method, self.target(), self.sent, self.request.as_deref())
    }

    /// About how many bytes it takes in memory.
    fn size(&self) -> usize {
        let texts = self.method.len() + self.path.len() + self.target.0.len();
        let messages = [&self.request, &self.response];
        let messages: usize = messages.into_iter().flatten().map(|message| message.size()).sum();
        size_of::<Self>() + texts + messages
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_query(&self.0))
    }
}

impl Requests {
    /// Adds the newest; `again` is the number of the one that it was sent again of.
    pub(super) fn push(&mut self, exchange: &Exchange, again: Option<u64>, at: Timestamp) {
        self.seen += 1;
        let request = Request::new(self.seen, exchange, again, at);
        self.bytes += request.size();
        self.items.push_back(Arc::new(request));
        // The newest stays, whatever its size: it is bounded where it comes from.
        while self.items.len() > REQUESTS || (self.bytes > BYTES && self.items.len() > 1) {
            self.drop_oldest();
        }
    }

    /// Drops the oldest; `false` when there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.items.pop_front() else { return false };
        self.bytes -= oldest.size();
        true
    }

    /// About how many bytes they take in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Request>> {
        self.items.iter()
    }

    /// The one of that number, while it is kept.
    pub fn find(&self, number: u64) -> Option<&Arc<Request>> {
        let at = self.items.binary_search_by_key(&number, |request| request.number).ok()?;
        self.items.get(at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use adit_tunnel::inspect::{Inspector, Keep, Observation};
    use adit_wire::clock;

    use super::*;

    /// What is seen of a request and its answer, with heads and bodies.
    pub(crate) fn exchange(request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) -> Exchange {
        let keep = Keep::heads();
        keep.bodies(80, true);
        let (inspector, mut seen) = Inspector::keeping(keep);
        let (mut tap, now) = (inspector.tap(80, false), clock::now());
        tap.request(request.as_ref(), now);
        tap.response(response.as_ref(), now);
        match seen.try_recv().unwrap().observation {
            Observation::Exchange(exchange) => exchange,
            other => panic!("{other:?}"),
        }
    }

    /// A request of which an observer kept heads and bodies.
    pub(crate) fn request(request: impl AsRef<[u8]>) -> Request {
        let exchange = exchange(request, "HTTP/1.1 204 No Content\r\n\r\n");
        Request::new(1, &exchange, None, Timestamp::UNIX_EPOCH)
    }

    fn post(body: usize) -> Exchange {
        let head = format!("POST /a?key=hunter2 HTTP/1.1\r\nContent-Length: {body}\r\n\r\n");
        let request = [head.as_bytes(), &vec![b'x'; body]].concat();
        exchange(request, "HTTP/1.1 204 No Content\r\n\r\n")
    }

    #[test]
    fn the_last_200_are_kept_and_keep_their_numbers() {
        let mut requests = Requests::default();
        let small = post(0);
        (0..250).for_each(|second| {
            requests.push(&small, None, Timestamp::from_second(second).unwrap());
        });
        assert_eq!(requests.len(), REQUESTS);
        assert_eq!(requests.find(51).unwrap().at, Timestamp::from_second(50).unwrap());
        assert_eq!(requests.find(250).unwrap().number, 250);
        assert!(requests.find(50).is_none() && requests.find(251).is_none());
    }

    #[test]
    fn bodies_push_old_requests_out_before_their_number_does() {
        let mut requests = Requests::default();
        let large = post(60_000);
        (0..100).for_each(|_| requests.push(&large, None, Timestamp::UNIX_EPOCH));
        assert!((20..=BYTES / 60_000).contains(&requests.len()), "{}", requests.len());
        assert!(requests.bytes() <= BYTES);
        while requests.drop_oldest() {}
        assert_eq!(requests.bytes(), 0);
    }

    #[test]
    fn what_a_query_carries_is_for_those_who_ask_for_it() {
        let mut requests = Requests::default();
        requests.push(&post(1), Some(7), Timestamp::UNIX_EPOCH);
        let request = requests.find(1).unwrap();
        assert_eq!((&*request.path, request.target()), ("/a?key=•••", "/a?key=hunter2"));
        assert_eq!(request.again, Some(7));
        assert!(!format!("{requests:?}").contains("hunter2"));
    }
}
