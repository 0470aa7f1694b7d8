//! Handlers that wait for a save no longer than they want to.

use auth_store::Session;
use http::Response;
use http::request::Parts;

use crate::harness::{Fault, Op, World};

suite!(every:
    a_save_that_was_given_up_counts_once_with_the_response,
    saves_that_were_given_up_again_and_again_count_once,
);

fn put(session: &Session, item: &'static str) {
    session.update("cart", |items: &mut Vec<String>| items.push(item.to_owned())).unwrap();
}

/// Gives up a save that has reached the store, which does this.
async fn give_up(world: &World, session: &Session, fault: Fault) {
    world.store.forget_calls();
    world.store.set(Op::Update, fault);
    tokio::select! {
        biased;
        saved = session.save() => panic!("{saved:?}, though the store did not answer"),
        () = world.store.reached(Op::Update, 1) => {}
    }
    world.store.heal();
}

/// The fault: what the save had taken was lost with it, and the response left with 200.
async fn a_save_that_was_given_up_counts_once_with_the_response(world: World) {
    for fault in [Fault::Hangs, Fault::Late] {
        let credential = world.client().signed_in("alice").await;
        let handler = async |head: Parts| {
            let session = Session::of(&head.extensions).unwrap();
            put(&session, "apple");
            give_up(&world, &session, fault).await;
            put(&session, "pear");
            Response::default()
        };
        assert_eq!(world.inside(Some(&credential), handler).await.status(), 200);
        let cart = world.holder(&credential).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple","pear"]"#, "{fault:?}");
    }
}

/// The fault: after an attempt that had been stored unheard, the changes that it had made counted
/// as those that were not stored.
async fn saves_that_were_given_up_again_and_again_count_once(world: World) {
    for (first, second) in
        [(Fault::Late, Fault::Late), (Fault::Late, Fault::Hangs), (Fault::Hangs, Fault::Late)]
    {
        let credential = world.client().signed_in("alice").await;
        let handler = async |head: Parts| {
            let session = Session::of(&head.extensions).unwrap();
            for (item, fault) in [("apple", first), ("pear", second)] {
                put(&session, item);
                give_up(&world, &session, fault).await;
            }
            put(&session, "plum");
            session.save().await.unwrap();
            Response::default()
        };
        assert_eq!(world.inside(Some(&credential), handler).await.status(), 200);
        let cart = world.holder(&credential).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple","pear","plum"]"#, "{first:?}, then {second:?}");
    }
}
