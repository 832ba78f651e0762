"""The public Python client, umapi-client 3.0.1, unchanged, over https: R198, R199, R344, R345, and what user-sync does with it."""

import datetime
import logging

import umapi_client

from judge import ONE, TWO, Api, add, claim, context, equal, fed, fresh, judge, make, make_group, true

here = context()
api = Api()
logging.disable(logging.ERROR)  # The client logs what the claims check.


def oauth(org=ONE, integration="sync"):
    keys = here.keys[org][integration]
    return umapi_client.OAuthS2S(keys["client_id"], keys["client_secret"], auth_host=here.host)


def jwt_auth():
    keys = here.keys[ONE]["sync"]
    return umapi_client.JWTAuth(
        ONE, keys["client_id"], keys["client_secret"], keys["technical_account_id"],
        (here.work / "judge.key").read_text(), auth_host=here.host,
    )


def connect(auth=None, org=ONE, **options):
    return umapi_client.Connection(org, auth or oauth(org), endpoint=f"{here.url}/v2/usermanagement", **options)


conn = connect()


def done(connection, *actions):
    """Sends actions that must all succeed; returns the client's counts."""
    counts = connection.execute_multiple(list(actions))
    errors = [action.execution_errors() for action in actions if action.execution_errors()]
    equal(errors, [], "errors")
    return counts


@claim("R198")
def status():
    """status contacts the server and reports its answer"""
    _, remote = conn.status(remote=True)
    true(remote["endpoint"] == conn.endpoint and "status" not in remote and remote.get("state"), f"{remote}")


@claim("R198")
def users():
    """UsersQuery lists the organization with statistics, also for one domain and with inherited profiles"""
    email = make(api, fed(domain="fed-two.example", do=[add("R&D / EU @home")]))
    query = umapi_client.UsersQuery(conn)
    found = query.all_results()
    expected = {user["email"] for user in api.users()["users"]}
    equal({user["email"] for user in found}, expected)
    equal(query.stats(), (len(found), 1, len(found), 0), "total, pages, size, number")
    found = umapi_client.UsersQuery(conn, in_domain="fed-two.example").all_results()
    equal({user["domain"] for user in found}, {"fed-two.example"})
    found = umapi_client.UsersQuery(conn, direct_only=False).all_results()
    user = next(user for user in found if user["email"] == email)
    equal(sorted(user["groups"]), ["R&D / EU @home", "Video Suite Extra"])


@claim("R198")
def users_in_a_group():
    """UsersQuery finds a group whose name has a slash, an ampersand and an at-sign"""
    email = make(api, fed(do=[add("R&D / EU @home")]))
    for name in ("R&D / EU @home", "r&d / eu @HOME"):
        found = umapi_client.UsersQuery(conn, in_group=name).all_results()
        true(email in {user["email"] for user in found}, f"{email} in {found}")
    equal(umapi_client.UsersQuery(conn, in_group="No Such / Group").all_results(), [], "an unknown group")


@claim("R198")
def user():
    """UserQuery finds a user by e-mail with a plus sign, by username and domain, and nobody"""
    email = make(api, fed(f"{fresh('a+b')}@fed.example"))
    equal(umapi_client.UserQuery(conn, email).result()["email"], email)
    name = fresh("p")
    done(conn, umapi_client.UserAction(name, domain="fed.example").create(email=f"{name}@fed.example", country="PT"))
    equal(umapi_client.UserQuery(conn, name, domain="fed.example").result()["email"], f"{name}@fed.example")
    equal(umapi_client.UserQuery(conn, "nobody@fed.example").result(), {})


@claim("R198")
def groups():
    """GroupsQuery lists all groups"""
    found = umapi_client.GroupsQuery(conn).all_results()
    equal({group["groupName"] for group in found}, set(api.groups()))


