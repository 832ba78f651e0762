//! `--summary`: one JSON object that fits `docs/sync-summary.schema.json`, however a run ends.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::scene::{Scene, connector, fine, organization};
use crate::server::Reply;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sync-summary.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What of `value` does not fit `schema`. Knows the words that the schema uses, and no others.
fn misfits(value: &Value, schema: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, said) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "$schema" | "title" | "description" => true,
            "const" => value == said,
            "enum" => said.as_array().unwrap().contains(value),
            "type" => {
                let kinds = said.as_array().cloned().unwrap_or_else(|| vec![said.clone()]);
                kinds.iter().any(|kind| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                })
            }
            "required" => value.as_object().is_none_or(|object| {
                let names = said.as_array().unwrap();
                names
                    .iter()
                    .all(|name| object.contains_key(name.as_str().unwrap()))
            }),
            "properties" => {
                for (name, schema) in said.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        found.extend(misfits(value, schema, &format!("{at}.{name}")));
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object();
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if said == &json!(false) {
                        found.push(format!("{at}.{name} is not known"));
                    } else {
                        found.extend(misfits(value, said, &format!("{at}.{name}")));
                    }
                }
                true
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(misfits(item, said, &format!("{at}[{number}]")));
                }
                true
            }
            other => panic!("the schema says `{other}`, which this test does not look at"),
        };
        if !fits {
            found.push(format!("{at}: {word} {said}: {value}"));
        }
    }
    found
}

/// The account in the scene's `told.json`, which has to fit.
fn told(scene: &Scene) -> Value {
    let account: Value =
        serde_json::from_str(&std::fs::read_to_string(scene.path("told.json")).unwrap()).unwrap();
    assert_eq!(misfits(&account, &schema(), "$"), [""; 0], "{account:#}");
    let mut names: Vec<String> = std::fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.starts_with("told"));
    assert_eq!(names, ["told.json"], "nothing is left beside it");
    account
}

const RUN: &str = "--connector csv @users.csv --process-groups --summary @told.json";
const EVE: &str = r#"{"email":"eve@x.com","type":"federatedID","groups":["Photo"]}"#;

#[tokio::test]
async fn a_run_that_succeeds_tells_programs_what_it_did() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    scene.write(
        "told.json",
        r#"{"schema":1,"run_id":"of an earlier run","exit_code":1,"exit_reason":"failed"}"#,
    );
    let ended = scene.run(&format!("{RUN} --adobe-only-user-action remove")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let account = told(&scene);
    assert_eq!(account["exit_code"], 0);
    assert_eq!(account["exit_reason"], "done");
    assert_eq!(account["connector"], "csv");
    assert_eq!(account["strategy"], "sync");
    assert_eq!(account["test_mode"], false);
    let counts = &account["counts"];
    assert_eq!(counts["directory_users_read"], 2);
    assert_eq!(counts["primary_users_read"], 1);
    assert_eq!(counts["primary_users_created"], 2);
    assert_eq!(counts["primary_strays_processed"], 1);
    let org = &account["orgs"][0];
    assert_eq!(
        (&org["name"], &org["sent"], &org["success"]),
        (&json!("primary"), &json!(3), &json!(3))
    );
    assert_eq!(
        org["requests"],
        server.requests().len() + 1,
        "and one for the token"
    );
    assert_eq!(
        account["limits"],
        json!([{"name": "max_adobe_only_users", "limit": "50", "value": 1, "exceeded": false}])
    );
    assert!(account["errors"].as_array().unwrap().is_empty(), "{account:#}");
}

#[tokio::test]
async fn a_limit_that_is_exceeded_is_told_although_the_exit_code_is_0() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("max_adobe_only_users: 50", "max_adobe_only_users: 0"),
    );
    let ended = scene.run(&format!("{RUN} --adobe-only-user-action remove")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let critical = |line: &str| line.contains(" CRITICAL ") && line.ends_with("[over-limit]");
    assert!(ended.log.lines().any(critical), "{}", ended.log);
    let account = told(&scene);
    assert_eq!(account["exit_code"], 0);
    assert_eq!(account["exit_reason"], "over-limit");
    assert_eq!(
        account["limits"],
        json!([{"name": "max_adobe_only_users", "limit": "0", "value": 1, "exceeded": true}])
    );
    assert_eq!(account["counts"]["primary_users_created"], 2);
    assert_eq!(account["counts"]["primary_strays_processed"], 0);
}

#[tokio::test]
async fn what_was_refused_is_told_with_a_remedy_and_some_of_the_people() {
    let server = organization("", |_, _| {
        Reply::json(
            r#"{"result":"partial","completed":1,"notCompleted":1,"errors":[{"index":0,"step":0,
            "errorCode":"error.domain.trust.nonexistent","message":"no trust"}]}"#,
        )
    })
    .await;
    let scene = Scene::new(&server.url);
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let account = told(&scene);
    assert_eq!(account["exit_reason"], "actions-refused");
    let error = &account["errors"][0];
    assert_eq!(error["code"], "error.domain.trust.nonexistent");
    assert_eq!(
        (&error["message"], &error["count"]),
        (&json!("no trust"), &json!(1))
    );
    assert_eq!(error["sample_users"], json!(["ada@x.com"]));
    assert!(error["remedy"].as_str().unwrap().contains("domain"), "{error}");
    assert_eq!(account["orgs"][0]["error"], 1);
}

