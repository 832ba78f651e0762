//! Tokens for client credentials, what they say, and how they end (ims.md 3, 4, 6, 7).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    ACME_ID, Answer, Ask, OTHER, SYNC, TRUSTEE_ID, TestServer, api, secret, technical_account, token_request,
};

const V2: &str = "/ims/token/v2";

fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.join("&")
}

fn credentials() -> String {
    form(&[
        ("client_id", SYNC),
        ("client_secret", &secret(SYNC)),
        ("grant_type", "client_credentials"),
    ])
}

/// Status, error and description, after checking what every refusal has.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    assert_eq!(answer.header("x-debug-id").len(), 36, "{}", answer.show());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("error"), text("error_description"))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn r301_r308_r309_both_versions_answer_alike_with_and_without_slash() {
    let server = TestServer::new().await;
    for path in [
        "/ims/token/v2",
        "/ims/token/v2/",
        "/ims/token/v3",
        "/ims/token/v3/",
    ] {
        let answer = server.send(Ask::post(path).form(&credentials())).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.show());
        let body = answer.json();
        assert_eq!(
            (body["token_type"].as_str(), body["expires_in"].as_i64()),
            (Some("bearer"), Some(86_399))
        );
        assert!(body["access_token"].as_str().unwrap().starts_with("eyJ"));
        assert_eq!(body.as_object().unwrap().len(), 3);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn r302_r303_parameters_come_from_body_multipart_query_and_basic() {
    let server = TestServer::new().await;
    let part = |name: &str, value: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = [
        part("client_id", SYNC),
        part("client_secret", &secret(SYNC)),
        part("grant_type", "client_credentials"),
        part("scope", "openid,AdobeID,user_management_sdk"),
        "--xx--\r\n".to_owned(),
    ]
    .concat();
    let basic = STANDARD.encode(format!("{SYNC}:{}", secret(SYNC)));
    for ask in [
        Ask::post(V2).form(&credentials()),
        Ask::post(V2).body(credentials()),
        Ask::post(V2)
            .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
            .body(credentials()),
        Ask::post(V2)
            .header("content-type", "multipart/form-data; boundary=xx")
            .body(multipart),
        Ask::post(&format!("{V2}?{}", credentials())),
        Ask::post(&format!("{V2}?client_secret=wrong&client_id=wrong")).form(&credentials()),
        Ask::post("/ims/token/v3")
            .header("authorization", &format!("Basic {basic}"))
            .form("grant_type=client_credentials"),
        Ask::post(V2)
            .header("authorization", &format!("Basic {basic}"))
            .form("grant_type=client_credentials"),
    ] {
        let answer = server.send(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
    }
}

#[tokio::test]
async fn r304_r306_r313_r314_refusals_say_what_is_wrong() {
    let server = TestServer::new().await;
    let good = secret(SYNC);
    for (body, wanted) in [
        (form(&[]), (400, "invalid_client", "invalid client_id parameter")),
        (
            form(&[("client_id", "unknown"), ("client_secret", &good)]),
            (400, "invalid_client", "invalid client_id parameter"),
        ),
        (
            form(&[("client_id", SYNC), ("client_secret", "wrong")]),
            (401, "invalid_client", "invalid client_secret parameter"),
        ),
        (
            form(&[("client_id", SYNC)]),
            (401, "invalid_client", "invalid client_secret parameter"),
        ),
        (
            form(&[("client_id", OTHER), ("client_secret", &good)]),
            (401, "invalid_client", "invalid client_secret parameter"),
        ),
        (
            form(&[("client_id", SYNC), ("client_secret", &good)]),
            (400, "unsupported_grant_type", "unsupported grant_type"),
        ),
        (
            form(&[
                ("client_id", SYNC),
                ("client_secret", &good),
                ("grant_type", "password"),
            ]),
            (400, "unsupported_grant_type", "unsupported grant_type"),
        ),
        (
            format!("{}&scope=openid,everything", credentials()),
            (400, "invalid_scope", "scope is not allowed for this client"),
        ),
    ] {
        let answer = server.send(Ask::post(V2).form(&body)).await;
        let (status, error, description) = refusal(&answer);
        assert_eq!((status, error.as_str(), description.as_str()), wanted, "{body}");
    }
    let get = server.send(Ask::get(&format!("{V2}?{}", credentials()))).await;
    assert_eq!(get.status, 405);
    assert_eq!(get.header("allow"), "POST, OPTIONS");
    refusal(&get);
    let broken = Ask::post(V2)
        .header("content-type", "multipart/form-data; boundary=xx")
        .body("--yy");
    assert_eq!(refusal(&server.send(broken).await).1, "bad_request");
    server
        .set_integration(SYNC, |settings| settings.enabled = false)
        .await;
    let disabled = server.send(token_request(SYNC)).await;
    assert_eq!(refusal(&disabled).1, "invalid_client");
}

#[tokio::test]
async fn r310_r311_scopes_are_lists_and_absent_means_all() {
    let server = TestServer::new().await;
    for scope in [
        "openid,AdobeID,user_management_sdk",
        "openid%2Cuser_management_sdk",
        "openid+user_management_sdk",
    ] {
        let answer = server
            .send(Ask::post(V2).form(&format!("{}&scope={scope}", credentials())))
            .await;
        assert_eq!(answer.status, 200, "{scope}");
        let body = answer.json();
        let granted = claims(body["access_token"].as_str().unwrap())["scope"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            granted.contains("user_management_sdk") && !granted.contains(' '),
            "{granted}"
        );
    }
    let answer = server.send(Ask::post(V2).form(&credentials())).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let read = server
        .send(Ask::get(&api(&format!("/users/{ACME_ID}/0"))).auth(SYNC, &token))
        .await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn r330_r331_tokens_verify_against_the_published_keys_and_say_who_it_is() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let said = claims(&token);
    for (claim, wanted) in [
        ("type", json!("access_token")),
        ("client_id", json!(SYNC)),
        ("user_id", json!(technical_account(SYNC))),
        ("org", json!(ACME_ID)),
        ("as", json!("ims-na1")),
        ("scope", json!("openid,AdobeID,user_management_sdk")),
        ("created_at", json!(crate::support::NOW.to_string())),
        ("expires_in", json!("86400000")),
    ] {
        assert_eq!(said[claim], wanted, "{claim}");
    }
    assert!(said.get("exp").is_none());

    let keys = server.send(Ask::get("/ims/keys")).await.json();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["alg"], "RS256");
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .unwrap();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let public = aws_lc_rs::signature::RsaPublicKeyComponents {
        n: bytes("n"),
        e: bytes("e"),
    };
    public
        .verify(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            input.as_bytes(),
            &URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .unwrap();
}

#[tokio::test]
async fn r332_r333_tokens_live_side_by_side_and_survive_a_restart_and_a_new_key() {
    let server = TestServer::new().await;
    let (one, two) = (server.token(SYNC).await, server.token(SYNC).await);
    assert_ne!(one, two);
    let server = server.restarted().await;
    let users = api(&format!("/users/{ACME_ID}/0"));
    for token in [&one, &two] {
        assert_eq!(server.send(Ask::get(&users).auth(SYNC, token)).await.status, 200);
    }
    let kid = server.app.rotate_signing_key().await.unwrap();
    let three = server.token(SYNC).await;
    let header = URL_SAFE_NO_PAD.decode(three.split('.').next().unwrap()).unwrap();
    assert!(String::from_utf8(header).unwrap().contains(&kid));
    for token in [&one, &two, &three] {
        assert_eq!(server.send(Ask::get(&users).auth(SYNC, token)).await.status, 200);
    }
    let published = |answer: Answer| answer.json()["keys"].as_array().unwrap().len();
    assert_eq!(published(server.send(Ask::get("/ims/keys")).await), 2);
    server.clock.advance_ms(86_400_000 + 3_600_000);
    let server = server.restarted().await;
    assert_eq!(
        published(server.send(Ask::get("/ims/keys")).await),
        1,
        "its last token has expired"
    );
}

#[tokio::test]
async fn another_server_accepts_tokens_of_a_key_it_has_not_seen_yet() {
    let server = TestServer::new().await;
    let elsewhere = roster_server::App::new(server.config.clone(), server.store.clone())
        .await
        .unwrap();
    elsewhere.rotate_signing_key().await.unwrap();
    let response = {
        use tower::ServiceExt as _;
        let request = http::Request::post(format!("{V2}?{}", credentials()))
            .body(axum::body::Body::empty())
            .unwrap();
        roster_server::router(elsewhere).oneshot(request).await.unwrap()
    };
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    let token = serde_json::from_slice::<Value>(&body).unwrap()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let users = api(&format!("/users/{ACME_ID}/0"));
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &token)).await.status, 200);
}

