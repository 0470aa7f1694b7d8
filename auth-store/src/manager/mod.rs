//! Starting, refreshing and ending sign-ins: what the backends have in common.

mod attempt;
mod background;
mod backoff;
mod data;
mod ended;
mod issued;
mod locks;
mod manage;
mod named;
mod new_sign_in;
mod recent_rotations;
mod refresh;
mod settings;
mod sign_in;
mod unsaved;

pub(crate) use attempt::Repeats;
pub use issued::IssuedSecret;
pub use manage::SignInManager;
pub use new_sign_in::{NewSignIn, SecondarySignIn};
pub use refresh::RefreshError;
pub use settings::SignInSettings;
pub(crate) use unsaved::PendingChanges;