#[tokio::test]
async fn what_a_server_does_not_confirm_is_no_success() {
    for answer in [
        r#"{"result":"success","completed":4,"notCompleted":0}"#,
        r#"{"result":"success","completedInTestMode":5}"#,
        "{}",
    ] {
        let server = organization("", move |number, request| match number {
            1 => fine(number, request),
            _ => Reply::json(answer),
        })
        .await;
        let scene = Scene::new(&server.url);
        let rows: Vec<String> = (0..15).map(|n| format!("p{n}@x.com,US")).collect();
        scene.write(
            "users.csv",
            &format!("email,country,groups\n{}\n", rows.join("\n")),
        );
        let ended = scene.run(RUN).await;
        assert_eq!(ended.code, 1, "{answer}: {}", ended.log);
        assert!(
            ended.log.contains("(total, success, error): (15, 10, 5)"),
            "{answer}: {}",
            ended.log
        );
        assert!(ended.log.contains(answer), "what came is shown: {}", ended.log);
        let account = told(&scene);
        assert_eq!(account["exit_reason"], "actions-unconfirmed", "{answer}");
        assert_eq!(account["orgs"][0]["error"], 5, "{answer}");
    }
}

/// What a server says went wrong it has said, with a code or without.
#[tokio::test]
async fn a_refusal_without_a_code_is_a_refusal_like_others() {
    let server = organization("", |_, _| {
        Reply::json(
            r#"{"result":"partial","completed":1,"notCompleted":1,"errors":[{"index":0,"message":"not today"}]}"#,
        )
    })
    .await;
    let scene = Scene::new(&server.url);
    scene.write("users.csv", "email,country,groups\nada@x.com,US\nben@x.com,US\n");
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("(total, success, error): (2, 1, 1)") && ended.log.contains("not today"),
        "{}",
        ended.log
    );
    assert_eq!(told(&scene)["exit_reason"], "actions-refused");
}

