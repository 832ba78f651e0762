//! The rules of a plan, one claim each.

use expect_test::{Expect, expect};

use super::scene::{Scene, show};

fn check_plan(directory: &str, organizations: &str, settings: &str, expected: &Expect) {
    let scene = Scene::new(directory, organizations, settings);
    expected.assert_eq(&show(&scene, &scene.plan()));
}

#[test]
fn somebody_new_is_created_and_joins_the_mapped_groups() {
    check_plan(
        "ada in Photo, Design",
        "",
        "groups",
        &expect![[r"
            ada@example.com: create federatedID ada@example.com in US, Ignore; join Design and Photo
        "]],
    );
}

#[test]
fn new_accounts_take_over_the_directorys_names_where_these_are_kept() {
    check_plan(
        "ada",
        "|",
        "update",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in US, Update
    "]],
    );
}

#[test]
fn matched_people_leave_mapped_groups_only() {
    check_plan(
        "ada in Photo",
        "ada in Design, Other",
        "groups, mapped Design",
        &expect![[r"
        ada@example.com: leave Design; join Photo
    "]],
    );
}

#[test]
fn letter_case_makes_no_difference_in_groups_and_addresses() {
    check_plan(
        "ada in PHOTO",
        "ada [email=ADA@Example.com] in photo",
        "groups, update",
        &expect![""],
    );
}

#[test]
fn groups_are_left_as_the_organization_spells_them() {
    check_plan(
        "ada",
        "ada [email=ADA@Example.com] in PhoTo",
        "groups, mapped photo",
        &expect![[r"
        ADA@Example.com: leave PhoTo
    "]],
    );
}

#[test]
fn names_follow_the_directory_and_a_missing_name_changes_nothing() {
    check_plan(
        "ada [first=Ada last=]",
        "ada [first=Ida last=Lee]",
        "update",
        &expect![[r"
        ada@example.com: update first Ada
    "]],
    );
}

#[test]
fn a_changed_email_is_sent_to_the_old_one_and_pins_a_username_that_differs() {
    check_plan(
        "ada [email=new@example.com username=u@example.com]",
        "ada [email=old@example.com username=u@example.com]",
        "update",
        &expect![[r"
            old@example.com: update email new@example.com and username u@example.com
        "]],
    );
    check_plan(
        "ada [email=u@example.com username=u@example.com]",
        "ada [email=old@example.com username=u@example.com]",
        "update",
        &expect![[r"
            old@example.com: update email u@example.com
        "]],
    );
}

#[test]
fn a_plain_username_addresses_the_account_while_its_email_changes() {
    check_plan(
        "ada [email=new@example.com username=e001]",
        "ada [email=old@example.com username=e001]",
        "update",
        &expect![[r"
        e001 of example.com: update email new@example.com
    "]],
    );
}

#[test]
fn a_username_changes_only_where_the_settings_say_so() {
    let (directory, organization) = ("ada [username=a2@example.com]", "ada [username=a1@example.com]");
    check_plan(
        directory,
        organization,
        "update",
        &expect![[r"
        (NotConfigured)
    "]],
    );
    check_plan(
        directory,
        organization,
        "update, username",
        &expect![[r"
        ada@example.com: update username a2@example.com
    "]],
    );
}

#[test]
fn adobe_ids_are_never_updated_and_are_addressed_as_such() {
    check_plan(
        "ada [first=Ada] in Photo",
        "ada [type=adobeID first=Ida]",
        "update, groups",
        &expect![[r"
        ada@example.com (Adobe ID): join Photo
        (KindsDiffer)
    "]],
    );
}

#[test]
fn of_two_accounts_with_one_email_the_one_that_is_no_adobe_id_counts() {
    check_plan(
        "ada in Photo",
        "ada [type=adobeID]; ada",
        "groups",
        &expect![[r"
        ada@example.com: join Photo
        (SeenBefore)
    "]],
    );
}

#[test]
fn nobody_is_created_beside_an_adobe_id_with_the_same_email() {
    check_plan(
        "ada in Photo",
        "ada [type=adobeID]",
        "groups, exclude-type adobeID",
        &expect![[r"
        (Excluded)
    "]],
    );
    check_plan(
        "ada in two::Photo",
        "ada [type=adobeID] | eve",
        "groups, exclude-type adobeID",
        &expect![[r"
            (Excluded)
            (AdobeIdExists)
        "]],
    );
}

#[test]
fn a_country_falls_back_to_the_default_then_to_unknown_for_enterprise_accounts_alone() {
    check_plan(
        "ada [country=-]",
        "",
        "",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in DE, Ignore
    "]],
    );
    check_plan(
        "ada [country=- type=enterpriseID]; eve [country=-]",
        "",
        "no-country",
        &expect![[r"
        ada@example.com: create enterpriseID ada@example.com in UD, Ignore
        (CountryMissing)
    "]],
    );
}

#[test]
fn excluded_people_are_left_alone_and_not_created_again() {
    check_plan(
        "ada in Photo; eve in Photo",
        "ada; eve",
        "groups, exclude-user eve, remove",
        &expect![[r"
        ada@example.com: join Photo
        (Excluded)
    "]],
    );
    check_plan(
        "",
        "ada in Keepers; eve",
        "remove, exclude-group keepers",
        &expect![[r"
        eve@example.com: remove
        (Excluded)
    "]],
    );
}

#[test]
fn adobe_only_accounts_get_what_the_settings_say() {
    let organization = "eve in Photo, Other";
    check_plan("", organization, "mapped Photo", &expect![""]);
    check_plan(
        "",
        organization,
        "mapped Photo, groups",
        &expect![[r"
        eve@example.com: leave Photo
    "]],
    );
    check_plan(
        "",
        organization,
        "no-groups-left",
        &expect![[r"
        eve@example.com: leave all
    "]],
    );
    check_plan(
        "",
        organization,
        "remove, groups",
        &expect![[r"
        eve@example.com: remove
    "]],
    );
    check_plan(
        "",
        organization,
        "delete",
        &expect![[r"
        eve@example.com: delete
    "]],
    );
    check_plan("", organization, "exclude, groups, mapped Photo", &expect![""]);
}

#[test]
fn over_the_limit_nothing_is_removed_and_everything_else_is_sent() {
    check_plan(
        "ada",
        "eve; kim; lea",
        "remove, limit 50%",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in US, Ignore
        (OverLimit)
    "]],
    );
    check_plan(
        "",
        "eve; kim",
        "remove, limit 2",
        &expect![[r"
        eve@example.com: remove
        kim@example.com: remove
    "]],
    );
    check_plan(
        "",
        "eve",
        "remove, limit 0",
        &expect![[r"
        (OverLimit)
    "]],
    );
    check_plan(
        "",
        "",
        "remove, limit -1",
        &expect![[r"
        (OverLimit)
    "]],
    );
}

#[test]
fn counting_only_those_with_groups_acts_only_on_those() {
    check_plan(
        "",
        "eve in Photo; kim",
        "remove, groups, mapped Photo, only-with-groups, limit 1",
        &expect![[r"
        eve@example.com: remove
    "]],
    );
    check_plan(
        "",
        "eve in Photo",
        "remove, mapped Photo, only-with-groups",
        &expect![[r"
        (GroupRemovalsOnlyWithoutGroups)
    "]],
    );
}

#[test]
fn a_secondary_organization_gets_groups_and_never_new_attributes() {
    check_plan(
        "ada [first=Ada] in two::Photo",
        "ada [first=Ida] | ada [first=Ida]",
        "groups, update",
        &expect![[r"
            ada@example.com: update first Ada
            two: ada@example.com: join Photo
        "]],
    );
    check_plan(
        "ada in two::Photo; kim",
        "ada; kim |",
        "groups",
        &expect![[r"
        two: ada@example.com: create federatedID ada@example.com in US, Ignore; join Photo
    "]],
    );
}

#[test]
fn who_is_not_in_the_primary_with_the_same_key_is_left_alone_elsewhere() {
    check_plan(
        "ada",
        "ada | ada [username=x@example.com] in Photo; eve in Photo",
        "groups, remove, mapped two::Photo",
        &expect![[r"
            (NotInPrimary)
        "]],
    );
}

#[test]
fn who_is_excluded_in_the_primary_is_left_alone_elsewhere_for_that_reason() {
    check_plan(
        "ada; kim",
        "ada; kim | ada in Photo; kim [username=x@example.com] in Photo",
        "groups, exclude-user ada, mapped two::Photo",
        &expect![[r"
            (Excluded)
            (NotInPrimary)
            (ExcludedInPrimary)
        "]],
    );
}

#[test]
fn who_leaves_the_primary_leaves_the_others_without_losing_the_account_there() {
    check_plan(
        "",
        "eve | eve in Photo",
        "delete, mapped two::Photo",
        &expect![[r"
        eve@example.com: delete
        two: eve@example.com: remove
    "]],
    );
}

#[test]
fn push_creates_everybody_and_leaves_mapped_groups_before_joining() {
    check_plan(
        "ada in Photo; kim",
        "",
        "push, groups, mapped Design",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in US, Ignore; leave Design; join Photo
        kim@example.com: create federatedID kim@example.com in US, Ignore; leave Design and Photo
    "]],
    );
    check_plan(
        "ada in Photo; kim",
        "",
        "push, groups, no-unmapped",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in US, Ignore; join Photo
        (Unmapped)
    "]],
    );
}

#[test]
fn two_records_of_one_person_are_one_with_the_groups_of_both() {
    check_plan(
        "ada [first=A1] in Photo; ada [first=A2] in Design",
        "ada [first=A0]",
        "groups, update",
        &expect![[r"
        ada@example.com: update first A2; join Design and Photo
        (SamePerson)
    "]],
    );
    check_plan(
        "ada [username=u1 first=A1] in Photo; eve [username=u1 first=E] in Design",
        "",
        "groups",
        &expect![[r"
            u1 of example.com: create federatedID ada@example.com in US, Ignore; join Design and Photo
            (SamePerson)
        "]],
    );
}

#[test]
fn admin_groups_that_the_api_does_not_assign_are_left_out() {
    check_plan(
        "ada in _org_admin, _support_admin",
        "ada",
        "groups",
        &expect![[r"
        ada@example.com: join _support_admin
        (GroupNotAssignable)
    "]],
    );
}

#[test]
fn what_a_source_has_lost_is_taken_from_nobody() {
    check_plan(
        "ada",
        "ada in Photo, Design; eve in Photo",
        "groups, mapped Design, keep Photo, hold, delete",
        &expect![[r"
            ada@example.com: leave Design
            (Withheld)
        "]],
    );
    check_plan(
        "ada",
        "",
        "push, groups, mapped Design, keep Photo",
        &expect![[r"
        ada@example.com: create federatedID ada@example.com in US, Ignore; leave Design
    "]],
    );
}

#[test]
fn what_there_is_to_lose_is_counted_by_organization_and_group() {
    let directory = "ada in Photo; kim in Photo, two::Photo; lee";
    let primary = "ada in Photo; kim in Photo, Film; lee in Photo; max in Photo; pat in Other; sam [type=adobeID] in Photo";
    let standing = |organizations: &str, settings: &str| {
        let scene = Scene::new(directory, organizations, settings);
        let standing = scene.plan().standing;
        let groups = standing.groups.iter().map(|(&(organization, group), of)| {
            let name = scene.world.texts.get(group);
            format!(
                "{organization} {name} {}-{}+{}",
                of.matched, of.leaving, of.left_over
            )
        });
        let groups: Vec<String> = groups.collect();
        format!(
            "{}+{}: {}",
            standing.matched,
            standing.left_over,
            groups.join(", ")
        )
    };
    let two = format!("{primary} | kim in Photo; max in Photo");
    assert_eq!(
        standing(&two, "groups, mapped Film, exclude-type adobeID"),
        "3+2: 0 film 1-1+0, 0 photo 3-1+1, 1 photo 1-0+1",
        "somebody who is excluded has nothing to lose, and `Other` is not mapped"
    );
    assert_eq!(
        standing(primary, "exclude-type adobeID"),
        "3+2: ",
        "without groups nobody loses one"
    );
    assert_eq!(standing("", "groups, mapped Film"), "0+0: ");
}
