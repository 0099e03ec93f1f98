//! A panic while an entry of the log is applied: it is written down at which, so that a later start need not come to it again.
//!
//! What panicked is half changed, so the process ends, whatever it is built for. Its next start tries once more, since a bit may have flipped; the one after that
//! halts before the entry, from where it can be passed over. Another version of the program tries it again.

use anyhow::Context;
use evenkeel_disk::RealDisk;
use evenkeel_engine::Stumble;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// From now on. `folder`: the data folder, which this process has locked.
pub(crate) fn watch(folder: PathBuf) {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        let Some(entry) = evenkeel_engine::applying() else { return };
        match evenkeel_engine::note_stumble(&RealDisk, &folder, entry, VERSION, &panic.to_string()) {
            Ok(()) => tracing::error!(
                "ALARM: this happened at entry {entry} of the log; the next start tries it again at most once"
            ),
            Err(error) => tracing::error!(
                "ALARM: this happened at entry {entry} of the log, which could not be written down: {error}"
            ),
        }
        std::process::abort();
    }));
}

/// The entry that this version is not to be given again.
pub(crate) fn last(folder: &Path) -> anyhow::Result<Option<Stumble>> {
    let last =
        evenkeel_engine::read_stumble(&RealDisk, folder).context("reading at which entry the program panicked")?;
    Ok(last.filter(|stumble| stumble.is_final_for(VERSION)))
}
