//! Removes a port and makes it again, where that is the only way to change it, and loses none.
//!
//! What the port was and shall be is written down first ([`Journal`]). What can pass is waited out
//! for as long as somebody waits for it; then, or when the process ends in between, whoever looks at
//! the tunnel next makes the port again.

use std::io;
use std::time::{Duration, Instant};

use adit_proto::access::Scope;
use adit_proto::backoff::Backoff;
use adit_proto::contracts::{AccessControl, Tunnel, TunnelPort};
use adit_proto::token::Secret;
use adit_wire::clock;

use super::by_hand::{Shell, by_hand};
use super::change::missing;
use super::journal::{Held, Journal, Remake};
use super::line::invalid;
use super::merge::{changed, filled, unended};
use super::{Cli, locator};
use crate::management::rest::port_body;
use crate::management::{Confirmed, Error, Locator};
use crate::random;

/// How long it is tried to make a removed port again while somebody waits for it.
const WITHIN: Duration = Duration::from_secs(45);

/// The bounds of the waits between these tries.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), 2, Duration::from_secs(8));

/// How long another port that is made again may hold this one up.
const OTHERS: Duration = Duration::from_secs(60);

/// A port that was made again.
struct Again {
    port: TunnelPort,
    /// Why it is as it was, if it is.
    refused: Option<Error>,
}

impl Cli {
    /// Removes a port and makes it again as it was, except for what is to change.
    ///
    /// It is read whole from the service: what the command shows of a port is not all there is. To those
    /// who may only change ports a service need not tell who has access, so the token may do all that its owner may.
    pub(super) async fn remake_port(
        &self,
        at: &Locator,
        port: &TunnelPort,
        _: Confirmed,
    ) -> Result<TunnelPort, Error> {
        let number = port.port_number;
        let shown = self.show(at).await?;
        let at = locator(&shown).unwrap_or_else(|| at.clone());
        let token = self.token(&at, Scope::Manage).await?;
        let before = self.look_up(&at, number, &token, None).await?;
        let held = self.held().await?;
        let noted = match &held {
            Some(held) => held.of(&at, number, clock::wall()).map_err(unnoted)?,
            None => None,
        };
        let there = self.look_up(&at, number, &token, before).await?;
        let known = match (there, &held, noted) {
            // It is removed already.
            (None, Some(held), Some(noted)) => {
                return self.make_noted(&at, port, noted, held, &token).await;
            }
            (None, ..) => return Err(missing(number)),
            (Some(there), _, None) => there,
            (Some(there), _, Some(noted)) => {
                self.pauses().over(&noted);
                filled(&there, &noted.new)
            }
        };
        let (old, new) = (port_body(&known), port_body(&changed(port, &known)));
        let remake = Remake::new(&at, old, new, clock::wall());
        self.exchange(&at, &remake, held.as_ref(), &token).await
    }

