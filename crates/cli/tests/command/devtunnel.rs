//! What scripts of the `devtunnel` command write, against a relay: the words as they write them, the
//! JSON that they read, and the exit codes that they look at.

use serde_json::{Value, json};

use crate::support::{Done, Local, Relay, Sandbox, free_port, get, visit};

/// A command line as it stands in a script.
fn run(sandbox: &Sandbox, line: &str) -> Done {
    sandbox.run(&line.split_whitespace().collect::<Vec<_>>())
}

/// The JSON of a command that must go well.
#[track_caller]
fn answer(sandbox: &Sandbox, line: &str) -> Value {
    run(sandbox, line).ended_with(0).json()
}

/// A relay, and a user of it.
fn relay() -> (Relay, Sandbox) {
    let relay = Relay::start();
    let ann = relay.user("ann");
    (relay, ann)
}

#[test]
fn every_invocation_of_the_program_that_drives_devtunnel_works_word_by_word() {
    let (_relay, ann) = relay();
    run(&ann, "--version").ended_with(0);
    let user = answer(&ann, "user show -j");
    assert_eq!((&user["status"], &user["username"]), (&json!("Logged in"), &json!("ann")));
    assert_eq!(answer(&ann, "list -j"), json!({"tunnels": []}));

    let args = ["create", "my-shop", "-a", "-e", "30d", "-d", "the front", "--host-header"];
    let rest = ["unchanged", "--origin-header", "unchanged", "--request-timeout", "30", "-j"];
    let created = ann.run(&[&args[..], &rest].concat()).ended_with(0).json();
    let id = created["tunnel"]["tunnelId"].as_str().unwrap().to_owned();
    assert_eq!(id, "my-shop.loc1");
    assert_eq!(created["tunnel"]["tunnelExpiration"], "30 days");
    assert_eq!(created["tunnel"]["description"], "the front");

    let line = format!(
        "port create {id} -p 3000 --protocol http -d front --host-header unchanged --origin-header \
         unchanged --request-timeout 30 -j"
    );
    let port = answer(&ann, &line)["port"].take();
    assert_eq!((&port["portNumber"], &port["protocol"]), (&json!(3000), &json!("http")));

    let shown = answer(&ann, &format!("show {id} -j"))["tunnel"].take();
    assert_eq!(shown["ports"][0]["portNumber"], 3000);
    assert!(shown["ports"][0]["portUri"].as_str().unwrap().starts_with("http"), "{shown}");
    let listed = answer(&ann, "list -j")["tunnels"].take();
    assert_eq!((&listed[0]["tunnelId"], &listed[0]["portCount"]), (&json!(id), &json!(1)));

    for scope in ["host", "manage:ports"] {
        let token = answer(&ann, &format!("token {id} --scopes {scope} -j"));
        assert!(token["token"].as_str().unwrap().len() > 20, "{token}");
        assert_eq!(token["scope"], scope);
    }
    let updated = answer(&ann, &format!("update {id} --expiration 2d -j"));
    assert_eq!(updated["tunnel"]["tunnelExpiration"], "2 days");
    let entries = answer(&ann, &format!("access list {id} -j"))["accessControlEntries"].take();
    assert_eq!(entries[0]["type"], "Anonymous");
    let again = answer(&ann, &format!("access create {id} --anonymous -j"));
    assert_eq!(again["accessControlEntries"].as_array().unwrap().len(), 1);
    let deleted = answer(&ann, &format!("port delete {id} -p 3000 -j"));
    assert_eq!(deleted, json!({"deletedPort": "3000"}));
    assert_eq!(answer(&ann, &format!("delete {id} -f -j")), json!({"deletedTunnel": id}));
    assert_eq!(answer(&ann, "list -j"), json!({"tunnels": []}));
}

