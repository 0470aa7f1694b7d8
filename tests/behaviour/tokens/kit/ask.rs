//! Asks a `JwtAuth` about a token.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use auth_core::{Authenticator, Identity, Outcome, Refusal, RejectionReason};
use auth_jwt::{JwtAuth, ModeFor};
use http::{Request, Response, header};
use serde::de::DeserializeOwned;
use tower::{Layer, ServiceExt, service_fn};

/// Returns the identity of a token, or the reason for its rejection.
///
/// Asks twice, with `verify` and as a layer, and checks that the results are equal. The layer
/// rejects a token that no header can contain, or that does not look like a bearer token, for its
/// own reason.
pub(crate) async fn verify<C, M>(
    auth: &JwtAuth<C, M>,
    token: impl AsRef<[u8]>,
) -> Result<Identity<C>, RejectionReason>
where
    C: DeserializeOwned + Debug + Send + Sync + 'static,
    M: ModeFor<C>,
{
    let token = token.as_ref();
    let verified = match auth.verify(token).await {
        Outcome::Authenticated(identity) => Ok(identity),
        Outcome::Rejected(rejection) => {
            assert_eq!(rejection.scheme, "bearer");
            Err(rejection.reason)
        }
        other => panic!("a token is accepted or rejected, not {other:?}"),
    };
    match (&verified, layered(auth, token).await) {
        (Ok(verified), Ok(subject)) => assert_eq!(verified.subject(), subject),
        (Err(reason), Err(by_layer)) => {
            let own = [None, Some(RejectionReason::Unrecognized)].contains(&by_layer);
            assert!(own || by_layer == Some(*reason), "{reason} or {by_layer:?}");
        }
        (verified, layered) => panic!("`verify` returned {verified:?}, and the layer {layered:?}"),
    }
    verified
}

/// Returns the reason for which the token is rejected.
pub(crate) async fn rejection<C, M>(auth: &JwtAuth<C, M>, token: impl AsRef<[u8]>) -> &'static str
where
    C: DeserializeOwned + Debug + Send + Sync + 'static,
    M: ModeFor<C>,
{
    match verify(auth, &token).await {
        Ok(identity) => {
            let token = String::from_utf8_lossy(token.as_ref());
            panic!("{} was accepted with {token}", identity.subject())
        }
        Err(reason) => reason.as_str(),
    }
}

/// Returns the subject that a handler sees, or why there is none.
async fn layered<C, M>(
    auth: &JwtAuth<C, M>,
    token: &[u8],
) -> Result<String, Option<RejectionReason>>
where
    C: DeserializeOwned + Send + Sync + 'static,
    M: ModeFor<C>,
    JwtAuth<C, M>: Authenticator<Claims = C>,
{
    let credentials = [b"Bearer ", token].concat();
    let Ok(credentials) = header::HeaderValue::from_bytes(&credentials) else { return Err(None) };
    let request = Request::get("/").header(header::AUTHORIZATION, credentials).body(()).unwrap();
    let handler = service_fn(async |request: Request<()>| {
        let identity = Identity::<C>::of(request.extensions()).unwrap().unwrap();
        Ok::<_, Infallible>(Response::new(identity.subject().to_owned()))
    });
    let response = auth.layer(handler).oneshot(request).await.unwrap();
    if response.status() == 200 {
        return Ok(response.into_body());
    }
    assert_eq!(response.status(), 401);
    assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(response.body(), "", "the reason is not sent to the client");
    match response.extensions().get::<Arc<Refusal>>().unwrap().as_ref() {
        Refusal::Unauthenticated(Some(rejection)) => Err(Some(rejection.reason)),
        other => panic!("{other}"),
    }
}
