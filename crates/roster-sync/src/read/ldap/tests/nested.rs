//! Groups in groups that are hidden, and members that are not shown to the end or where people are looked for.

use std::collections::BTreeSet;

use super::server::{Server, done, entry, person};
use super::{Ended, PLAIN, read};

/// How a server keeps the members of a group in a group to itself.
#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    Entry,
    Members,
    Everything,
    Class,
    Nothing,
}

#[tokio::test]
async fn groups_in_groups_that_are_kept_secret_end_the_reading() {
    for (hidden, class, reason) in [
        (
            Hidden::Entry,
            "groupOfNames",
            Some("`cn=inner,dc=x` is there and is not shown"),
        ),
        (
            Hidden::Members,
            "groupOfNames",
            Some("`cn=inner,dc=x` does not show its `member`"),
        ),
        // Active Directory has groups of nobody.
        (Hidden::Members, "group", None),
        // An entry that shows nothing of itself, or that has become something else.
        (Hidden::Everything, "group", None),
        (Hidden::Everything, "groupOfNames", None),
        (Hidden::Class, "group", None),
        (Hidden::Nothing, "groupOfNames", None),
    ] {
        let server = Server::start(move |asked, _| {
            let id = asked.id;
            let end = done(id, 0x65, 0, "");
            let class: &[&str] = &[class];
            match asked.base.as_str() {
                "" => vec![entry(id, "", &[("subschemaSubentry", &["cn=schema"])]), end],
                "cn=schema" => {
                    let attributes =
                        ["objectClass", "cn", "member", "mail"].map(|name| format!("( 1.2 NAME '{name}' )"));
                    let attributes = attributes.each_ref().map(String::as_str);
                    let classes = [
                        "( 1.3 NAME 'person' MUST cn )",
                        "( 1.4 NAME 'groupOfNames' SUP top STRUCTURAL MUST ( member $ cn ) MAY description )",
                        "( 1.5 NAME 'group' MUST cn MAY member )",
                    ];
                    let all: &[(&str, &[&str])] =
                        &[("attributeTypes", &attributes), ("objectClasses", &classes)];
                    vec![entry(id, "cn=schema", all), end]
                }
                "dc=x" => vec![entry(id, "cn=g,dc=x", &[]), end],
                "cn=g,dc=x" => {
                    let all: &[(&str, &[&str])] = &[("objectClass", class), ("member", &["cn=inner,dc=x"])];
                    vec![entry(id, "cn=g,dc=x", all), end]
                }
                "cn=inner,dc=x" if !asked.attributes.iter().any(|name| name == "member") => vec![end],
                "cn=inner,dc=x" => match hidden {
                    Hidden::Entry => vec![end],
                    Hidden::Members => vec![entry(id, "cn=inner,dc=x", &[("objectClass", class)]), end],
                    Hidden::Everything => vec![entry(id, "cn=inner,dc=x", &[]), end],
                    Hidden::Class => {
                        vec![entry(id, "cn=inner,dc=x", &[("objectClass", &["person"])]), end]
                    }
                    Hidden::Nothing => {
                        let all: &[(&str, &[&str])] =
                            &[("objectClass", class), ("member", &["uid=ada,dc=x"])];
                        vec![entry(id, "cn=inner,dc=x", all), end]
                    }
                },
                _ if asked.attributes.iter().any(|name| name == "member") => {
                    vec![entry(id, "uid=ada,dc=x", &[("objectClass", &["person"])]), end]
                }
                _ => vec![person(id, "ada"), end],
            }
        })
        .await;
        let file =
            format!("{PLAIN}two_steps_lookup: {{group_member_attribute_name: member, nested_group: true}}\n");
        let Ended { people, within, .. } = read(&server, &file, &["g"], false).await;
        let inner = BTreeSet::from(["cn=inner,dc=x".to_owned()]);
        match reason {
            Some(reason) => {
                let told = people.unwrap_err();
                assert!(told.contains(reason), "{told}");
            }
            // It is remembered that they had some.
            None if hidden != Hidden::Nothing => {
                assert!(people.unwrap().is_empty());
                assert_eq!(
                    (&within["g"].groups, &within["g"].mute),
                    (&BTreeSet::new(), &inner)
                );
            }
            None => {
                assert_eq!(people.unwrap(), ["ada@x.com g"]);
                let ada = BTreeSet::from(["uid=ada,dc=x".to_owned()]);
                assert_eq!((&within["g"].groups, &within["g"].mute), (&inner, &ada));
            }
        }
    }
}

/// A server with the group `g` below `dc=x`, whose members are Ada and Kim, the second in a list of its own.
async fn two_steps(rest: &'static [&'static str], place: i32) -> Server {
    Server::start(move |asked, _| {
        let id = asked.id;
        let end = done(id, 0x65, 0, "");
        match (asked.base.as_str(), asked.attributes.first().map(String::as_str)) {
            ("", _) => vec![end],
            ("ou=people,dc=x", _) => vec![done(id, 0x65, place, "")],
            ("dc=x", _) => vec![entry(id, "cn=g,dc=x", &[]), end],
            ("cn=g,dc=x", Some("member")) => {
                let first: &[&str] = &["uid=ada,ou=people,dc=x"];
                vec![entry(id, "cn=g,dc=x", &[("member;range=0-0", first)]), end]
            }
            ("cn=g,dc=x", Some("member;range=1-*")) if rest.is_empty() => {
                vec![entry(id, "cn=g,dc=x", &[]), end]
            }
            ("cn=g,dc=x", Some("member;range=1-*")) => {
                vec![entry(id, "cn=g,dc=x", &[("member;range=1-*", rest)]), end]
            }
            _ => vec![person(id, "ada"), end],
        }
    })
    .await
}

#[tokio::test]
async fn a_list_that_breaks_off_ends_the_reading() {
    let file = format!("{PLAIN}two_steps_lookup: {{group_member_attribute_name: member}}\n");
    let whole = two_steps(&["uid=kim,ou=people,dc=x"], 0).await;
    assert_eq!(read(&whole, &file, &["g"], false).await.people.unwrap().len(), 1);
    let told = read(&two_steps(&[], 0).await, &file, &["g"], false)
        .await
        .people
        .unwrap_err();
    assert!(
        told.contains("reading `member` of `cn=g,dc=x`: the list breaks off at number 1"),
        "{told}"
    );
}

#[tokio::test]
async fn people_are_not_looked_for_where_there_is_no_place() {
    let file = format!(
        "{PLAIN}two_steps_lookup: {{group_member_attribute_name: member}}\nuser_base_dn: 'ou=people,dc=x'\n"
    );
    let kim: &[&str] = &["uid=kim,dc=y"];
    assert_eq!(
        read(&two_steps(kim, 0).await, &file, &["g"], false)
            .await
            .people
            .unwrap()
            .len(),
        1
    );
    let told = read(&two_steps(kim, 32).await, &file, &["g"], false)
        .await
        .people
        .unwrap_err();
    assert!(
        told.contains("looking for `ou=people,dc=x`") && told.contains("noSuchObject"),
        "{told}"
    );
    // A place that is there and holds none of them.
    let elsewhere = file.replace("ou=people,dc=x", "ou=staff,dc=x");
    let ended = read(&two_steps(kim, 0).await, &elsewhere, &["g"], false).await;
    assert!(ended.people.unwrap().is_empty());
    assert!(
        ended
            .log
            .contains("`g` has 2 member(s), and none of them is below `ou=staff,dc=x`")
            && ended.log.contains("[directory-members-outside]"),
        "{}",
        ended.log
    );
}
