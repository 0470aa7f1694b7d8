//! Handlers that cancel a save, for example by a timeout.

use auth_store::Session;
use http::Response;
use http::request::Parts;

use crate::harness::{Fault, Op, World};

suite!(every:
    a_cancelled_save_counts_once_with_the_response,
    repeatedly_cancelled_saves_count_once,
);

fn add(session: &Session, item: &'static str) {
    session.update("cart", |items: &mut Vec<String>| items.push(item.to_owned())).unwrap();
}

/// Starts a save, and cancels it when it has reached the store, which has this fault.
async fn cancel_save(world: &World, session: &Session, fault: Fault) {
    world.store.reset_calls();
    world.store.set(Op::Update, fault);
    tokio::select! {
        biased;
        saved = session.save() => panic!("{saved:?}, although the store did not answer"),
        () = world.store.reached(Op::Update, 1) => {}
    }
    world.store.clear_faults();
}

/// The fault: a cancelled save lost the changes it had taken, and the response was still 200.
async fn a_cancelled_save_counts_once_with_the_response(world: World) {
    for fault in [Fault::Hangs, Fault::AnswerDelayed] {
        let credential = world.client().signed_in("alice").await;
        let handler = async |head: Parts| {
            let session = Session::of(&head.extensions).unwrap();
            add(&session, "apple");
            cancel_save(&world, &session, fault).await;
            add(&session, "pear");
            Response::default()
        };
        assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
        let cart = world.client_with(&credential).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple","pear"]"#, "{fault:?}");
    }
}

/// The fault: if the answer to an attempt was lost, its changes counted as not stored although they
/// were.
async fn repeatedly_cancelled_saves_count_once(world: World) {
    for (first, second) in [
        (Fault::AnswerDelayed, Fault::AnswerDelayed),
        (Fault::AnswerDelayed, Fault::Hangs),
        (Fault::Hangs, Fault::AnswerDelayed),
    ] {
        let credential = world.client().signed_in("alice").await;
        let handler = async |head: Parts| {
            let session = Session::of(&head.extensions).unwrap();
            for (item, fault) in [("apple", first), ("pear", second)] {
                add(&session, item);
                cancel_save(&world, &session, fault).await;
            }
            add(&session, "plum");
            session.save().await.unwrap();
            Response::default()
        };
        assert_eq!(world.handle(Some(&credential), handler).await.status(), 200);
        let cart = world.client_with(&credential).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple","pear","plum"]"#, "{first:?}, then {second:?}");
    }
}
