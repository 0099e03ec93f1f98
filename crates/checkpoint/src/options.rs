//! What may be chosen when a folder of checkpoints is opened.

/// Sizes and the policy of merging. The defaults suit a log of 64 MiB per checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the ballast, which is let go when a checkpoint meets a full disk; 0 for none.
    pub ballast_bytes: u64,
    /// A file is synced after every so many bytes, so that the log's own syncs wait for little.
    pub sync_every_bytes: u64,
    /// About how many bytes one step of a merge writes or reads back.
    pub step_bytes: u64,
    /// Everything is merged into a new base when the other runs exceed so many percent of the base.
    pub base_percent: u64,
    /// As long as the other runs have no more than so many bytes, they are not merged into the base for their size.
    pub small_bytes: u64,
    /// So many runs of similar size, the newest, are merged into one.
    pub similar_runs: usize,
    /// A run is similar to the newer ones if it has at most so many times their bytes.
    pub similar_ratio: u64,
    /// With more runs than this the newer half is merged, whatever the sizes.
    pub runs_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ballast_bytes: 16 << 20,
            sync_every_bytes: 4 << 20,
            step_bytes: 4 << 20,
            base_percent: 50,
            small_bytes: 4 << 20,
            similar_runs: 4,
            similar_ratio: 4,
            runs_max: 12,
        }
    }
}
