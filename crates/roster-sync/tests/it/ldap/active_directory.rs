//! Runs against an Active Directory: Samba's, made by `scripts/with-samba.sh`. In it `off` is disabled, `Painters` and
//! `Apprentices` are members of each other, and `Many` has 1510 members.

use std::path::PathBuf;

use super::{pass_over, run_in_empty as run};
use crate::scene::{Ended, writes};
use crate::server::Server;

const READ: &str = "--process-groups --users mapped";

/// The folder and the address of the directory.
fn directory() -> Option<(PathBuf, String)> {
    let variable = |name| std::env::var(name).ok();
    // Set to nothing by whoever cannot start one.
    if variable("ROSTER_TEST_SAMBA").is_some_and(|folder| folder.is_empty()) {
        return None;
    }
    let found = variable("ROSTER_TEST_SAMBA").zip(variable("ROSTER_TEST_SAMBA_ADDRESS"));
    if found.is_none() {
        pass_over("tests of Active Directory want scripts/with-samba.sh around them");
    }
    found.map(|(folder, address)| (PathBuf::from(folder), address))
}

/// A connector file with every filter left at its default.
fn connector(directory: &(PathBuf, String), more: &str) -> String {
    let (folder, address) = directory;
    format!(
        "host: ldaps://{address}\nbase_dn: dc=corp,dc=example\nrequire_tls_cert: true\ntls_ca_file: {}/ca.pem\n{more}",
        folder.display()
    )
}

const SIMPLE: &str = "username: CORP\\reader\npassword: Reader-1234\n";

fn joined(ended: &Ended, server: &Server) -> Vec<String> {
    assert_eq!(ended.code, 0, "{}", ended.log);
    super::joined(server)
}

#[tokio::test]
async fn the_usual_filters_find_enabled_members() {
    let Some(directory) = directory() else { return };
    for login in [
        SIMPLE,
        "username: reader@corp.example\npassword: Reader-1234\n",
        "username: CN=reader,CN=Users,DC=corp,DC=example\npassword: Reader-1234\n",
    ] {
        let file = connector(&directory, login);
        let (ended, server) = run(&file, &["Painters", "Paint, Wool (old)"], READ).await;
        assert_eq!(
            joined(&ended, &server),
            ["ada: Painters", "cai: Paint, Wool (old)"],
            "{login}"
        );
    }
}

#[tokio::test]
async fn groups_in_groups_are_found_by_the_rule_of_the_directory_and_member_by_member() {
    let Some(directory) = directory() else { return };
    let by_rule =
        format!("{SIMPLE}group_member_filter_format: (memberOf:1.2.840.113556.1.4.1941:={{group_dn}})\n");
    let by_member =
        format!("{SIMPLE}two_steps_lookup: {{group_member_attribute_name: member, nested_group: true}}\n");
    for more in [by_rule, by_member] {
        let (ended, server) = run(&connector(&directory, &more), &["Painters"], READ).await;
        assert_eq!(
            joined(&ended, &server),
            ["ada: Painters", "ben: Painters"],
            "{more}"
        );
    }
}

#[tokio::test]
async fn a_group_of_more_members_than_one_answer_is_read_to_its_end() {
    let Some(directory) = directory() else { return };
    let more = format!("{SIMPLE}two_steps_lookup: {{group_member_attribute_name: member}}\n");
    let (ended, server) = run(&connector(&directory, &more), &["Many"], READ).await;
    assert_eq!(joined(&ended, &server).len(), 1510);
}

