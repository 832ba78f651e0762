//! `roster demo`: the main job, in an empty folder, with nothing but this program.
//!
//! The server runs inside; describing and syncing are done by the commands that anybody would type, shown before
//! they run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use roster_core::value::{Key, OrgNo};
use roster_server::crypto::file::write_private;
use roster_store::Store;
use roster_store::listing::Position;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::cli;
use crate::command::serve::{self, Running};
use crate::ui::{self, Exit, hinted};

const FILES: [(&str, &str); 5] = [
    (
        "organization.yml",
        include_str!("../../../../demo/organization.yml"),
    ),
    ("people.csv", include_str!("../../../../demo/people.csv")),
    (
        "people-changed.csv",
        include_str!("../../../../demo/people-changed.csv"),
    ),
    (
        "user-sync-config.yml",
        include_str!("../../../../demo/user-sync-config.yml"),
    ),
    (
        "connector-csv.yml",
        include_str!("../../../../demo/connector-csv.yml"),
    ),
];
const CONNECTOR: &str = include_str!("../../../../demo/connector-umapi.yml");
const ORG: &str = "5D0C9A7E41B2836F10AD4E77@AdobeOrg";

/// People shown of the list of who has what.
const PEOPLE: u64 = 12;

pub(crate) async fn run(args: &cli::Demo) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let folder = &std::fs::canonicalize(folder)?;
    for (name, text) in FILES {
        write_once(&folder.join(name), text)?;
    }
    let demo = Show {
        folder: folder.clone(),
    };
    step("A server starts, with SQLite and TLS");
    let running = serve::start_demo(&folder.join("data"), &args.listen).await?;
    ui::say(format_args!("  it answers at {}", running.url));

    step("An organization is described to it: directories, products with seats, user groups, an integration");
    demo.describe(&running).await?;

    step("A thousand people of a CSV file flow in");
    demo.sync(&running).await?;

    ui::out("\n== Who has access to what\n");
    let org = report(&running.store).await?;
    people(&running.store, org).await?;

    demo.what_next(&running, args.once);
    if args.once {
        running.stop().await?;
        return Ok(Exit::Done);
    }
    ui::say("\nThe server keeps running. Ctrl-C stops it; the same command continues with the same data.");
    running.until_stopped().await?;
    Ok(Exit::Done)
}

fn step(title: &str) {
    ui::say(format_args!("\n== {title}"));
}

