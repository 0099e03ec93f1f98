//! Limits of policies: Amazon SQS Developer Guide, "Quotas related to policies".

/// A policy's text, in bytes.
pub const POLICY_BYTES_MAX: usize = 8_192;
/// Statements of a policy.
pub const STATEMENTS_MAX: usize = 20;
/// Principals of a policy's statement.
pub const PRINCIPALS_MAX: usize = 50;
/// Conditions of a statement.
pub const CONDITIONS_MAX: usize = 10;
/// A statement's label (API Reference, AddPermission: `Label`).
pub const LABEL_BYTES_MAX: usize = 80;
/// Actions of a statement that AddPermission makes.
pub const ACTIONS_MAX: usize = 7;
