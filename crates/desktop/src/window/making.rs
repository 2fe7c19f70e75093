//! The dialogs that make tunnels and ports: what is typed is checked by the application, and what is asked for is
//! waited for.

mod errand;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adit_app::access::Access;
use adit_app::command::{Command, ErrandId, Wish};
use adit_app::form::{self, AddPort, HeaderText, NewTunnel, OptionsText, To, suggest_name};
use adit_app::local::Found;
use adit_app::place_key::PlaceKey;
use adit_app::port::Protocol;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::{Card, View};
use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::Window;
use crate::adapter::terms::{self, Speech};
use crate::adapter::{making, sync};
use crate::ui;

/// What the dialogs hold besides what stands in their fields.
#[derive(Default)]
pub(super) struct Making {
    /// The places to choose from, in order.
    places: RefCell<Vec<PlaceKey>>,
    place_rows: Rc<VecModel<ui::PlaceChoice>>,
    ports: Rc<VecModel<ui::Listener>>,
    accesses: RefCell<Vec<Access>>,
    /// The tunnels to choose from, in order.
    tunnels: RefCell<Vec<TunnelKey>>,
    /// The one that is chosen; none is a new one.
    chosen: RefCell<Option<TunnelKey>>,
    /// Somebody typed a name, so none is suggested.
    is_named: Cell<bool>,
    /// What is waited for.
    errand: Cell<Option<ErrandId>>,
    last: Cell<u64>,
}

impl Window {
    pub(super) fn listen_making(self: &Rc<Self>) {
        let new_tunnel = self.app.global::<ui::NewTunnel>();
        new_tunnel.set_places(ModelRc::from(self.making.place_rows.clone()));
        new_tunnel.on_edited(self.on(|window| window.draw_new_tunnel(&window.view())));
        new_tunnel.on_create(self.on(|window| {
            let draft = window.new_tunnel_form().check(&window.view()).draft;
            if let Some(draft) = draft {
                window.begin(Wish::Create { draft, port: None });
            }
        }));
        let add_port = self.app.global::<ui::AddPort>();
        add_port.set_places(ModelRc::from(self.making.place_rows.clone()));
        add_port.set_ports(ModelRc::from(self.making.ports.clone()));
        add_port.on_edited(self.on(Self::port_edited));
        add_port.on_named(self.on(|window| window.making.is_named.set(true)));
        add_port.on_choose(self.on_one(|window, index: i32| {
            let row = usize::try_from(index).ok();
            if let Some(listener) = row.and_then(|at| window.making.ports.row_data(at)) {
                let number = slint::format!("{}", listener.port);
                window.app.global::<ui::AddPort>().set_number(number);
                window.port_edited();
            }
        }));
        add_port.on_add(self.on(|window| {
            if let Some(wish) = window.add_port_form().check(&window.view()).wish {
                window.begin(wish);
            }
        }));
        add_port.on_remove_empty(self.on(Self::remove_empty));
    }

    /// Fills in the dialog of a new tunnel, as the settings have it.
    pub(super) fn open_new_tunnel(&self) {
        let view = self.view();
        let settings = &view.preferences.new_tunnels;
        self.learn_places(&view);
        let accesses = making::accesses(settings);
        let form = NewTunnel::new(form::default_place(&view), settings);
        let global = self.app.global::<ui::NewTunnel>();
        global.set_name(SharedString::default());
        global.set_place(self.index_of_place(&form.place));
        global.set_access(index(accesses.iter().position(|it| *it == form.access)));
        global.set_expiration(form.expiration.into());
        global.set_description(form.description.into());
        global.set_labels(SharedString::default());
        global.set_host(SharedString::default());
        global.set_origin(SharedString::default());
        global.set_timeout(SharedString::default());
        global.set_passes_host(false);
        global.set_passes_origin(false);
        global.set_is_unfolded(false);
        *self.making.accesses.borrow_mut() = accesses;
        self.clear_errand();
        self.draw_new_tunnel(&view);
    }

    /// Fills in the dialog of a port: of that tunnel, or of the first; of a new one where there is none.
    pub(super) fn open_add_port(&self, key: &str, port: i32) {
        (self.desk.look)();
        let view = self.view();
        self.learn_places(&view);
        let first = || view.cards.iter().find_map(Card::tunnel).cloned();
        *self.making.chosen.borrow_mut() = self.tunnel(key).or_else(first);
        self.making.is_named.set(false);
        let global = self.app.global::<ui::AddPort>();
        let number = if port > 0 { slint::format!("{port}") } else { SharedString::default() };
        global.set_number(number);
        global.set_protocol(0);
        global.set_name(SharedString::default());
        global.set_description(SharedString::default());
        global.set_labels(SharedString::default());
        global.set_host(SharedString::default());
        global.set_origin(SharedString::default());
        global.set_timeout(SharedString::default());
        global.set_passes_host(false);
        global.set_passes_origin(false);
        global.set_is_unfolded(false);
        global.set_place(self.index_of_place(&form::default_place(&view)));
        self.clear_errand();
        self.draw_tunnels(&view);
        self.draw_add_port(&view);
    }

