"""The commands on user groups: R171–R186."""

from judge import (
    ONE, TWO, Api, add, adobe, claim, equal, fed, fresh, judge, make, make_group, on, on_group, remove, true,
)

api = Api()
two = Api(TWO)


@claim("R171")
def name_is_the_root():
    """createUserGroup takes its name from usergroup, whatever `name` says"""
    for fields in ({}, {"name": "Something else"}, {"description": "text"}, {"description": None}):
        name = fresh("Group ")
        api.ok(on_group(name, {"createUserGroup": fields}))
        equal(api.groups()[name]["type"], "USER_GROUP")
        true("Something else" not in api.groups(), "no group of the other name")


@claim("R172")
def taken_names():
    """a taken name is an error without option and with errorIfAlreadyExists, and fine with the other two"""
    name = make_group(api)
    for fields in ({}, {"option": "errorIfAlreadyExists"}):
        api.refused(on_group(name.upper(), {"createUserGroup": fields}), "error.usergroup.already_exists")
    for option in ("ignoreIfAlreadyExists", "updateIfAlreadyExists"):
        api.ok(on_group(name.upper(), {"createUserGroup": {"option": option, "description": "new"}}))
        true(name in api.groups() and name.upper() not in api.groups(), "the spelling stays")


@claim("R173")
def illegal_names():
    """names that begin with an underscore or have over 255 characters are error.group.invalid_name"""
    for name in ("_mine", "x" * 256, "bell\u0007"):
        api.refused(on_group(name, {"createUserGroup": {}}), "error.group.invalid_name")
    group = make_group(api)
    for name in ("_mine", "x" * 256):
        api.refused(on_group(group, {"updateUserGroup": {"name": name}}), "error.group.invalid_name")
    longest = fresh("L") + "é" * 200
    make_group(api, longest + "x" * (255 - len(longest)))
    api.refused(on_group(fresh(), {"createUserGroup": {"description": "x" * 4001}}), "error.command.string.too_long")


@claim("R174")
def name_of_a_profile():
    """a profile's name is taken, with every option"""
    for option in ("errorIfAlreadyExists", "ignoreIfAlreadyExists", "updateIfAlreadyExists"):
        api.refused(on_group("photo suite extra", {"createUserGroup": {"option": option}}), "error.usergroup.already_exists",
                    "UserGroup already exists: photo suite extra")


@claim("R171")
def create_syntax():
    """unknown keys, no object, and creates out of place are refused"""
    api.refused(on_group(fresh(), {"createUserGroup": {"colour": 1}}), "error.command.create.key.unknown")
    api.refused(on_group(fresh(), {"createUserGroup": 5}), "error.command.create.object_expected")
    api.refused(on_group(fresh(), {"createUserGroup": {"description": 5}}), "error.command.create.string_expected")
    api.refused(on_group(fresh(), {"createUserGroup": {"option": "foo"}}), "error.option.illegal")
    api.refused(on_group(fresh(), {"createUserGroup": {}}, {"createUserGroup": {}}), "error.command.create.more_than_one")
    api.refused(on_group("Design Team", {"updateUserGroup": {}}, {"createUserGroup": {}}), "error.command.create.not_first")


@claim("R175")
def updates():
    """an empty update succeeds, a rename works, to a taken name it is refused, and a change of case is fine"""
    name, other = make_group(api), make_group(api)
    api.ok(on_group(name, {"updateUserGroup": {}}), on_group(name, {"updateUserGroup": {"name": None, "description": "d"}}),
           on_group(name, {"updateUserGroup": {"name": "", "description": ""}}))
    for taken in (other.upper(), "Photo Suite Extra"):
        api.refused(on_group(name, {"updateUserGroup": {"name": taken}}), "error.usergroup.already_exists")
    api.ok(on_group(name, {"updateUserGroup": {"name": name.upper()}}))
    true(name.upper() in api.groups(), "the new case")
    new = fresh("Renamed ")
    api.ok(on_group(name, {"updateUserGroup": {"name": new}}))
    true(new in api.groups() and name.upper() not in api.groups(), "the new name")
    api.refused(on_group(new, {"updateUserGroup": {"colour": 1}}), "error.command.illegal_entry")
    api.refused(on_group(new, {"updateUserGroup": 5}), "error.command.illegal_entry")


@claim("R176")
def rename_then_add():
    """after a rename, later steps of the command still mean the group"""
    name, new, email = make_group(api), fresh("Renamed "), make(api, fed())
    api.ok(on_group(name, {"updateUserGroup": {"name": new}}, {"add": {"user": [email]}}))
    equal(api.emails(new), [email])


@claim("R177")
def rename_shows():
    """a rename shows in users' groups, adminGroupName and the admin group's name"""
    name, new = make_group(api), fresh("Renamed ")
    email = make(api, fed(do=[add(name, f"_admin_{name}")]))
    api.ok(on_group(name, {"updateUserGroup": {"name": new}}))
    equal(api.user(email)["groups"], [new, f"_admin_{new}"])
    groups = api.groups()
    equal(groups[new]["adminGroupName"], f"_admin_{new}")
    equal((groups[f"_admin_{new}"]["userGroupName"], f"_admin_{name}" in groups), (new, False))
    equal(api.get(f"/users/{ONE}/0/_admin_{name}").status_code, 404)


