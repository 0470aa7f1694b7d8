//! Malformed and forged tokens cost no lookup in the store.

use auth_core::SignInId;

use crate::app::Refresh;
use crate::harness::{Credential, REFRESH, World};

suite!(pair:
    sec_07_a_malformed_access_token_costs_no_lookup,
    sec_07_a_malformed_refresh_token_costs_no_lookup,
    sec_86_a_forged_access_token_costs_no_lookup,
);

async fn sec_07_a_malformed_access_token_costs_no_lookup(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.reset_calls();
    let good = credential.text();
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = unsigned.split_once('.').unwrap();
    let bad = [
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}="),
        format!("{good}."),
        format!("{good} {good}"),
        format!("{unsigned}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{payload}.{header}.{signature}"),
        "..".to_owned(),
        format!("{unsigned}.{}", "A".repeat(20_000)),
    ];
    for bad in bad {
        let refused = world.client().get("/me").header("authorization", &format!("Bearer {bad}"));
        assert_eq!(refused.await.status, 401, "{bad:.300}");
    }
    assert_eq!(world.store.all_calls(), 0);
}

async fn sec_07_a_malformed_refresh_token_costs_no_lookup(world: World) {
    let credential = world.client().signed_in("alice").await;
    world.store.reset_calls();
    let good = credential.refresh().unwrap();
    let secret = credential.secret();
    let short = &good[..good.len() - 1];
    let bad = [
        secret.to_owned(),
        short.to_owned(),
        format!("{short}="),
        format!("{short}/"),
        format!("{good}{secret}"),
        format!("REF_{secret}"),
        format!("ses_{secret}"),
        "ref_".to_owned(),
        credential.text().to_owned(),
    ];
    for bad in bad {
        let cookie = format!("{REFRESH}={bad}");
        let by_cookie = world.client().post("/refresh").header("cookie", &cookie).await;
        assert_eq!((by_cookie.status.as_u16(), by_cookie.set_cookies().len()), (401, 0), "{bad}");
        let by_body = world.client().post("/refresh").json(&Refresh::token(&bad)).await;
        assert_eq!(by_body.status, 401, "{bad}");
    }
    assert_eq!(world.store.all_calls(), 0);
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_86_a_forged_access_token_costs_no_lookup(world: World) {
    let credential = world.client().signed_in("alice").await;
    let known = credential.forged().access_alone();
    let unknown = credential.forged_for(SignInId::from_bytes([7; 16])).access_alone();
    world.store.reset_calls();
    for forged in [known, unknown, Credential::Token(credential.tampered().text().to_owned())] {
        assert_eq!(world.status_of(&forged).await, 401);
        assert_eq!(world.client_with(&forged).post("/logout").await.status, 204);
    }
    assert_eq!(world.store.all_calls(), 0);
    assert_eq!(world.status_of(&credential).await, 200);
}
