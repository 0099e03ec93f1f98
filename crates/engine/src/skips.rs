//! Entries that are passed over, and the entry at which the process died: what a start must know before it reads the log.
//!
//! That an entry is passed over stands in the log, behind that entry ([`Command::Skip`](evenkeel_machine::command::Command::Skip)). Whoever replays comes to the
//! entry first; so it is written down here when it is seen, and the engine starts again. The log stays the only source: what is lost here is seen
//! there again.
//!
//! | file in the data folder | what |
//! |---|---|
//! | [`SKIPPED`] | a line for each entry that is passed over, with the entry that says so, and a checksum |
//! | [`STUMBLED`] | at which entry the machine panicked, how often, and why |
//!
//! Both are text, for people. `docs/format.md`, "Entries that are passed over".

use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::LogIndex;
use std::{io, path::Path};
use xxhash_rust::xxh3::xxh3_64;

/// The file of entries that are passed over.
pub const SKIPPED: &str = "skipped";
/// The file that says where the machine panicked.
pub const STUMBLED: &str = "stumbled";

/// More than this is read of neither file: some ten thousand lines.
const BYTES_MAX: u64 = 1 << 20;
/// What is kept of a panic's words, in characters.
const WHY_CHARS_MAX: usize = 1_024;
/// A machine that panicked so often at the same entry is not given it again. The first time may be a bit that flipped.
const TRIES: u32 = 2;

/// An entry that is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub entry: LogIndex,
    /// The entry behind it that says so.
    pub by: LogIndex,
}

/// What a start knows of entries to be passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips(Vec<Skipped>);

impl Skips {
    /// Whether that entry is passed over.
    #[must_use]
    pub fn has(&self, entry: LogIndex) -> bool {
        self.0.iter().any(|skipped| skipped.entry == entry)
    }

    /// Whether a state of that index is of no use: it lies between an entry that is passed over and the entry that says so. Such a state has
    /// taken the entry in, since one that has not is never written down there.
    #[must_use]
    pub fn spoil(&self, state: LogIndex) -> bool {
        self.0.iter().any(|skipped| skipped.entry <= state && state < skipped.by)
    }

    /// Whether a state of that index is known to be without that entry, if it can be used.
    pub(crate) fn is_without(&self, state: LogIndex, entry: LogIndex) -> bool {
        self.0.iter().any(|skipped| skipped.entry == entry && (state < entry || skipped.by <= state))
    }
}

/// At which entry the machine panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stumble {
    /// The entry.
    pub entry: LogIndex,
    /// How often, one time after the other.
    pub times: u32,
    /// Which version of the program. Another one tries again.
    pub version: String,
    /// The panic's words, in one line.
    pub why: String,
}

impl Stumble {
    /// Whether that version is not to be given the entry again.
    #[must_use]
    pub fn is_final_for(&self, version: &str) -> bool {
        self.times >= TRIES && self.version == version
    }
}

/// Reads what is passed over, and says of each line that cannot be read why not. Such a line is as good as absent: the log says it again.
///
/// # Errors
/// The disk's.
pub fn read_skips<D: Disk>(disk: &D, folder: &Path) -> io::Result<(Skips, Vec<String>)> {
    let (mut skips, mut damaged) = (Skips::default(), Vec::new());
    let text = read(disk, folder, SKIPPED)?.unwrap_or_default();
    for (number, line) in text.lines().enumerate() {
        match parse(line) {
            Some(skipped) => skips.0.push(skipped),
            None => damaged.push(format!("{SKIPPED}, line {}: it is not as it was written", number + 1)),
        }
    }
    Ok((skips, damaged))
}

/// Writes down durably that an entry is passed over, unless that is known already.
///
/// # Errors
/// The disk's.
pub fn note_skip<D: Disk>(disk: &D, folder: &Path, skipped: Skipped) -> io::Result<()> {
    let (mut skips, _) = read_skips(disk, folder)?;
    if skips.0.contains(&skipped) {
        return Ok(());
    }
    skips.0.push(skipped);
    let text: String = skips.0.iter().map(line).collect();
    write(disk, folder, SKIPPED, &text)
}

/// Where the machine panicked last, if it did and that can be read.
///
/// # Errors
/// The disk's.
pub fn read_stumble<D: Disk>(disk: &D, folder: &Path) -> io::Result<Option<Stumble>> {
    Ok(read(disk, folder, STUMBLED)?.as_deref().and_then(parse_stumble))
}

/// Writes down durably that the machine panicked at that entry. To be called before the process ends.
///
/// # Errors
/// The disk's.
pub fn note_stumble<D: Disk>(disk: &D, folder: &Path, entry: LogIndex, version: &str, why: &str) -> io::Result<()> {
    let before = read_stumble(disk, folder)?.filter(|before| before.entry == entry && before.version == version);
    let times = before.map_or(0, |before| before.times).saturating_add(1);
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let why: String = why.chars().take(WHY_CHARS_MAX).map(plain).collect();
    let text = format!("entry {entry}\ntimes {times}\nversion {version}\nwhy {why}\n");
    write(disk, folder, STUMBLED, &text)
}

fn line(skipped: &Skipped) -> String {
    let Skipped { entry, by } = skipped;
    let said = format!("entry {entry} is passed over, as entry {by} says");
    let checksum = xxh3_64(said.as_bytes());
    format!("{said}: {checksum:016x}\n")
}

