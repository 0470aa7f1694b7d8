//! [`RemoteIssuers`]: a rule that states which issuers are trusted, and the keys of those that were admitted.
//!
//! The issuer in a token is read before the token is verified. Therefore, the rule decides before anything is
//! fetched, and issuers whose keys have not verified a token yet never displace those whose keys have.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::Mutex;

use super::builder::{RemoteKeysBuilder, SharedClient};
use super::error::{FetchError, FetchErrorKind};
use super::handle::RemoteKeys;
use crate::validation::IssuerTemplate;

/// The maximum number of issuers whose keys have not verified a token yet, and of those that are admitted in
/// each interval.
const MAX_NEW: usize = 10;
const INTERVAL: Duration = Duration::from_secs(10);

/// Trusts the issuers that a rule accepts, each with its own keys: for example, the tenants of a provider.
///
/// Pass it to [`JwtAuth::new`](crate::JwtAuth::new) or
/// [`JwtAuth::trusted_issuer`](crate::JwtAuth::trusted_issuer). If the issuers share their keys, use
/// [`Validation::issuer_template`](crate::Validation::issuer_template) with the common set instead.
///
/// Nothing is fetched for an issuer that the rule refuses. The keys of an issuer are fetched at its first
/// token, and later as [`RemoteKeys`] describes. At most ten new issuers are admitted in ten seconds, because
/// anyone can write a name into a token. Tokens of other new issuers get 503.
///
/// At most [`max_issuers`](Self::max_issuers) whose keys have verified a token are remembered. If there are
/// more, the one whose keys last verified a token the longest time ago is forgotten; tokens from the cache of
/// verified tokens do not count. In addition, at most ten are remembered whose keys have not verified a token
/// yet.
///
/// ```
/// use auth_jwt::{JwtAuth, RemoteIssuers};
///
/// let tenants = RemoteIssuers::template("https://{tenant}.login.example");
/// let auth = JwtAuth::new(tenants).audience("shop");
/// ```
#[derive(Clone)]
#[must_use]
pub struct RemoteIssuers {
    template: Option<IssuerTemplate>,
    resolve: Arc<Resolve>,
    max_issuers: usize,
    members: Arc<Members>,
}

type Resolve = dyn Fn(&str) -> Option<RemoteKeysBuilder> + Send + Sync;

/// The issuers that were admitted.
#[derive(Default)]
struct Members {
    table: Mutex<Table>,
    /// The default client, which all of them share.
    client: OnceLock<SharedClient>,
    generation: Arc<AtomicU64>,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<Arc<str>, Member>,
    /// When the last interval began, and how many issuers were admitted in it.
    interval: (Duration, usize),
    /// The number of issuers that were ever admitted.
    admitted: u64,
}

struct Member {
    keys: RemoteKeys,
    number: u64,
    /// When its keys last verified a token that was not cached.
    verified_at: Option<Timestamp>,
}

impl RemoteIssuers {
    /// Trusts the issuers whose names match this template, with the keys that their discovery documents name.
    ///
    /// A placeholder such as `{tenant}` stands for 1 to 128 ASCII letters, digits, `-`, `_`, `~` and dots. The
    /// first of these must not be a dot.
    ///
    /// # Panics
    ///
    /// Panics unless the template has exactly one placeholder, either in the path or in front of a domain with
    /// at least two labels, as in `https://{tenant}.login.example`. Otherwise, a token could choose where keys
    /// are fetched from.
    pub fn template(template: impl Into<Arc<str>>) -> Self {
        let text = template.into();
        let template = IssuerTemplate::parse(Arc::clone(&text)).filter(has_fixed_host);
        let template = template.unwrap_or_else(|| {
            panic!("the issuer template `{text}` must have one placeholder, and a fixed domain")
        });
        let of_rule = template.clone();
        let resolve =
            move |issuer: &str| of_rule.matches(issuer).then(|| RemoteKeys::discover(issuer));
        Self { template: Some(template), ..Self::resolver(resolve) }
    }

    /// Trusts the issuers for which this function returns keys. It gets the `iss` of tokens that are not
    /// verified yet, so it must decide by its own list, and not send a request to that issuer.
    ///
    /// ```
    /// use auth_jwt::{JwtAuth, RemoteIssuers, RemoteKeys};
    ///
    /// let partners = ["https://login.one.example", "https://login.two.example"];
    /// let issuers = RemoteIssuers::resolver(move |issuer| {
    ///     partners.contains(&issuer).then(|| RemoteKeys::discover(issuer))
    /// });
    /// let auth = JwtAuth::new(issuers).audience("shop");
    /// ```
    pub fn resolver<F>(resolve: F) -> Self
    where
        F: Fn(&str) -> Option<RemoteKeysBuilder> + Send + Sync + 'static,
    {
        Self {
            template: None,
            resolve: Arc::new(resolve),
            max_issuers: 100,
            members: Arc::default(),
        }
    }

