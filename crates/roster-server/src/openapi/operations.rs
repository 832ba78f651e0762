//! What each route does with each of its methods: summaries, parameters, bodies, answers.

use http::Method;
use serde_json::{Value, json};

use crate::route::Route;

/// One method of one route.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [QueryParameter],
    pub(super) body: Option<Body>,
    /// The status of success.
    pub(super) status: u16,
    /// The schema of success; `None` for no body, `Text` for what is no JSON.
    pub(super) schema: Option<&'static str>,
    /// Whether the answer has paging headers.
    pub(super) paged: bool,
    /// Statuses of failure besides those that follow from the route.
    pub(super) failures: &'static [u16],
}

/// A parameter in the query.
pub(super) struct QueryParameter(&'static str, Kind, &'static str);

#[derive(Clone, Copy)]
enum Kind {
    Flag,
    Text,
    Page,
    Status,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(super) enum Body {
    Json(&'static str),
    Form(&'static [&'static str], &'static [&'static str]),
}

const DIRECT_ONLY: QueryParameter = QueryParameter(
    "directOnly",
    Kind::Flag,
    "Only profiles assigned personally (the default), or also those inherited through user groups",
);
const EXCLUDE_GROUPS: QueryParameter = QueryParameter("excludeGroups", Kind::Flag, "Leave out `groups`");
const DOMAIN: QueryParameter = QueryParameter(
    "domain",
    Kind::Text,
    "A domain related to the organization, or `AdobeID`",
);
const PAGE: QueryParameter = QueryParameter("page", Kind::Page, "0-based");
const PAGE_FROM_1: QueryParameter = QueryParameter("page", Kind::Page, "1-based");
const TEST_ONLY: QueryParameter = QueryParameter("testOnly", Kind::Flag, "Check, change nothing");
const STATUS: QueryParameter = QueryParameter(
    "status",
    Kind::Status,
    "Of a profile: members that hold a licence, or those that wait for one",
);

const fn read(id: &'static str, tag: &'static str, summary: &'static str, schema: &'static str) -> Operation {
    Operation {
        id,
        tag,
        summary,
        query: &[],
        body: None,
        status: 200,
        schema: Some(schema),
        paged: false,
        failures: &[],
    }
}

const fn old(id: &'static str, summary: &'static str, schema: &'static str) -> Operation {
    Operation {
        failures: &[404],
        ..read(id, "deprecated", summary, schema)
    }
}

const fn old_list(id: &'static str, summary: &'static str, schema: &'static str) -> Operation {
    Operation {
        query: &[PAGE],
        paged: true,
        ..old(id, summary, schema)
    }
}

const fn grant(id: &'static str, summary: &'static str, required: &'static [&'static str]) -> Operation {
    Operation {
        body: Some(Body::Form(required, &["scope"])),
        failures: &[400, 401],
        ..read(id, "tokens", summary, "Token")
    }
}

