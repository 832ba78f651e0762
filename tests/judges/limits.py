"""Throttling, page sizes and other settings, each on a server of its own: R25–R31, R42, R43, R113, R184, R200, R334."""

import atexit
import functools
import logging
import time

import umapi_client

from judge import (
    ONE, THREE, Api, Server, add, apply, claim, context, equal, fed, integrations, judge, make, make_group, matches, on,
    on_group, true,
)

logging.disable(logging.ERROR)  # The client logs that it waits; the claim is that it does.

SETTINGS = {
    # The documented limits, nothing else.
    "documented": "",
    # One limit gone, and few requests for all clients together.
    "changed": "[limits.per_client]\ngroups = 0\n\n[limits.global]\naction = 12\n",
    # Small pages, short tokens, strict names, small groups.
    "small": "page_size_users = 5\npage_size_groups = 4\ntoken_ttl = 2\nstrict_names = true\nmax_linked_members = 2\n",
}
_running = {}


def server(name):
    """(server, credentials) with the settings of that name; started when first asked for, stopped at the end."""
    if name not in _running:
        folder = context().work
        settings = folder / f"{name}.toml"
        settings.write_text(SETTINGS[name])
        throttle = "off" if name == "small" else "documented"
        one = Server(folder / f"data-{name}", "--throttle", throttle, "--config", str(settings), name=f"server-{name}").start()
        atexit.register(one.__exit__)
        _running[name] = one, integrations(apply(one.data, folder / "seed.yml"))
    return _running[name]


def client(name, org=ONE, integration="sync"):
    one, keys = server(name)
    return Api(org, server=one, keys=keys[org][integration])


def idle(api):
    return api.send([on("nobody@fed.example", {"removeFromOrg": {}})])


def refused(answer):
    """The seconds to wait that a refused request was told."""
    equal((answer.status_code, answer.json()), (429, {"error_code": "429050", "message": "Too many requests"}))
    matches(r"\A[1-9][0-9]*\Z", answer.headers.get("Retry-After"), "Retry-After")
    return int(answer.headers["Retry-After"])


def admitted_then_refused(request, limit):
    for number in range(limit):
        equal(request().status_code, 200, f"request {number + 1} of {limit}")
    return refused(request())


@functools.cache
def short_lived():
    """A client with a token that lives for two seconds, and when it got it."""
    api, start = client("small"), time.monotonic()
    api.authorize()
    return api, start


@claim("R334")
def until_the_announced_end():
    """a token is accepted until the announced end of its life"""
    api, start = short_lived()
    keys = {key: api.keys[key] for key in ("client_id", "client_secret")}
    answer = api.session.post(api.url("/ims/token/v2"), data={**keys, "grant_type": "client_credentials"})
    true(answer.json()["expires_in"] in (1, 2), f"announced: {answer.text}")
    equal(api.get(f"/users/{ONE}/0").status_code, 200, "at once")
    time.sleep(max(0, 1.9 - (time.monotonic() - start)))
    equal(api.get(f"/users/{ONE}/0").status_code, 200, "at the end")


# Pages and other settings ---------------------------------------------------------------------------------------------


