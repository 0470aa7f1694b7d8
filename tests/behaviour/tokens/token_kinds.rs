//! A token is accepted only for the purpose that it was issued for.

use auth_core::{Authenticator, Transport};
use auth_jwt::{Algorithm, JwtAuth, Validation};
use serde_json::{Value, json};

use super::kit::{Signer, auth, decoded, parts, rejection, verify, with};
use crate::harness::{Credential, Framework, TestBackend, World, jwt};

const ISSUER: &str = "https://shop.example";

/// Returns the key that signs all tokens here. The kinds differ in more than the key.
fn signer() -> Signer {
    Signer::shared(Algorithm::Hs256, &[7; 32])
}

/// Four verifiers with this key.
struct Verifiers {
    plain: JwtAuth,
    access: JwtAuth,
    link: JwtAuth,
    /// Our own sign-ins.
    ours: World,
}

impl Verifiers {
    async fn start() -> Self {
        let by = |validation: Validation| {
            auth(signer().key).validation(validation.issuer(ISSUER).audience("shop"))
        };
        let backend = TestBackend {
            transport: Transport::Explicit,
            build: |setup| jwt(setup).issuer(ISSUER).erased(),
        };
        Self {
            plain: by(Validation::new()),
            access: by(Validation::new().access_token()),
            link: by(Validation::new().typ("link+jwt")),
            ours: World::start(backend, Framework::Axum).await,
        }
    }

    /// Sets the other clocks to that of our own sign-ins, which over some stores shows the system's time.
    fn at_the_time_of_ours(self) -> Self {
        let clock = self.ours.clock.clock();
        Self {
            plain: self.plain.clock(clock.clone()),
            access: self.access.clock(clock.clone()),
            link: self.link.clock(clock),
            ours: self.ours,
        }
    }

    /// Returns a letter for each verifier that accepts the token.
    async fn accepted_by(&self, token: &str) -> String {
        let mut accepted_by = String::new();
        for (auth, name) in [(&self.plain, 'p'), (&self.access, 'a'), (&self.link, 'l')] {
            if verify(auth, token).await.is_ok() {
                accepted_by.push(name);
            }
        }
        match self.ours.status_of(&Credential::Token(token.to_owned())).await {
            200 => accepted_by.push('o'),
            status => assert_eq!(status, 401),
        }
        accepted_by
    }
}

/// Returns the claims of an access token of RFC 9068, and these.
fn access_claims(more: &Value) -> Value {
    let mut claims = with(json!({ "iss": ISSUER, "jti": "1", "client_id": "shop" }));
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

#[tokio::test]
async fn sec_52_kinds_of_tokens_are_exclusive() {
    let verifiers = Verifiers::start().await;
    let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    // The type, the claims, and the verifiers that accept it: plain, access, link, ours.
    let table = [
        (json!("JWT"), json!({}), "p"),
        (json!("at+jwt"), json!({}), "pa"),
        (json!("link+jwt"), json!({}), "l"),
        // An ID token, which is for the client that requested it.
        (json!("JWT"), json!({ "nonce": "n-0S6_WzA2Mj" }), ""),
        (json!("JWT"), json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }), ""),
        (json!("JWT"), json!({ "c_hash": "LDktKdoQak3Pk0cnXxCltA" }), ""),
        (json!("JWT"), json!({ "nonce": null }), "p"),
        (json!("at+jwt"), json!({ "nonce": "n-0S6_WzA2Mj" }), "a"),
        // A logout token, or another security event token.
        (json!("logout+jwt"), json!({ "events": events, "sid": "1" }), ""),
        (json!("JWT"), json!({ "events": events }), ""),
        (json!("at+jwt"), json!({ "events": events }), ""),
        (json!("link+jwt"), json!({ "events": events }), ""),
        (json!("secevent+jwt"), json!({ "events": {} }), ""),
        // Proofs, assertions, responses and credentials.
        (json!("dpop+jwt"), json!({ "htm": "GET", "htu": "https://shop.example" }), ""),
        (json!("client-authentication+jwt"), json!({}), ""),
        (json!("oauth-authz-req+jwt"), json!({}), ""),
        (json!("token-introspection+jwt"), json!({}), ""),
        (json!("kb+jwt"), json!({}), ""),
        (json!("dc+sd-jwt"), json!({}), ""),
        (json!("rt+jwt"), json!({}), ""),
        // Spellings of a type.
        (json!("jwt"), json!({}), "p"),
        (json!("application/JWT"), json!({}), "p"),
        (json!("AT+JWT"), json!({}), "pa"),
        (json!("application/at+jwt"), json!({}), "pa"),
        (json!("APPLICATION/AT+jwt"), json!({}), "pa"),
        (json!("Link+JWT"), json!({}), "l"),
        (json!(""), json!({}), ""),
        (json!(" JWT"), json!({}), ""),
        (json!("at+jwt "), json!({}), ""),
        (json!("at+jwt;v=1"), json!({}), ""),
        (json!("at+jwt, JWT"), json!({}), ""),
        (json!("text/at+jwt"), json!({}), ""),
        (json!("application/application/at+jwt"), json!({}), ""),
        (json!("application/"), json!({}), ""),
        (json!(null), json!({}), ""),
        (json!(["at+jwt"]), json!({}), ""),
    ];
    for (typ, more, accepted_by) in table {
        let token = signer().forge(&json!({ "alg": "HS256", "typ": typ }), &access_claims(&more));
        assert_eq!(verifiers.accepted_by(&token).await, accepted_by, "{typ} {more}");
    }
    let untyped = signer().forge(&json!({ "alg": "HS256" }), &access_claims(&json!({})));
    assert_eq!(verifiers.accepted_by(&untyped).await, "p");
}

