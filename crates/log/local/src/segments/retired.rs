//! Segments below the state: opened by their header and their sidecar, without a walk.
//!
//! Their bodies are checked when they are read. A sidecar that is missing, damaged or of another segment costs a walk and is made
//! anew; damage that the walk meets is told, and leaves what is not hit readable.

use super::{open::named, segment_name, sidecar_name};
use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    format::{SegmentHeader, segment_checksum},
    keeper::{Sealed, sidecar_header},
    limits::{ENTRY_EXTENT_MIN, SEGMENT_HEADER_BYTES},
    options::Options,
    places::{Offsets, Places, SidecarFile},
    salvage::walk,
    scan::{Running, ScanError, Source, read_header},
    sidecar::{SidecarHeader, scan_sidecar_bytes, sidecar_bytes},
    table::TableSegment,
    window::Window,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use evenkeel_types::LogIndex;
use std::{io, path::Path, sync::Arc};

/// A segment that was not walked through, or only to make its sidecar anew.
pub(super) struct Retired<F> {
    pub(super) segment: TableSegment<F>,
    /// Whether all entries up to the next segment are there.
    pub(super) whole: bool,
    /// Its sidecar is to be written.
    pub(super) to_seal: Option<Sealed>,
    /// What was wrong.
    pub(super) warning: Option<String>,
}

/// Opens a segment that is followed by one with the header `next`.
pub(super) fn open_retired<D: Disk>(
    disk: &D,
    dir: &Path,
    options: &Options,
    first: LogIndex,
    next: &SegmentHeader,
) -> Result<Retired<D::File>, LogError> {
    let name = segment_name(first);
    // To be written again only if it is truncated one day.
    let file = disk.open(&dir.join(&name), OpenMode::ReadWrite).doing(|| format!("opening {name}"))?;
    let header = header_alone(&file).map_err(|error| named(error, &name))?;
    check_identity(&header, options, first, &name)?;
    let fits = |sidecar: &SidecarHeader, _: &Offsets| {
        let follows = (sidecar.epoch, sidecar.link) == (next.epoch, next.chain);
        let ends = sidecar.end <= header.file_bytes && sidecar.last < next.first;
        sidecar.segment == segment_checksum(&header) && ends && (follows || sidecar.last.next() < next.first)
    };
    let reason = match read_sidecar(disk, dir, &header, fits) {
        Ok((sidecar, offsets, sidecar_file)) => {
            let sidecar_bytes = sidecar_bytes(sidecar.entries());
            let places = Places::sealed(offsets, sidecar_file);
            let (whole, end) = (sidecar.last.next() == next.first, sidecar.end);
            let segment = TableSegment { header, name, file: Arc::new(file), end, places, sidecar_bytes };
            return Ok(Retired { segment, whole, to_seal: None, warning: None });
        }
        Err(reason) => reason.unwrap_or_else(|| "missing".into()),
    };
    let mut window = Window::new(&file).doing(|| format!("reading {name}"))?;
    let mut walked = walk(&mut window, &header).doing(|| format!("reading {name}"))?;
    let most = next.first.0.saturating_sub(first.0);
    walked.offsets.truncate(most);
    // What was not found at the end was here, as far as there is room for it; the segment has one entry at least.
    let room = header.file_bytes.saturating_sub(walked.end.position) / ENTRY_EXTENT_MIN;
    let missing = if walked.damage.is_some() { room } else { 0 };
    walked.offsets.pad(most.min(walked.offsets.len() + missing).max(1));
    let mut warning = format!("{} was {reason}, and is made anew", sidecar_name(first));
    if let Some((offset, what)) = &walked.damage {
        warning = format!("{warning}; {name} is damaged at byte {offset}: {what}");
    }
    let running = walked.end.running;
    let follows = (running.next, running.epoch, running.chain) == (next.first, next.epoch, next.chain);
    let (file, end, places) = (Arc::new(file), walked.end.position, Places::Memory(walked.offsets));
    let segment = TableSegment { header, name, file, end, places, sidecar_bytes: 0 };
    let whole = follows && walked.damage.is_none();
    Ok(Retired { segment, whole, to_seal: Some(Sealed { first, running }), warning: Some(warning) })
}

