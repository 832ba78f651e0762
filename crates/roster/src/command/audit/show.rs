//! Entries as people and as programs read them.

use roster_core::change::{Change, Configured};
use roster_core::org::{Account, Directory, Domain, Group, Person, Product};
use roster_core::value::{AccountId, DirectoryId, GroupId, IdentityType, OrgState, ProductId};
use roster_store::audit::{Names, Rows, SetOf};
use roster_store::{Happened, Recorded};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use super::Org;
use crate::ui::{self, counted, plain};

/// What of a command that was no object, or none we know, is shown to people.
const SHOWN: usize = 100;
/// How wide the column of who acted is.
const WHO: usize = 24;

/// Named values, in an order that makes sense.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// One thing that happened.
#[derive(Debug, Serialize)]
struct Shown {
    change: &'static str,
    #[serde(flatten)]
    about: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Fields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Fields>,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'e> {
    at: String,
    org: &'e str,
    entry: i64,
    actor: &'e str,
    client: Option<&'e str>,
    integration: Option<&'e str>,
    request_id: &'e str,
    command: Value,
    changes: Vec<Shown>,
    /// Accounts whose values were taken out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased: Vec<i64>,
}

/// Prints entries.
#[derive(Debug)]
pub(super) struct Writer {
    json: bool,
    several: bool,
    heading: Option<String>,
    count: u64,
    closed: bool,
}

impl Writer {
    pub(super) fn new(json: bool, several: bool) -> Self {
        Self {
            json,
            several,
            heading: None,
            count: 0,
            closed: false,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the reader has gone away (`| head`), so that nothing more needs to be looked for.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn line(&mut self, text: &str) {
        self.closed = self.closed || !ui::try_out(text);
    }

    pub(super) fn entry(&mut self, org: &Org, entry: &Recorded, names: &Names) {
        self.count += 1;
        if self.json {
            return self.line(&json(org, entry, names));
        }
        let changes = changes(entry, names);
        let integration = integration(entry, names);
        let command = command(entry);
        if self.heading.as_ref() != Some(&org.id) {
            self.heading = Some(org.id.clone());
            if self.several {
                let text = plain(&format!("\n{} ({})", org.name, org.id));
                self.line(if self.count == 1 { text.trim_start() } else { &text });
            }
            self.line(&format!(
                "{:24} {:>7}  {:WHO$}  WHAT",
                "TIME (UTC)", "ENTRY", "WHO"
            ));
        }
        let mut lines = vec![sent(&command)];
        lines.extend(changes.iter().map(|change| format!("  {}", text(change))));
        let erased = entry.erased.iter();
        lines.extend(erased.map(|account| format!("  erased: what account #{account} was called")));
        lines.extend(refusals(&command));
        let who = plain(integration.unwrap_or(&entry.actor));
        let mut head = format!("{:24} {:>7}  {who:WHO$}  ", at(entry.at), entry.number);
        let indent = " ".repeat(24 + 1 + 7 + 2 + WHO + 2);
        for line in lines {
            self.line(&format!("{head}{}", plain(&line)));
            head.clone_from(&indent);
        }
    }
}

fn integration<'n>(entry: &Recorded, names: &'n Names) -> Option<&'n str> {
    let client = entry.client.as_ref()?;
    names.clients.get(client).map(String::as_str)
}

fn command(entry: &Recorded) -> Value {
    serde_json::from_str(&entry.command).unwrap_or_else(|_| Value::from(entry.command.as_str()))
}

/// An entry as programs read it.
pub(super) fn json(org: &Org, entry: &Recorded, names: &Names) -> String {
    let line = Line {
        at: at(entry.at),
        org: &org.id,
        entry: entry.number,
        actor: &entry.actor,
        client: entry.client.as_deref(),
        integration: integration(entry, names),
        request_id: &entry.request_id,
        command: command(entry),
        changes: changes(entry, names),
        erased: entry.erased.iter().map(|account| account.0).collect(),
    };
    // Texts and numbers are always JSON.
    ui::escaped(&serde_json::to_string(&line).unwrap_or_default())
}

pub(super) fn at(ms: i64) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|time| time.format(form).ok())
        .unwrap_or_else(|| ms.to_string())
}

