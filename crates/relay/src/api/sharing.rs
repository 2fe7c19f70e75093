//! Links by which a tunnel is shared: made, listed, revoked.
//!
//! An extension of ours; no SDK of Microsoft's asks for it. What links do is [`crate::sharing`]'s.

use adit_proto::access::Scope;
use adit_proto::contracts::{LinkList, TunnelLink};
use adit_proto::id::TunnelId;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::edit::Edit;
use super::problem::Problem;
use super::reply::Reply;
use super::{Api, Call};
use crate::auth::{hash_key, letters, millisecond};
use crate::directory::Draft;
use crate::record::{MAX_SHARES, ShareRecord, TunnelRecord};
use crate::sharing::unguessable;

/// The longest that a link may last: as long as anonymous access. Both are asked for with a view to an
/// end, and whoever wants more can ask again.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far the clock of whoever asks may be ahead.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

impl Api {
    pub(super) async fn create_link(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let body: TunnelLink = call.object()?;
        let expires = end(body.expiration, call.now)?;
        if body.port_number == Some(0) {
            return Err(Problem::member("portNumber", "must be between 1 and 65535"));
        }
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        if self.domain.is_none() {
            return Err(Problem::bad_request(
                "This relay has no domain of its own, so there is nowhere that a link could lead. \
                 Whoever runs it can give it one.",
            ));
        }
        let secret = unguessable().map_err(no_randomness)?;
        let share = ShareRecord {
            id: letters::<10>().map_err(no_randomness)?,
            port: body.port_number,
            secret: hash_key(secret.expose()),
            created: call.now,
            expires,
        };
        let shown = show(&share);
        let edit = self.edit(call);
        self.directory.change(move |draft| edit.add_share(draft, &id, share)).await?;
        let url = Some(self.links.shared(&secret));
        Ok(Reply::json(StatusCode::CREATED, &TunnelLink { url, ..shown }))
    }

    pub(super) fn list_links(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let record = self.find(id).ok_or_else(Problem::no_tunnel)?;
        self.auth.allow(&call.caller, &record, None, Scope::Manage, call.now)?;
        let live = record.shares.iter().filter(|share| share.is_live(call.now));
        Ok(Reply::ok(&LinkList { value: live.map(show).collect() }))
    }

    pub(super) async fn delete_link(
        &self,
        call: &Call,
        id: &str,
        link: &str,
    ) -> Result<Reply, Problem> {
        let id = self.find(id).ok_or_else(Problem::no_tunnel)?.id.clone();
        let (edit, link) = (self.edit(call), link.to_owned());
        self.directory.change(move |draft| edit.remove_share(draft, &id, &link)).await?;
        Ok(Reply::nothing())
    }
}

impl Edit {
    fn add_share(
        &self,
        draft: &mut Draft,
        id: &TunnelId,
        share: ShareRecord,
    ) -> Result<(), Problem> {
        let record = draft.tunnel(id).ok_or_else(Problem::no_tunnel)?;
        // As for access lists: a link decides who gets in.
        self.auth.allow(&self.caller, &record, share.port, Scope::Manage, self.now)?;
        if let Some(port) = share.port.filter(|port| !record.ports.contains_key(port)) {
            return Err(Problem::no_port(port));
        }
        let mut record = self.without_ended(&record);
        if record.shares.len() >= MAX_SHARES {
            let detail = format!(
                "The tunnel has {MAX_SHARES} links, which is the limit. Revoke some, or wait until \
                 one ends."
            );
            return Err(Problem::limit(detail));
        }
        record.shares.push(share);
        record.used.touch(self.now);
        draft.put(record);
        Ok(())
    }

    fn remove_share(&self, draft: &mut Draft, id: &TunnelId, link: &str) -> Result<(), Problem> {
        let record = draft.tunnel(id).ok_or_else(Problem::no_tunnel)?;
        let share = record.shares.iter().find(|share| share.id == link);
        let port = share.and_then(|share| share.port);
        self.auth.allow(&self.caller, &record, port, Scope::Manage, self.now)?;
        if share.is_none() {
            return Err(no_link());
        }
        let mut record = self.without_ended(&record);
        record.shares.retain(|share| share.id != link);
        draft.put(record);
        Ok(())
    }

    fn without_ended(&self, record: &TunnelRecord) -> TunnelRecord {
        let mut record = record.clone();
        record.shares.retain(|share| share.is_live(self.now));
        record
    }
}

/// A link without its address, which nobody knows any more.
fn show(share: &ShareRecord) -> TunnelLink {
    TunnelLink {
        link_id: Some(share.id.clone()),
        url: None,
        port_number: share.port,
        expiration: Some(share.expires),
    }
}

/// When a link ends that is asked for.
fn end(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(end) = asked.map(millisecond) else {
        return Err(Problem::member("expiration", "is required: a link has an end"));
    };
    if end <= now {
        return Err(Problem::member("expiration", "must be in the future"));
    }
    if end.duration_since(now) > LONGEST + SKEW {
        return Err(Problem::member("expiration", "must be at most 30 days from now"));
    }
    Ok(end)
}

fn no_link() -> Problem {
    let detail = "The tunnel has no link of this id; it may have ended or been revoked.";
    Problem::new(StatusCode::NOT_FOUND, "Link not found.", detail)
}

fn no_randomness(error: getrandom::Error) -> Problem {
    tracing::error!(%error, "a link could not be made");
    let detail = "The relay could not make a link.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The relay failed.", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_in_the_future_and_within_thirty_days() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let asked = |seconds| end(Some(now + SignedDuration::from_secs(seconds)), now);
        let month = 30 * 86_400;
        assert!(end(None, now).is_err());
        for seconds in [-1, 0, month + 61] {
            assert_eq!(asked(seconds).unwrap_err().status, 400, "{seconds}");
        }
        for seconds in [1, 3_600, month, month + 60] {
            assert!(asked(seconds).is_ok(), "{seconds}");
        }
    }
}
