//! Real clients, as their users use them, against the real server: the AWS command line, the SDKs for JavaScript and Rust,
//! sqs-consumer, and Celery over kombu. (boto3 has its own tests in `tests/boto3`.)
//!
//! Each comes from its public registry in a pinned version, into a folder under `target/`, at the first run. What a
//! client needs of the machine may be missing: then its tests are reported as ignored, with the reason, and not as
//! passed. By hand: `cargo test -p evenkeel-tests --test clients`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

mod aws_cli;
mod celery;
mod javascript;
mod rust_sdk;

use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::{Server, node};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::Command;

fn main() {
    let arguments = Arguments::from_args();
    let without_node = node::missing();
    if let Some(reason) = &without_node {
        eprintln!("the JavaScript clients are not tested here: {reason}");
    }
    let python = |name, run: fn()| trial(name, run);
    let javascript = |name, run: fn()| trial(name, run).with_ignored_flag(without_node.is_some());
    let trials = vec![
        python("aws_cli_works_through_a_day", aws_cli::works_through_a_day),
        python("aws_cli_says_what_is_wrong", aws_cli::says_what_is_wrong),
        python("celery_does_each_task_once", celery::works),
        trial("the_rust_sdk_finds_what_it_expects", rust_sdk::works),
        javascript("the_javascript_sdk_finds_what_it_expects", javascript::sdk),
        javascript("sqs_consumer_loses_and_doubles_nothing", javascript::consumer),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: &str, run: fn()) -> Trial {
    Trial::test(name, move || {
        run();
        Ok::<_, Failed>(())
    })
}

/// A client's program, with the server and the root credentials in its environment and nothing of the person who runs this.
fn program(path: &Path, server: &Server) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .current_dir(server.home())
        .env("AWS_ENDPOINT_URL_SQS", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("NO_PROXY", "127.0.0.1");
    command
}