/// Members come and go with what there is to say; these are always there, with these types.
#[test]
fn answers_have_the_members_that_scripts_take_apart() {
    let (_relay, ann) = relay();
    let mut tunnel = answer(&ann, "create shop --labels a b -j")["tunnel"].take();
    let expiration = tunnel.as_object_mut().unwrap().remove("expiration").unwrap();
    assert!(expiration.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        tunnel,
        json!({"tunnelId": "shop.loc1", "hostConnections": 0, "clientConnections": 0,
            "labels": ["a", "b"], "tunnelExpiration": "30 days", "description": "",
            "uploadTotal": "0 B", "downloadTotal": "0 B", "accessControl": [], "portCount": 0,
            "ports": []})
    );
    let mut port = answer(&ann, "port create -p 3000 -j")["port"].take();
    let uris = port.as_object_mut().unwrap().remove("portForwardingUris").unwrap();
    let uri = port.as_object_mut().unwrap().remove("portUri").unwrap();
    assert_eq!(uris[0], uri);
    assert!(uri.as_str().unwrap().contains("shop-3000"), "{uri}");
    assert_eq!(
        port,
        json!({"tunnelId": "shop.loc1", "portNumber": 3000, "protocol": "auto", "labels": [],
            "clientConnections": 0, "status": "0 client connections", "accessControl": []})
    );
    let token = answer(&ann, "token --scopes connect -p 3000 -j");
    let members: Vec<_> = token.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["expiration", "lifeTime", "ports", "scope", "token", "tunnelId"]);
    assert_eq!((&token["ports"], &token["lifeTime"]), (&json!([3000]), &json!("1.00:00:00")));
    assert!(token["expiration"].as_str().unwrap().ends_with(" UTC"), "{token}");
    let limits = answer(&ann, "limits -j")["limits"].take();
    assert_eq!((&limits[0]["name"], &limits[0]["current"]), (&json!("TunnelsPerUser"), &json!(1)));
}

#[test]
fn a_script_tells_what_exists_from_what_does_not_by_the_exit_code() {
    let (_relay, ann) = relay();
    run(&ann, "show shop -j").ended_with(2);
    run(&ann, "create shop -j").ended_with(0);
    let conflict = run(&ann, "create shop -j").ended_with(1);
    assert_eq!(conflict.error()["code"], "conflict");
    run(&ann, "port create shop -p 3000 -j").ended_with(0);
    assert_eq!(run(&ann, "port create shop -p 3000 -j").ended_with(1).error()["code"], "conflict");
    for line in [
        "port show shop -p 4000 -j",
        "port update shop -p 4000 -d x -j",
        "port delete shop -p 4000 -j",
        "port list blog -j",
        "access list blog -j",
        "access list shop -p 4000 -j",
        "access delete shop --anonymous -j",
        "access create shop --user nobody -j",
        "token blog --scopes host -j",
        "token shop --scopes connect -p 4000 -j",
        "update blog.loc1 -d x -j",
        "delete blog -f -j",
        "delete blog.loc1 -f -j",
        "set blog -j",
    ] {
        let done = run(&ann, line).ended_with(2);
        assert_eq!(done.error()["code"], "not_found", "{line}");
        assert_eq!(done.out, "", "{line}");
    }
    for line in ["update shop", "port update shop -p 3000", "access create shop", "token shop"] {
        run(&ann, line).ended_with(64);
    }
    // Eight letters of that alphabet are an alias, which no new tunnel may have.
    let refused = run(&ann, "create bcdfghjk -j").ended_with(1);
    assert_eq!(refused.error()["code"], "refused");
}

#[test]
fn the_default_tunnel_is_meant_where_none_is_named() {
    let (relay, ann) = relay();
    let none = run(&ann, "show -j").ended_with(64);
    assert!(none.error()["hint"].as_str().unwrap().contains("adit set"));
    run(&ann, "create shop").ended_with(0);
    run(&ann, "port create -p 3000").ended_with(0);
    let shown = || answer(&ann, "show -j")["tunnel"]["tunnelId"].clone();
    assert_eq!(shown(), "shop.loc1");
    run(&ann, "create blog").ended_with(0);
    assert_eq!(shown(), "blog.loc1");
    assert_eq!(answer(&ann, "set shop -j")["defaultTunnel"], "shop.loc1");
    assert_eq!(answer(&ann, "port list -j")["ports"][0]["portNumber"], 3000);

    let other = Relay::start();
    let key = other.add_user("ann");
    ann.run_with(&["login", &other.url], &key).ended_with(0);
    let on = |url: &str, line: &str| run(&ann, &format!("{line} --on {url}"));
    on(&other.url, "show").ended_with(64);
    assert!(on(&relay.url, "show").ended_with(0).out.contains("shop.loc1"));
    run(&ann, "show").ended_with(64);

    on(&relay.url, "delete -f").ended_with(0);
    on(&relay.url, "show").ended_with(64);
    on(&relay.url, "set blog").ended_with(0);
    let unset = on(&relay.url, "unset").ended_with(0);
    assert!(unset.out.contains("blog.loc1"), "{}", unset.out);
    on(&relay.url, "show").ended_with(64);
    let path = ann.path("state/default-tunnels.json");
    std::fs::write(&path, "{").unwrap();
    let damaged = on(&relay.url, "show").ended_with(64);
    assert!(damaged.err.contains("damaged"), "{}", damaged.err);
}

