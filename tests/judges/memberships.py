"""Add, remove, leaving, and test mode: R148–R170, R187–R191."""

from judge import (
    ONE, TWO, Api, add, adobe, apply, claim, context, ent, equal, fed, fresh, judge, make, make_group, on, on_group,
    remove, true,
)

api = Api()
two = Api(TWO)


# Add and remove -------------------------------------------------------------------------------------------------------


@claim("R148", "R204")
def names_in_any_case():
    """group names match in any letter case, and trimmed"""
    email = make(api, fed(do=[add("design team", "  R&D / EU @HOME ", "PHOTO SUITE EXTRA", "_Admin_DESIGN team")]))
    equal(api.user(email)["groups"], ["Design Team", "R&D / EU @home", "Photo Suite Extra", "_admin_Design Team"])
    api.ok(on(email, {"remove": "all"}))


@claim("R149")
def every_kind():
    """add to each kind of group takes effect and shows in reads; remove undoes it"""
    names = ["Design Team", "Photo Suite Extra", "_admin_Design Team", "_developer_Photo Suite Extra", "_product_admin_Photo Suite",
             "_support_admin", "_deployment_admin"]
    email = make(api, fed(do=[add(*names)]))
    equal(sorted(api.user(email)["groups"]), sorted(names))
    api.ok(on(email, remove(*names)))
    true("groups" not in api.user(email), "nothing left")


@claim("R150")
def unassignable():
    """the groups nobody can be put into are error.group.invalid_name, for add and remove"""
    email = make(api, fed())
    for name in ("_org_admin", "_compartment_admin", "_compartment_viewer", "_ORG_admin"):
        for step in (add(name), remove(name)):
            api.refused(on(email, step), "error.group.invalid_name", f"Group {name} cannot be used")


@claim("R151")
def unknown_names():
    """each unknown name is an error of its own, and none of the step's names is applied"""
    email = make(api, fed())
    body = api.act(on(email, add("Design Team", "Nope", "Never")))
    equal([(e["index"], e["step"], e["errorCode"], e["message"]) for e in body["errors"]],
          [(0, 0, "error.group.not_found", f"Group {name} was not found") for name in ("Nope", "Never")])
    equal((body["completed"], body["notCompleted"]), (0, 1))
    true("groups" not in api.user(email), "nothing applied")
    api.refused(on(email, add("Nope", "_org_admin")), "error.group.not_found")
    for name in ("_admin_Nope", "_product_admin_Photo Suite Extra", "_developer_Design Team"):
        api.refused(on(email, add(name)), "error.group.not_found")


@claim("R152")
def again():
    """adding a member and removing a non-member succeed"""
    email = make(api, fed(do=[add("Design Team")]))
    api.ok(on(email, add("Design Team", "Design Team"), remove("R&D / EU @home", "Photo Suite Extra")))
    equal(api.user(email)["groups"], ["Design Team"])


@claim("R153")
def empty_lists():
    """empty lists succeed, and an empty add makes the user part of the organization"""
    email = make(api, fed())
    api.ok(on(email, add(), remove(), {"add": {"group": [], "productConfiguration": []}}))


@claim("R154")
def list_syntax():
    """no list, an unknown key, no array and no object have their own errors"""
    for step in ("add", "remove"):
        api.refused(on("a@fed.example", {step: {}}), "error.command.add_remove.missing_list", f"No list given for step: {step}")
        api.refused(on("a@fed.example", {step: {"groups": []}}), "error.command.add_remove.key.unknown", f"Unknown key in {step}: groups")
        api.refused(on("a@fed.example", {step: {"group": "Design Team"}}), "error.command.add_remove.list_not_array", "Array expected for: group")
        for value in (5, [], None, "everything"):
            api.refused(on("a@fed.example", {step: value}), "error.command.add_remove.list", f'Object or "all" expected for step: {step}')


@claim("R155")
def eleven_names():
    """eleven names in a list are refused, ten are not"""
    names = [make_group(api) for _ in range(11)]
    email = make(api, fed())
    api.refused(on(email, add(*names)), "error.command.add_remove.list_too_long",
                "Too many products, users or groups in Add or Remove: max is 10")
    api.ok(on(email, add(*names[:10])))
    equal(api.user(email)["groups"], names[:10])


