//! Connections that break in the middle of a long reading.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::read::ldap::Patience;
use crate::read::ldap::tests::server::{Asked, Server, done, entry, page_end, person};
use crate::read::ldap::tests::{PLAIN, is_root, read, read_within, usual};

/// Nothing more is said and the connection ends.
const HANGS_UP: Vec<u8> = Vec::new();

const TWO_STEPS: &str = "two_steps_lookup: {group_member_attribute_name: member}\n";

fn end(asked: &Asked) -> Vec<u8> {
    done(asked.id, 0x65, 0, "")
}

/// A directory of two pages.
fn pages(asked: &Asked) -> Vec<Vec<u8>> {
    let id = asked.id;
    match asked.cookie.as_str() {
        _ if is_root(asked) => vec![end(asked)],
        "" => vec![person(id, "ada"), person(id, "kim"), page_end(id, "second")],
        "second" => vec![person(id, "eve"), person(id, "joe"), page_end(id, "")],
        other => panic!("nobody was given the cookie {other}"),
    }
}

#[tokio::test]
async fn a_search_that_breaks_off_begins_again_and_everybody_comes_once_in_the_same_order() {
    type Broken = fn(&Asked) -> Vec<Vec<u8>>;
    let cases: [(&str, &str, Broken); 7] = [
        ("", "the server closed the connection.", |_| vec![HANGS_UP]),
        ("", "the server closed the connection.", |asked| {
            vec![person(asked.id, "ada"), HANGS_UP]
        }),
        ("", "unavailable (52): `going down`", |asked| {
            let goodbye = done(0, 0x78, 52, "going down");
            vec![person(asked.id, "ada"), person(asked.id, "kim"), goodbye]
        }),
        ("second", "the server closed the connection.", |_| vec![HANGS_UP]),
        ("second", "the server closed the connection.", |asked| {
            vec![person(asked.id, "eve"), HANGS_UP]
        }),
        ("second", "the server closed the connection.", |asked| {
            let eve = person(asked.id, "eve");
            vec![eve[..eve.len() - 3].to_vec(), HANGS_UP]
        }),
        ("second", "no answer within", |asked| {
            vec![person(asked.id, "eve"), person(asked.id, "joe")]
        }),
    ];
    let with_login = format!("{PLAIN}username: cn=x\npassword: s3cret\n");
    for (cookie, said, broken) in cases {
        let is_whole = AtomicBool::new(false);
        let server = Server::start(move |asked, _| {
            if !is_root(asked) && asked.cookie == cookie && !is_whole.swap(true, Ordering::Relaxed) {
                return broken(asked);
            }
            pages(asked)
        })
        .await;
        let patience = Patience {
            answer: Duration::from_secs(2),
            ..usual()
        };
        let ended = read_within(&server, &with_login, &[], true, &Arc::default(), patience).await;
        // Each page from its end.
        assert_eq!(
            ended.people.unwrap(),
            ["kim@x.com ", "ada@x.com ", "joe@x.com ", "eve@x.com "],
            "{cookie} {said}"
        );
        for part in [
            said,
            "the search `(objectClass=person)` below `dc=x`",
            "number 1 of 3",
            "[ldap-reconnect]",
        ] {
            assert!(ended.log.contains(part), "{part}: {}", ended.log);
        }
        assert_eq!(ended.log.matches("[ldap-reconnect]").count(), 1, "{}", ended.log);
        assert_eq!(ended.log.matches("[ldap-clear-text]").count(), 1, "{}", ended.log);
        assert_eq!(server.logins(), 2);
    }
}

#[tokio::test]
async fn a_group_is_known_again_however_another_server_spells_its_name() {
    let asked_before = AtomicUsize::new(0);
    let server = Server::start(move |asked, _| {
        let id = asked.id;
        let group = |dn: &str| entry(id, dn, &[("description", &["a"])]);
        match asked_before.fetch_add(usize::from(!is_root(asked)), Ordering::Relaxed) {
            _ if is_root(asked) => vec![end(asked)],
            0 => vec![group("cn=Group One,dc=x"), HANGS_UP],
            1 => vec![group("CN=group one, DC=X"), HANGS_UP],
            2 => vec![group("cn=group one,dc=x"), end(asked)],
            _ => vec![person(id, "ada"), end(asked)],
        }
    })
    .await;
    let ended = read(&server, PLAIN, &["Group One"], false).await;
    assert_eq!(ended.people.unwrap(), ["ada@x.com Group One"]);
    assert_eq!(ended.log.matches("[ldap-reconnect]").count(), 2, "{}", ended.log);
}

