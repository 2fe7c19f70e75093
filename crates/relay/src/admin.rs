//! What operators look at, on an address of its own: `/healthz` and `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::ssh::Budget;
use adit_wire::clock;
use adit_wire::net::Stream;
use adit_wire::task::Spawner;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::body::{self, Body};
use crate::course::Course;
use crate::directory::Directory;
use crate::front::{Handler, serve};
use crate::metrics::Metrics;
use crate::seams::{Answer, Peer};

/// How long the store may take before the relay counts as ill.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers operators.
pub(crate) struct Admin {
    pub(crate) directory: Arc<Directory>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) course: Course,
    /// Where connections run.
    pub(crate) tasks: Spawner,
}

impl Admin {
    /// Serves a connection that was accepted from `addr`.
    pub(crate) fn welcome(self: &Arc<Self>, stream: Stream, addr: SocketAddr) {
        let peer = Peer { addr, secure: false };
        let (course, stopping) = (self.course.clone(), self.tasks.stopping());
        let serving = serve(stream, peer, self.clone(), course, stopping);
        self.tasks.spawn("admin connection", serving);
    }
}

impl Handler for Admin {
    fn handle(&self, request: Request<Incoming>, _: Peer) -> Answer {
        let (directory, metrics) = (self.directory.clone(), self.metrics.clone());
        let budget = self.budget.clone();
        Box::pin(async move {
            match (request.method(), request.uri().path()) {
                (&Method::GET | &Method::HEAD, "/healthz") => health(&directory).await,
                (&Method::GET | &Method::HEAD, "/metrics") => {
                    metrics.tunnels.set(i64::try_from(directory.count()).unwrap_or(i64::MAX));
                    metrics.buffers(&budget);
                    answer(StatusCode::OK, OPEN_METRICS, metrics.encode())
                }
                _ => {
                    let pages = "There are /healthz and /metrics here.\n";
                    answer(StatusCode::NOT_FOUND, TEXT, pages.to_owned())
                }
            }
        })
    }

    fn is_visit(&self, _: &Request<Incoming>) -> bool {
        false
    }

    fn refused(&self, too_large: bool) {
        self.metrics.refused(too_large);
    }
}

async fn health(directory: &Directory) -> Response<Body> {
    match clock::until(clock::now() + PATIENCE, directory.ping()).await {
        Ok(Ok(())) => answer(StatusCode::OK, TEXT, "ok\n".to_owned()),
        Ok(Err(error)) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{error}\n")),
        Err(clock::Late) => {
            let text = "the store does not answer\n".to_owned();
            answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn answer(status: StatusCode, content: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    response
}
