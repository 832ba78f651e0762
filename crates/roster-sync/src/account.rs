//! What programs are told of a run at its end: one JSON object, however the run ended (`--summary`). Its form is
//! `docs/sync-summary.schema.json`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use roster_client::Client;
use roster_core::plan::output::Note;
use roster_core::plan::settings::{Limit, Strategy};
use roster_core::plan::{Plan, Settings};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::arguments::{Arguments, parse_loosely};
use crate::log::{Level, Log};
use crate::options::RunOptions;
use crate::run::LOGGER;
use crate::send::Report;
use crate::whole::write_whole;

/// The word that stands for standard output.
pub(crate) const STANDARD_OUTPUT: &str = "-";

/// The exit code of a run that does not begin.
const WRONG_USAGE: u8 = 2;

/// So many people are named as examples of an error.
const SAMPLES: usize = 3;

/// Warnings and errors of the log that mean that somebody was left out, and what they are called in the account.
const SKIPPED: [(&str, &str); 9] = [
    ("country-missing", "country_missing"),
    ("adobeid-conflict", "adobeid_conflict"),
    ("directory-user-without-key", "directory_user_without_key"),
    ("directory-user-without-email", "directory_user_without_email"),
    ("directory-user-of-unknown-type", "directory_user_of_unknown_type"),
    ("adobe-user-without-key", "adobe_user_without_key"),
    ("adobe-user-of-unknown-type", "adobe_user_of_unknown_type"),
    ("deletion-withheld", "deletion_withheld"),
    ("not-in-primary", "not_in_primary"),
];

/// What an organization refused, by its code.
#[derive(Debug, Default, Clone)]
pub(crate) struct Refusals(BTreeMap<String, Refusal>);

#[derive(Debug, Clone)]
struct Refusal {
    message: String,
    count: usize,
    people: Vec<String>,
}

impl Refusals {
    /// One more.
    pub(crate) fn add(&mut self, code: &str, message: &str, person: &str) {
        let refusal = self.0.entry(code.to_owned()).or_insert_with(|| Refusal {
            message: message.to_owned(),
            count: 0,
            people: Vec::new(),
        });
        refusal.count += 1;
        if refusal.people.len() < SAMPLES && !refusal.people.iter().any(|known| known == person) {
            refusal.people.push(person.to_owned());
        }
    }
}

/// What is known of a run so far.
#[derive(Debug)]
pub(crate) struct Account {
    run_id: String,
    started: OffsetDateTime,
    version: String,
    settled: Option<(bool, &'static str, &'static str)>,
    counts: Option<Value>,
    organizations: Vec<Value>,
    limits: Vec<Value>,
    refusals: Refusals,
    unsent: usize,
}

impl Account {
    /// Begins an account.
    pub(crate) fn new(version: &str) -> Self {
        use std::hash::{BuildHasher as _, Hasher as _};
        let chance = || std::hash::RandomState::new().build_hasher().finish();
        Self {
            run_id: format!("{:016x}{:016x}", chance(), chance()),
            started: OffsetDateTime::now_utc(),
            version: version.to_owned(),
            settled: None,
            counts: None,
            organizations: Vec::new(),
            limits: Vec::new(),
            refusals: Refusals::default(),
            unsent: 0,
        }
    }

    /// The options are known.
    pub(crate) fn settle(&mut self, options: &RunOptions) {
        let strategy = match options.strategy {
            Strategy::Sync => "sync",
            Strategy::Push => "push",
        };
        self.settled = Some((options.test_mode, strategy, options.connector.name()));
    }

    /// The organizations were spoken to; `report` is `None` when nothing was to be sent to them.
    pub(crate) fn spoke_to(&mut self, clients: &[Client], secondaries: &[String], report: Option<&Report>) {
        let names = std::iter::once("primary").chain(secondaries.iter().map(String::as_str));
        let organizations = clients.iter().zip(names).enumerate();
        self.organizations = organizations
            .map(|(at, (client, name))| {
                let tally = report.and_then(|report| report.tallies.get(at)).copied();
                let tally = tally.unwrap_or_default();
                json!({
                    "name": name,
                    "sent": tally.sent,
                    "success": tally.succeeded,
                    "error": tally.failed,
                    "requests": client.requests(),
                    "retries": client.repeated(),
                    "throttled_seconds": client.waited().as_secs_f64(),
                })
            })
            .collect();
    }

