//! Claims are kept as JSON: an authenticator of claims that are not serialized does not exist.
use auth_session::SessionAuth;

struct User;

fn layer(auth: SessionAuth<User>) {
    auth.optional();
}

fn main() {}
