//! Addresses, headers, order of checks (umapi.md 2).

use expect_test::expect;
use http::Method;
use roster_core::change::{Change, Configured, OrgSettings};
use roster_core::value::{IdentityType, OrgState};
use roster_testkit::sample::ACME;
use serde_json::json;

use crate::support::{ACME_ID, Ask, OTHER, SYNC, TRUSTEE_ID, TestServer, api, token_request};

fn users() -> String {
    api(&format!("/users/{ACME_ID}/0"))
}

#[tokio::test]
async fn r1_the_status_needs_no_authentication() {
    let server = TestServer::new().await;
    let answer = server.send(Ask::get("/status")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["state"], "LIVE");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
}

#[tokio::test]
async fn r2_r3_an_organization_id_is_taken_raw_escaped_and_in_any_case() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for id in [
        ACME_ID.to_owned(),
        ACME_ID.replace('@', "%40"),
        ACME_ID.to_lowercase(),
        ACME_ID.to_uppercase(),
    ] {
        let answer = sync.get(&format!("/users/{id}/0")).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.show());
    }
}

#[tokio::test]
async fn r4_r5_a_malformed_id_is_refused_and_so_is_a_foreign_one() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for id in ["nonsense", "1A2B@Adobe", "1A-2B@AdobeOrg", "%ff@AdobeOrg"] {
        let answer = sync.get(&format!("/users/{id}/0")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (
                400,
                json!({"result": "error.organization.invalid_id", "message": "Bad organization Id"})
            )
        );
    }
    let foreign = sync.get(&format!("/users/{TRUSTEE_ID}/0")).await;
    expect![[r#"
        401
        www-authenticate: Bearer realm="JIL", error="invalid_token", error_description="The access token is invalid"
        canonical-resource: /v2/usermanagement/users/{orgId}/{page}
        {
          "lastPage": false,
          "message": "Failed to authenticate provided token",
          "result": "error.unauthorized"
        }
    "#]]
    .assert_eq(&foreign.show());
}

#[tokio::test]
async fn r6_r7_r8_the_key_has_to_be_there_known_enabled_and_the_tokens() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let bearer = format!("Bearer {token}");
    for key in [None, Some("")] {
        let mut ask = Ask::get(&users()).header("authorization", &bearer);
        if let Some(key) = key {
            ask = ask.header("x-api-key", key);
        }
        let answer = server.send(ask).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.json(),
            json!({"error_code": "403000", "message": "Api Key is required"})
        );
    }
    let invalid = json!({
        "error_code": "403003",
        "message": "Api Key is invalid",
        "result": "error.apikey.invalid",
    });
    for key in ["unknown", OTHER] {
        let answer = server.send(Ask::get(&users()).auth(key, &token)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (403, invalid.clone()),
            "{key}"
        );
    }
    server
        .set_integration(SYNC, |settings| settings.enabled = false)
        .await;
    let disabled = server.send(Ask::get(&users()).auth(SYNC, &token)).await;
    assert_eq!(
        (disabled.status.as_u16(), disabled.json()),
        (403, invalid.clone())
    );
    server
        .store
        .write(Vec::new(), |writer| writer.delete_integration(SYNC))
        .await
        .unwrap();
    server.clock.advance_ms(1_000);
    let deleted = server.send(Ask::get(&users()).auth(SYNC, &token)).await;
    assert_eq!((deleted.status.as_u16(), deleted.json()), (403, invalid));
}

