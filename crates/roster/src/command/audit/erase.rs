//! `roster audit erase`: takes a person's names out of the log, and says what that does not reach.

use roster_core::value::{Key, OrgNo};
use roster_store::Store;
use roster_store::audit::{EraseError, Erased, Person, ranges};

use super::{Org, named, organizations, unknown};
use crate::settings::{self, Storage};
use crate::ui::{self, Exit, counted, hinted};
use crate::{cli, command};

pub(crate) async fn run(args: &cli::AuditErase) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let store = command::open_existing(&storage).await?;
    let orgs = store.read(organizations).await?;
    let org = match &args.org {
        None => None,
        Some(wanted) => Some(named(&orgs, wanted).ok_or_else(|| unknown(Some(wanted), &orgs))?),
    };
    let person = Person {
        name: args.user.clone(),
        org: org.map(|org| org.no),
        actor: "roster audit erase".to_owned(),
        at: command::now_ms(),
    };
    let erased = store.erase(person).await.map_err(|error| explain(&error))?;
    for (account, now) in &erased.kept {
        ui::say(format_args!(
            "account {account} had the name, too, and exists as {now}: it keeps its entries as they are"
        ));
    }
    if erased.entries.is_empty() {
        ui::out(format_args!("nothing in the log names {}", args.user));
    } else {
        told(&erased, &orgs);
    }
    if !erased.shared.is_empty() {
        ui::say("somebody else has or had a name of this person, too: their entries keep it");
    }
    left(&store, &storage, &erased, args.vacuum).await
}

fn told(erased: &Erased, orgs: &[Org]) {
    let accounts: Vec<String> = erased.accounts.iter().map(ToString::to_string).collect();
    if !accounts.is_empty() {
        ui::out(format_args!(
            "erased from the log: account number {}",
            accounts.join(", ")
        ));
    }
    for (no, numbers) in &erased.entries {
        let name = |org: &&Org| org.no == *no;
        let org = orgs.iter().find(name).map_or("?", |org: &Org| org.id.as_str());
        ui::out(format_args!(
            "{org}: {} changed ({} {})",
            counted(numbers.len(), "entry", "entries"),
            if numbers.len() == 1 { "entry" } else { "entries" },
            ranges(numbers.iter().copied())
        ));
    }
}

/// What a name may still stand in.
async fn left(store: &Store, storage: &Storage, erased: &Erased, vacuum: bool) -> anyhow::Result<Exit> {
    if vacuum {
        store.rewrite_file().await?;
    } else {
        store.checkpoint().await?;
    }
    let alone: Vec<Key> = erased.names.difference(&erased.shared).cloned().collect();
    let traces = store.traces(alone).await?;
    ui::say(
        "not reached: backups, exports and other copies made before, and what a server wrote to its request log",
    );
    match traces {
        None => ui::say(
            "PostgreSQL keeps the entries as they were until it has vacuumed (VACUUM FULL audit does so at once), and in \
             its archive and backups",
        ),
        Some(names) if names.is_empty() => {
            ui::say("no e-mail address or username of theirs stands in the database file any more");
        }
        Some(_) if vacuum => {
            ui::say(format_args!(
                "an e-mail address or username still stands in {}: something else is called so (a group, an organization), or a server has \
                 not let go of its log yet; look with `roster audit --user`, and run this again",
                file(storage)
            ));
            return Ok(Exit::Incomplete);
        }
        Some(_) => {
            ui::say(format_args!(
                "an e-mail address or username still stands in {}, in a place that deleted rows left free, or because something else is called so",
                file(storage)
            ));
            ui::say(
                "hint: run this again with --vacuum when few write: the file is written anew, which takes about a minute \
                 for 3 GB, as much room again beside it, and lets those who write wait",
            );
            return Ok(Exit::Incomplete);
        }
    }
    Ok(Exit::Done)
}

fn file(storage: &Storage) -> String {
    match storage.location() {
        roster_store::Location::Sqlite(file) => file.display().to_string(),
        roster_store::Location::Postgres(_) => "the database".to_owned(),
    }
}

fn explain(error: &EraseError) -> anyhow::Error {
    let hint = match error {
        EraseError::StillThere { name, account } if account.owner() == OrgNo::ADOBE_ID => format!(
            "an Adobe ID is removed when it has left every organization: send {{\"user\": {}, \"do\": \
             [{{\"removeFromOrg\": {{}}}}]}} to each, then run this again",
            serde_json::Value::from(name.as_str())
        ),
        EraseError::StillThere { name, .. } | EraseError::Renamed { now: name, .. } => format!(
            "remove the account first, because the log has to give it: send {{\"user\": {}, \"do\": [{{\"removeFromOrg\": \
             {{\"deleteAccount\": true}}}}]}}, or let a sync do it; then run this again",
            serde_json::Value::from(name.as_str())
        ),
        EraseError::Inconsistent(_) => {
            "nothing of this account was erased: run `roster verify` on the database first".to_owned()
        }
        EraseError::Store(_) => {
            "what is done is done, and the log agrees with the rows: run this again to finish".to_owned()
        }
    };
    hinted(error.to_string(), hint)
}
