//! The authority and the leaves it signs, damaged, expired and not valid yet.

use super::*;

const DAY: i64 = 86_400_000;
const NOW: i64 = 1_790_000_000_000;

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn made_once_kept_and_renewed_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    let ca = files.ca.clone().unwrap();
    let (first_ca, first) = (text_of(&ca), text_of(&files.cert));
    assert!(server_config(&files).is_ok());

    local_authority(dir.path(), &[], NOW + 300 * DAY).unwrap();
    assert_eq!(text_of(&files.cert), first, "still good");
    local_authority(dir.path(), &[], NOW + 340 * DAY).unwrap();
    assert_ne!(text_of(&files.cert), first, "the leaf is renewed");
    assert_eq!(text_of(&ca), first_ca, "clients need not be told again");
    assert!(server_config(&files).is_ok());

    let first_key = text_of(&dir.path().join("ca-key.pem"));
    local_authority(dir.path(), &[], NOW + 3600 * DAY).unwrap();
    assert_ne!(text_of(&ca), first_ca, "an authority at its end is renewed");
    let kept = |name: &str| text_of(&dir.path().join(name));
    assert_eq!(kept("ca-before-2036-07-30.pem"), first_ca);
    assert_eq!(kept("ca-key-before-2036-07-30.pem"), first_key);
}

/// What a clock that was years ahead for one start had replaced is put back by hand, and two of one day do not replace each other.
#[test]
fn an_authority_that_was_replaced_can_be_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    local_authority(dir.path(), &[], NOW).unwrap();
    let (ca, key) = (text_of(&path("ca.pem")), text_of(&path("ca-key.pem")));
    local_authority(dir.path(), &[], NOW + 3600 * DAY).unwrap();
    std::fs::rename(path("ca-before-2036-07-30.pem"), path("ca.pem")).unwrap();
    std::fs::rename(path("ca-key-before-2036-07-30.pem"), path("ca-key.pem")).unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    assert_eq!(
        (text_of(&path("ca.pem")), text_of(&path("ca-key.pem"))),
        (ca, key)
    );
    assert!(is_valid(&files.cert, NOW));

    let other = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "ca-key.pem"] {
        let kept = name.replace(".pem", "-before-2036-07-30.pem");
        local_authority(other.path(), &[], NOW).unwrap();
        std::fs::copy(other.path().join(name), path(&kept)).unwrap();
    }
    let before = files_of(dir.path());
    local_authority(dir.path(), &[], NOW + 3600 * DAY).unwrap();
    let after = files_of(dir.path());
    assert!(after.iter().any(|(name, _)| name == "ca-before-2036-07-30-2.pem"));
    assert!(
        after
            .iter()
            .any(|(name, _)| name == "ca-key-before-2036-07-30-2.pem")
    );
    let of_before = before.iter().filter(|(name, _)| name.contains("before"));
    assert_eq!(of_before.filter(|file| after.contains(file)).count(), 2);
}

fn is_valid(path: &Path, now_ms: i64) -> bool {
    let der = CertificateDer::from_pem_file(path).unwrap();
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let now = now_ms / 1000;
    (cert.validity().not_before.timestamp()..cert.validity().not_after.timestamp()).contains(&now)
}

#[test]
fn a_leaf_that_is_not_valid_yet_is_made_anew_at_start_and_while_a_server_runs() {
    for again in [local_authority, renew_leaf] {
        let dir = tempfile::tempdir().unwrap();
        let files = local_authority(dir.path(), &[], NOW).unwrap();
        let ca = text_of(&dir.path().join("ca.pem"));
        let first = text_of(&files.cert);
        local_authority(dir.path(), &[], NOW + 400 * DAY).unwrap();
        assert!(text_of(&files.cert) != first && !is_valid(&files.cert, NOW));
        again(dir.path(), &[], NOW).unwrap();
        assert!(is_valid(&files.cert, NOW) && server_config(&files).is_ok());
        assert_eq!(text_of(&dir.path().join("ca.pem")), ca);
    }
}

/// What is logged while `doing`.
fn logged(doing: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(log, doing);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_made_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let at = |now: i64| logged(|| drop(local_authority(dir.path(), &[], now).unwrap()));
    let made = at(NOW);
    let pem = CertificateDer::from_pem_file(dir.path().join("ca.pem")).unwrap();
    for part in [
        "authority was made",
        &fingerprint(&pem),
        "127.0.0.1",
        "there was none",
    ] {
        assert!(made.contains(part), "`{part}` is not in\n{made}");
    }
    assert_eq!(at(NOW), "");
    let renewed = at(NOW + 340 * DAY);
    assert!(
        renewed.contains("has ended or soon does") && renewed.lines().count() == 1,
        "{renewed}"
    );
    let again = at(NOW);
    assert!(
        again.contains("is not valid yet") && again.lines().count() == 1,
        "{again}"
    );
    let replaced = at(NOW + 3600 * DAY);
    for part in [
        "WARN",
        "ends on 2036-09-18",
        "kept as",
        "ca-before-2036-07-30.pem",
        "authority was made",
    ] {
        assert!(replaced.contains(part), "`{part}` is not in\n{replaced}");
    }
    let early = at(NOW);
    for part in [
        "WARN",
        "is not valid before 2036-07-29",
        "ca-before-",
        "remove the whole folder",
    ] {
        assert!(early.contains(part), "`{part}` is not in\n{early}");
    }
}