@claim("R198")
def life_of_a_user():
    """create, add, update, remove and removeFromOrg succeed with the counts the client expects"""
    for kind, domain in (("federatedID", "fed.example"), ("enterpriseID", "ent.example"), ("adobeID", "nowhere.example")):
        email = f"{fresh()}@{domain}"
        action = umapi_client.UserAction(email, requestID="one").create(
            email=email, firstname="Zoë", lastname="Ω", country="GR", id_type=kind).add_to_groups(["design team", "Photo Suite Extra"])
        equal(done(conn, action), (0, 1, 1), "queued, sent, completed")
        user = umapi_client.UserQuery(conn, email).result()
        equal((user["type"], sorted(user["groups"]), user["lastname"]), (kind, ["Design Team", "Photo Suite Extra"], "Ω"))
        equal(done(conn, action), (0, 1, 1), "the same again, as after a time-out")
        if kind != "adobeID":
            done(conn, umapi_client.UserAction(email).update(firstname="Zoe"), umapi_client.UserAction(email).update())
            equal(umapi_client.UserQuery(conn, email).result()["firstname"], "Zoe")
        address = {"use_adobe_id": True} if kind == "adobeID" else {}
        done(conn, umapi_client.UserAction(email, **address).remove_from_groups(["Design Team"]))
        equal(umapi_client.UserQuery(conn, email).result()["groups"], ["Photo Suite Extra"])
        done(conn, umapi_client.UserAction(email, **address).remove_from_groups(all_groups=True))
        true("groups" not in umapi_client.UserQuery(conn, email).result(), "no groups")
        action = umapi_client.UserAction(email, **address)
        action.remove_from_organization(delete_account=kind != "adobeID")
        equal(done(conn, action), (0, 1, 1), "removal")
        equal(umapi_client.UserQuery(conn, email).result(), {})


@claim("R198")
def life_of_a_group():
    """a user group is created, updated, linked, filled, emptied and deleted"""
    name, new, email = fresh("Client Group / "), fresh("Client Group Ω "), make(api, fed())
    done(conn, umapi_client.GroupAction(name).create(description="text"))
    done(conn, umapi_client.GroupAction(name).create())
    action = umapi_client.GroupAction(name).create(option=umapi_client.IfAlreadyExistsOption.errorIfAlreadyExists)
    conn.execute_single(action, immediate=True)
    equal([error["errorCode"] for error in action.execution_errors()], ["error.usergroup.already_exists"])
    done(conn, umapi_client.GroupAction(name).update(name=new, description="more").add_users([email]).add_to_products(["Photo Suite Extra"]))
    equal([user["email"] for user in umapi_client.UsersQuery(conn, in_group=new)], [email])
    done(conn, umapi_client.GroupAction(new).update(), umapi_client.GroupAction(new).add_users([]).remove_users([]))
    done(conn, umapi_client.GroupAction(new).remove_users([email]).remove_from_products(["Photo Suite Extra"]))
    equal(umapi_client.UsersQuery(conn, in_group=new).all_results(), [])
    done(conn, umapi_client.GroupAction(f"_admin_{new}").add_users([email]))
    equal([user["email"] for user in umapi_client.UsersQuery(conn, in_group=f"_admin_{new}")], [email])
    done(conn, umapi_client.GroupAction(new).delete())
    true(new not in {group["groupName"] for group in umapi_client.GroupsQuery(conn)}, "deleted")


@claim("R198")
def more_than_ten():
    """thirty-three users are sent in batches and all created; queued actions wait for a full batch"""
    emails = [f"{fresh()}@fed.example" for _ in range(33)]
    actions = [umapi_client.UserAction(email).create(email=email, country="DE").add_to_groups(["Design Team"]) for email in emails]
    equal(done(conn, *actions), (0, 33, 33))
    true(set(emails) <= {user["email"] for user in umapi_client.UsersQuery(conn, in_group="Design Team")}, "all of them")
    queue = connect()
    removals = []
    for email in emails:
        action = umapi_client.UserAction(email)
        action.remove_from_organization(delete_account=True)
        removals.append(queue.execute_single(action))
    equal(removals[8:10], [(9, 0, 0), (0, 10, 10)], "the tenth fills a batch")
    equal(queue.execute_queued(), (0, 3, 3))
    equal(queue.status()[0]["actions-completed"], 33)


