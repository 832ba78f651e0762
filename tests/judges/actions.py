"""The action endpoint, and whom a command addresses: R78–R107."""

import json

from judge import ONE, TWO, Api, add, adobe, claim, ent, equal, fed, fresh, judge, make, on, on_group, remove, true

api = Api()
two = Api(TWO)


def malformed(body, message=None):
    answer = api.post(f"/action/{ONE}", data=body)
    equal(answer.status_code, 400, f"status of {body[:40]!r} ({answer.text[:200]})")
    equal(answer.json()["result"], "error.command.malformed")
    true(answer.json()["message"], "a message")
    if message:
        equal(answer.json()["message"], message)


def plain(name=None, domain="fed.example", do=(), **fields):
    """A command that creates a federated user with a plain username."""
    name = name or fresh("p")
    create = {"email": f"{name}@fed.example", "country": "DE", **fields}
    return {"user": name, "domain": domain, "do": [{"createFederatedID": create}, *do]}


# The envelope ---------------------------------------------------------------------------------------------------------


@claim("R78")
def no_commands():
    """an empty array, an object, invalid JSON and an empty body are 400 error.command.malformed"""
    for body in ("[]", "{}", "", " ", "[{]", '"text"', "null", "[] []", '[{"user":"a@b.example"}', "[1,]"):
        malformed(body)


@claim("R79")
def eleven_commands():
    """eleven commands are 400 and nothing is done"""
    commands = [fed() for _ in range(11)]
    malformed(json.dumps(commands), "Too many commands in request: max is 10")
    equal(api.user(commands[0]["user"]), None, "the first user")


@claim("R80")
def too_large():
    """a body over 1 MB is 400"""
    padded = json.dumps([on("nobody@fed.example", {"removeFromOrg": {}})])
    malformed(padded + " " * (1_048_577 - len(padded)), "Request body too large: max is 1048576 bytes")
    answer = api.post(f"/action/{ONE}", data=padded + " " * (1_048_576 - len(padded)))
    equal(answer.status_code, 200, "just under the limit")


@claim("R81")
def ten_commands_in_order():
    """ten commands are carried out in their order"""
    email, names = make(api, fed()), [f"Name {number}" for number in range(10)]
    body = api.ok(*[on(email, {"update": {"lastname": name}}) for name in names])
    equal(body, {"completed": 10, "notCompleted": 0, "completedInTestMode": 0, "result": "success"})
    equal(api.user(email)["lastname"], "Name 9")


@claim("R82")
def create_and_add_apart():
    """a create in one command and an add for the same user in the next both succeed"""
    command = fed()
    api.ok(command, on(command["user"], add("Design Team")))
    equal(api.user(command["user"])["groups"], ["Design Team"])


@claim("R83", "R84")
def keys_of_the_answer():
    """the counts and result are always there, errors and warnings only when there are some"""
    body = api.act(on("nobody@fed.example", {"removeFromOrg": {}}))
    equal(sorted(body), ["completed", "completedInTestMode", "notCompleted", "result"])
    body = api.act(on("nobody@fed.example", add("Design Team")))
    equal(sorted(body), ["completed", "completedInTestMode", "errors", "notCompleted", "result"])


@claim("R85")
def results():
    """result is success, partial or error when none, some or all commands failed"""
    good, bad = on("nobody@fed.example", {"removeFromOrg": {}}), on("nobody@fed.example", {"update": {}})
    for commands, expected in (([good], "success"), ([good, bad], "partial"), ([bad, bad], "error")):
        equal(api.act(*commands)["result"], expected)
    body = api.act(bad, good, bad)
    equal((body["completed"], body["notCompleted"]), (1, 2))


