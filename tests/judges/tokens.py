"""Token endpoints and credentials: R301–R343."""

import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import time
import urllib.parse

import jwt
import requests

from judge import (
    BASE, ONE, THREE, TURNING, TWO, Api, Server, apply, basic, claim, context, equal, fed, fresh, integrations, is_postgres, judge, matches,
    soon, true,
)

here = context()
sync = here.keys[ONE]["sync"]
V2, V3, EXCHANGE = "/ims/token/v2", "/ims/token/v3", "/ims/exchange/jwt"


def post(path, data=None, **kwargs):
    return requests.post(here.url + path, data=data, verify=here.ca_file, allow_redirects=False, timeout=30, **kwargs)


def wanted(keys=sync, **fields):
    """The fields of a client-credentials request; one given as None is left out."""
    full = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "grant_type": "client_credentials",
            "scope": "openid,AdobeID,user_management_sdk", **fields}
    return {key: value for key, value in full.items() if value is not None}


def private_key(name):
    return (here.work / f"{name}.key").read_text()


def signed(keys=sync, key="judge", org=ONE, host=None, algorithm="RS256", headers=None, **claims):
    """A JWT as umapi-client makes it; a claim given as None is left out."""
    host = host or here.host
    full = {
        "exp": int(time.time()) + 3600, "iss": org, "sub": keys["technical_account_id"],
        "aud": f"https://{host}/c/{keys['client_id']}", f"https://{host}/s/ent_user_sdk": True, **claims,
    }
    full = {name: value for name, value in full.items() if value is not None}
    secret = private_key(key) if algorithm.startswith("RS") else ("x" * 32 if algorithm != "none" else None)
    return jwt.encode(full, secret, algorithm=algorithm, headers=headers)


def exchange(token, keys=sync, **fields):
    full = {"client_id": keys["client_id"], "client_secret": keys["client_secret"], "jwt_token": token, **fields}
    return post(EXCHANGE, {key: value for key, value in full.items() if value is not None})


def granted(answer):
    """The body of a token answer that must be a success."""
    equal(answer.status_code, 200, f"status ({answer.text})")
    body = answer.json()
    equal(body["token_type"], "bearer")
    true(type(body["expires_in"]) is int, "expires_in is an integer")
    return body


def refused(answer, status, error, description=None):
    equal(answer.status_code, status, f"status ({answer.text})")
    body = answer.json()
    equal(body["error"], error)
    true(isinstance(body["error_description"], str), "a description")
    if description:
        equal(body["error_description"], description)
    true(answer.headers.get("X-Debug-Id"), "X-Debug-Id")
    equal(answer.headers["Content-Type"].replace(" ", ""), "application/json;charset=UTF-8")


def works(token, keys=sync, org=ONE):
    """The status with which the API answers the token."""
    return requests.get(f"{here.url}{BASE}/users/{org}/0", verify=here.ca_file,
                        headers={"Authorization": f"Bearer {token}", "X-Api-Key": keys["client_id"]})


def turning(*lines, prune=False):
    """Describes integrations of the organization TURNING (beside `stays`); returns the new credentials by name."""
    text = f"organizations:\n  - id: {TURNING}\n    name: Judge Turning\n    integrations:\n      - {{name: stays, types: [oauth]}}\n"
    made = apply(here.data, text + "".join(f"      - {line}\n" for line in lines), *(["--prune"] if prune else []))
    return integrations(made).get(TURNING, {})


# All endpoints --------------------------------------------------------------------------------------------------------


@claim("R301")
def with_and_without_slash():
    """the token endpoints answer alike with and without a slash at the end, without redirect"""
    for path in (V2, V3):
        for form in (path, path + "/"):
            granted(post(form, wanted()))
    for path in (EXCHANGE, "/ims/exchange/v1/jwt"):
        for form in (path, path + "/"):
            granted(post(form, {"client_id": sync["client_id"], "client_secret": sync["client_secret"], "jwt_token": signed()}))