/// What somebody has changed since is theirs.
fn write_once(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

struct Show {
    folder: PathBuf,
}

impl Show {
    async fn describe(&self, running: &Running) -> anyhow::Result<()> {
        let credentials = self.folder.join("credentials.json");
        let mut words = vec!["org", "apply", "organization.yml", "--data", "data"];
        // Secrets are shown once, so a second run must not write over the first one's.
        if !credentials.exists() {
            words.extend(["--credentials", "credentials.json"]);
        }
        self.roster(&words, running).await?;
        let made = std::fs::read(&credentials).context("the credentials of the first run are gone")?;
        let made: serde_json::Value =
            serde_json::from_slice(&made).context("credentials.json is not readable")?;
        let field = |name: &str| {
            made.pointer(&format!("/organizations/0/integrations/0/{name}"))
                .and_then(serde_json::Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| {
                    hinted(
                        format!("{} names no {name}", credentials.display()),
                        "remove the folder of the demonstration to begin anew",
                    )
                })
        };
        let host = running.url.split("://").nth(1).unwrap_or_default();
        let connector = CONNECTOR
            .replace("{{host}}", host)
            .replace("{{org_id}}", ORG)
            .replace("{{client_id}}", &field("client_id")?)
            .replace("{{client_secret}}", &field("client_secret")?);
        let path = self.folder.join("connector-umapi.yml");
        // It holds the integration's secret.
        write_private(&path, connector.as_bytes())
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    async fn sync(&self, running: &Running) -> anyhow::Result<()> {
        self.roster(&["sync"], running).await
    }

    /// Runs this very program in the folder, showing what was typed.
    async fn roster(&self, words: &[&str], running: &Running) -> anyhow::Result<()> {
        ui::say(format_args!("  $ roster {}", words.join(" ")));
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(std::io::stderr());
        if let Some(ca) = &running.ca_file {
            command
                .env("SSL_CERT_FILE", ca)
                .env_remove("REQUESTS_CA_BUNDLE")
                .env_remove("CURL_CA_BUNDLE");
        }
        // A proxy for the outside world has no business on this machine.
        command.env("NO_PROXY", "127.0.0.1,localhost");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // Both streams at once: a child must not wait for somebody to read the other one.
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (status, (), ()) = tokio::try_join!(child.wait(), relay(out), relay(err))?;
        if status.success() {
            return Ok(());
        }
        Err(hinted(
            format!("`roster {}` ended with {status}", words.join(" ")),
            format!(
                "see the messages above; the files are in {}",
                self.folder.display()
            ),
        ))
    }

    /// Commands to paste: flush with the margin, and for any shell.
    fn what_next(&self, running: &Running, once: bool) {
        let folder = quoted(&self.folder);
        let url = &running.url;
        let host = url.split("://").nth(1).unwrap_or_default();
        let ca = quoted(running.ca_file.as_deref().unwrap_or(Path::new("ca.pem")));
        let program = std::env::current_exe().map_or_else(|_| "roster".to_owned(), |path| quoted(&path));
        let credentials = quoted(&self.folder.join("credentials.json"));
        step("What to try next");
        ui::say(format_args!(
            "  server       {url}\n  organization {ORG}\n  credentials  {credentials}\n  trust        {ca}"
        ));
        if once {
            ui::say("  The server stops now; without --once it keeps running, and these commands find it.");
        }
        ui::say("\n1. Ask with curl who waits for a licence of Photo Studio:\n");
        ui::say(format_args!(
            r#"cd {folder}
KEYS='import json; made = json.load(open("credentials.json"))["organizations"][0]["integrations"][0]; print(made["'
ID=$(python3 -c "${{KEYS}}client_id\"])"); SECRET=$(python3 -c "${{KEYS}}client_secret\"])")
TOKEN=$(curl -s --cacert {ca} {url}/ims/token/v2 -d grant_type=client_credentials -d client_id=$ID -d client_secret=$SECRET | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl -s --cacert {ca} -H "Authorization: Bearer $TOKEN" -H "X-Api-Key: $ID" \
  '{url}/v2/usermanagement/users/{ORG}/0/Photo%20Studio?directOnly=false&status=inactive' |
  python3 -c 'import json, sys; users = json.load(sys.stdin)["users"]; print(len(users), "wait:", *[user["email"] for user in users[:5]], "...")'"#
        ));
        ui::say("\n2. Use the Python client as it is; the first line installs it:\n");
        ui::say(format_args!(
            r#"cd {folder} && python3 -m venv venv && venv/bin/pip install umapi-client
REQUESTS_CA_BUNDLE={ca} venv/bin/python - <<'PYTHON'
import json, umapi_client
made = json.load(open("credentials.json"))["organizations"][0]["integrations"][0]
auth = umapi_client.OAuthS2S(made["client_id"], made["client_secret"], auth_host="{host}")
org = umapi_client.Connection("{ORG}", auth, endpoint="{url}/v2/usermanagement")
print(sum(1 for user in umapi_client.UsersQuery(org)), "people")
PYTHON"#
        ));
        ui::say("\n3. Sync a changed directory: people came, left, changed their names and groups:\n");
        ui::say(format_args!(
            "cd {folder} && SSL_CERT_FILE={ca} {program} sync --connector csv people-changed.csv"
        ));
    }
}

/// A path as a shell takes it, whatever is in it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Shows a command's lines: of a line for each person only every hundredth, of a line for each described thing only
/// how many there were.
async fn relay(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let mut lines = BufReader::new(stream).lines();
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    while let Some(line) = lines.next_line().await? {
        let each_person = line.contains("Queuing ");
        let between = line.contains("actions completed") && !line.contains("00/") && !line.contains("(100%)");
        // What a description brings in one by one is counted below.
        let things = ["product `", "profile `", "user group `", "domain "];
        if let Some(thing) = things.iter().find(|thing| line.contains(&format!(": {thing}"))) {
            *counted
                .entry(if line.contains(" linked to ") {
                    "link"
                } else {
                    thing.trim_end_matches([' ', '`'])
                })
                .or_insert(0) += 1;
        } else if !each_person && !between {
            ui::say(format_args!("  {line}"));
        }
    }
    if !counted.is_empty() {
        let counts: Vec<String> = counted
            .iter()
            .map(|(thing, count)| format!("{count} {thing}s"))
            .collect();
        ui::say(format_args!("  … {}", counts.join(", ")));
    }
    Ok(())
}

async fn report(store: &Store) -> anyhow::Result<OrgNo> {
    let (org, rows) = store
        .read(|reader| {
            let org = reader
                .find_org(&Key::new(ORG))?
                .map(|org| org.no)
                .unwrap_or_default();
            let mut rows = Vec::new();
            reader.profile_seats(org, &mut |seats| {
                let quota = |quota: Option<i64>| {
                    quota.map_or_else(|| "unlimited".to_owned(), |quota| quota.to_string())
                };
                rows.push([
                    seats.product.to_owned(),
                    seats.profile.to_owned(),
                    quota(seats.quota),
                    seats.held.to_string(),
                    seats.waiting.to_string(),
                ]);
            })?;
            Ok((org, rows))
        })
        .await?;
    let mut table = table(["product", "profile", "seats", "used", "waiting"]);
    for row in rows {
        table.add_row(row);
    }
    ui::out(table);
    Ok(org)
}

async fn people(store: &Store, org: OrgNo) -> anyhow::Result<()> {
    let (count, lines) = store
        .read(move |reader| {
            let mut lines = Vec::new();
            reader.access(org, Position::START, 4 * PEOPLE, &mut |person| {
                if person.access.is_empty() || lines.len() as u64 >= PEOPLE {
                    return;
                }
                let access: Vec<String> = person
                    .access
                    .iter()
                    .map(|access| {
                        format!(
                            "{}{}",
                            access.profile,
                            if access.licensed { "" } else { " (waiting)" }
                        )
                    })
                    .collect();
                let name = [person.firstname, person.lastname]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" ");
                lines.push([person.email.to_owned(), name, access.join(", ")]);
            })?;
            let count = reader.number("SELECT listed FROM organizations WHERE org = $1", &[org.0.into()])?;
            Ok((count.unwrap_or_default(), lines))
        })
        .await?;
    let mut table = table(["person", "name", "has"]);
    let shown = lines.len();
    for line in lines {
        table.add_row(line);
    }
    ui::out("");
    ui::out(table);
    ui::out(format_args!(
        "… and {} more people",
        count - i64::try_from(shown).unwrap_or_default()
    ));
    Ok(())
}

fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::quoted;

    #[test]
    fn paths_are_pasted_as_one_word() {
        assert_eq!(quoted(Path::new("/tmp/roster-demo")), "/tmp/roster-demo");
        assert_eq!(quoted(Path::new("/tmp/my demo")), "'/tmp/my demo'");
        assert_eq!(quoted(Path::new("/tmp/it's $HOME")), r"'/tmp/it'\''s $HOME'");
    }
}