#[tokio::test]
async fn r9_r10_the_token_has_to_be_there_and_valid() {
    let server = TestServer::new().await;
    let missing = server.send(Ask::get(&users()).header("x-api-key", SYNC)).await;
    expect![[r#"
        401
        www-authenticate: Bearer realm="JIL", error="invalid_token", error_description="The access token is invalid"
        canonical-resource: /v2/usermanagement/users/{orgId}/{page}
        {
          "error_code": "401010",
          "message": "Oauth token is missing"
        }
    "#]]
    .assert_eq(&missing.show());
    let token = server.token(SYNC).await;
    for (authorization, code) in [
        ("Basic abc".to_owned(), "401010"),
        ("Bearer garbage".to_owned(), "401013"),
        (format!("Bearer  {token}"), "401013"),
        (format!("Bearer {token}x"), "401013"),
        (format!("bEARER {token}"), ""),
    ] {
        let ask = Ask::get(&users())
            .header("x-api-key", SYNC)
            .header("authorization", &authorization);
        let answer = server.send(ask).await;
        if code.is_empty() {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(
                (answer.status.as_u16(), answer.json()["error_code"].as_str()),
                (401, Some(code))
            );
            assert!(!answer.header("www-authenticate").is_empty());
        }
    }
}

#[tokio::test]
async fn r11_r312_a_token_without_the_scope_is_refused() {
    let server = TestServer::new().await;
    let ask = Ask::post("/ims/token/v2").form(&format!(
        "client_id={SYNC}&client_secret={}&grant_type=client_credentials&scope=openid,AdobeID",
        crate::support::secret(SYNC)
    ));
    let token = server.send(ask).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = server.send(Ask::get(&users()).auth(SYNC, &token)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error_code"].as_str()),
        (403, Some("403003"))
    );
}

#[tokio::test]
async fn r12_a_migrating_organization_answers_nothing() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let settings = |state| OrgSettings {
        name: "Acme".to_owned(),
        state,
        identity_types: vec![
            IdentityType::AdobeId,
            IdentityType::Enterprise,
            IdentityType::Federated,
        ],
    };
    server
        .apply(vec![Change::Configured(Configured::OrgUpdated {
            org: ACME,
            before: settings(OrgState::Active),
            after: settings(OrgState::Migrating),
        })])
        .await;
    for answer in [
        sync.get(&format!("/users/{ACME_ID}/0")).await,
        sync.post(&format!("/action/{ACME_ID}"), &json!([])).await,
    ] {
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.json(),
            json!({"result": "error.organization.migrating", "message": "Organization is migrating"})
        );
    }
}

#[tokio::test]
async fn r13_r14_the_request_id_comes_back_on_every_answer() {
    let server = TestServer::with(|config| config.throttle.documented = true).await;
    let sync = server.sync().await;
    let mut seen = Vec::new();
    for path in [
        format!("/groups/{ACME_ID}/0"),
        format!("/groups/{ACME_ID}/x"),
        format!("/users/{TRUSTEE_ID}/0"),
        format!("/organizations/{ACME_ID}/users/nobody@example.com"),
        "/nothing".to_owned(),
    ] {
        let answer = sync
            .send(Ask::get(&api(&path)).header("X-REQUEST-ID", "my id/1"))
            .await;
        assert_eq!(answer.header("x-request-id"), "my id/1");
        seen.push(answer.status.as_u16());
    }
    for _ in 0..5 {
        let answer = sync
            .send(Ask::get(&api(&format!("/groups/{ACME_ID}/0"))).header("x-request-id", "429"))
            .await;
        assert_eq!(answer.header("x-request-id"), "429");
        seen.push(answer.status.as_u16());
    }
    let keyless = server.send(Ask::get(&users()).header("x-request-id", "k")).await;
    assert_eq!(keyless.header("x-request-id"), "k");
    seen.push(keyless.status.as_u16());
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [200, 400, 401, 403, 404, 429]);

    let generated = server.send(Ask::get("/status")).await;
    let id = generated.header("x-request-id");
    assert!(
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{id}"
    );
    let long = server
        .send(Ask::get("/status").header("x-request-id", &"x".repeat(600)))
        .await;
    assert_eq!(long.header("x-request-id"), "x".repeat(512));
}

#[tokio::test]
async fn r16_r17_content_types_do_not_matter() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let get = Ask::get(&users()).header("content-type", "application/json");
    assert_eq!(sync.send(get).await.status, 200);
    for content_type in [None, Some("text/plain"), Some("application/json")] {
        let mut ask = Ask::post(&api(&format!("/action/{ACME_ID}")))
            .body(r#"[{"user":"nobody@example.com","do":[{"removeFromOrg":{}}]}]"#);
        if let Some(content_type) = content_type {
            ask = ask.header("content-type", content_type);
        }
        let answer = sync.send(ask).await;
        assert_eq!(answer.json()["completed"], 1, "{}", answer.show());
    }
}

#[tokio::test]
async fn r18_sync_marks_change_nothing() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let plain = sync.get(&format!("/users/{ACME_ID}/0")).await;
    for mark in ["umapi-sync-start", "umapi-sync-end"] {
        let marked = sync.send(Ask::get(&users()).header("pragma", mark)).await;
        assert_eq!(marked.show(), plain.show());
    }
}

#[tokio::test]
async fn syncs_can_be_held_apart_by_a_setting() {
    let server = TestServer::with(|config| {
        config.sync_min_interval = std::time::Duration::from_hours(2);
    })
    .await;
    let sync = server.sync().await;
    let start = || Ask::get(&users()).header("pragma", "umapi-sync-start");
    assert_eq!(sync.send(start()).await.status, 200);
    let refused = sync.send(start()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "7200")
    );
    assert_eq!(sync.send(Ask::get(&users())).await.status, 200);
}

