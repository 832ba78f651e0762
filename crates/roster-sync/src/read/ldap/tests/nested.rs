//! Groups in groups that are hidden.

use std::collections::BTreeSet;

use super::server::{Server, done, entry, person};
use super::{Ended, PLAIN, read};

/// How a server keeps the members of a group in a group to itself.
#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    Entry,
    Members,
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
            None if hidden == Hidden::Members => {
                assert!(people.unwrap().is_empty());
                assert_eq!(
                    (&within["g"].groups, &within["g"].mute),
                    (&BTreeSet::new(), &inner)
                );
            }
            None => {
                assert_eq!(people.unwrap(), ["ada@x.com g"]);
                assert_eq!(
                    (&within["g"].groups, &within["g"].mute),
                    (&inner, &BTreeSet::new())
                );
            }
        }
    }
}
