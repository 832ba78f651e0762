//! Groups and products.

use std::fmt::Write as _;

use roster_core::command::{Action, Command, OnConflict};
use roster_core::org::GroupKind;
use roster_core::value::{GroupId, OrgNo};
use roster_store::{GroupList, Position};
use roster_testkit::sample::{
    ACME, DESIGN, PHOTO, PHOTO_PRO, PHOTO_STANDARD, SALES, TRUSTEE, VIDEO, VIDEO_EXTRA,
};

use super::{Scene, group, join, leave, link, person, scenes, user};

/// A group's row in one line.
fn line(row: &roster_core::listing::GroupRow<'_>) -> String {
    let mut line = format!(
        "{} {} {}",
        row.label.kind.as_str(),
        row.label.full_name(),
        row.members
    );
    if row.read_only {
        line.push_str(" read-only");
    }
    if let Some((_, count)) = row.admins {
        write!(line, " admins={count}").unwrap();
    }
    if let (Some(product), Some(profile)) = (row.product, row.profile) {
        let quota = profile
            .quota
            .map_or("unlimited".to_owned(), |quota| quota.to_string());
        write!(line, " of {product}: {} of {quota}", profile.active).unwrap();
    }
    line
}

async fn list(scene: &Scene, list: GroupList) -> Vec<String> {
    let read = scene.store.read(move |reader| {
        let mut lines = Vec::new();
        reader.groups(ACME, list, Position::START, None, 1000, &mut |row| {
            lines.push(line(row));
        })?;
        assert_eq!(reader.count_groups(ACME, list)?, lines.len() as u64);
        for size in [1, 2, 5] {
            let starts = reader.group_page_starts(ACME, list, size)?;
            let mut joined = Vec::new();
            for (n, start) in starts.iter().enumerate() {
                let next = starts.get(n + 1).copied();
                let rows =
                    reader.groups(ACME, list, *start, None, size, &mut |row| joined.push(line(row)))?;
                assert_eq!(rows.next, next);
                let mut between = 0;
                reader.groups(ACME, list, *start, next, 0, &mut |_| between += 1)?;
                assert!(next.is_none() || between == size);
                assert!(reader.has_groups(ACME, list, *start)?);
            }
            assert_eq!(joined, lines);
        }
        assert!(!reader.has_groups(ACME, list, Position::from_parts([i64::MAX, 0, 0]))?);
        Ok(lines)
    });
    read.await.unwrap()
}

