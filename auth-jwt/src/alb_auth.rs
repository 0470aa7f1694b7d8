//! [`AlbAuth`]: the user whom an AWS Application Load Balancer has authenticated, in the header
//! `x-amzn-oidc-data`.
//!
//! The header looks like a JSON Web Token and is none: its parts are encoded with padding, and what decides
//! about it is in the JOSE header. Each balancer signs with its own key, which is a PEM file at an address of the
//! region.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, AuthLayer, Authenticator, BoxFuture, Challenge, ChallengeReason, Claims,
    Clock, CrossOriginProtection, Outcome, Rejection, RejectionReason, RequestHead, Timestamp,
};
use base64_simd::URL_SAFE;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::claims::{Payload, TokenClaims, application_claims};
use crate::jws::TOO_LONG;
use crate::key::ParsedKey;
use crate::rejections;
use crate::remote_keys::{
    Client, Demand, FetchError, FetchErrorKind, HttpClient, InvalidRemoteKeys, RemoteIssuers,
    RemoteKeys, client_or_default,
};
use crate::validation::Validation;
use crate::verifier::foreign_identity;

/// The header with the user's claims.
const HEADER: &str = "x-amzn-oidc-data";
/// The maximum length of the header. A balancer sends at most 11 KiB of claims.
const MAX_BYTES: usize = 16 * 1024;
/// How many keys are remembered: one of each balancer, and those that replace them.
const MAX_KEYS: usize = 16;

const UNKNOWN_KEY: RejectionReason = RejectionReason::Other("unknown key");
const BAD_SIGNATURE: RejectionReason = RejectionReason::Other("bad signature");
const WRONG_ALGORITHM: RejectionReason = RejectionReason::Other("wrong algorithm");
const WRONG_SIGNER: RejectionReason = RejectionReason::Other("wrong signer");

/// Authenticates requests by the header `x-amzn-oidc-data`, which an AWS Application Load Balancer adds after it
/// has authenticated the user. It is a Tower layer, which refuses every request without an identity.
///
/// The header is accepted only if this balancer signed it, whose ARN is in the header as `signer`. Otherwise
/// everyone could sign a header with a balancer of their own. The keys are fetched from the region of the ARN by
/// the rules of [`RemoteKeys`]; at most 16 are remembered, and at most ten new ones are fetched in ten seconds.
///
/// The browser authenticates to the balancer with a cookie, so unsafe requests of other sites are refused. A 401
/// has the header `WWW-Authenticate: ALB`. It means that the request did not come through the balancer, or that
/// the balancer does not authenticate users on this path.
///
/// ```no_run
/// use auth_jwt::{AlbAuth, Validation};
///
/// # fn main() -> Result<(), auth_jwt::InvalidRemoteKeys> {
/// let signer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
/// let auth = AlbAuth::signer(signer)
///     .validation(Validation::new().issuer("https://login.example").client("app-client-id"))
///     .build()?;
/// # let _ = auth;
/// # Ok(()) }
/// ```
#[must_use]
pub struct AlbAuth<C = Claims> {
    config: Arc<Config>,
    claims: PhantomData<fn() -> C>,
}

struct Config {
    signer: Box<str>,
    keys: RemoteIssuers,
    validation: Validation,
    protection: CrossOriginProtection,
    clock: Clock,
}

/// The options of [`AlbAuth`].
#[must_use]
pub struct AlbAuthBuilder {
    signer: Box<str>,
    keys_url: Option<Box<str>>,
    http_client: Option<Arc<dyn Client>>,
    validation: Validation,
    clock: Clock,
}

impl AlbAuth {
    /// Returns the options of a backend for the balancer with this ARN, which the header names as `signer`.
    pub fn signer(arn: &str) -> AlbAuthBuilder {
        AlbAuthBuilder {
            signer: arn.into(),
            keys_url: None,
            http_client: None,
            validation: Validation::new(),
            clock: Clock::system(),
        }
    }
}

