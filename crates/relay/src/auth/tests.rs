//! Who may do what with what.

use adit_proto::access::token_requests;
use adit_proto::contracts::{AccessEntry, AccessEntryType};

use super::*;
use crate::directory::Writing;
use crate::record::PortRecord;
use crate::store::Memory;
use crate::store::tests::{at, tunnel, user};

const KEY: &str = "adit_somekey";

struct Fixture {
    auth: Auth,
    tunnel: TunnelRecord,
}

impl Fixture {
    fn new() -> Self {
        let owner = User { key: key::hash(KEY), ..user("owner") };
        let store = Box::new(Memory::default());
        let directory = Directory::open(store, Some(owner), Writing::InPlace).unwrap();
        let signer = Signer::ephemeral("loc1".parse().unwrap()).unwrap();
        let auth = Auth::new(Arc::new(directory), signer, Duration::from_secs(3600));
        Self { auth, tunnel: tunnel("quiet-fox") }
    }

    fn identify(&self, value: &str, now: i64) -> Result<Caller, Unidentified> {
        self.auth.identify_value(&HeaderValue::from_str(value).unwrap(), at(now))
    }

    fn owner(&self) -> Caller {
        self.identify(&format!("Bearer {KEY}"), 10).unwrap()
    }

    fn mint(&self, caller: &Caller, port: Option<u16>, scopes: &str, now: i64) -> Secret {
        let request = &token_requests([scopes]).unwrap()[0];
        self.auth.mint(caller, &self.tunnel, port, request, at(now)).unwrap()
    }

    fn holder(&self, text: &Secret, now: i64) -> Caller {
        self.identify(&format!("tunnel {}", text.expose()), now).unwrap()
    }

    fn allow(&self, caller: &Caller, port: Option<u16>, scope: Scope) -> Result<(), Refused> {
        self.auth.allow(caller, &self.tunnel, port, scope, at(20)).map(drop)
    }
}

