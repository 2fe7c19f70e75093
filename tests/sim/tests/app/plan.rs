//! What a world is made of, and what happens in it when: all of it drawn from one seed.
//!
//! A plan is a value, so a failing one can be made smaller by leaving steps out.

use std::time::Duration;

use adit_app::effect::NoticeKind;
use adit_app::preferences::Edit;
use adit_sim::{Rng, Step};

/// Everything about a world but its chance.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What it was drawn from, and what decides about delays in it.
    pub(crate) seed: u64,
    /// How many places there are: a relay, and Microsoft's service, whose lists tell no ports.
    pub(crate) places: usize,
    /// The tunnels that there may be.
    pub(crate) tunnels: Vec<Planned>,
    /// How far lists lag behind at most.
    pub(crate) lag: Duration,
    /// How long calls take at least and at most, in milliseconds.
    pub(crate) delay: (u64, u64),
    /// How many of 100 answers come a second time, much later.
    pub(crate) duplicates: u64,
    /// When everything is mended.
    pub(crate) heals: Duration,
    /// Somebody looks at the window then, and does what it offers.
    pub(crate) is_told: bool,
    /// What happens.
    pub(crate) steps: Vec<Step<What>>,
}

/// A tunnel that there may be.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) place: usize,
    pub(crate) ports: Vec<u16>,
    /// Its service knows it at the beginning.
    pub(crate) exists: bool,
    /// An earlier run hosted it.
    pub(crate) kept: bool,
}

/// What can happen. Places and tunnels are named by their place in the plan; tunnels that are made come behind.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Somebody asks the application for something.
    Ask(Ask),
    /// The application's process dies, and starts again after a while.
    Crash,
    /// It is told to quit, and starts again after a while.
    Quit,
    /// Nobody is signed in to a place.
    SignOut(usize),
    /// Somebody signs in outside of the application.
    SignInElsewhere(usize),
    /// A place cannot be reached. `true`: calls hang until they are late.
    Down(usize, bool),
    /// A place refuses changes.
    Refuses(usize),
    /// A place does what it is asked, and its answers are lost.
    Deaf(usize),
    /// The command of Microsoft's service is away.
    NoCommand,
    /// A tunnel is made elsewhere, or comes back.
    Appear(usize),
    /// A tunnel is removed elsewhere, or ran out.
    Vanish(usize),
    /// A port of a tunnel is added or removed elsewhere.
    Toggle(usize, u16),
    /// Another computer hosts a tunnel; ours is evicted.
    Taken(usize),
    /// The other computer leaves it.
    Free(usize),
    /// Hosting a tunnel is forbidden.
    Forbid(usize),
    /// Another process of this computer hosts a tunnel.
    Claimed(usize),
    /// A tunnel's session breaks.
    Cut(usize),
    /// A tunnel's engine ends by a mistake of its own.
    Dies(usize),
    /// Nothing listens on the ports of a tunnel.
    LocalDown(usize),
    /// Files cannot be written.
    DiskFull,
    /// The calendar jumps by so many seconds.
    Clock(i64),
    /// The computer sleeps.
    Sleep,
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Host(usize),
    Stop(usize),
    StopAll,
    Drop(usize),
    TakeOver(usize),
    TryNow(usize),
    Lend(usize),
    GiveBack(usize),
    Delete(usize),
    DeletePort(usize, u16),
    AddPort(usize, u16),
    /// One of what can be undone.
    Undo(usize),
    /// Looks at one of what can be undone, for as long as the step lasts.
    Hold(usize),
    Retry(usize),
    Dismiss(usize),
    Create(usize),
    /// Makes a tunnel with a port, and hosts it.
    Errand(usize, u16),
    Refresh,
    Check(usize),
    SignIn(usize),
    Visible(bool),
    Set(Edit),
}

impl Plan {
    /// The world of a seed.
    pub(crate) fn new(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let places = rng.range(1, 3) as usize;
        let tunnels = (0..rng.range(1, 6)).map(|_| Planned {
            place: rng.index(places),
            ports: (0..rng.pick(&[0, 1, 1, 1, 2])).map(|at| 3000 + at).collect(),
            exists: rng.chance(80),
            kept: rng.chance(40),
        });
        let tunnels = tunnels.collect();
        let mut plan = Plan {
            seed,
            places,
            tunnels,
            lag: Duration::from_secs(rng.pick(&[0, 0, 3, 20])),
            delay: rng.pick(&[(1, 50), (20, 900), (200, 9_000)]),
            duplicates: rng.pick(&[0, 10, 40]),
            heals: Duration::from_secs(rng.range(30, 900)),
            is_told: rng.chance(60),
            steps: Vec::new(),
        };
        plan.draw_steps(&mut rng);
        plan
    }

