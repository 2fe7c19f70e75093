//! The screen of a port: its row and facts, its charts, requests and events.

use std::rc::Rc;
use std::sync::Arc;

use adit_app::history::{Request, Unseen};
use adit_app::traffic::{Again, Detail, Rows};
use adit_app::view::{Card, Row};
use adit_app::words::{self, number};
use jiff::Timestamp;
use slint::{Model, ModelRc, SharedString, VecModel};

use super::terms::{self, Speech};
use super::{cards, chart, events, sync};
use crate::ui;

/// The models of the screen; they live as long as the window.
#[derive(Default)]
pub struct PortLists {
    charts: Rc<VecModel<ui::ChartData>>,
    table: Rc<VecModel<ui::TableRow>>,
    requests: Rc<VecModel<ui::RequestRow>>,
    events: Rc<VecModel<ui::EventRow>>,
    notices: Rc<VecModel<ui::Notice>>,
}

impl PortLists {
    /// Gives the interface the models.
    pub fn attach(&self, port: &ui::Port<'_>) {
        port.set_notices(ModelRc::from(self.notices.clone()));
        port.set_charts(ModelRc::from(self.charts.clone()));
        port.set_table(ModelRc::from(self.table.clone()));
        port.set_requests(ModelRc::from(self.requests.clone()));
        port.set_events(ModelRc::from(self.events.clone()));
    }

    /// Shows traffic, requests and events; requests stay as they are while somebody reads them.
    pub fn show(
        &self,
        port: &ui::Port<'_>,
        detail: &Detail,
        speech: &Speech,
        strings: &ui::Strings<'_>,
    ) {
        let is_day = port.get_is_day();
        let charts = if is_day { &detail.day } else { &detail.quarter };
        let drawn = chart::drawn(charts, port.get_is_connections(), speech.language, strings);
        // A chart that is there stays, with its menu and the keyboard on it.
        if self.charts.row_count() == drawn.len() {
            let rows = drawn.into_iter().enumerate();
            rows.for_each(|(index, chart)| self.charts.set_row_data(index, chart));
        } else {
            self.charts.set_vec(drawn);
        }
        port.set_times(ModelRc::new(VecModel::from(times(is_day, strings))));
        if port.get_is_table() {
            let time = |at: Timestamp| clock(at, speech);
            self.table.set_vec(chart::table(charts, speech.language, strings, &time));
        }
        let rows: Vec<_> = detail.requests.iter().map(|it| request(it, speech)).collect();
        if port.get_is_paused() || port.get_held() >= 0 {
            // Those that are shown go on.
            for (index, shown) in self.requests.iter().enumerate() {
                if let Some(now) = rows.iter().find(|it| it.id == shown.id && **it != shown) {
                    self.requests.set_row_data(index, now.clone());
                }
            }
        } else {
            sync(&self.requests, rows, |row| row.id);
        }
        sync(&self.events, events::rows(&detail.events, speech), |row: &ui::EventRow| {
            (row.time.clone(), row.text.clone())
        });
        port.set_is_encrypted(detail.unseen == Some(Unseen::Encrypted));
        port.set_is_no_http(detail.unseen == Some(Unseen::NotHttp));
        port.set_again(match &detail.again {
            None => SharedString::default(),
            Some(Again::Sending { .. }) => strings.invoke_sending(),
            Some(Again::Failed { failure, .. }) => {
                let why = words::heard(&failure.message, speech.language);
                strings.invoke_not_sent(why.as_ref().into())
            }
        });
    }

    /// Shows why the port is as it is, and what can be done.
    pub fn notice(&self, notice: Option<ui::Notice>) {
        sync(&self.notices, notice.into_iter().collect(), |notice| notice.id.clone());
    }

    /// There is nothing to show yet.
    pub fn clear(&self, port: &ui::Port<'_>) {
        self.charts.set_vec(Vec::new());
        self.table.set_vec(Vec::new());
        self.requests.set_vec(Vec::new());
        self.events.set_vec(Vec::new());
        port.set_current(-1);
        port.set_held(-1);
        port.set_again(SharedString::default());
        port.set_is_paused(false);
    }
}

/// Shows what the tunnel and the port are.
pub fn facts(port: &ui::Port<'_>, card: &Card, row: &Row, speech: &Speech, rows: &Rows) {
    let (who, shared_with, until) = cards::access(card.openness, speech);
    port.set_key(terms::card_key(&card.id));
    port.set_tunnel(card.name.as_str().into());
    port.set_row(cards::port_row(row, card.tunnel(), speech, rows));
    port.set_status(speech.say(&row.standing.text));
    port.set_place(terms::place_kind(&card.place));
    port.set_host(card.place.host().into());
    port.set_who(who);
    port.set_shared_with(shared_with);
    port.set_until(until);
    port.set_expires(cards::expires(card, speech));
    port.set_on(card.toggle.on);
    port.set_can_switch(card.toggle.is_enabled);
}

fn times(is_day: bool, strings: &ui::Strings<'_>) -> Vec<ui::AxisLabel> {
    let label = |text: SharedString, at: f32| ui::AxisLabel { text, at };
    let (first, marks) = if is_day {
        (strings.invoke_ago_hours(24), ["16", "8"])
    } else {
        (strings.invoke_ago_minutes(15), ["10", "5"])
    };
    let [one, two] = marks.map(SharedString::from);
    vec![
        label(first, 0.0),
        label(one, 1.0 / 3.0),
        label(two, 2.0 / 3.0),
        label(strings.invoke_now(), 1.0),
    ]
}

fn request(request: &Arc<Request>, speech: &Speech) -> ui::RequestRow {
    let class = request.status.map_or(0, |status| i32::from(status / 100));
    ui::RequestRow {
        id: i32::try_from(request.number).unwrap_or(i32::MAX),
        time: clock(request.at, speech).into(),
        method: (*request.method).into(),
        path: (*request.path).into(),
        status: request.status.map(|it| it.to_string()).unwrap_or_else(|| "-".to_owned()).into(),
        class,
        took: number::took(request.took, speech.language).into(),
    }
}

/// A time of day to the second.
pub fn clock(at: Timestamp, speech: &Speech) -> String {
    let at = at.to_zoned_datetime(speech.now.time_zone().clone());
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}
