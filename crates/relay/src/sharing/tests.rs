//! Links, codes and cookies, in a time that the tests move by hand.

use std::path::Path;
use std::time::{Duration, Instant};

use adit_wire::clock;
use http::{Method, Request};

use super::*;
use crate::config::Config;
use crate::directory::Writing;
use crate::edge::problem::Problem;
use crate::record::ShareRecord;
use crate::store::tests::{at, share, tunnel};
use crate::store::{Memory, StoreError};

const ALL: &str = "secret-of-all";
const ONE: &str = "secret-of-one";

/// A relay with a tunnel that two links lead to: `all`, to all its ports, and `one`, to port 4000.
struct World {
    sharing: Sharing,
    directory: Arc<Directory>,
    begin: Instant,
}

impl World {
    async fn new() -> Self {
        let directory = Directory::open(Box::new(Memory::default()), None, Writing::InPlace);
        let directory = Arc::new(directory.unwrap());
        let key = PassKey::ephemeral("loc1".parse().unwrap()).unwrap();
        let toml = "domain = 'relay.test'\nadvertised_url = 'https://cp.relay.test'";
        let config = Config::parse(toml, Path::new("d")).unwrap();
        let sharing = Sharing::new(directory.clone(), key, Links::new(&config, config.listen));
        let world = Self { sharing, directory, begin: clock::now() };
        let mut record = tunnel("quiet-fox");
        record.ports.insert(4000, crate::record::PortRecord::default());
        world.put(TunnelRecord { shares: both(), ..record }).await;
        world
    }

    async fn put(&self, record: TunnelRecord) {
        let put = self.directory.change(move |draft| {
            draft.put(record);
            Ok::<_, StoreError>(())
        });
        put.await.unwrap();
    }

    async fn revoke(&self, id: &str) {
        let mut record = self.tunnel();
        record.shares.retain(|share| share.id != id);
        self.put(record).await;
    }

    fn tunnel(&self) -> TunnelRecord {
        TunnelRecord::clone(&self.directory.find("quiet-fox").unwrap())
    }

    /// What opening a link at second 100 answers.
    fn open(&self, method: Method, path: &str) -> Response<Bytes> {
        self.open_at(method, path, 100)
    }

    fn open_at(&self, method: Method, path: &str, second: i64) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        self.sharing.go(&request, at(second), self.begin)
    }

    /// The path and query of the entrance that opening a link leads to.
    fn code(&self, path: &str) -> String {
        let location = location(&self.open(Method::GET, path));
        let (_, rest) = location.split_once(".relay.test").unwrap();
        rest.to_owned()
    }

    fn enter(&self, path: &str, port: u16) -> Result<Response<Bytes>, Problem> {
        self.enter_with(Method::GET, path, port, 100, Duration::ZERO)
    }

    fn enter_with(
        &self,
        method: Method,
        path: &str,
        port: u16,
        second: i64,
        later: Duration,
    ) -> Result<Response<Bytes>, Problem> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        self.sharing.enter(&parts, &self.tunnel(), port, true, at(second), self.begin + later)
    }

    /// The cookie that a link's visitor gets.
    fn cookie(&self, secret: &str, port: u16) -> HeaderMap {
        let entered = self.enter(&self.code(&path_of(secret)), port).unwrap();
        let set = entered.headers()[header::SET_COOKIE].to_str().unwrap();
        let pair = set.split(';').next().unwrap();
        [(header::COOKIE, HeaderValue::from_str(pair).unwrap())].into_iter().collect()
    }

    fn guest(&self, headers: &HeaderMap, port: u16, second: i64) -> Guest {
        self.sharing.guest(headers, &self.tunnel(), port, true, at(second))
    }
}

fn both() -> Vec<ShareRecord> {
    let share = |id, port, end| {
        let secret = crate::auth::hash_key(&format!("secret-of-{id}"));
        ShareRecord { secret, ..share(id, port, at(end)) }
    };
    vec![share("all", None, 1_000), share("one", Some(4000), 500)]
}

