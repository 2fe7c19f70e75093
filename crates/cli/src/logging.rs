//! The log: on standard error, warnings only unless `-v` or `ADIT_LOG` ask for more.

use std::io::{self, IsTerminal};

use adit_app::environment::Environment;
use adit_app::failure::{Code, Failure, Outcome};
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `verbosity` counts `-v`; with none of them `ADIT_LOG` decides.
pub(crate) fn start(verbosity: u8, environment: &Environment) -> Outcome {
    let targets = targets(verbosity, environment.log.as_deref())?;
    let color = !environment.no_color && io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(color);
    // Fails only when there is a log already, which is as good.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
    Ok(())
}

fn targets(verbosity: u8, variable: Option<&str>) -> Outcome<Targets> {
    match (verbosity, variable) {
        // What the engines warn of, the commands tell in their own words.
        (0, None) => {
            Ok(Targets::new().with_default(Level::WARN).with_target("adit_tunnel", Level::ERROR))
        }
        (0, Some(text)) => text.parse().map_err(|_| {
            Failure::new(Code::Usage, format!("ADIT_LOG is `{text}`, which names no level"))
                .hint("it is a level such as `debug`, or targets such as `info,adit_relay=trace`")
        }),
        (1, _) => Ok(Targets::new().with_default(Level::INFO)),
        (2, _) => Ok(Targets::new().with_default(Level::INFO).with_target("adit", Level::DEBUG)),
        (3.., _) => Ok(Targets::new().with_default(Level::DEBUG).with_target("adit", Level::TRACE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(verbosity: u8, variable: Option<&str>, target: &str, level: Level) -> bool {
        targets(verbosity, variable).unwrap().would_enable(target, &level)
    }

    #[test]
    fn only_warnings_unless_more_is_asked() {
        assert!(logs(0, None, "adit_relay", Level::WARN));
        assert!(!logs(0, None, "adit_relay", Level::INFO));
        assert!(!logs(0, None, "adit_tunnel::host", Level::WARN));
        assert!(logs(1, None, "adit_tunnel::host", Level::WARN));
        assert!(logs(1, None, "adit_relay", Level::INFO));
        assert!(logs(2, None, "adit_relay::api", Level::DEBUG));
        assert!(!logs(2, None, "hyper", Level::DEBUG));
        assert!(logs(9, None, "adit_wire", Level::TRACE));
    }

    #[test]
    fn the_variable_names_levels_or_targets_and_the_flag_wins() {
        assert!(logs(0, Some("debug"), "hyper", Level::DEBUG));
        assert!(logs(0, Some("warn,adit_relay=trace"), "adit_relay", Level::TRACE));
        assert!(!logs(0, Some("warn,adit_relay=trace"), "adit_wire", Level::INFO));
        assert!(logs(1, Some("error"), "adit_wire", Level::INFO));
        assert_eq!(targets(0, Some("adit=loud")).unwrap_err().code, Code::Usage);
    }
}
