//! `evenkeel cluster`: how the nodes stand, and who is one of them.

use super::{
    recover,
    session::{ServerArgs, text},
    skip,
};
use crate::{
    client::Native,
    cluster,
    config::CLUSTER_LISTEN,
    dev_cluster,
    screen::Screen,
    table::{Side, Table},
};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::{io::Write, net::SocketAddr};

/// Several nodes that hold the same data: what was acknowledged survives the loss of any one of three.
///
/// Any node takes any request, and passes it on to the one that leads. All but `init` and `dev` ask a running node, with the root key: from
/// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else from the data folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Three nodes, from one that has data already (stopped meanwhile) or from none:
  evenkeel cluster init --cluster-listen 10.0.0.1:9326       on the first machine
  evenkeel serve
  evenkeel cluster add                                       prints what to run on the second; again for the third
  evenkeel cluster status

Three on this machine, for trying it out:
  evenkeel cluster dev")]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    server: ServerArgs,

    /// Write JSON to standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the data folder the first node of a cluster, while no server runs on it. Its data stays as it is.
    Init {
        /// Where it listens for other nodes: an address of this machine that they reach.
        #[arg(long, value_name = "ADDR", default_value = CLUSTER_LISTEN)]
        cluster_listen: SocketAddr,
        /// Where they find it, HOST:PORT, if it is not found where it listens.
        #[arg(long, value_name = "ADDR")]
        cluster_address: Option<String>,
    },
    /// Run three nodes on this machine, for trying a cluster out: any credentials will do, and one that is killed is told.
    ///
    /// Each is a process with a folder of its own in --data-dir [default: ./evenkeel-cluster]; started there again, they go on with what is in it.
    Dev {
        /// Where the first takes requests; the others take the two ports after it, and for each other those that are 10 above. With port 0, any that
        /// are free [default: 127.0.0.1:9324, or as before in the same folder].
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Make a token that lets one new node in, within an hour, and say what to run there.
    #[command(visible_alias = "token")]
    Add,
    /// Show the nodes: who leads, and how far each is.
    Status,
    /// Remove a node for good. Stop it and delete its folder then: it can come back only as a new one.
    Remove {
        /// Its number.
        node: u64,
    },
    /// Go on after what the nodes cannot mend by themselves: a majority that is lost for good, or an entry of the log that cannot be applied.
    ///
    /// A majority is lost: --force-new-cluster makes this stopped node the only one of a new cluster, of what it holds. What the lost nodes had acknowledged
    /// behind its last entry is lost. Run it with --look on all folders that are left, and take the one with the
    /// highest term of the last entry, and of these the one with the highest last entry. Nodes of the old cluster cannot come back: they are strangers to the
    /// new one, and join it as new ones with empty folders.
    ///
    /// An entry cannot be applied: `evenkeel cluster status` says which, and --skip has all nodes that run pass it over (or a single server). It says first
    /// what is in the entry, and is refused for any other.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Recover {
        /// Make this stopped node the only one of a new cluster.
        #[arg(long, group = "what")]
        force_new_cluster: bool,
        /// Only say what this stopped node holds.
        #[arg(long, group = "what")]
        look: bool,
        /// Pass over that entry of the log on all nodes, for good: it must be the one that the node that leads cannot apply.
        #[arg(long, value_name = "ENTRY", group = "what")]
        skip: Option<u64>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Hand over: another node leads from then on.
    Transfer {
        /// Which [default: the one that is furthest].
        #[arg(long, value_name = "NODE")]
        to: Option<u64>,
    },
}

/// Does it, and tells.
pub(super) async fn run(args: ClusterArgs) -> anyhow::Result<()> {
    if let Command::Init { cluster_listen, cluster_address } = args.command {
        cluster::init(args.server.data_dir(), cluster_listen, cluster_address)?;
        eprintln!("{} is the first node of a cluster; start it with: evenkeel serve", args.server.data_dir().display());
        eprintln!("Then `evenkeel cluster add` says what to run on the next machine.");
        return Ok(());
    }
    if let Command::Recover { skip: Some(entry), yes, .. } = args.command {
        let (endpoint, identity) = args.server.find()?;
        return skip::skip(&mut Native::new(endpoint, identity.as_ref()), entry, yes, args.json).await;
    }
    if let Command::Recover { look, yes, .. } = args.command {
        return recover::recover(args.server.data_dir(), look, yes, args.json);
    }
    if let Command::Dev { listen } = args.command {
        return dev_cluster::run(args.server.data_dir_or(dev_cluster::FOLDER), listen).await;
    }
    let (endpoint, identity) = args.server.find()?;
    let mut native = Native::new(endpoint, identity.as_ref());
    let told = ask(&mut native, &args.command).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{told}")?;
        return Ok(());
    }
    match &args.command {
        Command::Init { .. } | Command::Dev { .. } | Command::Recover { .. } => {}
        Command::Add => {
            writeln!(
                out,
                "Run this on the new machine, within an hour, with an address of it that the others reach:\n"
            )?;
            let (address, token) = (text(&told, "address"), text(&told, "token"));
            writeln!(out, "  evenkeel serve --join {address} --cluster-listen ADDR:9326 --token {token}\n")?;
        }
        Command::Status => {
            table(&told).write(Screen::look(), &mut out)?;
            remarks(&told).iter().for_each(|remark| eprintln!("{remark}"));
        }
        Command::Remove { node } => {
            writeln!(out, "Node {node} is removed. Stop it, and delete its data folder.")?;
        }
        Command::Transfer { .. } => writeln!(out, "Node {} leads.", number(&told, "leader"))?,
    }
    Ok(())
}