@claim("R302")
def three_places_for_parameters():
    """parameters come urlencoded, as multipart form data, or in the query with an empty body"""
    parts = {key: (None, value) for key, value in wanted().items()}
    token = {"client_id": sync["client_id"], "client_secret": sync["client_secret"], "jwt_token": signed()}
    granted(post(V2, wanted()))
    granted(post(V2, files=parts))
    granted(post(V2, params=wanted()))
    granted(post(EXCHANGE, token))
    granted(post(EXCHANGE, files={key: (None, value) for key, value in token.items()}))
    granted(post(EXCHANGE, params=token))


@claim("R302")
def content_types():
    """a charset, another content type, or none at all does not matter"""
    body = urllib.parse.urlencode(wanted())
    for kind in ("application/x-www-form-urlencoded; charset=utf-8", "text/plain", "application/json", None):
        granted(post(V2, body.encode(), headers={"Content-Type": kind}))


@claim("R303")
def body_wins():
    """a body parameter wins over the same one in the query, and the first of two wins"""
    granted(post(V2, wanted(), params={"client_secret": "wrong", "grant_type": "other"}))
    refused(post(V2, wanted(client_secret="wrong"), params=wanted()), 401, "invalid_client")
    granted(post(V2, list(wanted().items()) + [("client_secret", "wrong")]))


@claim("R304")
def errors_have_a_form():
    """every error is JSON with error and error_description and carries X-Debug-Id"""
    seen = set()
    for answer in (post(V2, {}), post(V2, wanted(client_secret="x")), post(V2, wanted(grant_type="x")), post(EXCHANGE, {})):
        true(answer.status_code in (400, 401), "a client error")
        refused(answer, answer.status_code, answer.json()["error"])
        equal(sorted(answer.json()), ["error", "error_description"])
        seen.add(answer.headers["X-Debug-Id"])
    equal(len(seen), 4, "an id each")


@claim("R304")
def unreadable_requests():
    """a broken multipart body and one over 64 KB are 400 bad_request"""
    broken = post(V2, b"--x\r\nnonsense", headers={"Content-Type": "multipart/form-data; boundary=x"})
    refused(broken, 400, "bad_request", "Bad request")
    refused(post(V2, wanted(filler="x" * 70_000)), 400, "bad_request", "Bad request")


@claim("R305")
def not_cached():
    """token answers carry Cache-Control: no-store, refusals too, and unknown parameters are ignored"""
    for answer in (post(V2, wanted(colour="blue")), post(V2, {}), exchange(signed())):
        matches("no-store", answer.headers.get("Cache-Control"), "Cache-Control")


@claim("R306")
def only_post():
    """GET on a token endpoint is 405 with Allow"""
    for path in (V2, V3, EXCHANGE, V2 + "/"):
        answer = requests.get(here.url + path, params=wanted(), verify=here.ca_file)
        equal(answer.status_code, 405, path)
        matches("POST", answer.headers.get("Allow"), "Allow")


@claim("R307")
def secrets_stay_out_of_logs():
    """secrets and tokens do not appear in what the server writes, also when sent in the query"""
    token = granted(post(V2, params=wanted()))["access_token"]
    assertion = signed()
    granted(post(EXCHANGE, params={"client_id": sync["client_id"], "client_secret": sync["client_secret"], "jwt_token": assertion}))
    equal(works(token).status_code, 200)
    post(V2, params=wanted(client_secret="canary-of-a-secret"))
    time.sleep(0.5)
    written = b"".join(path.read_bytes() for path in here.work.glob("server*.log"))
    if is_postgres(here.data):
        stored = subprocess.run(["pg_dump", here.data], check=True, capture_output=True).stdout
    else:
        stored = b"".join(path.read_bytes() for path in pathlib.Path(here.data).rglob("*") if path.is_file())
    true(len(written) > 1000 and len(stored) > 1000, "a log and a database")
    for secret in (sync["client_secret"], token, token.split(".")[2], assertion, assertion.split(".")[2], "canary-of-a-secret"):
        true(secret.encode() not in written, "a secret in the log")
        true(secret.encode() not in stored, "a secret in the database")