    /// What was decided, and what became of it.
    pub(crate) fn carried_out(&mut self, plan: &Plan, report: &Report, settings: &Settings) {
        let counts = &plan.counts;
        self.counts = Some(json!({
            "directory_users_read": counts.directory_users_read,
            "directory_users_selected": counts.directory_users_selected,
            "primary_users_read": counts.adobe_users_read,
            "excluded_user_count": counts.adobe_users_excluded,
            "unchanged_user_count": counts.adobe_users_unchanged,
            "primary_users_created": counts.adobe_users_created,
            "updated_user_count": counts.adobe_users_updated,
            "adobe_user_groups_created": report.groups_created,
            "secondary_users_created": counts.users_added_to_secondaries,
            "primary_strays_processed": counts.adobe_only_processed,
        }));
        let over = plan.notes.iter().find_map(|note| match note {
            Note::OverLimit { count, .. } => Some(*count),
            _ => None,
        });
        if settings.wants_adobe_only() {
            let limit = match settings.limit {
                Limit::Number(number) => number.to_string(),
                Limit::Percent(percent) => format!("{percent}%"),
            };
            self.limits.push(json!({
                "name": "max_adobe_only_users",
                "limit": limit,
                "value": over.unwrap_or(counts.adobe_only_processed),
                "exceeded": over.is_some(),
            }));
        }
        self.refusals = report.refusals.clone();
        self.unsent = report.unsent;
    }

    /// The object, for a run that ends now with `code`.
    pub(crate) fn tell(&self, code: u8, log: &Log) -> Value {
        let heard = log.heard();
        let failed = !self.refusals.0.is_empty();
        let loudest = |level: Level| {
            heard
                .iter()
                .rfind(|line| line.level == level)
                .map(|line| line.key.as_str())
        };
        let reason = match (code, loudest(Level::Critical)) {
            (129.., _) => "interrupted",
            (_, Some(key)) => key,
            (0, None) if failed => "actions-refused",
            (0, None) => "done",
            (_, None) => loudest(Level::Error).unwrap_or("failed"),
        };
        let mut errors: Vec<Value> = self
            .refusals
            .0
            .iter()
            .map(|(code, refusal)| {
                json!({
                    "code": code,
                    "message": refusal.message,
                    "count": refusal.count,
                    "sample_users": refusal.people,
                    "remedy": remedy(code),
                })
            })
            .collect();
        let mut warnings = Vec::new();
        for line in &heard {
            if line.level == Level::Warning {
                warnings.push(json!({"code": line.key, "message": line.first, "count": line.count}));
            } else if line.key != "action-error" {
                errors.push(json!({
                    "code": line.key, "message": line.first, "count": line.count, "sample_users": [], "remedy": null,
                }));
            }
        }
        let skipped: Map<String, Value> = SKIPPED
            .iter()
            .filter_map(|(key, name)| {
                let line = heard.iter().find(|line| line.key == *key)?;
                Some(((*name).to_owned(), json!(line.count)))
            })
            .collect();
        let time = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
        json!({
            "schema": 1,
            "run_id": self.run_id,
            "version": self.version,
            "started": time(self.started),
            "ended": time(OffsetDateTime::now_utc()),
            "test_mode": self.settled.map(|(test_mode, ..)| test_mode),
            "strategy": self.settled.map(|(_, strategy, _)| strategy),
            "connector": self.settled.map(|(.., connector)| connector),
            "exit_code": code,
            "exit_reason": reason,
            "counts": self.counts,
            "unsent": self.unsent,
            "orgs": self.organizations,
            "limits": self.limits,
            "skipped": skipped,
            "errors": errors,
            "warnings": warnings,
            "log_file": log.file().map(|path| path.display().to_string()),
        })
    }
}

