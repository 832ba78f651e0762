//! Runs against OpenLDAP: encryption, refusals, odd names and nested groups.

use std::fmt::Write as _;

use super::slapd::{Made, PASSWORD, Slapd, admin, group, person};
use super::{EVE, REMOVE, joined, main_file, people, refused, run};
use crate::scene::{Scene, fine, organization};
use crate::server::Server;

#[tokio::test]
async fn certificates_are_checked_with_starttls_and_ldaps() {
    let Some(slapd) = Slapd::start(&people()) else {
        return;
    };
    let connector = |host: &str, more: &str| {
        format!(
            "host: {host}\nbase_dn: dc=x\nusername: cn=admin,dc=x\npassword: {PASSWORD}\n\
             all_users_filter: (objectClass=inetOrgPerson)\ngroup_filter_format: (&(objectClass=groupOfNames)(cn={{group}}))\n\
             {more}"
        )
    };
    let checked = |file: &str| {
        format!(
            "require_tls_cert: true\ntls_ca_file: {}\n",
            slapd.file(file).display()
        )
    };
    for host in [
        format!("ldap://localhost:{}", slapd.port),
        format!("ldaps://localhost:{}", slapd.tls_port),
    ] {
        let (ended, server) = run(&connector(&host, &checked("ca.pem")), &["Painters"], REMOVE).await;
        assert_eq!(ended.code, 0, "{host}: {}", ended.log);
        assert_eq!(joined(&server)[0], "ada: Painters");
        assert!(!ended.log.contains("certificate-not-checked") && !ended.log.contains("ldap-clear-text"));
        let parts = ["[ldap-connection]", &host, "UnknownIssuer", "tls_ca_file"];
        refused(&connector(&host, &checked("other.pem")), &parts).await;
        refused(&connector(&host, "require_tls_cert: true\n"), &parts).await;
        // The certificate is for `localhost`.
        let by_address = host.replace("localhost", "127.0.0.1");
        refused(
            &connector(&by_address, &checked("ca.pem")),
            &["[ldap-connection]", "not valid for name"],
        )
        .await;
    }
    // An authority for everything, as SSL_CERT_FILE names it, will do as well.
    let server = organization(EVE, fine).await;
    let mut scene = Scene::new(&server.url);
    scene.trust = vec![std::fs::read(slapd.file("ca.pem")).unwrap()];
    scene.write("user-sync-config.yml", &main_file(&["Painters"]));
    let host = format!("ldaps://localhost:{}", slapd.tls_port);
    scene.write("ldap.yml", &connector(&host, "require_tls_cert: true\n"));
    let ended = scene.run(REMOVE).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    // Without the check: encrypted on ldaps, in clear on ldap, each with a warning.
    let ldaps = format!("ldaps://127.0.0.1:{}", slapd.tls_port);
    let (ended, _) = run(&connector(&ldaps, ""), &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        ended.log.matches("[certificate-not-checked]").count(),
        1,
        "{}",
        ended.log
    );
    let ldap = format!("ldap://127.0.0.1:{}", slapd.port);
    let (ended, _) = run(&connector(&ldap, ""), &["Painters"], REMOVE).await;
    assert_eq!(ended.log.matches("[ldap-clear-text]").count(), 1, "{}", ended.log);
    // TLS where there is none, and none where there is TLS.
    let crossed = format!("ldaps://localhost:{}", slapd.port);
    refused(
        &connector(&crossed, ""),
        &["[ldap-connection]", "check that this port speaks TLS"],
    )
    .await;
    let crossed = format!("ldap://localhost:{}", slapd.tls_port);
    refused(
        &connector(&crossed, ""),
        &[
            "[ldap-connection]",
            "`ldap://` or `ldaps://` is right for its port",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_login_that_fails_names_the_host_the_name_and_what_to_check() {
    let Some(slapd) = Slapd::start(&people()) else {
        return;
    };
    let host = format!("ldap://localhost:{}", slapd.port);
    let wrong = slapd.connector("").replace(PASSWORD, "wrong-password");
    let parts = [
        "LDAP connection failure",
        &host,
        "binding as `cn=admin,dc=x`",
        "invalidCredentials (49)",
        "check `username` and `password`",
    ];
    refused(&wrong, &parts).await;
    let nobody = slapd.connector("").replace("cn=admin,dc=x", "cn=nobody,dc=x");
    refused(
        &nobody,
        &["binding as `cn=nobody,dc=x`", "invalidCredentials (49)"],
    )
    .await;
    let no_name = slapd.connector("").replace("cn=admin,dc=x", "not a name");
    refused(&no_name, &["binding as `not a name`", "invalidDNSyntax (34)"]).await;
    // An empty password would let some servers take any name.
    let empty = slapd.connector("").replace(PASSWORD, "''");
    refused(&empty, &["[credential-missing]", "ldap.yml:4"]).await;
    let no_user = slapd.connector("").replace("username: cn=admin,dc=x\n", "");
    refused(
        &no_user,
        &["[credential-missing]", "a `password` goes with a `username`"],
    )
    .await;
    let (ended, _) = run(
        &slapd
            .connector("two_steps_lookup: null\n")
            .replace("username: cn=admin,dc=x\n", "")
            .replace(&format!("password: {PASSWORD}\n"), ""),
        &["Painters"],
        REMOVE,
    )
    .await;
    assert_eq!(ended.code, 0, "without a name anybody may read: {}", ended.log);
    assert!(ended.log.contains("[ldap-anonymous]"), "{}", ended.log);
}

#[tokio::test]
async fn a_size_limit_of_the_server_is_no_end_of_the_directory() {
    let many: String = (0..8).map(|number| person(&format!("p{number}"), &[])).collect();
    let ldif = format!("{}{many}", people());
    let Some(slapd) = Slapd::start_with(Made {
        ldif: &ldif,
        size_limit: "3",
        options: "",
    }) else {
        return;
    };
    for more in ["", "search_page_size: 0\n", "search_page_size: 2\n"] {
        let (ended, server) = run(
            &slapd.connector(more),
            &["Painters"],
            "--users all --adobe-only-user-action remove",
        )
        .await;
        assert_eq!(ended.code, 1, "{more}: {}", ended.log);
        assert!(
            ended.log.contains("sizeLimitExceeded (4)") && ended.log.contains("size limit"),
            "{more}: {}",
            ended.log
        );
        assert_eq!(server.requests().len(), 0, "{more}");
    }
}

#[tokio::test]
async fn groups_in_groups_are_found_and_circles_end() {
    let ldif = format!(
        "{}{}{}{}{}{}{}",
        admin(),
        person("ada", &[]),
        person("kim", &[]),
        person("joe", &[]),
        group(
            "cn=Outer,dc=x",
            "Outer",
            &["cn=inner,dc=x", "uid=ada,dc=x", "uid=gone,dc=x"]
        ),
        group("cn=inner,dc=x", "inner", &["CN=Innermost, DC=X", "uid=kim,dc=x"]),
        group(
            "cn=innermost,dc=x",
            "innermost",
            &["cn=outer,dc=x", "uid=joe,dc=x", "uid=ada,dc=x"]
        ),
    );
    let Some(slapd) = Slapd::start(&ldif) else { return };
    let two_steps = |nested: bool| {
        slapd.connector(&format!(
            "two_steps_lookup: {{group_member_attribute_name: member, nested_group: {nested}}}\n"
        ))
    };
    let (ended, server) = run(
        &two_steps(true),
        &["Outer", "inner"],
        "--process-groups --users mapped",
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    // The circle makes everybody of the three groups a member of each.
    assert_eq!(
        joined(&server),
        ["ada: Outer, inner", "joe: Outer, inner", "kim: Outer, inner"]
    );
    assert!(
        ended.log.contains("`uid=gone,dc=x`") && ended.log.contains("[ldap-member-missing]"),
        "{}",
        ended.log
    );
    let (ended, server) = run(
        &two_steps(false),
        &["Outer", "inner"],
        "--process-groups --users mapped",
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(joined(&server), ["ada: Outer", "kim: inner"]);
}

#[tokio::test]
async fn a_group_in_a_group_that_is_not_shown_any_more_takes_nothing_from_its_people() {
    const ACCESS: &str = "access to filter=\"(description=hidden)\" by * none\n\
        access to attrs=userPassword by anonymous auth\naccess to * by * read\n";
    let ldif = format!(
        "{}{}{}{}{}",
        admin(),
        person("eve", &[]),
        person("ada", &[]),
        group("cn=Painters,dc=x", "Painters", &["cn=Sub,dc=x", "uid=ada,dc=x"]),
        group("cn=Sub,dc=x", "Sub", &["uid=eve,dc=x"]),
    );
    let made = Made {
        ldif: &ldif,
        size_limit: "unlimited",
        options: ACCESS,
    };
    let Some(slapd) = Slapd::start_with(made) else {
        return;
    };
    let server = organization(EVE, fine).await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    scene.write("user-sync-config.yml", &main_file(&["Painters"]));
    let two_steps = "two_steps_lookup: {group_member_attribute_name: member, nested_group: true}\n";
    scene.write("ldap.yml", &slapd.connector(two_steps));
    let describe = |what: &str| {
        slapd.change(&format!(
            "dn: cn=Sub,dc=x\nchangetype: modify\nreplace: description\ndescription: {what}\n"
        ));
    };
    let removes = |skip: usize| {
        let sent = crate::scene::writes(&server).into_iter().skip(skip);
        let sent: String = sent.map(|request| request.body).collect();
        sent.contains("\"remove")
    };
    for options in [REMOVE, "--process-groups"] {
        describe("shown");
        let whole = scene.run(options).await;
        assert_eq!(whole.code, 0, "{}", whole.log);
        assert!(!removes(0), "{}", whole.log);
        describe("hidden");
        for _ in 0..2 {
            let ended = scene.run(options).await;
            assert_eq!(ended.code, 1, "{}", ended.log);
            for part in [
                "[nested-group-mute]",
                "'Painters'",
                "'cn=sub,dc=x'",
                "--accept-fewer",
            ] {
                assert!(ended.log.contains(part), "{part}: {}", ended.log);
            }
            assert!(!removes(0), "{}", ended.log);
        }
    }
    // Who was a member and never a group may be gone.
    slapd.change("dn: uid=ada,dc=x\nchangetype: delete\n");
    describe("shown");
    let gone = scene.run("--process-groups").await;
    assert_eq!(gone.code, 0, "{}", gone.log);
    assert!(gone.log.contains("`uid=ada,dc=x`") && gone.log.contains("[ldap-member-missing]"));
    // A group that was taken out of the group is not missed, and neither is one of which it is said that it is meant.
    describe("hidden");
    let meant = scene
        .run(&format!("{REMOVE} --accept-fewer --accept-empty"))
        .await;
    assert_eq!(meant.code, 0, "{}", meant.log);
    assert!(removes(0), "{}", meant.log);
    let again = scene.run(REMOVE).await;
    assert_eq!(again.code, 0, "{}", again.log);
}

#[tokio::test]
async fn names_with_every_special_character_are_found() {
    let names = [
        ("comma", r"cn=Paint\, Wool,dc=x", "Paint, Wool"),
        ("plus", r"cn=Paint \+ Wool,dc=x", "Paint + Wool"),
        ("quote", r#"cn=The \"Best\",dc=x"#, r#"The "Best""#),
        ("backslash", r"cn=Paint\\Wool,dc=x", r"Paint\Wool"),
        ("hash", r"cn=\#1 Team,dc=x", "#1 Team"),
        ("less", r"cn=a\<b\>c\;d,dc=x", "a<b>c;d"),
        ("equal", r"cn=a\=b,dc=x", "a=b"),
        ("star", "cn=Star* Team,dc=x", "Star* Team"),
        ("parentheses", "cn=Team (old),dc=x", "Team (old)"),
        ("words", "cn=a&b|c!d~e:f,dc=x", "a&b|c!d~e:f"),
        ("umlaut", "cn=Künstler,dc=x", "Künstler"),
        ("emoji", "cn=🎨,dc=x", "🎨"),
        ("percent", "cn={100%},dc=x", "{100%}"),
    ];
    let mut ldif = admin();
    for (person, dn, name) in names {
        let value = dn.trim_start_matches("cn=").trim_end_matches(",dc=x");
        let member = base64(&format!("ou={person} {value},dc=x"));
        let (dn, name) = (base64(dn), base64(name));
        let _ = write!(
            ldif,
            "dn:: {member}\nobjectClass: inetOrgPerson\nobjectClass: extensibleObject\nuid: {person}\ncn: x\nsn: Lee\n\
             mail: {person}@x.com\nmemberOf:: {dn}\n\n\
             dn:: {dn}\nobjectClass: groupOfNames\ncn:: {name}\nmember:: {member}\n\n"
        );
    }
    let Some(slapd) = Slapd::start(&ldif) else { return };
    let groups: Vec<&str> = names.iter().map(|(_, _, name)| *name).collect();
    let mut expected: Vec<String> = names
        .iter()
        .map(|(person, _, name)| format!("{person}: {name}"))
        .collect();
    expected.sort();
    for more in ["", "two_steps_lookup: {group_member_attribute_name: member}\n"] {
        let (ended, server) = run(&slapd.connector(more), &groups, "--process-groups --users mapped").await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert_eq!(joined(&server), expected, "{more}: {}", ended.log);
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}

#[tokio::test]
async fn two_entries_of_one_person_are_told_with_their_names() {
    let twin = person("twin", &[]).replace("twin@x.com", "Kim@x.com");
    let Some(slapd) = Slapd::start(&format!("{}{twin}", people())) else {
        return;
    };
    // Somebody else's username, and somebody else's e-mail.
    let same_name = person("eve", &[]).replace("uid: eve", "uid: eve\nemployeeNumber: ada");
    let same_name = same_name.replace("dn: uid=eve,dc=x\n", "dn: uid=eve,dc=x\nchangetype: add\n");
    slapd.change(&same_name);
    let ada = "dn: uid=ada,dc=x\nchangetype: modify\nadd: employeeNumber\nemployeeNumber: ada\n";
    slapd.change(ada);
    let connector = slapd.connector("user_username_format: '{employeeNumber}'\nsearch_page_size: 0\n");
    let (ended, _) = run(&connector, &["Painters"], "--users all").await;
    for said in [
        "Record 3 of the directory (e-mail `Kim@x.com`, username `Kim@x.com`) has the e-mail or username of an earlier one: \
         federatedID,kim@x.com,,kim@x.com gets the groups of both",
        "Record 4 of the directory (e-mail `eve@x.com`, username `ada`) has the e-mail or username of an earlier one: \
         federatedID,ada,x.com,ada@x.com gets the groups of both",
    ] {
        assert!(ended.log.contains(said), "{said}: {}", ended.log);
    }
}

#[tokio::test]
async fn formats_may_be_constant_and_lists_give_their_first_value() {
    let ldif = format!(
        "{}dn: uid=ada,dc=x\nobjectClass: inetOrgPerson\nuid: ada\ncn: x\nsn: Lee\ngivenName: Ada\ngivenName: Adelaide\n\
         mail: ada@x.com\nmail: other@x.com\n\n",
        admin()
    );
    let Some(slapd) = Slapd::start(&ldif) else { return };
    let constant = "user_username_format: shared\nuser_domain_format: corp.example\nuser_given_name_format: G\n\
                    user_surname_format: S\nuser_country_code_format: nl\nuser_identity_type_format: enterpriseID\n";
    let first = |server: &Server| {
        let body = crate::scene::writes(server)[0].json();
        body[0].to_string()
    };
    let (ended, server) = run(&slapd.connector(constant), &["Painters"], "--users all").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = first(&server);
    for part in [
        "createEnterpriseID",
        r#""country":"NL""#,
        r#""firstname":"G""#,
        r#""lastname":"S""#,
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    let (_, server) = run(&slapd.connector(""), &["Painters"], "--users all").await;
    let sent = first(&server);
    assert!(
        sent.contains("ada@x.com") && sent.contains(r#""firstname":"Ada""#),
        "{sent}"
    );
}

#[tokio::test]
async fn additional_groups_need_the_attribute_they_look_at() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let rules = "  additional_groups: [{source: '(.*)', target: 'x'}]\nlimits";
    scene.write(
        "user-sync-config.yml",
        &main_file(&["Painters"]).replace("limits", rules),
    );
    scene.write("ldap.yml", "host: dc1\nbase_dn: dc=x\n");
    let ended = scene.run(REMOVE).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.log.contains(
            "ldap.yml:1: `additional_groups` of the main file need `dynamic_group_member_attribute`"
        ),
        "{}",
        ended.log
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_additional_group_that_lost_many_members_keeps_them() {
    const STAFF: &str = "cn=All Staff,dc=x";
    let directory = |members: usize| {
        let people = (0..8).map(|number| {
            let groups: &[&str] = if number < members { &[STAFF] } else { &[] };
            person(&format!("p{number}"), groups)
        });
        admin() + &people.collect::<String>() + &group("cn=Painters,dc=x", "Painters", &["uid=p0,dc=x"])
    };
    let (Some(whole), Some(small)) = (Slapd::start(&directory(8)), Slapd::start(&directory(2))) else {
        return;
    };
    let accounts: Vec<String> = (0..8)
        .map(|number| {
            format!(
                r#"{{"email":"p{number}@x.com","type":"federatedID","firstname":"p{number}","lastname":"Lee","groups":["AG-All"]}}"#
            )
        })
        .collect();
    for way in ["--adobe-only-user-action exclude", "--strategy push"] {
        let server = organization(accounts.join(",").leak(), fine).await;
        let mut scene = Scene::new(&server.url);
        scene.state = Some(scene.path("state"));
        let rules = "  additional_groups: [{source: '(.+) Staff', target: 'AG-\\1'}]\nlimits";
        scene.write(
            "user-sync-config.yml",
            &main_file(&["Painters"]).replace("limits", rules),
        );
        let run = async |slapd: &Slapd, options: &str| {
            scene.write(
                "ldap.yml",
                &format!(
                    "host: ldap://localhost:{}\nbase_dn: dc=x\nusername: cn=admin,dc=x\npassword: {PASSWORD}\n\
                     all_users_filter: (objectClass=inetOrgPerson)\ndynamic_group_member_attribute: memberOf\n\
                     group_filter_format: (&(objectClass=groupOfNames)(cn={{group}}))\n",
                    slapd.port
                ),
            );
            let before = crate::scene::writes(&server).len();
            let options = format!("--users all --process-groups {way} {options}");
            let ended = scene.run(&options).await;
            let sent = crate::scene::writes(&server).into_iter().skip(before);
            let sent: Vec<serde_json::Value> = sent.map(|request| request.json()).collect();
            let commands = sent.iter().filter_map(|body| body.as_array()).flatten();
            let steps = commands.filter_map(|command| command["do"].as_array()).flatten();
            let taken = steps
                .filter(|step| step["remove"].to_string().contains("\"AG-All\""))
                .count();
            (ended, taken)
        };
        let (first, taken) = run(&whole, "").await;
        assert_eq!(
            (
                first.code,
                first.log.contains("additional group 'All Staff' to 'AG-All'")
            ),
            (0, true),
            "{}",
            first.log
        );
        assert_eq!(taken, 0);
        for _ in 0..2 {
            let (ended, taken) = run(&small, "").await;
            assert_eq!(ended.code, 1, "{}", ended.log);
            assert!(
                ended.log.contains("'All Staff' (2, before 8)") && ended.log.contains("[group-shrunk]"),
                "{}",
                ended.log
            );
            assert_eq!(taken, 0, "{}", ended.log);
        }
        let (meant, taken) = run(&small, "--accept-fewer").await;
        assert_eq!((meant.code, taken), (0, 6), "{}", meant.log);
    }
}

#[tokio::test]
async fn every_problem_of_the_connector_file_is_told_at_once() {
    let file = "host: 'http://dc1 ldap://dc2:x'\nbase_dn: nowhere\nusername: ada\nauthentication_method: kerberos\n\
                search_page_size: -1\nall_users_filter: (a=b\ngroup_filter_format: '(cn={grp})'\n\
                group_member_filter_format: '(memberOf={group_dn})'\ntwo_steps_lookup: {nested_groups: true}\n\
                user_email_format: '{mail'\nuser_identity_type: nobody\nstring_encoding: utf-99\n\
                require_tls_cert: maybe\nuser_base_dns: ou=a\n";
    let (ended, server) = run(file, &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 1);
    for (line, what) in [
        (1, "`http://dc1` begins with neither"),
        (1, "`ldap://dc2:x` has no port number"),
        (2, "`base_dn`: `nowhere`: it is no distinguished name"),
        (4, "'username' and 'password' are not allowed"),
        (5, "`search_page_size` is a number of people"),
        (
            6,
            "`all_users_filter`: `(a=b` is no filter: `)` is missing at character 5",
        ),
        (7, "the placeholder `{grp}` is not known here; there is `{group}`"),
        (8, "Cannot define both"),
        (9, "`two_steps_lookup.group_member_attribute_name` is missing"),
        (
            9,
            "`two_steps_lookup.nested_groups` is not known; did you mean `nested_group`?",
        ),
        (10, "a single `{`"),
        (11, "nobody"),
        (12, "unknown encoding `utf-99`"),
        (13, "`require_tls_cert` should be a boolean"),
        (14, "`user_base_dns` is not known; did you mean `user_base_dn`?"),
    ] {
        let place = format!("ldap.yml:{line}: ");
        assert!(
            ended
                .log
                .lines()
                .any(|said| said.contains(&place) && said.contains(what)),
            "{line}: {what}: {}",
            ended.log
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn names_that_an_escape_has_spoilt_are_refused_with_their_line() {
    let file = "host: \"ldaps://dc1\\b\"\nbase_dn: \"dc=x\\n\"\nusername: \"CORP\\roster-sync\"\n\
                password: \"a\\tb\"\nuser_base_dn: [ou=a, \"ou=b\\0\"]\n";
    let (ended, server) = run(file, &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 1);
    for (line, what) in [
        (1, "`host` has a control character in it (U+0008)"),
        (2, "`base_dn` has a control character in it (U+000A)"),
        (
            3,
            "`username` has a control character in it (U+000D): in double quotes a backslash begins an escape",
        ),
        (4, "`password` has a control character in it (U+0009)"),
        (5, "`user_base_dn` has a control character in it (U+0000)"),
    ] {
        let said = format!("ldap.yml:{line}: {what}");
        assert!(ended.log.contains(&said), "{said}: {}", ended.log);
    }
    assert!(server.requests().is_empty());
    // In single quotes, and without quotes, it is as it stands there.
    for username in ["'CORP\\roster-sync'", "CORP\\roster-sync"] {
        let file = format!(
            "host: ldap://127.0.0.1:1 ldap://127.0.0.1:2\nbase_dn: dc=x\nusername: {username}\npassword: x\n"
        );
        let (ended, _) = run(&file, &["Painters"], REMOVE).await;
        assert!(ended.log.contains("[ldap-host-passed-over]"), "{}", ended.log);
    }
}

#[cfg(feature = "gssapi")]
#[tokio::test]
async fn a_server_without_kerberos_is_told_from_a_user_without_a_ticket() {
    let Some(slapd) = Slapd::start(&people()) else {
        return;
    };
    let host = format!("ldap://localhost:{}", slapd.port);
    let file = format!("host: {host}\nbase_dn: dc=x\nauthentication_method: kerberos\n");
    refused(
        &file,
        &[
            "[ldap-connection]",
            "binding with Kerberos to `ldap/localhost`",
            "`klist` shows",
        ],
    )
    .await;
}

#[cfg(feature = "gssapi")]
#[tokio::test]
async fn kerberos_from_a_keytab_is_refused_where_the_library_would_not_look() {
    let folder = tempfile::tempdir().unwrap();
    let keytab = folder.path().join("reader.keytab");
    std::fs::write(&keytab, "").unwrap();
    let keytab = keytab.display();
    let file = format!(
        "host: ldaps://localhost:1\nbase_dn: dc=x\nauthentication_method: kerberos\nkerberos_keytab: {keytab}\n"
    );
    let wanted = format!("KRB5CCNAME=MEMORY:roster-sync KRB5_CLIENT_KTNAME=FILE:{keytab}");
    refused(&file, &[&wanted, "[ldap-tickets]"]).await;
}

#[cfg(not(feature = "gssapi"))]
#[tokio::test]
async fn kerberos_is_refused_by_a_program_without_it() {
    let file = "host: dc1\nbase_dn: dc=x\nauthentication_method: Kerberos\n";
    refused(
        file,
        &[
            "ldap.yml:3: Kerberos Authentication Method is not supported",
            "--features gssapi",
            "[ldap-method]",
        ],
    )
    .await;
}
