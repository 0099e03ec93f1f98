//! What goes with the pages: one style sheet, one script, one picture. In the binary, as they are in `assets/`.

use crate::Response;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/script.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// The asset of that path.
pub(crate) fn find(path: &str) -> Option<Response> {
    match path {
        "/console/style.css" => Some(Response::new(200, "text/css; charset=utf-8", STYLE)),
        "/console/script.js" => Some(Response::new(200, "text/javascript; charset=utf-8", SCRIPT)),
        "/console/icon.svg" => Some(Response::new(200, "image/svg+xml", ICON)),
        _ => None,
    }
}
