//! The staff of the shop: an administration program, which has only the store.

use std::sync::Arc;

use auth_session::SessionAuth;
use examples::users::User;

use super::history::{Change, Span};
use super::recorder::Recorder;

/// Changes roles in the store. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Staff(Arc<SessionAuth<User>>);

impl Staff {
    /// Connects to the store at this URL.
    pub(crate) async fn connect(store: &str) -> Self {
        let store = auth_store::connect(store).await.unwrap();
        Self(Arc::new(SessionAuth::new(store).claims::<User>()))
    }

    /// Makes a customer an admin or a buyer, and returns whether the store acknowledged it.
    pub(super) async fn change(&self, recorder: &Recorder, customer: u32, admin: bool) -> bool {
        let roles: &[&str] = if admin { &["buyer", "admin"] } else { &["buyer"] };
        let (subject, claims) = (format!("customer{customer}"), User::named("Customer"));
        let sent = recorder.now();
        let acknowledged = self.0.update_claims(&subject, roles, &claims).await.is_ok();
        recorder.change(Change {
            customer,
            admin,
            time: Span { sent, answered: recorder.now() },
            acknowledged,
        });
        acknowledged
    }
}