@claim("R42", "R43")
def pages():
    """pages are disjoint and complete, only the last says so, and the four headers are right on each"""
    api = client("small")
    for _ in range(11):
        make(api, fed())
    seen, page = [], 0
    while True:
        answer = api.get(f"/users/{ONE}/{page}")
        body = answer.json()
        seen += [user["email"] for user in body["users"]]
        equal(answer.headers["X-Current-Page"], str(page), "X-Current-Page")
        equal(answer.headers["X-Page-Size"], str(len(body["users"])), "X-Page-Size")
        total, count = int(answer.headers["X-Total-Count"]), int(answer.headers["X-Page-Count"])
        equal(count, -(-total // 5), "X-Page-Count")
        equal(body["lastPage"], page == count - 1, f"lastPage of page {page} of {count}")
        if body["lastPage"]:
            break
        equal(len(body["users"]), 5, "a full page")
        page += 1
    equal((len(seen), len(set(seen))), (total, total), "all, and each once")
    equal(api.users(page=50)["users"], body["users"], "the page past the end is the last one")


@claim("R42")
def a_walk_among_changes():
    """while others join and leave, a walk returns whoever stays exactly once, of the users and of a group"""
    api = client("small")
    group = make_group(api)
    people = [make(api, fed(do=[add(group)])) for _ in range(13)]
    for path in (f"/users/{ONE}", f"/users/{ONE}/{{page}}/{group.replace(' ', '%20')}"):
        seen, page = [], 0
        while True:
            body = api.get(path.format(page=page) if "{page}" in path else f"{path}/{page}").json()
            listed = [user["email"] for user in body["users"]]
            seen += listed
            if body["lastPage"]:
                break
            # Somebody of this page leaves, and somebody joins.
            leaver = next((email for email in listed if email in people), None)
            if leaver:
                people.remove(leaver)
                api.ok(on(leaver, {"removeFromOrg": {"deleteAccount": True}}))
            make(api, fed(do=[add(group)]))
            page += 1
        equal([seen.count(email) for email in people], [1] * len(people), f"how often each who stayed was listed on {path}")


@claim("R42")
def the_rest_leaves():
    """when all who were to come have left, the next page is empty and the last"""
    api = client("small", THREE)
    people = [make(api, fed(domain="other.example")) for _ in range(7)]
    body = api.users()
    equal((len(body["users"]), body["lastPage"]), (5, False))
    for email in people:
        if email not in {user["email"] for user in body["users"]}:
            api.ok(on(email, {"removeFromOrg": {}}))
    answer = api.get(f"/users/{THREE}/1")
    equal((answer.status_code, answer.json()), (200, {"lastPage": True, "result": "success", "users": []}))
    equal(answer.headers["X-Page-Size"], "0")


@claim("R42", "R43")
def the_client_walks():
    """umapi-client reads all users and groups over several pages"""
    one, keys = server("small")
    api = client("small")
    for _ in range(6):
        make(api, fed())
        make_group(api)
    host = one.url.removeprefix("https://")
    auth = umapi_client.OAuthS2S(keys[ONE]["sync"]["client_id"], keys[ONE]["sync"]["client_secret"], auth_host=host, ssl_verify=one.ca_file)
    connection = umapi_client.Connection(ONE, auth, endpoint=f"{one.url}/v2/usermanagement", ssl_verify=one.ca_file)
    query = umapi_client.UsersQuery(connection)
    found = query.all_results()
    total, pages, size, number = query.stats()
    equal((len(found), number), (total, pages - 1), "rows and the last page")
    true(1 <= size <= 5, f"size of the last page {size}")
    names = [group["groupName"] for group in umapi_client.GroupsQuery(connection)]
    equal(len(names), len(set(names)), "each group once")
    true(len(names) > 8 and names[0] == "_org_admin", f"all groups in {names}")


@claim("R113")
def strict_names():
    """with strict_names, missing names are errors for enterprise and federated users"""
    api = client("small")
    api.refused(fed(firstname=...), "error.user.firstname_missing", "First name is missing")
    api.refused(fed(lastname=""), "error.user.lastname_missing", "Last name is missing")
    api.ok({"user": "names@nowhere.example", "do": [{"addAdobeID": {"email": "names@nowhere.example"}}]})


@claim("R184")
def large_groups():
    """a group with more members than the limit cannot be linked to a profile"""
    api = client("small")
    group = make_group(api)
    for _ in range(2):
        make(api, fed(do=[add(group)]))
    link = on_group(group, {"add": {"productConfiguration": ["Photo Suite Extra"]}})
    api.ok(link, on_group(group, {"remove": {"productConfiguration": ["Photo Suite Extra"]}}))
    make(api, fed(do=[add(group)]))
    api.refused(link, "error.usergroup.exceeds_maximum_member_count", f"UserGroup exceeds the maximum member count: {group}")
    api.ok(on_group(group, {"add": {"productConfiguration": []}}))


# Limits ---------------------------------------------------------------------------------------------------------------


@claim("R25")
def eleven_actions():
    """the eleventh action request of a client within a minute is 429"""
    api = client("documented")
    true(1 <= admitted_then_refused(lambda: idle(api), 10) <= 60, "seconds to wait")


@claim("R30")
def failed_requests_are_free():
    """failed authentication, and other requests that are refused early, do not consume the budget"""
    api = client("documented")
    for _ in range(30):
        equal(api.get(f"/users/{ONE}/0", headers={"Authorization": "Bearer garbage"}).status_code, 401)
        equal(api.get(f"/users/{THREE}/0").status_code, 401)
    equal(api.get(f"/users/{ONE}/0").status_code, 200)


@claim("R26")
def twenty_six_reads():
    """the twenty-sixth users page is 429; users by group and single users count by themselves"""
    api = client("documented", integration="other")
    for path in (f"/users/{ONE}/0", f"/users/{ONE}/0/Design%20Team", f"/organizations/{ONE}/users/admin@fed.example"):
        admitted_then_refused(lambda: api.get(path), 25)


@claim("R13")
def request_id_of_a_refused_request():
    """a 429 echoes the request id"""
    answer = client("documented", integration="other").get(f"/users/{ONE}/0", headers={"X-Request-Id": "mine"})
    refused(answer)
    equal(answer.headers["X-Request-Id"], "mine")


@claim("R27")
def six_groups():
    """the sixth groups request is 429"""
    api = client("documented", integration="other")
    admitted_then_refused(lambda: api.get(f"/groups/{ONE}/0"), 5)


@claim("R28")
def another_client():
    """another client is unaffected until the limit for all is reached"""
    one, other = client("changed"), client("changed", integration="other")
    admitted_then_refused(lambda: idle(one), 10)
    admitted_then_refused(lambda: idle(other), 2)


@claim("R31")
def a_limit_set_to_zero():
    """one limit set to 0 is gone, and no other"""
    api = client("changed")
    for _ in range(20):
        equal(api.get(f"/groups/{ONE}/0").status_code, 200)
    admitted_then_refused(lambda: api.get(f"/users/{ONE}/0"), 25)


@claim("R200")
def the_client_waits():
    """after a 429 umapi-client waits as long as it was told, repeats the call once, and succeeds"""
    one, keys = server("documented")
    mine = keys[ONE]["keeper"]
    auth = umapi_client.OAuthS2S(mine["client_id"], mine["client_secret"], auth_host=one.url.removeprefix("https://"), ssl_verify=one.ca_file)
    connection = umapi_client.Connection(ONE, auth, endpoint=f"{one.url}/v2/usermanagement", ssl_verify=one.ca_file, max_retries=2)
    start = time.monotonic()
    for _ in range(5):
        umapi_client.GroupsQuery(connection).all_results()
    true(umapi_client.GroupsQuery(connection).all_results(), "groups after the wait")
    true(time.monotonic() - start < 75, "one wait, no longer than a minute")


@claim("R29")
def exactly_that_long():
    """a client that waits exactly as long as Retry-After says is admitted"""
    api = client("documented", integration="sync")
    # The budget of R25 is used up or has just come back; use it up again.
    while (answer := idle(api)).status_code == 200:
        pass
    time.sleep(refused(answer))
    equal(idle(api).status_code, 200)


@claim("R334")
def after_the_grace():
    """a token is refused at most a minute after it was announced to expire"""
    api, start = short_lived()
    time.sleep(max(0, 63.5 - (time.monotonic() - start)))
    answer = api.get(f"/users/{ONE}/0")
    equal((answer.status_code, answer.json()["error_code"]), (401, "401013"))


if __name__ == "__main__":
    judge()