#[tokio::test]
async fn r334_a_token_lives_as_long_as_announced_and_a_minute_more() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let users = api(&format!("/users/{ACME_ID}/0"));
    server.clock.advance_ms(86_400_000);
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &token)).await.status, 200);
    server.clock.advance_ms(60_000);
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &token)).await.status, 200);
    server.clock.advance_ms(1);
    let expired = server.send(Ask::get(&users).auth(SYNC, &token)).await;
    assert_eq!(
        (expired.status.as_u16(), expired.json()["error_code"].as_str()),
        (401, Some("401013"))
    );
}

#[tokio::test]
async fn r335_r337_revoked_tokens_end_and_the_others_live_on() {
    let server = TestServer::new().await;
    let (gone, kept) = (server.token(SYNC).await, server.token(SYNC).await);
    let users = api(&format!("/users/{ACME_ID}/0"));
    let foreign = server
        .send(Ask::get(&api(&format!("/users/{TRUSTEE_ID}/0"))).auth(SYNC, &gone))
        .await;
    assert_eq!(foreign.status, 401);

    let revoke = |client: &str, token: &str| {
        Ask::post("/ims/revoke").form(&form(&[
            ("client_id", client),
            ("client_secret", &secret(client)),
            ("token", token),
        ]))
    };
    let others = server.send(revoke(OTHER, &gone)).await;
    assert_eq!(
        (others.status.as_u16(), others.json()),
        (200, json!({})),
        "in silence"
    );
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &gone)).await.status, 200);
    assert_eq!(server.send(revoke(SYNC, "unknown")).await.status, 200);
    assert_eq!(server.send(revoke(SYNC, &gone)).await.status, 200);
    let refused = server.send(Ask::get(&users).auth(SYNC, &gone)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["error_code"].as_str()),
        (401, Some("401013"))
    );
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &kept)).await.status, 200);
    let wrong = Ask::post("/ims/invalidate_token/v2").form(&form(&[
        ("client_id", SYNC),
        ("client_secret", "wrong"),
        ("token", &kept),
    ]));
    assert_eq!(refusal(&server.send(wrong).await).0, 401);

    let now = server.clock.now_ms();
    server
        .store
        .write(Vec::new(), move |writer| {
            writer.revoke_tokens_before(SYNC, now + 1)
        })
        .await
        .unwrap()
        .unwrap();
    server.clock.advance_ms(1_999);
    let all = server.send(Ask::get(&users).auth(SYNC, &kept)).await;
    assert_eq!(
        (all.status.as_u16(), all.json()["error_code"].as_str()),
        (401, Some("401013"))
    );
    let fresh = server.token(SYNC).await;
    assert_eq!(server.send(Ask::get(&users).auth(SYNC, &fresh)).await.status, 200);
}

