//! Visitor passes: what the cookie of somebody who came by a link holds.
//!
//! JSON Web Tokens (HS256) with a key of their own, so that neither kind of token can be taken for the
//! other. A pass says by which link its holder came, and to where; that the link is still there, and
//! opens the port that is asked for, is not in it and is looked at for each request.

use std::path::Path;

use adit_proto::id::{ClusterId, TunnelId};
use adit_proto::token::Secret;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::file::{self, KeyError};

/// As long as the hash: more is no stronger.
const KEY: usize = 32;

const ISSUER: &str = "adit-visitor";

/// A visitor's pass, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The link by which the visitor came.
    pub share: String,
    /// The tunnel, and no other.
    pub tunnel: TunnelId,
    /// The one port that it is good for; all without one.
    pub port: Option<u16>,
    /// When it ends, in whole seconds.
    pub expires: Timestamp,
}

/// Signs and verifies passes. Cheap enough to be asked for each request.
pub struct PassKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    cluster: ClusterId,
}

impl PassKey {
    /// Takes the key from `path`; makes one there, for the owner's eyes only, if there is none.
    ///
    /// # Errors
    /// When the file cannot be read, written or understood.
    pub fn load(path: &Path, cluster: ClusterId) -> Result<Self, KeyError> {
        let key = file::load(path, generate)?;
        if key.len() == KEY {
            Ok(Self::new(&key, cluster))
        } else {
            Err(KeyError::Damaged(path.into()))
        }
    }

    /// A key that ends with the process.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn ephemeral(cluster: ClusterId) -> Result<Self, KeyError> {
        Ok(Self::new(&generate()?, cluster))
    }

    fn new(key: &[u8], cluster: ClusterId) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        // Time is compared here, with the time that the caller gives.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            header: Header::new(Algorithm::HS256),
            validation,
            cluster,
        }
    }

    /// Writes a pass out and signs it.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn seal(&self, pass: &Pass) -> Result<Secret, KeyError> {
        let claims = Claims {
            iss: ISSUER.into(),
            cluster: self.cluster.clone(),
            share: pass.share.clone(),
            tunnel: pass.tunnel.clone(),
            port: pass.port,
            exp: pass.expires.as_second(),
        };
        let text = jsonwebtoken::encode(&self.header, &claims, &self.encoding);
        text.map(Secret::from).map_err(|_| KeyError::Random)
    }

    /// Reads a pass that this relay signed and that has not ended.
    pub fn open(&self, text: &str, now: Timestamp) -> Option<Pass> {
        let decoded = jsonwebtoken::decode::<Claims>(text, &self.decoding, &self.validation);
        let claims = decoded.ok()?.claims;
        let expires = Timestamp::from_second(claims.exp).ok()?;
        let counts = claims.cluster == self.cluster && now < expires;
        let Claims { share, tunnel, port, .. } = claims;
        counts.then_some(Pass { share, tunnel, port, expires })
    }
}

impl std::fmt::Debug for PassKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PassKey").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    #[serde(rename = "clusterId")]
    cluster: ClusterId,
    #[serde(rename = "linkId")]
    share: String,
    #[serde(rename = "tunnelId")]
    tunnel: TunnelId,
    #[serde(rename = "tunnelPort", default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    exp: i64,
}

fn generate() -> Result<Vec<u8>, KeyError> {
    let mut key = vec![0; KEY];
    getrandom::fill(&mut key).map_err(|_| KeyError::Random)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::super::{Signer, Token};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cluster() -> ClusterId {
        "loc1".parse().unwrap()
    }

    fn pass() -> Pass {
        Pass {
            share: "k3x9".into(),
            tunnel: "quiet-fox-4k9x2bd".parse().unwrap(),
            port: Some(3000),
            expires: at(2_000),
        }
    }

    #[test]
    fn a_pass_comes_back_as_it_was_until_it_ends() {
        let key = PassKey::ephemeral(cluster()).unwrap();
        for pass in [pass(), Pass { port: None, ..pass() }] {
            let text = key.seal(&pass).unwrap();
            assert_eq!(key.open(text.expose(), at(1_999)), Some(pass));
            assert_eq!(key.open(text.expose(), at(2_000)), None);
        }
    }

    #[test]
    fn only_this_relay_s_own_unaltered_passes_count() {
        let bytes = generate().unwrap();
        let key = PassKey::new(&bytes, cluster());
        let text = key.seal(&pass()).unwrap();
        let foreign = PassKey::ephemeral(cluster()).unwrap().seal(&pass()).unwrap();
        let there = PassKey::new(&bytes, "loc2".parse().unwrap()).seal(&pass()).unwrap();
        let (signed, signature) = text.expose().rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
        let altered = format!("{}A.{signature}", &signed[..signed.len() - 1]);
        for bad in ["", "a.b.c", foreign.expose(), there.expose(), &none, &altered] {
            assert_eq!(key.open(bad, at(1_000)), None, "{bad}");
        }
    }

    #[test]
    fn a_tunnel_s_token_is_no_pass_and_a_pass_is_no_token() {
        let (signer, key) =
            (Signer::ephemeral(cluster()).unwrap(), PassKey::ephemeral(cluster()).unwrap());
        let token = Token {
            tunnel: pass().tunnel,
            ports: vec![3000],
            scopes: "connect".parse().unwrap(),
            user: None,
            issued: at(1),
            expires: at(2_000),
        };
        let token = signer.mint(&token).unwrap();
        assert_eq!(key.open(token.expose(), at(1_000)), None);
        assert!(signer.verify(key.seal(&pass()).unwrap().expose(), at(1_000)).is_err());
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = PassKey::load(&path, cluster()).unwrap().seal(&pass()).unwrap();
        #[cfg(unix)]
        {
            let permissions = std::fs::metadata(&path).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o600);
        }
        let again = PassKey::load(&path, cluster()).unwrap();
        assert_eq!(again.open(text.expose(), at(1_000)), Some(pass()));
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(PassKey::load(&path, cluster()), Err(KeyError::Damaged(_))));
    }
}
