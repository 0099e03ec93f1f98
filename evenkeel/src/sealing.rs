//! The sealing key: what the secrets of access keys are encrypted with in the log, in a file of its own beside it.

use crate::private_file;
use anyhow::{Context, bail};
use evenkeel_access::{SEALING_KEY_BYTES, Vault};
use std::path::Path;

pub(crate) const FILE: &str = "sealing-key";

/// The vault, and whether its key was made just now.
pub(crate) fn load(folder: &Path) -> anyhow::Result<(Vault, bool)> {
    if let Some(text) = private_file::read(folder, FILE)? {
        let key = parse(text.trim()).with_context(|| {
            let path = folder.join(FILE);
            format!("{} is damaged: it should be {} hex digits", path.display(), 2 * SEALING_KEY_BYTES)
        })?;
        return Ok((Vault::new(&key), false));
    }
    let mut key = [0; SEALING_KEY_BYTES];
    getrandom::fill(&mut key).context("the system's random source")?;
    let mut text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    // Before the first secret is sealed with it, the file must be there for good.
    private_file::write(folder, FILE, text.as_bytes())?;
    Ok((Vault::new(&key), true))
}

/// Says what it means that so many keys cannot be opened; an error if the file is there and is the wrong one.
pub(crate) fn check(unreadable: usize, was_made: bool, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    match (unreadable, was_made) {
        (0, _) => Ok(()),
        (_, true) => {
            tracing::error!(
                "{} was missing and was made anew: the secrets of {unreadable} access key(s) cannot be opened without the old \
                 one, and nobody can sign with them; restore it and start again, or rotate or revoke those keys",
                path.display()
            );
            Ok(())
        }
        (_, false) => bail!(
            "{} is not the key that the secrets of {unreadable} access key(s) were sealed with; restore the right file, or move \
             this one away to go on without those keys",
            path.display()
        ),
    }
}

fn parse(text: &str) -> Option<[u8; SEALING_KEY_BYTES]> {
    let mut key = [0; SEALING_KEY_BYTES];
    if text.len() != 2 * SEALING_KEY_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_access::Secret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_it_and_the_next_opens_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, made) = load(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!((made, std::fs::metadata(&path).unwrap().permissions().mode() & 0o777), (true, 0o600));
        let sealed = vault.seal("A", &Secret::new(b"secret".to_vec())).unwrap();
        let (vault, made) = load(folder.path()).unwrap();
        assert!(!made && vault.open("A", &sealed).unwrap().reveal() == b"secret");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(load(folder.path()).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for damaged in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            std::fs::write(&path, damaged).unwrap();
            assert!(load(folder.path()).unwrap_err().to_string().contains("damaged"), "{damaged}");
        }
    }

    #[test]
    fn a_wrong_one_is_an_error_and_a_lost_one_is_not() {
        let folder = Path::new("data");
        assert!(check(0, true, folder).is_ok() && check(0, false, folder).is_ok() && check(2, true, folder).is_ok());
        assert!(check(2, false, folder).unwrap_err().to_string().contains("data/sealing-key"));
    }
}
