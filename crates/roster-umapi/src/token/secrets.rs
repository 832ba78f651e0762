//! Client secrets, as those who manage them see them (ims.md 9). Values are shown once, at creation.

use crate::json::{List, Object};

/// A secret in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub uuid: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last used, and for which kind of grant. Nobody has used it when this is empty.
    pub usages: Vec<Usage>,
}

/// A use of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Milliseconds since the epoch.
    pub last_used_at: i64,
    /// `client_credentials`, or `jwt_bearer` for exchanges.
    pub grant_type: &'static str,
}

/// A moment in its two written forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the epoch.
    pub millis: i64,
    /// The same as `2025-01-01T00:00:00Z`.
    pub text: String,
}

/// The answer to the list of secrets.
pub fn list_answer(client_id: &str, secrets: &[Secret]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    body.text("client_id", client_id);
    let mut list = List::begin(body.key("client_secrets"));
    for secret in secrets {
        let mut object = Object::begin(list.item());
        write_fields(&mut object, secret);
        object.end();
    }
    list.end();
    body.end();
    out
}

/// The answer to the creation of a secret: the only place where its value is told.
pub fn created_answer(client_id: &str, secret: &Secret, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = Object::begin(&mut out);
    body.text("client_id", client_id);
    body.text("client_secret", value);
    write_fields(&mut body, secret);
    body.end();
    out
}

fn write_fields(object: &mut Object<'_>, secret: &Secret) {
    object.text("uuid", &secret.uuid);
    object.text("created_at", &secret.created_at.millis.to_string());
    object.text("created_at_str", &secret.created_at.text);
    object.text("expires_at", "PERMANENT");
    object.text("expires_at_str", "PERMANENT");
    if secret.usages.is_empty() {
        object.key("secret_usages").extend_from_slice(b"null");
        return;
    }
    let mut usages = List::begin(object.key("secret_usages"));
    for usage in &secret.usages {
        let mut entry = Object::begin(usages.item());
        entry.text("last_used_at", &usage.last_used_at.to_string());
        entry.text("grant_type", usage.grant_type);
        entry.end();
    }
    usages.end();
}
