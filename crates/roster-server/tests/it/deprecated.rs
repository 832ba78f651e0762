//! The deprecated endpoints (umapi.md 11).

use expect_test::expect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{ACME_ID, Answer, Ask, Caller, TestServer, api, create};

const PHOTO: &str = "0000000000000000000F";

fn standard() -> String {
    format!("/{ACME_ID}/products/{PHOTO}/configurations/{:020X}", 151)
}

async fn people(sync: &Caller<'_>) {
    sync.done(json!([
        {"user": "ana@example.com", "do": [
            {"createFederatedID": {"email": "ana@example.com", "country": "PT", "firstname": "Ana"}},
            {"add": {"group": ["Design Team", "Photo Suite Pro", "_support_admin", "_admin_Design Team"]}}]},
        create("ben@example.com")]))
        .await;
}

/// Status, and that both fields of the body carry the code.
fn refused(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body["errorCode"], body["errorMessage"], "{}", answer.show());
    (
        answer.status.as_u16(),
        body["errorCode"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn r192_users_are_a_bare_array_with_other_names() {
    let server = TestServer::with(|config| config.page_size_deprecated = 2).await;
    let sync = server.sync().await;
    people(&sync).await;
    let answer = sync.get(&format!("/{ACME_ID}/users")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/{orgId}/users
        x-total-count: 3
        x-page-count: 2
        x-current-page: 0
        x-page-size: 2
        [
          {
            "adminRoles": [
              "org"
            ],
            "countryCode": "DE",
            "domain": "example.com",
            "email": "root@example.com",
            "id": "000000000000010000000010@00000000000000000000000b.e",
            "status": "active",
            "userType": "federatedID",
            "username": "root@example.com"
          },
          {
            "adminRoles": [
              "support",
              "Design Team"
            ],
            "countryCode": "PT",
            "domain": "example.com",
            "email": "ana@example.com",
            "firstName": "Ana",
            "groups": [
              "Design Team",
              "Photo Suite Pro"
            ],
            "id": "7A755664AD92F48297BDFC01@00000000000000000000000b.e",
            "status": "active",
            "userType": "federatedID",
            "username": "ana@example.com"
          }
        ]
    "#]]
    .assert_eq(&answer.show());
    let alias = sync.get(&format!("/organizations/{ACME_ID}/users?page=1")).await;
    assert_eq!(alias.column("", "email"), ["ben@example.com"]);
    assert_eq!(alias.paging(), [3, 2, 1, 1]);
    let past = sync.get(&format!("/{ACME_ID}/users?page=9")).await;
    assert_eq!(
        (past.column("", "email"), past.paging()),
        (vec!["ben@example.com".to_owned()], [3, 2, 1, 1])
    );
}

#[tokio::test]
async fn r193_user_groups_count_their_pages_from_one() {
    let server = TestServer::with(|config| config.page_size_deprecated = 2).await;
    let sync = server.sync().await;
    people(&sync).await;
    let first = sync.get(&format!("/{ACME_ID}/user-groups?page=1")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/{orgId}/user-groups
        x-total-count: 3
        x-page-count: 2
        x-current-page: 1
        x-page-size: 2
        [
          {
            "adminCount": "1",
            "adminGroupId": "3030341635608529",
            "adminGroupName": "_admin_Design Team",
            "groupId": 101,
            "name": "Design Team",
            "type": "USER_GROUP",
            "userCount": 1
          },
          {
            "groupId": 102,
            "name": "R&D / EU @home",
            "type": "USER_GROUP"
          }
        ]
    "#]]
    .assert_eq(&first.show());
    for query in ["", "?page=0"] {
        assert_eq!(
            sync.get(&format!("/{ACME_ID}/user-groups{query}")).await.show(),
            first.show()
        );
    }
    let second = sync.get(&format!("/{ACME_ID}/user-groups?page=2")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/{orgId}/user-groups
        x-total-count: 3
        x-page-count: 2
        x-current-page: 2
        x-page-size: 1
        [
          {
            "groupId": 103,
            "isReadOnly": true,
            "name": "Sales",
            "type": "USER_GROUP"
          }
        ]
    "#]]
    .assert_eq(&second.show());
    let past = sync.get(&format!("/{ACME_ID}/user-groups?page=3")).await;
    assert_eq!((past.json(), past.paging()), (json!([]), [3, 2, 3, 0]));
}

#[tokio::test]
async fn single_groups_are_found_by_number_and_name_and_list_their_people() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    people(&sync).await;
    for id in ["101", "design%20team"] {
        let group = sync.get(&format!("/{ACME_ID}/user-groups/{id}")).await;
        assert_eq!(group.json()["name"], "Design Team", "{id}");
        let users = sync.get(&format!("/{ACME_ID}/user-groups/{id}/users")).await;
        assert_eq!(
            users.json(),
            json!([{
                "email": "ana@example.com",
                "firstName": "Ana",
                "countryCode": "PT",
                "status": "active",
                "userType": "federatedID",
            }])
        );
        assert_eq!(users.paging(), [1, 1, 0, 1]);
        let admins = sync.get(&format!("/{ACME_ID}/user-groups/{id}/admins")).await;
        assert_eq!(admins.column("", "email"), ["ana@example.com"]);
    }
    let nobody = sync.get(&format!("/{ACME_ID}/user-groups/102/admins")).await;
    assert_eq!((nobody.json(), nobody.paging()), (json!([]), [0, 1, 0, 0]));
    for id in ["999", "nope", "151", "Photo%20Suite%20Pro", "_org_admin"] {
        for path in [
            format!("/{ACME_ID}/user-groups/{id}"),
            format!("/{ACME_ID}/user-groups/{id}/users"),
        ] {
            let answer = sync.get(&path).await;
            assert_eq!(refused(&answer), (404, "GROUP_NOT_FOUND".to_owned()), "{path}");
        }
    }
}

#[tokio::test]
async fn r194_user_groups_are_created_changed_and_deleted() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let groups = format!("/{ACME_ID}/user-groups");
    let made = sync
        .post(&groups, &json!({"name": "  2024 ", "description": "x"}))
        .await;
    assert_eq!(
        (made.status.as_u16(), made.json()["name"].as_str()),
        (200, Some("2024"))
    );
    let id = made.json()["groupId"].clone();
    for (body, code) in [
        (json!({"name": "2024"}), "DUPLICATE_GROUP_NAME"),
        (json!({"name": "photo suite PRO"}), "DUPLICATE_GROUP_NAME"),
        (json!({"name": "_x"}), "error.group.invalid_name"),
        (json!({"name": "x".repeat(256)}), "error.group.invalid_name"),
        (json!({"description": "no name"}), "error.group.invalid_name"),
        (json!({"name": 5}), "error.command.malformed"),
        (json!([]), "error.command.malformed"),
    ] {
        let answer = sync.post(&groups, &body).await;
        assert_eq!(refused(&answer), (400, code.to_owned()), "{body}");
    }
    let one = format!("{groups}/{id}");
    let put = |path: &str, body: Value| Ask::new(Method::PUT, &api(path)).body(body.to_string());
    let renamed = sync.send(put(&one, json!({"name": "2025"}))).await;
    assert_eq!(
        (renamed.status.as_u16(), renamed.json()["name"].as_str()),
        (200, Some("2025"))
    );
    assert_eq!(renamed.json()["groupId"], id);
    assert_eq!(sync.send(put(&one, json!({}))).await.status, 200);
    let taken = sync.send(put(&one, json!({"name": "Design Team"}))).await;
    assert_eq!(refused(&taken), (400, "DUPLICATE_GROUP_NAME".to_owned()));
    let missing = sync
        .send(put(&format!("{groups}/999"), json!({"name": "x"})))
        .await;
    assert_eq!(refused(&missing), (404, "GROUP_NOT_FOUND".to_owned()));
    let read_only = sync
        .send(put(&format!("{groups}/103"), json!({"name": "x"})))
        .await;
    assert_eq!(
        refused(&read_only),
        (400, "error.usergroup.readonly.update_not_allowed".to_owned())
    );
    let delete = |path: &str| Ask::new(Method::DELETE, &api(path));
    let read_only = sync.send(delete(&format!("{groups}/Sales"))).await;
    assert_eq!(
        refused(&read_only),
        (400, "error.usergroup.readonly.remove_not_allowed".to_owned())
    );
    let deleted = sync.send(delete(&one)).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    assert_eq!(
        refused(&sync.send(delete(&one)).await),
        (404, "GROUP_NOT_FOUND".to_owned())
    );
}

#[tokio::test]
async fn r195_products_and_profiles_have_their_shapes() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    people(&sync).await;
    let mut text = String::new();
    for path in [
        format!("/{ACME_ID}/products/"),
        format!("/{ACME_ID}/products/{PHOTO}"),
        format!("/{ACME_ID}/products/{PHOTO}/configurations"),
        standard(),
    ] {
        text.push_str(&sync.get(&path).await.show());
    }
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/{orgId}/products
        x-total-count: 2
        x-page-count: 1
        x-current-page: 0
        x-page-size: 2
        [
          {
            "code": "PHOT",
            "configurationCount": 2,
            "id": "0000000000000000000F",
            "licenseQuota": null,
            "name": "Photo Suite",
            "userCount": 1
          },
          {
            "code": "VIDE",
            "configurationCount": 2,
            "id": "00000000000000000010",
            "licenseQuota": 3,
            "name": "Video",
            "userCount": 0
          }
        ]
        200
        canonical-resource: /v2/usermanagement/{orgId}/products/{productId}
        {
          "code": "PHOT",
          "configurationCount": 2,
          "id": "0000000000000000000F",
          "licenseQuota": null,
          "name": "Photo Suite",
          "userCount": 1
        }
        200
        canonical-resource: /v2/usermanagement/{orgId}/products/{productId}/configurations
        {
          "code": "PHOT",
          "configurationCount": 2,
          "id": "0000000000000000000F",
          "licenseConfigurations": [
            {
              "adminCount": 0,
              "adminGroupId": 0,
              "id": "00000000000000000097",
              "licenseGroupId": 151,
              "licenseQuota": 2,
              "orgId": "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg",
              "productId": "0000000000000000000F",
              "userCount": 0
            },
            {
              "adminCount": 0,
              "adminGroupId": 0,
              "id": "00000000000000000098",
              "licenseGroupId": 152,
              "licenseQuota": null,
              "orgId": "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg",
              "productId": "0000000000000000000F",
              "userCount": 1
            }
          ],
          "licenseQuota": null,
          "name": "Photo Suite",
          "userCount": 1
        }
        200
        canonical-resource: /v2/usermanagement/{orgId}/products/{productId}/configurations/{id}
        {
          "adminCount": 0,
          "adminGroupId": 0,
          "id": "00000000000000000097",
          "licenseGroupId": 151,
          "licenseQuota": 2,
          "orgId": "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg",
          "productId": "0000000000000000000F",
          "userCount": 0
        }
    "#]]
    .assert_eq(&text);
    let pro = standard().replace(&format!("{:020X}", 151), &format!("{:020X}", 152));
    let users = sync.get(&format!("{pro}/users")).await;
    let shown = users.json()[0].clone();
    assert_eq!(
        (shown["email"].as_str(), shown["userType"].as_str()),
        (Some("ana@example.com"), Some("federatedID"))
    );
    assert!(shown.get("countryCode").is_none() && shown.get("id").is_some());
    assert_eq!(users.paging(), [1, 1, 0, 1]);
    assert_eq!(sync.get(&format!("{pro}/admins")).await.json(), json!([]));
    for (path, code) in [
        (format!("/{ACME_ID}/products/nope"), "PRODUCT_NOT_FOUND"),
        (
            format!("/{ACME_ID}/products/nope/configurations"),
            "PRODUCT_NOT_FOUND",
        ),
        (
            format!("/{ACME_ID}/products/nope/configurations/{:020X}", 151),
            "PRODUCT_NOT_FOUND",
        ),
        (
            format!("/{ACME_ID}/products/{PHOTO}/configurations/nope"),
            "PLC_NOT_FOUND",
        ),
        (
            format!("/{ACME_ID}/products/{PHOTO}/configurations/{:020X}/users", 161),
            "PLC_NOT_FOUND",
        ),
    ] {
        assert_eq!(refused(&sync.get(&path).await), (404, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn r196_a_profile_is_changed_as_a_whole_or_not_at_all() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    people(&sync).await;
    let changed = sync
        .post(
            &standard(),
            &json!([{
                "addUsers": ["ana@example.com", "BEN@example.com"],
                "addUserGroups": ["design team"],
                "addAdminUsers": ["ben@example.com"],
            }]),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.show());
    let body = changed.json();
    assert_eq!(
        (body["userCount"].clone(), body["adminCount"].clone()),
        (json!(2), json!(1))
    );
    for (asked, status, code) in [
        (
            json!({"addUsers": ["nobody@example.com"]}),
            404,
            "error.user.not_found",
        ),
        (
            json!({"removeUsers": ["ana@example.com"], "addUsers": ["nobody@example.com"]}),
            404,
            "error.user.not_found",
        ),
        (
            json!({"addUserGroups": ["Nope"]}),
            400,
            "error.command.add_remove.invalid.usergroup_list",
        ),
        (
            json!({"addUsers": ["a@example.com", "A@example.com"]}),
            400,
            "error.command.add_remove.duplicate.user_list",
        ),
        (
            json!({"addUserGroups": ["Design Team", "design team"]}),
            400,
            "error.command.add_remove.duplicate.usergroup_list",
        ),
        (
            json!({"unknown": []}),
            400,
            "error.command.add_remove.user_usergroup.missing",
        ),
        (
            json!({"addUsers": (0..11).map(|n| format!("p{n}@example.com")).collect::<Vec<_>>()}),
            400,
            "error.command.add_remove.list_too_long",
        ),
    ] {
        let answer = sync.post(&standard(), &asked).await;
        assert_eq!(refused(&answer), (status, code.to_owned()), "{asked}");
    }
    let direct = sync
        .get(&format!("/users/{ACME_ID}/0/Photo%20Suite%20Standard"))
        .await;
    assert_eq!(
        direct.column("users", "email"),
        ["ana@example.com", "ben@example.com"],
        "nothing was half done"
    );
    let ask = Ask::post(&api(&standard()))
        .header("x-request-id", "whole")
        .body(json!({"removeUsers": ["ana@example.com"], "addUsers": ["nobody@example.com"]}).to_string());
    assert_eq!(sync.send(ask).await.status, 404);
    let log = server.log("whole").await;
    assert!(log.iter().all(|row| row.changes.is_empty()), "{log:?}");
    let [other, wrong] = [0, 1].map(|n| serde_json::from_str::<Value>(&log[n].command).unwrap());
    assert_eq!(
        (&other["undone"], &other["refused"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&wrong["undone"], &wrong["refused"]),
        (
            &Value::Null,
            &json!([{"code": "error.user.nonexistent", "step": 0}])
        )
    );
    let removed = sync
        .post(
            &standard(),
            &json!({
                "removeUsers": ["ana@example.com", "ben@example.com"],
                "removeUserGroups": ["Design Team"],
                "removeAdminUsers": ["ben@example.com"],
            }),
        )
        .await;
    let body = removed.json();
    assert_eq!(
        (body["userCount"].clone(), body["adminCount"].clone()),
        (json!(0), json!(0))
    );

    let admin = format!("/{ACME_ID}/products/{PHOTO}/admin");
    let appointed = sync
        .post(&admin, &json!({"addProductAdmin": ["ana@example.com"]}))
        .await;
    assert_eq!(
        (appointed.status.as_u16(), appointed.json()["name"].as_str()),
        (200, Some("Photo Suite"))
    );
    let holders = sync
        .get(&format!("/users/{ACME_ID}/0/_product_admin_Photo%20Suite"))
        .await;
    assert_eq!(holders.column("users", "email"), ["ana@example.com"]);
    let twice = sync
        .post(
            &admin,
            &json!({"removeProductAdmin": ["ana@example.com", "ANA@example.com"]}),
        )
        .await;
    assert_eq!(
        refused(&twice),
        (
            400,
            "error.command.add_remove.duplicate.productadmin_list".to_owned()
        )
    );
}

#[tokio::test]
async fn r197_there_are_never_pending_invites() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    for base in [
        format!("/{ACME_ID}/invites"),
        format!("/organizations/{ACME_ID}/invites"),
    ] {
        let list = sync
            .get(&format!("{base}?includeExpired=true&sortColumn=x&sortOrder=y"))
            .await;
        assert_eq!((list.json(), list.paging()), (json!([]), [0, 1, 0, 0]));
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let single = sync
                .send(Ask::new(method, &api(&format!("{base}/a@example.com"))))
                .await;
            assert_eq!(
                (single.status.as_u16(), single.json()),
                (
                    404,
                    json!({"errorMessage": "No pending invite", "errorCode": "invites.pending.not_found"})
                )
            );
        }
    }
}
