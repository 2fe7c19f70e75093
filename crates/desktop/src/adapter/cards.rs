//! Tunnels as cards: which are shown, and as what.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use adit_app::known::Openness;
use adit_app::message::{Message, Offer};
use adit_app::place_key::Kind;
use adit_app::traffic::Rows;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, Mood, Row, Standing, View};
use adit_app::words;
use jiff::Timestamp;
use slint::{Model as _, ModelRc, SharedString, VecModel};

use super::terms::{self, Speech};
use super::{chart, sync, sync_in_place, sync_inner};
use crate::ui;

/// More ports than this are shown on request.
const MOST_ROWS: usize = 8;

/// The id of a port's notice, before its number.
const PORT: &str = "port-";

/// Which tunnels the filter and the search leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// 0 all, 1 live, 2 where a person has something to do, 3 stopped.
    pub filter: i32,
    /// What must be in the name, the id, an address, a port or the place.
    pub search: String,
    /// What this computer is called as a place.
    pub here: String,
}

/// The models of the list; they live as long as the window.
#[derive(Default)]
pub struct Cards {
    /// What the list shows.
    pub model: Rc<VecModel<ui::TunnelCard>>,
    inner: BTreeMap<SharedString, Inner>,
    /// Whose ports are all shown.
    pub unfolded: BTreeSet<SharedString>,
}

/// What the keyboard is on, wherever that is in the list.
pub struct Focused {
    key: SharedString,
    row: i32,
    /// Its port, where the row is one.
    port: Option<i32>,
}

#[derive(Default)]
struct Inner {
    rows: Rc<VecModel<ui::PortRow>>,
    notices: Rc<VecModel<ui::Notice>>,
    told: Rc<VecModel<SharedString>>,
}

impl Wanted {
    fn has(&self, card: &Card) -> bool {
        let is_in = match self.filter {
            1 => card.standing.mood == Mood::Live,
            2 => card.needs_you(),
            3 => card.standing.mood == Mood::Stopped,
            _ => true,
        };
        is_in && self.finds(card)
    }

    fn finds(&self, card: &Card) -> bool {
        let place = match card.place.kind() {
            Kind::Relay => card.place.host(),
            Kind::Here => &self.here,
            Kind::Microsoft => "Microsoft Dev Tunnels",
        };
        let wanted = self.search.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        wanted.is_empty()
            || has(&card.name)
            || card.tunnel().is_some_and(|tunnel| has(&tunnel.id.to_string()))
            || has(place)
            || card.description.as_deref().is_some_and(has)
            || card
                .rows
                .iter()
                .any(|row| has(&row.port.to_string()) || row.urls.iter().any(|url| has(url)))
    }
}

impl Cards {
    /// Shows these tunnels.
    pub fn show(
        &mut self,
        view: &View,
        wanted: &Wanted,
        speech: &Speech,
        strings: &ui::Strings<'_>,
        rows: &Rows,
    ) {
        let shown = view.cards.iter().filter(|card| wanted.has(card));
        let cards: Vec<_> = shown.map(|card| self.card(card, speech, strings, rows)).collect();
        let keys: BTreeSet<_> = cards.iter().map(|card| card.key.clone()).collect();
        self.inner.retain(|key, _| keys.contains(key));
        sync(&self.model, cards, |card| card.key.clone());
    }

    /// Tells those that are shown against another time; they are the same ones.
    pub fn tell(&mut self, view: &View, speech: &Speech, strings: &ui::Strings<'_>) {
        for card in &view.cards {
            let key = terms::card_key(&card.id);
            if let Some(inner) = self.inner.get(&key) {
                inner.tell(card, self.most_rows(&key), speech, strings);
            }
        }
    }

    fn most_rows(&self, key: &SharedString) -> usize {
        if self.unfolded.contains(key) { usize::MAX } else { MOST_ROWS }
    }

    /// What is at that card and row, as the interface counts them.
    pub fn focused(&self, card: i32, row: i32) -> Option<Focused> {
        let card = self.model.row_data(usize::try_from(card).ok()?)?;
        let port = usize::try_from(row).ok().and_then(|at| card.rows.row_data(at));
        Some(Focused { key: card.key, row, port: port.map(|it| it.port) })
    }