fn path_of(secret: &str) -> String {
    format!("/go/{secret}")
}

fn location(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), 303, "{response:?}");
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_leads_to_its_port_and_one_to_all_to_the_first_or_the_one_asked_for() {
    let world = World::new().await;
    let (one, all) = (path_of(ONE), path_of(ALL));
    for (path, begin) in [
        (one.clone(), "https://quiet-fox-4000.relay.test/.adit/enter?code="),
        (format!("{one}?port=3000"), "https://quiet-fox-4000.relay.test/.adit/enter?code="),
        (all.clone(), "https://quiet-fox-3000.relay.test/.adit/enter?code="),
        (format!("{all}?port=4000"), "https://quiet-fox-4000.relay.test/.adit/enter?code="),
        (format!("{all}?port=nonsense"), "https://quiet-fox-3000.relay.test/.adit/enter?code="),
    ] {
        let response = world.open(Method::GET, &path);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        let location = location(&response);
        let code = location.strip_prefix(begin).unwrap_or_else(|| panic!("{path}: {location}"));
        assert_eq!(code.len(), 43, "256 bits");
        assert!(!location.contains("secret"), "the link's own secret goes no further");
    }
    assert_eq!(world.open(Method::GET, &format!("{all}?port=5000")).status(), 404);
    world.put(TunnelRecord { ports: [].into(), ..world.tunnel() }).await;
    assert_eq!(world.open(Method::GET, &all).status(), 404);
}

#[tokio::test]
async fn links_that_never_were_have_ended_or_were_revoked_are_answered_alike() {
    let world = World::new().await;
    let of = |path: &str, second| {
        let response = world.open_at(Method::GET, path, second);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        (response.status(), response.into_body())
    };
    let unknown = of("/go/guess", 100);
    assert_eq!(unknown.0, 404);
    assert_eq!(world.open_at(Method::GET, &path_of(ONE), 499).status(), 303);
    assert_eq!(of(&path_of(ONE), 500), unknown);
    world.revoke("all").await;
    assert_eq!(of(&path_of(ALL), 100), unknown);
    assert_eq!(of("/go/", 100), unknown);
}

#[tokio::test]
async fn whoever_only_looks_ahead_uses_nothing_up() {
    let world = World::new().await;
    let looked = world.open(Method::HEAD, &path_of(ONE));
    assert_eq!((looked.status().as_u16(), looked.headers().get(header::LOCATION)), (200, None));
    assert_eq!(world.open(Method::HEAD, "/go/guess").status(), 404);
    assert_eq!(world.open(Method::POST, &path_of(ONE)).status(), 405);
    // A preview of the link comes first, and follows it; the person comes later.
    let (preview, person) = (world.code(&path_of(ONE)), world.code(&path_of(ONE)));
    world.enter(&preview, 4000).unwrap();
    let head = world.enter_with(Method::HEAD, &person, 4000, 100, Duration::ZERO).unwrap();
    assert!(head.headers().get(header::SET_COOKIE).is_none());
    assert!(world.enter_with(Method::POST, &person, 4000, 100, Duration::ZERO).is_err());
    assert_eq!(world.enter(&person, 4000).unwrap().status(), 303);
}

#[tokio::test]
async fn a_code_is_exchanged_once_within_a_minute_at_its_own_port() {
    let world = World::new().await;
    let code = world.code(&path_of(ONE));
    let entered = world.enter(&code, 4000).unwrap();
    assert_eq!(location(&entered), "/");
    let cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-adit-visitor="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=400"), "{cookie}");
    assert_eq!(world.enter(&code, 4000).unwrap_err(), Problem::CodeUsed);

    let late = Duration::from_secs(60);
    let code = world.code(&path_of(ONE));
    let entered = world.enter_with(Method::GET, &code, 4000, 160, late);
    assert_eq!(entered.unwrap_err(), Problem::CodeUsed);

    let code = world.code(&path_of(ALL));
    assert_eq!(world.enter(&code, 4000).unwrap_err(), Problem::CodeUsed, "it was for port 3000");
    assert_eq!(world.enter(&code, 3000).unwrap_err(), Problem::CodeUsed, "and it is used up");
    for path in ["/.adit/enter", "/.adit/enter?code=", "/.adit/enter?code=guess"] {
        assert_eq!(world.enter(path, 4000).unwrap_err(), Problem::CodeUsed);
    }
}

