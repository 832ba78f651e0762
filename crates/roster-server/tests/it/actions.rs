//! `POST action/{org}` (umapi.md 4, 7). What each step does is shown by the tests of the rules; here is what only a
//! whole request shows.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{ACME_ID, Ask, TestServer, api, create};

fn action() -> String {
    format!("/action/{ACME_ID}")
}

#[tokio::test]
async fn a_person_is_created_and_read_back() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let answer = sync
        .post(
            &action(),
            &json!([
                {"user": "mira@example.com", "requestID": "n-1", "do": [
                    {"createFederatedID": {"email": "mira@example.com", "country": "de", "firstname": "Mira"}},
                    {"add": {"group": ["design team", "Photo Suite Standard", "_support_admin"]}}]},
                {"user": "nobody@example.com", "requestID": "n-2", "do": [{"add": {"product": ["Nope"]}}]}]),
        )
        .await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/action/{orgId}
        {
          "completed": 1,
          "completedInTestMode": 0,
          "errors": [
            {
              "errorCode": "error.user.nonexistent",
              "index": 1,
              "message": "User Id does not exist: nobody@example.com",
              "requestID": "n-2",
              "step": 0,
              "user": "nobody@example.com"
            }
          ],
          "notCompleted": 1,
          "result": "partial",
          "warnings": [
            {
              "index": 1,
              "message": "'product' command is deprecated. Please use productConfiguration.",
              "requestID": "n-2",
              "step": 0,
              "user": "nobody@example.com",
              "warningCode": "warning.command.deprecated"
            }
          ]
        }
    "#]]
    .assert_eq(&answer.show());
    let read = sync
        .get(&format!("/organizations/{ACME_ID}/users/MIRA@example.com"))
        .await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/organizations/{orgId}/users/{userstring:.*}
        {
          "result": "success",
          "user": {
            "country": "DE",
            "domain": "example.com",
            "email": "mira@example.com",
            "firstname": "Mira",
            "groups": [
              "Design Team",
              "Photo Suite Standard",
              "_support_admin"
            ],
            "id": "7A755664AD92F48297BDFC01@00000000000000000000000b.e",
            "status": "active",
            "type": "federatedID",
            "username": "mira@example.com"
          }
        }
    "#]]
    .assert_eq(&read.show());
}

#[tokio::test]
async fn r78_r79_r80_bodies_that_are_no_batch_are_refused_as_a_whole() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let eleven = Value::from(
        (0..11)
            .map(|n| create(&format!("p{n}@example.com")))
            .collect::<Vec<_>>(),
    );
    for body in [
        "[]".to_owned(),
        "{}".to_owned(),
        String::new(),
        "not json".to_owned(),
        "[1,".to_owned(),
        "\u{0}".to_owned(),
        "[".repeat(100_000),
        eleven.to_string(),
    ] {
        let answer = sync.send(Ask::post(&api(&action())).body(body.clone())).await;
        let start: String = body.chars().take(20).collect();
        assert_eq!(answer.status, 400, "{start}");
        assert_eq!(answer.json()["result"], "error.command.malformed", "{start}");
    }
    assert_eq!(
        sync.get(&format!("/users/{ACME_ID}/0"))
            .await
            .header("x-total-count"),
        "1"
    );

    let command = create("big@example.com").to_string();
    let padded = |bytes: usize| format!("[{}{command}]", " ".repeat(bytes - command.len() - 2));
    let fits = sync
        .send(Ask::post(&api(&action())).body(padded(1_048_576)))
        .await;
    assert_eq!(fits.json()["completed"], 1);
    let large = sync
        .send(Ask::post(&api(&action())).body(padded(1_048_577)))
        .await;
    assert_eq!(
        (large.status.as_u16(), large.json()),
        (
            400,
            json!({
                "result": "error.command.malformed",
                "message": "Request body too large: max is 1048576 bytes",
            })
        )
    );
}

