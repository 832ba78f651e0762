//! The schemas of bodies. Requests are described as they should be sent, answers as they are.

use serde_json::{Map, Value, json};

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for part in [answers(), tokens(), commands(), deprecated(), service()] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn list_of(schema: &str) -> Value {
    json!({"type": "array", "items": {"$ref": super::reference(schema)}})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn number() -> Value {
    json!({"type": "integer"})
}

fn maybe_number() -> Value {
    json!({"type": ["integer", "null"]})
}

fn words(of: &[&str]) -> Value {
    json!({"type": "string", "enum": of})
}

fn identity() -> Value {
    words(&["adobeID", "enterpriseID", "federatedID"])
}

fn status() -> Value {
    words(&["active", "disabled", "locked", "removed"])
}

fn answers() -> Value {
    let page = |name: &str, schema: &str| {
        object(
            &["lastPage", "result", name],
            &json!({
                "lastPage": {"type": "boolean"},
                "result": words(&["success"]),
                "groupName": text(),
                name: list_of(schema),
            }),
        )
    };
    let problem = |code: &str| {
        object(
            &["index", "step", code, "message"],
            &json!({
                "index": number(),
                "step": number(),
                code: text(),
                "message": text(),
                "requestID": text(),
                "user": text(),
            }),
        )
    };
    json!({
        "User": object(
            &["id", "email", "status", "username", "domain", "country", "type"],
            &json!({
                "id": text(),
                "email": text(),
                "status": status(),
                "groups": {"type": "array", "items": text(), "minItems": 1},
                "username": text(),
                "domain": text(),
                "firstname": {"type": "string", "minLength": 1},
                "lastname": {"type": "string", "minLength": 1},
                "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "type": identity(),
            }),
        ),
        "UsersPage": page("users", "User"),
        "GroupUsersPage": page("users", "User"),
        "SingleUser": object(
            &["result", "user"],
            &json!({"result": words(&["success"]), "user": {"$ref": super::reference("User")}}),
        ),
        "Group": object(
            &["groupId", "groupName", "type", "memberCount"],
            &json!({
                "groupId": number(),
                "groupName": text(),
                "type": words(&[
                    "USER_GROUP", "PRODUCT_PROFILE", "SYSADMIN_GROUP", "SUPPORT_ADMIN_GROUP",
                    "DEPLOYMENT_ADMIN_GROUP", "PRODUCT_ADMIN_GROUP", "PROFILE_ADMIN_GROUP",
                    "USER_ADMIN_GROUP", "DEVELOPER_GROUP", "CONTRACT_ADMIN_GROUP",
                ]),
                "memberCount": number(),
                "adminGroupName": text(),
                "userGroupName": text(),
                "productProfileName": text(),
                "productName": text(),
                "licenseQuota": {"type": "string", "pattern": "^([0-9]+|UNLIMITED)$"},
            }),
        ),
        "GroupsPage": object(
            &["lastPage", "result"],
            &json!({
                "lastPage": {"type": "boolean"},
                "result": words(&["success", "Not found"]),
                "groups": list_of("Group"),
            }),
        ),
        "ActionResult": object(
            &["completed", "notCompleted", "completedInTestMode", "result"],
            &json!({
                "completed": number(),
                "notCompleted": number(),
                "completedInTestMode": number(),
                "result": words(&["success", "partial", "error"]),
                "errors": {"type": "array", "items": problem("errorCode"), "minItems": 1},
                "warnings": {"type": "array", "items": problem("warningCode"), "minItems": 1},
            }),
        ),
        "Failure": object(
            &[],
            &json!({
                "lastPage": {"type": "boolean"},
                "result": text(),
                "message": text(),
                "error_code": text(),
                "errorCode": text(),
                "errorMessage": text(),
                "error": text(),
                "error_description": text(),
            }),
        ),
    })
}

fn commands() -> Value {
    json!({
        "Commands": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {"oneOf": [
                {"$ref": super::reference("UserCommand")},
                {"$ref": super::reference("UserGroupCommand")},
            ]},
        },
        "UserCommand": object(
            &["user", "do"],
            &json!({
                "user": text(),
                "domain": text(),
                "useAdobeID": {"type": "boolean"},
                "requestID": text(),
                "do": {"type": "array", "maxItems": 10, "items": {"$ref": super::reference("UserStep")}},
            }),
        ),
        "UserStep": object(
            &[],
            &json!({
                "addAdobeID": {"$ref": super::reference("CreateUser")},
                "createEnterpriseID": {"$ref": super::reference("CreateUser")},
                "createFederatedID": {"$ref": super::reference("CreateUser")},
                "update": object(
                    &[],
                    &json!({"email": text(), "username": text(), "firstname": text(), "lastname": text()}),
                ),
                "add": {"$ref": super::reference("GroupLists")},
                "remove": {"$ref": super::reference("GroupLists")},
                "removeFromOrg": object(&[], &json!({"deleteAccount": {"type": "boolean"}})),
            }),
        ),
        "CreateUser": object(
            &["email"],
            &json!({
                "email": text(),
                "country": text(),
                "firstname": text(),
                "lastname": text(),
                "option": words(&["ignoreIfAlreadyExists", "updateIfAlreadyExists"]),
            }),
        ),
        "GroupLists": {"oneOf": [
            object(&[], &json!({"group": texts(), "productConfiguration": texts(), "usergroup": texts()})),
            words(&["all"]),
        ]},
        "UserGroupCommand": object(
            &["usergroup", "do"],
            &json!({
                "usergroup": text(),
                "requestID": text(),
                "do": {"type": "array", "maxItems": 10, "items": {"$ref": super::reference("UserGroupStep")}},
            }),
        ),
        "UserGroupStep": object(
            &[],
            &json!({
                "createUserGroup": object(
                    &[],
                    &json!({
                        "name": text(),
                        "description": text(),
                        "option": words(&[
                            "ignoreIfAlreadyExists", "updateIfAlreadyExists", "errorIfAlreadyExists",
                        ]),
                    }),
                ),
                "updateUserGroup": object(&[], &json!({"name": text(), "description": text()})),
                "deleteUserGroup": {"type": "object"},
                "add": {"$ref": super::reference("MemberLists")},
                "remove": {"$ref": super::reference("MemberLists")},
            }),
        ),
        "MemberLists": {"oneOf": [
            object(&[], &json!({"user": texts(), "productConfiguration": texts()})),
            words(&["all"]),
        ]},
    })
}

