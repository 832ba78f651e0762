//! Who has access to what.

use roster_core::command::Command;
use roster_store::Position;
use roster_testkit::sample::ACME;

use super::{link, person, scenes};

fn history() -> Vec<Command> {
    vec![
        person("ana@example.com", &["Design Team", "R&D / EU @home"]),
        person("ben@example.com", &["Design Team", "Photo Suite Standard"]),
        person("dee@example.com", &["Photo Suite Standard", "Photo Suite Pro"]),
        link("Design Team", &["Photo Suite Standard"]),
        link("R&D / EU @home", &["Photo Suite Standard", "Video Default"]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seats_of_every_profile_are_told() {
    for mut scene in scenes().await {
        scene.run(history()).await;
        let read = scene.store.read(|reader| {
            let mut lines = Vec::new();
            reader.profile_seats(ACME, &mut |row| {
                lines.push(format!(
                    "{} ({:?}, {} held) {} ({:?}): {} members, {} held, {} waiting",
                    row.product,
                    row.product_quota,
                    row.product_held,
                    row.profile,
                    row.quota,
                    row.members,
                    row.held,
                    row.waiting
                ));
            })?;
            Ok(lines)
        });
        assert_eq!(
            read.await.unwrap(),
            [
                "Photo Suite (None, 2 held) Photo Suite Standard (Some(2)): 3 members, 2 held, 1 waiting",
                "Photo Suite (None, 2 held) Photo Suite Pro (None): 1 members, 1 held, 0 waiting",
                "Video (Some(3), 1 held) Video Default (None): 1 members, 1 held, 0 waiting",
                "Video (Some(3), 1 held) Video Extra (Some(2)): 0 members, 0 held, 0 waiting",
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_person_is_shown_with_profiles_licences_and_routes_page_by_page() {
    for mut scene in scenes().await {
        scene.run(history()).await;
        for limit in [1, 2, 10] {
            let read = scene.store.read(move |reader| {
                let (mut lines, mut from) = (Vec::new(), Position::START);
                loop {
                    let rows = reader.access(ACME, from, limit, &mut |row| {
                        lines.push(row.email.to_owned());
                        for access in row.access {
                            lines.push(format!(
                                "  {}/{} licensed={} direct={} through {:?}",
                                access.product,
                                access.profile,
                                access.licensed,
                                access.direct,
                                access.through
                            ));
                        }
                    })?;
                    match rows.next {
                        Some(next) => from = next,
                        None => return Ok(lines),
                    }
                }
            });
            assert_eq!(
                read.await.unwrap(),
                [
                    "root@example.com",
                    "ana@example.com",
                    "  Photo Suite/Photo Suite Standard licensed=false direct=false through [\"Design Team\", \"R&D / EU @home\"]",
                    "  Video/Video Default licensed=true direct=false through [\"R&D / EU @home\"]",
                    "ben@example.com",
                    "  Photo Suite/Photo Suite Standard licensed=true direct=true through [\"Design Team\"]",
                    "dee@example.com",
                    "  Photo Suite/Photo Suite Pro licensed=true direct=true through []",
                    "  Photo Suite/Photo Suite Standard licensed=true direct=true through []",
                ]
            );
        }
    }
}
