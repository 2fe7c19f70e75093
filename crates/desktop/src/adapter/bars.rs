//! The banner, and the bars that offer to undo.

use std::time::{Duration, Instant};

use adit_app::condition::{Code, Condition};
use adit_app::message::{Message, Offer};
use adit_app::view::Undo;
use slint::SharedString;

use super::terms::Speech;
use crate::ui;

/// For so long a removal can be undone, as [`adit_app::update`] has it.
const UNDO: Duration = Duration::from_secs(6);

/// In so many steps its line moves.
const STEPS: f32 = 12.0;

/// The banner's sentence, what follows it, its tone, and the words of its action.
pub fn banner(bars: &ui::Bars<'_>, condition: Option<&Condition>, speech: &Speech) {
    let Some(condition) = condition else {
        bars.set_banner_lead(SharedString::default());
        return;
    };
    let said = speech.say(&condition.text);
    let (lead, more) = said.split_once(". ").unwrap_or((&said, ""));
    bars.set_banner_lead(slint::format!("{}.", lead.trim_end_matches('.')));
    let detail = condition.detail.as_ref().map(|why| speech.why(why)).unwrap_or_default();
    bars.set_banner_text(if more.is_empty() { detail.into() } else { more.into() });
    bars.set_banner_tone(tone(condition.code));
    bars.set_banner_is_network(matches!(
        condition.code,
        Code::NoNetwork | Code::RelayUnreachable | Code::ListFailed
    ));
    let action = condition.offer.as_ref().map(|offer| speech.say(&Message::Do(offer.clone())));
    bars.set_banner_action(action.unwrap_or_default());
    bars.set_banner_is_primary(matches!(
        condition.offer,
        Some(Offer::SignIn(_) | Offer::GetCommand(_))
    ));
}

/// What waits for a person or the network warns; damage is bad.
fn tone(code: Code) -> ui::Tone {
    match code {
        Code::StateDamaged | Code::StateNotKept | Code::NotSaved | Code::ClockWrong => {
            ui::Tone::Bad
        }
        _ => ui::Tone::Warn,
    }
}

/// The bars, the oldest first. `held` is what was left when somebody began to look.
pub fn undo(
    offers: &[Undo],
    speech: &Speech,
    now: Instant,
    held: &dyn Fn(i32) -> Option<Duration>,
) -> Vec<ui::UndoOffer> {
    let bar = |undo: &Undo| {
        let id = id(undo);
        let left = match undo.until {
            Some(until) => until.saturating_duration_since(now),
            None => held(id).unwrap_or(UNDO),
        };
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let part = left.as_secs_f32() / UNDO.as_secs_f32();
        ui::UndoOffer {
            id,
            text: speech.say(&undo.text),
            seconds: i32::try_from(seconds).unwrap_or(0),
            left: ((part * STEPS).ceil() / STEPS).clamp(0.0, 1.0),
        }
    };
    offers.iter().map(bar).collect()
}

/// Names an offer to the interface.
pub fn id(undo: &Undo) -> i32 {
    undo.tickets.first().and_then(|ticket| i32::try_from(ticket.0).ok()).unwrap_or_default()
}
