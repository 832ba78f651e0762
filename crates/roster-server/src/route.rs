//! The route table: every path the server knows, and how a raw path finds its route.
//!
//! Paths are matched here and not by the HTTP framework, because the rules of umapi.md 2.2 need the raw path:
//! it is split on `/` first and decoded afterwards, two parameters take everything that follows, doubled slashes
//! inside them are data, and nothing is ever redirected.

use std::sync::LazyLock;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::throttle::Class;

/// Everything that can be asked of the server, whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is named after its row in the table")]
pub enum Route {
    Status,
    Livez,
    Readyz,
    Metrics,
    OpenApi,
    TokenV2,
    TokenV3,
    ExchangeJwt,
    ValidateToken,
    Keys,
    Discovery,
    Revoke,
    Secrets,
    Secret,
    Action,
    Users,
    UsersByGroup,
    User,
    Groups,
    OldUsers,
    OldUserGroups,
    OldUserGroup,
    OldUserGroupUsers,
    OldUserGroupAdmins,
    OldProducts,
    OldProduct,
    OldProductAdmin,
    OldProfiles,
    OldProfile,
    OldProfileUsers,
    OldProfileAdmins,
    OldInvites,
    OldInvite,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Whoever brings the token from the settings; where none is set, callers on this machine.
    Local,
    /// Anybody who brings the credentials of an integration.
    Credentials,
    /// An integration of the organization in the path, with an access token that has the scope.
    Token(&'static str),
}

/// One route: its paths, methods and what holds for all of them.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which.
    pub route: Route,
    /// The path as documentation writes it; parameters in braces, one with a `*` takes all that follows.
    pub path: &'static str,
    /// Other spellings of the path.
    pub aliases: &'static [&'static str],
    /// The methods with a meaning; HEAD follows GET.
    pub methods: &'static [Method],
    /// Who may ask.
    pub access: Access,
    /// The counter it falls under, if any.
    pub class: Option<Class>,
    /// The value of `Canonical-Resource`, for routes of the API.
    pub canonical: Option<&'static str>,
}

/// The scope that opens the API.
pub const API_SCOPE: &str = "user_management_sdk";
/// The scope that opens the management of secrets.
pub const SECRETS_SCOPE: &str = "manage_client_secrets";

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const BASE: &str = "/v2/usermanagement";

const fn open(route: Route, path: &'static str) -> Row {
    Row {
        route,
        path,
        aliases: &[],
        methods: GET,
        access: Access::Open,
        class: None,
        canonical: None,
    }
}

