//! Forged JWTs at the exchange.

use serde_json::json;

use super::{
    CRITICAL, certificate, escaped, jwt_claims, other_algorithms, other_spellings, own_keys, sign, twice,
    with,
};
use crate::support::{
    ACME_ID, Answer, Ask, NOW, OTHER, STRANGERS, SYNC, TRUSTEE_ID, TestServer, key_pair, secret,
    technical_account,
};

fn exchange(client: &str, jwt: &str) -> Ask {
    Ask::post("/ims/exchange/jwt").form(&format!(
        "client_id={client}&client_secret={}&jwt_token={}",
        secret(client),
        escaped(jwt)
    ))
}

/// An error of the exchange: status, code, words.
type Told = (u16, String, String);

fn told(answer: &Answer, name: &str) -> Told {
    assert_eq!(answer.header("x-debug-id").len(), 36, "{name}: {}", answer.show());
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    assert_eq!(
        answer.header("content-type"),
        "application/json;charset=UTF-8",
        "{name}"
    );
    let body = answer.json();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["error", "error_description"], "{name}");
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    (answer.status.as_u16(), text("error"), text("error_description"))
}

fn invalid(description: &str) -> Told {
    (400, "invalid_token".to_owned(), description.to_owned())
}

const MALFORMED: &str = "JWT token is incorrectly formatted, and can not be decoded.";
const NO_MATCH: &str = "Could not match JWT signature to any of the bindings";

