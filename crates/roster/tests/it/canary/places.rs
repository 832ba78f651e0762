//! The places into which a secret can be put wrongly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::json;

use crate::support::{CLIENT, ORG};

/// Places whose text is told back to whoever sent it, and to nobody else: the documented messages name it.
pub(crate) const TOLD_BACK: [&str; 2] = ["domain in a query", "page in a path"];

/// How a place is filled: target, further lines of the head, body.
pub(crate) type Place = fn(&str) -> (&'static str, String, String, Vec<u8>);

fn q(text: &str) -> String {
    percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string()
}

/// A text as far as a header can hold it.
fn h(text: &str) -> String {
    text.replace(['\n', '\r'], "")
}

pub(crate) fn action() -> String {
    format!("/v2/usermanagement/action/{ORG}")
}

fn group() -> String {
    format!("/v2/usermanagement/{ORG}/user-groups")
}

fn users() -> String {
    format!("/v2/usermanagement/users/{ORG}/0")
}

pub(crate) fn places() -> Vec<(&'static str, Place)> {
    vec![
        ("query of the token endpoint", |s| {
            (
                "POST",
                format!("/ims/token/v2?client_id={CLIENT}&client_secret={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("name in a query", |s| {
            (
                "POST",
                format!("/ims/token/v2?{}=1&client_id={CLIENT}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("client id in a query", |s| {
            (
                "POST",
                format!("/ims/token/v2?client_id={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("grant type in a query", |s| {
            (
                "POST",
                format!("/ims/token/v2?client_id={CLIENT}&password={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("scope in a query", |s| {
            (
                "POST",
                format!("/ims/token/v3?client_id={CLIENT}&scope={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("jwt in a query", |s| {
            (
                "POST",
                format!("/ims/exchange/jwt?client_id={CLIENT}&jwt_token={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("token to validate", |s| {
            (
                "GET",
                format!(
                    "/ims/validate_token/v1?type=access_token&client_id={CLIENT}&token={}",
                    q(s)
                ),
                String::new(),
                vec![],
            )
        }),
        ("token to revoke", |s| {
            (
                "POST",
                format!("/ims/revoke?client_id={CLIENT}&token={}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("query of a list", |s| {
            (
                "GET",
                format!("{}?access_token={}", users(), q(s)),
                String::new(),
                vec![],
            )
        }),
        ("domain in a query", |s| {
            (
                "GET",
                format!("{}?domain={}", users(), q(s)),
                String::new(),
                vec![],
            )
        }),
        ("query of the numbers", |s| {
            ("GET", format!("/metrics?token={}", q(s)), String::new(), vec![])
        }),
        ("broken escapes", |s| {
            ("GET", format!("/status?a=%zz%{}", q(s)), String::new(), vec![])
        }),
        ("unknown path", |s| {
            ("GET", format!("/{}", q(s)), String::new(), vec![])
        }),
        ("path of the token endpoints", |s| {
            ("POST", format!("/ims/{}", q(s)), String::new(), vec![])
        }),
        ("organization in a path", |s| {
            (
                "GET",
                format!("/v2/usermanagement/users/{}/0", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("page in a path", |s| {
            (
                "GET",
                format!("/v2/usermanagement/users/{ORG}/{}", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("credential in a path", |s| {
            (
                "GET",
                format!("/console/organizations/{ORG}/credentials/{}/secrets", q(s)),
                String::new(),
                vec![],
            )
        }),
        ("bearer token", |s| {
            (
                "GET",
                users(),
                format!("Authorization: Bearer {}\r\n", h(s)),
                vec![],
            )
        }),
        ("authorization without a scheme", |s| {
            ("GET", users(), format!("Authorization: {}\r\n", h(s)), vec![])
        }),
        ("basic secret", |s| {
            (
                "POST",
                "/ims/token/v3".to_owned(),
                format!(
                    "Authorization: Basic {}\r\n",
                    STANDARD.encode(format!("{CLIENT}:{s}"))
                ),
                vec![],
            )
        }),
        ("basic user", |s| {
            (
                "POST",
                "/ims/token/v3".to_owned(),
                format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{s}:x"))),
                vec![],
            )
        }),
        ("broken basic", |s| {
            (
                "POST",
                "/ims/token/v3".to_owned(),
                format!("Authorization: Basic {}\r\n", h(s)),
                vec![],
            )
        }),
        ("api key", |s| {
            ("GET", users(), format!("X-Api-Key: {}\r\n", h(s)), vec![])
        }),
        ("client id in a header", |s| {
            (
                "GET",
                "/ims/validate_token/v1?type=access_token&token=x".to_owned(),
                format!("X-IMS-ClientId: {}\r\n", h(s)),
                vec![],
            )
        }),
        ("unknown header", |s| {
            ("GET", users(), format!("X-Client-Secret: {}\r\n", h(s)), vec![])
        }),
        ("cookie", |s| {
            ("GET", users(), format!("Cookie: session={}\r\n", h(s)), vec![])
        }),
        ("referer", |s| {
            (
                "GET",
                users(),
                format!("Referer: https://x/?{}\r\n", h(s)),
                vec![],
            )
        }),
        ("content type", |s| {
            (
                "POST",
                "/ims/token/v2".to_owned(),
                format!("Content-Type: multipart/form-data; boundary={}\r\n", h(s)),
                b"--x".to_vec(),
            )
        }),
        ("form", |s| {
            (
                "POST",
                "/ims/token/v2".to_owned(),
                String::new(),
                format!("client_id={CLIENT}&client_secret={}", q(s)).into_bytes(),
            )
        }),
        ("unknown field of a form", |s| {
            (
                "POST",
                "/ims/token/v2".to_owned(),
                String::new(),
                format!("{}={}", q(s), q(s)).into_bytes(),
            )
        }),
        ("JSON instead of a form", |s| {
            (
                "POST",
                "/ims/token/v2".to_owned(),
                "Content-Type: application/json\r\n".to_owned(),
                json!({"client_id": CLIENT, "client_secret": s})
                    .to_string()
                    .into_bytes(),
            )
        }),
        ("broken multipart", |s| {
            (
                "POST",
                "/ims/exchange/jwt".to_owned(),
                "Content-Type: multipart/form-data; boundary=b\r\n".to_owned(),
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{s}",
                    h(s)
                )
                .into_bytes(),
            )
        }),
        ("multipart", |s| {
            (
                "POST",
                "/ims/token/v2".to_owned(),
                "Content-Type: multipart/form-data; boundary=b\r\n".to_owned(),
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\n{s}\r\n--b--\r\n"
                )
                .into_bytes(),
            )
        }),
        ("text instead of commands", |s| {
            ("POST", action(), String::new(), s.as_bytes().to_vec())
        }),
        ("a JSON text instead of commands", |s| {
            ("POST", action(), String::new(), json!(s).to_string().into_bytes())
        }),
        ("commands that end too early", |s| {
            (
                "POST",
                action(),
                String::new(),
                format!("[{{\"user\":{}", json!(s)).into_bytes(),
            )
        }),
        ("no UTF-8", |s| {
            (
                "POST",
                action(),
                String::new(),
                [b"[{\"user\":\"\xff", s.as_bytes(), b"\"}]"].concat(),
            )
        }),
        ("unknown key of a command", |s| {
            (
                "POST",
                action(),
                String::new(),
                json!([{"user": "a@example.com", "client_secret": s, "do": []}])
                    .to_string()
                    .into_bytes(),
            )
        }),
        ("unknown key of a step", |s| {
            (
                "POST",
                action(),
                String::new(),
                json!([{"user": "a@example.com", "do": [{"update": {"firstname": "A", "password": s}}]}])
                    .to_string()
                    .into_bytes(),
            )
        }),
        ("unknown step", |s| {
            (
                "POST",
                action(),
                String::new(),
                json!([{"user": "a@example.com", "do": [{"setPassword": {"name": s}}]}])
                    .to_string()
                    .into_bytes(),
            )
        }),
        ("a text instead of a command", |s| {
            (
                "POST",
                action(),
                String::new(),
                json!([s, [s]]).to_string().into_bytes(),
            )
        }),
        ("unknown key of a group", |s| {
            (
                "POST",
                group(),
                String::new(),
                json!({"userGroupName": 5, "password": s})
                    .to_string()
                    .into_bytes(),
            )
        }),
        ("broken group", |s| {
            (
                "POST",
                group(),
                String::new(),
                format!("{{\"name\":[{}", json!(s)).into_bytes(),
            )
        }),
        ("a list as a group", |s| {
            (
                "PUT",
                format!("{}/1", group()),
                String::new(),
                json!([s]).to_string().into_bytes(),
            )
        }),
        ("an administrator of a product", |s| {
            (
                "POST",
                format!("/v2/usermanagement/{ORG}/products/1/admin"),
                String::new(),
                json!({"secret": s}).to_string().into_bytes(),
            )
        }),
        ("a profile", |s| {
            (
                "POST",
                format!("/v2/usermanagement/{ORG}/products/1/configurations/1"),
                String::new(),
                json!({"secret": s}).to_string().into_bytes(),
            )
        }),
        ("a new client secret", |s| {
            (
                "POST",
                format!("/console/organizations/{ORG}/credentials/{CLIENT}/secrets"),
                String::new(),
                json!({"secret": s}).to_string().into_bytes(),
            )
        }),
        ("a body where none belongs", |s| {
            ("GET", users(), String::new(), s.as_bytes().to_vec())
        }),
    ]
}
