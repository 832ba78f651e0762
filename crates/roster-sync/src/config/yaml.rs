//! YAML as user-sync read it: version 1.1, plain scalars resolved as its safe loader does, every value with its place.
//!
//! The parser underneath speaks YAML 1.2 and only finds the structure; what a plain `yes`, `0o7` or `1:30` *is* is
//! decided here.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub place: Place,
}

/// A file and a line in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's name as messages show it.
    pub file: Rc<str>,
    /// From 1.
    pub line: usize,
}

/// What a node can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `yes`, `no`, `on`, `off`, `true`, `false`, and the word that stands there.
    Bool(bool, &'static str),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A date or time, as written.
    Date(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping; of equal keys the last counts.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What messages call such a value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(..) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Date(_) => "a date",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .rev()
                .find(|(name, _)| name.value == Value::Text(key.to_owned())),
            _ => None,
        }
        .map(|(_, value)| value)
    }
}

/// Why a text is not YAML that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

/// How many values aliases may multiply into: far more than any configuration, far less than a bomb.
const MOST_NODES: usize = 1_000_000;
/// How deep values may stand in one another.
const DEEPEST: usize = 100;

/// Reads the one document of a text. An empty text is [`Value::Null`].
pub fn parse(text: &str, file: &str) -> Result<Node, SyntaxError> {
    Ok(parse_with_repeated(text, file)?.0)
}

/// A key that stands twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The key.
    pub key: String,
    /// Where it stands the second time, which is the one that counts.
    pub place: Place,
    /// The line where it stood before.
    pub before: usize,
}

/// As [`parse`], with the keys that stand more than once in their mapping.
pub fn parse_with_repeated(text: &str, file: &str) -> Result<(Node, Vec<Repeated>), SyntaxError> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        file: Rc::from(file),
        anchors: BTreeMap::new(),
        nodes: 0,
        repeated: Vec::new(),
    };
    let mut document = None;
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::DocumentStart(..) if document.is_some() => {
                return Reader::fail(
                    line,
                    "a second document begins here, and a file has one; take the line `---` out",
                );
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => {
                let document = document.unwrap_or_else(|| reader.node(Value::Null, line));
                return Ok((document, reader.repeated));
            }
            other => document = Some(reader.value(other, line, 0)?),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, granit_parser::StrInput<'t>>,
    file: Rc<str>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    repeated: Vec<Repeated>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), SyntaxError> {
        loop {
            let Some(next) = self.events.next() else {
                return Ok((Event::StreamEnd, 1));
            };
            let (event, span) = next.map_err(|error| SyntaxError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                problem: error.info(),
            })?;
            if !matches!(event, Event::Comment(..)) {
                return Ok((event, span.start.line()));
            }
        }
    }

    fn node(&self, value: Value, line: usize) -> Node {
        Node {
            value,
            place: Place {
                file: Rc::clone(&self.file),
                line,
            },
        }
    }

    fn fail<T>(line: usize, problem: &str) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            line,
            column: 1,
            problem: problem.to_owned(),
        })
    }

    fn value(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, SyntaxError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES || depth > DEEPEST {
            return Self::fail(line, "too many values, or values too deep in one another");
        }
        let (anchor, node) = match event {
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Self::fail(line, "an alias stands inside the value it names");
                };
                self.nodes += size(&node);
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let core = tag.as_ref().and_then(|tag| tag.core_suffix().map(str::to_owned));
                if tag.is_some() && core.is_none() {
                    return Self::fail(line, "values with a tag of their own (`!…`) are not supported");
                }
                let value = match (core.as_deref(), style) {
                    (Some("str"), _) => Value::Text(text.into_owned()),
                    (Some(_), _) | (None, ScalarStyle::Plain) => resolve(&text),
                    _ => Value::Text(text.into_owned()),
                };
                (anchor, self.node(value, line))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, at) => items.push(self.value(event, at, depth + 1)?),
                    }
                }
                (anchor, self.node(Value::List(items), line))
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = self.entries(depth)?;
                (anchor, self.node(Value::Map(entries), line))
            }
            _ => return Self::fail(line, "a value was expected here"),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, SyntaxError> {
        let mut own = Vec::new();
        let mut merged = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.value(event, line, depth + 1)?;
            let (event, line) = self.next()?;
            let value = self.value(event, line, depth + 1)?;
            if is_merge {
                merge(&mut merged, value)?;
            } else {
                if let Value::Text(name) = &key.value
                    && let Some(before) = lines.insert(name.clone(), key.place.line)
                {
                    self.repeated.push(Repeated {
                        key: name.clone(),
                        place: key.place.clone(),
                        before,
                    });
                }
                own.push((key, value));
            }
        }
        // The mapping's own keys win, and of merged mappings the first: what counts is looked up from the end.
        merged.reverse();
        merged.extend(own);
        Ok(merged)
    }
}

