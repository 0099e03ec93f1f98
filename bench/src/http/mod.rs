//! As much HTTP/1.1 as a load tool needs: one request under way per connection, answers with a `Content-Length`.

pub mod connection;
pub mod response;
