//! What a server says about its attributes and object classes.

use std::collections::{BTreeMap, BTreeSet};

use crate::read::ldap::filter::Filter;

/// What values of an attribute are, as far as it matters for showing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Shown as they are.
    Text,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// A whole number.
    Integer,
    /// `20261124190500Z`.
    Time,
}

/// The names that a server knows, in small letters.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    attributes: BTreeMap<String, Known>,
    classes: BTreeSet<String>,
    /// What entries of a class have to have.
    required: BTreeSet<(String, String)>,
}

/// What is known of an attribute.
#[derive(Debug, Clone, Copy)]
struct Known {
    syntax: Syntax,
    single: bool,
}

/// A name in a filter that the server's schema lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lacks {
    /// An attribute.
    Attribute(String),
    /// An object class.
    Class(String),
}

impl Schema {
    /// From the values of `attributeTypes` and `objectClasses`.
    pub(crate) fn new<'v>(
        attributes: impl IntoIterator<Item = &'v str>,
        classes: impl IntoIterator<Item = &'v str>,
    ) -> Self {
        let mut schema = Self::default();
        for text in attributes {
            let definition = Definition::read(text);
            let syntax = match definition.syntax.as_str() {
                "1.3.6.1.4.1.1466.115.121.1.7" => Syntax::Boolean,
                "1.3.6.1.4.1.1466.115.121.1.27" => Syntax::Integer,
                "1.3.6.1.4.1.1466.115.121.1.24" | "1.3.6.1.4.1.1466.115.121.1.53" => Syntax::Time,
                _ => Syntax::Text,
            };
            let known = Known {
                syntax,
                single: definition.single,
            };
            for name in definition.names {
                schema.attributes.insert(name, known);
            }
        }
        for text in classes {
            let definition = Definition::read(text);
            for class in &definition.names {
                let pairs = definition.must.iter();
                schema
                    .required
                    .extend(pairs.map(|attribute| (class.clone(), attribute.clone())));
            }
            schema.classes.extend(definition.names);
        }
        schema
    }

    /// Whether anything could be read of it.
    pub(crate) fn is_readable(&self) -> bool {
        !self.attributes.is_empty() && !self.classes.is_empty()
    }

    /// What the values of an attribute are.
    pub(crate) fn syntax(&self, name: &str) -> Syntax {
        let known = self.attributes.get(&name.to_ascii_lowercase());
        known.map_or(Syntax::Text, |known| known.syntax)
    }

    /// Whether an attribute is known to have one value at most.
    pub(crate) fn is_single(&self, name: &str) -> bool {
        let known = self.attributes.get(&name.to_ascii_lowercase());
        known.is_some_and(|known| known.single)
    }

    /// Whether an attribute is known. Options, as in `sn;lang-de`, do not matter.
    pub(crate) fn has_attribute(&self, name: &str) -> bool {
        let name = name.split(';').next().unwrap_or_default().trim();
        self.attributes.contains_key(&name.to_ascii_lowercase())
    }

    /// Whether every entry of a class has an attribute.
    pub(crate) fn requires(&self, class: &str, attribute: &str) -> bool {
        self.required
            .contains(&(class.to_ascii_lowercase(), attribute.to_ascii_lowercase()))
    }

    /// The first name in a filter that is not known.
    pub(crate) fn lacks(&self, filter: &Filter) -> Option<Lacks> {
        let attribute = filter.attributes.iter().find(|name| !self.has_attribute(name));
        if let Some(name) = attribute {
            return Some(Lacks::Attribute(name.clone()));
        }
        let unknown = |name: &&String| !self.classes.contains(&name.trim().to_ascii_lowercase());
        filter.classes.iter().find(unknown).cloned().map(Lacks::Class)
    }
}

/// What matters of a definition such as `( 2.5.4.3 NAME ( 'cn' 'commonName' ) SYNTAX 1.3.6 )`.
struct Definition {
    /// The number and all names.
    names: Vec<String>,
    syntax: String,
    single: bool,
    /// The attributes that entries of a class have to have.
    must: Vec<String>,
}

