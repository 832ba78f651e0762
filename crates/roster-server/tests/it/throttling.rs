//! Limits on how often a client may ask (umapi.md 2.8, ims.md 3).

use roster_server::config::Throttle;
use roster_server::throttle::Class;
use serde_json::json;

use crate::support::{ACME_ID, Answer, Ask, Caller, OTHER, SYNC, TestServer, api, token_request};

async fn documented() -> TestServer {
    TestServer::with(|config| config.throttle.documented = true).await
}

/// Asks until refused: how many were admitted, and the refusal.
async fn until_refused(caller: &Caller<'_>, path: &str) -> (usize, Answer) {
    for n in 0..200 {
        let answer = caller.get(path).await;
        if answer.status == 429 {
            return (n, answer);
        }
        assert_ne!(answer.status, 503);
    }
    panic!("{path} has no limit");
}

#[tokio::test]
async fn r25_the_eleventh_action_request_has_to_wait() {
    let server = documented().await;
    let sync = server.sync().await;
    let path = format!("/action/{ACME_ID}");
    for _ in 0..10 {
        assert_eq!(
            sync.post(&path, &json!([{"user": "x@example.com", "do": []}]))
                .await
                .status,
            200
        );
    }
    let refused = sync.post(&path, &json!([])).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json(),
        json!({"error_code": "429050", "message": "Too many requests"})
    );
}

#[tokio::test]
async fn r26_r27_each_class_has_its_own_limit() {
    let server = documented().await;
    let sync = server.sync().await;
    for (path, limit) in [
        (format!("/users/{ACME_ID}/0"), 25),
        (format!("/users/{ACME_ID}/0/Design%20Team"), 25),
        (format!("/organizations/{ACME_ID}/users/root@example.com"), 25),
        (format!("/groups/{ACME_ID}/0"), 5),
        (format!("/{ACME_ID}/users"), 25),
        (format!("/{ACME_ID}/user-groups"), 5),
        (format!("/{ACME_ID}/user-groups/101/users"), 25),
        (format!("/{ACME_ID}/products"), 5),
        (format!("/{ACME_ID}/products/{:020X}/configurations", 15), 5),
        (
            format!(
                "/{ACME_ID}/products/{:020X}/configurations/{:020X}/users",
                15, 151
            ),
            25,
        ),
        (format!("/{ACME_ID}/invites"), 5),
    ] {
        let (admitted, refused) = until_refused(&sync, &path).await;
        assert_eq!(admitted, limit, "{path}");
        assert_eq!(refused.header("retry-after"), "60");
    }
}

#[tokio::test]
async fn r28_another_client_is_unaffected_until_the_global_limit() {
    let server = TestServer::with(|config| {
        config.throttle.documented = true;
        config.throttle.global.insert(Class::Groups, 7);
    })
    .await;
    let (sync, other) = (server.sync().await, server.caller(OTHER).await);
    let path = format!("/groups/{ACME_ID}/0");
    assert_eq!(until_refused(&sync, &path).await.0, 5);
    assert_eq!(until_refused(&other, &path).await.0, 2);
}

#[tokio::test]
async fn r29_after_exactly_the_announced_wait_the_request_is_admitted() {
    let server = documented().await;
    let sync = server.sync().await;
    let path = format!("/groups/{ACME_ID}/0");
    for _ in 0..5 {
        sync.get(&path).await;
        server.clock.advance_ms(1_300);
    }
    let refused = sync.get(&path).await;
    let seconds: i64 = refused.header("retry-after").parse().unwrap();
    assert!(seconds >= 1);
    server.clock.advance_ms(seconds * 1_000 - 1_001);
    assert_eq!(sync.get(&path).await.status, 429);
    server.clock.advance_ms(1_001);
    assert_eq!(sync.get(&path).await.status, 200);
}

#[tokio::test]
async fn r30_failed_authentication_costs_nothing() {
    let server = documented().await;
    let sync = server.sync().await;
    let path = format!("/groups/{ACME_ID}/0");
    for _ in 0..20 {
        assert_eq!(
            server
                .send(Ask::get(&api(&path)).auth(SYNC, "garbage"))
                .await
                .status,
            401
        );
    }
    assert_eq!(until_refused(&sync, &path).await.0, 5);
}

#[tokio::test]
async fn r31_a_limit_of_zero_is_none_and_touches_no_other() {
    let server = TestServer::with(|config| {
        config.throttle = Throttle {
            documented: true,
            per_client: [(Class::Groups, 0)].into(),
            global: [(Class::Groups, 0)].into(),
        };
    })
    .await;
    let sync = server.sync().await;
    for _ in 0..120 {
        assert_eq!(sync.get(&format!("/groups/{ACME_ID}/0")).await.status, 200);
    }
    assert_eq!(until_refused(&sync, &format!("/{ACME_ID}/products")).await.0, 5);
}

#[tokio::test]
async fn token_requests_have_a_limit_where_the_others_hold() {
    let server = documented().await;
    for _ in 0..60 {
        assert_eq!(server.send(token_request(SYNC)).await.status, 200);
    }
    let refused = server.send(token_request(SYNC)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "60")
    );
    assert_eq!(
        refused.json(),
        json!({"error": "too_many_requests", "error_description": "Too many requests"})
    );
    assert!(!refused.header("x-debug-id").is_empty());
    assert_eq!(server.send(token_request(OTHER)).await.status, 200);
}

#[tokio::test]
async fn wrong_secrets_use_up_nothing_of_the_client_whose_id_they_come_with() {
    let server = documented().await;
    let wrong = || {
        Ask::post("/ims/token/v3").form(&format!(
            "client_id={SYNC}&client_secret=p8e-guessed&grant_type=client_credentials"
        ))
    };
    for n in 0..60 {
        assert_eq!(server.send(wrong()).await.status, 401, "{n}");
    }
    let refused = server.send(wrong()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "60")
    );
    for _ in 0..60 {
        assert_eq!(server.send(token_request(SYNC)).await.status, 200);
    }
    assert_eq!(server.send(token_request(SYNC)).await.status, 429);
    server.clock.advance_ms(60_000);
    assert_eq!(server.send(wrong()).await.status, 401);
}
