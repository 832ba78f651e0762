//! Lists of Adobe-only people: written by `write-file`, read by `--adobe-only-user-list`.

use std::fs;
use std::io;
use std::path::Path;

use roster_core::plan::World;
use roster_core::plan::people::{Account, UserKey};
use roster_core::plan::text::{SetId, TextId};

use crate::config::codec;
use crate::config::main_file::identity_type;
use crate::log::Log;
use crate::read::ReadError;
use crate::read::csv::Table;
use crate::whole::write_whole;

/// Writes the list, so that a reader sees the old file or the whole new one.
pub(crate) fn write(
    path: &Path,
    rows: &[(usize, UserKey)],
    names: &[String],
    world: &World,
    log: &Log,
) -> io::Result<()> {
    log.info(
        "processor",
        format_args!("Writing Adobe-only users to: {}", path.display()),
    );
    let separator = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        b','
    } else {
        b'\t'
    };
    let several = rows.iter().any(|(organization, _)| *organization > 0);
    let mut writer = ::csv::WriterBuilder::new()
        .delimiter(separator)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let mut header = vec!["type", "email", "domain"];
    header.extend(several.then_some("umapi"));
    writer.write_record(header)?;
    for (organization, key) in rows {
        let texts = &world.texts;
        let email = if key.email.is_empty() {
            key.username
        } else {
            key.email
        };
        let mut row = vec![key.kind.as_str(), texts.get(email), texts.get(key.domain)];
        let name = organization
            .checked_sub(1)
            .and_then(|at| names.get(at))
            .map_or("", String::as_str);
        row.extend(several.then_some(name));
        writer.write_record(row)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))?;
    write_whole(path, &bytes, false)?;
    let primary = rows.iter().filter(|(organization, _)| *organization == 0).count();
    let rest = if several {
        format!(
            " for primary umapi, with {} secondary umapi(s)",
            rows.len() - primary
        )
    } else {
        String::new()
    };
    log.info(
        "processor",
        format_args!("Wrote {primary} Adobe-only user(s){rest}"),
    );
    Ok(())
}

/// Leaves the list of a run unwritten whose directory is in doubt, and takes away that of an earlier run: whoever works through
/// the list would take it for this one, and remove people who have come back since.
pub(crate) fn withhold(path: &Path, log: &Log) {
    let before = match fs::metadata(path) {
        Ok(found) if found.is_file() => match fs::remove_file(path) {
            Ok(()) => "; that of an earlier run was removed, so that nobody takes it for this one".to_owned(),
            Err(error) => {
                format!("; that of an earlier run cannot be removed, and must not be used: {error}")
            }
        },
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            format!(
                "; whether one of an earlier run is there cannot be seen, and it must not be used: {error}"
            )
        }
        _ => String::new(),
    };
    log.error(
        "processor",
        "list-withheld",
        format_args!(
            "The list of Adobe-only users `{}` was not written, because it would name people who may only be missing from what was \
             read{before}",
            path.display()
        ),
    );
}

/// Says that a run would write no list, and forget that of an earlier one.
pub(crate) fn say_withheld(path: &Path, log: &Log) {
    let before = if path.is_file() {
        ", and would remove that of an earlier run"
    } else {
        ""
    };
    log.error(
        "processor",
        "list-withheld",
        format_args!(
            "A run would not write the list of Adobe-only users `{}`, because it would name people who may only be missing from what \
             was read{before}",
            path.display()
        ),
    );
}

/// Reads a list into the organizations of `world` as accounts about which nothing else is known.
pub(crate) fn read(path: &Path, names: &[String], world: &mut World, log: &Log) -> Result<(), ReadError> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| ReadError {
        key: "file-not-readable",
        message: format!("Can't open file `{shown}`: {error}"),
    })?;
    let text = codec::decode(bytes, encoding_rs::UTF_8).map_err(|offset| ReadError {
        key: "file-encoding",
        message: format!("Encoding error in file `{shown}`: byte {offset} is not UTF-8"),
    })?;
    let mut table = Table::open(path, None, text)?;
    let header = table.header.clone();
    let unknown: Vec<&str> = header
        .iter()
        .map(String::as_str)
        .filter(|name| !["type", "email", "username", "domain", "umapi"].contains(name))
        .collect();
    if !unknown.is_empty() {
        log.warning(
            "processor",
            "unknown-columns",
            format_args!("`{shown}`: unrecognized column names: {}", unknown.join(", ")),
        );
    }
    let place = |name: &str| header.iter().rposition(|cell| cell == name);
    let places = ["type", "email", "username", "domain", "umapi"].map(place);
    let [kind, email, username, ..] = places;
    if kind.is_none() || (email.is_none() && username.is_none()) {
        return Err(ReadError {
            key: "list-columns-missing",
            message: format!(
                "`{shown}` is no list of Adobe-only users: it has the columns {}, and needs `type` and `email` or `username`, as \
                 `--adobe-only-user-action write-file` writes them; nothing was sent",
                header
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        });
    }
    let mut row = 0;
    while let Some(record) = table.next()? {
        row += 1;
        let cells = places.map(|at| at.and_then(|at| record.get(at)).unwrap_or("").trim());
        let line = Row { number: row, cells };
        if let Some((organization, account)) = line.account(names, world, log)
            && let Some(organization) = world.organizations.get_mut(organization)
        {
            organization.accounts.push(account);
        }
    }
    Ok(())
}

struct Row<'r> {
    number: usize,
    /// type, email, username, domain, umapi
    cells: [&'r str; 5],
}

impl Row<'_> {
    fn account(&self, names: &[String], world: &mut World, log: &Log) -> Option<(usize, Account)> {
        let [kind, email, username, domain, umapi] = self.cells;
        let row = self.number;
        let refuse = |key: &str, text: String| {
            log.error("processor", key, format_args!("{text} (row {row})"));
            None
        };
        if email.is_empty() && username.is_empty() {
            log.warning(
                "processor",
                "list-row-nobody",
                format_args!("Username or email address must be specified (row {row}); the row is left out"),
            );
            return None;
        }
        if email.is_empty() {
            log.warning(
                "processor",
                "list-row-email-missing",
                format_args!(
                    "Please specify user email address: the action may fail for `{username}` (row {row})"
                ),
            );
        }
        let Some(kind) = identity_type(kind) else {
            return refuse(
                "unknown-identity-type",
                format!("Unrecognized identity type: `{kind}`; the row is left out"),
            );
        };
        let organization = if umapi.is_empty() {
            0
        } else {
            match names.iter().position(|name| name == umapi) {
                Some(at) => at + 1,
                None => {
                    return refuse(
                        "unknown-secondary",
                        format!("Unknown umapi `{umapi}`; the row is left out"),
                    );
                }
            }
        };
        let Some(key) = UserKey::new(&mut world.texts, kind, username, domain, email) else {
            return refuse(
                "list-row-invalid",
                format!("Invalid input line, ignored: `{}`", self.cells.join(",")),
            );
        };
        let account = Account {
            key,
            email: world.texts.intern(email),
            username: world
                .texts
                .intern(if username.is_empty() { email } else { username }),
            domain: world.texts.intern(domain),
            firstname: TextId::EMPTY,
            lastname: TextId::EMPTY,
            groups: SetId::EMPTY,
            excluded_by: 0,
        };
        Some((organization, account))
    }
}
