//! Logging in with an OpenID provider, as the server `oidc_login` does it.
//!
//! [`routes`] are the routes of an application behind the authentication layer, and [`public_routes`] those
//! outside of it. [`Provider`] implements OpenID Connect by the crate openidconnect. Only [`routes`] starts
//! and ends sign-ins.

mod failure;
mod http_client;
mod provider;
mod routes;

pub use provider::{Client, Provider};
pub use routes::{public_routes, routes};

#[cfg(test)]
mod tests {
    /// Returns the text without indentation and empty lines.
    fn code(text: &str) -> String {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_guide_shows_the_code_of_the_example() {
        let guide = include_str!("../../../docs/login-with-a-provider.md");
        let sources =
            code(concat!(include_str!("routes.rs"), include_str!("../bin/oidc_login.rs")));
        let blocks = guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let blocks: Vec<_> = blocks.map(code).collect();
        assert!(blocks.len() > 5, "{}", blocks.len());
        for block in blocks {
            assert!(sources.contains(&block), "the example does not contain:\n{block}");
        }
    }
}