impl AlbAuthBuilder {
    /// Sets what the header must contain: the issuer and the client of the rule of the balancer, and the claims
    /// of the user. The issuer, the client and the expiry are those of the JOSE header. Defaults to
    /// [`Validation::new`].
    pub fn validation(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// Sets where the keys are, with `{kid}` in place of the name of a key. Defaults to the address of the region
    /// in the ARN, which is known for AWS and for its regions of the US government.
    pub fn keys_url(self, template: &str) -> Self {
        Self { keys_url: Some(template.into()), ..self }
    }

    /// Sends requests with this client. Defaults to that of [`RemoteKeys`].
    ///
    /// The client [must not follow redirects](HttpClient).
    pub fn http_client(self, client: impl HttpClient) -> Self {
        Self { http_client: Some(Arc::new(client)), ..self }
    }

    /// Sets the clock, for tests. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Checks the options. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidRemoteKeys::Url`] with the ARN if that names no region whose address is known, and another
    /// error if the address is not `https`, or if the system has no certificate authorities.
    pub fn build(self) -> Result<AlbAuth, InvalidRemoteKeys> {
        let invalid = || InvalidRemoteKeys::Url(self.signer.clone());
        let url = match self.keys_url.clone() {
            Some(url) => url,
            None => keys_url(&self.signer).ok_or_else(invalid)?,
        };
        if !url.contains("{kid}") {
            return Err(InvalidRemoteKeys::Url(url));
        }
        let client = client_or_default(self.http_client, None)?;
        RemoteKeys::jwks(url.replace("{kid}", "kid")).with_client(Arc::clone(&client)).build()?;
        let keys = RemoteIssuers::resolver(move |kid| {
            let client = PemClient { client: Arc::clone(&client), kid: kid.into() };
            let keys = || RemoteKeys::jwks(url.replace("{kid}", kid)).with_client(Arc::new(client));
            is_name_of_key(kid).then(keys)
        });
        let config = Config {
            signer: self.signer,
            keys: keys.max_issuers(MAX_KEYS),
            validation: self.validation,
            protection: CrossOriginProtection::STRICT,
            clock: self.clock,
        };
        Ok(AlbAuth { config: Arc::new(config), claims: PhantomData })
    }
}

/// Returns where the keys of this balancer are.
fn keys_url(arn: &str) -> Option<Box<str>> {
    let mut parts = arn.split(':');
    let (Some("arn"), Some(partition), Some("elasticloadbalancing"), Some(region)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || !region.bytes().all(is_allowed) {
        return None;
    }
    match partition {
        "aws" => {
            Some(format!("https://public-keys.auth.elb.{region}.amazonaws.com/{{kid}}").into())
        }
        "aws-us-gov" => {
            let bucket = format!("aws-elb-public-keys-prod-{region}");
            Some(format!("https://s3-{region}.amazonaws.com/{bucket}/{{kid}}").into())
        }
        _ => None,
    }
}

/// Returns whether this can be the name of a key. It becomes a part of a path.
fn is_name_of_key(kid: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=128).contains(&kid.len()) && kid.bytes().all(is_allowed)
}

/// Fetches the PEM file of one key as a set of keys.
struct PemClient {
    client: Arc<dyn Client>,
    kid: Box<str>,
}

impl Client for PemClient {
    fn send(&self, request: Request<String>) -> BoxFuture<Result<Response<Bytes>, FetchError>> {
        let (sending, kid) = (self.client.send(request), self.kid.clone());
        Box::pin(async move {
            let mut response = sending.await?;
            let status = response.status();
            if ![StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status) {
                // It says nothing about the key.
                let text = format!("the response has the status {status}");
                return Err(FetchError::new(FetchErrorKind::Unreachable, text));
            }
            if status == StatusCode::OK {
                let set = json!({ (&*kid): String::from_utf8_lossy(response.body()) });
                *response.body_mut() = Bytes::from(set.to_string());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
            }
            Ok(response)
        })
    }
}

/// The value of the header, in its parts.
struct Data<'a> {
    /// What is signed: the first two parts as they are encoded, with their padding.
    message: &'a [u8],
    header: JoseHeader,
    payload: &'a [u8],
    signature: &'a [u8],
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    kid: String,
    signer: String,
    client: String,
    iss: String,
    exp: u64,
}

