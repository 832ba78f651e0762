//! Reading people and groups (umapi.md 3, 9); pages have a module of their own.

use expect_test::expect;
use roster_core::change::Change;
use roster_core::value::{AccountId, Status};
use serde_json::{Value, json};

use crate::support::{ACME_ID, Caller, TRUSTEE_ID, TRUSTEES, TestServer, create};

/// Ana, Ben and Dee as in the worked example of umapi.md 9.6.
async fn example(sync: &Caller<'_>) {
    sync.done(json!([
        create("ana@example.com"),
        create("ben@example.com"),
        create("dee@example.com"),
        {"usergroup": "Design Team", "do": [{"add": {"user": ["ana@example.com", "ben@example.com"]}}]},
        {"user": "ben@example.com", "do": [{"add": {"group": ["Photo Suite Standard"]}}]},
        {"user": "dee@example.com", "do": [{"add": {"group": ["Photo Suite Standard"]}}]},
        {"usergroup": "Design Team", "do": [{"add": {"productConfiguration": ["Photo Suite Standard"]}}]}]))
        .await;
}

/// First names of who a query lists, in order.
pub(crate) async fn who(sync: &Caller<'_>, query: &str) -> Vec<String> {
    let answer = sync.get(&format!("/users/{ACME_ID}/0{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.show());
    let emails = answer.column("users", "email");
    emails
        .iter()
        .map(|email| email.split('@').next().unwrap().to_owned())
        .collect()
}

/// The groups that a person shows.
async fn groups_of(sync: &Caller<'_>, user: &str, query: &str) -> Value {
    let answer = sync
        .get(&format!("/organizations/{ACME_ID}/users/{user}{query}"))
        .await;
    answer.json()["user"]["groups"].clone()
}

#[tokio::test]
async fn r32_r38_people_have_the_fields_they_have() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        {"user": "kofi@nowhere.example", "useAdobeID": true, "do": [
            {"addAdobeID": {"email": "kofi@nowhere.example", "firstname": "Kofi", "lastname": "Ño"}}]},
        {"user": "p0042", "domain": "example.net", "do": [
            {"createFederatedID": {"email": "p42@example.com", "country": "PT"}},
            {"add": {"group": ["R&D / EU @home", "_admin_Design Team"]}}]},
        {"user": "eva@enterprise.example", "do": [
            {"createEnterpriseID": {"email": "eva@enterprise.example", "lastname": "E"}}]}]))
        .await;
    let answer = sync.get(&format!("/users/{ACME_ID}/0")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/users/{orgId}/{page}
        x-total-count: 4
        x-page-count: 1
        x-current-page: 0
        x-page-size: 4
        {
          "lastPage": true,
          "result": "success",
          "users": [
            {
              "country": "DE",
              "domain": "example.com",
              "email": "root@example.com",
              "groups": [
                "_org_admin"
              ],
              "id": "000000000000010000000010@00000000000000000000000b.e",
              "status": "active",
              "type": "federatedID",
              "username": "root@example.com"
            },
            {
              "country": "UD",
              "domain": "nowhere.example",
              "email": "kofi@nowhere.example",
              "firstname": "Kofi",
              "id": "7A755664AD92F48297BDFC01@AdobeID",
              "lastname": "Ño",
              "status": "active",
              "type": "adobeID",
              "username": "kofi@nowhere.example"
            },
            {
              "country": "PT",
              "domain": "example.net",
              "email": "p42@example.com",
              "groups": [
                "R&D / EU @home",
                "_admin_Design Team"
              ],
              "id": "9BE002F04F16064090DB5FA8@00000000000000000000000b.e",
              "status": "active",
              "type": "federatedID",
              "username": "p0042"
            },
            {
              "country": "UD",
              "domain": "enterprise.example",
              "email": "eva@enterprise.example",
              "id": "60A72EDC664B150EC6F660B6@00000000000000000000000c.e",
              "lastname": "E",
              "status": "active",
              "type": "enterpriseID",
              "username": "eva@enterprise.example"
            }
          ]
        }
    "#]]
    .assert_eq(&answer.show());
}

