//! `check`: everything is tried, everything is said, nothing is changed.

use std::sync::atomic::Ordering;

use crate::scene::{Scene, connector, fine, organization, writes};
use crate::server::{Reply, Request, Server};

/// An organization with one account and the groups that are named.
async fn with_groups(names: &'static str) -> Server {
    Server::start(move |_, request| {
        if request.line.contains("/groups/") {
            let groups: Vec<String> = names.split_whitespace().map(|name| format!(r#"{{"groupName":"{name}"}}"#)).collect();
            return Reply::json(&format!(r#"{{"result":"success","lastPage":true,"groups":[{}]}}"#, groups.join(",")));
        }
        Reply {
            headers: "X-Total-Count: 41\r\n".to_owned(),
            ..Reply::json(r#"{"result":"success","lastPage":false,"users":[{"email":"eve@x.com","type":"federatedID","groups":["Photo"]}]}"#)
        }
    })
    .await
}

const RUN: &str = "--connector csv @users.csv --process-groups --adobe-only-user-action delete";

#[tokio::test]
async fn what_is_in_order_is_said_with_what_a_run_would_do_and_nothing_is_sent() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for said in [
        "people: everybody, from csv",
        "manages groups: yes; updates names and addresses: no",
        "accounts without a person: delete; test mode: no",
        "The directory can be read: 2 people",
        "directory group 'Painters': 1 member",
        "The primary organization ORG@AdobeOrg can be read: 41 accounts, 1 group",
        "Everything that can be checked is in order; nothing was changed",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(writes(&server).is_empty());
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "one page of people is enough");
    let announces = |request: &Request| request.header("pragma").is_some();
    assert!(!requests.iter().any(announces), "no run begins: {requests:?}");
}

#[tokio::test]
async fn files_as_the_examples_are_need_filling_in_on_both_sides() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    let file = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &file.replace("connectors: {}", "connectors: {ldap: ldap.yml}"),
    );
    scene.write(
        "ldap.yml",
        "host: ldaps://dc1\nbase_dn: dc=x\nusername: cn=reader\npassword: fill in\n",
    );
    let connector = std::fs::read_to_string(scene.path("umapi.yml")).unwrap();
    scene.write("umapi.yml", &connector.replace("s3cret-never-shown", "fill in"));
    let ended = scene.check("--process-groups").await;
    assert_eq!(ended.code, 3, "{}", ended.log);
    for part in [
        "ldap.yml:4: ",
        "for `password`",
        "umapi.yml:3: ",
        "for `client_secret`",
    ] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    // Nothing is said about a missing password besides.
    assert_eq!(ended.log.matches("[credential-").count(), 2, "{}", ended.log);
    assert!(server.requests().is_empty(), "nobody is sent what is no secret");
}

#[tokio::test]
async fn people_without_a_country_are_a_finding_unless_there_is_a_usual_one() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    scene.write(
        "users.csv",
        "email,type,country,groups\nada@x.com,,,Painters\nkim@x.com,,US,Painters\njoe@x.com,enterpriseID,,Painters\n",
    );
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended.log.contains("1 of the selected people have no country")
            && ended.log.contains("[country-missing]"),
        "{}",
        ended.log
    );
    let file = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let usual = "directory_users:\n  default_country_code: US\n";
    scene.write("user-sync-config.yml", &file.replace("directory_users:\n", usual));
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
}

#[tokio::test]
async fn only_people_whom_a_run_would_create_need_a_country() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    // Two without a country: one is mapped, one is not.
    scene.write(
        "users.csv",
        "email,country,groups\nada@x.com,,Painters\nkim@x.com,,\njoe@x.com,US,Painters\n",
    );
    for (options, nowhere) in [
        ("", 2),
        ("--process-groups", 2),
        ("--process-groups --exclude-unmapped-users", 1),
        ("--process-groups --users mapped", 1),
        ("--process-groups --users group Others", 0),
        ("--process-groups --user-filter ki.*", 1),
        ("--process-groups --user-filter jo.*", 0),
        ("--strategy push", 2),
    ] {
        let ended = scene
            .check(&format!("--connector csv @users.csv {options}"))
            .await;
        let said = format!("{nowhere} of the selected people have no country");
        assert_eq!(ended.log.contains(&said), nowhere > 0, "{options}: {}", ended.log);
        assert_eq!(ended.log.contains("[country-missing]"), nowhere > 0, "{options}");
    }
}

