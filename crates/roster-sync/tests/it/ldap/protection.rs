//! How far a certificate is looked at, and the certificate that is shown to the server.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::slapd::{Made, PASSWORD, Slapd};
use super::{REMOVE, joined, main_file, people, refused, run};
use crate::scene::{Scene, fine, organization};

/// A listener on localhost whose certificate is good between two years, and the certificate itself, which is its own authority.
async fn listener(from: i32, until: i32) -> (u16, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 2);
    params.not_after = date_time_ymd(until, 1, 2);
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    (port, certificate.pem())
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told_with_its_date_and_no_word_of_authorities() {
    for (from, until, said, way_out) in [
        (
            2020,
            2021,
            "certificate expired on 2021-01-02",
            "needs a new certificate",
        ),
        (
            2190,
            2191,
            "certificate not valid before 2190-01-02",
            "check the clock of this machine",
        ),
    ] {
        let (port, pem) = listener(from, until).await;
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("ca.pem");
        std::fs::write(&authority, &pem).unwrap();
        let file = connector(
            &format!("ldaps://localhost:{port}"),
            &format!("tls_verify: full\ntls_ca_file: {}\n", authority.display()),
        );
        let (ended, _) = run(&file, &["Painters"], REMOVE).await;
        for part in [
            "[ldap-connection]",
            said,
            way_out,
            "the clock of this machine says 20",
        ] {
            assert!(ended.log.contains(part), "{part}: {}", ended.log);
        }
        assert!(!ended.log.contains("tls_ca_file"), "{}", ended.log);

        let mut scene = Scene::new(&format!("https://localhost:{port}"));
        scene.trust = vec![pem.into_bytes()];
        let ended = scene.run("--connector csv @users.csv").await;
        assert_eq!(ended.code, 1, "{}", ended.log);
        for part in ["[server-unavailable]", said, way_out] {
            assert!(ended.log.contains(part), "{part}: {}", ended.log);
        }
        assert!(!ended.log.contains("SSL_CERT_FILE"), "{}", ended.log);
    }
}

/// A connector file for a server at `host`, with `more` from line 7 on.
fn connector(host: &str, more: &str) -> String {
    format!(
        "host: {host}\nbase_dn: dc=x\nusername: cn=admin,dc=x\npassword: {PASSWORD}\n\
         all_users_filter: (objectClass=inetOrgPerson)\ngroup_filter_format: (&(objectClass=groupOfNames)(cn={{group}}))\n\
         {more}"
    )
}

