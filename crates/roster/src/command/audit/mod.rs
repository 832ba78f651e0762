//! `roster audit`: the log, a page at a time, so that neither memory nor a moment of the database is held while somebody
//! reads.

mod erase;
mod prune;
mod show;

use roster_core::value::{Key, OrgNo};
use roster_store::audit::Search;
use roster_store::{Reader, Store, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::ui::{self, Exit, hinted};
use crate::{cli, command, settings};

/// Entries looked at in one go.
const PAGE: usize = 500;

/// An organization whose log is read.
#[derive(Debug, Clone)]
struct Org {
    no: OrgNo,
    id: String,
    name: String,
}

pub(crate) async fn run(args: &cli::Audit) -> anyhow::Result<Exit> {
    match &args.what {
        Some(cli::AuditCommand::Erase(args)) => erase::run(args).await,
        Some(cli::AuditCommand::Prune(args)) => prune::run(args).await,
        None => show(args).await,
    }
}

async fn show(args: &cli::Audit) -> anyhow::Result<Exit> {
    let storage = settings::storage(&args.place)?;
    let now = OffsetDateTime::now_utc();
    let since = moment("--since", args.since.as_deref(), now)?;
    let until = moment("--until", args.until.as_deref(), now)?;
    let store = command::open_existing(&storage).await?;
    let (orgs, search) = search(&store, args, since, until).await?;
    begins(&store, &orgs).await?;
    let mut out = show::Writer::new(args.json, orgs.len() > 1);
    for org in &orgs {
        print(&store, org, &search, args.limit, &mut out).await?;
        if out.is_closed() {
            break;
        }
    }
    if out.count() == 0 {
        ui::say("no entry fits");
    }
    Ok(Exit::Done)
}

/// Says of logs that entries were taken out of where they begin.
async fn begins(store: &Store, orgs: &[Org]) -> anyhow::Result<()> {
    for org in orgs {
        let no = org.no;
        if let Some(before) = store.read(move |reader| reader.checkpoint(no)).await? {
            ui::say(format_args!(
                "the log of {} begins with entry {}: those before were taken out on {}",
                org.id,
                before.entry + 1,
                show::at(before.at)
            ));
        }
    }
    Ok(())
}

/// One organization's entries, oldest first; of a limited number the newest.
async fn print(
    store: &Store,
    org: &Org,
    search: &Search,
    limit: Option<usize>,
    out: &mut show::Writer,
) -> anyhow::Result<()> {
    let no = org.no;
    // What is recorded from now on is not waited for.
    let newest = store.read(move |reader| reader.newest_entry(no)).await?;
    let mut next = match limit {
        None => Some(1),
        Some(limit) => first_of_newest(store, no, newest, search, limit).await?,
    };
    while let Some(from) = next {
        let wanted = search.clone();
        let (page, names) = store
            .read(move |reader| {
                let mut page = reader.log_page(no, from, false, &wanted, PAGE)?;
                page.entries.retain(|entry| entry.number <= newest);
                let names = reader.names_in(no, &page.entries)?;
                Ok((page, names))
            })
            .await?;
        for entry in &page.entries {
            out.entry(org, entry, &names);
        }
        next = page.next.filter(|next| *next <= newest && !out.is_closed());
    }
    Ok(())
}

/// Where the newest entries that fit begin; nothing of them is kept.
async fn first_of_newest(
    store: &Store,
    org: OrgNo,
    newest: i64,
    search: &Search,
    limit: usize,
) -> Result<Option<i64>, StoreError> {
    let (mut left, mut first, mut next) = (limit, None, Some(newest));
    while let (Some(from), true) = (next, left > 0) {
        let wanted = search.clone();
        let page = store
            .read(move |reader| reader.log_page(org, from, true, &wanted, PAGE))
            .await?;
        if let Some(last) = page.entries.iter().take(left).next_back() {
            first = Some(last.number);
        }
        left = left.saturating_sub(page.entries.len());
        next = page.next;
    }
    Ok(first)
}

/// What was asked for, with names looked up.
async fn search(
    store: &Store,
    args: &cli::Audit,
    since: Option<i64>,
    until: Option<i64>,
) -> anyhow::Result<(Vec<Org>, Search)> {
    let asked = args.clone();
    let found = store
        .read(move |reader| {
            let all = organizations(reader)?;
            let orgs: Vec<Org> = match &asked.org {
                None => all.clone(),
                Some(wanted) => named(&all, wanted).into_iter().collect(),
            };
            if orgs.is_empty() {
                return Ok(Err(all));
            }
            let numbers: Vec<OrgNo> = orgs.iter().map(|org| org.no).collect();
            let mut clients = Vec::new();
            let mut known = true;
            if let Some(client) = &asked.client {
                clients.push(client.clone());
                for org in &numbers {
                    let named = reader.integrations(*org)?.into_iter();
                    clients.extend(
                        named
                            .filter(|integration| is_called(&integration.settings.name, client))
                            .map(|integration| integration.client_id),
                    );
                }
                known = clients.len() > 1 || reader.integration(client)?.is_some();
            }
            let mut actor_clients = Vec::new();
            if let Some(actor) = &asked.actor {
                // Entries of one organization may be another's doing.
                for org in &all {
                    let named = reader.integrations(org.no)?.into_iter();
                    actor_clients.extend(
                        named
                            .filter(|integration| is_called(&integration.settings.name, actor))
                            .map(|integration| integration.client_id),
                    );
                }
            }
            let user = match &asked.user {
                Some(user) => Some(reader.sought_user(user)?),
                None => None,
            };
            let group = match &asked.group {
                Some(group) => Some(reader.sought_group(&numbers, group)?),
                None => None,
            };
            let search = Search {
                actor: asked.actor,
                actor_clients,
                clients,
                request_id: asked.request_id,
                since,
                until,
                refused: asked.refused,
                user,
                group,
            };
            Ok(Ok((orgs, search, known)))
        })
        .await?;
    let (orgs, search, known) = found.map_err(|all| unknown(args.org.as_deref(), &all))?;
    if let (Some(client), false) = (&args.client, known) {
        ui::say(format_args!(
            "no integration has the client id or name {client}; entries of one that is gone are shown"
        ));
    }
    for (what, name, sought) in [
        ("user", &args.user, &search.user),
        ("group", &args.group, &search.group),
    ] {
        if let (Some(name), Some(sought)) = (name, sought)
            && !sought.is_known()
        {
            ui::say(format_args!(
                "no {what} is or was called {name}; commands that name one are shown"
            ));
        }
    }
    Ok((orgs, search))
}

/// Whether a name is the one that was typed, as it is or as it is shown.
fn is_called(name: &str, typed: &str) -> bool {
    name == typed || ui::plain(name) == typed
}

/// Adobe IDs have a log, too: that of the organization that owns them.
fn organizations(reader: &mut Reader<'_>) -> Result<Vec<Org>, StoreError> {
    let org = |org: roster_core::org::Organization| Org {
        no: org.no,
        id: org.id,
        name: org.name,
    };
    let mut all: Vec<Org> = reader.organizations()?.into_iter().map(org).collect();
    all.push(Org {
        no: OrgNo::ADOBE_ID,
        id: "0@AdobeOrg".to_owned(),
        name: "Adobe IDs".to_owned(),
    });
    Ok(all)
}

fn unknown(wanted: Option<&str>, all: &[Org]) -> anyhow::Error {
    let known: Vec<String> = all
        .iter()
        .map(|org| format!("{} ({})", org.id, org.name))
        .collect();
    hinted(
        format!("there is no organization `{}`", wanted.unwrap_or_default()),
        format!("there are: {}", known.join(", ")),
    )
}

fn named(all: &[Org], wanted: &str) -> Option<Org> {
    let wanted = Key::new(wanted);
    all.iter()
        .find(|org| Key::new(&org.id) == wanted)
        .or_else(|| all.iter().find(|org| Key::new(&org.name) == wanted))
        .cloned()
}

/// A moment as people type it: a day, a time, or how long ago.
fn moment(flag: &str, text: Option<&str>, now: OffsetDateTime) -> anyhow::Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    parse(text.trim(), now).map(Some).ok_or_else(|| {
        hinted(
            format!("{flag} `{text}` is no time"),
            "give a day (2026-11-24), a time (2026-11-24T08:30:00Z), or how long ago (45m, 12h, 7d); days begin at midnight UTC",
        )
    })
}

fn parse(text: &str, now: OffsetDateTime) -> Option<i64> {
    let at = |time: OffsetDateTime| i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok();
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return at(time);
    }
    if let Ok(day) = time::Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return at(day.midnight().assume_utc());
    }
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: i64 = text
        .get(..text.len() - 1)?
        .parse()
        .ok()
        .filter(|count| *count >= 0)?;
    at(now.checked_sub(time::Duration::seconds(count.checked_mul(unit)?))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_days_times_and_how_long_ago() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        for (text, seconds) in [
            ("2026-11-24", 1_795_478_400),
            ("2026-11-24T08:30:00Z", 1_795_509_000),
            ("2026-11-24T08:30:00+02:00", 1_795_501_800),
            ("90s", 1_799_999_910),
            ("45m", 1_799_997_300),
            ("7d", 1_799_395_200),
        ] {
            assert_eq!(parse(text, now), Some(seconds * 1000), "{text}");
        }
        for text in [
            "",
            "d",
            "-3d",
            "yesterday",
            "3w",
            "2026-13-01",
            "99999999999999999d",
            "é",
        ] {
            assert_eq!(parse(text, now), None, "{text}");
        }
    }
}
