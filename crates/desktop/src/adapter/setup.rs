//! Places, signing in and the first run.

use adit_app::microsoft::{PAGE, install_line};
use adit_app::place_key::{Kind, PlaceKey};
use adit_app::setup::{BadAddress, BadKey, ErrandKind, RelayForm, Stage};
use adit_app::view::{Card, ErrandView, FirstRun, Mood, PlaceView, TrialView, Usable, View};
use adit_app::words;
use slint::{Model as _, ModelRc, SharedString, VecModel};

use super::cards;
use super::port::clock;
use super::terms::{self, Speech};
use crate::ui;

/// The places' cards.
pub fn places(view: &View, speech: &Speech, strings: &ui::SetupStrings<'_>) -> Vec<ui::PlaceCard> {
    let card = |place: &PlaceView| ui::PlaceCard {
        key: place.key.as_str().into(),
        kind: terms::place_kind(&place.key),
        host: place.key.host().into(),
        mood: terms::mood(place.mood),
        state: state(place, speech, strings),
        line: line(place, speech, strings),
        reach: terms::reach(place.reach),
        tunnels: i32::try_from(place.tunnels).unwrap_or(i32::MAX),
        is_default: place.is_default,
        action: action(place, view),
    };
    view.places.iter().map(card).collect()
}

fn state(place: &PlaceView, speech: &Speech, strings: &ui::SetupStrings<'_>) -> SharedString {
    match (&place.usable, place.answered) {
        (Usable::SignedOut(Some(_)), _) => strings.invoke_sign_in_again(),
        (Usable::SignedOut(None), _) => strings.invoke_not_signed_in(),
        (Usable::CommandMissing, _) => strings.invoke_command_missing(),
        (Usable::CommandOld(version), _) => strings.invoke_command_old(version.into()),
        _ if place.mood == Mood::Reconnecting => strings.invoke_not_reached(),
        (Usable::Unknown, _) => strings.invoke_looking(),
        (Usable::Ready, Some(took)) if place.key.kind() == Kind::Relay => {
            strings.invoke_answers_in(words::number::took(took, speech.language).into())
        }
        (Usable::Ready, _) => strings.invoke_ready(),
    }
}

fn line(place: &PlaceView, speech: &Speech, strings: &ui::SetupStrings<'_>) -> SharedString {
    let account = place.account.as_deref();
    match (place.key.kind(), &place.usable) {
        (Kind::Here, _) => strings.invoke_here(),
        (Kind::Relay, Usable::SignedOut(_)) => strings.invoke_key_refused(),
        (Kind::Relay, _) => match account {
            Some(user) => strings.invoke_key_of(user.into()),
            None => strings.invoke_has_key(),
        },
        (Kind::Microsoft, Usable::SignedOut(Some(lapsed))) => {
            let at = words::clock(lapsed.at, &speech.now, speech.language);
            strings.invoke_lapsed(lapsed.account.as_str().into(), at.into())
        }
        (Kind::Microsoft, _) => match account {
            Some(user) => user.into(),
            None => strings.invoke_no_account(),
        },
    }
}

/// What its card offers first.
fn action(place: &PlaceView, view: &View) -> ui::PlaceAction {
    match (place.key.kind(), &place.usable) {
        (Kind::Here, _) if view.preferences.local_network => ui::PlaceAction::KeepNetwork,
        (Kind::Here, _) => ui::PlaceAction::AllowNetwork,
        (_, Usable::SignedOut(_)) => ui::PlaceAction::SignIn,
        (_, Usable::CommandMissing | Usable::CommandOld(_)) => ui::PlaceAction::GetCommand,
        (Kind::Relay, _) => ui::PlaceAction::ChangeKey,
        (Kind::Microsoft, _) => ui::PlaceAction::None,
    }
}

/// The errand of the moment, or how the last one ended.
pub fn errand(setup: &ui::Setup<'_>, errand: Option<&ErrandView>, speech: &Speech) {
    let kind = errand.map_or(ui::ErrandKind::None, |errand| errand_kind(&errand.kind));
    let stage = errand.map_or(ui::ErrandStage::None, |errand| match errand.stage {
        Stage::Checking => ui::ErrandStage::Checking,
        Stage::Stopping => ui::ErrandStage::Stopping,
        Stage::Running => ui::ErrandStage::Running,
        Stage::Done { .. } => ui::ErrandStage::Done,
        Stage::Failed(_) => ui::ErrandStage::Failed,
    });
    let failed = errand.and_then(|errand| errand.failed.as_ref());
    setup.set_failed(failed.map(|it| speech.say(&it.text)).unwrap_or_default());
    setup.set_detail(failed.map(|it| speech.heard(&it.detail)).unwrap_or_default().into());
    let code = errand.and_then(|errand| errand.code.as_ref());
    setup.set_code(code.map(|it| it.code.as_str()).unwrap_or_default().into());
    setup.set_code_page(code.map(|it| it.url.as_str()).unwrap_or_default().into());
    setup.set_can_cancel(errand.is_some_and(|errand| errand.can_be_cancelled));
    let said = errand.map(|errand| errand.said.as_slice()).unwrap_or_default();
    let shown = setup.get_said();
    if !shown.iter().eq(said.iter().map(|line| SharedString::from(line.as_str()))) {
        let lines: VecModel<SharedString> = said.iter().map(|line| line.into()).collect();
        setup.set_said(ModelRc::new(lines));
    }
    setup.set_errand(kind);
    setup.set_stage(stage);
}

