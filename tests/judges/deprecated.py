"""The deprecated endpoints: R192–R197."""

import urllib.parse

from judge import (
    BASE, EMPTY, ONE, TWO, Api, add, apply, claim, context, equal, fed, fresh, judge, make, make_group, matches, on,
    on_group, true,
)

api = Api()


def listing(path, **params):
    """(array, headers) of a deprecated list."""
    answer = api.get(path, params=params)
    equal(answer.status_code, 200, f"status of {path} ({answer.text[:300]})")
    body = answer.json()
    true(isinstance(body, list), f"{path} is a bare array")
    for name in ("X-Total-Count", "X-Page-Count", "X-Current-Page", "X-Page-Size"):
        true(name in answer.headers, f"{name} on {path}")
    equal(answer.headers["X-Page-Size"], str(len(body)), "X-Page-Size")
    return body, answer.headers


def fails(answer, status, code):
    equal(answer.status_code, status, f"status ({answer.text})")
    equal(answer.json(), {"errorMessage": code, "errorCode": code})


def group_id(name):
    return api.groups()[name]["groupId"]


def product(name):
    products, _ = listing(f"/{ONE}/products")
    return next(one for one in products if one["name"] == name)


def profiles_of(name):
    answer = api.get(f"/{ONE}/products/{product(name)['id']}/configurations")
    equal(answer.status_code, 200)
    return answer.json()


def new_product(*profiles, quota=None):
    """(product, {profile name: profile object}) of a product made for one claim."""
    stem = fresh("D")
    text = f"organizations:\n  - id: {ONE}\n    name: Judge One\n    products:\n      - name: {stem}\n        code: {stem}\n"
    text += (f"        quota: {quota}\n" if quota else "") + "        profiles:\n"
    text += "".join(f"          - {{name: {stem} {name}}}\n" for name in profiles)
    apply(context().data, text)
    made = product(stem)
    names = {group["groupId"]: name for name, group in api.groups().items()}
    objects = api.get(f"/{ONE}/products/{made['id']}/configurations").json()["licenseConfigurations"]
    return made, {names[one["licenseGroupId"]].removeprefix(f"{stem} "): one for one in objects}


@claim("R192")
def old_users():
    """GET /{org}/users is a bare array with firstName, countryCode, userType and adminRoles"""
    email = make(api, fed(do=[add("Design Team", "Photo Suite Extra", "_support_admin", "_admin_Design Team", "_product_admin_Photo Suite")]))
    users, headers = listing(f"/{ONE}/users")
    user = next(one for one in users if one["email"] == email)
    equal({key: user.get(key) for key in ("firstName", "lastName", "countryCode", "userType", "status", "username", "domain")},
          {"firstName": "Mira", "lastName": "Roth", "countryCode": "DE", "userType": "federatedID", "status": "active",
           "username": email, "domain": "fed.example"})
    equal(sorted(user["groups"]), ["Design Team", "Photo Suite Extra"], "groups without admin groups")
    equal(sorted(user["adminRoles"]), ["Design Team", "Photo Suite", "support"])
    true("firstname" not in user and "type" not in user and "phoneNumber" not in user, "no new names")
    admin = next(one for one in users if one["email"] == "admin@fed.example")
    equal(admin["adminRoles"], ["org"])
    equal(headers["X-Current-Page"], "0")
    api.ok(on(email, {"remove": "all"}))


@claim("R192")
def old_users_elsewhere():
    """the historic aliases of the users list and the single user answer alike"""
    expected, _ = listing(f"/{ONE}/users")
    equal(listing(f"/organizations/{ONE}/users")[0], expected)
    equal(api.get(f"/{ONE}/users/admin@fed.example").json(), api.get(f"/organizations/{ONE}/users/admin@fed.example").json())
    quoted = ONE.replace("@", "%40")
    equal(api.raw("GET", f"/{quoted}/users")[0], 200)


@claim("R192")
def old_users_past_the_end():
    """a page past the end of the old users list is the last page"""
    users, headers = listing(f"/{ONE}/users", page=99)
    true(users and headers["X-Current-Page"] == "0", "the last page")


