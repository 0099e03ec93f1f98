//! The real HAProxy with the configuration of `contrib/haproxy`, before nodes of the test.

use crate::{binary, http, ports, wait};
use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// HAProxy, ended when dropped.
pub struct HaProxy {
    address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl HaProxy {
    /// Starts it before these three nodes, and waits until it found the one that leads; `None`, and a line that says so, where there is no HAProxy.
    ///
    /// # Panics
    /// If there is one and it does not serve.
    pub fn start(nodes: [SocketAddr; 3]) -> Option<Self> {
        let program = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        let Some(program) = program else {
            eprintln!(
                "not tried behind HAProxy: it is not installed here (on Debian and Ubuntu: apt-get install haproxy)"
            );
            return None;
        };
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free(&[])));
        let recipe = binary::workspace().join("contrib/haproxy/haproxy.cfg");
        let mut settings = std::fs::read_to_string(recipe).expect("the recipe is there");
        let mut replace = |what: &str, with: &str, count: usize| {
            assert_eq!(settings.matches(what).count(), count, "{what} in the recipe");
            settings = settings.replace(what, with);
        };
        replace("bind :9324", &format!("bind {address}"), 1);
        for (at, node) in nodes.into_iter().enumerate() {
            replace(&format!("10.0.0.{}:9324", at + 1), &node.to_string(), 2);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, settings).expect("the folder can be written");
        let log = File::create(folder.path().join("log")).expect("the folder can be written");
        let mut command = Command::new(program);
        command.args(["-db", "-f"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("it can be run");
        let mut proxy = Self { address, child, folder };
        wait::until("HAProxy to find the node that leads", Duration::from_secs(30), || {
            assert!(proxy.child.try_wait().expect("it is ours").is_none(), "HAProxy ended:\n{}", proxy.said());
            http::get(address, "/readyz", Duration::from_secs(5)).is_ok_and(|answer| answer.status == 200)
        });
        Some(proxy)
    }

    /// Where it takes requests.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("HAProxy said:\n{}", self.said());
        }
    }
}