#[test]
fn another_public_host_gets_a_leaf_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    let first = text_of(&files.cert);
    local_authority(dir.path(), &["umapi.example.com".to_owned()], NOW).unwrap();
    let second = text_of(&files.cert);
    assert_ne!(second, first);
    local_authority(dir.path(), &["umapi.example.com".to_owned()], NOW).unwrap();
    assert_eq!(text_of(&files.cert), second);
    local_authority(dir.path(), &["127.0.0.1".to_owned()], NOW).unwrap();
    assert_eq!(text_of(&files.cert), second, "named anyway");
}

#[test]
fn halves_of_different_pairs_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(&files.key, &other).unwrap();
    assert!(server_config(&files).is_err());
    local_authority(dir.path(), &[], NOW).unwrap();
    assert!(server_config(&files).is_ok());
}

/// Everything in the folder, by name.
fn files_of(dir: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), text_of(&entry.path())))
        .collect();
    all.sort();
    all
}

/// Clients trust it: it is never replaced by another one unasked.
#[test]
fn an_authority_that_is_damaged_or_there_in_part_is_refused() {
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (file, content, what) in [
        ("ca.pem", None, "is missing"),
        ("ca.pem", Some(""), "holds no certificate"),
        (
            "ca.pem",
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "holds no certificate",
        ),
        ("ca-key.pem", None, "is missing"),
        ("ca-key.pem", Some("nonsense"), "holds no private key"),
        ("ca-key.pem", Some(other.as_str()), "is not the key"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        local_authority(dir.path(), &[], NOW).unwrap();
        let path = dir.path().join(file);
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let before = files_of(dir.path());
        for refused in [
            local_authority(dir.path(), &[], NOW).map(drop),
            renew_leaf(dir.path(), &[], NOW).map(drop),
            check_authority(dir.path(), NOW),
        ] {
            let text = refused.unwrap_err().to_string();
            assert!(
                text.contains(&path.display().to_string()) && text.contains(what),
                "{text}"
            );
        }
        assert_eq!(files_of(dir.path()), before);
    }
}

#[test]
fn a_first_start_that_was_killed_between_two_files_goes_on() {
    let whole = tempfile::tempdir().unwrap();
    local_authority(whole.path(), &[], NOW).unwrap();
    let written = ["ca-key.pem", "ca.pem", "key.pem", "cert.pem"];
    for reached in 0..=written.len() {
        let dir = tempfile::tempdir().unwrap();
        for file in &written[..reached] {
            std::fs::copy(whole.path().join(file), dir.path().join(file)).unwrap();
        }
        let before = files_of(dir.path());
        check_authority(dir.path(), NOW).unwrap();
        let files = local_authority(dir.path(), &[], NOW).unwrap();
        assert!(server_config(&files).is_ok(), "{reached}");
        let after = files_of(dir.path());
        let mut of_authority = before.iter().filter(|(name, _)| name.starts_with("ca"));
        assert!(of_authority.all(|file| after.contains(file)), "{reached}");
        local_authority(dir.path(), &[], NOW).unwrap();
        assert_eq!(files_of(dir.path()), after, "{reached}");
    }
}

#[test]
fn a_server_that_runs_makes_no_other_authority() {
    let dir = tempfile::tempdir().unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    let first = text_of(&files.cert);
    assert_eq!(renew_leaf(dir.path(), &[], NOW + 340 * DAY).unwrap(), files);
    assert_ne!(text_of(&files.cert), first);
    for (file, _) in files_of(dir.path()) {
        std::fs::remove_file(dir.path().join(file)).unwrap();
    }
    let text = renew_leaf(dir.path(), &[], NOW).unwrap_err().to_string();
    assert!(text.contains("ca.pem` is missing"), "{text}");
    assert_eq!(files_of(dir.path()), []);
}

#[test]
fn a_leaf_of_another_authority_is_replaced() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    local_authority(other.path(), &[], NOW).unwrap();
    for file in ["ca.pem", "ca-key.pem"] {
        std::fs::copy(other.path().join(file), dir.path().join(file)).unwrap();
    }
    let first = text_of(&files.cert);
    local_authority(dir.path(), &[], NOW).unwrap();
    assert_ne!(text_of(&files.cert), first);
}

#[test]
fn a_given_certificate_that_clients_will_refuse_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let files = local_authority(dir.path(), &[], NOW).unwrap();
    for (at, said) in [
        (NOW + DAY, None),
        (NOW - 3 * DAY, Some("is not valid before ")),
        (NOW + (LEAF_DAYS - 3) * DAY, Some("ends on ")),
        (NOW + (LEAF_DAYS + 1) * DAY, Some("has ended on ")),
    ] {
        let told = fault_of_time(&files.cert, at);
        assert!(
            told.as_deref().map_or(said.is_none(), |told| said
                .is_some_and(|said| told.starts_with(said))),
            "{at}: {told:?}"
        );
    }
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("a.pem"), dir.path().join("b.pem"));
    let files = Files {
        cert: cert.clone(),
        key,
        ca: None,
    };
    assert!(server_config(&files).unwrap_err().to_string().contains("a.pem"));
    std::fs::write(&cert, "nonsense").unwrap();
    let text = server_config(&files).unwrap_err().to_string();
    assert!(text.contains("a.pem") && text.contains("certificate"), "{text}");
}
