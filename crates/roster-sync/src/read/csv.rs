//! People from a CSV file.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use ::csv::StringRecord;
use roster_core::plan::text::{SetId, TextId};
use roster_core::value::IdentityType;

use crate::config::codec;
use crate::config::main_file::identity_type;
use crate::config::section::{Problems, Section, nearest};
use crate::config::yaml::Node;
use crate::log::Log;
use crate::read::attributes::{Attribute, Attributes};
pub(crate) use crate::read::csv::table::{Table, whole};
use crate::read::{People, ReadError, Record, Tables};

/// The settings of the connector file.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The file.
    pub file: PathBuf,
    /// Between cells; by the file's extension when unset.
    pub delimiter: Option<String>,
    /// The name of the file's encoding.
    pub encoding: String,
    /// `user_identity_type` of the connector file.
    pub default_type: Option<IdentityType>,
    /// The names of the columns.
    pub columns: Columns,
    /// Whether rows mean what they meant to user-sync, also where that takes somebody out (S158).
    pub strict: bool,
}

/// The names of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub email: String,
    pub firstname: String,
    pub lastname: String,
    pub country: String,
    pub groups: String,
    pub kind: String,
    pub username: String,
    pub domain: String,
}

impl Default for Columns {
    fn default() -> Self {
        let name = |text: &str| text.to_owned();
        Self {
            email: name("email"),
            firstname: name("firstname"),
            lastname: name("lastname"),
            country: name("country"),
            groups: name("groups"),
            kind: name("type"),
            username: name("username"),
            domain: name("domain"),
        }
    }
}

impl Settings {
    /// A file with the usual columns.
    pub(crate) fn plain(file: PathBuf) -> Self {
        Self {
            file,
            delimiter: None,
            encoding: "utf8".to_owned(),
            default_type: None,
            columns: Columns::default(),
            strict: false,
        }
    }

    /// Reads the connector file; `file` is what the command line names.
    pub(crate) fn read(node: &Node, file: PathBuf, problems: &Problems) -> Option<Self> {
        let section = Section::new(node, "", problems)?;
        let usual = Columns::default();
        let column = |key: &str, usual: String| section.text(key).unwrap_or(usual);
        let columns = Columns {
            email: column("email_column_name", usual.email),
            firstname: column("first_name_column_name", usual.firstname),
            lastname: column("last_name_column_name", usual.lastname),
            country: column("country_column_name", usual.country),
            groups: column("groups_column_name", usual.groups),
            kind: column("identity_type_column_name", usual.kind),
            username: column("username_column_name", usual.username),
            domain: column("domain_column_name", usual.domain),
        };
        let default_type = section.text("user_identity_type").and_then(|word| {
            let found = identity_type(&word);
            if found.is_none() {
                problems.error(
                    section.get("user_identity_type").map(|n| &n.place),
                    "unknown-identity-type",
                    format!("`user_identity_type`: Unrecognized identity type: `{word}`"),
                );
            }
            found
        });
        let delimiter = section.text("delimiter");
        if let Some(text) = &delimiter
            && (text.len() != 1 || text == "\"" || text == "\n" || text == "\r")
        {
            problems.error(
                section.get("delimiter").map(|n| &n.place),
                "bad-delimiter",
                format!("`delimiter` has to be one character such as `;`, not `{text}`"),
            );
        }
        let encoding = section
            .text("string_encoding")
            .unwrap_or_else(|| "utf8".to_owned());
        if codec::find(&encoding).is_none() {
            problems.error(
                section.get("string_encoding").map(|n| &n.place),
                "unknown-encoding",
                format!(
                    "`string_encoding`: unknown encoding `{encoding}`; `utf-8` and `latin-1` are examples"
                ),
            );
        }
        section.get("file_path");
        section.get("logger_name");
        section.finish();
        Some(Self {
            file,
            delimiter,
            encoding,
            default_type,
            columns,
            strict: false,
        })
    }
}

/// What the mapping knows, for lists of groups with blanks beside the commas.
pub(crate) type Mapped = BTreeSet<String>;

/// What is wanted of a file.
pub(crate) struct Wanted<'r> {
    /// The type of people whose row and connector file name none.
    pub(crate) default_type: IdentityType,
    /// The groups of the mapping.
    pub(crate) mapped: &'r Mapped,
    /// Whether somebody who is in no group would lose something.
    pub(crate) groups: bool,
    /// The names of further columns, where there is a hook to see them.
    pub(crate) extended: Option<&'r [String]>,
}