#[tokio::test]
async fn sec_52_an_access_token_has_every_claim_of_rfc_9068() {
    let verifiers = Verifiers::start().await;
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    for name in ["client_id", "jti", "iat"] {
        let mut claims = access_claims(&json!({}));
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(verifiers.accepted_by(&signer().forge(&header, &claims)).await, "p", "{name}");
    }
    for name in ["iss", "aud", "sub", "exp"] {
        let mut claims = access_claims(&json!({}));
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(verifiers.accepted_by(&signer().forge(&header, &claims)).await, "", "{name}");
    }
}

/// Our access tokens belong to the current state of a sign-in: of this sign-in, and since its
/// latest authentication.
#[tokio::test]
async fn sec_52_a_token_of_ours_belongs_to_a_sign_in() {
    let verifiers = Verifiers::start().await.at_the_time_of_ours();
    let credential = verifiers.ours.client().signed_in("alice").await;
    let others = verifiers.ours.client().signed_in("alice").await;
    let payload =
        |token: &str| -> Value { serde_json::from_slice(&decoded(parts(token)[1])).unwrap() };
    let [own, other] = [&credential, &others].map(|credential| payload(credential.text()));
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let but = |more: Value| {
        let mut claims = own.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signer().forge(&header, &claims)
    };
    assert_eq!(verifiers.accepted_by(credential.text()).await, "pao");
    assert_eq!(verifiers.accepted_by(&but(json!({ "jti": "2" }))).await, "pao");
    for more in [
        json!({ "sid": other["sid"] }),
        json!({ "fam": other["fam"] }),
        json!({ "fam": "" }),
        json!({ "fam": "AAAAAAAAAAA" }),
        json!({ "fam": format!("{}=", own["fam"].as_str().unwrap()) }),
        json!({ "fam": format!("{}A", own["fam"].as_str().unwrap()) }),
        json!({ "sid": "" }),
        json!({ "sid": "AAAAAAAAAAAAAAAAAAAAAA" }),
        json!({ "sid": format!("{}A", own["sid"].as_str().unwrap()) }),
    ] {
        assert_eq!(verifiers.accepted_by(&but(more.clone())).await, "pa", "{more}");
    }
    for name in ["sid", "fam"] {
        let mut claims = own.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(verifiers.accepted_by(&signer().forge(&header, &claims)).await, "pa", "{name}");
    }
    let plain = signer().forge(&json!({ "alg": "HS256", "typ": "JWT" }), &own);
    assert_eq!(verifiers.accepted_by(&plain).await, "p");
    let link = signer().forge(&json!({ "alg": "HS256", "typ": "link+jwt" }), &own);
    assert_eq!(verifiers.accepted_by(&link).await, "l");
}

/// A refresh token is not accepted as an access token, either alone or inside of one.
#[tokio::test]
async fn sec_52_a_refresh_token_is_rejected_as_an_access_token() {
    let verifiers = Verifiers::start().await;
    let client = verifiers.ours.client();
    let credential = client.signed_in("alice").await;
    let refresh = credential.refresh().unwrap();
    let secret = credential.secret();
    for token in [refresh, secret, &format!("{refresh}.."), &format!("e30.e30.{secret}")] {
        assert_eq!(verifiers.accepted_by(token).await, "", "{token}");
    }
    let inside = signer().forge(
        &json!({ "alg": "HS256", "typ": "at+jwt" }),
        &access_claims(&json!({ "sid": secret })),
    );
    assert_eq!(verifiers.accepted_by(&inside).await, "pa");
    assert!(refresh.starts_with("ref_"));
    // An access token cannot be refreshed either.
    let access = client.post("/refresh").json(&json!({ "refresh_token": credential.text() })).await;
    assert_eq!(access.status, 401);
    assert_eq!(verifiers.ours.status_of(&credential).await, 200);
}

