//! A directory that lies on two servers, of which the first refers to the second.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::slapd::{PASSWORD, Slapd, admin, group, person};
use super::{EVE, joined, main_file, refused, run_in_empty as run};
use crate::scene::{Scene, fine, organization};

const READ: &str = "--process-groups --users mapped";
const FOLLOW: &str = "referrals: follow\n";

/// An entry that says where everything below `ou=branch,dc=x` is.
fn branch(url: &str) -> String {
    format!(
        "dn: ou=branch,dc=x\nobjectClass: referral\nobjectClass: extensibleObject\nou: branch\nref: {url}\n\n"
    )
}

/// The first server: Ada, and the groups; `Weavers` has a member of the branch.
fn here(url: &str) -> String {
    format!(
        "{}{}{}{}{}",
        admin(),
        person("ada", &["cn=Painters,dc=x"]),
        group("cn=Painters,dc=x", "Painters", &["uid=ada,dc=x"]),
        group(
            "cn=Weavers,dc=x",
            "Weavers",
            &[
                "uid=ada,dc=x",
                "uid=gone,ou=branch,dc=x",
                "uid=bob,ou=branch,dc=x"
            ]
        ),
        branch(url)
    )
}

/// The second server: Bob and Cai, of whom one is a painter and both are dyers.
fn there(more: &str) -> String {
    let dyers = "cn=Dyers,dc=x";
    format!(
        "{}{}{}{}{more}",
        admin(),
        person("bob", &["cn=Painters,dc=x", dyers]),
        person("cai", &[dyers]),
        group(dyers, "Dyers", &["uid=bob,dc=x", "uid=cai,dc=x"]),
    )
}

#[tokio::test]
async fn people_and_groups_of_another_server_count_when_it_is_asked() {
    let Some(second) = Slapd::start(&there("")) else {
        return;
    };
    let url = format!("ldap://localhost:{}/dc=x", second.port);
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    let (ended, server) = run(&first.connector(""), &["Painters", "Dyers"], READ).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(joined(&server), ["ada: Painters"], "nothing is followed unasked");
    assert!(ended.log.contains("[ldap-references]"), "{}", ended.log);

    for more in ["", "search_page_size: 0\n", "search_page_size: 1\n"] {
        let file = first.connector(&format!("{FOLLOW}{more}"));
        let (ended, server) = run(&file, &["Painters", "Dyers"], READ).await;
        assert_eq!(ended.code, 0, "{more}: {}", ended.log);
        assert_eq!(
            joined(&server),
            ["ada: Painters", "bob: Dyers, Painters", "cai: Dyers"],
            "{more}: {}",
            ended.log
        );
        assert!(!ended.log.contains("[ldap-references]"), "{}", ended.log);
    }
    let (ended, server) = run(&first.connector(FOLLOW), &["Painters"], "--users all").await;
    assert_eq!(joined(&server).len(), 3, "{}", ended.log);

    // Each reference may name other people in the same place.
    let one = |name: &str| format!("{url}??sub?(uid={name})");
    let other = branch(&one("cai")).replace("branch", "other");
    let Some(split) = Slapd::start(&format!("{}{other}", here(&one("bob")))) else {
        return;
    };
    let (ended, server) = run(&split.connector(FOLLOW), &["Painters"], "--users all").await;
    assert_eq!(joined(&server).len(), 3, "{}", ended.log);

    // Everything asked for is elsewhere: the answer is a referral, and nothing else.
    let base = first
        .connector(FOLLOW)
        .replace("base_dn: dc=x", "base_dn: ou=branch,dc=x");
    let (ended, server) = run(&base, &["Dyers"], READ).await;
    assert_eq!(joined(&server), ["bob: Dyers", "cai: Dyers"], "{}", ended.log);
    refused(
        &base.replace("follow", "ignore"),
        &["referral (10)", &url, "`referrals: follow`"],
    )
    .await;
    refused(
        &base.replace("follow", "chase"),
        &["ldap.yml:7: `referrals` is one of ignore, follow, not `chase` [ldap-unknown-word]"],
    )
    .await;
}

#[tokio::test]
async fn members_on_another_server_are_looked_up_there() {
    let Some(second) = Slapd::start(&there("")) else {
        return;
    };
    let url = format!("ldap://localhost:{}/dc=x", second.port);
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    for nested in [false, true] {
        let file = first.connector(&format!(
            "{FOLLOW}two_steps_lookup: {{group_member_attribute_name: member, nested_group: {nested}}}\n"
        ));
        let (ended, server) = run(&file, &["Weavers"], READ).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert_eq!(joined(&server), ["ada: Weavers", "bob: Weavers"], "{}", ended.log);
        // One that the other server does not have is passed over, as one that is missing here.
        assert!(
            ended.log.contains("`uid=gone,ou=branch,dc=x`") && ended.log.contains("[ldap-member-missing]"),
            "{}",
            ended.log
        );
    }
}

