//! Users of the server, and what they may do.

use auth_servers::MongoServer;
use auth_store::{MongoSetupError, MongoStore, Store};
use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::error_text::error_text;
use crate::sign_in::sign_in;
use crate::stores::open;

/// The role in the documentation of the store.
fn sign_ins() -> Document {
    let actions = "find insert update remove listIndexes createIndex createCollection";
    doc! {
        "createRole": "signIns",
        "privileges": [{
            "resource": { "db": "tests", "collection": "auth_sign_ins" },
            "actions": actions.split(' ').collect::<Vec<_>>(),
        }],
        "roles": [],
    }
}

/// A user who could sign in users, but not end their sign-ins, would be noticed at the first logout only.
#[tokio::test(flavor = "multi_thread")]
async fn sec_74_a_missing_privilege_is_named_when_the_store_is_opened() {
    let mut server = MongoServer::with(&[MongoServer::DURABLE]);
    open(server.url()).await;
    let client = Client::with_uri_str(server.url()).await.expect("a valid URL");
    let database = client.default_database().expect("it is named");
    database.run_command(sign_ins()).await.expect("it runs");
    for (user, role) in [("reads", "read"), ("works", "signIns"), ("nothing", "dbAdmin")] {
        let created = doc! { "createUser": user, "pwd": "hunter2", "roles": [role] };
        database.run_command(created).await.expect("it runs");
    }
    server.set(&["--auth"]);
    server.kill();
    server.start_again();

    let url = |user: &str| server.url().replace("://", &format!("://{user}:hunter2@"));
    for (user, migrates) in [("reads", false), ("reads", true), ("nothing", false)] {
        let builder = MongoStore::builder(url(user));
        let builder = if migrates { builder.migrate() } else { builder };
        let error = builder.connect().await.expect_err(user);
        assert!(matches!(error, MongoSetupError::MissingPrivilege(_)), "{error:?}");
        let text = error_text(&error);
        assert!(text.contains("not authorized") && !text.contains("hunter2"), "{text}");
    }
    let store = open(url("works")).await;
    sign_in(&store, "ada").await;
    assert_eq!(store.revoke_subject("ada").await.expect("it may"), 1);
    let error = MongoStore::connect(url("works").replace("hunter2", "x")).await;
    let error = error.expect_err("the wrong password");
    assert!(matches!(error, MongoSetupError::Authentication(_)), "{error:?}");
}

/// The server may abort the transaction of the check, as while the replica set chooses a new primary.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_the_server_aborts_is_repeated() {
    let server = MongoServer::with(&[MongoServer::FAIL_POINTS]);
    open(server.url()).await;
    let client = Client::with_uri_str(server.url()).await.expect("a valid URL");
    let created = doc! { "createUser": "ada", "pwd": "hunter2", "roles": ["readWrite"] };
    let database = client.default_database().expect("it is named");
    database.run_command(created).await.expect("it runs");
    let fail = async |times: i32| {
        let labels = ["TransientTransactionError"];
        let data = doc! { "failCommands": ["insert"], "errorCode": 251, "errorLabels": labels };
        let mode = doc! { "times": times };
        let point = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        client.database("admin").run_command(point).await.expect("it runs");
    };
    let url = server.url().replace("://", "://ada:hunter2@");
    fail(2).await;
    MongoStore::connect(&url).await.expect("it is repeated");
    fail(3).await;
    let error = MongoStore::connect(&url).await.expect_err("it is repeated only twice");
    assert!(matches!(error, MongoSetupError::Refused(_)), "{error:?}");
    MongoStore::connect(&url).await.expect("the server works again");
}
