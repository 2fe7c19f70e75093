//! The store of a relay that is meant to last: one SQLite file.
//!
//! Write-ahead log and a full sync for each commit: what was answered with success is there after
//! a power cut. The relay is the only writer of tunnels; users are also written by the command line
//! while the relay runs, which [`Store::changed_elsewhere`] notices.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, TransactionBehavior, params};

use super::{Store, StoreError, Write};
use crate::record::{KeyHash, LastUse, TunnelRecord, User};

/// Keeps everything in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    data_version: i64,
}

impl Sqlite {
    /// Opens the file, making it or bringing it up to date as needed.
    ///
    /// # Errors
    /// When it cannot be opened or written, or is from a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        migrate(&mut connection)?;
        let data_version = data_version(&connection)?;
        Ok(Self { connection, data_version })
    }
}

impl Sqlite {
    /// Looks whether [`Sqlite::open`] would do and all could be read, without changing the file,
    /// which another process may be writing to.
    ///
    /// # Errors
    /// When it cannot be read, is from a later version, or something in it is damaged.
    pub fn check(path: &Path) -> Result<(), StoreError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        let found = version(&connection)?;
        let known = MIGRATIONS.len() as i64;
        let mut store = Self { connection, data_version: 0 };
        match found.cmp(&known) {
            Ordering::Greater => return Err(StoreError::Newer { found, known }),
            Ordering::Equal => {
                store.tunnels()?;
                store.users()?;
            }
            // What an earlier version wrote is understood once it was brought up to date.
            Ordering::Less => {}
        }
        Ok(())
    }
}

impl Store for Sqlite {
    fn tunnels(&mut self) -> Result<Vec<TunnelRecord>, StoreError> {
        let mut select = self.connection.prepare("SELECT id, used, document FROM tunnels")?;
        let mut rows = select.query([])?;
        let mut tunnels = Vec::new();
        while let Some(row) = rows.next()? {
            tunnels.push(read_tunnel(row)?);
        }
        Ok(tunnels)
    }

    fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, name, groups, key, created, active, tokens_valid_from FROM users",
        )?;
        let mut rows = select.query([])?;
        let mut users = Vec::new();
        while let Some(row) = rows.next()? {
            users.push(read_user(row)?);
        }
        Ok(users)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for write in writes {
            apply(&transaction, write)?;
        }
        Ok(transaction.commit()?)
    }

    fn reserve_epochs(&mut self, count: u64) -> Result<u64, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let last: i64 = self.connection.query_row(
            "UPDATE counters SET value = value + ?1 WHERE name = 'epoch' RETURNING value",
            [count],
            |row| row.get(0),
        )?;
        Ok((last - count).unsigned_abs() + 1)
    }

    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let now = data_version(&self.connection)?;
        Ok(std::mem::replace(&mut self.data_version, now) != now)
    }
}

fn apply(connection: &Connection, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Tunnel(record) => {
            let document = serde_json::to_string(&**record)
                .map_err(|_| StoreError::Damaged(record.id.to_string().into()))?;
            connection
                .prepare_cached(
                    "INSERT INTO tunnels (id, owner, name, used, document)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, name = excluded.name,
                       used = excluded.used, document = excluded.document",
                )?
                .execute(params![
                    record.id.as_str(),
                    record.owner.as_str(),
                    record.name.as_deref(),
                    record.used.get().as_millisecond(),
                    document
                ])?;
        }
        Write::Remove(id) => {
            connection
                .prepare_cached("DELETE FROM tunnels WHERE id = ?1")?
                .execute([id.as_str()])?;
        }
        Write::Used(id, at) => {
            connection
                .prepare_cached("UPDATE tunnels SET used = ?2 WHERE id = ?1")?
                .execute(params![id.as_str(), at.as_millisecond()])?;
        }
        Write::User(user) => write_user(connection, user)?,
    }
    Ok(())
}

fn write_user(connection: &Connection, user: &User) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO users (id, name, groups, key, created, active, tokens_valid_from)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, groups = excluded.groups,
               key = excluded.key, active = excluded.active,
               tokens_valid_from = excluded.tokens_valid_from",
        )?
        .execute(params![
            user.id.as_str(),
            user.name,
            user.groups.join("\n"),
            user.key.0,
            user.created.as_millisecond(),
            user.active,
            user.tokens_valid_from.as_millisecond(),
        ])
        .map(drop)
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreError::Taken("the user's name"),
            _ => error.into(),
        })
}

fn read_tunnel(row: &Row<'_>) -> Result<TunnelRecord, StoreError> {
    let id: Box<str> = row.get(0)?;
    let used = time(row.get(1)?);
    let document: String = row.get(2)?;
    let mut record: TunnelRecord = serde_json::from_str(&document)
        .map_err(|_| StoreError::Damaged(format!("tunnel {id}").into()))?;
    record.used = LastUse::new(used);
    Ok(record)
}

fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    let name: Box<str> = row.get(1)?;
    let damaged = || StoreError::Damaged(format!("user {name}").into());
    let groups: String = row.get(2)?;
    Ok(User {
        id: row.get::<_, String>(0)?.parse().map_err(|_| damaged())?,
        groups: groups.lines().map(Into::into).collect(),
        key: KeyHash(row.get(3)?),
        created: time(row.get(4)?),
        active: row.get(5)?,
        tokens_valid_from: time(row.get(6)?),
        name,
    })
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MIN)
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings the schema up to date, one transaction a step, so that a crash leaves a known version.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (step, version) in MIGRATIONS.iter().zip(1..).skip(found.unsigned_abs() as usize) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    Ok(transaction.commit()?)
}

/// Each entry brings the schema from the version of its index to the next. Never edit one that was
/// released, and take nothing away: if a process that takes over fails after this, the one before goes
/// on with the schema as it then is.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE tunnels (
        id       TEXT PRIMARY KEY,
        owner    TEXT NOT NULL,
        name     TEXT UNIQUE,
        used     INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users (
        id                TEXT PRIMARY KEY,
        name              TEXT NOT NULL UNIQUE,
        groups            TEXT NOT NULL,
        key               BLOB NOT NULL UNIQUE,
        created           INTEGER NOT NULL,
        active            INTEGER NOT NULL,
        tokens_valid_from INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE counters (
        name  TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counters (name, value) VALUES ('epoch', 0);
"];

/// Pages of the log after which it is folded into the file: 256 KiB, where 4 MiB are usual. The log
/// is then written over, so that on a disk that has become full there is room for a deletion.
const LOG_PAGES: u32 = 64;

/// How long to wait for the command line to finish writing a user.
const BUSY: Duration = Duration::from_secs(5);

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Sqlite(error) }
    }
}

/// A full disk shows as "full" or, where SQLite makes room for its shared-memory file, as an
/// input-output error.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull
            || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{at, tunnel};

    #[test]
    fn what_was_committed_survives_a_process_that_never_closed_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Sqlite::open(&path).unwrap();
        store.commit(&[Write::Tunnel(tunnel("quiet-fox").into())]).unwrap();
        std::mem::forget(store);
        let found = Sqlite::open(&path).unwrap().tunnels().unwrap();
        assert_eq!(found[0].id, tunnel("quiet-fox").id);
    }

    #[test]
    fn a_full_disk_refuses_the_whole_batch_and_reading_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&folder.path().join("store")).unwrap();
        store.commit(&[Write::Tunnel(tunnel("first").into())]).unwrap();
        let pages: i64 =
            store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let mut large = tunnel("large");
        large.description = Some("x".repeat(100_000));
        let error = store
            .commit(&[Write::Remove(tunnel("first").id), Write::Tunnel(large.into())])
            .unwrap_err();
        assert!(matches!(error, StoreError::Full), "{error:?}");
        assert_eq!(store.tunnels().unwrap()[0].id, tunnel("first").id);
        store.commit(&[Write::Used(tunnel("first").id, at(9))]).unwrap();
    }

    #[test]
    fn a_file_from_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Sqlite::open(&path).unwrap();
        store.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(store);
        assert!(matches!(Sqlite::check(&path), Err(StoreError::Newer { found: 99, .. })));
        assert!(matches!(Sqlite::open(&path), Err(StoreError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_file_can_be_looked_at_while_another_process_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        assert!(Sqlite::check(&path).is_err(), "there is none, and none is made");
        assert!(!path.exists());
        let mut store = Sqlite::open(&path).unwrap();
        store.commit(&[Write::Tunnel(tunnel("quiet-fox").into())]).unwrap();
        Sqlite::check(&path).unwrap();
        store.connection.execute("UPDATE tunnels SET document = '{'", []).unwrap();
        assert!(matches!(Sqlite::check(&path), Err(StoreError::Damaged(_))));
        store.connection.pragma_update(None, "user_version", 0).unwrap();
        Sqlite::check(&path).unwrap();
    }

    #[test]
    fn a_damaged_row_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&folder.path().join("store")).unwrap();
        store.commit(&[Write::Tunnel(tunnel("quiet-fox").into())]).unwrap();
        store.connection.execute("UPDATE tunnels SET document = '{'", []).unwrap();
        assert!(store.tunnels().unwrap_err().to_string().contains("quiet-fox"));
    }

    #[test]
    fn another_process_s_writes_are_noticed_and_our_own_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let (mut ours, mut theirs) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
        ours.changed_elsewhere().unwrap();
        ours.commit(&[Write::Tunnel(tunnel("quiet-fox").into())]).unwrap();
        assert!(!ours.changed_elsewhere().unwrap());
        theirs.commit(&[Write::Remove(tunnel("quiet-fox").id)]).unwrap();
        assert!(ours.changed_elsewhere().unwrap());
        assert!(!ours.changed_elsewhere().unwrap());
    }
}
