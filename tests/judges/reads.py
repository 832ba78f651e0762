"""Users, users by group, single users and groups: R32–R77, and the worked example of the licences."""

import json
import urllib.parse

from judge import (
    EMPTY, ONE, TWO, Api, add, adobe, apply, claim, context, ent, equal, fed, fresh, judge, make, make_group, matches, on,
    on_group, remove, true,
)

api = Api()


def missing(path, result, message):
    answer = api.get(path)
    equal(answer.status_code, 404, f"status ({answer.text})")
    body = answer.json()
    equal((body["result"], body["message"]), (result, message))
    return body


def product(name, *profiles, quota=None):
    """Describes a new product; each profile is a name or (name, quota)."""
    lines = [f"organizations:\n  - id: {ONE}\n    name: Judge One\n    products:\n      - name: {name}\n        code: {name}"]
    if quota is not None:
        lines.append(f"        quota: {quota}")
    lines.append("        profiles:")
    for profile in profiles:
        profile, seats = profile if isinstance(profile, tuple) else (profile, None)
        lines.append(f"          - {{name: {profile}" + (f", quota: {seats}" if seats is not None else "") + "}")
    apply(context().data, "\n".join(lines) + "\n")


# Users ----------------------------------------------------------------------------------------------------------------


@claim("R32", "R36")
def every_field():
    """every user object has id, email, status, username, domain, country and type, in the exact spelling"""
    for command in (fed(), ent(), adobe()):
        make(api, command)
    for user in api.users()["users"]:
        for key in ("id", "email", "status", "username", "domain", "country", "type"):
            true(isinstance(user.get(key), str) and user[key], f"{key} of {user}")
        true(user["type"] in ("adobeID", "enterpriseID", "federatedID"), f"type of {user}")
        equal(user["status"], "active")
        true(None not in user.values(), f"no null in {user}")


@claim("R33")
def no_groups():
    """groups is absent for somebody without memberships"""
    true("groups" not in api.user(make(api, fed())), "no groups key")


@claim("R34")
def no_names():
    """firstname and lastname are absent when they were never set"""
    user = api.user(make(api, fed(firstname=..., lastname=...)))
    true("firstname" not in user and "lastname" not in user, f"no names in {user}")
    user = api.user(make(api, fed(firstname="", lastname=None)))
    true("firstname" not in user and "lastname" not in user, f"no names in {user}")


@claim("R35")
def no_old_fields():
    """tags and adminRoles never appear"""
    for user in [*api.users()["users"], *api.members("_org_admin")["users"], api.user("admin@fed.example")]:
        true("tags" not in user and "adminRoles" not in user, f"{user}")


@claim("R37")
def adobe_id():
    """an Adobe ID's id ends in @AdobeID, its username is its e-mail, its domain the e-mail's"""
    email = make(api, adobe(country="GH"))
    user = api.user(email)
    matches(r"\A[0-9A-F]{24}@AdobeID\Z", user["id"], "id")
    equal((user["username"], user["domain"], user["type"], user["country"]), (email, "nowhere.example", "adobeID", "GH"))


@claim("R38")
def plain_username():
    """a federated user with a plain username reports the domain given at creation"""
    name = fresh("p")
    email = f"{name}@fed.example"
    api.ok({"user": name, "domain": "fed-two.example", "do": [{"createFederatedID": {"email": email, "country": "PT"}}]})
    user = api.user(email)
    equal((user["username"], user["domain"], user["email"]), (name, "fed-two.example", email))


@claim("R39")
def ids_stay():
    """an account's id survives changes of e-mail and username, and is the same in two organizations"""
    email = make(api, fed())
    before = api.user(email)["id"]
    new = f"{fresh()}@fed-two.example"
    api.ok(on(email, {"update": {"email": new}}), on(new, {"update": {"username": f"{fresh()}@fed.example"}}))
    equal(api.user(new)["id"], before)
    two = Api(TWO)
    two.ok(on(new, add()))
    equal(two.user(new)["id"], before)


@claim("R40")
def who_is_listed():
    """the users page lists active members: no technical accounts, nobody who was removed"""
    stays, goes = make(api, fed()), make(api, fed())
    api.ok(on(goes, {"removeFromOrg": {}}))
    body = api.users()
    listed = {user["email"] for user in body["users"]}
    true(stays in listed and goes not in listed, "who stays and who was removed")
    true(not any("techacct" in user["id"] + user["email"] for user in body["users"]), "no technical accounts")


