//! Whether the rows can be true: everything that is derived is worked out anew and compared (`rules`, `texts`), and
//! the log has to add up to the rows (`ledger`, `sums`); where it does not, it is replayed (`log`). Nothing is changed.

pub(crate) mod called;
pub(crate) mod ledger;
mod log;
mod rules;
mod stretch;
pub(crate) mod sums;
mod texts;

use std::fmt;

use crate::Store;
use crate::conn::{Conn, Param};
use crate::error::StoreError;
use crate::reader::Reader;

pub(crate) use stretch::Stretch;

/// Rows named for one rule; the rest is only said to exist.
const NAMED: usize = 20;

/// Something that cannot be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken, in words.
    pub rule: &'static str,
    /// The row, by its table and key.
    pub row: String,
    /// What the row is called: an e-mail address, the name of a group; `None` where nothing says so.
    pub called: Option<String>,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.row)?;
        if let Some(called) = &self.called {
            write!(f, " ({called})")?;
        }
        write!(f, " says {}, but it should be {}", self.found, self.expected)
    }
}

/// A part of verifying that can be done by itself.
#[derive(Debug, Clone, Copy)]
enum Part {
    File,
    References,
    Rule(&'static rules::Rule),
    Texts,
    Log(ledger::Piece),
}

/// What a part gave.
#[derive(Debug)]
enum Done {
    Findings(Vec<Finding>),
    Counted(ledger::Counted),
}

impl Store {
    /// Looks for rows that cannot be true, all at one moment; none when everything is fine. Parts are done beside one
    /// another, each on a connection of its own.
    pub async fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        self.read_beside(
            |reader: &mut Reader<'_>| {
                let mut parts = vec![Part::File];
                parts.extend(ledger::pieces(reader)?.into_iter().map(Part::Log));
                parts.extend(derived());
                Ok(parts)
            },
            |reader: &mut Reader<'_>, part: &Part| reader.verify_part(*part),
            |reader: &mut Reader<'_>, parts| reader.verify_conclude(parts),
        )
        .await
    }
}

/// The parts that look at how rows agree.
fn derived() -> impl Iterator<Item = Part> {
    let rules = rules::RULES.iter().map(Part::Rule);
    std::iter::once(Part::References)
        .chain(rules)
        .chain(std::iter::once(Part::Texts))
}

impl Reader<'_> {
    /// See [`Store::verify`]; one part after another.
    pub fn verify(&mut self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = self.verify_rows()?;
        self.verify_log(&mut findings)?;
        Ok(findings)
    }

    /// [`Store::verify`] without the log.
    pub fn verify_rows(&mut self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = self.verify_file()?;
        findings.extend(self.verify_derived()?);
        Ok(findings)
    }

    fn verify_part(&mut self, part: Part) -> Result<Done, StoreError> {
        let mut findings = Vec::new();
        match part {
            Part::File => findings = self.verify_file()?,
            Part::References => references(self, &mut findings)?,
            Part::Rule(rule) => self.verify_rule(rule, &mut findings)?,
            Part::Texts => texts::verify(self, &mut findings)?,
            Part::Log(piece) => return Ok(Done::Counted(ledger::count(self, piece)?)),
        }
        Ok(Done::Findings(findings))
    }

    /// Puts the parts together: first what is wrong with the rows, then what the log says of them.
    fn verify_conclude(&mut self, parts: Vec<Done>) -> Result<Vec<Finding>, StoreError> {
        let (mut findings, mut counted) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Done::Findings(found) => findings.extend(found),
                Done::Counted(piece) => counted.push(piece),
            }
        }
        ledger::conclude(self, counted, &mut findings)?;
        called::name(self, &mut findings)?;
        Ok(findings)
    }

    /// [`Store::verify`], the file alone: whether SQLite's holds together; PostgreSQL sees to its own files.
    pub(crate) fn verify_file(&mut self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        if let Conn::Sqlite(_) = &self.conn {
            let mut found = Limited::new("the file holds together", &mut findings);
            self.query("PRAGMA integrity_check", &[], &mut |row| {
                let text = row.text(0)?;
                if text != "ok" {
                    found.add("file".to_owned(), text.to_owned(), "ok".to_owned());
                }
                Ok(())
            })?;
        }
        Ok(findings)
    }

    /// [`Store::verify`], the log alone.
    pub(crate) fn verify_log(&mut self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let mut counted = Vec::new();
        for piece in ledger::pieces(self)? {
            counted.push(ledger::count(self, piece)?);
        }
        ledger::conclude(self, counted, findings)
    }

    /// [`Store::verify`] without the file and without the log: how the rows agree.
    pub(crate) fn verify_derived(&mut self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        for part in derived() {
            if let Done::Findings(found) = self.verify_part(part)? {
                findings.extend(found);
            }
        }
        Ok(findings)
    }

    fn verify_rule(&mut self, rule: &rules::Rule, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let mut found = Limited::new(rule.name, findings);
        let sql = format!("{} LIMIT $1", rule.sql);
        let limit = i64::try_from(NAMED + 1).unwrap_or(i64::MAX);
        self.query(&sql, &[Param::Int(limit)], &mut |row| {
            let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.unwrap_or("nothing").to_owned());
            found.add(format!("{} {}", rule.table, text(0)?), text(1)?, text(2)?);
            Ok(())
        })
    }
}

/// PostgreSQL never lets a reference point nowhere; SQLite may have been written to by another program.
fn references(reader: &mut Reader<'_>, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let Conn::Sqlite(_) = &reader.conn else {
        return Ok(());
    };
    let mut found = Limited::new("rows refer to rows that exist", findings);
    reader.query("PRAGMA foreign_key_check", &[], &mut |row| {
        found.add(
            row.text(0)?.to_owned(),
            "nothing".to_owned(),
            format!("a row of {}", row.text(2)?),
        );
        Ok(())
    })
}

/// Findings of one rule, the first of them by name.
struct Limited<'f> {
    rule: &'static str,
    count: usize,
    findings: &'f mut Vec<Finding>,
}

impl<'f> Limited<'f> {
    fn new(rule: &'static str, findings: &'f mut Vec<Finding>) -> Self {
        Self {
            rule,
            count: 0,
            findings,
        }
    }

    fn add(&mut self, row: String, found: String, expected: String) {
        self.count += 1;
        let row = match self.count.cmp(&(NAMED + 1)) {
            std::cmp::Ordering::Less => row,
            std::cmp::Ordering::Equal => format!("{row} and perhaps more"),
            std::cmp::Ordering::Greater => return,
        };
        self.findings.push(Finding {
            rule: self.rule,
            row,
            called: None,
            found,
            expected,
        });
    }
}
