//! Body files: the bodies of jobs that outlive the log segments in which they came.
#![warn(missing_docs)]
