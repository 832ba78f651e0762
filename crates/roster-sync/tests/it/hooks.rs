//! Hooks: what they see, what they change, and that nothing is sent when one fails.
//!
//! They are run by Python 3. Where there is none the tests pass over what needs it and say so; with `ROSTER_TEST_ALL=1` its
//! absence is a failure.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::scene::{Ended, Scene, connector, fine, organization, writes};
use crate::server::Server;

const RUN: &str = "--connector csv @users.csv --process-groups";

/// Whether there is a Python to run hooks; said where there is none.
pub(crate) fn has_python() -> bool {
    let found = ["python3", "python"].into_iter().any(|name| {
        let asked = Command::new(name)
            .args(["-I", "-c", "import sys; sys.exit(sys.version_info < (3,))"])
            .output();
        asked.is_ok_and(|output| output.status.success())
    });
    if !found {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"),
            "hooks need Python 3, and ROSTER_TEST_ALL=1 asks for all tests"
        );
        eprintln!("passed over: hooks need Python 3");
    }
    found
}

/// A folder whose main file names `extension.yml`.
pub(crate) fn scene(url: &str, extension: &str) -> Scene {
    let scene = Scene::new(url);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    let main = main.replace("  groups:", "  extension: extension.yml\n  groups:");
    scene.write("user-sync-config.yml", &main);
    scene.write("extension.yml", extension);
    scene
}

/// An extension with this code and nothing else.
pub(crate) fn with_code(code: &str) -> String {
    let lines: Vec<String> = code.lines().map(|line| format!("  {line}\n")).collect();
    format!("after_mapping_hook: |\n{}", lines.concat())
}

/// Everything that was sent to change something, as one text.
fn sent(server: &Server) -> String {
    let bodies = writes(server).into_iter().map(|request| request.body);
    bodies.collect::<Vec<_>>().join("\n")
}

