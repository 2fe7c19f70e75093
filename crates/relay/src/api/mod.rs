//! The management API: tunnels, ports, endpoints and tokens over HTTP and JSON.
//!
//! It speaks what Microsoft's SDKs speak to theirs, with version `2023-09-27-preview` assumed for
//! whatever is asked. Nothing here decides who may do what ([`crate::auth`]) or how changes are
//! kept ([`crate::directory`]); this is the translation between them and HTTP.

mod edit;
mod links;
mod path;
mod ports;
mod problem;
mod query;
mod reply;
mod service;
mod sharing;
mod show;
mod tunnels;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::id::ClusterId;
use adit_wire::clock;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::auth::{Auth, Caller};
use crate::body::{Body, BodyError};
use crate::config::{Config, Limits};
use crate::directory::Directory;
use crate::metrics::{ApiRequest, Metrics};
use crate::seams::{Edge, Live, Peer};

use edit::Edit;
use query::Condition;
use reply::Reply;

pub(crate) use links::Links;
pub(crate) use path::Route;
pub(crate) use problem::Problem;
pub(crate) use query::Query;
pub(crate) use reply::{request_id, sign};

/// The largest body that is read.
const BODY_LIMIT: usize = 1024 * 1024;

/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Answers requests of the management API.
pub(crate) struct Api {
    directory: Arc<Directory>,
    auth: Arc<Auth>,
    live: Arc<dyn Live>,
    edge: Arc<dyn Edge>,
    metrics: Arc<Metrics>,
    links: Links,
    cluster: ClusterId,
    domain: Option<Box<str>>,
    expiration: Duration,
    limits: Limits,
    started: Timestamp,
}

impl Api {
    /// Puts the API together for a relay that listens at `listen`.
    pub(crate) fn new(
        config: &Config,
        listen: SocketAddr,
        directory: Arc<Directory>,
        auth: Arc<Auth>,
        live: Arc<dyn Live>,
        edge: Arc<dyn Edge>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            directory,
            auth,
            live,
            edge,
            metrics,
            links: Links::new(config, listen),
            cluster: config.cluster.clone(),
            domain: config.domain.as_ref().map(|domain| domain.as_str().into()),
            expiration: config.expiration.duration(),
            limits: config.limits,
            started: clock::wall(),
        }
    }

    /// Answers one request, whatever it is. `route` is what its path was read as.
    pub(crate) async fn serve<B>(
        &self,
        route: Result<Route, Problem>,
        request: Request<B>,
        peer: Peer,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send,
    {
        let (parts, body) = request.into_parts();
        let endpoint = route.as_ref().map_or("unknown", Route::name);
        let method = method_name(&parts.method);
        let mut response = if parts.method == Method::OPTIONS {
            reply::preflight(&parts.headers)
        } else {
            match self.answer(route, &parts, body, peer).await {
                Ok(reply) => reply.into_response(),
                Err(problem) => problem.into_response(),
            }
        };
        reply::share(response.headers_mut());
        let status = response.status().as_u16();
        self.metrics.api.get_or_create(&ApiRequest { endpoint, method, status }).inc();
        tracing::debug!(endpoint, method, status, "management request");
        response
    }

    async fn answer<B>(
        &self,
        route: Result<Route, Problem>,
        parts: &Parts,
        body: B,
        peer: Peer,
    ) -> Result<Reply, Problem>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send,
    {
        let route = route?;
        let now = clock::wall();
        let call = Call {
            caller: self.auth.recognize(parts.headers.get(header::AUTHORIZATION), now).await?,
            query: Query::parse(parts.uri.query()),
            condition: Condition::of(&parts.headers),
            base: self.links.base(parts, peer),
            now,
            body: read(body).await?,
        };
        self.dispatch(&route, &parts.method, &call).await
    }

    async fn dispatch(
        &self,
        route: &Route,
        method: &Method,
        call: &Call,
    ) -> Result<Reply, Problem> {
        // A HEAD is answered like a GET; the connection leaves the body out.
        let method = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        match (method, route) {
            ("GET", Route::Tunnels) => self.list_tunnels(call),
            ("GET", Route::Tunnel(id)) => self.show_one_tunnel(call, id),
            ("PUT", Route::Tunnel(id)) => self.put_tunnel(call, id).await,
            ("DELETE", Route::Tunnel(id)) => self.delete_tunnel(call, id).await,
            ("GET", Route::NameCheck(name)) => Ok(self.check_name(name)),
            ("GET", Route::Ports(id)) => self.list_ports(call, id),
            ("GET", Route::Port(id, port)) => self.show_one_port(call, id, *port),
            ("PUT", Route::Port(id, port)) => self.put_port(call, id, *port).await,
            ("DELETE", Route::Port(id, port)) => self.delete_port(call, id, *port).await,
            ("PUT", Route::Endpoint(id, endpoint)) => self.put_endpoint(call, id, endpoint).await,
            ("DELETE", Route::Endpoint(id, endpoint)) => {
                self.delete_endpoint(call, id, endpoint).await
            }
            ("POST", Route::Events(id)) => self.report_events(call, id),
            ("GET", Route::Links(id)) => self.list_links(call, id),
            ("POST", Route::Links(id)) => self.create_link(call, id).await,
            ("DELETE", Route::Link(id, link)) => self.delete_link(call, id, link).await,
            ("GET", Route::UserLimits) => self.user_limits(call),
            ("GET", Route::Clusters) => Ok(self.list_clusters(call)),
            ("GET", Route::Recommendations) => Ok(self.recommend_cluster(call)),
            ("POST", Route::FormatSubjects) => self.format_subjects(call),
            ("POST", Route::ResolveSubjects) => self.resolve_subjects(call),
            ("GET", Route::Socket(_)) => Err(not_an_upgrade()),
            _ => Err(wrong_method(route)),
        }
    }

    fn edit(&self, call: &Call) -> Edit {
        Edit {
            auth: self.auth.clone(),
            caller: call.caller.clone(),
            limits: self.limits,
            condition: call.condition,
            now: call.now,
        }
    }
}

