"""Paths, headers, the order of checks, and request-level failures: R1–R24."""

import http.client
import json
import ssl

import requests

from judge import (
    BASE, MOVING, ONE, THREE, TURNING, Api, apply, claim, context, equal, fed, fresh, integrations, judge,
    matches, on, on_group, soon, true,
)

api = Api()
AUTHENTICATE = 'Bearer realm="JIL", error="invalid_token", error_description="The access token is invalid"'


def answers(answer, status, **fields):
    equal(answer.status_code, status, f"status ({answer.text[:300]})")
    body = answer.json()
    for key, value in fields.items():
        equal(body.get(key), value, key)
    return body


@claim("R1")
def status_page():
    """/status at the root answers an object to anyone, and is not below the base path"""
    answer = requests.get(api.url("/status"), verify=api.server.ca_file)
    equal(answer.status_code, 200)
    true(isinstance(answer.json(), dict), "an object")
    true("X-Request-Id" in answer.headers, "a request id")
    answers(api.get("/status"), 404, result="error.api.not_available", message="No such resource")


@claim("R1")
def unknown_paths():
    """an unknown path is 404 and a wrong method 405 with Allow"""
    for path in ("/nothing", "/nothing/at/all", f"/action/{ONE}/more", f"/{ONE}/nothing"):
        answers(api.get(path), 404, result="error.api.not_available", message="No such resource")
    answer = api.get(f"/action/{ONE}")
    equal(answer.status_code, 405)
    matches("POST", answer.headers.get("Allow"), "Allow")
    answer = api.post(f"/users/{ONE}/0", data="")
    equal(answer.status_code, 405)
    matches("GET", answer.headers.get("Allow"), "Allow")


@claim("R2")
def raw_and_escaped_at():
    """an organization id with @ and with %40 is the same"""
    for org in (ONE, ONE.replace("@", "%40")):
        status, _, body = api.raw("GET", f"/groups/{org}/0")
        equal(status, 200, f"status for {org}")
        equal(json.loads(body)["result"], "success")


@claim("R3")
def letter_case_of_the_organization():
    """the letter case of an organization id does not matter"""
    for org in (ONE.lower(), ONE.upper(), ONE.replace("A", "a")):
        answers(api.get(f"/groups/{org}/0"), 200, result="success")


@claim("R4")
def malformed_organization():
    """a malformed organization id is 400 error.organization.invalid_id"""
    for org in ("1A2B3C4D", "@AdobeOrg", "1A2B!@AdobeOrg", "1A2B@AdobeID", "A" * 65 + "@AdobeOrg"):
        answers(api.get(f"/users/{org}/0"), 400, result="error.organization.invalid_id", message="Bad organization Id")
    answer = api.post("/action/nonsense", json=[])
    answers(answer, 400, result="error.organization.invalid_id", message="Bad organization Id")


@claim("R5")
def foreign_organization():
    """another organization's id, existing or not, is 401 with WWW-Authenticate"""
    for org in (THREE, "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg"):
        answer = api.get(f"/users/{org}/0")
        answers(answer, 401, result="error.unauthorized", message="Failed to authenticate provided token", lastPage=False)
        equal(answer.headers.get("WWW-Authenticate"), AUTHENTICATE, "WWW-Authenticate")


@claim("R6")
def missing_key():
    """a missing or empty X-Api-Key is 403 with 403000"""
    for key in (None, ""):
        answer = api.get(f"/users/{ONE}/0", headers={"X-Api-Key": key})
        answers(answer, 403, error_code="403000", message="Api Key is required")


@claim("R7")
def unknown_and_disabled_key():
    """an unknown key, and that of a disabled integration, is 403 with 403003"""
    off = context().keys[ONE]["switched off"]["client_id"]
    for key in ("0" * 32, "nonsense", off):
        answer = api.get(f"/users/{ONE}/0", headers={"X-Api-Key": key})
        answers(answer, 403, error_code="403003", message="Api Key is invalid", result="error.apikey.invalid")


@claim("R7")
def deleted_key():
    """the key of a deleted integration is 403 with 403003, also with a token it obtained before"""
    name = fresh("passing ")
    start = f"organizations:\n  - id: {TURNING}\n    name: Judge Turning\n    integrations:\n"
    stays = "      - {name: stays, types: [oauth]}\n"
    made = apply(context().data, f"{start}{stays}      - {{name: {name}, types: [oauth]}}\n")
    passing = Api(TURNING, keys=integrations(made)[TURNING][name])
    equal(passing.get(f"/users/{TURNING}/0").status_code, 200, "before")
    apply(context().data, start + stays, "--prune")
    soon(lambda: passing.get(f"/users/{TURNING}/0").status_code != 200)
    answer = passing.get(f"/users/{TURNING}/0")
    answers(answer, 403, error_code="403003", message="Api Key is invalid", result="error.apikey.invalid")


