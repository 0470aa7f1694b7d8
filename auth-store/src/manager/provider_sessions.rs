//! Sign-ins that end with the session at an identity provider by which they were made.
//!
//! A store finds a sign-in by its own subject only. So the manager stores a second record with it, a *link*.
//! The subject of the link is a hash of the names that the provider uses, and the link holds the id of the
//! sign-in. A link that outlives its sign-in has no effect.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, ProviderSession, SignInId, Timestamp};
use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::events::count_ended;
use super::sign_in_manager::SignInManager;
use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::Deadlines;
use crate::record::{Record, SignInDetails};
use crate::revocations::{RevocableToken, Revocations};
use crate::store::{Deleted, SignInLimit};

/// The number of links of one name that there is always room for.
const MAX_LINKS: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");
/// Up to this number of links of one name, none is examined. Beyond it, this number is examined at a time.
const FEW_LINKS: usize = 16;
/// How long a link may be ahead of its sign-in, which is stored after it.
const MAX_AHEAD: Duration = Duration::from_secs(60);

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

    /// Returns whether this is a name of a session at the issuer.
    fn is_of(self, issuer: &str, session: &ProviderSession) -> bool {
        let is_it = match self {
            Self::Session(sid) => session.sid.as_deref() == Some(sid),
            Self::Subject(subject) => *session.subject == *subject,
        };
        is_it && *session.issuer == *issuer
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
        let ended = self.end_linked(issuer, Name::Session(sid), |_| true).await;
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
        let is_meant = |session: &ProviderSession| is_until(session, issued_until);
        let ended = self.end_linked(issuer, Name::Subject(subject), is_meant).await;
        revoked.and(ended)
    }

    /// Ends the sign-ins of this subject of a provider whose ID token had no `sid` and was issued at this
    /// time or before, and returns their number. Call it if the provider ends a session by its `sid`: any of
    /// these sign-ins may belong to that session.
    ///
    /// A sign-in that is in progress does not end.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some may not have ended. Call it again.
    pub async fn end_unnamed_provider_sessions(
        &self,
        issuer: &str,
        subject: &str,
        issued_until: Timestamp,
    ) -> Result<usize, AuthError> {
        let is_meant =
            |session: &ProviderSession| session.sid.is_none() && is_until(session, issued_until);
        self.end_linked(issuer, Name::Subject(subject), is_meant).await
    }

    /// Ends the sign-ins that were made by sessions of this name, of those that are meant.
    async fn end_linked(
        &self,
        issuer: &str,
        name: Name<'_>,
        is_meant: impl Fn(&ProviderSession) -> bool,
    ) -> Result<usize, AuthError> {
        let (links, mut ended, mut failed) = (name.links(issuer), 0, Ok(()));
        for link in self.store.list_each(&links).await? {
            let done = match link.map(|link| linked(&link)) {
                Ok(Some(id)) => self.end_if(&id, |it| name.is_of(issuer, it) && is_meant(it)).await,
                Ok(None) => Ok(false),
                Err(error) => Err(error.into()),
            };
            // A failure does not keep the others alive.
            match done {
                Ok(is_ended) => ended += usize::from(is_ended),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        if ended > 0 {
            tracing::info!(issuer, ended, "sign-ins ended by the provider");
            count_ended("provider", ended);
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

    /// Stores the links of a sign-in that is about to be stored, or to be authenticated again. They end with it at
    /// the latest. A sign-in has one link of each name.
    pub(super) async fn link(
        &self,
        id: SignInId,
        details: Option<&SignInDetails>,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let Some(ProviderSession { issuer, subject, sid, .. }) = provider(details) else {
            return Ok(());
        };
        let sid = sid.as_deref().map(Name::Session);
        for name in sid.into_iter().chain([Name::Subject(subject)]) {
            let links = name.links(issuer);
            // One that cannot be decoded leads nowhere.
            let all = self.store.list_each(&links).await?.into_iter().flatten();
            let (own, others): (Vec<_>, Vec<_>) = all.partition(|link| linked(link) == Some(id));
            self.make_room((issuer, name), &others, id, now).await?;
            // The sign-in gets its old deadline back if the new secret does not reach the client.
            let ends_at = own.iter().map(|link| link.deadlines.ends_at).max();
            let ends_at = ends_at.map_or(deadlines.ends_at, |at| at.max(deadlines.ends_at));
            let deadlines = Deadlines { idle_secs: 0, ends_at };
            let link = self.store.new_id(Some(&links))?;
            let mut link = Record::without_secret(link, Some(Arc::clone(&links)), deadlines, now);
            link.set_principal(id.to_string().into_bytes());
            self.store.create(link, self.store.bounds().lower(None)).await?;
            // After the new one is stored, so that one leads to the sign-in all the time.
            for link in own {
                self.store.revoke(&links, &link.id).await?;
            }
        }
        Ok(())
    }

    /// Deletes links of sign-ins that have ended. If there are many links, it examines a few, which the new
    /// id selects at random, so that most links lead to active sign-ins. If there are too many, it examines
    /// all. If none of the sign-ins has ended, it ends that of the oldest link, because without its link that
    /// sign-in would outlive its session. If the user has signed in by another session since, only the link goes.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if there are too many, and each is so new that its
    /// sign-in may not be stored yet.
    async fn make_room(
        &self,
        (issuer, name): (&str, Name<'_>),
        all: &[Arc<Record>],
        new: SignInId,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        if all.len() < FEW_LINKS {
            return Ok(());
        }
        let links = name.links(issuer);
        let is_full = all.len() >= self.max_links();
        let examined = if is_full { all.len() } else { FEW_LINKS };
        let [.., high, low] = *new.as_bytes();
        let start = usize::from(u16::from_be_bytes([high, low])) % all.len();
        let mut has_room = !is_full;
        for link in all.iter().cycle().skip(start).take(examined) {
            if self.leads_nowhere(link, now).await? {
                self.store.revoke(&links, &link.id).await?;
                has_room = true;
            }
        }
        if !has_room {
            let Some(oldest) = all.iter().find(|link| !may_be_ahead(link, now)) else {
                let text = "the user has signed in with the provider too often within a minute";
                return Err(StoreError::unavailable(text).into());
            };
            if let Some(id) = linked(oldest)
                && self.end_if(&id, |it| name.is_of(issuer, it)).await?
            {
                tracing::info!(sign_in = %id, "oldest sign-in of the provider's user ended");
            }
            self.store.revoke(&links, &oldest.id).await?;
        }
        Ok(())
    }

    /// Returns how many links of one name there may be: as many as sign-ins of one user, but not fewer than
    /// [`MAX_LINKS`], because several users here may be one user of the provider.
    fn max_links(&self) -> usize {
        let of_kinds = self.settings.limit_of.iter().map(|(_, limit)| limit.max.get());
        let of_kinds = of_kinds.fold(0, u32::saturating_add);
        let limit = self.settings.limit.map(|limit| SignInLimit {
            max: limit.max.saturating_add(of_kinds).max(MAX_LINKS),
            ..limit
        });
        self.store.bounds().lower(limit).map_or(usize::MAX, |limit| limit.max.get() as usize)
    }

    /// Returns whether the sign-in of a link has ended. That of a new link may not be stored yet.
    async fn leads_nowhere(&self, link: &Record, now: Timestamp) -> Result<bool, StoreError> {
        if may_be_ahead(link, now) {
            return Ok(false);
        }
        let Some(id) = linked(link) else { return Ok(true) };
        match self.store.load(&id).await {
            Err(error) if error.kind() == StoreErrorKind::Invalid => Ok(false), // it may be active
            sign_in => Ok(sign_in?.is_none_or(|sign_in| sign_in.expiry(now).is_some())),
        }
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

/// Returns whether the ID token of a session was issued until this time.
fn is_until(session: &ProviderSession, issued_until: Timestamp) -> bool {
    session.issued_at.as_secs() <= issued_until.as_secs()
}

/// Returns whether the sign-in of a link may not be stored yet.
fn may_be_ahead(link: &Record, now: Timestamp) -> bool {
    now < link.created_at + MAX_AHEAD
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
    use std::sync::OnceLock;
    use std::time::Duration;

    use async_trait::async_trait;
    use auth_core::{ManualClock, RequestState};
    use http::HeaderMap;

    use super::*;
    use crate::manager::NewSignIn;
    use crate::secret::SecretKind;
    use crate::store::{EachRecord, Store};
    use crate::stores::MemoryStore;

    const ISSUER: &str = "https://a.example";

    /// Returns a sign-in of this user by a session of Alice at the provider.
    fn by_alice(subject: &str) -> NewSignIn {
        let mut options = auth_core::SignInOptions::new(auth_core::Principal::new(subject));
        options.provider = Some(ProviderSession::new(ISSUER, "alice", Timestamp::EPOCH).sid("s"));
        NewSignIn::of(SecretKind::Cookie, &options, None).unwrap()
    }

    /// Signs in as many users by the session of Alice as it has room for, after a while.
    async fn fill(manager: &mut SignInManager, clock: &ManualClock) {
        clock.advance(MAX_AHEAD);
        manager.settings.limit = crate::SignInSettings::default().limit;
        for number in 1..=MAX_LINKS.get() {
            manager.issue(&by_alice(&format!("user{number}"))).await.unwrap();
        }
    }

    fn manager() -> (SignInManager, ManualClock) {
        let clock = ManualClock::new(Timestamp::from_secs(1_000_000));
        let mut manager = SignInManager::new(Arc::new(MemoryStore::new()));
        manager.settings.clock = clock.clock();
        (manager, clock)
    }

    /// Returns the numbers of links of the session and of the subject.
    async fn links(manager: &SignInManager) -> [usize; 2] {
        let mut lengths = [0; 2];
        for (length, name) in lengths.iter_mut().zip([Name::Session("s"), Name::Subject("alice")]) {
            *length = manager.store.list(&name.links(ISSUER)).await.unwrap().len();
        }
        lengths
    }

    async fn end_all(manager: &SignInManager) -> usize {
        let now = manager.settings.clock.now();
        manager.end_provider_sessions(ISSUER, "alice", now).await.unwrap()
    }

    /// A user who signs in and out for years leaves no pile of links, and none that is needed goes.
    #[tokio::test]
    async fn links_of_sign_ins_that_have_ended_are_deleted() {
        let (manager, clock) = manager();
        let new = by_alice("alice");
        let mut kept = Vec::new();
        for _ in 0..20 {
            kept.push(manager.issue(&new).await.unwrap().id());
        }
        for _ in 0..400 {
            clock.advance(Duration::from_secs(5));
            let id = manager.issue(&new).await.unwrap().id();
            manager.end(&id).await.unwrap();
        }
        assert!(
            links(&manager).await.iter().all(|length| *length < 70),
            "{:?}",
            links(&manager).await
        );
        assert_eq!(end_all(&manager).await, kept.len());
    }

    /// The fault: each authentication added links, which evicted those of other sign-ins.
    #[tokio::test]
    async fn a_sign_in_that_is_authenticated_again_keeps_one_link_of_each_name() {
        let (manager, clock) = manager();
        let new = by_alice("alice");
        let other = manager.issue(&new).await.unwrap().id();
        let id = manager.issue(&new).await.unwrap().id();
        for _ in 0..100 {
            clock.advance(Duration::from_secs(10));
            let state = RequestState::new(None, Some(id));
            assert_eq!(manager.sign_in(&state, &new).await.unwrap().id(), id);
            state.deliver(&mut HeaderMap::new());
            assert_eq!(links(&manager).await, [2, 2]);
        }
        for id in [other, id] {
            let sign_in = manager.store.load(&id).await.unwrap().unwrap();
            let links = manager.store.list(&Name::Session("s").links(ISSUER)).await.unwrap();
            let link = links.iter().find(|link| linked(link) == Some(id)).unwrap();
            assert!(link.deadlines.ends_at >= sign_in.deadlines.ends_at, "it lasts as long");
        }
        assert_eq!(manager.end_provider_session(ISSUER, "s").await.unwrap(), 2);
    }

    /// The fault: the oldest of too many sign-ins lost its link, and outlived its session.
    #[tokio::test]
    async fn no_sign_in_is_active_without_its_links() {
        let (mut manager, clock) = manager();
        manager.settings.limit = None;
        let first = manager.issue(&by_alice("user")).await.unwrap().id();
        fill(&mut manager, &clock).await;
        assert!(manager.store.load(&first).await.unwrap().is_none(), "the oldest has ended");
        let most = MAX_LINKS.get() as usize;
        assert_eq!((links(&manager).await, end_all(&manager).await), ([most; 2], most));
    }

    /// The fault: the sign-in of the oldest link ended, whatever session it belonged to by then.
    #[tokio::test]
    async fn a_sign_in_that_belongs_to_another_user_by_now_makes_no_room() {
        let (mut manager, clock) = manager();
        manager.settings.limit = None;
        let moved = manager.issue(&by_alice("user")).await.unwrap().id();
        let mut by_bob = by_alice("user");
        let session = ProviderSession::new(ISSUER, "bob", Timestamp::EPOCH).sid("b");
        by_bob.details.as_mut().unwrap().provider = Some(Box::new(session));
        let state = RequestState::new(None, Some(moved));
        assert_eq!(manager.sign_in(&state, &by_bob).await.unwrap().id(), moved);
        state.deliver(&mut HeaderMap::new());
        fill(&mut manager, &clock).await;
        assert!(manager.store.load(&moved).await.unwrap().is_some(), "it is Bob's");
        let most = MAX_LINKS.get() as usize;
        assert_eq!((links(&manager).await, end_all(&manager).await), ([most; 2], most));
        assert_eq!(manager.end_provider_session(ISSUER, "b").await.unwrap(), 1);
    }

    /// The fault: the link of a sign-in that was not stored yet was taken for one that had ended.
    #[tokio::test]
    async fn a_link_may_be_ahead_of_its_sign_in() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let (now, new) = (manager.settings.clock.now(), by_alice("alice"));
        let id = manager.store.new_id(Some("alice")).unwrap();
        let deadlines = Deadlines::starting(auth_core::Lifetime::AAL2, now);
        manager.link(id, new.details.as_deref(), deadlines, now).await.unwrap();
        for _ in 0..100 {
            manager.issue(&new).await.unwrap();
        }
        let links = manager.store.list(&Name::Session("s").links(ISSUER)).await.unwrap();
        assert!(links.iter().any(|link| linked(link) == Some(id)));
    }

    /// The fault: the 1,000th sign-in of a minute evicted the link of one that was not stored yet, which then
    /// outlived its session.
    #[tokio::test]
    async fn a_sign_in_in_progress_keeps_its_links_when_there_are_too_many() {
        let (manager, clock) = manager();
        let (now, new) = (manager.settings.clock.now(), by_alice("in progress"));
        let id = manager.store.new_id(Some("in progress")).unwrap();
        let deadlines = Deadlines::starting(auth_core::Lifetime::AAL2, now);
        manager.link(id, new.details.as_deref(), deadlines, now).await.unwrap();
        clock.advance(Duration::from_millis(1));
        for number in 1..MAX_LINKS.get() {
            manager.issue(&by_alice(&format!("user{number}"))).await.unwrap();
        }
        let late = by_alice("late");
        let refused = manager.issue(&late).await.map(|issued| issued.id()).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::Unavailable);
        for name in [Name::Session("s"), Name::Subject("alice")] {
            let links = manager.store.list(&name.links(ISSUER)).await.unwrap();
            assert!(links.iter().any(|link| linked(link) == Some(id)));
        }
        clock.advance(MAX_AHEAD);
        manager.issue(&late).await.unwrap(); // by now, the one in progress has failed
        assert_eq!(end_all(&manager).await, MAX_LINKS.get() as usize);
    }

    /// A store in which one record cannot be read.
    struct Unreadable {
        inner: Arc<MemoryStore>,
        id: OnceLock<SignInId>,
    }

    #[async_trait]
    impl Store for Unreadable {
        crate::forward_store!(self => self.inner, except: [load, peek, list, list_each]);

        async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
            self.list_each(subject).await?.into_iter().collect()
        }

        async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
            let listed = self.inner.list(subject).await?.into_iter();
            Ok(listed.map(|record| self.check(&record.id).map(|()| record)).collect())
        }

        async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
            self.check(id)?;
            self.inner.load(id).await
        }
    }

    impl Unreadable {
        fn new() -> Arc<Self> {
            Arc::new(Self { inner: Arc::new(MemoryStore::new()), id: OnceLock::new() })
        }

        fn check(&self, id: &SignInId) -> Result<(), StoreError> {
            match self.id.get() == Some(id) {
                true => Err(StoreError::new(StoreErrorKind::Invalid, "unreadable")),
                false => Ok(()),
            }
        }
    }

    /// Which session made the sign-in is in its record, but its link is enough to end it.
    #[tokio::test]
    async fn an_unreadable_sign_in_ends_with_its_session() {
        let store = Unreadable::new();
        let manager = SignInManager::new(Arc::clone(&store) as _);
        let [unreadable, readable] = [by_alice("alice"), by_alice("alice")];
        let unreadable = manager.issue(&unreadable).await.unwrap().id();
        let readable = manager.issue(&readable).await.unwrap().id();
        store.id.set(unreadable).unwrap();
        assert_eq!(manager.end_provider_session(ISSUER, "s").await.unwrap(), 2);
        for id in [unreadable, readable] {
            assert!(store.inner.load(&id).await.unwrap().is_none());
        }
    }

    /// The fault: a link that could not be decoded kept all sign-ins of its session alive, and prevented new ones.
    #[tokio::test]
    async fn an_unreadable_link_keeps_no_other_sign_in_alive() {
        let store = Unreadable::new();
        let manager = SignInManager::new(Arc::clone(&store) as _);
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(manager.issue(&by_alice("alice")).await.unwrap().id());
        }
        let links = manager.store.list(&Name::Session("s").links(ISSUER)).await.unwrap();
        let link = links.iter().find(|link| linked(link) == Some(ids[1])).unwrap();
        store.id.set(link.id).unwrap();
        ids.push(manager.issue(&by_alice("alice")).await.unwrap().id());
        let ended = manager.end_provider_session(ISSUER, "s").await;
        assert_eq!(ended.unwrap_err().kind(), AuthErrorKind::Unavailable);
        for id in ids {
            let is_active = store.inner.load(&id).await.unwrap().is_some();
            assert_eq!(is_active, Some(id) == linked(link), "{id}");
        }
        assert_eq!(end_all(&manager).await, 1, "the link of its subject is readable");
    }

    /// The fault: nothing ended once the list of revocations was full.
    #[tokio::test]
    async fn a_full_list_of_revocations_keeps_no_sign_in_alive() {
        let store = Arc::new(MemoryStore::new());
        let manager = SignInManager::new(Arc::clone(&store) as _);
        let id = manager.issue(&by_alice("alice")).await.unwrap().id();
        manager.revocations().fill_session(ISSUER, "s").await;
        let ended = manager.end_provider_session(ISSUER, "s").await;
        assert_eq!(ended.unwrap_err().kind(), AuthErrorKind::TooLarge);
        assert!(store.load(&id).await.unwrap().is_none(), "the sign-in has ended all the same");
    }

    /// A user with such a name could otherwise end links and revocations.
    #[tokio::test]
    async fn subjects_of_other_records_cannot_sign_in() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let reserved = auth_core::Principal::new("\u{1}revocations/1");
        let options = auth_core::SignInOptions::new(reserved);
        let new = NewSignIn::of(SecretKind::Cookie, &options, None).unwrap();
        let refused = manager.issue(&new).await.map(|issued| issued.id()).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::Serialization);
        manager.revocations().revoke_session(ISSUER, "s").await.unwrap();
        for number in 0..1024 {
            let subject = format!("\u{1}revocations/{number}");
            assert_eq!(manager.revoke(&subject, auth_core::Revoke::All).await.unwrap(), 0);
        }
        let token = RevocableToken::new(ISSUER, "alice", None).session(ISSUER, "s");
        let now = manager.settings.clock.now();
        assert!(manager.revocations().is_revoked(&token, now).await.unwrap());
    }
}
