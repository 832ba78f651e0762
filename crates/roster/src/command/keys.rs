//! `roster keys`.

use roster_server::{App, Config};

use crate::ui::{self, Exit};
use crate::{cli, command, settings};

pub(crate) async fn rotate(place: &cli::Place) -> anyhow::Result<Exit> {
    let storage = settings::storage(place)?;
    command::check_key(&storage)?;
    let store = command::open_existing(&storage).await?;
    let config = Config {
        data_dir: storage.data.clone(),
        master_key_file: storage.master_key_file.clone(),
        ..Config::default()
    };
    let kid = App::new(config, store.clone())
        .await?
        .rotate_signing_key()
        .await?;
    store.checkpoint().await?;
    ui::out(format_args!(
        "tokens are signed with {kid} from now on; earlier ones stay valid until they expire"
    ));
    Ok(Exit::Done)
}
