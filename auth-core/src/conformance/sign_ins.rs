//! Rules for a backend that starts, refreshes and ends sign-ins.

use http::{HeaderMap, Response, StatusCode, header};

use super::application::{ADA, BOB, Policy, Tested, describe};
use super::fixture::BackendFixture;
use super::report::{Violation, ensure};
use super::suite::Checked;

type Outcome = Result<Checked, Violation>;

/// Leaves a check out if the backend only verifies credentials.
macro_rules! needs_sign_ins {
    ($tested:ident) => {
        if !$tested.signs_in() {
            return Ok(Checked::LeftOut);
        }
    };
}

fn no_credential() -> HeaderMap {
    HeaderMap::new()
}

pub(super) async fn a_sign_in_delivers_a_valid_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let (ada, again) = (
        tested.sign_in(ADA, &no_credential()).await?,
        tested.sign_in(ADA, &no_credential()).await?,
    );
    ensure(ada != again, "two sign-ins deliver the same credential")?;
    tested.is_valid(&ada, ADA, "the credential of a sign-in").await?;
    tested.is_valid(&again, ADA, "the credential of another sign-in").await?;
    Ok(Checked::Passed)
}

pub(super) async fn sec_44_a_delivered_credential_is_never_cached<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let signed_in = tested.post(&format!("/sign-in/{ADA}"), &no_credential()).await?;
    is_never_stored(&signed_in, "a sign-in")?;
    let credential = tested.issued(&signed_in, "a sign-in")?;
    if tested.fixture.refreshes() {
        let refreshed = tested.post("/refresh", &credential).await?;
        is_never_stored(&refreshed, "a refresh")?;
    }
    Ok(Checked::Passed)
}

fn is_never_stored(response: &Response<String>, what: &str) -> Result<(), Violation> {
    let control = response.headers().get(header::CACHE_CONTROL);
    let control = control.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let forbids = control.split(',').any(|it| it.trim().eq_ignore_ascii_case("no-store"));
    ensure(forbids, format!("the `Cache-Control` of the response to {what} is {control:?}"))
}

/// An attacker who knew the old credential must not share the new sign-in. If another user signs in, the
/// sign-in of the first one ends.
pub(super) async fn sec_83_a_sign_in_ends_the_credential_of_its_request<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    for next in [ADA, BOB] {
        let old = tested.sign_in(ADA, &no_credential()).await?;
        let new = tested.sign_in(next, &old).await?;
        tested.is_valid(&new, next, "the credential of the next sign-in").await?;
        let found = tested.who(&old).await?;
        ensure(
            found != ADA,
            format!("the credential of {ADA} is valid after {next} signed in with it"),
        )?;
    }
    Ok(Checked::Passed)
}

/// An attacker could have planted it (session fixation).
pub(super) async fn sec_06_a_sign_in_never_adopts_a_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let ended = tested.sign_in(BOB, &no_credential()).await?;
    tested.post("/sign-out", &ended).await?;
    for planted in tested.fixture.invalid().into_iter().chain([ended]) {
        let response = tested.post(&format!("/sign-in/{ADA}"), &planted).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            continue; // it may refuse the request instead
        }
        tested.issued(&response, "a sign-in with an invalid credential")?;
        let found = tested.who(&planted).await?;
        ensure(found != ADA, "a sign-in makes the invalid credential of its request valid")?;
    }
    Ok(Checked::Passed)
}

pub(super) async fn a_sign_in_is_listed_once<F: BackendFixture>(tested: &Tested<F>) -> Outcome {
    needs_sign_ins!(tested);
    let (one, _) = (
        tested.sign_in(ADA, &no_credential()).await?,
        tested.sign_in(ADA, &no_credential()).await?,
    );
    tested.sign_in(BOB, &no_credential()).await?;
    let listed = tested.get(Policy::Optional, "/sign-ins", &one).await?;
    ensure(
        listed.body() == "2 1",
        describe("the list of two sign-ins, one of them current", &listed),
    )?;
    Ok(Checked::Passed)
}

pub(super) async fn a_refresh_replaces_the_credential_of_the_same_sign_in<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    if !tested.fixture.refreshes() {
        return Ok(Checked::LeftOut);
    }
    let old = tested.sign_in(ADA, &no_credential()).await?;
    let refreshed = tested.post("/refresh", &old).await?;
    let new = tested.issued(&refreshed, "a refresh")?;
    ensure(old != new, "a refresh delivers the credential that the client has")?;
    tested.is_valid(&new, ADA, "a refreshed credential").await?;
    let listed = tested.get(Policy::Optional, "/sign-ins", &new).await?;
    ensure(listed.body() == "1 1", describe("the list of a refreshed sign-in", &listed))?;
    Ok(Checked::Passed)
}

