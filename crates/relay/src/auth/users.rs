//! Adding, listing and revoking users, on the data directory of a relay that may be running.
//!
//! A running relay notices within a second or so.

use std::path::Path;
use std::sync::Arc;

use adit_proto::token::Secret;
use adit_wire::file;
use jiff::Timestamp;

use super::{key, millisecond};
use crate::record::User;
use crate::store::{self, Sqlite, Store, StoreError, Write};

/// Why the users were not changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// A name that cannot be used.
    #[error("a user's name is 1 to 60 letters, digits, dots, hyphens, underscores or @")]
    Name,
    /// A group that cannot be used.
    #[error("a group's name is 1 to 60 letters, digits, dots, hyphens, underscores or @")]
    Group,
    /// There is an active user of that name.
    #[error("there is a user {0} already; revoke it first to give it a new key")]
    Exists(Box<str>),
    /// There is no active user of that name.
    #[error("there is no active user {0}")]
    Unknown(Box<str>),
    /// The system has no randomness to give.
    #[error("no key could be made")]
    Random,
    /// The store failed.
    #[error("the users could not be read or written")]
    Store(#[from] StoreError),
    /// The data directory cannot be made.
    #[error("the data directory cannot be made")]
    Directory(#[from] std::io::Error),
}

/// Adds a user and returns its API key, which is shown nowhere again.
///
/// The name of a revoked user gets a new key and keeps its tunnels; its old tokens stay void.
///
/// # Errors
/// When there is an active user of that name, the name or a group will not do, or the store failed.
pub fn add(
    data_dir: &Path,
    name: &str,
    groups: &[String],
    now: Timestamp,
) -> Result<(User, Secret), UsersError> {
    if !is_name(name) {
        return Err(UsersError::Name);
    }
    if !groups.iter().all(|group| is_name(group)) {
        return Err(UsersError::Group);
    }
    let mut store = open(data_dir)?;
    let secret = key::generate().map_err(|_| UsersError::Random)?;
    let key = key::hash(secret.expose());
    let user = match store.users()?.into_iter().find(|user| *user.name == *name) {
        Some(user) if user.active => return Err(UsersError::Exists(name.into())),
        Some(user) => User { key, groups: groups.to_vec(), active: true, ..user },
        None => User {
            id: key::user_id().map_err(|_| UsersError::Random)?,
            name: name.into(),
            groups: groups.to_vec(),
            key,
            created: millisecond(now),
            active: true,
            tokens_valid_from: millisecond(now),
        },
    };
    store.commit(&[Write::User(Arc::new(user.clone()))])?;
    Ok((user, secret))
}

/// All users, revoked ones too, by name.
///
/// # Errors
/// When the store failed.
pub fn list(data_dir: &Path) -> Result<Vec<User>, UsersError> {
    let mut users = open(data_dir)?.users()?;
    users.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(users)
}

/// Takes a user's key and tokens away. Its tunnels stay, for when it is added again.
///
/// # Errors
/// When there is no active user of that name, or the store failed.
pub fn revoke(data_dir: &Path, name: &str, now: Timestamp) -> Result<User, UsersError> {
    let mut store = open(data_dir)?;
    let found = store.users()?.into_iter().find(|user| user.active && *user.name == *name);
    let user = found.ok_or_else(|| UsersError::Unknown(name.into()))?;
    let user = User { active: false, tokens_valid_from: millisecond(now), ..user };
    store.commit(&[Write::User(Arc::new(user.clone()))])?;
    Ok(user)
}

fn open(data_dir: &Path) -> Result<Sqlite, UsersError> {
    file::make_private_directory(data_dir)?;
    Ok(Sqlite::open(&data_dir.join(store::FILE))?)
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
    (1..=60).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_user_is_added_once_revoked_and_added_again_with_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = &folder.path().join("new");
        let (ann, first) = add(data_dir, "ann", &["team".into()], at(10)).unwrap();
        assert!(matches!(add(data_dir, "ann", &[], at(11)), Err(UsersError::Exists(_))));
        revoke(data_dir, "ann", at(20)).unwrap();
        assert!(matches!(revoke(data_dir, "ann", at(21)), Err(UsersError::Unknown(_))));
        let (again, second) = add(data_dir, "ann", &[], at(30)).unwrap();
        assert_eq!(again.id, ann.id);
        assert_eq!(again.tokens_valid_from, at(20));
        assert_ne!(first.expose(), second.expose());
        assert_eq!(list(data_dir).unwrap(), [again]);
    }

    #[test]
    fn no_file_holds_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let (_, secret) = add(folder.path(), "ann", &[], at(10)).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let key = secret.expose().as_bytes();
            assert!(!bytes.windows(key.len()).any(|window| window == key));
        }
    }

    #[test]
    fn names_are_plain() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "a b", "a\nb", &"x".repeat(61), "é"] {
            let refused = add(folder.path(), name, &[], at(10));
            assert!(matches!(refused, Err(UsersError::Name)), "{name}");
        }
    }
}