@claim("R192")
def old_users_direct_only():
    """directOnly means there what it means elsewhere"""
    email = make(api, fed(do=[add("R&D / EU @home")]))
    for value, expected in (("true", ["R&D / EU @home"]), ("false", ["R&D / EU @home", "Video Suite Extra"])):
        users, _ = listing(f"/{ONE}/users", directOnly=value)
        equal(sorted(next(one for one in users if one["email"] == email)["groups"]), expected)


@claim("R193")
def old_user_groups():
    """page 1 is the first page of user-groups; numbers are strings where they were; nothing empty is written"""
    name, email = make_group(api), make(api, fed())
    for params in ({}, {"page": 1}, {"page": 0}):
        groups, headers = listing(f"/{ONE}/user-groups", **params)
        equal(headers["X-Current-Page"], "1", f"X-Current-Page with {params}")
        group = next(one for one in groups if one["name"] == name)
        equal(group, {"groupId": group_id(name), "name": name, "type": "USER_GROUP"}, "an empty group")
    api.ok(on(email, add(name, f"_admin_{name}")))
    groups, _ = listing(f"/{ONE}/user-groups")
    group = next(one for one in groups if one["name"] == name)
    equal(group, {"groupId": group_id(name), "name": name, "type": "USER_GROUP", "userCount": 1, "adminCount": "1",
                  "adminGroupId": str(group_id(f"_admin_{name}")), "adminGroupName": f"_admin_{name}"})
    shared = next(one for one in groups if one["name"] == "Shared Sales")
    equal(shared["isReadOnly"], True)
    true(not any(one["type"] != "USER_GROUP" for one in groups), "user groups only")
    equal(listing(f"/{ONE}/user-groups", page=50)[0], [], "past the end")


@claim("R193")
def one_user_group():
    """a single group is found by id and by name; its users and administrators are listed"""
    email = make(api, fed())
    name = make_group(api)
    api.ok(on(email, add(name, f"_admin_{name}")))
    number = group_id(name)
    answer = api.get(f"/{ONE}/user-groups/{number}")
    equal((answer.status_code, answer.json()["name"]), (200, name))
    equal(api.get(f"/{ONE}/user-groups/{urllib.parse.quote(name)}").json()["groupId"], number)
    for part in ("users", "admins"):
        people, headers = listing(f"/{ONE}/user-groups/{number}/{part}")
        equal(people, [{"email": email, "firstName": "Mira", "lastName": "Roth", "countryCode": "DE", "status": "active", "userType": "federatedID"}])
        equal(headers["X-Current-Page"], "0")
        equal(listing(f"/{ONE}/user-groups/{number}/{part}", page=3)[0], [], "past the end")


@claim("R194")
def changing_user_groups():
    """POST, PUT and DELETE of user-groups work: 200, 200, 204"""
    name, new = fresh("Old way "), fresh("Old way ")
    answer = api.post(f"/{ONE}/user-groups", json={"name": name, "description": "text"})
    equal((answer.status_code, answer.json()["name"], answer.json()["type"]), (200, name, "USER_GROUP"))
    number = answer.json()["groupId"]
    equal(api.groups()[name]["groupId"], number)
    answer = api.request("PUT", f"/{ONE}/user-groups/{number}", json={"name": new})
    equal((answer.status_code, answer.json()["name"], answer.json()["groupId"]), (200, new, number))
    equal(api.request("PUT", f"/{ONE}/user-groups/{number}", json={}).status_code, 200)
    answer = api.request("DELETE", f"/{ONE}/user-groups/{number}")
    equal((answer.status_code, answer.text), (204, ""))
    true(new not in api.groups(), "gone")