/// The run failed, said these words, and nothing was asked of the organization.
fn refused(ended: &Ended, server: &Server, words: &[&str]) {
    assert_eq!(ended.code, 1, "{}", ended.log);
    for said in words {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(
        server.requests().is_empty(),
        "something was read or sent: {}",
        ended.log
    );
}

/// What a hook does to Ada Lee (`ada@x.com`, US, in Painters, which are mapped to Photo) as the last name that it leaves. The
/// columns `desk` (E5) and `note` (nothing) are extended attributes.
const TABLE: [(&str, &str); 28] = [
    (
        "r = target_attributes['firstname'].upper() + '-' + 'a,b'.split(',')[1]",
        "ADA-b",
    ),
    (
        "r = ' x '.strip().ljust(3, '.') + 'abc'.replace('b', '').title()",
        "x..Ac",
    ),
    (
        "r = f\"{target_attributes['lastname']!r:>7}|{3:02d}\"",
        "  'Lee'|03",
    ),
    ("r = '%s/%05.1f/%d' % ('a', 2.25, 7)", "a/002.2/7"),
    ("r = '{0}{x}'.format(1, x='y')", "1y"),
    (
        "import re\nr = re.sub(r'(\\w+)@(\\w+)\\.com', r'\\2.\\1', source_attributes['email'])",
        "x.ada",
    ),
    (
        "import re\nm = re.match(r'(?P<letter>[A-Z])(\\d)', source_attributes['desk'])\nr = m.group('letter') + m.group(2)",
        "E5",
    ),
    (
        "d = {'a': 1}\nd['b'] = 2\nd.update(c=3)\ndel d['a']\nr = repr(d)",
        "{'b': 2, 'c': 3}",
    ),
    ("d = {}\nr = d.get('x', 'none') + d.setdefault('y', 'z')", "nonez"),
    (
        "l = [3, 1]\nl.append(2)\nl.extend([9])\nr = ''.join(str(n) for n in sorted(l, reverse=True))",
        "9321",
    ),
    (
        "r = '/'.join([c for c in 'hello' if c not in 'aeiou'][::-1])",
        "l/l/h",
    ),
    (
        "r = str({k: v for k, v in zip('ab', range(2))})",
        "{'a': 0, 'b': 1}",
    ),
    ("r = str(source_attributes['note'] is None)", "True"),
    ("r = str(source_attributes.get('gone'))", "None"),
    (
        "r = '+'.join(sorted(source_groups | target_groups))",
        "Painters+Photo",
    ),
    (
        "def f(n, *rest, by=2):\n    return n * by + len(rest)\nr = str(f(3, 1, 1, by=4))",
        "14",
    ),
    ("r = (lambda a, b=2: str(a + b))(1)", "3"),
    (
        "try:\n    r = {}['x']\nexcept KeyError as e:\n    r = 'caught ' + str(e)\nfinally:\n    r += '!'",
        "caught 'x'!",
    ),
    (
        "try:\n    int('x')\nexcept ValueError:\n    r = 'no'\nelse:\n    r = 'yes'",
        "no",
    ),
    ("r = 'big' if len(source_groups) > 3 else 'small'", "small"),
    ("a, *b = 'xyz'\nr = b[-1] + a", "zx"),
    (
        "n = 0\nwhile True:\n    n += 1\n    if n > 4: break\nelse:\n    n = 0\nr = str(n)",
        "5",
    ),
    ("r = ','.join(str(i) + c for i, c in enumerate('ab', 1))", "1a,2b"),
    (
        "r = str(any(g.startswith('Pa') for g in source_groups) and all([1, 2]))",
        "True",
    ),
    (
        "r = str(max([2, 7, 3])) + str(min('b', 'a')) + str(sum([1, 2]))",
        "7a3",
    ),
    (
        "r = str(isinstance(target_groups, set)) + str(type(source_attributes).__name__)",
        "Truedict",
    ),
    (
        "import unicodedata\nr = unicodedata.normalize('NFKD', 'Zoë').encode('ascii', 'ignore').decode()",
        "Zoe",
    ),
    (
        "import csv, io\nr = list(csv.reader(io.StringIO('a,\"b,c\"')))[0][1]",
        "b,c",
    ),
];

#[tokio::test]
async fn hooks_of_the_usual_kinds_run_as_they_are() {
    if !has_python() {
        return;
    }
    for (code, expected) in TABLE {
        let server = organization("", fine).await;
        let code = format!("{code}\ntarget_attributes['lastname'] = r");
        let scene = scene(
            &server.url,
            &format!("{}extended_attributes: [desk, note]\n", with_code(&code)),
        );
        scene.write(
            "users.csv",
            "email,firstname,lastname,country,groups,desk,note\nada@x.com,Ada,Lee,US,Painters,E5,\n",
        );
        let ended = scene.run(RUN).await;
        assert_eq!(ended.code, 0, "{code}: {}", ended.log);
        let expected = format!("\"lastname\":{}", serde_json::Value::from(expected));
        assert!(sent(&server).contains(&expected), "{code}: {}", sent(&server));
        assert!(!ended.log.contains("unrecognized column"), "{}", ended.log);
    }
}

#[tokio::test]
async fn what_a_hook_keeps_is_there_for_the_next_person_across_batches() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(
        &server.url,
        &with_code(
            "if hook_storage is None:\n    hook_storage = {'seen': 0}\n    import math\nhook_storage['seen'] += 1\n\
             target_attributes['lastname'] = 'nr %d of %s' % (hook_storage['seen'], math.floor(1.5))",
        ),
    );
    let rows: Vec<String> = (1..=1203)
        .map(|number| format!("p{number}@x.com,P,L{number},US,"))
        .collect();
    let rows = format!("email,firstname,lastname,country,groups\n{}\n", rows.join("\n"));
    scene.write("users.csv", &rows);
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = sent(&server);
    for number in [1, 500, 501, 1000, 1203] {
        let email = format!("\"email\":\"p{number}@x.com\"");
        let create = sent
            .split("createFederatedID")
            .find(|step| step.contains(&email))
            .unwrap();
        assert!(
            create.contains(&format!("\"lastname\":\"nr {number} of 1\"")),
            "{create}"
        );
    }
}