/// Compares a header with what the segment's name and the log say.
pub(super) fn check_identity(
    header: &SegmentHeader,
    options: &Options,
    first: LogIndex,
    name: &str,
) -> Result<(), LogError> {
    if header.log != options.log {
        return Err(damaged(name, 56, "it belongs to another log"));
    }
    if header.first != first {
        return Err(damaged(name, 32, format!("its header says that it begins at entry {}", header.first)));
    }
    Ok(())
}

/// Finds the sidecar of a segment that was walked through. `Err` with a warning if there is one that does not fit.
pub(super) fn match_sidecar<D: Disk>(
    disk: &D,
    dir: &Path,
    segment: &mut TableSegment<D::File>,
    running: Running,
) -> Result<(), Option<String>> {
    let Places::Memory(walked) = &segment.places else { return Ok(()) };
    let expected = sidecar_header(&segment.header, walked, segment.end, running);
    let fits = |sidecar: &SidecarHeader, offsets: &Offsets| *sidecar == expected && offsets == walked;
    match read_sidecar(disk, dir, &segment.header, fits) {
        Ok((sidecar, offsets, file)) => {
            segment.sidecar_bytes = sidecar_bytes(sidecar.entries());
            segment.places = Places::sealed(offsets, file);
            Ok(())
        }
        Err(reason) => {
            Err(reason.map(|reason| format!("{} was {reason}, and is made anew", sidecar_name(segment.first()))))
        }
    }
}

/// A sidecar as it was read.
type Sidecar<F> = (SidecarHeader, Offsets, SidecarFile<F>);

/// Reads the sidecar of a segment; `Err` with what is wrong with it, if there is one.
fn read_sidecar<D: Disk>(
    disk: &D,
    dir: &Path,
    header: &SegmentHeader,
    fits: impl Fn(&SidecarHeader, &Offsets) -> bool,
) -> Result<Sidecar<D::File>, Option<String>> {
    let name = sidecar_name(header.first);
    let unreadable =
        |error: io::Error| (error.kind() != io::ErrorKind::NotFound).then(|| format!("unreadable ({error})"));
    let file = disk.open(&dir.join(&name), OpenMode::Read).map_err(unreadable)?;
    let len = file.len().map_err(unreadable)?;
    let possible = (header.file_bytes - SEGMENT_HEADER_BYTES) / ENTRY_EXTENT_MIN;
    if len > sidecar_bytes(possible) {
        return Err(Some("longer than it can be".into()));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0).map_err(unreadable)?;
    let (sidecar, offsets) = scan_sidecar_bytes(&bytes).map_err(|error| Some(error.to_string()))?;
    let offsets = Offsets::new(offsets);
    let ours = (sidecar.log, sidecar.first) == (header.log, header.first) && fits(&sidecar, &offsets);
    if !ours && !fault::on(Fault::TrustSidecar) {
        return Err(Some("not that of its segment".into()));
    }
    let seed = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
    Ok((sidecar, offsets, SidecarFile { file, name, seed, entries: sidecar.entries() }))
}

/// Reads a segment's header and nothing more.
pub(crate) fn header_alone<F: DiskFile>(file: &F) -> Result<SegmentHeader, ScanError> {
    struct Alone {
        len: u64,
        bytes: Vec<u8>,
    }
    impl Source for Alone {
        fn len(&self) -> u64 {
            self.len
        }
        fn get(&mut self, offset: u64, bytes: u64) -> io::Result<&[u8]> {
            let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
            Ok(self.bytes.get(at(offset)..at(offset.saturating_add(bytes))).unwrap_or(&[]))
        }
    }
    let len = file.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(SEGMENT_HEADER_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    read_header(&mut Alone { len, bytes })
}
