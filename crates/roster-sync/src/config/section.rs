//! Looking into a configuration: typed values, all problems at once, keys nobody asked for.

use std::cell::RefCell;
use std::fmt;

use crate::config::yaml::{Node, Place, Value};

/// Something wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, if the place is known.
    pub place: Option<Place>,
    /// What, in a sentence.
    pub text: String,
    /// The stable names of the problem, for programs that read the log.
    pub keys: Vec<&'static str>,
    /// Whether it only needs to be said.
    pub warning: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}: ", place.file, place.line)?;
        }
        f.write_str(&self.text)?;
        for key in &self.keys {
            write!(f, " [{key}]")?;
        }
        Ok(())
    }
}

/// What is wrong with a configuration, collected while it is read.
#[derive(Debug, Default)]
pub struct Problems {
    list: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Notes an error.
    pub fn error(&self, place: Option<&Place>, key: &'static str, text: impl Into<String>) {
        self.add(place, vec![key], text.into(), false);
    }

    /// Notes something that is only said.
    pub fn warning(&self, place: Option<&Place>, key: &'static str, text: impl Into<String>) {
        self.add(place, vec![key], text.into(), true);
    }

    /// Notes an error that goes by several names.
    pub fn add(&self, place: Option<&Place>, keys: Vec<&'static str>, text: String, warning: bool) {
        self.list.borrow_mut().push(Problem {
            place: place.cloned(),
            text,
            keys,
            warning,
        });
    }

    /// Whether any of them is an error.
    pub fn any(&self) -> bool {
        self.list.borrow().iter().any(|problem| !problem.warning)
    }

    /// All of them, in the order found.
    pub fn into_list(self) -> Vec<Problem> {
        self.list.into_inner()
    }
}

/// A mapping of the configuration that is being read. Every key asked for is known; the others are problems.
#[derive(Debug)]
pub struct Section<'n, 'p> {
    node: &'n Node,
    /// The way to it, as in `adobe_users.connectors`; empty at the top.
    path: String,
    problems: &'p Problems,
    asked: RefCell<Vec<String>>,
}

impl<'n, 'p> Section<'n, 'p> {
    /// Looks into a node; `None`, with a problem, when it is no mapping.
    pub fn new(node: &'n Node, path: &str, problems: &'p Problems) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            problems.error(
                Some(&node.place),
                "value-wrong-type",
                format!("`{path}` should be a mapping, not {}", node.value.kind()),
            );
            return None;
        }
        Some(Self {
            node,
            path: path.to_owned(),
            problems,
            asked: RefCell::default(),
        })
    }

    /// Where problems are noted.
    pub fn problems(&self) -> &'p Problems {
        self.problems
    }

    /// Where the section begins.
    pub fn place(&self) -> &'n Place {
        &self.node.place
    }

    /// The full name of a key.
    pub fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value under a key, unless it is null.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.asked.borrow_mut().push(key.to_owned());
        self.node.get(key).filter(|node| node.value != Value::Null)
    }

    /// Whether a key is there, null or not.
    pub fn has(&self, key: &str) -> bool {
        self.asked.borrow_mut().push(key.to_owned());
        self.node.get(key).is_some()
    }

    /// The entries, in order; all keys count as asked for.
    pub fn entries(&self) -> &'n [(Node, Node)] {
        match &self.node.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A mapping under a key.
    pub fn section(&self, key: &str) -> Option<Section<'n, 'p>> {
        Section::new(self.get(key)?, &self.name(key), self.problems)
    }

    /// A mapping that has to be there.
    pub fn required_section(&self, key: &str) -> Option<Section<'n, 'p>> {
        if self.get(key).is_none() {
            self.missing(key);
        }
        self.section(key)
    }

    /// Text.
    pub fn text(&self, key: &str) -> Option<String> {
        let node = self.get(key)?;
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => self.wrong_type(key, node, "text"),
        }
    }

    /// Notes a control character in a text that cannot mean one: a name after a backslash, in double quotes.
    pub fn check_plain(&self, key: &str, text: &str, place: &Place) {
        let Some(found) = text.chars().find(|c| c.is_control()) else {
            return;
        };
        self.problems.error(
            Some(place),
            "control-character",
            format!(
                "`{}` has a control character in it (U+{:04X}): in double quotes a backslash begins an escape, as in `\\r` and \
                 `\\n`; in single quotes it stands for itself",
                self.name(key),
                u32::from(found)
            ),
        );
    }

    /// Text that has to be there.
    pub fn required_text(&self, key: &str) -> Option<String> {
        if self.get(key).is_none() {
            self.missing(key);
        }
        self.text(key)
    }

    /// A boolean.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        match node.value {
            Value::Bool(yes, _) => Some(yes),
            _ => self.wrong_type(key, node, "a boolean (`true` or `false`, without quotes)"),
        }
    }

    /// A whole number.
    pub fn integer(&self, key: &str) -> Option<i64> {
        let node = self.get(key)?;
        match node.value {
            Value::Int(number) => Some(number),
            _ => self.wrong_type(key, node, "a whole number"),
        }
    }

    /// A list, or a single value that stands for a list of one.
    pub fn list(&self, key: &str) -> Option<&'n [Node]> {
        let node = self.get(key)?;
        match &node.value {
            Value::List(items) => Some(items),
            _ => Some(std::slice::from_ref(node)),
        }
    }

    /// A list of texts, or a single one, each with its place.
    pub fn texts(&self, key: &str) -> Option<Vec<(String, &'n Place)>> {
        let mut found = Vec::new();
        for (position, node) in self.list(key)?.iter().enumerate() {
            match &node.value {
                Value::Text(text) => found.push((text.clone(), &node.place)),
                _ => {
                    let _: Option<()> = self.wrong_type(&format!("{key}[{position}]"), node, "text");
                }
            }
        }
        Some(found)
    }

    /// Notes that a key has to be there.
    pub fn missing(&self, key: &str) {
        self.problems.error(
            Some(&self.node.place),
            "value-missing",
            format!("`{}` is missing", self.name(key)),
        );
    }

    /// Notes a value of the wrong type.
    pub fn wrong_type<T>(&self, key: &str, node: &Node, wanted: &str) -> Option<T> {
        let quotes = match node.value {
            Value::Bool(..) | Value::Int(_) | Value::Float(_) | Value::Date(_) if wanted == "text" => {
                "; put it in quotes if the text itself is meant"
            }
            _ => "",
        };
        self.problems.error(
            Some(&node.place),
            "value-wrong-type",
            format!(
                "`{}` should be {wanted}, not {}{quotes}",
                self.name(key),
                node.value.kind()
            ),
        );
        None
    }

    /// Notes every key nobody asked for.
    pub fn finish(&self) {
        self.tell_unused(false);
    }

    /// Says which keys nobody asked for, where user-sync never minded them.
    pub fn finish_leniently(&self) {
        self.tell_unused(true);
    }

    fn tell_unused(&self, warning: bool) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries() {
            let name = match &key.value {
                Value::Text(text) => text.clone(),
                other => format!("{other:?}"),
            };
            if asked.contains(&name) {
                continue;
            }
            // A key that is there already is not what somebody meant to write.
            let free = asked
                .iter()
                .map(String::as_str)
                .filter(|key| self.node.get(key).is_none());
            let hint = nearest(&name, free);
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.problems.add(
                Some(&key.place),
                vec!["unused-keys"],
                format!("Found unused keys: `{}` is not known{hint}", self.name(&name)),
                warning,
            );
        }
    }
}

