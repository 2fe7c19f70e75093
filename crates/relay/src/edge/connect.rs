//! New connections to local servers, in the language they speak.
//!
//! Where the port's protocol is `auto`, the language is found out at the first visit and
//! remembered. No request depends on a guess: one that can be sent again without harm is sent in
//! plain HTTP, and again over TLS only to a server that has just proved to speak TLS, which
//! therefore cannot have understood it the first time. For any other request the server is asked
//! first ([`probe`]).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use adit_wire::net::Stream;
use adit_wire::{clock, tls};

use super::Shared;
use super::conn::Conn;
use super::pool::{Generation, Known, Speech};
use super::probe;
use super::problem::Problem;
use super::visit::Visit;
use crate::hub::OpenError;

/// How long TLS may take to be agreed. A server that speaks something else may just wait.
const AGREEING: Duration = Duration::from_secs(10);

impl Shared {
    /// Makes a new connection for a visit. A request is `careful` that cannot be sent again.
    ///
    /// Boxed, because every request would carry the room for it, and few need it.
    pub(super) fn connect<'a>(
        &'a self,
        visit: &'a Visit,
        known: Known,
        careful: bool,
    ) -> Pin<Box<dyn Future<Output = Result<Box<Conn>, Problem>> + Send + 'a>> {
        Box::pin(self.connected(visit, known, careful))
    }

    async fn connected(
        &self,
        visit: &Visit,
        known: Known,
        careful: bool,
    ) -> Result<Box<Conn>, Problem> {
        match (visit.said(), known.speech) {
            (Some(Speech::Tls), _) => {
                self.secure(visit).await?.map_err(|_| Problem::NoTls(visit.number))
            }
            (Some(Speech::Plain), _) | (None, Some(Speech::Plain)) => self.plain(visit).await,
            (None, Some(Speech::Tls)) => self.secure_or_plain(visit).await,
            (None, None) if careful && self.probe(visit).await? => {
                self.secure(visit).await?.map_err(|_| Problem::NoTls(visit.number))
            }
            (None, None) => self.plain(visit).await,
        }
    }

    /// Asks the local server whether it speaks TLS, and remembers it if it does. Boxed likewise.
    pub(super) fn probe<'a>(
        &'a self,
        visit: &'a Visit,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Problem>> + Send + 'a>> {
        Box::pin(async {
            let (stream, _) = self.open(visit).await?;
            let speaks = probe::speaks_tls(stream).await;
            let speaks = speaks.map_err(|_| Problem::Closed(visit.number))?;
            visit.port.tested(speaks, clock::now());
            Ok(speaks)
        })
    }

    /// Where TLS was spoken before.
    async fn secure_or_plain(&self, visit: &Visit) -> Result<Box<Conn>, Problem> {
        let error = match self.secure(visit).await? {
            Ok(conn) => return Ok(conn),
            Err(error) => error,
        };
        visit.port.learn(None);
        match error {
            // It spoke something else, and heard nothing of the request.
            Some(tls::Error::NotTls(_)) => self.plain(visit).await,
            _ => Err(Problem::NoTls(visit.number)),
        }
    }

    async fn plain(&self, visit: &Visit) -> Result<Box<Conn>, Problem> {
        let (stream, generation) = self.open(visit).await?;
        self.speak(visit, stream, Speech::Plain, generation).await
    }

    /// Agrees on TLS. Without an error, no answer came in time.
    async fn secure(
        &self,
        visit: &Visit,
    ) -> Result<Result<Box<Conn>, Option<tls::Error>>, Problem> {
        let (stream, generation) = self.open(visit).await?;
        let agreeing = self.tls.connect(stream, "localhost");
        let Ok(agreed) = clock::until(clock::now() + AGREEING, agreeing).await else {
            return Ok(Err(None));
        };
        match agreed {
            Ok(stream) => self.speak(visit, stream, Speech::Tls, generation).await.map(Ok),
            Err(error) => {
                tracing::debug!(port = visit.number, %error, "no TLS with a local server");
                Ok(Err(Some(error)))
            }
        }
    }

    async fn speak(
        &self,
        visit: &Visit,
        stream: Stream,
        speech: Speech,
        generation: Generation,
    ) -> Result<Box<Conn>, Problem> {
        let conn = Conn::new(stream, speech, generation).await;
        conn.map(Box::new).map_err(|_| Problem::Closed(visit.number))
    }

    async fn open(&self, visit: &Visit) -> Result<(Stream, Generation), Problem> {
        let generation = visit.port.generation();
        let opening = if visit.look {
            self.upstream.look(&visit.record.id, visit.number)
        } else {
            self.counters.opened.inc();
            self.upstream.open(&visit.record.id, visit.number, visit.peer.addr)
        };
        let opened = match visit.options.timeout {
            Some(limit) => clock::until(clock::now() + limit, opening)
                .await
                .map_err(|_| Problem::HostSilent(visit.number))?,
            None => opening.await,
        };
        let stream = opened.map_err(|error| match error {
            OpenError::NoHost | OpenError::Away if self.course.is_handed_over() => {
                Problem::Restarting
            }
            error => Problem::opening(error, visit.number),
        })?;
        Ok((stream, generation))
    }
}
