//! The server about itself: health, numbers, its description, its log.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Once;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request};
use roster_server::config::Secret;
use roster_server::route::{Access, ROUTES};
use serde_json::{Value, json};

use crate::support::{ACME_ID, Answer, Ask, SYNC, TestServer, api, create, secret, token_request};

#[tokio::test]
async fn health_is_told_to_supervisors() {
    let server = TestServer::new().await;
    assert_eq!(
        server.send(Ask::get("/livez")).await.json(),
        json!({"live": true})
    );
    assert_eq!(
        server.send(Ask::get("/readyz")).await.json(),
        json!({"ready": true})
    );
}

async fn metrics_from(server: &TestServer, peer: [u8; 4], token: Option<&str>) -> Answer {
    let mut request = Request::get("/metrics");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut request = request.body(Body::empty()).unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from((peer, 1))));
    server.send_request(request).await
}

#[tokio::test]
async fn numbers_are_for_this_machine_and_for_those_with_the_token() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([create("ana@example.com")])).await;
    let local = metrics_from(&server, [127, 0, 0, 1], None).await;
    assert_eq!(local.status, 200);
    let page = String::from_utf8(local.body).unwrap();
    for line in [
        r#"roster_http_requests_total{route="/v2/usermanagement/action/{orgId}",method="POST",status="200"} 1"#,
        r#"roster_commands_total{result="completed"} 1"#,
        "roster_store_commits_total ",
        r#"roster_tokens_issued_total{grant="client_credentials"} 1"#,
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    assert_eq!(metrics_from(&server, [10, 0, 0, 1], None).await.status, 403);
    assert_eq!(
        metrics_from(&server, [10, 0, 0, 1], Some("")).await.status,
        403,
        "there is no token to know"
    );
    assert_eq!(
        server.send(Ask::get("/metrics")).await.status,
        403,
        "nobody knows where that came from"
    );
    let with_token = TestServer::with(|config| config.metrics_token = Some(Secret::new("canary"))).await;
    for peer in [[10, 0, 0, 1], [127, 0, 0, 1]] {
        for (token, status) in [(None, 403), (Some("wrong"), 403), (Some("canary"), 200)] {
            let answer = metrics_from(&with_token, peer, token).await;
            assert_eq!(answer.status, status, "{token:?} from {peer:?}");
        }
    }
}

thread_local! {
    /// What was logged on this thread. A test runs on one thread; others log elsewhere.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OnThisThread;

impl std::io::Write for OnThisThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs everything there is to log, for the rest of this process.
fn log_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| OnThisThread)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

#[tokio::test]
async fn r307_every_request_is_one_line_without_secrets_and_names() {
    log_everything();
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let query = format!(
        "/ims/token/v2?client_id={SYNC}&client_secret={}&grant_type=client_credentials",
        secret(SYNC)
    );
    assert_eq!(server.send(Ask::post(&query)).await.status, 200);
    server
        .send(Ask::post(
            "/ims/token/v2?client_secret=p8e-canary-wrong&p8e-canary-name&client_id=x",
        ))
        .await;
    sync.send(
        Ask::get(&api(&format!(
            "/organizations/{ACME_ID}/users/canary@example.com"
        )))
        .header("x-request-id", "r-7"),
    )
    .await;
    sync.send(Ask::get(&api("/canary/unknown"))).await;
    let log = String::from_utf8(LOGGED.take()).unwrap();
    for canary in [secret(SYNC), "canary".to_owned(), sync.token.clone()] {
        assert!(!log.contains(&canary), "{canary} in\n{log}");
    }
    let access: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["target"] == "roster::access")
        .collect();
    assert_eq!(access.len(), 5, "{log}");
    let line = access
        .iter()
        .find(|line| line["fields"]["request.id"] == "r-7")
        .unwrap();
    let fields = &line["fields"];
    assert_eq!(
        fields["http.route"],
        "/v2/usermanagement/organizations/{orgId}/users/{userString*}"
    );
    assert_eq!(
        (fields["http.status"].clone(), fields["client.id"].clone()),
        (json!(404), json!(SYNC))
    );
    assert!(fields["duration_ms"].is_u64());
}

