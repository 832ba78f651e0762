"""Requests in the exact shape of the published samples and the Postman collection: R204, R347, R348."""

import json
import time
import uuid

import jwt
import requests

from judge import BASE, ONE, Api, add, claim, context, equal, fed, fresh, judge, make, make_group, on, true

here = context()
api = Api()
keys = here.keys[ONE]["sync"]
FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


def token_of(answer):
    """How every sample reads an answer: status 200, then JSON."""
    equal(answer.status_code, 200, f"status ({answer.text})")
    return json.loads(answer.text)["access_token"]


def assertion(host, seconds):
    claims = {
        "exp": int(time.time()) + seconds, "iss": ONE, "sub": keys["technical_account_id"],
        "aud": f"https://{host}/c/{keys['client_id']}", f"https://{host}/s/ent_user_sdk": True,
    }
    return jwt.encode(claims, (here.work / "judge.key").read_text(), algorithm="RS256")


def sample_oauth():
    body = (f"grant_type=client_credentials&client_id={keys['client_id']}&client_secret={keys['client_secret']}"
            "&scope=openid,AdobeID,user_management_sdk")
    return token_of(requests.post(f"{here.url}/ims/token/v2", headers=FORM, data=body, verify=here.ca_file))


@claim("R348")
def oauth_sample():
    """the OAuth sample, with its body put together without escaping, obtains a token"""
    true(sample_oauth().startswith("ey"), "a token")


@claim("R348")
def new_jwt_sample():
    """the newer JWT sample, whose audience names the known host whatever host is called, obtains a token"""
    body = (f"client_id={keys['client_id']}&client_secret={keys['client_secret']}"
            f"&jwt_token={assertion('ims-na1.adobelogin.com', 3600)}")
    token_of(requests.post(f"{here.url}/ims/exchange/jwt", headers=FORM, data=body, verify=here.ca_file))


@claim("R348")
def old_jwt_sample():
    """the older JWT sample, with a day of life and the configured host, obtains a token"""
    fields = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "jwt_token": assertion(here.host, 86_400)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cache-Control": "no-cache"}
    token_of(requests.post(f"{here.url}/ims/exchange/jwt", headers=headers, data=fields, verify=here.ca_file))


@claim("R347")
def postman_oauth():
    """the Postman collection's OAuth request, as form data, obtains a token"""
    parts = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "grant_type": "client_credentials",
             "scope": "openid,AdobeID,user_management_sdk"}
    token_of(requests.post(f"{here.url}/ims/token/v2", files={k: (None, v) for k, v in parts.items()}, verify=here.ca_file))


@claim("R347")
def postman_jwt():
    """the Postman collection's JWT request, as form data with 87000 seconds of life, obtains a token"""
    parts = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "jwt_token": assertion(here.host, 87_000)}
    token_of(requests.post(f"{here.url}/ims/exchange/jwt/", files={k: (None, v) for k, v in parts.items()}, verify=here.ca_file))


@claim("R348")
def published_curl():
    """the published curl line, with everything in the query and no body, obtains a token"""
    query = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "grant_type": "client_credentials",
             "scope": "openid,AdobeID,user_management_sdk"}
    session = requests.Session()
    request = session.prepare_request(requests.Request("POST", f"{here.url}/ims/token/v2", params=query))
    request.headers.pop("Content-Length", None)
    token_of(session.send(request, verify=here.ca_file))


class Sample:
    """Calls as the samples make them."""

    def __init__(self):
        self.headers = {"Accept": "application/json", "x-api-key": keys["client_id"], "Authorization": f"Bearer {sample_oauth()}"}

    def call(self, method, path, body=None):
        headers = dict(self.headers)
        if body is not None:
            headers["Content-type"] = "application/json"
        data = json.dumps(body) if body is not None else None
        answer = requests.request(method, here.url + BASE + path, data=data, headers=headers, verify=here.ca_file, timeout=120)
        equal(answer.status_code, 200, f"status ({answer.text[:300]})")
        return json.loads(answer.text)

    def act(self, *commands, test="true"):
        body = self.call("POST", f"/action/{ONE}?testOnly={test}", list(commands))
        equal((body["result"], body["notCompleted"]), ("success", 0), f"{body}")
        return body


def request_id():
    return str(uuid.uuid1())


@claim("R204")
def sample_reads():
    """the samples' loops over users, groups and members end, and read what they need"""
    sample = Sample()
    make(api, fed(do=[add("Design Team")]))
    for path, key in ((f"/users/{ONE}/", "users"), (f"/groups/{ONE}/", "groups")):
        body = sample.call("GET", path + "0")
        true(body["lastPage"] and body[key], "one page")
    for suffix in ("", "?directOnly=true"):
        body = sample.call("GET", f"/users/{ONE}/0/Design%20Team{suffix}")
        true(body["users"] and body["groupName"] == "Design Team", "members")
    equal(sample.call("GET", f"/organizations/{ONE}/users/admin@fed.example")["user"]["email"], "admin@fed.example")


@claim("R204")
def sample_creates():
    """the samples' creates of all three kinds work, rehearsed and in earnest"""
    sample = Sample()
    adobe, enterprise, federated, plain = (fresh() for _ in range(4))
    names = {"country": "US", "firstname": "first", "lastname": "last", "option": "ignoreIfAlreadyExists"}
    commands = [
        {"user": f"{adobe}@nowhere.example", "requestID": request_id(), "do": [{"addAdobeID": {"email": f"{adobe}@nowhere.example", **names}}]},
        {"user": f"{enterprise}@ent.example", "requestID": request_id(), "do": [{"addEnterpriseID": {"email": f"{enterprise}@ent.example", **names}}]},
        {"user": f"{federated}@fed.example", "requestID": request_id(), "do": [{"createFederatedID": {"email": f"{federated}@fed.example", **names}}]},
        {"user": plain, "domain": "fed.example", "requestID": request_id(), "do": [{"createFederatedID": {"email": f"{plain}@fed.example", **names}}]},
    ]
    equal(sample.act(*commands)["completedInTestMode"], 4)
    equal(api.user(f"{federated}@fed.example"), None)
    equal(sample.act(*commands, test="false")["completed"], 4)
    equal(api.user(f"{enterprise}@ent.example")["type"], "enterpriseID")