#[test]
fn nothing_is_deleted_unasked_where_nobody_can_be_asked() {
    let (relay, ann) = relay();
    let bob = relay.user("bob");
    run(&bob, "create his").ended_with(0);
    run(&bob, "access create his --user ann --scopes manage").ended_with(0);
    for id in ["one", "two"] {
        run(&ann, &format!("create {id}")).ended_with(0);
    }
    for line in ["delete one -j", "delete-all -j"] {
        let done = run(&ann, line).ended_with(64);
        assert!(done.error()["hint"].as_str().unwrap().contains("-f"), "{line}");
    }
    assert_eq!(answer(&ann, "list -j")["tunnels"].as_array().unwrap().len(), 2);
    let shared = answer(&ann, "list --shared -j");
    assert_eq!(shared["tunnels"].as_array().unwrap().len(), 3);
    let deleted = answer(&ann, "delete-all -f -j");
    assert_eq!(deleted, json!({"deletedTunnels": ["one.loc1", "two.loc1"]}));
    assert_eq!(answer(&ann, "delete-all -j"), json!({"deletedTunnels": []}));
    run(&bob, "show his").ended_with(0);
}

#[test]
fn a_change_leaves_alone_what_it_does_not_name() {
    let (_relay, ann) = relay();
    run(&ann, "create shop -d front --labels a b --host-header unchanged -e 4h -a").ended_with(0);
    let tunnel = answer(&ann, "update --add-labels c --remove-labels a -j")["tunnel"].take();
    assert_eq!(tunnel["labels"], json!(["b", "c"]));
    assert_eq!(tunnel["description"], "front");
    assert_eq!(tunnel["tunnelExpiration"], "4 hours");
    assert_eq!(tunnel["accessControl"].as_array().unwrap().len(), 1);
    let line = "update --request-timeout 0 --origin-header unchanged --remove-labels -j";
    let tunnel = answer(&ann, line)["tunnel"].take();
    assert_eq!(tunnel["labels"], json!([]));
    assert_eq!(
        tunnel["options"],
        json!({"isHostHeaderUnchanged": true, "isOriginHeaderUnchanged": true,
            "requestTimeoutSeconds": 0})
    );
    run(&ann, "port create -p 3000 --protocol http -l x --origin-header unchanged").ended_with(0);
    let port = answer(&ann, "port update -p 3000 --protocol https -d s -j")["port"].take();
    assert_eq!((&port["protocol"], &port["description"]), (&json!("https"), &json!("s")));
    assert_eq!(port["labels"], json!(["x"]));
    assert_eq!(port["options"], json!({"isOriginHeaderUnchanged": true}));
    run(&ann, "create blog --labels b z").ended_with(0);
    let found = |line: &str| answer(&ann, line)["tunnels"].as_array().unwrap().len();
    assert_eq!(found("list -l b z -j"), 1);
    assert_eq!(found("list --all-labels b z -j"), 1);
    assert_eq!(found("list --all-labels b y -j"), 0);
    assert_eq!(found("list --limit 1 -j"), 1);
}

