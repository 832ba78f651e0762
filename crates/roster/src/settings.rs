//! Flags, `ROSTER_*` variables and the settings file, in this order of precedence, made into plain values.
//!
//! All problems are reported together, each with the place that the value came from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roster_server::config::{Config, Secret, Throttle, Tls};
use roster_server::throttle::Class;
use toml::de::{DeTable, DeValue};

use crate::cli;
use crate::org_file::yaml::nearest;
use crate::ui::{self, hinted};

/// The settings that are lists; in a variable, their entries are separated by commas.
const LISTS: [&str; 2] = ["ims_hosts", "denied_countries"];

/// Every setting that flags, variables or the file may give. Ending in `_file`: the name of a file that holds it.
const KEYS: &[&str] = &[
    "data",
    "database",
    "database_file",
    "master_key_file",
    "listen",
    "tls",
    "tls_cert",
    "tls_key",
    "public_url",
    "throttle",
    "ready_file",
    "page_size_users",
    "page_size_groups",
    "page_size_deprecated",
    "max_list_entries",
    "max_linked_members",
    "strict_names",
    "denied_countries",
    "ims_hosts",
    "token_ttl",
    "jwt_max_lifetime",
    "metrics_token",
    "metrics_token_file",
    "sync_min_interval",
    "environment",
];

/// A setting, and those that mean something else in its place.
const OTHER_WAYS: &[&[&str]] = &[
    &["data", "database", "database_file"],
    &["database", "data", "database_file"],
    &["database_file", "data", "database"],
    &["metrics_token", "metrics_token_file"],
    &["metrics_token_file", "metrics_token"],
    &["tls", "tls_cert", "tls_key"],
    &["tls_cert", "tls"],
    &["tls_key", "tls"],
];

/// The embedded database's file in its folder.
pub(crate) const DATABASE: &str = "roster.db";

/// Where the rows are.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// The folder of the embedded database and the keys; `None` with PostgreSQL.
    pub(crate) data: Option<PathBuf>,
    /// PostgreSQL's address.
    pub(crate) database: Option<String>,
    /// The key that protects secrets at rest.
    pub(crate) master_key_file: Option<PathBuf>,
}

/// What `roster serve` needs.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) storage: Storage,
    pub(crate) config: Config,
    pub(crate) ready_file: Option<PathBuf>,
}

impl Storage {
    /// Where the store looks for its rows.
    pub(crate) fn location(&self) -> roster_store::Location {
        match (&self.database, &self.data) {
            (Some(url), _) => roster_store::Location::Postgres(url.clone()),
            (None, Some(data)) => roster_store::Location::Sqlite(data.join(DATABASE)),
            (None, None) => roster_store::Location::Sqlite(Path::new("roster-data").join(DATABASE)),
        }
    }

    /// The file of the master key.
    pub(crate) fn master_key(&self) -> anyhow::Result<PathBuf> {
        match (&self.master_key_file, &self.data) {
            (Some(file), _) => Ok(file.clone()),
            (None, Some(data)) => Ok(data.join("master.key")),
            (None, None) => Err(hinted(
                "with a PostgreSQL database, the key that protects secrets at rest has to be given",
                "make one with `(umask 077 && openssl rand -hex 32 > master.key)` and pass --master-key-file master.key to every server",
            )),
        }
    }
}

/// Resolves where the data is, for every command but `serve`.
pub(crate) fn storage(place: &cli::Place) -> anyhow::Result<Storage> {
    let mut found = Found::collect(place, &[])?;
    let storage = found.storage();
    found.finish().map(|()| storage)
}

/// Resolves everything `roster serve` needs.
pub(crate) fn serve(args: &cli::Serve) -> anyhow::Result<ServeSettings> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let flags = [
        ("listen", args.listen.clone()),
        ("tls", args.tls.clone()),
        ("tls_cert", path(&args.tls_cert)),
        ("tls_key", path(&args.tls_key)),
        ("public_url", args.public_url.clone()),
        ("throttle", args.throttle.clone()),
        ("ready_file", path(&args.ready_file)),
    ];
    for warning in unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        ui::say(warning);
    }
    let mut found = Found::collect(&args.place, &flags)?;
    let storage = found.storage();
    let config = found.config(&storage);
    let ready_file = found.path("ready_file");
    found.finish()?;
    Ok(ServeSettings {
        storage,
        config,
        ready_file,
    })
}