#[tokio::test]
async fn a_server_that_breaks_every_connection_is_not_asked_forever() {
    let server = Server::start(|asked, _| {
        if is_root(asked) {
            return vec![end(asked)];
        }
        vec![person(asked.id, "ada"), HANGS_UP]
    })
    .await;
    let ended = read(&server, PLAIN, &[], true).await;
    let told = ended.people.unwrap_err();
    for part in [
        "the search `(objectClass=person)` below `dc=x`: the server closed the connection, after 3 new connections",
        "[ldap-read-failure]",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(server.logins(), 4);
    assert_eq!(ended.log.matches("[ldap-reconnect]").count(), 3, "{}", ended.log);
    // The three are for all of a reading, not for each search.
    let once_each = AtomicUsize::new(0);
    let server = Server::start(move |asked, _| {
        if is_root(asked) {
            return vec![end(asked)];
        }
        if once_each.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return vec![HANGS_UP];
        }
        vec![end(asked)]
    })
    .await;
    let groups = ["a", "b", "c", "d"];
    let told = read(&server, PLAIN, &groups, false).await.people.unwrap_err();
    assert!(told.contains("for the group `d`"), "{told}");
    assert_eq!(server.logins(), 4);
}

#[tokio::test]
async fn many_small_searches_go_on_where_they_were() {
    let kept = Mutex::new(None);
    let server = Server::start(move |asked, _| {
        let id = asked.id;
        let mut kept = kept.lock().unwrap();
        match asked.base.as_str() {
            "" => vec![end(asked)],
            "dc=x" => vec![entry(id, "cn=g,dc=x", &[]), end(asked)],
            "cn=g,dc=x" => {
                let members: &[&str] = &["uid=ada,dc=x", "uid=kim,dc=x", "uid=eve,dc=x", "uid=joe,dc=x"];
                vec![entry(id, "cn=g,dc=x", &[("member", members)]), end(asked)]
            }
            // Kim and Eve come without an end, Eve first; Joe is behind them and has one.
            "uid=kim,dc=x" if kept.is_none() => {
                *kept = Some(id);
                Vec::new()
            }
            "uid=eve,dc=x" if kept.is_some_and(|id| id > 0) => vec![person(id, "eve")],
            "uid=joe,dc=x" => {
                let kim = kept.replace(0).unwrap();
                vec![person(id, "joe"), end(asked), person(kim, "kim"), HANGS_UP]
            }
            // The name comes in another spelling on another server.
            "uid=kim,dc=x" => {
                let kim = entry(id, "UID=Kim, DC=x", &[("mail", &["kim@x.com"])]);
                vec![kim, end(asked)]
            }
            name => vec![person(id, &name[4..7]), end(asked)],
        }
    })
    .await;
    let ended = read(&server, &format!("{PLAIN}{TWO_STEPS}"), &["G"], false).await;
    assert_eq!(
        ended.people.unwrap(),
        ["ada@x.com G", "kim@x.com G", "eve@x.com G", "joe@x.com G"]
    );
    assert!(
        ended
            .log
            .contains("reading `uid=kim,dc=x`: the server closed the connection.")
    );
    let asked = |base: &str| {
        let searches = server.searches();
        searches.iter().filter(|asked| asked.base == base).count()
    };
    let times = ["uid=ada,dc=x", "uid=kim,dc=x", "uid=eve,dc=x", "uid=joe,dc=x"].map(asked);
    assert_eq!(times, [1, 2, 2, 1], "what has been answered is not asked again");
}

