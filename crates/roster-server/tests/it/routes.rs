//! K7: every route, every method, every kind of caller, own and other organization; exactly the expected status.
//!
//! [`granted`] has no catch-all: a new route does not compile before somebody has said what it answers.

use std::collections::BTreeSet;

use http::Method;
use roster_server::route::{API_SCOPE, Access, ROUTES, Route, Row};

use crate::support::{
    ACME_ID, Ask, OTHER, STRANGERS, SYNC, TRUSTEE_ID, TRUSTEES, TestServer, secret, token_request,
};

/// What a caller with every right is answered, with `nothing` for every name in the path and no body.
fn granted(route: Route, method: &Method) -> u16 {
    let get = *method == Method::GET;
    match route {
        Route::Status
        | Route::Livez
        | Route::Readyz
        | Route::OpenApi
        | Route::Keys
        | Route::Discovery
        | Route::Users
        | Route::Groups
        | Route::OldUsers
        | Route::OldProducts
        | Route::OldInvites => 200,
        // Not from a known address, and without the token from the settings.
        Route::Metrics => 403,
        Route::TokenV2
        | Route::TokenV3
        | Route::ExchangeJwt
        | Route::ValidateToken
        | Route::Revoke
        | Route::Action => 400,
        Route::Secrets => {
            if get {
                200
            } else {
                201
            }
        }
        Route::Secret
        | Route::UsersByGroup
        | Route::User
        | Route::OldUserGroupUsers
        | Route::OldUserGroupAdmins
        | Route::OldProduct
        | Route::OldProfiles
        | Route::OldProfileUsers
        | Route::OldProfileAdmins
        | Route::OldInvite
        | Route::OldProductAdmin
        | Route::OldUserGroup
        | Route::OldProfile => 404,
        Route::OldUserGroups => {
            if get {
                200
            } else {
                400
            }
        }
    }
}

/// Paths of a row for an organization.
fn paths(row: &Row, org: &str) -> Vec<String> {
    let fill = |path: &&str| {
        let known = path
            .replace("{orgId}", org)
            .replace("{page}", "0")
            .replace("{credentialId}", SYNC);
        let segments = known.split('/');
        let filled = segments.map(|part| if part.starts_with('{') { "nothing" } else { part });
        filled.collect::<Vec<_>>().join("/")
    };
    std::iter::once(&row.path).chain(row.aliases).map(fill).collect()
}

/// Somebody who asks: a name, what is sent, and the status where nothing is granted.
struct Caller {
    name: &'static str,
    key: Option<String>,
    token: Option<String>,
    org: &'static str,
    refused: u16,
}

/// Everybody who may not: states of the key and the token, and organizations.
async fn strangers(server: &TestServer, scope: &str) -> Vec<Caller> {
    let good = scoped(server, SYNC, scope).await;
    let revoked = scoped(server, SYNC, scope).await;
    let revoke = format!("client_id={SYNC}&client_secret={}&token={revoked}", secret(SYNC));
    assert_eq!(
        server.send(Ask::post("/ims/revoke").form(&revoke)).await.status,
        200
    );
    let other_scope = if scope == API_SCOPE {
        "manage_client_secrets"
    } else {
        API_SCOPE
    };
    let caller = |name, key: Option<&str>, token: Option<&str>, org, refused| Caller {
        name,
        key: key.map(str::to_owned),
        token: token.map(str::to_owned),
        org,
        refused,
    };
    let malformed = "nothing";
    vec![
        caller("nobody", None, None, ACME_ID, 403),
        caller("a token without a key", None, Some(&good), ACME_ID, 403),
        caller("a key without a token", Some(SYNC), None, ACME_ID, 401),
        caller("an unknown key", Some("unknown"), Some(&good), ACME_ID, 403),
        caller("a forged token", Some(SYNC), Some("x.y.z"), ACME_ID, 401),
        caller("a revoked token", Some(SYNC), Some(&revoked), ACME_ID, 401),
        caller(
            "another integration's token",
            Some(SYNC),
            Some(&scoped(server, OTHER, scope).await),
            ACME_ID,
            403,
        ),
        caller(
            "a token without the scope",
            Some(SYNC),
            Some(&scoped(server, SYNC, other_scope).await),
            ACME_ID,
            403,
        ),
        caller(
            "another organization's path",
            Some(SYNC),
            Some(&good),
            TRUSTEE_ID,
            401,
        ),
        caller(
            "another organization's integration",
            Some(TRUSTEES),
            Some(&scoped(server, TRUSTEES, scope).await),
            ACME_ID,
            401,
        ),
        caller(
            "a stranger",
            Some(STRANGERS),
            Some(&scoped(server, STRANGERS, scope).await),
            ACME_ID,
            401,
        ),
        caller("no organization's id", Some(SYNC), Some(&good), malformed, 400),
    ]
}

