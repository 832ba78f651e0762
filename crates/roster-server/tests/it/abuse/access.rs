//! Forged access tokens at the API, and at the endpoint that validates tokens.

use roster_server::crypto::jws::SigningKey;
use serde_json::{Value, json};

use super::{
    CRITICAL, KNOWN_KID, escaped, jwt_claims, other_algorithms, other_spellings, own_keys, sign, twice, with,
};
use crate::support::{
    ACME_ID, Answer, Ask, NOW, OTHER, STRANGERS, SYNC, TRUSTEE_ID, TRUSTEES, TestServer, api, key_pair,
    technical_account,
};

const DAY_MS: i64 = 86_400_000;

/// A server with a signing key that has just been rotated out and that the test knows.
async fn leaky() -> TestServer {
    let server = TestServer::new().await;
    let key = SigningKey::from_pkcs8(KNOWN_KID, key_pair(1).serialized_der()).unwrap();
    let row = roster_store::SigningKey {
        kid: KNOWN_KID.to_owned(),
        private_key: Vec::new(),
        public_key: key.public_der().unwrap(),
        created_at: NOW,
        retired_at: Some(NOW),
    };
    server
        .store
        .write(Vec::new(), move |writer| writer.add_signing_key(&row))
        .await
        .unwrap();
    // The known key has no private half in the database; the server signs with a new one.
    server.app.rotate_signing_key().await.unwrap();
    server
}

fn access_claims() -> Value {
    json!({
        "id": "1_test_roster",
        "type": "access_token",
        "client_id": SYNC,
        "user_id": technical_account(SYNC),
        "org": ACME_ID,
        "as": "ims-na1",
        "scope": "openid,AdobeID,user_management_sdk",
        "created_at": NOW.to_string(),
        "expires_in": DAY_MS.to_string(),
    })
}

