"""The update step: R133–R147."""

from judge import TWO, Api, add, adobe, claim, ent, equal, fed, fresh, judge, make, on, true

api = Api()
two = Api(TWO)


def plain(name=None, domain="fed.example", do=(), **fields):
    """A command that creates a federated user with a plain username."""
    name = name or fresh("p")
    create = {"email": f"{name}@fed.example", "country": "DE", **fields}
    return {"user": name, "domain": domain, "do": [{"createFederatedID": create}, *do]}


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


if __name__ == "__main__":
    judge()
