//! Celery over kombu: `tests/clients/celery`, an application, its workers, and what is expected of both, run by Python's own
//! test runner. On a queue that Celery makes and on a predefined one: tasks, retries, countdowns, a backoff policy.

use crate::program;
use evenkeel_tests::{Server, binary, python};

pub(crate) fn works() {
    let server = Server::start();
    let results = server.home().join("results");
    std::fs::create_dir(&results).unwrap();
    let mut tests = program(&python::with_clients(), &server);
    tests.current_dir(binary::workspace().join("tests/clients/celery"));
    let output = tests.args(["-B", "test_celery.py"]).env("TASKS_RESULTS", &results).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Ran 8 tests"), "the Celery tests failed:\n{said}");
}
