"""What the judges share: claims and how they are reported, servers to judge, and requests to them.

A judge is a file of claims. Each claim has the number of the requirement it shows (docs/umapi-compat.md) and says in its
doc string what is claimed. Claims do not depend on each other: each makes the people and groups it needs.
"""

import base64
import http.client
import itertools
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

import requests

HERE = pathlib.Path(__file__).resolve().parent
ROSTER = os.environ.get("ROSTER_BIN", str(HERE.parent.parent / "target/debug/roster"))
BASE = "/v2/usermanagement"

ONE = "1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"      # the organization most claims are about
TWO = "2A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"      # trusts: may use One's directory "Federated"
THREE = "3A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"    # unrelated
MOVING = "4A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"   # in state migrating
EMPTY = "5A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"    # nobody in it
TURNING = "6A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg"  # its integrations come and go


# Claims ---------------------------------------------------------------------------------------------------------------

CLAIMS = []


def claim(*requirements):
    """Makes a function a claim that shows the requirements named."""

    def register(function):
        CLAIMS.append((requirements, function))
        return function

    return register


def judge():
    """Checks every claim of the file (or those whose number or name contains the first argument) and exits."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = 0
    for requirements, function in CLAIMS:
        if wanted and wanted not in (*requirements, function.__name__):
            continue
        label = f"{' '.join(requirements)} {' '.join((function.__doc__ or function.__name__).split())}"
        try:
            function()
        except Exception as problem:  # whatever a claim raises is that claim's failure
            failed += 1
            print(f"FAIL {label}")
            where = traceback.extract_tb(problem.__traceback__)
            lines = [f"{pathlib.Path(f.filename).name}:{f.lineno}: {f.line}" for f in where if str(HERE) in f.filename]
            for line in [*lines[1:], f"{type(problem).__name__}: {problem}"[:3000]]:
                print(f"     {line}")
        else:
            print(f"ok {label}")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def equal(found, expected, what="value"):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {found!r}")


def soon(check, seconds=3):
    """Waits until `check` is true: what another process changed may take a moment to be seen."""
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.1)


def true(condition, what):
    if not condition:
        raise AssertionError(what)


# Servers --------------------------------------------------------------------------------------------------------------


def work():
    """The folder for everything that a run of the judges writes."""
    return pathlib.Path(os.environ["JUDGE_WORK"])


def is_postgres(data):
    return str(data).startswith("postgres:")


def place(data):
    """The options that say where the data is: a folder, or a PostgreSQL database."""
    if is_postgres(data):
        return ["--database", str(data), "--master-key-file", str(work() / "master.key")]
    return ["--data", str(data)]


class Server:
    """A running `roster serve` with data of its own, or again with that of an earlier one."""

    def __init__(self, data, *options, name="server"):
        self.data, self.options, self.name = str(data), options, name
        if is_postgres(data):
            self.options = ["--tls-cert", str(work() / "tls.pem"), "--tls-key", str(work() / "tls.key"), *options]
        self.process = None

    def start(self):
        ready = pathlib.Path(tempfile.mkdtemp(prefix="ready.", dir=work())) / "ready.json"
        self.log = open(work() / f"{self.name}.log", "ab")
        self.process = subprocess.Popen(
            [ROSTER, "serve", *place(self.data), "--listen", "127.0.0.1:0", "--ready-file", str(ready), *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        deadline = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not get ready; see {self.log.name}")
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        self.url, self.ca_file = told["url"], told["ca_file"] or str(work() / "tls.pem")
        return self

    def stop(self):
        """Asks the server to stop and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.log.close()

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def apply(data, description, *options):
    """`roster org apply` with a description (a path, or YAML text) beside the server; returns the new credentials."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apply.", dir=work()))
    if isinstance(description, str):
        # Beside the certificates, because names in the file are relative to its folder.
        path = work() / f"{folder.name}.yml"
        path.write_text(description)
    else:
        path = description
    credentials = folder / "credentials.json"
    done = subprocess.run(
        [ROSTER, "org", "apply", str(path), *place(data), "--credentials", str(credentials), *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )
    if done.returncode != 0:
        raise AssertionError(f"org apply exits {done.returncode}: {done.stdout}\n{done.stderr}")
    return json.loads(credentials.read_text()) if credentials.exists() else {"organizations": []}


def integrations(credentials):
    """{organization id: {integration name: its credentials}}."""
    return {o["id"]: {i["name"]: i for i in o["integrations"]} for o in credentials["organizations"]}


class Context:
    """The server that run.py started for all judges: where it is, and the keys to it."""

    def __init__(self):
        path = os.environ.get("JUDGE_CONTEXT")
        if not path:
            raise SystemExit("start the judges with tests/judges/run.sh")
        told = json.loads(pathlib.Path(path).read_text())
        self.url, self.ca_file, self.data = told["url"], told["ca_file"], told["data"]
        self.work = work()
        self.credentials = told["credentials"]
        self.keys = integrations(self.credentials)
        self.host = urllib.parse.urlsplit(self.url).netloc


_context = None


def context():
    global _context
    if _context is None:
        _context = Context()
    return _context


# Requests -------------------------------------------------------------------------------------------------------------


class Api:
    """One integration's requests, as a plain script makes them."""

    def __init__(self, org=ONE, integration="sync", server=None, keys=None, scope="openid,AdobeID,user_management_sdk"):
        self.server = server or context()
        self.org = org
        self.keys = keys or context().keys[org][integration]
        self.session = requests.Session()
        # REQUESTS_CA_BUNDLE, for the clients, would win over `verify`.
        self.session.trust_env = False
        self.session.verify = self.server.ca_file
        self.token = None
        self.scope = scope

    def url(self, path):
        return self.server.url + path

    def authorize(self):
        if self.token is None:
            answer = self.session.post(
                self.url("/ims/token/v2"),
                data={
                    "client_id": self.keys["client_id"],
                    "client_secret": self.keys["client_secret"],
                    "grant_type": "client_credentials",
                    "scope": self.scope,
                },
            )
            equal(answer.status_code, 200, f"status of the token request ({answer.text})")
            self.token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self.token}", "X-Api-Key": self.keys["client_id"]}

    def request(self, method, path, params=None, headers=None, **kwargs):
        """A request below the base path; a header given as None is left out."""
        merged = {k: v for k, v in {**self.authorize(), **(headers or {})}.items() if v is not None}
        return self.session.request(
            method, self.url(BASE + path), params=params, headers=merged, allow_redirects=False, timeout=60, **kwargs
        )

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, **kwargs):
        return self.request("POST", path, **kwargs)

    def raw(self, method, target, headers=None, body=None):
        """A request whose target is sent byte for byte; answers (status, headers, body)."""
        merged = {k: v for k, v in {**self.authorize(), **(headers or {})}.items() if v is not None}
        connection = http.client.HTTPSConnection(
            urllib.parse.urlsplit(self.server.url).netloc,
            context=ssl.create_default_context(cafile=self.server.ca_file), timeout=60,
        )
        try:
            connection.request(method, BASE + target, body=body, headers=merged)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    # Reads

    def users(self, page=0, org=None, **params):
        answer = self.get(f"/users/{org or self.org}/{page}", params=params)
        equal(answer.status_code, 200, f"status of the users page ({answer.text[:300]})")
        return answer.json()

    def members(self, group, page=0, **params):
        answer = self.get(f"/users/{self.org}/{page}/{urllib.parse.quote(group, safe='')}", params=params)
        equal(answer.status_code, 200, f"status of the members of {group} ({answer.text[:300]})")
        return answer.json()

    def emails(self, group, **params):
        return sorted(user["email"] for user in self.members(group, **params)["users"])

    def user(self, name, **params):
        answer = self.get(f"/organizations/{self.org}/users/{urllib.parse.quote(name, safe='@')}", params=params)
        if answer.status_code == 404:
            return None
        equal(answer.status_code, 200, f"status of the user {name} ({answer.text[:300]})")
        return answer.json()["user"]

    def groups(self):
        found, page = {}, 0
        while True:
            body = self.get(f"/groups/{self.org}/{page}").json()
            found.update((group["groupName"], group) for group in body["groups"])
            if body["lastPage"]:
                return found
            page += 1

    # Actions

    def send(self, commands, **params):
        """The answer to an action request, whatever it is."""
        return self.post(f"/action/{self.org}", json=commands, params=params)

    def act(self, *commands, **params):
        """The body of the answer to an action request that passed the checks of the request."""
        answer = self.send(list(commands), **params)
        equal(answer.status_code, 200, f"status of the action ({answer.text[:500]})")
        return answer.json()

    def ok(self, *commands, **params):
        """Sends commands that must all succeed, without errors; returns the body."""
        body = self.act(*commands, **params)
        true("errors" not in body, f"no errors expected, got {body}")
        equal(body["result"], "success", f"result of {body}")
        return body

    def refused(self, command, code, message=None, step=None, count=1, **params):
        """Sends one command that must fail with the code; returns its (first) error entry."""
        body = self.act(command, **params)
        found = body.get("errors") or []
        equal([e["errorCode"] for e in found], [code] * count, f"error codes of {body} for {json.dumps(command)[:300]}")
        equal((body["completed"], body["notCompleted"], body["result"]), (0, 1, "error"), "counts")
        if message is not None:
            equal(found[0]["message"], message, "message")
        if step is not None:
            equal(found[0]["step"], step, "step")
        return found[0]