const fn token(route: Route, path: &'static str, aliases: &'static [&'static str]) -> Row {
    Row {
        route,
        path,
        aliases,
        methods: POST,
        access: Access::Credentials,
        class: Some(Class::Token),
        canonical: None,
    }
}

const fn api(route: Route, path: &'static str, class: Class) -> Row {
    Row {
        route,
        path,
        aliases: &[],
        methods: GET,
        access: Access::Token(API_SCOPE),
        class: Some(class),
        canonical: Some(path),
    }
}

/// The table. Rows of the API stand in the order in which they are tried.
pub const ROUTES: &[Row] = &[
    open(Route::Status, "/status"),
    open(Route::Livez, "/livez"),
    open(Route::Readyz, "/readyz"),
    Row {
        access: Access::Local,
        ..open(Route::Metrics, "/metrics")
    },
    open(Route::OpenApi, "/openapi.json"),
    token(Route::TokenV2, "/ims/token/v2", &[]),
    token(Route::TokenV3, "/ims/token/v3", &[]),
    token(Route::ExchangeJwt, "/ims/exchange/jwt", &["/ims/exchange/v1/jwt"]),
    Row {
        methods: &[Method::GET, Method::POST],
        access: Access::Open,
        class: None,
        ..token(Route::ValidateToken, "/ims/validate_token/v1", &[])
    },
    open(Route::Keys, "/ims/keys"),
    open(Route::Discovery, "/ims/.well-known/openid-configuration"),
    token(Route::Revoke, "/ims/revoke", &["/ims/invalidate_token/v2"]),
    Row {
        methods: &[Method::GET, Method::POST],
        access: Access::Token(SECRETS_SCOPE),
        ..open(
            Route::Secrets,
            "/console/organizations/{orgId}/credentials/{credentialId}/secrets",
        )
    },
    Row {
        methods: &[Method::DELETE],
        access: Access::Token(SECRETS_SCOPE),
        ..open(
            Route::Secret,
            "/console/organizations/{orgId}/credentials/{credentialId}/secrets/{uuid}",
        )
    },
    Row {
        methods: POST,
        ..api(Route::Action, "/v2/usermanagement/action/{orgId}", Class::Action)
    },
    Row {
        aliases: &["/v2/usermanagement/users/{orgId}"],
        ..api(
            Route::Users,
            "/v2/usermanagement/users/{orgId}/{page}",
            Class::Users,
        )
    },
    Row {
        canonical: Some("/v2/usermanagement/users/{orgId}/{page}/{groupName}"),
        ..api(
            Route::UsersByGroup,
            "/v2/usermanagement/users/{orgId}/{page}/{groupName*}",
            Class::UsersByGroup,
        )
    },
    Row {
        aliases: &["/v2/usermanagement/{orgId}/users/{userString*}"],
        canonical: Some("/v2/usermanagement/organizations/{orgId}/users/{userstring:.*}"),
        ..api(
            Route::User,
            "/v2/usermanagement/organizations/{orgId}/users/{userString*}",
            Class::User,
        )
    },
    Row {
        aliases: &["/v2/usermanagement/groups/{orgId}"],
        ..api(
            Route::Groups,
            "/v2/usermanagement/groups/{orgId}/{page}",
            Class::Groups,
        )
    },
    Row {
        aliases: &["/v2/usermanagement/organizations/{orgId}/users"],
        ..api(
            Route::OldUsers,
            "/v2/usermanagement/{orgId}/users",
            Class::OldUsers,
        )
    },
    Row {
        methods: &[Method::GET, Method::POST],
        ..api(
            Route::OldUserGroups,
            "/v2/usermanagement/{orgId}/user-groups",
            Class::OldUserGroups,
        )
    },
    Row {
        methods: &[Method::GET, Method::PUT, Method::DELETE],
        ..api(
            Route::OldUserGroup,
            "/v2/usermanagement/{orgId}/user-groups/{groupId}",
            Class::OldUserGroups,
        )
    },
    api(
        Route::OldUserGroupUsers,
        "/v2/usermanagement/{orgId}/user-groups/{groupId}/users",
        Class::OldUserGroupMembers,
    ),
    api(
        Route::OldUserGroupAdmins,
        "/v2/usermanagement/{orgId}/user-groups/{groupId}/admins",
        Class::OldUserGroupMembers,
    ),
    api(
        Route::OldProducts,
        "/v2/usermanagement/{orgId}/products",
        Class::OldProducts,
    ),
    api(
        Route::OldProduct,
        "/v2/usermanagement/{orgId}/products/{productId}",
        Class::OldProducts,
    ),
    Row {
        methods: POST,
        ..api(
            Route::OldProductAdmin,
            "/v2/usermanagement/{orgId}/products/{productId}/admin",
            Class::OldWrites,
        )
    },
    api(
        Route::OldProfiles,
        "/v2/usermanagement/{orgId}/products/{productId}/configurations",
        Class::OldProfiles,
    ),
    Row {
        methods: &[Method::GET, Method::POST],
        ..api(
            Route::OldProfile,
            "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}",
            Class::OldProfiles,
        )
    },
    api(
        Route::OldProfileUsers,
        "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}/users",
        Class::OldProfileMembers,
    ),
    api(
        Route::OldProfileAdmins,
        "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}/admins",
        Class::OldProfileMembers,
    ),
    Row {
        aliases: &["/v2/usermanagement/organizations/{orgId}/invites"],
        ..api(
            Route::OldInvites,
            "/v2/usermanagement/{orgId}/invites",
            Class::OldInvites,
        )
    },
    Row {
        methods: &[Method::GET, Method::POST, Method::DELETE],
        aliases: &["/v2/usermanagement/organizations/{orgId}/invites/{email}"],
        ..api(
            Route::OldInvite,
            "/v2/usermanagement/{orgId}/invites/{email}",
            Class::OldInvites,
        )
    },
];

/// The first segments below the base path that are never an organization's id.
const LITERALS: [&str; 4] = ["action", "users", "groups", "organizations"];

impl Row {
    /// Whether a method has a meaning here.
    pub fn allows(&self, method: &Method) -> bool {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.methods.contains(method)
    }

    /// The value of `Allow`.
    pub fn allow(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        if self.methods.contains(&Method::GET) {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.join(", ")
    }

    /// The counter a request falls under: writing a profile is rarer than reading it.
    pub fn class_for(&self, method: &Method) -> Option<Class> {
        if self.route == Route::OldProfile && method == Method::POST {
            return Some(Class::OldWrites);
        }
        self.class
    }
}

/// The parameters of a path, still percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Params<'a> {
    /// The raw text of a parameter.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// A parameter, decoded; `None` when it is absent, its escapes are malformed or it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(decode)
    }
}

