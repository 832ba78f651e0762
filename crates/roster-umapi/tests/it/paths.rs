//! Paths, parameters, and the bodies of the deprecated endpoints.

use proptest::prelude::*;
use roster_umapi::query::bodies::{ProductAdminBody, ProfileBody, UserGroupBody};
use roster_umapi::query::parameters::Parameters;
use roster_umapi::query::path::{BASE, Resource, Route};
use roster_umapi::request::{DeprecatedError, RequestError};

const ORG: &str = "1A2B3C@AdobeOrg";

/// What a path below the base means, in short; `-` when nothing.
fn meaning(path: &str) -> String {
    let path = format!("{BASE}{path}");
    let Some(route) = Route::parse(&path) else {
        return "-".to_owned();
    };
    let resource = format!("{:?}", route.resource);
    let resource = resource.replace("Segment(", "").replace(')', "");
    let org = route
        .organization()
        .map_or("bad org".to_owned(), roster_core::value::Key::into_string);
    format!("{org} {resource}")
}

#[test]
fn every_documented_path_is_known_with_and_without_a_slash_at_its_end() {
    for (path, expected) in [
        (format!("/action/{ORG}"), "Action"),
        (format!("/users/{ORG}"), "Users { page: None }"),
        (format!("/users/{ORG}/7"), "Users { page: Some(\"7\" }"),
        (format!("/groups/{ORG}"), "Groups { page: None }"),
        (format!("/groups/{ORG}/0"), "Groups { page: Some(\"0\" }"),
        (format!("/organizations/{ORG}/users"), "OldUsers"),
        (format!("/organizations/{ORG}/invites"), "Invites"),
        (format!("/organizations/{ORG}/invites/a@b.example"), "Invite"),
        (format!("/{ORG}/users"), "OldUsers"),
        (format!("/{ORG}/user-groups"), "OldUserGroups"),
        (format!("/{ORG}/user-groups/5"), "OldUserGroup { group: \"5\" }"),
        (
            format!("/{ORG}/user-groups/5/users"),
            "OldUserGroupUsers { group: \"5\" }",
        ),
        (
            format!("/{ORG}/user-groups/5/admins"),
            "OldUserGroupAdmins { group: \"5\" }",
        ),
        (format!("/{ORG}/products"), "Products"),
        (format!("/{ORG}/products/P"), "Product { product: \"P\" }"),
        (
            format!("/{ORG}/products/P/admin"),
            "ProductAdmin { product: \"P\" }",
        ),
        (
            format!("/{ORG}/products/P/configurations"),
            "Profiles { product: \"P\" }",
        ),
        (
            format!("/{ORG}/products/P/configurations/C"),
            "Profile { product: \"P\", profile: \"C\" }",
        ),
        (
            format!("/{ORG}/products/P/configurations/C/users"),
            "ProfileUsers { product: \"P\", profile: \"C\" }",
        ),
        (
            format!("/{ORG}/products/P/configurations/C/admins"),
            "ProfileAdmins { product: \"P\", profile: \"C\" }",
        ),
        (format!("/{ORG}/invites"), "Invites"),
        (format!("/{ORG}/invites/a@b.example"), "Invite"),
    ] {
        for path in [path.clone(), format!("{path}/"), path.replace('@', "%40")] {
            let found = meaning(&path);
            let found = found.replace("a%40b", "a@b");
            assert_eq!(found, format!("1a2b3c@adobeorg {expected}"), "{path}");
        }
    }
}

#[test]
fn paths_that_mean_nothing_are_unknown() {
    for path in [
        "",
        "/",
        "/nothing",
        "/users",
        "/users/",
        "/action",
        "/action/x/more",
        "/groups/x/0/more",
        "/x/nothing",
        "/x/user-groups/5/nothing",
        "/x/user-groups/5/users/0",
        "/x/products/P/nothing",
        "/organizations/x",
        "/organizations/x/nothing",
        "/x/invites/a/b",
        "//users/x/0",
        "/x/products/P/configurations/C/users/1",
        "/groups/x/0//",
    ] {
        assert_eq!(meaning(path), "-", "{path}");
    }
    assert_eq!(Route::parse("/v2/usermanagementx/users/x"), None);
    assert_eq!(Route::parse("/status"), None);
    assert!(meaning("/nonsense/users").starts_with("bad org"));
    assert!(meaning("/users/%zz@AdobeOrg/0").starts_with("bad org"));
}

