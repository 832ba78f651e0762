//! What must not happen when something fails.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::scene::{Scene, connector, fine, organization, writes};
use crate::server::{Reply, Request};

const EVE: &str = r#"{"email":"eve@x.com","type":"federatedID","groups":["Photo"]}"#;
const REMOVE: &str = "--connector csv @users.csv --process-groups --adobe-only-user-action remove";

#[tokio::test]
async fn a_source_that_fails_removes_nobody() {
    let files = [
        ("", "empty"),
        (
            "email,firstname,groups\nada@x.com,\"Ada,Painters\nkim@x.com,Kim,\n",
            "a quote left open",
        ),
        (
            "email,firstname,groups\nada@x.com,Ada,Painters\nkim@x.com,Ki",
            "cut in a row",
        ),
        ("email,groups\nada@x.com,\u{fffd}", "not in its encoding"),
    ];
    for (text, what) in files {
        let server = organization(EVE, fine).await;
        let scene = Scene::new(&server.url);
        let bytes = text.replace('\u{fffd}', "\u{1}").into_bytes();
        let bytes: Vec<u8> = bytes
            .into_iter()
            .map(|byte| if byte == 1 { 0xff } else { byte })
            .collect();
        std::fs::write(scene.path("users.csv"), bytes).unwrap();
        let ended = scene.run(REMOVE).await;
        assert_eq!(ended.code, 1, "{what}: {}", ended.log);
        assert!(
            ended.log.contains("users.csv"),
            "{what}: the file is named: {}",
            ended.log
        );
        assert_eq!(server.requests().len(), 0, "{what}: nothing is read or sent");
    }
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    std::fs::remove_file(scene.path("users.csv")).unwrap();
    assert_eq!(scene.run(REMOVE).await.code, 1);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_short_last_row_with_a_line_end_and_a_file_of_short_rows_are_fine() {
    for text in [
        "email,firstname,groups\nada@x.com,Ada,\nkim@x.com\n",
        "email,firstname,groups\nada@x.com\nkim@x.com",
    ] {
        let server = organization("", fine).await;
        let scene = Scene::new(&server.url);
        scene.write("users.csv", text);
        let ended = scene.run("--connector csv @users.csv").await;
        assert!(ended.log.contains("directory users read: 2"), "{}", ended.log);
    }
}

#[tokio::test]
async fn after_three_lost_requests_nothing_more_is_sent() {
    let server = organization("", |_, _| Reply::status(403, "")).await;
    let scene = Scene::new(&server.url);
    let mut text = "email,country\n".to_owned();
    for number in 0..60 {
        let _ = writeln!(text, "p{number}@x.com,US");
    }
    scene.write("users.csv", &text);
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 1);
    assert_eq!(writes(&server).len(), 3);
    assert!(ended.log.contains("[writing-stopped]"), "{}", ended.log);
    assert!(
        ended
            .log
            .contains("UMAPI actions sent (total, success, error): (30, 0, 30)"),
        "{}",
        ended.log
    );
}

/// Where `compat: strict` stands.
#[derive(Clone, Copy, PartialEq)]
enum Strict {
    No,
    Main,
    Beside,
    Option,
}

/// Two organizations, eve Adobe-only in both, and the second refuses to let her go.
async fn stubborn_second(strict: Strict, no: &'static str) -> (Vec<String>, String) {
    let server = organization(EVE, move |_, request| {
        if request.line.contains("TWO@AdobeOrg") {
            return Reply::json(no);
        }
        fine(0, request)
    })
    .await;
    let scene = Scene::new(&server.url);
    scene.write("two.yml", &connector(&server.url, "TWO@AdobeOrg"));
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace("umapi: umapi.yml", "umapi: [umapi.yml, two: two.yml]");
    let mut main = main.replace("[Photo]", "[Photo, 'two::Photo']");
    if strict == Strict::Main {
        main.push_str("roster: {compat: strict}\n");
    }
    if strict == Strict::Beside {
        scene.write("roster.yml", "compat: strict\n");
    }
    scene.write("user-sync-config.yml", &main);
    scene.write("users.csv", "email\n");
    let options = "--connector csv @users.csv --process-groups --adobe-only-user-action delete";
    let more = if strict == Strict::Option {
        " --compat strict"
    } else {
        ""
    };
    let ended = scene.run(&format!("{options}{more}")).await;
    (
        writes(&server).into_iter().map(|request| request.body).collect(),
        ended.log,
    )
}

