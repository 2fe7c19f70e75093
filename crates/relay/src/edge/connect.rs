//! New connections to local servers, in the language they speak.
//!
//! Where the port's protocol is `auto`, the language is found out at the first visit and
//! remembered. No request depends on a guess: one that can be sent again without harm is sent in
//! plain HTTP, and again over TLS only to a server that has just proved to speak TLS, which
//! therefore cannot have understood it the first time. For any other request the server is asked
//! first ([`probe`]).

use std::time::Duration;

use adit_wire::net::Stream;
use adit_wire::{clock, tls};

use super::Shared;
use super::conn::Conn;
use super::pool::{Known, Speech};
use super::probe;
use super::problem::Problem;
use super::visit::Visit;

/// How long TLS may take to be agreed. A server that speaks something else may just wait.
const AGREEING: Duration = Duration::from_secs(10);

impl Shared {
    /// Makes a new connection for a visit. A request is `careful` that cannot be sent again.
    pub(super) async fn connect(
        &self,
        visit: &Visit,
        known: Known,
        careful: bool,
    ) -> Result<Box<Conn>, Problem> {
        let no_tls = |_| Problem::NoTls(visit.number);
        match (visit.said(), known.speech) {
            (Some(Speech::Tls), _) => self.secure(visit).await?.map_err(no_tls),
            (Some(Speech::Plain), _) | (None, Some(Speech::Plain)) => self.plain(visit).await,
            (None, Some(Speech::Tls)) => match self.secure(visit).await? {
                // It spoke something else, and heard nothing of the request.
                Err(tls::Error::NotTls(_)) => {
                    visit.port.learn(None, None);
                    self.plain(visit).await
                }
                agreed => agreed.map_err(no_tls),
            },
            (None, None) if careful && self.probe(visit).await? == Speech::Tls => {
                self.secure(visit).await?.map_err(no_tls)
            }
            (None, None) => self.plain(visit).await,
        }
    }

    /// Asks the local server whether it speaks TLS, and remembers the answer.
    pub(super) async fn probe(&self, visit: &Visit) -> Result<Speech, Problem> {
        let stream = self.open(visit).await?;
        let secure = probe::speaks_tls(stream).await.map_err(|_| Problem::Closed(visit.number))?;
        let speech = if secure { Speech::Tls } else { Speech::Plain };
        visit.port.learn(Some(speech), Some(clock::now()));
        Ok(speech)
    }

    async fn plain(&self, visit: &Visit) -> Result<Box<Conn>, Problem> {
        self.speak(visit, self.open(visit).await?, Speech::Plain).await
    }

    async fn secure(&self, visit: &Visit) -> Result<Result<Box<Conn>, tls::Error>, Problem> {
        let stream = self.open(visit).await?;
        let agreeing = self.tls.connect(stream, "localhost");
        let Ok(agreed) = clock::until(clock::now() + AGREEING, agreeing).await else {
            return Err(Problem::NoTls(visit.number));
        };
        match agreed {
            Ok(stream) => self.speak(visit, stream, Speech::Tls).await.map(Ok),
            Err(error) => {
                tracing::debug!(port = visit.number, %error, "no TLS with a local server");
                Ok(Err(error))
            }
        }
    }

    async fn speak(
        &self,
        visit: &Visit,
        stream: Stream,
        speech: Speech,
    ) -> Result<Box<Conn>, Problem> {
        let conn = Conn::new(stream, speech).await;
        conn.map(Box::new).map_err(|_| Problem::Closed(visit.number))
    }

    async fn open(&self, visit: &Visit) -> Result<Stream, Problem> {
        self.counters.opened.inc();
        let opening = self.upstream.open(&visit.record.id, visit.number, visit.peer.addr);
        let opened = match visit.options.timeout {
            Some(limit) => clock::until(clock::now() + limit, opening)
                .await
                .map_err(|_| Problem::HostSilent(visit.number))?,
            None => opening.await,
        };
        opened.map_err(|error| Problem::opening(error, visit.number))
    }
}
