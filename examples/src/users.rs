//! Who the users are, and whether a password is theirs. An application has this already.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use auth_core::{Clock, Principal};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::passwords::{Verifier, hash};
use crate::throttle::Throttle;

/// What the examples keep with a sign-in: the claims of their identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What to call the user.
    pub display_name: String,
}

impl User {
    /// A user who is called so.
    #[must_use]
    pub fn named(display_name: &str) -> Self {
        Self { display_name: display_name.to_owned() }
    }
}

/// Why somebody may not sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no such user, or the password is another one: nobody is told which.
    Wrong,
    /// Too many wrong passwords for this username: wait for so long.
    TooOften(Duration),
}

/// Users who are made up, all with one password.
#[derive(Clone)]
struct Customers {
    count: u32,
    password: Arc<PasswordHash>,
}

/// The users: a clone is the same table.
#[derive(Clone)]
pub struct Users {
    accounts: Arc<HashMap<&'static str, Account>>,
    customers: Option<Customers>,
    /// Verified for usernames that do not exist, so that they take the same work as others.
    nobody: Arc<PasswordHash>,
    /// A verification takes 19 MiB and a processor: only so many at a time.
    slots: Arc<Semaphore>,
    verifier: Arc<Verifier>,
    throttle: Arc<Throttle>,
}

struct Account {
    principal: Principal<User>,
    password: PasswordHash,
}

impl Users {
    /// `alice` with the password `wonderland`, a buyer, and `bob` with `builder`, an admin. Both
    /// have the scopes `cart` and `devices`. Their passwords are kept as OWASP's Password Storage
    /// Cheat Sheet recommends: Argon2id with 19 MiB, two passes and one lane.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn demo() -> Self {
        Self::demo_with(&Params::new(19_456, 2, 1, None).expect("parameters in range"))
    }

    /// The same with other parameters: tests choose cheap ones.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn demo_with(params: &Params) -> Self {
        let account = |username, display_name, role, password| {
            let principal = principal(username, display_name, role);
            (username, Account { principal, password: hash(params, password) })
        };
        let accounts = HashMap::from([
            account("alice", "Alice", "buyer", "wonderland"),
            account("bob", "Bob", "admin", "builder"),
        ]);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            accounts: Arc::new(accounts),
            customers: None,
            nobody: Arc::new(hash(params, "")),
            slots: Arc::new(Semaphore::new(processors)),
            verifier: Arc::default(),
            throttle: Arc::new(Throttle::new(Clock::system())),
        }
    }

    /// So many more users, for tests under load: `customer1`, `customer2` and so on, buyers like
    /// `alice`, all with the password `guest`. It is no secret, and hashed cheaply, so that what is
    /// measured is not Argon2id; the passwords of others stay as they are.
    ///
    /// # Panics
    /// If the system has no random numbers.
    #[must_use]
    pub fn customers(self, count: u32) -> Self {
        let cheap = Params::new(Params::MIN_M_COST, 1, 1, None).expect("parameters in range");
        let password = Arc::new(hash(&cheap, "guest"));
        Self { customers: Some(Customers { count, password }), ..self }
    }

    /// The clock that the throttle goes by; the system's otherwise.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { throttle: Arc::new(Throttle::new(clock)), ..self }
    }

    /// Who it is, if the password is right. An unknown username takes the same work, and answers
    /// the same, as a wrong password.
    ///
    /// # Errors
    /// [`Denied::Wrong`], and [`Denied::TooOften`] after ten of them in a minute.
    ///
    /// # Panics
    /// If the runtime is shutting down.
    pub async fn check(&self, username: &str, password: &str) -> Result<Principal<User>, Denied> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("never closed");
        let (users, username, password) = (self.clone(), username.to_owned(), password.to_owned());
        // It takes too long for the threads that serve requests. The slot goes along: a client that
        // hangs up does not free it before the work is done.
        let verification = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            users.verify(&username, &password)
        });
        verification.await.expect("the runtime runs, and verification does not panic")
    }

    fn verify(&self, username: &str, password: &str) -> Result<Principal<User>, Denied> {
        self.throttle.admit(username).map_err(Denied::TooOften)?;
        let account = self.account(username);
        let hash = account.as_ref().map_or(&*self.nobody, |(_, hash)| hash);
        let verified = self.verifier.verify(hash, password);
        match (account, verified) {
            (Some((principal, _)), true) => Ok(principal),
            _ => {
                self.throttle.wrong(username);
                Err(Denied::Wrong)
            }
        }
    }

    fn account(&self, username: &str) -> Option<(Principal<User>, &PasswordHash)> {
        if let Some(account) = self.accounts.get(username) {
            return Some((account.principal.clone(), &account.password));
        }
        let customers = self.customers.as_ref()?;
        let number: u32 = username.strip_prefix("customer")?.parse().ok()?;
        let known = (1..=customers.count).contains(&number);
        let exact = format!("customer{number}") == username; // one name for each
        (known && exact).then(|| (principal(username, "Customer", "buyer"), &*customers.password))
    }
}

