//! The management API over HTTP.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{
    AccessEntryType, AccessSubject, ClusterDetails, NamedRateStatus, PortList, Tunnel,
    TunnelEndpoint, TunnelListByRegionResponse, TunnelPort,
};
use adit_proto::id::{ClusterId, TunnelId};
use adit_proto::token::Secret;
use adit_wire::net::{ConnectError, Connector};
use adit_wire::{clock, http as wire_http};
use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
    USER_AGENT,
};
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{self, Error, Flaw};
use super::{Answer, Base, Filter, Locator, Management, Want};

/// The end of patience with one call, as in Microsoft's SDKs.
const DEADLINE: Duration = Duration::from_secs(20);

/// The largest answer that is read: a list of some thousand tunnels.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// How often a generated id is tried anew when it is taken.
const ID_RETRIES: usize = 3;

/// The only version of the API there is.
const API_VERSION: &str = "api-version=2023-09-27-preview";

/// What stays as it is in a path segment or a query value.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// Who calls.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nobody in particular.
    Anonymous,
    /// A user of the service, by an API key.
    User(Secret),
    /// The holder of a tunnel's access token.
    Tunnel(Secret),
}

/// A client of the management API.
pub struct Rest {
    http: wire_http::Client,
    base: Base,
    credential: Credential,
    agent: HeaderValue,
}

impl Rest {
    /// A client for the service at `base`.
    pub fn new(connector: Connector, base: Base, credential: Credential) -> Self {
        let agent = HeaderValue::from_static(concat!("adit/", env!("CARGO_PKG_VERSION")));
        Self { http: wire_http::Client::new(connector), base, credential, agent }
    }

    /// Where the service is.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The name of the user whose credential this is; none where the service has no names.
    ///
    /// # Errors
    ///
    /// [`Error::SignIn`] when it is nobody's.
    pub async fn whoami(&self) -> Result<Option<String>, Error> {
        let asked = [AccessSubject { kind: AccessEntryType::Users, ..AccessSubject::default() }];
        let subjects = self.resolve(&asked).await?;
        Ok(subjects.into_iter().find_map(|subject| subject.name))
    }

