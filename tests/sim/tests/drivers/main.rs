//! The real host engine and the real relay in one process, in virtual time, with what is between them in memory.
//!
//! The clock is paused, so waiting costs nothing; everything that a host connects to goes through a dialer of the
//! network here, into `Server::serve_io`. One thing is a socket: the local server that a host forwards to, for the
//! engine copies to TCP. A paused clock jumps ahead while bytes are on their way through the kernel, so visitors
//! come while it is resumed for them (`Stage::visit`), and at no other time. The seed decides what happens and
//! when; ids and jitter are drawn by the programs themselves, so a replay is the same story, not the same bytes.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod client;
mod host;
mod local;
mod net;
mod stage;
mod store;

use std::future::Future;

use adit_sim::Rng;

use crate::stage::Stage;

/// Runs a story in a runtime of its own, and looks that nothing runs on after it.
fn alone<F: Future<Output = ()>>(story: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        story.await;
        // What was aborted lets go where it next waits.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(left, 0, "tasks left over");
    });
}

fn seed(seed: u64) {
    println!("seed {seed}");
    alone(async {
        let mut rng = Rng::new(seed);
        let mut stage = Stage::new(&mut rng).await;
        stage.suffer(&mut rng).await;
        stage.heal().await;
        stage.converge().await;
        stage.serve().await;
        stage.end().await;
    });
}

#[test]
fn twenty_stories_of_the_real_programs_end_well() {
    (0..20).for_each(seed);
}

#[test]
#[ignore = "takes minutes; ./test --long runs it"]
fn a_thousand_stories_of_the_real_programs_end_well() {
    (20..1_020).for_each(seed);
}

#[test]
fn replay() {
    if let Ok(text) = std::env::var("ADIT_SIM_SEED") {
        seed(text.parse().expect("ADIT_SIM_SEED is a number"));
    }
}

/// The checks can fail.
#[test]
#[should_panic(expected = "not in 30s")]
fn a_story_in_which_nothing_is_mended_does_not_end_well() {
    alone(async {
        let mut stage = Stage::new(&mut Rng::new(0)).await;
        stage.refuse();
        stage.converge().await;
    });
}

#[test]
fn replacing_a_session_by_plan_loses_no_request() {
    alone(async {
        let mut rng = Rng::new(0);
        let mut stage = Stage::new(&mut rng).await;
        stage.converge().await;
        stage.renew_under_load().await;
        stage.end().await;
    });
}

#[test]
fn a_host_that_is_stopped_while_it_connects_leaves_no_endpoint() {
    alone(async {
        let mut rng = Rng::new(0);
        let mut stage = Stage::new(&mut rng).await;
        stage.stop_while_connecting().await;
        stage.end().await;
    });
}

#[test]
fn a_host_ends_in_time_though_a_request_and_the_service_never_do() {
    alone(async {
        let mut stage = Stage::new(&mut Rng::new(0)).await;
        stage.converge().await;
        stage.stop_among_the_deaf().await;
        stage.converge().await;
        stage.end().await;
    });
}

#[test]
fn a_client_acts_on_another_network_at_once() {
    alone(async {
        let mut stage = Stage::new(&mut Rng::new(0)).await;
        stage.converge().await;
        stage.move_a_client().await;
        stage.end().await;
    });
}