/// Reads what is in the file. A row with more cells than the header is left out and counted.
///
/// # Errors
///
/// A file that is empty, without a column of e-mail addresses or of groups that are wanted, not in its encoding or cut off.
pub(crate) fn read(
    settings: &Settings,
    wanted: &Wanted<'_>,
    bytes: Vec<u8>,
    tables: &mut Tables<'_>,
    log: &Log,
) -> Result<People, ReadError> {
    let (file, columns) = (&settings.file, &settings.columns);
    let text = text(settings, bytes)?;
    let mut table = Table::open(file, settings.delimiter.as_deref(), text)?;
    let extended = wanted.extended;
    let places = Places::find(&table.header, settings, extended.unwrap_or_default(), log);
    if places.email.is_none() && !settings.strict {
        return Err(ReadError::without_email(file, &columns.email, &table.header));
    }
    // A hook may know the groups from elsewhere.
    let lacks_groups = places.groups.is_none() && wanted.groups && extended.is_none() && !settings.strict;
    let mut people = People::default();
    let mut shown = Vec::new();
    if let Some(extended) = extended {
        let usual = settings.columns.names();
        people.attributes = Attributes::new(usual.into_iter().chain(extended).map(String::as_str));
        let places = people
            .attributes
            .names
            .iter()
            .map(|name| place(&table.header, name));
        shown = places.collect();
    }
    let mut reader = Reader {
        default_type: settings.default_type.unwrap_or(wanted.default_type),
        strict: settings.strict,
        places,
        mapped: wanted.mapped,
        tables,
        log,
        people,
        shown,
        by_email: Vec::new(),
        gone: BTreeSet::new(),
        group_lists: BTreeMap::new(),
    };
    let (mut row, cells) = (0, table.header.len());
    while let Some(record) = table.next()? {
        row += 1;
        match beyond(record, cells, reader.places.email) {
            Some(beyond) if !settings.strict => {
                reader.people.broken_rows += 1;
                let line = record.position().map_or(0, ::csv::Position::line);
                log.warning(
                    "csv",
                    "row-too-long",
                    format_args!(
                        "{}:{line}: row {row} has {} cells and the header has {cells}; the row is left out. `{beyond}` belongs \
                         to no column: put a cell with delimiters in it, such as a list of groups, into quotes (\"A,B\")",
                        file.display(),
                        record.len()
                    ),
                );
            }
            _ => reader.row(row, record),
        }
    }
    let (mut people, gone) = (reader.people, reader.gone);
    // Where nobody is in the file, nobody's groups are missing.
    if lacks_groups && !people.records.is_empty() {
        return Err(without_groups(settings, &table.header));
    }
    let mut at = 0;
    people.records.retain(|_| {
        at += 1;
        !gone.contains(&at)
    });
    Ok(people)
}

/// What stands behind the last column, where cells have slipped: something, or nothing and what should be an address is none.
fn beyond(record: &StringRecord, cells: usize, email: Option<usize>) -> Option<&str> {
    let is_address = email
        .and_then(|at| record.get(at))
        .is_none_or(|cell| cell.contains('@'));
    record
        .iter()
        .skip(cells)
        .find(|cell| !is_address || !cell.trim().is_empty())
}

/// A table that says nothing of groups, where that would take everybody out of them.
fn without_groups(settings: &Settings, header: &[String]) -> ReadError {
    let column = &settings.columns.groups;
    let names = header.iter().map(String::as_str);
    let meant = nearest(column, names).map_or(".".to_owned(), |name| format!("; did you mean `{name}`?"));
    ReadError {
        key: "file-without-groups",
        message: format!(
            "the file `{}` has no column `{column}`, so nobody in it would be in any group; its columns are: {}{meant} \
             `groups_column_name` of the connector file says how else it is called; a directory in which nobody is in a group \
             has the column, with nothing in it",
            settings.file.display(),
            header.join(", "),
        ),
    }
}

fn text(settings: &Settings, bytes: Vec<u8>) -> Result<String, ReadError> {
    let file = &settings.file;
    let encoding = codec::find(&settings.encoding).unwrap_or(encoding_rs::UTF_8);
    codec::decode(bytes, encoding).map_err(|offset| {
        // A pipe cannot be read twice.
        let again = if file.is_file() { fs::read(file) } else { Ok(Vec::new()) };
        let again = again.unwrap_or_default();
        let line = if again.len() < offset {
            String::new()
        } else {
            format!(" (line {})", codec::line_of(&again, offset))
        };
        ReadError {
            key: "file-encoding",
            message: format!(
                "Encoding error in file `{}`: byte {offset}{line} is not {}; set `string_encoding` in the connector file, for \
                 instance to `latin-1`",
                file.display(),
                encoding.name()
            ),
        }
    })
}