impl<'a> Data<'a> {
    fn read(value: &'a [u8]) -> Result<Self, RejectionReason> {
        let malformed = RejectionReason::Malformed;
        if value.len() > MAX_BYTES {
            return Err(TOO_LONG);
        }
        let mut dots = memchr::memchr_iter(b'.', value);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(malformed);
        };
        let json = decoded(&value[..first])?;
        let header = crate::json::from_str(&json).map_err(|_| malformed)?;
        let (payload, signature) = (&value[first + 1..second], &value[second + 1..]);
        Ok(Self { message: &value[..second], header, payload, signature })
    }
}

fn decoded(part: &[u8]) -> Result<String, RejectionReason> {
    let bytes = URL_SAFE.decode_to_vec(part).map_err(|_| RejectionReason::Malformed)?;
    String::from_utf8(bytes).map_err(|_| RejectionReason::Malformed)
}

impl<C> AlbAuth<C> {
    /// Sets the type of the application's own claims, which are read from the claims of the user.
    pub fn claims<D: DeserializeOwned + Send + Sync + 'static>(self) -> AlbAuth<D> {
        AlbAuth { config: self.config, claims: PhantomData }
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> AlbAuth<C> {
    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }

    fn check(&self, value: &[u8]) -> AuthFuture<Outcome<C>> {
        let keys = match self.keys_of(value) {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => return Outcome::Unavailable(error.into()).into(),
            Err(reason) => return self.refuse(reason).into(),
        };
        let now = self.config.clock.now();
        if let Some(key) = keys.find(|key| key.is_good_at(now)) {
            return self.conclude(value, &key, now).into();
        }
        let (auth, value) = (self.clone(), Box::<[u8]>::from(value));
        AuthFuture::boxed(async move { auth.check_after_fetch(&keys, &value).await })
    }

    /// Returns the keys for a value. What another balancer signed causes no fetch.
    fn keys_of(&self, value: &[u8]) -> Result<Result<RemoteKeys, FetchError>, RejectionReason> {
        let Data { header, .. } = Data::read(value)?;
        if header.alg != "ES256" {
            return Err(WRONG_ALGORITHM);
        }
        if header.signer != *self.config.signer {
            return Err(WRONG_SIGNER);
        }
        self.config.keys.admit(&header.kid, &self.config.clock).transpose().ok_or(UNKNOWN_KEY)
    }

    async fn check_after_fetch(&self, keys: &RemoteKeys, value: &[u8]) -> Outcome<C> {
        let clock = &self.config.clock;
        match keys.unknown_key(clock.now()) {
            Demand::Wait(fetch) => {
                // Without a result, the keys that are trusted decide.
                let _ = keys.wait(fetch).await;
            }
            Demand::Reject => {}
            Demand::Unavailable(error) => return self.without_key(error),
        }
        let now = clock.now();
        match (keys.find(|key| key.is_good_at(now)), keys.unavailable(now)) {
            (Some(key), _) => self.conclude(value, &key, now),
            (None, Some(error)) => self.without_key(error),
            (None, None) => self.refuse(UNKNOWN_KEY),
        }
    }

    /// Decides about a value whose key was not fetched. The status 403 or 404 means that there is no such key.
    fn without_key(&self, error: FetchError) -> Outcome<C> {
        if error.kind() == FetchErrorKind::Status {
            return self.refuse(UNKNOWN_KEY);
        }
        Outcome::Unavailable(error.into())
    }

    fn conclude(&self, value: &[u8], key: &ParsedKey, now: Timestamp) -> Outcome<C> {
        self.verify(value, key, now).unwrap_or_else(|reason| self.refuse(reason))
    }

