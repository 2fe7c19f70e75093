//! Links that share a tunnel, as the relay of this project has them.

use adit_proto::contracts::{LinkList, TunnelLink};
use http::Method;
use jiff::Timestamp;

use super::super::error::{Error, Flaw};
use super::super::{Link, Locator};
use super::Rest;
use super::call::Call;

impl Rest {
    pub(super) async fn make_link(
        &self,
        at: &Locator,
        port: Option<u16>,
        until: Timestamp,
    ) -> Result<Link, Error> {
        let asked =
            TunnelLink { port_number: port, expiration: Some(until), ..TunnelLink::default() };
        let call = Call::to(Method::POST, at, "/links").json(&asked)?;
        let host = self.host(&call);
        let made: TunnelLink = self.send(call).await?;
        let has_url = made.url.as_ref().is_some_and(|url| !url.is_empty());
        read(made).filter(|_| has_url).ok_or(incomplete(host))
    }

    pub(super) async fn list_links(&self, at: &Locator) -> Result<Vec<Link>, Error> {
        let call = Call::to(Method::GET, at, "/links");
        let host = self.host(&call);
        let list: LinkList = self.send(call).await?;
        let links: Option<Vec<Link>> = list.value.into_iter().map(read).collect();
        links.ok_or(incomplete(host))
    }
}

/// A link, if it says all that it must.
fn read(link: TunnelLink) -> Option<Link> {
    Some(Link {
        id: link.link_id?,
        url: link.url,
        port: link.port_number,
        expires: link.expiration?,
    })
}

fn incomplete(host: Box<str>) -> Error {
    Error::Protocol { host, flaw: Flaw::Missing("id, address or end of a link") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::Service;
    use super::super::{Credential, Management};
    use super::*;

    fn at() -> Locator {
        "quiet-fox-4k9x2bd".parse().unwrap()
    }

    fn until() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn a_link_is_asked_for_and_its_address_is_a_secret() {
        let made = r#"{"linkId":"k3","url":"https://cp.r/go/canary","portNumber":5173,
            "expiration":"2026-11-30T12:00:00Z"}"#;
        let mut service = Service::answering(Credential::Anonymous, &[(201, made)]).await;
        let link = service.rest.create_link(&at(), Some(5173), until()).await.unwrap();
        let asked = service.asked();
        assert_eq!(asked.line, "POST /tunnels/quiet-fox-4k9x2bd/links?V");
        let body = json!({"portNumber": 5173, "expiration": "2026-11-30T12:00:00Z"});
        assert_eq!(asked.body, body);
        assert_eq!((&*link.id, link.port, link.expires), ("k3", Some(5173), until()));
        assert!(!format!("{link:?}").contains("canary"));
        assert_eq!(link.url.unwrap().expose(), "https://cp.r/go/canary");
    }

    #[tokio::test]
    async fn links_are_listed_without_their_addresses_and_revoked_by_id() {
        let list = r#"{"value":[{"linkId":"k3","expiration":"2026-11-30T12:00:00Z"}]}"#;
        let answers = [(200, list), (204, ""), (404, "{}")];
        let mut service = Service::answering(Credential::Anonymous, &answers).await;
        let links = service.rest.links(&at()).await.unwrap();
        let expected = Link { id: "k3".into(), url: None, port: None, expires: until() };
        assert_eq!(links, [expected]);
        assert_eq!(service.asked().line, "GET /tunnels/quiet-fox-4k9x2bd/links?V");
        assert!(service.rest.delete_link(&at(), "k3").await.unwrap());
        assert_eq!(service.asked().line, "DELETE /tunnels/quiet-fox-4k9x2bd/links/k3?V");
        assert!(!service.rest.delete_link(&at(), "k3").await.unwrap());
    }

    #[tokio::test]
    async fn an_answer_that_lacks_the_link_is_none() {
        let made = r#"{"linkId":"k3","expiration":"2026-11-30T12:00:00Z"}"#;
        let service = Service::answering(Credential::Anonymous, &[(201, made)]).await;
        let error = service.rest.create_link(&at(), None, until()).await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    }
}
