//! How the tokens of identity providers differ from the profile of RFC 9068, and what makes them acceptable.

use auth_core::RejectionReason;
use auth_jwt::{Algorithm, Validation};
use serde_json::{Value, json};

use super::kit::{NOW, Signer, auth, verify, with, without};

/// Returns the subject of a token with these claims, or the reason for its rejection.
async fn subject(validation: &Validation, claims: &Value) -> Result<String, &'static str> {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone()).validation(validation.clone());
    let identity = verify(&auth, signer.token(claims)).await.map_err(RejectionReason::as_str)?;
    Ok(identity.subject().to_owned())
}

/// Returns the roles and the scopes.
async fn granted(validation: &Validation, claims: &Value) -> [String; 2] {
    let signer = Signer::new(Algorithm::EdDsa);
    let auth = auth(signer.key.clone()).validation(validation.clone());
    let identity = verify(&auth, signer.token(claims)).await.unwrap();
    [identity.roles().collect::<Vec<_>>().join(" "), identity.principal().scopes.join(" ")]
}

#[tokio::test]
async fn r13_the_client_is_checked_in_each_claim_that_names_it() {
    let validation = Validation::new().audience("shop").client("app").client("other");
    for name in ["client_id", "azp", "cid", "appid"] {
        let of = |client: Value| with(json!({ name: client }));
        assert_eq!(subject(&validation, &of(json!("app"))).await.as_deref(), Ok("alice"), "{name}");
        assert_eq!(subject(&validation, &of(json!("other"))).await.as_deref(), Ok("alice"));
        for wrong in ["", "App", "app ", "apps", "app other"] {
            assert_eq!(
                subject(&validation, &of(json!(wrong))).await,
                Err("wrong client"),
                "{wrong}"
            );
        }
        for absent in [json!(null), json!(["app"]), json!(1)] {
            assert_eq!(subject(&validation, &of(absent)).await, Err("no client"));
        }
    }
    let two = |azp: &str| with(json!({ "client_id": "app", "azp": azp }));
    assert_eq!(subject(&validation, &two("app")).await.as_deref(), Ok("alice"));
    assert_eq!(subject(&validation, &two("mallory")).await, Err("wrong client"));
    assert_eq!(subject(&validation, &with(json!({}))).await, Err("no client"));
}

/// Amazon Cognito writes no audience into access tokens. Other issuers share one between clients.
#[tokio::test]
async fn r13_a_client_takes_the_place_of_an_audience() {
    let both = Validation::new().audience("shop").client("app");
    let client = Validation::new().client("app");
    let any = Validation::new().any_audience().client("app");
    let mut cognito = without("aud");
    cognito["client_id"] = json!("app");
    for validation in [&both, &client, &any] {
        assert_eq!(subject(validation, &cognito).await.as_deref(), Ok("alice"));
    }
    let foreign = with(json!({ "aud": "bank", "client_id": "app" }));
    assert_eq!(subject(&both, &foreign).await, Err("wrong audience"));
    assert_eq!(subject(&client, &foreign).await, Err("audience, but none is configured"));
    assert_eq!(subject(&any, &foreign).await.as_deref(), Ok("alice"));
    let stranger = with(json!({ "client_id": "mallory" }));
    assert_eq!(subject(&both, &stranger).await, Err("wrong client"), "the audience is not enough");
    cognito["client_id"] = json!("mallory");
    assert_eq!(subject(&both, &cognito).await, Err("wrong client"));
}

#[tokio::test]
async fn r13_an_access_token_of_rfc_9068_always_needs_an_audience() {
    let signer = Signer::new(Algorithm::EdDsa);
    let validation = Validation::new().issuer("i").audience("shop").client("app").access_token();
    let auth = auth(signer.key.clone()).validation(validation);
    let mut claims = without("aud");
    claims["iss"] = json!("i");
    claims["client_id"] = json!("app");
    claims["jti"] = json!("1");
    let token = signer.forge(&json!({ "alg": "EdDSA", "typ": "at+jwt" }), &claims);
    assert_eq!(super::kit::rejection(&auth, token).await, "no audience");
}

