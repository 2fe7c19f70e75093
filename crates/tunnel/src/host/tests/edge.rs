//! The public side of a scripted relay: passes connections to the host's session, byte for byte.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use adit_proto::relay::HostPeerCommand;
use adit_proto::relay::message::Connect;
use adit_wire::channel::Io;
use adit_wire::pump::Handle;
use adit_wire::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How an edge treats connections.
#[derive(Clone)]
pub(super) enum Manner {
    /// Opens a channel for each, says what for, and hands over so many bytes at a time.
    Pass { marked: bool, pieces: usize },
    /// Answers everything itself.
    Answer(&'static str),
    /// Answers itself whoever does not have this token, and opens a channel for who has.
    Gate { token: &'static str, refusal: &'static str },
}

/// An edge and how it behaves now.
pub(super) struct Edge {
    pub(super) url: String,
    manner: Arc<Mutex<Manner>>,
    session: Arc<Mutex<Option<Handle<HostPeerCommand>>>>,
    _task: task::Task<()>,
}

impl Edge {
    pub(super) async fn new(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let manner = Arc::new(Mutex::new(manner));
        let session = Arc::<Mutex<Option<Handle<HostPeerCommand>>>>::default();
        let (how, whose) = (manner.clone(), session.clone());
        let task = task::spawn("edge", async move {
            let connections = task::Group::new("edge connections");
            while let Ok((stream, _)) = listener.accept().await {
                let how = how.lock().expect("no panic").clone();
                let session = whose.lock().expect("no panic").clone();
                connections.spawn("edge connection", pass(stream, how, session, port));
            }
        });
        Self { url, manner, session, _task: task }
    }

    /// From now on connections go to this session.
    pub(super) fn lead_to(&self, session: &Handle<HostPeerCommand>) {
        *self.session.lock().expect("no panic") = Some(session.clone());
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("no panic") = manner;
    }
}

async fn pass(
    mut stream: TcpStream,
    manner: Manner,
    session: Option<Handle<HostPeerCommand>>,
    port: u16,
) {
    let (marked, pieces) = match manner {
        Manner::Pass { marked, pieces } => (marked, pieces),
        Manner::Answer(answer) => {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            return;
        }
        Manner::Gate { token, refusal } => {
            let mut head = [0; 4096];
            // Nothing is taken yet; a look is one packet.
            let n = stream.peek(&mut head).await.unwrap_or(0);
            let wanted = format!("x-tunnel-authorization: tunnel {token}\r\n");
            if !String::from_utf8_lossy(&head[..n]).contains(&wanted) {
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(refusal.as_bytes()).await;
                return;
            }
            (false, 4096)
        }
    };
    let connect = if marked { Connect::look(port) } else { Connect::to_port(port) };
    let Some(session) = session else { return };
    let Ok(opened) = session.open(HostPeerCommand::Connect(connect)).await else {
        // What a relay says that does not say more.
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    let (mut from, mut to) = stream.split();
    let (mut back, mut forth) = tokio::io::split(Io::new(opened.channel));
    let towards = async {
        let mut buffer = vec![0; pieces];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            if forth.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
        let _ = forth.shutdown().await;
    };
    tokio::select! {
        _ = tokio::io::copy(&mut back, &mut to) => {}
        () = async { towards.await; std::future::pending().await } => {}
    }
}