async fn scoped(server: &TestServer, client: &str, scope: &str) -> String {
    let form = format!(
        "client_id={client}&client_secret={}&grant_type=client_credentials&scope={scope}",
        secret(client)
    );
    let answer = server.send(Ask::post("/ims/token/v2").form(&form)).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn ask(method: &Method, path: &str, key: Option<&str>, token: Option<&str>) -> Ask {
    let mut ask = Ask::new(method.clone(), path);
    if let Some(key) = key {
        ask = ask.header("x-api-key", key);
    }
    if let Some(token) = token {
        ask = ask.header("authorization", &format!("Bearer {token}"));
    }
    ask
}

#[tokio::test]
async fn k7_every_route_answers_every_caller_with_exactly_the_expected_status() {
    let server = TestServer::new().await;
    let mut problems = Vec::new();
    let mut asked = 0;
    let seen: BTreeSet<Route> = ROUTES.iter().map(|row| row.route).collect();
    assert_eq!(seen.len(), ROUTES.len(), "a route stands once in the table");
    for scope in [API_SCOPE, "manage_client_secrets"] {
        let callers = strangers(&server, scope).await;
        let good = scoped(&server, SYNC, scope).await;
        for row in ROUTES.iter().filter(|row| row.access == Access::Token(scope)) {
            for method in row
                .methods
                .iter()
                .chain((row.allows(&Method::GET)).then_some(&Method::HEAD))
            {
                for caller in &callers {
                    for path in paths(row, caller.org) {
                        let request = ask(method, &path, caller.key.as_deref(), caller.token.as_deref());
                        let status = server.send(request).await.status.as_u16();
                        asked += 1;
                        if status != caller.refused {
                            problems.push(format!("{method} {path} by {}: {status}", caller.name));
                        }
                    }
                }
                for path in paths(row, ACME_ID) {
                    let status = server
                        .send(ask(method, &path, Some(SYNC), Some(&good)))
                        .await
                        .status
                        .as_u16();
                    let as_get = if method == Method::HEAD {
                        &Method::GET
                    } else {
                        method
                    };
                    if status != granted(row.route, as_get) {
                        problems.push(format!("{method} {path} with every right: {status}"));
                    }
                }
            }
        }
    }
    // Without credentials of an integration nothing is granted where they are asked for; what is open is open.
    for row in ROUTES
        .iter()
        .filter(|row| !matches!(row.access, Access::Token(_)))
    {
        for method in row.methods {
            for path in paths(row, ACME_ID) {
                for key in [None, Some(SYNC)] {
                    let status = server.send(ask(method, &path, key, None)).await.status.as_u16();
                    if status != granted(row.route, method) {
                        problems.push(format!("{method} {path} by anybody: {status}"));
                    }
                }
                let wrong =
                    format!("client_id={SYNC}&client_secret=wrong&grant_type=client_credentials&token=x");
                let status = server
                    .send(Ask::new(method.clone(), &path).form(&wrong))
                    .await
                    .status
                    .as_u16();
                if row.access == Access::Credentials && status != 401 {
                    problems.push(format!("{method} {path} with a wrong secret: {status}"));
                }
            }
        }
    }
    // Methods without a meaning are told apart from paths without one, for everybody.
    for row in ROUTES {
        for method in [
            Method::PATCH,
            Method::DELETE,
            Method::PUT,
            Method::POST,
            Method::TRACE,
        ] {
            if !row.allows(&method) {
                let path = &paths(row, ACME_ID)[0];
                let status = server.send(ask(&method, path, None, None)).await.status.as_u16();
                if status != 405 {
                    problems.push(format!("{method} {path}: {status}"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(asked > 300, "{asked}");
}

#[tokio::test]
async fn k7_no_route_answers_an_integration_that_was_switched_off_or_a_token_that_has_ended() {
    let server = TestServer::new().await;
    let token = server.token(SYNC).await;
    let rows = || ROUTES.iter().filter(|row| matches!(row.access, Access::Token(_)));
    let asked = |row: &Row| ask(&row.methods[0], &paths(row, ACME_ID)[0], Some(SYNC), Some(&token));
    server
        .set_integration(SYNC, |settings| settings.enabled = false)
        .await;
    for row in rows() {
        let status = server.send(asked(row)).await.status.as_u16();
        assert_eq!(status, 403, "{} by an integration switched off", row.path);
    }
    assert_eq!(server.send(token_request(SYNC)).await.status, 400);
    server
        .set_integration(SYNC, |settings| settings.enabled = true)
        .await;
    server.clock.advance_ms(90_000_000);
    for row in rows() {
        let status = server.send(asked(row)).await.status.as_u16();
        assert_eq!(status, 401, "{} with an expired token", row.path);
    }
}