fn parse(text: &str) -> Option<Skipped> {
    let rest = text.strip_prefix("entry ")?;
    let (entry, rest) = rest.split_once(" is passed over, as entry ")?;
    let (by, _) = rest.split_once(" says: ")?;
    let skipped = Skipped { entry: LogIndex(entry.parse().ok()?), by: LogIndex(by.parse().ok()?) };
    (line(&skipped).trim_end() == text && skipped.entry < skipped.by).then_some(skipped)
}

fn parse_stumble(text: &str) -> Option<Stumble> {
    let mut lines = text.lines();
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let entry = LogIndex(field("entry")?.parse().ok()?);
    let times = field("times")?.parse().ok()?;
    let (version, why) = (field("version")?.to_owned(), field("why")?.to_owned());
    Some(Stumble { entry, times, version, why })
}

fn read<D: Disk>(disk: &D, folder: &Path, name: &str) -> io::Result<Option<String>> {
    let file = match disk.open(&folder.join(name), OpenMode::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let bytes = file.len()?.min(BYTES_MAX);
    let mut text = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut text, 0)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

fn write<D: Disk>(disk: &D, folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let (unfinished, finished) = (folder.join(format!("{name}.new")), folder.join(name));
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(&unfinished, OpenMode::CreateNew)?;
    file.write_all_at(text.as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&unfinished, &finished)?;
    disk.sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_disk::MemDisk;

    const FOLDER: &str = "/data";

    fn disk() -> MemDisk {
        let disk = MemDisk::new(1);
        disk.create_dir_all(Path::new(FOLDER)).unwrap();
        disk
    }

    fn skipped(entry: u64, by: u64) -> Skipped {
        Skipped { entry: LogIndex(entry), by: LogIndex(by) }
    }

    #[test]
    fn what_is_passed_over_is_read_as_it_was_written() {
        let (disk, folder) = (disk(), Path::new(FOLDER));
        assert_eq!(read_skips(&disk, folder).unwrap(), (Skips::default(), vec![]));
        for which in [skipped(7, 12), skipped(9, 20), skipped(7, 12)] {
            note_skip(&disk, folder, which).unwrap();
        }
        let (skips, damaged) = read_skips(&disk, folder).unwrap();
        assert_eq!((skips.0.clone(), damaged.len()), (vec![skipped(7, 12), skipped(9, 20)], 0));
        assert!(skips.has(LogIndex(7)) && skips.has(LogIndex(9)) && !skips.has(LogIndex(8)));
        let spoilt: Vec<_> = (0..25).filter(|&state| skips.spoil(LogIndex(state))).collect();
        assert_eq!(spoilt, (7..20).collect::<Vec<_>>());
        assert!(skips.is_without(LogIndex(6), LogIndex(7)) && skips.is_without(LogIndex(12), LogIndex(7)));
        assert!(!skips.is_without(LogIndex(7), LogIndex(7)) && !skips.is_without(LogIndex(99), LogIndex(8)));
    }

    #[test]
    fn a_line_that_was_changed_counts_for_nothing() {
        let good = line(&skipped(17, 23));
        assert_eq!(parse(good.trim_end()), Some(skipped(17, 23)));
        for at in 0..good.len() - 1 {
            let mut bad = good.trim_end().to_owned().into_bytes();
            bad[at] ^= 1;
            assert_eq!(parse(&String::from_utf8_lossy(&bad)), None, "byte {at}");
        }
        let (disk, folder) = (disk(), Path::new(FOLDER));
        let text = format!("{}garbage\n{}", line(&skipped(1, 2)), line(&skipped(5, 4)));
        write(&disk, folder, SKIPPED, &text).unwrap();
        let (skips, damaged) = read_skips(&disk, folder).unwrap();
        assert_eq!((skips.0, damaged.len()), (vec![skipped(1, 2)], 2));
    }

    #[test]
    fn a_version_that_stumbled_twice_is_not_given_the_entry_again() {
        let (disk, folder) = (disk(), Path::new(FOLDER));
        assert_eq!(read_stumble(&disk, folder).unwrap(), None);
        note_stumble(&disk, folder, LogIndex(5), "1.0", "of\nno\tuse").unwrap();
        let once = read_stumble(&disk, folder).unwrap().unwrap();
        assert_eq!((once.entry, once.why.as_str(), once.is_final_for("1.0")), (LogIndex(5), "of no use", false));
        note_stumble(&disk, folder, LogIndex(5), "1.0", &"ä".repeat(WHY_CHARS_MAX + 1)).unwrap();
        let twice = read_stumble(&disk, folder).unwrap().unwrap();
        assert!(twice.is_final_for("1.0") && !twice.is_final_for("1.1") && twice.why.chars().count() == WHY_CHARS_MAX);
        // Another entry, or another version, begins anew.
        note_stumble(&disk, folder, LogIndex(5), "1.1", "").unwrap();
        assert_eq!(read_stumble(&disk, folder).unwrap().unwrap().times, 1);
        note_stumble(&disk, folder, LogIndex(6), "1.1", "").unwrap();
        assert_eq!(read_stumble(&disk, folder).unwrap().unwrap().times, 1);
    }
}
