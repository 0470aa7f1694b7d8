//! Rules for the credential that a request carries, or does not.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::application::{
    ADA, ANONYMOUS, BOB, Policy, Tested, describe, error_of, is_challenged, request,
};
use super::fixture::BackendFixture;
use super::report::{Violation, ensure};
use super::suite::Checked;
use crate::context::Transport;
use crate::head::RequestHead;

type Outcome = Result<Checked, Violation>;

/// It gets 401 and a challenge. No error is named, because there is no credential to be wrong (RFC 6750
/// section 3.1).
pub(super) async fn a_request_without_a_credential_is_challenged<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let refused = tested.get(Policy::Required, "/who", &HeaderMap::new()).await?;
    ensure(refused.status() == StatusCode::UNAUTHORIZED, describe("no credential", &refused))?;
    is_challenged(&refused, "no credential")?;
    let error = error_of(&refused, "Bearer").flatten();
    ensure(error.is_none(), format!("the challenge without a credential has the error {error:?}"))?;
    Ok(Checked::Passed)
}

pub(super) async fn a_request_without_a_credential_is_anonymous<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let found = tested.who(&HeaderMap::new()).await?;
    ensure(found == ANONYMOUS, format!("a request without a credential is for {found}"))?;
    let page = tested.get(Policy::Optional, "/me", &HeaderMap::new()).await?;
    ensure(page.status() == StatusCode::UNAUTHORIZED, describe("no credential", &page))?;
    Ok(Checked::Passed)
}

/// Another authenticator may recognize it.
pub(super) async fn an_unrelated_header_is_no_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let unrelated: [(HeaderName, &str); 4] = [
        (header::COOKIE, "theme=dark"),
        (header::AUTHORIZATION, "Unrelated abc"),
        (HeaderName::from_static("x-unrelated"), "abc"),
        (header::PROXY_AUTHORIZATION, "Bearer abc"),
    ];
    for (name, value) in unrelated {
        let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
        let request = request(Method::GET, "/who", &headers);
        let attempt = tested.fixture.backend().authenticate(&RequestHead::from(&request));
        ensure(attempt.is_none(), format!("`{name}: {value}` is taken for a credential"))?;
    }
    Ok(Checked::Passed)
}

pub(super) async fn a_valid_credential_identifies_its_user<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credentials = [(ADA, tested.issue(ADA).await?), (BOB, tested.issue(BOB).await?)];
    for (subject, credential) in &credentials {
        tested.is_valid(credential, subject, "a valid credential").await?;
        let page = tested.get(Policy::Required, "/me", credential).await?;
        ensure(page.body() == subject, describe("a valid credential", &page))?;
    }
    Ok(Checked::Passed)
}

/// A shared cache would give the response for one credential to a client with another, or with none.
pub(super) async fn sec_44_a_response_varies_by_the_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    let deciding = tested.deciding(&credential, ADA).await?;
    for headers in [&credential, &HeaderMap::new()] {
        let response = tested.get(Policy::Optional, "/who", headers).await?;
        let vary = response.headers().get_all(header::VARY).iter();
        let vary: Vec<_> = vary.filter_map(|value| value.to_str().ok()).collect();
        let vary = vary.join(",").to_ascii_lowercase();
        for name in deciding.keys() {
            let varies = vary.split(',').any(|it| it.trim() == name.as_str());
            ensure(varies, format!("the credential is in `{name}`, and `Vary` is {vary:?}"))?;
        }
    }
    Ok(Checked::Passed)
}

pub(super) async fn an_invalid_credential_is_rejected<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let invalid = tested.fixture.invalid();
    ensure(!invalid.is_empty(), "`BackendFixture::invalid` returns no credential to reject")?;
    for (number, credential) in invalid.iter().enumerate() {
        let what = format!("invalid credential {number}");
        tested.is_rejected(credential, &what).await?;
        names_the_error(tested, credential, &what).await?;
    }
    Ok(Checked::Passed)
}

/// A rejected bearer token is reported as one (RFC 6750 section 3.1).
async fn names_the_error<F: BackendFixture>(
    tested: &Tested<F>,
    credential: &HeaderMap,
    what: &str,
) -> Result<(), Violation> {
    let bearer = credential.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !bearer.is_some_and(|value| value.to_ascii_lowercase().starts_with("bearer ")) {
        return Ok(());
    }
    let refused = tested.get(Policy::Required, "/who", credential).await?;
    let error = error_of(&refused, "Bearer").flatten();
    let is_named = error.as_deref() == Some("invalid_token");
    ensure(is_named, format!("the error for {what} is {error:?} instead of `invalid_token`"))
}