#[test]
fn access_is_given_with_an_end_to_everybody_and_by_name_to_users() {
    let (relay, ann) = relay();
    let bob = relay.user("bob");
    let key = relay.users(&["add", "carl", "--group", "team"]).ended_with(0).out;
    // The relay reads its users again when somebody new comes.
    Sandbox::new().run_with(&["login", &relay.url], &key).ended_with(0);
    run(&ann, "create shop").ended_with(0);
    run(&ann, "port create -p 3000").ended_with(0);
    assert_eq!(run(&bob, "show shop").code, Some(77));

    let opened = answer(&ann, "access create --anonymous -j")["accessControlEntries"].take();
    assert!(opened[0]["expiration"].is_string(), "8 hours unless said: {opened}");
    assert_eq!(opened[0]["scopes"], json!(["connect"]));
    let line = "access create --user bob --group team --scopes connect host -j";
    let entries = answer(&ann, line)["accessControlEntries"].take();
    assert_eq!(entries.as_array().unwrap().len(), 3);
    assert_eq!(entries[1]["scopes"], json!(["connect", "host"]));
    assert!(entries[1].get("expiration").is_none(), "{entries}");
    run(&bob, "token shop --scopes host").ended_with(0);

    let list = run(&ann, "access list").ended_with(0).out;
    assert!(list.contains("1   everybody may connect, until 2"), "{list}");
    assert!(list.contains("2   user bob may connect, host"), "names, not ids: {list}");
    assert!(list.contains("3   group team may connect, host"), "{list}");

    let denied = answer(&ann, "access create --port-number 3000 --deny --anonymous -j");
    let of_port = denied["accessControlEntries"].as_array().unwrap();
    assert_eq!(of_port.len(), 4);
    assert!(of_port[..3].iter().all(|entry| entry["isInherited"] == true), "{of_port:?}");
    assert_eq!(of_port[3]["isDeny"], true);
    assert!(of_port[3].get("expiration").is_none(), "a lock has no end: {of_port:?}");

    run(&ann, "access delete --user bob").ended_with(0);
    assert_eq!(run(&bob, "token shop --scopes host").code, Some(77));
    let left = answer(&ann, "access delete --index 1 -j")["accessControlEntries"].take();
    assert_eq!(left[0]["type"], "Groups");
    let of_port = answer(&ann, "access reset -p 3000 -j")["accessControlEntries"].take();
    assert_eq!(of_port.as_array().unwrap().len(), 1, "what is inherited stays: {of_port}");
    assert_eq!(answer(&ann, "access reset -j"), json!({"accessControlEntries": []}));
    assert_eq!(run(&ann, "access list").ended_with(0).out, "The owner only.\n");
}

#[test]
fn what_a_relay_cannot_mean_is_refused_with_a_way_out() {
    let (_relay, ann) = relay();
    run(&ann, "create shop").ended_with(0);
    for (line, flag, hint) in [
        ("access create shop --tenant -j", "--tenant", "--group"),
        ("access create shop --org contoso -j", "--organization", "--user"),
        ("create -r owner/repo -j", "--repository", "--anonymous"),
        ("host -p 3000 --tenant -j", "--tenant", "--user"),
        ("user login --github -j", "--github", "standard input"),
        ("host shop -t - -j", "a token ends", "adit login"),
    ] {
        let error = run(&ann, line).ended_with(64).error();
        assert!(error["message"].as_str().unwrap().contains(flag), "{line}: {error}");
        assert!(error["hint"].as_str().unwrap().contains(hint), "{line}: {error}");
    }
    for (line, word) in [
        ("port create shop -p 22 --protocol tcp", "connect"),
        ("token shop --scopes shost", "manage:ports"),
        ("echo https", "tcp"),
    ] {
        let done = run(&ann, line).ended_with(64);
        assert!(done.err.contains(word), "{line}: {}", done.err);
    }
    assert_eq!(answer(&ann, "access list shop -j"), json!({"accessControlEntries": []}));
}

#[test]
fn without_a_relay_it_is_said_that_one_is_needed() {
    let sandbox = Sandbox::new();
    for line in ["list -j", "create shop -j", "port list shop -j", "host shop -j", "clusters -j"] {
        let error = run(&sandbox, line).ended_with(77).error();
        assert_eq!(error["code"], "sign_in", "{line}");
        assert!(error["hint"].as_str().unwrap().contains("adit login"), "{line}: {error}");
    }
    let user = answer(&sandbox, "user show -j");
    assert_eq!(user["status"], "Not logged in");
    let here = run(&sandbox, "list --on here -j").ended_with(77);
    assert!(here.error()["message"].as_str().unwrap().contains("`here`"));
    run(&sandbox, "user login").ended_with(64);
}

