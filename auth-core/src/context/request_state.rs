//! The state of a request: how its credential was found, for which sign-in it acts, and what its
//! response will carry.
//!
//! Handlers and backends write it, the layer reads it before the response leaves. The writable part is
//! allocated on first use, so a request that only reads its identity pays nothing for it.

use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use parking_lot::Mutex;

use super::auth_context::AuthContext;
use super::response_effects::ResponseEffects;
use super::sign_in_context::RequestSnapshot;
use crate::cross_origin::{CrossOriginError, CrossOriginProtection};
use crate::error::{AuthError, AuthErrorKind};
use crate::future::AuthFuture;
use crate::head::RequestCookie;
use crate::sign_in_id::SignInId;

/// How a request carries a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// The client attaches it on purpose: a token in an `Authorization` header, or an API key in a header
    /// of its own.
    Explicit,
    /// The browser attaches it automatically, even to requests that another site makes: a cookie,
    /// or a password that the browser remembers. The layer checks the origin of such requests, see
    /// [`CrossOriginProtection`].
    Ambient,
}

/// The path to the member of an [`AnyOf`](crate::AnyOf) that found the credential, at any depth of
/// nesting. Other authenticators ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberPath(usize);

impl MemberPath {
    /// Returns the path that leads to the member at `index` of `count`, and from there along `self`.
    pub(crate) fn within(self, index: usize, count: usize) -> Self {
        Self(self.0 * count + index)
    }

    /// Undoes [`within`](Self::within).
    pub(crate) fn split(self, count: usize) -> (usize, Self) {
        (self.0 % count, Self(self.0 / count))
    }
}

/// How the credential that decided was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundCredential {
    pub(crate) transport: Transport,
    pub(crate) member: MemberPath,
}

/// The part of a request's context that handlers and backends change. See
/// [`SignInContext::state`](crate::SignInContext::state).
#[derive(Debug)]
pub struct RequestState {
    found: Option<FoundCredential>,
    /// The sign-in of the credential that decided.
    sign_in: Option<SignInId>,
    /// In an operation, the sign-in at its beginning, if the request had changed it before.
    changed_before: Option<Box<ActiveSignIn>>,
    request: Option<Box<RequestSnapshot>>,
    /// What became of the response's head: [`OPEN`], [`SENT`] or [`LOST`].
    head: AtomicU8,
    changes: OnceLock<Box<Changes>>,
}

/// The response's head has not been sent.
const OPEN: u8 = 0;
/// The response's head has been sent.
const SENT: u8 = 1;
/// The response's head will never be sent.
const LOST: u8 = 2;

/// The credential that a refresh has issued, in a form that the backend knows.
type Refreshed = Arc<dyn Any + Send + Sync>;

#[derive(Debug)]
struct Changes {
    sign_in: Mutex<ActiveSignIn>,
    /// Boxed because few requests have one.
    delivery: Mutex<Option<Box<Delivery>>>,
    hook: OnceLock<Arc<dyn ResponseHook>>,
    /// The request whose credential is delivered again, if that is due. Boxed because it is large and rare.
    renewal: OnceLock<Box<RequestSnapshot>>,
    /// Whether the pending changes of a hook were discarded.
    discarded: AtomicBool,
}

/// What the response's head carries, and what is rolled back if it carries nothing. Both are behind one lock,
/// so that a sign-in is either delivered or rolled back.
#[derive(Debug, Default)]
struct Delivery {
    effects: ResponseEffects,
    undelivered: Undelivered,
}

/// The sign-in for which a request acts.
#[derive(Clone, Debug, Default)]
struct ActiveSignIn {
    id: Option<SignInId>,
    /// Whether this request started it.
    is_new: bool,
    /// The credential that replaced that of the request.
    refreshed: Option<Refreshed>,
    /// The member of a combination that started or refreshed it in this request.
    member: Option<MemberPath>,
}

impl ActiveSignIn {
    /// Returns the sign-in of the credential that decided.
    fn of(id: Option<SignInId>) -> Self {
        Self { id, ..Self::default() }
    }
}

/// What takes back the sign-ins whose credentials have not reached the client, oldest first.
#[derive(Default)]
struct Undelivered(Vec<Box<dyn FnOnce() + Send>>);

impl Undelivered {
    /// Rolls the sign-ins back, the latest first.
    fn roll_back(self) {
        self.0.into_iter().rev().for_each(|roll_back| roll_back());
    }
}

impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Undelivered").field(&self.0.len()).finish()
    }
}

