//! TLS, with real servers and certificates.

use auth_servers::{Authority, RedisCluster, RedisServer};
use auth_store::near_cache::NearCache;
use auth_store::{RedisSetupError, RedisStore, Store};

use crate::sign_in::{data, sign_in};
use crate::support::error_text::error_text;

/// Signs in, stores data, and ends the sign-in on another node.
async fn works(store: RedisStore, other: &RedisStore) {
    let here = NearCache::new(store);
    while here.stats().lease.is_none() {
        tokio::task::yield_now().await;
    }
    for number in 0..10 {
        let subject = format!("user{number}");
        let id = sign_in(other, &subject).await;
        here.update(&id, 0, data("[1]")).await.expect("it runs");
        assert_eq!(other.load(&id).await.expect("it runs").expect("it lives").version, 1);
        assert_eq!(other.revoke_subject(&subject).await.expect("it runs"), 1);
        assert!(here.load(&id).await.expect("it runs").is_none());
    }
}

#[tokio::test]
async fn one_server_with_a_private_authority() {
    let authority = Authority::new();
    let server = RedisServer::with_tls(&authority, &[]);
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("rediss://{host}:{}", server.tls_port());
        let connect = || RedisStore::builder(url.clone()).ca_certificate(authority.pem()).connect();
        works(connect().await.expect("it is trusted"), &connect().await.expect("it is trusted"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_a_private_authority() {
    let authority = Authority::new();
    let cluster = RedisCluster::with_tls(&authority);
    let connect =
        || RedisStore::builder(cluster.tls_url()).ca_certificate(authority.pem()).connect();
    works(connect().await.expect("it is trusted"), &connect().await.expect("it is trusted")).await;
}

/// A user of an access list with only the rights that the store needs under its prefix.
#[tokio::test]
async fn a_user_with_rights_to_one_prefix() {
    let authority = Authority::new();
    let server = RedisServer::with_tls(&authority, &[]);
    let rights = ["~shop:*", "&shop:bus", "+@all", "-@admin", "-@dangerous", "+info", "+role"];
    let _ = server.ask(&[&["ACL", "SETUSER", "ada", "on", ">p@ss:word"][..], &rights].concat());
    let at = |login: &str| format!("rediss://{login}@localhost:{}", server.tls_port());
    let connect = |login, prefix: &'static str| {
        let store = RedisStore::builder(at(login)).prefix(prefix).ca_certificate(authority.pem());
        store.connect()
    };
    let mine = connect("ada:p%40ss%3Aword", "shop:").await.expect("ada has the rights");
    works(mine, &connect("ada:p%40ss%3Aword", "shop:").await.expect("ada has the rights")).await;
    let wrong = connect("ada:wrong", "shop:").await.expect_err("the wrong password");
    assert!(matches!(wrong, RedisSetupError::Authentication(_)), "{wrong:?}");
    let other = connect("ada:p%40ss%3Aword", "other:").await;
    assert!(other.is_err(), "no right to this prefix");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_rejected() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = RedisServer::with_tls(&authority, &[]);
    let url = format!("rediss://localhost:{}", server.tls_port());
    let by_other = RedisStore::builder(url.clone()).ca_certificate(other.pem()).connect().await;
    for error in [by_other.expect_err("another"), RedisStore::connect(url).await.expect_err("none")]
    {
        assert!(matches!(error, RedisSetupError::Tls(_)), "{error:?}");
        let text = error_text(&error);
        assert!(text.contains("UnknownIssuer") && text.contains("certificate"), "{text}");
    }
}

#[tokio::test]
async fn invalid_authorities_are_rejected() {
    let authority = Authority::new();
    let server = RedisServer::with_tls(&authority, &[]);
    let plain = format!("rediss://localhost:{}", server.port()); // which does not speak TLS
    let error = RedisStore::builder(plain).ca_certificate(authority.pem()).connect().await;
    assert!(matches!(error, Err(RedisSetupError::Unavailable(_))), "{error:?}");
    let error = RedisStore::builder(server.url()).ca_certificate(authority.pem()).connect().await;
    assert!(matches!(error, Err(RedisSetupError::NoTls)), "{error:?}");
    let broken = authority.pem().replace("MII", "???");
    for pem in ["", "no PEM", &broken] {
        let url = format!("rediss://localhost:{}", server.tls_port());
        let error = RedisStore::builder(url).ca_certificate(pem).connect().await;
        assert!(matches!(error, Err(RedisSetupError::Authorities(_))), "{pem}: {error:?}");
    }
}
