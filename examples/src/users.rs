//! The users and their passwords.
//!
//! An application has its own users; the layer needs only a [`Principal`] for each. What is worth
//! copying is how a password is verified: unknown usernames take as long as wrong passwords, guesses
//! are throttled, and the work runs outside of the threads that serve requests.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use auth_core::{AuthError, Principal};
use auth_store::{MemoryStore, Throttle};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::passwords::{Verifier, hash};

/// The application's own data about a user. It is kept with the sign-in, and is available to handlers
/// as the claims of an [`Identity`](auth_core::Identity).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's name as the application shows it.
    pub display_name: String,
}

impl User {
    /// Creates a user with this name.
    #[must_use]
    pub fn named(display_name: &str) -> Self {
        Self { display_name: display_name.to_owned() }
    }
}

/// A username and password, as a login form or a JSON body contains them.
#[derive(Deserialize)]
pub struct Login {
    /// The username.
    pub username: String,
    /// The password in plain text.
    pub password: String,
}

/// `Debug` does not show the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Why a user cannot sign in.
#[derive(Debug)]
pub enum Denied {
    /// The user does not exist, or the password is wrong. Clients cannot tell which.
    WrongCredentials,
    /// The password was not verified, because there were too many wrong ones for this username or because the store
    /// that counts them did not answer.
    Throttled(AuthError),
}

/// Generated users, all with one password.
#[derive(Clone)]
struct Customers {
    count: u32,
    password: Arc<PasswordHash>,
}

/// The table of users. Clones share the table.
#[derive(Clone)]
pub struct Users {
    accounts: Arc<HashMap<&'static str, Account>>,
    customers: Option<Customers>,
    /// Verified for usernames that do not exist, so that the response takes as long as for others.
    dummy: Arc<PasswordHash>,
    /// Bounds the verifications at a time: each takes 19 MiB and a processor.
    slots: Arc<Semaphore>,
    verifier: Arc<Verifier>,
    throttle: Throttle,
    /// Where the passwords come from that are checked.
    client: Option<IpAddr>,
    disabled: Arc<Mutex<HashSet<String>>>,
}

struct Account {
    principal: Principal<User>,
    password: PasswordHash,
}

impl Users {
    /// Creates `alice` with the password `wonderland`, a buyer, and `bob` with `builder`, an admin.
    ///
    /// Both have the scopes `cart` and `devices`. Their passwords are hashed as OWASP's Password Storage
    /// Cheat Sheet recommends: Argon2id with 19 MiB, two passes and one lane.
    ///
    /// # Panics
    ///
    /// Panics if the system does not provide random numbers.
    #[must_use]
    pub fn demo() -> Self {
        Self::demo_with(&Params::new(19_456, 2, 1, None).expect("parameters in range"))
    }

    /// Creates the same users with other parameters of Argon2, such as cheap ones for tests.
    ///
    /// # Panics
    ///
    /// Panics if the system does not provide random numbers.
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
            dummy: Arc::new(hash(params, "")),
            slots: Arc::new(Semaphore::new(processors)),
            verifier: Arc::default(),
            throttle: limited(Throttle::new(MemoryStore::new())),
            client: None,
            disabled: Arc::default(),
        }
    }

    /// Counts wrong passwords by this throttle: ten of a username in a minute are allowed. Defaults to one of this
    /// process.
    #[must_use]
    pub fn throttled(self, throttle: Throttle) -> Self {
        Self { throttle: limited(throttle), ..self }
    }

    /// Also counts wrong passwords by this address of the client: a hundred in a minute are allowed. Defaults to none.
    #[must_use]
    pub fn for_client(self, address: Option<IpAddr>) -> Self {
        Self { client: address, ..self }
    }

    /// Disables a user, who can no longer sign in. A backend that checks users with
    /// [`is_enabled`](Self::is_enabled) also ends the sign-ins that the user has.
    pub fn disable(&self, username: &str) {
        self.disabled.lock().insert(username.to_owned());
    }

    /// Returns whether this user was not disabled.
    #[must_use]
    pub fn is_enabled(&self, username: &str) -> bool {
        !self.disabled.lock().contains(username)
    }

    /// Adds `count` users for load tests: `customer1`, `customer2` and so on.
    ///
    /// They are buyers like `alice`, all with the password `guest`. It is hashed cheaply, so that a
    /// load test does not measure Argon2id. The passwords of the other users are not affected.
    ///
    /// # Panics
    ///
    /// Panics if the system does not provide random numbers.
    #[must_use]
    pub fn customers(self, count: u32) -> Self {
        let cheap = Params::new(Params::MIN_M_COST, 1, 1, None).expect("parameters in range");
        let password = Arc::new(hash(&cheap, "guest"));
        Self { customers: Some(Customers { count, password }), ..self }
    }

    /// Returns the user's principal if the password is right.
    ///
    /// An unknown username takes the same time and returns the same error as a wrong password.
    ///
    /// # Errors
    ///
    /// Returns [`Denied::WrongCredentials`], or [`Denied::Throttled`] after too many of them in a minute.
    ///
    /// # Panics
    ///
    /// Panics if the runtime is shutting down.
    pub async fn check(&self, username: &str, password: &str) -> Result<Principal<User>, Denied> {
        // Before the verification, so that guesses at the same time count as well.
        let attempt = self.throttle.attempt(username, self.client).await;
        let attempt = attempt.map_err(Denied::Throttled)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("it is never closed");
        let (users, username, password) = (self.clone(), username.to_owned(), password.to_owned());
        // The verification would block a thread that serves requests. The slot moves into the task:
        // if the client disconnects, the slot stays taken until the work is done.
        let verification = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            users.verify(&username, &password)
        });
        let verified = verification
            .await
            .expect("the runtime is running, and the verification does not panic");
        let principal = verified.ok_or(Denied::WrongCredentials)?;
        attempt.take_back().await;
        Ok(principal)
    }

    fn verify(&self, username: &str, password: &str) -> Option<Principal<User>> {
        let account = self.account(username);
        let hash = account.as_ref().map_or(&*self.dummy, |(_, hash)| hash);
        let verified = self.verifier.verify(hash, password);
        let (principal, _) = account.filter(|_| verified && self.is_enabled(username))?;
        Some(principal)
    }

    fn account(&self, username: &str) -> Option<(Principal<User>, &PasswordHash)> {
        if let Some(account) = self.accounts.get(username) {
            return Some((account.principal.clone(), &account.password));
        }
        let customers = self.customers.as_ref()?;
        let number: u32 = username.strip_prefix("customer")?.parse().ok()?;
        let exists = (1..=customers.count).contains(&number);
        let canonical = format!("customer{number}") == username; // not `customer01`
        (exists && canonical)
            .then(|| (principal(username, "Customer", "buyer"), &*customers.password))
    }
}

