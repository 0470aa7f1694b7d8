//! Counts the tokens that are rejected, for the feature `metrics`. Without it, nothing is counted.

use std::sync::Arc;

use auth_core::RejectionReason;

/// Counts a token that was rejected for this reason, by the name of its issuer.
#[cfg(feature = "metrics")]
pub(crate) fn count(reason: RejectionReason, issuer: impl FnOnce() -> Arc<str>) {
    let labels = [("issuer", issuer().to_string()), ("reason", reason.as_str().to_owned())];
    metrics::counter!("auth_jwt_rejected_tokens_total", &labels).increment(1);
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn count(_: RejectionReason, _: impl FnOnce() -> Arc<str>) {}

#[cfg(all(test, feature = "metrics", feature = "remote-keys", feature = "testing"))]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use crate::testing::IssuerServer;
    use crate::{JwtAuth, RemoteIssuers, Validation};

    /// Returns the metrics of this name with their labels, while the future runs.
    fn counted(name: &str, run: impl Future<Output = ()>) -> Vec<String> {
        let recorder = DebuggingRecorder::new();
        let recorded = recorder.snapshotter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        metrics::with_local_recorder(&recorder, || runtime.block_on(run));
        let mut lines: Vec<_> = recorded
            .snapshot()
            .into_vec()
            .into_iter()
            .filter(|(key, ..)| key.key().name() == name)
            .map(|(key, _, _, value)| {
                let labels: Vec<_> = key.key().labels().map(metrics::Label::value).collect();
                let value = match value {
                    DebugValue::Counter(count) => count.to_string(),
                    DebugValue::Gauge(value) => value.to_string(),
                    DebugValue::Histogram(_) => panic!("there are no histograms"),
                };
                format!("{} {value}", labels.join(" "))
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn r20_rejected_tokens_are_counted_by_issuer_and_reason() {
        let lines = counted("auth_jwt_rejected_tokens_total", async {
            let server = IssuerServer::start().await.audience("shop");
            let other = Validation::new().issuer("other").audience("shop");
            let auth = server.auth().trusted_issuer(crate::Key::hs256([7; 32]).unwrap(), other);
            let auth = auth.issuer("https://idp.example");
            let token = server.issuer().token("alice").claim("iss", "https://idp.example");
            for (token, times) in [
                (token.clone(), 1),
                (token.clone().claim("aud", "bank"), 2),
                (token.clone().claim("iss", "other"), 1),
                (token.claim("iss", "https://stranger.example"), 1),
            ] {
                for _ in 0..times {
                    let _ = auth.verify(token.sign().as_bytes()).await;
                }
            }
            let _ = auth.verify(b"no token").await;
        });
        assert_eq!(
            lines,
            [
                " malformed 1",
                " unknown issuer 1",
                "https://idp.example wrong audience 2",
                "other unknown key 1",
            ]
        );
    }

    #[test]
    fn r20_a_probe_is_no_token_with_an_unknown_key() {
        let lines = counted("auth_jwt_unknown_keys_total", async {
            let server = IssuerServer::start().await;
            let auth = server.auth();
            auth.remote_keys().next().unwrap().ready().await.unwrap();
        });
        assert!(lines.is_empty(), "{lines:?}");
        let lines = counted("auth_jwt_unknown_keys_total", async {
            let server = IssuerServer::start().await;
            let _ = server.auth().verify(server.issuer().token("alice").sign().as_bytes()).await;
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(" 1"), "{lines:?}");
    }
    /// The fault: each name that anyone made up was a label, and no recorder ever forgets one.
    #[test]
    fn r20_a_made_up_name_that_a_rule_admits_is_no_label() {
        let run = async || {
            let server = IssuerServer::start_at("/real").await.audience("shop");
            let template = server.issuer().name().replace("/real", "/{tenant}");
            let auth = JwtAuth::new(RemoteIssuers::template(template.clone())).audience("shop");
            let auth = auth.clock(server.issuer().clock().clock());
            for tenant in ["a", "b", "real"] {
                let name = template.replace("{tenant}", tenant);
                let token = server.issuer().token("alice").claim("iss", name).sign();
                let outcome = auth.verify(token.as_bytes()).await;
                let is_accepted = matches!(outcome, auth_core::Outcome::Authenticated(_));
                assert_eq!(is_accepted, tenant == "real", "{outcome:?}");
            }
        };
        assert_eq!(counted("auth_jwt_key_fetches_total", run()), [" changed 1", " status 2"]);
        assert_eq!(counted("auth_jwt_unknown_keys_total", run()), [" 3"]);
        let keys = counted("auth_jwt_keys", run());
        let [line] = &keys[..] else { panic!("{keys:?}") };
        assert!(line.starts_with("http://127.0.0.1:") && line.ends_with("/real 1"), "{line}");
    }
}
