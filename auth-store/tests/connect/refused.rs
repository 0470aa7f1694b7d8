//! URLs that open no store.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../support/error_text.rs"]
mod error_text;

use std::convert::Infallible;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{ConnectError, ConnectOptions, MemoryStore, Store, connect, forward_store};

use crate::error_text::error_text as said;

async fn refused(url: &str) -> ConnectError {
    connect(url).await.expect_err("the URL is invalid")
}

/// Checks that the error of each URL contains the text beside it.
async fn assert_errors_contain(cases: &[(&str, &str)]) {
    for (url, expected) in cases {
        let text = said(&refused(url).await);
        assert!(text.contains(expected), "{url}: {text}");
    }
}

#[tokio::test]
async fn unknown_schemes_are_rejected_with_a_list_of_the_known_ones() {
    for url in ["", "nonsense", "memory", "http://h", "redis+tcp://h", "REDIS://h", "sqlserver://h"]
    {
        let error = refused(url).await;
        assert!(matches!(error, ConnectError::Scheme), "{url}: {error:?}");
        for scheme in ["memory:", "sqlite:", "postgres:", "mysql:", "mongodb:", "redis+sentinel:"] {
            assert!(error.to_string().contains(scheme), "{error}");
        }
    }
}

#[tokio::test]
async fn a_registered_scheme_opens_a_store_of_another_crate() {
    let options = |url: &str| {
        ConnectOptions::new(url)
            .scheme("small", async |url: String| {
                let capacity = url.strip_prefix("small:").unwrap().parse::<usize>()?;
                Ok::<_, std::num::ParseIntError>(MemoryStore::builder().capacity(capacity).build())
            })
            .scheme("memory", async |_: String| Ok::<_, Infallible>(Replaced(MemoryStore::new())))
    };
    options("small:100").connect().await.unwrap();
    let error = options("small:many").connect().await.expect_err("it is no number");
    assert!(matches!(error, ConnectError::Store { .. }), "{error:?}");
    assert!(said(&error).contains("invalid digit"), "{error:?}");
    let error = options("large:100").connect().await.expect_err("it is not registered");
    assert!(matches!(error, ConnectError::Scheme), "{error:?}");
    let replaced = options("memory:").connect().await.unwrap();
    assert!(replaced.watch(&SignInId::from_bytes([1; 16])).is_none(), "it is the registered one");
    let own = connect("memory:").await.unwrap();
    assert!(own.watch(&SignInId::from_bytes([1; 16])).is_some());
}

/// A store that differs from the memory store in its watches.
struct Replaced(MemoryStore);

#[async_trait]
impl Store for Replaced {
    forward_store!(self => self.0, except: [watch]);
}

#[tokio::test]
async fn memory_takes_no_path() {
    connect("memory:").await.unwrap();
    for url in ["memory:here", "memory://", "memory:?size=1"] {
        assert!(matches!(refused(url).await, ConnectError::Memory), "{url}");
    }
}

#[tokio::test]
async fn invalid_options_are_named() {
    assert_errors_contain(&[
        ("sqlite:file.db?mode=sideways", "mode"),
        ("sqlite::memory:", "name a file"),
        ("postgres://h/d?sslmode=sideways", "ssl_mode"),
        ("mysql://h/d?ssl-mode=sideways", "sideways"),
        ("postgres://h/d?channel_binding=require", "channel_binding"),
        ("postgres://h/d?sslmode=verify-full&sslmode=disable&channel_binding=require", "repeated"),
        ("postgres://h/d?sslmode=verify-full&ssl-mode=disable&sslrootcert=system", "repeated"),
        ("postgres://h/d?sslmode=verify-full&sslrootcert=system&ssl-ca=ca.pem", "repeated"),
        ("postgres://h/d?sslmode=verify-full&ssl-root-cert=system&sslmode=prefer", "repeated"),
        ("mysql://h/d?ssl-mode=VERIFY_IDENTITY&sslmode=DISABLED", "repeated"),
        ("sqlite:file.db?mode=rw&mode=rwc", "repeated"),
        ("postgres://h/d?sslcrl=crl.pem", "sslcrl"),
        ("postgres://h/d?sslMode=verify-full", "sslMode"),
        ("mysql://h/d?ssl_mode=VERIFY_IDENTITY", "ssl_mode"),
        ("sqlite:file.db?mod=ro", "mod"),
        ("mongodb://h/d?wriTeConcern=1", "writeconcern"),
        ("mongodb://h/d?tls=sideways", "tls"),
        ("mongodb://h", "no database"),
        ("redis://h?speed=high", "parameters"),
        ("redis+sentinel://h", "service"),
    ])
    .await;
}