#[tokio::test]
async fn r13_a_claim_must_have_one_of_some_values() {
    let validation = Validation::new()
        .audience("shop")
        .require_value("token_use", "access")
        .require_value("email_verified", true)
        .require_value("email_verified", "true")
        .require_value("level", 3);
    let claims = |use_of: Value, verified: Value, level: Value| {
        with(json!({ "token_use": use_of, "email_verified": verified, "level": level }))
    };
    for good in [
        claims(json!("access"), json!(true), json!(3)),
        claims(json!(["id", "access"]), json!("true"), json!(3)),
    ] {
        assert_eq!(subject(&validation, &good).await.as_deref(), Ok("alice"), "{good}");
    }
    for wrong in [
        claims(json!("id"), json!(true), json!(3)),
        claims(json!("Access"), json!(true), json!(3)),
        claims(json!([["access"]]), json!(true), json!(3)),
        claims(json!({ "access": 1 }), json!(true), json!(3)),
        claims(json!("access"), json!(false), json!(3)),
        claims(json!("access"), json!(true), json!("3")),
        claims(json!("access"), json!(true), json!([])),
    ] {
        assert_eq!(subject(&validation, &wrong).await, Err("claim with another value"), "{wrong}");
    }
    let missing = claims(json!("access"), json!(null), json!(3));
    assert_eq!(subject(&validation, &missing).await, Err("claim missing"));
}

#[tokio::test]
async fn r13_another_claim_may_be_the_subject_of_a_token_without_one() {
    let by_client = Validation::new().audience("shop").missing_subject_from("client_id");
    let by_name = Validation::new().audience("shop").missing_subject_from("preferred_username");
    let mut claims = without("sub");
    claims["client_id"] = json!("service-app");
    claims["preferred_username"] = json!("service-account");
    assert_eq!(subject(&Validation::new().audience("shop"), &claims).await, Err("no subject"));
    assert_eq!(subject(&by_client, &claims).await.as_deref(), Ok("service-app"));
    assert_eq!(subject(&by_name, &claims).await.as_deref(), Ok("service-account"));
    claims["sub"] = json!(null);
    assert_eq!(subject(&by_client, &claims).await.as_deref(), Ok("service-app"));
    claims["sub"] = json!("alice");
    assert_eq!(subject(&by_client, &claims).await.as_deref(), Ok("alice"), "`sub` comes first");
    claims["sub"] = json!("");
    assert_eq!(subject(&by_client, &claims).await, Err("no subject"), "it is there");
    for (name, wrong) in
        [("client_id", json!(["a"])), ("client_id", json!("")), ("other", json!("a"))]
    {
        let mut claims = without("sub");
        claims[name] = wrong;
        assert_eq!(subject(&by_client, &claims).await, Err("no subject"), "{claims}");
    }
}

#[tokio::test]
async fn r13_a_subject_is_a_number_only_if_that_is_accepted() {
    let strict = Validation::new().audience("shop");
    let numeric = strict.clone().numeric_subject();
    let of = |sub: Value| with(json!({ "sub": sub }));
    assert_eq!(subject(&strict, &of(json!(17))).await, Err("claim of the wrong type"));
    for (number, text) in [(0, "0"), (17, "17"), (u64::MAX, "18446744073709551615")] {
        assert_eq!(subject(&numeric, &of(json!(number))).await.as_deref(), Ok(text));
    }
    assert_eq!(subject(&numeric, &of(json!("alice"))).await.as_deref(), Ok("alice"));
    for wrong in [json!(1.0), json!(1.5), json!(-1), json!(1e3), json!(true), json!([1])] {
        assert_eq!(subject(&numeric, &of(wrong)).await, Err("claim of the wrong type"));
    }
    let mut service = without("sub");
    service["uid"] = json!(5);
    let fallback = numeric.missing_subject_from("uid");
    assert_eq!(subject(&fallback, &service).await.as_deref(), Ok("5"));
}

/// What Supabase, ADFS and others write.
#[tokio::test]
async fn r13_claims_that_are_only_reported_never_refuse_a_token() {
    let validation = Validation::new().audience("shop");
    for claims in [
        json!({ "amr": [{ "method": "password", "timestamp": NOW }] }),
        json!({ "auth_time": "2027-01-15T08:00:00.000Z" }),
        json!({ "acr": 1, "jti": null, "nonce": null }),
        json!({ "jti": 7, "sid": {}, "azp": [], "cid": 1, "appid": true, "client_id": null }),
        json!({ "scope": 1, "scp": { "a": 1 }, "roles": 5 }),
    ] {
        assert_eq!(
            subject(&validation, &with(claims.clone())).await.as_deref(),
            Ok("alice"),
            "{claims}"
        );
    }
}

