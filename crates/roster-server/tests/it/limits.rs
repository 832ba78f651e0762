//! Protection against overload and slow clients.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::support::{ACME_ID, Ask, SYNC, TestServer, api, token_request};

fn slow() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>())
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = TestServer::with(|config| config.guard.body_timeout = Duration::from_millis(30)).await;
    let sync = server.sync().await;
    let request = Request::post(api(&format!("/action/{ACME_ID}")))
        .header("x-api-key", SYNC)
        .header("authorization", format!("Bearer {}", sync.token))
        .body(slow());
    let answer = server.send_request(request.unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("connection")),
        (408, "close")
    );
    let request = Request::post("/ims/token/v2").body(slow()).unwrap();
    let answer = server.send_request(request).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"].as_str()),
        (408, Some("bad_request"))
    );
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_up_however_steadily_it_comes() {
    let server = TestServer::with(|config| config.guard.body_timeout = Duration::from_millis(100)).await;
    let sync = server.sync().await;
    let trickle = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"[")), ()))
    });
    let request = Request::post(api(&format!("/action/{ACME_ID}")))
        .header("x-api-key", SYNC)
        .header("authorization", format!("Bearer {}", sync.token))
        .body(Body::from_stream(trickle));
    let answer = server.send_request(request.unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("connection")),
        (408, "close")
    );
}

#[tokio::test]
async fn beyond_what_can_be_worked_on_callers_are_asked_to_come_back() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let busy = TestServer::with(|config| config.guard.max_in_flight = 0).await;
    let answer = busy.send(token_request(SYNC)).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "2"));
    assert_eq!(answer.json()["error"], "service_unavailable");
    assert_eq!(busy.send(Ask::get("/status")).await.status, 200);
    drop(token);

    let small = TestServer::with(|config| config.guard.max_body_bytes = 10).await;
    let answer = small.send(token_request(SYNC)).await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn a_server_that_stops_refuses_new_work() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    server.app.stop();
    let answer = sync.get(&format!("/users/{ACME_ID}/0")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "2"));
    assert_eq!(
        answer.json(),
        json!({"error_code": "503000", "message": "Service unavailable"})
    );
    assert_eq!(server.send(Ask::get("/readyz")).await.status, 503);
    assert_eq!(server.send(Ask::get("/livez")).await.status, 200);
}

#[tokio::test]
async fn token_bodies_over_64_kilobytes_are_bad_requests() {
    let server = TestServer::new().await;
    let answer = server
        .send(Ask::post("/ims/token/v2").form(&format!("client_id={}", "x".repeat(70_000))))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"].as_str()),
        (400, Some("bad_request"))
    );
}
