//! Tokens for signed JWTs (ims.md 5). The rules on claims have tests of their own; here are whole requests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{ACME_ID, Answer, Ask, NOW, SYNC, TestServer, api, key_pair, secret, technical_account};

/// A certificate of a key pair, valid between two years.
fn certificate(pair: &rcgen::KeyPair, from: i32, until: i32) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(pair).unwrap().der().to_vec()
}

fn claims(host: &str) -> Value {
    json!({
        "exp": NOW / 1000 + 86_400,
        "iss": ACME_ID,
        "sub": technical_account(SYNC),
        "aud": format!("https://{host}/c/{SYNC}"),
        format!("https://{host}/s/ent_user_sdk"): true,
    })
}

fn signed(pair: &rcgen::KeyPair, claims: &Value) -> String {
    let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(pair.serialized_der()).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    let rng = aws_lc_rs::rand::SystemRandom::new();
    key.sign(
        &aws_lc_rs::signature::RSA_PKCS1_SHA256,
        &rng,
        input.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn exchange(path: &str, jwt: &str) -> Ask {
    Ask::post(path).form(&format!(
        "client_id={SYNC}&client_secret={}&jwt_token={jwt}",
        secret(SYNC)
    ))
}

async fn ask(server: &TestServer, jwt: &str) -> Answer {
    server.send(exchange("/ims/exchange/jwt", jwt)).await
}

fn error(answer: &Answer) -> (u16, String) {
    assert!(!answer.header("x-debug-id").is_empty(), "{}", answer.show());
    let body = answer.json();
    (answer.status.as_u16(), body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn r301_r318_r340_a_signed_jwt_gives_a_token_that_works() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    let jwt = signed(key_pair(0), &claims("ims.test:8443"));
    for path in ["/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt"] {
        let answer = server.send(exchange(path, &jwt)).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        let body = answer.json();
        assert_eq!(
            (body["token_type"].as_str(), body["expires_in"].as_i64()),
            (Some("bearer"), Some(86_399_998))
        );
        let token = body["access_token"].as_str().unwrap();
        let said: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap())
                .unwrap();
        assert_eq!(said["scope"], "openid,AdobeID,user_management_sdk");
        assert_eq!(
            (said["client_id"].clone(), said["user_id"].clone()),
            (json!(SYNC), json!(technical_account(SYNC)))
        );
        let users = api(&format!("/users/{ACME_ID}/0"));
        assert_eq!(server.send(Ask::get(&users).auth(SYNC, token)).await.status, 200);
    }
}

#[tokio::test]
async fn r302_r320_in_the_query_too_and_with_the_host_that_was_asked() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    let jwt = signed(key_pair(0), &claims("other.host:1234"));
    let query = format!(
        "/ims/exchange/jwt?client_id={SYNC}&client_secret={}&jwt_token={jwt}",
        secret(SYNC)
    );
    let refused = server
        .send(Ask::post(&query).header("host", "ims.test:8443"))
        .await;
    assert_eq!(error(&refused), (400, "invalid_token".to_owned()));
    let accepted = server
        .send(Ask::post(&query).header("host", "other.host:1234"))
        .await;
    assert_eq!(accepted.status, 200, "{}", accepted.show());
    let jwt = signed(key_pair(0), &claims("ims-na1.adobelogin.com"));
    assert_eq!(ask(&server, &jwt).await.status, 200);
}

#[tokio::test]
async fn r324_r325_r326_certificates_come_and_go() {
    let server = TestServer::new().await;
    let (first, second) = (
        certificate(key_pair(0), 2020, 2040),
        certificate(key_pair(1), 2020, 2040),
    );
    let (by_first, by_second) = (
        signed(key_pair(0), &claims("ims.test:8443")),
        signed(key_pair(1), &claims("ims.test:8443")),
    );
    let none = ask(&server, &by_first).await;
    assert_eq!(error(&none), (400, "invalid_token".to_owned()));
    assert_eq!(
        none.json()["error_description"],
        "Could not match JWT signature to any of the bindings"
    );
    server.add_certificate(SYNC, &first).await;
    server.add_certificate(SYNC, &second).await;
    assert_eq!(ask(&server, &by_first).await.status, 200);
    let token = ask(&server, &by_second).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let fingerprint = roster_server::crypto::certificate::Certificate::from_der(&second)
        .unwrap()
        .fingerprint;
    server
        .store
        .write(Vec::new(), move |writer| {
            writer.delete_certificate(SYNC, &fingerprint)
        })
        .await
        .unwrap();
    assert_eq!(ask(&server, &by_first).await.status, 200);
    assert_eq!(error(&ask(&server, &by_second).await).0, 400);
    let users = api(&format!("/users/{ACME_ID}/0"));
    assert_eq!(
        server.send(Ask::get(&users).auth(SYNC, &token)).await.status,
        200,
        "R336"
    );

    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2001, 2002))
        .await;
    let expired = ask(&server, &by_first).await;
    assert_eq!(expired.json()["error_description"], "Certificate has expired");
}

#[tokio::test]
async fn r323_r327_what_is_no_jwt_is_refused() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    let payload = URL_SAFE_NO_PAD.encode(claims("ims.test:8443").to_string());
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    for jwt in ["garbage", "", unsigned.as_str()] {
        let answer = ask(&server, jwt).await;
        assert_eq!(error(&answer), (400, "invalid_token".to_owned()));
        assert_eq!(
            answer.json()["error_description"],
            "JWT token is incorrectly formatted, and can not be decoded."
        );
    }
}

#[tokio::test]
async fn r328_a_jwt_may_be_used_again_unless_its_id_is_required() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    let jwt = signed(key_pair(0), &claims("ims.test:8443"));
    assert_eq!(ask(&server, &jwt).await.status, 200);
    assert_eq!(ask(&server, &jwt).await.status, 200);
    server
        .set_integration(SYNC, |settings| settings.require_jti = true)
        .await;
    assert_eq!(error(&ask(&server, &jwt).await), (400, "invalid_jti".to_owned()));
    let mut with_id = claims("ims.test:8443");
    with_id["jti"] = json!("once");
    let jwt = signed(key_pair(0), &with_id);
    assert_eq!(ask(&server, &jwt).await.status, 200);
    assert_eq!(error(&ask(&server, &jwt).await), (400, "invalid_jti".to_owned()));
}

#[tokio::test]
async fn r329_r341_kinds_and_secrets_are_checked() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    let jwt = signed(key_pair(0), &claims("ims.test:8443"));
    let wrong =
        Ask::post("/ims/exchange/jwt").form(&format!("client_id={SYNC}&client_secret=x&jwt_token={jwt}"));
    assert_eq!(
        error(&server.send(wrong).await),
        (401, "invalid_client".to_owned())
    );
    server
        .set_integration(SYNC, |settings| settings.jwt = false)
        .await;
    let answer = ask(&server, &jwt).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    assert_eq!(
        answer.json()["error_description"],
        "client is not allowed to exchange JWT"
    );
    assert!(!server.token(SYNC).await.is_empty(), "OAuth goes on");
    server
        .set_integration(SYNC, |settings| {
            settings.jwt = true;
            settings.oauth = false;
        })
        .await;
    let oauth = server.send(crate::support::token_request(SYNC)).await;
    assert_eq!(error(&oauth), (400, "invalid_client".to_owned()));
}