fn forged_jwts() -> Vec<(String, String, Told)> {
    // SYNC has the certificate of the first pair, OTHER that of the second.
    let (own, others) = (key_pair(0), key_pair(1));
    let good = jwt_claims(SYNC, ACME_ID).to_string();
    let plain = r#"{"alg":"RS256"}"#;
    let malformed = |cases: Vec<(String, String)>| {
        let told = |(name, made)| (name, made, invalid(MALFORMED));
        cases.into_iter().map(told).collect::<Vec<_>>()
    };
    let unmatched = |cases: Vec<(String, String)>| {
        let told = |(name, made)| (name, made, invalid(NO_MATCH));
        cases.into_iter().map(told).collect::<Vec<_>>()
    };
    let mut cases = malformed(other_algorithms(own, "x", &good));
    let kids = [
        json!("x"),
        json!("../../../etc/passwd"),
        json!("k".repeat(8_000)),
        json!(null),
        json!([1]),
    ];
    cases.extend(unmatched(own_keys(others, &kids, &good)));
    cases.extend(unmatched(vec![(
        "another integration's certificate".to_owned(),
        sign(others, plain, &good),
    )]));
    cases.extend(unmatched(vec![(
        "another integration's JWT".to_owned(),
        sign(others, plain, &jwt_claims(OTHER, ACME_ID).to_string()),
    )]));
    for crit in CRITICAL {
        let header = format!(r#"{{"alg":"RS256",{crit}}}"#);
        cases.extend(malformed(vec![(
            format!("header with {crit}"),
            sign(own, &header, &good),
        )]));
    }
    for (name, made) in other_spellings(&sign(own, plain, &good)) {
        // Three readable parts with a JSON object in the first are a JWS; only its signature is wrong.
        let readable = [
            "no signature",
            "half a signature",
            "the signature twice",
            "a signature of zeros",
        ];
        let words = if readable.contains(&name.as_str()) {
            NO_MATCH
        } else {
            MALFORMED
        };
        cases.push((name, made, invalid(words)));
    }
    for name in [
        "exp",
        "iss",
        "sub",
        "aud",
        "nbf",
        "jti",
        "https://ims.test:8443/s/ent_user_sdk",
    ] {
        let mut claims = jwt_claims(SYNC, ACME_ID);
        claims["nbf"] = json!(NOW / 1000);
        claims["jti"] = json!("x");
        let made = sign(own, plain, &twice(&claims, name, &claims[name].clone()));
        cases.extend(malformed(vec![(format!("{name} twice"), made)]));
    }
    for payload in ["", "null", "[]", "\"x\"", "{", "{}{}", "{\"exp\":1e999}", "{}"] {
        cases.extend(malformed(vec![(
            format!("claims {payload:?}"),
            sign(own, plain, payload),
        )]));
    }
    let now = NOW / 1000;
    let subject = "Invalid JWT issuer or subject";
    for (claim, value, wanted) in [
        ("exp", json!(now), invalid("JWT token has expired")),
        ("exp", json!(now - 1), invalid("JWT token has expired")),
        ("exp", json!(-1), invalid("JWT token has expired")),
        ("exp", json!(i64::MIN), invalid("JWT token has expired")),
        (
            "exp",
            json!(i64::MAX),
            invalid("JWT expiry is too far in the future"),
        ),
        (
            "exp",
            json!(NOW + 300_000),
            invalid("JWT expiry is too far in the future"),
        ),
        ("exp", json!(u64::MAX), invalid(MALFORMED)),
        ("exp", json!(1e300), invalid(MALFORMED)),
        ("exp", json!((now + 300).to_string()), invalid(MALFORMED)),
        ("exp", json!(null), invalid(MALFORMED)),
        ("nbf", json!(now + 3_600), invalid("JWT token is not yet valid")),
        ("nbf", json!(i64::MAX), invalid("JWT token is not yet valid")),
        ("nbf", json!("0"), invalid("JWT token is not yet valid")),
        ("nbf", json!(null), invalid("JWT token is not yet valid")),
        (
            "aud",
            json!(format!("https://evil.example/c/{SYNC}")),
            invalid("Invalid JWT audience"),
        ),
        (
            "aud",
            json!(format!("https://ims.test:8443@evil.example/c/{SYNC}")),
            invalid("Invalid JWT audience"),
        ),
        (
            "aud",
            json!(format!("http://ims.test:8443/c/{SYNC}")),
            invalid("Invalid JWT audience"),
        ),
        (
            "aud",
            json!(format!("https://ims.test:8443/x/c/{SYNC}")),
            invalid("Invalid JWT audience"),
        ),
        ("aud", json!(SYNC), invalid("Invalid JWT audience")),
        ("aud", json!([]), invalid("Invalid JWT audience")),
        ("aud", json!({"x": 1}), invalid("Invalid JWT audience")),
        (
            "aud",
            json!(format!("https://ims.test:8443/c/{OTHER}")),
            (
                400,
                "invalid_client".to_owned(),
                "invalid client_id parameter".to_owned(),
            ),
        ),
        (
            "aud",
            json!(format!("https://ims.test:8443/c/{}", SYNC.to_uppercase())),
            (
                400,
                "invalid_client".to_owned(),
                "invalid client_id parameter".to_owned(),
            ),
        ),
        ("iss", json!(TRUSTEE_ID), invalid(subject)),
        ("iss", json!([ACME_ID]), invalid(subject)),
        ("iss", json!(""), invalid(subject)),
        ("sub", json!(technical_account(OTHER)), invalid(subject)),
        (
            "sub",
            json!(technical_account(SYNC).to_lowercase()),
            invalid(subject),
        ),
        ("sub", json!([technical_account(SYNC)]), invalid(subject)),
    ] {
        let shown = value.to_string();
        let payload = with(jwt_claims(SYNC, ACME_ID), claim, Some(value));
        cases.push((format!("{claim} = {shown}"), sign(own, plain, &payload), wanted));
    }
    let scope = "The metascopes in the JWT are not a subset of the metascopes in the binding.";
    let unbound = (400, "invalid_scope".to_owned(), scope.to_owned());
    for value in [json!(false), json!("true"), json!(1), json!(null)] {
        let shown = value.to_string();
        let payload = with(
            jwt_claims(SYNC, ACME_ID),
            "https://ims.test:8443/s/ent_user_sdk",
            Some(value),
        );
        cases.push((
            format!("metascope = {shown}"),
            sign(own, plain, &payload),
            unbound.clone(),
        ));
    }
    let more = with(
        jwt_claims(SYNC, ACME_ID),
        "https://ims.test:8443/s/ent_everything_sdk",
        Some(json!(true)),
    );
    cases.push((
        "one metascope too many".to_owned(),
        sign(own, plain, &more),
        unbound,
    ));
    for (name, jti) in [
        ("a list", json!([1])),
        ("empty", json!("")),
        ("null", json!(null)),
        ("1.5", json!(1.5)),
    ] {
        let payload = with(jwt_claims(SYNC, ACME_ID), "jti", Some(jti));
        let wanted = (400, "invalid_jti".to_owned(), "Invalid jti".to_owned());
        cases.push((format!("jti is {name}"), sign(own, plain, &payload), wanted));
    }
    cases
}

#[tokio::test]
async fn k8_no_forged_jwt_is_exchanged() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    server
        .add_certificate(OTHER, &certificate(key_pair(1), 2020, 2040))
        .await;
    let good = sign(
        key_pair(0),
        r#"{"alg":"RS256"}"#,
        &jwt_claims(SYNC, ACME_ID).to_string(),
    );
    let accepted = server.send(exchange(SYNC, &good)).await;
    assert_eq!(
        accepted.status,
        200,
        "nothing is proven otherwise: {}",
        accepted.show()
    );
    // A key id means nothing here, so neither does a strange one: the certificates decide.
    let strange = sign(
        key_pair(0),
        r#"{"alg":"RS256","kid":"../x"}"#,
        &jwt_claims(SYNC, ACME_ID).to_string(),
    );
    assert_eq!(server.send(exchange(SYNC, &strange)).await.status, 200);

    let cases = forged_jwts();
    assert!(cases.len() > 150, "{}", cases.len());
    let mut problems = Vec::new();
    for (name, jwt, wanted) in &cases {
        let answer = server.send(exchange(SYNC, jwt)).await;
        if answer.status == 200 {
            problems.push(format!("{name}: accepted"));
            continue;
        }
        let got = told(&answer, name);
        if got != *wanted {
            problems.push(format!("{name}: {got:?}, not {wanted:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));

    let token = server.token(SYNC).await;
    let access = server.send(exchange(SYNC, &token)).await;
    assert_eq!(told(&access, "an access token"), invalid(NO_MATCH));
    let endless = server.send(exchange(SYNC, &"A".repeat(70_000))).await;
    assert_eq!(told(&endless, "a long body").1, "bad_request");
}

#[tokio::test]
async fn k8_a_certificate_that_two_integrations_hold_opens_each_only_its_own() {
    let server = TestServer::new().await;
    for client in [SYNC, OTHER, STRANGERS] {
        server
            .add_certificate(client, &certificate(key_pair(0), 2020, 2040))
            .await;
    }
    let plain = r#"{"alg":"RS256"}"#;
    let of_other = sign(key_pair(0), plain, &jwt_claims(OTHER, ACME_ID).to_string());
    assert_eq!(server.send(exchange(OTHER, &of_other)).await.status, 200);
    let as_mine = server.send(exchange(SYNC, &of_other)).await;
    assert_eq!(told(&as_mine, "aud").1, "invalid_client");
    let renamed = with(
        jwt_claims(OTHER, ACME_ID),
        "aud",
        Some(json!(format!("https://ims.test:8443/c/{SYNC}"))),
    );
    let as_mine = server
        .send(exchange(SYNC, &sign(key_pair(0), plain, &renamed)))
        .await;
    assert_eq!(told(&as_mine, "sub"), invalid("Invalid JWT issuer or subject"));
    let elsewhere = sign(key_pair(0), plain, &jwt_claims(STRANGERS, ACME_ID).to_string());
    let elsewhere = server.send(exchange(STRANGERS, &elsewhere)).await;
    assert_eq!(told(&elsewhere, "iss"), invalid("Invalid JWT issuer or subject"));
}

#[tokio::test]
async fn k8_a_jwt_that_must_be_new_is_exchanged_once_also_when_sent_many_times_at_once() {
    let server = TestServer::new().await;
    server
        .add_certificate(SYNC, &certificate(key_pair(0), 2020, 2040))
        .await;
    server
        .set_integration(SYNC, |settings| settings.require_jti = true)
        .await;
    for jti in [
        json!("once"),
        json!("with\u{0}nul"),
        json!("j".repeat(9_000)),
        json!(7),
    ] {
        let payload = with(jwt_claims(SYNC, ACME_ID), "jti", Some(jti.clone()));
        let jwt = sign(key_pair(0), r#"{"alg":"RS256"}"#, &payload);
        let asked = (0..8).map(|_| server.send(exchange(SYNC, &jwt)));
        let answers = futures_util::future::join_all(asked).await;
        let (given, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(given.len(), 1, "{jti}");
        for answer in refused {
            assert_eq!(
                told(answer, "replayed"),
                (400, "invalid_jti".to_owned(), "Invalid jti".to_owned())
            );
        }
        let other_form = with(jwt_claims(SYNC, ACME_ID), "jti", Some(jti.clone()));
        let again = sign(key_pair(0), r#"{"typ":"JWT","alg":"RS256"}"#, &other_form);
        assert_eq!(
            told(&server.send(exchange(SYNC, &again)).await, "again").1,
            "invalid_jti"
        );
    }
}