@claim("R178")
def deletion():
    """deleteUserGroup ends what came through the group, and later steps are skipped without error"""
    name, email = make_group(api), make(api, fed())
    api.ok(on_group(name, {"add": {"user": [email], "productConfiguration": ["Video Suite Extra"]}}), on(email, add(f"_admin_{name}")))
    true(email in api.emails("Video Suite Extra", directOnly="false"), "an indirect member")
    api.ok(on_group(name, {"deleteUserGroup": {}}, {"add": {"user": [email]}}, {"updateUserGroup": {"name": "x"}}))
    true(email not in api.emails("Video Suite Extra", directOnly="false"), "no longer one")
    true("groups" not in api.user(email, directOnly="false"), "no groups left")
    true(name not in api.groups() and f"_admin_{name}" not in api.groups(), "the groups are gone")
    make_group(api, name)
    equal(api.emails(name), [], "a new group of the name is empty")


@claim("R178")
def ten_deletions():
    """ten deletions in one request all work"""
    names = [make_group(api) for _ in range(10)]
    equal(api.ok(*[on_group(name, {"deleteUserGroup": {}}) for name in names])["completed"], 10)
    true(not set(names) & set(api.groups()), "all gone")


@claim("R179")
def no_user_group():
    """a command on a missing group, or on a profile, is error.usergroup.not_found"""
    for name in ("No Such Group", "Photo Suite Extra"):
        for step in ({"updateUserGroup": {"description": "x"}}, {"deleteUserGroup": {}}, {"add": {"user": []}}, {"remove": {"productConfiguration": []}}):
            api.refused(on_group(name, step), "error.usergroup.not_found", "UserGroup not found")
    api.refused(on_group("x" * 256, {"add": {"user": []}}), "error.usergroup.not_found")


@claim("R180")
def lists_and_aliases():
    """add and remove take user and productConfiguration, both in a step; the old names work and warn"""
    name, one, other = make_group(api), make(api, fed()), make(api, adobe())
    body = api.ok(on_group(name, {"add": {"user": [one, other.upper()], "productConfiguration": ["Photo Suite Extra", "photo suite extra"]}}))
    true("warnings" not in body, "no warnings")
    equal(api.emails(name), sorted([one, other]))
    equal(sorted(api.user(one, directOnly="false")["groups"]), sorted([name, "Photo Suite Extra"]))
    body = api.act(on_group(name, {"remove": {"users": [one], "product": ["Photo Suite Extra"]}}))
    equal(body["result"], "success")
    equal(sorted(w["message"] for w in body["warnings"]),
          ["'product' command is deprecated. Please use productConfiguration.", "'users' command is deprecated. Please use user."])
    equal(api.emails(name), [other])
    equal(api.user(other, directOnly="false")["groups"], [name])


@claim("R180")
def a_directory_user_joins():
    """a directory user who was removed joins again by being added to a group"""
    name, email = make_group(api), make(api, fed())
    api.ok(on(email, {"removeFromOrg": {}}))
    api.ok(on_group(name, {"add": {"user": [email]}}))
    equal(api.user(email)["groups"], [name])
    api.ok(on_group(name, {"remove": {"user": [email, "admin@fed.example"]}}))
    true("groups" not in api.user(email), "out again, and a non-member does not matter")


@claim("R180")
def all_profiles():
    """all means all profiles: add links them, remove unlinks them, users stay"""
    name, email = make_group(api), make(api, fed())
    api.ok(on_group(name, {"add": {"user": [email]}}, {"add": "all"}))
    groups = api.user(email, directOnly="false")["groups"]
    true({"Photo Suite Extra", "Narrow A", name} <= set(groups), f"all profiles in {groups}")
    api.ok(on_group(name, {"remove": "all"}))
    equal(api.user(email, directOnly="false")["groups"], [name])


@claim("R181")
def empty_lists():
    """empty lists succeed, no list is error.usergroup.command.missing.arguments"""
    name = make_group(api)
    for step in ("add", "remove"):
        api.ok(on_group(name, {step: {"user": []}}, {step: {"productConfiguration": []}}, {step: {"user": [], "productConfiguration": []}}))
        api.refused(on_group(name, {step: {}}), "error.usergroup.command.missing.arguments", "No users or product profiles given")
        api.refused(on_group(name, {step: {"group": []}}), "error.command.add_remove.key.unknown")
        api.refused(on_group(name, {step: {"user": "x"}}), "error.command.add_remove.list_not_array")
        api.refused(on_group(name, {step: 5}), "error.command.add_remove.list")