#[tokio::test]
async fn r39_ids_survive_changes_and_are_the_same_in_two_organizations() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let trustee = server.caller(TRUSTEES).await;
    sync.done(json!([create("ana@example.com")])).await;
    let id = |answer: crate::support::Answer| answer.json()["user"]["id"].as_str().unwrap().to_owned();
    let before = id(sync
        .get(&format!("/organizations/{ACME_ID}/users/ana@example.com"))
        .await);
    let joined = trustee
        .post(
            &format!("/action/{TRUSTEE_ID}"),
            &json!([{"user": "ana@example.com", "do": [{"add": {"group": []}}]}]),
        )
        .await;
    assert_eq!(joined.json()["result"], "success", "{}", joined.show());
    sync.done(json!([{"user": "ana@example.com", "do": [{"update": {"email": "ana.new@example.net"}}]}]))
        .await;
    assert_eq!(
        id(sync
            .get(&format!("/organizations/{ACME_ID}/users/ana.new@example.net"))
            .await),
        before
    );
    assert_eq!(
        id(trustee
            .get(&format!("/organizations/{TRUSTEE_ID}/users/ana.new@example.net"))
            .await),
        before
    );
}

#[tokio::test]
async fn r40_r41_r68_only_active_members_are_listed() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        create("ana@example.com"),
        create("ben@example.com"),
        {"user": "ben@example.com", "do": [{"removeFromOrg": {}}]},
        {"user": "ana@example.com", "do": [{"add": {"group": ["Design Team"]}}]}]))
        .await;
    assert_eq!(who(&sync, "").await, ["root", "ana"]);
    let single = |user: &str| format!("/organizations/{ACME_ID}/users/{user}@example.com");
    assert_eq!(sync.get(&single("ben")).await.status, 404);
    let account = server
        .store
        .read(|reader| {
            reader.number(
                "SELECT account FROM accounts WHERE email_key = 'ana@example.com'",
                &[],
            )
        })
        .await
        .unwrap()
        .unwrap();
    server
        .apply(vec![Change::AccountStatusSet {
            account: AccountId(account),
            before: Status::Active,
            after: Status::Disabled,
        }])
        .await;
    assert_eq!(who(&sync, "").await, ["root"]);
    assert_eq!(sync.get(&single("ana")).await.status, 404);
    let group = sync.get(&format!("/users/{ACME_ID}/0/design%20team")).await;
    assert_eq!(
        group.column("users", "status"),
        ["disabled"],
        "a group lists everybody"
    );
}

#[tokio::test]
async fn r46_r47_people_are_filtered_by_domain() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        create("ana@example.net"),
        {"user": "kofi@nowhere.example", "do": [{"addAdobeID": {"email": "kofi@nowhere.example"}}]}]))
        .await;
    assert_eq!(who(&sync, "?domain=EXAMPLE.net").await, ["ana"]);
    assert_eq!(who(&sync, "?domain=adobeid").await, ["kofi"]);
    assert_eq!(
        who(&sync, "?domain=enterprise.example").await,
        Vec::<String>::new()
    );
    let filtered = sync.get(&format!("/users/{ACME_ID}/0?domain=example.net")).await;
    assert_eq!(filtered.paging(), [1, 1, 0, 1]);
    for domain in ["other.example", "nowhere.example"] {
        let answer = sync.get(&format!("/users/{ACME_ID}/0?domain={domain}")).await;
        assert_eq!(answer.status, 404);
        assert_eq!(
            answer.json(),
            json!({
                "lastPage": false,
                "result": "error.domain.trust.nonexistent",
                "message": format!("Not found: Domain {domain}"),
            })
        );
    }
}

