//! Access tokens: JWTs, HS256 only, signed with the newest secret, verified with any that still counts.

mod hs256;

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::{Clock, JwtSecrets, LoginId, Role, Timestamp, UserId};

/// Most bytes of a token; a longer one is refused unread.
pub const MAX_TOKEN: usize = 8 * 1024;

/// How far the clock that issued a token may be ahead of ours, in seconds.
const MAX_AHEAD: u64 = 60;

/// How long a token counts: 15 to 60 minutes, 30 unless set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTtl(Duration);

/// A time to live that tokens can't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("tokens live 15 to 60 minutes")]
pub struct BadTtl;

impl TokenTtl {
    /// Of this many minutes.
    ///
    /// # Errors
    /// [`BadTtl`] below 15 and above 60.
    pub fn minutes(minutes: u64) -> Result<Self, BadTtl> {
        (15..=60).contains(&minutes).then(|| Self(Duration::from_secs(minutes * 60))).ok_or(BadTtl)
    }
}

impl Default for TokenTtl {
    fn default() -> Self {
        Self(Duration::from_secs(30 * 60))
    }
}

/// Issues and verifies access tokens. What it doesn't know is whether they were revoked.
pub struct Tokens {
    /// The first signs, all verify.
    keys: Vec<SigningKey>,
    ttl: Duration,
    clock: Clock,
    validation: Validation,
}

struct SigningKey {
    /// What a token names it by; says nothing of the secret.
    kid: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// A token that was issued.
pub(crate) struct Issued {
    pub(crate) text: SecretString,
    pub(crate) expires_at: Timestamp,
}

/// What a token says, once it is verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) user: UserId,
    pub(crate) login: LoginId,
    pub(crate) jti: String,
    /// In seconds since 1970.
    pub(crate) exp: u64,
    pub(crate) expires_at: Timestamp,
}

/// The header has these members and no others: what could change how a token is read (`crit`, `b64`, `zip`) or
/// bring its own key (`jwk`, `jku`, `x5u`, `x5c`) is refused with all the rest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
}

/// The claims are these and no others, each once.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: UserId,
    iat: u64,
    exp: u64,
    jti: String,
    /// For the page; never believed here.
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
}

impl Tokens {
    /// Signs with the newest of these secrets.
    #[must_use]
    pub fn new(secrets: &JwtSecrets, ttl: TokenTtl, clock: Clock) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are judged here, by the clock that was handed in.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let keys = secrets.all().map(SigningKey::new).collect();
        Self { keys, ttl: ttl.0, clock, validation }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)().into()
    }

    /// A token for this user, which counts as long as its login. `None` only if the clock is out of range.
    pub(crate) fn issue(&self, user: UserId, role: Role, login: LoginId) -> Option<Issued> {
        let iat = self.seconds();
        let exp = iat + self.ttl.as_secs();
        let jti = login.jti();
        let key = self.keys.first()?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.kid.clone());
        let claims = Claims { sub: user, iat, exp, jti, role, nbf: None };
        let text = jsonwebtoken::encode(&header, &claims, &key.signs).ok()?;
        Some(Issued { text: text.into(), expires_at: time(exp)? })
    }

    /// What a token says, if one of our keys signed it and it counts now.
    pub(crate) fn verify(&self, token: &str) -> Result<Verified, Failure> {
        let key = self.key_of(token)?;
        let data = jsonwebtoken::decode::<Claims>(token, &key.verifies, &self.validation);
        let claims = data.map_err(|_| Failure::Token)?.claims;
        self.judge(&claims)?;
        let login = LoginId::of(&claims.jti).ok_or(Failure::Token)?;
        let expires_at = time(claims.exp).ok_or(Failure::Token)?;
        Ok(Verified { user: claims.sub, login, jti: claims.jti, exp: claims.exp, expires_at })
    }

    /// The key that a token names, after what can be refused without one. The name is only compared.
    fn key_of(&self, token: &str) -> Result<&SigningKey, Failure> {
        if token.len() > MAX_TOKEN {
            return Err(Failure::Token);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) =
            (full(&mut parts), full(&mut parts), full(&mut parts), parts.next())
        else {
            return Err(Failure::Token);
        };
        let header = BASE64_URL_SAFE_NO_PAD.decode(header).map_err(|_| Failure::Token)?;
        let header: StrictHeader<'_> = serde_json::from_slice(&header).map_err(|_| Failure::Token)?;
        if header.alg != "HS256" || header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(Failure::Token);
        }
        self.keys.iter().find(|key| key.kid == header.kid).ok_or(Failure::Token)
    }

    fn judge(&self, claims: &Claims) -> Result<(), Failure> {
        let now = self.seconds();
        let lifetime = claims.exp.checked_sub(claims.iat).ok_or(Failure::Token)?;
        let early = claims.iat > now + MAX_AHEAD || claims.nbf.is_some_and(|nbf| nbf > now);
        if lifetime > self.ttl.as_secs() || early {
            return Err(Failure::Token);
        }
        if claims.exp <= now { Err(Failure::Expired) } else { Ok(()) }
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.now().timestamp()).unwrap_or_default()
    }
}

impl SigningKey {
    fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let name = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"the name of this key");
        let kid = BASE64_URL_SAFE_NO_PAD.encode(&name.as_ref()[..9]);
        Self { kid, signs: EncodingKey::from_secret(secret), verifies: DecodingKey::from_secret(secret) }
    }
}

fn time(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

/// The next part, if it is not empty.
fn full<'a>(parts: &mut std::str::Split<'a, char>) -> Option<&'a str> {
    parts.next().filter(|part| !part.is_empty())
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
