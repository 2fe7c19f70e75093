//! The scenarios, by what they are about.

mod faults;
mod hosting;
mod life;
mod refusals;
mod relay;

use std::future::Future;
use std::pin::Pin;

use super::outcome::Measured;

/// What a scenario does; the argument says whether it is the long form.
type Run = fn(bool) -> Pin<Box<dyn Future<Output = Measured> + Send>>;

/// A scenario.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// In a sentence.
    pub(super) about: &'static str,
    pub(super) run: Run,
}

macro_rules! scenarios {
    ($($module:ident::$name:ident: $about:literal),* $(,)?) => {
        /// All of them, in the order in which they run.
        pub(super) const ALL: &[Scenario] = &[$(Scenario {
            name: stringify!($name),
            about: $about,
            run: |long| Box::pin($module::$name(long)),
        }),*];
    };
}

scenarios! {
    hosting::stop_and_host_again: "One tunnel is stopped and hosted again; its URL serves as before.",
    hosting::several_on_one_port: "Several tunnels serve the same local port, under load at the same time.",
    hosting::load_then_idle: "Two tunnels under load; afterwards nobody computes, and memory is what it was.",
    hosting::cold_restart: "The host is killed without notice and started again.",
    hosting::ports_under_load: "A port is added and removed while visitors ask for another one.",
    hosting::fifty_tunnels: "Fifty tunnels in one process, one of them flooded; the others answer.",
    faults::forced_drop: "The session is dropped on demand, at once mended, and exactly one is left.",
    faults::socket_reset: "The network resets the session's connection while a visitor asks steadily.",
    faults::silent_relay: "The relay's connection stays open and says nothing any more.",
    faults::streams_through_a_drop: "A stream of events is cut by a drop, and the visitor's next one works.",
    faults::local_restarts: "The local server goes away and comes back, again and again; no session is touched.",
    relay::killed_and_restarted: "The relay is killed without notice and started again.",
    relay::handed_over: "A new relay process takes over from the running one under steady requests.",
    refusals::on_the_upgrade: "Each refusal of the relay's socket: what passes is retried, what does not ends the hosting.",
    refusals::on_the_api: "Each refusal of the management API, likewise.",
    refusals::key_revoked: "The user's key is revoked while hosting and while reconnecting.",
    refusals::token_expires: "Tokens that live a minute are renewed while steady requests go on.",
    refusals::slow_command: "Microsoft's command is slow, and in the long form hangs; adit plays it.",
    life::second_computer: "Another computer takes the tunnel, and it is taken back: nobody fights.",
    life::suspended: "The host is suspended, as a closed laptop is, and wakes up.",
    life::clock_jumps: "The computer's clock jumps by a day.",
    life::leaves_nothing: "After the end there is no session, no endpoint and no process left.",
}

/// The names of all scenarios.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|scenario| scenario.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_one_scenario() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ALL.len());
    }
}