fn merge(into: &mut Vec<(Node, Node)>, value: Node) -> Result<(), SyntaxError> {
    let line = value.place.line;
    match value.value {
        Value::Map(entries) => {
            into.extend(entries.into_iter().rev());
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| merge(into, item)),
        _ => Reader::fail(line, "`<<` takes a mapping or a list of mappings"),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}

/// The words for yes and no.
const YES: [&str; 9] = ["yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const NO: [&str; 9] = ["no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];

/// What a plain scalar is.
fn resolve(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    for (words, meaning) in [(YES, true), (NO, false)] {
        if let Some(word) = words.into_iter().find(|word| *word == text) {
            return Value::Bool(meaning, word);
        }
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Value::Text(text.to_owned());
    }
    if let Some(number) = whole_number(text) {
        return Value::Int(number);
    }
    if let Some(number) = other_number(text) {
        return Value::Float(number);
    }
    if is_date(text) {
        Value::Date(text.to_owned())
    } else {
        Value::Text(text.to_owned())
    }
}

fn whole_number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let plain = digits.replace('_', "");
    let first_is_digit = digits.starts_with(|c: char| c.is_ascii_digit());
    if plain.is_empty() || !first_is_digit {
        return None;
    }
    let number = if let Some(binary) = plain.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if let Some(hex) = plain.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()?
    } else if plain.contains(':') {
        sexagesimal(&plain)?
    } else if plain.len() > 1 && plain.starts_with('0') {
        i64::from_str_radix(&plain, 8).ok()?
    } else {
        // Numbers beyond 64 bits are still numbers to Python; no setting takes one, so any value will do.
        plain
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| plain.parse().unwrap_or(i64::MAX))?
    };
    Some(sign * number)
}

fn sexagesimal(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    for (position, part) in text.split(':').enumerate() {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        let number: i64 = part.parse().ok().filter(|_| digits)?;
        if position > 0 && (number > 59 || part.len() > 2) {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(number)?;
    }
    (!text.starts_with('0')).then_some(total)
}

fn other_number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    // A number needs a point, and an exponent its sign: `1e5` is text in YAML 1.1.
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let point = mantissa.contains('.');
    let digits = mantissa
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'.' || b == b'_');
    let exponent_fits = exponent.is_none_or(|e| {
        e.len() > 1 && e.starts_with(['+', '-']) && e.bytes().skip(1).all(|b| b.is_ascii_digit())
    });
    (point && digits && exponent_fits)
        .then(|| text.replace('_', "").parse().ok())
        .flatten()
}

/// `2026-01-02`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let date_end = if bytes.len() >= 10 { 10 } else { 0 };
    let date = bytes.get(..date_end).unwrap_or_default();
    let shape = date.iter().enumerate().all(|(at, b)| {
        if at == 4 || at == 7 {
            *b == b'-'
        } else {
            b.is_ascii_digit()
        }
    });
    let rest = text.get(date_end..).unwrap_or_default();
    date_end > 0 && shape && (rest.is_empty() || (rest.starts_with(['T', 't', ' ']) && rest.contains(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        let node = parse(&format!("k: {text}\n"), "f").unwrap();
        node.get("k").unwrap().value.clone()
    }

    #[test]
    fn plain_scalars_are_what_yaml_1_1_says() {
        for yes in ["yes", "Yes", "ON", "true", "True"] {
            assert_eq!(value(yes), Value::Bool(true, yes), "{yes}");
        }
        for no in ["NO", "off", "False"] {
            assert_eq!(value(no), Value::Bool(false, no), "{no}");
        }
        assert_eq!(value("2024"), Value::Int(2024));
        assert_eq!(value("010"), Value::Int(8));
        assert_eq!(value("0x1F"), Value::Int(31));
        assert_eq!(value("1:30"), Value::Int(90));
        assert_eq!(value("-1"), Value::Int(-1));
        assert_eq!(value("2.5"), Value::Float(2.5));
        assert_eq!(value("2026-01-02"), Value::Date("2026-01-02".to_owned()));
        for text in [
            "1e5", "10%", "yEs", "08x", "a", "1.2.3", "'2024'", "\"yes\"", "!!str 12",
        ] {
            assert!(matches!(value(text), Value::Text(_)), "{text}: {:?}", value(text));
        }
        for nothing in ["", "~", "null"] {
            assert_eq!(value(nothing), Value::Null);
        }
    }

    #[test]
    fn anchors_merge_keys_and_repeated_keys_work() {
        let text = "base: &b {a: 1, b: 2}\nmore:\n  <<: *b\n  b: 3\n  c: 4\n  c: 5\n";
        let node = parse(text, "f").unwrap();
        let more = node.get("more").unwrap();
        let int = |key| match more.get(key).unwrap().value {
            Value::Int(n) => n,
            _ => -1,
        };
        assert_eq!((int("a"), int("b"), int("c")), (1, 3, 5));
        assert_eq!(more.get("c").unwrap().place.line, 6);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = parse("a: 1\nb: [1, 2\n", "f").unwrap_err();
        assert!(error.line >= 2, "{error:?}");
        assert!(parse("a: !mine 1", "f").is_err());
        assert_eq!(parse("", "f").unwrap().value, Value::Null);
        let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(parse(bomb, "f").is_err());
    }

    #[test]
    fn a_file_has_one_document() {
        for text in [
            "a: 1\n",
            "---\na: 1\n",
            "---\na: 1\n...\n",
            "# it\n---\na: 1 # so\n# end\n",
        ] {
            assert!(parse(text, "f").unwrap().get("a").is_some(), "{text}");
        }
        let error = parse("a: 1\n---\nb: 2\n", "f").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.problem.contains("second document"), "{error:?}");
        for text in ["a: 1\n---\n", "a: 1\n---\nb: [\n", "a: 1\n...\n]\n"] {
            assert!(parse(text, "f").is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[-a-z0-9:,&*<>!|\\[\\]{}#'\" \n\t%@~.]{0,80}") {
            let _ = parse(&text, "f");
        }

        #[test]
        fn numbers_that_are_written_are_read(number in -1_000_000_i64..1_000_000) {
            proptest::prop_assert_eq!(value(&number.to_string()), Value::Int(number));
        }
    }
}
