//! Reading from a server with a script: what real ones only do on a bad day.

mod nested;
mod reconnect;
mod server;
mod settings;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_core::plan::World;
use roster_core::value::IdentityType;
use time::UtcOffset;
use tokio::net::TcpListener;

use crate::config::credential::tests::One;
use crate::config::section::Problems;
use crate::config::yaml;
use crate::log::Log;
use crate::read::attributes::Attribute;
use crate::read::ldap::ber::OCTETS;
use crate::read::ldap::{self, Patience, Run, Settings, Wanted};
use crate::read::{Tables, Within};
use server::{Asked, Server, done, entry, envelope, page_end, person};

struct Ended {
    /// E-mails with the groups they are in.
    people: Result<Vec<String>, String>,
    /// Groups met in groups, and what in them showed no members.
    within: BTreeMap<String, Within>,
    /// What a hook sees of `description`, where the file says `# a hook`.
    shown: Vec<String>,
    log: String,
}

/// Reads with a connector file, in which the host is the server's.
async fn read(server: &Server, file: &str, groups: &[&str], everybody: bool) -> Ended {
    read_within(server, file, groups, everybody, &Arc::default(), usual()).await
}

/// Little patience.
fn usual() -> Patience {
    Patience {
        answer: Duration::from_secs(20),
        pauses: [Duration::from_millis(5); 3],
        ..Patience::default()
    }
}

async fn read_within(
    server: &Server,
    file: &str,
    groups: &[&str],
    everybody: bool,
    stop: &Arc<AtomicBool>,
    patience: Patience,
) -> Ended {
    let text = format!("host: 'ldap://127.0.0.1:{}'\nbase_dn: dc=x\n{file}", server.port);
    let node = yaml::parse(&text, "ldap.yml").unwrap();
    let problems = Problems::default();
    let settings = Settings::read(
        &node,
        file.contains("dynamic"),
        &One("ldap_password", "cn=x", "s3cret"),
        &problems,
    );
    let settings = settings.unwrap_or_else(|| panic!("{:?}", problems.into_list()));
    let console = Console::default();
    let log = Log::new(Box::new(console.clone()), UtcOffset::UTC);
    let mut world = World::default();
    let mut tables = Tables {
        texts: &mut world.texts,
        sets: &mut world.sets,
    };
    let groups: BTreeSet<String> = groups.iter().map(|&name| name.to_owned()).collect();
    let extended = ["description".to_owned()];
    let wanted = Wanted {
        everybody,
        groups: &groups,
        member_groups: file.contains("dynamic"),
        default_type: IdentityType::Federated,
        extended: file.contains("# a hook").then_some(&extended),
    };
    let run = Run {
        trust: &[],
        stop,
        patience,
    };
    let people = ldap::read(&settings, &wanted, &run, &mut tables, &log).await;
    let within = people
        .as_ref()
        .map(|people| people.within.clone())
        .unwrap_or_default();
    let mut shown = Vec::new();
    for record in people.iter().flat_map(|people| &people.records) {
        let attributes = people.as_ref().map(|people| &people.attributes);
        let last = attributes
            .ok()
            .and_then(|table| table.row(record.attributes).last());
        if let (Ok(table), Some(&Attribute::List(list))) = (attributes, last) {
            let values = table.members(list).iter().map(|value| match value {
                Attribute::Text(text) => world.texts.get(*text),
                other => panic!("{other:?}"),
            });
            shown.push(values.collect::<Vec<_>>().join("+"));
        }
    }
    let people = match people {
        Err(failure) => Err(failure
            .told()
            .map_or_else(|| "stopped".to_owned(), |error| error.to_string())),
        Ok(people) => Ok(people
            .records
            .iter()
            .map(|record| {
                let named = |set| {
                    let names = world
                        .sets
                        .get(set)
                        .iter()
                        .map(|&id| world.texts.get(world.texts.id(id)));
                    let names: BTreeSet<&str> = names.collect();
                    names.into_iter().collect::<Vec<_>>().join("+")
                };
                let (groups, member_groups) = (named(record.groups), named(record.member_groups));
                let separator = if member_groups.is_empty() { "" } else { "/" };
                format!(
                    "{} {groups}{separator}{member_groups}",
                    world.texts.get(record.email)
                )
            })
            .collect()),
    };
    let log = String::from_utf8(console.0.lock().unwrap().clone()).unwrap();
    Ended {
        people,
        within,
        shown,
        log,
    }
}

