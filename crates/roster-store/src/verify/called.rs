//! What the rows of findings are called: numbers alone tell nobody whom it is about.

use std::collections::BTreeMap;

use super::Finding;
use crate::conn::Param;
use crate::error::StoreError;
use crate::listing::group_names;
use crate::reader::Reader;

/// Says of each finding what its row is called, where there is a row that says so.
pub(crate) fn name(reader: &mut Reader<'_>, findings: &mut [Finding]) -> Result<(), StoreError> {
    for finding in findings {
        let words: Vec<&str> = finding.row.split(' ').collect();
        let number = |n: usize| words.get(n).and_then(|word| word.parse::<i64>().ok());
        let (Some(table), Some(first)) = (words.first(), number(1)) else {
            continue;
        };
        let mut called = Vec::new();
        match (*table, number(2)) {
            ("members", Some(account)) if finding.rule == "an organization has each member once" => {
                called.extend(email(reader, account)?);
            }
            // By organization and place.
            ("members", Some(second)) => {
                let sql = "SELECT account FROM members WHERE org = $1 AND seq = $2";
                let placed = reader.number(sql, &[Param::Int(first), Param::Int(second)])?;
                called.extend(email(reader, placed.unwrap_or(second))?);
            }
            ("accounts" | "members" | "memberships" | "seats" | "passwords", _) => {
                called.extend(email(reader, first)?);
            }
            ("organizations", _) => {
                called.extend(text(
                    reader,
                    "SELECT id FROM organizations WHERE org = $1",
                    first,
                )?);
            }
            ("products", _) => {
                called.extend(text(
                    reader,
                    "SELECT name FROM products WHERE product = $1",
                    first,
                )?);
            }
            // The log names the organization of a relation before the directory.
            ("directories" | "relations", second) => {
                called.extend(text(
                    reader,
                    "SELECT name FROM directories WHERE directory = $1",
                    second.unwrap_or(first),
                )?);
            }
            ("groups" | "links", _) => called.extend(group(reader, first)?),
            _ => {}
        }
        // `memberships 7 of group 3`, `seats 7 of profile 3`, `links 3 to 4`.
        let second = match words.get(2) {
            Some(&"of") => number(4),
            Some(&"to") => number(3),
            _ => None,
        };
        if let Some(second) = second {
            called.extend(group(reader, second)?);
        }
        if !called.is_empty() {
            finding.called = Some(called.join(", "));
        }
    }
    Ok(())
}

fn email(reader: &mut Reader<'_>, account: i64) -> Result<Option<String>, StoreError> {
    text(reader, "SELECT email FROM accounts WHERE account = $1", account)
}

fn group(reader: &mut Reader<'_>, group: i64) -> Result<Option<String>, StoreError> {
    let mut names: BTreeMap<i64, String> = group_names(reader, &[group])?;
    Ok(names.remove(&group))
}

fn text(reader: &mut Reader<'_>, sql: &str, number: i64) -> Result<Option<String>, StoreError> {
    let mut found = None;
    reader.query(sql, &[Param::Int(number)], &mut |row| {
        found = Some(row.text(0)?.to_owned());
        Ok(())
    })?;
    Ok(found)
}