/// A hook that runs before the response is sent. Code that keeps state for a request installs one on
/// first use ([`RequestState::hook_or_init`]), so that other requests pay nothing.
pub trait ResponseHook: Any + Send + Sync + fmt::Debug {
    /// Does what has to precede the response, such as saving a session. If it fails, the client
    /// receives a refusal instead of the response.
    fn before_response(self: Arc<Self>, context: &AuthContext)
    -> AuthFuture<Result<(), AuthError>>;

    /// Discards pending changes. They belong to a sign-in for which the request no longer acts.
    fn discard(&self);
}

impl RequestState {
    /// Creates the state of a request whose credential has this transport and belongs to this sign-in. This
    /// is for the tests of a backend; otherwise, the layer creates the state of each request.
    #[must_use]
    pub fn new(transport: Option<Transport>, sign_in: Option<SignInId>) -> Self {
        let found = |transport| FoundCredential { transport, member: MemberPath::default() };
        Self::of_request(transport.map(found), sign_in, None)
    }

    pub(crate) fn of_request(
        found: Option<FoundCredential>,
        sign_in: Option<SignInId>,
        request: Option<Box<RequestSnapshot>>,
    ) -> Self {
        let (head, changes) = (AtomicU8::new(OPEN), OnceLock::new());
        Self { found, sign_in, changed_before: None, request, head, changes }
    }

    /// Returns a state for one operation of this request. What the operation changes there takes
    /// effect when it is [committed](Self::commit). If it is dropped instead, what the operation
    /// started is rolled back.
    #[must_use]
    pub fn operation(&self) -> Self {
        let active = self.active(|active| ActiveSignIn { member: None, ..active.clone() });
        Self {
            found: self.found,
            sign_in: active.id,
            changed_before: Some(Box::new(active)),
            request: None,
            head: AtomicU8::new(self.head.load(Ordering::SeqCst)),
            changes: OnceLock::new(),
        }
    }

    /// Returns a state for one operation that leaves the sign-in of this request as it is. To be
    /// [committed as an addition](Self::commit_addition).
    pub(crate) fn addition(&self) -> Self {
        let mut addition = self.operation();
        (addition.sign_in, addition.changed_before) = (None, None);
        addition
    }

    /// Merges the changes of an operation into this state.
    ///
    /// # Errors
    ///
    /// Returns [`Closed`](AuthErrorKind::Closed) if the response can no longer carry the credential that the
    /// operation issued. What the operation started is rolled back.
    pub fn commit(&self, mut operation: Self) -> Result<(), AuthError> {
        self.take_delivery(&mut operation)?;
        let Some(done) = operation.changes.get_mut() else { return Ok(()) };
        if *done.discarded.get_mut() {
            self.discard();
        }
        *self.changes().sign_in.lock() = mem::take(done.sign_in.get_mut());
        Ok(())
    }

    /// Takes over what an operation delivers. The request goes on acting for the same sign-in.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`commit`](Self::commit).
    pub(crate) fn commit_addition(&self, mut addition: Self) -> Result<(), AuthError> {
        self.take_delivery(&mut addition)
    }

