//! Parameters, and the bodies of the deprecated endpoints.

use proptest::prelude::*;
use roster_umapi::query::bodies::{ProductAdminBody, ProfileBody, UserGroupBody};
use roster_umapi::query::parameters::Parameters;
use roster_umapi::request::{DeprecatedError, RequestError};

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
    let twice = r#"{"name":"A","description":"","name":null}"#;
    for body in ["", "[]", "{", r#"{"name":5}"#, twice] {
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
            r#"{"addUsers":["a"],"addUsers":["b"]}"#.to_owned(),
            DeprecatedError::DuplicateUser,
        ),
        (
            r#"{"addUserGroups":["G","g"]}"#.to_owned(),
            DeprecatedError::DuplicateUserGroup,
        ),
        (
            r#"[{"addUserGroups":[],"removeUsers":["a"],"addUserGroups":["G"]}]"#.to_owned(),
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
    fn no_query_makes_anything_panic(text in "[/%a-z0-9@.&=+ \u{e9}]{0,40}") {
        let _ = Parameters::parse(Some(&text)).flag("a", true);
    }
}
