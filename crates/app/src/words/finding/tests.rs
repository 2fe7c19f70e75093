//! Scripts and people read these sentences of `adit doctor`: what they say in English never changes by itself.

use super::*;
use crate::cause::Cause;

fn check(subject: Subject, verdict: Verdict, found: Found, mend: Option<Mend>) -> Check {
    Check { subject, verdict, found, mend }
}

fn found(found: Found, language: Language) -> String {
    check(Subject::Service, Verdict::Ok, found, None).told(language).found
}

fn file() -> std::path::PathBuf {
    "/f".into()
}

#[test]
fn json_is_as_scripts_read_it() {
    let relay = "https://cp.relay.example.com".parse().unwrap();
    let took = Duration::from_millis(38);
    let answers = Found::Answers { took, user: Some("ann".to_owned()), is_exposed: false };
    let fault = Fault::Unreachable { host: "h".to_owned(), cause: ": no route".to_owned() };
    let checks = [
        check(Subject::State, Verdict::Ok, Found::Writable(file()), None),
        check(Subject::Relay(relay), Verdict::Ok, answers, None),
        check(Subject::Clock, Verdict::Warn, Found::NotAsked(fault), Some(Mend::Network)),
        check(Subject::Keys, Verdict::Fail, Found::NoRelays, Some(Mend::Said(String::new()))),
    ];
    let told: Vec<_> = checks.iter().map(|check| check.told(Language::English)).collect();
    let json = concat!(
        r#"[{"name":"state","verdict":"ok","found":"/f can be written"},"#,
        r#"{"name":"relay https://cp.relay.example.com","verdict":"ok","#,
        r#""found":"answers in 38 ms, signed in as ann"},"#,
        r#"{"name":"clock","verdict":"warn","#,
        r#""found":"cannot ask it: the service at h cannot be reached: no route","#,
        r#""mend":"check that the relay runs there, and the network or proxy between"},"#,
        r#"{"name":"keys","verdict":"fail","found":"signed in to no relay: "#,
        r#"URLs reach this computer, with --lan the local network","mend":""}]"#,
    );
    assert_eq!(serde_json::to_string(&told).unwrap(), json);
}

#[test]
fn what_is_filled_in_stands_where_it_stood() {
    let keys =
        |count, mode, from_environment| Found::Keys { count, file: file(), mode, from_environment };
    let why = |kind| Why { kind, said: Cause::Said("no".to_owned()) };
    let word = |it: &str| it.to_owned();
    let (active, enabled) = (word("inactive"), word("disabled"));
    for (it, english) in [
        (keys(0, None, true), "none kept; ADIT_API_KEY is used before any"),
        (
            keys(2, Some(0o640), false),
            "2 kept in /f, which others could read (mode 640) and now cannot",
        ),
        (
            Found::Answers { took: Duration::from_millis(5), user: None, is_exposed: true },
            "answers in 5 ms, but without encryption: your key can be read on the way",
        ),
        (
            Found::Microsoft { user: None, took: Duration::from_secs(1) },
            "signed in; the command took 1000 ms",
        ),
        (
            Found::Microsoft { user: Some(word("ann")), took: Duration::from_millis(7) },
            "signed in as ann; the command took 7 ms",
        ),
        (Found::Wrong(why(Some(ErrorKind::NotRenewed))), "no"),
        (Found::OnItsWay(None), "on its way up (first try)"),
        (Found::OnItsWay(Some(why(None))), "on its way up (no)"),
        (Found::Silent(80), "nothing answers on localhost:80, neither on 127.0.0.1 nor on ::1"),
        (
            Found::TrialTaken(vec![word("a"), word("b"), word("c")]),
            "something else listens on a and b and c, where its URLs lead",
        ),
        (
            Found::UnitUnknown(file(), Silence::NotRun(word("no"))),
            "/f is there, and systemd does not say how it stands: `systemctl` cannot be run: no",
        ),
        (
            Found::UnitNotAtLogin(file(), word("disabled")),
            "/f runs, but does not start at login (disabled)",
        ),
        (Found::UnitDown { file: file(), active, enabled }, "/f does not run (inactive, disabled)"),
    ] {
        assert_eq!(found(it, Language::English), english);
    }
}

#[test]
fn others_hear_what_kind_of_error_it_is_in_their_own_words() {
    let wrong = |kind, said: &str| Found::Wrong(Why { kind, said: Cause::Said(said.to_owned()) });
    for (kind, portuguese) in [
        (Some(ErrorKind::SignIn), "alguém precisa entrar de novo"),
        (Some(ErrorKind::Access), "você não pode hospedar este túnel: no"),
        (None, "no"),
    ] {
        assert_eq!(found(wrong(kind, "no"), Language::Portuguese), portuguese);
    }
}

#[test]
fn what_others_said_and_commands_stay_as_they_are() {
    let fault = Fault::Unavailable { status: 503, said: "Down for {now}".to_owned() };
    let check =
        check(Subject::Microsoft, Verdict::Fail, Found::NotAsked(fault), Some(Mend::Install("x")));
    let told = check.told(Language::Portuguese);
    assert!(told.found.ends_with("(status 503): Down for {now}"), "{told:?}");
    assert_eq!(told.mend.unwrap(), "instale-o com: x (ou diga onde ele está: DEVTUNNEL_BIN)");
}
