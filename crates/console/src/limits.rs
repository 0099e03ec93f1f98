//! The console's limits: name, unit, and where the number comes from.

use evenkeel_types::Micros;

/// Queues on a page: more than fit a screen, few enough to be looked at every two seconds.
pub const QUEUES_PER_PAGE: usize = 50;
/// Queues read for a page of a key that is for some queues only.
pub const QUEUES_READ_FOR_A_PAGE: usize = 512;
/// Jobs shown of those that would be granted next.
pub const NEXT_JOBS: usize = 10;
/// What is shown of a body, in characters: 64 Ki, which a browser lays out without a pause.
pub const BODY_CHARS_SHOWN: usize = 65_536;
/// Groups on a page.
pub const GROUPS_PER_PAGE: usize = 50;
/// How long a session lasts from its sign-in: a shift.
pub const SESSION_LIFE: Micros = Micros::from_secs(8 * 3_600);
/// Sessions at a time; the oldest goes for a new one.
pub const SESSIONS_MAX: usize = 1_000;
/// Sign-ins that may fail in a row from one address. Each is good again after [`FAILURE_LIFE`].
pub const FAILURES_MAX: u32 = 5;
/// After so long one failed sign-in is forgotten: 8,640 guesses a day from one address, of secrets of 240 bits.
pub const FAILURE_LIFE: Micros = Micros::from_secs(10);
/// Addresses whose failures are remembered; beyond that the one that failed longest ago is forgotten.
pub const FAILING_ADDRESSES_MAX: usize = 4_096;
/// The largest form, in bytes: two fields of a key, and a token.
pub const FORM_BYTES_MAX: usize = 4_096;
/// Queues of which samples are kept: ten pages of them.
pub const SAMPLED_QUEUES_MAX: usize = 512;
/// Those of them that are sampled although nobody looks: the first by account and name.
pub const SAMPLED_UNSEEN_MAX: usize = 256;
/// Samples kept of each: five minutes of one every two seconds. 64 bytes each, so 5 MB for all queues.
pub const SAMPLES_MAX: usize = 150;
/// Samples are no closer than this, however many look.
pub const SAMPLE_EVERY: Micros = Micros::from_millis(900);
/// What a chart shows.
pub const CHART_SPAN: Micros = Micros::from_secs(300);
/// Rates are taken over so long, or since the sample before if that is longer ago.
pub const RATE_SPAN: Micros = Micros::from_secs(10);
