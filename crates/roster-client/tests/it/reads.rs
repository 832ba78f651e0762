//! Reading people and groups.

use roster_client::{ClientError, UserQuery};

use crate::server::{Reply, Server};

#[tokio::test]
async fn pages_are_asked_for_until_the_last_one() {
    let server = Server::start(|number, _| {
        let last = number == 3;
        let body =
            format!(r#"{{"result":"success","lastPage":{last},"users":[{{"email":"p{number}@x.com"}}]}}"#);
        let headers = "X-Total-Count: 3\r\n".to_owned();
        Reply {
            headers,
            ..Reply::json(&body)
        }
    })
    .await;
    let mut pages = server.client().users(&UserQuery::everybody());
    let mut emails = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        assert_eq!(page.total, Some(3));
        emails.extend(page.users.into_iter().map(|user| user.email.unwrap()));
    }
    assert_eq!(emails, ["p1@x.com", "p2@x.com", "p3@x.com"]);
    let lines: Vec<String> = server.requests().iter().map(|r| r.line.clone()).collect();
    let expected =
        [0, 1, 2].map(|n| format!("GET /v2/usermanagement/users/ORG@AdobeOrg/{n}?directOnly=true"));
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_empty_page_and_a_404_end_a_list() {
    for status in [200, 404] {
        let server = Server::start(move |number, _| {
            if number == 1 {
                return Reply::json(r#"{"result":"success","users":[{"email":"a@x.com","groups":null}]}"#);
            }
            Reply {
                status,
                ..Reply::json(r#"{"result":"success","users":[]}"#)
            }
        })
        .await;
        let mut pages = server.client().users(&UserQuery::everybody());
        assert_eq!(pages.next().await.unwrap().unwrap().users.len(), 1);
        assert_eq!(pages.next().await.unwrap(), None);
        assert_eq!(pages.next().await.unwrap(), None, "asking again asks nobody");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_404_from_something_else_is_no_empty_organization() {
    for (body, is_empty) in [
        (r#"{"lastPage":false,"result":"error"}"#, true),
        (
            r#"{"result":"error.api.not_available","message":"No such resource"}"#,
            false,
        ),
        (r#"{"error_code":"404","message":"no"}"#, false),
        ("<html>Not Found</html>", false),
        ("", false),
    ] {
        let server = Server::start(move |_, _| Reply {
            status: 404,
            ..Reply::json(body)
        })
        .await;
        let mut everybody = server.client().users(&UserQuery::everybody());
        let first = everybody.next().await;
        assert_eq!(matches!(first, Ok(None)), is_empty, "{body}: {first:?}");
        if let Err(error) = first {
            let text = error.to_string();
            assert!(text.contains("404") && text.contains("GET http"), "{text}");
        }
        let mut members = server.client().users(&UserQuery::members_of("Photo"));
        assert_eq!(members.next().await.unwrap(), None, "{body}");
    }
}

#[tokio::test]
async fn group_names_are_encoded_slashes_included() {
    let server = Server::start(|_, _| Reply::status(404, "")).await;
    let mut pages = server.client().users(&UserQuery::members_of("R&D / EU @home é"));
    assert_eq!(pages.next().await.unwrap(), None);
    assert_eq!(
        server.requests()[0].line,
        "GET /v2/usermanagement/users/ORG@AdobeOrg/0/R%26D%20%2F%20EU%20@home%20%C3%A9?directOnly=true"
    );
}

#[tokio::test]
async fn one_person_is_found_by_name_and_domain_or_not_at_all() {
    let server = Server::start(|number, _| match number {
        1 => Reply::json(r#"{"result":"success","user":{"email":"a@x.com","type":"federatedID"}}"#),
        _ => Reply::status(404, ""),
    })
    .await;
    let client = server.client();
    let user = client.user("p+1", Some("x.com")).await.unwrap().unwrap();
    assert_eq!(user.kind.as_deref(), Some("federatedID"));
    assert_eq!(client.user("b@x.com", None).await.unwrap(), None);
    assert_eq!(
        server.requests()[0].line,
        "GET /v2/usermanagement/organizations/ORG@AdobeOrg/users/p%2B1?domain=x.com"
    );
}

#[tokio::test]
async fn groups_are_read_with_their_kind_and_product() {
    let server = Server::start(|_, _| {
        Reply::json(
            r#"{"result":"success","lastPage":true,"groups":[
                {"groupName":"Photo","type":"PRODUCT_PROFILE","productName":"Photoshop","memberCount":3,"licenseQuota":"UNLIMITED"}]}"#,
        )
    })
    .await;
    let page = server.client().groups().next().await.unwrap().unwrap();
    assert_eq!(page.groups[0].product_name.as_deref(), Some("Photoshop"));
    assert_eq!(page.groups[0].member_count, Some(3));
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_an_error_and_not_an_empty_list() {
    for (body, status) in [
        (r#"{"result":"error"}"#, 200),
        ("<html>", 200),
        (r#"{"message":"boom"}"#, 500),
    ] {
        let server = Server::start(move |_, _| Reply {
            status,
            ..Reply::json(body)
        })
        .await;
        let error = server
            .client()
            .users(&UserQuery::everybody())
            .next()
            .await
            .unwrap_err();
        let fits = match status {
            500 => matches!(error, ClientError::Refused { status: 500, .. }),
            _ => matches!(error, ClientError::NotUnderstood { .. }),
        };
        assert!(fits, "{error:?}");
        assert!(
            error.to_string().contains("/users/ORG@AdobeOrg/0"),
            "an error names what was asked: {error}"
        );
    }
}

#[tokio::test]
async fn an_organization_without_groups_has_one_page_of_none() {
    let server = Server::start(|_, _| Reply {
        headers: "X-Page-Count: 1\r\n".to_owned(),
        ..Reply::json(r#"{"result":"success","lastPage":true,"groups":[]}"#)
    })
    .await;
    assert!(server.client().groups().next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_list_that_ends_before_its_announced_end_is_an_error() {
    // What page 1 of 3 is answered with, and what that means for people and for groups.
    let tables: [(u16, &str, u64, bool, bool); 6] = [
        (404, "{}", 3, true, true),
        (
            200,
            r#"{"result":"success","users":[],"groups":[]}"#,
            3,
            true,
            true,
        ),
        (
            200,
            r#"{"result":"success","lastPage":true,"users":[{}],"groups":[{"groupName":"B"}]}"#,
            3,
            true,
            true,
        ),
        (404, "{}", 2, true, true),
        // Accounts that are counted and not listed leave the last page of people empty.
        (
            200,
            r#"{"result":"success","users":[],"groups":[]}"#,
            2,
            false,
            true,
        ),
        (
            200,
            r#"{"result":"success","lastPage":true,"users":[{}],"groups":[{"groupName":"B"}]}"#,
            2,
            false,
            false,
        ),
    ];
    for (status, body, pages, people, groups) in tables {
        let server = Server::start(move |_, request| Reply {
            headers: format!("X-Page-Count: {pages}\r\n"),
            ..if request.line.contains("/0") {
                Reply::json(r#"{"result":"success","users":[{}],"groups":[{"groupName":"A"}]}"#)
            } else {
                Reply {
                    status,
                    ..Reply::json(body)
                }
            }
        })
        .await;
        let mut walk = server.client().users(&UserQuery::everybody());
        walk.next().await.unwrap();
        let second = walk.next().await;
        assert_eq!(
            matches!(second, Err(ClientError::Incomplete { .. })),
            people,
            "people, {status} {body} of {pages}: {second:?}"
        );
        let mut walk = server.client().groups();
        walk.next().await.unwrap();
        let second = walk.next().await;
        assert_eq!(
            matches!(second, Err(ClientError::Incomplete { .. })),
            groups,
            "groups, {status} {body} of {pages}: {second:?}"
        );
    }
}

#[tokio::test]
async fn a_list_that_shows_less_than_it_announced_is_an_error() {
    // The headers of the first page, what it says of its being the last, the answer to the second, and what comes of it.
    let tables: [(&str, &str, u16, &str, bool); 10] = [
        ("X-Total-Count: 3\r\n", "true", 404, "{}", true),
        ("X-Total-Count: 1\r\n", "true", 404, "{}", false),
        ("", "true", 404, "{}", false),
        // Adobe counts technical accounts and does not list them.
        (
            "X-Total-Count: 2\r\nX-Page-Count: 1\r\n",
            "true",
            404,
            "{}",
            false,
        ),
        ("", "false", 404, "{}", true),
        ("", "false", 200, r#"{"result":"success","lastPage":false}"#, true),
        ("", "false", 200, r#"{"result":"success","lastPage":true}"#, true),
        // Whoever was on the page has left.
        (
            "X-Page-Count: 2\r\n",
            "false",
            200,
            r#"{"result":"success","lastPage":true}"#,
            false,
        ),
        // A server that does not say whether a page is the last.
        ("", "null", 404, "{}", false),
        ("X-Total-Count: 3\r\n", "null", 404, "{}", true),
    ];
    for (headers, last, status, second, lacks) in tables {
        let server = Server::start(move |_, request| {
            if request.line.contains("/0") {
                return Reply {
                    headers: headers.to_owned(),
                    ..Reply::json(&format!(
                        r#"{{"result":"success","lastPage":{last},"users":[{{}}],"groups":[{{"groupName":"A"}}]}}"#
                    ))
                };
            }
            Reply {
                status,
                ..Reply::json(second)
            }
        })
        .await;
        let mut people = server.client().users(&UserQuery::everybody());
        let ended = loop {
            match people.next().await {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let is_incomplete = matches!(ended, Some(ClientError::Incomplete { .. }));
        assert_eq!(
            is_incomplete, lacks,
            "people, {headers:?} {last} {second}: {ended:?}"
        );
        let mut groups = server.client().groups();
        let ended = loop {
            match groups.next().await {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let is_incomplete = matches!(ended, Some(ClientError::Incomplete { .. }));
        assert_eq!(
            is_incomplete, lacks,
            "groups, {headers:?} {last} {second}: {ended:?}"
        );
    }
}