impl Definition {
    fn read(text: &str) -> Self {
        let mut words = Words { rest: text };
        let mut found = Self {
            names: Vec::new(),
            syntax: String::new(),
            single: false,
            must: Vec::new(),
        };
        if words.next().as_deref() == Some("(")
            && let Some(number) = words.next()
        {
            found.names.push(number);
        }
        while let Some(word) = words.next() {
            match word.as_str() {
                "NAME" => {
                    let first = words.next();
                    if first.as_deref() == Some("(") {
                        found.names.extend(words.by_ref().take_while(|word| word != ")"));
                    } else {
                        found.names.extend(first);
                    }
                }
                // A length may follow the number: `1.3.6{64}`.
                "SYNTAX" => {
                    let word = words.next().unwrap_or_default();
                    word.split('{')
                        .next()
                        .unwrap_or_default()
                        .clone_into(&mut found.syntax);
                }
                "MUST" => {
                    let first = words.next();
                    if first.as_deref() == Some("(") {
                        let list = words.by_ref().take_while(|word| word != ")");
                        found.must.extend(list.filter(|word| word != "$"));
                    } else {
                        found.must.extend(first);
                    }
                }
                "SINGLE-VALUE" => found.single = true,
                // Its text is no keyword, whatever it says.
                "DESC" => drop(words.next()),
                _ => {}
            }
        }
        for name in found.names.iter_mut().chain(&mut found.must) {
            name.make_ascii_lowercase();
        }
        found
    }
}

/// Words, parentheses and quoted texts.
struct Words<'t> {
    rest: &'t str,
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        let (word, rest) = match first {
            '(' | ')' => self.rest.split_at_checked(1)?,
            '\'' => {
                let inner = self.rest.get(1..)?;
                inner.split_once('\'').unwrap_or((inner, ""))
            }
            _ => {
                let end = self
                    .rest
                    .find([' ', '(', ')', '\'', '\n', '\t'])
                    .unwrap_or(self.rest.len());
                self.rest.split_at_checked(end)?
            }
        };
        self.rest = rest;
        Some(word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::ldap::filter;

    #[test]
    fn definitions_are_read_as_openldap_and_active_directory_write_them() {
        let schema = Schema::new(
            [
                "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'RFC4519: SYNTAX 1.2 (x' SUP name )",
                "( 2.5.4.4 NAME 'sn' SYNTAX '1.3.6.1.4.1.1466.115.121.1.15' SINGLE-VALUE )",
                "( 1.2.3 NAME 'active' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7{1} )",
                "( 1.2.4 NAME 'whenCreated' SYNTAX '1.3.6.1.4.1.1466.115.121.1.24' )",
            ],
            ["( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( userPassword ) )"],
        );
        for name in ["cn", "CommonName", "2.5.4.3", "sn;lang-de", "active"] {
            assert!(schema.has_attribute(name), "{name}");
        }
        assert!(!schema.has_attribute("name"));
        assert_eq!(schema.syntax("Active"), Syntax::Boolean);
        assert_eq!(schema.syntax("whencreated"), Syntax::Time);
        assert_eq!(schema.syntax("cn"), Syntax::Text);
        assert!(schema.is_single("SN") && !schema.is_single("cn") && !schema.is_single("gone"));
        let lacks = |text: &str| schema.lacks(&filter::parse(text).unwrap());
        assert_eq!(lacks("(&(cn=a)(active=TRUE))"), None);
        assert_eq!(lacks("(shoeSize=44)"), Some(Lacks::Attribute("shoeSize".into())));
        assert_eq!(lacks("(cn:1.2.3:=44)"), None, "rules are the server's business");
    }

    #[test]
    fn what_cannot_be_read_knows_nothing_and_says_so() {
        assert!(!Schema::new(["", "(", "(("], [")"]).is_readable());
    }
}