/// Where the columns stand; `None` for one that is not there.
struct Places {
    email: Option<usize>,
    firstname: Option<usize>,
    lastname: Option<usize>,
    country: Option<usize>,
    groups: Option<usize>,
    kind: Option<usize>,
    username: Option<usize>,
    domain: Option<usize>,
}

/// Where a column stands; of equal names the last counts.
fn place(header: &[String], name: &str) -> Option<usize> {
    header.iter().rposition(|cell| cell == name)
}

impl Columns {
    fn names(&self) -> [&String; 8] {
        [
            &self.email,
            &self.firstname,
            &self.lastname,
            &self.country,
            &self.groups,
            &self.kind,
            &self.username,
            &self.domain,
        ]
    }
}

impl Places {
    fn find(header: &[String], settings: &Settings, extended: &[String], log: &Log) -> Self {
        let names = settings.columns.names();
        let unknown: Vec<&str> = header
            .iter()
            .filter(|cell| !names.contains(cell) && !extended.contains(cell))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let message = format!(
                "`{}`: unrecognized column names: {}",
                settings.file.display(),
                unknown.join(", ")
            );
            log.warning("csv", "unknown-columns", message);
        }
        let [
            email,
            firstname,
            lastname,
            country,
            groups,
            kind,
            username,
            domain,
        ] = names.map(|name| place(header, name));
        Self {
            email,
            firstname,
            lastname,
            country,
            groups,
            kind,
            username,
            domain,
        }
    }
}

struct Reader<'r, 'w> {
    default_type: IdentityType,
    strict: bool,
    places: Places,
    mapped: &'r Mapped,
    tables: &'r mut Tables<'w>,
    log: &'r Log,
    people: People,
    /// Where the columns stand that hooks see.
    shown: Vec<Option<usize>>,
    /// Positions of people by the number of their folded e-mail, plus one.
    by_email: Vec<u32>,
    /// Positions of people whom a later row took out, plus one.
    gone: BTreeSet<u32>,
    /// Lists of groups seen so far, as written.
    group_lists: BTreeMap<String, SetId>,
}

impl Reader<'_, '_> {
    fn row(&mut self, row: u32, record: &StringRecord) {
        let raw = |place: Option<usize>| place.and_then(|at| record.get(at)).unwrap_or("");
        let cell = |place: Option<usize>| raw(place).trim();
        let email = cell(self.places.email);
        if !email.contains('@') {
            let line = record.position().map_or(0, ::csv::Position::line);
            let message = format!(
                "Missing or invalid email at row {row} (line {line}): `{email}`; the row is left out"
            );
            return self.log.warning("csv", "row-email-invalid", message);
        }
        let word = cell(self.places.kind);
        let kind = if word.is_empty() {
            self.default_type
        } else if let Some(kind) = identity_type(word) {
            kind
        } else {
            let message = format!(
                "Skipping user {email}: Unrecognized identity type: `{word}` at row {row} [unknown-identity-type]"
            );
            self.log.warning("csv", "row-skipped", message);
            if self.strict {
                self.take_out(email);
            }
            return;
        };
        let groups = self.groups(raw(self.places.groups));
        let username = Some(cell(self.places.username))
            .filter(|name| !name.is_empty())
            .unwrap_or(email);
        let domain = match cell(self.places.domain) {
            "" if username != email => email.split_once('@').map_or("", |(_, domain)| domain),
            domain => domain,
        };
        let texts = &mut *self.tables.texts;
        let folded = texts.intern_folded(email).index();
        let values = Record {
            kind: Some(kind),
            email: texts.intern(email),
            username: texts.intern(username),
            domain: texts.intern(domain),
            firstname: texts.intern(raw(self.places.firstname)),
            lastname: texts.intern(raw(self.places.lastname)),
            country: texts.intern(&cell(self.places.country).to_uppercase()),
            groups,
            member_groups: groups,
            place: row,
            attributes: 0,
        };
        if folded >= self.by_email.len() {
            self.by_email.resize((folded + 1).max(self.by_email.len() * 2), 0);
        }
        let Some(slot) = self.by_email.get_mut(folded) else {
            return;
        };
        if let Some(known) = slot
            .checked_sub(1)
            .and_then(|at| self.people.records.get_mut(at as usize))
        {
            let groups = self.tables.sets.union(known.groups, groups);
            let row = known.attributes;
            merge(known, values, groups);
            let texts = &mut *self.tables.texts;
            let newer = self.shown.iter().map(|&at| Attribute::text(texts, raw(at)));
            self.people.attributes.replace(row, newer);
        } else {
            let mut values = values;
            if !self.shown.is_empty() {
                let texts = &mut *self.tables.texts;
                let row = self.shown.iter().map(|&at| Attribute::text(texts, raw(at)));
                values.attributes = self.people.attributes.push(row);
            }
            self.people.records.push(values);
            *slot = u32::try_from(self.people.records.len()).unwrap_or(u32::MAX);
        }
    }

