//! A deprecated call that changes something is one transaction: an id means one thing all the while, and what is refused
//! is in the log.

use std::time::{Duration, Instant};

use http::Method;
use roster_core::change::Change;
use roster_core::value::GroupId;
use roster_testkit::sample::ACME;
use serde_json::{Value, json};

use crate::support::{ACME_ID, Answer, Ask, TestServer, api, create};

const PHOTO: &str = "0000000000000000000F";

fn profile(id: i64) -> String {
    format!("/{ACME_ID}/products/{PHOTO}/configurations/{id:020X}")
}

/// What is answered to `ask` when `first` is saved after the call has come in and before anything of it is saved.
async fn overtaken(server: &TestServer, first: impl Future<Output = ()>, ask: Ask) -> Answer {
    let sync = server.sync().await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (holds, held_now) = std::sync::mpsc::channel::<()>();
    let store = server.store.clone();
    let held = tokio::spawn(async move {
        let hold = move |_: &mut roster_store::Writer<'_>| {
            holds.send(()).unwrap();
            // An error is the other end's going away, which is what is waited for.
            let _ = wait.recv();
            Ok(())
        };
        store.write(Vec::new(), hold).await.unwrap();
    });
    let started = Instant::now();
    let patient = || assert!(started.elapsed() < Duration::from_secs(20), "nothing happens");
    while held_now.try_recv().is_err() {
        patient();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let waiting = async |jobs| {
        while server.store.queued() < jobs {
            patient();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let asking = async {
        waiting(1).await;
        sync.send(ask).await
    };
    let release = async {
        waiting(2).await;
        drop(go);
    };
    let ((), answer, ()) = tokio::join!(first, asking, release);
    held.await.unwrap();
    answer
}

#[tokio::test]
async fn a_group_of_an_id_is_changed_also_when_another_takes_its_name_meanwhile() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let groups = format!("/{ACME_ID}/user-groups");
    let one = async |id: &str| sync.get(&format!("{groups}/{id}")).await;
    for (method, body) in [
        (Method::PUT, json!({"name": "by number", "description": "new"})),
        (Method::DELETE, Value::Null),
    ] {
        let mut ids = Vec::new();
        for name in ["first", "second"] {
            let made = sync.post(&groups, &json!({"name": name})).await;
            ids.push(made.json()["groupId"].to_string());
        }
        let first = async {
            sync.done(json!([
                {"usergroup": "first", "do": [{"updateUserGroup": {"name": "moved"}}]},
                {"usergroup": "second", "do": [{"updateUserGroup": {"name": "first"}}]}]))
                .await;
        };
        let ask = Ask::new(method.clone(), &api(&format!("{groups}/{}", ids[0]))).body(body.to_string());
        let answer = overtaken(&server, first, ask).await;
        assert!(answer.status.is_success(), "{}", answer.show());
        assert_eq!(one(&ids[1]).await.json()["name"], "first", "{method}");
        let meant = one(&ids[0]).await;
        if method == Method::DELETE {
            assert_eq!(meant.status, 404);
        } else {
            assert_eq!(answer.json()["name"], "by number");
            assert_eq!(meant.json()["name"], "by number");
            sync.done(json!([{"usergroup": "first", "do": [{"deleteUserGroup": {}}]}]))
                .await;
        }
    }
}

#[tokio::test]
async fn people_join_the_profile_of_an_id_also_when_another_takes_its_name_meanwhile() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([create("ana@example.com")])).await;
    let (standard, pro) = ("Photo Suite Standard", "Photo Suite Pro");
    let renamed = |group, before: &str, after: &str| Change::GroupUpdated {
        org: ACME,
        group: GroupId(group),
        before: (before.to_owned(), None),
        after: (after.to_owned(), None),
    };
    let first = server.apply(vec![
        renamed(151, standard, "x"),
        renamed(152, pro, standard),
        renamed(151, "x", pro),
    ]);
    let ask = Ask::post(&api(&profile(151))).body(json!({"addUsers": ["ana@example.com"]}).to_string());
    let answer = overtaken(&server, first, ask).await;
    assert_eq!(answer.json()["userCount"], 1, "{}", answer.show());
    for (id, count) in [(151, 1), (152, 0)] {
        assert_eq!(sync.get(&profile(id)).await.json()["userCount"], count, "{id}");
    }
}