@claim("R194")
def failing_user_groups():
    """a duplicate is 400 DUPLICATE_GROUP_NAME, an unknown group 404 GROUP_NOT_FOUND, a read-only one 400"""
    name, other = make_group(api), make_group(api)
    for taken in (name, name.upper(), "Photo Suite Extra"):
        fails(api.post(f"/{ONE}/user-groups", json={"name": taken}), 400, "DUPLICATE_GROUP_NAME")
        fails(api.request("PUT", f"/{ONE}/user-groups/{group_id(other)}", json={"name": taken}), 400, "DUPLICATE_GROUP_NAME")
    fails(api.post(f"/{ONE}/user-groups", json={"name": "_mine"}), 400, "error.group.invalid_name")
    equal(api.post(f"/{ONE}/user-groups", json={}).status_code, 400, "a name is needed")
    for number in (999, "no-such", group_id("Photo Suite Extra")):
        for method in ("GET", "PUT", "DELETE"):
            body = {"json": {"description": "x"}} if method == "PUT" else {}
            fails(api.request(method, f"/{ONE}/user-groups/{number}", **body), 404, "GROUP_NOT_FOUND")
        fails(api.get(f"/{ONE}/user-groups/{number}/users"), 404, "GROUP_NOT_FOUND")
    shared = group_id("Shared Sales")
    fails(api.request("PUT", f"/{ONE}/user-groups/{shared}", json={"name": "Mine"}), 400, "error.usergroup.readonly.update_not_allowed")
    fails(api.request("DELETE", f"/{ONE}/user-groups/{shared}"), 400, "error.usergroup.readonly.remove_not_allowed")


@claim("R195")
def products():
    """products and configurations have the documented shapes, with null for no quota"""
    made, profiles = new_product("A", "B", quota=7)
    equal(sorted(made), ["code", "configurationCount", "id", "licenseQuota", "name", "userCount"])
    equal((made["configurationCount"], made["licenseQuota"], made["userCount"]), (2, 7, 0))
    matches(r"\A[0-9A-F]{20}\Z", made["id"], "product id")
    equal(product("Photo Suite")["licenseQuota"], None)
    equal(listing(f"/{ONE}/products/")[0], listing(f"/{ONE}/products")[0])
    equal(api.get(f"/{ONE}/products/{made['id']}").json(), made)
    body = profiles_of(made["name"])
    equal({key: body[key] for key in made}, made, "the product in its configurations")
    equal(len(body["licenseConfigurations"]), 2)
    one = profiles["A"]
    equal(sorted(one), ["adminCount", "adminGroupId", "id", "licenseGroupId", "licenseQuota", "orgId", "productId", "userCount"])
    equal((one["orgId"], one["productId"], one["licenseGroupId"]), (ONE, made["id"], group_id(f"{made['name']} A")))
    equal((one["adminCount"], one["userCount"], one["licenseQuota"]), (0, 0, None))
    true(isinstance(one["adminGroupId"], int), "adminGroupId")
    matches(r"\A[0-9A-F]{20}\Z", one["id"], "profile id")
    equal(api.get(f"/{ONE}/products/{made['id']}/configurations/{one['id']}").json(), one)


@claim("R195")
def unknown_products():
    """an unknown product is 404 PRODUCT_NOT_FOUND, an unknown profile 404 PLC_NOT_FOUND"""
    one = product("Photo Suite")["id"]
    for path in ("", "/configurations", "/configurations/77"):
        fails(api.get(f"/{ONE}/products/0000{path}"), 404, "PRODUCT_NOT_FOUND")
    other = profiles_of("Video Suite")["licenseConfigurations"][0]["id"]
    for profile in ("0000", other):
        fails(api.get(f"/{ONE}/products/{one}/configurations/{profile}"), 404, "PLC_NOT_FOUND")
        fails(api.get(f"/{ONE}/products/{one}/configurations/{profile}/users"), 404, "PLC_NOT_FOUND")


@claim("R195")
def profile_users():
    """a profile's users are its direct and indirect members, each once; its admins are listed"""
    made, profiles = new_product("A")
    name = make_group(api)
    both, direct, through = (make(api, fed()) for _ in range(3))
    plan = f"{made['name']} A"
    api.ok(on(both, add(plan, name)), on(direct, add(plan, f"_admin_{plan}")), on(through, add(name)),
           on_group(name, {"add": {"productConfiguration": [plan]}}))
    path = f"/{ONE}/products/{made['id']}/configurations/{profiles['A']['id']}"
    users, _ = listing(f"{path}/users")
    equal(sorted(user["email"] for user in users), sorted([both, direct, through]))
    equal(sorted(users[0]), ["domain", "email", "firstName", "id", "lastName", "userType", "username"])
    admins, _ = listing(f"{path}/admins")
    equal([user["email"] for user in admins], [direct])
    one = api.get(path).json()
    equal((one["userCount"], one["adminCount"]), (3, 1))
    equal(product(made["name"])["userCount"], 3)


