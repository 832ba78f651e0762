//! JSON as it was sent: a small tree that keeps repeated keys, in their order.
//!
//! The rules of the action endpoint need to see a key that stands twice in one object, which a map would hide.
//! Depth is bounded, so no body can exhaust the stack.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json;

/// The deepest nesting that is read. A command needs seven levels.
const MAX_DEPTH: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<Field<'a>>),
}

/// A key and its value.
pub(crate) type Field<'a> = (Cow<'a, str>, Node<'a>);

/// The entries of an array that was sent: how many there are, and the first of them.
pub(crate) struct Entries<'a> {
    pub(crate) count: usize,
    pub(crate) first: Vec<Node<'a>>,
}

/// Reads an array, keeping its first `keep` entries; the others are only checked and counted.
pub(crate) fn read_array(body: &[u8], keep: usize) -> Result<Entries<'_>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let entries = reader.deserialize_seq(ArrayVisitor { keep })?;
    reader.end()?;
    Ok(entries)
}

/// Reads one value.
pub(crate) fn read(body: &[u8]) -> Result<Node<'_>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let node = NodeSeed { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(node)
}

impl<'a> Node<'a> {
    /// Whether any text in it holds U+0000, which no name, address or description can.
    pub(crate) fn holds_nul(&self) -> bool {
        match self {
            Self::Text(text) => text.contains('\0'),
            Self::List(items) => items.iter().any(Self::holds_nul),
            Self::Object(fields) => fields
                .iter()
                .any(|(key, value)| key.contains('\0') || value.holds_nul()),
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// The fields, if this is an object.
    pub(crate) fn fields(&self) -> Option<&[Field<'a>]> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Appends the value in compact form: what was sent, without the blanks.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.write_as(Kept::Everything, out);
    }

    /// Appends the value in compact form, without the texts of which the API does not know what they are: they stand
    /// under a key that is none of `known`, or under none at all. They may be anything, a secret too.
    pub(crate) fn write_known(&self, known: &[&str], out: &mut Vec<u8>) {
        self.write_as(Kept::NotBelow { known }, out);
    }

    fn write_as(&self, kept: Kept<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => json::boolean(out, *value),
            Self::Number(number) => json::number(out, number),
            Self::Text(text) => match kept {
                Kept::Everything | Kept::Below { .. } => json::string(out, text),
                Kept::NotBelow { .. } | Kept::Nothing => json::string(out, HIDDEN),
            },
            Self::List(nodes) => {
                let mut list = json::List::begin(out);
                for node in nodes {
                    node.write_as(kept, list.item());
                }
                list.end();
            }
            Self::Object(fields) => {
                // Keys are the sender's here and may need escaping.
                out.push(b'{');
                for (n, (key, node)) in fields.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    let below = kept.below(key);
                    let shown = matches!(below, Kept::Everything | Kept::Below { .. }) || is_a_name(key);
                    json::string(out, if shown { key } else { HIDDEN });
                    out.push(b':');
                    node.write_as(below, out);
                }
                out.push(b'}');
            }
        }
    }
}

/// What stands for a text that is not kept.
const HIDDEN: &str = "\u{2026}";

/// Which texts are written.
#[derive(Clone, Copy)]
enum Kept<'k> {
    Everything,
    /// Those below known keys, of which none is above here.
    NotBelow {
        known: &'k [&'k str],
    },
    /// All keys above here are known.
    Below {
        known: &'k [&'k str],
    },
    /// An unknown key is above here.
    Nothing,
}

impl Kept<'_> {
    fn below(self, key: &str) -> Self {
        match self {
            Self::NotBelow { known } | Self::Below { known } if known.contains(&key) => Self::Below { known },
            Self::NotBelow { .. } | Self::Below { .. } | Self::Nothing => Self::Nothing,
            Self::Everything => Self::Everything,
        }
    }
}

/// Whether a key that nobody knows is at least made like one: a misspelt name is worth keeping.
fn is_a_name(key: &str) -> bool {
    key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

struct ArrayVisitor {
    keep: usize,
}

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.keep {
            match seq.next_element_seed(NodeSeed { depth: 1 })? {
                Some(node) => first.push(node),
                None => break,
            }
        }
        let mut count = first.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Entries { count, first })
    }
}

#[derive(Clone, Copy)]
struct NodeSeed {
    depth: usize,
}

impl NodeSeed {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Node<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node<'de>, E> {
        // The reader refuses numbers out of range before it comes to this.
        serde_json::Number::from_f64(value)
            .map(Node::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element_seed(deeper)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Vec::new();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            fields.push((key, map.next_value_seed(deeper)?));
        }
        Ok(Node::Object(fields))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Cow<'de, str>, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }
}