    /// What time the service says it is, to the second; none where it does not say.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub async fn time(&self) -> Result<Option<Timestamp>, Error> {
        let call = Call::new(Method::GET, "/clusters".to_owned());
        let answer = self.exchange_whole(call).await?;
        Ok(wire_http::date(answer.headers()))
    }

    async fn create_tunnel(&self, tunnel: &Tunnel, want: Want) -> Result<Tunnel, Error> {
        if let Some(id) = &tunnel.tunnel_id {
            return self.put_tunnel(parse_id(id)?, tunnel, want, IF_NONE_MATCH).await;
        }
        let mut retries = ID_RETRIES;
        loop {
            let id = TunnelId::generate(random());
            match self.put_tunnel(id, tunnel, want, IF_NONE_MATCH).await {
                // With a name of the caller's choice, the name may be what is taken.
                Err(Error::Conflict(_)) if retries > 0 && tunnel.name.is_none() => retries -= 1,
                result => return result,
            }
        }
    }

    async fn put_tunnel(
        &self,
        id: TunnelId,
        tunnel: &Tunnel,
        want: Want,
        precondition: HeaderName,
    ) -> Result<Tunnel, Error> {
        let cluster = parse_cluster(tunnel.cluster_id.as_deref())?;
        let mut call = Call::new(Method::PUT, format!("/tunnels/{id}")).at(cluster).want(want);
        call.precondition = Some(precondition);
        let body = Tunnel {
            cluster_id: None,
            tunnel_id: Some(id.to_string()),
            access_tokens: None,
            access_control: tunnel.access_control.as_ref().map(|control| control.own()),
            status: None,
            created: None,
            expiration: None,
            ports: tunnel.ports.as_ref().map(|ports| ports.iter().map(port_body).collect()),
            ..tunnel.clone()
        };
        self.send(call.json(&body)?).await
    }

    async fn put_port(
        &self,
        at: &Locator,
        port: &TunnelPort,
        precondition: HeaderName,
        token: Option<&Secret>,
    ) -> Result<TunnelPort, Error> {
        let mut call = Call::to(Method::PUT, at, &format!("/ports/{}", port.port_number));
        call.precondition = Some(precondition);
        call.token = token.cloned();
        self.send(call.json(&port_body(port))?).await
    }

    /// Looks a tunnel up as the holder of a token.
    pub(super) async fn get_with(
        &self,
        at: &Locator,
        want: Want,
        token: &Secret,
    ) -> Result<Tunnel, Error> {
        self.send(Call::to(Method::GET, at, "").want(want).token(token)).await
    }

    /// Looks a port up as the holder of a token.
    pub(super) async fn get_port_with(
        &self,
        at: &Locator,
        port: u16,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        self.send(Call::to(Method::GET, at, &format!("/ports/{port}")).token(token)).await
    }

    /// Adds a port as the holder of a token.
    pub(super) async fn create_port_with(
        &self,
        at: &Locator,
        port: &TunnelPort,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        self.put_port(at, port, IF_NONE_MATCH, Some(token)).await
    }

    /// Changes a port as the holder of a token.
    pub(super) async fn update_port_with(
        &self,
        at: &Locator,
        port: &TunnelPort,
        token: &Secret,
    ) -> Result<TunnelPort, Error> {
        self.put_port(at, port, IF_MATCH, Some(token)).await
    }

    /// Removes a port as the holder of a token; `false` when the tunnel had none of this number.
    pub(super) async fn delete_port_with(
        &self,
        at: &Locator,
        port: u16,
        token: &Secret,
    ) -> Result<bool, Error> {
        self.remove(Call::to(Method::DELETE, at, &format!("/ports/{port}")).token(token)).await
    }

    /// Removes something; `false` when it was not there.
    async fn remove(&self, call: Call) -> Result<bool, Error> {
        match self.exchange(call).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a call and reads the JSON of its answer.
    async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let host = self.host(&call);
        let body = self.exchange(call).await?;
        let json = serde_json::from_slice(&body);
        json.map_err(|error| Error::Protocol { host, flaw: Flaw::Json(error) })
    }

    /// Makes a call and returns the body of its answer, if that is a success.
    async fn exchange(&self, call: Call) -> Result<Bytes, Error> {
        Ok(self.exchange_whole(call).await?.into_body())
    }

    async fn exchange_whole(&self, call: Call) -> Result<Response<Bytes>, Error> {
        let host = self.host(&call);
        let updates = call.precondition == Some(IF_MATCH);
        let request = self.request(call)?;
        let deadline = clock::now() + DEADLINE;
        let response = self
            .http
            .send(request, MAX_BODY, deadline)
            .await
            .map_err(|error| unanswered(&host, error))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok(Response::from_parts(head, body));
        }
        let retry_after = wire_http::retry_after(&head.headers, clock::wall());
        Err(match error::refused(&host, head.status, &head.headers, &body, retry_after) {
            // What was to be changed is not there.
            Error::Conflict(said) if updates && head.status == StatusCode::PRECONDITION_FAILED => {
                Error::NotFound(said)
            }
            error => error,
        })
    }

    fn request(&self, call: Call) -> Result<Request<Bytes>, Error> {
        let mut url = self.base.url(call.cluster.as_ref(), &call.path);
        let separator = if call.path.contains('?') { '&' } else { '?' };
        url.push(separator);
        url.push_str(API_VERSION);
        let mut request = Request::new(call.body);
        *request.method_mut() = call.method;
        *request.uri_mut() = url.parse().map_err(|_| invalid("the address is not valid"))?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !request.body().is_empty() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        let headers = request.headers_mut();
        if let Some(precondition) = call.precondition {
            headers.insert(precondition, HeaderValue::from_static("*"));
        }
        if let Some(value) = self.authorization(call.token.as_ref())? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn authorization(&self, token: Option<&Secret>) -> Result<Option<HeaderValue>, Error> {
        let (scheme, secret) = match (token, &self.credential) {
            (Some(token), _) | (None, Credential::Tunnel(token)) => ("tunnel", token),
            (None, Credential::User(key)) => ("Bearer", key),
            (None, Credential::Anonymous) => return Ok(None),
        };
        let value = wire_http::authorization(scheme, secret);
        value.map(Some).map_err(|error| invalid(&format!("the key or token is damaged: {error}")))
    }

    fn host(&self, call: &Call) -> Box<str> {
        self.base.authority(call.cluster.as_ref()).into()
    }
}

