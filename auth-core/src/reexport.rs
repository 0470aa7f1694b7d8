//! What applications use of this crate, which the backends re-export: an application depends on its backend
//! alone. Authors of backends and authenticators use the crate itself.

/// Re-exports what applications use of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! reexport {
    () => {
        #[doc(inline)]
        pub use $crate::{
            AnyOf, Auth, AuthContext, AuthError, AuthErrorKind, AuthLayer, AuthenticationInfo,
            Authenticator, BoxError, Claims, Clock, ConfigError, CookieBuilder, CookiePolicy,
            CrossOriginError, CrossOriginProtection, EndReason, Identity, InvalidCookie,
            InvalidLifetime, InvalidOrigin, InvalidReturnPath, InvalidSignInId, Lifetime,
            LoginRedirect, ManualClock, Outcome, Persistence, Principal, ProviderSession,
            Reauthenticate, Refresh, RefreshTokenDelivery, Refusal, Rejection, RejectionReason,
            RequestOrigin, Require, ReturnPath, Revoke, SameSite, SignIn, SignInId, SignInInfo,
            SignedIn, StoredSignIns, Timestamp, TokenError, TokenResponse, Transport, any_of,
        };
        #[cfg(feature = "axum")]
        #[doc(inline)]
        pub use $crate::{Permitted, Requirement};
    };
}