/// Where an account goes. It is looked for before a run does anything else, so that a wrong word on the command line
/// costs no file.
#[derive(Debug)]
pub(crate) enum Place {
    /// Standard output.
    Output,
    /// A device, a pipe, or something that is open already: it is written into.
    Into(PathBuf),
    /// A file, which is there whole or not at all. Links were followed, and stay.
    File(PathBuf),
}

impl Place {
    /// The place that `--summary` names, if it was given.
    ///
    /// # Errors
    ///
    /// Something is there that is no summary, or the run itself reads or writes it. The text says so.
    pub(crate) fn of(arguments: &Arguments) -> Result<Option<Self>, String> {
        let Some(to) = arguments.summary.as_deref() else {
            return Ok(None);
        };
        if to == STANDARD_OUTPUT {
            return Ok(Some(Self::Output));
        }
        let Some(path) = follow(Path::new(to)) else {
            return Ok(Some(Self::Into(PathBuf::from(to))));
        };
        let other = "name another file with `--summary`";
        if files_of(arguments).iter().any(|file| is_same(file, &path)) {
            return Err(format!(
                "`{to}` is a file of this run itself, not a place for its summary: {other}"
            ));
        }
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = match path.parent() {
                    Some(folder) if !folder.as_os_str().is_empty() => folder,
                    _ => Path::new("."),
                };
                // At the end it would be too late: everything would have been sent.
                tempfile::tempfile_in(folder)
                    .map_err(|error| format!("The summary `{to}` cannot be written: {error}: {other}"))?;
            }
            Err(error) => return Err(format!("The summary `{to}` cannot be written: {error}: {other}")),
            Ok(found) if found.is_dir() => return Err(format!("`{to}` is a folder: {other}")),
            Ok(found) if !found.is_file() => return Ok(Some(Self::Into(path))),
            Ok(_) => {
                let told = is_replaceable(&path)
                    .map_err(|error| format!("`{to}` cannot be read: {error}: {other}"))?;
                if !told {
                    return Err(format!(
                        "`{to}` is there and is no summary of a run, so it is not overwritten: {other}, or remove it"
                    ));
                }
            }
        }
        Ok(Some(Self::File(path)))
    }

    /// Takes the account of an earlier run away, so that nobody takes it for that of one that was killed.
    pub(crate) fn forget(&self) {
        if let Self::File(path) = self {
            // What cannot be removed cannot be written either, which is said at the end.
            let _ = fs::remove_file(path);
        }
    }

    /// Writes an account.
    pub(crate) fn write(&self, account: &Value, output: &mut dyn Write) -> io::Result<()> {
        let text = format!("{account:#}\n");
        let to = match self {
            Self::Output => {
                output.write_all(text.as_bytes())?;
                return output.flush();
            }
            Self::Into(path) => {
                let mut into = fs::OpenOptions::new().append(true).open(path)?;
                into.write_all(text.as_bytes())?;
                return into.flush();
            }
            Self::File(path) => path,
        };
        // The run itself may have made a file there: its log, or a list.
        if to.exists() && !is_replaceable(to)? {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something else was written there meanwhile",
            ));
        }
        write_whole(to, text.as_bytes(), false)
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output => f.write_str(STANDARD_OUTPUT),
            Self::Into(path) | Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Gives the account of a run that does not even begin, because of what was typed or what is around it, where `--summary`
/// can be found among `words`: nobody then takes that of an earlier run for its own. `key` is the stable name of the reason
/// and `why` its text; `output` is standard output, and 2 the exit code.
///
/// # Errors
///
/// It cannot be written, or something else is there. The text says so.
pub fn tell_failure(
    words: &[String],
    version: &str,
    key: &str,
    why: &str,
    output: &mut dyn Write,
) -> Result<(), String> {
    let mut arguments = parse_loosely(words);
    // A name that was no text is not the one that is left of it.
    arguments.summary = arguments
        .summary
        .filter(|name| !name.contains(char::REPLACEMENT_CHARACTER));
    let Some(place) = Place::of(&arguments)? else {
        return Ok(());
    };
    let log = Log::new(Box::new(io::sink()), UtcOffset::UTC);
    log.critical(LOGGER, key, why);
    let account = Account::new(version).tell(WRONG_USAGE, &log);
    place
        .write(&account, output)
        .map_err(|error| format!("the summary `{place}` cannot be written: {error}"))
}

