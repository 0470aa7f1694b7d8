//! Starting, refreshing, listing and ending sign-ins: what all backends have in common.
//!
//! [`SignInManager`] has one file per theme: `sign_in`, `acting`, `events`, `refresh`, `authenticate`, `request` (what
//! one request does to the sign-ins that it names), `provider_sessions` (sign-ins that an identity provider ends),
//! `sweeper`, `update_data`, `user_check` and `wait_for_end`.

mod acting;
mod asking_again;
mod authenticate;
mod background;
mod contention;
mod events;
mod new_sign_in;
mod provider_sessions;
mod recent_rotations;
mod refresh;
mod request;
mod roll_back;
mod sign_in;
mod sign_in_manager;
mod sweeper;
mod update_data;
mod user_check;
mod wait_for_end;

pub(crate) use asking_again::AskingAgain;
pub use authenticate::{PresentedSecret, StoredCredential};
pub(crate) use contention::{Backoff, KeyedLocks};
pub(crate) use events::EventHandler;
pub use events::SignInEvent;
pub use new_sign_in::{IssuedSecret, NewSignIn, SecondarySignIn};
pub use refresh::RefreshError;
pub use request::{SignInCookies, SignInRequest};
pub use sign_in_manager::{SignInManager, SignInSettings};
pub(crate) use update_data::{PendingChanges, Retry};
pub use user_check::{UserCheck, UserChecks};
