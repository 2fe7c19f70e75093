//! Who does not look at the window is told what needs a person: conditions that have become visible, and URLs that
//! are not what they were. Ordinary ups and downs are told nobody.

use std::collections::BTreeMap;

use super::Turn;
use crate::condition::{self, Subject};
use crate::effect::{Effect, Notice, NoticeKind};
use crate::message::{Message, Offer};
use crate::state::{Ends, State};
use crate::tunnel_key::TunnelKey;

impl Turn<'_> {
    /// Tells of what has just become visible, as far as somebody wants to hear it.
    pub(super) fn conditions(&mut self) {
        let raised = condition::raised(self.state, self.now);
        for condition in self.state.conditions.turn(raised, self.now) {
            let Some(kind) = condition.code.notice() else { continue };
            let name = condition.about.tunnel().map(|tunnel| self.state.name(tunnel));
            let (about, text, offer) = (condition.about, condition.text, condition.offer);
            self.notify(Notice { kind, about, name, text, offer });
        }
        self.state.end_due = condition::next_end(self.state, self.now);
    }

    /// Tells of hosted ports whose URL is none of theirs any more. The first that is known is no news.
    pub(super) fn urls(&mut self) {
        let told = self.state.hosted_urls();
        let before = std::mem::take(&mut self.state.urls);
        // What is to be hosted again has the URL of the last run in the meantime.
        let waits = |tunnel: &TunnelKey| {
            !self.state.hosted.contains_key(tunnel)
                && self.state.remembered.iter().any(|it| it.key == *tunnel)
        };
        let waiting = before.iter().filter(|((tunnel, _), _)| waits(tunnel));
        let mut kept: BTreeMap<_, _> = waiting.map(|(at, url)| (at.clone(), url.clone())).collect();
        for (at, urls) in told {
            let old = before.get(&at);
            let stays = old.filter(|old| urls.is_empty() || urls.iter().any(|it| is_same(it, old)));
            let Some(url) = stays.or(urls.first()).cloned() else { continue };
            if old.is_some() && stays.is_none() {
                self.url_changed(at.clone(), url.clone());
            }
            kept.insert(at, url);
        }
        self.state.urls = kept;
    }

    fn url_changed(&mut self, (tunnel, port): (TunnelKey, u16), url: String) {
        self.notify(Notice {
            kind: NoticeKind::UrlChanged,
            name: Some(self.state.name(&tunnel)),
            about: Subject::Port(tunnel, port),
            offer: Some(Offer::CopyUrl(url.clone())),
            text: Message::UrlIs(url),
        });
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        if self.state.preferences.notify.wants(notice.kind) {
            self.effects.push(Effect::Notify(notice));
        }
    }
}

impl State {
    /// All URLs of every port that is hosted, as the engine and then the list tell them.
    fn hosted_urls(&self) -> BTreeMap<(TunnelKey, u16), Vec<String>> {
        let mut all = BTreeMap::<_, Vec<_>>::new();
        for (tunnel, hosted) in self.hosted.iter().filter(|(_, hosted)| hosted.ends == Ends::No) {
            let told = hosted.status.ports.iter().map(|(number, port)| (*number, &port.urls));
            let known = self.known(tunnel).and_then(|known| known.ports.as_deref());
            let listed = known.unwrap_or_default().iter().map(|port| (port.number, &port.urls));
            for (number, urls) in told.chain(listed) {
                all.entry((tunnel.clone(), number)).or_default().extend(urls.iter().cloned());
            }
        }
        all
    }
}

/// Some write the same URL with a slash at its end, and some without.
fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