#[tokio::test]
async fn r19_r301_nothing_is_ever_a_redirect() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for path in [
        format!("/users/{ACME_ID}/0/"),
        format!("/groups/{ACME_ID}/"),
        format!("/{ACME_ID}/products/"),
        format!("/action/{ACME_ID}/"),
        "/users//x".to_owned(),
    ] {
        let status = sync.get(&path).await.status;
        assert!(!status.is_redirection(), "{path}: {status}");
    }
    let action = sync
        .post(
            &format!("/action/{ACME_ID}/"),
            &json!([{"user": "x@example.com", "do": []}]),
        )
        .await;
    assert_eq!(action.json()["completed"], 1);
    assert_eq!(server.send(token_request(SYNC)).await.status, 200);
}

#[tokio::test]
async fn r20_r21_r22_parameters_are_checked() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for page in ["abc", "-1", "1.5", "0x1", "%ff"] {
        let answer = sync.get(&format!("/users/{ACME_ID}/{page}")).await;
        assert_eq!(answer.status, 400, "{page}");
        assert_eq!(answer.json()["errorCode"], "INVALID_PARAMETER");
    }
    let answer = sync.get(&format!("/groups/{ACME_ID}/abc")).await;
    assert_eq!(
        answer.json(),
        json!({"errorCode": "INVALID_PARAMETER", "errorMessage": "For input string: \"abc\""})
    );
    for value in ["True", "TRUE", "true", "False", "false"] {
        let answer = sync.get(&format!("/users/{ACME_ID}/0?directOnly={value}")).await;
        assert_eq!(answer.status, 200, "{value}");
    }
    for query in ["directOnly=maybe", "directOnly=", "excludeGroups=1"] {
        assert_eq!(
            sync.get(&format!("/users/{ACME_ID}/0?{query}")).await.status,
            400,
            "{query}"
        );
    }
    let test_only = sync
        .post(
            &format!("/action/{ACME_ID}?testOnly=yes"),
            &json!([crate::support::create("new@example.com")]),
        )
        .await;
    assert_eq!(
        (test_only.status.as_u16(), test_only.json()),
        (
            400,
            json!({"errorCode": "INVALID_PARAMETER", "errorMessage": "Invalid value for testOnly: yes"})
        )
    );
    let nobody = sync
        .get(&format!("/organizations/{ACME_ID}/users/new@example.com"))
        .await;
    assert_eq!(nobody.status, 404, "nothing was executed");
}

#[tokio::test]
async fn r23_unknown_parameters_are_ignored_and_the_first_of_several_counts() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let answer = sync
        .get(&format!(
            "/users/{ACME_ID}/0?type=&nothing=1&directOnly=true&directOnly=maybe"
        ))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn methods_without_a_meaning_are_named_and_head_and_options_work() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let wrong = sync.send(Ask::new(Method::DELETE, &users())).await;
    expect![[r#"
        405
        allow: GET, HEAD, OPTIONS
        canonical-resource: /v2/usermanagement/users/{orgId}/{page}
        {
          "message": "Method not allowed",
          "result": "error.api.not_available"
        }
    "#]]
    .assert_eq(&wrong.show());
    let head = sync.send(Ask::new(Method::HEAD, &users())).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert!(head.header("content-length").parse::<usize>().unwrap() > 50);
    assert_eq!(head.header("x-total-count"), "1");
    let options = server.send(Ask::new(Method::OPTIONS, &users())).await;
    assert_eq!(
        (options.status.as_u16(), options.header("allow")),
        (204, "GET, HEAD, OPTIONS")
    );
    let unknown = server.send(Ask::get("/v2/usermanagement/nothing")).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()),
        (
            404,
            json!({"result": "error.api.not_available", "message": "No such resource"})
        )
    );
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_ask() {
    let server = TestServer::new().await;
    let plain = server.send(Ask::get("/openapi.json")).await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = server
        .send(Ask::get("/openapi.json").header("accept-encoding", "gzip"))
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() * 3 < plain.body.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
}

#[tokio::test]
async fn a_malformed_escape_in_a_name_is_a_bad_request() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for name in ["%zz", "%ff", "a%"] {
        let request = http::Request::get(api(&format!("/users/{ACME_ID}/0/{name}")))
            .header("x-api-key", SYNC)
            .header("authorization", format!("Bearer {}", sync.token))
            .body(axum::body::Body::empty());
        // Some malformed targets do not even make a request.
        if let Ok(request) = request {
            assert_eq!(server.send_request(request).await.status, 400, "{name}");
        }
    }
}
