//! A local web server, and requests of visitors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::support::PATIENCE;

/// A local web server that says which path was asked for. A request for `/held` is answered when
/// [`Local::release`] is called.
pub(crate) struct Local {
    pub(crate) port: u16,
    release: mpsc::SyncSender<()>,
    held: Receiver<()>,
}

impl Local {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (release, released) = mpsc::sync_channel(16);
        let (hold, held) = mpsc::sync_channel(16);
        let released = std::sync::Arc::new(std::sync::Mutex::new(released));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (hold, released) = (hold.clone(), released.clone());
                thread::spawn(move || answer_all(stream, &hold, &released));
            }
        });
        Self { port, release, held }
    }

    /// Waits until a request for `/held` is here.
    pub(crate) fn holds_one(&self) {
        self.held.recv_timeout(PATIENCE).unwrap();
    }

    pub(crate) fn release(&self) {
        self.release.send(()).unwrap();
    }
}

fn answer_all(
    stream: TcpStream,
    hold: &mpsc::SyncSender<()>,
    released: &std::sync::Mutex<Receiver<()>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((path, closes)) = read_head(&mut reader) {
        if path == "/held" {
            hold.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        let body = format!("you asked for {path}");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() || closes {
            return;
        }
    }
}

/// The path of the next request, if there is one, and whether it is the last.
fn read_head(reader: &mut impl BufRead) -> Option<(String, bool)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut closes = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            return Some((path, closes));
        }
        closes |= line.eq_ignore_ascii_case("connection: close\r\n");
    }
}

/// The answer to a GET with a `Host`, head and body, of a server that closes afterwards.
pub(crate) fn get(addr: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = send(addr, host, path);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends such a GET.
pub(crate) fn send(addr: SocketAddr, host: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// `http://host:port/` apart: the address on this computer, and the `Host` to send.
pub(crate) fn split(url: &str) -> (SocketAddr, String) {
    let authority = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let port = authority.rsplit(':').next().unwrap().parse().unwrap();
    (SocketAddr::from(([127, 0, 0, 1], port)), authority)
}

/// GETs a path below a URL on this computer.
pub(crate) fn visit(url: &str, path: &str) -> String {
    let (addr, host) = split(url);
    get(addr, &host, path)
}

/// A port of this computer that nothing listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