#[tokio::test]
async fn groups_that_are_missing_on_either_side_are_findings() {
    let server = with_groups("Other").await;
    let scene = Scene::new(&server.url);
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 1, "one finding is enough: {}", ended.log);
    assert!(
        ended
            .log
            .contains("The primary organization has no group 'Photo'")
            && ended.log.contains("[adobe-group-missing]"),
        "{}",
        ended.log
    );
    scene.write("users.csv", "email,groups\nada@x.com,Paint\n");
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("Nobody is in these mapped directory groups: Painters"),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("The primary organization has no group 'Photo'"),
        "{}",
        ended.log
    );
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("  groups:", "  group_sync_options: {auto_create: yes}\n  groups:"),
    );
    let ended = scene.check(RUN).await;
    assert!(
        ended.log.contains("group 'Photo' would be created"),
        "{}",
        ended.log
    );
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn a_check_that_is_interrupted_says_nothing_of_the_run() {
    let server = with_groups("Photo").await;
    let scene = Scene::new(&server.url);
    scene.stop.store(true, Ordering::Relaxed);
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 130, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("Interrupted before everything was checked; nothing was changed")
            && !ended.log.contains("would not work"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn each_part_that_cannot_be_used_has_a_code_of_its_own() {
    let server = with_groups("Photo").await;
    let scene = Scene::new(&server.url);
    let ended = scene.check("--connector paper").await;
    assert_eq!(ended.code, 3, "{}", ended.log);
    let ended = scene.check("--connector csv @nowhere.csv").await;
    assert_eq!(ended.code, 4, "{}", ended.log);
    assert!(
        ended.log.contains("organization ORG@AdobeOrg can be read"),
        "the other side is tried too: {}",
        ended.log
    );

    let refusing = Server::start_with_tokens(
        |_, _| Reply::json("{}"),
        |_| Reply {
            status: 401,
            headers: String::new(),
            body: r#"{"error":"invalid_client","error_description":"no"}"#.to_owned(),
        },
    )
    .await;
    let scene = Scene::new(&refusing.url);
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 5, "{}", ended.log);
    assert!(
        ended.log.contains("The run would not work; nothing was changed"),
        "{}",
        ended.log
    );

    let broken = Server::start(|_, _| Reply::status(403, "")).await;
    let scene = Scene::new(&broken.url);
    assert_eq!(scene.check(RUN).await.code, 6);

    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let ended = scene.check("--adobe-only-user-list @none.csv").await;
    assert_eq!(ended.code, 4, "{}", ended.log);
    scene.write("list.csv", "type,email\nfederatedID,eve@x.com\n");
    let ended = scene
        .check("--adobe-only-user-list @list.csv --adobe-only-user-action remove")
        .await;
    assert!(
        ended.log.contains("people: none; acts on the list"),
        "{}",
        ended.log
    );
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn a_rule_of_additional_groups_that_fits_nothing_is_a_finding() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    let file = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let rules = "  additional_groups: [{source: 'Pain(.*)', target: 'Photo'}, {source: 'Pian(.*)', target: 'More'}]\nlimits";
    scene.write("user-sync-config.yml", &file.replace("limits", rules));
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    let fits = |said: &&str| said.ends_with("[additional-group-unfit]");
    let said: Vec<&str> = ended.log.lines().filter(fits).collect();
    assert!(
        said.len() == 1 && said[0].contains("`Pian(.*)`") && said[0].contains("no group of anybody"),
        "{said:?}"
    );
    scene.write("users.csv", "email,country,groups\nada@x.com,US,\n");
    let ended = scene.check(RUN).await;
    assert!(
        ended.log.contains("dynamic_group_member_attribute"),
        "nobody has any group: {}",
        ended.log
    );
}

#[tokio::test]
async fn an_excluded_group_that_is_not_there_protects_nobody() {
    let server = with_groups("photo keepers").await;
    let scene = Scene::new(&server.url);
    let file = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    for (name, code) in [("Keepers", 0), ("_org_admin", 0), ("Keeprs", 1)] {
        let excluded = format!("adobe_users:\n  exclude_adobe_groups: [{name}]\n");
        scene.write("user-sync-config.yml", &file.replace("adobe_users:\n", &excluded));
        let ended = scene.check(RUN).await;
        assert_eq!(ended.code, code, "{name}: {}", ended.log);
        let told = ended.log.contains("[excluded-group-missing]");
        assert_eq!(told, code == 1, "{name}: {}", ended.log);
    }
}

#[tokio::test]
async fn the_secondary_organization_that_cannot_be_used_is_named() {
    let server = organization("", fine).await;
    let refusing = Server::start_with_tokens(|_, _| Reply::status(500, ""), |_| Reply::status(401, "")).await;
    let scene = Scene::new(&server.url);
    scene.write("two.yml", &connector(&refusing.url, "TWO@AdobeOrg"));
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace("umapi: umapi.yml", "umapi: [umapi.yml, two: two.yml]");
    scene.write(
        "user-sync-config.yml",
        &main.replace("[Photo]", "[Photo, 'two::Photo']"),
    );
    for ended in [scene.check(RUN).await, scene.run(RUN).await] {
        assert!(
            ended
                .log
                .contains("The secondary organization `two` does not accept the credentials"),
            "{}",
            ended.log
        );
    }
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn a_summary_is_of_a_run_and_not_of_a_check() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    let ended = scene.check(&format!("{RUN} --summary @s.json")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("[option-without-effect]"), "{}", ended.log);
    assert!(!scene.path("s.json").exists());
}
