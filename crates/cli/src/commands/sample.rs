//! `adit sample`: a page of its own, to have something to put at a URL.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_wire::net::{self, Listener, Stream};
use adit_wire::task::{Group, Spawner, Stopping};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::context::Context;
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port to serve it on.
    #[arg(default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

/// How long a request that is being answered may still take at the end.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &Args, context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let tasks = Group::new("sample");
    let bind = |address: SocketAddr| net::bind(address);
    let v4 = bind((Ipv4Addr::LOCALHOST, args.port).into()).map_err(|error| {
        Failure::caused(Code::Listen, "the sample page cannot be served", &error)
            .hint("choose another port: adit sample <port>")
    })?;
    tasks.spawn("listener", accept(v4, tasks.spawner()));
    // Where there is no IPv6 it is not missed.
    if let Ok(v6) = bind((Ipv6Addr::LOCALHOST, args.port).into()) {
        tasks.spawn("listener", accept(v6, tasks.spawner()));
    }
    context.screen.line(format!("A sample page is at http://localhost:{}/", args.port))?;
    requests.next().await;
    let _ = tasks.shutdown(GRACE).await;
    Ok(())
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
<p>It is served by <code>adit sample</code> on your own computer. Put your own program on the port
instead, and it is at the same URL.</p>
<p><code>{request}</code> arrived with:</p>
<table>
{rows}</table>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_visitor_sends_is_text_and_nothing_else() {
        assert_eq!(escape("<script>&amp;"), "&lt;script&gt;&amp;amp;");
    }
}
