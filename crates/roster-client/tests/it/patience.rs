//! Waiting, trying again, giving up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use roster_client::{Client, ClientError, Event, Host, UserQuery};

use crate::server::{Ears, Reply, Server, TOKEN};

const NOBODY: &str = r#"{"result":"success","lastPage":true,"users":[]}"#;

#[tokio::test]
async fn temporary_answers_are_tried_again() {
    for status in [429, 502, 503, 504] {
        let server = Server::start(move |number, _| match number {
            1 | 2 => Reply::status(status, ""),
            _ => Reply::json(NOBODY),
        })
        .await;
        server
            .client()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap();
        assert_eq!(server.requests().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn other_answers_are_not_tried_again() {
    for status in [400, 403, 500, 501] {
        let server = Server::start(move |_, _| Reply::status(status, "")).await;
        let error = server
            .client()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("said: no"), "{error}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_server_names_the_wait_and_the_observer_hears_of_it() {
    let server = Server::start(|number, _| match number {
        1 => Reply::status(429, "Retry-After: 1\r\n"),
        _ => Reply::json(NOBODY),
    })
    .await;
    let ears = Arc::new(Ears::default());
    let mut config = server.config();
    config.observer = Arc::clone(&ears) as _;
    let began = Instant::now();
    Client::new(config)
        .unwrap()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    let heard = ears.0.lock().unwrap().clone();
    assert_eq!(
        heard,
        [
            Event::Token,
            Event::Throttled {
                status: 429,
                attempt: 1
            },
            Event::Waiting {
                pause: Duration::from_secs(1),
                asked: true
            },
        ]
    );
}

#[tokio::test]
async fn giving_up_tells_how_often_it_was_tried() {
    let server = Server::start(|_, _| Reply::status(503, "")).await;
    let error = server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Unavailable { attempts: 3, .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .starts_with("Server unavailable: Made 3 attempts over 0 seconds"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wait_longer_than_allowed_is_an_error_that_says_both_numbers() {
    let server = Server::start(|_, _| Reply::status(429, "Retry-After: 9000\r\n")).await;
    let error = server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("9000 seconds, more than the 7200 allowed"),
        "{error}"
    );
}

#[tokio::test]
async fn broken_connections_are_tried_again() {
    let server = Server::start(|number, _| match number {
        1 => Reply::status(0, ""),
        _ => Reply::json(NOBODY),
    })
    .await;
    server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(|_, _| Reply::json(NOBODY)).await;
    let mut config = server.config();
    config.host = Host::new(&format!("http://{}", listener.local_addr().unwrap()));
    config.timeout = Some(Duration::from_millis(50));
    config.attempts = 2;
    let error = Client::new(config)
        .unwrap()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Unavailable { attempts: 2, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = Server::start(|number, request| {
        assert_eq!(request.header("authorization"), Some("Bearer t0"));
        if number == 1 {
            Reply::status(401, "")
        } else {
            Reply::json(NOBODY)
        }
    })
    .await;
    server
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    let stubborn = Server::start(|_, _| Reply::status(401, "")).await;
    let error = stubborn
        .client()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error:?}");
    assert_eq!(stubborn.requests().len(), 2);
}

#[tokio::test]
async fn requests_say_who_asks_and_carry_an_id_of_their_own() {
    let server = Server::start(|_, _| Reply::json(NOBODY)).await;
    let client = server.client();
    client.users(&UserQuery::everybody()).next().await.unwrap();
    client.groups().next().await.unwrap_or_default();
    let requests = server.requests();
    assert_eq!(requests[0].header("x-api-key"), Some("id"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let id = requests[0].header("x-request-id").unwrap();
    let (process, millis) = id.split_once('_').unwrap();
    assert_eq!(process.len(), 32);
    assert!(millis.parse::<u64>().unwrap() > 1_600_000_000_000);
    assert!(TOKEN.contains("t0"));
}

#[tokio::test]
async fn a_proxy_is_used_except_for_the_hosts_that_are_excepted() {
    let server = Server::start(|_, _| Reply::json(NOBODY)).await;
    let mut config = server.config();
    config.host = Host::new("http://service.invalid");
    config.proxies.http = Some(roster_client::Secret::new(server.url.clone()));
    config.proxies.except = Some("127.0.0.1".to_owned());
    Client::new(config)
        .unwrap()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
    assert!(
        server.requests()[0]
            .line
            .starts_with("GET http://service.invalid/v2/"),
        "{:?}",
        server.requests()
    );
    let mut direct = server.config();
    direct.proxies.http = Some(roster_client::Secret::new("http://127.0.0.1:1"));
    direct.proxies.except = Some("127.0.0.1".to_owned());
    Client::new(direct)
        .unwrap()
        .users(&UserQuery::everybody())
        .next()
        .await
        .unwrap();
}