@claim("R86")
def every_error_has_a_place():
    """every error has integer index and step within range, errorCode and message"""
    commands = [
        5, {}, {"user": "a@fed.example"}, on("nobody@fed.example", {"update": {}}), {"user": "x@fed.example", "do": [], "colour": 1},
        on("admin@fed.example", add("Nope"), {"update": {}}), on_group("Nope", {"deleteUserGroup": {}}),
        on("admin@fed.example", {"update": {}}, {"dance": {}}),
    ]
    body = api.act(*commands)
    equal(sorted({e["index"] for e in body["errors"]}), list(range(len(commands))), "an error for each")
    for error in body["errors"]:
        true(type(error["index"]) is int and type(error["step"]) is int, f"integers in {error}")
        command = commands[error["index"]]
        steps = len(command.get("do", [])) if isinstance(command, dict) else 0
        true(0 <= error["step"] < max(steps, 1), f"step of {error}")
        true(isinstance(error["errorCode"], str) and isinstance(error["message"], str), f"{error}")
    equal(body["errors"][-1]["step"], 1, "step of the unknown step")


@claim("R87")
def what_was_sent_is_echoed():
    """requestID and user come back in errors and warnings; for a group command user is its name"""
    error = api.refused(on("nobody@fed.example", {"update": {}}, requestID="r-1"), "error.user.nonexistent")
    equal((error["requestID"], error["user"]), ("r-1", "nobody@fed.example"))
    error = api.refused(on_group("No Group", {"deleteUserGroup": {}}, requestID="r-2"), "error.usergroup.not_found")
    equal((error["requestID"], error["user"]), ("r-2", "No Group"))
    error = api.refused(on("NoBody@fed.example", {"update": {}}), "error.user.nonexistent")
    true("requestID" not in error, "no requestID when none was sent")
    equal(error["user"], "NoBody@fed.example", "user as sent")
    error = api.refused(on("a@fed.example", {"dance": {}}, requestID="r-3"), "error.command.step.unknown")
    equal((error["requestID"], error["user"]), ("r-3", "a@fed.example"), "in a syntax error")
    body = api.act(on("admin@fed.example", {"add": {"product": []}}, requestID="r-4"))
    equal((body["warnings"][0]["requestID"], body["warnings"][0]["user"]), ("r-4", "admin@fed.example"))


@claim("R88")
def a_failing_step():
    """a failing step stops its command, what came before it stays, and later commands run"""
    one, other = make(api, fed()), make(api, fed())
    body = api.act(on(one, add("Design Team"), add("Nope"), {"update": {"lastname": "Never"}}), on(other, add("Design Team")))
    equal([(e["index"], e["step"], e["errorCode"]) for e in body["errors"]], [(0, 1, "error.group.not_found")])
    equal((body["completed"], body["notCompleted"], body["result"]), (1, 1, "partial"))
    user = api.user(one)
    equal((user["groups"], user["lastname"]), (["Design Team"], "Roth"))
    equal(api.user(other)["groups"], ["Design Team"])


@claim("R89")
def syntax_first():
    """a syntax error in step 1 keeps step 0 of the command from running"""
    email = make(api, fed())
    api.refused(on(email, add("Design Team"), {"add": 5}), "error.command.add_remove.list", step=1)
    true("groups" not in api.user(email), "step 0 did not run")


@claim("R90")
def nothing_to_do():
    """an empty list of steps succeeds, whoever the user is"""
    equal(api.ok(on("nobody@fed.example"), on(make(api, fed())))["completed"], 2)


@claim("R91")
def eleven_steps():
    """eleven steps are refused, ten are not"""
    email = make(api, fed())
    api.ok(on(email, *[add("Design Team")] * 10))
    api.refused(on(email, *[add("Design Team")] * 11), "error.command.add_remove.list_too_long",
                "Too many steps in command: max is 10", step=0)


@claim("R92")
def steps_malformed():
    """do missing, or an object, is error.command.steps.malformed"""
    for command in ({"user": "a@fed.example"}, {"user": "a@fed.example", "do": {"update": {}}}, {"user": "a@fed.example", "do": None}):
        api.refused(command, "error.command.steps.malformed", "Steps must be a JSON array", step=0)


