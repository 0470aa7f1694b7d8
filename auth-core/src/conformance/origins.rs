//! Rules for requests that another site makes a browser send.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::application::{ADA, BOB, Tested, describe};
use super::fixture::BackendFixture;
use super::report::{Violation, ensure};
use super::suite::Checked;
use crate::context::Transport;

type Outcome = Result<Checked, Violation>;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns the headers as a browser sends them for a page of this site.
fn from(site: &'static str, headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
    headers
}

/// Requires that a request is refused because of its origin, and that it delivers and removes nothing.
fn is_refused(response: &Response<String>, what: &str) -> Result<(), Violation> {
    ensure(response.status() == StatusCode::FORBIDDEN, describe(what, response))?;
    let sets = response.headers().contains_key(header::SET_COOKIE);
    ensure(!sets, format!("the response to {what} sets a cookie"))
}

/// It can use a credential that it has to know, such as a token.
pub(super) async fn sec_38_another_site_cannot_use_an_ambient_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    let credential = tested.issue(ADA).await?;
    let own = tested.post("/who", &from("same-origin", &credential)).await?;
    ensure(own.body() == ADA, describe("a request from the same origin", &own))?;
    let other = tested.post("/who", &from("cross-site", &credential)).await?;
    if tested.deciding(&credential, ADA).await?.contains_key(header::COOKIE) {
        is_refused(&other, "a request from another site")?;
    } else if tested.attempt(&credential, "a credential")?.transport() == Transport::Explicit {
        ensure(other.body() == ADA, describe("a token from another site", &other))?;
    }
    Ok(Checked::Passed)
}

/// It could make the user act in the attacker's account (login CSRF).
pub(super) async fn sec_82_another_site_cannot_sign_in<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    if !tested.signs_in() {
        return Ok(Checked::LeftOut);
    }
    let path = format!("/sign-in/{ADA}");
    let own = tested.post(&path, &from("same-origin", &HeaderMap::new())).await?;
    tested.issued(&own, "a sign-in from the same origin")?;
    if !own.headers().contains_key(header::SET_COOKIE) {
        return Ok(Checked::LeftOut);
    }
    let other = tested.post(&path, &from("cross-site", &HeaderMap::new())).await?;
    is_refused(&other, "a sign-in from another site")?;
    Ok(Checked::Passed)
}

pub(super) async fn another_site_cannot_refresh<F: BackendFixture>(tested: &Tested<F>) -> Outcome {
    let Some(credential) = in_cookie(tested).await? else { return Ok(Checked::LeftOut) };
    let other = tested.post("/refresh", &from("cross-site", &credential)).await?;
    is_refused(&other, "a refresh from another site")?;
    Ok(Checked::Passed)
}

pub(super) async fn another_site_cannot_sign_out<F: BackendFixture>(tested: &Tested<F>) -> Outcome {
    let Some(credential) = in_cookie(tested).await? else { return Ok(Checked::LeftOut) };
    let other = tested.post("/sign-out", &from("cross-site", &credential)).await?;
    is_refused(&other, "a sign-out from another site")?;
    // Without its token, the cookie may prove nothing but a refresh.
    let refreshed = tested.post("/refresh", &credential).await?;
    tested.issued(&refreshed, "a refresh after a sign-out from another site")?;
    Ok(Checked::Passed)
}

/// Returns the cookies of a signed-in browser, if it has any.
async fn in_cookie<F: BackendFixture>(tested: &Tested<F>) -> Result<Option<HeaderMap>, Violation> {
    if !tested.signs_in() {
        return Ok(None);
    }
    let mut credential = tested.sign_in(BOB, &HeaderMap::new()).await?;
    credential.remove(header::AUTHORIZATION);
    Ok(credential.contains_key(header::COOKIE).then_some(credential))
}
