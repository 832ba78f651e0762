//! Asking for tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use roster_client::{Client, ClientError, UserQuery};

use crate::server::{Reply, Request, Server};

const NOBODY: &str = r#"{"result":"success","lastPage":true,"users":[]}"#;

/// A server that keeps what is sent to its token endpoint.
async fn keeping(answer: &'static str, status: u16) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
    let keep = Arc::clone(&asked);
    let tokens = move |request: &Request| {
        keep.lock().unwrap().push(request.clone());
        Reply {
            status,
            ..Reply::json(answer)
        }
    };
    (
        Server::start_with_tokens(|_, _| Reply::json(NOBODY), tokens).await,
        asked,
    )
}

#[tokio::test]
async fn server_to_server_credentials_are_sent_as_a_form() {
    let (server, asked) = keeping(crate::server::TOKEN, 200).await;
    let mut config = server.config();
    config.client_id = "a b".to_owned();
    config.client_secret = roster_client::Secret::new("s+/=&é");
    Client::new(config)
        .unwrap()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].line, "POST /ims/token/v2/");
    assert_eq!(
        asked[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        asked[0].body,
        "client_id=a%20b&client_secret=s%2B%2F%3D%26%C3%A9&grant_type=client_credentials\
         &scope=openid%2CAdobeID%2Cuser_management_sdk"
    );
}

#[tokio::test]
async fn a_token_is_used_until_it_is_about_to_end() {
    let (server, asked) = keeping(crate::server::TOKEN, 200).await;
    let client = server.client();
    for _ in 0..3 {
        client.users(&UserQuery::everybody()).next().await.unwrap();
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
    let (server, asked) = keeping(r#"{"access_token":"t","expires_in":1}"#, 200).await;
    let client = server.client();
    client.users(&UserQuery::everybody()).next().await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    client.users(&UserQuery::everybody()).next().await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 2, "half of a second of life is used");
}

#[tokio::test]
async fn a_refusal_is_told_with_what_the_endpoint_said() {
    let (server, _) = keeping(
        r#"{"error":"invalid_client","error_description":"not known"}"#,
        400,
    )
    .await;
    let error = server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap_err();
    let ClientError::Token { status, code, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*status, code.as_deref()), (400, Some("invalid_client")));
    assert!(!error.to_string().contains("secret"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_is_asked_again() {
    let count: Arc<Mutex<u32>> = Arc::default();
    let seen = Arc::clone(&count);
    let tokens = move |_: &Request| {
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        if *seen == 1 {
            Reply::status(503, "")
        } else {
            Reply::json(crate::server::TOKEN)
        }
    };
    let server = Server::start_with_tokens(|_, _| Reply::json(NOBODY), tokens).await;
    server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    assert_eq!(*count.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_jwt_is_signed_for_the_token_host_and_lives_a_day() {
    // Made for this test; they open nothing.
    for key in [include_str!("rsa-pkcs1.pem"), include_str!("rsa-pkcs8.pem")] {
        let (server, asked) = keeping(r#"{"access_token":"t0","expires_in":86399000}"#, 200).await;
        let mut config =
            roster_client::Config::jwt("ORG@AdobeOrg", "id", "secret", "T@techacct.adobe.com", key);
        config.host = roster_client::Host::new(&server.url);
        config.auth_host = config.host.clone();
        Client::new(config)
            .unwrap()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap();
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0].line, "POST /ims/exchange/jwt/");
        let token = asked[0].body.split("jwt_token=").nth(1).unwrap();
        let host = server.url.trim_start_matches("http://");
        let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        rules.set_audience(&[format!("https://{host}/c/id")]);
        let public = jsonwebtoken::DecodingKey::from_rsa_pem(include_bytes!("rsa-public.pem")).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(token, &public, &rules)
            .unwrap()
            .claims;
        assert_eq!(claims["iss"], "ORG@AdobeOrg");
        assert_eq!(claims["sub"], "T@techacct.adobe.com");
        assert_eq!(claims[format!("https://{host}/s/ent_user_sdk")], true);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let lifetime = claims["exp"].as_u64().unwrap() - now;
        assert!((86390..=86400).contains(&lifetime), "{lifetime}");
    }
}

/// A proxy may show the request that it refuses.
#[tokio::test]
async fn an_answer_that_repeats_the_token_is_shown_without_it() {
    const REFUSED: &str = r#"{"message":"bad header Authorization: Bearer TOKEN-OF-THE-TEST"}"#;
    for (status, body) in [
        (400, REFUSED),
        (403, REFUSED),
        (200, REFUSED),
        (502, "Bearer TOKEN-OF-THE-TEST"),
    ] {
        let server = Server::start_with_tokens(
            move |_, _| Reply {
                status,
                ..Reply::json(body)
            },
            |_| Reply::json(r#"{"access_token":"TOKEN-OF-THE-TEST","expires_in":86400}"#),
        )
        .await;
        let mut config = server.config();
        config.attempts = 1;
        let told = Client::new(config)
            .unwrap()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap_err()
            .to_string();
        assert!(!told.contains("TOKEN-OF"), "{status}: {told}");
    }
    // However long it is.
    let long = format!("Bearer TOKEN-OF-THE-TEST {}", "x".repeat(100_000));
    for status in [200, 400] {
        let body = long.clone();
        let server = Server::start_with_tokens(
            move |_, _| Reply {
                status,
                ..Reply::json(&body)
            },
            |_| Reply::json(r#"{"access_token":"TOKEN-OF-THE-TEST","expires_in":86400}"#),
        )
        .await;
        let told = server
            .client()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap_err()
            .to_string();
        assert!(!told.contains("TOKEN-OF"), "{status}: {told}");
    }
    // A token in an answer that is in another form.
    for body in [
        "access_token=TOKEN-OF-THE-TEST&expires_in=5",
        r#"[{"access_token":"TOKEN-OF-THE-TEST"}]"#,
    ] {
        let (server, _) = keeping(body, 200).await;
        let told = server
            .client()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap_err()
            .to_string();
        assert!(!told.contains("TOKEN-OF") && told.contains("hidden"), "{told}");
    }
}