/// Where a path leads, the last part of it being no link; `None` for what the process itself holds open, which has no place.
fn follow(path: &Path) -> Option<PathBuf> {
    // As many as the systems themselves follow.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let names = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
        if names.iter().any(|open| path.starts_with(open)) {
            return None;
        }
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    Some(path)
}

/// The files that the command line names besides.
fn files_of(arguments: &Arguments) -> Vec<PathBuf> {
    let words = [
        &arguments.connector,
        &arguments.users,
        &arguments.adobe_only_user_action,
    ];
    let behind = words.into_iter().flatten().filter_map(|words| words.get(1));
    let list = arguments.adobe_only_user_list.as_ref();
    let named = behind.chain(list).map(PathBuf::from);
    named.chain([arguments.main_file()]).collect()
}

/// Whether two paths lead to one place, there or not.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let path = follow(path).unwrap_or_else(|| path.to_owned());
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => Path::new("/"),
        };
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        folder.join(path.file_name().unwrap_or_default())
    };
    place(one) == place(other)
}

/// Whether nothing is lost with a file: it is empty, or an account of an earlier run.
fn is_replaceable(path: &Path) -> io::Result<bool> {
    /// No account is longer.
    const MOST: u64 = 16 * 1024 * 1024;
    let length = fs::metadata(path)?.len();
    if length == 0 || length > MOST {
        return Ok(length == 0);
    }
    let value: Option<Value> = serde_json::from_slice(&fs::read(path)?).ok();
    let keys = ["schema", "run_id", "exit_code", "exit_reason"];
    Ok(value.is_some_and(|value| keys.iter().all(|key| value.get(key).is_some())))
}

/// What helps against a refusal.
fn remedy(code: &str) -> Option<&'static str> {
    let code = code.strip_prefix("error.").unwrap_or(code);
    Some(match code {
        "user.nonexistent"
        | "user.not_found"
        | "user.not_in_org"
        | "user.nonexistent_or_has_conflicting_parameters" => {
            "the account changed since it was read, or belongs to another organization: run again"
        }
        "group.not_found" | "usergroup.not_found" | "plc.not_found" => {
            "check the name in `adobe_groups`; `auto_create` makes user groups, not product profiles"
        }
        "domain.trust.nonexistent"
        | "api.user.not.parent.org"
        | "user.belongs_to_another_org"
        | "user.type_mismatch"
        | "user.domain_enforcement" => "the organization has to own the domain, or be a trustee of who does",
        "user.email.invalid"
        | "user.name.invalid"
        | "command.string.too_long"
        | "user.firstname_missing"
        | "user.lastname_missing"
        | "country.invalid" => "correct the value in the directory",
        "user.name_in_use"
        | "user.email.name_in_use"
        | "update.no"
        | "update.username.no"
        | "update.domain.mismatch"
        | "user.change_domain_update.no" => {
            "another account has the name, or the domain cannot be changed to"
        }
        "update.adobeid.no" | "user.type_must_not_be_adobeid" => "its owner changes an Adobe ID, nobody else",
        "usergroup.exceeds_maximum_member_count" => "the group is full: divide it",
        "organization.migrating" | "throttled_by_external_service" => "run again later",
        _ if code.starts_with("usergroup.readonly") => {
            "another service manages the group: take it out of the mapping"
        }
        _ if code.starts_with("internal") => "run again later",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_process_holds_open_is_no_place_for_a_file() {
        for open in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(follow(Path::new(open)), None, "{open}");
        }
        let there = "/dev/shm/told.json";
        assert_eq!(follow(Path::new(there)), Some(PathBuf::from(there)));
    }
}
