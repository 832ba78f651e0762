"""The create steps: R108–R132."""

from judge import TWO, Api, add, adobe, claim, ent, equal, fed, fresh, judge, make, on, true

api = Api()
two = Api(TWO)


def plain(name=None, domain="fed.example", do=(), **fields):
    """A command that creates a federated user with a plain username."""
    name = name or fresh("p")
    create = {"email": f"{name}@fed.example", "country": "DE", **fields}
    return {"user": name, "domain": domain, "do": [{"createFederatedID": create}, *do]}


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
    api.ok(plain(email="a" * 30 + fresh("") + "@fed.example"))


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


if __name__ == "__main__":
    judge()