/// Finds the route of a raw path.
pub fn find(raw_path: &str) -> Option<(&'static Row, Params<'_>)> {
    let rest = raw_path.strip_prefix('/')?;
    let segments: Vec<&str> = rest.split('/').collect();
    let mut shapes = SHAPES.iter();
    shapes.find_map(|shape| shape.matches(rest, &segments).map(|params| (shape.row, params)))
}

/// Decodes percent escapes once; a plus stays a plus. `None` for malformed escapes and what is not UTF-8.
pub fn decode(raw: &str) -> Option<String> {
    if !raw.contains('%') {
        return Some(raw.to_owned());
    }
    let well_formed = raw.split('%').skip(1).all(|tail| {
        tail.as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !well_formed {
        return None;
    }
    percent_decode_str(raw)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// A path pattern, taken apart once.
struct Shape {
    row: &'static Row,
    tokens: Vec<Token>,
    /// Whether the first segment below the base path is the organization's id.
    org_first: bool,
}

enum Token {
    Literal(&'static str),
    Param(&'static str),
    Rest(&'static str),
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let mut shapes = Vec::new();
    for row in ROUTES {
        for path in std::iter::once(&row.path).chain(row.aliases) {
            shapes.push(Shape::new(row, path));
        }
    }
    shapes
});

impl Shape {
    fn new(row: &'static Row, path: &'static str) -> Self {
        let tokens = path
            .split('/')
            .skip(1)
            .map(
                |segment| match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                    Some(name) => match name.strip_suffix('*') {
                        Some(name) => Token::Rest(name),
                        None => Token::Param(name),
                    },
                    None => Token::Literal(segment),
                },
            )
            .collect();
        let org_first = path
            .strip_prefix(BASE)
            .is_some_and(|below| below.starts_with("/{orgId}"));
        Self {
            row,
            tokens,
            org_first,
        }
    }

    fn matches<'a>(&self, path: &'a str, segments: &[&'a str]) -> Option<Params<'a>> {
        let mut params = Params::default();
        let mut offset = 0;
        for (n, token) in self.tokens.iter().enumerate() {
            let segment = *segments.get(n)?;
            match token {
                Token::Literal(text) if same(segment, text) => {}
                Token::Literal(_) => return None,
                Token::Param(_) if self.org_first && n == 2 && LITERALS.iter().any(|l| same(segment, l)) => {
                    return None;
                }
                Token::Param(_) if segment.is_empty() => return None,
                Token::Param(name) => params.0.push((*name, segment)),
                Token::Rest(name) => {
                    let rest = path.get(offset..)?;
                    if rest.is_empty() {
                        return None;
                    }
                    params.0.push((*name, rest));
                    return Some(params);
                }
            }
            offset += segment.len() + 1;
        }
        // A slash at the end of a path of fixed form is ignored.
        match segments.get(self.tokens.len()..) {
            Some([] | [""]) => Some(params),
            _ => None,
        }
    }
}

fn same(segment: &str, literal: &str) -> bool {
    segment == literal || (segment.contains('%') && decode(segment).as_deref() == Some(literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(Route, Vec<String>)> {
        find(path).map(|(row, params)| {
            let values = params.0.iter().map(|(_, v)| decode(v).unwrap_or_default());
            (row.route, values.collect())
        })
    }

    fn at(path: &str) -> (Route, Vec<String>) {
        found(&format!("{BASE}{path}")).unwrap_or_else(|| panic!("no route for {path}"))
    }

    #[test]
    fn group_names_and_user_strings_keep_everything_that_follows() {
        let org = "1A@AdobeOrg".to_owned();
        for (path, name) in [
            ("/users/1A@AdobeOrg/0/R%26D%20/%20EU%20%40home", "R&D / EU @home"),
            ("/users/1A@AdobeOrg/0/a%2Fb", "a/b"),
            ("/users/1A@AdobeOrg/0/a+b", "a+b"),
            ("/users/1A@AdobeOrg/0//x", "/x"),
            ("/users/1A@AdobeOrg/0/a//b/", "a//b/"),
            ("/users/1A@AdobeOrg/0/./..", "./.."),
        ] {
            let wanted = vec![org.clone(), "0".to_owned(), name.to_owned()];
            assert_eq!(at(path), (Route::UsersByGroup, wanted), "{path}");
        }
        assert_eq!(
            at("/organizations/1A%40AdobeOrg/users/a%2Bb@example.com"),
            (Route::User, vec![org.clone(), "a+b@example.com".to_owned()])
        );
        assert_eq!(
            at("/1A@AdobeOrg/users/p0042"),
            (Route::User, vec![org, "p0042".to_owned()])
        );
    }

    #[test]
    fn a_slash_at_the_end_and_a_missing_page_do_not_matter() {
        for (path, route) in [
            ("/users/1A@AdobeOrg/0/", Route::Users),
            ("/users/1A@AdobeOrg/0", Route::Users),
            ("/users/1A@AdobeOrg", Route::Users),
            ("/users/1A@AdobeOrg/", Route::Users),
            ("/groups/1A@AdobeOrg", Route::Groups),
            ("/1A@AdobeOrg/products/", Route::OldProducts),
            ("/1A@AdobeOrg/users/", Route::OldUsers),
            ("/organizations/1A@AdobeOrg/users", Route::OldUsers),
            ("/organizations/1A@AdobeOrg/users/", Route::OldUsers),
            ("/organizations/1A@AdobeOrg/invites/a@b.co", Route::OldInvite),
        ] {
            assert_eq!(at(path).0, route, "{path}");
        }
        assert_eq!(found("/ims/token/v2/").unwrap().0, Route::TokenV2);
    }

    #[test]
    fn literal_first_segments_win_over_organizations() {
        assert_eq!(at("/users/users").0, Route::Users);
        assert_eq!(found("/v2/usermanagement/action/products/x"), None);
        assert_eq!(at("/action/products").0, Route::Action);
    }

    #[test]
    fn unknown_paths_are_unknown() {
        for path in [
            "/",
            "",
            "/statusx",
            "/status//",
            "/v2/usermanagement",
            "/v2//usermanagement/users/1A@AdobeOrg/0",
            "/v2/usermanagement/users//0",
            "/v2/usermanagement/1A@AdobeOrg/nothing",
            "/v1/usermanagement/users/1A@AdobeOrg/0",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn escapes_are_decoded_once_and_checked() {
        assert_eq!(decode("a%2525").as_deref(), Some("a%25"));
        for bad in ["%", "%2", "%zz", "%ff", "a%c3(", "%2Bx%"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_row_says_which_methods_it_takes() {
        for row in ROUTES {
            assert!(!row.methods.is_empty(), "{:?}", row.route);
            assert!(find(row.path).is_some(), "{:?} finds itself", row.route);
        }
        let row = find("/v2/usermanagement/x@AdobeOrg/user-groups/1").unwrap().0;
        assert_eq!(row.allow(), "GET, PUT, DELETE, HEAD, OPTIONS");
        assert!(row.allows(&Method::HEAD) && !row.allows(&Method::POST));
    }
}
