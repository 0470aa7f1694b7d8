//! The pages of the guide, whose blocks of Rust are compiled and run as doc tests.
//!
//! A test checks that every page is in this list.

macro_rules! pages {
    ($($name:ident: $file:literal,)*) => {
        $(#[doc = include_str!(concat!("../../docs/guide/", $file))] struct $name;)*
    };
}

pages! {
    ActingForUsers: "acting-for-users.md",
    CorsAndCsrf: "cors-and-csrf.md",
    DeviceList: "device-list.md",
    DisablingUsers: "disabling-users.md",
    Grpc: "grpc.md",
    HowItWorks: "how-it-works.md",
    LoginForm: "login-form.md",
    Mcp: "mcp.md",
    Migrate: "migrate.md",
    MigrateFromActixSession: "migrate-from-actix-session.md",
    MigrateFromAxumLogin: "migrate-from-axum-login.md",
    MigrateFromAxumSession: "migrate-from-axum-session.md",
    MigrateFromJsonwebtoken: "migrate-from-jsonwebtoken.md",
    MigrateFromJwtAuthorizer: "migrate-from-jwt-authorizer.md",
    MigrateFromTowerSessions: "migrate-from-tower-sessions.md",
    MobileApp: "mobile-app.md",
    Operations: "operations.md",
    PasswordChange: "password-change.md",
    Proxies: "proxies.md",
    QuickStart: "quick-start.md",
    RememberMe: "remember-me.md",
    Roles: "roles.md",
    SecondFactor: "second-factor.md",
    SessionData: "session-data.md",
    SessionOrJwt: "session-or-jwt.md",
    SeveralNodes: "several-nodes.md",
    SeveralServices: "several-services.md",
    SpaAndApi: "spa-and-api.md",
    StepUp: "step-up.md",
    Streams: "streams.md",
    Testing: "testing.md",
    Throttling: "throttling.md",
}
