//! K10: configuration files as nobody would write them. See `roster_testkit::fuzz`.

use roster_sync::config::section::Problems;
use roster_sync::config::{logging, main_file, yaml};
use roster_testkit::fuzz::Target;

#[test]
fn k10_configuration() {
    Target {
        name: "yaml",
        corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
        words: &[
            "adobe_users:",
            "directory_users:",
            "limits:",
            "invocation_defaults:",
            "logging:",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "!!binary ",
            "!!set ",
            "<<: ",
            "? ",
            "|\n",
            "'",
            "\"",
            "#",
            "%YAML 9\n",
            "---\n",
            "yes",
            "~",
            "0x",
            ".inf",
            "1:30",
        ],
        property: |text| {
            let Ok(text) = std::str::from_utf8(text) else {
                return;
            };
            let Ok(node) = yaml::parse(text, "fuzz.yml") else {
                return;
            };
            let problems = Problems::default();
            let _ = main_file::read(&node, &problems);
            let _ = logging::read(&node, &problems);
            for problem in problems.into_list() {
                assert!(!problem.to_string().is_empty());
            }
        },
    }
    .run();
}