#[tokio::test]
async fn a_code_is_worth_nothing_once_its_link_is_gone() {
    let world = World::new().await;
    let code = world.code(&path_of(ONE));
    world.revoke("one").await;
    assert_eq!(world.enter(&code, 4000).unwrap_err(), Problem::LinkEnded);
}

#[tokio::test]
async fn where_to_go_travels_along_and_stays_on_the_host() {
    let world = World::new().await;
    for (to, gone) in [
        ("/a/b%3Fc%3Dd%26e", "/a/b?c=d&e"),
        ("//evil.test", "/"),
        ("/%5Cevil.test", "/"),
        ("https://evil.test", "/"),
        ("/s%C3%B6k", "/s%C3%B6k"),
    ] {
        let code = world.code(&format!("{}?to={to}", path_of(ONE)));
        assert_eq!(location(&world.enter(&code, 4000).unwrap()), gone, "{to}");
    }
    // Nor does what is written there by hand lead away.
    let code = world.code(&path_of(ONE)) + "&to=//evil.test";
    assert_eq!(location(&world.enter(&code, 4000).unwrap()), "/");
}

#[tokio::test]
async fn a_cookie_opens_what_its_link_opens_for_as_long_as_that_is_there() {
    let world = World::new().await;
    let (one, all) = (world.cookie(ONE, 4000), world.cookie(ALL, 3000));
    assert_eq!(world.guest(&one, 4000, 499), Guest::Welcome("one".into()));
    assert_eq!(world.guest(&one, 3000, 499), Guest::Stranger, "it is for port 4000");
    assert_eq!(world.guest(&one, 4000, 500), Guest::Stranger, "it has ended");
    assert_eq!(world.guest(&all, 3000, 999), Guest::Welcome("all".into()));
    assert_eq!(world.guest(&all, 4000, 999), Guest::Welcome("all".into()));
    assert_eq!(world.guest(&HeaderMap::new(), 3000, 100), Guest::Stranger);
    let plain = world.sharing.guest(&all, &world.tunnel(), 3000, false, at(100));
    assert_eq!(plain, Guest::Stranger, "without TLS it has another name");
    let other = TunnelRecord { shares: both(), ..tunnel("other-fox") };
    assert_eq!(world.sharing.guest(&all, &other, 3000, true, at(100)), Guest::Stranger);
    world.revoke("all").await;
    assert_eq!(world.guest(&all, 3000, 100), Guest::Late);
    assert_eq!(
        world.guest(&one, 4000, 100),
        Guest::Welcome("one".into()),
        "the other link is still there"
    );
}

#[tokio::test]
async fn a_link_that_was_narrowed_or_made_anew_is_not_the_one_of_the_cookie() {
    let world = World::new().await;
    let all = world.cookie(ALL, 3000);
    let mut record = world.tunnel();
    record.shares[0].port = Some(4000);
    world.put(record).await;
    assert_eq!(world.guest(&all, 3000, 100), Guest::Stranger);
    let remove = world.directory.change(|draft| {
        draft.remove(&"quiet-fox".parse().unwrap());
        Ok::<_, StoreError>(())
    });
    remove.await.unwrap();
    assert_eq!(world.open(Method::GET, &path_of(ALL)).status(), 404);
    world.put(tunnel("quiet-fox")).await;
    assert_eq!(world.guest(&all, 3000, 100), Guest::Late);
    assert_eq!(world.open(Method::GET, &path_of(ALL)).status(), 404);
}
