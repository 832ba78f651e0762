//! Texts under which rows are found have to be the folded form of those that are shown, and words have to be known.

use roster_core::value::{Country, IdentityType, Key, OrgState, Status};

use super::{Finding, Limited};
use crate::error::StoreError;
use crate::reader::Reader;

/// Tables with a text and its folded form: key, text, folded.
const FOLDED: [(&str, &str); 5] = [
    ("accounts", "SELECT account, username, username_key FROM accounts"),
    ("accounts", "SELECT account, email, email_key FROM accounts"),
    (
        "groups",
        "SELECT grp, name, name_key FROM groups WHERE name_key IS NOT NULL",
    ),
    ("products", "SELECT product, name, name_key FROM products"),
    ("organizations", "SELECT org, id, id_key FROM organizations"),
];

pub(super) fn verify(reader: &mut Reader<'_>, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let mut found = Limited::new("a name is found under its folded form", findings);
    for (table, sql) in FOLDED {
        reader.query(sql, &[], &mut |row| {
            let key = Key::new(row.text(1)?);
            if key.as_str() != row.text(2)? {
                found.add(
                    format!("{table} {}", row.int(0)?),
                    row.text(2)?.to_owned(),
                    key.into_string(),
                );
            }
            Ok(())
        })?;
    }
    let sql = "SELECT name, name, name FROM domains";
    reader.query(sql, &[], &mut |row| {
        let name = row.text(0)?;
        if Key::new(name).as_str() != name {
            found.add(
                "domains".to_owned(),
                name.to_owned(),
                Key::new(name).into_string(),
            );
        }
        Ok(())
    })?;
    words(reader, findings)
}

fn words(reader: &mut Reader<'_>, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let mut found = Limited::new("words are known", findings);
    let sql = "SELECT account, kind, status, country, domain FROM accounts";
    reader.query(sql, &[], &mut |row| {
        let known = IdentityType::parse(row.text(1)?).is_some()
            && Status::parse(row.text(2)?).is_some()
            && Country::parse(row.text(3)?).is_ok()
            && Key::new(row.text(4)?).as_str() == row.text(4)?;
        if !known {
            let words = [row.text(1)?, row.text(2)?, row.text(3)?, row.text(4)?].join(" ");
            let expected = "a type, a status, a country and a domain in lower case".to_owned();
            found.add(format!("accounts {}", row.int(0)?), words, expected);
        }
        Ok(())
    })?;
    let sql = "SELECT grp, kind, base, product FROM groups";
    reader.query(sql, &[], &mut |row| {
        let id = row.int(0)?;
        if crate::row::group_kind(id, row.text(1)?, row.opt_int(2)?, row.opt_int(3)?).is_err() {
            let expected = "a kind with what belongs to it".to_owned();
            found.add(format!("groups {id}"), row.text(1)?.to_owned(), expected);
        }
        Ok(())
    })?;
    reader.query("SELECT org, state FROM organizations", &[], &mut |row| {
        if OrgState::parse(row.text(1)?).is_none() {
            let expected = "active or migrating".to_owned();
            found.add(
                format!("organizations {}", row.int(0)?),
                row.text(1)?.to_owned(),
                expected,
            );
        }
        Ok(())
    })
}
