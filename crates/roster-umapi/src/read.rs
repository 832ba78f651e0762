//! Answers, read by those who sent the request.
//!
//! They come from any server that speaks the API, so unknown keys are ignored, what may be left out may be left
//! out, and null is as good as nothing. What is left is checked: an answer that cannot be understood is an
//! error, never an empty list.
//!
//! ```
//! use roster_umapi::read;
//!
//! let answer = read::action(br#"{"completed":1,"notCompleted":0,"completedInTestMode":0,"result":"success"}"#).unwrap();
//! assert_eq!(answer.completed, 1);
//! assert!(answer.errors.is_empty());
//! assert!(read::users(br#"{"lastPage":true}"#).is_err());
//! ```

use roster_core::value::IdentityType;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// An answer that is not what it should be; the text says where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// The answer to an action request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionResponse {
    /// Commands fully done; 0 in test mode.
    pub completed: u64,
    /// Commands with errors.
    pub not_completed: u64,
    /// Commands that would have been done; 0 outside test mode.
    #[serde(default)]
    pub completed_in_test_mode: u64,
    /// `success`, `partial` or `error`.
    pub result: String,
    /// What failed.
    #[serde(default, deserialize_with = "or_default")]
    pub errors: Vec<ActionError>,
    /// What is deprecated.
    #[serde(default, deserialize_with = "or_default")]
    pub warnings: Vec<ActionWarning>,
}

/// An error of an action request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionError {
    /// Which command, from 0; `None` when the server does not say.
    #[serde(default, deserialize_with = "index")]
    pub index: Option<usize>,
    /// Which of its steps, from 0.
    #[serde(default, deserialize_with = "index")]
    pub step: Option<usize>,
    /// The command's `requestID`.
    #[serde(default, rename = "requestID")]
    pub request_id: Option<String>,
    /// The command's root.
    #[serde(default)]
    pub user: Option<String>,
    /// The code.
    #[serde(default, deserialize_with = "or_default")]
    pub error_code: String,
    /// The message.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
}

/// A warning of an action request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionWarning {
    /// Which command, from 0.
    #[serde(default, deserialize_with = "index")]
    pub index: Option<usize>,
    /// Which of its steps, from 0.
    #[serde(default, deserialize_with = "index")]
    pub step: Option<usize>,
    /// The command's `requestID`.
    #[serde(default, rename = "requestID")]
    pub request_id: Option<String>,
    /// The command's root.
    #[serde(default)]
    pub user: Option<String>,
    /// The code.
    #[serde(default, deserialize_with = "or_default")]
    pub warning_code: String,
    /// The message.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
}

/// A page of people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersPage {
    /// Whether no page follows. A server that does not say has another.
    #[serde(default)]
    pub last_page: bool,
    /// The people.
    pub users: Vec<User>,
    /// The group whose members they are, in stored spelling.
    #[serde(default)]
    pub group_name: Option<String>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The account's id.
    #[serde(default)]
    pub id: Option<String>,
    /// E-mail.
    pub email: String,
    /// `active` in the lists of an organization.
    #[serde(default)]
    pub status: Option<String>,
    /// Full names of groups.
    #[serde(default, deserialize_with = "or_default")]
    pub groups: Vec<String>,
    /// Username; not every server gives it for Adobe IDs, whose e-mail it is.
    #[serde(default)]
    pub username: Option<String>,
    /// Domain; see `username`.
    #[serde(default)]
    pub domain: Option<String>,
    /// First name.
    #[serde(default)]
    pub firstname: Option<String>,
    /// Last name.
    #[serde(default)]
    pub lastname: Option<String>,
    /// Two letters.
    #[serde(default)]
    pub country: Option<String>,
    /// `adobeID`, `enterpriseID`, `federatedID`, or what else a server thinks of.
    #[serde(rename = "type")]
    pub kind: String,
}

impl User {
    /// The identity type, if it is one of the three.
    pub fn identity_type(&self) -> Option<IdentityType> {
        IdentityType::parse(&self.kind)
    }
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsPage {
    /// Whether no page follows.
    pub last_page: bool,
    /// The groups; none on a page past the end.
    pub groups: Vec<Group>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// `groupId`.
    #[serde(default, rename = "groupId")]
    pub id: Option<i64>,
    /// Its full name.
    #[serde(rename = "groupName")]
    pub name: String,
    /// `USER_GROUP`, `PRODUCT_PROFILE`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Members by any route.
    #[serde(default, deserialize_with = "or_default")]
    pub member_count: i64,
    /// The name of its admin group, while somebody is in it.
    #[serde(default)]
    pub admin_group_name: Option<String>,
    /// The user group an admin group is for.
    #[serde(default)]
    pub user_group_name: Option<String>,
    /// The profile an admin or developer group is for.
    #[serde(default)]
    pub product_profile_name: Option<String>,
    /// The product.
    #[serde(default)]
    pub product_name: Option<String>,
    /// Seats of a profile; a number in digits, or `UNLIMITED`.
    #[serde(default)]
    pub license_quota: Option<String>,
}

/// The answer of a token endpoint.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: String,
    /// How long it lasts: seconds from client credentials, milliseconds from an exchanged JWT.
    pub expires_in: u64,
}

/// The token itself is never shown.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// What a server says when a request fails as a whole, in any of the forms there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The code: `result`, `errorCode`, `error_code` or `error`.
    pub code: Option<String>,
    /// The message: `message`, `errorMessage` or `error_description`.
    pub message: Option<String>,
}

/// Reads the answer to an action request.
pub fn action(body: &[u8]) -> Result<ActionResponse, Unreadable> {
    read(body)
}

/// Reads a page of people.
pub fn users(body: &[u8]) -> Result<UsersPage, Unreadable> {
    read(body)
}

/// Reads a single person.
pub fn user(body: &[u8]) -> Result<User, Unreadable> {
    #[derive(Deserialize)]
    struct Single {
        user: User,
    }
    read::<Single>(body).map(|single| single.user)
}

/// Reads a page of groups.
pub fn groups(body: &[u8]) -> Result<GroupsPage, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(default)]
        last_page: bool,
        result: Option<String>,
        groups: Option<Vec<Group>>,
    }
    let page: Answer = read(body)?;
    let past_the_end = page.result.as_deref() == Some("Not found");
    match page.groups {
        None if !past_the_end => Err(Unreadable("missing field `groups`".to_owned())),
        groups => Ok(GroupsPage {
            last_page: page.last_page,
            groups: groups.unwrap_or_default(),
        }),
    }
}

/// Reads the answer of a token endpoint.
pub fn token(body: &[u8]) -> Result<Token, Unreadable> {
    read(body)
}

/// Reads what it can of a failure; a body that is no JSON object says nothing.
pub fn failure(body: &[u8]) -> Failure {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(body) else {
        return Failure::default();
    };
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| fields.get(*name)?.as_str())
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Failure {
        code: text(&["result", "errorCode", "error_code", "error"]),
        message: text(&["message", "errorMessage", "error_description"]),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))
}

/// Null is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(reader: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or_default())
}

/// An index, as a number or (as the published field list has it) as digits; anything else says nothing.
fn index<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<usize>, D::Error> {
    Ok(match serde_json::Value::deserialize(reader)? {
        serde_json::Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        serde_json::Value::String(digits) => digits.parse().ok(),
        _ => None,
    })
}