@claim("R156")
def bad_entries():
    """null, numbers and blanks in a list are error.group.invalid_list; a name over 255 characters is too long"""
    for entry in (None, 5, "", "  "):
        api.refused(on("a@fed.example", {"add": {"group": ["Design Team", entry]}}), "error.group.invalid_list", "Invalid entry in list: group")
    api.refused(on("a@fed.example", add("x" * 256)), "error.command.add_remove.group_or_product_name_too_long")
    email = make(api, fed())
    api.refused(on(email, add("x" * 255)), "error.group.not_found")
    api.refused(on(email, add("_admin_" + "x" * 255)), "error.group.not_found")


@claim("R157")
def repeated_keys():
    """a key repeated in one object is refused"""

    def send(lists):
        answer = api.post(f"/action/{ONE}", data=f'[{{"user":"admin@fed.example","do":[{{"add":{lists}}}]}}]')
        equal(answer.status_code, 200, f"status ({answer.text})")
        return [error["errorCode"] for error in answer.json()["errors"]]

    equal(send('{"group":["Design Team"],"group":[]}'), ["error.command.add_remove.duplicate.group_list"])
    equal(send('{"usergroup":[],"usergroup":[]}'), ["error.command.add_remove.duplicate.group_list"])
    equal(send('{"product":[],"product":[]}'), ["error.command.add_remove.duplicate.product_list"])
    equal(send('{"product":[],"productConfiguration":[]}'), ["error.command.add_remove.duplicate.product_list"])


@claim("R158")
def product_warns():
    """product works and warns once, also when the step fails; the other keys do not warn"""
    email = make(api, fed())
    body = api.act(on(email, {"add": {"product": ["Photo Suite Extra"]}}))
    equal(body["result"], "success")
    equal([(w["warningCode"], w["message"], w["index"], w["step"]) for w in body["warnings"]],
          [("warning.command.deprecated", "'product' command is deprecated. Please use productConfiguration.", 0, 0)])
    body = api.act(on(email, {"add": {"product": ["Nope", "Never"]}}))
    equal((len(body["warnings"]), len(body["errors"])), (1, 2))
    body = api.act(on(email, {"add": {"productConfiguration": ["Video Suite Extra"], "usergroup": ["Design Team"]}}))
    true("warnings" not in body, "no warnings")
    equal(sorted(api.user(email)["groups"]), ["Design Team", "Photo Suite Extra", "Video Suite Extra"])
    api.refused(on(email, {"add": {"product": ["Design Team"]}}), "error.group.not_found")
    api.refused(on(email, {"add": {"usergroup": ["Photo Suite Extra"]}}), "error.group.not_found")


@claim("R159")
def remove_all():
    """remove all empties everything but _org_admin, and the user stays"""
    email = make(api, fed(do=[add("Design Team", "Photo Suite Extra", "_support_admin", "_admin_Design Team", "_developer_Photo Suite Extra")]))
    api.ok(on(email, {"remove": "all"}))
    true("groups" not in api.user(email), "nothing left")
    api.ok(on("admin@fed.example", add("Design Team"), {"remove": "all"}))
    equal(api.user("admin@fed.example")["groups"], ["_org_admin"])


@claim("R159")
def add_all():
    """add all puts the user into every own user group and profile, and into no admin group"""
    email = make(api, fed(do=[{"add": "all"}]))
    groups = api.user(email)["groups"]
    for name in ("Design Team", "R&D / EU @home", "Photo Suite Standard", "Narrow A"):
        true(name in groups, f"{name} among the groups")
    true(not any(name.startswith("_") for name in groups), "no admin groups")
    true("Shared Sales" not in groups, "no shared group")
    api.ok(on(email, {"remove": "all"}))