    /// Forgets what earlier rows said of somebody.
    fn take_out(&mut self, email: &str) {
        let folded = self.tables.texts.intern_folded(email).index();
        if let Some(slot) = self.by_email.get_mut(folded) {
            self.gone.insert(std::mem::take(slot));
        }
    }

    /// A list of names between commas. Blanks belong to a name, unless only the trimmed name is mapped.
    fn groups(&mut self, list: &str) -> SetId {
        if list.is_empty() {
            return SetId::EMPTY;
        }
        if let Some(&known) = self.group_lists.get(list) {
            return known;
        }
        let mut names = Vec::new();
        for name in list.split(',') {
            let trimmed = name.trim();
            let meant = if !self.strict && !self.mapped.contains(name) && self.mapped.contains(trimmed) {
                trimmed
            } else {
                name
            };
            if !meant.is_empty() {
                names.push(self.tables.texts.intern(meant).number());
            }
        }
        let set = self.tables.sets.intern(&mut names);
        self.group_lists.insert(list.to_owned(), set);
        set
    }
}

/// A further row of somebody: names, country and domain are replaced where it has them; type and username are its own.
fn merge(known: &mut Record, row: Record, groups: SetId) {
    let newer = |old: TextId, new: TextId| if new.is_empty() { old } else { new };
    *known = Record {
        kind: row.kind,
        email: known.email,
        username: row.username,
        domain: newer(known.domain, row.domain),
        firstname: newer(known.firstname, row.firstname),
        lastname: newer(known.lastname, row.lastname),
        country: newer(known.country, row.country),
        groups,
        member_groups: groups,
        place: known.place,
        attributes: known.attributes,
    };
}

#[cfg(test)]
mod tests {
    use roster_core::plan::World;
    use time::UtcOffset;

    use super::*;

