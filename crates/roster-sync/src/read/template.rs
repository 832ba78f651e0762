//! Formats such as `{givenName}.{sn}@example.com`: Python's, as far as texts need them.

use std::fmt;

/// A format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { name: String, shape: Shape },
}

/// How a value is laid out: `[[fill]align][width][.precision]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    fill: char,
    align: char,
    width: usize,
    precision: Option<usize>,
}

/// The widest a value may be asked to be.
const WIDEST: usize = 1000;

/// Why a text is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTemplate {
    /// A brace that opens nothing or closes nothing.
    #[error("a single `{0}`; a brace that is meant as such is written twice")]
    Brace(char),
    /// A placeholder without a name, or with more than a name.
    #[error("`{{{0}}}` is no placeholder: it names an attribute, as in `{{mail}}`")]
    Name(String),
    /// A layout that is not understood.
    #[error(
        "`{{{0}}}`: behind the `:` there may be an alignment, a width and a precision, as in `{{mail:.20}}`"
    )]
    Shape(String),
}

impl Template {
    /// Reads a format.
    pub(crate) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    literal.push(c);
                }
                '{' => {
                    let mut inner = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some('{') | None => return Err(BadTemplate::Brace('{')),
                            Some(other) => inner.push(other),
                        }
                    }
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(placeholder(&inner)?);
                }
                '}' => return Err(BadTemplate::Brace('}')),
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The names of its placeholders.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { name, .. } => Some(name.as_str()),
        })
    }

    /// Fills it in. An error is the name of the placeholder that has no value.
    pub(crate) fn fill(&self, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, &str> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Value { name, shape } => {
                    let value = value(name).ok_or(name.as_str())?;
                    if *shape == Shape::PLAIN {
                        filled.push_str(&value);
                    } else {
                        shape.lay_out(&value, &mut filled);
                    }
                }
            }
        }
        Ok(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Value { name, .. } => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

fn placeholder(inner: &str) -> Result<Part, BadTemplate> {
    let (name, shape) = inner.split_once(':').unwrap_or((inner, ""));
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ';');
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(BadTemplate::Name(inner.to_owned()));
    }
    Ok(Part::Value {
        name: name.to_owned(),
        shape: Shape::parse(shape).ok_or_else(|| BadTemplate::Shape(inner.to_owned()))?,
    })
}

impl Shape {
    const PLAIN: Self = Self {
        fill: ' ',
        align: '<',
        width: 0,
        precision: None,
    };

    fn parse(text: &str) -> Option<Self> {
        let mut shape = Self::PLAIN;
        let is_align = |c: char| matches!(c, '<' | '>' | '^');
        let mut rest = text;
        let mut first = text.char_indices();
        if let (Some((_, fill)), Some((at, align))) = (first.next(), first.next())
            && is_align(align)
        {
            shape.fill = fill;
            shape.align = align;
            rest = text.get(at + 1..)?;
        } else if let Some(align) = text.chars().next().filter(|c| is_align(*c)) {
            shape.align = align;
            rest = text.get(1..)?;
        } else if text.starts_with('0') {
            shape.fill = '0';
        }
        let rest = rest.strip_suffix('s').unwrap_or(rest);
        let (width, precision) = match rest.split_once('.') {
            Some((width, precision)) => (width, Some(precision)),
            None => (rest, None),
        };
        let number = |text: &str| text.parse().ok().filter(|number| *number <= WIDEST);
        if !width.is_empty() {
            shape.width = number(width)?;
        }
        if let Some(precision) = precision {
            shape.precision = Some(number(precision)?);
        }
        Some(shape)
    }

    fn lay_out(self, value: &str, into: &mut String) {
        let cut: String = value.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        let room = self.width.saturating_sub(cut.chars().count());
        let before = match self.align {
            '>' => room,
            '^' => room / 2,
            _ => 0,
        };
        into.extend(std::iter::repeat_n(self.fill, before));
        into.push_str(&cut);
        into.extend(std::iter::repeat_n(self.fill, room - before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(format: &str) -> Result<String, String> {
        let template = Template::parse(format).map_err(|error| error.to_string())?;
        template
            .fill(|name| match name {
                "sn" => Some("Okafor".to_owned()),
                "uid" => Some("ada".to_owned()),
                _ => None,
            })
            .map_err(str::to_owned)
    }

    #[test]
    fn formats_are_filled_in_as_python_does() {
        for (format, value) in [
            ("corp.example", "corp.example"),
            ("{sn}-{uid}@x", "Okafor-ada@x"),
            ("{{{uid}}}", "{ada}"),
            ("", ""),
            ("{uid:5}|", "ada  |"),
            ("{uid:>5}", "  ada"),
            ("{uid:*^7}", "**ada**"),
            ("{uid:05}", "ada00"),
            ("{sn:.3}", "Oka"),
            ("{sn:_<8.3s}", "Oka_____"),
        ] {
            assert_eq!(filled(format), Ok(value.to_owned()), "{format}");
        }
        assert_eq!(
            filled("{sn} {title} {l}"),
            Err("title".to_owned()),
            "the first that is missing"
        );
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for bad in [
            "{",
            "}",
            "{uid",
            "uid}",
            "{uid}}",
            "{}",
            "{a.b}",
            "{a[0]}",
            "{a!r}",
            "{a:x}",
            "{a:99999}",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_format_shows_its_text() {
        let text = "{{{uid}}}";
        assert_eq!(Template::parse(text).unwrap().to_string(), text);
    }
}