# Client credentials ---------------------------------------------------------------------------------------------------


@claim("R308")
def client_credentials():
    """a valid request is answered with a bearer token and its life in seconds"""
    body = granted(post(V2, wanted()))
    true(86_000 <= body["expires_in"] <= 86_400, f"expires_in {body['expires_in']}")
    true(body["access_token"].startswith("ey"), "starts with ey")
    true("refresh_token" not in body, "no refresh token")
    equal(works(body["access_token"]).status_code, 200)


@claim("R309")
def version_3():
    """v3 answers like v2, and takes the client by HTTP Basic; body parameters win"""
    header = {"Authorization": basic(sync["client_id"], sync["client_secret"])}
    for path in (V3, V2):
        body = granted(post(path, {"grant_type": "client_credentials"}, headers=header))
        equal(works(body["access_token"]).status_code, 200)
        wrong = {"Authorization": basic("nobody", "nothing")}
        granted(post(path, wanted(), headers=wrong))


@claim("R310")
def scopes_in_any_form():
    """scopes may be separated by commas, raw or escaped, or blanks, or both"""
    head = f"client_id={sync['client_id']}&client_secret={sync['client_secret']}&grant_type=client_credentials&scope="
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for scope in ("openid,AdobeID,user_management_sdk", "openid%2CAdobeID%2Cuser_management_sdk", "openid+AdobeID+user_management_sdk",
                  "openid%20AdobeID%20user_management_sdk", "openid,%20AdobeID,%20user_management_sdk", "user_management_sdk"):
        body = granted(post(V2, head + scope, headers=form))
        equal(works(body["access_token"]).status_code, 200, f"with {scope}")


@claim("R311")
def scope_not_granted():
    """a scope that was not granted is invalid_scope; without scope the token works with the API"""
    refused(post(V2, wanted(scope="openid,other_sdk")), 400, "invalid_scope", "scope is not allowed for this client")
    for scope in (None, ""):
        equal(works(granted(post(V2, wanted(scope=scope)))["access_token"]).status_code, 200)


@claim("R313")
def wrong_client():
    """an unknown, missing or disabled client is 400 invalid_client, a wrong or missing secret 401"""
    off = here.keys[ONE]["switched off"]
    for fields in ({"client_id": "0" * 32}, {"client_id": None}, {"client_id": ""}):
        refused(post(V2, wanted(**fields)), 400, "invalid_client", "invalid client_id parameter")
    refused(post(V2, wanted(off)), 400, "invalid_client")
    for secret in ("wrong", None, ""):
        refused(post(V2, wanted(client_secret=secret)), 401, "invalid_client", "invalid client_secret parameter")
    refused(post(V2, wanted(client_id=sync["client_id"].upper())), 400, "invalid_client")


@claim("R314")
def wrong_grant():
    """a missing or other grant_type is 400 unsupported_grant_type"""
    for grant in (None, "password", ""):
        refused(post(V2, wanted(grant_type=grant)), 400, "unsupported_grant_type", "unsupported grant_type")
    refused(post(V2, wanted(grant_type="x", client_secret="wrong")), 401, "invalid_client")


# Secrets --------------------------------------------------------------------------------------------------------------


def secrets_path(keys):
    return f"{here.url}/console/organizations/{ONE}/credentials/{keys['client_id']}/secrets"


def keeper():
    keys = here.keys[ONE]["keeper"]
    token = granted(post(V2, wanted(keys, scope="manage_client_secrets,user_management_sdk")))["access_token"]
    session = requests.Session()
    session.verify = here.ca_file
    session.headers.update({"Authorization": f"Bearer {token}", "X-Api-Key": keys["client_id"]})
    return session


def rotating():
    """Credentials of a new integration of the first organization."""
    name = fresh("rotating ")
    made = apply(here.data, f"organizations:\n  - id: {ONE}\n    name: Judge One\n    integrations:\n      - {{name: {name}, types: [oauth]}}\n")
    return integrations(made)[ONE][name]


