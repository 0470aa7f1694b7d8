//! Starting, refreshing and ending sign-ins: what the backends have in common.

mod background;
mod data;
mod issued;
mod lines;
mod manage;
mod moved;
mod refresh;
mod settings;
mod sign_in;

pub use issued::Issued;
pub use manage::SignInManager;
pub use refresh::RefreshError;
pub use settings::Settings;
pub use sign_in::NewSignIn;
