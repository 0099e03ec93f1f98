//! The rivals' protocols, as much as the work needs.

pub mod amqp;
pub mod beanstalk;
pub mod resp;