@claim("R315", "R316", "R342", "R343")
def rotation():
    """a second secret works beside the first; a third is refused; the first goes at once, and the last cannot"""
    session, keys = keeper(), rotating()
    path = secrets_path(keys)
    granted(post(V2, wanted(keys)))
    listed = session.get(path)
    equal(listed.status_code, 200, f"status ({listed.text})")
    equal(listed.json()["client_id"], keys["client_id"])
    (first,) = listed.json()["client_secrets"]
    true(first["created_at"].isdigit() and first["created_at_str"].endswith("Z"), f"times of {first}")
    equal((first["expires_at"], first["expires_at_str"]), ("PERMANENT", "PERMANENT"))
    usage = first["secret_usages"]
    true(usage and usage[0]["grant_type"] == "client_credentials" and usage[0]["last_used_at"].isdigit(), f"use of {first}")
    true(keys["client_secret"] not in listed.text, "the secret itself is not shown")

    made = session.post(path)
    equal(made.status_code, 201, f"status ({made.text})")
    second = made.json()
    equal((second["client_id"], second["secret_usages"]), (keys["client_id"], None))
    matches(r"\A[A-Za-z0-9_-]+\Z", second["client_secret"], "the new secret")
    for secret in (keys["client_secret"], second["client_secret"]):
        granted(post(V2, wanted(keys, client_secret=secret)))
    third = session.post(path)
    equal((third.status_code, third.json()["error"]), (400, "max_secrets"))

    equal(session.delete(f"{path}/{first['uuid']}").status_code, 204)
    refused(post(V2, wanted(keys)), 401, "invalid_client")
    granted(post(V2, wanted(keys, client_secret=second["client_secret"])))
    equal(session.delete(f"{path}/{second['uuid']}").status_code, 400, "the last secret stays")
    equal(session.delete(f"{path}/00000000-0000-4000-8000-000000000000").status_code, 404, "an unknown secret")


@claim("R316")
def who_may_manage_secrets():
    """secrets are managed with the scope for it, in one's own organization only"""
    keys = rotating()
    plain = requests.Session()
    plain.verify = here.ca_file
    token = granted(post(V2, wanted()))["access_token"]
    plain.headers.update({"Authorization": f"Bearer {token}", "X-Api-Key": sync["client_id"]})
    true(plain.get(secrets_path(keys)).status_code in (401, 403), "without the scope")
    true(requests.get(secrets_path(keys), verify=here.ca_file).status_code in (401, 403), "without a token")
    foreign = here.keys[TWO]["sync"]["client_id"]
    answer = keeper().get(f"{here.url}/console/organizations/{TWO}/credentials/{foreign}/secrets")
    true(answer.status_code in (401, 403, 404), f"another organization's answers {answer.status_code}")


@claim("R317")
def form_of_a_secret():
    """a generated secret has only letters, digits, underscores and hyphens; ids have their forms"""
    for organization in here.keys.values():
        for keys in organization.values():
            matches(r"\Ap8e-[A-Za-z0-9_-]{32}\Z", keys["client_secret"], "secret")
            matches(r"\A[0-9a-f]{32}\Z", keys["client_id"], "client id")
            matches(r"\A[0-9A-F]{24}@techacct\.adobe\.com\Z", keys["technical_account_id"], "technical account")


# JWT exchange ---------------------------------------------------------------------------------------------------------


@claim("R318")
def jwt_exchange():
    """a valid JWT is exchanged for a token whose life is told in milliseconds"""
    body = granted(exchange(signed()))
    true(86_000_000 <= body["expires_in"] <= 86_400_000, f"expires_in {body['expires_in']}")
    equal(works(body["access_token"]).status_code, 200)