    /// At which card and row that is now; nothing when it is not shown any more.
    pub fn find(&self, focused: &Focused) -> Option<(i32, i32)> {
        let (at, card) = self.model.iter().enumerate().find(|(_, it)| it.key == focused.key)?;
        let row = match focused.port {
            Some(port) => index(card.rows.iter().position(|it| it.port == port)?),
            // Its header, or what shows all ports.
            None => focused.row.min(index(card.rows.row_count()) - i32::from(card.more_rows == 0)),
        };
        Some((index(at), row))
    }

    fn card(
        &mut self,
        card: &Card,
        speech: &Speech,
        strings: &ui::Strings<'_>,
        rows: &Rows,
    ) -> ui::TunnelCard {
        let key = terms::card_key(&card.id);
        let most = self.most_rows(&key);
        let row = |row| port_row(row, card.tunnel(), speech, rows);
        let shown: Vec<_> = card.rows.iter().take(most).map(row).collect();
        let inner = self.inner.entry(key.clone()).or_default();
        inner.tell(card, most, speech, strings);
        let more_rows = card.rows.len() - shown.len();
        sync_inner(&inner.rows, shown, |row| (row.port, row.is_placeholder));
        let (who, shared_with, until) = access(card.openness, speech);
        let link = link(&card.standing);
        ui::TunnelCard {
            key,
            name: card.name.as_str().into(),
            mood: terms::mood(card.standing.mood),
            told: ModelRc::from(inner.told.clone()),
            link: link.map(|offer| speech.say(&Message::Do(offer.clone()))).unwrap_or_default(),
            link_id: "standing".into(),
            place: terms::place_kind(&card.place),
            host: card.place.host().into(),
            reach: terms::reach(card.reach),
            who,
            shared_with,
            until,
            expires: expires(card, speech),
            on: card.toggle.on,
            can_switch: card.toggle.is_enabled,
            notices: ModelRc::from(inner.notices.clone()),
            rows: ModelRc::from(inner.rows.clone()),
            more_rows: i32::try_from(more_rows).unwrap_or(i32::MAX),
            is_placeholder: card.is_placeholder,
        }
    }
}

impl Inner {
    /// How a card and its rows are, in words.
    fn tell(&self, card: &Card, most: usize, speech: &Speech, strings: &ui::Strings<'_>) {
        let own = speech.say(&card.standing.text);
        let of_rows = card.rows.iter().take(most).map(|row| speech.say(&row.standing.text));
        sync_in_place(&self.told, std::iter::once(own).chain(of_rows));
        sync_inner(&self.notices, notices(card, speech, strings), |notice| notice.id.clone());
    }
}

