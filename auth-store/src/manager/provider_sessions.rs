//! Sign-ins that end with the session at an identity provider by which they were made.
//!
//! A sign-in is found by its own subject only. So a second record, a link, is stored with it, whose subject is
//! a hash of the names that the provider uses, and which holds the id of the sign-in. A link that outlives its
//! sign-in names nothing.

use std::num::NonZeroU32;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, ProviderSession, SignInId, Timestamp};
use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::sign_in_manager::SignInManager;
use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::Deadlines;
use crate::record::{Record, SignInDetails};
use crate::revocations::{RevocableToken, Revocations};
use crate::store::{Deleted, OverflowPolicy, SignInLimit};

/// The maximum number of links of one name. If all of them lead to active sign-ins, a further one evicts the
/// oldest. The sign-in of the evicted link no longer ends with its session.
const MAX_LINKS: SignInLimit = SignInLimit {
    max: NonZeroU32::new(1000).expect("not zero"),
    when_full: OverflowPolicy::EvictOldest,
};
/// How many links of one name are kept without looking for those that lead nowhere.
const FEW_LINKS: usize = 16;

/// What a provider calls the session or the user.
#[derive(Clone, Copy)]
enum Name<'a> {
    Session(&'a str),
    Subject(&'a str),
}

impl Name<'_> {
    /// Returns the subject of the links.
    fn links(self, issuer: &str) -> Arc<str> {
        let (kind, name) = match self {
            Self::Session(sid) => (1, sid),
            Self::Subject(subject) => (2, subject),
        };
        let hash = Sha256::new_with_prefix(b"auth/provider")
            .chain_update([kind])
            .chain_update((issuer.len() as u64).to_be_bytes())
            .chain_update(issuer)
            .chain_update(name)
            .finalize();
        let hash = URL_SAFE_NO_PAD.encode_to_string(&hash[..24]);
        format!("{}provider/{hash}", Record::RESERVED).into()
    }
}

impl SignInManager {
    /// Ends the sign-ins that were made by this session at a provider, and returns their number. Also revokes
    /// the session in the [revocations](Revocations::revoke_session) of the store.
    ///
    /// A sign-in that is in progress either fails or ends.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some may not have ended. Call it again.
    pub async fn end_provider_session(&self, issuer: &str, sid: &str) -> Result<usize, AuthError> {
        // First, so that a sign-in which is not linked yet notices it. Even if this fails, the linked
        // sign-ins end.
        let revoked = self.revocations().revoke_session(issuer, sid).await;
        let is_meant = |session: &ProviderSession| session.sid.as_deref() == Some(sid);
        let ended = self.end_linked(issuer, Name::Session(sid), is_meant).await;
        revoked.and(ended)
    }

    /// Ends the sign-ins of all sessions that this subject of a provider had until this time, and returns their
    /// number. The time is compared with that of the [ID tokens](ProviderSession::issued_at). Also
    /// [revokes](Revocations::revoke_subject) the tokens that the provider issued until then.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some may not have ended. Call it again.
    pub async fn end_provider_sessions(
        &self,
        issuer: &str,
        subject: &str,
        issued_until: Timestamp,
    ) -> Result<usize, AuthError> {
        let revoked = self.revocations().revoke_subject(issuer, subject, issued_until).await;
        let is_meant = |session: &ProviderSession| {
            *session.subject == *subject && session.issued_at.as_secs() <= issued_until.as_secs()
        };
        let ended = self.end_linked(issuer, Name::Subject(subject), is_meant).await;
        revoked.and(ended)
    }