#[tokio::test]
async fn what_a_hook_changes_decides_who_somebody_is_and_which_kind() {
    if !has_python() {
        return;
    }
    // Ada's account has the address that the hook gives her: she is the same person, and nobody is left over.
    let server = organization(
        r#"{"email":"ada@y.com","type":"federatedID","groups":["Photo"]}"#,
        fine,
    )
    .await;
    let scene = scene(
        &server.url,
        &with_code(
            "target_attributes['email'] = target_attributes['email'].replace('x.com', 'y.com')\n\
             target_attributes['username'] = target_attributes['email']\n\
             if source_attributes['firstname'] == 'Kim':\n    target_attributes['identity_type'] = 'enterpriseID'\n\
             target_attributes['nonsense'] = object()",
        ),
    );
    let ended = scene.run(&format!("{RUN} --adobe-only-user-action remove")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    let sent = sent(&server);
    assert!(
        sent.contains("createEnterpriseID") && sent.contains("kim@y.com"),
        "{sent}"
    );
    assert!(
        !sent.contains("ada@") && !sent.contains("removeFromOrg"),
        "{sent}"
    );
}

#[tokio::test]
async fn groups_are_those_that_the_hook_leaves_and_unknown_ones_are_named() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let extension = format!(
        "{}extended_adobe_groups: [Desk, 'west::Desk']\n",
        with_code("target_groups = ['Desk', 'west::Desk', 'desk', 'Elsewhere']")
    );
    let scene = scene(&server.url, &extension);
    let main = std::fs::read_to_string(scene.path("user-sync-config.yml")).unwrap();
    scene.write(
        "user-sync-config.yml",
        &main.replace("umapi: umapi.yml", "umapi: [umapi.yml, west: west.yml]"),
    );
    scene.write("west.yml", &connector(&server.url, "WEST@AdobeOrg"));
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for name in ["desk", "Elsewhere"] {
        let said = format!(
            "ERROR processor - Target adobe group {name} is not known; ignored [unknown-target-group]"
        );
        assert!(ended.log.contains(&said), "{said}: {}", ended.log);
    }
    let lines: Vec<_> = writes(&server).into_iter().map(|request| request.line).collect();
    assert!(
        lines.iter().any(|line| line.contains("WEST@AdobeOrg")),
        "{lines:?}"
    );
    let sent = sent(&server);
    assert!(
        sent.to_lowercase().contains("\"desk\"") && !sent.to_lowercase().contains("photo"),
        "{sent}"
    );
}

#[tokio::test]
async fn what_a_hook_says_is_in_the_log_from_its_level_on() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(
        &server.url,
        &with_code(
            "logger.debug('quiet')\nlogger.error('%s has %d', target_attributes['email'], len(target_groups))\n\
             log_stream.info('streamed')\nprint('printed', 5)\nimport sys\nsys.stderr.write('said aside\\n')\n\
             import logging\nlogging.getLogger('mine').warning('own')",
        ),
    );
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for said in [
        "ERROR processor - ada@x.com has 1",
        "INFO processor - streamed",
        "INFO hook - printed 5",
        "INFO hook - said aside",
        "WARNING mine - own",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(!ended.log.contains("quiet"), "{}", ended.log);
}

/// What a hook says cannot look like lines of ours, and what is wrong with how it says it is its own affair.
#[tokio::test]
async fn what_a_hook_says_is_shown_as_what_it_is() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let code = "logger.info('a\\n2026-01-01 CRITICAL main - forged')\nlogger.info('\\x1b[31mred \\u202e \\ud800')\n\
                logger.info('%d', 'x')\nprint('no end', end='')\n\
                for n in range(3000): print('again', n)";
    let ended = scene(&server.url, &with_code(code)).run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    for said in [
        "INFO processor - a\n",
        "INFO processor - 2026-01-01 CRITICAL main - forged\n",
        "\\u{1b}[31mred \\u{202e} \\ud800\n",
        "INFO hook - no endagain 0\n",
        "WARNING hook - more than 1000 lines for one person; the others are left out\n",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(!ended.log.contains("again 1000") && !ended.log.contains('\u{1b}'));
}