/// The operation of a route's method.
pub(super) fn operation(route: Route, method: &Method) -> Operation {
    match route {
        Route::Status => read("getStatus", "service", "The state of the service", "Status"),
        Route::Livez => read("getLive", "service", "Whether the process answers", "Live"),
        Route::Readyz => read("getReady", "service", "Whether requests are carried out", "Ready"),
        Route::Metrics => Operation {
            failures: &[403],
            ..read(
                "getMetrics",
                "service",
                "Numbers in the Prometheus text format",
                "Text",
            )
        },
        Route::OpenApi => read("getDescription", "service", "This description", "Description"),
        Route::TokenV2 => grant(
            "requestTokenV2",
            "An access token for a client id and secret",
            &["client_id", "client_secret", "grant_type"],
        ),
        Route::TokenV3 => grant(
            "requestTokenV3",
            "An access token for a client id and secret; Basic authentication is taken too",
            &["client_id", "client_secret", "grant_type"],
        ),
        Route::ExchangeJwt => grant(
            "exchangeJwt",
            "An access token for a signed JWT; `expires_in` is in milliseconds",
            &["client_id", "client_secret", "jwt_token"],
        ),
        Route::ValidateToken => validate(method),
        Route::Keys => read("listKeys", "tokens", "The public keys of access tokens", "Keys"),
        Route::Discovery => read(
            "getDiscovery",
            "tokens",
            "Where the token endpoints are",
            "Discovery",
        ),
        Route::Revoke => Operation {
            body: Some(Body::Form(
                &["client_id", "client_secret", "token"],
                &["token_type_hint"],
            )),
            failures: &[400, 401],
            ..read("revokeToken", "tokens", "Revokes an access token", "Nothing")
        },
        Route::Secrets | Route::Secret => secrets(route, method),
        Route::Action => Operation {
            query: &[TEST_ONLY],
            body: Some(Body::Json("Commands")),
            ..read(
                "postActions",
                "actions",
                "Carries out up to ten commands in their order",
                "ActionResult",
            )
        },
        Route::Users => Operation {
            query: &[DOMAIN, DIRECT_ONLY, EXCLUDE_GROUPS],
            paged: true,
            failures: &[404],
            ..read("listUsers", "users", "People of the organization", "UsersPage")
        },
        Route::UsersByGroup => Operation {
            query: &[STATUS, DOMAIN, DIRECT_ONLY, EXCLUDE_GROUPS],
            paged: true,
            failures: &[404],
            ..read(
                "listUsersByGroup",
                "users",
                "Members of a group",
                "GroupUsersPage",
            )
        },
        Route::User => Operation {
            query: &[DOMAIN, DIRECT_ONLY, EXCLUDE_GROUPS],
            failures: &[404],
            ..read("getUser", "users", "One person", "SingleUser")
        },
        Route::Groups => Operation {
            paged: true,
            ..read("listGroups", "groups", "Groups and profiles", "GroupsPage")
        },
        _ => deprecated(route, method),
    }
}

fn validate(method: &Method) -> Operation {
    let operation = Operation {
        failures: &[400],
        ..read(
            "validateToken",
            "tokens",
            "Whether an access token is valid",
            "Validation",
        )
    };
    if method == Method::POST {
        return Operation {
            id: "validateTokenByPost",
            body: Some(Body::Form(&["type", "client_id", "token"], &[])),
            ..operation
        };
    }
    Operation {
        query: &[
            QueryParameter("type", Kind::Text, "`access_token`"),
            QueryParameter(
                "client_id",
                Kind::Text,
                "The API key; also as header `X-IMS-ClientId`",
            ),
            QueryParameter("token", Kind::Text, "The token; also as bearer token"),
        ],
        ..operation
    }
}

fn secrets(route: Route, method: &Method) -> Operation {
    let operation = Operation {
        failures: &[404],
        ..read(
            "listSecrets",
            "tokens",
            "Secrets of an integration, without their values",
            "Secrets",
        )
    };
    match (route, method) {
        (Route::Secret, _) => Operation {
            id: "deleteSecret",
            summary: "Deletes a secret at once",
            status: 204,
            schema: None,
            ..operation
        },
        (_, &Method::POST) => Operation {
            id: "createSecret",
            summary: "Makes a second secret; its value is shown this once",
            status: 201,
            schema: Some("NewSecret"),
            ..operation
        },
        _ => operation,
    }
}

