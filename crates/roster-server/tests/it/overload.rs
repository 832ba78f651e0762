//! More than can be done: what waits is bounded, what is refused says when to come back, and numbers do not grow with
//! what strangers send.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use roster_server::{App, router};
use roster_store::{Location, Options, Store, StoreError};
use serde_json::json;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::support::{ACME_ID, Ask, SYNC, TestServer, api, create, metrics};

/// Somebody holds the writer up until the test lets go.
async fn hold_up(store: Store) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (begun, has_begun) = mpsc::channel();
    let (let_go, held) = mpsc::channel::<()>();
    let blocking = tokio::spawn(async move {
        store
            .write(Vec::new(), move |_| {
                begun.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || has_begun.recv())
        .await
        .unwrap()
        .unwrap();
    (let_go, blocking)
}

#[tokio::test]
async fn k11_a_full_write_queue_is_answered_at_once_and_does_not_grow() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let options = Options {
        queue: 4,
        ..Options::default()
    };
    let location = Location::Sqlite(server.config.data_dir.clone().unwrap().join("roster.db"));
    let store = Store::open(location, options).await.unwrap();
    let app = App::new(server.config.clone(), store.clone()).await.unwrap();
    let narrow = router(app);
    let (let_go, blocking) = hold_up(store.clone()).await;
    let ask = |n: usize| {
        let body = json!([create(&format!("w{n}@example.com"))]).to_string();
        let request = Request::post(api(&format!("/action/{ACME_ID}")))
            .header("x-api-key", SYNC)
            .header("authorization", format!("Bearer {token}"));
        narrow.clone().oneshot(request.body(Body::from(body)).unwrap())
    };
    let waiting: Vec<_> = (0..4).map(|n| tokio::spawn(ask(n))).collect();
    while store.queued() < 4 {
        tokio::task::yield_now().await;
    }
    for n in 0..500 {
        let answer = ask(100 + n).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "2");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"error_code":"503000","message":"Service unavailable"}"#);
        assert_eq!(store.queued(), 4, "nothing more waits than may wait");
    }
    let read = Request::get(api(&format!("/users/{ACME_ID}/0")))
        .header("x-api-key", SYNC)
        .header("authorization", format!("Bearer {token}"));
    let read = narrow
        .clone()
        .oneshot(read.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(read.status(), 200, "reading goes on");
    let page = metrics(&narrow).await;
    for line in [
        "roster_store_queue_depth 4",
        r#"roster_refusals_total{of="request",code="503000"} 500"#,
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }

    let_go.send(()).unwrap();
    blocking.await.unwrap().unwrap();
    for answer in waiting {
        assert_eq!(
            answer.await.unwrap().unwrap().status(),
            200,
            "who could wait was served"
        );
    }
    assert_eq!(store.queued(), 0);
    assert_eq!(ask(999).await.unwrap().status(), 200, "and so is everybody again");
}

#[tokio::test]
async fn k11_changes_that_wait_leave_room_for_reading() {
    let mut server = TestServer::with(|config| config.guard.max_in_flight = 8).await;
    let token = server.token(SYNC).await;
    let location = Location::Sqlite(server.config.data_dir.clone().unwrap().join("roster.db"));
    let store = Store::open(location, Options::default()).await.unwrap();
    server.app = App::new(server.config.clone(), store.clone()).await.unwrap();
    let ask = router(server.app.clone());
    let (let_go, blocking) = hold_up(store.clone()).await;

    let change = |n: usize| {
        let body = json!([create(&format!("w{n}@example.com"))]).to_string();
        let request = Request::post(api(&format!("/action/{ACME_ID}")))
            .header("x-api-key", SYNC)
            .header("authorization", format!("Bearer {token}"));
        ask.clone().oneshot(request.body(Body::from(body)).unwrap())
    };
    let waiting: Vec<_> = (0..6).map(|n| tokio::spawn(change(n))).collect();
    while store.queued() < 6 {
        tokio::task::yield_now().await;
    }
    for n in 10..20 {
        let refused = tokio::time::timeout(Duration::from_secs(10), change(n)).await;
        assert_eq!(refused.expect("nobody waits").unwrap().status(), 503);
        let asked =
            Request::post("/ims/token/v3").header("content-type", "application/x-www-form-urlencoded");
        let asked = ask
            .clone()
            .oneshot(asked.body(Body::from("client_id=x")).unwrap());
        let refused = tokio::time::timeout(Duration::from_secs(10), asked).await;
        assert_eq!(refused.expect("nor who wants a token").unwrap().status(), 503);
        let read = Request::get(api(&format!("/users/{ACME_ID}/0")))
            .header("x-api-key", SYNC)
            .header("authorization", format!("Bearer {token}"));
        let read = ask
            .clone()
            .oneshot(read.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(read.status(), 200);
    }
    let_go.send(()).unwrap();
    blocking.await.unwrap().unwrap();
    for answer in waiting {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn k11_strangers_cannot_add_numbers() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance
    };
    // Asking for the numbers is counted as well.
    server.metrics().await;
    let mut series = Vec::new();
    for round in 0..2 {
        for _ in 0..if round == 0 { 3_000 } else { 10_000 } {
            let n = next();
            let method = match n % 5 {
                0 => Method::from_bytes(format!("M{n:X}").as_bytes()).unwrap(),
                1 => Method::POST,
                2 => Method::DELETE,
                _ => Method::GET,
            };
            let path = match (n >> 8) % 7 {
                0 => format!("/{n:x}/{n}"),
                1 => format!("/v2/usermanagement/users/{n:X}@AdobeOrg/0"),
                2 => api(&format!("/users/{ACME_ID}/0/{n:x}")),
                3 => api(&format!("/{ACME_ID}/user-groups/{n}")),
                4 => format!("/ims/token/v2?client_id={n:032x}&grant_type={n}"),
                5 => format!("/ims/{n}"),
                _ => api(&format!("/action/{ACME_ID}?x={n}")),
            };
            let key = if n % 3 == 0 {
                SYNC.to_owned()
            } else {
                format!("{n:032x}")
            };
            let body = json!([{"user": format!("{n}@example.com"), "do": [{format!("step{n}"): {}}]}]);
            let ask = Ask::new(method, &path)
                .auth(&key, &token)
                .header("user-agent", &format!("agent {n}"))
                .header("x-request-id", &n.to_string())
                .body(body.to_string());
            let status = server.send(ask).await.status;
            assert!(status != 500, "{path}");
        }
        let page = server.metrics().await;
        // The name and labels of each, without its value.
        let names = page
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let names = names.filter_map(|line| line.rsplit_once(' '));
        series.push(names.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>());
    }
    let more: Vec<_> = series[1].difference(&series[0]).collect();
    assert!(more.is_empty(), "10,000 more requests and more series: {more:#?}");
    assert!(series[1].len() < 400, "{}", series[1].len());
}
