"""The action endpoint and the commands on users: R78–R170, and test mode: R187–R191."""

import json

from judge import (
    ONE, TWO, Api, add, adobe, apply, claim, context, ent, equal, fed, fresh, judge, make, make_group, on, on_group,
    remove, true,
)

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
    api.ok(on("é" * 239 + "@fed.example", {"removeFromOrg": {}}))


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


# Create ---------------------------------------------------------------------------------------------------------------


@claim("R108", "R109")
def adobe_id_at_once():
    """addAdobeID with an e-mail only, of any domain, succeeds and the user is listed at once"""
    email = make(api, adobe())
    true(email in {user["email"] for user in api.users()["users"]}, "listed")
    equal(api.user(email)["country"], "UD")
    make(api, adobe(f"{fresh()}@other.example"))


@claim("R110")
def user_must_match_email():
    """addAdobeID and createEnterpriseID want user and email to be the same, in any letter case"""
    for step, domain in (("addAdobeID", "nowhere.example"), ("createEnterpriseID", "ent.example")):
        email = f"{fresh()}@{domain}"
        api.refused({"user": f"x{email}", "do": [{step: {"email": email}}]}, "error.user.must_match_email",
                    f"User name must match email: x{email}")
        api.ok({"user": email.upper(), "do": [{step: {"email": email}}]})


@claim("R111")
def another_name_of_the_step():
    """addEnterpriseID is createEnterpriseID"""
    email = f"{fresh()}@ent.example"
    api.ok(on(email, {"addEnterpriseID": {"email": email, "country": "FR", "firstname": "A", "lastname": "B"}}))
    equal(api.user(email)["type"], "enterpriseID")


@claim("R112")
def three_forms_of_federated():
    """createFederatedID takes user = email, another e-mail-form user, and a plain user with domain"""
    email = make(api, fed())
    user = api.user(email)
    equal((user["username"], user["domain"]), (email, "fed.example"))
    email, username = f"{fresh()}@fed.example", f"{fresh()}@fed-two.example"
    api.ok({"user": username, "do": [{"createFederatedID": {"email": email, "country": "PT"}}]})
    user = api.user(email)
    equal((user["email"], user["username"], user["domain"]), (email, username, "fed-two.example"))
    command = plain(domain="FED-two.example")
    api.ok(command)
    user = api.user(command["user"])
    equal((user["username"], user["domain"]), (command["user"], "fed-two.example"))
    api.refused({"user": fresh("p"), "do": [{"createFederatedID": {"email": email, "country": "PT"}}]}, "error.command.domain.missing")


@claim("R113")
def without_names():
    """missing names are accepted for every type"""
    for command in (fed(firstname=..., lastname=...), ent(firstname=..., lastname=...), adobe()):
        make(api, command)


@claim("R114", "R115")
def countries():
    """country: required for federated, UD only for the others, a real one, upper-cased"""
    for value in (..., "", None, "UD", "XX", "1"):
        api.refused(fed(country=value), "error.country.invalid")
    for value in (..., "", "UD"):
        equal(api.user(make(api, ent(country=value)))["country"], "UD")
    api.refused(ent(country="XX"), "error.country.invalid", "Invalid country: XX")
    equal(api.user(make(api, fed(country="de")))["country"], "DE")
    equal(api.user(make(api, adobe(country="GH")))["country"], "GH")


@claim("R116")
def invalid_emails():
    """malformed and over-long e-mails are error.user.email.invalid"""
    for email in (
        "a" * 49 + "@fed.example", "plain", "a@b@fed.example", "@fed.example", "a@", "a@fed", "a b@fed.example",
        "a@fed..example", "a@-.example.", "a\u0007@fed.example",
    ):
        api.refused(plain(email=email), "error.user.email.invalid", f"Invalid email: {email}")
    api.ok(plain(email="a" * 40 + fresh("") + "@fed.example"))


@claim("R117")
def blank_fields():
    """blank and null optional fields count as absent"""
    email = make(api, fed(firstname="", lastname=None, option=""))
    true("firstname" not in api.user(email), "no first name")
    api.refused(fed(email, option=None), "error.user.already_in_org")


@claim("R118")
def wrong_kind_of_directory():
    """a federated user in an enterprise directory, and the reverse, is error.user.type_mismatch"""
    api.refused(fed(domain="ent.example"), "error.user.type_mismatch", "User type does not match the directory of domain: ent.example")
    api.refused(ent(f"{fresh()}@fed.example"), "error.user.type_mismatch")