async fn ask(native: &mut Native, command: &Command) -> anyhow::Result<Value> {
    Ok(match command {
        Command::Init { .. } | Command::Dev { .. } | Command::Recover { .. } => Value::Null,
        Command::Add => native.call("cluster add", Method::POST, "/v1/cluster/tokens", "", &json!({})).await?,
        Command::Status => native.call("cluster status", Method::GET, "/v1/cluster", "", &Value::Null).await?,
        Command::Remove { node } => {
            let path = format!("/v1/cluster/nodes/{node}");
            native.call("cluster remove", Method::DELETE, &path, "", &Value::Null).await?
        }
        Command::Transfer { to } => {
            native.call("cluster transfer", Method::POST, "/v1/cluster/transfer", "", &json!({ "to": to })).await?
        }
    })
}

fn table(told: &Value) -> Table {
    let heads = [
        ("NODE", Side::Right),
        ("ROLE", Side::Left),
        ("STATE", Side::Left),
        ("LAST ENTRY", Side::Right),
        ("HOLDS", Side::Left),
    ];
    let places = [("NODES AT", Side::Left), ("REQUESTS AT", Side::Left)];
    let mut table = Table::new(&[heads.as_slice(), &places].concat());
    for node in nodes(told) {
        let halted = number(node, "halted_before");
        let state = match (node.get("reachable").and_then(Value::as_bool), node.get("needs_snapshot")) {
            _ if !halted.is_empty() => "HALTED",
            (Some(true), Some(Value::Bool(true))) => "too far behind",
            (Some(true), _) => "there",
            // Since that node leads which tells it.
            (Some(false), _) if node.get("last") == Some(&Value::from(0)) => "not heard of",
            (Some(false), _) => "gone",
            (None, _) => "unknown",
        };
        table.row(&[
            &number(node, "node"),
            text(node, "role"),
            state,
            &number(node, "last"),
            holds(node),
            text(node, "address"),
            text(node, "http"),
        ]);
    }
    table
}

/// What the comparison of replicas found.
fn holds(node: &Value) -> &'static str {
    match text(node, "state") {
        "same" | "right" => "the same",
        "wrong" => "WRONG",
        "differs" => "DIFFERS",
        _ => "",
    }
}

/// What is not as it should be, and what to do.
fn remarks(told: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    if told.get("leader").is_none_or(Value::is_null) {
        remarks
            .push("No node leads, as far as this one knows: a majority of the voters has to reach each other.".into());
    }
    let voters = nodes(told).filter(|node| text(node, "role") != "learner").count();
    if voters < 3 {
        remarks.push(format!(
            "{voters} of the nodes vote; from three on, any one may fail. `evenkeel cluster add` adds one."
        ));
    }
    for node in nodes(told).filter(|node| node.get("halted_before").is_some_and(Value::is_u64)) {
        let (name, entry, why) = (number(node, "node"), number(node, "halted_before"), text(node, "halted_why"));
        remarks.push(format!(
            "Node {name} has halted before entry {entry}: {why}. docs/operations.md, \"An entry cannot be applied\"."
        ));
    }
    for node in nodes(told).filter(|node| matches!(text(node, "state"), "wrong" | "differs")) {
        let (name, at) = (number(node, "node"), number(node, "compared_at"));
        remarks.push(format!(
            "Node {name} holds something else than others at entry {at}: docs/operations.md, \"Replicas differ\"."
        ));
    }
    remarks
}

fn nodes(told: &Value) -> impl Iterator<Item = &Value> {
    told.get("nodes").and_then(Value::as_array).into_iter().flatten()
}

fn number(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_u64).map_or_else(String::new, |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_stand_in_columns_and_what_is_amiss_below() {
        let node = |node: u64, role: &str, reachable: Value| {
            json!({"node": node, "role": role, "reachable": reachable, "last": 12, "needs_snapshot": null,
                   "address": "10.0.0.1:9326", "http": "10.0.0.1:9324"})
        };
        let mut silent = node(5, "voter", json!(false));
        silent["last"] = json!(0);
        let told =
            json!({"leader": 1, "nodes": [node(1, "leader", json!(true)), node(9, "voter", json!(false)), silent]});
        let mut shown = Vec::new();
        table(&told).write(Screen { columns: 200, ..Screen::PLAIN }, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[1].contains("1  leader  there") && lines[2].contains("9  voter   gone"), "{shown}");
        assert!(lines[3].contains("5  voter   not heard of"), "{shown}");
        assert_eq!(remarks(&told), Vec::<String>::new());
        let few = json!({"leader": 1, "nodes": told["nodes"].as_array().unwrap()[..2]});
        assert_eq!(remarks(&few).len(), 1);
        let headless = json!({"leader": null, "nodes": told["nodes"]});
        assert!(remarks(&headless)[0].contains("No node leads"));
    }
}