    pub(crate) fn has_clock_jumps(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.what, What::Clock(_)))
    }

    fn draw_steps(&mut self, rng: &mut Rng) {
        for _ in 0..rng.range(4, 30) {
            let at = rng.millis(0, self.heals.as_millis() as u64);
            let lasts = match rng.below(4) {
                0 => rng.millis(1, 1_000),
                1 | 2 => rng.millis(1_000, 20_000),
                _ => rng.millis(20_000, 200_000),
            };
            let what =
                if rng.chance(60) { What::Ask(self.draw_ask(rng)) } else { self.draw_what(rng) };
            if matches!(what, What::Ask(Ask::Delete(_) | Ask::DeletePort(..))) && rng.chance(60) {
                let at = (at + rng.millis(0, 8_000)).min(self.heals);
                let ask = if rng.chance(60) { Ask::Undo(0) } else { Ask::Hold(0) };
                self.steps.push(Step { at, lasts, what: What::Ask(ask) });
            }
            // Somebody who changes their mind does so soon.
            if rng.chance(25) {
                let at = (at + rng.millis(0, 5_000)).min(self.heals);
                let what = What::Ask(self.draw_ask(rng));
                self.steps.push(Step { at, lasts, what });
            }
            self.steps.push(Step { at, lasts, what });
        }
        self.steps.sort_by_key(|step| step.at);
    }

    fn draw_ask(&self, rng: &mut Rng) -> Ask {
        let tunnel = rng.index(self.tunnels.len() + 1);
        let (place, port) = (rng.index(self.places), 3000 + rng.below(3) as u16);
        match rng.below(100) {
            0..18 => Ask::Host(tunnel),
            18..27 => Ask::Stop(tunnel),
            27..32 => Ask::StopAll,
            32..36 => Ask::Drop(tunnel),
            36..40 => Ask::TakeOver(tunnel),
            40..42 => Ask::TryNow(tunnel),
            42..45 => Ask::Lend(tunnel),
            45..48 => Ask::GiveBack(tunnel),
            48..58 => Ask::Delete(tunnel),
            58..61 => Ask::DeletePort(tunnel, port),
            61..65 => Ask::AddPort(tunnel, port),
            65..70 => Ask::Undo(tunnel),
            70..73 => Ask::Hold(tunnel),
            73..75 => Ask::Retry(tunnel),
            75 => Ask::Dismiss(tunnel),
            76..78 => Ask::Create(place),
            78..81 => Ask::Errand(place, port),
            81..86 => Ask::Refresh,
            86..88 => Ask::Check(place),
            88..92 => Ask::SignIn(place),
            92..96 => Ask::Visible(rng.chance(60)),
            _ => Ask::Set(draw_edit(rng)),
        }
    }

    fn draw_what(&self, rng: &mut Rng) -> What {
        let tunnel = rng.index(self.tunnels.len() + 1);
        let place = rng.index(self.places);
        match rng.below(100) {
            0..7 => What::Crash,
            7..14 => What::Quit,
            14..22 => What::SignOut(place),
            22..24 => What::SignInElsewhere(place),
            24..32 => What::Down(place, rng.chance(40)),
            32..35 => What::Refuses(place),
            35..38 => What::Deaf(place),
            38..40 => What::NoCommand,
            40..46 => What::Appear(tunnel),
            46..54 => What::Vanish(tunnel),
            54..58 => What::Toggle(tunnel, 3000 + rng.below(3) as u16),
            58..65 => What::Taken(tunnel),
            65..69 => What::Free(tunnel),
            69..72 => What::Forbid(tunnel),
            72..75 => What::Claimed(tunnel),
            75..80 => What::Cut(tunnel),
            80..82 => What::Dies(tunnel),
            82..86 => What::LocalDown(tunnel),
            86..91 => What::DiskFull,
            91..95 => What::Clock(rng.below(200_000) as i64 - 100_000),
            _ => What::Sleep,
        }
    }
}

fn draw_edit(rng: &mut Rng) -> Edit {
    let on = rng.chance(60);
    match rng.below(5) {
        0 | 1 => Edit::Resume(on),
        2 => Edit::StartMinimised(on),
        _ => Edit::Notify(rng.pick(&NoticeKind::ALL), on),
    }
}