@claim("R119")
def unclaimed_domains():
    """an unclaimed domain is error.domain.trust.nonexistent, with a message for the username and one for the e-mail"""
    api.refused(fed(domain="nowhere.example"), "error.domain.trust.nonexistent", "Changes to users are only allowed in claimed domains.")
    api.refused(ent(f"{fresh()}@nowhere.example"), "error.domain.trust.nonexistent")
    api.refused(plain(email=f"{fresh()}@nowhere.example"), "error.domain.trust.nonexistent", "Domain for email is not claimed")
    api.refused(plain(domain="nowhere.example"), "error.domain.trust.nonexistent", "Changes to users are only allowed in claimed domains.")


@claim("R120")
def domain_of_others():
    """a domain of an unrelated organization is error.user.belongs_to_another_org"""
    for command in (fed(domain="other.example"), plain(domain="other.example")):
        api.refused(command, "error.user.belongs_to_another_org", "Illegal to invite user from another organization's owned auth src")


@claim("R121")
def two_directories():
    """e-mail and username domains of different directories are error.user.must_match_email"""
    api.refused({"user": f"{fresh()}@fed.example", "do": [{"createFederatedID": {"email": f"{fresh()}@fed-three.example", "country": "DE"}}]},
                "error.user.must_match_email")
    api.refused(plain(domain="fed-three.example"), "error.user.must_match_email")


@claim("R118")
def login_settings():
    """a directory's login setting is kept: by e-mail only, or by name only; restricted domains take no Adobe IDs"""
    name = fresh("p")
    api.refused({"user": name, "domain": "mail-login.example", "do": [{"createFederatedID": {"email": f"{name}@mail-login.example", "country": "DE"}}]},
                "error.user.must_match_email")
    make(api, fed(domain="mail-login.example"))
    api.refused(fed(domain="name-login.example"), "error.user.name.contains.email")
    api.ok({"user": name, "domain": "name-login.example", "do": [{"createFederatedID": {"email": f"{name}@name-login.example", "country": "DE"}}]})
    api.refused(adobe(f"{fresh()}@strict.example"), "error.user.domain_enforcement", "Domain is restricted: strict.example")


@claim("R118")
def synced_directory():
    """a directory kept by another program takes no new accounts"""
    api.refused(fed(domain="synced.example"), "error.internal.create_failed", "Could not create person of type createFederatedID")


@claim("R118")
def invalid_usernames():
    """control characters in a username are error.user.name.invalid"""
    api.refused(plain(fresh("p") + "\u0001", email=f"{fresh()}@fed.example"), "error.user.name.invalid")


@claim("R122")
def already_a_member():
    """an existing member without option is error.user.already_in_org, and later steps do not run"""
    email = make(api, fed())
    for option in (..., "errorIfAlreadyExists"):
        api.refused(fed(email, do=[add("Design Team")], option=option), "error.user.already_in_org",
                    f"User is already in organization: {email}", step=0)
    true("groups" not in api.user(email), "no memberships")


@claim("R123")
def ignored_if_existing():
    """with ignoreIfAlreadyExists nothing changes and later steps run"""
    email = make(api, fed())
    api.ok(fed(email, firstname="Other", lastname="Name", country="FR", option="ignoreIfAlreadyExists", do=[add("Design Team")]))
    user = api.user(email)
    equal((user["firstname"], user["lastname"], user["country"], user["groups"]), ("Mira", "Roth", "DE", ["Design Team"]))


@claim("R124")
def updated_if_existing():
    """with updateIfAlreadyExists only the names given change"""
    email = make(api, fed())
    api.ok(fed(email, firstname="Other", lastname=..., country="FR", option="updateIfAlreadyExists"))
    user = api.user(email)
    equal((user["firstname"], user["lastname"], user["country"], user["email"]), ("Other", "Roth", "DE", email))


@claim("R125")
def directory_user_joins():
    """an existing directory account outside the organization joins with the same id, whatever the option"""
    for option in (..., "ignoreIfAlreadyExists", "updateIfAlreadyExists"):
        email = make(api, fed())
        before = api.user(email)["id"]
        api.ok(on(email, {"removeFromOrg": {}}))
        api.ok(fed(email, lastname="New", option=option))
        user = api.user(email)
        equal(user["id"], before)
        equal(user["lastname"], "New" if option == "updateIfAlreadyExists" else "Roth")


@claim("R126")
def options():
    """errorIfAlreadyExists is no option, and others are error.option.illegal"""
    make(api, fed(option="errorIfAlreadyExists"))
    for value in ("foo", "IgnoreIfAlreadyExists"):
        api.refused(fed(option=value), "error.option.illegal", f"Illegal option: {value}")