/// umapi.md 3.6 and 9.1.
#[tokio::test(flavor = "multi_thread")]
async fn admin_groups_are_listed_while_they_have_a_member_and_the_three_of_the_organization_always() {
    for mut scene in scenes().await {
        let bare = [
            "SYSADMIN_GROUP _org_admin 1",
            "SUPPORT_ADMIN_GROUP _support_admin 0",
            "DEPLOYMENT_ADMIN_GROUP _deployment_admin 0",
            "PRODUCT_PROFILE Photo Suite Standard 0 of Photo Suite: 0 of 2",
            "PRODUCT_PROFILE Photo Suite Pro 0 of Photo Suite: 0 of unlimited",
            "PRODUCT_PROFILE Video Default 0 of Video: 0 of unlimited",
            "PRODUCT_PROFILE Video Extra 0 of Video: 0 of 2",
            "USER_GROUP Design Team 0",
            "USER_GROUP R&D / EU @home 0",
            "USER_GROUP Sales 0 read-only",
        ];
        assert_eq!(list(&scene, GroupList::All).await, bare);
        let ana = "ana@example.com";
        let roles = [
            "_admin_Design Team",
            "_developer_Video Extra",
            "_product_admin_Video",
            "_admin_Video Extra",
        ];
        scene
            .run(vec![
                person(ana, &roles),
                user("root@example.com", vec![join(&["_admin_Design Team"])]),
            ])
            .await;
        let mut full: Vec<String> = bare.map(str::to_owned).to_vec();
        full[6].clear();
        full[6].push_str("PRODUCT_PROFILE Video Extra 0 admins=1 of Video: 0 of 2");
        full[7].push_str(" admins=2");
        full.extend([
            "USER_ADMIN_GROUP _admin_Design Team 2".to_owned(),
            "DEVELOPER_GROUP _developer_Video Extra 1".to_owned(),
            "PRODUCT_ADMIN_GROUP _product_admin_Video 1".to_owned(),
            "PROFILE_ADMIN_GROUP _admin_Video Extra 1".to_owned(),
        ]);
        assert_eq!(list(&scene, GroupList::All).await, full);
        scene.run(vec![user(ana, vec![leave(&roles)])]).await;
        full.truncate(bare.len() + 1);
        full[bare.len()] = "USER_ADMIN_GROUP _admin_Design Team 1".to_owned();
        full[6] = "PRODUCT_PROFILE Video Extra 0 admins=0 of Video: 0 of 2".to_owned();
        full[7] = "USER_GROUP Design Team 0 admins=1".to_owned();
        assert_eq!(list(&scene, GroupList::All).await, full);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_groups_and_profiles_are_listed_apart() {
    for mut scene in scenes().await {
        let create = Action::CreateGroup {
            description: Some("about".to_owned()),
            on_conflict: OnConflict::Refuse,
        };
        scene
            .run(vec![
                group("Zebra", create),
                person("ana@example.com", &["Zebra", "Photo Suite Standard"]),
            ])
            .await;
        let user_groups = list(&scene, GroupList::UserGroups).await;
        assert_eq!(
            user_groups,
            [
                "USER_GROUP Design Team 0",
                "USER_GROUP R&D / EU @home 0",
                "USER_GROUP Sales 0 read-only",
                "USER_GROUP Zebra 1"
            ]
        );
        let profiles = list(&scene, GroupList::ProfilesOf(PHOTO)).await;
        assert_eq!(
            profiles,
            [
                "PRODUCT_PROFILE Photo Suite Standard 1 of Photo Suite: 1 of 2",
                "PRODUCT_PROFILE Photo Suite Pro 0 of Photo Suite: 0 of unlimited"
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_groups_are_found_by_number_and_by_name_in_their_organization_only() {
    for scene in scenes().await {
        let read = scene.store.read(|reader| {
            let mut lines = Vec::new();
            let mut keep = |row: &roster_core::listing::GroupRow<'_>| lines.push(line(row));
            assert!(reader.group_by_id(ACME, SALES, &mut keep)?);
            assert!(
                !reader.group_by_id(TRUSTEE, SALES, &mut keep)?,
                "another organization's"
            );
            assert!(!reader.group_by_id(ACME, GroupId(999), &mut keep)?);
            assert!(reader.user_group_by_name(ACME, " design TEAM", &mut keep)?);
            assert!(
                !reader.user_group_by_name(ACME, "Video Extra", &mut keep)?,
                "a profile"
            );
            let video = reader.product_by_public_id(ACME, &format!("{:020X}", VIDEO.0), &mut |_| {})?;
            assert_eq!(video, Some(VIDEO));
            let extra = format!("{:020X}", VIDEO_EXTRA.0);
            assert!(reader.profile_by_public_id(ACME, VIDEO, &extra, &mut keep)?);
            assert!(
                !reader.profile_by_public_id(ACME, PHOTO, &extra, &mut keep)?,
                "of another product"
            );
            assert!(!reader.profile_by_public_id(TRUSTEE, VIDEO, &extra, &mut keep)?);
            Ok(lines)
        });
        assert_eq!(
            read.await.unwrap(),
            [
                "USER_GROUP Sales 0 read-only",
                "USER_GROUP Design Team 0",
                "PRODUCT_PROFILE Video Extra 0 of Video: 0 of 2"
            ]
        );
    }
}

/// umapi.md 3.4: what a name in a path means.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_groups_resolve_in_any_case_and_keep_their_spelling() {
    for mut scene in scenes().await {
        scene
            .run(vec![person("ana@example.com", &["_admin_Design Team"])])
            .await;
        let admins = scene
            .world
            .groups
            .values()
            .find(|g| g.kind == GroupKind::UserGroupAdmin(DESIGN))
            .unwrap()
            .id;
        let cases = [
            (
                "DESIGN team",
                Some((Some(DESIGN), GroupKind::UserGroup, "Design Team")),
            ),
            (
                " video extra ",
                Some((Some(VIDEO_EXTRA), GroupKind::Profile(VIDEO), "Video Extra")),
            ),
            (
                "_Org_Admin",
                Some((Some(GroupId(11)), GroupKind::SystemAdmin, "_org_admin")),
            ),
            (
                "_support_admin",
                Some((Some(GroupId(12)), GroupKind::SupportAdmin, "_support_admin")),
            ),
            (
                "_deployment_admin",
                Some((Some(GroupId(13)), GroupKind::DeploymentAdmin, "_deployment_admin")),
            ),
            (
                "_ADMIN_design team",
                Some((
                    Some(admins),
                    GroupKind::UserGroupAdmin(DESIGN),
                    "_admin_Design Team",
                )),
            ),
            (
                "_admin_video EXTRA",
                Some((None, GroupKind::ProfileAdmin(VIDEO_EXTRA), "_admin_Video Extra")),
            ),
            (
                "_developer_Video Extra",
                Some((None, GroupKind::Developer(VIDEO_EXTRA), "_developer_Video Extra")),
            ),
            (
                "_product_admin_VIDEO",
                Some((None, GroupKind::ProductAdmin(VIDEO), "_product_admin_Video")),
            ),
            ("_developer_Design Team", None),
            ("_product_admin_Video Extra", None),
            ("_compartment_admin", None),
            ("_admin_Nope", None),
            ("Nope", None),
            ("", None),
        ];
        let read = scene.store.read(move |reader| {
            for (name, expected) in cases {
                let found = reader.find_group(ACME, name)?;
                let found = found
                    .as_ref()
                    .map(|found| (found.id, found.kind, found.full_name.as_str()));
                assert_eq!(found, expected, "{name}");
            }
            assert_eq!(reader.find_group(TRUSTEE, "Design Team")?, None);
            Ok(())
        });
        read.await.unwrap();
    }
}

async fn products(scene: &Scene, org: OrgNo) -> Vec<String> {
    let read = scene.store.read(move |reader| {
        let mut lines = Vec::new();
        let rows = reader.products(org, Position::START, None, 1000, &mut |row| {
            let quota = row
                .quota
                .map_or("unlimited".to_owned(), |quota| quota.to_string());
            lines.push(format!(
                "{} {} {}: {} members of {} profiles, {} of {quota}",
                row.id, row.code, row.name, row.members, row.profiles, row.active
            ));
        })?;
        assert_eq!((rows.count, rows.next), (lines.len() as u64, None));
        assert_eq!(reader.count_products(org)?, rows.count);
        let starts = reader.product_page_starts(org, 1)?;
        assert_eq!(starts.len(), lines.len());
        for (n, start) in starts.iter().enumerate() {
            let rows = reader.products(org, *start, None, 1, &mut |row| {
                assert!(lines[n].contains(row.id));
            })?;
            assert_eq!((rows.count, rows.next), (1, starts.get(n + 1).copied()));
            assert!(reader.has_products(org, *start)?);
        }
        assert!(!reader.has_products(org, Position::from_parts([i64::MAX, 0, 0]))?);
        Ok(lines)
    });
    read.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn products_count_each_member_once_and_licences_as_held() {
    let (standard, pro) = ("Photo Suite Standard", "Photo Suite Pro");
    let photo = format!("{:020X} PHOT Photo Suite: ", PHOTO.0);
    let video = format!("{:020X} VIDE Video: ", VIDEO.0);
    for mut scene in scenes().await {
        assert_eq!(
            products(&scene, ACME).await,
            [
                format!("{photo}0 members of 2 profiles, 0 of unlimited"),
                format!("{video}0 members of 2 profiles, 0 of 3")
            ]
        );
        let batch: Vec<Command> = (0..4)
            .map(|n| person(&format!("p{n}@example.com"), &[standard, "Video Extra"]))
            .collect();
        scene.run(batch).await;
        assert_eq!(
            products(&scene, ACME).await,
            [
                format!("{photo}4 members of 2 profiles, 2 of unlimited"),
                format!("{video}4 members of 2 profiles, 2 of 3")
            ]
        );
        let batch = vec![
            user("p3@example.com", vec![join(&[pro, "Video Default"])]),
            person("p4@example.com", &["Design Team"]),
            link("Design Team", &[pro, "Video Default"]),
        ];
        scene.run(batch).await;
        assert_eq!(
            products(&scene, ACME).await,
            [
                format!("{photo}5 members of 2 profiles, 4 of unlimited"),
                format!("{video}5 members of 2 profiles, 3 of 3")
            ]
        );
        // Everything limited.
        scene.set_quota(PHOTO_PRO, PHOTO, Some(1)).await;
        let limited = products(&scene, ACME).await;
        assert_eq!(
            limited[0],
            format!("{photo}5 members of 2 profiles, 3 of unlimited")
        );
        // Nothing limited.
        scene.set_quota(PHOTO_PRO, PHOTO, None).await;
        scene.set_quota(PHOTO_STANDARD, PHOTO, None).await;
        let unlimited = products(&scene, ACME).await;
        assert_eq!(
            unlimited[0],
            format!("{photo}5 members of 2 profiles, 5 of unlimited")
        );
        assert!(products(&scene, TRUSTEE).await.is_empty());
    }
}