#[tokio::test]
async fn r14_a_scope_may_imply_others() {
    let validation = Validation::new()
        .audience("shop")
        .scope_implies("admin", "write")
        .scope_implies("write", "read")
        .scope_implies("write", "list")
        .scope_implies("read", "write"); // a circle
    for (scope, all) in [
        (json!("admin"), "admin write read list"),
        (json!(["list"]), "list"),
        (json!("other read"), "other read write list"),
        (json!("write read"), "write read list"),
        (json!(""), ""),
        (json!("admi"), "admi"),
    ] {
        for name in ["scope", "scp"] {
            let claims = with(json!({ name: scope }));
            assert_eq!(granted(&validation, &claims).await[1], all, "{claims}");
        }
    }
    let plain = Validation::new().audience("shop");
    assert_eq!(granted(&plain, &with(json!({ "scope": "admin" }))).await[1], "admin");
}

/// Keycloak writes the roles of the realm and those of each client.
#[tokio::test]
async fn r15_roles_are_read_at_several_places() {
    let validation = Validation::new()
        .audience("shop")
        .roles_pointer("/realm_access/roles")
        .roles_pointer("/resource_access/shop/roles")
        .roles_pointer("/groups");
    let claims = with(json!({
        "realm_access": { "roles": ["user"] },
        "resource_access": { "shop": { "roles": ["seller", "buyer"] }, "bank": { "roles": ["root"] } },
        "groups": "staff",
        "roles": ["default"],
    }));
    assert_eq!(granted(&validation, &claims).await[0], "user seller buyer staff");
    assert_eq!(granted(&validation, &with(json!({ "groups": ["a"] }))).await[0], "a");
    let in_keys = validation.roles_in_keys();
    let zitadel = with(json!({ "groups": { "admin": { "1": "shop" } }, "realm_access": 1 }));
    assert_eq!(granted(&in_keys, &zitadel).await[0], "admin");
}

#[tokio::test]
async fn r15_roles_may_come_from_a_function() {
    let validation = Validation::new().audience("shop").roles_from(|claims| {
        let paths =
            claims.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
        let names = paths.iter().filter_map(Value::as_str);
        names.filter_map(|path| path.strip_prefix("shop:")).map(Into::into).collect()
    });
    let claims = with(json!({ "permissions": ["shop:admin", "bank:root"], "roles": ["user"] }));
    assert_eq!(granted(&validation, &claims).await[0], "user admin");
    assert_eq!(granted(&validation, &with(json!({}))).await[0], "");
}

#[tokio::test]
async fn r15_roles_of_an_issuer_can_be_translated() {
    let validation = Validation::new()
        .audience("shop")
        .map_role("6bf6", "admin")
        .map_role("6bf6", "auditor")
        .map_role("user", "buyer");
    let of = |roles: Value| with(json!({ "roles": roles }));
    assert_eq!(granted(&validation, &of(json!(["user", "6bf6"]))).await[0], "admin auditor buyer");
    assert_eq!(granted(&validation, &of(json!(["admin", "buyer"]))).await[0], "");
}

/// The administrator of another issuer is not ours.
#[tokio::test]
async fn r15_roles_of_a_further_issuer_count_only_if_that_is_stated() {
    let [ours, theirs] = [Algorithm::Es256, Algorithm::EdDsa].map(Signer::new);
    let roles = async |validation: Validation| {
        let own = Validation::new().issuer("https://shop.example").audience("shop");
        let auth = auth(ours.key.clone()).validation(own).trusted_issuer(
            theirs.key.clone(),
            validation.issuer("https://idp.example").audience("shop"),
        );
        let says = |issuer: &str| with(json!({ "iss": issuer, "roles": ["admin"] }));
        let own = verify(&auth, ours.token(&says("https://shop.example"))).await.unwrap();
        assert!(own.has_role("admin"));
        let identity = verify(&auth, theirs.token(&says("https://idp.example"))).await.unwrap();
        identity.roles().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(roles(Validation::new()).await, "");
    assert_eq!(roles(Validation::new().roles_pointer("/roles")).await, "admin");
    assert_eq!(roles(Validation::new().map_role("admin", "partner-admin")).await, "partner-admin");
    assert_eq!(roles(Validation::new().roles_from(|_| vec!["guest".into()])).await, "guest");
}