#[tokio::test]
async fn r48_r49_r57_r58_r61_the_worked_example_holds() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    example(&sync).await;
    let profile = "/photo%20suite%20standard";
    assert_eq!(who(&sync, profile).await, ["ben", "dee"]);
    assert_eq!(
        who(&sync, &format!("{profile}?directOnly=false")).await,
        ["ben", "dee", "ana"]
    );
    assert_eq!(
        who(&sync, &format!("{profile}?status=active")).await,
        ["ben", "dee"]
    );
    assert_eq!(
        who(&sync, &format!("{profile}?status=INACTIVE")).await,
        Vec::<String>::new()
    );
    assert_eq!(
        who(&sync, &format!("{profile}?directOnly=false&status=inactive")).await,
        ["ana"]
    );
    for direct in ["", "?directOnly=false", "?status=active"] {
        assert_eq!(
            who(&sync, &format!("/Design%20Team{direct}")).await,
            ["ana", "ben"],
            "R59 {direct}"
        );
    }
    let bad = sync
        .get(&format!("/users/{ACME_ID}/0{profile}?status=waiting"))
        .await;
    assert_eq!(
        (bad.status.as_u16(), bad.json()["errorMessage"].as_str()),
        (400, Some("Invalid value for status: waiting"))
    );
    let all = "?directOnly=false";
    assert_eq!(
        groups_of(&sync, "ana@example.com", "").await,
        json!(["Design Team"])
    );
    assert_eq!(
        groups_of(&sync, "ana@example.com", all).await,
        json!(["Design Team", "Photo Suite Standard"])
    );
    for query in ["", all] {
        assert_eq!(
            groups_of(&sync, "ben@example.com", query).await,
            json!(["Design Team", "Photo Suite Standard"])
        );
        assert_eq!(
            groups_of(&sync, "dee@example.com", query).await,
            json!(["Photo Suite Standard"])
        );
    }
    sync.done(json!([{"user": "dee@example.com", "do": [{"remove": {"group": ["Photo Suite Standard"]}}]}]))
        .await;
    assert_eq!(
        who(&sync, &format!("{profile}?directOnly=false&status=active")).await,
        ["ben", "ana"]
    );
    sync.done(json!([{"user": "ben@example.com", "do": [{"remove": {"group": ["Photo Suite Standard"]}}]}]))
        .await;
    assert_eq!(who(&sync, profile).await, Vec::<String>::new());
    assert_eq!(
        who(&sync, &format!("{profile}?directOnly=false&status=active"))
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn r50_r51_r52_r53_groups_of_every_kind_list_their_members() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([{"user": "root@example.com", "do": [{"add": {"group": [
        "R&D / EU @home", "Photo Suite Pro", "_support_admin", "_deployment_admin", "_admin_Design Team",
        "_product_admin_Photo Suite", "_developer_Photo Suite Pro", "_admin_Photo Suite Pro"]}}]}]))
        .await;
    for (asked, stored) in [
        ("R%26D%20/%20EU%20%40HOME", "R&D / EU @home"),
        ("photo%20suite%20PRO", "Photo Suite Pro"),
        ("_ORG_admin", "_org_admin"),
        ("_support_admin", "_support_admin"),
        ("_deployment_admin", "_deployment_admin"),
        ("_admin_design%20team", "_admin_Design Team"),
        ("_product_admin_photo%20suite", "_product_admin_Photo Suite"),
        ("_Developer_Photo%20Suite%20Pro", "_developer_Photo Suite Pro"),
        ("_admin_photo%20suite%20pro", "_admin_Photo Suite Pro"),
    ] {
        let answer = sync.get(&format!("/users/{ACME_ID}/0/{asked}")).await;
        assert_eq!(answer.column("users", "email"), ["root@example.com"], "{asked}");
        assert_eq!(answer.json()["groupName"], stored);
    }
    let groups = groups_of(&sync, "root@example.com", "").await;
    assert!(
        groups.as_array().unwrap().contains(&json!("_org_admin")),
        "{groups}"
    );
}