/// For issuers whose access tokens have claims of an ID token.
#[tokio::test]
async fn sec_52_id_token_marks_are_ignored_only_on_request() {
    let token = signer().token(&with(json!({ "nonce": "n", "at_hash": "h" })));
    let validation = Validation::new().audience("shop");
    assert!(verify(&auth(signer().key).validation(validation.clone()), &token).await.is_err());
    let lenient = auth(signer().key).validation(validation.insecure_id_tokens());
    assert!(verify(&lenient, &token).await.is_ok());
    let logout = signer().token(&with(json!({ "nonce": "n", "events": {} })));
    assert!(verify(&lenient, &logout).await.is_err());
}

/// Issued tokens contain the audience, the client and the expiry.
#[tokio::test]
async fn sec_54_issued_tokens_name_their_audience() {
    let one = TestBackend {
        transport: Transport::Explicit,
        build: |setup| jwt(setup).issuer(ISSUER).client_id("app").erased(),
    };
    let two = TestBackend {
        transport: Transport::Explicit,
        build: |setup| jwt(setup).audience("warehouse").erased(),
    };
    for (backend, audience, client) in
        [(one, json!("shop"), "app"), (two, json!(["shop", "warehouse"]), "shop")]
    {
        let world = World::start(backend, Framework::Axum).await;
        let now = world.clock.now().as_secs();
        let credential = world.client().signed_in("alice").await;
        let [header, payload, _] = parts(credential.text());
        let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
        assert_eq!(header, json!({ "alg": "HS256", "typ": "at+jwt" }));
        let payload: Value = serde_json::from_slice(&decoded(payload)).unwrap();
        assert_eq!((&payload["aud"], &payload["client_id"]), (&audience, &json!(client)));
        assert_eq!((&payload["sub"], &payload["iat"]), (&json!("alice"), &json!(now)));
        assert!(payload["exp"].as_u64().unwrap() > now && payload["jti"].is_string());
        assert_eq!(world.status_of(&credential).await, 200);
        let for_another = JwtAuth::new(signer().key).clock(world.clock.clock()).audience("bank");
        assert!(verify(&for_another, credential.text()).await.is_err());
    }
}

/// The claims of tokens that are bound to a key, by RFC 7800, RFC 8705 and RFC 9449, and values that no
/// specification defines.
#[tokio::test]
async fn sec_95_r16_a_bound_token_without_a_checked_proof_is_rejected() {
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let bindings = [
        json!({ "jkt": thumbprint }),
        json!({ "x5t#S256": thumbprint }),
        json!({ "jwk": Signer::new(Algorithm::Es256).jwk() }),
        json!({ "jwe": "a.b.c.d.e" }),
        json!({ "kid": "1" }),
        json!({ "jku": "https://shop.example/keys", "kid": "1" }),
        json!({ "jkt": thumbprint, "x5t#S256": thumbprint }),
        json!({ "unheard of": 1 }),
        json!({ "jkt": null }),
        json!({}),
        json!([]),
        json!([thumbprint]),
        json!(thumbprint),
        json!(""),
        json!(0),
        json!(-1.5),
        json!(true),
        json!(false),
    ];
    let profiles = [
        (Validation::new(), "JWT"),
        (Validation::new().typ("link+jwt"), "link+jwt"),
        (Validation::new().access_token(), "at+jwt"),
    ];
    for (validation, typ) in profiles {
        let validation = validation.issuer(ISSUER).audience("shop");
        let strict = auth(signer().key).validation(validation.clone());
        let lenient = auth(signer().key).validation(validation.insecure_bound_tokens());
        let token = |claims: Value| {
            signer().forge(&json!({ "alg": "HS256", "typ": typ }), &access_claims(&claims))
        };
        for binding in &bindings {
            let bound = token(json!({ "cnf": binding }));
            let reason = rejection(&strict, &bound).await;
            assert_eq!(reason, "bound to a key without proof", "{binding}");
            assert!(verify(&lenient, &bound).await.is_ok(), "{binding}");
        }
        assert!(verify(&strict, token(json!({ "cnf": null }))).await.is_ok(), "it is not bound");
    }
    let verifiers = Verifiers::start().await;
    let credential = verifiers.ours.client().signed_in("alice").await;
    let mut own: Value = serde_json::from_slice(&decoded(parts(credential.text())[1])).unwrap();
    own["cnf"] = json!({ "jkt": thumbprint });
    let bound = signer().forge(&json!({ "alg": "HS256", "typ": "at+jwt" }), &own);
    assert_eq!(verifiers.accepted_by(&bound).await, "");
}
