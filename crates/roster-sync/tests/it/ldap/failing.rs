//! K5 for LDAP: whatever a server does instead of answering, nothing is taken from anybody.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::scripted::{self, Asked, BIND, SEARCH};
use super::{REMOVE, joined, run};
use crate::scene::{Ended, writes};
use crate::server::{Reply, Server};
use crate::unremoved::{
    From, REMOVING, Reason, from, pushes_nothing_away, removes_nothing, undisturbed, undisturbed_push,
};

/// What an LDAP server answers where all is well: Ada on the first page, Kim on the second; Ada is a painter.
fn directory(asked: &Asked) -> Vec<Vec<u8>> {
    let person = |name: &str, last: &str, mail: &str| {
        let dn = format!("uid={mail},dc=x");
        asked.entry(&dn, &[("givenName", name), ("sn", last), ("mail", mail)])
    };
    let (ada, kim) = (
        person("Ada", "Lee", "ada@x.com"),
        person("Kim", "Roe", "kim@x.com"),
    );
    match asked.operation {
        SEARCH if is_second_page(asked) => vec![kim, asked.page_end("")],
        SEARCH if is_first_page(asked) => vec![ada, asked.page_end(COOKIE)],
        SEARCH if is_of_members(asked) => vec![ada, asked.page_end("")],
        SEARCH if is_of_group(asked) => vec![
            asked.entry("cn=Painters,dc=x", &[("cn", "Painters")]),
            asked.page_end(""),
        ],
        BIND | SEARCH => vec![asked.ended(0)],
        _ => Vec::new(),
    }
}

const COOKIE: &str = "the second page";

fn is_second_page(asked: &Asked) -> bool {
    asked.has(COOKIE)
}

fn is_first_page(asked: &Asked) -> bool {
    asked.has("everybody") && !asked.has("a member of") && !is_second_page(asked)
}

fn is_of_members(asked: &Asked) -> bool {
    asked.has("a member of") && asked.has("cn=Painters")
}

fn is_of_group(asked: &Asked) -> bool {
    asked.has("a group called") && asked.has("Painters")
}

const LDAP: &str = "base_dn: dc=x\nusername: cn=admin,dc=x\npassword: never-shown\nall_users_filter: (description=everybody)\n\
     group_filter_format: (&(description=a group called)(cn={group}))\n\
     group_member_filter_format: (&(description=a member of)(memberOf={group_dn}))\nuser_username_format: null\n";

/// What an LDAP server says instead, where it says something else.
type Instead = fn(&Asked) -> Option<Vec<Vec<u8>>>;

/// A run over LDAP that remembers what it saw; `now` says which of `table`, counted from 1, answers first.
async fn from_ldap(table: Vec<Instead>, now: &'static AtomicUsize) -> From {
    let port = scripted::start(move |asked| {
        let at = now.load(Ordering::Relaxed).checked_sub(1);
        at.and_then(|at| table[at](asked))
            .unwrap_or_else(|| directory(asked))
    })
    .await;
    from(
        "ldap",
        |_| format!("host: ldap://127.0.0.1:{port}\n{LDAP}"),
        |_, _| Reply::json("{}"),
    )
    .await
}

