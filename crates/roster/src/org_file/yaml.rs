//! YAML as a tree in which every value knows its line and column, and a reader that collects all problems of a
//! file instead of stopping at the first.

use granit_parser::{Event, Parser, ScalarStyle};

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) at: At,
    pub(crate) message: String,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) value: Value,
}

/// What YAML holds. Plain scalars keep their text: what they mean is for the reader of a key to say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar {
        text: String,
        quoted: bool,
        /// In quotes, which keep white space at both ends, unlike the block forms.
        exact: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// How deep a file may nest.
const MAX_DEPTH: usize = 32;

/// Reads one document. An empty one is an empty mapping.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        depth: 0,
    };
    let mut root = None;
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event if root.is_none() => root = Some(reader.node(event, at)?),
            _ => {
                return Err(Problem {
                    at,
                    message: "one document is expected, this starts a second".to_owned(),
                });
            }
        }
    }
    Ok(root.unwrap_or(Node {
        at: At { line: 1, column: 1 },
        value: Value::Map(Vec::new()),
    }))
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, At), Problem> {
        // A loop and not a call of itself: there may be any number of comments.
        loop {
            return match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => continue,
                Some(Ok((event, span))) => Ok((
                    event,
                    At {
                        line: span.start.line(),
                        column: span.start.col() + 1,
                    },
                )),
                Some(Err(error)) => {
                    let mark = error.marker();
                    let at = At {
                        line: mark.line(),
                        column: mark.col() + 1,
                    };
                    Err(Problem {
                        at,
                        message: format!("this is not YAML: {}", error.info()),
                    })
                }
                None => Ok((Event::StreamEnd, At { line: 1, column: 1 })),
            };
        }
    }

    fn node(&mut self, event: Event<'a>, at: At) -> Result<Node, Problem> {
        let value = match event {
            Event::Scalar(text, ..) if text.contains('\0') => {
                return Err(Problem {
                    at,
                    message: "a text cannot hold U+0000".to_owned(),
                });
            }
            Event::Scalar(text, style, ..) => Value::Scalar {
                text: text.into_owned(),
                quoted: style != ScalarStyle::Plain,
                exact: matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted),
            },
            Event::SequenceStart(..) => self.nested(at, Self::list)?,
            Event::MappingStart(..) => self.nested(at, Self::map)?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(Problem {
                    at,
                    message: "aliases (*name) are not read here; write the value out".to_owned(),
                });
            }
            _ => {
                return Err(Problem {
                    at,
                    message: "a value is expected here".to_owned(),
                });
            }
        };
        Ok(Node { at, value })
    }

    fn nested(&mut self, at: At, read: fn(&mut Self) -> Result<Value, Problem>) -> Result<Value, Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem {
                at,
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, at) => items.push(self.node(event, at)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, Problem> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, at)?;
            let (event, at) = self.next()?;
            let value = self.node(event, at)?;
            entries.push((key, value));
        }
    }
}

impl Node {
    /// The text of a scalar; `None` for lists, mappings and null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => None,
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether the value is absent in all but name.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false, .. } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What the value is, for messages.
    pub(crate) fn what(&self) -> String {
        match &self.value {
            _ if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.text() == Some(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// An element of a list.
    pub(crate) fn item(&self, n: usize) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(n),
            _ => None,
        }
    }
}

/// The known name nearest to a mistyped one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|name| (distance(word, name), *name)).min()?;
    (near.0 <= 2 || near.0 * 3 <= word.chars().count()).then_some(near.1)
}

/// Levenshtein distance, letter case aside.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = row.get(j).copied().unwrap_or_default() + usize::from(x != *y);
            let inserted = next.last().copied().unwrap_or_default() + 1;
            let removed = row.get(j + 1).copied().unwrap_or_default() + 1;
            next.push(replaced.min(inserted).min(removed));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k10_organization_files() {
        roster_testkit::fuzz::Target {
            name: "org",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "organizations:",
                "directories:",
                "domains:",
                "profiles:",
                "client_secret:",
                "{env: X}",
                ": ",
                "- ",
                "\n",
                "\n    ",
                "[",
                "]",
                "{",
                "}",
                "&a ",
                "*a",
                "!!binary ",
                "<<: ",
                "? ",
                "|\n",
                "'",
                "\"",
                "#",
                "---\n",
                "~",
            ],
            property: |text| {
                let Ok(text) = std::str::from_utf8(text) else {
                    return;
                };
                if let Err(problems) = crate::org_file::read::read(text) {
                    assert!(!problems.is_empty(), "it is refused without a reason");
                    let lines = text.lines().count() + 1;
                    for problem in problems {
                        assert!((1..=lines).contains(&problem.at.line), "{}", problem.at.line);
                    }
                }
            },
        }
        .run();
    }

    #[test]
    fn any_number_of_comments_is_read() {
        let text = format!("{}a: 1\n", "# a comment\n".repeat(100_000));
        assert_eq!(parse(&text).unwrap().get("a").unwrap().at.line, 100_001);
    }

    #[test]
    fn values_know_their_place() {
        let root = parse("a: # comments are no values\n  - b: 1\n    c: [x, 'null']\n").unwrap();
        let item = root.get("a").unwrap().item(0).unwrap();
        assert_eq!(item.get("b").unwrap().at, At { line: 2, column: 8 });
        let list = item.get("c").unwrap();
        assert_eq!(list.item(0).unwrap().at, At { line: 3, column: 9 });
        assert_eq!(list.item(1).unwrap().text(), Some("null"), "quoted, so a text");
    }

    #[test]
    fn broken_yaml_names_the_line() {
        let problem = parse("a: 1\nb: [\n").unwrap_err();
        assert!(problem.at.line >= 2, "{problem:?}");
        assert!(
            parse(&"[".repeat(100_000)).is_err(),
            "deep nesting is refused, not followed"
        );
    }

    #[test]
    fn a_typo_finds_its_word() {
        assert_eq!(
            nearest("usergroups", &["user_groups", "products"]),
            Some("user_groups")
        );
        assert_eq!(nearest("nothing_like_it", &["user_groups", "products"]), None);
    }
}