_numbers = itertools.count(1)


def fresh(prefix="u"):
    """A name nobody has used."""
    return f"{prefix}{os.getpid()}x{next(_numbers)}"


def fed(email=None, domain="fed.example", do=(), **fields):
    """A command that creates a federated user, with the steps `do` behind."""
    email = email or f"{fresh()}@{domain}"
    create = {"email": email, "country": "DE", "firstname": "Mira", "lastname": "Roth", **fields}
    return {"user": email, "do": [{"createFederatedID": {k: v for k, v in create.items() if v is not ...}}, *do]}


def ent(email=None, do=(), **fields):
    email = email or f"{fresh()}@ent.example"
    create = {"email": email, "country": "DE", "firstname": "Enno", "lastname": "Ent", **fields}
    return {"user": email, "do": [{"createEnterpriseID": {k: v for k, v in create.items() if v is not ...}}, *do]}


def adobe(email=None, do=(), **fields):
    email = email or f"{fresh()}@nowhere.example"
    return {"user": email, "do": [{"addAdobeID": {"email": email, **fields}}, *do]}


def on(user, *do, **root):
    """A command on an existing user."""
    return {"user": user, **root, "do": list(do)}


def on_group(name, *do, **root):
    return {"usergroup": name, **root, "do": list(do)}


def add(*groups):
    return {"add": {"group": list(groups)}}


def remove(*groups):
    return {"remove": {"group": list(groups)}}


def make(api, command):
    """Carries out a create command and returns the address."""
    api.ok(command)
    return next(iter(command["do"][0].values()))["email"]


def make_group(api, name=None, **fields):
    name = name or fresh("Group ")
    api.ok(on_group(name, {"createUserGroup": fields}))
    return name


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def matches(pattern, text, what):
    true(re.search(pattern, text or ""), f"{what}: {text!r} does not match {pattern!r}")