@claim("R319")
def life_of_a_jwt():
    """exp up to some days ahead is accepted; past, missing, text, milliseconds, and nbf in an hour are refused"""
    now = int(time.time())
    for seconds in (300, 3600, 86_400, 87_000):
        granted(exchange(signed(exp=now + seconds)))
    granted(exchange(signed(iat=now, nbf=now)))
    refused(exchange(signed(exp=now - 1)), 400, "invalid_token", "JWT token has expired")
    refused(exchange(signed(exp=None)), 400, "invalid_token", "JWT token is incorrectly formatted, and can not be decoded.")
    refused(exchange(raw_claims(exp=str(now + 300))), 400, "invalid_token")
    refused(exchange(signed(exp=(now + 300) * 1000)), 400, "invalid_token", "JWT expiry is too far in the future")
    refused(exchange(signed(nbf=now + 3600)), 400, "invalid_token", "JWT token is not yet valid")


def raw_claims(**claims):
    """Like `signed`, with claims that PyJWT would not sign."""
    full = {"exp": int(time.time()) + 300, "iss": ONE, "sub": sync["technical_account_id"],
            "aud": f"https://{here.host}/c/{sync['client_id']}", f"https://{here.host}/s/ent_user_sdk": True, **claims}
    return jwt.PyJWS().encode(json.dumps(full).encode(), private_key("judge"), algorithm="RS256")


@claim("R320")
def audience():
    """aud may name the request's host and port, or the known one; another client or host is refused"""
    granted(exchange(signed(host=here.host)))
    granted(exchange(signed(host="ims-na1.adobelogin.com")))
    granted(exchange(signed(aud=["https://elsewhere.example/c/x", f"https://{here.host}/c/{sync['client_id']}"])))
    granted(exchange(signed(aud=f"https://ims-na1.adobelogin.com/c/{sync['client_id']}")))
    refused(exchange(signed(aud=f"https://{here.host}/c/{'0' * 32}")), 400, "invalid_client", "invalid client_id parameter")
    refused(exchange(signed(host="elsewhere.example")), 400, "invalid_token", "Invalid JWT audience")
    for aud in ("nonsense", None):
        refused(exchange(signed(aud=aud)), 400, "invalid_token", "Invalid JWT audience")


@claim("R321")
def issuer_and_subject():
    """iss and sub must be those of the credential; iss in any letter case"""
    granted(exchange(signed(iss=ONE.lower())))
    other = here.keys[ONE]["jwt only"]["technical_account_id"]
    for claims in ({"iss": TWO}, {"iss": None}, {"sub": other}, {"sub": None}):
        refused(exchange(signed(**claims)), 400, "invalid_token", "Invalid JWT issuer or subject")


@claim("R322")
def metascopes():
    """no metascope, one that is false, and one that is not bound are invalid_scope"""
    name = f"https://{here.host}/s/"
    text = "The metascopes in the JWT are not a subset of the metascopes in the binding."
    refused(exchange(signed(**{name + "ent_user_sdk": None})), 400, "invalid_scope", text)
    refused(exchange(signed(**{name + "ent_user_sdk": False})), 400, "invalid_scope", text)
    refused(exchange(signed(**{name + "ent_other_sdk": True})), 400, "invalid_scope", text)


@claim("R323")
def algorithms():
    """alg none and HS256 are refused"""
    for algorithm in ("none", "HS256"):
        refused(exchange(signed(algorithm=algorithm)), 400, "invalid_token",
                "JWT token is incorrectly formatted, and can not be decoded.")


@claim("R323")
def public_key_as_secret():
    """a JWT signed with HS256 and the certificate as the secret is refused"""
    pem = (here.work / "judge.pem").read_bytes()

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = jwt.decode(signed(), options={"verify_signature": False})
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    token = text + b"." + part(hmac.new(pem, text, hashlib.sha256).digest())
    refused(exchange(token.decode()), 400, "invalid_token")


@claim("R324")
def unknown_signer():
    """a signature by an unknown key is refused in the known words"""
    refused(exchange(signed(key="second")), 400, "invalid_token", "Could not match JWT signature to any of the bindings")
    token = signed()
    refused(exchange(token[:-8] + ("A" * 8)), 400, "invalid_token", "Could not match JWT signature to any of the bindings")


