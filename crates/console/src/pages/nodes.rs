//! The nodes of a cluster: which leads, which are there, and how far each is. It needs nothing of the engine, so it is there also while nobody leads.

use super::{frame::Frame, queues::figure, tiles::Tiles};
use crate::{
    Response,
    html::Html,
    nodes::{Node, Nodes, Role},
    who::Who,
    words::{Count, or_dash},
};

/// The page.
pub(super) fn page(nodes: &Nodes, who: &Who) -> Response {
    Frame { title: "Nodes", who: Some(who), is_live: true }.page(200, |html| {
        html.raw("<nav class=\"crumbs\"><a href=\"/\">Queues</a></nav><h1>Nodes</h1>").live("nodes");
        remarks(html, nodes);
        let mut tiles = Tiles::begin(html);
        let leader = or_dash(nodes.leader);
        tiles.tile("Leads", leader, format_args!("in term {}", Count(nodes.term)));
        tiles.tile("Voters", nodes.voters(), format_args!("{} of them make a majority", nodes.voters() / 2 + 1));
        tiles.tile("Agreed on", Count(nodes.committed), "the last entry that a majority has");
        tiles.end();
        table(html, nodes);
        html.end_live();
    })
}

/// What is not as it should be; also above the queues.
pub(super) fn alerts(html: &mut Html, nodes: &Nodes) {
    let gone = nodes.gone();
    if gone > 0 {
        html.raw("<p class=\"alert\" role=\"alert\">").text(gone).raw(" of ").text(nodes.nodes.len());
        html.raw(if gone == 1 { " nodes is not there." } else { " nodes are not there." });
        html.raw(" <a href=\"/console/nodes\">The nodes</a></p>");
    }
    if let Some((node, halted)) = nodes.halted() {
        html.raw("<p class=\"alert\" role=\"alert\">Node ")
            .text(node)
            .raw(" has halted before entry ")
            .text(halted.entry);
        html.raw(", which it cannot apply: ").text(&halted.why).raw(". <code>evenkeel cluster recover --skip ");
        html.text(halted.entry).raw("</code> passes it over; the operations page says what else can be done.</p>");
    }
}

fn remarks(html: &mut Html, nodes: &Nodes) {
    if nodes.leader.is_none() {
        html.raw("<p class=\"alert\" role=\"alert\">No node leads, as far as this one knows: a majority of the voters has to reach each other. Until then nothing is accepted, and nothing is lost.</p>");
    }
    alerts(html, nodes);
    if nodes.nodes.iter().any(|node| node.compared.as_ref().is_some_and(|compared| compared.is_bad)) {
        html.raw("<p class=\"alert\" role=\"alert\">Replicas hold different states at the same entry. The log of the nodes says more, and what is done about it.</p>");
    }
    if nodes.leader != Some(nodes.told_by) {
        html.raw("<p class=\"hint\">As node ").text(nodes.told_by);
        html.raw(" knows it, which does not lead: how the others are only the leader knows.</p>");
    }
    if nodes.voters() < 3 {
        html.raw("<p class=\"hint\">From three voters on, any one may fail. <code>evenkeel cluster add</code> adds a node.</p>");
    }
}

fn table(html: &mut Html, nodes: &Nodes) {
    html.raw("<div class=\"card\"><table class=\"stack\"><thead><tr><th>Node<th>Role<th>State<th class=\"n\">Last entry<th class=\"n\">Behind<th>Holds<th>Requests at<th>Nodes at</tr></thead><tbody>");
    // Of the one that leads, what it has itself may be more than what was agreed on.
    let most = nodes.nodes.iter().filter_map(|node| node.last).max().unwrap_or_default().max(nodes.committed);
    for node in &nodes.nodes {
        html.raw("<tr><th scope=\"row\">").text(node.number);
        if node.number == nodes.told_by {
            html.raw(" <small>tells this</small>");
        }
        html.raw("</th><td data-name=\"Role\">").raw(if node.role == Role::Leader {
            "<b>leader</b>"
        } else {
            node.role.word()
        });
        html.raw("</td><td data-name=\"State\">").raw(state(node)).raw("</td>");
        figure(html, "Last entry", or_dash(node.last.map(Count)));
        figure(html, "Behind", or_dash(node.last.map(|last| Count(most.saturating_sub(last)))));
        html.raw("<td data-name=\"Holds\">");
        match &node.compared {
            Some(compared) => {
                html.raw(if compared.is_bad { "<span class=\"tag held\">" } else { "<span class=\"tag good\">" });
                html.text(compared.word)
                    .raw("</span> <small><span class=\"id\">")
                    .text(format_args!("{:016x}", compared.digest));
                html.raw("</span> at ").text(Count(compared.at)).raw("</small></td>");
            }
            None => _ = html.raw("–</td>"),
        }
        for (name, place) in [("Requests at", &node.http), ("Nodes at", &node.peers)] {
            html.raw("<td data-name=\"").raw(name).raw("\">").name(place.as_deref().unwrap_or("–")).raw("</td>");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
}

/// What a node is like at the moment.
fn state(node: &Node) -> &'static str {
    match (node.is_there, node.needs_state) {
        _ if node.halted.is_some() => "<span class=\"tag held\">halted</span>",
        (Some(true), Some(true)) => "<span class=\"tag held\">gets the state</span>",
        (Some(true), _) => "<span class=\"tag good\">there</span>",
        (Some(false), _) if node.last == Some(0) => "<span class=\"tag held\">not heard of</span>",
        (Some(false), _) => "<span class=\"tag held\">gone</span>",
        (None, _) => "<span class=\"tag\">unknown</span>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::HaltedBefore;

    #[test]
    fn a_node_that_has_halted_is_told_above_all_with_what_to_do() {
        let halted = HaltedBefore { entry: 17, why: "<no such command>".into() };
        let node = Node {
            number: 5,
            role: Role::Voter,
            is_there: Some(true),
            last: Some(20),
            halted: Some(halted),
            needs_state: None,
            compared: None,
            http: None,
            peers: None,
        };
        let mut nodes = Nodes { told_by: 5, nodes: vec![node], ..Nodes::default() };
        let told = |nodes: &Nodes| {
            let mut html = Html::default();
            alerts(&mut html, nodes);
            html.finish()
        };
        let page = told(&nodes);
        assert!(page.contains("Node 5 has halted before entry 17"), "{page}");
        assert!(page.contains("&lt;no such command>") || page.contains("&lt;no such command&gt;"), "{page}");
        assert!(page.contains("evenkeel cluster recover --skip 17"), "{page}");
        nodes.nodes.iter_mut().for_each(|node| node.halted = None);
        assert_eq!(told(&nodes), "");
    }
}
