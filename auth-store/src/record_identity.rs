//! The identity that a record proves.

use std::sync::Arc;

use auth_core::{AuthenticationInfo, Identity, IdentitySource, Principal, SignInId, Verified};
use serde::de::DeserializeOwned;

use crate::codec;
use crate::record::Record;

impl Record {
    /// The identity that a record proves, none while anonymous. It is decoded once; afterwards it
    /// shares the record, and nothing of it is read before somebody asks.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn identity<C>(self: &Arc<Self>) -> Result<Option<Identity<C>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if self.remembers::<C>() {
            return Ok(Some(Identity::shared(Arc::clone(self) as _)));
        }
        Ok(self.verified()?.map(Identity::from))
    }

    /// What the identity says, which outlives the record. It is decoded once.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn verified<C>(&self) -> Result<Option<Arc<Verified<C>>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(known) = self.identity.get()
            && let Ok(known) = Arc::clone(known).downcast()
        {
            return Ok(Some(known));
        }
        let Some(subject) = &self.subject else { return Ok(None) };
        // Under two claims types at once, the first is remembered and the second decoded each time.
        let verified = Arc::new(self.decode::<C>(subject)?);
        let _ = self.identity.set(Arc::clone(&verified) as _);
        Ok(Some(verified))
    }

    fn remembers<C: 'static>(&self) -> bool {
        self.identity.get().is_some_and(|known| known.is::<Verified<C>>())
    }

    fn known<C: 'static>(&self) -> &Verified<C> {
        let known = self.identity.get().and_then(|known| known.downcast_ref());
        known.expect("decoded before it was shared")
    }

    /// Who it is, decoded for whoever changes it; none while anonymous.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn to_principal<C>(&self) -> Result<Option<Principal<C>>, serde_json::Error>
    where
        C: DeserializeOwned,
    {
        self.subject.as_ref().map(|subject| self.decode_principal(subject)).transpose()
    }

    fn decode_principal<C: DeserializeOwned>(
        &self,
        subject: &Arc<str>,
    ) -> Result<Principal<C>, serde_json::Error> {
        let (roles, claims) = codec::decode(&self.principal)?;
        let mut principal = Principal::new(Arc::clone(subject)).claims(claims);
        principal.roles = roles;
        if let Some(details) = &self.details {
            principal.scopes.clone_from(&details.scopes);
            principal.acr.clone_from(&details.acr);
            principal.amr.clone_from(&details.amr);
        }
        Ok(principal)
    }

    fn decode<C: DeserializeOwned>(
        &self,
        subject: &Arc<str>,
    ) -> Result<Verified<C>, serde_json::Error> {
        let principal = self.decode_principal(subject)?;
        let authentication =
            AuthenticationInfo::new(self.kind.scheme(), self.authenticated_at).sign_in(self.sid);
        Ok(Verified::new(principal, authentication.expires_at(self.limits.ends_at)))
    }
}

/// For records whose identity was decoded for these claims: [`Record::identity`] shares no other.
impl<C: Send + Sync + 'static> IdentitySource<C> for Record {
    fn principal(&self) -> &Principal<C> {
        self.known().principal()
    }

    fn authentication(&self) -> &AuthenticationInfo {
        self.known::<C>().authentication()
    }

    fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or_default()
    }

    fn sign_in(&self) -> Option<SignInId> {
        Some(self.sid)
    }
}
