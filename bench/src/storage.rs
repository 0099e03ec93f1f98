//! The disk below the server's data: how much is free, and how to forget what the system has read of it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";

/// Refuses if there is less room than `bytes` on the disk of `directory`, which may not exist yet.
///
/// # Errors
/// If there is, or it cannot be found out.
pub fn ensure_room(directory: &Path, bytes: u64) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    let found = rustix::fs::statvfs(directory)?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    ensure!(
        free >= bytes,
        "{} has {:.1} GiB free, and this may need {:.1}: make room, choose another with --data-dir, or ask for fewer jobs",
        directory.display(),
        gib(free),
        gib(bytes),
    );
    Ok(())
}

/// Writes out what is not on the disk yet and has the system forget all it keeps of files, so that the next reads are
/// the disk's.
///
/// # Errors
/// If that is not permitted; it takes root.
pub fn drop_page_cache() -> std::io::Result<()> {
    rustix::fs::sync();
    fs::write(DROP_CACHES, "3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_refused_in_plain_words() {
        let folder = std::env::temp_dir();
        ensure_room(&folder, 1).unwrap();
        let error = ensure_room(&folder, u64::MAX).unwrap_err().to_string();
        assert!(error.contains("GiB free, and this may need"), "{error}");
    }
}