@claim("R41")
def disabled():
    """a disabled account is missing from the users page and the single user, and comes back when re-enabled"""
    email = make(api, fed(do=[add("Design Team")]))
    for status, there in (("disabled", False), ("active", True), ("locked", False), ("active", True)):
        apply(context().data, f"organizations:\n  - id: {ONE}\n    name: Judge One\n    accounts:\n"
                              f"      - {{email: {email}, status: {status}}}\n")
        equal(email in {user["email"] for user in api.users()["users"]}, there, f"listed when {status}")
        equal(api.user(email) is not None, there, f"found when {status}")
        found = [user["status"] for user in api.members("Design Team")["users"] if user["email"] == email]
        equal(found, [status], "status among the group's members")
    api.ok(on(email, remove("Design Team")))


@claim("R43")
def page_headers():
    """the four paging headers are right"""
    answer = api.get(f"/users/{ONE}/0")
    rows = len(answer.json()["users"])
    equal(answer.headers["X-Total-Count"], str(rows), "X-Total-Count")
    equal(answer.headers["X-Page-Count"], "1", "X-Page-Count")
    equal(answer.headers["X-Current-Page"], "0", "X-Current-Page")
    equal(answer.headers["X-Page-Size"], str(rows), "X-Page-Size")
    equal(answer.json()["lastPage"], True, "lastPage")
    answer = api.get(f"/groups/{ONE}/0")
    equal(answer.headers["X-Total-Count"], str(len(answer.json()["groups"])), "X-Total-Count of groups")


@claim("R44")
def nobody():
    """an organization without users answers 200 with an empty list"""
    answer = Api(EMPTY).get(f"/users/{EMPTY}/0")
    equal(answer.status_code, 200)
    equal(answer.json(), {"lastPage": True, "result": "success", "users": []})
    told = [answer.headers[f"X-{name}"] for name in ("Total-Count", "Page-Count", "Current-Page", "Page-Size")]
    equal(told, ["0", "1", "0", "0"], "paging headers")


@claim("R45")
def past_the_end():
    """a page past the end of the users is the last page"""
    for path in (f"/users/{ONE}/99", f"/users/{ONE}/99/_org_admin"):
        answer = api.get(path)
        equal(answer.status_code, 200)
        body = answer.json()
        true(body["lastPage"] and body["users"], f"the last page, got {answer.text[:200]}")
        equal(answer.headers["X-Current-Page"], "0", "X-Current-Page")


@claim("R46")
def domain_filter():
    """domain= filters by the domain field in any letter case; an unrelated domain is 404"""
    email = make(api, fed(domain="fed-two.example"))
    found = api.users(domain="FED-Two.Example")["users"]
    true(email in {user["email"] for user in found}, "who was just created there")
    equal({user["domain"] for user in found}, {"fed-two.example"}, "domains")
    for domain in ("nowhere.example", "other.example"):
        missing(f"/users/{ONE}/0?domain={domain}", "error.domain.trust.nonexistent", f"Not found: Domain {domain}")
    Api(TWO).users(domain="fed.example")


@claim("R47")
def adobe_ids_only():
    """domain=AdobeID lists only Adobe IDs"""
    email = make(api, adobe())
    for spelling in ("AdobeID", "adobeid"):
        found = api.users(domain=spelling)["users"]
        equal({user["type"] for user in found}, {"adobeID"}, "types")
        true(email in {user["email"] for user in found}, "who was just created")


@claim("R48")
def inherited_profiles():
    """directOnly=true, the default, leaves inherited profiles out of groups; false puts them in"""
    email = make(api, fed(do=[add("R&D / EU @home", "Photo Suite Extra")]))
    direct, every = ["R&D / EU @home", "Photo Suite Extra"], ["R&D / EU @home", "Photo Suite Extra", "Video Suite Extra"]
    for params, expected in (({}, direct), ({"directOnly": "true"}, direct), ({"directOnly": "false"}, every)):
        equal(sorted(api.user(email, **params)["groups"]), sorted(expected), f"groups with {params}")
        listed = next(user for user in api.users(**params)["users"] if user["email"] == email)
        equal(sorted(listed["groups"]), sorted(expected), f"groups on the page with {params}")
    true(len(set(every)) == 3, "no duplicates")


