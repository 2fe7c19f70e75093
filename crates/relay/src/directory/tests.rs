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
    directory.refresh().await.unwrap();
    let mut changes = directory.changes();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    other.commit(&[Write::User(user("ann").into())]).unwrap();
    directory.refresh().await.unwrap();
    assert_eq!(changes.recv().await, Ok(Change::Users));
    assert!(directory.user(&user("ann").id).unwrap().active);
    other.commit(&[Write::User(User { active: false, ..user("ann") }.into())]).unwrap();
    directory.refresh().await.unwrap();
    assert!(!directory.user_with_key(&user("ann").key).unwrap().active);
}

#[tokio::test]
async fn the_embedded_owner_outlives_a_refresh_of_users() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("store")).unwrap();
    let directory =
        Directory::open(Box::new(store), Some(user("owner")), Writing::OnThread).unwrap();
    directory.refresh().await.unwrap();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    other.commit(&[Write::User(user("bob").into())]).unwrap();
    directory.refresh().await.unwrap();
    assert_eq!(directory.users().len(), 2);
}

#[tokio::test]
async fn while_it_is_held_changes_wait_and_then_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Arc::new(on_disk(&folder));
    put(&directory, tunnel("quiet-fox")).await;
    directory.find("quiet-fox").unwrap().used.touch(at(7));
    let hold = directory.hold(at(7), DAY).await.unwrap();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    assert_eq!(other.tunnels().unwrap()[0].used.get(), at(7), "stored before the pause");
    let waiting = directory.clone();
    let mut waiting = adit_wire::task::spawn("waiting", async move {
        put(&waiting, tunnel("late-owl")).await;
    });
    tokio::task::yield_now().await;
    assert!(directory.find("late-owl").is_none() && !waiting.is_finished());
    drop(hold);
    waiting.join().await.unwrap();
    assert_eq!(other.tunnels().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_handed_over_is_read_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let directory = on_disk(&folder);
    put(&directory, tunnel("quiet-fox")).await;
    put(&directory, tunnel("lost-cat")).await;
    assert!(directory.next_epoch().await.is_ok());
    directory.hold(at(1), DAY).await.unwrap().release();
    let refused = directory
        .change(|draft| {
            draft.put(tunnel("late-owl"));
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(refused, Err(StoreError::HandedOver)));
    let epoch = directory.next_epoch().await;
    assert!(matches!(epoch, Err(StoreError::HandedOver)), "reserved ones neither: {epoch:?}");
    assert_eq!(directory.sweep(at(1_000_000_000), DAY, Duration::ZERO).await.unwrap(), 0);

    let mut changes = directory.changes();
    let used = directory.find("quiet-fox").unwrap();
    let mut other = Sqlite::open(&folder.path().join("store")).unwrap();
    let named = TunnelRecord { name: Some("my-app".into()), ..tunnel("quiet-fox") };
    let writes = [
        Write::Tunnel(named.into()),
        Write::Remove(tunnel("lost-cat").id),
        Write::Tunnel(tunnel("new-hen").into()),
        Write::User(user("ann").into()),
    ];
    other.commit(&writes).unwrap();
    directory.refresh().await.unwrap();
    assert!(directory.find("lost-cat").is_none() && directory.find("new-hen").is_some());
    used.used.touch(at(9));
    assert_eq!(directory.find("my-app").unwrap().used.get(), at(9));
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert_eq!(told.len(), 4, "{told:?}");
    other.commit(&[Write::Used(tunnel("new-hen").id, at(50))]).unwrap();
    directory.refresh().await.unwrap();
    assert!(changes.try_recv().is_err(), "a use is no change");
}

#[tokio::test]
async fn a_store_in_memory_is_nobody_else_s_to_have() {
    assert!(in_memory().hold(at(1), DAY).await.is_err());
}
