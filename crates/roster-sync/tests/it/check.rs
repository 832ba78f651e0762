//! `check`: everything is tried, everything is said, nothing is changed.

use std::sync::atomic::Ordering;

use crate::hooks;
use crate::scene::{Ended, Scene, connector, fine, organization, writes};
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

/// An organization with this one group and nobody, which takes everything.
async fn empty_organization() -> Server {
    Server::start(|_, request| {
        if request.line.starts_with("POST") {
            return fine(1, request);
        }
        Reply::json(r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Photo"}],"users":[]}"#)
    })
    .await
}

/// So many people, of whom the first `painters` are painters.
fn people(count: usize, painters: usize) -> String {
    let rows = (0..count).map(|number| {
        let group = if number < painters { "Painters" } else { "" };
        format!("p{number}@x.com,P,Lee,US,{group}\n")
    });
    "email,firstname,lastname,country,groups\n".to_owned() + &rows.collect::<String>()
}

/// What is said from WARNING on, by its name.
fn told(ended: &Ended) -> Vec<&str> {
    let lines = ended.log.lines();
    let lines = lines.filter(|line| {
        [" WARNING ", " ERROR ", " CRITICAL "]
            .iter()
            .any(|level| line.contains(level))
    });
    lines
        .filter_map(|line| Some(line.rsplit_once('[')?.1.trim_end_matches(']')))
        .collect()
}

/// The whole folder of what runs remember.
fn remembered(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut all: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

const WITHHELD: &str = "The run would withhold what is said above, do the rest, and end with exit code 1";

#[tokio::test]
async fn what_a_run_would_withhold_is_said_in_its_words_and_not_remembered() {
    let server = empty_organization().await;
    let mut scene = Scene::new(&server.url);
    let state = scene.path("state/roster");
    scene.state = Some(state.clone());
    let two = "--connector csv @users.csv --process-groups --adobe-only-user-action delete";
    scene.write("users.csv", &people(60, 30));
    let ended = scene.check(two).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!scene.path("state").exists(), "a check makes no folder, either");
    scene.run(two).await;
    let before = remembered(&state);
    assert!(!before.is_empty());
    for (what, file, options, names) in [
        ("nothing", people(60, 30), "", &[][..]),
        ("cut", people(20, 20), "", &["source-shrunk"]),
        ("cut and meant", people(20, 20), "--accept-fewer", &[]),
        ("a group shrunk", people(60, 10), "", &["group-shrunk"]),
        (
            "a group emptied",
            people(60, 0),
            "",
            &["directory-group-empty", "source-disappeared"],
        ),
        (
            "a header alone",
            people(0, 0),
            "",
            &["directory-empty", "source-disappeared"],
        ),
        (
            "nobody fits",
            people(60, 30),
            "--user-filter zzz",
            &["selection-empty"],
        ),
        (
            "a mistyped name",
            people(60, 30),
            "--users group Paniters",
            &["selection-empty"],
        ),
        (
            "one of two",
            people(60, 30),
            "--users group Painters,Paniters",
            &["selection-empty"],
        ),
    ] {
        scene.write("users.csv", &file);
        let ended = scene.check(&format!("{two} {options}")).await;
        assert_eq!(told(&ended), names, "{what}: {}", ended.log);
        assert_eq!(ended.code, u8::from(!names.is_empty()), "{what}: {}", ended.log);
        assert_eq!(
            ended.log.contains(WITHHELD),
            !names.is_empty(),
            "{what}: {}",
            ended.log
        );
        assert_eq!(remembered(&state), before, "{what}");
        let run = scene.run(&format!("{two} {options} -t")).await;
        let said = told(&run);
        assert!(
            names.iter().all(|name| said.contains(name)),
            "{what}: {}",
            run.log
        );
    }
    let real = writes(&server)
        .into_iter()
        .filter(|request| !request.line.contains("testOnly=true"));
    assert!(
        !real
            .map(|request| request.body)
            .collect::<String>()
            .contains("remove")
    );
    // Fewer than there have to be.
    scene.write("roster.yml", "min_directory_users: 98%\n");
    scene.write("users.csv", &people(58, 30));
    let ended = scene.check(two).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (1, vec!["too-few-people"]),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("The run would send nothing, and end with exit code 1"),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("organization ORG@AdobeOrg can be read"),
        "{}",
        ended.log
    );
    std::fs::remove_file(scene.path("roster.yml")).unwrap();
    // What cannot be read ends a run.
    let seen = before.iter().find(|(name, _)| name.ends_with(".seen")).unwrap();
    std::fs::write(state.join(&seen.0), "{").unwrap();
    let ended = scene.check(two).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (3, vec!["state-unreadable"]),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_list_that_a_run_would_not_write_stays_when_it_is_checked() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    scene.write("left.csv", "type,email\n");
    let run = "--connector csv @users.csv --user-filter zzz --adobe-only-user-action write-file @left.csv";
    let ended = scene.check(run).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (1, vec!["selection-empty", "list-withheld"]),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("would remove that of an earlier run"),
        "{}",
        ended.log
    );
    assert!(scene.path("left.csv").exists());
}