@claim("R198")
def errors():
    """errors are attributed to the action and the command they belong to, and the rest succeeds"""
    email = make(api, fed())
    good = umapi_client.UserAction(email).add_to_groups(["Design Team"])
    bad = umapi_client.UserAction(email, requestID="bad").add_to_groups(["Photo Suite Extra"]).add_to_groups(["Nope"]).update(lastname="Never")
    missing = umapi_client.UserAction("nobody@fed.example").update(lastname="X")
    equal(conn.execute_multiple([good, bad, missing]), (0, 3, 1))
    equal(good.execution_errors(), [])
    (error,) = bad.execution_errors()
    equal((error["errorCode"], error["command"], error["requestID"], error["target"]["user"]),
          ("error.group.not_found", {"add": {"group": ["Nope"]}}, "bad", email))
    equal([error["errorCode"] for error in missing.execution_errors()], ["error.user.nonexistent"])
    equal(sorted(umapi_client.UserQuery(conn, email).result()["groups"]), ["Design Team", "Photo Suite Extra"])


@claim("R198")
def test_mode():
    """in test mode nothing changes and errors are reported"""
    rehearsal = connect(test_mode=True)
    email = f"{fresh()}@fed.example"
    done(rehearsal, umapi_client.UserAction(email).create(email=email, country="DE").add_to_groups(["Design Team"]))
    equal(umapi_client.UserQuery(conn, email).result(), {})
    action = umapi_client.UserAction(email).add_to_groups(["Nope"])
    rehearsal.execute_single(action, immediate=True)
    equal([error["errorCode"] for error in action.execution_errors()], ["error.group.not_found"])


@claim("R198")
def refused_requests():
    """a foreign organization raises the client's RequestError, and wrong credentials its RuntimeError"""
    try:
        umapi_client.UsersQuery(connect(oauth(), TWO)).all_results()
    except umapi_client.RequestError as error:
        equal(error.result.status_code, 401)
    else:
        raise AssertionError("no error for a foreign organization")
    keys = here.keys[ONE]["sync"]
    wrong = umapi_client.OAuthS2S(keys["client_id"], "wrong", auth_host=here.host)
    try:
        umapi_client.UsersQuery(connect(wrong)).all_results()
    except RuntimeError as error:
        true("401" in str(error) and "invalid_client" in str(error), str(error))
    else:
        raise AssertionError("no error for a wrong secret")


@claim("R199")
def twenty_five_groups():
    """an action with 25 groups beside a create is split into steps and ends with all memberships"""
    names = [make_group(api, fresh("Split ")) for _ in range(25)]
    email = f"{fresh()}@fed.example"
    done(conn, umapi_client.UserAction(email).create(email=email, country="DE").add_to_groups(names))
    equal(umapi_client.UserQuery(conn, email).result()["groups"], names)
    done(conn, umapi_client.UserAction(email).remove_from_groups(names[:24]))
    equal(umapi_client.UserQuery(conn, email).result()["groups"], names[24:])


@claim("R199")
def more_than_ten_steps():
    """an action of more than ten steps is split into commands, across requests too, and ends with all memberships"""
    names = [make_group(api, fresh("Steps ")) for _ in range(14)]
    email = f"{fresh()}@fed.example"
    action = umapi_client.UserAction(email)
    for name in names:
        action.add_to_groups([name])
    action.create(email=email, country="DE")
    others = [umapi_client.UserAction(f"{fresh()}@fed.example").add_to_groups([]) for _ in range(9)]
    conn.execute_multiple([*others, action])
    equal(action.execution_errors(), [])
    equal(umapi_client.UserQuery(conn, email).result()["groups"], names)


@claim("R344")
def both_ways_of_authentication():
    """OAuthS2S and JWTAuth obtain tokens from a host with a port, and see the same"""
    expected = {user["email"] for user in umapi_client.UsersQuery(conn)}
    for auth in (oauth(), jwt_auth()):
        equal({user["email"] for user in umapi_client.UsersQuery(connect(auth))}, expected)


@claim("R345")
def one_token():
    """one token serves many calls, and its expiry is read in the right unit by both classes"""
    for auth in (oauth(), jwt_auth()):
        connection = connect(auth)
        umapi_client.GroupsQuery(connection).all_results()
        first = auth.token
        umapi_client.GroupsQuery(connection).all_results()
        true(first and auth.token == first, "the same token")
        hours = (auth.expiry - datetime.datetime.now()).total_seconds() / 3600
        true(23 < hours <= 24, f"expires in {hours:.2f} hours")