    /// Reads a text as a CSV file; the people as `email groups`, or the error's stable name.
    fn people(text: &[u8], mapped: &[&str]) -> Result<Vec<String>, &'static str> {
        people_as(text, mapped, false)
    }

    fn people_as(text: &[u8], mapped: &[&str], strict: bool) -> Result<Vec<String>, &'static str> {
        let file = PathBuf::from("users.csv");
        let mut world = World::default();
        let mut tables = Tables {
            texts: &mut world.texts,
            sets: &mut world.sets,
        };
        let mapped: Mapped = mapped.iter().map(|&name| name.to_owned()).collect();
        let log = Log::new(Box::new(std::io::sink()), UtcOffset::UTC);
        let settings = Settings {
            strict,
            ..Settings::plain(file)
        };
        let wanted = Wanted {
            default_type: IdentityType::Federated,
            mapped: &mapped,
            groups: !mapped.is_empty(),
            extended: None,
        };
        let found = read(&settings, &wanted, text.to_vec(), &mut tables, &log).map_err(|error| error.key)?;
        let show = |record: &Record| {
            let groups = world
                .sets
                .get(record.groups)
                .iter()
                .map(|&n| world.texts.get(world.texts.id(n)));
            format!(
                "{} {}",
                world.texts.get(record.email),
                groups.collect::<Vec<_>>().join("|")
            )
        };
        Ok(found.records.iter().map(show).collect())
    }

    #[test]
    fn k10_files() {
        roster_testkit::fuzz::Target {
            name: "csv",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "\"", "\"\"", ",", ";", "\t", "\n", "\r\n", "email", "groups", "type", "a@b.c",
            ],
            property: |text| {
                let read = people(text, &["A", "B"]);
                // There is a row for everybody who was found.
                let rows = text.split(|byte| matches!(byte, b'\n' | b'\r')).count();
                assert!(read.map_or(0, |found| found.len()) <= rows);
            },
        }
        .run();
    }

    #[test]
    fn groups_are_trimmed_only_where_that_makes_them_known() {
        let text = b"email,groups\na@x.com,\"Photo, Design, Other\"\n";
        assert_eq!(
            people(text, &["Photo", "Design"]),
            Ok(vec!["a@x.com Photo|Design| Other".to_owned()])
        );
        assert_eq!(
            people(text, &[" Design"]),
            Ok(vec!["a@x.com Photo| Design| Other".to_owned()])
        );
    }

    #[test]
    fn strictly_a_row_of_no_type_takes_its_person_out_and_blanks_belong_to_groups() {
        let text =
            b"email,groups,type\na@x.com,\"Photo, Design\",\nb@x.com,,\nA@x.com,,wizard\nc@x.com,,nonsense\n";
        let mapped = ["Photo", "Design"];
        assert_eq!(
            people_as(text, &mapped, false),
            Ok(vec!["a@x.com Photo|Design".to_owned(), "b@x.com ".to_owned()])
        );
        assert_eq!(people_as(text, &mapped, true), Ok(vec!["b@x.com ".to_owned()]));
        // A row after that is the first of its person.
        let again = [text.as_slice(), b"a@x.com,\"Photo, Design\",\n"].concat();
        assert_eq!(
            people_as(&again, &mapped, true),
            Ok(vec!["b@x.com ".to_owned(), "a@x.com Photo| Design".to_owned()])
        );
    }

    #[test]
    fn rows_of_one_person_add_up_and_blank_rows_do_not_count() {
        let text = b"\xef\xbb\xbf\n\nemail,groups\r\nA@x.com,G\r\n , \r\na@X.com,H\r\n";
        assert_eq!(people(text, &[]), Ok(vec!["A@x.com G|H".to_owned()]));
    }

    #[test]
    fn a_row_with_more_cells_than_the_header_is_left_out_unless_strictly() {
        let text = b"email,groups\na@x.com,A,B\nb@x.com,\"A,B\",, \nc@x.com,A\n";
        let with = ["A", "B"];
        let (b, c) = ("b@x.com A|B".to_owned(), "c@x.com A".to_owned());
        assert_eq!(people(text, &with), Ok(vec![b.clone(), c.clone()]));
        let all = vec!["a@x.com A".to_owned(), b, c];
        assert_eq!(people_as(text, &with, true), Ok(all));
    }

    #[test]
    fn a_file_without_the_groups_that_are_wanted_is_refused_unless_strictly() {
        let text = b"email,group\na@x.com,A\n";
        assert_eq!(people(text, &["A"]), Err("file-without-groups"));
        assert_eq!(people(text, &[]), Ok(vec!["a@x.com ".to_owned()]));
        assert_eq!(people_as(text, &["A"], true), Ok(vec!["a@x.com ".to_owned()]));
    }

    #[test]
    fn an_empty_file_and_a_file_cut_off_are_errors() {
        assert_eq!(people(b"", &[]), Err("file-empty"));
        assert_eq!(people(b"\n\n", &[]), Err("file-empty"));
        assert_eq!(people(b"email,groups\n", &[]), Ok(vec![]));
        assert_eq!(people(b"email,groups\na@x.com,\"G", &[]), Err("file-cut-off"));
        assert_eq!(
            people(b"email,firstname,groups\na@x.com,A,G\nb@x.com,B", &[]),
            Err("file-cut-off")
        );
    }

    #[test]
    fn the_example_is_right_with_everything_in_it_switched_on() {
        let text = include_str!("../../../roster/src/command/sync/examples/connector-csv.yml");
        let text = crate::config::section::switched_on(text, &[]);
        let problems = Problems::default();
        let node = crate::config::yaml::parse(&text, "csv.yml").unwrap();
        let settings = Settings::read(&node, PathBuf::from("users.csv"), &problems).unwrap();
        let said = problems.into_list();
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(
            settings.columns,
            Columns::default(),
            "what is commented out is the usual"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = people(&bytes, &[]);
        }
    }

    #[test]
    fn a_file_cut_off_before_the_last_cell_of_a_row_is_never_taken_for_a_whole_one() {
        let text = b"email,firstname,groups\nada@x.com,Ada,Photo\nkim@x.com,Kim,Roe\n";
        let header = text.iter().position(|&b| b == b'\n').unwrap();
        for cut in header + 1..=text.len() {
            let part = &text[..cut];
            let last = part.rsplit(|&b| b == b'\n').next().unwrap();
            let cells = last.split(|&b| b == b',').count();
            if !last.is_empty() && cells < 3 {
                assert_eq!(
                    people(part, &[]),
                    Err("file-cut-off"),
                    "{:?}",
                    String::from_utf8_lossy(part)
                );
            } else {
                assert!(people(part, &[]).is_ok(), "{:?}", String::from_utf8_lossy(part));
            }
        }
    }
}
