//! Ports of a tunnel, and the endpoints that its hosts register.

use std::sync::Arc;

use adit_proto::access::Scope;
use adit_proto::constraints::{check_endpoint, check_port, endpoint_id};
use adit_proto::contracts::{PortList, TunnelEndpoint, TunnelPort};
use http::StatusCode;

use super::problem::Problem;
use super::reply::Reply;
use super::tunnels::Filter;
use super::{Api, Call};
use crate::record::{EndpointRecord, TunnelRecord};

impl Api {
    pub(super) fn list_ports(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let record = self.find(id).ok_or_else(Problem::no_tunnel)?;
        self.check_read(call, &record)?;
        let filter = Filter::of(call);
        let mut value = self.show_ports(call, &record);
        value.retain(|port| filter.fits_labels(port.labels.as_deref().unwrap_or_default()));
        Ok(Reply::ok(&PortList { value, next_link: None }))
    }

    pub(super) fn show_one_port(
        &self,
        call: &Call,
        id: &str,
        number: u16,
    ) -> Result<Reply, Problem> {
        let record = self.find(id).ok_or_else(Problem::no_tunnel)?;
        self.check_read(call, &record)?;
        self.reply_port(call, &record, number, StatusCode::OK)
    }

    pub(super) async fn put_port(
        &self,
        call: &Call,
        id: &str,
        number: u16,
    ) -> Result<Reply, Problem> {
        let body: TunnelPort = call.object()?;
        Problem::of(check_port(&body))?;
        if body.port_number != 0 && body.port_number != number {
            return Err(Problem::member("portNumber", "must be the one in the path"));
        }
        let tokens = call.query.token_requests()?;
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        let edit = self.edit(call);
        let change =
            self.directory.change(move |draft| edit.put_port(draft, &id, number, body, &tokens));
        let (record, done) = change.await?;
        self.reply_port(call, &record, number, done.status())
    }

    pub(super) async fn delete_port(
        &self,
        call: &Call,
        id: &str,
        number: u16,
    ) -> Result<Reply, Problem> {
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        let edit = self.edit(call);
        self.directory.change(move |draft| edit.delete_port(draft, &id, number)).await?;
        Ok(Reply::nothing())
    }

    fn reply_port(
        &self,
        call: &Call,
        record: &TunnelRecord,
        number: u16,
        status: StatusCode,
    ) -> Result<Reply, Problem> {
        let port = record.ports.get(&number).filter(|_| self.sees_port(call, record, number));
        let port = port.ok_or_else(|| Problem::no_port(number))?;
        let tokens = call.query.token_requests()?;
        let access_tokens = self.mint(call, record, Some(number), &tokens)?;
        let shown = self.show_port(call, record, number, port);
        Ok(Reply::json(status, &TunnelPort { access_tokens, ..shown }))
    }

    pub(super) async fn put_endpoint(
        &self,
        call: &Call,
        id: &str,
        endpoint: &str,
    ) -> Result<Reply, Problem> {
        let body: TunnelEndpoint = call.object()?;
        Problem::of(check_endpoint(&body))?;
        endpoint_id(endpoint).map_err(|violation| Problem::member("id", violation.to_string()))?;
        if body.id.as_deref().is_some_and(|id| id != endpoint) {
            return Err(Problem::member("id", "must be the one in the path"));
        }
        let given = EndpointRecord {
            id: endpoint.to_owned(),
            host_id: body.host_id,
            host_public_keys: body.host_public_keys,
            registered: call.now,
        };
        let record = self.change_endpoint(call, id, Some(given), |_| Ok(())).await?;
        let endpoint = record.endpoint.as_ref().ok_or_else(Problem::no_endpoint)?;
        Ok(Reply::ok(&self.show_endpoint(call, &record, endpoint)))
    }

    pub(super) async fn delete_endpoint(
        &self,
        call: &Call,
        id: &str,
        endpoint: &str,
    ) -> Result<Reply, Problem> {
        let wanted = endpoint.to_owned();
        let registered = move |record: &TunnelRecord| match &record.endpoint {
            Some(endpoint) if endpoint.id == wanted => Ok(()),
            _ => Err(Problem::no_endpoint()),
        };
        self.change_endpoint(call, id, None, registered).await?;
        Ok(Reply::nothing())
    }

    async fn change_endpoint(
        &self,
        call: &Call,
        id: &str,
        endpoint: Option<EndpointRecord>,
        check: impl FnOnce(&TunnelRecord) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Arc<TunnelRecord>, Problem> {
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        let edit = self.edit(call);
        let change = self.directory.change(move |draft| {
            let record = draft.tunnel(&id).ok_or_else(Problem::no_tunnel)?;
            edit.auth.allow(&edit.caller, &record, None, Scope::Host, edit.now)?;
            check(&record)?;
            record.used.touch(edit.now);
            Ok::<_, Problem>(draft.put(TunnelRecord { endpoint, ..TunnelRecord::clone(&record) }))
        });
        change.await
    }
}