@claim("R49")
def groups_of_all_kinds():
    """user groups and admin groups are in groups whatever directOnly says"""
    wanted = ["Design Team", "_admin_Design Team", "_support_admin", "_developer_Photo Suite Extra", "_product_admin_Photo Suite"]
    email = make(api, fed(do=[add(*wanted)]))
    for value in ("true", "false"):
        equal(sorted(api.user(email, directOnly=value)["groups"]), sorted(wanted), f"directOnly={value}")
    api.ok(on(email, {"remove": "all"}))


@claim("R50")
def system_administrator():
    """a system administrator has _org_admin in groups"""
    true("_org_admin" in api.user("admin@fed.example")["groups"], "_org_admin")


@claim("R48")
def without_groups():
    """excludeGroups=true leaves groups out of the users page and the single user too"""
    true(all("groups" not in user for user in api.users(excludeGroups="true")["users"]), "no groups on the page")
    true("groups" not in api.user("admin@fed.example", excludeGroups="TRUE"), "no groups of the single user")


# Users by group -------------------------------------------------------------------------------------------------------


@claim("R51")
def every_kind_of_group():
    """members are listed of user groups, profiles, the three org-wide and all per-object admin groups"""
    email = make(api, fed())
    names = ["Design Team", "Photo Suite Extra", "_support_admin", "_deployment_admin", "_admin_Design Team",
             "_admin_Photo Suite Extra", "_product_admin_Photo Suite", "_developer_Photo Suite Extra"]
    api.ok(on(email, add(*names)))
    for name in names:
        true(email in api.emails(name), f"a member of {name}")
    equal(api.emails("_org_admin"), ["admin@fed.example"], "_org_admin")
    api.ok(on(email, {"remove": "all"}))
    for name in names:
        true(email not in api.emails(name), f"no longer a member of {name}")


@claim("R52", "R53")
def stored_spelling():
    """names match in any letter case, and groupName is the stored spelling"""
    for asked in ("design team", "DESIGN TEAM", "Design Team"):
        equal(api.members(asked)["groupName"], "Design Team")
    equal(api.members("_ADMIN_design TEAM")["groupName"], "_admin_Design Team")
    name = make_group(api, fresh("Größe ŽLUŤ Ω "))
    equal(api.members(name.lower())["groupName"], name)
    equal(api.members(name.upper().replace("SS", "ß"))["groupName"], name)


@claim("R54")
def names_with_everything():
    """names with slashes, spaces, ampersands, at-signs, pluses and other scripts are found, raw or escaped"""
    stem = fresh()
    for name in (f"{stem} R&D / EU @home", f"{stem}//x", f"a+b{stem}", f"{stem} 設計部 ✈", f"{stem}%2F", f"{stem}/../x/.", f"{stem}?#;="):
        make_group(api, name)
        escaped = urllib.parse.quote(name, safe="")
        forms = [escaped, urllib.parse.quote(name), urllib.parse.quote(name, safe="/@+&")]
        for form in forms:
            status, _, body = api.raw("GET", f"/users/{ONE}/0/{form}")
            equal(status, 200, f"status of {form} ({body})")
            equal(json.loads(body)["groupName"], name)


@claim("R55")
def unknown_group():
    """an unknown group is 404 with its name as given"""
    body = missing(f"/users/{ONE}/0/No%20Such%20Group", "error.group.not_found", "Not found: Group No Such Group")
    equal(body["lastPage"], False)


@claim("R56")
def administrators_of_nothing():
    """_admin_X without administrators is an empty list when X exists, and 404 when it does not"""
    name = make_group(api)
    for prefix in ("_admin_",):
        body = api.members(prefix + name)
        equal((body["users"], body["lastPage"]), ([], True))
    equal(api.members("_developer_Narrow A")["users"], [])
    equal(api.members("_product_admin_Narrow Suite")["users"], [])
    for absent in ("_admin_Nothing", "_product_admin_Nothing", "_developer_Nothing", f"_developer_{name}", "_compartment_admin"):
        missing(f"/users/{ONE}/0/{absent}", "error.group.not_found", f"Not found: Group {absent}")


