//! Where definitions, users and the epoch counter are kept.
//!
//! A [`Store`] is synchronous and has one owner, the directory's writer; nothing else reads from it
//! while the relay runs. A batch of writes is applied whole or not at all.

mod memory;
mod sqlite;

use std::sync::Arc;

use adit_proto::id::TunnelId;
use jiff::Timestamp;

use crate::record::{TunnelRecord, User};

pub use memory::Memory;
pub use sqlite::Sqlite;

/// Keeps what must outlive the process.
pub trait Store: Send {
    /// Every tunnel.
    ///
    /// # Errors
    /// When it cannot be read.
    fn tunnels(&mut self) -> Result<Vec<TunnelRecord>, StoreError>;

    /// Every user, revoked ones too.
    ///
    /// # Errors
    /// When it cannot be read.
    fn users(&mut self) -> Result<Vec<User>, StoreError>;

    /// Applies all of `writes` durably, or none.
    ///
    /// # Errors
    /// When nothing was applied.
    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError>;

    /// Reserves `count` epochs that were never reserved before, and returns the first.
    ///
    /// # Errors
    /// When none was reserved.
    fn reserve_epochs(&mut self, count: u64) -> Result<u64, StoreError>;

    /// Whether another process has written since the last call.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn changed_elsewhere(&mut self) -> Result<bool, StoreError>;
}

/// One change.
#[derive(Debug, Clone)]
pub enum Write {
    /// Adds or replaces a tunnel.
    Tunnel(Arc<TunnelRecord>),
    /// Removes a tunnel.
    Remove(TunnelId),
    /// Moves a tunnel's time of last use.
    Used(TunnelId, Timestamp),
    /// Adds or replaces a user.
    User(Arc<User>),
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the relay's disk is full")]
    Full,
    /// Something unique is there already.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// The file is from a later version of this program.
    #[error("the store has format {found}; this program knows formats up to {known}")]
    Newer {
        /// The file's format.
        found: i64,
        /// The latest that is known here.
        known: i64,
    },
    /// A row could not be understood.
    #[error("the store's record of {0} is damaged")]
    Damaged(Box<str>),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
    /// Another process writes now.
    #[error("another process has taken the store over")]
    HandedOver,
    /// SQLite refused.
    #[error("the store failed")]
    Sqlite(#[source] rusqlite::Error),
}

/// The name of the SQLite file in the data directory.
pub(crate) const FILE: &str = "relay.sqlite3";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::{EndpointRecord, KeyHash, LastUse, PortRecord, ShareRecord};

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(crate) fn tunnel(id: &str) -> TunnelRecord {
        TunnelRecord {
            id: id.parse().unwrap(),
            owner: "u-owner".parse().unwrap(),
            name: None,
            description: None,
            domain: None,
            labels: Vec::new(),
            access: Vec::new(),
            options: None,
            custom_expiration: None,
            ports: [(3000, PortRecord::default())].into(),
            endpoint: None,
            shares: Vec::new(),
            created: at(1),
            tokens_valid_from: at(1),
            used: LastUse::new(at(1)),
        }
    }

    pub(crate) fn user(name: &str) -> User {
        User {
            id: format!("u-{name}").parse().unwrap(),
            name: name.into(),
            groups: vec!["team".into(), "ops".into()],
            key: KeyHash([name.len() as u8; 32]),
            created: at(1),
            active: true,
            tokens_valid_from: at(2),
        }
    }

    pub(crate) fn share(id: &str, port: Option<u16>, expires: Timestamp) -> ShareRecord {
        let secret = crate::auth::hash_key(&format!("secret of {id}"));
        ShareRecord { id: id.into(), port, secret, created: at(1), expires }
    }

    fn both(test: impl Fn(&mut dyn Store)) {
        let folder = tempfile::tempdir().unwrap();
        test(&mut Memory::default());
        test(&mut Sqlite::open(&folder.path().join("store")).unwrap());
    }

    #[test]
    fn a_tunnel_comes_back_with_everything_in_it() {
        both(|store| {
            let mut record = tunnel("quiet-fox");
            record.name = Some("my-app".into());
            record.endpoint = Some(EndpointRecord {
                id: "e1".into(),
                host_id: "h1".into(),
                host_public_keys: vec!["AAAA".into()],
                registered: at(5),
            });
            record.shares = vec![share("k1", Some(3000), at(9)), share("k2", None, at(8))];
            store.commit(&[Write::Tunnel(record.clone().into())]).unwrap();
            store.commit(&[Write::Used(record.id.clone(), at(7))]).unwrap();
            let found = store.tunnels().unwrap().remove(0);
            assert_eq!((found.name, found.endpoint), (record.name, record.endpoint));
            assert_eq!(found.shares, record.shares);
            assert_eq!((found.ports, found.used.get()), (record.ports, at(7)));
            store.commit(&[Write::Remove(record.id)]).unwrap();
            assert!(store.tunnels().unwrap().is_empty());
        });
    }

    #[test]
    fn a_name_moves_when_its_loser_is_written_first() {
        both(|store| {
            let named = |id: &str| TunnelRecord { name: Some("my-app".into()), ..tunnel(id) };
            store.commit(&[Write::Tunnel(named("one").into())]).unwrap();
            let batch = [Write::Tunnel(tunnel("one").into()), Write::Tunnel(named("two").into())];
            store.commit(&batch).unwrap();
            let names: Vec<_> = store.tunnels().unwrap().into_iter().map(|t| t.name).collect();
            assert_eq!(names, [None, Some("my-app".into())]);
        });
    }

    #[test]
    fn users_come_back_and_are_altered_in_place() {
        both(|store| {
            store.commit(&[Write::User(user("ann").into())]).unwrap();
            let revoked = User { active: false, ..user("ann") };
            store.commit(&[Write::User(revoked.clone().into())]).unwrap();
            assert_eq!(store.users().unwrap(), [revoked]);
        });
    }

    #[test]
    fn epochs_never_repeat_even_when_reopened() {
        both(|store| {
            assert_eq!(store.reserve_epochs(10).unwrap(), 1);
            assert_eq!(store.reserve_epochs(10).unwrap(), 11);
        });
        let folder = tempfile::tempdir().unwrap();
        let open = || Sqlite::open(&folder.path().join("store")).unwrap();
        assert_eq!(open().reserve_epochs(5).unwrap(), 1);
        assert_eq!(open().reserve_epochs(5).unwrap(), 6);
    }
}