    fn take_delivery(&self, operation: &mut Self) -> Result<(), AuthError> {
        let Some(done) = operation.changes.get_mut() else { return Ok(()) };
        let changes = self.changes();
        fence(Ordering::SeqCst); // see `end`
        {
            let mut delivery = changes.delivery.lock();
            let done = done.delivery.get_mut().get_or_insert_default();
            match self.head.load(Ordering::SeqCst) {
                OPEN => {
                    let delivery = delivery.get_or_insert_default();
                    delivery.effects.add(mem::take(&mut done.effects));
                    delivery.undelivered.0.append(&mut done.undelivered.0);
                }
                // Dropping the operation rolls it back.
                SENT if done.effects.sets_cookie() => return Err(closed()),
                // The handler has the credential: it is in no cookie.
                SENT => done.undelivered.0.clear(),
                _ if done.effects.sets_cookie() || !done.undelivered.0.is_empty() => {
                    return Err(closed());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Records what became of the response's head, and returns the changes if there are any.
    ///
    /// A concurrent [`commit`](Self::commit) first adds its changes and then reads the head; here it is the
    /// other way round. With the fences, one of the two sees what the other has written.
    fn end(&self, head: u8) -> Option<&Changes> {
        self.head.store(head, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.changes.get().map(|changes| &**changes)
    }

    /// Records that the response's head is sent, and writes what it carries. Sign-ins whose
    /// credentials it carries are delivered, and not rolled back. The layer calls it for each response.
    pub fn deliver(&self, headers: &mut HeaderMap) {
        if let Some(changes) = self.end(SENT)
            && let Some(delivery) = &mut *changes.delivery.lock()
        {
            delivery.effects.write(headers);
            delivery.undelivered.0.clear();
        }
    }

    /// Rolls back the sign-ins whose credentials the client does not get, and drops what the response
    /// would have carried.
    pub(crate) fn roll_back(&self) {
        let Some(changes) = self.changes.get() else { return };
        let lost = changes.delivery.lock().take();
        lost.into_iter().for_each(|lost| lost.undelivered.roll_back());
    }

    /// Rolls back if the response has not been sent, which it never will be.
    #[inline]
    pub(crate) fn abandon(&self) {
        if !self.is_closed() {
            self.end(LOST);
            self.roll_back();
        }
    }

    /// Returns whether a credential in the response's body would be lost with the body.
    pub(crate) fn has_credential_in_body(&self) -> bool {
        let Some(changes) = self.changes.get() else { return false };
        let delivery = changes.delivery.lock();
        delivery.as_ref().is_some_and(|delivery| delivery.effects.has_credential_in_body())
    }

    /// Returns whether the response's head has been sent or never will be. In both cases, a cookie no longer
    /// reaches the client.
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.head.load(Ordering::Relaxed) != OPEN
    }

    /// Checks that the response can still carry a cookie.
    ///
    /// # Errors
    ///
    /// Returns [`Closed`](AuthErrorKind::Closed) if its head has been sent or never will be.
    pub fn check_open(&self) -> Result<(), AuthError> {
        if self.is_closed() { Err(closed()) } else { Ok(()) }
    }

    /// Checks whether the response may set a visitor's cookie. Browsers omit a user's `SameSite` cookies from
    /// a request that another site makes, and a visitor's cookie in the response would replace them.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOriginError`] if an unsafe request comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossOriginProtection) -> Result<(), CrossOriginError> {
        self.request.as_ref().map_or(Ok(()), |request| request.check_origin(policy))
    }

    /// Returns the cookie of this name, if the layer rejected the request's cookie under `.optional()`.
    /// Otherwise, returns [`RequestCookie::Absent`].
    #[must_use]
    pub fn rejected_cookie(&self, name: &str) -> RequestCookie<'_> {
        self.request.as_ref().map_or(RequestCookie::Absent, |request| request.cookie(name))
    }

    fn change_delivery(&self, change: impl FnOnce(&mut Delivery)) {
        change(self.changes().delivery.lock().get_or_insert_default());
    }

    fn changes(&self) -> &Changes {
        self.changes.get_or_init(|| {
            Box::new(Changes {
                sign_in: Mutex::new(match &self.changed_before {
                    Some(changed) => ActiveSignIn::clone(changed),
                    None => ActiveSignIn::of(self.sign_in),
                }),
                delivery: Mutex::new(None),
                hook: OnceLock::new(),
                renewal: OnceLock::new(),
                discarded: AtomicBool::new(false),
            })
        })
    }

    fn active<T>(&self, read: impl FnOnce(&ActiveSignIn) -> T) -> T {
        match (self.changes.get(), &self.changed_before) {
            (Some(changes), _) => read(&changes.sign_in.lock()),
            (None, Some(changed)) => read(changed),
            (None, None) => read(&ActiveSignIn::of(self.sign_in)),
        }
    }

    /// Returns the transport of the credential that decided, or `None` if the request carries none.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Some(self.found?.transport)
    }

    /// Returns which member of a combination found the credential that decided.
    pub(crate) fn member(&self) -> Option<MemberPath> {
        self.found.map(|found| found.member)
    }

    /// Returns which member of a combination started or refreshed the active sign-in in this request.
    pub(crate) fn active_member(&self) -> Option<MemberPath> {
        self.active(|active| active.member)
    }

    /// Returns which member of a combination made the active sign-in or verified its credential. Returns `None`
    /// if there is no sign-in.
    pub(crate) fn owner(&self) -> Option<MemberPath> {
        self.active(|active| active.id.and(active.member.or(self.member())))
    }

    /// Records that this member started the active sign-in.
    pub(crate) fn done_by_member(&self, member: MemberPath) {
        self.changes().sign_in.lock().member = Some(member);
    }

    /// Records that the member at `index` of `count` started or refreshed the active sign-in.
    pub(crate) fn done_by(&self, index: usize, count: usize) {
        let mut active = self.changes().sign_in.lock();
        active.member = Some(active.member.unwrap_or_default().within(index, count));
    }

    /// Returns the stored sign-in for which the request acts: that of its credential, until the
    /// request changes it.
    #[must_use]
    pub fn sign_in(&self) -> Option<SignInId> {
        self.active(|active| active.id)
    }

    /// Returns the sign-in that this request started, if any. It is rolled back if the response
    /// cannot be sent.
    #[must_use]
    pub fn new_sign_in(&self) -> Option<SignInId> {
        self.active(|active| active.id.filter(|_| active.is_new))
    }

    fn set_sign_in(&self, id: Option<SignInId>, is_new: bool) {
        *self.changes().sign_in.lock() = ActiveSignIn { is_new, ..ActiveSignIn::of(id) };
    }

    /// Records that a backend started this sign-in. The request acts for it from now on.
    pub fn signed_in(&self, id: SignInId) {
        self.set_sign_in(Some(id), true);
    }

    /// Makes the request act for this existing sign-in from now on.
    pub fn switch_to(&self, id: SignInId) {
        if self.sign_in() != Some(id) {
            self.discard();
            self.set_sign_in(Some(id), false);
        }
    }

    /// Records that the sign-in has ended. The request acts for no sign-in from now on.
    pub fn signed_out(&self) {
        self.discard();
        self.set_sign_in(None, false);
    }

    /// Keeps the credential that a refresh has issued for the sign-in for which the request acts.
    ///
    /// The backend uses it instead of the request's own credential, which it has replaced, for everything that
    /// the request does later.
    pub fn set_refreshed(&self, credential: Arc<dyn Any + Send + Sync>) {
        self.changes().sign_in.lock().refreshed = Some(credential);
    }

    /// Returns the credential that a refresh in this request has issued, if the request still acts for the
    /// same sign-in.
    #[must_use]
    pub fn refreshed(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.active(|active| active.refreshed.clone())
    }

    /// Runs `roll_back` unless the credential that is about to be issued reaches the client: if the
    /// operation fails or is cancelled, or if the response is never sent. Call it before the change in
    /// the store, which may take effect without an answer.
    ///
    /// `roll_back` must not block. It starts what takes longer in the background.
    pub fn roll_back_unless_delivered(&self, roll_back: impl FnOnce() + Send + 'static) {
        self.change_delivery(|delivery| delivery.undelivered.0.push(Box::new(roll_back)));
    }

    /// Drops the last `roll_back`, because its change did not happen.
    pub fn nothing_to_roll_back(&self) {
        self.change_delivery(|delivery| drop(delivery.undelivered.0.pop()));
    }

    /// Discards the pending changes to the sign-in for which the request acted.
    pub fn discard(&self) {
        match self.hook() {
            Some(hook) => hook.discard(),
            None => self.changes().discarded.store(true, Ordering::Relaxed),
        }
    }

    /// Changes what the response will carry.
    pub fn effects(&self, change: impl FnOnce(&mut ResponseEffects)) {
        self.change_delivery(|delivery| change(&mut delivery.effects));
    }

    /// Returns the response hook. The first caller creates it.
    pub fn hook_or_init(
        &self,
        new: impl FnOnce() -> Arc<dyn ResponseHook>,
    ) -> &Arc<dyn ResponseHook> {
        self.changes().hook.get_or_init(new)
    }

    /// Lets the layer deliver the credential of this request again, before the response.
    pub(crate) fn renew_before_response(&self, request: RequestSnapshot) {
        let _ = self.changes().renewal.set(Box::new(request)); // set once, by the layer
    }

    pub(crate) fn renewal(&self) -> Option<&RequestSnapshot> {
        self.changes.get()?.renewal.get().map(|request| &**request)
    }

    /// Returns the response hook, if there is one.
    #[must_use]
    pub fn hook(&self) -> Option<&Arc<dyn ResponseHook>> {
        self.changes.get()?.hook.get()
    }
}

/// What an operation started is rolled back if it is not committed.
impl Drop for RequestState {
    fn drop(&mut self) {
        let Some(changes) = self.changes.get_mut() else { return };
        let lost = changes.delivery.get_mut().take();
        lost.into_iter().for_each(|lost| lost.undelivered.roll_back());
    }
}

fn closed() -> AuthError {
    AuthError::new(AuthErrorKind::Closed, "no response can carry the cookie any more")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::cookie::CookieBuilder;

    /// Does something when the changes of the request are discarded, which is in the middle of a commit.
    struct WhenDiscarded(Box<dyn Fn() + Send + Sync>);

    crate::redacted_debug!(WhenDiscarded {});

    impl ResponseHook for WhenDiscarded {
        fn before_response(self: Arc<Self>, _: &AuthContext) -> AuthFuture<Result<(), AuthError>> {
            Ok(()).into()
        }
        fn discard(&self) {
            (self.0)();
        }
    }

    /// Commits a sign-in while `meanwhile` happens. Returns whether it was rolled back, and whether the
    /// response carries its cookie.
    fn committed_while(meanwhile: fn(&RequestState) -> HeaderMap) -> (bool, bool) {
        let state = Arc::new(RequestState::new(None, None));
        let (headers, rolled_back) = (Arc::<Mutex<HeaderMap>>::default(), Arc::default());
        let (of_hook, sent) = (Arc::downgrade(&state), Arc::clone(&headers));
        state.hook_or_init(|| {
            Arc::new(WhenDiscarded(Box::new(move || {
                *sent.lock() = meanwhile(&of_hook.upgrade().expect("it is in use"));
            })))
        });
        let operation = state.operation();
        operation.discard();
        starts_sign_in(&operation, &rolled_back);
        let _ = state.commit(operation);
        drop(state);
        let is_delivered = headers.lock().contains_key("set-cookie");
        (rolled_back.load(Ordering::SeqCst), is_delivered)
    }

    fn starts_sign_in(operation: &RequestState, rolled_back: &Arc<AtomicBool>) {
        let rolled_back = Arc::clone(rolled_back);
        operation.roll_back_unless_delivered(move || rolled_back.store(true, Ordering::SeqCst));
        let policy = CookieBuilder::new("a").build().expect("it is valid");
        operation.effects(|effects| effects.set_cookie(&policy, HeaderValue::from_static("a=1")));
    }

    /// Regression: a sign-in that was committed while the client hung up was neither.
    #[test]
    fn sec_93_a_sign_in_is_either_delivered_or_rolled_back() {
        let hangs_up = |state: &RequestState| {
            state.abandon();
            HeaderMap::new()
        };
        assert_eq!(committed_while(hangs_up), (true, false), "the client hangs up");
        let sends = |state: &RequestState| {
            let mut headers = HeaderMap::new();
            state.deliver(&mut headers);
            headers
        };
        assert_eq!(committed_while(sends), (false, true), "the response is sent");
        let refuses = |state: &RequestState| {
            let mut headers = HeaderMap::new();
            state.roll_back();
            state.deliver(&mut headers);
            headers
        };
        assert_eq!(committed_while(refuses), (true, false), "a refusal replaces the response");
    }

    /// A sign-in by a named backend leaves the sign-in of another one.
    #[test]
    fn sec_93_an_addition_is_delivered_or_rolled_back_and_leaves_the_sign_in() {
        let [own, other] = [1, 2].map(|byte| SignInId::from_bytes([byte; 16]));
        for is_committed in [true, false] {
            let state = RequestState::new(Some(Transport::Ambient), Some(own));
            let (addition, rolled_back) = (state.addition(), Arc::default());
            assert_eq!(addition.sign_in(), None);
            starts_sign_in(&addition, &rolled_back);
            addition.signed_in(other);
            if is_committed {
                state.commit_addition(addition).expect("the response has not been sent");
            } else {
                drop(addition);
            }
            assert_eq!((state.sign_in(), state.new_sign_in()), (Some(own), None));
            let mut headers = HeaderMap::new();
            state.deliver(&mut headers);
            assert_eq!(headers.contains_key("set-cookie"), is_committed);
            assert_eq!(rolled_back.load(Ordering::SeqCst), !is_committed);
        }
    }

    /// A task of the handler signs in after the client has hung up, or after the head of a stream.
    #[test]
    fn sec_93_a_token_of_a_lost_response_is_rolled_back() {
        for (is_sent, kept) in [(true, true), (false, false)] {
            let state = RequestState::new(None, None);
            if is_sent {
                state.deliver(&mut HeaderMap::new());
            } else {
                state.abandon();
            }
            let (operation, rolled_back) = (state.operation(), Arc::new(AtomicBool::new(false)));
            let of_roll_back = Arc::clone(&rolled_back);
            operation
                .roll_back_unless_delivered(move || of_roll_back.store(true, Ordering::SeqCst));
            operation.effects(ResponseEffects::credential_in_body);
            assert_eq!(state.commit(operation).is_ok(), kept);
            assert_eq!(rolled_back.load(Ordering::SeqCst), !kept);
        }
    }

    #[test]
    fn a_member_path_is_split_at_any_depth() {
        for (outer, inner) in [(0, 0), (2, 1), (1, 3)] {
            let path = MemberPath::default().within(inner, 4).within(outer, 3);
            let (index, rest) = path.split(3);
            assert_eq!((index, rest.split(4).0), (outer, inner));
        }
    }
}