fn tokens() -> Value {
    let secret = json!({
        "uuid": text(),
        "created_at": text(),
        "created_at_str": text(),
        "expires_at": words(&["PERMANENT"]),
        "expires_at_str": words(&["PERMANENT"]),
        "secret_usages": {
            "type": ["array", "null"],
            "items": object(
                &["last_used_at", "grant_type"],
                &json!({"last_used_at": text(), "grant_type": text()}),
            ),
        },
    });
    let mut new = secret.clone();
    if let Some(new) = new.as_object_mut() {
        new.insert("client_id".to_owned(), text());
        new.insert("client_secret".to_owned(), text());
    }
    let always = [
        "uuid",
        "created_at",
        "created_at_str",
        "expires_at",
        "expires_at_str",
        "secret_usages",
    ];
    let mut always_new = always.to_vec();
    always_new.extend(["client_id", "client_secret"]);
    json!({
        "Token": object(
            &["access_token", "token_type", "expires_in"],
            &json!({"access_token": text(), "token_type": words(&["bearer"]), "expires_in": number()}),
        ),
        "TokenError": object(
            &["error", "error_description"],
            &json!({"error": text(), "error_description": text()}),
        ),
        "Validation": object(
            &["valid"],
            &json!({
                "valid": {"type": "boolean"},
                "expires_at": number(),
                "token": {"type": "object"},
                "reason": words(&["expired", "bad_signature", "revoked", "malformed", "client_mismatch"]),
            }),
        ),
        "Keys": object(
            &["keys"],
            &json!({"keys": {"type": "array", "minItems": 1, "items": object(
                &["kty", "use", "alg", "kid", "n", "e"],
                &json!({
                    "kty": text(), "use": text(), "alg": text(), "kid": text(), "n": text(), "e": text(),
                }),
            )}}),
        ),
        "Discovery": object(
            &["issuer", "token_endpoint", "jwks_uri", "revocation_endpoint"],
            &json!({
                "issuer": text(),
                "token_endpoint": text(),
                "jwks_uri": text(),
                "revocation_endpoint": text(),
                "grant_types_supported": texts(),
                "token_endpoint_auth_methods_supported": texts(),
            }),
        ),
        "Secret": object(&always, &secret),
        "Secrets": object(
            &["client_id", "client_secrets"],
            &json!({"client_id": text(), "client_secrets": list_of("Secret")}),
        ),
        "NewSecret": object(&always_new, &new),
    })
}

