//! The bodies of requests and responses.

use std::time::Duration;

use auth_core::{Identity, ProviderSession, SignInId, Timestamp, Transport};
use serde::{Deserialize, Serialize};

/// The application's own claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
}

/// The body of `/login`. It has no password, because the tests are about what follows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    pub(crate) acr: Option<String>,
    pub(crate) token: bool,
    pub(crate) remember: Option<bool>,
    pub(crate) label: Option<String>,
    /// The name of the backend that signs in.
    pub(crate) backend: Option<String>,
    /// The idle timeout and the absolute timeout, in seconds.
    #[serde(default)]
    pub(crate) lifetime: Option<(Option<u64>, u64)>,
    /// When the user was authenticated, in seconds.
    #[serde(default)]
    pub(crate) authenticated_at: Option<u64>,
    /// What the check of the user compares.
    #[serde(default)]
    pub(crate) auth_hash: Option<String>,
    /// Leaves the sign-in pending until the second factor.
    #[serde(default)]
    pub(crate) pending: bool,
    /// Delivers the refresh token in the body instead of the backend's default.
    #[serde(default)]
    pub(crate) refresh_in_body: bool,
    /// The session at an identity provider.
    pub(crate) provider: Option<ProviderLogin>,
}

/// The session at an identity provider by which the user logs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProviderLogin {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) sid: Option<String>,
    /// In seconds.
    pub(crate) issued_at: u64,
}

impl From<ProviderLogin> for ProviderSession {
    fn from(login: ProviderLogin) -> Self {
        let ProviderLogin { issuer, subject, sid, issued_at } = login;
        let mut session = Self::new(issuer, subject, Timestamp::from_secs(issued_at));
        session.sid = sid.map(Into::into);
        session
    }
}

impl From<&str> for Login {
    fn from(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }
}

impl Login {
    pub(crate) fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    pub(crate) fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    pub(crate) fn acr(self, acr: &str) -> Self {
        Self { acr: Some(acr.to_owned()), ..self }
    }

    pub(crate) fn remember(self, remember: bool) -> Self {
        Self { remember: Some(remember), ..self }
    }

    pub(crate) fn label(self, label: &str) -> Self {
        Self { label: Some(label.to_owned()), ..self }
    }

    pub(crate) fn backend(self, name: &str) -> Self {
        Self { backend: Some(name.to_owned()), ..self }
    }

    pub(crate) fn lifetime(self, idle: Option<Duration>, absolute: Duration) -> Self {
        let lifetime = (idle.map(|idle| idle.as_secs()), absolute.as_secs());
        Self { lifetime: Some(lifetime), ..self }
    }

    pub(crate) fn authenticated_at(self, at: Timestamp) -> Self {
        Self { authenticated_at: Some(at.as_secs()), ..self }
    }

    pub(crate) fn auth_hash(self, hash: &str) -> Self {
        Self { auth_hash: Some(hash.to_owned()), ..self }
    }

    pub(crate) fn pending(self) -> Self {
        Self { pending: true, ..self }
    }

    pub(crate) fn refresh_in_body(self) -> Self {
        Self { refresh_in_body: true, ..self }
    }

    pub(crate) fn via(self, transport: Transport) -> Self {
        Self { token: transport == Transport::Explicit, ..self }
    }
}

/// The body of `/reauthenticate`: how the user was authenticated now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    /// When that was, in seconds.
    pub(crate) at: Option<u64>,
    /// What the check of the user compares from now on.
    #[serde(default)]
    pub(crate) auth_hash: Option<String>,
}

impl Confirmation {
    pub(crate) fn by(methods: &[&str]) -> Self {
        Self { amr: methods.iter().map(|method| (*method).to_owned()).collect(), ..Self::default() }
    }

    pub(crate) fn acr(self, acr: &str) -> Self {
        Self { acr: Some(acr.to_owned()), ..self }
    }
}

/// The body of `/refresh`, as in RFC 6749 section 6. Without a body, the request's own credential is
/// refreshed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Refresh {
    pub(crate) refresh_token: Option<String>,
    /// The requested scopes, separated by spaces.
    pub(crate) scope: Option<String>,
}

impl Refresh {
    pub(crate) fn token(token: &str) -> Self {
        Self { refresh_token: Some(token.to_owned()), ..Self::default() }
    }

    pub(crate) fn scope(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }
}

/// The response of `/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Me {
    pub(crate) subject: String,
    pub(crate) local_subject: Option<String>,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    pub(crate) actor: Option<String>,
    pub(crate) sign_in: Option<SignInId>,
    pub(crate) authenticated_at: Option<u64>,
    pub(crate) expires_at: u64,
}

impl From<&Identity<User>> for Me {
    fn from(identity: &Identity<User>) -> Self {
        Self {
            subject: identity.subject().to_owned(),
            local_subject: identity.local_subject().map(str::to_owned),
            name: identity.claims().name.clone(),
            roles: identity.roles().map(str::to_owned).collect(),
            acr: identity.principal().acr.as_deref().map(str::to_owned),
            amr: identity.principal().amr.iter().map(|method| (**method).to_owned()).collect(),
            actor: identity.actor().map(str::to_owned),
            sign_in: identity.sign_in(),
            authenticated_at: identity.authenticated_at().map(Timestamp::as_secs),
            expires_at: identity.expires_at().as_secs(),
        }
    }
}

/// An entry of `/devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceEntry {
    pub(crate) id: SignInId,
    pub(crate) current: bool,
    pub(crate) label: Option<String>,
    /// Who acts for the user in it.
    pub(crate) actor: Option<String>,
    pub(crate) last_seen_at: u64,
}