@claim("R55")
def too_long_name():
    """a group name over 255 characters is 400"""
    answer = api.get(f"/users/{ONE}/0/{'x' * 256}")
    equal(answer.status_code, 400)
    equal(answer.json(), {"result": "error.group.invalid_name", "message": "Invalid group name"})
    equal(api.get(f"/users/{ONE}/0/{'x' * 255}").status_code, 404)


@claim("R57")
def direct_and_indirect():
    """a profile lists its direct members; with directOnly=false the indirect ones too, each once"""
    name = fresh("P")
    product(name, f"{name} Plan")
    team = make_group(api)
    both, direct, through = (make(api, fed()) for _ in range(3))
    api.ok(on(both, add(f"{name} Plan", team)), on(direct, add(f"{name} Plan")), on(through, add(team)),
           on_group(team, {"add": {"productConfiguration": [f"{name} Plan"]}}))
    equal(api.emails(f"{name} Plan"), sorted([both, direct]))
    equal(api.emails(f"{name} Plan", directOnly="false"), sorted([both, direct, through]))
    equal(api.emails(team, directOnly="true"), sorted([both, through]))


@claim("R58", "R59", "R160")
def licence_states():
    """status=active and inactive follow the licences; other values are 400; user groups ignore it"""
    name = fresh("P")
    product(name, (f"{name} Plan", 2))
    people = [make(api, fed()) for _ in range(3)]
    for email in people:
        api.ok(on(email, add(f"{name} Plan")))
    equal(api.emails(f"{name} Plan", status="active"), sorted(people[:2]))
    equal(api.emails(f"{name} Plan", status="INACTIVE"), sorted(people[2:]))
    equal(api.emails(f"{name} Plan"), sorted(people))
    for value in ("waiting", ""):
        answer = api.get(f"/users/{ONE}/0/{name}%20Plan", params={"status": value})
        equal(answer.status_code, 400, f"status={value!r}")
        equal(answer.json(), {"errorCode": "INVALID_PARAMETER", "errorMessage": f"Invalid value for status: {value}"})
    equal(api.emails("Design Team", status="inactive"), api.emails("Design Team"))
    equal(api.emails("_org_admin", status="whatever"), ["admin@fed.example"])


@claim("R60")
def exclude_groups():
    """excludeGroups=true leaves groups out of every member"""
    make(api, fed(do=[add("R&D / EU @home")]))
    true(any("groups" in user for user in api.members("R&D / EU @home")["users"]), "groups by default")
    true(not any("groups" in user for user in api.members("R&D / EU @home", excludeGroups="true")["users"]), "none when excluded")


@claim("R61", "R74", "R162")
def worked_example():
    """the worked example of the licences holds, query by query and step by step"""
    stem = fresh("W")
    plan, team = f"{stem} Standard", f"{stem} Design"
    product(stem, (plan, 2))
    ana, ben, dee = (make(api, fed(f"{stem}{name}@fed.example".lower())) for name in ("Ana", "Ben", "Dee"))
    make_group(api, team)
    api.ok(on_group(team, {"add": {"user": [ana, ben]}}), on(ben, add(plan)), on(dee, add(plan)),
           on_group(team, {"add": {"productConfiguration": [plan]}}))

    def state(params, *expected):
        equal(api.emails(plan, **params), sorted(expected), f"members with {params}")

    state({}, ben, dee)
    state({"directOnly": "false"}, ana, ben, dee)
    state({"status": "active"}, ben, dee)
    state({"status": "inactive"})
    state({"directOnly": "false", "status": "inactive"}, ana)
    for value in ("true", "false"):
        equal(api.emails(team, directOnly=value), sorted([ana, ben]))
    equal(api.groups()[plan]["memberCount"], 3)
    equal(api.user(ana)["groups"], [team])
    equal(sorted(api.user(ana, directOnly="false")["groups"]), sorted([team, plan]))
    for value in ("true", "false"):
        equal(sorted(api.user(ben, directOnly=value)["groups"]), sorted([team, plan]))
        equal(api.user(dee, directOnly=value)["groups"], [plan])

    api.ok(on(dee, remove(plan)))
    state({"directOnly": "false", "status": "active"}, ana, ben)
    equal(api.groups()[plan]["memberCount"], 2)
    api.ok(on(ben, remove(plan)))
    state({})
    state({"directOnly": "false", "status": "active"}, ana, ben)
    api.ok(on(ana, remove(plan)))
    state({"directOnly": "false", "status": "active"}, ana, ben)
    api.ok(on_group(team, {"remove": {"productConfiguration": [plan]}}))
    state({"directOnly": "false"})
    equal(api.groups()[plan]["memberCount"], 0)