fn errand_kind(kind: &ErrandKind) -> ui::ErrandKind {
    match kind {
        ErrandKind::Relay(_) => ui::ErrandKind::Relay,
        ErrandKind::SignIn { .. } => ui::ErrandKind::SignIn,
        ErrandKind::Install => ui::ErrandKind::Install,
        ErrandKind::Forget(_) => ui::ErrandKind::Forget,
        ErrandKind::Remove => ui::ErrandKind::Remove,
    }
}

/// How it stands with Microsoft's service.
pub fn microsoft(setup: &ui::Setup<'_>, view: &View, speech: &Speech) {
    let place = view.places.iter().find(|place| place.key == PlaceKey::microsoft());
    let mut old = None;
    let state = match place.map(|place| (&place.usable, &place.trouble)) {
        Some((Usable::Ready, _)) => ui::MicrosoftState::Ready,
        Some((Usable::SignedOut(_), _)) => ui::MicrosoftState::SignedOut,
        Some((Usable::CommandMissing, _)) => ui::MicrosoftState::CommandMissing,
        Some((Usable::CommandOld(version), _)) => {
            old = Some(version.as_str());
            ui::MicrosoftState::CommandOld
        }
        Some((Usable::Unknown, Some(_))) => ui::MicrosoftState::Failed,
        Some((Usable::Unknown, None)) | None => ui::MicrosoftState::Looking,
    };
    setup.set_old_version(old.unwrap_or_default().into());
    setup.set_install_line(install_line(old.is_some()).into());
    setup.set_command_page(PAGE.into());
    let looked = place.and_then(|place| place.looked);
    setup.set_looked(looked.map(|at| clock(at, speech)).unwrap_or_default().into());
    let account = place.and_then(|place| place.account.as_deref());
    setup.set_account(account.unwrap_or_default().into());
    let trouble = place.and_then(|place| place.trouble.as_ref());
    setup.set_trouble(trouble.map(|it| speech.say(&it.text)).unwrap_or_default());
    setup.set_microsoft(state);
}

/// What is wrong with address and key, once something is typed.
pub fn form(setup: &ui::Setup<'_>, form: &RelayForm, strings: &ui::SetupStrings<'_>) {
    setup.set_address_error(match form.relay {
        Err(BadAddress::NoAddress) => strings.invoke_bad_address(),
        _ => SharedString::default(),
    });
    setup.set_key_error(match form.key {
        Err(BadKey::NoKey) => strings.invoke_bad_key(),
        _ => SharedString::default(),
    });
    setup.set_is_exposed(form.is_exposed());
    setup.set_relay_is_whole(form.whole().is_some());
}

/// The first run's own, and the trial in it.
pub fn first_run(of: &ui::FirstRun<'_>, run: &FirstRun, view: &View, speech: &Speech) {
    of.set_command_is_missing(run.command_is_there == Some(false));
    of.set_starts_at_login(view.preferences.general.start_at_login);
    let trial = run.trial.as_ref();
    let failed = trial.and_then(|trial| trial.failed.as_ref());
    of.set_failed(failed.map(|it| speech.say(&it.text)).unwrap_or_default());
    of.set_detail(failed.map(|it| speech.heard(&it.detail)).unwrap_or_default().into());
    of.set_is_making(trial.is_some_and(|it| it.tunnel.is_none() && it.failed.is_none()));
    if let Some((trial, card)) = trial.and_then(|trial| Some((trial, card_of(trial, view)?))) {
        end(of, trial, card, speech);
    }
}

/// The card of what is tried out.
pub fn card_of<'a>(trial: &TrialView, view: &'a View) -> Option<&'a Card> {
    let tunnel = trial.tunnel.as_ref()?;
    view.cards.iter().find(|card| card.tunnel() == Some(tunnel))
}

fn end(of: &ui::FirstRun<'_>, trial: &TrialView, card: &Card, speech: &Speech) {
    of.set_mood(terms::mood(card.standing.mood));
    of.set_status(speech.say(&card.standing.text));
    let row = card.rows.iter().find(|row| Some(row.port) == trial.port);
    let url = row.and_then(|row| row.urls.first());
    of.set_address(url.map(|url| terms::address(url)).unwrap_or_default());
    let instead = row.and_then(|row| row.instead.as_ref());
    of.set_instead(instead.map(|it| speech.say(it)).unwrap_or_default());
    let port = trial.port.unwrap_or_default();
    of.set_local(slint::format!("localhost:{port}"));
    of.set_is_sample(trial.is_sample);
    of.set_reach(terms::reach(card.reach));
    let (who, shared_with, until) = cards::access(card.openness, speech);
    of.set_who(who);
    of.set_shared_with(shared_with);
    of.set_until(until);
}

/// What another app kept, and what stays when everything is removed.
pub fn kept(of: &ui::Kept<'_>, view: &View) {
    let strings = |texts: Vec<SharedString>| ModelRc::new(VecModel::from(texts));
    let import = view.setup.import.as_ref();
    let tunnels = import.map(|it| it.tunnels.iter().map(|key| key.id.to_string().into()).collect());
    of.set_import_tunnels(strings(tunnels.unwrap_or_default()));
    of.set_import_settings(import.is_some_and(|it| it.has_settings));
    let skipped = import.map_or(0, |it| it.skipped.len());
    of.set_import_skipped(i32::try_from(skipped).unwrap_or(i32::MAX));
    of.set_has_import(import.is_some());
    let stays = view
        .setup
        .stays
        .iter()
        .map(|it| ui::Staying { place: called(&it.place), names: it.names.join(", ").into() });
    of.set_stays(ModelRc::new(stays.collect::<VecModel<_>>()));
}

/// What a place besides this computer is called.
pub fn called(place: &PlaceKey) -> SharedString {
    match place.kind() {
        Kind::Microsoft => "Microsoft Dev Tunnels".into(),
        _ => place.host().into(),
    }
}