@claim("R325")
def two_certificates():
    """with two certificates either key signs; after one is removed only the other"""
    keys = here.keys[ONE]["two certificates"]
    for key in ("judge", "second"):
        granted(exchange(signed(keys, key), keys))
    name = fresh("turning ")
    keys = turning(f"{{name: {name}, types: [jwt], certificates: [judge.pem, second.pem]}}")[name]
    for key in ("judge", "second"):
        granted(exchange(signed(keys, key, org=TURNING), keys))
    turning(f"{{name: {name}, types: [jwt], certificates: [second.pem]}}", prune=True)
    refused(exchange(signed(keys, "judge", org=TURNING), keys), 400, "invalid_token")
    granted(exchange(signed(keys, "second", org=TURNING), keys))


@claim("R326")
def certificates_out_of_time():
    """certificates that expired or are not yet valid can be kept, and are not accepted"""
    keys = here.keys[ONE]["bad certificates"]
    refused(exchange(signed(keys, "expired"), keys), 400, "invalid_token", "Certificate has expired")
    refused(exchange(signed(keys, "future"), keys), 400, "invalid_token", "Certificate is not yet valid")


@claim("R327")
def no_jwt():
    """garbage and missing jwt_token are 400 invalid_token"""
    for token in (None, "", "garbage", "a.b.c", "..", "ey.ey.ey", "x" * 5000):
        refused(exchange(token), 400, "invalid_token", "JWT token is incorrectly formatted, and can not be decoded.")


@claim("R328")
def replays():
    """iat, jti and kid are not needed, and the same JWT works twice unless jti is required"""
    token = signed()
    granted(exchange(token))
    granted(exchange(token))
    granted(exchange(signed(jti="one", headers={"kid": "whatever"})))
    granted(exchange(signed(jti=5)))
    keys = here.keys[ONE]["once only"]
    token = signed(keys, jti=fresh("jti"))
    granted(exchange(token, keys))
    refused(exchange(token, keys), 400, "invalid_jti", "Invalid jti")
    refused(exchange(signed(keys), keys), 400, "invalid_jti", "Invalid jti")
    refused(exchange(signed(jti=[1])), 400, "invalid_jti", "Invalid jti")


@claim("R329")
def kinds():
    """a wrong secret is 401; a client without the kind of the endpoint is refused there"""
    refused(exchange(signed(), client_secret="wrong"), 401, "invalid_client", "invalid client_secret parameter")
    refused(exchange(signed(), client_id="0" * 32), 400, "invalid_client", "invalid client_id parameter")
    other = here.keys[ONE]["other"]
    refused(exchange(signed(other), other), 401, "invalid_client", "client is not allowed to exchange JWT")
    refused(post(V2, wanted(here.keys[ONE]["jwt only"])), 400, "invalid_client", "invalid client_id parameter")


# Tokens ---------------------------------------------------------------------------------------------------------------


@claim("R330")
def signature():
    """a token is RS256 and verifies against the published keys"""
    token = granted(post(V2, wanted()))["access_token"]
    head = jwt.get_unverified_header(token)
    equal(head["alg"], "RS256")
    published = requests.get(f"{here.url}/ims/keys", verify=here.ca_file).json()["keys"]
    key = next(one for one in published if one["kid"] == head["kid"])
    equal((key["kty"], key["use"], key["alg"]), ("RSA", "sig", "RS256"))
    true("d" not in key, "no private part")
    jwt.decode(token, jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(key)), algorithms=["RS256"])
    true(len(token) < 4096 and token.isprintable() and " " not in token, "short and printable")


