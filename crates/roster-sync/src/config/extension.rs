//! The extension file: the hook's code, the attributes that it wants to see and the groups that it may name.

use std::path::PathBuf;

use crate::config::Files;
use crate::config::main_file::AdobeGroup;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Place};

/// What an extension file holds.
#[derive(Debug)]
pub(crate) struct Extension {
    /// `after_mapping_hook`: Python, run for every selected person.
    pub(crate) code: String,
    /// Where the code begins.
    pub(crate) place: Place,
    /// `extended_attributes`: what the directory is asked for besides, each once.
    pub(crate) attributes: Vec<String>,
    /// `extended_adobe_groups`: groups that nobody is mapped to and the hook may name.
    pub(crate) groups: Vec<AdobeGroup>,
}

/// Reads the files of an extension as one. `None` when there were errors.
pub(crate) fn read(
    files: Files,
    paths: &[PathBuf],
    secondaries: &[(String, Vec<PathBuf>)],
    problems: &Problems,
) -> Option<Extension> {
    let node = files.read_merged(paths, problems)?;
    extension(&node, secondaries, problems)
}

fn extension(node: &Node, secondaries: &[(String, Vec<PathBuf>)], problems: &Problems) -> Option<Extension> {
    let section = Section::new(node, "", problems)?;
    let code = section.get("after_mapping_hook");
    if code.is_none() {
        problems.add(
            Some(section.place()),
            vec!["hook-code-missing", "value-missing"],
            "`after_mapping_hook` is missing: an extension needs the hook's code".to_owned(),
            false,
        );
    }
    let place = code.map(|node| node.place.clone());
    let code = section.text("after_mapping_hook");
    let attributes = attributes(&section);
    let groups = groups(&section, secondaries);
    section.finish_leniently();
    Some(Extension {
        code: code?,
        place: place?,
        attributes: attributes?,
        groups: groups?,
    })
}

fn attributes(section: &Section<'_, '_>) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let mut good = true;
    for (name, place) in section.texts("extended_attributes").unwrap_or_default() {
        if name.trim().is_empty() {
            section.problems().error(
                Some(place),
                "bad-extended-attribute",
                "`extended_attributes`: an attribute has no name",
            );
            good = false;
        } else if !found.contains(&name) {
            found.push(name);
        }
    }
    good.then_some(found)
}

fn groups(section: &Section<'_, '_>, secondaries: &[(String, Vec<PathBuf>)]) -> Option<Vec<AdobeGroup>> {
    let problems = section.problems();
    let mut found: Vec<AdobeGroup> = Vec::new();
    let mut unknown: Vec<String> = Vec::new();
    let mut first_unknown = None;
    let mut good = true;
    for (text, place) in section.texts("extended_adobe_groups").unwrap_or_default() {
        let Some(group) = AdobeGroup::parse(&text) else {
            problems.error(
                Some(place),
                "bad-adobe-group",
                format!("Bad adobe group: `{text}` in `extended_adobe_groups` has no name"),
            );
            good = false;
            continue;
        };
        if let Some(organization) = &group.organization
            && !secondaries.iter().any(|(name, _)| name == organization)
        {
            first_unknown.get_or_insert(place);
            if !unknown.contains(organization) {
                unknown.push(organization.clone());
            }
        } else if !found.contains(&group) {
            found.push(group);
        }
    }
    if let Some(place) = first_unknown {
        problems.error(
            Some(place),
            "unknown-secondary",
            format!(
                "`extended_adobe_groups` reference unknown umapi connectors: {}",
                unknown.join(", ")
            ),
        );
        good = false;
    }
    good.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    fn read(text: &str) -> (Option<Extension>, Vec<String>) {
        let node = parse(text, "extension.yml").unwrap();
        let problems = Problems::default();
        let found = extension(&node, &[("west".to_owned(), Vec::new())], &problems);
        let found = found.filter(|_| !problems.any());
        let said = problems.into_list().iter().map(ToString::to_string).collect();
        (found, said)
    }

    #[test]
    fn only_the_code_is_needed() {
        let (found, said) = read("after_mapping_hook: |\n  pass\nextended_attributes:\n");
        let found = found.unwrap();
        assert_eq!(found.code, "pass\n");
        assert!(found.attributes.is_empty() && found.groups.is_empty() && said.is_empty());
        let (found, _) = read(
            "after_mapping_hook: pass\nextended_attributes: [floor, floor, desk]\nextended_adobe_groups: west::A\n",
        );
        let found = found.unwrap();
        assert_eq!(found.attributes, ["floor", "desk"]);
        assert_eq!(found.groups, [AdobeGroup::parse("west::A").unwrap()]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_each_with_its_line() {
        let (found, said) = read(
            "extended_attributes: [5, ' ']\nextended_adobe_groups:\n- x::A\n- '::'\n- y::B\n- x::C\nafter_maping_hook: pass\n",
        );
        assert!(found.is_none());
        assert_eq!(
            said,
            [
                "extension.yml:1: `after_mapping_hook` is missing: an extension needs the hook's code [hook-code-missing] [value-missing]",
                "extension.yml:1: `extended_attributes[0]` should be text, not a whole number; put it in quotes if the text itself is meant [value-wrong-type]",
                "extension.yml:1: `extended_attributes`: an attribute has no name [bad-extended-attribute]",
                "extension.yml:4: Bad adobe group: `::` in `extended_adobe_groups` has no name [bad-adobe-group]",
                "extension.yml:3: `extended_adobe_groups` reference unknown umapi connectors: x, y [unknown-secondary]",
                "extension.yml:7: Found unused keys: `after_maping_hook` is not known; did you mean `after_mapping_hook`? [unused-keys]",
            ]
        );
    }

    #[test]
    fn keys_that_are_not_known_are_said_and_do_no_harm() {
        let (found, said) = read("after_mapping_hook: pass\nextended_atributes: [a]\n");
        assert!(found.is_some());
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("did you mean `extended_attributes`?"),
            "{said:?}"
        );
    }
}
