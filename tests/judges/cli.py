"""The public command line, umapi-cli 2.2.0, unchanged, over https: R201, R346."""

import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from judge import ONE, Api, add, claim, context, equal, fed, fresh, judge, make, make_group, true

here = context()
api = Api()
UMAPI = pathlib.Path(sys.executable).parent / "umapi"
ENVIRONMENT = {
    **os.environ,
    "UMAPI_CLIENT_ID": here.keys[ONE]["sync"]["client_id"],
    "UMAPI_CLIENT_SECRET": here.keys[ONE]["sync"]["client_secret"],
    "UMAPI_ORG_ID": ONE,
    "UMAPI_URL": f"{here.url}/v2/usermanagement",
    "UMAPI_AUTH_HOST": here.host,
    "PYTHONIOENCODING": "utf-8",
}


def run(*arguments, code=0, settings=None):
    """What umapi prints."""
    done = subprocess.run(
        [UMAPI, *arguments], env={**ENVIRONMENT, **(settings or {})}, stdin=subprocess.DEVNULL, cwd=here.work,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=120,
    )
    equal(done.returncode, code, f"exit code of umapi {' '.join(arguments)} ({done.stdout})")
    return done.stdout


def prints(text, *arguments, **options):
    printed = run(*arguments, **options)
    true(text in printed, f"umapi {' '.join(arguments)} prints {printed!r}, not {text!r}")
    return printed


def table(*rows):
    """The name of a CSV file with these rows, the first of them the header."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", dir=here.work, delete=False, encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return file.name


@claim("R346")
def authentication():
    """umapi authenticates with the usual endpoint and with one that is configured"""
    prints("Design Team", "group-read", "-g", "Design Team")
    prints("Design Team", "group-read", "-g", "Design Team", settings={"UMAPI_AUTH_ENDPOINT": "/ims/token/v3"})
    prints("ERROR", "group-read", "-g", "Design Team", settings={"UMAPI_CLIENT_SECRET": "wrong"})


@claim("R201")
def user_create_without_groups():
    """user-create without groups succeeds for every identity type"""
    for kind, domain in (("federatedID", "fed.example"), ("enterpriseID", "ent.example"), ("adobeID", "nowhere.example")):
        email = f"{fresh()}@{domain}"
        prints("Create operation succeeded", "user-create", "--type", kind, "--email", email, "--country", "SE")
        user = api.user(email)
        equal((user["type"], user["country"], "groups" in user), (kind, "SE", False))


@claim("R201")
def user_create_with_everything():
    """user-create with names, a plain username, a domain and groups, one with a leading blank, succeeds"""
    name = fresh("p")
    prints("Create operation succeeded", "user-create", "--email", f"{name}@fed.example", "--username", name, "--domain", "fed.example",
           "--groups", "Design Team, Photo Suite Extra", "--firstname", "Åsa", "--lastname", "Öberg", "--country", "SE")
    user = api.user(name)
    equal((user["firstname"], user["lastname"], sorted(user["groups"])), ("Åsa", "Öberg", ["Design Team", "Photo Suite Extra"]))


@claim("R201")
def user_update_with_groups_only():
    """user-update with groups only, and with new names, succeeds"""
    email = make(api, fed(do=[add("Design Team")]))
    prints("Update operation succeeded", "user-update", "-e", email, "-g", "Photo Suite Extra,R&D / EU @home", "-G", "Design Team")
    equal(sorted(api.user(email)["groups"]), ["Photo Suite Extra", "R&D / EU @home"])
    new = f"{fresh()}@fed.example"
    prints("Update operation succeeded", "user-update", "-e", email, "-E", new, "-f", "Neu", "-l", "Name")
    user = api.user(new)
    equal((user["firstname"], user["username"]), ("Neu", new))


@claim("R201")
def errors_are_printed():
    """errors are printed with their code and message"""
    printed = prints("One or more errors occurred", "user-update", "-e", "nobody@fed.example", "-f", "X")
    true("error.user.nonexistent" in printed and "User Id does not exist: nobody@fed.example" in printed, printed)


@claim("R201")
def user_read():
    """user-read prints a user, and says when there is none"""
    email = make(api, fed(do=[add("Design Team")]))
    printed = json.loads(run("user-read", "-e", email, "-f", "json"))
    equal((printed["email"], printed["groups"], printed["type"], printed["country"]), (email, ["Design Team"], "federatedID", "DE"))
    prints("No user found", "user-read", "-e", "nobody@fed.example", code=1)


@claim("R201")
def user_read_all():
    """user-read-all prints everybody, or a group's members, as JSON and CSV"""
    email = make(api, fed(lastname="Łącki", do=[add("R&D / EU @home")]))
    file = here.work / f"{fresh()}.csv"
    run("user-read-all", "-o", str(file))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    equal({row["email"] for row in rows}, {user["email"] for user in api.users()["users"]})
    equal([row["lastname"] for row in rows if row["email"] == email], ["Łącki"])
    printed = run("user-read-all", "-f", "json", "-g", "R&D / EU @home")
    equal({json.loads(line)["email"] for line in printed.splitlines() if line.startswith("{")}, set(api.emails("R&D / EU @home")))