# What user-sync does with the client ----------------------------------------------------------------------------------


def sync(connection, directory, mapping, owner=True):
    """A run as user-sync makes it: groups made where missing, then creates, updates, memberships, strays.

    `directory` is {e-mail: (last name, directory groups)}, `mapping` {directory group: group}; returns how many commands
    were sent.
    """
    connection.start_sync()
    lowered = {group["groupName"].lower() for group in umapi_client.GroupsQuery(connection)}
    actions = []
    for name in mapping.values():
        if name.lower() not in lowered:
            actions.append(umapi_client.GroupAction(name.lower(), requestID=f"action_{len(actions)}").create(
                option=umapi_client.IfAlreadyExistsOption.ignoreIfAlreadyExists, description="made by a sync"))
    mapped = {name.lower() for name in mapping.values()}
    present, query = {}, umapi_client.UsersQuery(connection)
    for number, user in enumerate(query, 1):
        _, pages, size, page = query.stats()
        number % size  # user-sync computes this after every user
        if page == pages - 2:
            connection.end_sync()
        present[user["email"].lower()] = user
    for email, (lastname, groups) in directory.items():
        wanted = {mapping[group].lower() for group in groups}
        user = present.pop(email, None)
        if user is None:
            action = umapi_client.UserAction(email, requestID=f"action_{len(actions)}").create(
                email=email, firstname="Ada", lastname=lastname, country="GB", id_type="federatedID",
                on_conflict="updateIfAlreadyExists" if owner else "ignoreIfAlreadyExists")
            actions.append(action.add_to_groups(sorted(wanted)))
            continue
        has = {group.lower() for group in user.get("groups", [])} & mapped
        if has == wanted and (user.get("lastname") == lastname or not owner):
            continue
        action = umapi_client.UserAction(email, requestID=f"action_{len(actions)}")
        if owner and user.get("lastname") != lastname:
            action.update(lastname=lastname)
        if has - wanted:
            action.remove_from_groups(sorted(has - wanted))
        if wanted - has:
            action.add_to_groups(sorted(wanted - has))
        actions.append(action)
    for email, user in present.items():
        if "_org_admin" in user.get("groups", []) or not {group.lower() for group in user.get("groups", [])} & mapped:
            continue
        action = umapi_client.UserAction(email, requestID=f"action_{len(actions)}")
        action.remove_from_organization(delete_account=False)
        actions.append(action)
    if actions:
        done(connection, *actions)
    return len(actions)


@claim("R202", "R346")
def two_runs_of_a_sync():
    """a sync as user-sync makes it creates, updates, moves, removes and makes a group; a second run changes nothing"""
    team, made = make_group(api, fresh("Sync Team ")), fresh("Made By Sync ")
    mapping = {"Team": team, "Made": made}
    people = [f"{fresh()}@fed.example" for _ in range(12)]
    directory = {email: ("Sync", ["Team", "Made"]) for email in people}
    for auth in (oauth(), jwt_auth()):
        connection = connect(auth, max_retries=3)
        true(sync(connection, directory, mapping) > 0, "something to do")
        equal(sync(connection, directory, mapping), 0, "commands of a second run")
        directory[people[0]] = ("Changed", ["Made"])
        directory.pop(people.pop())
    connection = connect()
    sync(connection, directory, mapping)
    equal(sync(connection, directory, mapping), 0)
    user = api.user(people[0])
    equal((user["lastname"], user["groups"]), ("Changed", [made.lower()]))
    equal(len(api.emails(made)), len(people))


@claim("R203")
def sync_of_a_trustee():
    """a sync of a trusting organization brings in users of the owner's directory"""
    people = [make(api, fed()) for _ in range(3)]
    two = Api(TWO)
    team = make_group(two, fresh("Two Sync "))
    connection = connect(oauth(TWO), TWO)
    directory = {email: ("Ignored", ["Team"]) for email in people}
    equal(sync(connection, directory, {"Team": team}, owner=False), 3)
    equal(sync(connection, directory, {"Team": team}, owner=False), 0)
    equal(two.emails(team), sorted(people))
    equal(two.user(people[0])["lastname"], "Roth", "the owner's name")


if __name__ == "__main__":
    judge()