#[tokio::test]
async fn r338_validation_says_whether_and_why_not() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let validate = |client: &str, token: &str| {
        Ask::get(&format!(
            "/ims/validate_token/v1?type=access_token&client_id={client}&token={token}"
        ))
    };
    let valid = server.send(validate(SYNC, &token)).await;
    let body = valid.json();
    assert_eq!(
        (valid.status.as_u16(), body["valid"].as_bool()),
        (200, Some(true))
    );
    assert_eq!(body["expires_at"], crate::support::NOW + 86_400_000);
    assert_eq!(body["token"], claims(&token));
    let by_header = Ask::new(Method::POST, "/ims/validate_token/v1")
        .header("x-ims-clientid", SYNC)
        .header("authorization", &format!("Bearer {token}"))
        .form("type=access_token");
    assert_eq!(server.send(by_header).await.json()["valid"], true);

    let mut forged = token.clone().into_bytes();
    let place = forged.len() - 30;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for (client, token, reason) in [
        (SYNC, "garbage", "malformed"),
        (SYNC, forged.as_str(), "bad_signature"),
        (OTHER, token.as_str(), "client_mismatch"),
    ] {
        let answer = server.send(validate(client, token)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({"valid": false, "reason": reason}))
        );
    }
    for query in ["", "?type=access_token", "?type=other&client_id=x&token=y"] {
        let answer = server
            .send(Ask::get(&format!("/ims/validate_token/v1{query}")))
            .await;
        assert_eq!(refusal(&answer).1, "bad_request");
    }
    server
        .set_integration(SYNC, |settings| settings.enabled = false)
        .await;
    assert_eq!(
        server.send(validate(SYNC, &token)).await.json()["reason"],
        "revoked"
    );
    server
        .set_integration(SYNC, |settings| settings.enabled = true)
        .await;
    server.clock.advance_ms(90_000_000);
    assert_eq!(
        server.send(validate(SYNC, &token)).await.json()["reason"],
        "expired"
    );
}

