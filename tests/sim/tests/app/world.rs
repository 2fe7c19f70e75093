//! A world: services, engines, files and people around the application, in virtual time.

mod acts;
mod disk;
mod engines;
mod last;
mod service;
mod steps;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_app::command::Command;
use adit_app::effect::Effect;
use adit_app::event::{Event, Input};
use adit_app::moment::Moment;
use adit_app::place_key::PlaceKey;
use adit_app::tunnel_key::TunnelKey;
use adit_app::view::View;
use adit_sim::harness::Violation;
use adit_sim::{Rng, Schedule, Trace};
use jiff::Timestamp;

use crate::check::{Promise, Summary};
use crate::mind::{Flaw, Mind};
use crate::model::{Model, seen};
use crate::plan::Plan;
use crate::words;
use disk::Disk;
use engines::{Doing, Engine};
use last::Last;
use service::Service;

/// The calendar at the beginning, in seconds.
const START: i64 = 1_800_000_000;

/// More than this in one world is a circle.
const MOST_EVENTS: u64 = 100_000;

/// More than this at one moment is one too.
const MOST_TICKS: u32 = 5;

/// Every so many inputs it is looked whether the same comes of the same.
const LOOK_TWICE: u64 = 7;

/// What happens next.
#[derive(Debug)]
enum Due {
    Step(usize),
    /// What began with a step is over.
    Over(usize),
    Tick(u64),
    /// The application of that life hears something.
    Deliver(u32, Box<Event>),
    /// A service is asked by the application of that life.
    Serve(u32, Box<Effect>),
    Engine {
        tunnel: TunnelKey,
        id: u64,
        nth: u64,
        doing: Doing,
    },
    /// A file is written.
    Written(u32),
    Start,
    Last(Last),
}

#[derive(Debug)]
pub(crate) struct World<'a> {
    plan: &'a Plan,
    flaw: Option<Flaw>,
    rng: Rng,
    schedule: Schedule<Due>,
    trace: Trace,
    /// How many seconds the calendar is off.
    shift: i64,
    /// The computer sleeps until then.
    asleep: Duration,
    app: Option<Mind>,
    view: Option<View>,
    /// Counts the application's processes.
    life: u32,
    tick: u64,
    ticks: (Duration, u32),
    /// How long after an end it starts again; nothing is never.
    returns: Option<Duration>,
    model: Model,
    services: Vec<Service>,
    engines: BTreeMap<TunnelKey, Engine>,
    begun: u64,
    disk: Disk,
    /// Every tunnel that there ever was.
    tunnels: Vec<TunnelKey>,
    forbidden: BTreeSet<TunnelKey>,
    claimed: BTreeSet<TunnelKey>,
    /// Tunnels whose local servers are away.
    local_down: BTreeSet<TunnelKey>,
    has_command: bool,
    /// Nothing goes wrong any more.
    is_mended: bool,
    is_over: bool,
    events: u64,
    summary: Summary,
    found: Option<Violation<Promise>>,
}

/// Adds a line to the trace of a world, written only if it is kept.
macro_rules! note {
    ($world:expr, $($word:tt)*) => {
        if $world.trace.is_on() {
            let text = format!($($word)*);
            $world.trace.add($world.schedule.now(), &text);
        }
    };
}

use note;

