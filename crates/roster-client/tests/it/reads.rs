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
        (
            "",
            "false",
            200,
            r#"{"result":"success","lastPage":false,"users":[],"groups":[]}"#,
            true,
        ),
        (
            "",
            "false",
            200,
            r#"{"result":"success","lastPage":true,"users":[],"groups":[]}"#,
            true,
        ),
        // Whoever was on the page has left.
        (
            "X-Page-Count: 2\r\n",
            "false",
            200,
            r#"{"result":"success","lastPage":true,"users":[],"groups":[]}"#,
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

#[tokio::test]
async fn a_page_without_its_list_is_no_empty_page() {
    for missing in ["", r#","users":null,"groups":null"#] {
        let body = format!(r#"{{"lastPage":true,"result":"success"{missing}}}"#);
        let server = Server::start(move |_, _| Reply::json(&body)).await;
        let (client, everybody) = (server.client(), UserQuery::everybody());
        let people = client.users(&everybody).next().await;
        let error = people.expect_err(missing).to_string();
        assert!(error.contains("without `users`"), "{error}");
        assert!(
            error.contains(&server.url) && error.contains("lastPage"),
            "{error}"
        );
        let groups = client.groups().required().next().await;
        assert!(groups.unwrap_err().to_string().contains("without `groups`"));
        // Groups that nobody asked to be there, and members of one, may be left out.
        assert_eq!(client.groups().next().await.unwrap(), None);
        let mut members = client.users(&UserQuery::members_of("Photo"));
        assert_eq!(members.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_list_that_has_to_be_there_is_no_404() {
    let server = Server::start(|_, _| Reply {
        status: 404,
        ..Reply::json(r#"{"result":"error.organization.not_found"}"#)
    })
    .await;
    let (client, everybody) = (server.client(), UserQuery::everybody());
    assert_eq!(client.users(&everybody).next().await.unwrap(), None);
    for error in [
        client
            .users(&everybody)
            .required()
            .next()
            .await
            .unwrap_err()
            .to_string(),
        client.groups().required().next().await.unwrap_err().to_string(),
    ] {
        assert!(error.contains("404") && error.contains(&server.url), "{error}");
    }
}

/// Reads a list of people to its end: how many came, how many were counted and did not come, or the error.
async fn whole(server: &Server) -> Result<(usize, u64), String> {
    let mut pages = server.client().users(&UserQuery::everybody());
    let mut came = 0;
    while let Some(page) = pages.next().await.map_err(|error| error.to_string())? {
        came += page.users.len();
        assert!(server.requests().len() < 1000, "it goes on for ever");
    }
    Ok((came, pages.unlisted()))
}

fn people(names: &[&str], last: Option<bool>) -> String {
    let users: Vec<String> = names
        .iter()
        .map(|name| format!(r#"{{"email":"{name}@x.com"}}"#))
        .collect();
    let last = last.map_or(String::new(), |last| format!(r#""lastPage":{last},"#));
    format!(r#"{{"result":"success",{last}"users":[{}]}}"#, users.join(","))
}

#[tokio::test]
async fn a_list_that_begins_again_is_an_error() {
    // The headers, the pages, of which the last one is repeated, and what the walk ends with.
    let many: &[&[&str]] = &[&["a", "b"], &["c"]];
    for (headers, pages, last, ends) in [
        ("", &many[..1], Some(false), None),
        ("", &many[..1], None, None),
        ("", many, Some(false), None),
        (
            "X-Page-Count: 9\r\nX-Total-Count: 30\r\n",
            many,
            Some(false),
            None,
        ),
        ("X-Page-Count: 9\r\nX-Total-Count: 30\r\n", many, None, None),
        // These say neither whether a page is the last nor that there is none behind it, but how many there are.
        ("X-Page-Count: 2\r\n", many, None, Some(3)),
        ("X-Total-Count: 3\r\n", many, None, Some(3)),
    ] {
        let server = Server::start(move |number, _| Reply {
            headers: headers.to_owned(),
            ..Reply::json(&people(pages.get(number - 1).or(pages.last()).unwrap(), last))
        })
        .await;
        let ended = whole(&server).await;
        if let Some(count) = ends {
            assert_eq!(ended, Ok((count, 0)), "{headers:?} {last:?}");
        } else {
            let error = ended.unwrap_err();
            assert!(error.contains("begins again"), "{headers:?} {last:?}: {error}");
        }
    }
    // Nobody comes twice, but the end does not come either.
    let server = Server::start(|number, _| Reply {
        headers: "X-Page-Count: 2\r\n".to_owned(),
        ..Reply::json(&people(&[&format!("p{number}")], Some(false)))
    })
    .await;
    let error = whole(&server).await.unwrap_err();
    assert!(error.contains("counts 2 page(s)"), "{error}");
    let server = Server::start(|_, _| {
        Reply::json(r#"{"result":"success","lastPage":false,"groups":[{"groupName":"A"}]}"#)
    })
    .await;
    let mut groups = server.client().groups();
    groups.next().await.unwrap();
    assert!(groups.next().await.is_err());
}

#[tokio::test]
async fn the_last_page_once_more_is_the_end_where_there_are_fewer_pages() {
    // Somebody has left since the first page said that there are two: the second is the first again.
    for (pages, ends) in [(1, Ok((2, 0))), (2, Err(()))] {
        let server = Server::start(move |number, _| Reply {
            headers: format!("X-Page-Count: {}\r\n", if number == 1 { 2 } else { pages }),
            ..Reply::json(&people(&["a", "b"], Some(number > 1)))
        })
        .await;
        assert_eq!(whole(&server).await.map_err(|_| ()), ends, "{pages}");
    }
    // Who comes twice is counted once.
    let server = Server::start(move |number, _| Reply {
        headers: "X-Page-Count: 2\r\nX-Total-Count: 9\r\n".to_owned(),
        ..Reply::json(&people(
            if number == 1 { &["a", "b"] } else { &["b", "c"] },
            Some(number > 1),
        ))
    })
    .await;
    assert_eq!(whole(&server).await, Ok((4, 6)));
}
