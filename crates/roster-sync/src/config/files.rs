//! Configuration files: found, decoded, parsed, and merged where a setting names several.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use crate::config::codec;
use crate::config::section::Problems;
use crate::config::yaml::{self, Node, Place, Repeated, Value};

/// Reads the configuration files of a run, all in one encoding.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    encoding: &'static Encoding,
}

impl Files {
    /// Takes the name of the encoding.
    pub fn new(encoding: &str, problems: &Problems) -> Option<Self> {
        if let Some(encoding) = codec::find(encoding) {
            return Some(Self { encoding });
        }
        problems.error(
            None,
            "config-unknown-encoding",
            format!(
                "Unknown encoding `{encoding}` for configuration files; `utf-8` and `latin-1` are examples"
            ),
        );
        None
    }

    /// Reads a file that holds one mapping. An empty file is an empty mapping.
    pub fn read(self, path: &Path, problems: &Problems) -> Option<Node> {
        let shown = path.display().to_string();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                let text = if error.kind() == io::ErrorKind::NotFound {
                    format!("No such configuration file: {}", absolute.display())
                } else {
                    format!(
                        "Configuration file cannot be read: {}: {error}",
                        absolute.display()
                    )
                };
                problems.error(None, "config-file-not-found", text);
                return None;
            }
        };
        let copy = bytes.clone();
        let text = match codec::decode(bytes, self.encoding) {
            Ok(text) => text,
            Err(offset) => {
                let line = codec::line_of(&copy, offset);
                let name = self.encoding.name();
                problems.error(
                    None,
                    "config-file-encoding",
                    format!(
                        "{shown}:{line}: Encoding error in configuration file: byte {offset} is not {name}; \
                         `--config-file-encoding` names another encoding"
                    ),
                );
                return None;
            }
        };
        match yaml::parse_with_repeated(&text, &shown) {
            Ok((node, repeated)) => {
                for Repeated { key, place, before } in repeated {
                    problems.warning(
                        Some(&place),
                        "setting-twice",
                        format!(
                            "`{key}` stands here a second time; this one counts, and that of line {before} has no effect"
                        ),
                    );
                }
                mapping(node, problems)
            }
            Err(error) => {
                problems.error(
                    None,
                    "config-file-syntax",
                    format!(
                        "{shown}:{}:{}: Error parsing configuration file: {}",
                        error.line, error.column, error.problem
                    ),
                );
                None
            }
        }
    }

    /// Reads several files as one: later ones win key by key, and mappings under one key are merged one level deep.
    pub fn read_merged(self, paths: &[PathBuf], problems: &Problems) -> Option<Node> {
        let mut merged: Option<Node> = None;
        for path in paths {
            let node = self.read(path, problems)?;
            merged = Some(match merged {
                None => node,
                Some(earlier) => merge(earlier, node),
            });
        }
        merged
    }
}

fn mapping(node: Node, problems: &Problems) -> Option<Node> {
    match node.value {
        Value::Map(_) => Some(node),
        Value::Null => Some(Node {
            value: Value::Map(Vec::new()),
            place: node.place,
        }),
        _ => {
            problems.error(
                Some(&node.place),
                "config-file-no-settings",
                format!("the file does not contain settings but {}", node.value.kind()),
            );
            None
        }
    }
}

fn merge(earlier: Node, later: Node) -> Node {
    let place = earlier.place.clone();
    let (Value::Map(mut entries), Value::Map(new)) = (earlier.value, later.value) else {
        return Node {
            value: Value::Map(Vec::new()),
            place,
        };
    };
    for (key, value) in new {
        let known = entries.iter_mut().rev().find(|(name, _)| name.value == key.value);
        match known {
            Some((_, old)) => match (&mut old.value, value) {
                (
                    Value::Map(inner),
                    Node {
                        value: Value::Map(more),
                        ..
                    },
                ) => inner.extend(more),
                (_, value) => *old = value,
            },
            None => entries.push((key, value)),
        }
    }
    Node {
        value: Value::Map(entries),
        place,
    }
}

/// A file named in a configuration file: relative to the folder of that file.
pub(crate) fn resolve(
    text: &str,
    place: &Place,
    must_exist: bool,
    name: &str,
    problems: &Problems,
) -> Option<PathBuf> {
    if text.starts_with("$(") && text.ends_with(')') {
        problems.error(
            Some(place),
            "config-shell",
            format!(
                "`{name}`: Shell execution is no longer supported; write the value into a file and name that"
            ),
        );
        return None;
    }
    let folder = Path::new(place.file.as_ref()).parent().unwrap_or(Path::new(""));
    let path = folder.join(text);
    if must_exist && !path.is_file() {
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        problems.error(
            Some(place),
            "config-file-not-found",
            format!("In setting `{name}`: No such file: {}", absolute.display()),
        );
        return None;
    }
    Some(path)
}

/// A setting that names a file or a list of files.
pub(crate) fn paths(node: &Node, name: &str, problems: &Problems) -> Option<Vec<PathBuf>> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut found = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => found.push(resolve(text, &item.place, true, name, problems)?),
            Value::Map(_) => {
                problems.error(
                    Some(&item.place),
                    "config-expected-path",
                    format!("`{name}`: Expected pathname, not settings: put them into a file of their own and name it here"),
                );
                return None;
            }
            other => {
                problems.error(
                    Some(&item.place),
                    "config-expected-path",
                    format!("`{name}`: Expected pathname, not {}", other.kind()),
                );
                return None;
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_told_with_both_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.yml");
        let text = "base: &b {a: 1}\nmore:\n  <<: *b\n  a: 2\n  kind: x\nlist:\n  - kind: x\n  - kind: y\nmore:\n  kind: z\n  kind: w\n";
        fs::write(&path, text).unwrap();
        let problems = Problems::default();
        let node = Files::new("utf8", &problems)
            .unwrap()
            .read(&path, &problems)
            .unwrap();
        let kind = node.get("more").unwrap().get("kind").unwrap();
        assert_eq!(kind.value, Value::Text("w".to_owned()));
        let said = problems.into_list();
        assert!(said.iter().all(|problem| problem.warning));
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "what is merged in is not meant: {said:?}");
        assert!(
            said[0].contains("main.yml:11: `kind`") && said[0].contains("line 10"),
            "{said:?}"
        );
        assert!(
            said[1].contains("main.yml:9: `more`") && said[1].contains("line 2"),
            "{said:?}"
        );
    }

    #[test]
    fn commands_in_the_place_of_paths_are_refused() {
        let node = yaml::parse("umapi: $(cat umapi.yml)\nplain: $HOME.yml\n", "conf/main.yml").unwrap();
        let problems = Problems::default();
        assert_eq!(paths(node.get("umapi").unwrap(), "umapi", &problems), None);
        assert_eq!(paths(node.get("plain").unwrap(), "plain", &problems), None);
        let said: Vec<String> = problems.into_list().iter().map(ToString::to_string).collect();
        assert!(
            said[0].contains("main.yml:1") && said[0].ends_with("[config-shell]"),
            "{said:?}"
        );
        assert!(
            said[1].contains("conf/$HOME.yml"),
            "a dollar is a dollar: {said:?}"
        );
    }
}
