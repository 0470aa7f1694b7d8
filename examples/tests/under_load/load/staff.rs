//! The shop's staff, who have the store and nothing else.

use std::sync::Arc;

use auth_session::SessionAuth;
use examples::users::User;

use super::history::Change;
use super::record::Record;

/// A program of the staff. A clone has the same connections.
#[derive(Clone)]
pub(crate) struct Staff(Arc<SessionAuth<User>>);

impl Staff {
    pub(crate) async fn at(store: &str) -> Self {
        let store = auth_store::connect(store).await.unwrap();
        Self(Arc::new(SessionAuth::new(store).claims::<User>()))
    }

    /// Makes a customer an admin, or a buyer again, and says whether the store confirmed it.
    pub(super) async fn change(&self, record: &Record, customer: u32, admin: bool) -> bool {
        let roles: &[Box<str>] =
            if admin { &["buyer".into(), "admin".into()] } else { &["buyer".into()] };
        let (subject, claims) = (format!("customer{customer}"), User::named("Customer"));
        let sent = record.now();
        let done = self.0.update_claims(&subject, roles, &claims).await.is_ok();
        record.change(Change { customer, admin, sent, answered: record.now(), done });
        done
    }
}