#[tokio::test]
async fn answers_fit_the_description() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        create("ana@example.com"),
        {"user": "ana@example.com", "do": [{"add": {"group": ["Design Team", "Photo Suite Standard", "_admin_Design Team"]}}]}]))
    .await;
    let document = server.send(Ask::get("/openapi.json")).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let product = format!("/v2/usermanagement/{ACME_ID}/products/{:020X}", 15);
    let profile = format!("{product}/configurations/{:020X}", 151);
    let users = api(&format!("/users/{ACME_ID}/0"));
    let action = Ask::post(&api(&format!("/action/{ACME_ID}"))).body(
        json!([{"user": "x@example.com", "do": [{"add": {"product": ["y"]}}]}, {"user": 5}]).to_string(),
    );
    let validate = format!(
        "/ims/validate_token/v1?type=access_token&client_id={SYNC}&token={}",
        sync.token
    );
    let group = api(&format!("/{ACME_ID}/user-groups/101"));
    let cases = [
        (Ask::get("/status"), "/status"),
        (Ask::get("/livez"), "/livez"),
        (Ask::get("/readyz"), "/readyz"),
        (token_request(SYNC), "/ims/token/v2"),
        (Ask::post("/ims/token/v3"), "/ims/token/v3"),
        (Ask::post("/ims/exchange/jwt"), "/ims/exchange/jwt"),
        (Ask::get(&validate), "/ims/validate_token/v1"),
        (Ask::get("/ims/keys"), "/ims/keys"),
        (
            Ask::get("/ims/.well-known/openid-configuration"),
            "/ims/.well-known/openid-configuration",
        ),
        (action, "/v2/usermanagement/action/{orgId}"),
        (Ask::get(&users), "/v2/usermanagement/users/{orgId}/{page}"),
        (
            Ask::get(&api(&format!("/users/{ACME_ID}/x"))),
            "/v2/usermanagement/users/{orgId}/{page}",
        ),
        (
            Ask::get(&format!("{users}/Design%20Team")),
            "/v2/usermanagement/users/{orgId}/{page}/{groupName}",
        ),
        (
            Ask::get(&format!("{users}/Nope")),
            "/v2/usermanagement/users/{orgId}/{page}/{groupName}",
        ),
        (
            Ask::get(&api(&format!("/organizations/{ACME_ID}/users/ana@example.com"))),
            "/v2/usermanagement/organizations/{orgId}/users/{userString}",
        ),
        (
            Ask::get(&api(&format!("/groups/{ACME_ID}/0"))),
            "/v2/usermanagement/groups/{orgId}/{page}",
        ),
        (
            Ask::get(&api(&format!("/groups/{ACME_ID}/9"))),
            "/v2/usermanagement/groups/{orgId}/{page}",
        ),
        (
            Ask::get(&api(&format!("/{ACME_ID}/users"))),
            "/v2/usermanagement/{orgId}/users",
        ),
        (
            Ask::get(&api(&format!("/{ACME_ID}/user-groups"))),
            "/v2/usermanagement/{orgId}/user-groups",
        ),
        (
            Ask::get(&group),
            "/v2/usermanagement/{orgId}/user-groups/{groupId}",
        ),
        (
            Ask::new(Method::PUT, &group).body("{}"),
            "/v2/usermanagement/{orgId}/user-groups/{groupId}",
        ),
        (
            Ask::get(&format!("{group}/users")),
            "/v2/usermanagement/{orgId}/user-groups/{groupId}/users",
        ),
        (
            Ask::get(&format!("{group}/admins")),
            "/v2/usermanagement/{orgId}/user-groups/{groupId}/admins",
        ),
        (
            Ask::get(&api(&format!("/{ACME_ID}/products"))),
            "/v2/usermanagement/{orgId}/products",
        ),
        (
            Ask::get(&product),
            "/v2/usermanagement/{orgId}/products/{productId}",
        ),
        (
            Ask::get(&format!("{product}/configurations")),
            "/v2/usermanagement/{orgId}/products/{productId}/configurations",
        ),
        (
            Ask::get(&profile),
            "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}",
        ),
        (
            Ask::get(&format!("{profile}/users")),
            "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}/users",
        ),
        (
            Ask::get(&api(&format!("/{ACME_ID}/invites"))),
            "/v2/usermanagement/{orgId}/invites",
        ),
    ];
    for (ask, path) in cases {
        let method = ask.method().as_str().to_ascii_lowercase();
        let answer = if path.starts_with("/v2") {
            sync.send(ask).await
        } else {
            server.send(ask).await
        };
        let described = &document["paths"][path][&method]["responses"][answer.status.as_str()];
        let schema = &described["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path} {} is not described",
            answer.status
        );
        fits(&document, schema, &answer.json(), &format!("{method} {path}"));
        if answer.status == 200 {
            for header in described["headers"].as_object().unwrap().keys() {
                assert!(answer.headers.contains_key(header.as_str()), "{header} of {path}");
            }
        }
    }
}