/// A value and where it came from.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    from: String,
}

/// All values, by key, and all problems met.
#[derive(Debug, Default)]
struct Found {
    values: BTreeMap<&'static str, Given>,
    lists: BTreeMap<&'static str, Vec<String>>,
    per_client: BTreeMap<Class, u32>,
    global: BTreeMap<Class, u32>,
    problems: Vec<String>,
}

impl Found {
    fn collect(place: &cli::Place, flags: &[(&'static str, Option<String>)]) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let config = place
            .config
            .clone()
            .or_else(|| std::env::var_os("ROSTER_CONFIG").map(PathBuf::from));
        if let Some(file) = config {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                hinted(
                    format!("the settings file {} cannot be read: {error}", file.display()),
                    "check --config and ROSTER_CONFIG",
                )
            })?;
            found.file(&file, &text);
        }
        for key in KEYS {
            let name = format!("ROSTER_{}", key.to_uppercase());
            if let Ok(text) = std::env::var(&name) {
                found.give(key, text, name);
            }
        }
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let places = [
            ("data", path(&place.data)),
            ("database", place.database.clone()),
            ("master_key_file", path(&place.master_key_file)),
        ];
        for (key, text) in places.into_iter().chain(flags.iter().cloned()) {
            if let Some(text) = text {
                found.give(key, text, format!("--{}", key.replace('_', "-")));
            }
        }
        Ok(found)
    }

    /// What is given one way takes the place of the same given another way by a source further down; in one source,
    /// both stand side by side, to be refused or not when they are used.
    fn give(&mut self, key: &'static str, text: String, from: String) {
        let kind = source(&from);
        for others in OTHER_WAYS {
            if let Some((_, others)) = others.split_first().filter(|(own, _)| **own == key) {
                let known = &mut self.values;
                known.retain(|other, given| !others.contains(other) || source(&given.from) == kind);
            }
        }
        self.lists.remove(key);
        self.values.insert(key, Given { text, from });
    }

