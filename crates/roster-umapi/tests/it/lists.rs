//! Lists and objects, byte for byte.

use expect_test::expect;
use roster_core::listing::{GroupLabel, GroupRow, ProductRow, ProfileColumns, UserRow};
use roster_core::org::GroupKind;
use roster_core::value::{GroupId, IdentityType, ProductId, Status};
use roster_umapi::query::Rows;
use roster_umapi::query::groups::{GroupsPage, write_no_such_page, write_old_user_group};
use roster_umapi::query::products::{ProductWithProfiles, write_invites, write_product};
use roster_umapi::query::users::{
    UsersPage, write_old_group_user, write_old_profile_user, write_old_user, write_single_user,
};

fn label(kind: GroupKind, name: &str) -> GroupLabel<'_> {
    GroupLabel { kind, name }
}

const ANAS_GROUPS: &[GroupLabel<'_>] = &[
    GroupLabel {
        kind: GroupKind::UserGroup,
        name: "Design \"Team\"",
    },
    GroupLabel {
        kind: GroupKind::Profile(ProductId(1)),
        name: "Photo Suite Standard",
    },
    GroupLabel {
        kind: GroupKind::SystemAdmin,
        name: "",
    },
    GroupLabel {
        kind: GroupKind::UserGroupAdmin(GroupId(1)),
        name: "Design \"Team\"",
    },
    GroupLabel {
        kind: GroupKind::ProductAdmin(ProductId(1)),
        name: "Photo Suite",
    },
    GroupLabel {
        kind: GroupKind::Developer(GroupId(2)),
        name: "Photo Suite Standard",
    },
];

fn ana() -> UserRow<'static> {
    UserRow {
        id: "7D30A1B2C3D4E5F60A495C11@5e1f00aa5e1f00aa0a495c02.e",
        email: "ana.lima@example.com",
        status: Status::Active,
        username: "ana.lima@example.com",
        domain: "example.com",
        firstname: Some("Ana"),
        lastname: Some("Lima"),
        country: "PT",
        kind: IdentityType::Federated,
        groups: ANAS_GROUPS,
    }
}