    /// Nobody waits any more.
    pub(super) fn leave_making(&self) {
        if let Some(id) = self.making.errand.take() {
            self.send(Command::LetGo(id));
        }
    }

    /// Shows what is new to the dialog that is open.
    pub(super) fn draw_making(&self, view: &View) {
        self.draw_errand(view);
        match self.app.global::<ui::Dialogs>().get_current() {
            ui::Dialog::NewTunnel => self.draw_new_tunnel(view),
            ui::Dialog::AddPort => {
                self.draw_tunnels(view);
                self.draw_add_port(view);
            }
            _ => {}
        }
    }

    fn learn_places(&self, view: &View) {
        *self.making.places.borrow_mut() = view.places.iter().map(|it| it.key.clone()).collect();
    }

    fn index_of_place(&self, place: &PlaceKey) -> i32 {
        index(self.making.places.borrow().iter().position(|it| it == place))
    }

    fn place_at(&self, at: i32) -> PlaceKey {
        let places = self.making.places.borrow();
        let found = usize::try_from(at).ok().and_then(|at| places.get(at).cloned());
        found.unwrap_or_else(PlaceKey::here)
    }

    fn access(&self) -> Access {
        let at = usize::try_from(self.app.global::<ui::NewTunnel>().get_access()).unwrap_or(0);
        self.making.accesses.borrow().get(at).copied().unwrap_or_default()
    }

    fn new_tunnel_form(&self) -> NewTunnel {
        let global = self.app.global::<ui::NewTunnel>();
        NewTunnel {
            name: global.get_name().to_string(),
            place: self.place_at(global.get_place()),
            access: self.access(),
            expiration: global.get_expiration().to_string(),
            description: global.get_description().to_string(),
            options: OptionsText {
                labels: global.get_labels().to_string(),
                host: header(global.get_host(), global.get_passes_host()),
                origin: header(global.get_origin(), global.get_passes_origin()),
                timeout: global.get_timeout().to_string(),
            },
        }
    }

    fn draw_new_tunnel(&self, view: &View) {
        let (speech, access) = (self.speech(), self.access());
        let strings = self.app.global::<ui::MakingStrings>();
        let global = self.app.global::<ui::NewTunnel>();
        self.draw_places(view, access, &speech);
        let accesses: Vec<_> = {
            let all = self.making.accesses.borrow();
            all.iter().map(|it| making::access(*it, &strings)).collect()
        };
        if !global.get_accesses().iter().eq(accesses.iter().cloned()) {
            global.set_accesses(ModelRc::new(VecModel::from(accesses)));
        }
        global.set_until(match access {
            Access::Private => SharedString::default(),
            Access::Anonymous(open) => {
                let end = open.end(speech.now.timestamp());
                adit_app::words::until_clock(end, &speech.now, speech.language).into()
            }
        });
        making::show_tunnel(&global, &self.new_tunnel_form().check(view), &speech);
    }

    fn draw_places(&self, view: &View, access: Access, speech: &Speech) {
        let strings = self.app.global::<ui::MakingStrings>();
        let keys = self.making.places.borrow();
        let rows = keys.iter().filter_map(|key| {
            let place = view.places.iter().find(|it| it.key == *key)?;
            Some(making::place(place, access, speech, &strings))
        });
        sync(&self.making.place_rows, rows.collect(), |row| row.key.clone());
    }

    fn add_port_form(&self) -> AddPort {
        let global = self.app.global::<ui::AddPort>();
        let to = match self.making.chosen.borrow().clone() {
            Some(tunnel) => To::Tunnel(tunnel),
            None => To::New {
                name: global.get_name().to_string(),
                place: self.place_at(global.get_place()),
            },
        };
        let protocol = match global.get_protocol() {
            1 => Protocol::Http,
            2 => Protocol::Https,
            _ => Protocol::Auto,
        };
        AddPort {
            number: global.get_number().to_string(),
            protocol,
            description: global.get_description().to_string(),
            options: OptionsText {
                labels: global.get_labels().to_string(),
                host: header(global.get_host(), global.get_passes_host()),
                origin: header(global.get_origin(), global.get_passes_origin()),
                timeout: global.get_timeout().to_string(),
            },
            to,
        }
    }

