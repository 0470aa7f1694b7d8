//! The URL of the store: its options, and what the driver makes of it.

use mongodb::options::{ClientOptions, ReadConcern};

use super::error::MongoSetupError;
use crate::stores::url_options::{MAX_CONNECTIONS, Meaning, TIMEOUT, UrlOption, apply_options};

/// The options of the driver and of others, in lower case: their names have no case.
const OPTIONS: &[UrlOption] = &[
    (&["appname", "authsource", "replicaset"], Meaning::Applied),
    (
        &["directconnection"],
        Meaning::Met(&["false"], "the store has to find the primary: remove it"),
    ),
    (&["srvmaxhosts", "srvservicename", "servermonitoringmode"], Meaning::Applied),
    (&["maxconnecting", "maxidletimems", "minpoolsize"], Meaning::Applied),
    (&["ssl", "tls", "tlscafile", "tlscertificatekeyfile"], Meaning::Applied),
    (
        &["authmechanism"],
        Meaning::AppliedIf(
            &["SCRAM-SHA-1", "SCRAM-SHA-256", "MONGODB-X509"],
            "the store supports SCRAM-SHA-1, SCRAM-SHA-256 and MONGODB-X509",
        ),
    ),
    (
        &["readconcernlevel"],
        Meaning::AppliedIf(
            &["majority", "linearizable"],
            "other levels return what may be undone: set `majority` or `linearizable`",
        ),
    ),
    (&["w"], Meaning::Met(&["majority"], "writes always wait for a majority: remove it")),
    (&["journal"], Meaning::Met(&["true"], "writes always wait for the journal: remove it")),
    (
        &["readpreference"],
        Meaning::Met(&["primary"], "a secondary may not know of a logout: remove it"),
    ),
    (
        &["maxstalenessseconds", "readpreferencetags"],
        Meaning::Rejected("the store reads from the primary: remove it"),
    ),
    (
        &["retryreads", "retrywrites"],
        Meaning::Met(&["true"], "the driver always repeats once: remove it"),
    ),
    (&["loadbalanced"], Meaning::Met(&["false"], "load balancers are not supported")),
    (&["localthresholdms", "uuidrepresentation"], Meaning::AlwaysMet),
    (
        &["tlsallowinvalidcertificates", "tlsallowinvalidhostnames", "tlsinsecure"],
        Meaning::Met(
            &["false"],
            "certificates are always verified: set `tlsCAFile` to your own certificate authority",
        ),
    ),
    (&["tlscertificatekeyfilepassword"], Meaning::Rejected("use a key that is not encrypted")),
    (
        &["compressors", "heartbeatfrequencyms", "zlibcompressionlevel"],
        Meaning::Rejected("remove it"),
    ),
    (&["maxpoolsize"], MAX_CONNECTIONS),
    (
        &[
            "connecttimeoutms",
            "serverselectiontimeoutms",
            "sockettimeoutms",
            "timeoutms",
            "waitqueuetimeoutms",
            "wtimeoutms",
        ],
        TIMEOUT,
    ),
];

/// Parses the URL, and sets nothing that the builder decides.
pub(super) async fn parse(url: &str) -> Result<ClientOptions, MongoSetupError> {
    let error = |text: String| MongoSetupError::Url(text.into());
    if !url.starts_with("mongodb://") && !url.starts_with("mongodb+srv://") {
        return Err(error("the scheme must be `mongodb` or `mongodb+srv`".to_owned()));
    }
    if url.contains('#') {
        return Err(error("it contains `#`: write it as `%23`".to_owned()));
    }
    let applied = apply_options(&lower_names(url), OPTIONS).map_err(error)?;
    let options = ClientOptions::parse(&applied).await.map_err(MongoSetupError::from_driver)?;
    if options.load_balanced == Some(true) {
        return Err(error("load balancers are not supported".to_owned()));
    }
    if options.default_database.as_deref().is_none_or(str::is_empty) {
        return Err(error("it contains no database".to_owned()));
    }
    Ok(options)
}

/// Returns the read concern of the URL. Defaults to what a majority has.
pub(super) fn read_concern(options: &ClientOptions) -> ReadConcern {
    options.read_concern.clone().unwrap_or_else(ReadConcern::majority)
}

