//! The HTTP client against servers that answer well, late, too much, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adit_wire::http::{Client, Error};
use adit_wire::net::{Connector, Proxies};
use bytes::Bytes;
use http::{Method, Request, Response};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A server that answers the n-th request of all it gets with the n-th answer. After an empty
/// answer, or one that says so, the connection ends. Counts connections.
fn scripted(answers: &'static [&'static str]) -> (SocketAddr, Arc<AtomicUsize>, task::Task<()>) {
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    let (address, server) = serve(move |mut stream| {
        connections.fetch_add(1, Ordering::SeqCst);
        let requests = requests.clone();
        async move {
            while !read_head(&mut stream).await.is_empty() {
                let answer = answers[requests.fetch_add(1, Ordering::SeqCst)];
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.is_empty() || answer.contains("close") {
                    break;
                }
            }
        }
    });
    (address, counted, server)
}

fn client() -> Client {
    Client::new(Connector::new(adit_wire::tls::Client::system(), Proxies::none()))
}

async fn ask(client: &Client, method: Method, uri: String) -> Result<Response<Bytes>, Error> {
    let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
    client.send(request, 1000, soon()).await
}

#[tokio::test]
async fn a_request_arrives_whole_and_the_answer_comes_back_whole() {
    let (address, _server) = serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        let seen = format!("{head}{}", String::from_utf8_lossy(&body));
        let answer =
            format!("HTTP/1.1 404 No\r\nX-Y: z\r\nContent-Length: {}\r\n\r\n{seen}", seen.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let uri = format!("http://me:pw@localhost:{}/a/b?c=d", address.port());
    let request = Request::put(uri).header("a", "b").body(Bytes::from_static(b"body")).unwrap();
    let response = client().send(request, 1000, soon()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-y"]),
        (404, &"z".parse().unwrap())
    );
    let seen = String::from_utf8(response.body().to_vec()).unwrap().to_lowercase();
    assert!(
        seen.starts_with("put /a/b?c=d http/1.1\r\n") && seen.ends_with("\r\n\r\nbody"),
        "{seen}"
    );
    assert!(seen.contains(&format!("\r\nhost: localhost:{}\r\n", address.port())), "{seen}");
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (address, connections, _server) = scripted(&[OK, OK, OK]);
    let client = client();
    for method in [Method::GET, Method::POST, Method::GET] {
        let response = ask(&client, method, format!("http://{address}/")).await.unwrap();
        assert_eq!(response.body(), "hi");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    let (address, connections, _server) = scripted(&[LAST, OK]);
    let client = client();
    ask(&client, Method::POST, format!("http://{address}/")).await.unwrap();
    ask(&client, Method::POST, format!("http://{address}/")).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_that_died_on_an_old_connection_is_repeated_only_if_that_does_no_harm() {
    // The second request is read, and the connection ends without an answer.
    let (address, connections, _server) = scripted(&[OK, "", OK]);
    let client = client();
    let uri = format!("http://{address}/");
    ask(&client, Method::GET, uri.clone()).await.unwrap();
    assert_eq!(ask(&client, Method::PUT, uri.clone()).await.unwrap().body(), "hi");
    assert_eq!(connections.load(Ordering::SeqCst), 2);

    let (address, connections, _server) = scripted(&[OK, "", OK]);
    let uri = format!("http://{address}/");
    ask(&client, Method::GET, uri.clone()).await.unwrap();
    let error = ask(&client, Method::POST, uri).await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_an_error_at_once() {
    let (address, connections, _server) = scripted(&["", OK]);
    let error = ask(&client(), Method::GET, format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_cut_short_are_told_apart() {
    const ANNOUNCED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n";
    const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhi";
    let endless: &str = format!("{UNTIL_CLOSE}{}", "x".repeat(1001)).leak();
    let (address, _, _server) = scripted(vec![ANNOUNCED, endless, CUT].leak());
    let client = client();
    let uri = format!("http://{address}/");
    for _ in 0..2 {
        let error = ask(&client, Method::GET, uri.clone()).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1000 }), "{error:?}");
    }
    let error = ask(&client, Method::GET, uri).await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_deadline_and_no_more() {
    let (address, _server) = serve(|stream| async move {
        let _held = stream;
        std::future::pending().await
    });
    let request = Request::get(format!("http://{address}/")).body(Bytes::new()).unwrap();
    let deadline = clock::now() + Duration::from_secs(9);
    let error = client().send(request, 1000, deadline).await.unwrap_err();
    assert!(matches!(error, Error::Late | Error::Connect(_)), "{error:?}");
    assert_eq!(clock::now(), deadline);
}

#[tokio::test]
async fn a_glance_sees_the_head_and_the_beginning_whatever_the_rest_does() {
    let connector = Connector::new(adit_wire::tls::Client::system(), Proxies::none());
    let glance = async |address: SocketAddr, limit, deadline| {
        let uri = format!("http://localhost:{}/", address.port());
        let request = Request::get(uri).body(Bytes::new()).unwrap();
        adit_wire::http::glance(&connector, request, limit, deadline, deadline).await
    };
    for (answer, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbeginning", "begin"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 90\r\nConnection: close\r\n\r\nbeg", "beg"),
    ] {
        let (address, server) = serve(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let response = glance(address, 5, soon()).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (200, body.as_bytes()));
        drop(server);
    }
    let (address, _server) = serve(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let late = glance(address, 5, clock::now() + Duration::from_millis(50)).await;
    assert!(matches!(late, Err(Error::Late)), "{late:?}");
}
