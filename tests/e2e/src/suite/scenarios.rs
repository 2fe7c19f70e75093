//! The scenarios, by what they are about.

mod faults;
mod hosting;
mod life;
mod refusals;
mod relay;
mod streams;
mod tokens;

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
    /// Whether it mostly waits, so that others may run beside it without disturbing its figures.
    pub(super) waits: bool,
    pub(super) run: Run,
}

macro_rules! scenarios {
    ($($how:ident $module:ident::$name:ident: $about:literal),* $(,)?) => {
        /// All of them, in the order of the reports.
        pub(super) const ALL: &[Scenario] = &[$(Scenario {
            name: stringify!($name),
            about: $about,
            waits: scenarios!(@$how),
            run: |long| Box::pin($module::$name(long)),
        }),*];
    };
    (@alone) => { false };
    (@beside) => { true };
}

scenarios! {
    alone hosting::stop_and_host_again: "One tunnel is stopped and hosted again; its URL serves as before.",
    alone hosting::several_on_one_port: "Several tunnels serve the same local port, under load at the same time.",
    alone hosting::load_then_idle: "Two tunnels under load; afterwards nobody computes, and memory is what it was.",
    alone hosting::ten_idle: "Ten tunnels with nothing to do: neither host nor relay computes, and little memory is held.",
    alone hosting::cold_restart: "The host is killed without notice and started again.",
    alone hosting::ports_under_load: "A port is added and removed while visitors ask for another one.",
    alone hosting::fifty_tunnels: "Fifty tunnels in one process, one of them flooded; the others answer.",
    alone faults::forced_drop: "The session is dropped on demand, at once mended, and exactly one is left.",
    alone faults::socket_reset: "The network resets the session's connection while a visitor asks steadily.",
    beside faults::silent_relay: "The relay's connection stays open and says nothing any more.",
    beside faults::dead_url: "The URL is dead for everybody though the host's session is up; the next session mends it.",
    beside faults::local_restarts: "The local server goes away and comes back, again and again; no session is touched.",
    alone streams::events_through_a_drop: "A stream of events is cut by a drop, and the visitor's next one works.",
    alone streams::websocket_through_a_drop: "A websocket is cut by a drop with nothing wrong in its bytes, and the next one works.",
    beside streams::websocket_through_a_swap: "A websocket goes on while its host's session, or the relay, is replaced by plan.",
    alone relay::killed_and_restarted: "The relay is killed without notice and started again.",
    alone relay::handed_over: "A new relay process takes over from the running one under steady requests.",
    beside refusals::on_the_upgrade: "Each refusal of the relay's socket: what passes is retried, what does not ends the hosting.",
    beside refusals::on_the_api: "Each refusal of the management API that passes, at the start and when a token is needed.",
    beside refusals::on_the_api_for_good: "Each refusal of the management API that ends the hosting: told, and asked for once.",
    alone tokens::token_renewed: "Tokens are renewed before they end while steady requests go on.",
    beside tokens::token_expired: "The relay finds a token expired that the host thinks good: one new token, and on.",
    beside tokens::token_revoked: "The user's key and tokens are revoked while hosting, and while reconnecting.",
    beside tokens::slow_command: "Microsoft's command is slow, and hangs; adit plays it.",
    beside life::second_computer: "Another computer takes the tunnel, and it is taken back: nobody fights.",
    beside life::suspended: "The host is suspended, as a closed laptop is, and wakes up.",
    beside life::clock_jumps: "The computer's clock jumps by a day.",
    alone life::leaves_nothing: "After the end there is no session, no endpoint and no process left.",
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
