//! The whole schema of each engine, for reading: `schema/*.sql` is what the migrations lead to. With
//! `ROSTER_UPDATE_SCHEMA` set the files are written anew.

use std::path::Path;

use roster_store::{Location, Store};

use crate::support::stores;

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_for_reading_is_what_the_migrations_lead_to() {
    for fresh in stores().await {
        let (name, found) = match &fresh.location {
            Location::Sqlite(_) => ("sqlite", sqlite(&fresh.store).await),
            Location::Postgres(_) => ("postgres", postgres(&fresh.store).await),
        };
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("schema")
            .join(format!("{name}.sql"));
        if std::env::var_os("ROSTER_UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &found).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == found,
            "{} is not what the migrations lead to; see ROSTER_UPDATE_SCHEMA\n{found}",
            file.display()
        );
    }
}

async fn lines(store: &Store, sql: &'static str) -> Vec<String> {
    store
        .read(move |reader| {
            let mut lines = Vec::new();
            reader.query(sql, &[], &mut |row| {
                lines.push(row.text(0)?.to_owned());
                Ok(())
            })?;
            Ok(lines)
        })
        .await
        .unwrap()
}

async fn sqlite(store: &Store) -> String {
    let sql = "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name";
    lines(store, sql).await.join("\n\n") + "\n"
}

async fn postgres(store: &Store) -> String {
    let columns = "SELECT '-- ' || table_name || '.' || column_name || ' ' || data_type
            || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
            || COALESCE(' DEFAULT ' || column_default, '')
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
    let indexes =
        "SELECT indexdef || ';' FROM pg_indexes WHERE schemaname = 'public' ORDER BY tablename, indexname";
    let mut all = lines(store, columns).await;
    all.extend(lines(store, indexes).await);
    all.join("\n") + "\n"
}
