//! The door's limits: name, unit, and where the number comes from.
//!
//! "Quotas" is the AWS Developer Guide, "Amazon SQS message quotas" and "queue quotas"; "API" the API Reference.

/// One message with its attributes, and one batch in all, in counted bytes (Quotas, since August 2025).
pub const MESSAGE_BYTES_MAX: usize = evenkeel_types::limits::BODY_BYTES_MAX;
/// The smallest `MaximumMessageSize`, in bytes (API, CreateQueue).
pub const MESSAGE_BYTES_MAX_MIN: u32 = 1_024;
/// Entries in a batch (Quotas).
pub const BATCH_ENTRIES_MAX: usize = 10;
/// The id of a batch's entry, in bytes (Quotas).
pub const BATCH_ENTRY_ID_BYTES_MAX: usize = 80;
/// Message attributes of one message (Quotas).
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// The name of a message attribute, and its type, in bytes (Developer Guide, "Amazon SQS message metadata").
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
/// Significant digits of a Number attribute (Developer Guide, "Amazon SQS message metadata").
pub const NUMBER_DIGITS_MAX: usize = 38;
/// The largest power of ten in a Number attribute (same page).
pub const NUMBER_EXPONENT_MAX: i64 = 126;
/// The smallest power of ten in a Number attribute (same page).
pub const NUMBER_EXPONENT_MIN: i64 = -128;
/// `AWSTraceHeader`, in bytes. Ours: it is not counted against the message, so it needs a bound of its own.
pub const TRACE_HEADER_BYTES_MAX: usize = 4_096;
/// `MessageGroupId`, in bytes (Quotas).
pub const GROUP_BYTES_MAX: usize = evenkeel_machine::limits::GROUP_NAME_BYTES_MAX;
/// A queue's name, in bytes (Quotas).
pub const QUEUE_NAME_BYTES_MAX: usize = evenkeel_machine::limits::QUEUE_NAME_BYTES_MAX;
/// `DelaySeconds` (Quotas).
pub const DELAY_SECONDS_MAX: i32 = 900;
/// `VisibilityTimeout`, in seconds (Quotas).
pub const VISIBILITY_SECONDS_MAX: i32 = 43_200;
/// `WaitTimeSeconds` (Quotas).
pub const WAIT_SECONDS_MAX: i32 = 20;
/// `MaxNumberOfMessages` (API, ReceiveMessage).
pub const RECEIVE_MESSAGES_MAX: i32 = 10;
/// `KmsMasterKeyId`, in bytes. Ours: an ARN of a key has some 80.
pub const KMS_KEY_BYTES_MAX: usize = 2_048;
/// `KmsDataKeyReusePeriodSeconds` (API, SetQueueAttributes).
pub const KMS_REUSE_SECONDS: std::ops::RangeInclusive<u32> = 60..=86_400;
/// Names of queues in one page, and without a `MaxResults` at all (API, ListQueues).
pub const QUEUES_PER_PAGE_MAX: i32 = 1_000;
/// Move tasks in one list (API, ListMessageMoveTasks).
pub const MOVE_TASKS_LISTED_MAX: i32 = 10;
/// `MaxNumberOfMessagesPerSecond` (API, StartMessageMoveTask).
pub const MOVE_RATE_MAX: u16 = evenkeel_machine::limits::MOVE_RATE_MAX;
/// Tags of a queue (API, TagQueue).
pub const TAGS_MAX: usize = evenkeel_machine::limits::TAGS_MAX;
/// A tag's key, in UTF-16 units (AWS, "Tagging AWS resources": 128 characters, as UTF-16 counts them).
pub const TAG_KEY_UNITS_MAX: usize = 128;
/// A tag's value, in UTF-16 units (same page).
pub const TAG_VALUE_UNITS_MAX: usize = 256;
/// Attributes in one CreateQueue or SetQueueAttributes: more than there are names.
pub const QUEUE_ATTRIBUTES_MAX: usize = 40;
/// Names of attributes in one request: far more than there are attributes to name. AWS states no limit.
pub const NAMES_MAX: usize = 100;
/// A sender's id as it is kept with each message, in bytes: its length is one byte.
pub const SENDER_ID_BYTES_MAX: usize = 255;
/// A `Host` header from which queue URLs are built, in bytes (a DNS name has at most 253, and a port).
pub const HOST_BYTES_MAX: usize = 261;
/// How much of a refused value an error message repeats, in bytes. Ours: enough to recognise it, and a wrong
/// megabyte is not sent back.
pub const ECHO_BYTES_MAX: usize = 256;
/// Parameters of a form. Ours: a full batch whose messages have ten attributes each has fewer than 700.
pub const PARAMETERS_MAX: usize = 4_096;
/// Account ids or actions of an AddPermission that are kept; more are counted, and refused.
pub const PERMISSION_TEXTS_MAX: usize = 64;
/// How often AddPermission and RemovePermission look at a policy that others change at the same time, before they give up.
pub const PERMISSION_LOOKS_MAX: u8 = 10;