#[tokio::test]
async fn r81_r82_commands_run_in_their_order() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let mut commands = vec![create("first@example.com")];
    commands.extend((0..8).map(|n| create(&format!("p{n}@example.com"))));
    commands.push(json!({"user": "first@example.com", "do": [{"add": {"group": ["Design Team"]}}]}));
    let answer = sync.act(Value::from(commands)).await;
    assert_eq!(
        answer,
        json!({"completed": 10, "notCompleted": 0, "completedInTestMode": 0, "result": "success"})
    );
    let listed = sync.get(&format!("/users/{ACME_ID}/0/Design%20Team")).await;
    assert_eq!(listed.column("users", "email"), ["first@example.com"]);
}

#[tokio::test]
async fn r88_a_failing_step_stops_its_command_only() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let answer = sync
        .act(json!([
            {"user": "a@example.com", "do": [
                {"createFederatedID": {"email": "a@example.com", "country": "DE"}},
                {"add": {"group": ["Nope"]}},
                {"add": {"group": ["Design Team"]}}]},
            {"user": "", "do": []},
            create("b@example.com")]))
        .await;
    assert_eq!(answer["result"], "partial");
    assert_eq!(
        (answer["completed"].clone(), answer["notCompleted"].clone()),
        (json!(1), json!(2))
    );
    let places: Vec<(Value, Value, Value)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["index"].clone(), e["step"].clone(), e["errorCode"].clone()))
        .collect();
    assert_eq!(
        places,
        [
            (json!(0), json!(1), json!("error.group.not_found")),
            (json!(1), json!(0), json!("error.command.user.missing")),
        ]
    );
    let read = sync
        .get(&format!("/organizations/{ACME_ID}/users/a@example.com"))
        .await;
    assert_eq!(read.status, 200);
    assert!(read.json()["user"].get("groups").is_none());
}

#[tokio::test]
async fn r187_r188_test_mode_changes_nothing() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let before = sync.get(&format!("/users/{ACME_ID}/0")).await.show();
    let answer = sync
        .post(
            &format!("/action/{ACME_ID}?testOnly=True"),
            &json!([
                {"user": "new@example.com", "do": [
                    {"createFederatedID": {"email": "new@example.com", "country": "DE"}},
                    {"add": {"group": ["Design Team"]}}]},
                {"user": "missing@example.com", "do": [{"update": {"firstname": "X"}}]},
                {"user": "root@example.com", "do": [{"add": {"group": ["Nope"]}}]}]),
        )
        .await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/action/{orgId}
        {
          "completed": 0,
          "completedInTestMode": 2,
          "errors": [
            {
              "errorCode": "error.group.not_found",
              "index": 2,
              "message": "Group Nope was not found",
              "step": 0,
              "user": "root@example.com"
            }
          ],
          "notCompleted": 1,
          "result": "partial"
        }
    "#]]
    .assert_eq(&answer.show());
    assert_eq!(sync.get(&format!("/users/{ACME_ID}/0")).await.show(), before);
}

#[tokio::test]
async fn what_was_done_is_in_the_log_with_who_asked() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let ask = Ask::post(&api(&action()))
        .header("x-request-id", "the request")
        .body(json!([create("ada@example.com")]).to_string());
    assert_eq!(sync.send(ask).await.json()["completed"], 1);
    let log = server.log("the request").await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].actor, crate::support::technical_account(&sync.client));
    assert_eq!(log[0].client.as_deref(), Some(&*sync.client));
    assert!(log[0].command.contains("createFederatedID"), "{}", log[0].command);
    assert!(!log[0].changes.is_empty());
}