/// 510 people, all of them in the organization, and a run that deletes whoever is not in the directory, with a hook that does
/// something when the last of the first 500 is there.
async fn with_many(code: &str) -> (Ended, Server) {
    let people: Vec<String> = (0..510)
        .map(|n| format!(r#"{{"email":"p{n}@x.com","type":"federatedID"}}"#))
        .collect();
    let server = organization(people.join(",").leak(), fine).await;
    let scene = scene(
        &server.url,
        &with_code(&format!(
            "if target_attributes['email'] == 'p499@x.com':\n    {}",
            code.replace('\n', "\n    ")
        )),
    );
    let rows: Vec<String> = (0..510).map(|n| format!("p{n}@x.com,P,N,US,")).collect();
    scene.write(
        "users.csv",
        &format!("email,firstname,lastname,country,groups\n{}\n", rows.join("\n")),
    );
    let ended = scene.run(&format!("{RUN} --adobe-only-user-action delete")).await;
    (ended, server)
}

/// A copy of the process that a hook makes has no part in the run: nobody is taken for somebody else or left out.
#[tokio::test]
async fn a_hook_that_makes_a_copy_of_its_process_changes_nobody_elses_answer() {
    if !has_python() || !cfg!(unix) {
        return;
    }
    for code in [
        "import os, sys\nif os.fork() == 0: sys.exit(0)",
        "import os\nos.fork()",
        "import os, time\nif os.fork() == 0:\n    time.sleep(0.2)\n    os._exit(0)",
        "import subprocess\nsubprocess.run(['true'])",
    ] {
        let (ended, server) = with_many(code).await;
        assert_eq!(ended.code, 0, "{code}: {}", ended.log);
        assert_eq!(sent(&server), "", "{code}");
    }
}

/// Answers that nobody asked for end the run, wherever they come from.
#[tokio::test]
async fn an_answer_too_many_ends_the_run() {
    if !has_python() {
        return;
    }
    let said = r#"["done",499,["gone@x.com",null,null,null,null,null,null],[]]"#;
    let (ended, server) = with_many(&format!("import __main__\n__main__.answers.write('{said}\\n')")).await;
    refused(&ended, &server, &["CRITICAL", "[hook-answers-mixed]", "os.fork"]);
}

#[tokio::test]
async fn a_hook_that_fails_ends_the_run_before_anything_is_sent() {
    if !has_python() {
        return;
    }
    let failures = [
        (
            "x = 1\nif 'kim' in target_attributes['email']:\n    source_attributes['gone']",
            " in its line 3: KeyError: 'gone'",
        ),
        (
            "def f():\n    raise ValueError('no')\nif 'kim' in target_attributes['email']: f()",
            " in its line 2: ValueError: no",
        ),
        (
            "if 'kim' in target_attributes['email']: import sys; sys.exit(3)",
            " in its line 1: SystemExit: 3",
        ),
        (
            "if 'kim' in target_attributes['email']: target_attributes['country'] = 5",
            ": TypeError: target_attributes['country'] is neither str nor None but int",
        ),
        (
            "if 'kim' in target_attributes['email']: target_groups = 'Photo'",
            ": TypeError: target_groups has become str",
        ),
        (
            "if 'kim' in target_attributes['email']: target_attributes['identity_type'] = 'staff'",
            ": target_attributes['identity_type'] is `staff`",
        ),
    ];
    for (code, said) in failures {
        let server = organization("", fine).await;
        let scene = scene(&server.url, &with_code(code));
        let ended = scene.run(RUN).await;
        let who = format!("`after_mapping_hook` failed for federatedID,kim@x.com,,kim@x.com{said}");
        refused(
            &ended,
            &server,
            &["extension.yml: ", &who, "nothing was sent [hook-failed]"],
        );
    }
}

#[tokio::test]
async fn python_that_ends_in_the_middle_ends_the_run() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(
        &server.url,
        &with_code("import os\nos.write(2, b'goodbye')\nif 'kim' in target_attributes['email']: os._exit(7)"),
    );
    let ended = scene.run(RUN).await;
    refused(
        &ended,
        &server,
        &[
            "was given up for federatedID,",
            "exit status: 7): goodbye",
            "nothing was sent [hook-python-ended]",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_stop_is_heeded_while_the_hook_runs() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(&server.url, &with_code("import time\ntime.sleep(600)"));
    let stop = Arc::clone(&scene.stop);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
    });
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 130, "{}", ended.log);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn code_that_is_no_python_is_a_problem_of_the_configuration() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(&server.url, &with_code("pass\nif x\n    pass"));
    let words = [
        "extension.yml:2: `after_mapping_hook` in its line 2: ",
        "[hook-syntax]",
    ];
    refused(&scene.run(RUN).await, &server, &words);
    let ended = scene.check(RUN).await;
    assert_eq!(ended.code, 3, "{}", ended.log);
}