fn principal(username: &str, display_name: &str, role: &str) -> Principal<User> {
    let principal = Principal::new(username).role(role).scope("cart").scope("devices");
    principal.claims(User::named(display_name))
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        Users::demo_with(&Params::new(Params::MIN_M_COST, 1, 1, None).unwrap())
    }

    #[tokio::test]
    async fn the_right_password_says_who_it_is() {
        let alice = users().check("alice", "wonderland").await.unwrap();
        assert!(&*alice.subject == "alice" && alice.has_role("buyer"));
        assert_eq!(alice.claims.display_name, "Alice");
    }

    #[tokio::test]
    async fn sec_70_unknown_users_and_wrong_passwords_look_alike() {
        let users = users();
        for (username, password) in [("alice", "builder"), ("mallory", "builder"), ("mallory", "")]
        {
            assert_eq!(users.check(username, password).await, Err(Denied::Wrong), "{username}");
        }
        let params = |hash: &PasswordHash| hash.params.to_string();
        let own = params(&users.accounts["alice"].password);
        assert_eq!(params(&users.nobody), own, "the same work");
    }

    #[tokio::test]
    async fn customers_are_there_if_asked_for() {
        assert_eq!(users().check("customer1", "guest").await, Err(Denied::Wrong));
        let users = users().customers(20);
        for name in ["customer1", "customer20"] {
            let customer = users.check(name, "guest").await.unwrap();
            assert!(&*customer.subject == name && customer.has_role("buyer"));
            assert_eq!(users.check(name, "wonderland").await, Err(Denied::Wrong));
        }
        for name in ["customer0", "customer21", "customer", "customer01", "customer+1", "guest"] {
            assert_eq!(users.check(name, "guest").await, Err(Denied::Wrong), "{name}");
        }
        assert!(users.check("alice", "wonderland").await.is_ok());
    }

    #[test]
    fn only_the_passwords_of_customers_are_hashed_cheaply() {
        let users = Users::demo().customers(1);
        let memory = |hash: &PasswordHash| Params::try_from(hash).unwrap().m_cost();
        assert_eq!(memory(&users.customers.as_ref().unwrap().password), Params::MIN_M_COST);
        for named in [&users.accounts["alice"].password, &users.accounts["bob"].password] {
            assert_eq!((memory(named), memory(&users.nobody)), (19_456, 19_456));
        }
    }

    #[tokio::test]
    async fn guessing_is_throttled_for_unknown_users_too() {
        for username in ["alice", "mallory"] {
            let users = users();
            for _ in 0..10 {
                assert_eq!(users.check(username, "guess").await, Err(Denied::Wrong));
            }
            let last = users.check(username, "wonderland").await;
            assert!(matches!(last, Err(Denied::TooOften(_))), "{username}: {last:?}");
        }
    }
}
