"""The program as an operator meets it: starting, stopping, describing organizations, and the pages beside the API."""

import json
import os
import pathlib
import re
import signal
import socket
import ssl
import stat
import subprocess
import urllib.parse

import requests

from judge import ONE, ROSTER, THREE, Api, Server, add, apply, claim, context, equal, fed, fresh, integrations, judge, make, matches, place, true

here = context()


def roster(*arguments, code=0, **options):
    """(standard output, standard error) of the program."""
    done = subprocess.run([ROSTER, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **options)
    equal(done.returncode, code, f"exit code of roster {' '.join(map(str, arguments))} ({done.stdout}\n{done.stderr})")
    return done.stdout, done.stderr


def get(path, **options):
    return requests.get(here.url + path, verify=here.ca_file, timeout=30, **options)


def described(text, code=0):
    """Applies a description that is expected to end so; returns what was printed."""
    file = here.work / "described.yml"
    file.write_text(text)
    out, err = roster("org", "apply", file, *place(here.data), code=code)
    return out + err


# Starting and stopping ------------------------------------------------------------------------------------------------


@claim("serve")
def ready_and_modes():
    """READY is printed, the ready file is complete, and the data folder and its keys are readable by the owner only"""
    data = here.work / fresh("fresh")
    with Server(data, name="server-fresh") as server:
        text = (here.work / "server-fresh.log").read_text()
        matches(rf"(?m)^READY {re.escape(server.url)}$", text, "standard output")
        matches(r"\Ahttps://127\.0\.0\.1:\d+\Z", server.url, "url")
        equal(pathlib.Path(server.ca_file), (data / "tls/ca.pem").resolve())
        for path in [data, *data.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = (0o700,) if path.is_dir() else (0o600, 0o644) if path.suffix == ".pem" and "key" not in path.name else (0o600,)
            true(mode in wanted, f"mode {mode:o} of {path}")
        authority = pathlib.Path(server.ca_file).read_text()
        for sign in (signal.SIGTERM, signal.SIGINT):
            server.process.send_signal(sign)
            equal(server.process.wait(15), 0, f"exit code after {sign.name}")
            server.start()
            equal(pathlib.Path(server.ca_file).read_text(), authority, "the same authority after a restart")


@claim("serve")
def refused_starts():
    """a port in use, an unknown setting and a broken one end with exit code 2, and say what to do"""
    port = urllib.parse.urlsplit(here.url).port
    _, err = roster("serve", "--data", here.work / "never", "--listen", f"127.0.0.1:{port}", code=2)
    true(str(port) in err, err)
    settings = here.work / "settings.toml"
    settings.write_text("page_size_user = 5\ntoken_ttl = \"soon\"\n")
    _, err = roster("serve", "--data", here.work / "never", "--listen", "127.0.0.1:0", "--config", settings, code=2)
    for wanted in ("page_size_user", "page_size_users", "token_ttl", "settings.toml:1", "settings.toml:2"):
        true(wanted in err, f"{wanted!r} in {err}")
    roster("serve", "--no-such-flag", code=2)


@claim("serve")
def tls():
    """the certificate is good for localhost, 127.0.0.1 and ::1; HTTP/2 is offered; nothing older than TLS 1.2"""
    port = urllib.parse.urlsplit(here.url).port

    def connect(name, **options):
        wrap = ssl.create_default_context(cafile=here.ca_file)
        wrap.set_alpn_protocols(["h2", "http/1.1"])
        for key, value in options.items():
            setattr(wrap, key, value)
        with socket.create_connection(("127.0.0.1", port), 10) as plain, wrap.wrap_socket(plain, server_hostname=name) as secure:
            return secure.selected_alpn_protocol(), secure.version()

    for name in ("127.0.0.1", *(() if here.data.startswith("postgres:") else ("localhost", "::1"))):
        equal(connect(name)[0], "h2", f"protocol for {name}")
    equal(connect("127.0.0.1", maximum_version=ssl.TLSVersion.TLSv1_2)[1], "TLSv1.2")
    try:
        connect("127.0.0.1", minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    except (ssl.SSLError, OSError):
        pass
    else:
        raise AssertionError("TLS 1.1 was accepted")


@claim("serve")
def curl_speaks_both_protocols():
    """curl reads /status over HTTP/1.1 and, where it can, HTTP/2"""
    for flag in ("--http1.1", "--http2"):
        done = subprocess.run(["curl", "-sS", flag, "--cacert", here.ca_file, f"{here.url}/status"], capture_output=True, text=True, timeout=30)
        equal((done.returncode, json.loads(done.stdout)["state"]), (0, "LIVE"), done.stderr)


@claim("serve")
def plain_http():
    """with --tls off the server speaks plain http, and works"""
    with Server(here.work / fresh("plain"), "--tls", "off", name="server-plain") as server:
        true(server.url.startswith("http://"), server.url)
        keys = integrations(apply(server.data, here.work / "seed.yml"))
        equal(Api(server=server, keys=keys[ONE]["sync"]).users()["result"], "success")


# Beside the API -------------------------------------------------------------------------------------------------------


@claim("pages")
def health():
    """/livez and /readyz answer 200, and /metrics counts requests in the usual format"""
    for path in ("/livez", "/readyz"):
        equal(get(path).status_code, 200, path)
    Api().users()
    text = get("/metrics").text
    matches(r"(?m)^# TYPE \w+ (counter|histogram|summary)$", text, "metrics")
    true(ONE not in text and "fed.example" not in text, "no organization and no person in the metrics")


@claim("pages")
def openapi():
    """/openapi.json is OpenAPI 3.1 and has every path, each answered as something else than unknown"""
    document = get("/openapi.json").json()
    true(document["openapi"].startswith("3.1"), document["openapi"])
    paths = set(document["paths"])
    base = "/v2/usermanagement"
    wanted = {
        "/status", "/ims/token/v2", "/ims/token/v3", "/ims/exchange/jwt", "/ims/validate_token/v1", "/ims/keys",
        "/ims/.well-known/openid-configuration", "/ims/revoke", f"{base}/action/{{orgId}}", f"{base}/users/{{orgId}}/{{page}}",
        f"{base}/users/{{orgId}}/{{page}}/{{groupName}}", f"{base}/groups/{{orgId}}/{{page}}", f"{base}/{{orgId}}/users",
        f"{base}/{{orgId}}/user-groups", f"{base}/{{orgId}}/user-groups/{{groupId}}", f"{base}/{{orgId}}/products",
        f"{base}/{{orgId}}/products/{{productId}}/configurations", f"{base}/{{orgId}}/invites",
    }
    equal(sorted(wanted - paths), [], "missing paths")
    true(any(path.startswith(f"{base}/organizations/{{orgId}}/users/") for path in paths), "the single user")
    for path, item in document["paths"].items():
        for method in set(item) & {"get", "post", "put", "delete"}:
            true(item[method].get("responses"), f"answers of {method} {path}")
        # A parameter of any name gets a value; an unknown route would be a 404 with its own code.
        answer = requests.options(here.url + re.sub(r"\{[^}]*\}", "0", path), verify=here.ca_file, timeout=30)
        true("error.api.not_available" not in answer.text, f"{path} is a route")


# Describing organizations ---------------------------------------------------------------------------------------------


@claim("org apply")
def again():
    """the same description twice changes nothing and makes no secrets; credentials are readable by the owner only"""
    data = here.work / fresh("described")
    with Server(data, name="server-described"):
        credentials = here.work / "described.json"
        out, _ = roster("org", "apply", here.work / "seed.yml", "--data", data, "--credentials", credentials)
        true(out.strip(), "it prints what it changed")
        equal(stat.S_IMODE(credentials.stat().st_mode), 0o600, "mode of the credentials")
        told = json.loads(credentials.read_text())
        one = next(entry for entry in told["organizations"] if entry["id"] == ONE)
        equal(one["name"], "Judge One")
        equal([sorted(entry) for entry in one["integrations"][:1]], [["client_id", "client_secret", "name", "technical_account_id"]])
        equal([sorted(entry) for entry in one["administrators"]], [["email", "password"]])
        credentials.unlink()
        roster("org", "apply", here.work / "seed.yml", "--data", data, "--credentials", credentials)
        if credentials.exists():
            again = integrations(json.loads(credentials.read_text()))
            equal([entry for entry in again.values() if entry], [], "new credentials")
        exported, _ = roster("org", "export", ONE, "--data", data)
        true("client_secret" not in exported or "p8e-" not in exported, "no secret in an export")


@claim("org export")
def export_and_apply():
    """what is exported can be applied elsewhere and exported again, the same"""
    data = here.work / fresh("copied")
    exported, _ = roster("org", "export", THREE, *place(here.data))
    for expected in (THREE, "Judge Three", "other.example", "Three Team"):
        true(expected in exported, f"{expected} in {exported}")
    with Server(data, name="server-copied"):
        apply(data, exported)
        again, _ = roster("org", "export", THREE, "--data", data)
        equal(again, exported)


@claim("org apply")
def all_problems_at_once():
    """a broken description ends with exit code 2, lists every problem with line and column, and applies nothing"""
    text = f"""organizations:
  - id: {ONE}
    name: Judge One
    colour: blue
    user_groups:
      - name: Never Made
      - nam: Misspelt
    products:
      - name: Never Sold
        code: X
        profiles: [{{name: P, quota: many}}]
"""
    printed = described(text, code=2)
    for wanted in (":4:", ":7:", ":11:", "colour", "nam", "quota"):
        true(wanted in printed, f"{wanted!r} in {printed}")
    for text in ("organizations: [", "organizations:\n  - name: A\n   id: x\n", "- a\n", ""):
        described(text, code=2)
    true("Never Made" not in Api().groups(), "nothing was applied")


@claim("org apply")
def contradictions():
    """a domain that another organization claims, and a profile that does not exist, are named and nothing is applied"""
    printed = described(f"organizations:\n  - id: {THREE}\n    name: Judge Three\n    directories:\n"
                        f"      - {{name: Stolen, type: federated, domains: [fed.example]}}\n    user_groups:\n"
                        f"      - {{name: Lost, profiles: [No Such Profile]}}\n", code=2)
    true("fed.example" in printed, printed)
    true("Lost" not in Api(THREE).groups(), "nothing was applied")


@claim("org apply")
def people_are_never_removed():
    """--prune removes what an earlier description made, never people and never what the API made"""
    api = Api()
    email = make(api, fed())
    mine = f"Api Group {email[:8]}"
    api.ok({"usergroup": mine, "do": [{"createUserGroup": {}}, {"add": {"user": [email]}}]})
    seed = (here.work / "seed.yml").read_text()
    apply(here.data, seed.replace("      - name: Design Team\n", "      - name: Pruned Team\n      - name: Design Team\n", 1))
    true("Pruned Team" in api.groups(), "made")
    # Other claims have made a good deal since, which counts as what this file has lost.
    apply(here.data, here.work / "seed.yml", "--prune", "--max-removals", "1000")
    groups = api.groups()
    true("Pruned Team" not in groups and mine in groups and "Design Team" in groups, "only what was described is gone")
    equal(api.emails(mine), [email])


@claim("verify")
def verify():
    """after all this, the tables agree with each other, with the counters and with the log"""
    make(Api(), fed(do=[add("Photo Suite Standard")]))
    roster("verify", *place(here.data), env={**os.environ, "NO_COLOR": "1"})


if __name__ == "__main__":
    judge()