/// What was asked for, in a few words.
fn sent(command: &Value) -> String {
    let whom = ["user", "usergroup"].into_iter().find_map(|key| {
        let name = command.get(key)?.as_str()?;
        Some(format!("{key} {name}"))
    });
    let steps = command.get("do").and_then(Value::as_array);
    if let (Some(whom), Some(steps)) = (whom, steps) {
        let steps: Vec<&str> = steps
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|step| step.keys().map(String::as_str))
            .collect();
        return format!("{whom}: {}", steps.join(", "));
    }
    if let Some(what) = command.get("orgApply").and_then(Value::as_str) {
        return format!("org apply: {what}");
    }
    if let Some(erased) = command.get("auditErase") {
        let part = |key| erased.get(key).map(words).unwrap_or_default();
        let count = erased.get("count").and_then(Value::as_u64).unwrap_or_default();
        let count = counted(usize::try_from(count).unwrap_or(usize::MAX), "entry", "entries");
        return format!("audit erase: {count} ({})", part("entries"));
    }
    if let Some(pruned) = command.get("auditPrune") {
        let part = |key| pruned.get(key).map(words).unwrap_or_default();
        let entries = part("entries");
        return if entries.contains(['-', ',']) {
            format!("audit prune: entries {entries} were taken out")
        } else {
            format!("audit prune: entry {entries} was taken out")
        };
    }
    if let Some(call) = command.get("call").and_then(Value::as_str) {
        return format!("call {call}");
    }
    // What the program records of credentials, for which no row changes: one word for what it was, and about what.
    if let Some((what, Value::Object(about))) = command
        .as_object()
        .filter(|c| c.len() == 1)
        .and_then(|c| c.iter().next())
    {
        let about = about
            .iter()
            .map(|(name, value)| format!("{} {}", name.replace('_', " "), words(value)));
        return format!("{}: {}", spaced(what), about.collect::<Vec<_>>().join(", "));
    }
    let whole = match command {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match whole.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}

/// `secretAdded` as `secret added`.
fn spaced(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        if c.is_uppercase() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn refusals(command: &Value) -> Vec<String> {
    if command.get("undone") == Some(&Value::Bool(true)) {
        return vec!["  left undone: another part of the same call was refused".to_owned()];
    }
    let refused = command.get("refused").and_then(Value::as_array);
    refused
        .into_iter()
        .flatten()
        .map(|refused| {
            let code = refused.get("code").and_then(Value::as_str).unwrap_or("?");
            match refused.get("step").and_then(Value::as_u64) {
                Some(step) => format!("  refused: {code} (step {step})"),
                None => format!("  refused: {code}"),
            }
        })
        .collect()
}

/// A change in words: what, about whom, from what to what.
fn text(change: &Shown) -> String {
    let mut parts: Vec<String> = change
        .about
        .0
        .iter()
        .filter(|(name, _)| !name.ends_with("_id"))
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), words(value)))
        .collect();
    let nothing = Fields::default();
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    for (name, new) in &after.or(before).unwrap_or(&nothing).0 {
        let old = before.and_then(|before| before.0.iter().find(|(other, _)| other == name));
        let name = name.replace('_', " ");
        parts.extend(match old {
            Some((_, old)) if after.is_some() => {
                (old != new).then(|| format!("{name} {} -> {}", words(old), words(new)))
            }
            _ => (!new.is_null()).then(|| format!("{name} {}", words(new))),
        });
    }
    format!("{}: {}", change.change.replace('_', " "), parts.join(", "))
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(" and "),
        other => other.to_string(),
    }
}

/// Everything an entry holds.
fn changes(entry: &Recorded, names: &Names) -> Vec<Shown> {
    let mut shown: Vec<Shown> = entry.changes.iter().map(|change| names.change(change)).collect();
    for (group, count) in names.removed.get(&entry.number).into_iter().flatten() {
        let mut about = names.group("group", *group);
        about.push(("members", Value::from(*count)));
        shown.push(is("members_removed", about));
    }
    for set in names.sets.get(&entry.number).into_iter().flatten() {
        shown.push(names.set(set));
    }
    for seat in &entry.seats {
        let (what, profile, account) = match seat {
            Happened::SeatGranted { profile, account } => ("seat_granted", *profile, *account),
            Happened::SeatLost { profile, account } => ("seat_lost", *profile, *account),
            Happened::MembersRemoved { .. } | Happened::Rows { .. } => continue,
        };
        let mut about = names.user(account);
        about.extend(names.group("profile", profile));
        shown.push(is(what, about));
    }
    shown
}

