"""Starts a server with the judges' organizations, lets every judge look at it, and adds up what they say; then again on
PostgreSQL where there is one (ROSTER_TEST_POSTGRES, as scripts/with-postgres.sh gives it).

    tests/judges/run.sh                # all judges
    tests/judges/run.sh reads tokens   # these two
    tests/judges/run.sh reads R54      # one claim
"""

import datetime
import ipaddress
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import judge

JUDGES = [
    "transport", "reads", "actions", "create", "update", "memberships", "groups", "deprecated", "tokens", "client", "cli",
    "samples", "limits", "program",
]
# These start servers of their own.
SQLITE_ONLY = {"limits"}


def certificate(folder, name, first_day, last_day):
    """A self-signed certificate NAME.pem, valid between two days counted from today, and its key NAME.key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).add_extension(here, critical=False)
        .not_valid_before(now + datetime.timedelta(days=first_day))
        .not_valid_after(now + datetime.timedelta(days=last_day))
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def prepare():
    """A folder with the description of the organizations, certificates and keys."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="roster-judges."))
    for name, first, last in (("judge", -1, 30), ("second", -1, 30), ("expired", -30, -1), ("future", 10, 30), ("tls", -1, 30)):
        certificate(work, name, first, last)
    key = work / "master.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32) + "\n")
    shutil.copy(judge.HERE / "seed.yml", work / "seed.yml")
    os.environ["JUDGE_WORK"] = str(work)
    return work


def look(judges, claims, data):
    """Lets judges look at a server with this data; returns how many claims held and how many failed."""
    passed = failed = 0
    with judge.Server(data).start() as server:
        credentials = judge.apply(data, judge.work() / "seed.yml")
        told = {"url": server.url, "ca_file": server.ca_file, "data": str(data), "credentials": credentials}
        context = judge.work() / "context.json"
        context.write_text(json.dumps(told))
        environment = {**os.environ, "JUDGE_CONTEXT": str(context), "REQUESTS_CA_BUNDLE": server.ca_file}
        for name in judges:
            print(f"-- {name}", flush=True)
            done = subprocess.run(
                [sys.executable, str(judge.HERE / f"{name}.py"), *claims], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1200,
            )
            print(done.stdout, end="", flush=True)
            lines = done.stdout.splitlines()
            bad = sum(line.startswith("FAIL ") for line in lines)
            passed += sum(line.startswith("ok ") for line in lines)
            # A judge that ends badly without a failed claim has failed as a whole.
            failed += bad or (1 if done.returncode else 0)
            if server.process.poll() is not None:
                print(f"FAIL the server stopped with exit code {server.process.returncode}")
                failed += 1
                break
        if server.process.poll() is None and server.stop() != 0:
            print("FAIL the server does not exit with 0 when asked to stop")
            failed += 1
    return passed, failed


def main():
    judges = [name for name in sys.argv[1:] if name in JUDGES] or JUDGES
    claims = [name for name in sys.argv[1:] if name not in JUDGES]
    work = prepare()
    passed, failed = look(judges, claims, work / "data")
    address = os.environ.get("ROSTER_TEST_POSTGRES")
    if address:
        print("-- the same on PostgreSQL")
        database = f"judges_{os.getpid()}"
        subprocess.run(["psql", "-qX", address, "-c", f"CREATE DATABASE {database}"], check=True, stdin=subprocess.DEVNULL)
        more = look([name for name in judges if name not in SQLITE_ONLY], claims, f"{address.rsplit('/', 1)[0]}/{database}")
        passed, failed = passed + more[0], failed + more[1]
    elif os.environ.get("ROSTER_TEST_ALL"):
        print("FAIL no PostgreSQL: run scripts/with-postgres.sh tests/judges/run.sh")
        failed += 1
    if failed:
        print(f"what the server wrote: {work}")
    else:
        shutil.rmtree(work)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