/// The known name that is nearest to a mistyped one, if any is near.
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = name.to_lowercase();
    let (distance, best) = known
        .map(|key| (distance(&wanted, &key.to_lowercase()), key))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.chars().count() / 4).then_some(best)
}

/// Edits between two words: insertions, deletions, replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// An example file that is filled in, with the settings that are commented out in it, but for those named.
#[cfg(test)]
pub(crate) fn switched_on(text: &str, but: &[&str]) -> String {
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start().len();
        let Some(rest) = line.trim_start().strip_prefix("# ") else {
            return line.to_owned();
        };
        let key = rest
            .trim_start_matches("- ")
            .trim_start()
            .split(':')
            .next()
            .unwrap();
        let is_key = rest.contains(':') && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let is_item = rest.trim_start().starts_with("- ") || rest.starts_with("  ");
        if (is_key || is_item) && !but.contains(&key) {
            format!("{}{rest}", " ".repeat(indent))
        } else {
            line.to_owned()
        }
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("fill in", "filled in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("Host", ["host", "port"].into_iter()), Some("host"));
        assert_eq!(
            nearest("proces_groups", ["process_groups", "users"].into_iter()),
            Some("process_groups")
        );
        assert_eq!(nearest("colour", ["host", "timeout"].into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn all_problems_are_found_at_once_each_with_its_line() {
        let node = parse("country: NO\nlist: [a, 5]\nlimt: 3\n", "main.yml").unwrap();
        let problems = Problems::default();
        let section = Section::new(&node, "", &problems).unwrap();
        assert_eq!(section.text("country"), None);
        assert_eq!(section.texts("list").unwrap().len(), 1);
        section.required_text("name");
        section.get("limit");
        section.finish();
        let said: Vec<String> = problems.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "main.yml:1: `country` should be text, not a boolean; put it in quotes if the text itself is meant [value-wrong-type]",
                "main.yml:2: `list[1]` should be text, not a whole number; put it in quotes if the text itself is meant [value-wrong-type]",
                "main.yml:1: `name` is missing [value-missing]",
                "main.yml:3: Found unused keys: `limt` is not known; did you mean `limit`? [unused-keys]",
            ]
        );
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let node = parse("a: null\nb:\nc: ~\nd: no\n", "main.yml").unwrap();
        let problems = Problems::default();
        let section = Section::new(&node, "", &problems).unwrap();
        assert_eq!(section.text("a"), None);
        assert_eq!(section.boolean("b"), None);
        assert_eq!(section.texts("c"), None);
        assert_eq!(section.boolean("d"), Some(false));
        assert!(!problems.any());
    }
}