@claim("R161")
def who_waits_longest():
    """a freed seat goes to who waits longest and is admitted by both quotas, and nobody else loses one"""
    stem = fresh("Q")
    a, b = f"{stem} A", f"{stem} B"
    apply(context().data, f"organizations:\n  - id: {ONE}\n    name: Judge One\n    products:\n      - name: {stem}\n        code: {stem}\n"
                          f"        quota: 2\n        profiles:\n          - {{name: {a}, quota: 1}}\n          - {{name: {b}}}\n")
    r, w, x = (make(api, fed(f"{stem}{name}@fed.example".lower())) for name in "rwx")
    api.ok(on(r, add(a)), on(r, add(b)), on(w, add(a)), on(x, add(b)))

    def active(profile):
        return api.emails(profile, status="active")

    equal((active(a), active(b)), ([r], sorted([r, x])), "at first")
    api.ok(on(r, remove(a)))
    equal((active(a), active(b)), ([], sorted([r, x])), "when r left A")
    equal(api.emails(a, status="inactive"), [w], "w waits")
    api.ok(on(r, remove(b)))
    equal((active(a), active(b)), ([w], [x]), "when r left B too")


@claim("R161")
def a_licence_is_passed_on():
    """removing somebody with a licence, or deleting the account, activates who waits longest"""
    stem = fresh("Q")
    apply(context().data, f"organizations:\n  - id: {ONE}\n    name: Judge One\n    products:\n      - name: {stem}\n        code: {stem}\n"
                          f"        profiles:\n          - {{name: {stem} P, quota: 1}}\n")
    people = [make(api, fed(do=[add(f"{stem} P")])) for _ in range(4)]
    for step, expected in ((remove(f"{stem} P"), 1), ({"removeFromOrg": {}}, 2), ({"removeFromOrg": {"deleteAccount": True}}, 3)):
        equal(api.emails(f"{stem} P", status="active"), [people[expected - 1]])
        api.ok(on(people[expected - 1], step))
        equal(api.emails(f"{stem} P", status="active"), [people[expected]])


@claim("R163")
def roles():
    """addRoles and removeRoles act on the admin groups and warn"""
    email = make(api, fed())
    body = api.act(on(email, {"addRoles": {"admin": ["deployment", "support", "Design Team"], "productAdmin": ["Photo Suite"]}}))
    equal((body["result"], [w["message"] for w in body["warnings"]]), ("success", ["'addRoles' command is deprecated. Please use group."]))
    equal(sorted(api.user(email)["groups"]), ["_admin_Design Team", "_deployment_admin", "_product_admin_Photo Suite", "_support_admin"])
    body = api.act(on(email, {"removeRoles": {"admin": ["support"], "productAdmin": ["photo suite"]}}))
    equal([w["message"] for w in body["warnings"]], ["'removeRoles' command is deprecated. Please use group."])
    equal(sorted(api.user(email)["groups"]), ["_admin_Design Team", "_deployment_admin"])
    api.refused(on(email, {"addRoles": {"productAdmin": ["Nope"]}}), "error.user.productadmin.group.not_found", "Product Nope was not found")
    api.refused(on(email, {"addRoles": {"admin": ["org"]}}), "error.group.invalid_name")
    api.refused(on(email, {"addRoles": {"other": []}}), "error.command.add_remove.key.unknown")
    api.refused(on(email, {"addRoles": {"productAdmin": ["Photo Suite", "Photo Suite"]}}), "error.command.add_remove.duplicate.productadmin_list")
    api.ok(on(email, {"remove": "all"}))


@claim("R164")
def read_only_group():
    """users cannot be added to or removed from a read-only group"""
    email = make(api, fed())
    api.refused(on(email, add("Shared Sales")), "error.usergroup.readonly.add_user_not_allowed",
                "User cannot be added to group as owned by another org and readonly: Shared Sales")
    api.refused(on(email, remove("Shared Sales")), "error.usergroup.readonly.remove_user_not_allowed",
                "User cannot be removed from group as owned by another org and readonly: Shared Sales")


@claim("R159", "R164")
def members_of_a_shared_group():
    """members of a shared group show in both organizations; remove all leaves them there"""
    email = make(api, fed())
    two.ok(on(email, add("Shared Sales")))
    true(email in two.emails("Shared Sales"), "a member where the group is owned")
    true(email in api.emails("Shared Sales"), "and where it is shared")
    api.ok(on(email, add("Design Team"), {"remove": "all"}))
    equal(api.user(email)["groups"], ["Shared Sales"])
    two.ok(on(email, remove("Shared Sales")))
    true("groups" not in api.user(email), "no longer a member")


