//! What a process lets its peers make it hold, over all of its sessions.
//!
//! Credit that was given cannot be taken back, so it is the credit that is counted, not only the
//! bytes that came of it: a peer may use all of it at once. To it come the bytes that wait to be
//! sent.
//!
//! What full means: no byte is dropped and nobody is cut off. One session may have an eighth of
//! what is left at that moment, so that many greedy ones leave the next one as much as they have
//! themselves. Sessions that have more get it taken back as their channels use up their windows,
//! down to [`Limits::min_window`](super::Limits::min_window) each, which a channel always has: it
//! goes on, only slower. So a process promises [`Budget::limit`] and, for each channel and
//! direction, little more than that minimum. What it holds is usually far less, since most of what
//! may come does not; a peer that wraps little in much on purpose can make it a small multiple
//! ([`Pieces`](super::Pieces) says which).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The part of what is left that one session may have.
const SHARE: usize = 8;

/// Bytes that the sessions of a process share. Without a limit unless it is given one.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    promised: AtomicUsize,
    waiting: AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, promised: AtomicUsize::new(0), waiting: AtomicUsize::new(0) }
    }

    /// Bytes that may be promised.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that peers may send or have sent, and bytes that wait to be sent to them.
    pub fn promised(&self) -> usize {
        self.promised.load(Ordering::Relaxed)
    }

    /// Those of them that are there: received and not used yet, or not sent yet.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether nothing is left.
    pub fn is_full(&self) -> bool {
        self.promised() >= self.limit
    }

    /// What one session may have in all at this moment, of the `most` that it may ever have.
    fn share(&self, most: usize) -> usize {
        (self.limit.saturating_sub(self.promised()) / SHARE).min(most)
    }
}

/// One session's part of a [`Budget`], in one direction. Whatever is still in it goes back with
/// it.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    promised: AtomicUsize,
    waiting: AtomicUsize,
}

impl Account {
    /// An empty one.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, promised: AtomicUsize::new(0), waiting: AtomicUsize::new(0) }
    }

    /// The budget behind it.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Counts bytes that may come.
    pub fn promise(&self, n: usize) {
        self.promised.fetch_add(n, Ordering::Relaxed);
        self.budget.promised.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes [`Account::promise`] back.
    pub fn release(&self, n: usize) {
        self.promised.fetch_sub(n, Ordering::Relaxed);
        self.budget.promised.fetch_sub(n, Ordering::Relaxed);
    }

    /// Counts bytes that are there.
    pub fn hold(&self, n: usize) {
        self.waiting.fetch_add(n, Ordering::Relaxed);
        self.budget.waiting.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes [`Account::hold`] back.
    pub fn let_go(&self, n: usize) {
        self.waiting.fetch_sub(n, Ordering::Relaxed);
        self.budget.waiting.fetch_sub(n, Ordering::Relaxed);
    }

    /// Bytes promised.
    pub fn promised(&self) -> usize {
        self.promised.load(Ordering::Relaxed)
    }

    /// Bytes that may still be promised by a session that may have `most` in all, of which it now
    /// gets its share; negative when it has promised more.
    pub fn room(&self, most: usize) -> i64 {
        self.budget.share(most) as i64 - self.promised() as i64
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.promised.fetch_sub(*self.promised.get_mut(), Ordering::Relaxed);
        self.budget.waiting.fetch_sub(*self.waiting.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_sessions_leave_the_next_one_as_much_as_they_have() {
        let budget = Arc::new(Budget::new(1_000_000));
        let accounts: Vec<_> = (0..20).map(|_| Account::new(budget.clone())).collect();
        for _ in 0..100 {
            for account in &accounts {
                account.promise(account.room(50_000).clamp(0, 1000) as usize);
            }
        }
        assert!(!budget.is_full());
        let most = accounts.iter().map(Account::promised).max().unwrap();
        let next = Account::new(budget.clone()).room(50_000) as usize;
        assert!(next + 1000 >= most && next > 20_000, "{next} after {most} each");
    }

    #[test]
    fn what_a_session_still_had_comes_back_with_its_end() {
        let budget = Arc::new(Budget::new(1000));
        let account = Account::new(budget.clone());
        account.promise(1200);
        account.hold(300);
        assert!(budget.is_full());
        assert_eq!(account.room(1000), -1200);
        account.release(700);
        account.let_go(100);
        assert_eq!((budget.promised(), budget.waiting()), (500, 200));
        drop(account);
        assert_eq!((budget.promised(), budget.waiting()), (0, 0));
    }
}