fn limited(throttle: Throttle) -> Throttle {
    let minute = Duration::from_secs(60);
    throttle.per_user(10, minute).per_address(100, minute)
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
    use auth_core::{ManualClock, Timestamp};

    use super::*;

    fn users() -> Users {
        Users::demo_with(&Params::new(Params::MIN_M_COST, 1, 1, None).unwrap())
    }

    async fn is_wrong(users: &Users, username: &str, password: &str) -> bool {
        matches!(users.check(username, password).await, Err(Denied::WrongCredentials))
    }

    #[tokio::test]
    async fn the_right_password_returns_the_principal() {
        let alice = users().check("alice", "wonderland").await.unwrap();
        assert!(&*alice.subject == "alice" && alice.has_role("buyer"));
        assert_eq!(alice.claims.display_name, "Alice");
    }

    #[tokio::test]
    async fn sec_70_unknown_users_and_wrong_passwords_look_alike() {
        let users = users();
        for (username, password) in [("alice", "builder"), ("mallory", "builder"), ("mallory", "")]
        {
            assert!(is_wrong(&users, username, password).await, "{username}");
        }
        let params = |hash: &PasswordHash| hash.params.to_string();
        let own = params(&users.accounts["alice"].password);
        assert_eq!(params(&users.dummy), own, "the same cost");
    }

    #[tokio::test]
    async fn customers_exist_only_if_they_are_added() {
        assert!(is_wrong(&users(), "customer1", "guest").await);
        let users = users().customers(20);
        for name in ["customer1", "customer20"] {
            let customer = users.check(name, "guest").await.unwrap();
            assert!(&*customer.subject == name && customer.has_role("buyer"));
            assert!(is_wrong(&users, name, "wonderland").await);
        }
        for name in ["customer0", "customer21", "customer", "customer01", "customer+1", "guest"] {
            assert!(is_wrong(&users, name, "guest").await, "{name}");
        }
        assert!(users.check("alice", "wonderland").await.is_ok());
    }

    #[test]
    fn only_the_passwords_of_customers_are_hashed_cheaply() {
        let users = Users::demo().customers(1);
        let memory = |hash: &PasswordHash| Params::try_from(hash).unwrap().m_cost();
        assert_eq!(memory(&users.customers.as_ref().unwrap().password), Params::MIN_M_COST);
        for named in [&users.accounts["alice"].password, &users.accounts["bob"].password] {
            assert_eq!((memory(named), memory(&users.dummy)), (19_456, 19_456));
        }
    }

    #[tokio::test]
    async fn guesses_are_throttled_for_unknown_users_too() {
        for username in ["alice", "mallory"] {
            let clock = ManualClock::new(Timestamp::from_secs(0));
            let throttle = Throttle::new(MemoryStore::new()).clock(clock.clock());
            let users = users().throttled(throttle);
            for _ in 0..10 {
                assert!(is_wrong(&users, username, "guess").await);
            }
            let last = users.check(username, "wonderland").await;
            assert!(matches!(last, Err(Denied::Throttled(_))), "{username}: {last:?}");
        }
    }

    #[tokio::test]
    async fn guesses_for_many_users_from_one_address_are_throttled() {
        let clock = ManualClock::new(Timestamp::from_secs(0));
        let users = users().throttled(Throttle::new(MemoryStore::new()).clock(clock.clock()));
        let [guesser, other] =
            [1, 2].map(|it| users.clone().for_client(Some([192, 0, 2, it].into())));
        for number in 0..100 {
            assert!(is_wrong(&guesser, &format!("user{number}"), "guess").await);
        }
        let last = guesser.check("alice", "wonderland").await;
        assert!(matches!(last, Err(Denied::Throttled(_))), "{last:?}");
        assert!(other.check("alice", "wonderland").await.is_ok());
    }
}