#[test]
fn names_are_whatever_follows_and_are_decoded_once() {
    for (raw, name) in [
        ("Design%20Team", "Design Team"),
        ("R%26D%20/%20EU%20%40home", "R&D / EU @home"),
        ("a+b", "a+b"),
        ("a%2Bb%2Fc", "a+b/c"),
        ("%252F", "%2F"),
        ("/x", "/x"),
        ("x/", "x/"),
        ("a//b/../c/./", "a//b/../c/./"),
        ("%E8%A8%AD", "設"),
        ("設", "設"),
    ] {
        let path = format!("{BASE}/users/{ORG}/0/{raw}");
        let Some(Resource::UsersOfGroup { page, group }) = Route::parse(&path).map(|route| route.resource)
        else {
            panic!("{path}");
        };
        assert_eq!(page.page(), Ok(0));
        assert_eq!(group.decode().unwrap(), name);
        for path in [
            format!("{BASE}/organizations/{ORG}/users/{raw}"),
            format!("{BASE}/{ORG}/users/{raw}"),
        ] {
            let Some(Resource::User { user }) = Route::parse(&path).map(|route| route.resource) else {
                panic!("{path}");
            };
            assert_eq!(user.decode().unwrap(), name);
        }
    }
    for raw in ["%", "%2", "%zz", "a%%", "%ff", "%C3x"] {
        let path = format!("{BASE}/users/{ORG}/0/{raw}");
        let Some(Resource::UsersOfGroup { group, .. }) = Route::parse(&path).map(|route| route.resource)
        else {
            panic!("{path}");
        };
        let segment = raw.to_owned();
        assert_eq!(group.decode(), Err(RequestError::MalformedPath { segment }));
    }
}