fn entry(kind: AccessEntryType, subjects: &[&str], scopes: &[&str]) -> AccessEntry {
    AccessEntry {
        kind,
        subjects: subjects.iter().map(ToString::to_string).collect(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        ..AccessEntry::default()
    }
}

#[test]
fn a_key_identifies_its_user_whatever_the_sdk_calls_the_scheme() {
    let fixture = Fixture::new();
    for scheme in ["Bearer", "bearer", "GitHub", "aad", "tunnelplan", "ApiKey"] {
        let caller = fixture.identify(&format!("{scheme} {KEY}"), 10);
        assert_eq!(caller, Ok(Caller::User("u-owner".parse().unwrap())), "{scheme}");
    }
    assert_eq!(fixture.identify("Bearer adit_wrong", 10), Err(Unidentified::UnknownKey));
    assert_eq!(fixture.identify("Basic YTpi", 10), Err(Unidentified::Malformed));
    assert_eq!(fixture.identify("", 10), Ok(Caller::Anonymous));
}

#[test]
fn a_token_is_taken_with_its_scheme_in_any_case_or_bare() {
    let fixture = Fixture::new();
    let text = fixture.mint(&fixture.owner(), None, "host", 10);
    for prefix in ["tunnel ", "Tunnel ", ""] {
        let caller = fixture.identify(&format!("{prefix}{}", text.expose()), 20).unwrap();
        assert_eq!(caller.user().unwrap().as_str(), "u-owner");
    }
    let expired = fixture.identify(&format!("tunnel {}", text.expose()), 3610);
    assert_eq!(expired, Err(Unidentified::Token(TokenError::Expired)));
}

#[test]
fn a_token_opens_its_tunnel_its_ports_and_its_scopes_only() {
    let mut fixture = Fixture::new();
    fixture.tunnel.ports.insert(4000, PortRecord::default());
    let port = fixture.holder(&fixture.mint(&fixture.owner(), Some(3000), "connect", 10), 20);
    assert_eq!(fixture.allow(&port, Some(3000), Scope::Connect), Ok(()));
    assert_eq!(fixture.allow(&port, None, Scope::Connect), Ok(()));
    let wrong = |mismatch| Err(Refused::WrongToken(mismatch));
    assert_eq!(fixture.allow(&port, Some(4000), Scope::Connect), wrong(Mismatch::Port));
    assert_eq!(
        fixture.allow(&port, Some(3000), Scope::Manage),
        wrong(Mismatch::Scope(Scope::Manage))
    );
    let manager = fixture.holder(&fixture.mint(&fixture.owner(), Some(3000), "manage", 10), 20);
    assert_eq!(fixture.allow(&manager, Some(3000), Scope::Manage), Ok(()));
    assert_eq!(fixture.allow(&manager, None, Scope::Manage), wrong(Mismatch::Port));
    fixture.tunnel.id = "other-one".parse().unwrap();
    assert_eq!(fixture.allow(&port, Some(3000), Scope::Connect), wrong(Mismatch::Tunnel));
}

#[test]
fn a_tunnel_is_private_unless_its_list_says_otherwise() {
    let mut fixture = Fixture::new();
    let anonymous = Caller::Anonymous;
    let refused = fixture.allow(&anonymous, Some(3000), Scope::Connect);
    assert_eq!(refused, Err(Refused::SignInRequired));
    fixture.tunnel.access.push(entry(AccessEntryType::Anonymous, &[], &["connect"]));
    assert_eq!(fixture.allow(&anonymous, Some(3000), Scope::Connect), Ok(()));
    assert_eq!(fixture.allow(&anonymous, None, Scope::Host), Err(Refused::SignInRequired));
}

#[tokio::test]
async fn a_token_dies_with_its_user_s_key_and_with_the_permission_behind_it() {
    let mut fixture = Fixture::new();
    let ann = User { key: key::hash("k"), ..user("ann") };
    let directory = fixture.auth.directory.clone();
    let put = |user: User| {
        let directory = directory.clone();
        async move {
            let put = directory.change(|draft| {
                draft.put_user(user);
                Ok::<_, crate::store::StoreError>(())
            });
            put.await.unwrap();
        }
    };
    put(ann.clone()).await;
    fixture.tunnel.access.push(entry(AccessEntryType::Groups, &["team"], &["connect"]));
    let caller = fixture.identify("Bearer k", 10).unwrap();
    let holder = fixture.holder(&fixture.mint(&caller, None, "connect", 10), 20);
    assert_eq!(fixture.allow(&holder, Some(3000), Scope::Connect), Ok(()));

    put(User { active: false, tokens_valid_from: at(15), ..ann.clone() }).await;
    assert_eq!(fixture.identify("Bearer k", 20), Err(Unidentified::Revoked));
    assert_eq!(fixture.allow(&holder, Some(3000), Scope::Connect), Err(Refused::Revoked));
    assert!(fixture.auth.in_person(&caller).is_none());

    put(User { tokens_valid_from: at(15), ..ann.clone() }).await;
    assert_eq!(fixture.allow(&holder, Some(3000), Scope::Connect), Err(Refused::Revoked));
    let fresh = fixture.holder(&fixture.mint(&caller, None, "connect", 12), 20);
    assert_eq!(fixture.allow(&fresh, Some(3000), Scope::Connect), Ok(()));

    fixture.tunnel.access.clear();
    let refused = fixture.allow(&fresh, Some(3000), Scope::Connect).unwrap_err();
    assert!(!refused.wants_credentials(), "{refused}");
}

#[test]
fn tokens_of_an_earlier_tunnel_of_the_same_id_are_void() {
    let mut fixture = Fixture::new();
    let holder = fixture.holder(&fixture.mint(&fixture.owner(), None, "host", 10), 11);
    fixture.tunnel.tokens_valid_from = at(12);
    assert_eq!(fixture.allow(&holder, None, Scope::Host), Err(Refused::Revoked));
}

#[test]
fn a_token_gives_neither_more_nor_longer_than_itself() {
    let fixture = Fixture::new();
    let first = fixture.mint(&fixture.owner(), None, "host connect", 10);
    let holder = fixture.holder(&first, 1000);
    let second = fixture.holder(&fixture.mint(&holder, None, "connect", 1000), 1001);
    let Caller::Token(token) = second else { panic!("a token") };
    assert_eq!(token.expires, at(3610));
    let request = &token_requests(["manage"]).unwrap()[0];
    let refused = fixture.auth.mint(&holder, &fixture.tunnel, None, request, at(1000));
    assert!(matches!(refused, Err(MintError::Refused(Refused::WrongToken(_)))));
}

#[test]
fn a_token_ends_when_the_access_behind_it_ends() {
    let mut fixture = Fixture::new();
    let mut open = entry(AccessEntryType::Anonymous, &[], &["connect"]);
    open.expiration = Some(at(100));
    fixture.tunnel.access.push(open);
    let text = fixture.mint(&Caller::Anonymous, None, "connect", 10);
    let Caller::Token(token) = fixture.holder(&text, 50) else { panic!("a token") };
    assert_eq!((token.expires, token.user), (at(100), None));
}
