//! The secrets of integrations and their rotation (ims.md 9).

use http::Method;
use serde_json::json;

use crate::support::{ACME_ID, Ask, NOW, OTHER, SYNC, TRUSTEES, TestServer, secret};

fn path(client: &str) -> String {
    format!("/console/organizations/{ACME_ID}/credentials/{client}/secrets")
}

/// A token that may manage secrets.
async fn manager(server: &TestServer) -> String {
    let ask = Ask::post("/ims/token/v2").form(&format!(
        "client_id={SYNC}&client_secret={}&grant_type=client_credentials&scope=manage_client_secrets",
        secret(SYNC)
    ));
    server.send(ask).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn ask_token(client_secret: &str) -> Ask {
    Ask::post("/ims/token/v2").form(&format!(
        "client_id={SYNC}&client_secret={client_secret}&grant_type=client_credentials"
    ))
}

#[tokio::test]
async fn r315_r316_r342_r343_a_secret_is_rotated_without_interruption() {
    let server = TestServer::new().await;
    let token = manager(&server).await;
    let list = server.send(Ask::get(&path(SYNC)).auth(SYNC, &token)).await;
    assert_eq!(
        list.json(),
        json!({
            "client_id": SYNC,
            "client_secrets": [{
                "uuid": "00000000-0000-4000-a000-000000000001",
                "created_at": NOW.to_string(),
                "created_at_str": "2026-11-24T12:00:00Z",
                "expires_at": "PERMANENT",
                "expires_at_str": "PERMANENT",
                "secret_usages": [{"last_used_at": NOW.to_string(), "grant_type": "client_credentials"}],
            }],
        })
    );
    assert_eq!(list.header("cache-control"), "no-store");

    let made = server.send(Ask::post(&path(SYNC)).auth(SYNC, &token)).await;
    assert_eq!(made.status, 201, "{}", made.show());
    let made = made.json();
    assert_eq!(
        (made["client_id"].as_str(), made["secret_usages"].is_null()),
        (Some(SYNC), true)
    );
    let second = made["client_secret"].as_str().unwrap().to_owned();
    assert!(second.starts_with("p8e-") && second.len() == 36);
    for works in [secret(SYNC), second.clone()] {
        assert_eq!(server.send(ask_token(&works)).await.status, 200);
    }
    let third = server.send(Ask::post(&path(SYNC)).auth(SYNC, &token)).await;
    assert_eq!(
        (third.status.as_u16(), third.json()["error"].as_str()),
        (400, Some("max_secrets"))
    );
    let listed = server.send(Ask::get(&path(SYNC)).auth(SYNC, &token)).await;
    assert_eq!(listed.json()["client_secrets"].as_array().unwrap().len(), 2);
    assert!(!listed.show().contains(&second), "its value is told once");

    let first = "00000000-0000-4000-a000-000000000001";
    let delete = |uuid: &str| Ask::new(Method::DELETE, &format!("{}/{uuid}", path(SYNC))).auth(SYNC, &token);
    assert_eq!(server.send(delete("unknown")).await.status, 404);
    assert_eq!(server.send(delete(first)).await.status, 204);
    assert_eq!(
        server.send(ask_token(&secret(SYNC))).await.status,
        401,
        "it fails at once"
    );
    assert_eq!(server.send(ask_token(&second)).await.status, 200);
    let only = server.send(delete(made["uuid"].as_str().unwrap())).await;
    assert_eq!(
        (only.status.as_u16(), only.json()["error"].as_str()),
        (400, Some("last_secret"))
    );
    assert_eq!(
        server.send(Ask::get(&path(SYNC)).auth(SYNC, &token)).await.status,
        200,
        "R336"
    );
}

#[tokio::test]
async fn only_tokens_with_the_scope_and_of_the_same_organization_manage_secrets() {
    let server = TestServer::new().await;
    let without = server.token(SYNC).await;
    let refused = server.send(Ask::get(&path(SYNC)).auth(SYNC, &without)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["error_code"].as_str()),
        (403, Some("403003"))
    );
    let token = manager(&server).await;
    assert_eq!(
        server
            .send(Ask::get(&path(OTHER)).auth(SYNC, &token))
            .await
            .status,
        200
    );
    for stranger in [TRUSTEES, "unknown"] {
        assert_eq!(
            server
                .send(Ask::get(&path(stranger)).auth(SYNC, &token))
                .await
                .status,
            404
        );
    }
    let foreign = path(TRUSTEES).replace(ACME_ID, crate::support::TRUSTEE_ID);
    assert_eq!(
        server.send(Ask::get(&foreign).auth(SYNC, &token)).await.status,
        401
    );
}