# Single user ----------------------------------------------------------------------------------------------------------


@claim("R62")
def by_email():
    """a user is found by e-mail in any letter case, below `user`"""
    email = make(api, fed(f"{fresh('Mixed.Case')}@Fed.Example"))
    for asked in (email, email.lower(), email.upper()):
        answer = api.get(f"/organizations/{ONE}/users/{asked}")
        equal(answer.json()["result"], "success")
        equal(answer.json()["user"]["email"], email, "e-mail, in the case first given")
        true("X-Total-Count" not in answer.headers, "no paging headers")


@claim("R63")
def by_username():
    """a user is found by plain username, with and without domain, in any letter case"""
    name = fresh("Staff")
    email = f"{fresh()}@fed.example"
    api.ok({"user": name, "domain": "fed.example", "do": [{"createFederatedID": {"email": email, "country": "PT"}}]})
    for params in ({}, {"domain": "fed.example"}):
        for asked in (name, name.upper()):
            equal(api.user(asked, **params)["email"], email, f"{asked} with {params}")


@claim("R64")
def twins():
    """domain=AdobeID chooses the Adobe ID when a directory account has the same e-mail"""
    email = f"{fresh()}@fed.example"
    api.ok(fed(email), adobe(email))
    equal(api.user(email)["type"], "federatedID")
    equal(api.user(email, domain="AdobeID")["type"], "adobeID")
    equal(api.user(email, domain="fed.example")["type"], "federatedID")


@claim("R65")
def any_domain_of_the_directory():
    """domain may be any domain of the user's directory, and must be one of it"""
    email = make(api, fed())
    equal(api.user(email, domain="fed-two.example")["email"], email)
    for domain in ("ent.example", "nowhere.example", "other.example", "AdobeID"):
        equal(api.user(email, domain=domain), None, f"with domain {domain}")


@claim("R66")
def unknown_user():
    """an unknown user is 404 with the name as given"""
    for name in ("nobody@fed.example", "No One", "a/b"):
        quoted = urllib.parse.quote(name)
        missing(f"/organizations/{ONE}/users/{quoted}", "error.user.not_found", f"User not found {name}")


@claim("R67")
def plus_sign():
    """a plus sign in an address is found raw and escaped"""
    email = make(api, fed(f"{fresh('a+b')}@fed.example"))
    for form in (email, email.replace("+", "%2B")):
        status, _, body = api.raw("GET", f"/organizations/{ONE}/users/{form}")
        equal(status, 200, f"status of {form} ({body})")


@claim("R68")
def not_a_member():
    """an account that is no member of the organization is 404"""
    email = make(api, fed())
    equal(Api(TWO).user(email), None, "in the trusting organization")
    api.ok(on(email, {"removeFromOrg": {}}))
    equal(api.user(email), None, "after it was removed")


# Groups ---------------------------------------------------------------------------------------------------------------


@claim("R69", "R70", "R77")
def all_groups():
    """groups lists user groups, profiles, the org-wide admin groups, and admin groups that have members"""
    email = make(api, fed())
    name = make_group(api)
    groups = api.groups()
    for group in groups.values():
        for key, kind in (("groupId", int), ("groupName", str), ("type", str), ("memberCount", int)):
            true(isinstance(group.get(key), kind), f"{key} of {group}")
        true(None not in group.values(), f"no null in {group}")
    equal(len({group["groupId"] for group in groups.values()}), len(groups), "different ids")
    for expected, kind in (
        ("_org_admin", "SYSADMIN_GROUP"), ("_support_admin", "SUPPORT_ADMIN_GROUP"),
        ("_deployment_admin", "DEPLOYMENT_ADMIN_GROUP"), ("Design Team", "USER_GROUP"),
        ("Photo Suite Standard", "PRODUCT_PROFILE"), ("Shared Sales", "USER_GROUP"),
    ):
        equal(groups[expected]["type"], kind, f"type of {expected}")
    true(f"_admin_{name}" not in groups, "no admin group without administrators")
    true(not any(key.startswith("_compartment") for key in groups), "no compartment groups")
    wanted = {f"_admin_{name}": "USER_ADMIN_GROUP", "_admin_Video Suite Extra": "PROFILE_ADMIN_GROUP",
              "_developer_Video Suite Extra": "DEVELOPER_GROUP", "_product_admin_Video Suite": "PRODUCT_ADMIN_GROUP"}
    api.ok(on(email, add(*wanted)))
    groups = api.groups()
    for expected, kind in wanted.items():
        equal(groups[expected]["type"], kind, f"type of {expected}")
    api.ok(on(email, {"remove": "all"}))
    equal([key for key in api.groups() if key in wanted], [], "admin groups after their members left")


