//! Connections to OpenLDAP that end in the middle.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::slapd::{PASSWORD, Slapd, group, person};
use super::{REMOVE, joined, people, run};
use crate::server::Server;

#[tokio::test]
async fn a_server_that_dies_in_the_middle_removes_nobody() {
    let many: String = (0..3000)
        .map(|number| person(&format!("p{number}"), &[]))
        .collect();
    let Some(slapd) = Slapd::start(&format!("{}{many}", people())) else {
        return;
    };
    // Between the two, so that it is known when half of it has come through.
    let between = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = between.local_addr().unwrap().port();
    let behind = slapd.port;
    let connector = slapd
        .connector("search_page_size: 100\n")
        .replace(&slapd.port.to_string(), &port.to_string());
    let slapd = Arc::new(Mutex::new(slapd));
    let doomed = Arc::clone(&slapd);
    let passed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&passed);
    tokio::spawn(async move {
        let (mut near, _) = between.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
        let (mut near_in, mut near_out) = near.split();
        let (mut far_in, mut far_out) = far.split();
        let up = tokio::io::copy(&mut near_in, &mut far_out);
        let down = async {
            let mut buffer = vec![0; 4096];
            loop {
                let read = far_in.read(&mut buffer).await.unwrap_or(0);
                if read == 0 || near_out.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
                if count.fetch_add(read, Ordering::Relaxed) > 200_000 {
                    doomed.lock().unwrap().kill();
                }
            }
        };
        tokio::select! { _ = up => {}, () = down => {} }
    });
    let (ended, server) = run(
        &connector,
        &["Painters"],
        "--users all --adobe-only-user-action remove",
    )
    .await;
    assert!(passed.load(Ordering::Relaxed) > 200_000, "it died in the middle");
    assert_eq!(ended.code, 1, "{}", ended.log);
    for part in [
        "[ldap-read-failure]",
        &format!("localhost:{port}"),
        "no new connection could be made, number 3 of 3",
        "nobody can be reached there",
    ] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    assert_eq!(server.requests().len(), 0, "nothing is read or sent");
}

/// A way to a server, and what went to it. Each connection ends when as many bytes have come back as it has in `most`; later
/// ones go on.
async fn way_to(behind: u16, most: Vec<usize>) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let went = Arc::<Mutex<Vec<u8>>>::default();
    let goes = Arc::clone(&went);
    let between = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = between.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut most = most.into_iter();
        while let Ok((mut near, _)) = between.accept().await {
            let mut left = most.next().unwrap_or(usize::MAX);
            let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
            let (mut near_in, mut near_out) = near.split();
            let (mut far_in, mut far_out) = far.split();
            let up = async {
                let mut buffer = vec![0; 4096];
                loop {
                    let read = near_in.read(&mut buffer).await.unwrap_or(0);
                    goes.lock().unwrap().extend_from_slice(&buffer[..read]);
                    if read == 0 || far_out.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            };
            let down = async {
                let mut buffer = vec![0; 4096];
                while left > 0 {
                    let read = far_in.read(&mut buffer).await.unwrap_or(0).min(left);
                    left -= read;
                    if read == 0 || near_out.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! { () = up => {}, () = down => {} }
        }
    });
    (port, went)
}

#[tokio::test]
async fn a_new_connection_is_no_less_encrypted_than_the_first() {
    let many: String = (0..900)
        .map(|number| person(&format!("p{number}"), &[]))
        .collect();
    let Some(slapd) = Slapd::start(&format!("{}{many}", people())) else {
        return;
    };
    // The first server is gone for good after a part of the people.
    let (first, _) = way_to(slapd.tls_port, [&[100_000][..], &[0; 8]].concat()).await;
    let (second, went) = way_to(slapd.port, Vec::new()).await;
    let hosts = format!("host: ldaps://localhost:{first} ldap://localhost:{second}");
    let connector = slapd
        .connector("tls_verify: none\n")
        .replace(&format!("host: ldap://localhost:{}", slapd.port), &hosts);
    let (ended, server) = run(&connector, &["Painters"], "--users all").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(joined(&server).len(), 902);
    for part in ["[ldap-reconnect]", "[ldap-host-passed-over]"] {
        assert_eq!(ended.log.matches(part).count(), 1, "{part}: {}", ended.log);
    }
    let went = went.lock().unwrap();
    let is_said = |text: &str| went.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_said("1.3.6.1.4.1.1466.20037"), "StartTLS");
    assert!(
        !is_said(PASSWORD) && !is_said("inetOrgPerson"),
        "nothing else is in clear"
    );
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_changes_nothing_of_what_is_sent() {
    let names: Vec<String> = (0..900).map(|number| format!("p{number}")).collect();
    let many: String = names
        .iter()
        .map(|name| person(name, &["cn=Weavers,dc=x"]))
        .collect();
    let members: Vec<String> = names.iter().map(|name| format!("uid={name},dc=x")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let weavers = group("cn=Weavers,dc=x", "Weavers", &members);
    let Some(slapd) = Slapd::start(&format!("{}{many}{weavers}", people())) else {
        return;
    };
    let whole = "--users all --process-groups --adobe-only-user-action remove";
    let two_steps = "two_steps_lookup: {group_member_attribute_name: member}\n";
    let tls = format!(
        "require_tls_cert: true\ntls_ca_file: {}\n",
        slapd.file("ca.pem").display()
    );
    for (more, options, most) in [
        (
            "search_page_size: 100\n".to_owned(),
            whole,
            vec![100_000, 30_000, 80_001],
        ),
        (format!("search_page_size: 100\n{tls}"), whole, vec![100_000]),
        (two_steps.to_owned(), REMOVE, vec![110_000, 30_000]),
    ] {
        let connector = slapd.connector(&more);
        let (undisturbed, expected) = run(&connector, &["Painters", "Weavers"], options).await;
        assert_eq!(undisturbed.code, 0, "{}", undisturbed.log);
        assert!(!undisturbed.log.contains("[ldap-reconnect]"));
        let cuts = most.len();
        let (port, _) = way_to(slapd.port, most).await;
        let cut = connector.replace(&slapd.port.to_string(), &port.to_string());
        let (ended, server) = run(&cut, &["Painters", "Weavers"], options).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert_eq!(
            ended.log.matches("[ldap-reconnect]").count(),
            cuts,
            "{}",
            ended.log
        );
        let sent = |server: &Server| -> Vec<String> {
            let writes = crate::scene::writes(server).into_iter();
            writes.map(|request| request.body).collect()
        };
        assert!(joined(&expected).len() > 900, "{:?}", joined(&expected).len());
        assert_eq!(sent(&server), sent(&expected), "{more}");
    }
}