@claim("R127")
def create_syntax():
    """unknown keys, no object, and fields that are no strings have their own errors"""
    api.refused(fed(colour="blue"), "error.command.create.key.unknown", "Unknown key in createFederatedID: colour")
    for value in ([], "x", 5, None):
        api.refused(on("a@fed.example", {"createFederatedID": value}), "error.command.create.object_expected",
                    "Object expected for step: createFederatedID")
    api.refused(on("a@fed.example", {"createFederatedID": {"email": 5}}), "error.command.create.string_expected",
                "String expected for field: email")


@claim("R128")
def one_create_and_first():
    """two creates, and a create that is not first, are refused"""
    command = fed()
    api.refused({**command, "do": command["do"] * 2}, "error.command.create.more_than_one")
    api.refused({**command, "do": [{"update": {}}, *command["do"]]}, "error.command.create.not_first")
    equal(api.user(command["user"]), None, "nobody was created")


@claim("R129")
def create_and_add_by_username():
    """create + add with an e-mail-form user that is not the e-mail works the first and the second time"""
    username, email = f"{fresh()}@fed-two.example", f"{fresh()}@fed.example"
    command = {"user": username, "do": [
        {"createFederatedID": {"email": email, "country": "DE", "option": "ignoreIfAlreadyExists"}}, add("Design Team")]}
    for _ in range(2):
        api.ok(command)
        equal(api.user(email)["groups"], ["Design Team"])


@claim("R129")
def conflicting_accounts():
    """username of one account and e-mail of another are refused"""
    one, other = make(api, fed()), make(api, fed())
    for option in (..., "ignoreIfAlreadyExists", "updateIfAlreadyExists"):
        command = {"user": one, "do": [{"createFederatedID": {"email": other, "country": "DE"}}]}
        if option is not ...:
            command["do"][0]["createFederatedID"]["option"] = option
        api.refused(command, "error.user.nonexistent_or_has_conflicting_parameters")


@claim("R131")
def trustee_creates():
    """a trustee brings in existing accounts of the directory, but makes none"""
    email = make(api, fed())
    two.ok(fed(email, lastname="Other", option="updateIfAlreadyExists"))
    equal(two.user(email)["lastname"], "Roth", "a trustee changes no names")
    email = make(api, fed())
    two.ok(fed(email, option="ignoreIfAlreadyExists", do=[add("Two Team")]))
    equal(two.user(email)["groups"], ["Two Team"])
    two.refused(fed(), "error.api.user.not.parent.org", "Operation requires the organization that owns the directory")


@claim("R132")
def adobe_ids_are_not_updated():
    """updateIfAlreadyExists on an Adobe ID succeeds and changes nothing"""
    email = make(api, adobe(firstname="Kofi", lastname="Mensah"))
    api.ok(adobe(email, firstname="Other", option="updateIfAlreadyExists"))
    equal(api.user(email)["firstname"], "Kofi")


# Update ---------------------------------------------------------------------------------------------------------------


@claim("R133")
def empty_update():
    """an empty update succeeds, also on an Adobe ID"""
    api.ok(on(make(api, fed()), {"update": {}}), on(make(api, adobe()), {"update": {}}))


@claim("R134")
def names():
    """names change; a key left out changes nothing; an empty name is cleared"""
    email = make(api, fed())
    api.ok(on(email, {"update": {"firstname": "Zoë"}}))
    user = api.user(email)
    equal((user["firstname"], user["lastname"]), ("Zoë", "Roth"))
    api.ok(on(email, {"update": {"lastname": "", "firstname": None}}))
    user = api.user(email)
    equal(user["firstname"], "Zoë")
    true("lastname" not in user, "no last name")


@claim("R135")
def adobe_id_update():
    """update of an Adobe ID is error.update.adobeid.no"""
    email = make(api, adobe())
    api.refused(on(email, {"update": {"firstname": "X"}}), "error.update.adobeid.no", f"Update is not allowed for an Adobe ID: {email}")


@claim("R136")
def country_stays():
    """another country is refused, the same one in any letter case is not"""
    email = make(api, fed())
    api.ok(on(email, {"update": {"country": "de", "lastname": "Neu"}}))
    equal(api.user(email)["lastname"], "Neu")
    api.refused(on(email, {"update": {"country": "FR"}}), "error.update.country.no_update", "Country cannot be updated")


@claim("R137")
def update_keys():
    """option and unknown keys in update are refused, as are values that are no strings"""
    email = make(api, fed())
    api.refused(on(email, {"update": {"option": "ignoreIfAlreadyExists"}}), "error.command.update.option.no", "Option is not allowed in update")
    api.refused(on(email, {"update": {"colour": "blue"}}), "error.command.illegal_entry")
    api.refused(on(email, {"update": {"firstname": 5}}), "error.command.string_expected", "String expected for field: firstname")