/// Whichever letter differs, it does not prove the same sign-in.
pub(super) async fn sec_01_a_changed_credential_is_rejected<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    let deciding = tested.deciding(&credential, ADA).await?;
    ensure(
        !deciding.is_empty(),
        "no header of `BackendFixture::issue` decides who sent a request",
    )?;
    for (name, value) in &deciding {
        let value = value.as_bytes();
        let secret =
            value.iter().rposition(|byte| matches!(byte, b' ' | b'=')).map_or(0, |at| at + 1);
        let has_secret = secret < value.len();
        ensure(
            has_secret,
            format!("the credential in `{name}` ends with `=`: issue one without padding"),
        )?;
        for at in secret..value.len() {
            let mut changed = value.to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let mut headers = credential.clone();
            headers.insert(name, HeaderValue::from_bytes(&changed).map_err(Violation::failed)?);
            let found = tested.who(&headers).await?;
            ensure(found != ADA, format!("a credential with another byte {at} is valid"))?;
        }
    }
    Ok(Checked::Passed)
}

/// An attacker may have added one of them. The same cookie twice is one.
pub(super) async fn sec_34_two_different_credentials_are_rejected<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let (first, second) = (tested.issue(ADA).await?, tested.issue(BOB).await?);
    let deciding = tested.deciding(&second, BOB).await?;
    for (one, other) in [(&first, &deciding), (&deciding, &first)] {
        tested.is_rejected(&both(one, other), "a request with two different credentials").await?;
    }
    if deciding.contains_key(header::COOKIE) {
        tested.is_valid(&both(&deciding, &deciding), BOB, "a cookie that is sent twice").await?;
    }
    Ok(Checked::Passed)
}

/// Returns the headers of both. Cookies are joined, as in HTTP/1.1 (RFC 6265 section 5.4).
fn both(one: &HeaderMap, other: &HeaderMap) -> HeaderMap {
    let mut headers = one.clone();
    for (name, value) in other {
        match (name == header::COOKIE).then(|| one.get(header::COOKIE)).flatten() {
            Some(cookies) => {
                let cookies = [cookies.as_bytes(), value.as_bytes()].join(&b"; "[..]);
                if let Ok(cookies) = HeaderValue::from_bytes(&cookies) {
                    headers.insert(name, cookies);
                }
            }
            None => _ = headers.append(name, value.clone()),
        }
    }
    headers
}

pub(super) async fn an_expired_credential_is_rejected<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    tested.is_valid(&credential, ADA, "a valid credential").await?;
    if !tested.fixture.expire().await {
        return Ok(Checked::LeftOut);
    }
    let deciding = without_refresh(&credential);
    tested.is_rejected(&deciding, "an expired credential").await?;
    names_the_error(tested, &deciding, "an expired credential").await?;
    Ok(Checked::Passed)
}

/// If there is a token, the cookie only renews it.
fn without_refresh(credential: &HeaderMap) -> HeaderMap {
    let mut headers = credential.clone();
    if headers.contains_key(header::AUTHORIZATION) {
        headers.remove(header::COOKIE);
    }
    headers
}

pub(super) async fn a_revoked_credential_is_rejected<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let (revoked, other) = (tested.issue(ADA).await?, tested.issue(BOB).await?);
    tested.is_valid(&revoked, ADA, "a valid credential").await?;
    if !tested.fixture.revoke(ADA).await {
        return Ok(Checked::LeftOut);
    }
    tested.is_rejected(&without_refresh(&revoked), "a revoked credential").await?;
    tested.is_valid(&other, BOB, "a credential of another user").await?;
    Ok(Checked::Passed)
}

/// A user whose credential cannot be verified now is neither signed out nor anonymous.
pub(super) async fn sec_76_a_failure_is_reported_as_unavailable<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    if !tested.fixture.set_failing(true) {
        return Ok(Checked::LeftOut);
    }
    for policy in [Policy::Required, Policy::Optional] {
        let response = tested.get(policy, "/who", &credential).await?;
        let what = "a valid credential while the backend fails";
        let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
        ensure(is_unavailable, describe(what, &response))?;
        let retries = response.headers().contains_key(header::RETRY_AFTER);
        ensure(retries, format!("the response to {what} has no `Retry-After`"))?;
        let removes = response.headers().contains_key(header::SET_COOKIE);
        ensure(!removes, format!("the response to {what} sets a cookie"))?;
    }
    tested.fixture.set_failing(false);
    tested.is_valid(&credential, ADA, "a valid credential after a failure").await?;
    Ok(Checked::Passed)
}

/// The challenge contains the scope to request, and no `invalid_token` (RFC 6750 section 3.1).
pub(super) async fn a_challenge_names_the_missing_scope<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    let refused = tested.get(Policy::Required, "/scoped", &credential).await?;
    ensure(refused.status() == StatusCode::FORBIDDEN, describe("a page with a scope", &refused))?;
    let is_bearer = tested.attempt(&credential, "a credential")?.transport() == Transport::Explicit
        && credential.contains_key(header::AUTHORIZATION);
    let error = error_of(&refused, "Bearer").flatten();
    let is_named = !is_bearer || error.as_deref() == Some("insufficient_scope");
    ensure(is_named, format!("the error for a missing scope is {error:?}"))?;
    Ok(Checked::Passed)
}