pub(super) async fn a_refresh_needs_a_valid_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let ended = tested.sign_in(ADA, &no_credential()).await?;
    tested.post("/sign-out", &ended).await?;
    for credential in tested.fixture.invalid().into_iter().chain([no_credential(), ended]) {
        let response = tested.post("/refresh", &credential).await?;
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        ensure(is_refused, describe("a refresh without a valid credential", &response))?;
        let delivered = tested.fixture.credential_of(&response);
        ensure(delivered.is_empty(), "a refresh without a valid credential delivers one")?;
    }
    Ok(Checked::Passed)
}

/// The cookies are removed, because they prove nothing any more.
pub(super) async fn a_sign_out_ends_the_sign_in<F: BackendFixture>(tested: &Tested<F>) -> Outcome {
    needs_sign_ins!(tested);
    let credential = tested.sign_in(ADA, &no_credential()).await?;
    let signed_out = tested.post("/sign-out", &credential).await?;
    ensure(signed_out.status().is_success(), describe("a sign-out", &signed_out))?;
    let found = tested.who(&credential).await?;
    ensure(found != ADA, "the credential is valid after a sign-out")?;
    let cookies = credential.get(header::COOKIE).and_then(|value| value.to_str().ok());
    for cookie in cookies.into_iter().flat_map(|cookies| cookies.split("; ")) {
        let (name, _) = cookie.split_once('=').unwrap_or((cookie, ""));
        let sent = signed_out.headers().get_all(header::SET_COOKIE).iter();
        let mut sent = sent.filter_map(|cookie| cookie.to_str().ok());
        let removes = sent.any(|it| it.starts_with(&format!("{name}=;")));
        ensure(removes, format!("a sign-out does not remove the cookie `{name}`"))?;
    }
    Ok(Checked::Passed)
}

pub(super) async fn a_sign_out_spares_other_sign_ins<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let credential = tested.sign_in(ADA, &no_credential()).await?;
    let others = [
        (ADA, tested.sign_in(ADA, &no_credential()).await?),
        (BOB, tested.sign_in(BOB, &no_credential()).await?),
    ];
    tested.post("/sign-out", &credential).await?;
    for (subject, other) in &others {
        tested.is_valid(other, subject, "the credential of another sign-in").await?;
    }
    Ok(Checked::Passed)
}

/// It is no error if there is nothing to end.
pub(super) async fn a_sign_out_may_be_repeated<F: BackendFixture>(tested: &Tested<F>) -> Outcome {
    needs_sign_ins!(tested);
    let credential = tested.sign_in(ADA, &no_credential()).await?;
    tested.post("/sign-out", &credential).await?;
    for headers in [&credential, &no_credential()] {
        let again = tested.post("/sign-out", headers).await?;
        ensure(again.status().is_success(), describe("a sign-out without a sign-in", &again))?;
    }
    Ok(Checked::Passed)
}

pub(super) async fn a_revocation_of_the_others_spares_only_this_one<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    let (this, other) = (
        tested.sign_in(ADA, &no_credential()).await?,
        tested.sign_in(ADA, &no_credential()).await?,
    );
    let bob = tested.sign_in(BOB, &no_credential()).await?;
    let revoked = tested.post("/revoke-others", &this).await?;
    ensure(revoked.body() == "1", describe("a revocation of one other sign-in", &revoked))?;
    let found = tested.who(&other).await?;
    ensure(found != ADA, "the credential of another sign-in is valid after its revocation")?;
    tested.is_valid(&this, ADA, "the credential that revoked the others").await?;
    tested.is_valid(&bob, BOB, "the credential of another user").await?;
    Ok(Checked::Passed)
}

/// The client tries again. A sign-in that it does not know of would stay in its list.
pub(super) async fn a_failed_sign_in_delivers_no_credential<F: BackendFixture>(
    tested: &Tested<F>,
) -> Outcome {
    needs_sign_ins!(tested);
    if !tested.fixture.set_failing(true) {
        return Ok(Checked::LeftOut);
    }
    let failed = tested.post(&format!("/sign-in/{ADA}"), &no_credential()).await?;
    let is_unavailable = failed.status() == StatusCode::SERVICE_UNAVAILABLE;
    ensure(is_unavailable, describe("a sign-in while the backend fails", &failed))?;
    let delivered = tested.fixture.credential_of(&failed);
    ensure(delivered.is_empty(), "a failed sign-in delivers a credential")?;
    tested.fixture.set_failing(false);
    let credential = tested.sign_in(ADA, &no_credential()).await?;
    let listed = tested.get(Policy::Optional, "/sign-ins", &credential).await?;
    ensure(listed.body() == "1 1", describe("the list after a failed sign-in", &listed))?;
    Ok(Checked::Passed)
}