impl Management for Rest {
    fn create<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(self.create_tunnel(tunnel, want))
    }

    fn get<'a>(&'a self, at: &'a Locator, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(self.send(Call::to(Method::GET, at, "").want(want)))
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Vec<Tunnel>> {
        Box::pin(async move {
            let mut call = Call::new(Method::GET, "/tunnels".to_owned()).at(filter.cluster.clone());
            if filter.cluster.is_none() {
                call = call.query("global", &["true"]);
            }
            if !filter.labels.is_empty() {
                call = call.query("labels", &filter.labels);
            }
            if filter.all_labels {
                call = call.query("allLabels", &["true"]);
            }
            if filter.owned {
                call = call.query("ownedTunnelsOnly", &["true"]);
            }
            if filter.access {
                call = call.query("includeAccessControl", &["true"]);
            }
            let call = call.want(Want { ports: filter.ports, token: None });
            let regions: TunnelListByRegionResponse = self.send(call).await?;
            Ok(regions.into_tunnels().collect())
        })
    }

    fn update<'a>(&'a self, tunnel: &'a Tunnel, want: Want) -> Answer<'a, Tunnel> {
        Box::pin(async move {
            let id = tunnel.tunnel_id.as_deref().ok_or_else(|| invalid("the tunnel has no id"))?;
            self.put_tunnel(parse_id(id)?, tunnel, want, IF_MATCH).await
        })
    }

    fn delete<'a>(&'a self, at: &'a Locator) -> Answer<'a, bool> {
        Box::pin(self.remove(Call::to(Method::DELETE, at, "")))
    }

    fn ports<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<TunnelPort>> {
        Box::pin(async move {
            let list: PortList = self.send(Call::to(Method::GET, at, "/ports")).await?;
            Ok(list.value)
        })
    }

    fn create_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(self.put_port(at, port, IF_NONE_MATCH, None))
    }

    fn update_port<'a>(&'a self, at: &'a Locator, port: &'a TunnelPort) -> Answer<'a, TunnelPort> {
        Box::pin(self.put_port(at, port, IF_MATCH, None))
    }

    fn delete_port<'a>(&'a self, at: &'a Locator, port: u16) -> Answer<'a, bool> {
        Box::pin(self.remove(Call::to(Method::DELETE, at, &format!("/ports/{port}"))))
    }

    fn put_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        endpoint: &'a TunnelEndpoint,
        token: &'a Secret,
    ) -> Answer<'a, TunnelEndpoint> {
        Box::pin(async move {
            let id = endpoint.id.as_deref().ok_or_else(|| invalid("the endpoint has no id"))?;
            let path = format!("/endpoints/{}", utf8_percent_encode(id, PLAIN));
            let call = Call::to(Method::PUT, at, &path)
                .query("connectionMode", &[endpoint.connection_mode.as_str()])
                .token(token);
            self.send(call.json(endpoint)?).await
        })
    }

    fn delete_endpoint<'a>(
        &'a self,
        at: &'a Locator,
        id: &'a str,
        token: &'a Secret,
    ) -> Answer<'a, bool> {
        let path = format!("/endpoints/{}", utf8_percent_encode(id, PLAIN));
        Box::pin(self.remove(Call::to(Method::DELETE, at, &path).token(token)))
    }

    fn mint<'a>(&'a self, at: &'a Locator, scope: Scope) -> Answer<'a, Secret> {
        Box::pin(async move {
            let call = Call::to(Method::GET, at, "").want(Want::NOTHING.token(scope));
            let host = self.host(&call);
            let tunnel: Tunnel = self.send(call).await?;
            let token = tunnel.token(scope).filter(|token| !token.is_empty()).cloned();
            token.ok_or(Error::Protocol { host, flaw: Flaw::Missing("token with the asked scope") })
        })
    }

    fn issue<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        scopes: Scopes,
    ) -> Answer<'a, Secret> {
        /// What of a tunnel or port matters here.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Issued {
            #[serde(default)]
            access_tokens: BTreeMap<String, Secret>,
        }
        Box::pin(async move {
            let path = port.map(|port| format!("/ports/{port}")).unwrap_or_default();
            let key = scopes.to_string();
            let call = Call::to(Method::GET, at, &path).query("tokenScopes", &[&key]);
            let host = self.host(&call);
            let mut issued: Issued = self.send(call).await?;
            let token = issued.access_tokens.remove(&key).filter(|token| !token.is_empty());
            token
                .ok_or(Error::Protocol { host, flaw: Flaw::Missing("token with the asked scopes") })
        })
    }

    fn resolve<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        Box::pin(async move {
            let call = Call::new(Method::POST, "/subjects/resolve".to_owned()).json(&subjects)?;
            self.send(call).await
        })
    }

    fn format<'a>(&'a self, subjects: &'a [AccessSubject]) -> Answer<'a, Vec<AccessSubject>> {
        Box::pin(async move {
            let call = Call::new(Method::POST, "/subjects/format".to_owned()).json(&subjects)?;
            self.send(call).await
        })
    }

    fn limits(&self) -> Answer<'_, Vec<NamedRateStatus>> {
        Box::pin(self.send(Call::new(Method::GET, "/userlimits".to_owned())))
    }

    fn clusters(&self) -> Answer<'_, Vec<ClusterDetails>> {
        Box::pin(self.send(Call::new(Method::GET, "/clusters".to_owned())))
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("base", &format_args!("{}", self.base))
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// One call before it is a request.
struct Call {
    method: Method,
    cluster: Option<ClusterId>,
    /// With the query so far.
    path: String,
    precondition: Option<HeaderName>,
    /// Used instead of the client's credential.
    token: Option<Secret>,
    body: Bytes,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        let body = Bytes::new();
        Self { method, cluster: None, path, precondition: None, token: None, body }
    }

    /// A call about one tunnel.
    fn to(method: Method, at: &Locator, rest: &str) -> Self {
        Self::new(method, format!("/tunnels/{}{rest}", at.id)).at(at.cluster.clone())
    }

    fn at(self, cluster: Option<ClusterId>) -> Self {
        Self { cluster, ..self }
    }

    fn token(self, token: &Secret) -> Self {
        Self { token: Some(token.clone()), ..self }
    }

    fn want(self, want: Want) -> Self {
        let call = if want.ports { self.query("includePorts", &["true"]) } else { self };
        match want.token {
            Some(scope) => call.query("tokenScopes", &[scope.as_str()]),
            None => call,
        }
    }

    /// Adds a parameter: a list whose commas stay commas.
    fn query(mut self, name: &str, values: &[impl AsRef<str>]) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        for (at, value) in values.iter().enumerate() {
            self.path.push(if at == 0 { '=' } else { ',' });
            // Writing to a string cannot fail.
            let _ = write!(self.path, "{}", utf8_percent_encode(value.as_ref(), PLAIN));
        }
        self
    }

    fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(|_| invalid("it cannot be written as JSON"))?;
        Ok(Self { body: body.into(), ..self })
    }
}