#[tokio::test]
async fn an_ldap_server_that_fails_takes_nothing_away() {
    let table: [(&str, Instead, Reason); 25] = [
        (
            "the login is refused",
            |a| (a.operation == BIND).then(|| vec![a.ended(49)]),
            "invalidCredentials (49)",
        ),
        (
            "the server is too busy for a login",
            |a| (a.operation == BIND).then(|| vec![a.ended(51)]),
            "busy (51)",
        ),
        (
            "the login gets no answer",
            |a| (a.operation == BIND).then(|| vec![Vec::new()]),
            "the server closed the connection",
        ),
        (
            "the base is gone",
            |a| is_first_page(a).then(|| vec![a.ended(32)]),
            "noSuchObject (32)",
        ),
        (
            "the right to read is gone",
            |a| is_first_page(a).then(|| vec![a.ended(50)]),
            "insufficientAccessRights (50)",
        ),
        (
            "it dies on the first page",
            |a| is_first_page(a).then(|| directory(a).into_iter().take(1).chain([Vec::new()]).collect()),
            "the server closed the connection",
        ),
        (
            "it dies before the second page",
            |a| is_second_page(a).then(|| vec![Vec::new()]),
            "the server closed the connection",
        ),
        (
            "it dies in an entry of the second page",
            |a| {
                is_second_page(a).then(|| {
                    let entry = directory(a).remove(0);
                    vec![entry[..entry.len() - 3].to_vec(), Vec::new()]
                })
            },
            "the server closed the connection",
        ),
        (
            "the second page is nonsense",
            |a| is_second_page(a).then(|| vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]),
            "not the beginning of an LDAP message",
        ),
        (
            "the time is up on the second page",
            |a| is_second_page(a).then(|| vec![a.ended(3)]),
            "timeLimitExceeded (3)",
        ),
        (
            "the size limit is reached on the second page",
            |a| is_second_page(a).then(|| vec![a.ended(4)]),
            "sizeLimitExceeded (4)",
        ),
        (
            "the limit of the administrator is reached",
            |a| is_second_page(a).then(|| vec![a.ended(11)]),
            "adminLimitExceeded (11)",
        ),
        (
            "the cookie is not known any more",
            |a| is_second_page(a).then(|| vec![a.ended(53)]),
            "unwillingToPerform (53)",
        ),
        (
            "the server shuts down",
            |a| is_second_page(a).then(|| vec![a.ended(52)]),
            "unavailable (52)",
        ),
        (
            "the second page is on another server",
            |a| is_second_page(a).then(|| vec![a.referred("ldap://dc2/dc=x")]),
            "referral (10)",
        ),
        (
            "the second page is lost",
            |a| is_second_page(a).then(|| vec![a.ended(0)]),
            "did not say whether it was the last",
        ),
        (
            "the group cannot be looked for",
            |a| is_of_group(a).then(|| vec![a.ended(3)]),
            "timeLimitExceeded (3)",
        ),
        (
            "there are two groups",
            |a| {
                is_of_group(a).then(|| {
                    let mut two = directory(a);
                    two.insert(0, a.entry("cn=Painters,ou=old,dc=x", &[("cn", "Painters")]));
                    two
                })
            },
            "Painters",
        ),
        (
            "the members cannot all be read",
            |a| is_of_members(a).then(|| directory(a).into_iter().take(1).chain([a.ended(4)]).collect()),
            "sizeLimitExceeded (4)",
        ),
        (
            "it dies among the members",
            |a| is_of_members(a).then(|| vec![Vec::new()]),
            "the server closed the connection",
        ),
        (
            "the group is gone, or has another name",
            |a| is_of_group(a).then(|| vec![a.page_end("")]),
            "'Painters'. Nobody is taken out",
        ),
        (
            "the group is empty",
            |a| is_of_members(a).then(|| vec![a.page_end("")]),
            "'Painters'. Nobody is taken out",
        ),
        (
            "nobody is there any more",
            |a| (a.operation == SEARCH).then(|| vec![a.page_end("")]),
            "is empty now",
        ),
        (
            "the second page is empty and a part is elsewhere",
            |a| {
                is_second_page(a).then(|| vec![a.reference("ldap://dc2/OU=Berlin,DC=x??sub"), a.page_end("")])
            },
            "'ou=berlin,dc=x'",
        ),
        (
            "a part is elsewhere, in the middle of a page",
            |a| {
                is_first_page(a).then(|| {
                    let mut page = directory(a);
                    page.insert(1, a.reference("ldap://dc2/OU=Rome,DC=x"));
                    page
                })
            },
            "[source-elsewhere]",
        ),
    ];
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let from = from_ldap(table.map(|(_, instead, _)| instead).to_vec(), now).await;
    let options = "--connector ldap --users all";
    undisturbed(&from.scene, &from.target, options).await;
    undisturbed_push(&from.scene, &from.target, options).await;
    for (at, (what, _, reason)) in table.into_iter().enumerate() {
        now.store(at + 1, Ordering::Relaxed);
        removes_nothing(&from.scene, &from.target, options, what, reason).await;
        pushes_nothing_away(&from.scene, &from.target, options, what, reason).await;
    }
    // Nothing that went wrong was remembered as right, and nothing is remembered that is in the way.
    now.store(0, Ordering::Relaxed);
    let before = writes(&from.target).len();
    undisturbed(&from.scene, &from.target, options).await;
    assert!(writes(&from.target).len() > before);
}