fn deprecated(route: Route, method: &Method) -> Operation {
    match (route, method) {
        (Route::OldUsers, _) => Operation {
            query: &[PAGE, DIRECT_ONLY],
            ..old_list("listOldUsers", "People of the organization", "OldUsers")
        },
        (Route::OldUserGroups, &Method::POST) => Operation {
            body: Some(Body::Json("OldGroupBody")),
            ..old("createOldUserGroup", "Creates a user group", "OldUserGroup")
        },
        (Route::OldUserGroups, _) => Operation {
            query: &[PAGE_FROM_1],
            ..old_list("listOldUserGroups", "User groups", "OldUserGroups")
        },
        (Route::OldUserGroup, &Method::PUT) => Operation {
            body: Some(Body::Json("OldGroupBody")),
            ..old(
                "updateOldUserGroup",
                "Renames or describes a user group",
                "OldUserGroup",
            )
        },
        (Route::OldUserGroup, &Method::DELETE) => Operation {
            status: 204,
            schema: None,
            ..old("deleteOldUserGroup", "Deletes a user group", "Nothing")
        },
        (Route::OldUserGroup, _) => old("getOldUserGroup", "A user group", "OldUserGroup"),
        (Route::OldUserGroupUsers, _) => old_list(
            "listOldUserGroupUsers",
            "Members of a user group",
            "OldGroupMembers",
        ),
        (Route::OldUserGroupAdmins, _) => old_list(
            "listOldUserGroupAdmins",
            "Administrators of a user group",
            "OldGroupMembers",
        ),
        (Route::OldProducts, _) => old_list("listOldProducts", "Products", "OldProducts"),
        (Route::OldProduct, _) => old("getOldProduct", "A product", "OldProduct"),
        (Route::OldProductAdmin, _) => Operation {
            body: Some(Body::Json("OldProductAdminBody")),
            ..old(
                "updateOldProductAdmins",
                "Appoints or dismisses administrators of a product",
                "OldProduct",
            )
        },
        (Route::OldProfiles, _) => old(
            "listOldProfiles",
            "A product with its profiles",
            "OldProductProfiles",
        ),
        (Route::OldProfile, &Method::POST) => Operation {
            body: Some(Body::Json("OldProfileBody")),
            ..old(
                "updateOldProfile",
                "Changes who belongs to a profile",
                "OldProfile",
            )
        },
        (Route::OldProfile, _) => old("getOldProfile", "A profile", "OldProfile"),
        (Route::OldProfileUsers, _) => {
            old_list("listOldProfileUsers", "Members of a profile", "OldProfileMembers")
        }
        (Route::OldProfileAdmins, _) => old_list(
            "listOldProfileAdmins",
            "Administrators of a profile",
            "OldProfileMembers",
        ),
        (Route::OldInvites, _) => old_list("listOldInvites", "Pending invites: there are none", "OldInvites"),
        (_, &Method::POST) => old("resendOldInvite", "There are no pending invites", "Nothing"),
        (_, &Method::DELETE) => old("revokeOldInvite", "There are no pending invites", "Nothing"),
        _ => old("getOldInvite", "There are no pending invites", "Nothing"),
    }
}

impl Operation {
    pub(super) fn success_text(&self) -> &'static str {
        match self.status {
            201 => "Made",
            204 => "Done; no body",
            _ => "Done",
        }
    }
}

impl QueryParameter {
    pub(super) fn describe(&self) -> Value {
        let Self(name, kind, description) = self;
        let schema = match kind {
            Kind::Flag => json!({"type": "boolean", "description": "`true` or `false` in any letter case"}),
            Kind::Text => json!({"type": "string"}),
            Kind::Page => json!({"type": "integer", "minimum": 0}),
            Kind::Status => json!({"type": "string", "enum": ["active", "inactive"]}),
        };
        json!({"name": name, "in": "query", "schema": schema, "description": description})
    }
}

impl Body {
    pub(super) fn describe(self) -> Value {
        match self {
            Self::Json(schema) => json!({
                "required": true,
                "content": {"application/json": {"schema": {"$ref": super::reference(schema)}}},
            }),
            Self::Form(required, optional) => {
                let properties: serde_json::Map<String, Value> = required
                    .iter()
                    .chain(optional)
                    .map(|name| ((*name).to_owned(), json!({"type": "string"})))
                    .collect();
                let schema = json!({"type": "object", "required": required, "properties": properties});
                json!({
                    "required": false,
                    "description": "The same parameters are taken from the query when the body is empty",
                    "content": {
                        "application/x-www-form-urlencoded": {"schema": schema},
                        "multipart/form-data": {"schema": schema},
                    },
                })
            }
        }
    }
}
