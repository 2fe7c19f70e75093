//! Tunnel access tokens: JSON Web Tokens that this relay signs (ES256) and alone verifies.
//!
//! A token says which tunnel, which scopes, for whom and how long. That its tunnel still exists and
//! its user still may is not in it and is checked at each use, see [`super::Auth`].

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_proto::access::Scopes;
use adit_proto::id::{ClusterId, TunnelId, UserId};
use adit_proto::token::Secret;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::file::{self, KeyError};
use super::key;
use super::verified::Verified;

/// A tunnel access token, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The tunnel, and no other.
    pub tunnel: TunnelId,
    /// The only ports it is good for; all if empty.
    pub ports: Vec<u16>,
    /// What may be done.
    pub scopes: Scopes,
    /// Who asked for it; nobody if that was allowed anonymously.
    pub user: Option<UserId>,
    /// When it was made, to the millisecond.
    pub issued: Timestamp,
    /// When it ends, in whole seconds.
    pub expires: Timestamp,
}

/// Why a token was not honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, not of this relay, or altered.
    #[error("this is not an access token of this relay")]
    Invalid,
    /// Past its end.
    #[error("the access token has expired")]
    Expired,
}

/// Signs and verifies tokens.
pub struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    cluster: ClusterId,
    /// Tokens with a good signature of this key; with another key there is another of these.
    verified: Mutex<Verified>,
}

impl Signer {
    /// Takes the key from `path`; makes one there, for the owner's eyes only, if there is none.
    ///
    /// # Errors
    /// When the file cannot be read, written or understood.
    pub fn load(path: &Path, cluster: ClusterId) -> Result<Self, KeyError> {
        let pkcs8 = file::load(path, generate)?;
        Self::new(&pkcs8, cluster).ok_or_else(|| KeyError::Damaged(path.into()))
    }

    /// A key that ends with the process.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn ephemeral(cluster: ClusterId) -> Result<Self, KeyError> {
        Self::new(&generate()?, cluster).ok_or(KeyError::Random)
    }

    fn new(pkcs8: &[u8], cluster: ClusterId) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[ISSUER]);
        // Time is compared here, with the time that the caller gives.
        validation.validate_exp = false;
        Some(Self {
            encoding: EncodingKey::from_ec_der(pkcs8),
            decoding: DecodingKey::from_ec_der(pair.public_key().as_ref()),
            header: Header::new(Algorithm::ES256),
            validation,
            cluster,
            verified: Mutex::default(),
        })
    }

    /// Writes a token out and signs it.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn mint(&self, token: &Token) -> Result<Secret, KeyError> {
        let mut claims = Claims::new(token, &self.cluster);
        // Signatures and `jti` differ each time, so a second round is already rare.
        loop {
            claims.jti = random_id()?;
            let text = jsonwebtoken::encode(&self.header, &claims, &self.encoding)
                .map_err(|_| KeyError::Random)?;
            if !misleads_a_peer(&text) {
                return Ok(Secret::from(text));
            }
        }
    }

    /// Reads a token that this relay signed and that has not ended. The signature of a token that
    /// is used again and again is looked at once; whether it has ended, each time.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Token, TokenError> {
        let hash = key::hash(text);
        let known = self.verified().get(&hash);
        let token = match known {
            Some(token) => token,
            None => {
                let token = Arc::new(self.read(text)?);
                self.verified().put(hash, token.clone());
                token
            }
        };
        if token.expires > now { Ok(Token::clone(&token)) } else { Err(TokenError::Expired) }
    }

    fn read(&self, text: &str) -> Result<Token, TokenError> {
        let decoded = jsonwebtoken::decode::<Claims>(text, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?;
        decoded.claims.into_token(&self.cluster).ok_or(TokenError::Invalid)
    }

    fn verified(&self) -> MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

const ISSUER: &str = "adit";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    #[serde(rename = "clusterId")]
    cluster: ClusterId,
    #[serde(rename = "tunnelId")]
    tunnel: TunnelId,
    #[serde(rename = "tunnelPorts", default, skip_serializing_if = "Vec::is_empty")]
    ports: Vec<u16>,
    scp: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<UserId>,
    /// Seconds with a fraction: a token of just before a revocation has to be told from one of just
    /// after.
    iat: f64,
    exp: i64,
    jti: String,
}

impl Claims {
    fn new(token: &Token, cluster: &ClusterId) -> Self {
        Self {
            iss: ISSUER.into(),
            cluster: cluster.clone(),
            tunnel: token.tunnel.clone(),
            ports: token.ports.clone(),
            scp: token.scopes.to_string(),
            sub: token.user.clone(),
            iat: token.issued.as_millisecond() as f64 / 1000.0,
            exp: token.expires.as_second(),
            jti: String::new(),
        }
    }