/// The options of the URLs that hosting providers hand out, and of other drivers.
#[tokio::test]
async fn options_without_an_effect_name_what_to_write_instead() {
    assert_errors_contain(&[
        ("postgres://h/d?sslmode=require&channel_binding=require", "sslmode=verify-full"),
        ("postgres://h/d?target_session_attrs=prefer-standby", "writes"),
        ("postgres://a:5432,b:5432/d?target_session_attrs=primary", "several servers"),
        ("postgres://h:6543/d?pgbouncer=true", "session pooling"),
        ("postgres://h/d?connection_limit=5", "max_connections"),
        ("postgres://h/d?pool_timeout=10", "`timeout`"),
        ("postgres://h/d?schema=auth", "search_path"),
        ("postgres://h/d?ssl=true", "sslmode=require"),
        ("postgres://h/d?sslrootcert=system", "sslmode=verify-full"),
        ("postgres://h/d?connect_timeout=soon", "seconds"),
        ("mysql://h/d?sslaccept=strict", "ssl-mode=VERIFY_IDENTITY"),
        ("mysql://h/d?ssl={\"rejectUnauthorized\":true}", "ssl-mode=VERIFY_IDENTITY"),
        ("mysql://h/d?tls=true", "ssl-mode=VERIFY_IDENTITY"),
        ("mysql://h/d?connectTimeout=3000", "connect_timeout"),
        ("mysql://h/d?readTimeout=3s", "`timeout`"),
        ("mysql://a,b/d", "several servers"),
        ("mongodb://h/d?w=1", "majority"),
        ("mongodb://h/d?readPreference=nearest", "logout"),
        ("mongodb://h/d?maxPoolSize=5", "max_connections"),
        ("redis://h?socket_timeout=5", "`timeout`"),
        ("rediss://h?ssl_cert_reqs=none", "always verified"),
        ("sqlite:file.db?mode=ro", "writes"),
        ("sqlite:file.db?immutable=1", "writes"),
        ("sqlite:file.db?cache=shared", "private"),
        ("sqlite:file.db?_journal_mode=DELETE", "remove it"),
        ("sqlite:file.db?busy_timeout=5000", "`timeout`"),
    ])
    .await;
}

#[tokio::test]
async fn sec_74_errors_never_contain_the_password() {
    for url in [
        "hunter2",
        "hunter2:",
        "memory:hunter2",
        "redishunter2://u:hunter2@h",
        "redis://u:hunter2@127.0.0.1:1",
        "redis://u:hun/ter2#hunter2?@h",
        "redis://hunter2@h",
        "rediss+cluster://:hunter2@h/1",
        "postgres://u:hunter2@127.0.0.1:1/d",
        "postgres://u:hunter2@h:port/d",
        "postgres://u:p@h/d?sslpassword=hunter2",
        "postgres://u:p?hunter2=@h/d",
        "mysql://u:hunter2@127.0.0.1:1/d",
        "mysql://u:p@h/d?passwort=hunter2",
        "mariadb://u:hun/ter2#hunter2?@h",
        "mongodb://u:hunter2@127.0.0.1:1/d",
        "mongodb://u:hunter2@h:port/d",
        "mongodb://u:p?hunter2=@h/d",
        "mongodb+srv://u:hunter2@h:1/d",
    ] {
        let text = said(&refused(url).await);
        assert!(!text.contains("hunter2"), "{url}: {text}");
        let shown = format!("{:?}", ConnectOptions::new(url).migrate());
        assert!(!shown.contains("hunter2"), "{url}: {shown}");
    }
}
