//! `adit echo`: a local server that answers with what it is sent, to test a tunnel with.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome};
use adit_wire::net::{self, Listener, Stream};
use adit_wire::task::{Group, Spawner, Stopping};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io;

use crate::context::Context;
use crate::screen::print_line;
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Over HTTP the answer is the request, head and body; over TCP it is every byte, as it comes.

Examples:
  adit echo http -p 8080
  adit echo tcp              on any free port, which is printed")]
pub(crate) struct Args {
    /// What it speaks: http or tcp.
    #[arg(default_value = "http", value_parser = protocol)]
    protocol: Protocol,

    /// The port; any free one unless given.
    #[arg(short, long, default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// The address to listen at.
    #[arg(short = 'I', long, value_name = "ADDRESS", default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    interface: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    Tcp,
}

/// How long what is under way may still take at the end.
const GRACE: Duration = Duration::from_secs(1);

/// The most of a body that is sent back. A larger one is refused: it would have to be kept whole.
const MAX_BODY: usize = 4 * 1024 * 1024;

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let tasks = Group::new("echo");
    let listener = net::bind(SocketAddr::new(args.interface, args.port)).map_err(|error| {
        Failure::caused(Code::Listen, "the echo server cannot be started", &error)
            .hint("choose another port with --port, or leave it out")
    })?;
    let at = listener.local_addr().map_err(|error| {
        Failure::caused(Code::Listen, "the echo server cannot be started", &error)
    })?;
    tasks.spawn("listener", accept(listener, args.protocol, tasks.spawner()));
    let protocol = args.protocol.name();
    match context.json {
        true => {
            let line = json!({ "protocol": protocol, "interface": at.ip(), "port": at.port() });
            print_line(&line.to_string())?;
        }
        false => context.screen.line(format!("{protocol} echo server at {at}. Ctrl-C ends it"))?,
    }
    requests.next().await;
    let _ = tasks.shutdown(GRACE).await;
    Ok(())
}

async fn accept(mut listener: Listener, protocol: Protocol, tasks: Spawner) {
    let stopping = tasks.stopping();
    let stop = stopping.wait();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            (stream, _) = listener.accept() => match protocol {
                Protocol::Http => tasks.spawn("visitor", serve(stream, tasks.stopping())),
                Protocol::Tcp => tasks.spawn("visitor", repeat(stream)),
            },
            () = &mut stop => return,
        }
    }
}

/// Sends every byte back, until the other side has no more.
async fn repeat(stream: Stream) {
    let (mut from, mut to) = io::split(stream);
    if let Err(error) = io::copy(&mut from, &mut to).await {
        tracing::debug!(%error, "a visitor of the echo server went away");
    }
    // Says that no more will come. Who has gone already needs no telling.
    let _ = io::AsyncWriteExt::shutdown(&mut to).await;
}

async fn serve(stream: Stream, stopping: Stopping) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(request).await) });
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
        tracing::debug!(%error, "a visitor of the echo server went away");
    }
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut text = format!("{} {}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text.push('\n');
    let mut response = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => {
            let whole = [text.as_bytes(), &body.to_bytes()].concat();
            Response::new(Full::from(whole))
        }
        Err(_) => {
            let mut refused = Response::new(Full::from("the body is too large, or was cut off\n"));
            *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            refused
        }
    };
    let headers = response.headers_mut();
    // What a stranger sent is text, whatever it looks like.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

fn protocol(text: &str) -> Result<Protocol, &'static str> {
    match text {
        "http" => Ok(Protocol::Http),
        "tcp" => Ok(Protocol::Tcp),
        _ => Err("there are http and tcp; neither certificates nor datagrams are echoed"),
    }
}