#[tokio::test]
async fn a_long_list_is_read_anew_since_each_server_has_an_order_of_its_own() {
    // The first server breaks off before its second part, or in its third.
    for broken in ["member;range=2-*", "member;range=3-*"] {
        let is_second = AtomicBool::new(false);
        let server = Server::start(move |asked, _| {
            let id = asked.id;
            let list =
                |name: &str, values: &[&str]| vec![entry(id, "cn=g,dc=x", &[(name, values)]), end(asked)];
            let wanted = asked.attributes.first().map_or("", String::as_str);
            let breaks = wanted == broken && !is_second.swap(true, Ordering::Relaxed);
            match (asked.base.as_str(), wanted) {
                ("", _) => vec![end(asked)],
                ("dc=x", _) => vec![entry(id, "cn=g,dc=x", &[]), end(asked)],
                (_, "member;range=3-*") if breaks => {
                    let part = entry(id, "cn=g,dc=x", &[("member;range=3-*", &["uid=joe,dc=x"])]);
                    vec![part, HANGS_UP]
                }
                _ if breaks => vec![HANGS_UP],
                (_, "member") if !is_second.load(Ordering::Relaxed) => {
                    list("member;range=0-1", &["uid=ada,dc=x", "uid=kim,dc=x"])
                }
                (_, "member;range=2-*") if !is_second.load(Ordering::Relaxed) => {
                    list("member;range=2-2", &["uid=eve,dc=x"])
                }
                (_, "member") => list("member;range=0-1", &["uid=joe,dc=x", "uid=eve,dc=x"]),
                (_, "member;range=2-*") => list("member;range=2-*", &["uid=kim,dc=x", "uid=ada,dc=x"]),
                (name, _) => vec![person(id, &name[4..7]), end(asked)],
            }
        })
        .await;
        let ended = read(&server, &format!("{PLAIN}{TWO_STEPS}"), &["G"], false).await;
        let mut people = ended.people.unwrap();
        people.sort();
        let everybody = ["ada@x.com G", "eve@x.com G", "joe@x.com G", "kim@x.com G"];
        assert_eq!(people, everybody, "{broken}");
    }
}

#[tokio::test]
async fn what_hooks_see_of_a_long_list_is_that_of_one_server() {
    // The first server breaks off within the list, or before it, once its first part has come.
    for within in [true, false] {
        let is_second = AtomicBool::new(false);
        let server = Server::start(move |asked, _| {
            let id = asked.id;
            let is_part = asked.attributes.iter().any(|name| name.contains("range="));
            let breaks = if within { is_part } else { asked.cookie == "second" };
            if is_root(asked) {
                return vec![end(asked)];
            }
            if breaks && !is_second.swap(true, Ordering::Relaxed) {
                return vec![HANGS_UP];
            }
            let (first, rest) = if is_second.load(Ordering::Relaxed) {
                (["c", "a"], "b")
            } else {
                (["a", "b"], "c")
            };
            let ada = |name: &str, values: &[&str]| {
                entry(id, "uid=ada,dc=x", &[("mail", &["ada@x.com"]), (name, values)])
            };
            match (asked.base.as_str(), asked.cookie.as_str()) {
                _ if is_part => vec![ada("description;range=2-*", &[rest]), end(asked)],
                ("uid=ada,dc=x", _) => vec![ada("description;range=0-1", &first), end(asked)],
                (_, "second") => vec![page_end(id, "")],
                _ => vec![ada("description;range=0-1", &first), page_end(id, "second")],
            }
        })
        .await;
        let ended = read(&server, &format!("{PLAIN}# a hook\n"), &[], true).await;
        assert_eq!(ended.people.unwrap(), ["ada@x.com "]);
        assert_eq!(ended.shown, ["c+a+b"], "{within}: each value once");
        assert!(ended.log.contains("[ldap-reconnect]"), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_request_to_stop_is_heeded_before_a_new_connection() {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let server = Server::start(move |asked, _| {
        if is_root(asked) {
            return vec![end(asked)];
        }
        let raised = Arc::clone(&raised);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            raised.store(true, Ordering::Relaxed);
        });
        vec![HANGS_UP]
    })
    .await;
    let patience = Patience {
        pauses: [Duration::from_mins(1); 3],
        ..usual()
    };
    let began = Instant::now();
    let ended = read_within(&server, PLAIN, &[], true, &stop, patience).await;
    assert_eq!(ended.people, Err("stopped".to_owned()));
    assert!(ended.log.contains("in 60 second(s)"), "{}", ended.log);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(server.logins(), 1);
}