#[tokio::test]
async fn r339_discovery_names_the_endpoints() {
    let server = TestServer::new().await;
    let body = server
        .send(Ask::get("/ims/.well-known/openid-configuration"))
        .await
        .json();
    assert_eq!(body["token_endpoint"], "https://ims.test:8443/ims/token/v3");
    assert_eq!(body["jwks_uri"], "https://ims.test:8443/ims/keys");
    assert_eq!(body["revocation_endpoint"], "https://ims.test:8443/ims/revoke");
    assert_eq!(body["grant_types_supported"], json!(["client_credentials"]));
}

#[tokio::test]
async fn forged_tokens_are_refused_whatever_their_header_claims() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let parts: Vec<&str> = token.split('.').collect();
    let kid: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let keys = server.send(Ask::get("/ims/keys")).await.json();
    let modulus = URL_SAFE_NO_PAD
        .decode(keys["keys"][0]["n"].as_str().unwrap())
        .unwrap();
    let hs = {
        let input = format!(
            "{}.{}",
            encode(&json!({"alg": "HS256", "kid": kid["kid"]})),
            parts[1]
        );
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &modulus);
        let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    };
    let none = format!("{}.{}.", encode(&json!({"alg": "none"})), parts[1]);
    let mut other = claims(&token);
    other["client_id"] = json!(OTHER);
    let changed = format!("{}.{}.{}", parts[0], encode(&other), parts[2]);
    let no_kid = format!("{}.{}.{}", encode(&json!({"alg": "RS256"})), parts[1], parts[2]);
    let huge = format!("{}.{}.{}", parts[0], "A".repeat(20_000), parts[2]);
    for forged in [hs, none, changed, no_kid, huge] {
        let users = api(&format!("/users/{ACME_ID}/0"));
        let answer = server.send(Ask::get(&users).auth(SYNC, &forged)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error_code"].as_str()),
            (401, Some("401013"))
        );
    }
}

#[tokio::test]
async fn another_master_key_is_noticed_at_the_start() {
    let server = TestServer::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.key");
    let mut config = server.config.clone();
    config.master_key_file = Some(path.clone());
    let missing = roster_server::App::new(config.clone(), server.store.clone())
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("other.key"), "{missing}");
    std::fs::write(&path, "7".repeat(64)).unwrap();
    let wrong = roster_server::App::new(config, server.store.clone())
        .await
        .unwrap_err();
    assert!(
        wrong.to_string().contains("the master key is not the one"),
        "{wrong}"
    );
}