@claim("R201")
def group_read():
    """group-read finds a group in any letter case, and group-read-all prints them all"""
    printed = json.loads(run("group-read", "-g", " photo suite STANDARD ", "-f", "json"))
    equal((printed["groupName"], printed["licenseQuota"], printed["productName"]), ("Photo Suite Standard", "2", "Photo Suite"))
    prints("not found", "group-read", "-g", "No Such Group")
    printed = run("group-read-all", "-f", "json")
    equal({json.loads(line)["groupName"] for line in printed.splitlines() if line.startswith("{")}, set(api.groups()))


@claim("R201")
def bulk_users():
    """user-create-bulk, user-update-bulk and user-delete-bulk with blank cells report success"""
    one, other, enterprise = f"{fresh()}@fed.example", f"{fresh()}@fed.example", f"{fresh()}@ent.example"
    rows = [["federatedID", one, "", "", "DE", "", "", ""], ["federatedID", other, "A", "B", "FR", "", "", "Design Team,Photo Suite Extra"],
            ["enterpriseID", enterprise, "", "", "IT", "", "", ""]]
    file = table(["type", "email", "firstname", "lastname", "country", "username", "domain", "groups"], *rows)
    printed = run("user-create-bulk", "-i", file)
    true("Succeeded : 3" in " ".join(printed.split()) and "Error Summary" not in printed, printed)
    equal(sorted(api.user(other)["groups"]), ["Design Team", "Photo Suite Extra"])
    file = table(["email", "email_new", "firstname", "lastname", "username", "add_groups", "remove_groups"],
                 [one, "", "", "", "", "Design Team", ""], [other, "", "New", "", "", "", "Design Team"], [enterprise, "", "", "", "", "", ""])
    printed = run("user-update-bulk", "-i", file)
    true("Error Summary" not in printed, printed)
    equal((api.user(one)["groups"], api.user(other)["groups"], api.user(other)["firstname"]), (["Design Team"], ["Photo Suite Extra"], "New"))
    file = table(["email", "hard_delete"], [one, "Y"], [other, "N"], [enterprise, "y"])
    printed = run("user-delete-bulk", "-i", file)
    true("Error Summary" not in printed, printed)
    equal([api.user(email) for email in (one, other, enterprise)], [None, None, None])


@claim("R201")
def group_commands():
    """group-create, group-update and group-create-bulk report success"""
    name, new, email = fresh("Cli Group "), fresh("Cli Renamed "), make(api, fed())
    prints("Create operation succeeded", "group-create", "--name", name, "--description", "text")
    prints("Create operation succeeded", "group-create", "--name", name)
    prints("Update operation succeeded", "group-update", "-n", name, "-N", new, "-u", email, "-p", "Photo Suite Extra,Video Suite Extra")
    equal(api.emails(new), [email])
    prints("Update operation succeeded", "group-update", "-n", new, "-U", email, "-P", "Photo Suite Extra")
    equal(api.emails(new), [])
    names = [fresh("Cli Bulk ") for _ in range(3)]
    printed = run("group-create-bulk", "-i", table(["name", "description"], [names[0], ""], [names[1], "x"], [names[2], ""]))
    true("Error Summary" not in printed and set(names) <= set(api.groups()), printed)


@claim("R201")
def group_update_bulk_with_blanks():
    """group-update-bulk with blank cells, which become empty lists, reports success"""
    one, other, email = make_group(api), make_group(api), make(api, fed())
    file = table(["name", "name_new", "description", "add_users", "remove_users", "add_profiles", "remove_profiles"],
                 [one, "", "", "", "", "", ""], [other, "", "new text", email, "", "Photo Suite Extra", ""])
    printed = run("group-update-bulk", "-i", file)
    true("Error Summary" not in printed, printed)
    equal(api.emails(other), [email])
    equal(sorted(api.user(email, directOnly="false")["groups"]), sorted([other, "Photo Suite Extra"]))


@claim("R201")
def deletions():
    """user-delete succeeds, and group-delete deletes (the client's own fault after it aside)"""
    email, name = make(api, fed()), make_group(api)
    prints("Delete operation succeeded", "user-delete", "-e", email, "-d")
    equal(api.user(email), None)
    run("group-delete", "-n", name)
    true(name not in api.groups(), "deleted")


@claim("R201")
def test_mode():
    """in test mode user-create succeeds and creates nobody"""
    email = f"{fresh()}@fed.example"
    prints("Create operation succeeded", "-t", "user-create", "--email", email, "--country", "SE", "--groups", "Design Team")
    equal(api.user(email), None)


if __name__ == "__main__":
    judge()