#[tokio::test]
async fn a_certificate_without_any_name_is_told_from_one_for_another_name() {
    let people = people();
    let made = |options| Made {
        ldif: &people,
        size_limit: "unlimited",
        options,
    };
    let nameless = "TLSCertificateFile @/nameless.pem\nTLSCertificateKeyFile @/nameless.key";
    let Some(slapd) = Slapd::start_with(made(nameless)) else {
        return;
    };
    let host = format!("ldaps://localhost:{}", slapd.tls_port);
    let authority = format!("tls_ca_file: {}\n", slapd.file("ca.pem").display());
    let parts = [
        "for no name at all, having no subjectAltName",
        "or set `tls_verify: chain`, with which",
    ];
    let full = connector(&host, &format!("{authority}tls_verify: full\n"));
    let (ended, server) = run(&full, &["Painters"], REMOVE).await;
    assert_eq!((ended.code, server.requests().len()), (1, 0), "{}", ended.log);
    for part in parts {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    let chain = connector(&host, &format!("{authority}tls_verify: chain\n"));
    let (ended, _) = run(&chain, &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    // A certificate that has a name, and another one, is another matter.
    let Some(slapd) = Slapd::start(&people) else {
        return;
    };
    let by_address = format!("ldaps://127.0.0.1:{}", slapd.tls_port);
    let authority = format!("tls_ca_file: {}\n", slapd.file("ca.pem").display());
    let full = connector(&by_address, &format!("{authority}tls_verify: full\n"));
    let (ended, _) = run(&full, &["Painters"], REMOVE).await;
    assert!(
        ended.log.contains("one that the certificate is for") && !ended.log.contains("tls_verify"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_chain_is_checked_without_the_name_and_in_full_with_it() {
    let Some(slapd) = Slapd::start(&people()) else {
        return;
    };
    let authority = |file: &str| format!("tls_ca_file: {}\n", slapd.file(file).display());
    // The certificate is for `localhost`; on `ldap://`, what is checked is what StartTLS shows.
    for (scheme, port) in [("ldaps", slapd.tls_port), ("ldap", slapd.port)] {
        let by_address = format!("{scheme}://127.0.0.1:{port}");
        let by_name = format!("{scheme}://localhost:{port}");
        for more in [
            "tls_verify: chain\n",
            "tls_verify: Chain\nrequire_tls_cert: true\n",
        ] {
            let file = connector(&by_address, &format!("{}{more}", authority("ca.pem")));
            let (ended, server) = run(&file, &["Painters"], REMOVE).await;
            assert_eq!(ended.code, 0, "{by_address} {more}: {}", ended.log);
            assert_eq!(joined(&server)[0], "ada: Painters");
            assert_eq!(
                ended.log.matches("[certificate-name-not-checked]").count(),
                1,
                "{}",
                ended.log
            );
            assert!(!ended.log.contains("[ldap-clear-text]"), "{}", ended.log);
            let other = connector(&by_address, &format!("{}{more}", authority("other.pem")));
            refused(&other, &["[ldap-connection]", "UnknownIssuer"]).await;
        }
        let full = format!("{}tls_verify: full\n", authority("ca.pem"));
        let (ended, _) = run(&connector(&by_name, &full), &["Painters"], REMOVE).await;
        assert_eq!(ended.code, 0, "{by_name}: {}", ended.log);
        refused(
            &connector(&by_address, &full),
            &["[ldap-connection]", "not valid for name"],
        )
        .await;
    }
    let none = connector(
        &format!("ldaps://127.0.0.1:{}", slapd.tls_port),
        "tls_verify: none\n",
    );
    let (ended, _) = run(&none, &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("[certificate-not-checked]"), "{}", ended.log);
}

#[tokio::test]
async fn settings_of_tls_that_contradict_each_other_name_both_lines() {
    for (required, word, contradicts) in [
        ("true", "none", true),
        ("yes", "None", true),
        ("false", "chain", true),
        ("No", "full", true),
        ("false", "none", false),
    ] {
        let more = format!("require_tls_cert: {required}\ntls_verify: {word}\n");
        // Port 1 answers nobody.
        let file = connector("ldaps://localhost:1", &more);
        let said =
            format!("ldap.yml:8: `tls_verify: {word}` contradicts `require_tls_cert: {required}` in line 7");
        if contradicts {
            refused(&file, &[&said, "[ldap-tls-contradiction]"]).await;
        } else {
            refused(&file, &["[ldap-connection]"]).await;
        }
    }
    refused(
        &connector("ldaps://localhost:1", "tls_verify: hard\n"),
        &["ldap.yml:7: `tls_verify` is one of none, chain, full, not `hard` [ldap-unknown-word]"],
    )
    .await;
    // What YAML takes for a boolean is told as it was typed.
    refused(
        &connector("ldaps://localhost:1", "tls_verify: No\nreferrals: false\n"),
        &[
            "ldap.yml:7: `tls_verify` is one of none, chain, full, not `No` [ldap-unknown-word]",
            "ldap.yml:8: `referrals` is one of ignore, follow, not `false` [ldap-unknown-word]",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_clients_is_shown_their_certificate() {
    let ldif = people();
    let made = Made {
        ldif: &ldif,
        size_limit: "unlimited",
        options: "TLSVerifyClient demand",
    };
    let Some(slapd) = Slapd::start_with(made) else {
        return;
    };
    for host in [
        format!("ldaps://localhost:{}", slapd.tls_port),
        format!("ldap://localhost:{}", slapd.port),
    ] {
        let checked = format!(
            "require_tls_cert: true\ntls_ca_file: {}\n",
            slapd.file("ca.pem").display()
        );
        let with = |name: &str| {
            let [cert, key] = ["pem", "key"].map(|kind| slapd.file(&format!("{name}.{kind}")));
            let (cert, key) = (cert.display(), key.display());
            connector(
                &host,
                &format!("{checked}client_cert: {cert}\nclient_key: {key}\n"),
            )
        };
        let (ended, server) = run(&with("client"), &["Painters"], REMOVE).await;
        assert_eq!(ended.code, 0, "{host}: {}", ended.log);
        assert_eq!(joined(&server)[0], "ada: Painters");
        for file in [with("stranger"), connector(&host, &checked)] {
            refused(&file, &["[ldap-connection]", &host, "`client_cert`"]).await;
        }
    }
    // Names of files are relative to the connector file.
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    scene.write("user-sync-config.yml", &main_file(&["Painters"]));
    for name in ["ca.pem", "client.pem", "client.key"] {
        scene.write(name, &std::fs::read_to_string(slapd.file(name)).unwrap());
    }
    let more =
        "require_tls_cert: true\ntls_ca_file: ca.pem\nclient_cert: client.pem\nclient_key: client.key\n";
    let host = format!("ldaps://localhost:{}", slapd.tls_port);
    scene.write("ldap.yml", &connector(&host, more));
    let ended = scene.run("--process-groups --users mapped").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_shown_is_told_before_any_connection() {
    let folder = tempfile::tempdir().unwrap();
    super::slapd::certificates(folder.path());
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(folder.path().join("locked.key"), LOCKED).unwrap();
    for (cert, key, part) in [
        ("client.pem", "client.key", "[ldap-connection]"),
        ("client.pem", "stranger.key", "ldap.yml:8: `client_key`: `"),
        ("client.pem", "none.key", "In setting `client_key`: No such file"),
        ("none.pem", "client.key", "In setting `client_cert`: No such file"),
        ("client.key", "client.key", "holds no certificate in PEM form"),
        ("client.pem", "client.pem", "holds no private key in PEM form"),
        ("client.pem", "locked.key", "has a passphrase"),
    ] {
        // Port 1 answers nobody.
        let more = format!("client_cert: {}\nclient_key: {}\n", at(cert), at(key));
        refused(&connector("ldaps://localhost:1", &more), &[part]).await;
    }
    for (more, part) in [
        (
            format!("client_cert: {}\n", at("client.pem")),
            "ldap.yml:7: `client_cert` goes with `client_key`",
        ),
        (
            format!("client_key: {}\n", at("client.key")),
            "ldap.yml:7: `client_key` goes with `client_cert`",
        ),
    ] {
        refused(&connector("ldaps://localhost:1", &more), &[part]).await;
    }
    // Nobody would ask for it in clear.
    let more = format!(
        "client_cert: {}\nclient_key: {}\n",
        at("client.pem"),
        at("client.key")
    );
    refused(
        &connector("ldap://localhost:1", &more),
        &["ldap.yml:7: `client_cert` is shown over TLS only"],
    )
    .await;
}

/// What a key with a passphrase begins with; it does not get as far as being decrypted.
const LOCKED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