#[tokio::test]
async fn servers_that_refer_to_each_other_are_read_once_or_refused() {
    // A second name for the first server, known before it is there.
    let between = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let back = format!("ldap://localhost:{}/dc=x", between.local_addr().unwrap().port());
    let Some(second) = Slapd::start(&there(&branch(&back))) else {
        return;
    };
    let url = format!("ldap://localhost:{}/dc=x", second.port);
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    let behind = first.port;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = between.accept().await {
            let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let (ended, server) = run(&first.connector(FOLLOW), &["Painters"], READ).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        joined(&server),
        ["ada: Painters", "bob: Painters"],
        "{}",
        ended.log
    );

    // Here each says that the other has everything.
    let base = first
        .connector(FOLLOW)
        .replace("base_dn: dc=x", "base_dn: ou=branch,dc=x");
    let Some(third) = Slapd::start(&here("ldap://localhost:1/ou=branch,dc=x")) else {
        return;
    };
    let to_itself = format!("ldap://localhost:{}/ou=branch,dc=x", third.port);
    third.change(&format!(
        "dn: ou=branch,dc=x\nchangetype: modify\nreplace: ref\nref: {to_itself}\n"
    ));
    let base = base.replace(&first.port.to_string(), &third.port.to_string());
    refused(&base, &["[ldap-referral]", "in a circle"]).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_followed_to_is_no_end_of_the_directory() {
    for (url, why) in [
        ("ldap://localhost:1/dc=x", "nobody can be reached there"),
        // Two ways to say the same are one place that was not read.
        (
            "ldap://localhost:1/dc=x\nref: ldap://localhost:1/dc=x??sub",
            "nobody can be reached there",
        ),
        ("http://localhost/dc=x", "begins with neither"),
        ("ldap:///dc=x", "names no server"),
    ] {
        let Some(first) = Slapd::start(&here(url)) else {
            return;
        };
        let named = url.lines().next().unwrap();
        let parts = ["[ldap-referral]", named, why, "`referrals: ignore`"];
        refused(&first.connector(FOLLOW), &parts).await;
    }
    // Another password there: the same name does not get in.
    let Some(second) = Slapd::start(&there("").replace(PASSWORD, "another")) else {
        return;
    };
    let url = format!("ldap://localhost:{}/dc=x", second.port);
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    refused(
        &first.connector(FOLLOW),
        &["[ldap-referral]", "invalidCredentials (49)"],
    )
    .await;
}

#[tokio::test]
async fn the_password_goes_nowhere_in_clear_that_was_encrypted_at_first() {
    let Some(second) = Slapd::start(&there("")) else {
        return;
    };
    let url = format!("ldap://localhost:{}/dc=x", second.port);
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pem");
    let read = |slapd: &Slapd| std::fs::read_to_string(slapd.file("ca.pem")).unwrap();
    std::fs::write(&both, read(&first) + &read(&second)).unwrap();
    let over_tls = |slapd: &Slapd, authority: &std::path::Path| {
        slapd
            .connector(&format!(
                "{FOLLOW}tls_verify: full\ntls_ca_file: {}\n",
                authority.display()
            ))
            .replace(
                &format!("ldap://localhost:{}", slapd.port),
                &format!("ldaps://localhost:{}", slapd.tls_port),
            )
    };
    // `ldap://` goes on with StartTLS, and is checked as the first server was.
    let (ended, server) = run(&over_tls(&first, &both), &["Painters"], READ).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        joined(&server),
        ["ada: Painters", "bob: Painters"],
        "{}",
        ended.log
    );
    refused(
        &over_tls(&first, &first.file("ca.pem")),
        &["[ldap-referral]", "invalid peer certificate"],
    )
    .await;

    // A listener that speaks no TLS hears no password, checked certificate or not.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ldap://localhost:{}/dc=x", listener.local_addr().unwrap().port());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            // Refuses StartTLS as a server that does not know it: protocolError.
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                all.lock().unwrap().extend_from_slice(&buffer[..read]);
                let refusal = [0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, 2, 4, 0, 4, 0];
                let _ = stream.write_all(&refusal).await;
            }
        }
    });
    let Some(first) = Slapd::start(&here(&url)) else {
        return;
    };
    let checked = over_tls(&first, &first.file("ca.pem"));
    let unchecked = checked.replace("tls_verify: full", "tls_verify: none");
    for file in [checked, unchecked] {
        heard.lock().unwrap().clear();
        refused(&file, &["[ldap-referral]", "StartTLS", "protocolError (2)"]).await;
        let heard = heard.lock().unwrap();
        assert!(!heard.is_empty(), "the listener was asked");
        assert!(
            !heard
                .windows(PASSWORD.len())
                .any(|part| part == PASSWORD.as_bytes()),
            "no password in clear"
        );
    }
}

#[tokio::test]
async fn nobody_is_removed_when_the_other_server_is_away() {
    let Some(first) = Slapd::start(&here("ldap://localhost:1/dc=x")) else {
        return;
    };
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    scene.write("user-sync-config.yml", &main_file(&["Painters"]));
    scene.write("ldap.yml", &first.connector(FOLLOW));
    let ended = scene.run("--users all --adobe-only-user-action delete").await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(server.requests().is_empty(), "nothing is read or sent");
}