    /// Makes a port with what it had, where somebody adds one that is to be made again: what they say of it goes before
    /// that. Nothing is done about other ports.
    pub(super) async fn add_noted(
        &self,
        at: &Locator,
        port: &TunnelPort,
    ) -> Result<Option<TunnelPort>, Error> {
        if !self.is_noted(at, port.port_number) {
            return Ok(None);
        }
        let token = self.token(at, Scope::Manage).await?;
        let Some(held) = self.held().await? else { return Ok(None) };
        match held.of(at, port.port_number, clock::wall()).map_err(unnoted)? {
            Some(noted) => self.make_noted(at, port, noted, &held, &token).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a port is to be made again, with more than whoever adds it may know.
    pub(super) fn is_noted(&self, at: &Locator, port: u16) -> bool {
        let pending = self.journal().map(|journal| journal.pending(at, clock::wall()));
        pending.unwrap_or_default().iter().any(|remake| remake.port() == port)
    }

    /// Makes ports again that were removed for that and are still missing, or have less than they had. One that cannot
    /// be made now is left for the next look.
    pub(super) async fn whole(&self, mut tunnel: Tunnel) -> Tunnel {
        let (Some(journal), Some(at)) = (self.journal(), locator(&tunnel)) else { return tunnel };
        for remake in journal.pending(&at, clock::wall()) {
            match self.finish(journal, &at, &tunnel, &remake).await {
                Ok(Some(port)) => {
                    tracing::info!(tunnel = %at, port = remake.port(), "a removed port was made again");
                    let ports = tunnel.ports.get_or_insert_default();
                    ports.retain(|it| it.port_number != port.port_number);
                    ports.push(port);
                }
                Ok(None) => {}
                Err(error) if self.pauses().failed(&remake, &error, clock::now(), random()) => {
                    tracing::warn!(tunnel = %at, port = remake.port(), %error, "a removed port is still to be made again");
                }
                Err(error) => {
                    tracing::debug!(tunnel = %at, port = remake.port(), %error, "a removed port is still to be made again");
                }
            }
        }
        tunnel
    }

    /// The port, if something was left to be done about it and its pause is over.
    async fn finish(
        &self,
        journal: &Journal,
        at: &Locator,
        tunnel: &Tunnel,
        remake: &Remake,
    ) -> Result<Option<TunnelPort>, Error> {
        let shown = tunnel.port(remake.port());
        if shown.is_some_and(|shown| !remake.is_over(shown, clock::wall()))
            || !self.pauses().is_due(remake, clock::now())
        {
            return Ok(None);
        }
        // Whoever has it is about to make the port.
        let take = || journal.try_take().map_err(unnoted);
        if take()?.is_none() {
            return Ok(None);
        }
        // They may have to wait for their turn, which holds up nobody else.
        let token = self.token(at, Scope::Manage).await?;
        let there = match shown {
            Some(_) => self.look_up(at, remake.port(), &token, None).await?,
            None => None,
        };
        let Some(held) = take()? else { return Ok(None) };
        let Some(remake) = held.current(remake).map_err(unnoted)? else { return Ok(None) };
        if let Some(there) = there {
            return self.fill(at, &there, &remake, &held, &token).await;
        }
        let again = self.make_again(at, &remake, Some(&held), &token, clock::now()).await?;
        if let Some(error) = again.refused {
            tracing::warn!(tunnel = %at, port = remake.port(), %error, "a removed port was made again as it was");
        }
        Ok(Some(again.port))
    }

    /// Gives a port that somebody has made meanwhile what it had. Nothing if it has all of that.
    async fn fill(
        &self,
        at: &Locator,
        there: &TunnelPort,
        remake: &Remake,
        held: &Held,
        token: &Secret,
    ) -> Result<Option<TunnelPort>, Error> {
        let port = port_body(&filled(there, &unended(&remake.new)));
        let filled = match port == port_body(there) {
            true => None,
            false => Some(self.rest().update_port_with(at, &port, token).await?),
        };
        self.strike(Some(held), remake);
        Ok(filled)
    }

    /// Removes a port and makes it as it shall be.
    async fn exchange(
        &self,
        at: &Locator,
        remake: &Remake,
        held: Option<&Held>,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        if let Some(held) = held {
            held.note(remake).map_err(unnoted)?;
        }
        let deadline = clock::now() + WITHIN;
        let remove = || self.rest().delete_port_with(at, remake.port(), token);
        if let Err(error) = repeated(deadline, remove).await {
            // An earlier try may have removed it and lost its answer, so only the port itself tells.
            if self.rest().get_port_with(at, remake.port(), token).await.is_ok() {
                self.strike(held, remake);
                return Err(error);
            }
            return Err(unmade(at, remake, held.is_some(), error));
        }
        self.make_asked(at, remake, held, token, deadline).await
    }

    /// The port with everything that the service knows of it, if it is there. Where the service does not tell who has
    /// access, the command has to be asked, unless that was done `before`: it may have to wait for its turn, which
    /// nobody does who holds the journal.
    async fn look_up(
        &self,
        at: &Locator,
        number: u16,
        token: &Secret,
        before: Option<TunnelPort>,
    ) -> Result<Option<TunnelPort>, Error> {
        let mut port = match self.rest().get_port_with(at, number, token).await {
            Ok(port) => port,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        port.access_control = port.access_control.or(before.and_then(|it| it.access_control));
        if port.access_control.is_none() {
            let entries = self.access(at, Some(number)).await?;
            port.access_control = Some(AccessControl { entries });
        }
        Ok(Some(port))
    }

    /// Makes a port that was removed, except for what somebody who waits for it changes.
    async fn make_noted(
        &self,
        at: &Locator,
        port: &TunnelPort,
        noted: Remake,
        held: &Held,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        let mut remake = noted;
        let at = remake.tunnel().unwrap_or_else(|| at.clone());
        remake.new = port_body(&changed(port, &remake.new));
        held.note(&remake).map_err(unnoted)?;
        self.make_asked(&at, &remake, Some(held), token, clock::now() + WITHIN).await
    }

    /// Makes a port for somebody who waits for it as they asked for it.
    async fn make_asked(
        &self,
        at: &Locator,
        remake: &Remake,
        held: Option<&Held>,
        token: &Secret,
        deadline: Instant,
    ) -> Result<TunnelPort, Error> {
        match self.make_again(at, remake, held, token, deadline).await {
            Ok(Again { refused: None, port }) => Ok(port),
            Ok(Again { refused: Some(refused), .. }) => Err(refused),
            Err(error) => {
                self.pauses().failed(remake, &error, clock::now(), random());
                Err(error)
            }
        }
    }

    /// Makes a port that was removed: as it shall be, or as it was where that is refused.
    async fn make_again(
        &self,
        at: &Locator,
        remake: &Remake,
        held: Option<&Held>,
        token: &Secret,
        deadline: Instant,
    ) -> Result<Again, Error> {
        let make = |port: &TunnelPort| {
            let port = unended(port);
            repeated(deadline, move || self.make_port(at, port.clone(), token))
        };
        let refused = match make(&remake.new).await {
            Ok(port) => {
                self.strike(held, remake);
                return Ok(Again { port, refused: None });
            }
            Err(error) if error.is_transient() || error.requires_sign_in() => {
                return Err(unmade(at, remake, held.is_some(), error));
            }
            Err(error) => error,
        };
        match make(&remake.old).await {
            Ok(port) => {
                self.strike(held, remake);
                Ok(Again { port, refused: Some(refused) })
            }
            // It comes back as it was once that has passed.
            Err(error) if error.is_transient() => {
                tracing::debug!(tunnel = %at, port = remake.port(), error = %refused, "a port is refused as it shall be");
                Err(unmade(at, remake, held.is_some(), error))
            }
            Err(error) => {
                tracing::debug!(tunnel = %at, port = remake.port(), %error, "a port could not be restored");
                Err(unmade(at, remake, held.is_some(), refused))
            }
        }
    }

    async fn make_port(
        &self,
        at: &Locator,
        port: TunnelPort,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        match self.rest().create_port_with(at, &port, token).await {
            // An answer was lost, or somebody has made it meanwhile with less than it had.
            Err(Error::Conflict(_)) => self.rest().update_port_with(at, &port, token).await,
            answer => answer,
        }
    }

    /// The journal, if there is one.
    async fn held(&self) -> Result<Option<Held>, Error> {
        let Some(journal) = self.journal() else { return Ok(None) };
        journal.take(clock::now() + OTHERS).await.map(Some).map_err(unnoted)
    }

    /// Nothing is left to be done about it.
    fn strike(&self, held: Option<&Held>, remake: &Remake) {
        // What is there shows the next time that it can be crossed out.
        if let Some(Err(error)) = held.map(|held| held.strike(remake)) {
            tracing::warn!(port = remake.port(), %error, "a port that was made again is not crossed out");
        }
        self.pauses().over(remake);
    }

    /// Ports of a tunnel that somebody is about to remove are not made again. One that is made meanwhile is there when
    /// this returns, to be removed.
    pub(super) async fn forget(&self, at: &Locator, port: Option<u16>) -> Result<(), Error> {
        let Some(journal) = self.journal() else { return Ok(()) };
        let pending = || {
            let mut pending = journal.pending(at, clock::wall());
            pending.retain(|remake| port.is_none_or(|port| port == remake.port()));
            pending
        };
        if pending().is_empty() {
            return Ok(());
        }
        let Some(held) = self.held().await? else { return Ok(()) };
        for remake in pending() {
            held.strike(&remake).map_err(unnoted)?;
            self.pauses().over(&remake);
        }
        Ok(())
    }
}

/// Makes a call until it succeeds, is refused, or would have to be waited for beyond the deadline.
async fn repeated<T, F>(deadline: Instant, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut backoff = RETRY;
    loop {
        let error = match call().await {
            Err(error) if error.is_transient() => error,
            decided => return decided,
        };
        let wait = backoff.next_at_least(error.retry_after().unwrap_or_default(), random());
        match clock::now().checked_add(wait).filter(|again| *again < deadline) {
            Some(again) => clock::sleep_until(again).await,
            None => return Err(error),
        }
    }
}

/// Nothing was removed, because what is to be made again, or is not, could not be written down.
fn unnoted(error: io::Error) -> Error {
    invalid(&format!("which ports are to be made again could not be written down: {error}"))
}

fn unmade(at: &Locator, remake: &Remake, kept: bool, source: Error) -> Error {
    let port = remake.port();
    let by_hand = by_hand(at, &remake.new, Shell::OWN).into();
    Error::Unmade { port, by_hand, kept, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::Said;

    /// What comes of a call that fails like this `times`, how often it was made, and how long it took.
    async fn tried(times: usize, error: impl Fn() -> Error) -> (bool, usize, Duration) {
        let (begun, mut made) = (clock::now(), 0);
        let result = repeated(begun + WITHIN, || {
            made += 1;
            let result = if made > times { Ok(()) } else { Err(error()) };
            async { result }
        });
        let succeeded = result.await.is_ok();
        (succeeded, made, clock::now() - begun)
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_pass_is_waited_out_up_to_the_deadline() {
        let (succeeded, made, took) = tried(4, || Error::busy(None)).await;
        assert!(succeeded && made == 5 && took < Duration::from_secs(8), "{made} in {took:?}");
        let (succeeded, made, took) = tried(usize::MAX, || Error::busy(None)).await;
        assert!(!succeeded && made > 6 && took < WITHIN, "{made} in {took:?}");
        let soon = Some(Duration::from_secs(20));
        let (succeeded, made, took) = tried(1, || Error::busy(soon)).await;
        assert!(succeeded && made == 2 && took >= Duration::from_secs(20), "{made} in {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_and_a_wait_beyond_the_deadline_are_the_answer_at_once() {
        let refused = tried(1, || Error::Forbidden(Said::default())).await;
        assert_eq!(refused, (false, 1, Duration::ZERO));
        for wait in [WITHIN, Duration::MAX] {
            assert_eq!(tried(1, || Error::busy(Some(wait))).await, (false, 1, Duration::ZERO));
        }
    }
}