#[tokio::test]
async fn nobody_is_deleted_whose_removal_elsewhere_failed() {
    const NO: &str =
        r#"{"result":"error","errors":[{"index":0,"step":0,"errorCode":"error.x","message":"no"}]}"#;
    for no in [
        NO,
        r#"{"completed":0,"notCompleted":1,"result":"error"}"#,
        r#"{"completed":0,"notCompleted":1,"result":"success"}"#,
        r#"{"completed":0,"notCompleted":0,"result":"success"}"#,
        r#"{"completedInTestMode":1,"result":"success"}"#,
        r#"{"result":"ERROR"}"#,
        r#"{"error_code":"500","message":"boom"}"#,
        "{}",
    ] {
        let (sent, log) = stubborn_second(Strict::No, no).await;
        assert_eq!(sent.len(), 1, "{no}: {sent:?}");
        assert!(sent[0].contains(r#""deleteAccount":false"#));
        assert!(log.contains("[deletion-withheld]"), "{no}: {log}");
    }
    for strict in [Strict::Main, Strict::Beside, Strict::Option] {
        let (sent, log) = stubborn_second(strict, NO).await;
        assert_eq!(sent.len(), 2, "strict sends it: {sent:?} {log}");
        assert!(sent[1].contains(r#""deleteAccount":true"#));
    }
}

#[tokio::test]
async fn asked_to_stop_a_run_finishes_the_request_in_flight_and_counts_the_rest() {
    let scene = Arc::new(Scene::new("http://127.0.0.1:1"));
    let stop = Arc::clone(&scene.stop);
    let server = organization("", move |number, request| {
        stop.store(true, Ordering::Relaxed);
        fine(number, request)
    })
    .await;
    scene.write("umapi.yml", &connector(&server.url, "ORG@AdobeOrg"));
    let mut text = "email,country\n".to_owned();
    for number in 0..35 {
        let _ = writeln!(text, "p{number}@x.com,US");
    }
    scene.write("users.csv", &text);
    let ended = scene.run("--connector csv @users.csv").await;
    assert_eq!(ended.code, 130);
    assert_eq!(writes(&server).len(), 1);
    assert!(
        ended.log.contains("(total, success, error): (10, 10, 0)"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("INTERRUPTED"), "{}", ended.log);
}

#[tokio::test]
async fn secrets_never_reach_the_log() {
    let server = organization(EVE, |_, _| Reply::status(403, "")).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &format!("{main}logging: {{console_log_level: debug}}\n"),
    );
    let ended = scene.run(REMOVE).await;
    assert!(
        !ended.log.contains("s3cret-never-shown") && !ended.log.contains("Bearer"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn group_creation_that_fails_keeps_people_out_of_the_group_and_goes_on() {
    let server = organization("", |number, request| {
        if number == 1 {
            return Reply::json(
                r#"{"result":"error","errors":[{"index":0,"step":0,"errorCode":"error.x","message":"no"}]}"#,
            );
        }
        fine(number, request)
    })
    .await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace(
        "  groups:",
        "  group_sync_options: {auto_create: true}\n  groups:",
    );
    scene.write("user-sync-config.yml", &main);
    let ended = scene.run("--connector csv @users.csv --process-groups").await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = writes(&server);
    assert!(sent[0].body.contains("createUserGroup") && !sent[0].body.contains("createFederatedID"));
    assert!(
        sent[1].body.contains("ada@x.com") && !sent[1].body.contains("Photo"),
        "{}",
        sent[1].body
    );
    assert!(ended.log.contains("[group-create-failed]"), "{}", ended.log);
}

#[tokio::test]
async fn lines_of_the_log_have_user_syncs_form() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let ended = scene.run("--connector csv @users.csv --process-groups").await;
    for line in ended.log.lines() {
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        let [date, time, process, level, logger, rest] = words.as_slice() else {
            panic!("{line}")
        };
        assert_eq!(
            (date.len(), time.len(), process.parse::<u32>().is_ok()),
            (10, 8, true),
            "{line}"
        );
        assert!(["INFO", "WARNING", "ERROR", "CRITICAL"].contains(level), "{line}");
        assert!(!logger.is_empty() && rest.starts_with("- "), "{line}");
        let loud = *level != "INFO" && !rest.contains("waiting");
        assert!(
            !loud || line.ends_with(']'),
            "a line that matters has a stable name: {line}"
        );
    }
    let rules: Vec<&str> = ended
        .log
        .lines()
        .filter(|line| line.contains("===") || line.contains("Load from"))
        .collect();
    assert_eq!(rules.len(), 4);
    assert!(
        rules
            .iter()
            .all(|line| line.split(" - ").last().unwrap().len() == 70),
        "{rules:?}"
    );
}

#[tokio::test]
async fn the_summary_is_the_block_that_scripts_look_for() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let ended = scene.run("--connector csv @users.csv --process-groups -t").await;
    let said: Vec<&str> = ended
        .log
        .lines()
        .filter_map(|line| line.split_once("INFO processor - ").map(|(_, rest)| rest))
        .collect();
    let start = said
        .iter()
        .position(|line| line.contains("Action Summary"))
        .unwrap();
    let expected = "\
---------------------------- Action Summary (TEST MODE) ----------------------------
                        Number of directory users read: 2
          Number of directory users selected for input: 2
                            Number of Adobe users read: 1
           Number of Adobe users excluded from updates: 0
    Number of non-excluded Adobe users with no changes: 0
                       Number of new Adobe users added: 2
                Number of matching Adobe users updated: 0
                   Number of Adobe user-groups created: 0
      Number of Adobe-only users with groups processed: 1
  Number of UMAPI actions sent (total, success, error): (3, 3, 0)
------------------------------------------------------------------------------------";
    assert_eq!(said[start..].join("\n"), expected);
}

#[tokio::test]
async fn settings_that_select_nobody_are_warned_about() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let without = main.replace(
        "  groups:\n    - directory_group: Painters\n      adobe_groups: [Photo]\n",
        "",
    );
    scene.write("user-sync-config.yml", &without);
    let ended = scene
        .run("--connector csv @users.csv --users mapped --exclude-unmapped-users")
        .await;
    assert!(
        ended.log.contains("[nobody-selected]") && ended.log.contains("[unmapped-without-groups]"),
        "{}",
        ended.log
    );
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn a_group_that_was_renamed_takes_nothing_from_anybody() {
    let server = organization(
        r#"{"email":"ada@x.com","type":"federatedID","firstname":"Ada","lastname":"Lee","groups":["Photo"]},
        {"email":"kim@x.com","type":"federatedID","firstname":"Kim","lastname":"Roe"}"#,
        fine,
    )
    .await;
    let mut scene = Scene::new(&server.url);
    let state = tempfile::tempdir().unwrap();
    scene.state = Some(state.path().to_owned());
    let options =
        "--connector csv @users.csv --process-groups --users mapped --adobe-only-user-action delete";
    let first = scene.run(&format!("{options} -t")).await;
    assert_eq!(first.code, 0, "{}", first.log);
    scene.run("--connector csv @users.csv --process-groups").await;
    let before = writes(&server).len();
    let text = std::fs::read_to_string(scene.path("users.csv")).unwrap();
    scene.write("users.csv", &text.replace("Painters", "Artists"));
    let ended = scene.run(options).await;
    assert_eq!(ended.code, 1, "the exit code says so");
    assert!(
        ended.log.contains("'Painters'") && ended.log.contains("[source-disappeared]"),
        "{}",
        ended.log
    );
    assert_eq!(
        writes(&server).len(),
        before,
        "nobody is taken out of a group or deleted"
    );
    scene.write("users.csv", "email\n");
    assert_eq!(scene.run(options).await.code, 1);
    assert_eq!(writes(&server).len(), before);
    let meant = scene.run(&format!("{options} --accept-empty")).await;
    assert_eq!(meant.code, 0, "{}", meant.log);
    assert_eq!(writes(&server).len(), before + 1, "now it is done");
    assert_eq!(scene.run(options).await.code, 0, "and need not be said again");
}

#[tokio::test]
async fn a_group_of_adobe_users_that_nobody_is_in_is_named() {
    let server = crate::server::Server::start(|_, request| {
        if request.line.contains("Fotos") {
            return Reply::status(404, "");
        }
        let ada = r#"{"email":"ada@x.com","type":"federatedID","firstname":"Ada","lastname":"Lee"}"#;
        let users = if request.line.contains("Photo") { ada } else { "" };
        Reply::json(&format!(
            r#"{{"result":"success","lastPage":true,"users":[{users}]}}"#
        ))
    })
    .await;
    let scene = Scene::new(&server.url);
    let ended = scene
        .run("--connector csv @users.csv --adobe-users group Photo,Fotos -t")
        .await;
    let said = "Nobody is in group 'Fotos' of `--adobe-users group`, or there is no such group";
    assert!(ended.log.contains(said), "{}", ended.log);
    assert_eq!(
        ended.log.matches("[adobe-group-empty]").count(),
        1,
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_group_whose_name_is_mistyped_in_the_mapping_takes_nothing_from_anybody() {
    let server = organization(
        r#"{"email":"ada@x.com","type":"federatedID","firstname":"Ada","lastname":"Lee","groups":["Photo"]},
        {"email":"kim@x.com","type":"federatedID","firstname":"Kim","lastname":"Roe","groups":["Film"]}"#,
        fine,
    )
    .await;
    let mut scene = Scene::new(&server.url);
    scene.state = Some(scene.path("state"));
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace(
        "limits:",
        "    - directory_group: Cutters\n      adobe_groups: [Film]\nlimits:",
    );
    scene.write("user-sync-config.yml", &main);
    let text = std::fs::read_to_string(scene.path("users.csv")).unwrap();
    scene.write("users.csv", &text.replace("Roe,US,", "Roe,US,Cutters"));
    let options = "--connector csv @users.csv --process-groups --adobe-only-user-action exclude";
    let first = scene.run(options).await;
    assert_eq!(first.code, 0, "{}", first.log);
    assert!(writes(&server).is_empty(), "{}", first.log);

    scene.write("user-sync-config.yml", &main.replace("Painters", "Paniters"));
    // Somebody has left a group that is not in doubt.
    scene.write("users.csv", &format!("{text}lee@x.com,Lee,Day,US,Cutters\n"));
    let ended = scene.run(options).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("'Painters'"), "{}", ended.log);
    let sent: String = writes(&server).into_iter().map(|request| request.body).collect();
    assert!(sent.contains(r#""remove":{"group":["Film"]}"#), "{sent}");
    assert!(!sent.contains("Photo"), "{sent}");
}

#[tokio::test]
async fn asked_to_stop_a_run_does_not_sit_out_a_long_pause() {
    for method in ["GET", "POST"] {
        let scene = Scene::new("http://127.0.0.1:1");
        let stop = Arc::clone(&scene.stop);
        let server = crate::server::Server::start(move |_, request| {
            if request.line.starts_with(method) {
                stop.store(true, Ordering::Relaxed);
                return Reply::status(429, "Retry-After: 3000\r\n");
            }
            Reply::json(r#"{"result":"success","lastPage":true,"users":[]}"#)
        })
        .await;
        scene.write("umapi.yml", &connector(&server.url, "ORG@AdobeOrg"));
        let began = std::time::Instant::now();
        let ended = scene.run("--connector csv @users.csv").await;
        assert!(began.elapsed().as_secs() < 60, "{method}");
        assert_eq!(ended.code, 130, "{method}: {}", ended.log);
        assert!(ended.log.contains("INTERRUPTED"), "{method}: {}", ended.log);
        assert!(!ended.log.contains("[batch-failed]"), "{method}: {}", ended.log);
    }
}

#[tokio::test]
async fn asked_to_stop_with_several_requests_waiting_a_run_says_that_it_was_asked() {
    let scene = Scene::new("http://127.0.0.1:1");
    let stop = Arc::clone(&scene.stop);
    let server = organization("", move |number, request| {
        if number == 1 {
            return fine(number, request);
        }
        if number == 5 {
            stop.store(true, Ordering::Relaxed);
        }
        Reply::status(429, "Retry-After: 3000\r\n")
    })
    .await;
    let file = connector(&server.url, "ORG@AdobeOrg").replace("retries: 1", "retries: 3");
    scene.write("umapi.yml", &file);
    let people: Vec<String> = (0..60).map(|number| format!("p{number}@x.com,US\n")).collect();
    scene.write("users.csv", &format!("email,country\n{}", people.concat()));
    let ended = scene.run("--connector csv @users.csv --summary @told.json").await;
    assert_eq!(ended.code, 130, "{}", ended.log);
    assert_eq!(ended.log.matches("[interrupted]").count(), 1, "{}", ended.log);
    assert!(!ended.log.contains("[writing-stopped]"), "{}", ended.log);
    let account: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(scene.path("told.json")).unwrap()).unwrap();
    assert_eq!(account["exit_reason"], "interrupted");
    assert_eq!(account["unsent"], 50);
    assert_eq!(account["errors"].as_array().unwrap().len(), 0, "{account:#}");
    let warnings = account["warnings"].as_array().unwrap();
    assert!(
        warnings.iter().any(|line| line["code"] == "interrupted"),
        "{account:#}"
    );
}

#[tokio::test]
async fn groups_that_a_real_run_would_create_are_not_missing_in_test_mode() {
    // Every command that names `group` fails for it, as with a server that has not created what it only tests.
    let missing = |group: &'static str| {
        move |_: usize, request: &Request| {
            let commands = request.json();
            let commands = commands.as_array().unwrap();
            let names =
                |step: &serde_json::Value| step["add"]["group"].to_string().to_lowercase().contains(group);
            let mut errors = Vec::new();
            for (index, command) in commands.iter().enumerate() {
                let steps = command["do"].as_array().unwrap();
                if let Some(step) = steps.iter().position(names) {
                    errors.push(serde_json::json!({
                        "index": index, "step": step, "errorCode": "error.group.not_found", "message": "Group was not found",
                    }));
                }
            }
            let failed = errors.len();
            let done = commands.len() - failed;
            let (done, tested) = if request.line.contains("testOnly") {
                (0, done)
            } else {
                (done, 0)
            };
            Reply::json(
                &serde_json::json!({
                    "completed": done, "completedInTestMode": tested, "notCompleted": failed,
                    "result": if failed == 0 { "success" } else { "partial" }, "errors": errors,
                })
                .to_string(),
            )
        }
    };
    let run = "--connector csv @users.csv --process-groups";
    for (group, options, refused) in [
        ("photo", "-t", 0),
        ("photo", "", 1),
        // This one is not to be created: its name is one that the API gives.
        ("_missing", "-t", 1),
    ] {
        let server = organization("", missing(group)).await;
        let scene = Scene::new(&server.url);
        let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
        let main = main.replace(
            "  groups:",
            "  group_sync_options: {auto_create: true}\n  groups:",
        );
        scene.write(
            "user-sync-config.yml",
            &main.replace(
                "[Photo]",
                &format!(
                    "[Photo, {}]",
                    if group == "photo" { "Design" } else { "_missing" }
                ),
            ),
        );
        let ended = scene.run(&format!("{run} {options}")).await;
        let counted = format!("(total, success, error): (2, {}, {refused})", 2 - refused);
        assert!(ended.log.contains(&counted), "{group} {options}: {}", ended.log);
        assert_eq!(
            ended.log.contains("[action-error]"),
            refused > 0,
            "{group} {options}: {}",
            ended.log
        );
        let explained = "would have created if it did not only test";
        assert_eq!(
            ended.log.contains(explained),
            refused == 0,
            "{group} {options}: {}",
            ended.log
        );
    }
}

#[tokio::test]
async fn strict_reads_the_members_of_excluded_groups_with_the_mapped_ones_and_says_nothing_of_admins() {
    let server = organization("", fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace(
            "  connectors:\n",
            "  exclude_adobe_groups: [_org_admin, Loom, Photo]\n  connectors:\n",
        ),
    );
    let run = "--connector csv @users.csv --process-groups --adobe-users mapped -t";
    let read = |from: usize| -> Vec<String> {
        let lines = server
            .requests()
            .into_iter()
            .skip(from)
            .map(|request| request.line);
        let names = lines.filter_map(|line| {
            Some(
                line.split_once("/users/ORG@AdobeOrg/0/")?
                    .1
                    .split('?')
                    .next()?
                    .to_owned(),
            )
        });
        names.collect()
    };
    let ended = scene.run(run).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(read(0), ["Photo"]);
    let before = server.requests().len();
    let ended = scene.run(&format!("{run} --compat strict")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(read(before), ["Photo", "_org_admin", "Loom"]);
    assert!(!ended.log.contains("[group-not-assignable]"), "{}", ended.log);
}