    /// Sets the options of the keys of every issuer, with a function that changes a builder.
    pub fn configure<F>(mut self, options: F) -> Self
    where
        F: Fn(RemoteKeysBuilder) -> RemoteKeysBuilder + Send + Sync + 'static,
    {
        let resolve = self.resolve;
        self.resolve = Arc::new(move |issuer| resolve(issuer).map(&options));
        self
    }

    /// Sets how many issuers are remembered whose keys have verified a token. Defaults to 100.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    pub fn max_issuers(mut self, count: usize) -> Self {
        assert!(count > 0, "`max_issuers` must be at least 1");
        self.max_issuers = count;
        self
    }

    /// Returns the keys of an issuer that is remembered, for their [status](RemoteKeys::status).
    #[must_use]
    pub fn keys(&self, issuer: &str) -> Option<RemoteKeys> {
        self.members.table.lock().by_name.get(issuer).map(|member| member.keys.clone())
    }

    pub(crate) fn issuer_template(&self) -> Option<&IssuerTemplate> {
        self.template.as_ref()
    }

    /// Returns whether the rule accepts this issuer.
    pub(crate) fn accepts(&self, issuer: &str) -> bool {
        (self.resolve)(issuer).is_some()
    }

    /// Returns a number that changes whenever the keys of an issuer are replaced.
    pub(crate) fn generation(&self) -> u64 {
        self.members.generation.load(Ordering::Acquire)
    }

    /// Returns the keys of an issuer, which is remembered from now on, or `None` if the rule refuses it.
    ///
    /// # Errors
    ///
    /// Returns an error if too many new issuers were named just now, or if the options are wrong.
    pub(crate) fn admit(
        &self,
        issuer: &str,
        clock: &Clock,
    ) -> Result<Option<RemoteKeys>, FetchError> {
        let Some(builder) = (self.resolve)(issuer) else { return Ok(None) };
        let mut table = self.members.table.lock();
        if let Some(member) = table.by_name.get(issuer) {
            return Ok(Some(member.keys.clone()));
        }
        if !table.begins_another(clock.monotonic()) {
            let text = "too many new issuers were named just now";
            return Err(FetchError::new(FetchErrorKind::Request, text));
        }
        let shared = &self.members.client;
        let keys = builder.shared_client(shared).of_rule(&self.members.generation).build();
        let keys = keys.map_err(|error| {
            tracing::error!(%error, "invalid options for the keys of an issuer");
            FetchError::with_source(FetchErrorKind::Request, "the options are wrong", error)
        })?;
        keys.set_clock(clock);
        let new = table.by_name.iter().filter(|(_, member)| member.verified_at.is_none());
        if new.clone().count() >= MAX_NEW {
            let oldest =
                new.min_by_key(|(_, member)| member.number).map(|(name, _)| Arc::clone(name));
            table.forget(oldest);
        }
        table.admitted += 1;
        let member = Member { keys: keys.clone(), number: table.admitted, verified_at: None };
        table.by_name.insert(issuer.into(), member);
        Ok(Some(keys))
    }

    /// Remembers that the keys of this issuer verified a token.
    pub(crate) fn verified(&self, issuer: &str, now: Timestamp) {
        let mut table = self.members.table.lock();
        let Some(member) = table.by_name.get_mut(issuer) else { return };
        let is_first = member.verified_at.replace(now).is_none();
        if is_first {
            member.keys.set_verified();
        }
        let used = |(name, member): (&Arc<str>, &Member)| {
            member.verified_at.map(|at| (at, member.number, Arc::clone(name)))
        };
        if is_first && table.by_name.iter().filter_map(used).count() > self.max_issuers {
            let others = table.by_name.iter().filter_map(used).filter(|it| *it.2 != *issuer);
            let oldest = others.min().map(|(_, _, name)| name);
            table.forget(oldest);
        }
    }
}

impl Table {
    /// Returns whether another issuer may be admitted now, and counts it.
    fn begins_another(&mut self, now: Duration) -> bool {
        let (began, count) = &mut self.interval;
        if *count == 0 || now >= began.saturating_add(INTERVAL) {
            (*began, *count) = (now, 0);
        }
        *count += 1;
        *count <= MAX_NEW
    }

    /// Forgets an issuer. Its keys end, because nothing would notice that it withdraws them.
    fn forget(&mut self, issuer: Option<Arc<str>>) {
        if let Some(member) = issuer.and_then(|issuer| self.by_name.remove(&issuer)) {
            member.keys.end();
        }
    }
}

/// Returns whether the placeholder cannot change the domain: it is in the path, or a label in front
/// of a domain with two labels or more.
fn has_fixed_host(template: &IssuerTemplate) -> bool {
    let (before, after) = template.parts();
    let Some((_, authority)) = before.split_once("://") else { return false };
    authority.contains('/')
        || after.strip_prefix('.').is_some_and(|domain| {
            let domain = domain.split(['/', ':', '?', '#', '@']).next().unwrap_or_default();
            domain.trim_matches('.').contains('.') && !after.contains('@')
        })
}

impl fmt::Debug for RemoteIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteIssuers").field("template", &self.template).finish_non_exhaustive()
    }
}