#[test]
fn signing_in_and_out_goes_in_these_words_too() {
    let relay = Relay::start();
    let key = relay.add_user("ann");
    let sandbox = Sandbox::new();
    run(&sandbox, &format!("use {}", relay.url)).ended_with(0);
    assert_eq!(answer(&sandbox, "user show -j")["status"], "Not logged in");
    sandbox.run_with(&["user", "login"], &key).ended_with(0);
    assert_eq!(answer(&sandbox, "user show -j")["username"], "ann");
    assert!(run(&sandbox, "user show").ended_with(0).out.contains("as ann"));
    run(&sandbox, "user logout --json --nologo").ended_with(0);
    assert_eq!(answer(&sandbox, "user show -j")["status"], "Not logged in");
}

#[test]
fn a_token_is_handed_on_through_standard_input() {
    let (relay, ann) = relay();
    run(&ann, "create shop").ended_with(0);
    let token = answer(&ann, "token --scopes manage:ports -j")["token"].take();
    let token = token.as_str().unwrap();
    let text = run(&ann, "token --scopes manage:ports").ended_with(0).out;
    assert!(text.lines().any(|line| line.starts_with("Token: eyJ")), "{text}");

    let stranger = Sandbox::new();
    let on = ["--on", &relay.url, "-t", "-", "-j"];
    let create = [&["port", "create", "shop", "-p", "3000"], &on[..]].concat();
    stranger.run_with(&create, token).ended_with(0);
    let delete = [&["delete", "shop", "-f"], &on[..]].concat();
    assert_eq!(stranger.run_with(&delete, token).ended_with(77).error()["code"], "access");
    let empty = stranger.run_with(&create, "\n").ended_with(64);
    assert_eq!(empty.error()["code"], "usage");
    let spelled = stranger.run(&["show", "shop", "--on", &relay.url, "-t", token]).ended_with(64);
    assert!(!spelled.err.contains(token), "{}", spelled.err);
}

#[test]
fn host_with_ports_makes_a_tunnel_for_as_long_as_it_runs() {
    let (_relay, ann) = relay();
    let local = Local::start();
    let port = local.port.to_string();
    let mut host = ann.start(&["host", "-p", &port, "--allow-anonymous", "--json"]);
    let ready = host.event("ready");
    let url = ready["urls"][0]["url"].as_str().unwrap().to_owned();
    assert!(visit(&url, "/hi").ends_with("you asked for /hi"));
    let listed = answer(&ann, "list -j")["tunnels"].take();
    assert_eq!(listed[0]["tunnelId"], ready["tunnel_id"]);
    assert_eq!(listed[0]["hostConnections"], 1);
    let (status, _, err) = host.interrupted();
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(answer(&ann, "list -j"), json!({"tunnels": []}));
}

#[test]
fn host_and_connect_serve_the_default_tunnel_and_host_brings_it_to_what_is_said() {
    let (_relay, ann) = relay();
    let local = Local::start();
    run(&ann, "host -j").ended_with(64);
    run(&ann, "create shop").ended_with(0);
    let port = local.port.to_string();
    let other = free_port().to_string();
    run(&ann, &format!("port create -p {port} --protocol http")).ended_with(0);
    let mut host = ann.start(&["host", "-a", "-p", &port, &other, "--json"]);
    let temporary = host.event("started")["tunnel_ids"][0].as_str().unwrap().to_owned();
    assert_ne!(temporary, "shop.loc1", "ports without a tunnel are a new one's");
    host.event("ready");
    assert_eq!(host.interrupted().0.code(), Some(0));

    let mut host = ann.start(&["host", "shop", "-a", "-p", &other, "--json"]);
    assert_eq!(host.event("started")["tunnel_ids"][0], "shop.loc1");
    let urls = host.event("ready")["urls"].as_array().unwrap().len();
    assert_eq!(urls, 2);
    assert_eq!(host.interrupted().0.code(), Some(0));
    let shown = answer(&ann, "show -j")["tunnel"].take();
    assert_eq!(shown["accessControl"][0]["type"], "Anonymous");
    assert_eq!(shown["ports"].as_array().unwrap().len(), 2, "a tunnel that is named stays");

    let mut host = ann.start(&["host", "--json"]);
    host.event("ready");
    let mut client = ann.start(&["connect", "--json"]);
    let line = client.event_that("listening", |line| line["port"] == local.port);
    let at = u16::try_from(line["local"].as_u64().unwrap()).unwrap();
    let answered = get(([127, 0, 0, 1], at).into(), "localhost", "/through");
    assert!(answered.ends_with("you asked for /through"), "{answered}");
}