@claim("R8")
def key_of_another_client():
    """a key that is not that of the token's client is 403"""
    other = context().keys[ONE]["other"]["client_id"]
    answer = api.get(f"/users/{ONE}/0", headers={"X-Api-Key": other})
    answers(answer, 403, error_code="403003", result="error.apikey.invalid")


@claim("R9")
def missing_token():
    """a missing token is 401 with 401010 and WWW-Authenticate"""
    for value in (None, "Basic abc", "Bearer", "Bearer "):
        answer = api.get(f"/users/{ONE}/0", headers={"Authorization": value})
        equal(answer.status_code, 401, f"status for {value!r}")
        equal(answer.headers.get("WWW-Authenticate"), AUTHENTICATE, "WWW-Authenticate")
        if value in (None, "Basic abc"):
            answers(answer, 401, error_code="401010", message="Oauth token is missing")


@claim("R10")
def bad_token():
    """a garbage or tampered token is 401 with 401013 and WWW-Authenticate"""
    api.authorize()
    head, claims, signature = api.token.split(".")
    for token in ("garbage", "a.b.c", f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", api.token + "x"):
        answer = api.get(f"/users/{ONE}/0", headers={"Authorization": f"Bearer {token}"})
        answers(answer, 401, error_code="401013", message="Oauth token is not valid")
        equal(answer.headers.get("WWW-Authenticate"), AUTHENTICATE, "WWW-Authenticate")


@claim("R10")
def scheme_in_any_case():
    """the scheme name of Authorization may be written in any letter case"""
    api.authorize()
    for scheme in ("bearer", "BEARER"):
        answers(api.get(f"/groups/{ONE}/0", headers={"Authorization": f"{scheme} {api.token}"}), 200, result="success")


@claim("R11", "R312")
def token_without_scope():
    """a token without the user-management scope is issued, and the API answers it with 403"""
    narrow = Api(scope="openid,AdobeID")
    answers(narrow.get(f"/users/{ONE}/0"), 403, error_code="403003", result="error.apikey.invalid")


@claim("R12")
def migrating():
    """a migrating organization is 403 for reads and actions"""
    moving = Api(MOVING)
    for answer in (moving.get(f"/users/{MOVING}/0"), moving.get(f"/groups/{MOVING}/0"), moving.send([fed()])):
        answers(answer, 403, result="error.organization.migrating", message="Organization is migrating")


@claim("R13")
def request_id_is_echoed():
    """X-Request-Id is echoed unchanged on 200, 400, 401, 403 and 404"""
    mine = "My Request/42; a=b"
    for expected, answer in (
        (200, api.get(f"/groups/{ONE}/0", headers={"X-Request-Id": mine})),
        (400, api.get(f"/users/{ONE}/x", headers={"X-Request-Id": mine})),
        (401, api.get(f"/users/{ONE}/0", headers={"X-Request-Id": mine, "Authorization": None})),
        (403, api.get(f"/users/{ONE}/0", headers={"X-Request-Id": mine, "X-Api-Key": None})),
        (404, api.get(f"/users/{ONE}/0/No%20such%20group", headers={"X-Request-Id": mine})),
        (404, api.get("/nothing", headers={"X-Request-Id": mine})),
        (400, api.post(f"/action/{ONE}", data="[", headers={"X-Request-Id": mine})),
    ):
        equal(answer.status_code, expected)
        equal(answer.headers.get("X-Request-Id"), mine, f"X-Request-Id on {expected}")


@claim("R13")
def long_request_id_is_cut():
    """an X-Request-Id over 512 bytes is echoed shortened"""
    answer = api.get(f"/groups/{ONE}/0", headers={"X-Request-Id": "x" * 600})
    equal(answer.headers.get("X-Request-Id"), "x" * 512)


@claim("R14")
def request_id_is_made():
    """without X-Request-Id the answer carries one of 32 letters and digits, another each time"""
    seen = {api.get(f"/groups/{ONE}/0").headers.get("X-Request-Id") for _ in range(3)}
    equal(len(seen), 3, "different ids")
    for value in seen:
        matches(r"\A[0-9A-Za-z]{32}\Z", value, "X-Request-Id")


@claim("R15")
def header_names_in_any_case():
    """header names are accepted in any letter case"""
    headers = api.authorize()
    for change in (str.lower, str.upper):
        sent = {change(k): v for k, v in headers.items()}
        answer = requests.get(api.url(f"{BASE}/groups/{ONE}/0"), headers=sent, verify=api.server.ca_file)
        answers(answer, 200, result="success")


@claim("R16")
def get_with_content_type():
    """a GET with Content-Type: application/json and no body succeeds"""
    answers(api.get(f"/users/{ONE}/0", headers={"Content-Type": "application/json", "Accept": "text/html"}), 200)


@claim("R17")
def post_with_any_content_type():
    """a POST without Content-Type, or with text/plain, is read as JSON"""
    body = json.dumps([on(f"{fresh()}@fed.example", {"removeFromOrg": {}})])
    for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
        status, _, text = api.raw("POST", f"/action/{ONE}", {"Content-Type": kind}, body)
        equal((status, json.loads(text)["result"]), (200, "success"), f"with {kind}")


@claim("R18")
def sync_marks():
    """Pragma: umapi-sync-start and umapi-sync-end change nothing"""
    for mark in ("umapi-sync-start", "umapi-sync-end"):
        marked = api.get(f"/groups/{ONE}/0", headers={"Pragma": mark})
        equal(marked.json(), api.get(f"/groups/{ONE}/0").json())
        answer = api.post(f"/action/{ONE}", json=[on("nobody@fed.example", {"removeFromOrg": {}})], headers={"Pragma": mark})
        answers(answer, 200, result="success")


@claim("R19")
def no_redirects():
    """no path is answered with a redirect, with or without slashes at its end or doubled in it"""
    for path in (
        f"/users/{ONE}", f"/users/{ONE}/", f"/users/{ONE}/0", f"/users/{ONE}/0/", f"/groups/{ONE}", f"/groups/{ONE}/",
        f"/groups/{ONE}/0/", f"/{ONE}/products", f"/{ONE}/products/", f"/{ONE}/user-groups/", f"//users/{ONE}/0", "", "/",
    ):
        status, headers, _ = api.raw("GET", path)
        true(not 300 <= status < 400, f"{path} answers {status} {headers.get('Location')}")
    status, _, body = api.raw("POST", f"/action/{ONE}/", body=json.dumps([on("nobody@fed.example", {"removeFromOrg": {}})]))
    equal(status, 200, f"an action with a slash at the end ({body})")


@claim("R19")
def slash_at_the_end():
    """a slash at the end of a fixed path is ignored, and a page left out is page 0"""
    wanted = api.get(f"/users/{ONE}/0").json()
    for path in (f"/users/{ONE}", f"/users/{ONE}/", f"/users/{ONE}/0/"):
        equal(api.get(path).json(), wanted, path)
    equal(api.get(f"/groups/{ONE}").json(), api.get(f"/groups/{ONE}/0").json())


@claim("R19")
def zero_bytes():
    """U+0000 in a path, a query, a command or a token request is refused or not found, never a failure of the server"""
    for path in (
        f"/users/{ONE}/0/%00", f"/users/{ONE}/0/_admin_%00", f"/users/{ONE}/0?domain=%00", f"/organizations/{ONE}/users/%00",
        f"/organizations/{ONE}/users/a%00@fed.example", f"/organizations/{ONE}/users/x?domain=%00", f"/{ONE}/user-groups/%00",
        f"/{ONE}/products/%00", f"/{ONE}/users/%00",
    ):
        status, _, body = api.raw("GET", path)
        true(status in (400, 404), f"{path} answers {status} {body}")
    commands = [
        on("a\0@fed.example", {"add": {"group": []}}),
        on("a@fed.example", {"createFederatedID": {"email": "a@fed.example", "country": "DE", "firstname": "A\0"}}),
        on_group("a\0", {"createUserGroup": {}}),
        on_group("a", {"createUserGroup": {"description": "\0"}}),
    ]
    body = api.send(commands).json()
    equal((body["completed"], len(body["errors"])), (0, 4), f"{body}")
    for path in ("/ims/token/v2", "/ims/exchange/jwt"):
        answer = requests.post(context().url + path, data={"client_id": "a\0", "client_secret": "x"}, verify=context().ca_file, timeout=30)
        equal(answer.status_code, 400, path)


@claim("R20")
def bad_pages():
    """a page that is no number, or negative, is 400"""
    answers(api.get(f"/users/{ONE}/abc"), 400, errorCode="INVALID_PARAMETER", errorMessage='For input string: "abc"')
    for page in ("-1", "1.5", "0x1", "%201", "+1"):
        for kind in ("users", "groups"):
            answers(api.get(f"/{kind}/{ONE}/{page}"), 400, errorCode="INVALID_PARAMETER")


@claim("R21")
def direct_only():
    """directOnly is read in any letter case, and anything but true and false is 400"""
    for value in ("True", "TRUE", "true", "False", "false", "FALSE"):
        answers(api.get(f"/users/{ONE}/0", params={"directOnly": value}), 200, result="success")
    for value in ("maybe", "1", ""):
        answers(
            api.get(f"/users/{ONE}/0", params={"directOnly": value}), 400,
            errorCode="INVALID_PARAMETER", errorMessage=f"Invalid value for directOnly: {value}",
        )
    answers(api.get(f"/users/{ONE}/0", params=[("directOnly", "true"), ("directOnly", "maybe")]), 200)


@claim("R22")
def test_only():
    """testOnly=yes is 400 and nothing is done"""
    command = fed()
    for value in ("yes", "", "1"):
        answer = api.send([command], testOnly=value)
        answers(answer, 400, errorCode="INVALID_PARAMETER", errorMessage=f"Invalid value for testOnly: {value}")
    equal(api.user(command["user"]), None, "the user")


@claim("R23")
def unknown_parameters():
    """unknown query parameters are ignored"""
    answers(api.get(f"/groups/{ONE}/0", params={"type": "", "colour": "blue"}), 200, result="success")


@claim("R24")
def content_type_and_route():
    """answers have Content-Type application/json and Canonical-Resource"""
    name = "admin@fed.example"
    for route, answer in (
        ("action/{orgId}", api.send([on(name, {"update": {}})])),
        ("users/{orgId}/{page}", api.get(f"/users/{ONE}/0")),
        ("users/{orgId}/{page}/{groupName}", api.get(f"/users/{ONE}/0/Design%20Team")),
        ("organizations/{orgId}/users/{userstring:.*}", api.get(f"/organizations/{ONE}/users/{name}")),
        ("groups/{orgId}/{page}", api.get(f"/groups/{ONE}/0")),
    ):
        equal(answer.headers["Content-Type"].replace(" ", ""), "application/json;charset=UTF-8", f"Content-Type of {route}")
        equal(answer.headers.get("Canonical-Resource"), f"{BASE}/{route}", "Canonical-Resource")


@claim("R4", "R20")
def order_of_checks():
    """checks come in the documented order: key, token, organization, parameters, body"""
    none = {"X-Api-Key": None, "Authorization": None}
    answers(api.get("/users/bad/abc", headers=none), 403, error_code="403000")
    answers(api.get("/users/bad/abc", headers={"Authorization": None}), 401, error_code="401010")
    answers(api.get("/users/bad/abc"), 400, result="error.organization.invalid_id")
    answers(api.post(f"/action/{ONE}", data="[", params={"testOnly": "x"}), 400, errorCode="INVALID_PARAMETER")
    answers(api.get("/nothing", headers=none), 404)


@claim("R24")
def compression_only_when_wanted():
    """answers are compressed only when the request allows it"""
    headers = {"Accept-Encoding": "identity"}
    true("Content-Encoding" not in api.get(f"/groups/{ONE}/0", headers=headers).headers, "no encoding")
    gzipped = api.get(f"/groups/{ONE}/0", headers={"Accept-Encoding": "gzip"})
    equal(gzipped.json(), api.get(f"/groups/{ONE}/0", headers=headers).json())


@claim("R20")
def malformed_escapes():
    """malformed escapes and invalid UTF-8 in a path are 400"""
    for name in ("%zz", "%ff%fe", "abc%"):
        for path in (f"/users/{ONE}/0/{name}", f"/organizations/{ONE}/users/{name}"):
            status, _, body = api.raw("GET", path)
            equal(status, 400, f"status of {path} ({body[:200]})")


@claim("connection")
def after_an_early_refusal():
    """a request refused before its body was read leaves the connection usable, or says that it is closed"""
    headers = api.authorize()
    for path in ("/nothing", "/action/bad", f"/action/{ONE}?testOnly=yes"):
        for _ in range(10):
            connection = http.client.HTTPSConnection(
                context().host, context=ssl.create_default_context(cafile=context().ca_file), timeout=30)
            connection.request("POST", BASE + path, body="[" + " " * 500 + "]", headers=headers)
            answer = connection.getresponse()
            answer.read()
            true(answer.status in (400, 404), f"status {answer.status} of {path}")
            if "close" in answer.headers.get("Connection", ""):
                continue
            try:
                connection.request("GET", f"{BASE}/groups/{ONE}/0", headers=headers)
                equal(connection.getresponse().status, 200)
            except OSError as problem:
                raise AssertionError(f"after {path} the connection is gone without a word: {problem!r}") from problem
            finally:
                connection.close()


@claim("R80")
def server_stays_up():
    """a body of 10,000 nested arrays, invalid UTF-8 gets an error, and the server stays up"""
    for body in (b"[" * 10_000, b'[{"user":"\xff\xfe"}]', b"\x00" * 100, b'[{"user":' * 5000):
        status, _, text = api.raw("POST", f"/action/{ONE}", {"Content-Type": "application/json"}, body)
        equal((status, json.loads(text)["result"]), (400, "error.command.malformed"), f"for {body[:10]}")
    status, _, _ = api.raw("POST", f"/action/{ONE}", body=b"[" * 10_000 + b"]" * 10_000)
    true(status in (200, 400), f"status {status} for a deeply nested array")
    equal(api.get(f"/groups/{ONE}/0").status_code, 200)


if __name__ == "__main__":
    judge()