#[tokio::test]
async fn the_primary_group_counts_when_that_is_asked_for() {
    let Some(directory) = directory() else { return };
    let read = |ended: &Ended| {
        let line = ended
            .log
            .lines()
            .find(|line| line.contains("directory users read"))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let (ended, _) = run(&connector(&directory, SIMPLE), &["Domain Users"], READ).await;
    let (with, _) = run(
        &connector(&directory, &format!("{SIMPLE}primary_group: true\n")),
        &["Domain Users"],
        READ,
    )
    .await;
    assert_eq!((read(&ended), read(&with)), (0, 1513), "{}", with.log);
}

#[tokio::test]
async fn ntlm_proves_the_password_or_its_hash_over_tls() {
    let Some(directory) = directory() else { return };
    let hash = "password: 'aad3b435b51404eeaad3b435b51404ee:0757ee0c6c8ee701edf863e6e01b653a'\n";
    let other_hash = "password: 'aad3b435b51404eeaad3b435b51404ee:aad3b435b51404eeaad3b435b51404ee'\n";
    for (username, password, works) in [
        ("CORP\\reader", "password: Reader-1234\n", true),
        ("reader@corp.example", "password: Reader-1234\n", true),
        ("CORP\\reader", "password: wrong\n", false),
        ("CORP\\reader", hash, true),
        ("CORP\\reader", other_hash, false),
        (
            "CORP\\reader",
            "password: Reader-1234\nchannel_binding: off\n",
            true,
        ),
    ] {
        let more = format!("authentication_method: ntlm\nusername: {username}\n{password}");
        let (ended, server) = run(&connector(&directory, &more), &["Painters"], READ).await;
        if works {
            assert_eq!(joined(&ended, &server), ["ada: Painters"], "{username}");
        } else {
            assert_eq!(ended.code, 1, "{}", ended.log);
            assert!(
                ended
                    .log
                    .contains("with NTLM was answered with invalidCredentials (49)"),
                "{}",
                ended.log
            );
            assert!(writes(&server).is_empty());
        }
    }
}

#[tokio::test]
async fn a_directory_that_wants_encryption_or_a_name_says_so() {
    let Some(directory) = directory() else { return };
    let (_, address) = &directory;
    let clear = |more: &str| format!("host: {address}\nbase_dn: dc=corp,dc=example\n{more}");
    for (file, parts) in [
        (
            clear(SIMPLE),
            ["strongerAuthRequired (8)", "use `ldaps://` in `host`"],
        ),
        (
            clear(""),
            ["operationsError (1)", "set `username` and `password`"],
        ),
        (
            connector(&directory, &SIMPLE.replace("Reader-1234", "wrong")),
            ["invalidCredentials (49)", "the password is wrong"],
        ),
        (
            connector(&directory, SIMPLE).replace("dc=corp,", "dc=other,"),
            ["noSuchObject (32)", "check `base_dn`"],
        ),
    ] {
        let (ended, server) = run(&file, &["Painters"], READ).await;
        assert_eq!(ended.code, 1, "{}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{part}: {}", ended.log);
        }
        assert!(server.requests().is_empty(), "nothing is read or sent");
    }
    // StartTLS is encryption as well.
    let (folder, _) = &directory;
    let start_tls = clear(&format!(
        "{SIMPLE}require_tls_cert: true\ntls_ca_file: {}/ca.pem\n",
        folder.display()
    ));
    let (ended, server) = run(&start_tls, &["Painters"], READ).await;
    assert_eq!(joined(&ended, &server), ["ada: Painters"]);
}

#[cfg(feature = "gssapi")]
#[tokio::test]
async fn kerberos_binds_with_a_ticket_over_tls_and_encrypts_without() {
    let Some(directory) = directory() else { return };
    let kerberos = "authentication_method: kerberos\n";
    let (_, address) = &directory;
    let clear = format!("host: {address}\nbase_dn: dc=corp,dc=example\n{kerberos}");
    let unbound = connector(&directory, &format!("{kerberos}channel_binding: off\n"));
    for file in [connector(&directory, kerberos), unbound, clear] {
        // The address names nobody a ticket could be for: the controller's own name is asked for.
        let (ended, server) = run(&file, &["Painters"], READ).await;
        assert_eq!(joined(&ended, &server), ["ada: Painters"], "{file}");
        // Long answers come in many encrypted pieces.
        let (ended, _) = run(&file, &["Many"], READ).await;
        assert!(ended.log.contains("directory users read: 1510"), "{}", ended.log);
    }
}
