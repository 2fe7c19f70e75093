//! A page of our own, to have something to put at a URL.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use adit_wire::net::{self, Listener, Stream};
use adit_wire::task::{Group, Spawner, Stopping};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::failure::{Code, Failure, Outcome};

/// How long a request that is being answered may still take at the end.
const GRACE: Duration = Duration::from_secs(1);

/// The page, served on this computer until this is dropped.
#[derive(Debug)]
pub struct Sample {
    port: u16,
    tasks: Group,
}

impl Sample {
    /// Serves it on a port, or on one that is free.
    ///
    /// # Errors
    /// [`Code::Listen`] when the port is taken or not to be had.
    pub fn serve(port: Option<u16>) -> Outcome<Self> {
        let bind = |address: SocketAddr| net::bind(address);
        let refused = |error: &dyn std::error::Error| {
            Failure::caused(Code::Listen, "the sample page cannot be served", error)
        };
        let address = (Ipv4Addr::LOCALHOST, port.unwrap_or(0)).into();
        let v4 = bind(address).map_err(|error| refused(&error))?;
        let port = v4.local_addr().map_err(|error| refused(&error))?.port();
        let tasks = Group::new("sample");
        tasks.spawn("listener", accept(v4, tasks.spawner()));
        // Where there is no IPv6 it is not missed.
        if let Ok(v6) = bind((Ipv6Addr::LOCALHOST, port).into()) {
            tasks.spawn("listener", accept(v6, tasks.spawner()));
        }
        Ok(Self { port, tasks })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it, after the requests at hand.
    pub async fn end(self) {
        let _ = self.tasks.shutdown(GRACE).await;
    }
}

async fn accept(mut listener: Listener, tasks: Spawner) {
    let stopping = tasks.stopping();
    let stop = stopping.wait();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            (stream, _) = listener.accept() => {
                tasks.spawn("visitor", serve(stream, tasks.stopping()));
            }
            () = &mut stop => return,
        }
    }
}

/// Serves a connection; when asked to stop it finishes the request at hand.
async fn serve(stream: Stream, stopping: Stopping) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stopping.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a visitor of the sample page went away");
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let rows: String = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("<tr><th>{name}<td>{}\n", escape(&value))
        })
        .collect();
    let page = PAGE
        .replace("{request}", &escape(&format!("{} {}", request.method(), request.uri())))
        .replace("{rows}", &rows);
    let mut response = Response::new(Full::from(page));
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            char => escaped.push(char),
        }
    }
    escaped
}

const PAGE: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width, initial-scale=1'>
<title>Adit sample page</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; word-break: break-word }
th { font-weight: 600; white-space: nowrap }
</style>
<h1>This page came through a tunnel</h1>
<p>Adit serves it on your own computer. Put your own program on the port
instead, and it is at the same URL.</p>
<p><code>{request}</code> arrived with:</p>
<table>
{rows}</table>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_and_another_is_found() {
        let first = Sample::serve(None).unwrap();
        let taken = Sample::serve(Some(first.port())).unwrap_err();
        assert_eq!(taken.code, Code::Listen);
        let second = Sample::serve(None).unwrap();
        assert_ne!(first.port(), second.port());
    }

    #[test]
    fn what_a_visitor_sends_is_text_and_nothing_else() {
        assert_eq!(escape("<script>&amp;"), "&lt;script&gt;&amp;amp;");
    }
}
