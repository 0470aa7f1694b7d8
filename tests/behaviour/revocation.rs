//! Every end or change of a sign-in takes effect at once on every node, even for credentials that
//! the node has just accepted.

use auth_store::{Store, encode};
use http::Method;

use crate::app::{Login, Me, User};
use crate::harness::{Credential, World};

suite!(every:
    sec_14_a_sign_out_acts_at_once,
    sec_14_a_sign_out_everywhere_acts_at_once,
    sec_16_a_sign_out_of_the_others_acts_at_once,
    sec_19_ending_a_device_acts_at_once,
    sec_15_disabling_a_user_acts_at_once,
    sec_88_a_change_of_roles_acts_at_once,
    sec_04_signing_in_again_acts_at_once,
);

/// Two nodes over one store.
struct Nodes(World, World);

impl Nodes {
    async fn of(world: World) -> Self {
        let other = world.with(|_| {}).await;
        Self(world, other)
    }

    /// Returns the status of both nodes at this path.
    async fn at(&self, path: &str, credential: &Credential) -> [u16; 2] {
        let Self(here, there) = self;
        let (here, there) =
            (here.client_with(credential).get(path), there.client_with(credential).get(path));
        [here.await.status.as_u16(), there.await.status.as_u16()]
    }

    /// Lets both nodes accept the credential several times, so that they cache what they may.
    async fn warm_up(&self, credential: &Credential) {
        for _ in 0..3 {
            assert_eq!(self.at("/me", credential).await, [200, 200]);
        }
    }

    async fn assert_rejected(&self, credential: &Credential) {
        assert_eq!(self.at("/me", credential).await, [401, 401]);
    }
}

async fn sec_14_a_sign_out_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let client = nodes.0.client();
    let credential = client.signed_in("alice").await;
    nodes.warm_up(&credential).await;
    assert_eq!(client.post("/logout").await.status, 204);
    nodes.assert_rejected(&credential).await;
}

async fn sec_14_a_sign_out_everywhere_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let (phone, laptop) = (nodes.0.client(), nodes.1.client());
    let credentials = [phone.signed_in("alice").await, laptop.signed_in("alice").await];
    for credential in &credentials {
        nodes.warm_up(credential).await;
    }
    assert_eq!(laptop.post("/logout-everywhere").await.text(), "2");
    for credential in &credentials {
        nodes.assert_rejected(credential).await;
    }
}

async fn sec_16_a_sign_out_of_the_others_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let (phone, laptop) = (nodes.0.client(), nodes.1.client());
    let (lost, kept) = (phone.signed_in("alice").await, laptop.signed_in("alice").await);
    nodes.warm_up(&lost).await;
    nodes.warm_up(&kept).await;
    assert_eq!(laptop.post("/logout-others").await.text(), "1");
    nodes.assert_rejected(&lost).await;
    nodes.warm_up(&kept).await;
}

async fn sec_19_ending_a_device_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let (phone, laptop) = (nodes.0.client(), nodes.1.client());
    let (lost, kept) = (phone.signed_in("alice").await, laptop.signed_in("alice").await);
    nodes.warm_up(&lost).await;
    let path = format!("/devices/{}", lost.sign_in());
    assert_eq!(laptop.call(Method::DELETE, &path).await.status, 204);
    nodes.assert_rejected(&lost).await;
    nodes.warm_up(&kept).await;
}

async fn sec_15_disabling_a_user_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let alices = nodes.0.client().signed_in("alice").await;
    let bobs = nodes.0.client().signed_in("bob").await;
    nodes.warm_up(&alices).await;
    assert_eq!(nodes.0.store.revoke_subject("alice").await.unwrap(), 1);
    nodes.assert_rejected(&alices).await;
    nodes.warm_up(&bobs).await;
}

/// Roles and claims are added and removed.
async fn sec_88_a_change_of_roles_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let credential = nodes.0.client().signed_in(Login::from("alice").role("admin")).await;
    nodes.warm_up(&credential).await;
    for (roles, status) in [(vec![], 403), (vec!["admin".into()], 200), (vec!["x".into()], 403)] {
        let name = format!("with {}", roles.len());
        let principal = encode(&roles, &User { name: name.clone() }).unwrap();
        nodes.0.store.update_subject("alice", &principal).await.unwrap();
        assert_eq!(nodes.at("/admin", &credential).await, [status, status]);
        let me: Me = nodes.1.client_with(&credential).get("/me").await.json();
        assert_eq!(me.name, name);
    }
}

/// The user signs in again as the same user, and then as another one.
async fn sec_04_signing_in_again_acts_at_once(world: World) {
    let nodes = Nodes::of(world).await;
    let client = nodes.0.client();
    let mut old = client.signed_in("alice").await;
    for subject in ["alice", "bob", "bob"] {
        nodes.warm_up(&old).await;
        let new = client.signed_in(subject).await;
        nodes.assert_rejected(&old).await;
        nodes.warm_up(&new).await;
        old = new;
    }
}