#[tokio::test]
async fn a_run_that_fails_anywhere_tells_programs_why() {
    type Spoil = fn(&Scene);
    let table: [(Spoil, &str, bool); 3] = [
        (
            |scene| scene.write("user-sync-config.yml", "adobe_users: {}\n"),
            "configuration-refused",
            false,
        ),
        (|scene| scene.write("users.csv", ""), "file-empty", true),
        (
            |scene| scene.write("umapi.yml", &connector("http://127.0.0.1:1", "ORG@AdobeOrg")),
            "server-unavailable",
            true,
        ),
    ];
    for (spoil, reason, settled) in table {
        let server = organization(EVE, fine).await;
        let scene = Scene::new(&server.url);
        spoil(&scene);
        let ended = scene.run(RUN).await;
        assert_eq!(ended.code, 1, "{reason}: {}", ended.log);
        let account = told(&scene);
        assert_eq!(account["exit_code"], 1);
        assert!(
            account["exit_reason"].as_str().unwrap().contains(reason),
            "{reason}: {account:#}"
        );
        assert_eq!(account["connector"].is_string(), settled, "{reason}");
        assert!(account["counts"].is_null(), "{reason}: {account:#}");
        let codes: Vec<&Value> = account["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["code"])
            .collect();
        assert!(codes.contains(&&account["exit_reason"]), "{codes:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_interrupted_tells_programs_what_it_left() {
    for signal in [0, 15] {
        let scene = Scene::new("http://127.0.0.1:1");
        scene.signal.store(signal, Ordering::Relaxed);
        let stop = Arc::clone(&scene.stop);
        let server = organization("", move |number, request| {
            stop.store(true, Ordering::Relaxed);
            fine(number, request)
        })
        .await;
        scene.write("umapi.yml", &connector(&server.url, "ORG@AdobeOrg"));
        let people: Vec<String> = (0..35).map(|number| format!("p{number}@x.com,US\n")).collect();
        scene.write("users.csv", &format!("email,country,groups\n{}", people.concat()));
        let ended = scene.run(RUN).await;
        let code = if signal == 0 { 130 } else { 143 };
        assert_eq!(ended.code, code, "{}", ended.log);
        let account = told(&scene);
        assert_eq!(account["exit_code"], code);
        assert_eq!(account["exit_reason"], "interrupted");
        assert_eq!(account["orgs"][0]["sent"], 10);
        assert_eq!(account["unsent"], 25);
    }
}

#[tokio::test]
async fn standard_output_and_files_that_cannot_be_written() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let ended = scene.run(&RUN.replace("@told.json", "-")).await;
    let account: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(misfits(&account, &schema(), "$"), [""; 0], "{account:#}");
    assert!(!scene.path("-").exists());
    let asked = server.requests().len();
    let ended = scene.run(&RUN.replace("@told.json", "@nowhere/told.json")).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended.log.contains("nowhere/told.json` cannot be written") && ended.log.contains("[summary-refused]"),
        "{}",
        ended.log
    );
    assert_eq!(server.requests().len(), asked, "at the end it would be too late");
}

#[tokio::test]
async fn a_summary_replaces_summaries_and_nothing_else() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let read = |name: &str| std::fs::read_to_string(scene.path(name)).unwrap();
    scene.write("other.json", r#"{"schema": 1, "exit_code": 0}"#);
    std::fs::create_dir(scene.path("folder")).unwrap();
    let ours = "is a file of this run itself";
    let foreign = "is no summary of a run";
    for (name, why) in [
        ("users.csv", ours),
        ("folder/../users.csv", ours),
        ("user-sync-config.yml", ours),
        ("umapi.yml", foreign),
        ("other.json", foreign),
        ("folder", "is a folder"),
        ("umapi.yml/told.json", "cannot be written"),
    ] {
        let before = (
            read("users.csv"),
            read("user-sync-config.yml"),
            read("umapi.yml"),
            read("other.json"),
        );
        let ended = scene.run(&RUN.replace("@told.json", &format!("@{name}"))).await;
        assert_eq!(ended.code, 1, "{name}: {}", ended.log);
        assert!(
            ended.log.contains(why) && ended.log.contains("[summary-refused]"),
            "{name}: {}",
            ended.log
        );
        let after = (
            read("users.csv"),
            read("user-sync-config.yml"),
            read("umapi.yml"),
            read("other.json"),
        );
        assert_eq!(after, before, "{name}");
    }
    // An input or a list that is not there yet is one, too.
    let ended = scene
        .run(
            &RUN.replace("@users.csv", "@later.csv")
                .replace("@told.json", "@later.csv"),
        )
        .await;
    assert!(
        ended.log.contains(ours) && !scene.path("later.csv").exists(),
        "{}",
        ended.log
    );
    assert!(server.requests().is_empty(), "somebody was asked");

    // What holds nothing is replaced, and so is what a run has told.
    scene.write("told.json", "");
    for _ in 0..2 {
        let ended = scene.run(RUN).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert_eq!(told(&scene)["exit_code"], 0);
    }
    // A list that the run has written meanwhile stays; its name is in the main file alone.
    let main = read("user-sync-config.yml");
    scene.write(
        "user-sync-config.yml",
        &format!(
            "{main}invocation_defaults: {{adobe_only_user_action: [write-file, '{}']}}\n",
            scene.path("left.csv").display()
        ),
    );
    let plain = "--connector csv @users.csv --summary @left.csv";
    let ended = scene.run(plain).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("[summary-not-written]"), "{}", ended.log);
    assert!(read("left.csv").contains("eve@x.com"), "{}", read("left.csv"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_summary_goes_through_links_and_into_what_is_no_file() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    symlink("told.json", scene.path("link")).unwrap();
    for _ in 0..2 {
        let ended = scene.run(&RUN.replace("@told.json", "@link")).await;
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert!(scene.path("link").is_symlink());
        assert_eq!(told(&scene)["exit_code"], 0);
        assert!(!scene.path("told.json").is_symlink());
    }
    symlink("users.csv", scene.path("people")).unwrap();
    let ended = scene.run(&RUN.replace("@told.json", "@people")).await;
    assert!(
        ended.log.contains("is a file of this run itself"),
        "{}",
        ended.log
    );

    let made = std::process::Command::new("mkfifo")
        .arg(scene.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    let pipe = scene.path("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let ended = scene.run(&RUN.replace("@told.json", "@pipe")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        std::fs::symlink_metadata(scene.path("pipe"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    let account: Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    assert_eq!(account["exit_code"], 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lines_that_do_not_fit_on_the_disk_are_told_and_no_success() {
    let server = organization(EVE, fine).await;
    let scene = Scene::new(&server.url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &format!(
            "{main}logging: {{log_to_file: yes, file_log_directory: /dev, file_log_name_format: full}}\n"
        ),
    );
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    let said = "line(s) of the log could not be written to the file `/dev/full`: No space left";
    assert!(
        ended.errors.starts_with("error: ") && ended.errors.contains(said),
        "{}",
        ended.errors
    );
    assert!(ended.log.contains("[log-not-written]"), "{}", ended.log);
    let account = told(&scene);
    assert_eq!(
        (&account["exit_code"], &account["exit_reason"]),
        (&json!(1), &json!("log-not-written"))
    );
    assert_eq!(
        account["counts"]["primary_users_created"], 2,
        "everything was done"
    );
    let ended = scene.check("--connector csv @users.csv").await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.errors.contains(said), "{}", ended.errors);
}

#[test]
fn the_check_against_the_schema_notices_what_does_not_fit() {
    let schema = schema();
    let mut odd =
        json!({"schema": 2, "more": 1, "exit_code": "0", "orgs": [{"name": 1}], "skipped": {"a": "b"}});
    let found = misfits(&odd, &schema, "$").join("\n");
    for part in [
        "const",
        "$.more",
        "$.exit_code",
        "required",
        "$.orgs[0]",
        "$.skipped.a",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    odd["connector"] = json!("ftp");
    assert!(misfits(&odd, &schema, "$").join("\n").contains("enum"));
}