type About = Vec<(&'static str, Value)>;

fn is(change: &'static str, about: About) -> Shown {
    Shown {
        change,
        about: Fields(about),
        before: None,
        after: None,
    }
}

impl Shown {
    fn before(mut self, fields: About) -> Self {
        self.before = Some(Fields(fields));
        self
    }

    fn after(mut self, fields: About) -> Self {
        self.after = Some(Fields(fields));
        self
    }
}

/// How the names are used; a thing that is gone and that nothing names is called by its number.
trait Naming {
    fn change(&self, change: &Change) -> Shown;
    fn configured(&self, change: &Configured) -> Shown;
    fn user(&self, account: AccountId) -> About;
    fn group(&self, key: &'static str, group: GroupId) -> About;
    fn profiles(&self, profiles: &[GroupId]) -> Value;
    fn product(&self, product: ProductId) -> Value;
    fn directory(&self, directory: DirectoryId) -> Value;
    fn account(&self, account: &Account) -> About;
    fn described(&self, group: &Group) -> About;
    fn set(&self, set: &SetOf) -> Shown;
}

fn named(name: Option<&String>, number: i64) -> Value {
    name.map_or_else(
        || Value::from(format!("#{number}")),
        |name| Value::from(name.as_str()),
    )
}

impl Naming for Names {
    fn user(&self, account: AccountId) -> About {
        vec![
            ("user", named(self.accounts.get(&account.0), account.0)),
            ("account_id", Value::from(account.0)),
        ]
    }

    fn group(&self, key: &'static str, group: GroupId) -> About {
        let id = if key == "profile" {
            "profile_id"
        } else {
            "group_id"
        };
        vec![
            (key, named(self.groups.get(&group.0), group.0)),
            (id, Value::from(group.0)),
        ]
    }

    fn profiles(&self, profiles: &[GroupId]) -> Value {
        profiles
            .iter()
            .map(|profile| named(self.groups.get(&profile.0), profile.0))
            .collect()
    }

    fn product(&self, product: ProductId) -> Value {
        named(self.products.get(&product.0), product.0)
    }

    fn directory(&self, directory: DirectoryId) -> Value {
        named(self.directories.get(&directory.0), directory.0)
    }

    fn account(&self, account: &Account) -> About {
        let mut fields = vec![("type", Value::from(account.kind.as_str()))];
        fields.extend(person(&account.person));
        fields.extend([
            ("country", Value::from(account.country.as_str())),
            ("status", Value::from(account.status.as_str())),
            ("directory", self.directory(account.directory)),
        ]);
        fields
    }

    fn described(&self, group: &Group) -> About {
        let profile = group.profile.as_ref();
        let mut fields = vec![
            ("type", Value::from(group.kind.as_str())),
            ("description", Value::from(group.description.clone())),
        ];
        if let Some(product) = group.kind.product() {
            fields.push(("product", self.product(product)));
        }
        if let Some(profile) = profile {
            fields.push(("quota", Value::from(profile.quota)));
        }
        if let Some(source) = group.source {
            fields.push(("mirrors_group_id", Value::from(source.0)));
        }
        fields
    }

    fn set(&self, set: &SetOf) -> Shown {
        let group = |key| self.group(key, GroupId(set.of));
        let (what, mut about, each) = match set.rows {
            Rows::TakenOver => ("members_taken_over", group("group"), "members"),
            Rows::Listed => ("joined_organization", Vec::new(), "members"),
            Rows::UnlinkedProfiles => ("links_removed", group("group"), "profiles"),
            Rows::UnlinkedGroups => ("links_removed", group("profile"), "groups"),
            Rows::Untrusted => {
                let directory = self.directory(DirectoryId(set.of));
                ("trust_ended", vec![("directory", directory)], "trustees")
            }
        };
        about.push(if set.groups.is_empty() {
            (each, Value::from(set.count))
        } else {
            (each, self.profiles(&set.groups))
        });
        is(what, about)
    }

    fn change(&self, change: &Change) -> Shown {
        match change {
            Change::AccountCreated(account) => {
                is("account_created", called(account.id, &account.person)).after(self.account(account))
            }
            Change::AccountUpdated {
                account,
                before,
                after,
            } => is("account_updated", called(*account, before))
                .before(person(before))
                .after(person(after)),
            Change::AccountStatusSet {
                account,
                before,
                after,
            } => is("account_status_set", self.user(*account))
                .before(vec![("status", Value::from(before.as_str()))])
                .after(vec![("status", Value::from(after.as_str()))]),
            Change::AccountDeleted(account) => {
                is("account_deleted", called(account.id, &account.person)).before(self.account(account))
            }
            Change::MemberJoined { account, .. } => is("joined_organization", self.user(*account)),
            Change::MemberLeft { account, .. } => is("left_organization", self.user(*account)),
            Change::GroupCreated(group) => {
                is("group_created", self.group("group", group.id)).after(self.described(group))
            }
            Change::GroupUpdated {
                group, before, after, ..
            } => is("group_updated", self.group("group", *group))
                .before(names(before))
                .after(names(after)),
            Change::GroupDeleted(group) => {
                is("group_deleted", self.group("group", group.id)).before(self.described(group))
            }
            Change::Joined {
                group,
                account,
                entered,
                ..
            } => {
                let mut about = self.user(*account);
                about.extend(self.group("group", *group));
                if !entered.is_empty() {
                    about.push(("entered_profiles", self.profiles(entered)));
                }
                is("joined_group", about)
            }
            Change::Left {
                group, account, left, ..
            } => {
                let mut about = self.user(*account);
                about.extend(self.group("group", *group));
                if !left.is_empty() {
                    about.push(("left_profiles", self.profiles(left)));
                }
                is("left_group", about)
            }
            Change::Linked { group, profile, .. } | Change::Unlinked { group, profile, .. } => {
                let mut about = self.group("group", *group);
                about.extend(self.group("profile", *profile));
                let linked = matches!(change, Change::Linked { .. });
                is(if linked { "group_linked" } else { "group_unlinked" }, about)
            }
            Change::Configured(configured) => self.configured(configured),
        }
    }

    fn configured(&self, change: &Configured) -> Shown {
        let trust = |directory: DirectoryId, trustee: i64| {
            vec![
                ("directory", self.directory(directory)),
                ("trustee_number", Value::from(trustee)),
            ]
        };
        let domain = |domain: &Domain| {
            vec![
                ("directory", self.directory(domain.directory)),
                ("restrict_adobe_ids", Value::from(domain.restrict_adobe_ids)),
            ]
        };
        match change {
            Configured::OrgCreated(org) => is(
                "organization_created",
                vec![("organization", org.id.as_str().into())],
            )
            .after(settings(&org.name, org.state, &org.identity_types)),
            Configured::OrgUpdated { before, after, .. } => is("organization_updated", Vec::new())
                .before(settings(&before.name, before.state, &before.identity_types))
                .after(settings(&after.name, after.state, &after.identity_types)),
            Configured::DirectoryCreated(new) => {
                is("directory_created", vec![("directory", new.name.as_str().into())]).after(directory(new))
            }
            Configured::DirectoryUpdated(old, new) => {
                is("directory_updated", vec![("directory", old.name.as_str().into())])
                    .before(directory(old))
                    .after(directory(new))
            }
            Configured::DirectoryDeleted(old) => {
                is("directory_deleted", vec![("directory", old.name.as_str().into())]).before(directory(old))
            }
            Configured::DomainClaimed(new) => {
                is("domain_claimed", vec![("domain", new.name.as_str().into())]).after(domain(new))
            }
            Configured::DomainUpdated(old, new) => {
                is("domain_updated", vec![("domain", old.name.as_str().into())])
                    .before(domain(old))
                    .after(domain(new))
            }
            Configured::DomainReleased(old) => {
                is("domain_released", vec![("domain", old.name.as_str().into())]).before(domain(old))
            }
            Configured::Trusted {
                directory, trustee, ..
            } => is("trusted", trust(*directory, trustee.0)),
            Configured::TrustRevoked {
                directory, trustee, ..
            } => is("trust_revoked", trust(*directory, trustee.0)),
            Configured::ProductCreated(new) => {
                is("product_created", vec![("product", new.name.as_str().into())]).after(product(new))
            }
            Configured::ProductUpdated(old, new) => {
                is("product_updated", vec![("product", old.name.as_str().into())])
                    .before(product(old))
                    .after(product(new))
            }
            Configured::ProductDeleted(old) => {
                is("product_deleted", vec![("product", old.name.as_str().into())]).before(product(old))
            }
            Configured::ProfileQuotaSet {
                profile,
                product,
                before,
                after,
                ..
            } => {
                let mut about = self.group("profile", *profile);
                about.push(("product", self.product(*product)));
                is("profile_quota_set", about)
                    .before(vec![("quota", Value::from(*before))])
                    .after(vec![("quota", Value::from(*after))])
            }
        }
    }
}

/// By the name of that moment, where the entry has it.
fn called(account: AccountId, person: &Person) -> About {
    vec![
        ("user", Value::from(person.email.as_str())),
        ("account_id", Value::from(account.0)),
    ]
}

fn person(person: &Person) -> About {
    vec![
        ("username", Value::from(person.username.as_str())),
        ("email", Value::from(person.email.as_str())),
        ("domain", Value::from(person.domain.as_str())),
        ("firstname", Value::from(person.firstname.clone())),
        ("lastname", Value::from(person.lastname.clone())),
    ]
}

fn names((name, description): &(String, Option<String>)) -> About {
    vec![
        ("name", Value::from(name.as_str())),
        ("description", Value::from(description.clone())),
    ]
}

fn settings(name: &str, state: OrgState, types: &[IdentityType]) -> About {
    vec![
        ("name", Value::from(name)),
        ("state", Value::from(state.as_str())),
        ("identity_types", types.iter().map(|kind| kind.as_str()).collect()),
    ]
}

fn directory(directory: &Directory) -> About {
    vec![
        ("name", Value::from(directory.name.as_str())),
        ("type", Value::from(directory.kind.as_str())),
        ("login", Value::from(directory.login.as_str())),
        ("synced", Value::from(directory.synced)),
    ]
}

fn product(product: &Product) -> About {
    vec![
        ("name", Value::from(product.name.as_str())),
        ("code", Value::from(product.code.as_str())),
        ("quota", Value::from(product.quota)),
    ]
}
