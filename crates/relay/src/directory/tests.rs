//! The directory over both stores.

use super::*;
use crate::store::tests::{at, tunnel, user};
use crate::store::{Memory, Sqlite};

const DAY: Duration = Duration::from_secs(86_400);

fn on_disk(folder: &tempfile::TempDir) -> Directory {
    let store = Sqlite::open(&folder.path().join("store")).unwrap();
    Directory::open(Box::new(store), None, Writing::OnThread).unwrap()
}

fn in_memory() -> Directory {
    Directory::open(Box::new(Memory::default()), None, Writing::InPlace).unwrap()
}

async fn put(directory: &Directory, record: TunnelRecord) {
    directory
        .change(|draft| {
            draft.put(record);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_is_seen_announced_and_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let directory = on_disk(&folder);
    let mut changes = directory.changes();
    put(&directory, TunnelRecord { name: Some("my-app".into()), ..tunnel("quiet-fox") }).await;
    assert_eq!(changes.recv().await, Ok(Change::Tunnel("quiet-fox".parse().unwrap())));
    assert_eq!(directory.find("my-app").unwrap().id.as_str(), "quiet-fox");
    directory.close().await;
    let again = on_disk(&folder);
    assert_eq!(again.find("my-app").unwrap().id.as_str(), "quiet-fox");
    assert_eq!(again.tunnels_of(&tunnel("x-1").owner).len(), 1);
}

#[tokio::test]
async fn of_many_who_claim_one_id_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Arc::new(on_disk(&folder));
    let claims = (0..50).map(|_| {
        let directory = directory.clone();
        async move {
            directory
                .change(|draft| {
                    let record = tunnel("quiet-fox");
                    if draft.tunnel(&record.id).is_some() {
                        return Err(StoreError::Taken("the id"));
                    }
                    draft.put(record);
                    Ok(())
                })
                .await
                .is_ok()
        }
    });
    let mut won = 0;
    for claim in claims.map(|claim| adit_wire::task::spawn("claim", claim)).collect::<Vec<_>>() {
        let mut claim = claim;
        won += usize::from(claim.join().await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn what_was_refused_or_not_persisted_is_never_seen() {
    let directory = in_memory();
    let refused: Result<(), _> = directory
        .change(|draft| {
            draft.put(tunnel("quiet-fox"));
            Err(StoreError::Full)
        })
        .await;
    assert!(refused.is_err());
    assert!(directory.find("quiet-fox").is_none());
    directory.close().await;
    let closed = directory
        .change(|draft| {
            draft.put(tunnel("quiet-fox"));
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(closed, Err(StoreError::Closed)));
    assert!(directory.find("quiet-fox").is_none());
}

#[tokio::test]
async fn unused_tunnels_go_and_used_ones_stay_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let directory = on_disk(&folder);
    put(&directory, tunnel("unused")).await;
    put(&directory, TunnelRecord { custom_expiration: Some(3600), ..tunnel("short") }).await;
    put(&directory, tunnel("used")).await;
    directory.find("used").unwrap().used.touch(at(1000));
    assert_eq!(directory.sweep(at(5000), DAY, Duration::from_secs(60)).await.unwrap(), 1);
    assert!(directory.find("short").is_none());
    directory.close().await;
    let again = on_disk(&folder);
    assert_eq!(again.sweep(at(86_402), DAY, DAY).await.unwrap(), 1);
    assert!(again.find("unused").is_none() && again.find("used").is_some());
}

#[tokio::test]
async fn epochs_grow_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for _ in 0..2 {
        let directory = on_disk(&folder);
        for _ in 0..300 {
            let epoch = directory.next_epoch().await.unwrap();
            assert!(epoch > last);
            last = epoch;
        }
        directory.close().await;
    }
}

#[tokio::test]
async fn a_user_revoked_by_another_process_is_noticed_and_announced() {
    let folder = tempfile::tempdir().unwrap();
    let directory = on_disk(&folder);
    directory.refresh_users().await.unwrap();
    let mut changes = directory.changes();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    other.commit(&[Write::User(user("ann").into())]).unwrap();
    directory.refresh_users().await.unwrap();
    assert_eq!(changes.recv().await, Ok(Change::Users));
    assert!(directory.user(&user("ann").id).unwrap().active);
    other.commit(&[Write::User(User { active: false, ..user("ann") }.into())]).unwrap();
    directory.refresh_users().await.unwrap();
    assert!(!directory.user_with_key(&user("ann").key).unwrap().active);
}

#[tokio::test]
async fn the_embedded_owner_outlives_a_refresh_of_users() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("store")).unwrap();
    let directory =
        Directory::open(Box::new(store), Some(user("owner")), Writing::OnThread).unwrap();
    directory.refresh_users().await.unwrap();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    other.commit(&[Write::User(user("bob").into())]).unwrap();
    directory.refresh_users().await.unwrap();
    assert_eq!(directory.users().len(), 2);
}
