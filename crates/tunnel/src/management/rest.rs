//! The management API over HTTP.

mod call;
mod exchange;
mod links;

use std::collections::BTreeMap;
use std::fmt;

use adit_proto::access::{Scope, Scopes};
use adit_proto::contracts::{
    AccessEntryType, AccessSubject, ClusterDetails, NamedRateStatus, PortList, Tunnel,
    TunnelEndpoint, TunnelListByRegionResponse, TunnelPort,
};
use adit_proto::id::{ClusterId, TunnelId};
use adit_proto::token::Secret;
use adit_wire::http as wire_http;
use adit_wire::net::Connector;
use http::Method;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::error::{Error, Flaw};
use super::{Answer, Base, Filter, Link, Locator, Management, Want};

use call::{Call, PLAIN};
use exchange::invalid;

/// How often a generated id is tried anew when it is taken.
const ID_RETRIES: usize = 3;

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
            let id = TunnelId::generate(call::random());
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

    fn create_link<'a>(
        &'a self,
        at: &'a Locator,
        port: Option<u16>,
        until: Timestamp,
    ) -> Answer<'a, Link> {
        Box::pin(self.make_link(at, port, until))
    }

    fn links<'a>(&'a self, at: &'a Locator) -> Answer<'a, Vec<Link>> {
        Box::pin(self.list_links(at))
    }

    fn delete_link<'a>(&'a self, at: &'a Locator, id: &'a str) -> Answer<'a, bool> {
        let path = format!("/links/{}", utf8_percent_encode(id, PLAIN));
        Box::pin(self.remove(Call::to(Method::DELETE, at, &path)))
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

#[cfg(test)]
mod tests;
