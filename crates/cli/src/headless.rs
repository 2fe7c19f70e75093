//! `DEVTUNNEL_HEADLESS_HOST`: scripts written for another program host with it, and with nothing else.

use std::ffi::OsString;

use adit_app::environment::Environment;
use adit_app::failure::{Code, Failure, Outcome};

/// The arguments to go by: those given or, where there are none and the variable is set, those that it stands
/// for: `adit host <id>… --json`.
///
/// # Errors
/// When the variable is set and names no tunnel.
pub(crate) fn args(given: Vec<OsString>, environment: &Environment) -> Outcome<Vec<OsString>> {
    let Some(ids) = environment.headless.as_deref().filter(|_| given.len() <= 1) else {
        return Ok(given);
    };
    let ids: Vec<_> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Err(Failure::new(Code::Refused, "DEVTUNNEL_HEADLESS_HOST lists no tunnel ids")
            .hint("set it to ids with commas between them, or unset it"));
    }
    let words = ["host"].into_iter().chain(ids).chain(["--json"]).map(OsString::from);
    Ok(given.into_iter().chain(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args_of(given: &[&str], headless: Option<&str>) -> Outcome<Vec<OsString>> {
        let headless = headless.map(ToOwned::to_owned);
        let environment = Environment { headless, ..Environment::default() };
        args(given.iter().map(OsString::from).collect(), &environment)
    }

    #[test]
    fn the_variable_stands_for_arguments_where_there_are_none() {
        let words = args_of(&["adit"], Some(" a.loc1, b.loc1 ,")).unwrap();
        assert_eq!(words, ["adit", "host", "a.loc1", "b.loc1", "--json"]);
        assert_eq!(args_of(&["adit", "up"], Some("a")).unwrap(), ["adit", "up"]);
        assert_eq!(args_of(&["adit"], None).unwrap(), ["adit"]);
    }

    #[test]
    fn a_variable_that_names_nothing_is_a_failure() {
        for empty in ["", " ", " , "] {
            assert_eq!(args_of(&["adit"], Some(empty)).unwrap_err().code.exit(), 1, "{empty:?}");
        }
    }
}