#[tokio::test]
async fn a_call_that_is_refused_before_it_is_a_command_is_in_the_log() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([create("ana@example.com")])).await;
    let wordy = "x".repeat(4001);
    let many: Vec<String> = (0..11).map(|n| format!("p{n}@example.com")).collect();
    let configuration = format!("products/{PHOTO}/configurations/{:020X}", 151);
    let cases = [
        (
            "PUT",
            "user-groups/999999",
            Some(json!({"name": "n"})),
            404,
            "GROUP_NOT_FOUND",
        ),
        ("DELETE", "user-groups/999999", None, 404, "GROUP_NOT_FOUND"),
        (
            "POST",
            "user-groups",
            Some(json!({})),
            400,
            "error.group.invalid_name",
        ),
        (
            "POST",
            "user-groups",
            Some(json!({"name": 5})),
            400,
            "error.command.malformed",
        ),
        (
            "POST",
            "user-groups",
            Some(json!({"name": "a", "description": wordy})),
            400,
            "error.command.string.too_long",
        ),
        (
            "POST",
            "products/ZZ/admin",
            Some(json!({"addProductAdmin": ["a@b.c"]})),
            404,
            "PRODUCT_NOT_FOUND",
        ),
        (
            "POST",
            "products/ZZ/configurations/XX",
            Some(json!({"addUsers": ["a@b.c"]})),
            404,
            "PRODUCT_NOT_FOUND",
        ),
        (
            "POST",
            &format!("products/{PHOTO}/configurations/XX"),
            Some(json!({"addUsers": ["a@b.c"]})),
            404,
            "PLC_NOT_FOUND",
        ),
        (
            "POST",
            &configuration,
            Some(json!({})),
            400,
            "error.command.add_remove.user_usergroup.missing",
        ),
        (
            "POST",
            &configuration,
            Some(json!({"addUsers": ["ana@example.com", "ANA@example.com"]})),
            400,
            "error.command.add_remove.duplicate.user_list",
        ),
        (
            "POST",
            &configuration,
            Some(json!({"addUsers": many})),
            400,
            "error.command.add_remove.list_too_long",
        ),
    ];
    for (n, (method, path, body, status, code)) in cases.into_iter().enumerate() {
        let id = format!("refused-{n}");
        let sent = body.as_ref().map(Value::to_string).unwrap_or_default();
        let ask = Ask::new(method.parse().unwrap(), &api(&format!("/{ACME_ID}/{path}")))
            .header("x-request-id", &id)
            .body(sent);
        let answer = sync.send(ask).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["errorCode"]),
            (status, &json!(code)),
            "{path}"
        );
        let log = server.log(&id).await;
        let [entry] = log.as_slice() else {
            panic!("{method} {path}: {} entries", log.len());
        };
        assert!(entry.changes.is_empty());
        let mut kept = json!({"call": format!("{method} {path}"), "refused": [{"code": code}]});
        if let Some(body) = body {
            kept["sent"] = body;
        }
        assert_eq!(serde_json::from_str::<Value>(&entry.command).unwrap(), kept);
    }
}

#[tokio::test]
async fn of_a_refused_call_the_log_keeps_no_more_than_is_known_and_not_without_end() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let kept = async |id: &str, path: &str, body: &str| {
        let ask = Ask::post(&api(&format!("/{ACME_ID}/{path}")))
            .header("x-request-id", id)
            .body(body);
        assert_eq!(sync.send(ask).await.status, 400);
        let log = server.log(id).await;
        assert_eq!(log.len(), 1, "{id}");
        serde_json::from_str::<Value>(&log[0].command).unwrap()
    };
    let hidden = kept(
        "hidden",
        "user-groups",
        r#"{"description": 5, "password": "secret"}"#,
    )
    .await;
    assert_eq!(hidden["sent"], json!({"description": 5, "password": "\u{2026}"}));
    let broken = kept("broken", "user-groups", "secret").await;
    assert_eq!(
        broken,
        json!({"call": "POST user-groups", "refused": [{"code": "error.command.malformed"}]})
    );
    let long = json!({"name": "n", "description": "é".repeat(20_000)}).to_string();
    let cut = kept("long", "user-groups", &long).await;
    assert_eq!(cut["bytes"], long.len());
    assert_eq!(
        cut["sent"].as_str().map(|text| text.len() <= 8 * 1024),
        Some(true)
    );
}