async fn read<B>(body: B) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send,
{
    let collected =
        clock::until(clock::now() + BODY_TIME, Limited::new(body, BODY_LIMIT).collect());
    match collected.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is too large.",
            format!("At most {BODY_LIMIT} bytes are read."),
        )),
        Ok(Err(_)) => Err(Problem::bad_request("The body was cut short.")),
        Err(clock::Late) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long.",
            format!("It has to arrive within {} seconds.", BODY_TIME.as_secs()),
        )),
    }
}

fn wrong_method(route: &Route) -> Problem {
    let methods = route.methods();
    let detail = format!("This address answers to {methods}.");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.", detail);
    Problem { allow: Some(methods), ..problem }
}

fn not_an_upgrade() -> Problem {
    let detail = "This address is a websocket of the relay; connect to it as one.";
    Problem::new(StatusCode::UPGRADE_REQUIRED, "Not a websocket request.", detail)
}

/// A method for the metrics, which must not grow with whatever strangers send.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

/// One request, understood as far as it does not depend on the endpoint.
struct Call {
    caller: Caller,
    query: Query,
    condition: Condition,
    /// Where the request reached the API: `scheme://host[:port]`.
    base: String,
    now: Timestamp,
    body: Bytes,
}

impl Call {
    /// The body as a JSON object; none is as good as an empty one.
    fn object<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.json(b'{', b"{}", "an object")
    }

    /// The body as a JSON array; none is as good as an empty one.
    fn list<T: DeserializeOwned>(&self) -> Result<Vec<T>, Problem> {
        self.json(b'[', b"[]", "an array")
    }

    /// The opening bracket is looked at here: the deserializer would take an array for an object.
    fn json<T: DeserializeOwned>(
        &self,
        opening: u8,
        empty: &'static [u8],
        kind: &str,
    ) -> Result<T, Problem> {
        let body = if self.body.is_empty() { empty } else { self.body.trim_ascii_start() };
        if body.first() != Some(&opening) {
            return Err(Problem::bad_request(format!("The body has to be {kind} in JSON.")));
        }
        serde_json::from_slice(body).map_err(|error| {
            Problem::bad_request(format!("The body is not the JSON that is expected: {error}."))
        })
    }
}