@claim("R138", "R139")
def email_and_username_follow():
    """the e-mail moves within the directory, and a username that was the e-mail follows with its domain"""
    email = make(api, fed())
    for new in (f"{fresh()}@fed.example", f"{fresh()}@fed-two.example"):
        api.ok(on(email, {"update": {"email": new}}))
        user = api.user(new)
        equal((user["email"], user["username"], user["domain"]), (new, new, new.split("@")[1]))
        equal(api.user(email), None, "the old e-mail")
        email = new
    command = plain()
    api.ok(command)
    new = f"{fresh()}@fed-two.example"
    api.ok(on(command["user"], {"update": {"email": new}}, domain="fed.example"))
    equal(api.user(new)["username"], command["user"], "a plain username stays")


@claim("R140")
def pinned_username():
    """e-mail and the current username in one step keep the username"""
    email, new = make(api, fed()), f"{fresh()}@fed-two.example"
    api.ok(on(email, {"update": {"email": new, "username": email}}))
    user = api.user(new)
    equal((user["username"], user["domain"]), (email, "fed.example"))


@claim("R141")
def case_only():
    """an e-mail that differs in letter case only succeeds and changes nothing"""
    email = make(api, fed())
    api.ok(on(email, {"update": {"email": email.upper()}}))
    equal(api.user(email)["email"], email)


@claim("R142")
def emails_elsewhere():
    """an e-mail in another directory, an unclaimed domain, or another organization's is refused"""
    email = make(api, fed())
    api.refused(on(email, {"update": {"email": f"{fresh()}@fed-three.example"}}), "error.user.change_domain_update.no",
                "Email cannot be moved to domain: fed-three.example")
    api.refused(on(email, {"update": {"email": f"{fresh()}@nowhere.example"}}), "error.domain.trust.nonexistent", "Domain for email is not claimed")
    api.refused(on(email, {"update": {"email": f"{fresh()}@other.example"}}), "error.user.belongs_to_another_org")
    api.refused(on(email, {"update": {"email": "bad"}}), "error.user.email.invalid")
    api.ok(on(email, {"update": {"email": "", "username": ""}}))


@claim("R143")
def taken():
    """an e-mail or username that is taken is refused"""
    one, other = make(api, fed()), make(api, fed())
    api.refused(on(one, {"update": {"email": other.upper()}}), "error.user.email.name_in_use")
    api.refused(on(one, {"update": {"username": other}}), "error.user.name_in_use", f"User name is already in use: {other}")


@claim("R144")
def enterprise_username():
    """the username of an Enterprise ID is error.update.username.no, unless it is the new e-mail"""
    email = make(api, ent())
    api.refused(on(email, {"update": {"username": f"{fresh()}@ent.example"}}), "error.update.username.no")
    new = f"{fresh()}@ent.example"
    api.ok(on(email, {"update": {"email": new, "username": new}}))
    equal(api.user(new)["username"], new)


@claim("R145")
def username_elsewhere():
    """a username with a domain of another directory, or an unclaimed one, is refused; a plain one keeps the domain"""
    email = make(api, fed())
    api.refused(on(email, {"update": {"username": f"{fresh()}@fed-three.example"}}), "error.update.domain.mismatch")
    api.refused(on(email, {"update": {"username": f"{fresh()}@nowhere.example"}}), "error.domain.trust.nonexistent")
    name = fresh("p")
    api.ok(on(email, {"update": {"username": name}}))
    equal([api.user(email)[key] for key in ("username", "domain")], [name, "fed.example"])
    new = f"{fresh()}@fed-two.example"
    api.ok(on(email, {"update": {"username": new}}))
    equal([api.user(email)[key] for key in ("username", "domain")], [new, "fed-two.example"])


@claim("R146")
def trustee_updates():
    """an update by a trustee is error.user.not_in_org"""
    email = make(api, fed())
    two.ok(on(email, add()))
    two.refused(on(email, {"update": {"lastname": "X"}}), "error.user.not_in_org", f"User is not in organization: {email}")


@claim("R147")
def steps_after_an_email_change():
    """steps after an e-mail change in the same command act on the same account"""
    email, new = make(api, fed()), f"{fresh()}@fed.example"
    api.ok(on(email, {"update": {"email": new}}, add("Design Team"), {"update": {"lastname": "Neu"}}))
    user = api.user(new)
    equal((user["groups"], user["lastname"]), (["Design Team"], "Neu"))


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