@claim("R204")
def sample_multi_action():
    """the samples' create, add to a possibly empty list, and removal in one command work, ten to a call"""
    sample = Sample()
    commands = []
    for number in range(10):
        email = f"{fresh()}@fed.example"
        create = {"email": email, "country": "US", "firstname": "a", "lastname": "b", "option": "ignoreIfAlreadyExists"}
        commands.append({"user": email, "requestID": request_id(), "do": [
            {"createFederatedID": create}, {"add": {"group": ["Design Team"] if number % 2 else []}}, {"removeFromOrg": {"deleteAccount": True}}]})
    equal(sample.act(*commands, test="false")["completed"], 10)
    equal(sample.act(*commands)["completedInTestMode"], 10)


@claim("R204")
def sample_update():
    """the sample's update of e-mail and username together, in different domains, works"""
    email, new, username = make(api, fed()), f"{fresh()}@fed-two.example", f"{fresh()}@fed.example"
    Sample().act({"user": email, "requestID": request_id(), "do": [{"update": {"username": username, "email": new}}]}, test="false")
    user = api.user(new)
    equal((user["email"], user["username"], user["domain"]), (new, username, "fed.example"))


@claim("R204")
def older_samples():
    """the older samples' requests work: creates without option, removal with an empty object, adds by group"""
    sample, email = Sample(), f"{fresh('ABC')}@ent.example"
    body = sample.call("POST", f"/action/{ONE}", [{"user": email, "do": [
        {"createEnterpriseID": {"email": email, "country": "US", "firstname": "John", "lastname": "Doe"}},
        {"add": {"group": ["Design Team", "Photo Suite Extra"]}}]}])
    equal(body["result"], "success")
    for steps in ([{"update": {"firstname": "Jane"}}], [{"remove": {"group": ["Design Team"]}}], [{"removeFromOrg": {}}]):
        equal(sample.call("POST", f"/action/{ONE}", [{"user": email, "do": steps}])["result"], "success")
    equal(api.user(email), None)
    body = sample.call("GET", f"/users/{ONE}/0/Design%20Team")
    true("groups" in str(body) and "lastPage" in body, "what the group sample prints")


@claim("R204")
def postman_actions():
    """every action of the Postman collection passes in its test mode"""
    sample, email = Sample(), make(api, fed(do=[add("Design Team")]))
    group = make_group(api)
    names = {"country": "US", "firstname": "First", "lastname": "Last", "option": "ignoreIfAlreadyExists"}
    one = f"{fresh()}@fed.example"
    create = {"createFederatedID": {"email": one, **names}}
    for number, steps in enumerate((
        [{"update": {"email": f"{fresh()}@fed-two.example", "firstname": "a", "lastname": "b", "username": fresh()}}],
        [add("Design Team", "Photo Suite Extra")], [{"remove": {"group": ["Design Team"]}}], [{"remove": "all"}],
        [{"removeFromOrg": {"deleteAccount": False}}], [{"removeFromOrg": {"deleteAccount": True}}],
        [add("Photo Suite Extra", "_support_admin", "Design Team"), {"remove": {"group": ["_product_admin_Photo Suite"]}},
         {"update": {"username": fresh(), "lastname": "new"}}],
    )):
        sample.act({"user": email, "requestID": f"action_{number}", "do": steps})
    sample.act({"user": one, "requestID": "action_12", "do": [
        create, add("Photo Suite Extra", "_support_admin", "Design Team"), {"update": {"username": fresh()}}]})
    sample.act({"user": f"{fresh()}@fed-two.example", "requestID": "action_3", "do": [create]})
    sample.act({"user": "not an e-mail", "domain": "fed.example", "requestID": "action_2", "do": [create]})
    commands = []
    for number in range(10):
        each = f"{fresh()}@fed.example"
        commands.append({"user": each, "requestID": f"action_14_{number}", "do": [
            {"createFederatedID": {"email": each, **names}}, add("Photo Suite Extra")]})
    sample.act(*commands)
    sample.act({"usergroup": fresh("New "), "requestID": "a", "do": [{"createUserGroup": {"description": "edit here"}}]})
    sample.act({"usergroup": group, "requestID": "b", "do": [{"updateUserGroup": {"description": "new", "name": fresh("New ")}}]})
    sample.act({"usergroup": group, "requestID": "c", "do": [{"deleteUserGroup": {}}]})


@claim("R204")
def connectors_of_other_products():
    """connectors that send name and option, batch ten adds and page until Not found are served"""
    sample = Sample()
    name = fresh("Connector ")
    sample.act({"usergroup": name, "do": [{"createUserGroup": {"name": name, "option": "ignoreIfAlreadyExists"}}]}, test="false")
    people = [make(api, fed()) for _ in range(10)]
    sample.act(*[on(email, add(name)) for email in people], test="false")
    equal(api.emails(name), sorted(people))
    page, found = 0, []
    while True:
        body = sample.call("GET", f"/groups/{ONE}/{page}")
        if body["result"] == "Not found":
            break
        found += body["groups"]
        page += 1
    true(name in {group["groupName"] for group in found}, "all groups")


if __name__ == "__main__":
    judge()