/// Runs with a server that hangs up where it is asked for the group; the second login and later ones end with `codes`, then
/// all is well. Gives how the run ended and how many logins there were.
async fn reconnected(codes: &'static [u8]) -> (Ended, Server, usize) {
    let logins: &'static AtomicUsize = Box::leak(Box::default());
    let port = scripted::start(move |asked| match asked.operation {
        BIND => {
            let earlier = logins.fetch_add(1, Ordering::Relaxed);
            let code = earlier.checked_sub(1).and_then(|at| codes.get(at));
            vec![asked.ended(code.copied().unwrap_or(0))]
        }
        _ if is_of_group(asked) && logins.load(Ordering::Relaxed) == 1 => vec![Vec::new()],
        _ => directory(asked),
    })
    .await;
    let connector = format!("host: ldap://127.0.0.1:{port}\n{LDAP}");
    let (ended, server) = run(&connector, &["Painters"], REMOVE).await;
    (ended, server, logins.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_login_that_is_refused_on_a_new_connection_ends_the_run() {
    let (ended, server, logins) = reconnected(&[49]).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    for part in [
        "the server closed the connection; and no new connection could be made, number 1 of 3: LDAP connection failure",
        "invalidCredentials (49)",
        "check `username` and `password`",
        "[ldap-read-failure]",
    ] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    assert_eq!(logins, 2, "accounts get locked by more");
    assert_eq!(server.requests().len(), 0, "nothing is read or sent");
    // A server that is still starting is another matter, unless it takes too long.
    let (ended, server, logins) = reconnected(&[51, 52]).await;
    assert_eq!((ended.code, logins), (0, 4), "{}", ended.log);
    assert_eq!(joined(&server)[0], "ada: Painters");
    let (ended, server, logins) = reconnected(&[51, 52, 51, 0]).await;
    assert_eq!((ended.code, logins), (1, 4), "{}", ended.log);
    assert!(
        ended.log.contains("busy (51); hint: try again later"),
        "{}",
        ended.log
    );
    assert_eq!(server.requests().len(), 0, "nothing is read or sent");
}

#[tokio::test]
async fn what_another_server_holds_counts_as_gone_where_it_always_did_or_is_said_to() {
    let instead: Instead =
        |a| is_second_page(a).then(|| vec![a.reference("ldap://dc2/OU=Berlin,DC=x"), a.page_end("")]);
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let mut from = from_ldap(vec![instead], now).await;
    let options = "--connector ldap --users all";
    now.store(1, Ordering::Relaxed);
    // The first run that is recorded has nothing to compare with: it says so, and goes on, as user-sync does.
    let ended = from.scene.run(&format!("{options} {}", REMOVING[0])).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("[ldap-references]"), "{}", ended.log);
    undisturbed(&from.scene, &from.target, options).await;
    // Where the part was read before, somebody has to say that it is meant, once.
    let state = tempfile::tempdir().unwrap();
    from.scene.state = Some(state.path().to_owned());
    now.store(0, Ordering::Relaxed);
    undisturbed(&from.scene, &from.target, options).await;
    now.store(1, Ordering::Relaxed);
    removes_nothing(
        &from.scene,
        &from.target,
        options,
        "elsewhere",
        "[source-elsewhere]",
    )
    .await;
    undisturbed(&from.scene, &from.target, &format!("{options} --accept-empty")).await;
    undisturbed(&from.scene, &from.target, options).await;
    // Once it was read again, it may get lost again.
    now.store(0, Ordering::Relaxed);
    undisturbed(&from.scene, &from.target, options).await;
    now.store(1, Ordering::Relaxed);
    removes_nothing(
        &from.scene,
        &from.target,
        options,
        "elsewhere again",
        "[source-elsewhere]",
    )
    .await;
}

#[tokio::test]
async fn a_group_in_a_group_that_shows_nothing_of_itself_any_more_takes_nothing_from_its_people() {
    const OURS: [&str; 2] = ["cn=sub,dc=x", "uid=ada@x.com,dc=x"];
    // What the group in the group shows of itself: its members, nothing, or another class and no members.
    let now: &'static AtomicUsize = Box::leak(Box::default());
    let port = scripted::start(move |asked| {
        let inner: &[(&str, &str)] = match now.load(Ordering::Relaxed) {
            0 => &[("objectClass", "groupOfNames"), ("member", "uid=eve@x.com,dc=x")],
            1 => &[],
            _ => &[("objectClass", "person")],
        };
        let person = |name: &str, last: &str, mail: &str| {
            let dn = format!("uid={mail},dc=x");
            let person = [
                ("objectClass", "person"),
                ("givenName", name),
                ("sn", last),
                ("mail", mail),
            ];
            asked.entry(&dn, &person)
        };
        let found = match asked.operation {
            SEARCH if is_of_group(asked) => Some(asked.entry("cn=Painters,dc=x", &[])),
            SEARCH if asked.has("cn=Painters,dc=x") => Some(asked.entry(
                "cn=Painters,dc=x",
                &[
                    ("objectClass", "groupOfNames"),
                    ("member", OURS[0]),
                    ("member", OURS[1]),
                ],
            )),
            SEARCH if asked.has(OURS[0]) && !asked.has("everybody") => Some(asked.entry(OURS[0], inner)),
            SEARCH if asked.has(OURS[1]) => Some(person("Ada", "Lee", "ada@x.com")),
            SEARCH if asked.has("uid=eve@x.com,dc=x") => Some(person("Eve", "Doe", "eve@x.com")),
            BIND | SEARCH => None,
            _ => return Vec::new(),
        };
        found.into_iter().chain([asked.ended(0)]).collect()
    })
    .await;
    let (main, _) = LDAP.split_once("group_member_filter_format").unwrap();
    let connector = format!(
        "host: ldap://127.0.0.1:{port}\n{main}two_steps_lookup: {{group_member_attribute_name: member, nested_group: true}}\n"
    );
    let from = from("ldap", |_| connector.clone(), |_, _| Reply::json("{}")).await;
    let main = std::fs::read_to_string(from.scene.path("user-sync-config.yml")).unwrap();
    for (options, main) in [
        ("--connector ldap --users mapped", main.clone()),
        // The group is none of the mapping.
        (
            "--connector ldap --users group Painters",
            main.replace("Painters", "Cutters").replace("Photo", "Film"),
        ),
    ] {
        from.scene.write("user-sync-config.yml", &main);
        undisturbed(&from.scene, &from.target, options).await;
        for shown in [1, 2] {
            now.store(shown, Ordering::Relaxed);
            removes_nothing(
                &from.scene,
                &from.target,
                options,
                "an inner group without members",
                "[nested-group-mute]",
            )
            .await;
        }
        // When it shows them again all is as before.
        now.store(0, Ordering::Relaxed);
        undisturbed(&from.scene, &from.target, options).await;
    }
}