impl<'a> World<'a> {
    pub(crate) fn new(plan: &'a Plan, flaw: Option<Flaw>, trace: Trace) -> World<'a> {
        let relay = PlaceKey::from("https://cp.r.example");
        let places = [relay, PlaceKey::microsoft()].into_iter().take(plan.places);
        let services: Vec<_> = places.map(Service::new).collect();
        let key = |(at, of): (usize, &crate::plan::Planned)| TunnelKey {
            place: services[of.place].key.clone(),
            id: format!("old{at}.loc1").parse().expect("a good id"),
        };
        let tunnels = plan.tunnels.iter().enumerate().map(key).collect();
        let mut world = World {
            plan,
            flaw,
            rng: Rng::new(plan.seed ^ 0x5eed),
            schedule: Schedule::new(),
            trace,
            shift: 0,
            asleep: Duration::ZERO,
            app: None,
            view: None,
            life: 0,
            tick: 0,
            ticks: (Duration::ZERO, 0),
            returns: None,
            model: Model::default(),
            services,
            engines: BTreeMap::new(),
            begun: 0,
            disk: Disk::default(),
            tunnels,
            forbidden: BTreeSet::new(),
            claimed: BTreeSet::new(),
            local_down: BTreeSet::new(),
            has_command: true,
            is_mended: false,
            is_over: false,
            events: 0,
            summary: Summary::default(),
            found: None,
        };
        world.furnish();
        world
    }

    fn furnish(&mut self) {
        for (planned, key) in self.plan.tunnels.iter().zip(&self.tunnels) {
            if planned.exists {
                self.services[planned.place].add(key.clone(), &planned.ports);
            }
            if planned.kept {
                self.disk.kept.memory.tunnels.push(key.clone());
            }
        }
        for (at, step) in self.plan.steps.iter().enumerate() {
            self.schedule.at(step.at, Due::Step(at));
        }
        self.schedule.at(self.plan.heals, Due::Last(Last::Mend));
        self.schedule.at(Duration::ZERO, Due::Start);
    }

    /// Lets everything happen.
    pub(crate) fn run(mut self) -> (Result<Summary, Violation<Promise>>, Trace) {
        while let Some(due) = self.schedule.pop() {
            self.events += 1;
            self.happen(due);
            if self.events == MOST_EVENTS {
                self.fail(Promise::Timers, "it turns in circles");
            }
            if self.is_over || self.found.is_some() {
                break;
            }
        }
        let outcome = match self.found {
            Some(violation) => Err(violation),
            None => Ok(self.summary),
        };
        (outcome, self.trace)
    }

    fn happen(&mut self, due: Due) {
        let sleeps = !matches!(due, Due::Serve(..) | Due::Over(_) | Due::Last(_));
        if sleeps && self.now() < self.asleep {
            return self.schedule.at(self.asleep, due);
        }
        match due {
            Due::Step(at) => self.step(at),
            Due::Over(at) => self.over(at),
            Due::Tick(tick) if tick == self.tick => self.ticks(),
            Due::Deliver(life, event) if life == self.life => self.deliver(*event),
            Due::Serve(life, effect) => self.serve(life, *effect),
            Due::Engine { tunnel, id, nth, doing } => self.engine_does(&tunnel, id, nth, doing),
            Due::Written(life) if life == self.life => self.written(),
            Due::Tick(_) | Due::Deliver(..) | Due::Written(_) => {}
            Due::Start => self.start(),
            Due::Last(last) => self.last(last),
        }
    }

    fn now(&self) -> Duration {
        self.schedule.now()
    }

    fn moment(&self) -> Moment {
        let micros = START * 1_000_000 + self.now().as_micros() as i64 + self.shift * 1_000_000;
        let wall = Timestamp::from_microsecond(micros).expect("a day of this age");
        Moment { at: self.schedule.instant(), wall }
    }

    fn fail(&mut self, promise: Promise, text: impl Into<String>) {
        let at = self.now();
        self.found.get_or_insert(Violation { promise, at, text: text.into() });
    }

    fn service(&mut self, place: &PlaceKey) -> &mut Service {
        self.services.iter_mut().find(|it| it.key == *place).expect("a place of this world")
    }

    /// Something that is due now is done.
    fn ticks(&mut self) {
        self.ticks.1 = if self.ticks.0 == self.now() { self.ticks.1 + 1 } else { 1 };
        self.ticks.0 = self.now();
        if self.ticks.1 > MOST_TICKS {
            return self.fail(Promise::Timers, "what is due is never done");
        }
        self.input(Input::Tick);
    }

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    /// The application takes something in, and is looked at.
    fn input(&mut self, input: Input) {
        let Some(mut mind) = self.app.take() else { return };
        if !matches!(input, Input::Tick) {
            note!(self, "in   {}", words::of_input(&input));
        }
        let (now, moment) = (self.now(), self.moment());
        self.summary.inputs += 1;
        let removed = match &input {
            Input::Command(Command::Delete(tunnel)) => Some((tunnel.clone(), None)),
            Input::Command(Command::DeletePort { tunnel, port }) => {
                Some((tunnel.clone(), Some(*port)))
            }
            _ => None,
        };
        let is_looked_at = self.summary.inputs.is_multiple_of(LOOK_TWICE);
        let twin = is_looked_at.then(|| (mind.clone(), input.clone()));
        self.model.hear(&input, now, &mut self.summary);
        let effects = mind.update(input, moment);
        let view = mind.view();
        effects.iter().for_each(|effect| note!(self, "out  {}", words::of_effect(effect)));
        self.model.see(&effects, &view, removed, now, &mut self.summary);
        if let Some((promise, text)) = self.model.broken.take() {
            self.fail(promise, text);
        }
        if let Some(text) = seen::differs(&view, &self.model) {
            self.fail(Promise::Agrees, text);
        }
        if let Some((twin, input)) = twin {
            self.look_twice(&mind, twin, input, &effects, &view);
        }
        let held: usize = mind.state().sizes().iter().map(|(_, count)| count).sum();
        self.summary.most = self.summary.most.max(held);
        if let Some(at) = mind.deadline(moment.at) {
            if at < moment.at && self.model.quits.is_none() {
                self.fail(Promise::Timers, format!("due {:?} ago", moment.at - at));
            }
            self.tick += 1;
            self.schedule.at(self.schedule.time_of(at), Due::Tick(self.tick));
        } else {
            self.tick += 1;
        }
        (self.app, self.view) = (Some(mind), Some(view));
        effects.into_iter().for_each(|effect| self.act(effect));
    }

    /// The same comes of the same, and nothing of nothing.
    fn look_twice(
        &mut self,
        mind: &Mind,
        mut twin: Mind,
        input: Input,
        effects: &[Effect],
        view: &View,
    ) {
        let moment = self.moment();
        let again = twin.update(input, moment);
        if again != effects || twin.view() != *view || mind.view() != *view {
            self.fail(Promise::Pure, "another time it is another thing");
        }
        let is_due = twin.deadline(moment.at).is_some_and(|at| at <= moment.at);
        if !is_due && self.model.quits.is_none() && self.flaw.is_none() {
            let effects = twin.update(Input::Tick, moment);
            if !effects.is_empty() || twin.view() != *view {
                self.fail(Promise::Pure, format!("nothing was due, and it did {effects:?}"));
            }
        }
    }
}