#[tokio::test]
async fn a_place_where_nothing_can_be_remembered_is_a_finding() {
    let server = empty_organization().await;
    let mut scene = Scene::new(&server.url);
    let state = scene.path("state");
    scene.state = Some(state.clone());
    scene.run(RUN).await;
    let remembered = remembered(&state);
    let seen = remembered
        .iter()
        .find(|(name, _)| name.ends_with(".seen"))
        .unwrap();
    // Where the memory would be written stands a folder.
    std::fs::create_dir(state.join(&seen.0).with_extension("new")).unwrap();
    let ended = scene.check(RUN).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (1, vec!["state-not-written"]),
        "{}",
        ended.log
    );
    scene.stateless = true;
    let ended = scene.check(RUN).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (1, vec!["no-state-folder"]),
        "{}",
        ended.log
    );
    scene.write("users.csv", &people(5, 0));
    let ended = scene.check(RUN).await;
    assert_eq!(
        told(&ended),
        ["no-state-folder", "directory-group-empty", "source-unremembered"],
        "{}",
        ended.log
    );
    // A list of Adobe-only people needs no memory.
    scene.write("list.csv", "type,email\nfederatedID,eve@x.com\n");
    let ended = scene
        .check("--adobe-only-user-list @list.csv --adobe-only-user-action remove")
        .await;
    assert_eq!((ended.code, told(&ended)), (0, vec![]), "{}", ended.log);
}

#[tokio::test]
async fn groups_that_nobody_can_be_put_into_are_findings() {
    let server = Server::start(|_, request| {
        if request.line.contains("/groups/") {
            return Reply::json(
                r#"{"result":"success","lastPage":true,"groups":[{"groupName":"Photo","productName":"Photo Suite","type":"PRODUCT_PROFILE"}]}"#,
            );
        }
        Reply::json(r#"{"result":"success","lastPage":true,"users":[]}"#)
    })
    .await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    for (group, expected) in [
        ("_org_admin", &["group-not-assignable"][..]),
        ("_Compartment_Admin", &["group-not-assignable"]),
        ("_product_admin_Nope", &["adobe-group-missing"]),
        ("_admin_Foto", &["adobe-group-missing"]),
        ("_developer_Foto", &["adobe-group-missing"]),
        ("_nothing", &["adobe-group-missing"]),
        ("_product_admin_photo suite", &[]),
        ("_admin_photo", &[]),
        ("_support_admin", &[]),
    ] {
        scene.write(
            "user-sync-config.yml",
            &main.replace("[Photo]", &format!("['{group}']")),
        );
        let ended = scene.check(RUN).await;
        assert_eq!(told(&ended), expected, "{group}: {}", ended.log);
        assert_eq!(
            ended.code,
            u8::from(!expected.is_empty()),
            "{group}: {}",
            ended.log
        );
    }
    let creates = main.replace("  groups:", "  group_sync_options: {auto_create: yes}\n  groups:");
    scene.write("user-sync-config.yml", &creates.replace("[Photo]", "[_nothing]"));
    let ended = scene.check(RUN).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (1, vec!["group-not-creatable"]),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn warnings_that_are_no_findings_are_not_passed_over_in_the_verdict() {
    let server = with_groups("photo").await;
    let scene = Scene::new(&server.url);
    let ended = scene.check(&format!("{RUN} --user-filter ada.*|kim.*")).await;
    assert_eq!(
        (ended.code, told(&ended)),
        (0, vec!["loose-alternative"]),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("in order, apart from what the warnings above say"),
        "{}",
        ended.log
    );
}

/// Who is selected, and where people belong, is known when the hook has run.
#[tokio::test]
async fn check_runs_the_hook_for_everybody_as_a_run_does() {
    if !hooks::has_python() {
        return;
    }
    let server = organization("", fine).await;
    let code = "if 'ada' in target_attributes['email']: target_attributes['country'] = None\nelse: print('seen', target_attributes['email'])";
    let hooked = hooks::scene(&server.url, &hooks::with_code(code));
    let ended = hooked.check(RUN).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    for said in [
        "seen kim@x.com",
        "1 of the selected people have no country",
        "[country-missing]",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    let hooked = hooks::scene(&server.url, &hooks::with_code("target_groups.add('Strange')"));
    let ended = hooked.check(RUN).await;
    assert!(
        ended.code == 1 && ended.log.contains("[unknown-target-group]"),
        "{}",
        ended.log
    );
    let hooked = hooks::scene(&server.url, &hooks::with_code("1 / 0"));
    let ended = hooked.check(RUN).await;
    assert!(
        ended.code == 3 && ended.log.contains("[hook-failed]"),
        "{}",
        ended.log
    );
    assert!(writes(&server).is_empty());
}
