//! Many worlds, each from one number. See docs/simulation.md.

use std::ops::Range;

use adit_sim::{Network, Summary, harness};

/// What many worlds did together.
#[derive(Default)]
struct Sum {
    all: Summary,
    worlds: u64,
}

impl Sum {
    fn add(&mut self, one: Summary) {
        let all = &mut self.all;
        self.worlds += 1;
        all.events += one.events;
        all.sessions += one.sessions;
        all.mints += one.mints;
        all.served += one.served;
        all.excused += one.excused;
        all.owed += one.owed;
        all.swaps += one.swaps;
        all.evictions += one.evictions;
        all.refusals += one.refusals;
        all.bytes += one.bytes;
        all.slowest = all.slowest.max(one.slowest);
        all.jitter.extend(one.jitter);
        all.longest.0 = all.longest.0.max(one.longest.0);
        all.longest.1 = all.longest.1.max(one.longest.1);
        all.longest.2 = all.longest.2.max(one.longest.2);
    }
}

fn worlds(seeds: Range<u64>) -> Sum {
    let mut sum = Sum::default();
    harness::worlds::<Network>(seeds, |summary| sum.add(summary));
    sum
}

/// Worlds in which nothing happens keep every promise, too.
fn did_something(sum: &Sum) {
    let Sum { all, worlds } = sum;
    println!("{worlds} worlds: {:?}", Summary { jitter: Vec::new(), ..all.clone() });
    assert!(all.sessions > 3 * worlds && all.mints > 3 * worlds);
    assert!(all.served > 15 * worlds && all.owed > 10 * worlds && all.excused > *worlds);
    assert!(all.swaps > *worlds && all.evictions > worlds / 5 && all.refusals > worlds / 10);
    assert!(all.longest.0 > 1 && all.longest.1 > 1 && all.longest.2 > 64 * 1024);
    is_drawn(&all.jitter);
}

/// Waits lie everywhere between half of their bound and the bound: each quarter has its share.
fn is_drawn(jitter: &[f64]) {
    assert!(jitter.len() > 300, "{}", jitter.len());
    for quarter in 0..4 {
        let from = f64::from(quarter) / 4.0;
        let share = jitter.iter().filter(|wait| (from..=from + 0.25).contains(*wait)).count();
        assert!(share > jitter.len() / 6, "{share} of {} from {from}", jitter.len());
    }
}

#[test]
fn a_thousand_worlds_keep_every_promise() {
    did_something(&worlds(0..1_000));
}

#[test]
#[ignore = "takes minutes; ./test --long runs it"]
fn ten_thousand_worlds_keep_every_promise() {
    did_something(&worlds(1_000..11_000));
}

#[test]
fn replay() {
    harness::replay::<Network>();
}
