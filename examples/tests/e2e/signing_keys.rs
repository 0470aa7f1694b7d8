//! The keys that sign tokens: the published key set, and the key file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use auth_core::{Identity, Outcome};
use auth_jwt::{Algorithm, JwtAuth, KeySet, SigningKey};
use examples::users::User;
use serde_json::Value;

use crate::harness::{Curl, Process, Scratch, Shop, Tokens, command};

const JWKS: &str = "/.well-known/jwks.json";

fn with_key(path: &Path) -> Shop {
    Shop::start_with(&["--auth", "jwt", "--signing-key", path.to_str().unwrap()])
}

fn jwks(shop: &Shop) -> String {
    let response = shop.client().get(JWKS).send();
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("application/jwk-set+json"))
    );
    response.body
}

/// Returns the only key of the set.
fn jwk(shop: &Shop) -> Value {
    let mut set: Value = serde_json::from_str(&jwks(shop)).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 1, "{set}");
    set["keys"][0].take()
}

/// Verifies a token as another service does, which has only the shop's key set.
fn verified_by_another_service(jwks: &str, token: &str) -> Option<Identity<User>> {
    let auth = JwtAuth::new(KeySet::from_jwks(jwks).unwrap()).issuer("shop").audience("shop");
    let auth = auth.access_token().claims::<User>();
    match auth.verify(token.as_bytes()).into_ready() {
        Ok(Outcome::Authenticated(identity)) => Some(identity),
        _ => None,
    }
}

#[test]
fn the_key_set_contains_only_public_keys() {
    for auth in ["jwt", "both"] {
        let shop = Shop::start_with(&["--auth", auth]);
        let key = jwk(&shop);
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "no `d`");
        assert_eq!((&key["alg"], &key["crv"]), (&"EdDSA".into(), &"Ed25519".into()));
        let response = shop.client().get(JWKS).send();
        assert!(response.header("cache-control").unwrap().contains("max-age="), "{response:?}");
        assert_eq!(response.header("set-cookie"), None);
    }
    let sessions = Shop::start_with(&["--auth", "session"]);
    assert_eq!(sessions.client().get(JWKS).send().status, 404);
}

#[test]
fn another_service_can_verify_tokens() {
    let shop = Shop::start();
    let tokens = Tokens::of_alice(&shop.client());
    let alice = verified_by_another_service(&jwks(&shop), &tokens.access).unwrap();
    assert!(alice.subject() == "alice" && alice.has_role("buyer") && alice.has_scope("cart"));
    assert_eq!(alice.claims(), &User::named("Alice"));
    assert_eq!(alice.authentication().issuer.as_deref(), Some("shop"));
    let others = jwks(&Shop::start());
    assert!(verified_by_another_service(&others, &tokens.access).is_none());
}

#[test]
fn a_new_key_is_private_to_its_owner_and_survives_a_restart() {
    let folder = Scratch::new();
    let path = folder.join("key.pem");
    let shop = with_key(&path);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (key, pem) = (jwk(&shop), fs::read(&path).unwrap());
    let token = Tokens::of_alice(&shop.client()).access;
    drop(shop);

    let shop = with_key(&path);
    assert_eq!(jwk(&shop), key);
    assert_eq!(fs::read(&path).unwrap(), pem);
    assert!(verified_by_another_service(&jwks(&shop), &token).is_some());
    let response = shop.client().get("/me").bearer(&token).send();
    assert_eq!(response.status, 401, "the sign-in was in memory");
}

#[test]
fn shops_that_start_at_once_use_the_same_new_key() {
    let folder = Scratch::new();
    let path = folder.join("key.pem");
    let args = ["--listen", "127.0.0.1:0", "--signing-key", path.to_str().unwrap()];
    let mut shops = [(); 4].map(|()| Process::start(&mut command(&args)));
    let sets = shops.each_mut().map(|shop| {
        let url = shop.announced("shop at ");
        Curl::new(&url).get(JWKS).send().body
    });
    assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
    let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "no temporary files");
}

#[test]
fn keys_of_all_algorithms_can_sign() {
    let folder = Scratch::new();
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let path = folder.join(algorithm.as_str());
        let key = SigningKey::generate(algorithm).unwrap();
        fs::write(&path, key.to_pem().unwrap().as_bytes()).unwrap();
        let shop = with_key(&path);
        let published = jwk(&shop);
        assert_eq!(published["alg"], algorithm.as_str());
        assert_eq!(published["kid"], key.kid());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(published.get(private), None, "{algorithm}: {private}");
        }
        let token = Tokens::of_alice(&shop.client()).access;
        assert_eq!(shop.client().get("/me").bearer(&token).send().status, 200);
        assert!(verified_by_another_service(&jwks(&shop), &token).is_some(), "{algorithm}");
    }
}

#[test]
fn an_unusable_key_file_is_reported_and_not_changed() {
    let folder = Scratch::new();
    let write = |name: &str, text: &[u8]| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let p384 = SigningKey::generate(Algorithm::Es384).unwrap().to_pem().unwrap();
    let cases = [
        write("nonsense", b"hunter2"),
        write("empty", b""),
        write("p384.pem", p384.as_bytes()),
        folder.join("nowhere/key.pem"),
        folder.join(""),
    ];
    for path in cases {
        let before = fs::read(&path).ok();
        let args = ["--listen", "127.0.0.1:0", "--signing-key", path.to_str().unwrap()];
        let mut shop = Process::start(&mut command(&args));
        assert_eq!((shop.exit_code(), &*shop.stdout()), (Some(2), ""), "{path:?}");
        let message = shop.stderr();
        let expected = format!("error: --signing-key {}: ", path.display());
        assert!(message.starts_with(&expected), "{path:?}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!(fs::read(&path).ok(), before, "{path:?}");
    }
}