fn deprecated() -> Value {
    let product = json!({
        "id": text(),
        "code": text(),
        "name": text(),
        "userCount": number(),
        "configurationCount": number(),
        "licenseQuota": maybe_number(),
    });
    let product_always = [
        "id",
        "code",
        "name",
        "userCount",
        "configurationCount",
        "licenseQuota",
    ];
    let mut with_profiles = product.clone();
    if let Some(with_profiles) = with_profiles.as_object_mut() {
        with_profiles.insert("licenseConfigurations".to_owned(), list_of("OldProfile"));
    }
    let mut with_profiles_always = product_always.to_vec();
    with_profiles_always.push("licenseConfigurations");
    json!({
        "OldUser": object(
            &["id", "email", "status", "username", "domain", "countryCode", "userType"],
            &json!({
                "id": text(),
                "email": text(),
                "status": status(),
                "groups": texts(),
                "adminRoles": texts(),
                "username": text(),
                "domain": text(),
                "firstName": text(),
                "lastName": text(),
                "countryCode": text(),
                "userType": identity(),
            }),
        ),
        "OldUsers": list_of("OldUser"),
        "OldGroupMember": object(
            &["email", "countryCode", "status", "userType"],
            &json!({
                "email": text(),
                "firstName": text(),
                "lastName": text(),
                "countryCode": text(),
                "status": status(),
                "userType": identity(),
            }),
        ),
        "OldGroupMembers": list_of("OldGroupMember"),
        "OldProfileMember": object(
            &["id", "email", "username", "domain", "userType"],
            &json!({
                "id": text(),
                "email": text(),
                "username": text(),
                "domain": text(),
                "firstName": text(),
                "lastName": text(),
                "userType": identity(),
            }),
        ),
        "OldProfileMembers": list_of("OldProfileMember"),
        "OldUserGroup": object(
            &["groupId", "name", "type"],
            &json!({
                "groupId": number(),
                "name": text(),
                "type": words(&["USER_GROUP"]),
                "adminGroupId": text(),
                "adminGroupName": text(),
                "userCount": number(),
                "adminCount": text(),
                "isReadOnly": {"type": "boolean"},
            }),
        ),
        "OldUserGroups": list_of("OldUserGroup"),
        "OldGroupBody": object(&[], &json!({"name": text(), "description": text()})),
        "OldProduct": object(&product_always, &product),
        "OldProducts": list_of("OldProduct"),
        "OldProductProfiles": object(&with_profiles_always, &with_profiles),
        "OldProfile": object(
            &[
                "id", "adminCount", "userCount", "licenseQuota", "licenseGroupId", "adminGroupId", "orgId",
                "productId",
            ],
            &json!({
                "id": text(),
                "adminCount": number(),
                "userCount": number(),
                "licenseQuota": maybe_number(),
                "licenseGroupId": number(),
                "adminGroupId": number(),
                "orgId": text(),
                "productId": text(),
            }),
        ),
        "OldProfileBody": object(
            &[],
            &json!({
                "addUsers": texts(),
                "removeUsers": texts(),
                "addUserGroups": texts(),
                "removeUserGroups": texts(),
                "addAdminUsers": texts(),
                "removeAdminUsers": texts(),
            }),
        ),
        "OldProductAdminBody": object(
            &[],
            &json!({"addProductAdmin": texts(), "removeProductAdmin": texts()}),
        ),
        "OldInvites": {"type": "array", "maxItems": 0},
    })
}

fn service() -> Value {
    json!({
        "Status": object(
            &["build", "version", "state", "environment"],
            &json!({"build": text(), "version": text(), "state": words(&["LIVE"]), "environment": text()}),
        ),
        "Live": object(&["live"], &json!({"live": {"type": "boolean"}})),
        "Ready": object(&["ready"], &json!({"ready": {"type": "boolean"}})),
        "Description": {"type": "object"},
        "Nothing": {"type": "object"},
    })
}
