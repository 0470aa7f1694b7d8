//! Applications read claims into any type and get what they would have read from the JSON itself.
//! The claims of the token are checked all the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Debug};

use auth_jwt::Algorithm;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::harness::EventCapture;

use super::kit::{NOW, Signer, auth, rejection, verify, with};

/// Returns claims with all registered names, and more.
fn everything() -> Value {
    with(json!({
        "iss": "https://idp.example", "jti": "7", "client_id": "app", "acr": "aal2", "sid": "s",
        "nbf": NOW - 1, "auth_time": NOW - 2, "amr": ["pwd", "otp"], "scope": "read write",
        "scp": ["more"], "roles": ["admin"], "name": "Älice \u{1f511}\n", "age": -42, "score": 1.5,
        "verified": true, "nothing": null, "list": [1, [2], { "a": 1 }], "kind": "person",
        "address": { "city": "Ulm", "zip": "89073" },
    }))
}

/// Checks that an application reads the same from the layer as from the JSON itself.
async fn same<C: DeserializeOwned + PartialEq + Debug + Send + Sync + 'static>(claims: &Value) {
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone()).claims::<C>();
    let token = signer.token(claims);
    match serde_json::from_value::<C>(claims.clone()) {
        Ok(expected) => {
            let identity = verify(&auth, token).await.expect("a good token");
            assert_eq!(*identity.claims(), expected);
            assert_eq!(identity.subject(), "alice");
        }
        Err(_) => assert_eq!(rejection(&auth, token).await, "claims of another shape"),
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Subject(String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Aal1,
    Aal2,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Every registered claim with another type than the verifier uses.
#[derive(Debug, PartialEq, Deserialize)]
struct Registered {
    sub: Subject,
    iss: Option<Box<str>>,
    acr: Level,
    aud: OneOrMore,
    amr: BTreeSet<String>,
    scope: Option<OneOrMore>,
    scp: (String,),
    exp: i64,
    nbf: f64,
    iat: Option<u32>,
    auth_time: Value,
    jti: String,
    #[serde(default)]
    missing: u8,
    #[serde(rename = "client_id")]
    client: Option<Option<String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Address {
    city: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Own {
    name: String,
    age: i8,
    score: f32,
    verified: bool,
    nothing: Option<u8>,
    list: Vec<Value>,
    address: Address,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Person { name: String, exp: u64 },
    Robot {},
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Either {
    Robot { serial: u64 },
    Person { name: String, roles: Vec<String> },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(transparent)]
struct Wrapped(BTreeMap<String, Value>);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
struct Converted(usize);

impl TryFrom<Value> for Converted {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        Ok(Self(value.as_object().ok_or("no object")?.len()))
    }
}

#[tokio::test]
async fn every_type_reads_the_same_as_from_json() {
    let all = everything();
    same::<Value>(&all).await;
    same::<auth_core::Claims>(&all).await;
    same::<Wrapped>(&all).await;
    same::<Option<Wrapped>>(&all).await;
    same::<Box<BTreeMap<String, Value>>>(&all).await;
    same::<Registered>(&all).await;
    same::<Own>(&all).await;
    same::<Tagged>(&all).await;
    same::<Either>(&all).await;
    same::<Converted>(&all).await;
    let one = with(json!({
        "aud": ["bank", "shop"], "acr": "aal1", "amr": [], "scope": ["a"], "scp": ["b"],
        "nbf": NOW - 1, "auth_time": 0.5, "jti": "", "kind": "robot", "serial": 7,
    }));
    same::<Registered>(&one).await;
    same::<Tagged>(&one).await;
    same::<Either>(&one).await;
}

/// Claims that do not fit the type are refused, and so are types that are no claims at all.
#[tokio::test]
async fn claims_of_another_shape_are_refused() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Narrow {
        sub: String,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrong {
        exp: String,
    }
    let all = everything();
    same::<Narrow>(&all).await;
    same::<Wrong>(&all).await;
    same::<Level>(&all).await;
    same::<String>(&all).await;
    same::<Vec<String>>(&all).await;
    same::<BTreeMap<String, String>>(&all).await;
    same::<Registered>(&with(json!({ "acr": "aal9", "amr": [], "scp": ["b"], "jti": "" }))).await;
}

/// A type that reads no member, or stops after the first.
#[derive(Debug)]
struct Careless;

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstOnly;
        impl<'de> Visitor<'de> for FirstOnly {
            type Value = Careless;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Careless, A::Error> {
                map.next_entry::<IgnoredAny, IgnoredAny>()?;
                Ok(Careless)
            }
        }
        deserializer.deserialize_map(FirstOnly)
    }
}

/// A type that reads nothing at all.
#[derive(Debug)]
struct Absent;

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// A type that takes a member as raw text.
#[derive(Debug, Deserialize)]
struct Unread {
    #[serde(rename = "x")]
    _x: Option<Box<RawValue>>,
}

#[tokio::test]
async fn a_raw_claim_has_the_text_of_the_token() {
    #[derive(Debug, Deserialize)]
    struct Text {
        x: Box<RawValue>,
    }
    let signer = Signer::new(Algorithm::Hs256);
    let x = r#"{ "y": [1.0, "\u00e9", {"y": null}] }"#;
    let claims = format!(r#"{{"sub":"alice","aud":"shop","exp":{},"x":{x}}}"#, NOW + 300);
    let auth = auth(signer.key.clone()).claims::<Text>();
    let identity = verify(&auth, signer.raw(r#"{"alg":"HS256"}"#, claims)).await.unwrap();
    assert_eq!(identity.claims().x.get(), x);
}

/// Returns claims that are invalid, for different reasons.
fn bad() -> Vec<String> {
    let exp = NOW + 300;
    vec![
        format!(r#"{{"aud":"shop","exp":{exp}}}"#),
        format!(r#"{{"sub":"alice","exp":{exp}}}"#),
        format!(r#"{{"sub":"alice","aud":"bank","exp":{exp}}}"#),
        r#"{"sub":"alice","aud":"shop"}"#.to_owned(),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{}}}"#, NOW - 60),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"sub":"bob"}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"x":1,"x":1}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"x":{{"y":1,"y":1}}}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"x":[{{"y":{{"z":1,"\u007a":1}}}}]}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"x":1e400}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"nonce":"n"}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp},"iss":7}}"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp}}} x"#),
        format!(r#"{{"sub":"alice","aud":"shop","exp":{exp}"#),
        "{}".to_owned(),
        "[]".to_owned(),
        "x".to_owned(),
    ]
}

/// The application's type does not affect what is checked.
#[tokio::test]
async fn sec_57_a_bad_token_is_rejected_for_every_type() {
    async fn all_refused<C: DeserializeOwned + Debug + Send + Sync + 'static>() {
        let signer = Signer::new(Algorithm::Hs256);
        let auth = auth(signer.key.clone()).claims::<C>();
        for claims in bad() {
            rejection(&auth, signer.raw(r#"{"alg":"HS256"}"#, claims)).await;
        }
    }
    all_refused::<Value>().await;
    all_refused::<()>().await;
    all_refused::<Option<()>>().await;
    all_refused::<IgnoredAny>().await;
    all_refused::<Wrapped>().await;
    all_refused::<HashMap<String, IgnoredAny>>().await;
    all_refused::<Converted>().await;
    all_refused::<Unread>().await;
    all_refused::<HashMap<String, Box<RawValue>>>().await;
    all_refused::<Careless>().await;
    all_refused::<Absent>().await;
}

#[tokio::test]
async fn sec_74_no_event_holds_a_claim_of_a_token() {
    #[derive(Debug, Deserialize)]
    struct Other {
        #[serde(rename = "email")]
        _email: u64,
    }
    let signer = Signer::new(Algorithm::Hs256);
    let auth = auth(signer.key.clone()).claims::<Other>();
    let token = signer.token(&with(json!({ "email": "alice@example.org" })));
    let events = EventCapture::start();
    assert_eq!(rejection(&auth, token).await, "claims of another shape");
    let lines = events.take();
    assert!(
        lines.iter().any(|line| line.contains("do not fit the application's type")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.contains("example.org")), "{lines:#?}");
}