fn forged_access_tokens() -> Vec<(String, String)> {
    let (known, attacker) = (key_pair(1), key_pair(0));
    let header = json!({"alg": "RS256", "kid": KNOWN_KID, "typ": "JWT"}).to_string();
    let good = access_claims().to_string();
    let mut cases = other_algorithms(known, KNOWN_KID, &good);
    let kids = [
        json!(KNOWN_KID),
        json!("roster-ffffffffffffffff"),
        json!("../../../../../../dev/null"),
        json!("/proc/self/environ"),
        json!("roster-' OR '1'='1"),
        json!("roster-\0"),
        json!(format!("roster-{}", "f".repeat(8_000))),
        json!(""),
        json!(0),
        json!(null),
        json!([KNOWN_KID]),
        json!({"kid": KNOWN_KID}),
    ];
    cases.extend(own_keys(attacker, &kids, &good));
    // The right key under a wrong name: the name decides which key is asked, and never adds one.
    for kid in kids.iter().filter(|kid| **kid != json!(KNOWN_KID)) {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        let shown: String = kid.to_string().chars().take(40).collect();
        cases.push((format!("the right key as {shown}"), sign(known, &header, &good)));
    }
    cases.push(("no kid".to_owned(), sign(known, r#"{"alg":"RS256"}"#, &good)));
    for crit in CRITICAL {
        let header = format!(r#"{{"alg":"RS256","kid":"{KNOWN_KID}",{crit}}}"#);
        cases.push((format!("header with {crit}"), sign(known, &header, &good)));
    }
    cases.extend(other_spellings(&sign(known, &header, &good)));
    let mut signed = |name: String, payload: String| cases.push((name, sign(known, &header, &payload)));
    for (name, value) in [
        ("type", json!("refresh_token")),
        ("type", json!("ACCESS_TOKEN")),
        ("type", json!(null)),
        ("client_id", json!([SYNC])),
        ("org", json!(TRUSTEE_ID)),
        ("org", json!("")),
        ("org", json!(null)),
        ("scope", json!(["user_management_sdk"])),
        ("created_at", json!(NOW)),
        ("created_at", json!("now")),
        ("created_at", json!("")),
        ("created_at", json!((NOW - 2 * DAY_MS).to_string())),
        ("created_at", json!("-1")),
        ("created_at", json!(i64::MAX.to_string())),
        ("created_at", json!(i64::MIN.to_string())),
        ("created_at", json!("99999999999999999999999")),
        ("expires_in", json!("1e12")),
        ("expires_in", json!("-1000000")),
        ("expires_in", json!(DAY_MS)),
        ("expires_in", json!(i64::MAX.to_string())),
    ] {
        let payload = with(access_claims(), name, Some(value.clone()));
        signed(format!("{name} = {value}"), payload);
    }
    for name in [
        "id",
        "type",
        "client_id",
        "user_id",
        "org",
        "as",
        "scope",
        "created_at",
        "expires_in",
    ] {
        signed(format!("without {name}"), with(access_claims(), name, None));
        let other = json!("other");
        signed(format!("{name} twice"), twice(&access_claims(), name, &other));
    }
    for payload in ["", "null", "[]", "\"x\"", "{", "{}{}", "{\"a\":1e999}"] {
        signed(format!("claims {payload:?}"), payload.to_owned());
    }
    signed(
        "a JWT for the exchange".to_owned(),
        jwt_claims(SYNC, ACME_ID).to_string(),
    );
    signed("claims with bytes behind".to_owned(), format!("{good}\0"));
    cases
}

/// The refusal of a token by the API, and that it has the one shape.
fn refused(answer: &Answer, name: &str) -> (u16, String) {
    assert_ne!(answer.status, 500, "{name}: {}", answer.show());
    assert_eq!(
        answer.header("content-type"),
        "application/json;charset=UTF-8",
        "{name}"
    );
    assert!(!answer.header("x-request-id").is_empty(), "{name}");
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").starts_with("Bearer "), "{name}");
    }
    (
        answer.status.as_u16(),
        String::from_utf8(answer.body.clone()).unwrap(),
    )
}

#[tokio::test]
async fn k8_no_forged_access_token_opens_the_api() {
    let server = leaky().await;
    let users = api(&format!("/users/{ACME_ID}/0"));
    let header = json!({"alg": "RS256", "kid": KNOWN_KID, "typ": "JWT"}).to_string();
    let good = sign(key_pair(1), &header, &access_claims().to_string());
    let accepted = server.send(Ask::get(&users).auth(SYNC, &good)).await;
    assert_eq!(
        accepted.status,
        200,
        "nothing is proven otherwise: {}",
        accepted.show()
    );

    let cases = forged_access_tokens();
    assert!(cases.len() > 150, "{}", cases.len());
    let wanted = (
        401,
        r#"{"error_code":"401013","message":"Oauth token is not valid"}"#.to_owned(),
    );
    let mut problems = Vec::new();
    for (name, token) in &cases {
        let told = refused(&server.send(Ask::get(&users).auth(SYNC, token)).await, name);
        if told != wanted {
            problems.push(format!("{name}: {told:?}"));
        }
        // The check of tokens is asked about the same ones; here, too, none is good and none is an error.
        let form = escaped(token);
        let check = Ask::post("/ims/validate_token/v1")
            .form(&format!("type=access_token&client_id={SYNC}&token={form}"));
        let told = server.send(check).await;
        let body = told.json();
        if (told.status.as_u16(), &body["valid"]) != (200, &json!(false)) && !token.is_empty() {
            problems.push(format!("{name}, validated: {}", told.show()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn k8_a_token_is_good_for_one_integration_one_organization_and_its_scopes() {
    let server = leaky().await;
    let header = json!({"alg": "RS256", "kid": KNOWN_KID}).to_string();
    let own = server.token(SYNC).await;
    let no_scope = sign(
        key_pair(1),
        &header,
        &with(
            access_claims(),
            "scope",
            Some(json!("openid,AdobeID,user_management_sdk_not")),
        ),
    );
    let (others, trustees, strangers) = (
        server.token(OTHER).await,
        server.token(TRUSTEES).await,
        server.token(STRANGERS).await,
    );
    let forbidden = (403, "403003");
    for (name, key, token, org, (status, code)) in [
        (
            "the token of another integration",
            SYNC,
            &others,
            ACME_ID,
            forbidden,
        ),
        (
            "the token of a trusted organization",
            SYNC,
            &trustees,
            ACME_ID,
            forbidden,
        ),
        ("the token of a stranger", SYNC, &strangers, ACME_ID, forbidden),
        ("another key", OTHER, &own, ACME_ID, forbidden),
        (
            "an unknown key",
            "ffffffffffffffffffffffffffffffff",
            &own,
            ACME_ID,
            forbidden,
        ),
        (
            "the key in capitals",
            &SYNC.to_uppercase(),
            &own,
            ACME_ID,
            forbidden,
        ),
        ("without the scope", SYNC, &no_scope, ACME_ID, forbidden),
        (
            "another organization's path",
            SYNC,
            &own,
            TRUSTEE_ID,
            (401, "error.unauthorized"),
        ),
        (
            "a stranger in the path of another",
            STRANGERS,
            &strangers,
            ACME_ID,
            (401, "error.unauthorized"),
        ),
        (
            "an organization that trusts",
            TRUSTEES,
            &trustees,
            ACME_ID,
            (401, "error.unauthorized"),
        ),
    ] {
        let path = api(&format!("/users/{org}/0"));
        let answer = server.send(Ask::get(&path).auth(key, token)).await;
        refused(&answer, name);
        let body = answer.json();
        let told = body["error_code"].as_str().or(body["result"].as_str()).unwrap();
        assert_eq!((answer.status.as_u16(), told), (status, code), "{name}");
    }
}

#[tokio::test]
async fn k8_what_a_rotated_out_key_signed_is_refused_once_its_last_token_has_expired() {
    let server = leaky().await;
    let users = api(&format!("/users/{ACME_ID}/0"));
    let header = json!({"alg": "RS256", "kid": KNOWN_KID}).to_string();
    let late = DAY_MS + 60_000 + 1_000;
    // Somebody who kept the key may write any time into the claims.
    let dated = with(
        access_claims(),
        "created_at",
        Some(json!((NOW + late).to_string())),
    );
    let forged = sign(key_pair(1), &header, &dated);
    server.clock.advance_ms(late);
    let server = server.restarted().await;
    let told = refused(&server.send(Ask::get(&users).auth(SYNC, &forged)).await, "late");
    assert_eq!(told.0, 401, "{}", told.1);
    let keys = server.send(Ask::get("/ims/keys")).await;
    assert!(!keys.show().contains(KNOWN_KID), "{}", keys.show());
}

#[tokio::test]
async fn a_scope_that_was_taken_from_an_integration_is_gone_from_its_tokens() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    assert_eq!(sync.get(&format!("/users/{ACME_ID}/0")).await.status, 200);
    server
        .set_integration(SYNC, |settings| {
            settings.scopes.retain(|scope| scope != "user_management_sdk");
        })
        .await;
    let refused = sync.get(&format!("/users/{ACME_ID}/0")).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["result"], "error.apikey.invalid");
    server
        .set_integration(SYNC, |settings| {
            settings.scopes.push("user_management_sdk".to_owned());
        })
        .await;
    assert_eq!(sync.get(&format!("/users/{ACME_ID}/0")).await.status, 200);
}