/// What of a port the service is told.
pub(super) fn port_body(port: &TunnelPort) -> TunnelPort {
    TunnelPort {
        cluster_id: None,
        tunnel_id: None,
        access_tokens: None,
        access_control: port.access_control.as_ref().map(|control| control.own()),
        status: None,
        port_forwarding_uris: None,
        inspection_uri: None,
        ..port.clone()
    }
}

fn parse_id(id: &str) -> Result<TunnelId, Error> {
    id.parse().map_err(|violation| invalid(&format!("the tunnel id {violation}")))
}

fn parse_cluster(cluster: Option<&str>) -> Result<Option<ClusterId>, Error> {
    let parsed = cluster.map(str::parse).transpose();
    parsed.map_err(|violation| invalid(&format!("the cluster id {violation}")))
}

/// Why no answer came.
fn unanswered(host: &str, error: wire_http::Error) -> Error {
    let host = host.into();
    match error {
        wire_http::Error::Connect(error @ ConnectError::Tls { .. }) => {
            Error::Untrusted { host, source: error.into() }
        }
        wire_http::Error::Connect(error) => Error::Unreachable { host, source: error.into() },
        wire_http::Error::TooLarge { .. } => Error::Protocol { host, flaw: Flaw::TooLarge },
        error => Error::Unreachable { host, source: error.into() },
    }
}

/// A request that is not even sent.
fn invalid(detail: &str) -> Error {
    let problem = adit_proto::contracts::ProblemDetails::new("Invalid request.", detail);
    Error::Invalid(error::Said { problem, request_id: None })
}

#[cfg(test)]
mod tests;

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    bytes
}
