//! The store keeps claims as JSON, so their type must implement `Serialize` and `Deserialize`.
use auth_session::SessionAuth;

struct User;

fn layer(auth: SessionAuth<User>) {
    auth.optional();
}

fn main() {}