@claim("R182")
def bad_lists():
    """the same user twice, entries that are no users, and eleven of them are refused"""
    name, email = make_group(api), make(api, fed())
    api.refused(on_group(name, {"add": {"user": [email, email.upper()]}}), "error.command.add_remove.duplicate.user_list")
    for entry in (None, 5, "", " "):
        api.refused(on_group(name, {"add": {"user": [entry]}}), "error.usergroup.user_list.invalid", "Invalid entry in list: user")
    for entry in ("plain", "x" * 251 + "@fed.example", "a\u0001@fed.example"):
        api.refused(on_group(name, {"add": {"user": [entry]}}), "error.user.user_list.invalid", f"Invalid user in list: {entry}")
    api.refused(on_group(name, {"add": {"user": [f"u{n}@fed.example" for n in range(11)]}}), "error.command.add_remove.list_too_long")

    answer = api.post(f"/action/{ONE}", data=f'[{{"usergroup":"{name}","do":[{{"add":{{"user":[],"users":[]}}}}]}}]')
    equal([e["errorCode"] for e in answer.json()["errors"]], ["error.command.add_remove.duplicate.user_list"])
    answer = api.post(f"/action/{ONE}", data=f'[{{"usergroup":"{name}","do":[{{"add":{{"productConfiguration":[],"productConfiguration":[]}}}}]}}]')
    equal([e["errorCode"] for e in answer.json()["errors"]], ["error.command.add_remove.duplicate.product_list"])


@claim("R183")
def unknown_users():
    """only unknown users are error.user.not_found; among known ones error.user.nonexistent, and nothing is applied"""
    name, email = make_group(api), make(api, fed())
    api.refused(on_group(name, {"add": {"user": ["no1@fed.example", "no2@fed.example"]}}), "error.user.not_found",
                "No valid users were found in the request")
    body = api.act(on_group(name, {"add": {"user": ["no1@fed.example", email, "no2@fed.example"]}}))
    equal([(e["errorCode"], e["message"]) for e in body["errors"]],
          [("error.user.nonexistent", f"User Id does not exist: no{n}@fed.example") for n in (1, 2)])
    equal(api.emails(name), [])
    api.refused(on_group(name, {"add": {"productConfiguration": ["Nope"]}}), "error.group.not_found", "Group Nope was not found")


@claim("R185")
def read_only_group():
    """profiles can be linked to a read-only group; users, rename and delete have the four read-only errors"""
    shared, email = "Shared Sales", make(api, fed())
    api.ok(on_group(shared, {"add": {"productConfiguration": ["Video Suite Extra"]}}))
    api.ok(on_group(shared, {"remove": {"productConfiguration": ["Video Suite Extra"]}}))
    for step, code, message in (
        ({"add": {"user": [email]}}, "add_user_not_allowed", "User cannot be added to group as owned by another org and readonly: Shared Sales"),
        ({"remove": {"user": [email]}}, "remove_user_not_allowed", "User cannot be removed from group as owned by another org and readonly: Shared Sales"),
        ({"updateUserGroup": {"name": "Mine"}}, "update_not_allowed", "Usergroup is owned by another org and readonly: Shared Sales"),
        ({"deleteUserGroup": {}}, "remove_not_allowed", "User group owned by another organization. Remove not allowed: Shared Sales"),
    ):
        error = api.refused(on_group(shared, step), f"error.usergroup.readonly.{code}", message)
        equal(error["user"], shared)
    api.ok(on_group(shared, {"updateUserGroup": {}}, {"add": {"user": []}}))


@claim("R186")
def admin_groups():
    """add.user on an admin group grants the role, remove.user takes it; other steps and _org_admin are refused"""
    email = make(api, fed())
    for name in ("_admin_Design Team", "_support_admin", "_product_admin_Photo Suite", "_developer_Photo Suite Extra"):
        api.ok(on_group(name, {"add": {"user": [email]}}))
        equal(api.user(email)["groups"], [name])
        api.ok(on_group(name, {"remove": {"user": [email]}}))
        true("groups" not in api.user(email), "taken again")
        for step in ({"updateUserGroup": {"name": "x"}}, {"deleteUserGroup": {}}, {"add": {"productConfiguration": ["Photo Suite Extra"]}}):
            api.refused(on_group(name, step), "error.usergroup.not_found")
    api.refused(on_group("_org_admin", {"add": {"user": [email]}}), "error.group.invalid_name")
    api.refused(on_group("_admin_Nope", {"add": {"user": [email]}}), "error.usergroup.not_found")


@claim("R74")
def member_counts():
    """memberCount follows every way of joining and leaving"""
    name = make_group(api)
    people = [make(api, fed(do=[add(name)])) for _ in range(3)]

    def count():
        return api.groups()[name]["memberCount"]

    equal(count(), 3)
    api.ok(on(people[0], remove(name)), on(people[1], {"removeFromOrg": {"deleteAccount": True}}))
    equal(count(), 1)
    api.ok(on_group(name, {"remove": {"user": [people[2]]}}))
    equal(count(), 0)


if __name__ == "__main__":
    judge()
