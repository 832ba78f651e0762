//! `all_users_filter` of the Okta connector: an expression over `user`, in the part of Python that such filters use.
//!
//! Here it is read; [`super::evaluate`] says what it means for somebody.

use super::evaluate::{self, Function, Method};

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Predicate {
    pub(super) expression: Expression,
    text: String,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    User,
    Function(Function),
    Attribute(Box<Self>, String),
    Item(Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    Method(Box<Self>, Method, Vec<Self>),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// A chain: `a < b <= c`.
    Compare(Box<Self>, Vec<(Comparison, Self)>),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

/// Attributes that everybody in Okta has, set or not.
pub(super) const ATTRIBUTES: [&str; 11] = [
    "id",
    "status",
    "created",
    "activated",
    "statusChanged",
    "lastLogin",
    "lastUpdated",
    "passwordChanged",
    "transitioningToStatus",
    "credentials",
    "profile",
];

/// How deep expressions may stand in one another.
const DEEPEST: usize = 40;
/// How many attributes, items and calls there may be.
const MOST_HUNG: usize = 400;

impl Predicate {
    /// Reads a filter. An error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            depth: 0,
            hung: 0,
        };
        let expression = parser.any()?;
        if let Some(token) = parser.tokens.get(parser.at) {
            return Err(format!("nothing was expected before {}", token.show()));
        }
        Ok(Self {
            expression,
            text: text.to_owned(),
        })
    }

    /// Whether somebody fits. An error says why that cannot be told.
    pub(crate) fn fits(&self, user: &serde_json::Value) -> Result<bool, String> {
        Ok(evaluate::value(&self.expression, user)?.is_true())
    }

    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Int(i64),
    Float(f64),
    Mark(&'static str),
}

impl Token {
    fn show(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Text(text) => format!("\"{text}\""),
            Self::Int(number) => format!("`{number}`"),
            Self::Float(number) => format!("`{number}`"),
            Self::Mark(mark) => format!("`{mark}`"),
        }
    }
}

/// Longer ones first.
const MARKS: [&str; 15] = [
    "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", ".", "-", "{", "}",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let length = if first.is_alphabetic() || first == '_' {
            let (word, _) = rest.split_at(end(|c| c.is_alphanumeric() || c == '_'));
            found.push(Token::Name(word.to_owned()));
            word.len()
        } else if first.is_ascii_digit() {
            let (word, _) = rest.split_at(end(|c| c.is_ascii_digit() || c == '.'));
            let int = word.parse().map(Token::Int);
            let number = int.or_else(|_| word.parse().map(Token::Float));
            found.push(number.map_err(|_| format!("`{word}` is no number"))?);
            word.len()
        } else if first == '"' || first == '\'' {
            let (text, length) = quoted(rest, first)?;
            found.push(Token::Text(text));
            length
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            found.push(Token::Mark(mark));
            mark.len()
        } else {
            return Err(format!("`{first}` cannot stand here"));
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

/// A text in quotes at the start of `rest`, and its length there.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((text, at + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, c @ ('\\' | '\'' | '"'))) => text.push(c),
            Some((_, other)) => text.extend(['\\', other]),
            None => break,
        }
    }
    Err(format!("a text that begins with {quote} does not end"))
}

