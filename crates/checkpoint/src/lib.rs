//! Checkpoints: the machine's records in files, written as they change, merged in the background, installed atomically.
#![warn(missing_docs)]