@claim("R331")
def claims_of_a_token():
    """the claims have the names and types that tools expect"""
    for token in (granted(post(V2, wanted()))["access_token"], granted(exchange(signed()))["access_token"]):
        claims = jwt.decode(token, options={"verify_signature": False})
        equal((claims["client_id"], claims["user_id"], claims["type"]), (sync["client_id"], sync["technical_account_id"], "access_token"))
        equal(sorted(claims["scope"].split(",")), ["AdobeID", "openid", "user_management_sdk"])
        for name in ("created_at", "expires_in"):
            true(isinstance(claims[name], str) and claims[name].isdigit(), f"{name} is a string of digits")
        true(abs(int(claims["created_at"]) / 1000 - time.time()) < 60, "created_at in milliseconds")
        equal(int(claims["expires_in"]) // 1000 in (86_399, 86_400), True, "expires_in")
        equal((claims["as"], claims["org"]), ("ims-na1", ONE))
        true("exp" not in claims and "iat" not in claims and claims["id"], "no exp, no iat, an id")


@claim("R332")
def several_tokens():
    """two tokens of one client are different, and valid at the same time"""
    first, second = (granted(post(V2, wanted()))["access_token"] for _ in range(2))
    true(first != second, "different")
    equal([works(token).status_code for token in (first, second)], [200, 200])


@claim("R333")
def restart():
    """a token survives a restart of the server, and so does everything else"""
    data = here.work / fresh("restarted")
    server = Server(data, name="restarted").start()
    try:
        made = integrations(apply(data, here.work / "seed.yml"))
        api = Api(server=server, keys=made[ONE]["sync"])
        email = fed()
        api.ok(email)
        users = api.users()["users"]
        equal(server.stop(), 0, "exit code")
        server.start()
        equal(api.users()["users"], users)
        fresh_api = Api(server=server, keys=made[ONE]["sync"])
        equal(fresh_api.user(email["user"])["email"], email["user"])
    finally:
        server.__exit__()


@claim("R335")
def revocation():
    """a revoked token is 401 401013; others of the client go on; an unknown token is no error"""
    first, second = (granted(post(V2, wanted()))["access_token"] for _ in range(2))
    client = {"client_id": sync["client_id"], "client_secret": sync["client_secret"]}
    for path, token in (("/ims/revoke", first), ("/ims/invalidate_token/v2", granted(post(V2, wanted()))["access_token"])):
        equal(works(token).status_code, 200, "before")
        answer = post(path, {"token": token, "token_type_hint": "access_token", **client})
        equal((answer.status_code, answer.json()), (200, {}))
        soon(lambda: works(token).status_code != 200)
        answer = works(token)
        equal((answer.status_code, answer.json()["error_code"]), (401, "401013"), "after")
    equal(works(second).status_code, 200, "another token")
    equal(post("/ims/revoke", {"token": "unknown", **client}).status_code, 200, "an unknown token")
    refused(post("/ims/revoke", {"token": second, **client, "client_secret": "wrong"}), 401, "invalid_client")
    refused(post("/ims/revoke", {"token": second, "client_id": "0" * 32, "client_secret": "x"}), 400, "invalid_client")
    equal(works(second).status_code, 200, "still")


@claim("R335")
def disabled_integration():
    """after an integration is disabled its tokens are 403 403003, and it gets no new ones"""
    name = fresh("turning ")
    keys = turning(f"{{name: {name}, types: [oauth]}}")[name]
    token = granted(post(V2, wanted(keys)))["access_token"]
    equal(works(token, keys, TURNING).status_code, 200)
    turning(f"{{name: {name}, types: [oauth], enabled: false}}")
    soon(lambda: works(token, keys, TURNING).status_code != 200)
    answer = works(token, keys, TURNING)
    equal((answer.status_code, answer.json()["error_code"]), (403, "403003"))
    refused(post(V2, wanted(keys)), 400, "invalid_client")
    # Enabling it again brings back the integration, not the tokens that ended with it.
    turning(f"{{name: {name}, types: [oauth]}}")
    soon(lambda: works(token, keys, TURNING).status_code != 403)
    answer = works(token, keys, TURNING)
    equal((answer.status_code, answer.json()["error_code"]), (401, "401013"), "enabled again")
    equal(works(granted(post(V2, wanted(keys)))["access_token"], keys, TURNING).status_code, 200, "a new token")


@claim("R336")
def tokens_outlive_secrets():
    """deleting a secret leaves the tokens issued with it valid"""
    session, keys = keeper(), rotating()
    token = granted(post(V2, wanted(keys)))["access_token"]
    path = secrets_path(keys)
    first = session.get(path).json()["client_secrets"][0]["uuid"]
    equal(session.post(path).status_code, 201)
    equal(session.delete(f"{path}/{first}").status_code, 204)
    equal(works(token, keys).status_code, 200)


@claim("R337")
def one_organization():
    """a token of one organization is 401 for another, also for one that trusts it"""
    token = granted(post(V2, wanted()))["access_token"]
    for org in (TWO, THREE):
        equal(works(token, sync, org).status_code, 401)


@claim("R338")
def validation():
    """validate_token answers 200 with valid true or false, and the reason"""
    token = granted(post(V2, wanted()))["access_token"]

    def ask(**params):
        return requests.get(f"{here.url}/ims/validate_token/v1", params={"type": "access_token", **params}, verify=here.ca_file)

    body = ask(client_id=sync["client_id"], token=token).json()
    equal(body["valid"], True)
    equal(body["token"]["client_id"], sync["client_id"])
    true(isinstance(body["expires_at"], int) and body["expires_at"] > time.time() * 1000, "expires_at in milliseconds")
    answer = post("/ims/validate_token/v1", {"type": "access_token"},
                  headers={"X-IMS-ClientId": sync["client_id"], "Authorization": f"Bearer {token}"})
    equal(answer.json()["valid"], True, "by headers, with POST")
    head, claims, _ = token.split(".")
    other = here.keys[ONE]["other"]
    for params, reason in (({"token": f"{head}.{claims}.AAAA"}, "bad_signature"), ({"token": "garbage"}, "malformed"),
                           ({"token": token, "client_id": other["client_id"]}, "client_mismatch")):
        answer = ask(**{"client_id": sync["client_id"], **params})
        equal((answer.status_code, answer.json()), (200, {"valid": False, "reason": reason}))
    post("/ims/revoke", {"token": token, "client_id": sync["client_id"], "client_secret": sync["client_secret"]})
    time.sleep(2)
    equal(ask(client_id=sync["client_id"], token=token).json(), {"valid": False, "reason": "revoked"})
    refused(ask(client_id=sync["client_id"]), 400, "bad_request")


@claim("R339")
def discovery():
    """the discovery document names the token and key endpoints, and they work"""
    body = requests.get(f"{here.url}/ims/.well-known/openid-configuration", verify=here.ca_file).json()
    equal(body["grant_types_supported"], ["client_credentials"])
    equal(sorted(body["token_endpoint_auth_methods_supported"]), ["client_secret_basic", "client_secret_post"])
    for name, path in (("token_endpoint", "/ims/token/"), ("jwks_uri", "/ims/keys"), ("revocation_endpoint", "/ims/revoke")):
        true(path in body[name] and body[name].startswith(body["issuer"].split("/ims")[0]), f"{name}: {body[name]}")
    granted(post(urllib.parse.urlsplit(body["token_endpoint"]).path, wanted()))


# Both kinds -----------------------------------------------------------------------------------------------------------


@claim("R340")
def both_kinds():
    """an integration of both kinds gets tokens of the same client and technical account, with the same rights"""
    tokens = [granted(post(V2, wanted()))["access_token"], granted(exchange(signed()))["access_token"]]
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    for name in ("client_id", "user_id", "org", "scope"):
        equal(claims[0][name], claims[1][name], name)
    equal([works(token).status_code for token in tokens], [200, 200])


@claim("R341")
def migration():
    """after the JWT kind is taken away the exchange fails, and OAuth and issued tokens go on"""
    name = fresh("turning ")
    keys = turning(f"{{name: {name}, types: [oauth, jwt], certificates: [judge.pem]}}")[name]
    token = granted(exchange(signed(keys, org=TURNING), keys))["access_token"]
    turning(f"{{name: {name}, types: [oauth], certificates: []}}", prune=True)
    refused(exchange(signed(keys, org=TURNING), keys), 401, "invalid_client", "client is not allowed to exchange JWT")
    granted(post(V2, wanted(keys)))
    equal(works(token, keys, TURNING).status_code, 200)


if __name__ == "__main__":
    judge()