/// The only one of several expressions, or what joins them.
fn one_or(mut several: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match several.pop() {
        Some(only) if several.is_empty() => only,
        last => {
            several.extend(last);
            join(several)
        }
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    /// Attributes, items and calls so far; they may all hang on one another.
    hung: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    /// Goes on behind a mark, if it is there.
    fn mark(&mut self, mark: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Name(found)) if found == word);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.mark(mark) {
            return Ok(());
        }
        let found = self.tokens.get(self.at).map_or("the end".to_owned(), Token::show);
        Err(format!("`{mark}` was expected before {found}"))
    }

    fn any(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is too deep".to_owned());
        }
        let first = self.all()?;
        let mut any = vec![first];
        while self.word("or") {
            any.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(any, Expression::Or))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let first = self.negated()?;
        let mut all = vec![first];
        while self.word("and") {
            all.push(self.negated()?);
        }
        Ok(one_or(all, Expression::And))
    }

    fn negated(&mut self) -> Result<Expression, String> {
        let mut negated = false;
        let mut any = false;
        while self.word("not") {
            negated = !negated;
            any = true;
        }
        let inner = self.comparison()?;
        let not = |inner| Expression::Not(Box::new(inner));
        Ok(match (any, negated) {
            (false, _) => inner,
            (true, true) => not(inner),
            (true, false) => not(not(inner)),
        })
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let first = self.value()?;
        let mut chain = Vec::new();
        while let Some(how) = self.operator() {
            chain.push((how, self.value()?));
        }
        Ok(if chain.is_empty() {
            first
        } else {
            Expression::Compare(Box::new(first), chain)
        })
    }

    fn operator(&mut self) -> Option<Comparison> {
        const TABLE: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (mark, how) in TABLE {
            if self.mark(mark) {
                return Some(how);
            }
        }
        if self.word("in") {
            return Some(Comparison::In);
        }
        if self.word("is") {
            let negated = self.word("not");
            return Some(if negated {
                Comparison::IsNot
            } else {
                Comparison::Is
            });
        }
        let before = self.at;
        if self.word("not") {
            if self.word("in") {
                return Some(Comparison::NotIn);
            }
            self.at = before;
        }
        None
    }

    /// A value with what hangs on it: attributes, items, calls.
    fn value(&mut self) -> Result<Expression, String> {
        let mut value = self.atom()?;
        loop {
            self.hung += 1;
            if self.hung > MOST_HUNG {
                return Err("it is too long".to_owned());
            }
            if self.mark(".") {
                let Some(Token::Name(name)) = self.next().cloned() else {
                    return Err("a name was expected behind `.`".to_owned());
                };
                if self.mark("(") {
                    let Some(method) = Method::find(&name) else {
                        return Err(format!("`.{name}()` is not available in filters"));
                    };
                    value = Expression::Method(Box::new(value), method, self.list(")")?);
                    continue;
                }
                if value == Expression::User && !ATTRIBUTES.contains(&name.as_str()) {
                    return Err(format!(
                        "`user` has no `{name}`; there are {}",
                        ATTRIBUTES.join(", ")
                    ));
                }
                value = Expression::Attribute(Box::new(value), name);
            } else if self.mark("[") {
                let item = self.any()?;
                self.expect("]")?;
                value = Expression::Item(Box::new(value), Box::new(item));
            } else if matches!(self.tokens.get(self.at), Some(Token::Mark("("))) {
                let Expression::Function(function) = value else {
                    return Err("only functions can be called".to_owned());
                };
                self.at += 1;
                value = Expression::Call(function, self.list(")")?);
            } else {
                self.hung -= 1;
                return Ok(value);
            }
        }
    }

    fn atom(&mut self) -> Result<Expression, String> {
        let Some(token) = self.next().cloned() else {
            return Err("a value was expected at the end".to_owned());
        };
        Ok(match token {
            Token::Text(text) => Expression::Text(text),
            Token::Int(number) => Expression::Int(number),
            Token::Float(number) => Expression::Float(number),
            Token::Mark("-") => match self.next() {
                Some(Token::Int(number)) => Expression::Int(-number),
                Some(Token::Float(number)) => Expression::Float(-number),
                _ => return Err("a number was expected behind `-`".to_owned()),
            },
            Token::Mark("[") => Expression::List(self.list("]")?),
            Token::Mark("(") => {
                if self.mark(")") {
                    return Ok(Expression::List(Vec::new()));
                }
                let first = self.any()?;
                if self.mark(")") {
                    return Ok(first);
                }
                self.expect(",")?;
                let mut items = vec![first];
                items.extend(self.list(")")?);
                Expression::List(items)
            }
            Token::Name(name) => match name.as_str() {
                "user" => Expression::User,
                "None" => Expression::None,
                "True" => Expression::Bool(true),
                "False" => Expression::Bool(false),
                name => match Function::find(name) {
                    Some(function) => Expression::Function(function),
                    None => return Err(format!("`{name}` is not available in filters")),
                },
            },
            Token::Mark(mark) => return Err(format!("a value was expected before `{mark}`")),
        })
    }

    /// Values between commas up to a mark.
    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut items = Vec::new();
        while !self.mark(end) {
            items.push(self.any()?);
            if !self.mark(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "at the end"),
            ("user.status ==", "at the end"),
            ("user.status = 'A'", "`=`"),
            ("user.stat == 'A'", "`user` has no `stat`"),
            ("users.status == 'A'", "`users` is not available"),
            ("__import__('os')", "`__import__` is not available"),
            ("user.profile.login.format(1)", "`.format()` is not available"),
            ("'a", "does not end"),
            ("user.status == 'A' )", "before `)`"),
            ("(user.status == 'A'", "was expected before the end"),
            ("user.profile.x[1", "`]` was expected"),
            ("'a'('b')", "only functions"),
            ("1.2.3", "is no number"),
            ("lambda: 1", "`:`"),
        ] {
            let said = Predicate::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(Predicate::parse(&"(".repeat(10_000)).is_err());
        assert!(Predicate::parse(&format!("user{}", ".profile".repeat(10_000))).is_err());
        let many = "user.status == 'x' or ".repeat(300) + "1";
        assert!(Predicate::parse(&many).is_ok());
        assert!(Predicate::parse(&format!("{}1", "not ".repeat(10_000))).is_ok());
    }

    #[test]
    fn k10_filters() {
        roster_testkit::fuzz::Target {
            name: "okta-filter",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "user.",
                "status",
                "profile",
                "(",
                ")",
                "[",
                "]",
                ",",
                " and ",
                " or ",
                " not ",
                " in ",
                " is ",
                "==",
                "!=",
                "<",
                "'a'",
                "\"",
                "\\",
                "-1",
                "9223372036854775807",
                "0.5",
                "None",
                "True",
                "len",
                "map",
                "range",
                "sorted",
                ".split(",
                ".replace('', ",
                "getattr",
            ],
            property: |text| {
                let Ok(text) = std::str::from_utf8(text) else {
                    return;
                };
                let Ok(filter) = Predicate::parse(text) else {
                    return;
                };
                let user = serde_json::json!({
                    "status": "ACTIVE",
                    "profile": {"login": "ada@x.com", "level": i64::MIN, "tags": ["a", "b"], "share": 0.5}
                });
                let _ = filter.fits(&user);
            },
        }
        .run();
    }
}