#[test]
fn pages_are_decimal_numbers() {
    for (raw, expected) in [
        ("0", Ok(0)),
        ("%30", Ok(0)),
        ("0012", Ok(12)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("abc", Err("For input string: \"abc\"")),
        ("-1", Err("For input string: \"-1\"")),
        ("+1", Err("For input string: \"+1\"")),
        ("1.0", Err("For input string: \"1.0\"")),
        (
            "18446744073709551616",
            Err("For input string: \"18446744073709551616\""),
        ),
        ("%zz", Err("Malformed escape in path: %zz")),
    ] {
        let path = format!("{BASE}/groups/{ORG}/{raw}");
        let Some(Resource::Groups { page: Some(page) }) = Route::parse(&path).map(|route| route.resource)
        else {
            panic!("{path}");
        };
        assert_eq!(
            page.page().map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }
}

#[test]
fn every_resource_has_its_template_and_methods() {
    for (path, template, methods) in [
        ("/action/x", "/v2/usermanagement/action/{orgId}", "POST"),
        (
            "/users/x/0/g",
            "/v2/usermanagement/users/{orgId}/{page}/{groupName}",
            "GET",
        ),
        (
            "/x/users/u",
            "/v2/usermanagement/organizations/{orgId}/users/{userstring:.*}",
            "GET",
        ),
        (
            "/x/user-groups/1",
            "/v2/usermanagement/{orgId}/user-groups/{groupId}",
            "GET PUT DELETE",
        ),
        (
            "/x/products/p/configurations/c",
            "/v2/usermanagement/{orgId}/products/{productId}/configurations/{id}",
            "GET POST",
        ),
    ] {
        let path = format!("{BASE}{path}");
        let resource = Route::parse(&path).unwrap().resource;
        assert_eq!(
            (resource.template(), resource.methods().join(" ")),
            (template, methods.to_owned())
        );
    }
}

#[test]
fn switches_take_any_letter_case_and_nothing_else() {
    let flag = |query: &str| Parameters::parse(Some(query)).flag("testOnly", false);
    for (query, expected) in [
        ("testOnly=True", true),
        ("testOnly=FALSE", false),
        ("other=1", false),
        ("", false),
    ] {
        assert_eq!(flag(query), Ok(expected), "{query}");
    }
    assert_eq!(flag("testOnly=true&testOnly=no"), Ok(true), "the first counts");
    assert_eq!(
        flag("%74estOnly=tru%65&type="),
        Ok(true),
        "names and values are decoded"
    );
    for (query, value) in [
        ("testOnly=yes", "yes"),
        ("testOnly=", ""),
        ("testOnly", ""),
        ("testOnly=1", "1"),
        ("testOnly=+true", " true"),
    ] {
        let error = RequestError::InvalidValue {
            name: "testOnly",
            value: value.to_owned(),
        };
        assert_eq!(flag(query), Err(error), "{query}");
    }
    assert_eq!(Parameters::parse(None).flag("directOnly", true), Ok(true));
}

#[test]
fn pages_and_licences_of_the_query() {
    let read = |query: &str| Parameters::parse(Some(query));
    assert_eq!(read("").page(), Ok(0));
    assert_eq!(read("page=3").page(), Ok(3));
    assert_eq!(
        read("page=").page().unwrap_err().to_string(),
        "For input string: \"\""
    );
    for (query, index) in [("", 0), ("page=0", 0), ("page=1", 0), ("page=2", 1)] {
        assert_eq!(read(query).page_from_one(), Ok(index), "{query}");
    }
    assert_eq!(read("status=INACTIVE").licence(), Ok(Some(false)));
    assert_eq!(read("status=active").licence(), Ok(Some(true)));
    assert_eq!(read("").licence(), Ok(None));
    assert_eq!(
        read("status=").licence().unwrap_err().to_string(),
        "Invalid value for status: "
    );
    assert_eq!(
        read("domain=fed%2Eexample+x").get("domain"),
        Some("fed.example x")
    );
}

#[test]
fn bodies_of_user_groups() {
    let read = |body: &str| UserGroupBody::parse(body.as_bytes());
    let group = read(r#"{"name":" New ","description":"","colour":1}"#).unwrap();
    assert_eq!(
        (group.name.as_deref(), group.description.as_deref()),
        (Some("New"), Some(""))
    );
    assert_eq!(
        read(r#"{"name":" ","description":null}"#),
        Ok(UserGroupBody::default())
    );
    for body in ["", "[]", "{", r#"{"name":5}"#] {
        assert_eq!(read(body), Err(DeprecatedError::Malformed), "{body}");
    }
    let long = format!(r#"{{"description":"{}"}}"#, "é".repeat(4001));
    assert_eq!(read(&long), Err(DeprecatedError::TooLong));
}

#[test]
fn bodies_of_profile_updates() {
    let read = |body: &str| ProfileBody::parse(body.as_bytes());
    let one = read(r#"{"addUsers":[" a@b.example"],"removeUserGroups":["G"],"x":5}"#).unwrap();
    assert_eq!(one.add_users, ["a@b.example"]);
    assert_eq!(one.remove_user_groups, ["G"]);
    let many = read(r#"[{"addUsers":["a"]},{"addUsers":["b"],"removeAdminUsers":[]}]"#).unwrap();
    assert_eq!(many.add_users, ["a", "b"]);
    let eleven: Vec<String> = (0..11).map(|n| format!("\"u{n}\"")).collect();
    for (body, error) in [
        ("{}".to_owned(), DeprecatedError::NothingGiven),
        ("[]".to_owned(), DeprecatedError::NothingGiven),
        (r#"{"x":[]}"#.to_owned(), DeprecatedError::NothingGiven),
        ("5".to_owned(), DeprecatedError::Malformed),
        (r#"{"addUsers":"a"}"#.to_owned(), DeprecatedError::Malformed),
        (r#"{"addUsers":[null]}"#.to_owned(), DeprecatedError::Malformed),
        (
            r#"{"addUsers":["a","A "]}"#.to_owned(),
            DeprecatedError::DuplicateUser,
        ),
        (
            r#"{"addUsers":["a"],"addUsers":["a"]}"#.to_owned(),
            DeprecatedError::DuplicateUser,
        ),
        (
            r#"{"addUserGroups":["G","g"]}"#.to_owned(),
            DeprecatedError::DuplicateUserGroup,
        ),
        (
            format!(r#"{{"addUsers":[{}]}}"#, eleven.join(",")),
            DeprecatedError::ListTooLong,
        ),
    ] {
        assert_eq!(read(&body), Err(error), "{body}");
    }
    let admins = ProductAdminBody::parse(br#"{"addProductAdmin":["a"],"removeProductAdmin":["a"]}"#).unwrap();
    assert_eq!(
        (admins.add, admins.remove),
        (vec!["a".to_owned()], vec!["a".to_owned()])
    );
    assert_eq!(
        ProductAdminBody::parse(br#"{"addProductAdmin":["a","a"]}"#),
        Err(DeprecatedError::DuplicateProductAdmin)
    );
}

proptest! {
    #[test]
    fn a_group_name_escaped_in_full_comes_back(name in "\\PC{1,20}") {
        let raw = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC).to_string();
        let path = format!("{BASE}/users/{ORG}/0/{raw}");
        let Some(Resource::UsersOfGroup { group, .. }) = Route::parse(&path).map(|route| route.resource) else {
            panic!("{path}");
        };
        prop_assert_eq!(group.decode().unwrap(), name);
    }

    #[test]
    fn no_path_and_no_query_make_anything_panic(text in "[/%a-z0-9@.&=+ \u{e9}]{0,40}") {
        let path = format!("{BASE}/{text}");
        if let Some(route) = Route::parse(&path) {
            let _ = (route.organization(), route.resource.template());
        }
        let _ = Parameters::parse(Some(&text)).flag("a", true);
    }
}