    fn port_edited(&self) {
        let at = self.app.global::<ui::AddPort>().get_tunnel();
        let chosen = {
            let tunnels = self.making.tunnels.borrow();
            usize::try_from(at).ok().and_then(|at| tunnels.get(at).cloned())
        };
        *self.making.chosen.borrow_mut() = chosen;
        self.draw_add_port(&self.view());
    }

    /// The tunnels to choose from, with the chosen one where it is now.
    fn draw_tunnels(&self, view: &View) {
        let global = self.app.global::<ui::AddPort>();
        let strings = self.app.global::<ui::MakingStrings>();
        let cards: Vec<_> = view.cards.iter().filter(|card| card.tunnel().is_some()).collect();
        let keys: Vec<_> = cards.iter().filter_map(|card| card.tunnel().cloned()).collect();
        let chosen = self.making.chosen.borrow().clone();
        let at = chosen.and_then(|chosen| keys.iter().position(|it| *it == chosen));
        if at.is_none() {
            // It is gone, or a new one is wanted.
            *self.making.chosen.borrow_mut() = None;
        }
        let at = at.unwrap_or(keys.len());
        if *self.making.tunnels.borrow() != keys || global.get_tunnels().row_count() == 0 {
            let names = cards.iter().map(|card| SharedString::from(card.name.as_str()));
            let names: Vec<_> = names.chain([strings.invoke_new_tunnel()]).collect();
            let places = cards.iter().map(|card| self.place_name(&card.place));
            let places: Vec<_> = places.chain([SharedString::default()]).collect();
            global.set_tunnels(ModelRc::new(VecModel::from(names)));
            global.set_tunnel_places(ModelRc::new(VecModel::from(places)));
            *self.making.tunnels.borrow_mut() = keys;
        }
        global.set_tunnel(index(Some(at)));
    }

    pub(super) fn place_name(&self, place: &PlaceKey) -> SharedString {
        match terms::place_kind(place) {
            ui::PlaceKind::Here => self.app.global::<ui::MakingStrings>().invoke_here(),
            ui::PlaceKind::Relay => place.host().into(),
            ui::PlaceKind::Microsoft => "Microsoft Dev Tunnels".into(),
        }
    }

    fn draw_add_port(&self, view: &View) {
        let (speech, found) = (self.speech(), self.desk.listening.borrow().clone());
        let global = self.app.global::<ui::AddPort>();
        let chosen = self.making.chosen.borrow().clone();
        let is_it = |card: &&Card| chosen.is_some() && card.tunnel() == chosen.as_ref();
        let card = view.cards.iter().find(is_it);
        sync(&self.making.ports, making::ports(&found, card, &speech), |it| it.port);
        global.set_is_listening_known(matches!(found, Found::Ports(_)));
        let number = global.get_number();
        let current =
            self.making.ports.iter().position(|it| number == slint::format!("{}", it.port));
        global.set_current(current.map_or(-1, |at| index(Some(at))));
        global.set_is_new(card.is_none());
        match card {
            Some(card) => self.draw_chosen(card, &speech),
            None => self.draw_new(view, &found, &speech),
        }
        making::show_port(&global, &self.add_port_form().check(view), &speech);
    }

    fn draw_chosen(&self, card: &Card, speech: &Speech) {
        let global = self.app.global::<ui::AddPort>();
        let (who, shared_with, until) = crate::adapter::cards::access(card.openness, speech);
        global.set_mood(terms::mood(card.standing.mood));
        global.set_who(who);
        global.set_shared_with(shared_with);
        global.set_until(until);
    }

    fn draw_new(&self, view: &View, found: &Found, speech: &Speech) {
        let global = self.app.global::<ui::AddPort>();
        let strings = self.app.global::<ui::MakingStrings>();
        let settings = &view.preferences.new_tunnels;
        let access = settings.anonymous.map_or(Access::Private, Access::Anonymous);
        self.draw_places(view, access, speech);
        let names: Vec<_> = {
            let places = self.making.places.borrow();
            places.iter().map(|place| self.place_name(place)).collect()
        };
        if !global.get_place_names().iter().eq(names.iter().cloned()) {
            global.set_place_names(ModelRc::new(VecModel::from(names)));
        }
        let (life, open_for) = making::settings(settings, &strings);
        global.set_life(life);
        global.set_open_for(open_for);
        if !self.making.is_named.get() {
            let port = global.get_number().trim().parse().ok();
            let program = port.and_then(|port| making::program(found, port));
            let place = self.place_at(global.get_place());
            global.set_name(suggest_name(program.as_deref(), port, &place, view).into());
        }
    }
}

fn header(value: SharedString, is_passed_on: bool) -> HeaderText {
    HeaderText { value: value.to_string(), is_passed_on }
}

pub(super) fn index(at: Option<usize>) -> i32 {
    at.and_then(|at| i32::try_from(at).ok()).unwrap_or(0)
}
