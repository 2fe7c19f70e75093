//! `adit doctor`: looks at everything that tunnels need, and says what mends what is wrong.

use adit_app::doctor::{self, Told, Verdict};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::words::Language;
use serde_json::json;

use crate::context::Context;
use crate::screen::{Screen, Style, harmless, print_line};
use crate::signal::Requests;

pub(crate) async fn run(context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let checks = requests.unless(async { Ok(doctor::examine(&context.profile).await) }).await?;
    let told: Vec<Told> = checks.iter().map(|check| check.told(Language::English)).collect();
    if context.json {
        print_line(&json!({ "v": 1, "checks": told }).to_string())?;
    } else {
        told.iter().try_for_each(|check| show(check, context.screen))?;
    }
    match doctor::worst(&checks) {
        Verdict::Ok | Verdict::Warn => Ok(()),
        Verdict::Fail => {
            let bad = checks.iter().filter(|check| check.verdict == Verdict::Fail).count();
            let what =
                if bad == 1 { "1 thing does".to_owned() } else { format!("{bad} things do") };
            Err(Failure::new(
                Code::Refused,
                format!("{what} not work; each is shown with its mend"),
            ))
        }
    }
}

fn show(check: &Told, screen: Screen) -> Outcome {
    let (style, word) = match check.verdict {
        Verdict::Ok => (Style::Good, "ok  "),
        Verdict::Warn => (Style::Odd, "look"),
        Verdict::Fail => (Style::Bad, "FAIL"),
    };
    let word = screen.paint(style, word);
    screen.line(format!("{word}  {}: {}", harmless(&check.name), harmless(&check.found)))?;
    match &check.mend {
        Some(mend) => screen.line(format!("      {}", harmless(mend))),
        None => Ok(()),
    }
}