#[tokio::test]
async fn r54_r55_r56_names_are_found_however_they_are_written_and_missing_ones_are_not() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        {"usergroup": "a+b %41 Größe", "do": [{"createUserGroup": {}}, {"add": {"user": ["root@example.com"]}}]},
        {"usergroup": "/x//y/", "do": [{"createUserGroup": {}}, {"add": {"user": ["root@example.com"]}}]}]))
    .await;
    for path in [
        "R%26D%20%2F%20EU%20@home",
        "R&D%20/%20EU%20%40home",
        "a+b%20%2541%20Gr%C3%B6%C3%9Fe",
        "a%2Bb%20%2541%20gr%C3%B6%C3%9Fe",
        "/x//y/",
        "%2Fx%2F%2Fy%2F",
    ] {
        let answer = sync.get(&format!("/users/{ACME_ID}/0/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.show());
    }
    let unknown = sync.get(&format!("/users/{ACME_ID}/0/No%20such/group")).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()),
        (
            404,
            json!({
                "lastPage": false,
                "result": "error.group.not_found",
                "message": "Not found: Group No such/group",
            })
        )
    );
    for missing in [
        "_admin_Nope",
        "_compartment_admin",
        "_developer_Design%20Team",
        "_product_admin_Nope",
    ] {
        assert_eq!(
            sync.get(&format!("/users/{ACME_ID}/0/{missing}")).await.status,
            404,
            "{missing}"
        );
    }
    let nobody = sync
        .get(&format!("/users/{ACME_ID}/0/_admin_design%20team"))
        .await;
    assert_eq!(
        nobody.json(),
        json!({"lastPage": true, "result": "success", "groupName": "_admin_Design Team", "users": []})
    );
    assert_eq!(nobody.paging(), [0, 1, 0, 0]);
    let long = sync.get(&format!("/users/{ACME_ID}/0/{}", "x".repeat(256))).await;
    assert_eq!(
        (long.status.as_u16(), long.json()),
        (
            400,
            json!({"result": "error.group.invalid_name", "message": "Invalid group name"})
        )
    );
}

#[tokio::test]
async fn r60_groups_can_be_left_out_everywhere() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    example(&sync).await;
    for path in [
        format!("/users/{ACME_ID}/0/Design%20Team?excludeGroups=True"),
        format!("/users/{ACME_ID}/0?excludeGroups=true"),
    ] {
        let users = sync.get(&path).await.json()["users"].clone();
        assert!(
            users
                .as_array()
                .unwrap()
                .iter()
                .all(|user| user.get("groups").is_none()),
            "{path}"
        );
    }
    let single = sync
        .get(&format!(
            "/organizations/{ACME_ID}/users/ana@example.com?excludeGroups=true"
        ))
        .await;
    assert!(single.json()["user"].get("groups").is_none());
}

#[tokio::test]
async fn r62_r67_one_person_is_found_by_email_or_username() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    sync.done(json!([
        create("a+b@example.com"),
        {"user": "p0042", "domain": "example.com", "do": [
            {"createFederatedID": {"email": "p42@example.com", "country": "PT"}}]},
        {"user": "twin@example.com", "do": [{"createFederatedID": {"email": "twin@example.com", "country": "DE"}}]},
        {"user": "twin@example.com", "useAdobeID": true, "do": [{"addAdobeID": {"email": "twin@example.com"}}]}]))
    .await;
    for (user, email, kind) in [
        ("A%2Bb@example.com", "a+b@example.com", "federatedID"),
        ("a+b@EXAMPLE.com", "a+b@example.com", "federatedID"),
        ("p0042", "p42@example.com", "federatedID"),
        ("P0042?domain=example.net", "p42@example.com", "federatedID"),
        (
            "p42@example.com?domain=example.net",
            "p42@example.com",
            "federatedID",
        ),
        ("twin@example.com", "twin@example.com", "federatedID"),
        ("twin@example.com?domain=AdobeID", "twin@example.com", "adobeID"),
    ] {
        for path in [
            format!("/organizations/{ACME_ID}/users/{user}"),
            format!("/{ACME_ID}/users/{user}"),
        ] {
            let answer = sync.get(&path).await;
            let found = answer.json()["user"].clone();
            assert_eq!(
                (found["email"].as_str(), found["type"].as_str()),
                (Some(email), Some(kind)),
                "{path}"
            );
            assert_eq!(answer.header("x-total-count"), "");
        }
    }
    for user in [
        "nobody@example.com",
        "p0042?domain=enterprise.example",
        "p0042?domain=other.example",
        "p42@example.com?domain=AdobeID",
    ] {
        let answer = sync.get(&format!("/organizations/{ACME_ID}/users/{user}")).await;
        assert_eq!(answer.status, 404, "{user}");
        let name = user.split('?').next().unwrap();
        assert_eq!(
            answer.json(),
            json!({"result": "error.user.not_found", "message": format!("User not found {name}")})
        );
    }
}

