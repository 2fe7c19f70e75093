//! Happy eyeballs (RFC 8305): several addresses tried in turn without waiting for each to fail.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::clock;

/// Connects to the first of `addresses` that answers. Each gets `stagger` of a head start before
/// the next is tried as well; one that fails makes way at once.
///
/// # Errors
///
/// Every address's error, if none answered.
pub(super) async fn connect(
    addresses: impl IntoIterator<Item = SocketAddr>,
    stagger: Duration,
) -> Result<TcpStream, Vec<io::Error>> {
    let starts = addresses.into_iter().map(TcpStream::connect);
    let stream = first(starts, stagger).await?;
    // Every user batches its own writes. A socket that refuses this is gone, and says so next.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The addresses in the order of the resolver, but with the families alternating, so that a
/// family that leads nowhere costs one head start only. Doubles are dropped.
pub(super) fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut families: [VecDeque<SocketAddr>; 2] = Default::default();
    let mut v6_first = None;
    for address in addresses {
        let first = *v6_first.get_or_insert(address.is_ipv6());
        let family = &mut families[usize::from(address.is_ipv6() != first)];
        if !family.contains(&address) {
            family.push_back(address);
        }
    }
    let [mut first, mut second] = families;
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        mixed.extend(first.pop_front());
        mixed.extend(second.pop_front());
    }
    mixed
}

/// The first success among futures that are started one after the other.
async fn first<F, T, E>(
    futures: impl IntoIterator<Item = F>,
    stagger: Duration,
) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = futures.into_iter();
    let mut running = Vec::new();
    let mut errors = Vec::new();
    loop {
        let next = waiting.next();
        let last = next.is_none();
        running.extend(next.map(Box::pin));
        if running.is_empty() {
            return Err(errors);
        }
        let failed = poll_fn(|context| poll_any(&mut running, context));
        let outcome = match last {
            true => failed.await,
            false => match clock::until(clock::now() + stagger, failed).await {
                Ok(outcome) => outcome,
                Err(clock::Late) => continue,
            },
        };
        match outcome {
            Ok(value) => return Ok(value),
            Err(error) => errors.push(error),
        }
    }
}

/// Polls all, in order; removes and returns the first that is done.
fn poll_any<F: Future>(
    running: &mut Vec<Pin<Box<F>>>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    for index in 0..running.len() {
        if let Poll::Ready(output) = running[index].as_mut().poll(context) {
            drop(running.remove(index));
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGGER: Duration = Duration::from_millis(250);

    /// An attempt that takes so many milliseconds to end as told.
    async fn attempt(millis: u64, outcome: Result<u8, u8>) -> Result<u8, u8> {
        clock::sleep(Duration::from_millis(millis)).await;
        outcome
    }

    async fn race(attempts: &[(u64, Result<u8, u8>)]) -> (Result<u8, Vec<u8>>, u128) {
        let start = clock::now();
        let outcome = first(attempts.iter().map(|it| attempt(it.0, it.1)), STAGGER).await;
        (outcome, clock::now().duration_since(start).as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_delays_by_one_head_start_only() {
        assert_eq!(race(&[(60_000, Ok(1)), (20, Ok(2))]).await, (Ok(2), 270));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_address_still_wins_if_it_answers_first() {
        assert_eq!(race(&[(300, Ok(1)), (100, Ok(2))]).await, (Ok(1), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_makes_way_at_once() {
        assert_eq!(race(&[(10, Err(1)), (10, Err(2)), (10, Ok(3))]).await, (Ok(3), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn all_errors_are_told_if_none_answers() {
        assert_eq!(race(&[(300, Err(1)), (10, Err(2))]).await, (Err(vec![2, 1]), 300));
        assert_eq!(race(&[]).await, (Err(vec![]), 0));
    }

    #[test]
    fn families_alternate_and_the_resolver_decides_who_is_first() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|it| it.parse().unwrap()).collect()
        };
        let resolved = parse("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1");
        let mixed = parse("[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1");
        assert_eq!(interleave(resolved), mixed);
        let resolved = parse("1.1.1.1:1 2.2.2.2:1 [::1]:1");
        assert_eq!(interleave(resolved), parse("1.1.1.1:1 [::1]:1 2.2.2.2:1"));
    }
}