    async fn end_linked(
        &self,
        issuer: &str,
        name: Name<'_>,
        is_meant: impl Fn(&ProviderSession) -> bool,
    ) -> Result<usize, AuthError> {
        let (links, mut ended, mut failed) = (name.links(issuer), 0, Ok(()));
        for link in self.store.list(&links).await? {
            let Some(id) = linked(&link) else { continue };
            // One that fails keeps no other alive.
            match self.end_if(&id, |it| *it.issuer == *issuer && is_meant(it)).await {
                Ok(is_ended) => ended += usize::from(is_ended),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        if ended > 0 {
            tracing::info!(issuer, ended, "sign-ins ended by the provider");
        }
        failed?;
        Ok(ended)
    }

    /// Ends a sign-in unless its user has signed in by another session since.
    async fn end_if(
        &self,
        id: &SignInId,
        is_meant: impl Fn(&ProviderSession) -> bool,
    ) -> Result<bool, AuthError> {
        let mut found = match self.store.load(id).await {
            // The link shows that the provider made it.
            Err(error) if error.kind() == StoreErrorKind::Invalid => {
                return Ok(self.store.delete(id).await?);
            }
            found => found?,
        };
        while let Some(record) = found {
            let provider = record.details.as_ref().and_then(|details| details.provider.as_deref());
            if !provider.is_some_and(&is_meant) {
                return Ok(false);
            }
            found = match self.store.delete_if_version(id, record.version).await? {
                Deleted::Done => return Ok(true),
                Deleted::Conflict(newer) => Some(newer),
                Deleted::NotFound => None,
            };
        }
        Ok(false)
    }

    /// Stores the links of a sign-in that is about to be stored. They end with it at the latest.
    pub(super) async fn link(
        &self,
        id: SignInId,
        details: Option<&SignInDetails>,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(ProviderSession { issuer, subject, sid, .. }) = provider(details) else {
            return Ok(());
        };
        let sid = sid.as_deref().map(Name::Session);
        for name in sid.into_iter().chain([Name::Subject(subject)]) {
            let links = name.links(issuer);
            self.prune(&links, now).await?;
            let deadlines = Deadlines { idle_secs: 0, ..deadlines };
            let link = self.store.new_id(Some(&links))?;
            let mut link = Record::without_secret(link, Some(links), deadlines, now);
            link.set_principal(id.to_string().into_bytes());
            self.store.create(link, self.store.bounds().lower(Some(MAX_LINKS))).await?;
        }
        Ok(())
    }

    /// Deletes links of sign-ins that have ended, the oldest first, before there are so many that a link of an
    /// active sign-in would be evicted.
    async fn prune(&self, links: &str, now: Timestamp) -> Result<(), StoreError> {
        let all = self.store.list(links).await?;
        if all.len() < FEW_LINKS {
            return Ok(());
        }
        for link in all.iter().take(FEW_LINKS) {
            let sign_in = match linked(link) {
                Some(id) => self.store.load(&id).await,
                None => Ok(None),
            };
            let has_ended = match sign_in {
                Err(error) if error.kind() == StoreErrorKind::Invalid => false, // it may be active
                sign_in => sign_in?.is_none_or(|sign_in| sign_in.expiry(now).is_some()),
            };
            if has_ended {
                self.store.revoke(links, &link.id).await?;
            }
        }
        Ok(())
    }

    /// Checks that the session at the provider has not ended since the user was authenticated. It is called
    /// after the sign-in was stored with its links: what ends the session later finds them.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the session has ended.
    pub(super) async fn check_provider(
        &self,
        details: Option<&SignInDetails>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let Some(ProviderSession { issuer, subject, sid, issued_at, .. }) = provider(details)
        else {
            return Ok(());
        };
        let mut session = RevocableToken::new(issuer, subject, Some(*issued_at));
        if let Some(sid) = sid {
            session = session.session(issuer, sid);
        }
        if self.revocations().is_revoked(&session, now).await? {
            let ended = "the session at the provider has ended";
            return Err(AuthError::new(AuthErrorKind::Unauthenticated, ended));
        }
        Ok(())
    }

    /// Returns the revocations in the store of the sign-ins.
    pub fn revocations(&self) -> Revocations {
        Revocations::new(Arc::clone(&self.direct)).clock(self.settings.clock.clone())
    }
}

/// Returns the sign-in that a link leads to.
fn linked(link: &Record) -> Option<SignInId> {
    std::str::from_utf8(link.principal()).ok()?.parse().ok()
}

fn provider(details: Option<&SignInDetails>) -> Option<&ProviderSession> {
    details?.provider.as_deref()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth_core::RequestState;
    use http::HeaderMap;

    use super::*;
    use crate::manager::NewSignIn;
    use crate::secret::SecretKind;
    use crate::store::Store as _;
    use crate::stores::MemoryStore;

    /// A user who signs in and out for years leaves no pile of links, and none that is needed goes.
    #[tokio::test]
    async fn links_of_sign_ins_that_have_ended_are_deleted() {
        let store = Arc::new(MemoryStore::new());
        let manager = SignInManager::new(Arc::clone(&store) as _);
        let provider = ProviderSession::new("https://a.example", "alice", Timestamp::EPOCH);
        let mut options = auth_core::SignInOptions::default();
        options.provider = Some(provider);
        let principal = auth_core::Principal::new("alice").claims(());
        let new = NewSignIn::of(SecretKind::Cookie, &principal, &options, None).unwrap();
        let sign_in = async || {
            let state = RequestState::new(None, None);
            let issued = manager.sign_in(&state, &new).await.unwrap();
            state.deliver(&mut HeaderMap::new());
            issued.id()
        };
        let kept = sign_in().await;
        for _ in 0..100 {
            let id = sign_in().await;
            manager.end(&id).await.unwrap();
        }
        let links = Name::Subject("alice").links("https://a.example");
        let listed = store.list(&links).await.unwrap();
        assert!(listed.len() <= FEW_LINKS + 1, "{}", listed.len());
        let now = manager.settings.clock.now() + Duration::from_secs(1);
        let ended = manager.end_provider_sessions("https://a.example", "alice", now).await;
        assert_eq!(ended.unwrap(), 1);
        assert!(store.load(&kept).await.unwrap().is_none());
    }

    /// The fault: nothing ended once the list of revocations was full.
    #[tokio::test]
    async fn a_full_list_of_revocations_keeps_no_sign_in_alive() {
        let store = Arc::new(MemoryStore::new());
        let manager = SignInManager::new(Arc::clone(&store) as _);
        let session = ProviderSession::new("https://a.example", "alice", Timestamp::EPOCH);
        let mut options = auth_core::SignInOptions::default();
        options.provider = Some(session.sid("s"));
        let principal = auth_core::Principal::new("alice").claims(());
        let new = NewSignIn::of(SecretKind::Cookie, &principal, &options, None).unwrap();
        let id = manager.issue(&new).await.unwrap().id();
        manager.revocations().fill_session("https://a.example", "s").await;
        let ended = manager.end_provider_session("https://a.example", "s").await;
        assert_eq!(ended.unwrap_err().kind(), AuthErrorKind::TooLarge);
        assert!(store.load(&id).await.unwrap().is_none(), "the sign-in has ended all the same");
    }

    /// A user with such a name could otherwise end links and revocations.
    #[tokio::test]
    async fn subjects_of_other_records_cannot_sign_in() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let options = auth_core::SignInOptions::default();
        let principal = auth_core::Principal::new("\u{1}revocations/1").claims(());
        let new = NewSignIn::of(SecretKind::Cookie, &principal, &options, None).unwrap();
        let refused = manager.issue(&new).await.map(|issued| issued.id()).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::Serialization);
        manager.revocations().revoke_session("https://a.example", "s").await.unwrap();
        for number in 0..1024 {
            let subject = format!("\u{1}revocations/{number}");
            assert_eq!(manager.revoke(&subject, auth_core::Revoke::All).await.unwrap(), 0);
        }
        let token = RevocableToken::new("https://a.example", "alice", None);
        let token = token.session("https://a.example", "s");
        let now = manager.settings.clock.now();
        assert!(manager.revocations().is_revoked(&token, now).await.unwrap());
    }
}
