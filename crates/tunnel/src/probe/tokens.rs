//! Connect tokens for looks: got when a gate asks for one, kept while they are good.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Short, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use adit_proto::access::Scope;
use adit_proto::host::life;
use adit_proto::token::{self, Secret};
use adit_wire::clock;
use tokio::sync::Mutex;

use crate::management::{Error, Locator, Management};

/// How long before its end a token is no longer used: clocks differ.
const MARGIN: Duration = Duration::from_secs(300);
/// How long one is used whose end cannot be read.
const UNREADABLE: Duration = Duration::from_secs(3600);

/// The connect token of one tunnel.
#[derive(Debug)]
pub(super) struct Tokens {
    management: Arc<dyn Management>,
    /// Held for a look or a swap, never across an await.
    held: Short<Option<Token>>,
    /// Held while one is minted: the ports of a tunnel need it at the same time, and once.
    minting: Mutex<()>,
    mints: AtomicU64,
}

/// A token and how long it is used.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    until: Instant,
}

impl Tokens {
    pub(super) fn new(management: Arc<dyn Management>) -> Self {
        let (minting, mints) = (Mutex::default(), AtomicU64::new(0));
        Self { management, held: Short::default(), minting, mints }
    }

    pub(super) fn mints(&self) -> u64 {
        self.mints.load(Ordering::Relaxed)
    }

    /// The token at hand. Without one a look goes without.
    pub(super) fn held(&self) -> Option<Token> {
        self.slot().clone().filter(|token| clock::now() < token.until)
    }

    /// Another token than the one that was refused.
    pub(super) async fn renew(
        &self,
        tunnel: &Locator,
        refused: Option<&Token>,
    ) -> Result<Token, Error> {
        let _one_at_a_time = self.minting.lock().await;
        let another = |held: &Token| refused.is_none_or(|refused| refused.secret != held.secret);
        if let Some(held) = self.held().filter(another) {
            return Ok(held);
        }
        self.mints.fetch_add(1, Ordering::Relaxed);
        let secret = self.management.mint(tunnel, Scope::Connect).await?;
        let exp = token::peek(secret.expose()).and_then(|claims| claims.exp);
        let life = life(exp, clock::wall()).unwrap_or(UNREADABLE);
        // Even a short one serves for this look and the next.
        let used = life.saturating_sub(MARGIN).max(life / 2);
        let token = Token { secret, until: clock::now() + used };
        *self.slot() = Some(token.clone());
        Ok(token)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Token>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