#[tokio::test]
async fn check_says_which_python_will_run_the_hook() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(&server.url, &with_code("pass"));
    let ended = scene.check(RUN).await;
    assert!(
        ended.log.contains("extension.yml is run by Python 3."),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn somebody_left_without_an_address_is_skipped_and_named() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(
        &server.url,
        &with_code("if 'kim' in target_attributes['email']: target_attributes['email'] = None"),
    );
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("Skipping federatedID,kim@x.com,,kim@x.com: the hook leaves no e-mail (record 2) [hook-left-nobody]"),
        "{}",
        ended.log
    );
    assert!(sent(&server).contains("ada@x.com") && !sent(&server).contains("kim"));
}

#[tokio::test]
async fn a_lost_group_withholds_every_removal_where_there_is_a_hook() {
    if !has_python() {
        return;
    }
    let server = organization(
        r#"{"email":"ada@x.com","type":"federatedID","groups":["Desk"]}"#,
        fine,
    )
    .await;
    let extension = format!(
        "{}extended_adobe_groups: Desk\n",
        with_code("if 'Painters' in source_groups: target_groups.add('Desk')")
    );
    let mut scene = scene(&server.url, &extension);
    let state = tempfile::tempdir().unwrap();
    scene.state = Some(state.path().to_owned());
    assert_eq!(scene.run(RUN).await.code, 0);
    scene.write(
        "users.csv",
        "email,firstname,lastname,country,groups\nada@x.com,Ada,Lee,US,Painter\n",
    );
    let before = writes(&server).len();
    let ended = scene.run(RUN).await;
    assert!(ended.log.contains("[source-disappeared]"), "{}", ended.log);
    let later: Vec<_> = writes(&server).into_iter().skip(before).collect();
    assert!(later.is_empty(), "{}", ended.log);
}

#[tokio::test]
async fn hooks_can_be_turned_off() {
    let server = organization("", fine).await;
    let mut scene = scene(&server.url, "no_hook: at all\n");
    scene.hooks_off = true;
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("[hook-disabled]"), "{}", ended.log);
}

const TRIED: &str = "\
if hook_storage is None:
    hook_storage = 0
hook_storage += 1
print('seen', hook_storage, sorted(source_groups))
target_attributes['country'] = 'DE'
target_attributes['identity_type'] = 'enterpriseID'
target_groups = {'Desk'} if hook_storage == 1 else target_groups
if target_attributes['firstname'] == 'Kim':
    target_groups.add('Strange')
    target_attributes['lastname'] = 'a\\nb'
if target_attributes['firstname'] == 'Zoe':
    target_attributes['email'] = None
";

/// What was said of people and by the hook, without times.
fn shown(ended: &Ended) -> Vec<&str> {
    let lines = ended.log.lines().filter_map(|line| line.split_once(" - "));
    lines
        .map(|(_, said)| said)
        .skip_while(|said| !said.starts_with("The directory can be read"))
        .collect()
}

