//! Changes of a whole group of people at once, and what everybody else notices meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Bench, Kind};
use crate::load::{Bring, LookUp, Until, completed, run};
use crate::people::{LARGE, LARGEST, OPEN, ORG, SEATS};
use crate::report::{Row, number};

/// Others who read, and others who write, meanwhile.
const OTHERS: usize = 2;
/// How long they are at it before and after.
const AROUND: Duration = Duration::from_millis(200);

impl Bench<'_> {
    /// Links the large group to a profile without a quota and to one with seats, unlinks it, deletes it.
    pub(super) async fn sets(&mut self) -> anyhow::Result<()> {
        let members = self.people.min(LARGEST);
        let change = |verb: &str, profile: &str| {
            format!(
                r#"[{{"usergroup":"{LARGE}","do":[{{"{verb}":{{"productConfiguration":["{profile}"]}}}}]}}]"#
            )
        };
        let all = [
            ("linked to a profile without quota", change("add", OPEN)),
            ("unlinked from it", change("remove", OPEN)),
            ("linked to a profile with seats", change("add", SEATS)),
            ("unlinked from it", change("remove", SEATS)),
            (
                "deleted",
                format!(r#"[{{"usergroup":"{LARGE}","do":[{{"deleteUserGroup":{{}}}}]}}]"#),
            ),
        ];
        for (what, body) in all {
            let row = self.set(&format!("a group of {members} {what}"), &body).await?;
            self.rows.push(row);
        }
        Ok(())
    }

    async fn set(&mut self, what: &str, body: &str) -> anyhow::Result<Row> {
        let stop = Arc::new(AtomicBool::new(false));
        let others = {
            let (door, people, newcomers) = (self.door.clone(), self.people, Arc::clone(&self.newcomers));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let until = Until::Told(stop);
                let reads = run(&door, OTHERS, Arc::new(LookUp::new(people)), until.clone());
                let writes = run(&door, OTHERS, Arc::new(Bring::newcomers(&newcomers, 1)), until);
                tokio::try_join!(reads, writes)
            })
        };
        tokio::time::sleep(AROUND).await;
        let mut connection = self.door.open().await?;
        let request = self
            .door
            .request("POST", &format!("/v2/usermanagement/action/{ORG}"), body);
        let before = self.server.processor()?;
        let sent = Instant::now();
        completed(connection.send(&request).await?)?;
        let took = sent.elapsed().as_secs_f64();
        let processor = self.server.processor()? - before;
        tokio::time::sleep(AROUND).await;
        stop.store(true, Ordering::Relaxed);
        let (reads, writes) = others.await??;
        Ok(Row::new(Kind::Sets, self.people, what, "s", took)
            .waits(&reads)
            .processor(processor)
            .note(format!(
                "waits: others' reads; their writes {} / {} / {}",
                number(writes.quantile(0.5)),
                number(writes.quantile(0.99)),
                number(writes.quantile(1.0))
            )))
    }
}