/// Writes the names of the options in lower case.
fn lower_names(url: &str) -> String {
    let Some((place, query)) = url.split_once('?') else { return url.to_owned() };
    let lower = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{}={value}", name.to_ascii_lowercase()),
        None => pair.to_ascii_lowercase(),
    };
    format!("{place}?{}", query.split('&').map(lower).collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use mongodb::options::{ConnectionString, HostInfo};

    use super::*;

    async fn error_of(url: &str) -> String {
        match parse(url).await {
            Err(error @ MongoSetupError::Url(_)) => error.to_string(),
            other => panic!("{url}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn what_hosting_providers_hand_out_is_understood() {
        for query in [
            "",
            "?retryWrites=true&w=majority&appName=shop",
            "?replicaSet=rs0&authSource=admin&authMechanism=SCRAM-SHA-256",
            "?readPreference=primary&journal=true&readConcernLevel=linearizable",
        ] {
            let options = parse(&format!("mongodb://ada:pw@a,b:1/shop{query}")).await;
            let options = options.unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_eq!(
                (options.hosts.len(), options.default_database),
                (2, Some("shop".to_owned()))
            );
        }
    }

    #[tokio::test]
    async fn an_option_that_cannot_be_honored_is_named() {
        for (query, named, advice) in [
            ("wrtieConcern=1", "wrtieconcern", "unknown option"),
            ("w=1", "`w`", "majority"),
            ("journal=false", "`journal`", "journal"),
            ("readPreference=secondaryPreferred", "`readpreference`", "logout"),
            ("readConcernLevel=local", "`readconcernlevel`", "majority"),
            ("directConnection=true", "`directconnection`", "primary"),
            ("retryWrites=false", "`retrywrites`", "remove it"),
            ("tlsInsecure=true", "`tlsinsecure`", "tlsCAFile"),
            ("socketTimeoutMS=5", "`sockettimeoutms`", "`timeout`"),
            ("maxPoolSize=5", "`maxpoolsize`", "`max_connections`"),
            ("tls=true&ssl=false", "`ssl`", "repeated"),
            ("appName=a&appname=b", "`appname`", "repeated"),
            ("authMechanism=MONGODB-AWS", "`authmechanism`", "SCRAM"),
        ] {
            let error = error_of(&format!("mongodb://h/d?{query}")).await;
            assert!(error.contains(named) && error.contains(advice), "{query}: {error}");
        }
    }

    #[tokio::test]
    async fn other_urls_are_rejected() {
        for url in ["http://h/d", "mongodb:h", "mongodb://h", "mongodb://h/", "mongodb:///d"] {
            error_of(url).await;
        }
    }

    /// The names of the servers are looked up after that.
    #[tokio::test]
    async fn a_url_of_a_name_to_look_up_has_the_same_options() {
        for (rest, reason) in [
            ("ada:pw@h.example/shop?w=1", "majority"),
            ("ada:pw@h.example/shop?directConnection=true", "primary"),
            ("ada:pw@h.example/shop?srvMaxHost=2", "unknown option"),
            ("h.example:27017/shop", "port"),
            ("h.example,i.example/shop", "exactly one host"),
        ] {
            let error = parse(&format!("mongodb+srv://{rest}")).await.expect_err(rest);
            let text = format!("{error} {error:?}");
            assert!(matches!(error, MongoSetupError::Url(_)) && text.contains(reason), "{text}");
        }
        let url = "mongodb+srv://ada:pw@h.example/shop?retryWrites=true&w=majority&srvMaxHosts=2&tls=true";
        let applied = apply_options(&lower_names(url), OPTIONS).expect("all have a meaning");
        let parsed = ConnectionString::parse(&applied).expect("the driver applies them");
        assert!(matches!(parsed.host_info, HostInfo::DnsRecord(name) if name == "h.example"));
        assert_eq!((parsed.srv_max_hosts, parsed.default_database), (Some(2), Some("shop".into())));
    }

    #[tokio::test]
    async fn sec_74_errors_do_not_repeat_the_password() {
        for url in [
            "mongodb://ada:hunter2@/d",
            "mongodb://ada:hunter2@h:x/d",
            "mongodb://ada:hunter2/x@h/d",
            "mongodb://ada:hunter2@x@h/d",
            "mongodb://ada:%zzhunter2@h/d",
            "mongodb://ada:a?hunter2@h/d",
            "mongodb://ada:hunter2#x@h/d",
            "mongodb://ada:hunter2:x@h/d",
            "mongodb://:hunter2@h/d",
            "mongodb://ada:hunter2@h/d?x=y",
            "mongodb://ada:hunter2@h",
        ] {
            let Err(error) = parse(url).await else { continue };
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{url}: {error:?}");
        }
    }
}