#[tokio::test]
async fn what_a_server_would_not_take_of_a_hook_is_told() {
    let code = with_code("target_attributes.update(country='Germany', email='noat', domain='x.com')\n");
    let scene = scene("http://127.0.0.1:1", &code);
    let ended = scene.check(&format!("{RUN} --hook 1")).await;
    for said in ["country `Germany`, which", "e-mail `noat`, which"] {
        let is_told = ended.code == 1 && ended.log.contains(said);
        assert!(is_told || !has_python(), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_hook_is_tried_for_some_people_and_no_organization_is_asked() {
    if !has_python() {
        return;
    }
    let server = organization("", fine).await;
    let scene = scene(
        &server.url,
        &format!("extended_adobe_groups: [Desk]\n{}", with_code(TRIED)),
    );
    // Neither is there anything to ask it with.
    std::fs::write(scene.path("umapi.yml"), "nonsense: true\n").unwrap();
    scene.write(
        "users.csv",
        "email,firstname,lastname,country,groups\nada@x.com,Ada,Lee,US,Painters\nkim@x.com,Kim,Roe,,Painters\n\
         zoe@x.com,Zoe,Day,DE,\nlast@x.com,La,St,US,\n",
    );
    let ended = scene.check(&format!("{RUN} --hook 1")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(
        shown(&ended),
        [
            "The directory can be read: 4 people",
            "seen 1 ['Painters']",
            "Person 1 (record 1):",
            "  identity_type: federatedID -> enterpriseID",
            "  email: ada@x.com",
            "  username: ada@x.com",
            "  domain: (none)",
            "  firstname: Ada",
            "  lastname: Lee",
            "  country: US -> DE",
            "  groups: Photo -> Desk",
            "The hook was run for 1 of 4 people; no organization was asked anything",
            "The hook can be run; nothing was changed",
        ]
    );
    let ended = scene.check(&format!("{RUN} --hook 3")).await;
    assert_eq!(
        ended.code, 1,
        "what a run would complain of is a finding: {}",
        ended.log
    );
    for said in [
        "seen 3 []",
        "Target adobe group Strange is not known; ignored [unknown-target-group]",
        "  country: (none) -> DE",
        "  lastname: Roe -> a\\nb\n",
        "  -> nobody",
        "[hook-left-nobody]",
        "The hook was run for 3 of 4 people",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    assert!(!ended.log.contains("last@x.com"), "{}", ended.log);
    let ended = scene.check(&format!("{RUN} --hook --user-filter last.*")).await;
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("  email: last@x.com") && ended.log.contains("The hook was run for 1 of 4 people"),
        "{}",
        ended.log
    );
    let ended = scene.check(&format!("{RUN} --hook --user-filter no")).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("[hook-untried]"), "{}", ended.log);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_hook_that_cannot_be_tried_says_why() {
    let server = organization("", fine).await;
    let none = Scene::new(&server.url);
    let ended = none.check(&format!("{RUN} --hook")).await;
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("[hook-missing]"), "{}", ended.log);
    let mut off = scene(&server.url, &with_code("pass"));
    off.hooks_off = true;
    let ended = off.check(&format!("{RUN} --hook")).await;
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("[hook-missing]"), "{}", ended.log);
    if !has_python() {
        return;
    }
    let failing = scene(
        &server.url,
        &with_code("if target_attributes['firstname'] == 'Kim':\n    1 / 0"),
    );
    let ended = failing.check(&format!("{RUN} --hook")).await;
    assert_eq!(ended.code, 3, "{}", ended.log);
    for said in [
        "  email: ada@x.com",
        "`after_mapping_hook` failed for federatedID,kim@x.com,,kim@x.com in its line 2",
        "[hook-failed]",
        "The run would not work; nothing was changed",
    ] {
        assert!(ended.log.contains(said), "missing {said:?} in {}", ended.log);
    }
    std::fs::remove_file(failing.path("users.csv")).unwrap();
    let ended = failing.check(&format!("{RUN} --hook")).await;
    assert_eq!(ended.code, 4, "{}", ended.log);
    assert!(server.requests().is_empty());
}