#[test]
fn people_read_the_lines_that_they_know() {
    let (_relay, ann) = relay();
    let created = run(&ann, "create shop -d front -l a b").ended_with(0).out;
    for line in [
        "Tunnel ID             : shop.loc1",
        "Description           : front",
        "Labels                : a b",
        "Access control        : the owner only",
        "Ports                 : 0",
        "Tunnel Expiration     : 30 days",
    ] {
        assert!(created.lines().any(|it| it == line), "{line} in {created}");
    }
    run(&ann, "port add -p 3000 --protocol http").ended_with(0);
    let ports = run(&ann, "port list").ended_with(0).out;
    assert!(ports.starts_with("3000   http   http"), "{ports}");
    let list = run(&ann, "list").ended_with(0).out;
    assert!(list.starts_with("Found 1 tunnel.\n\nTunnel ID   Host Connections"), "{list}");
    assert!(list.contains("shop.loc1"), "{list}");
    let limits = run(&ann, "limits").ended_with(0).out;
    assert!(limits.contains("TunnelsPerUser"), "{limits}");
    let help = run(&ann, "access create -?").ended_with(0).out;
    assert!(help.contains("Examples:") && help.contains("--anonymous"), "{help}");
    assert!(!help.contains("--tenant"), "{help}");
}

#[test]
fn the_way_to_a_relay_and_through_a_tunnel_is_measured() {
    let (relay, ann) = relay();
    let clusters = answer(&ann, "clusters --ping -j")["clusters"].take();
    assert_eq!(clusters[0]["clusterId"], "loc1");
    assert!(clusters[0]["latencyMs"].is_f64(), "{clusters}");
    assert!(answer(&ann, "clusters -j")["clusters"][0].get("latencyMs").is_none());

    let measured = answer(&ann, "ping -c 2 -i 1 -j");
    assert_eq!((&measured["sent"], &measured["received"]), (&json!(2), &json!(2)));
    assert_eq!(measured["target"], relay.url.as_str());

    let mut echo = ann.start(&["echo", "http", "-j"]);
    let line: Value =
        serde_json::from_str(&echo.line("port", |line| line.contains("port"))).unwrap();
    let port = u16::try_from(line["port"].as_u64().unwrap()).unwrap();
    let echoed = get(([127, 0, 0, 1], port).into(), "localhost", "/a?b=c");
    assert!(echoed.contains("GET /a?b=c\n") && echoed.contains("host: localhost\n"), "{echoed}");
    let mut host = ann.start(&["host", "-p", &port.to_string(), "-a", "-j"]);
    let url = host.event("ready")["urls"][0]["url"].as_str().unwrap().to_owned();
    assert!(visit(&url, "/x").contains("GET /x\n"));
    let direct = format!("http://127.0.0.1:{port}/");
    assert!(run(&ann, &format!("ping {direct} -c 1")).ended_with(0).out.contains("status 200"));
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let lost = run(&ann, &format!("ping {nobody} -c 1 -j")).ended_with(69);
    assert_eq!(lost.json()["received"], 0);
    assert_eq!(echo.interrupted().0.code(), Some(0));
}

#[test]
fn over_tcp_every_byte_comes_back() {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};
    let sandbox = Sandbox::new();
    let mut echo = sandbox.start(&["echo", "tcp", "-j"]);
    let line: Value =
        serde_json::from_str(&echo.line("port", |line| line.contains("port"))).unwrap();
    let port = u16::try_from(line["port"].as_u64().unwrap()).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"\x00 any bytes \xff").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"\x00 any bytes \xff");
    let taken = sandbox.run(&["echo", "-p", &port.to_string(), "-j"]).ended_with(1);
    assert_eq!(taken.error()["code"], "listen");
    assert_eq!(echo.interrupted().0.code(), Some(0));
}
