//! `/openapi.json`: the description of everything the server answers, made from the route table.
//!
//! A route without an operation here fails a test, and so does an answer that does not fit its schema.

mod operations;
mod schemas;

use std::sync::LazyLock;

use http::Method;
use serde_json::{Map, Value, json};

use crate::http::Call;
use crate::reply::Reply;
use crate::route::{Access, ROUTES, Row};
use operations::{Operation, operation};

/// The description, with the server's address as callers see it.
pub(crate) fn reply(call: Call<'_>) -> Reply {
    let mut document = DOCUMENT.clone();
    if let (Some(url), Some(document)) = (&call.app.config.public_url, document.as_object_mut()) {
        document.insert("servers".to_owned(), json!([{"url": url.trim_end_matches('/')}]));
    }
    Reply::value(&document)
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

fn document() -> Value {
    let mut paths = Map::new();
    for row in ROUTES {
        for path in std::iter::once(&row.path).chain(row.aliases) {
            paths.insert(template(path), path_item(row, path));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roster",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "User management compatible with the User Management API (UMAPI)",
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "users", "description": "People of an organization"},
            {"name": "groups", "description": "User groups, product profiles, admin and developer groups"},
            {"name": "actions", "description": "Changing people and user groups"},
            {"name": "tokens", "description": "Access tokens and the credentials of integrations"},
            {"name": "deprecated", "description": "Earlier forms of the API, all functional"},
            {"name": "service", "description": "The server itself"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "metricsToken": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

/// `{groupName*}` is our own notation for a parameter that takes everything that follows.
fn template(path: &str) -> String {
    path.replace("*}", "}")
}

fn path_item(row: &Row, path: &str) -> Value {
    let mut item = Map::new();
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = names.map(path_parameter).collect();
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters));
    }
    for method in row.methods {
        let operation = operation(row.route, method);
        let primary = path == row.path;
        item.insert(
            method.as_str().to_ascii_lowercase(),
            describe(row, method, &operation, primary),
        );
    }
    Value::Object(item)
}

fn path_parameter(name: &str) -> Value {
    let (name, rest) = match name.strip_suffix('*') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (schema, text) = match name {
        "orgId" => (
            json!({"type": "string", "pattern": "^[0-9A-Za-z]{1,64}@AdobeOrg$"}),
            "The organization's id, in any letter case",
        ),
        "page" => (json!({"type": "integer", "minimum": 0}), "0-based"),
        "groupName" => (
            json!({"type": "string"}),
            "Name of a group in any letter case; slashes may be sent as they are",
        ),
        "userString" => (
            json!({"type": "string"}),
            "E-mail address or username; slashes may be sent as they are",
        ),
        "groupId" => (json!({"type": "string"}), "Number or name of a user group"),
        "productId" => (json!({"type": "string"}), "The product's id"),
        "id" => (json!({"type": "string"}), "The profile's id"),
        "credentialId" => (json!({"type": "string"}), "The integration's client id"),
        _ => (json!({"type": "string"}), ""),
    };
    let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": schema});
    if let Some(object) = parameter.as_object_mut() {
        if !text.is_empty() {
            object.insert("description".to_owned(), json!(text));
        }
        if rest {
            object.insert("allowReserved".to_owned(), json!(true));
        }
    }
    parameter
}

fn describe(row: &Row, method: &Method, operation: &Operation, primary: bool) -> Value {
    let mut out = Map::new();
    let id = if primary {
        operation.id.to_owned()
    } else {
        format!("{}Alias", operation.id)
    };
    out.insert("operationId".to_owned(), json!(id));
    out.insert("summary".to_owned(), json!(operation.summary));
    out.insert("tags".to_owned(), json!([operation.tag]));
    if operation.tag == "deprecated" {
        out.insert("deprecated".to_owned(), json!(true));
    }
    let security = match row.access {
        Access::Open | Access::Credentials => json!([]),
        Access::Local => json!([{}, {"metricsToken": []}]),
        Access::Token(_) => json!([{"apiKey": [], "accessToken": []}]),
    };
    out.insert("security".to_owned(), security);
    if !operation.query.is_empty() {
        let query: Vec<Value> = operation
            .query
            .iter()
            .map(operations::QueryParameter::describe)
            .collect();
        out.insert("parameters".to_owned(), Value::Array(query));
    }
    if let Some(body) = operation.body {
        out.insert("requestBody".to_owned(), body.describe());
    }
    out.insert("responses".to_owned(), responses(row, method, operation));
    Value::Object(out)
}

fn responses(row: &Row, method: &Method, operation: &Operation) -> Value {
    let mut out = Map::new();
    let headers = if operation.paged {
        let number = |text: &str| json!({"schema": {"type": "integer"}, "description": text});
        json!({
            "X-Total-Count": number("Entries matching the query"),
            "X-Page-Count": number("Pages of the list, at least 1"),
            "X-Current-Page": number("Index of this page"),
            "X-Page-Size": number("Entries in this page"),
        })
    } else {
        json!({})
    };
    let mut success = json!({"description": operation.success_text(), "headers": headers});
    if let (Some(schema), Some(success)) = (operation.schema, success.as_object_mut()) {
        let content = match schema {
            "Text" => json!({"text/plain": {"schema": {"type": "string"}}}),
            _ => json!({"application/json": {"schema": {"$ref": reference(schema)}}}),
        };
        success.insert("content".to_owned(), content);
    }
    out.insert(operation.status.to_string(), success);
    let failure = match row.path {
        path if path.starts_with("/ims/") => "TokenError",
        _ => "Failure",
    };
    let mut statuses: Vec<u16> = operation.failures.to_vec();
    if let Access::Token(_) = row.access {
        statuses.extend([400, 401, 403]);
    }
    if row.class_for(method).is_some() {
        statuses.push(429);
    }
    statuses.extend([405, 503]);
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        out.insert(
            status.to_string(),
            json!({
                "description": reason(status),
                "content": {"application/json": {"schema": {"$ref": reference(failure)}}},
            }),
        );
    }
    Value::Object(out)
}

fn reference(schema: &str) -> String {
    format!("#/components/schemas/{schema}")
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Something about the request is wrong; the body says what",
        401 => "The access token, or the secret, is missing or not valid",
        403 => "The API key is missing or not valid, or the organization is migrating",
        404 => "There is no such thing",
        405 => "The method has no meaning here; `Allow` names those that have",
        429 => "Too many requests; `Retry-After` says for how many seconds",
        _ => "Not now; `Retry-After` says for how many seconds",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_every_reference_is_there() {
        let document = document();
        let mut ids = BTreeSet::new();
        for row in ROUTES {
            for path in std::iter::once(&row.path).chain(row.aliases) {
                let item = &document["paths"][template(path)];
                for method in row.methods {
                    let operation = &item[method.as_str().to_ascii_lowercase()];
                    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
                    assert!(!id.is_empty(), "{method} {path}");
                    assert!(ids.insert(id.clone()) || row.aliases.len() > 1, "{id} twice");
                }
            }
        }
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "schema {name} is missing"
            );
        }
    }
}