fn index(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

/// A port, as a row shows it.
pub fn port_row(
    row: &Row,
    tunnel: Option<&TunnelKey>,
    speech: &Speech,
    rows: &Rows,
) -> ui::PortRow {
    let spark = tunnel.and_then(|tunnel| rows.get(&(tunnel.clone(), row.port)));
    let is_live = matches!(row.standing.mood, Mood::Live | Mood::Checking);
    let rate = spark.filter(|_| is_live).map(|spark| chart::rate(spark.rate, speech.language));
    ui::PortRow {
        port: row.port.into(),
        protocol: row.protocol.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        address: row.urls.first().map(|url| terms::address(url)).unwrap_or_default(),
        instead: row.instead.as_ref().map(|it| speech.say(it)).unwrap_or_default(),
        mood: terms::mood(row.standing.mood),
        word: speech.say(&Message::Word(row.standing.word)),
        spark: spark.map(|spark| spark.path.as_str()).unwrap_or_default().into(),
        rate: rate.unwrap_or_default().into(),
        is_placeholder: row.index.is_none(),
    }
}

/// Who may visit, with how many and until when.
pub fn access(openness: Openness, speech: &Speech) -> (ui::Who, i32, SharedString) {
    // The view may be of before its end.
    match openness.at(speech.now.timestamp()) {
        Openness::Unknown => (ui::Who::Unknown, 0, SharedString::default()),
        Openness::OnlyMe => (ui::Who::OnlyMe, 0, SharedString::default()),
        Openness::Shared { with } => {
            (ui::Who::Shared, i32::try_from(with).unwrap_or(i32::MAX), SharedString::default())
        }
        Openness::Anyone { until, .. } => {
            let until = until.map(|at| words::until_clock(at, &speech.now, speech.language));
            (ui::Who::Anyone, 0, until.unwrap_or_default().into())
        }
    }
}

/// When the place forgets the tunnel: a time today, or a date. A notice says it where that is near.
pub fn expires(card: &Card, speech: &Speech) -> SharedString {
    let text = |at: Timestamp| {
        let date = at.to_zoned_datetime(speech.now.time_zone().clone()).date();
        match date == speech.now.date() {
            true => words::until_clock(at, &speech.now, speech.language),
            false => words::date(date, speech.language),
        }
    };
    card.expires.map(text).unwrap_or_default().into()
}

/// What is said below the header: why it does not work with what to do, and what is wrong besides.
fn notices(card: &Card, speech: &Speech, strings: &ui::Strings<'_>) -> Vec<ui::Notice> {
    let own =
        card.standing.is_explained().then(|| own_notice(&card.standing, speech, strings)).flatten();
    let others = card.notices.iter().enumerate().map(|(index, standing)| {
        let text = speech.say(&standing.text);
        let text = match &standing.detail {
            Some(detail) => {
                slint::format!("{}. {}", text.trim_end_matches('.'), speech.why(detail))
            }
            None => text,
        };
        notice(slint::format!("{index}"), text, standing, speech)
    });
    own.into_iter().chain(others).collect()
}

/// Why a port is as it is, with what can be done about it: what the card says only of its worst.
pub fn port_notice(row: &Row, speech: &Speech, strings: &ui::Strings<'_>) -> Option<ui::Notice> {
    let standing = &row.standing;
    let id = slint::format!("{PORT}{}", row.port);
    if let Some(notice) = own_notice(standing, speech, strings) {
        let action = match link(standing) {
            Some(offer) => speech.say(&Message::Do(offer.clone())),
            None => notice.action,
        };
        return Some(ui::Notice { id, action, ..notice });
    }
    standing.offer.as_ref()?;
    Some(notice(id, speech.say(&standing.text), standing, speech))
}

fn own_notice(
    standing: &Standing,
    speech: &Speech,
    strings: &ui::Strings<'_>,
) -> Option<ui::Notice> {
    let text = match (&standing.detail, &standing.offer) {
        (Some(detail), _) => speech.why(detail).into(),
        (None, Some(Offer::SignIn(_))) => strings.invoke_sign_in_notice(),
        (None, Some(Offer::TakeOver)) => strings.invoke_take_over_notice(),
        (None, _) => return None,
    };
    let notice = notice("standing".into(), text, standing, speech);
    // It asks first.
    let asks = standing.offer == Some(Offer::TakeOver);
    Some(if asks { ui::Notice { action: strings.invoke_take_over(), ..notice } } else { notice })
}

fn notice(
    id: SharedString,
    text: SharedString,
    standing: &Standing,
    speech: &Speech,
) -> ui::Notice {
    let offer = standing.offer.as_ref().filter(|_| id != "standing" || link(standing).is_none());
    ui::Notice {
        id,
        text,
        action: offer.map(|offer| speech.say(&Message::Do(offer.clone()))).unwrap_or_default(),
        is_primary: matches!(offer, Some(Offer::SignIn(_) | Offer::GetCommand(_))),
        closes: matches!(offer, Some(Offer::Retry(_))),
    }
}

/// What is done at once stands as a link behind the status; the rest is a button beside its reason.
fn link(standing: &Standing) -> Option<&Offer> {
    use Offer::{AddPort, ChangeProtocol, Forget, Start, TryNow};
    standing.offer.as_ref().filter(|offer| match offer {
        TryNow | ChangeProtocol { .. } | AddPort | Forget => true,
        // Elsewhere the switch says the same; of one that stands by it is on.
        Start => standing.mood == Mood::Standby,
        _ => false,
    })
}

/// What an id of [`ui::Notice`] or of the link offers.
pub fn offer<'a>(card: &'a Card, id: &str) -> Option<&'a Offer> {
    if id == "standing" {
        return card.standing.offer.as_ref();
    }
    if id == "try-now" {
        // A key asks for it, wherever in the card it is offered.
        let rows = card.rows.iter().map(|row| &row.standing);
        let all = std::iter::once(&card.standing).chain(&card.notices).chain(rows);
        return all.filter_map(|it| it.offer.as_ref()).find(|offer| **offer == Offer::TryNow);
    }
    if let Some(port) = id.strip_prefix(PORT) {
        let port: u16 = port.parse().ok()?;
        return card.rows.iter().find(|row| row.port == port)?.standing.offer.as_ref();
    }
    card.notices.get(id.parse::<usize>().ok()?)?.offer.as_ref()
}