@claim("R93")
def roots():
    """a missing, empty or numeric root has its own error"""
    api.refused({"do": []}, "error.command.user_usergroup.missing", "Command must contain user or usergroup")
    for value in ("", "  ", None):
        api.refused({"user": value, "do": []}, "error.command.user.missing", "User is missing")
        api.refused({"usergroup": value, "do": []}, "error.command.user_usergroup.missing")
    for key in ("user", "usergroup"):
        api.refused({key: 5, "do": []}, "error.command.string_expected", f"String expected for field: {key}")
    api.refused({"user": "a@fed.example", "requestID": 7, "do": []}, "error.command.string_expected",
                "String expected for field: requestID")


@claim("R94")
def illegal_entries():
    """an unknown root key, two roots, a step with two keys or none, are error.command.illegal_entry"""
    for command in (
        {"user": "a@fed.example", "useAdobeId": True, "do": []}, {"user": "a@fed.example", "usergroup": "x", "do": []},
        on("a@fed.example", {"update": {}, "add": {"group": []}}), on("a@fed.example", {}), "text", 7, None, [],
    ):
        api.refused(command, "error.command.illegal_entry")
    for step in ("update", "removeFromOrg", "removeFromDomain", "resetPassword"):
        api.refused(on("a@fed.example", {step: 5}), "error.command.illegal_entry")
    api.refused(on("a@fed.example", "update"), "error.command.illegal_entry")


@claim("R95")
def unknown_steps():
    """an unknown step, and one of the other root, is error.command.step.unknown"""
    for command, name in (
        (on("a@fed.example", {"dance": {}}), "dance"), (on("a@fed.example", {"createUserGroup": {}}), "createUserGroup"),
        (on_group("Design Team", {"removeFromOrg": {}}), "removeFromOrg"), (on("a@fed.example", {"Update": {}}), "Update"),
    ):
        api.refused(command, "error.command.step.unknown", f"Unknown step: {name}")


@claim("R96")
def use_adobe_id():
    """useAdobeID must be a boolean; null counts as absent"""
    api.refused(on("a@fed.example", useAdobeID="yes"), "error.command.boolean_expected", "Boolean expected for field: useAdobeID")
    api.ok(on("a@fed.example", useAdobeID=None))


@claim("R97")
def too_long():
    """over-long strings are error.command.string.too_long with the field and its limit"""

    def refused(command, field, limit):
        api.refused(command, "error.command.string.too_long", f"String too long in command for field: {field}, max length {limit}")

    long = "x" * 251
    refused(on(long + "@fed.example"), "user", 250)
    refused(fed(country="DEU"), "country", 2)
    refused(fed(firstname=long), "firstname", 250)
    refused(fed(lastname=long), "lastname", 250)
    refused(on("p1", domain=long), "domain", 250)
    refused(on("a@fed.example", requestID=long), "requestID", 250)
    refused(on("a@fed.example", {"update": {"username": long}}), "username", 250)
    api.ok(on("é" * 238 + "@fed.example", {"removeFromOrg": {}}))


# Addressing -----------------------------------------------------------------------------------------------------------


@claim("R98")
def email_in_any_case():
    """user as e-mail matches in any letter case, and trimmed"""
    email = make(api, fed())
    api.ok(on(email.upper(), add("Design Team")), on(f"  {email} ", add("R&D / EU @home")))
    equal(api.user(email)["groups"], ["Design Team", "R&D / EU @home"])


@claim("R99", "R130")
def shared_email():
    """an e-mail of two accounts addresses the directory account, with useAdobeID the Adobe ID; made in either order"""
    for first, second in ((fed, adobe), (adobe, fed)):
        email = f"{fresh()}@fed.example"
        api.ok(first(email))
        api.ok(second(email))
        api.ok(on(email, add("Design Team")), on(email, add("R&D / EU @home"), useAdobeID=True))
        equal(api.user(email)["groups"], ["Design Team"])
        equal(api.user(email, domain="AdobeID")["groups"], ["R&D / EU @home"])