    fn file(&mut self, file: &Path, text: &str) {
        let shown = file.display();
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let at = error.span().map_or(String::new(), |span| {
                    format!(":{}", line_column(text, span.start))
                });
                self.problems
                    .push(format!("{shown}{at}: this is not TOML: {}", error.message()));
                return;
            }
        };
        for (name, value) in table.into_inner() {
            let at = format!("{shown}:{}", line_column(text, name.span().start));
            let name = name.into_inner();
            if name == "limits" {
                self.limits(&at, value.into_inner());
            } else if let Some(key) = KEYS.iter().find(|key| **key == name) {
                self.file_value(key, at, value.into_inner());
            } else {
                let hint =
                    nearest(&name, KEYS).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                self.problems
                    .push(format!("{at}: unknown setting `{name}`{hint}"));
            }
        }
    }

    fn file_value(&mut self, key: &'static str, at: String, value: DeValue<'_>) {
        match value {
            DeValue::String(text) => self.give(key, text.into_owned(), at),
            DeValue::Integer(number) => self.give(key, number.to_string(), at),
            DeValue::Boolean(truth) => self.give(key, truth.to_string(), at),
            DeValue::Array(_) if !LISTS.contains(&key) => {
                self.problems
                    .push(format!("{at}: `{key}` is one value, not a list"));
            }
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for item in items {
                    match item.into_inner() {
                        DeValue::String(text) => texts.push(text.into_owned()),
                        _ => self.problems.push(format!("{at}: `{key}` is a list of texts")),
                    }
                }
                self.lists.insert(key, texts);
            }
            other => {
                let what = match other {
                    DeValue::Float(_) => "a number with a fraction",
                    DeValue::Datetime(_) => "a date or time",
                    _ => "a table",
                };
                self.problems.push(format!(
                    "{at}: `{key}` is a text, a whole number, true, false or a list, not {what}"
                ));
            }
        }
    }

    fn limits(&mut self, at: &str, value: DeValue<'_>) {
        let DeValue::Table(tables) = value else {
            self.problems.push(format!(
                "{at}: `limits` is a table with the tables `per_client` and `global`"
            ));
            return;
        };
        for (which, table) in tables {
            let per_client = match which.get_ref().as_ref() {
                "per_client" => true,
                "global" => false,
                other => {
                    self.problems.push(format!(
                        "{at}: unknown table `limits.{other}`; known are per_client and global"
                    ));
                    continue;
                }
            };
            let DeValue::Table(table) = table.into_inner() else {
                self.problems
                    .push(format!("{at}: `limits.{}` is a table", which.get_ref()));
                continue;
            };
            for (name, limit) in table {
                self.limit(at, per_client, name.get_ref(), limit.get_ref());
            }
        }
    }

    fn limit(&mut self, at: &str, per_client: bool, name: &str, limit: &DeValue<'_>) {
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        let limit = limit
            .as_integer()
            .and_then(|number| number.to_string().parse::<u32>().ok());
        match (class, limit) {
            (Some(class), Some(limit)) => {
                let limits = if per_client {
                    &mut self.per_client
                } else {
                    &mut self.global
                };
                limits.insert(class, limit);
            }
            (None, _) => {
                let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
                self.problems.push(format!(
                    "{at}: unknown class of requests `{name}` in limits; known are {}",
                    names.join(", ")
                ));
            }
            (_, None) => self.problems.push(format!(
                "{at}: the limit `{name}` is a number of requests per minute, 0 for none"
            )),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|given| given.text.clone())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    fn parsed<T>(&mut self, key: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let given = self.values.get(key)?;
        let parsed = parse(given.text.trim());
        if parsed.is_none() {
            self.problems
                .push(format!("{}: `{key}` is {what}, not `{}`", given.from, given.text));
        }
        parsed
    }

    fn list(&self, key: &str) -> Option<Vec<String>> {
        self.lists.get(key).cloned().or_else(|| {
            let text = self.text(key)?;
            Some(
                text.split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|item| !item.is_empty())
                    .collect(),
            )
        })
    }

    /// A secret, given itself or by the name of a file.
    fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<String> {
        let file = self.values.get(file_key).cloned();
        if let Some(text) = self.text(key) {
            if let Some(file) = file {
                self.problems.push(format!(
                    "{}: `{file_key}` names a file that holds `{key}`, which is given, too: give one of them",
                    file.from
                ));
            }
            return Some(text);
        }
        let given = file?;
        match std::fs::read_to_string(&given.text) {
            Ok(text) => Some(text.trim_end().to_owned()),
            Err(error) => {
                self.problems.push(format!(
                    "{}: the file {} cannot be read: {error}",
                    given.from, given.text
                ));
                None
            }
        }
    }

    fn storage(&mut self) -> Storage {
        let database = self.secret("database", "database_file");
        if database
            .as_ref()
            .is_some_and(|url| !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
        {
            self.problems
                .push("`database` is the address of a PostgreSQL database (postgres://…)".to_owned());
        }
        let data = self.path("data");
        if let (Some(_), Some(given)) = (&database, self.values.get("data")) {
            self.problems.push(format!(
                "{}: a data folder and a database are two places; give one of them",
                given.from
            ));
        }
        let data = if database.is_none() {
            Some(data.unwrap_or_else(|| "roster-data".into()))
        } else {
            None
        };
        Storage {
            data,
            database,
            master_key_file: self.path("master_key_file"),
        }
    }

    fn config(&mut self, storage: &Storage) -> Config {
        let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
        let lasting = |text: &str| seconds(text).filter(|time| !time.is_zero());
        let count = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0);
        let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        let mut config = Config::default();
        let mut set = |key: &str, target: &mut u64| {
            if let Some(number) = self.parsed(key, "a number from 1 on", count) {
                *target = number;
            }
        };
        set("page_size_users", &mut config.page_size_users);
        set("page_size_groups", &mut config.page_size_groups);
        set("page_size_deprecated", &mut config.page_size_deprecated);
        for (key, target) in [
            ("token_ttl", &mut config.token_ttl),
            ("jwt_max_lifetime", &mut config.jwt_max_lifetime),
        ] {
            if let Some(time) = self.parsed(key, "a number of seconds from 1 on", lasting) {
                *target = time;
            }
        }
        if let Some(time) = self.parsed("sync_min_interval", "a number of seconds", seconds) {
            config.sync_min_interval = time;
        }
        if let Some(listen) = self.parsed(
            "listen",
            "an address with a port, such as 127.0.0.1:8443",
            |text| text.parse::<SocketAddr>().ok(),
        ) {
            config.listen = listen;
        }
        if let Some(entries) = self.parsed("max_list_entries", "a number from 1 on", |text| {
            text.parse().ok().filter(|n| *n > 0)
        }) {
            config.max_list_entries = entries;
        }
        if let Some(members) = self.parsed("max_linked_members", "a number", |text| text.parse().ok()) {
            config.rules.max_linked_members = members;
        }
        if let Some(strict) = self.parsed("strict_names", "true or false", truth) {
            config.rules.strict_names = strict;
        }
        if let Some(countries) = self.list("denied_countries") {
            config.rules.denied_countries = countries.into_iter().map(|code| code.to_uppercase()).collect();
        }
        config.throttle = self.throttle();
        config.tls = self.tls(storage);
        config.public_url = self.parsed(
            "public_url",
            "an address that begins with https:// (or http://)",
            |text| {
                let host = text
                    .strip_prefix("https://")
                    .or_else(|| text.strip_prefix("http://"));
                host.filter(|host| !host.trim_matches('/').is_empty())
                    .map(|_| text.to_owned())
            },
        );
        config.ims_hosts = self.list("ims_hosts").unwrap_or_default();
        config.metrics_token = self
            .secret("metrics_token", "metrics_token_file")
            .map(Secret::new);
        if let Some(environment) = self.text("environment") {
            config.environment = environment;
        }
        config.data_dir.clone_from(&storage.data);
        config.master_key_file.clone_from(&storage.master_key_file);
        config
    }

    fn throttle(&mut self) -> Throttle {
        let documented = self.parsed("throttle", "documented or off", |text| match text {
            "documented" => Some(true),
            "off" => Some(false),
            _ => None,
        });
        Throttle {
            documented: documented.unwrap_or_default(),
            per_client: std::mem::take(&mut self.per_client),
            global: std::mem::take(&mut self.global),
        }
    }

    fn tls(&mut self, storage: &Storage) -> Tls {
        let off = self.parsed("tls", "self-signed or off", |text| match text {
            "self-signed" => Some(false),
            "off" => Some(true),
            _ => None,
        });
        match (self.path("tls_cert"), self.path("tls_key")) {
            (Some(cert), Some(key)) => Tls::Given { cert, key },
            (None, None) if off == Some(true) => Tls::Off,
            (None, None) => {
                if storage.data.is_none() {
                    self.problems.push(
                        "with a PostgreSQL database there is no folder for a local certificate authority: give --tls-cert and --tls-key, or --tls off".to_owned(),
                    );
                }
                Tls::SelfSigned
            }
            _ => {
                self.problems
                    .push("--tls-cert and --tls-key belong together".to_owned());
                Tls::Off
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self.problems.as_slice() {
            [] => Ok(()),
            [one] => Err(anyhow::anyhow!("{one}")),
            many => Err(anyhow::anyhow!(
                "{} settings cannot be used:\n  {}",
                many.len(),
                many.join("\n  ")
            )),
        }
    }
}

/// Variables that look like misspelt settings. Others may begin with the same letters: container platforms describe a
/// service of the name roster in them.
fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = vec!["config", "log", "log_format"];
    known.extend(KEYS);
    names
        .filter_map(|name| {
            let word = name.strip_prefix("ROSTER_")?.to_lowercase();
            let near = nearest(&word, &known).filter(|near| *near != word)?;
            Some(format!(
                "warning: the variable {name} is not known and is left aside; did you mean ROSTER_{}?",
                near.to_uppercase()
            ))
        })
        .collect()
}

/// What kind of source a value came from, by how that is shown: a flag, a variable, or a place in the file.
fn source(from: &str) -> u8 {
    match from {
        // A file may have any name, but its places have colons.
        from if from.contains(':') => 0,
        from if from.starts_with("--") => 2,
        from if from.starts_with("ROSTER_") => 1,
        _ => 0,
    }
}

fn line_column(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests;