# Leaving --------------------------------------------------------------------------------------------------------------


@claim("R165")
def plain_removal():
    """removeFromOrg ends membership, groups and roles; the directory account remains"""
    for value in ({}, {"deleteAccount": False}, {"removedDomain": "fed.example"}):
        email = make(api, fed(do=[add("Design Team", "_support_admin")]))
        before = api.user(email)["id"]
        api.ok(on(email, {"removeFromOrg": value}))
        equal(api.user(email), None)
        for group in ("Design Team", "_support_admin"):
            true(email not in api.emails(group), f"no member of {group}")
        api.ok(on(email, add()))
        user = api.user(email)
        equal((user["id"], user.get("groups")), (before, None))


@claim("R166")
def deletion():
    """deleteAccount by the owner destroys the account, also in trusting organizations"""
    email = make(api, fed())
    before = api.user(email)["id"]
    two.ok(on(email, add("Two Team")))
    api.ok(on(email, {"removeFromOrg": {"deleteAccount": True}}))
    equal((api.user(email), two.user(email)), (None, None))
    true(email not in two.emails("Two Team"), "no member of the other organization's group")
    api.refused(on(email, add("Design Team")), "error.user.nonexistent")
    api.ok(fed(email))
    true(api.user(email)["id"] != before, "another account")
    api.ok(on(email, {"removeFromOrg": {}}), on(email, {"removeFromOrg": {"deleteAccount": True}}))
    api.refused(on(email, add("Design Team")), "error.user.nonexistent")


@claim("R167")
def deletion_elsewhere():
    """deleteAccount by a trustee, or on an Adobe ID, only removes, with success"""
    email = make(api, fed())
    two.ok(on(email, add()))
    two.ok(on(email, {"removeFromOrg": {"deleteAccount": True}}))
    equal(two.user(email), None)
    true(api.user(email), "still there for the owner")
    email = make(api, adobe(firstname="Kofi"))
    before = api.user(email)["id"]
    api.ok(on(email, {"removeFromOrg": {"deleteAccount": True}}))
    equal(api.user(email), None)
    api.ok(adobe(email))
    equal(api.user(email)["id"], before, "the same Adobe ID")


@claim("R168")
def nobody_to_remove():
    """removeFromOrg of somebody who never existed succeeds"""
    for value in ({}, {"deleteAccount": True}):
        api.ok(on("nobody@fed.example", {"removeFromOrg": value}))


@claim("R169")
def last_step():
    """removeFromOrg must be the last step, and deleteAccount a boolean"""
    email = make(api, fed())
    for steps in ([{"removeFromOrg": {}}, add("Design Team")], [{"removeFromOrg": {}}] * 2):
        api.refused(on(email, *steps), "error.command.removefromorg.not_last", "removeFromOrg must be the last step")
    api.refused(on(email, {"removeFromOrg": {"deleteAccount": "x"}}), "error.command.boolean_expected", "Boolean expected for field: deleteAccount")
    api.refused(on(email, {"removeFromOrg": {"colour": 1}}), "error.command.object_not_empty")
    true(api.user(email), "nobody was removed")


@claim("R170")
def come_and_go():
    """create, add and removeFromOrg in one command succeed"""
    command = fed(do=[add("Design Team"), {"removeFromOrg": {"deleteAccount": True}}])
    equal(api.ok(command)["completed"], 1)
    equal(api.user(command["user"]), None)


@claim("R166")
def remove_from_domain():
    """removeFromDomain deletes directory accounts and fails where removeFromOrg is lenient"""
    email = make(api, fed())
    api.refused(on(email, {"removeFromDomain": {"domain": "ent.example"}}), "error.update.domain.mismatch")
    two.ok(on(email, add()))
    two.refused(on(email, {"removeFromDomain": {}}), "error.domain.trust.nonexistent")
    api.refused(on(email, {"removeFromDomain": {}}, add("Design Team")), "error.command.removefromorg.not_last")
    api.ok(on(email, {"removeFromDomain": {"removedDomain": "fed-two.example"}}))
    api.refused(on(email, {"removeFromDomain": {}}), "error.user.nonexistent")
    api.refused(on(make(api, adobe()), {"removeFromDomain": {}}), "error.user.type_must_not_be_adobeid")