#[tokio::test]
async fn r69_r77_groups_are_listed_with_what_belongs_to_their_kind() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    example(&sync).await;
    sync.done(json!([{"user": "ana@example.com", "do": [{"add": {"group": [
        "_admin_Design Team", "_developer_Photo Suite Standard", "_product_admin_Photo Suite"]}}]}]))
        .await;
    let answer = sync.get(&format!("/groups/{ACME_ID}/0")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/groups/{orgId}/{page}
        x-total-count: 13
        x-page-count: 1
        x-current-page: 0
        x-page-size: 13
        {
          "groups": [
            {
              "groupId": 11,
              "groupName": "_org_admin",
              "memberCount": 1,
              "type": "SYSADMIN_GROUP"
            },
            {
              "groupId": 12,
              "groupName": "_support_admin",
              "memberCount": 0,
              "type": "SUPPORT_ADMIN_GROUP"
            },
            {
              "groupId": 13,
              "groupName": "_deployment_admin",
              "memberCount": 0,
              "type": "DEPLOYMENT_ADMIN_GROUP"
            },
            {
              "groupId": 151,
              "groupName": "Photo Suite Standard",
              "licenseQuota": "2",
              "memberCount": 3,
              "productName": "Photo Suite",
              "type": "PRODUCT_PROFILE"
            },
            {
              "groupId": 152,
              "groupName": "Photo Suite Pro",
              "licenseQuota": "UNLIMITED",
              "memberCount": 0,
              "productName": "Photo Suite",
              "type": "PRODUCT_PROFILE"
            },
            {
              "groupId": 161,
              "groupName": "Video Default",
              "licenseQuota": "UNLIMITED",
              "memberCount": 0,
              "productName": "Video",
              "type": "PRODUCT_PROFILE"
            },
            {
              "groupId": 162,
              "groupName": "Video Extra",
              "licenseQuota": "2",
              "memberCount": 0,
              "productName": "Video",
              "type": "PRODUCT_PROFILE"
            },
            {
              "adminGroupName": "_admin_Design Team",
              "groupId": 101,
              "groupName": "Design Team",
              "memberCount": 2,
              "type": "USER_GROUP"
            },
            {
              "groupId": 102,
              "groupName": "R&D / EU @home",
              "memberCount": 0,
              "type": "USER_GROUP"
            },
            {
              "groupId": 103,
              "groupName": "Sales",
              "memberCount": 0,
              "type": "USER_GROUP"
            },
            {
              "groupId": 877222210739797,
              "groupName": "_admin_Design Team",
              "memberCount": 1,
              "type": "USER_ADMIN_GROUP",
              "userGroupName": "Design Team"
            },
            {
              "groupId": 2134306444644326,
              "groupName": "_developer_Photo Suite Standard",
              "memberCount": 1,
              "productProfileName": "Photo Suite Standard",
              "type": "DEVELOPER_GROUP"
            },
            {
              "groupId": 7184646738174178,
              "groupName": "_product_admin_Photo Suite",
              "memberCount": 1,
              "productName": "Photo Suite",
              "productProfileName": "Photo Suite",
              "type": "PRODUCT_ADMIN_GROUP"
            }
          ],
          "lastPage": true,
          "result": "success"
        }
    "#]]
    .assert_eq(&answer.show());
    let past = sync.get(&format!("/groups/{ACME_ID}/3")).await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/groups/{orgId}/{page}
        x-total-count: 13
        x-page-count: 1
        x-current-page: 3
        x-page-size: 0
        {
          "lastPage": true,
          "result": "Not found"
        }
    "#]]
    .assert_eq(&past.show());
}