/// Whether a value fits a schema, as far as our schemas use the vocabulary.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return fits(document, &document["components"]["schemas"][name], value, place);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => panic!("{place}: a schema without type: {schema}"),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&kind), "{place}: {value} is no {kinds:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value} is none of {words:?}");
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(document, &schema["items"], item, &format!("{place}[{n}]"));
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            fields.contains_key(name.as_str().unwrap()),
            "{place}: {name} is missing in {value}"
        );
    }
    for (name, field) in fields {
        let known = &schema["properties"][name];
        if schema["additionalProperties"] == false {
            assert!(known.is_object(), "{place}: {name} is not described");
        }
        if known.is_object() {
            fits(document, known, field, &format!("{place}.{name}"));
        }
    }
}

#[tokio::test]
async fn k7_every_route_answers_every_kind_of_caller_as_it_should() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let fill = |path: &str, org: &str| {
        path.replace("{orgId}", org)
            .replace("{page}", "0")
            .replace("{credentialId}", SYNC)
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    "nothing"
                } else {
                    segment
                }
            })
            .collect::<Vec<_>>()
            .join("/")
    };
    let foreign = crate::support::TRUSTEE_ID;
    for row in ROUTES {
        let Access::Token(scope) = row.access else {
            continue;
        };
        for path in std::iter::once(&row.path).chain(row.aliases) {
            for method in row.methods {
                let own = || Ask::new(method.clone(), &fill(path, ACME_ID));
                let place = format!("{method} {path}");
                let status = |answer: Answer| answer.status.as_u16();
                assert_eq!(status(server.send(own()).await), 403, "{place} without a key");
                let no_token = own().header("x-api-key", SYNC);
                assert_eq!(
                    status(server.send(no_token).await),
                    401,
                    "{place} without a token"
                );
                assert_eq!(
                    status(server.send(own().auth(SYNC, "x.y.z")).await),
                    401,
                    "{place} forged"
                );
                let with = status(server.send(own().auth(SYNC, &token)).await);
                if scope == roster_server::route::API_SCOPE {
                    assert!(
                        ![401, 403, 405].contains(&with),
                        "{place} with everything: {with}"
                    );
                    let other = Ask::new(method.clone(), &fill(path, foreign)).auth(SYNC, &token);
                    assert_eq!(
                        status(server.send(other).await),
                        401,
                        "{place} of another organization"
                    );
                } else {
                    assert_eq!(with, 403, "{place} without its scope");
                }
            }
        }
    }
    server.clock.advance_ms(90_000_000);
    for row in ROUTES.iter().filter(|row| matches!(row.access, Access::Token(_))) {
        let ask = Ask::new(row.methods[0].clone(), &fill(row.path, ACME_ID)).auth(SYNC, &token);
        assert_eq!(
            server.send(ask).await.status,
            401,
            "{} with an expired token",
            row.path
        );
    }
}