#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const PLAIN: &str = "all_users_filter: (objectClass=person)\ngroup_filter_format: (cn={group})\n";

/// Whether it is the question for the schema, which this server keeps to itself.
fn is_root(asked: &Asked) -> bool {
    asked.base.is_empty()
}

#[tokio::test]
async fn every_result_but_success_ends_the_reading_and_says_what_to_do() {
    for (code, name, advice) in [
        (1, "operationsError (1)", "the server's log says more"),
        (3, "timeLimitExceeded (3)", "limits"),
        (4, "sizeLimitExceeded (4)", "size limit"),
        (10, "referral (10)", "name the one that does in `host`"),
        (11, "adminLimitExceeded (11)", "limits"),
        (32, "noSuchObject (32)", "check `base_dn`"),
        (50, "insufficientAccessRights (50)", "the right to read there"),
        (51, "busy (51)", "try again later"),
        (52, "unavailable (52)", "try again later"),
        (80, "other (80)", "the server's log says more"),
    ] {
        let server = Server::start(move |asked, _| {
            if is_root(asked) {
                return vec![done(asked.id, 0x65, 0, "")];
            }
            vec![person(asked.id, "ada"), done(asked.id, 0x65, code, "so it is")]
        })
        .await;
        let ended = read(&server, PLAIN, &[], true).await;
        let said = ended.people.unwrap_err();
        for part in [
            name,
            advice,
            "`so it is`",
            "127.0.0.1",
            "the search `(objectClass=person)` below `dc=x`",
            "[ldap-read-failure]",
        ] {
            assert!(said.contains(part), "{code}: {part}: {said}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_or_says_nonsense_ends_the_reading() {
    let hangs_up: fn(i32) -> Vec<Vec<u8>> = |id| vec![person(id, "ada"), Vec::new()];
    let goodbye: fn(i32) -> Vec<Vec<u8>> = |id| vec![person(id, "ada"), done(0, 0x78, 52, "going down")];
    let nonsense: fn(i32) -> Vec<Vec<u8>> = |_| vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()];
    let cut: fn(i32) -> Vec<Vec<u8>> =
        |id| vec![envelope(id, None, 0x64, |body| body.element(OCTETS, b"dc=x"))];
    let huge: fn(i32) -> Vec<Vec<u8>> = |_| vec![vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]];
    for (answer, said) in [
        (hangs_up, "the server closed the connection"),
        (goodbye, "unavailable (52): `going down`"),
        (nonsense, "this is not the beginning of an LDAP message"),
        (cut, "malformed"),
        (huge, "longer than any directory needs"),
    ] {
        let server = Server::start(move |asked, _| {
            if is_root(asked) {
                return vec![done(asked.id, 0x65, 0, "")];
            }
            answer(asked.id)
        })
        .await;
        let ended = read(&server, PLAIN, &[], true).await;
        let told = ended.people.unwrap_err();
        assert!(
            told.contains(said) && told.contains("[ldap-read-failure]"),
            "{said}: {told}"
        );
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for_forever() {
    let server = Server::start(|asked, _| {
        if is_root(asked) {
            return vec![done(asked.id, 0x65, 0, "")];
        }
        vec![person(asked.id, "ada")]
    })
    .await;
    let patience = Patience {
        answer: Duration::from_millis(400),
        ..usual()
    };
    let ended = read_within(&server, PLAIN, &[], true, &Arc::default(), patience).await;
    assert!(
        ended.people.unwrap_err().contains("no answer within"),
        "after one entry nothing came"
    );
}

#[tokio::test]
async fn a_request_to_stop_is_heeded_while_waiting() {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let server = Server::start(move |asked, _| {
        if is_root(asked) {
            return vec![done(asked.id, 0x65, 0, "")];
        }
        raised.store(true, Ordering::Relaxed);
        Vec::new()
    })
    .await;
    let ended = read_within(&server, PLAIN, &[], true, &stop, usual()).await;
    assert_eq!(ended.people, Err("stopped".to_owned()));
}

#[tokio::test]
async fn what_is_said_in_clear_after_starttls_was_agreed_on_is_not_taken_for_encrypted() {
    let server = Server::start(|asked, _| {
        let answers = [done(asked.id, 0x78, 0, ""), done(2, 0x61, 0, "")];
        vec![answers.concat()]
    })
    .await;
    let ended = read(&server, &format!("{PLAIN}require_tls_cert: true\n"), &[], true).await;
    let told = ended.people.unwrap_err();
    assert!(
        told.contains("went on in clear") && told.contains("[ldap-connection]"),
        "{told}"
    );
}

#[tokio::test]
async fn pages_are_read_to_the_last_and_the_whole_directory_once() {
    let pages = Mutex::new(VecDeque::from([("ada", "a"), ("kim", "b"), ("eve", "")]));
    let server = Server::start(move |asked, _| {
        if is_root(asked) {
            return vec![done(asked.id, 0x65, 0, "")];
        }
        let Some((name, cookie)) = pages.lock().unwrap().pop_front() else {
            return vec![done(asked.id, 0x65, 0, "")];
        };
        vec![person(asked.id, name), page_end(asked.id, cookie)]
    })
    .await;
    let ended = read(&server, PLAIN, &["Nobody"], true).await;
    assert_eq!(ended.people.unwrap(), ["ada@x.com ", "kim@x.com ", "eve@x.com "]);
    assert!(ended.log.contains("No group found for: Nobody"), "{}", ended.log);
    let everybody: Vec<_> = server
        .searches()
        .into_iter()
        .filter(|asked| asked.attributes.iter().any(|name| name == "mail"))
        .collect();
    assert_eq!(everybody.len(), 3, "three pages of one search");
    assert!(everybody.iter().all(|asked| asked.paged));
}

#[tokio::test]
async fn servers_without_pages_work() {
    // One that does not know the control passes over it.
    let server = Server::start(|asked, _| {
        if is_root(asked) {
            return vec![done(asked.id, 0x65, 0, "")];
        }
        vec![person(asked.id, "ada"), done(asked.id, 0x65, 0, "")]
    })
    .await;
    assert_eq!(
        read(&server, PLAIN, &[], true).await.people.unwrap(),
        ["ada@x.com "]
    );
    // One that minds is asked again without it.
    let server = Server::start(|asked, _| {
        if is_root(asked) {
            return vec![done(asked.id, 0x65, 0, "")];
        }
        if asked.paged {
            return vec![done(asked.id, 0x65, 12, "no pages here")];
        }
        vec![person(asked.id, "ada"), done(asked.id, 0x65, 0, "")]
    })
    .await;
    assert_eq!(
        read(&server, PLAIN, &[], true).await.people.unwrap(),
        ["ada@x.com "]
    );
    // And with 0 nobody is asked for pages.
    let unpaged = format!("{PLAIN}search_page_size: 0\n");
    let server = Server::start(|asked, _| {
        let code = if asked.paged { 53 } else { 0 };
        vec![done(asked.id, 0x65, code, "")]
    })
    .await;
    assert_eq!(
        read(&server, &unpaged, &[], true).await.people.unwrap(),
        Vec::<String>::new()
    );
    let usual = read(&server, PLAIN, &[], true).await.people;
    assert!(usual.is_err(), "the usual settings do ask for them");
}

#[tokio::test]
async fn long_lists_are_read_to_their_end() {
    let server = Server::start(|asked, _| {
        let id = asked.id;
        let end = done(id, 0x65, 0, "");
        if is_root(asked) {
            return vec![end];
        }
        match (asked.base.as_str(), asked.attributes.first().map(String::as_str)) {
            ("dc=x", Some("1.1")) => vec![entry(id, "cn=g,dc=x", &[]), end],
            ("cn=g,dc=x", Some("member")) => {
                let first: &[&str] = &["uid=ada,dc=x", "uid=kim,dc=x"];
                vec![
                    entry(id, "cn=g,dc=x", &[("member", &[]), ("member;range=0-1", first)]),
                    end,
                ]
            }
            ("cn=g,dc=x", Some("member;range=2-*")) => {
                vec![
                    entry(id, "cn=g,dc=x", &[("member;range=2-2", &["uid=eve,dc=x"])]),
                    end,
                ]
            }
            ("cn=g,dc=x", Some("member;range=3-*")) => {
                vec![
                    entry(id, "cn=g,dc=x", &[("member;range=3-*", &["uid=joe,dc=x"])]),
                    end,
                ]
            }
            ("uid=ada,dc=x", Some("memberOf;range=1-*")) => {
                vec![
                    entry(id, "uid=ada,dc=x", &[("memberOf;range=1-*", &["cn=b,dc=x"])]),
                    end,
                ]
            }
            ("uid=ada,dc=x", _) => {
                let some: &[&str] = &["cn=a,dc=x"];
                vec![
                    entry(
                        id,
                        "uid=ada,dc=x",
                        &[("mail", &["ada@x.com"]), ("memberOf;range=0-0", some)],
                    ),
                    end,
                ]
            }
            (name, _) => vec![person(id, &name[4..7]), end],
        }
    })
    .await;
    let file = format!(
        "{PLAIN}two_steps_lookup: {{group_member_attribute_name: member}}\ndynamic_group_member_attribute: memberOf\n"
    );
    let ended = read(&server, &file, &["G"], false).await;
    assert_eq!(
        ended.people.unwrap(),
        ["ada@x.com G/a+b", "kim@x.com G", "eve@x.com G", "joe@x.com G"]
    );
    // A server that answers the same part again and again is not listened to forever.
    let server = Server::start(|asked, _| {
        let id = asked.id;
        let end = done(id, 0x65, 0, "");
        if asked.attributes.iter().any(|name| name.starts_with("member")) {
            return vec![
                entry(
                    id,
                    "cn=g,dc=x",
                    &[("member;range=0-1", &["uid=ada,dc=x", "uid=kim,dc=x"])],
                ),
                end,
            ];
        }
        vec![entry(id, "cn=g,dc=x", &[]), end]
    })
    .await;
    let told = read(&server, &file, &["G"], false).await.people.unwrap_err();
    assert!(told.contains("does not get on with the list"), "{told}");
}

#[tokio::test]
async fn members_keep_their_order_however_the_server_answers() {
    let kept = Mutex::new(Vec::new());
    let server = Server::start(move |asked, _| {
        let id = asked.id;
        let end = done(id, 0x65, 0, "");
        match asked.base.as_str() {
            "" => vec![end],
            "dc=x" => vec![entry(id, "cn=g,dc=x", &[]), end],
            "cn=g,dc=x" => {
                let members: &[&str] = &["uid=ada,dc=x", "uid=kim,dc=x", "uid=joe,dc=x"];
                vec![entry(id, "cn=g,dc=x", &[("member", members)]), end]
            }
            // The first two are answered after the last, and backwards.
            "uid=joe,dc=x" => {
                let mut answers = vec![person(id, "joe"), end];
                let kept: Vec<i32> = std::mem::take(&mut *kept.lock().unwrap());
                for (id, name) in kept.into_iter().zip(["ada", "kim"]).rev() {
                    answers.extend([person(id, name), done(id, 0x65, 0, "")]);
                }
                answers
            }
            _ => {
                kept.lock().unwrap().push(id);
                Vec::new()
            }
        }
    })
    .await;
    let file = format!("{PLAIN}two_steps_lookup: {{group_member_attribute_name: member}}\n");
    let ended = read(&server, &file, &["G"], false).await;
    assert_eq!(
        ended.people.unwrap(),
        ["ada@x.com G", "kim@x.com G", "joe@x.com G"]
    );
}

#[tokio::test]
async fn what_another_server_holds_is_told_and_not_followed() {
    let server = Server::start(|asked, _| {
        let id = asked.id;
        if is_root(asked) {
            return vec![done(id, 0x65, 0, "")];
        }
        let reference = envelope(id, None, 0x73, |body| {
            body.element(OCTETS, b"ldap://127.0.0.1:1/dc=y");
        });
        vec![
            envelope(id, None, 0x73, |body| {
                body.element(OCTETS, b"ldap://dc1/CN=Configuration,dc=x");
            }),
            reference.clone(),
            person(id, "ada"),
            reference,
            done(id, 0x65, 0, ""),
        ]
    })
    .await;
    let ended = read(&server, PLAIN, &[], true).await;
    assert_eq!(ended.people.unwrap(), ["ada@x.com "]);
    assert!(
        ended.log.contains("2 time(s)")
            && ended.log.contains("`ldap://127.0.0.1:1/dc=y`")
            && ended.log.contains("[ldap-references]"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn groups_that_are_not_unique_or_cannot_be_read_end_the_reading() {
    let server = Server::start(|asked, _| {
        let id = asked.id;
        if is_root(asked) {
            return vec![done(id, 0x65, 0, "")];
        }
        vec![
            entry(id, "cn=g,ou=a,dc=x", &[]),
            entry(id, "cn=g,ou=b,dc=x", &[]),
            done(id, 0x65, 0, ""),
        ]
    })
    .await;
    let told = read(&server, PLAIN, &["g"], false).await.people.unwrap_err();
    assert!(
        told.contains("Multiple LDAP groups found for: g: `cn=g,ou=a,dc=x`, `cn=g,ou=b,dc=x`"),
        "{told}"
    );
    for nested in [false, true] {
        let file = format!(
            "{PLAIN}two_steps_lookup: {{group_member_attribute_name: member, nested_group: {nested}}}\n"
        );
        let server = Server::start(move |asked, _| {
            let id = asked.id;
            let refused = done(id, 0x65, 50, "");
            let end = done(id, 0x65, 0, "");
            match asked.base.as_str() {
                "dc=x" => vec![entry(id, "cn=g,dc=x", &[]), end],
                "cn=g,dc=x" if nested => vec![entry(id, "cn=g,dc=x", &[("member", &["cn=inner,dc=x"])]), end],
                "" => vec![end],
                _ => vec![refused],
            }
        })
        .await;
        let told = read(&server, &file, &["g"], false).await.people.unwrap_err();
        let which = if nested {
            "reading `cn=inner,dc=x`"
        } else {
            "reading `cn=g,dc=x`"
        };
        assert!(
            told.contains(which) && told.contains("insufficientAccessRights"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_primary_group_whose_number_is_kept_secret_ends_the_reading() {
    for sid in [None, Some("no SID")] {
        let server = Server::start(move |asked, _| {
            let id = asked.id;
            let group = match &sid {
                _ if is_root(asked) => return vec![done(id, 0x65, 0, "")],
                None => entry(id, "cn=g,dc=x", &[]),
                Some(sid) => entry(id, "cn=g,dc=x", &[("objectSid", &[*sid])]),
            };
            vec![group, done(id, 0x65, 0, "")]
        })
        .await;
        let file = format!("{PLAIN}primary_group: true\n");
        let told = read(&server, &file, &["g"], false).await.people.unwrap_err();
        assert!(
            told.contains("`cn=g,dc=x` has no `objectSid` that can be read"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_passed_over_for_one_that_can() {
    let server = Server::start(|asked, _| vec![done(asked.id, 0x65, 0, "")]).await;
    let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nobody = closed.local_addr().unwrap().port();
    drop(closed);
    let hosts = |second: u16| format!("{PLAIN}host: 'ldap://127.0.0.1:{nobody} ldap://127.0.0.1:{second}'\n");
    let ended = read(&server, &hosts(server.port), &[], true).await;
    assert!(ended.people.is_ok());
    assert!(
        ended.log.contains("[ldap-host-passed-over]") && ended.log.contains(&nobody.to_string()),
        "{}",
        ended.log
    );
    let told = read(&server, &hosts(nobody), &[], true).await.people.unwrap_err();
    assert!(
        told.contains("LDAP connection failure") && told.contains("check `host`"),
        "{told}"
    );
}

/// K10: whatever a server sends, the reading ends with people or with words.
#[test]
fn k10_ldap_answers() {
    use crate::read::ldap::message::{Entry, Message, Outcome};

    roster_testkit::fuzz::Target {
        name: "ldap",
        corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
        words: &[
            "\u{30}",
            "member;range=0-1499",
            "\u{4}",
            "\u{31}",
            "(&",
            "cn=",
            "\\2c",
            "(a:dn:=",
            "{mail:>",
            "20261124190500Z",
        ],
        property: |bytes| {
            let _ = super::ber::frame(bytes);
            if let Ok(message) = Message::parse(bytes) {
                let _ = message.cookie();
                let _ = Outcome::parse(message.body);
                if let Ok(entry) = Entry::parse(message.body) {
                    let _ = entry.values("member");
                }
            }
            let _ = super::value::text(
                "objectGUID",
                bytes,
                super::schema::Syntax::Time,
                encoding_rs::UTF_8,
            );
            let Ok(text) = std::str::from_utf8(bytes) else {
                return;
            };
            if let Ok(dn) = super::dn::Dn::parse(text) {
                let _ = dn.key();
            }
            let _ = super::dn::first_value(text);
            let _ = super::filter::parse(text);
            let _ = super::schema::Schema::new([text], [text]);
            if let Ok(template) = crate::read::template::Template::parse(text) {
                let shown = template.to_string();
                assert!(crate::read::template::Template::parse(&shown).is_ok(), "{shown}");
            }
            // What is put into a filter comes out of it.
            let escaped = super::filter::escape(text);
            let filter = super::filter::parse(&format!("(cn={escaped})")).expect("arguments are escaped");
            assert!(filter.bytes.ends_with(text.as_bytes()));
        },
    }
    .run();
}