@claim("R166")
def reset_password():
    """resetPassword is for Enterprise IDs, and empty"""
    api.ok(on(make(api, ent()), {"resetPassword": {}}))
    api.refused(on(make(api, fed()), {"resetPassword": {}}), "error.resetpw.user_must_be_enterprise_type")
    api.refused(on(make(api, adobe()), {"resetPassword": {}}), "error.user.type_must_not_be_adobeid")
    api.refused(on("a@ent.example", {"resetPassword": {"a": 1}}), "error.command.object_not_empty")


# Test mode ------------------------------------------------------------------------------------------------------------


def rehearse(*commands):
    return api.act(*commands, testOnly="true")


@claim("R187")
def nothing_changes():
    """in test mode nothing changes, completed is 0 and completedInTestMode counts"""
    command, email = fed(), make(api, fed())
    body = rehearse(command, on(email, {"update": {"lastname": "X"}}, add("Design Team")), on(email, {"removeFromOrg": {"deleteAccount": True}}))
    equal(body, {"completed": 0, "notCompleted": 0, "completedInTestMode": 3, "result": "success"})
    equal(api.user(command["user"]), None)
    user = api.user(email)
    equal((user["lastname"], user.get("groups")), ("Roth", None))
    body = rehearse(on(email, add("Nope")), on(email, add("Design Team")))
    equal((body["completed"], body["notCompleted"], body["completedInTestMode"], body["result"]), (0, 1, 1, "partial"))
    equal(rehearse(on(email, add("Nope")))["result"], "error")


@claim("R188")
def missing_accounts():
    """in test mode create + add of a new user passes, and add, update, remove for a missing user"""
    body = rehearse(fed(do=[add("Design Team")]), on("nobody@fed.example", add("Design Team")),
                    on("nobody@fed.example", {"update": {"lastname": "X"}}), on("nobody@fed.example", remove("Design Team")),
                    on_group("Design Team", {"add": {"user": ["nobody@fed.example"]}}))
    equal((body["completedInTestMode"], body["notCompleted"]), (5, 0), f"counts of {body}")


@claim("R189")
def what_is_reported():
    """in test mode an unknown group, a bad option, a type mismatch, an unclaimed domain and an existing user are reported"""
    email = make(api, fed())
    for command, code in (
        (on("nobody@fed.example", add("Nope")), "error.group.not_found"), (fed(option="foo"), "error.option.illegal"),
        (fed(domain="ent.example"), "error.user.type_mismatch"), (fed(domain="nowhere.example"), "error.domain.trust.nonexistent"),
        (fed(email), "error.user.already_in_org"), (on_group("Nope", {"deleteUserGroup": {}}), "error.usergroup.not_found"),
        (on("nobody@fed.example", add("_org_admin")), "error.group.invalid_name"),
    ):
        body = rehearse(command)
        equal([e["errorCode"] for e in body["errors"]], [code], f"codes for {command}")


@claim("R190")
def created_twice():
    """in test mode creating the same new user twice passes"""
    command = fed()
    equal(rehearse(command, command)["completedInTestMode"], 2)


@claim("R191")
def group_then_user():
    """in test mode a group created in one command can be used in the next, and leaves no trace"""
    name = fresh("Rehearsed ")
    body = rehearse(on_group(name, {"createUserGroup": {}}), on("nobody@fed.example", add(name)),
                    on_group(name, {"updateUserGroup": {"name": name + " two"}}), on("nobody@fed.example", add(name + " two")),
                    on_group(name + " two", {"deleteUserGroup": {}}), on("nobody@fed.example", add(name + " two")))
    equal([(e["index"], e["errorCode"]) for e in body["errors"]], [(5, "error.group.not_found")])
    true(name not in api.groups(), "no such group")


if __name__ == "__main__":
    judge()