@claim("R196")
def profile_update():
    """POST to a profile adds and removes users, groups and administrators, and returns the profile"""
    made, profiles = new_product("A")
    plan, name = f"{made['name']} A", make_group(api)
    one, other, member = (make(api, fed()) for _ in range(3))
    api.ok(on(member, add(name)))
    path = f"/{ONE}/products/{made['id']}/configurations/{profiles['A']['id']}"
    answer = api.post(path, json={"addUsers": [one, other], "addUserGroups": [name], "addAdminUsers": [other]})
    equal(answer.status_code, 200, f"status ({answer.text})")
    equal((answer.json()["id"], answer.json()["userCount"], answer.json()["adminCount"]), (profiles["A"]["id"], 3, 1))
    equal(api.emails(plan, directOnly="false"), sorted([one, other, member]))
    answer = api.post(path, json=[{"removeUsers": [one], "removeUserGroups": [name], "removeAdminUsers": [other]}])
    equal((answer.status_code, answer.json()["userCount"], answer.json()["adminCount"]), (200, 1, 0))
    equal(api.emails(plan, directOnly="false"), [other])


@claim("R196")
def failing_profile_update():
    """a profile update is all or nothing, and names what is wrong"""
    made, profiles = new_product("A")
    email = make(api, fed())
    path = f"/{ONE}/products/{made['id']}/configurations/{profiles['A']['id']}"
    fails(api.post(path, json={"addUsers": [email, "nobody@fed.example"]}), 404, "error.user.not_found")
    fails(api.post(path, json={"addUsers": [email], "addUserGroups": ["Nope"]}), 400, "error.command.add_remove.invalid.usergroup_list")
    fails(api.post(path, json={"addUsers": [email, email]}), 400, "error.command.add_remove.duplicate.user_list")
    fails(api.post(path, json={"addUserGroups": ["Design Team", "design team"]}), 400, "error.command.add_remove.duplicate.usergroup_list")
    fails(api.post(path, json={}), 400, "error.command.add_remove.user_usergroup.missing")
    equal(api.emails(f"{made['name']} A"), [], "nothing was applied")


@claim("R196")
def product_administrators():
    """POST to a product's admin adds and removes product administrators"""
    made, _ = new_product("A")
    email = make(api, fed())
    answer = api.post(f"/{ONE}/products/{made['id']}/admin", json={"addProductAdmin": [email]})
    equal((answer.status_code, answer.json()["id"]), (200, made["id"]))
    equal(api.emails(f"_product_admin_{made['name']}"), [email])
    answer = api.post(f"/{ONE}/products/{made['id']}/admin", json={"removeProductAdmin": [email]})
    equal(answer.status_code, 200)
    equal(api.emails(f"_product_admin_{made['name']}"), [])


@claim("R197")
def invites():
    """there are never invites: the list is empty, a single one 404"""
    for start in (f"/{ONE}/invites", f"/organizations/{ONE}/invites"):
        equal(listing(start, includeExpired="true", sortColumn="x", sortOrder="y")[0], [])
        for method in ("GET", "POST", "DELETE"):
            answer = api.request(method, f"{start}/a@fed.example")
            equal((answer.status_code, answer.json()), (404, {"errorMessage": "No pending invite", "errorCode": "invites.pending.not_found"}))


@claim("R192", "R195")
def nothing_there():
    """empty lists have a total of 0 and one page"""
    empty = Api(EMPTY)
    for path in ("users", "user-groups", "products"):
        answer = empty.get(f"/{EMPTY}/{path}")
        equal((answer.status_code, answer.json()), (200, []))
        equal((answer.headers["X-Total-Count"], answer.headers["X-Page-Count"]), ("0", "1"))


@claim("R195")
def routes_are_named():
    """deprecated routes have their template as Canonical-Resource, and the same order of checks"""
    made = product("Photo Suite")
    answer = api.get(f"/{ONE}/products/{made['id']}/configurations")
    equal(answer.headers.get("Canonical-Resource"), f"{BASE}/{{orgId}}/products/{{productId}}/configurations")
    equal(api.get(f"/{ONE}/products", headers={"Authorization": None}).status_code, 401)
    equal(api.get(f"/{TWO}/products").status_code, 401)
    equal(api.get("/bad@/products").status_code, 400)


if __name__ == "__main__":
    judge()