@claim("R100")
def no_such_adobe_id():
    """useAdobeID without such an Adobe ID is error.user.nonexistent"""
    email = make(api, fed())
    api.refused(on(email, add("Design Team"), useAdobeID=True), "error.user.nonexistent", f"User Id does not exist: {email}")


@claim("R101")
def username_alone():
    """a plain username without domain is error.command.domain.missing"""
    api.refused(on("p0042", add("Design Team")), "error.command.domain.missing", "Domain is required for user: p0042")


@claim("R102")
def username_and_domain():
    """a plain username works with any domain of the directory, and not with an unrelated one"""
    command = plain()
    api.ok(command)
    name = command["user"]
    api.ok(on(name, add("Design Team"), domain="fed-two.example"), on(name.upper(), add("R&D / EU @home"), domain="FED.example"))
    equal(api.user(name)["groups"], ["Design Team", "R&D / EU @home"])
    api.refused(on(name, add("Design Team"), domain="ent.example"), "error.user.nonexistent")
    for domain in ("nowhere.example", "other.example"):
        api.refused(on(name, add("Design Team"), domain=domain), "error.domain.trust.nonexistent")
        api.ok(on(name, {"removeFromOrg": {}}, domain=domain))


@claim("R103")
def email_and_domain():
    """an e-mail plus domain is refused for a federated account, and ignored for the other kinds"""
    email = make(api, fed())
    api.refused(on(email, add("Design Team"), domain="fed.example"), "error.command.domain.must_be_used_with_nonemail_username",
                f"Domain must only be used with a non-email user name: {email}", step=0)
    for command in (ent(), adobe()):
        email = make(api, command)
        api.ok(on(email, add("Design Team"), domain="fed.example"))
    command = ent()
    api.ok({**command, "domain": "fed.example"})


@claim("R104")
def no_domain():
    """an empty or null domain counts as absent"""
    email = make(api, fed())
    api.ok(on(email, add("Design Team"), domain=""), on(email, add("Design Team"), domain=None, requestID=None))
    api.refused(on(email, domain=5), "error.command.domain.string_expected", "String expected for field: domain")


@claim("R105")
def username_in_email_form():
    """an e-mail-form username that is not the e-mail addresses nobody in actions, but is found by the single read"""
    old, email = f"{fresh('old')}@fed.example", f"{fresh()}@fed.example"
    api.ok({"user": old, "do": [{"createFederatedID": {"email": email, "country": "PT"}}]})
    equal(api.user(email)["username"], old)
    api.refused(on(old, add("Design Team")), "error.user.nonexistent", f"User Id does not exist: {old}")
    api.ok(on(email, add("Design Team")))
    equal(api.user(old)["email"], email)


@claim("R106")
def nobody():
    """an unknown user is error.user.nonexistent for every step but removeFromOrg"""
    for step in (add("Design Team"), {"update": {}}, remove("Design Team"), {"remove": "all"}, {"removeFromDomain": {}},
                 {"resetPassword": {}}, {"addRoles": {"admin": ["support"]}}, {"removeRoles": {"admin": ["support"]}}):
        api.refused(on("nobody@fed.example", step), "error.user.nonexistent", "User Id does not exist: nobody@fed.example")


@claim("R107")
def directory_user():
    """add makes a removed directory user a member again; update and remove on one are error.user.not_in_org"""
    email = make(api, fed())
    before = api.user(email)
    api.ok(on(email, {"removeFromOrg": {"deleteAccount": False}}))
    for step in ({"update": {"lastname": "Other"}}, {"update": {}}, remove("Design Team"), {"remove": "all"}):
        api.refused(on(email, step), "error.user.not_in_org", f"User is not in organization: {email}")
    api.ok(on(email, add()))
    equal(api.user(email), before)


if __name__ == "__main__":
    judge()