@claim("R71")
def admin_group_name():
    """adminGroupName is there exactly while there is an administrator"""
    email, name = make(api, fed()), make_group(api)
    for target in (name, "Narrow B"):
        true("adminGroupName" not in api.groups()[target], "absent before")
        api.ok(on(email, add(f"_admin_{target}")))
        equal(api.groups()[target]["adminGroupName"], f"_admin_{target}")
        api.ok(on(email, remove(f"_admin_{target}")))
        true("adminGroupName" not in api.groups()[target], "absent after")


@claim("R72")
def fields_by_type():
    """each type of group has its own fields"""
    email = make(api, fed(do=[add("_admin_Design Team", "_admin_Photo Suite Extra", "_developer_Photo Suite Extra",
                                  "_product_admin_Photo Suite")]))
    groups = api.groups()
    equal(groups["_admin_Design Team"].get("userGroupName"), "Design Team")
    equal(groups["_admin_Photo Suite Extra"].get("productProfileName"), "Photo Suite Extra")
    equal(groups["_developer_Photo Suite Extra"].get("productProfileName"), "Photo Suite Extra")
    equal(groups["_product_admin_Photo Suite"].get("productName"), "Photo Suite")
    equal(groups["_product_admin_Photo Suite"].get("productProfileName"), "Photo Suite")
    equal(groups["Photo Suite Standard"].get("productName"), "Photo Suite")
    equal(groups["Photo Suite Standard"].get("licenseQuota"), "2")
    for key in ("licenseQuota", "productName", "isReadOnly", "description"):
        true(key not in groups["Design Team"], f"no {key} on a user group")
    api.ok(on(email, {"remove": "all"}))


@claim("R73")
def unlimited():
    """a profile without a quota reports UNLIMITED"""
    equal(api.groups()["Photo Suite Extra"]["licenseQuota"], "UNLIMITED")


@claim("R75")
def groups_past_the_end():
    """a page of groups past the end is 200 with result Not found"""
    answer = api.get(f"/groups/{ONE}/77")
    equal(answer.status_code, 200)
    equal(answer.json(), {"lastPage": True, "result": "Not found"})
    equal((answer.headers["X-Page-Size"], answer.headers["X-Current-Page"]), ("0", "77"))


@claim("R76")
def four_hundred_groups():
    """at most 400 groups come on a page by default"""
    two = Api(TWO)
    for start in range(0, 410, 10):
        two.ok(*[on_group(f"Many {number}", {"createUserGroup": {"option": "ignoreIfAlreadyExists"}})
                 for number in range(start, start + 10)])
    answer = two.get(f"/groups/{TWO}/0")
    body = answer.json()
    equal((len(body["groups"]), body["lastPage"]), (400, False))
    equal((answer.headers["X-Page-Size"], answer.headers["X-Page-Count"]), ("400", "2"))
    equal(body["groups"][0]["groupName"], "_org_admin", "first of all")
    last = two.get(f"/groups/{TWO}/1").json()
    true(last["lastPage"], "the second is the last")
    names = [group["groupName"] for group in body["groups"] + last["groups"]]
    equal(len(set(names)), len(names), "each once")
    true({f"Many {number}" for number in range(410)} <= set(names), "all of them")
    for start in range(0, 410, 10):
        two.ok(*[on_group(f"Many {number}", {"deleteUserGroup": {}}) for number in range(start, start + 10)])


if __name__ == "__main__":
    judge()
