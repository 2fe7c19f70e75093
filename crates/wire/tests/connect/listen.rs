//! Listening: what cannot be had is explained, what runs short is waited for.

use std::net::{Ipv4Addr, SocketAddr};

use adit_wire::net;

#[tokio::test]
async fn an_address_in_use_is_named_with_what_to_do() {
    let listener = net::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let text = net::bind(address).unwrap_err().to_string();
    assert!(text.contains(&address.to_string()) && text.contains("another program"), "{text}");
    // TEST-NET-1 is nobody's.
    let elsewhere: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let text = net::bind(elsewhere).unwrap_err().to_string();
    assert!(text.contains("no such address"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_changes_hands_and_no_connection_is_lost_between() {
    let mut first = net::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = first.local_addr().unwrap();
    let served = std::net::TcpStream::connect(address).unwrap();
    assert_eq!(first.accept().await.1, served.local_addr().unwrap());

    let descriptor = first.share().unwrap();
    let waiting = std::net::TcpStream::connect(address).unwrap();
    drop(first);
    let later = std::net::TcpStream::connect(address).unwrap();
    let mut second = net::Listener::adopt(descriptor).unwrap();
    assert_eq!(second.local_addr().unwrap(), address);
    assert_eq!(second.accept().await.1, waiting.local_addr().unwrap());
    assert_eq!(second.accept().await.1, later.local_addr().unwrap());

    drop(second);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody holds it any more");
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(net::Listener::adopt(file.into()).is_err(), "not a socket");
}

/// Runs itself again in a shell that allows few open files.
#[cfg(unix)]
#[test]
fn running_out_of_file_descriptors_delays_connections_and_loses_none() {
    use std::process::Command;

    const CHILD: &str = "ADIT_TEST_FEW_FILES";
    const NAME: &str = "listen::running_out_of_file_descriptors_delays_connections_and_loses_none";
    if std::env::var_os(CHILD).is_some() {
        return accept_without_descriptors();
    }
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env(CHILD, "1")
        .status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn accept_without_descriptors() {
    use std::time::Duration;

    use adit_wire::clock;

    let mut listener = net::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // Long enough for some attempts; that they fail does not depend on it.
    let short = clock::now() + Duration::from_millis(50);
    assert!(clock::until(short, listener.accept()).await.is_err());
    drop(hoard);
    let (_, peer) = listener.accept().await;
    assert_eq!(peer, client.local_addr().unwrap());
}
