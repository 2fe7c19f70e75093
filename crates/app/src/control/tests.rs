//! Both ends over a real socket.

use adit_wire::task;
use tokio::sync::watch;

use super::*;
use crate::failure::{Code, Failure};

fn status(pid: u32) -> Status {
    Status { pid, program: "host".to_owned(), tunnels: Vec::new() }
}

/// A status that can be changed.
fn watched() -> (watch::Sender<Status>, watch::Receiver<Status>) {
    watch::channel(status(7))
}

/// Does everything that is asked, and tells who is gone.
fn obedient(mut server: Server) -> task::Task<u64> {
    task::spawn("owner", async move {
        loop {
            match server.next().await {
                Asked::Request { request: Request::Stop { tunnels }, answers, .. } => {
                    assert!(answers.try_send(Reply::Done { tunnels }));
                }
                Asked::Request { request, .. } => panic!("{request:?}"),
                Asked::Gone { connection } => return connection,
            }
        }
    })
}

#[tokio::test]
async fn what_is_asked_is_answered_and_the_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Client::connect(folder.path()).await.is_none());
    let (_status, receiver) = watched();
    let mut owner = obedient(Server::listen(folder.path(), receiver).unwrap());
    let mut client = Client::connect(folder.path()).await.unwrap();
    assert_eq!(client.ask(&Request::Status).await, Ok(Reply::Status(status(7))));
    let tunnels = vec!["shop.loc1".to_owned()];
    let stop = Request::Stop { tunnels: tunnels.clone() };
    assert_eq!(client.ask(&stop).await, Ok(Reply::Done { tunnels }));
    drop(client);
    assert_eq!(owner.join().await, Some(0));
}

#[tokio::test]
async fn who_watches_is_told_of_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, receiver) = watched();
    let _owner = obedient(Server::listen(folder.path(), receiver).unwrap());
    let mut client = Client::connect(folder.path()).await.unwrap();
    assert_eq!(client.ask(&Request::Watch).await, Ok(Reply::Status(status(7))));
    for pid in 8..10 {
        sender.send_replace(status(pid));
        assert_eq!(client.next().await, Some(Ok(Reply::Status(status(pid)))));
    }
}

#[tokio::test]
async fn a_socket_that_was_left_over_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("control.sock"), "").unwrap();
    let (_status, receiver) = watched();
    let _owner = obedient(Server::listen(folder.path(), receiver).unwrap());
    let mut client = Client::connect(folder.path()).await.unwrap();
    assert_eq!(client.ask(&Request::Status).await, Ok(Reply::Status(status(7))));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_user_can_open_it_and_it_goes_with_its_process() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::listen(&folder.path().join("new"), watched().1).unwrap();
    let path = folder.path().join("new/control.sock");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    drop(server);
    // The task that held it ends when the runtime next runs it.
    while path.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn another_version_and_nonsense_are_told_apart() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let _owner = obedient(Server::listen(folder.path(), watched().1).unwrap());
    for (line, word) in [
        (r#"{"v":2,"do":"dance"}"#, "version 1"),
        (r#"{"v":1,"do":"dance"}"#, "no question"),
        ("hello", "no question"),
    ] {
        let path = folder.path().join("control.sock");
        let mut stream = BufReader::new(tokio::net::UnixStream::connect(path).await.unwrap());
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        assert!(answer.contains(word), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_failure_that_the_owner_gave() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::listen(folder.path(), watched().1).unwrap();
    let failure = Failure::new(Code::NotFound, "x is not hosted here").hint("look");
    let refusal = Reply::Failed(failure.clone());
    let _owner = task::spawn("owner", async move {
        while let Asked::Request { answers, .. } = server.next().await {
            answers.try_send(refusal.clone());
        }
    });
    let mut client = Client::connect(folder.path()).await.unwrap();
    let stop = Request::Stop { tunnels: vec!["x".to_owned()] };
    assert_eq!(client.ask(&stop).await, Err(failure));
}