fn kofi() -> UserRow<'static> {
    UserRow {
        id: "91C0D2E3F4A5B6C70A495D22@AdobeID",
        email: "kofi@example.org",
        status: Status::Disabled,
        username: "kofi@example.org",
        domain: "example.org",
        firstname: None,
        lastname: Some(""),
        country: "GH",
        kind: IdentityType::AdobeId,
        groups: &[],
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

/// R32–R36: every field in its spelling, nothing empty, nothing old.
#[test]
fn a_page_of_people() {
    let page = written(|out| {
        let mut page = UsersPage::begin(out);
        page.row(&ana());
        page.row(&kofi());
        assert_eq!(page.count(), 2);
        page.end(true, None);
    });
    expect![[r#"{"users":[{"id":"7D30A1B2C3D4E5F60A495C11@5e1f00aa5e1f00aa0a495c02.e","email":"ana.lima@example.com","status":"active","groups":["Design \"Team\"","Photo Suite Standard","_org_admin","_admin_Design \"Team\"","_product_admin_Photo Suite","_developer_Photo Suite Standard"],"username":"ana.lima@example.com","domain":"example.com","firstname":"Ana","lastname":"Lima","country":"PT","type":"federatedID"},{"id":"91C0D2E3F4A5B6C70A495D22@AdobeID","email":"kofi@example.org","status":"disabled","username":"kofi@example.org","domain":"example.org","country":"GH","type":"adobeID"}],"lastPage":true,"result":"success"}"#]].assert_eq(&page);
    let empty = written(|out| UsersPage::begin(out).end(false, Some("R&D / \"EU\"")));
    expect![[r#"{"users":[],"lastPage":false,"result":"success","groupName":"R&D / \"EU\""}"#]]
        .assert_eq(&empty);
}

#[test]
fn one_person() {
    expect![[r#"{"result":"success","user":{"id":"91C0D2E3F4A5B6C70A495D22@AdobeID","email":"kofi@example.org","status":"disabled","username":"kofi@example.org","domain":"example.org","country":"GH","type":"adobeID"}}"#]]
        .assert_eq(&written(|out| write_single_user(out, &kofi())));
}

#[test]
fn people_in_the_deprecated_shapes() {
    let list = written(|out| {
        let mut rows = Rows::begin(out);
        rows.row(|out| write_old_user(out, &ana()));
        rows.row(|out| write_old_user(out, &kofi()));
        assert_eq!(rows.count(), 2);
        rows.end();
    });
    expect![[r#"[{"id":"7D30A1B2C3D4E5F60A495C11@5e1f00aa5e1f00aa0a495c02.e","email":"ana.lima@example.com","status":"active","groups":["Design \"Team\"","Photo Suite Standard"],"adminRoles":["org","Design \"Team\"","Photo Suite"],"username":"ana.lima@example.com","domain":"example.com","firstName":"Ana","lastName":"Lima","countryCode":"PT","userType":"federatedID"},{"id":"91C0D2E3F4A5B6C70A495D22@AdobeID","email":"kofi@example.org","status":"disabled","username":"kofi@example.org","domain":"example.org","countryCode":"GH","userType":"adobeID"}]"#]].assert_eq(&list);
    expect![[r#"{"email":"ana.lima@example.com","firstName":"Ana","lastName":"Lima","countryCode":"PT","status":"active","userType":"federatedID"}"#]]
        .assert_eq(&written(|out| write_old_group_user(out, &ana())));
    expect![[r#"{"id":"7D30A1B2C3D4E5F60A495C11@5e1f00aa5e1f00aa0a495c02.e","email":"ana.lima@example.com","username":"ana.lima@example.com","domain":"example.com","firstName":"Ana","lastName":"Lima","userType":"federatedID"}"#]]
        .assert_eq(&written(|out| write_old_profile_user(out, &ana())));
}

fn group(id: i64, kind: GroupKind, name: &str, members: i64) -> GroupRow<'_> {
    GroupRow {
        id: GroupId(id),
        label: label(kind, name),
        description: Some("never shown"),
        members,
        read_only: false,
        admins: None,
        product: None,
        profile: None,
    }
}

fn profile(quota: Option<i64>) -> GroupRow<'static> {
    GroupRow {
        product: Some("Photo Suite"),
        profile: Some(ProfileColumns {
            public_id: "0123456789ABCDEF0123",
            product_id: "AAAA456789ABCDEF0123",
            quota,
            active: 2,
        }),
        ..group(
            500_201,
            GroupKind::Profile(ProductId(1)),
            "Photo Suite Standard",
            3,
        )
    }
}

/// R69–R77: each kind of group with the fields it has and no others.
#[test]
fn a_page_of_groups() {
    let team = GroupRow {
        admins: Some((GroupId(500_102), 1)),
        ..group(500_101, GroupKind::UserGroup, "Design Team", 2)
    };
    let abandoned = GroupRow {
        admins: Some((GroupId(500_104), 0)),
        ..group(500_103, GroupKind::UserGroup, "Empty", 0)
    };
    let rows = [
        group(500_001, GroupKind::SystemAdmin, "", 3),
        group(500_002, GroupKind::SupportAdmin, "", 0),
        group(500_003, GroupKind::DeploymentAdmin, "", 1),
        team,
        abandoned,
        group(
            500_102,
            GroupKind::UserGroupAdmin(GroupId(500_101)),
            "Design Team",
            1,
        ),
        profile(Some(2)),
        profile(None),
        group(
            500_202,
            GroupKind::Developer(GroupId(500_201)),
            "Photo Suite Standard",
            1,
        ),
        group(
            500_204,
            GroupKind::ProfileAdmin(GroupId(500_201)),
            "Photo Suite Standard",
            1,
        ),
        group(500_203, GroupKind::ProductAdmin(ProductId(1)), "Photo Suite", 2),
        group(500_300, GroupKind::ContractAdmin, "AB12_CONTRACT_GROUP", 1),
    ];
    let page = written(|out| {
        let mut page = GroupsPage::begin(out);
        for row in &rows {
            page.row(row);
        }
        assert_eq!(page.count(), rows.len());
        page.end(true);
    });
    expect![[r#"
        {"groups":[{"groupId":500001,"groupName":"_org_admin","type":"SYSADMIN_GROUP","memberCount":3},
        {"groupId":500002,"groupName":"_support_admin","type":"SUPPORT_ADMIN_GROUP","memberCount":0},
        {"groupId":500003,"groupName":"_deployment_admin","type":"DEPLOYMENT_ADMIN_GROUP","memberCount":1},
        {"groupId":500101,"groupName":"Design Team","type":"USER_GROUP","adminGroupName":"_admin_Design Team","memberCount":2},
        {"groupId":500103,"groupName":"Empty","type":"USER_GROUP","memberCount":0},
        {"groupId":500102,"groupName":"_admin_Design Team","type":"USER_ADMIN_GROUP","userGroupName":"Design Team","memberCount":1},
        {"groupId":500201,"groupName":"Photo Suite Standard","type":"PRODUCT_PROFILE","productName":"Photo Suite","licenseQuota":"2","memberCount":3},
        {"groupId":500201,"groupName":"Photo Suite Standard","type":"PRODUCT_PROFILE","productName":"Photo Suite","licenseQuota":"UNLIMITED","memberCount":3},
        {"groupId":500202,"groupName":"_developer_Photo Suite Standard","type":"DEVELOPER_GROUP","productProfileName":"Photo Suite Standard","memberCount":1},
        {"groupId":500204,"groupName":"_admin_Photo Suite Standard","type":"PROFILE_ADMIN_GROUP","productProfileName":"Photo Suite Standard","memberCount":1},
        {"groupId":500203,"groupName":"_product_admin_Photo Suite","type":"PRODUCT_ADMIN_GROUP","productName":"Photo Suite","productProfileName":"Photo Suite","memberCount":2},
        {"groupId":500300,"groupName":"AB12_CONTRACT_GROUP","type":"CONTRACT_ADMIN_GROUP","memberCount":1}],"lastPage":true,"result":"success"}"#]].assert_eq(&page.replace("},{", "},\n{"));
    assert_eq!(
        written(write_no_such_page),
        r#"{"lastPage":true,"result":"Not found"}"#
    );
}

/// R193: numbers that are texts, nothing at 0, `isReadOnly` on shared groups only.
#[test]
fn user_groups_in_the_deprecated_shape() {
    let team = GroupRow {
        admins: Some((GroupId(500_102), 1)),
        ..group(500_101, GroupKind::UserGroup, "Design Team", 2)
    };
    let shared = GroupRow {
        read_only: true,
        admins: Some((GroupId(500_118), 0)),
        ..group(500_117, GroupKind::UserGroup, "Shared Sales", 0)
    };
    let list = written(|out| {
        let mut rows = Rows::begin(out);
        rows.row(|out| write_old_user_group(out, &team));
        rows.row(|out| write_old_user_group(out, &shared));
        rows.end();
    });
    expect![[r#"[{"groupId":500101,"name":"Design Team","type":"USER_GROUP","adminGroupId":"500102","adminGroupName":"_admin_Design Team","adminCount":"1","userCount":2},{"groupId":500117,"name":"Shared Sales","type":"USER_GROUP","isReadOnly":true}]"#]].assert_eq(&list);
}

/// R195: one object with its configurations, and `null` for no quota.
#[test]
fn products_and_profiles() {
    let product = ProductRow {
        id: "AAAA456789ABCDEF0123",
        code: "PHOTO",
        name: "Photo Suite",
        members: 3,
        profiles: 2,
        quota: Some(7),
        active: 2,
    };
    expect![[r#"{"id":"AAAA456789ABCDEF0123","code":"PHOTO","name":"Photo Suite","userCount":3,"configurationCount":2,"licenseQuota":null}"#]]
        .assert_eq(&written(|out| write_product(out, &ProductRow { quota: None, ..product })));
    let administered = GroupRow {
        admins: Some((GroupId(500_204), 1)),
        ..profile(Some(2))
    };
    let whole = written(|out| {
        let mut whole = ProductWithProfiles::begin(out, &product);
        whole.profile("1A2B3C@AdobeOrg", &administered);
        whole.profile("1A2B3C@AdobeOrg", &profile(None));
        whole.end();
    });
    expect![[r#"
        {"id":"AAAA456789ABCDEF0123","code":"PHOTO","name":"Photo Suite","userCount":3,"configurationCount":2,"licenseQuota":7,"licenseConfigurations":[
        {"id":"0123456789ABCDEF0123","adminCount":1,"userCount":3,"licenseQuota":2,"licenseGroupId":500201,"adminGroupId":500204,"orgId":"1A2B3C@AdobeOrg","productId":"AAAA456789ABCDEF0123"},
        {"id":"0123456789ABCDEF0123","adminCount":0,"userCount":3,"licenseQuota":null,"licenseGroupId":500201,"adminGroupId":0,"orgId":"1A2B3C@AdobeOrg","productId":"AAAA456789ABCDEF0123"}]}"#]].assert_eq(&whole.replace(":[{", ":[\n{").replace("},{", "},\n{"));
    assert_eq!(
        written(|out| ProductWithProfiles::begin(out, &product).end()),
        r#"{"id":"AAAA456789ABCDEF0123","code":"PHOTO","name":"Photo Suite","userCount":3,"configurationCount":2,"licenseQuota":7,"licenseConfigurations":[]}"#
    );
    assert_eq!(written(write_invites), "[]");
}