    fn into_token(self, cluster: &ClusterId) -> Option<Token> {
        (self.cluster == *cluster).then_some(())?;
        Some(Token {
            tunnel: self.tunnel,
            ports: self.ports,
            scopes: self.scp.parse().ok()?,
            user: self.sub,
            issued: Timestamp::from_millisecond((self.iat * 1000.0).round() as i64).ok()?,
            expires: Timestamp::from_second(self.exp).ok()?,
        })
    }
}

/// One of Microsoft's SDKs takes a token with this word in its text for a whole header value.
fn misleads_a_peer(token: &str) -> bool {
    token.contains("tunnel") || token.contains("Tunnel")
}

fn random_id() -> Result<String, KeyError> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|_| KeyError::Random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn generate() -> Result<Vec<u8>, KeyError> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| KeyError::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::ephemeral("loc1".parse().unwrap()).unwrap()
    }

    fn token() -> Token {
        Token {
            tunnel: "quiet-fox-4k9x2bd".parse().unwrap(),
            ports: vec![3000],
            scopes: "host connect".parse().unwrap(),
            user: Some("somebody".parse().unwrap()),
            issued: Timestamp::from_millisecond(1_000_123).unwrap(),
            expires: Timestamp::from_second(2_000).unwrap(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_comes_back_as_it_was_until_it_ends() {
        let signer = signer();
        let text = signer.mint(&token()).unwrap();
        assert_eq!(signer.verify(text.expose(), at(1_999)), Ok(token()));
        assert_eq!(signer.verify(text.expose(), at(2_000)), Err(TokenError::Expired));
    }

    #[test]
    fn a_signature_is_looked_at_once_and_the_end_each_time() {
        let mut signer = signer();
        let (first, second) = (signer.mint(&token()).unwrap(), signer.mint(&token()).unwrap());
        assert_eq!(signer.verify(first.expose(), at(1_500)), Ok(token()));
        signer.decoding = self::signer().decoding;
        assert_eq!(signer.verify(first.expose(), at(1_999)), Ok(token()), "as it was found");
        assert_eq!(signer.verify(first.expose(), at(2_000)), Err(TokenError::Expired));
        assert_eq!(signer.verify(second.expose(), at(1_500)), Err(TokenError::Invalid));
        let altered = first.expose().replacen('.', ".e", 1);
        assert_eq!(signer.verify(&altered, at(1_500)), Err(TokenError::Invalid));
    }

    #[test]
    fn only_this_relay_s_own_unaltered_tokens_count() {
        let signer = signer();
        let text = signer.mint(&token()).unwrap();
        let foreign = Signer::ephemeral("loc1".parse().unwrap()).unwrap().mint(&token()).unwrap();
        let unsigned = text.expose().rsplit_once('.').unwrap().0.to_owned() + ".";
        let none = text.expose().replacen(
            text.expose().split('.').next().unwrap(),
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0",
            1,
        );
        for bad in ["", "a.b.c", "adit_key", foreign.expose(), &unsigned, &none] {
            assert_eq!(signer.verify(bad, at(1_500)), Err(TokenError::Invalid), "{bad}");
        }
    }

    #[test]
    fn a_token_of_another_cluster_is_not_ours_even_with_our_key() {
        let pkcs8 = generate().unwrap();
        let here = Signer::new(&pkcs8, "loc1".parse().unwrap()).unwrap();
        let there = Signer::new(&pkcs8, "loc2".parse().unwrap()).unwrap();
        let text = there.mint(&token()).unwrap();
        assert_eq!(here.verify(text.expose(), at(1_500)), Err(TokenError::Invalid));
    }

    #[test]
    fn the_sdks_can_read_what_they_look_at_and_no_token_says_the_word() {
        let signer = signer();
        for _ in 0..200 {
            assert!(!misleads_a_peer(signer.mint(&token()).unwrap().expose()));
        }
        let claims = adit_proto::token::peek(signer.mint(&token()).unwrap().expose()).unwrap();
        assert_eq!(claims.tunnel_id.as_deref(), Some("quiet-fox-4k9x2bd"));
        assert_eq!(claims.exp, Some(at(2_000)));
        assert_eq!(claims.ports, [3000]);
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = Signer::load(&path, "loc1".parse().unwrap()).unwrap().mint(&token()).unwrap();
        #[cfg(unix)]
        {
            let metadata = std::fs::metadata(&path).unwrap();
            assert_eq!(
                std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777,
                0o600
            );
        }
        let again = Signer::load(&path, "loc1".parse().unwrap()).unwrap();
        assert_eq!(again.verify(text.expose(), at(1_500)), Ok(token()));
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(Signer::load(&path, "loc1".parse().unwrap()), Err(KeyError::Damaged(_))));
    }
}