    fn verify(
        &self,
        value: &[u8],
        key: &ParsedKey,
        now: Timestamp,
    ) -> Result<Outcome<C>, RejectionReason> {
        let Data { message, header, payload, signature } = Data::read(value)?;
        let signature =
            URL_SAFE.decode_to_vec(signature).map_err(|_| RejectionReason::Malformed)?;
        let is_for_it = key.algorithm.as_str() == header.alg;
        if !is_for_it || !key.verifies(message, &signature) {
            return Err(BAD_SIGNATURE);
        }
        self.config.keys.verified(&header.kid, now);
        let (json, validation) = (decoded(payload)?, &self.config.validation);
        let payload = Payload::read(&json)?;
        let all = validation.read_all(&payload)?;
        let mut claims = TokenClaims::read(&payload, &validation.layout)?;
        let issuer = Cow::from(header.iss);
        if claims.issuer.as_ref().is_some_and(|stated| *stated != issuer) {
            return Err(RejectionReason::Other("wrong issuer"));
        }
        let expires_at = Timestamp::from_secs(header.exp);
        claims.expires_at = Some(claims.expires_at.map_or(expires_at, |at| at.min(expires_at)));
        claims.issuer = Some(issuer);
        claims.clients[0] = Some(header.client.into());
        validation.check_claims(&claims)?.check(now)?;
        validation.check_values(all.as_ref())?;
        claims.roles = validation.roles(claims.roles, all.as_ref());
        let own = application_claims(&payload)?;
        let identity = foreign_identity("alb", &mut claims, own, validation, now);
        validation.application_checks(all).map_or(Ok(()), |checks| checks.run())?;
        Ok(Outcome::Authenticated(identity))
    }

    fn refuse(&self, reason: RejectionReason) -> Outcome<C> {
        let issuer = || self.config.validation.issuer_name().cloned().unwrap_or_default();
        rejections::count(reason, issuer);
        Outcome::Rejected(Rejection::new("alb", reason))
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Authenticator for AlbAuth<C> {
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let mut values = head.headers().get_all(HEADER).iter();
        let value = values.next()?;
        // The browser attaches the cookie from which the balancer makes the header.
        Some(Attempt::ambient(match values.next() {
            None => self.check(value.as_bytes()),
            Some(_) => self.refuse(RejectionReason::Duplicate).into(),
        }))
    }

    /// Appends a challenge of a scheme of its own, because RFC 9110 section 15.5.2 requires one in each 401. Only
    /// the balancer can meet it.
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if !matches!(reason, ChallengeReason::InsufficientScope(_)) {
            Challenge::new("ALB").step_up(reason).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(HEADER)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.config.protection
    }

    fn clock(&self) -> &Clock {
        &self.config.clock
    }
}

auth_core::backend_layer!(AlbAuth<C>);

impl<C> Clone for AlbAuth<C> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), claims: PhantomData }
    }
}

impl<C> fmt::Debug for AlbAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbAuth").field("signer", &self.config.signer).finish_non_exhaustive()
    }
}

impl fmt::Debug for AlbAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbAuthBuilder").field("signer", &self.signer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r17_the_keys_are_in_the_region_of_the_balancer() {
        let url = |partition: &str, region: &str| {
            let arn =
                format!("arn:{partition}:elasticloadbalancing:{region}:1:loadbalancer/app/a/1");
            keys_url(&arn).map(String::from)
        };
        let aws = "https://public-keys.auth.elb.eu-central-1.amazonaws.com/{kid}";
        assert_eq!(url("aws", "eu-central-1").as_deref(), Some(aws));
        let gov =
            "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1/{kid}";
        assert_eq!(url("aws-us-gov", "us-gov-west-1").as_deref(), Some(gov));
        for (partition, region) in
            [("aws-cn", "cn-north-1"), ("aws", ""), ("aws", "a.evil.example/")]
        {
            assert_eq!(url(partition, region), None, "{partition} {region}");
        }
        assert_eq!(keys_url("app/shop/50dc6c495c0c9188"), None);
    }

    #[test]
    fn r17_the_name_of_a_key_leads_to_no_other_path() {
        assert!(is_name_of_key("7e0ed4ae-1a4d-4b0c-9a0a-9d5a1c1f2b3c"));
        for kid in ["", "..", "a/b", "a?b", "a%2Fb", "a.b", "{kid}", &"a".repeat(129)] {
            assert!(!is_name_of_key(kid), "{kid}");
        }
    }
}
