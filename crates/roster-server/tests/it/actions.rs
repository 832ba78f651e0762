//! `POST action/{org}`.

use expect_test::expect;
use http::Method;
use serde_json::json;

use crate::support::{ACME_ID, Ask, TestServer, api, create};

#[tokio::test]
async fn a_person_is_created_and_read_back() {
    let server = TestServer::new().await;
    let sync = server.sync().await;
    let answer = sync
        .post(
            &format!("/action/{ACME_ID}"),
            &json!([
                {"user": "mira@example.com", "requestID": "n-1", "do": [
                    {"createFederatedID": {"email": "mira@example.com", "country": "de", "firstname": "Mira"}},
                    {"add": {"group": ["design team", "Photo Suite Standard", "_support_admin"]}}]},
                {"user": "nobody@example.com", "requestID": "n-2", "do": [{"add": {"product": ["Nope"]}}]}]),
        )
        .await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/action/{orgId}
        {
          "completed": 1,
          "completedInTestMode": 0,
          "errors": [
            {
              "errorCode": "error.user.nonexistent",
              "index": 1,
              "message": "User Id does not exist: nobody@example.com",
              "requestID": "n-2",
              "step": 0,
              "user": "nobody@example.com"
            }
          ],
          "notCompleted": 1,
          "result": "partial",
          "warnings": [
            {
              "index": 1,
              "message": "'product' command is deprecated. Please use productConfiguration.",
              "requestID": "n-2",
              "step": 0,
              "user": "nobody@example.com",
              "warningCode": "warning.command.deprecated"
            }
          ]
        }
    "#]]
    .assert_eq(&answer.show());
    let read = sync
        .get(&format!("/organizations/{ACME_ID}/users/MIRA@example.com"))
        .await;
    expect![[r#"
        200
        canonical-resource: /v2/usermanagement/organizations/{orgId}/users/{userstring:.*}
        {
          "result": "success",
          "user": {
            "country": "DE",
            "domain": "example.com",
            "email": "mira@example.com",
            "firstname": "Mira",
            "groups": [
              "Design Team",
              "Photo Suite Standard",
              "_support_admin"
            ],
            "id": "7A755664AD92F48297BDFC01@00000000000000000000000b.e",
            "status": "active",
            "type": "federatedID",
            "username": "mira@example.com"
          }
        }
    "#]]
    .assert_eq(&read.show());
}