#[tokio::test]
async fn secrets_in_the_wrong_place_of_a_command_are_not_in_the_log() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let body = json!([
        {"user": "a@example.com", "client_secret": "canary", "do": [{"add": {"group": ["G"]}}]},
        {"user": "a@example.com", "do": [{"update": {"firstname": "Ana", "password": {"name": ["canary"]}}}]},
        {"user": "a@example.com", "do": [{"update": {"firstname": "Ana"}, "canary-1": {"user": "canary"}}]},
        ["canary", {"user": "canary"}],
        "canary",
    ]);
    let ask = Ask::post(&api(&format!("/action/{ACME_ID}")))
        .header("x-request-id", "wrong-place")
        .body(body.to_string());
    assert_eq!(sync.send(ask).await.status, 200);
    let log = server.log("wrong-place").await;
    assert_eq!(log.len(), 5);
    for entry in &log {
        assert!(!entry.command.contains("canary"), "{}", entry.command);
    }
    for (entry, kept) in log.iter().zip([
        r#""client_secret":"…""#,
        r#""firstname":"Ana","password":{"name":["…"]}"#,
        r#""firstname":"Ana"}"#,
        r#"[\"…\","#,
        r#"\"…\""#,
    ]) {
        assert!(entry.command.contains(kept), "{kept} in {}", entry.command);
    }
}

#[tokio::test]
async fn what_was_refused_is_in_the_log_also_for_its_form() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let commands = json!([
        {"user": "nobody@example.com", "do": [{"remove": "all"}]},
        {"user": "nobody@example.com", "do": [{"destroy": {}}, {"add": 5}], "requestID": "r2"},
        7,
        create("ada@example.com"),
    ]);
    let ask = |id: &str, body: &Value, query: &str| {
        Ask::post(&api(&format!("{}{query}", action())))
            .header("x-request-id", id)
            .body(body.to_string())
    };
    assert_eq!(
        sync.send(ask("mixed", &commands, "")).await.json()["notCompleted"],
        3
    );
    let log = server.log("mixed").await;
    let texts: Vec<&str> = log.iter().map(|row| row.command.as_str()).collect();
    expect![[r#"
        [
            "{\"do\":[{\"remove\":\"all\"}],\"user\":\"nobody@example.com\",\"refused\":[{\"code\":\"error.user.nonexistent\",\"step\":0}]}",
            "{\"do\":[{\"destroy\":{}},{\"add\":5}],\"requestID\":\"r2\",\"user\":\"nobody@example.com\",\"refused\":[{\"code\":\"error.command.step.unknown\",\"step\":0},{\"code\":\"error.command.add_remove.list\",\"step\":1}]}",
            "{\"sent\":\"7\",\"bytes\":1,\"refused\":[{\"code\":\"error.command.illegal_entry\",\"step\":0}]}",
            "{\"do\":[{\"createFederatedID\":{\"country\":\"DE\",\"email\":\"ada@example.com\"}}],\"user\":\"ada@example.com\"}",
        ]
    "#]]
    .assert_debug_eq(&texts);
    let changed: Vec<bool> = log.iter().map(|row| !row.changes.is_empty()).collect();
    assert_eq!(changed, [false, false, false, true]);

    // Nothing that can be decided: the log has it all the same.
    assert_eq!(
        sync.send(ask("broken", &json!([7, {}]), "")).await.json()["result"],
        "error"
    );
    assert_eq!(server.log("broken").await.len(), 2);
    // A rehearsal leaves no trace.
    sync.send(ask("rehearsed", &commands, "?testOnly=true")).await;
    assert!(server.log("rehearsed").await.is_empty());
    assert_eq!(server.store.verify().await.unwrap(), []);
}

#[tokio::test]
async fn many_requests_at_once_are_all_carried_out() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let all = (0..40).map(|n| {
        let sync = &sync;
        async move {
            let commands: Vec<Value> = (0..5).map(|m| create(&format!("p{n}-{m}@example.com"))).collect();
            sync.act(Value::from(commands)).await
        }
    });
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer["completed"], 5);
    }
    assert_eq!(
        sync.get(&format!("/users/{ACME_ID}/0"))
            .await
            .header("x-total-count"),
        "201"
    );
}
