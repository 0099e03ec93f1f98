//! What is around each page: head, navigation, foot.

use crate::{Response, html::Html, session::Token, who::Who};

/// How a page is framed.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// Who looks, if somebody is signed in.
    pub(crate) who: Option<&'a Who>,
    /// It is brought up to date by itself: with a script in its [live parts](Html::live), without one by a reload.
    pub(crate) is_live: bool,
}

impl Frame<'_> {
    /// The whole page around what `main` writes.
    pub(crate) fn page(&self, status: u16, main: impl FnOnce(&mut Html)) -> Response {
        let mut html = Html::default();
        html.raw(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><title>",
        );
        html.text(self.title).raw(" · Evenkeel</title><link rel=\"icon\" href=\"/console/icon.svg\">");
        html.raw("<link rel=\"stylesheet\" href=\"/console/style.css\">");
        if self.is_live {
            html.raw("<script defer src=\"/console/script.js\"></script>");
            html.raw("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>");
        }
        html.raw("</head><body>");
        if let Some(who) = self.who {
            self.head(&mut html, who);
        }
        html.raw("<main id=\"main\">");
        main(&mut html);
        html.raw("</main><footer>Evenkeel ").raw(env!("CARGO_PKG_VERSION"));
        if self.who.is_some_and(|who| who.form_token.is_none()) {
            html.raw(" · for development: no key is asked for");
        }
        html.raw(" · times are UTC</footer></body></html>\n");
        Response::page(status, html.finish())
    }

    fn head(&self, html: &mut Html, who: &Who) {
        html.raw("<a class=\"skip\" href=\"#main\">Skip to the content</a><header><a class=\"brand\" href=\"/\">");
        html.raw("<img src=\"/console/icon.svg\" alt=\"\" width=\"24\" height=\"24\">Evenkeel</a>");
        if self.is_live {
            html.raw("<span class=\"pulse\" role=\"status\" data-pulse=\"\"></span>");
        }
        if who.sees_nodes {
            html.raw("<nav><a href=\"/console/nodes\">Nodes</a></nav>");
        }
        html.raw("<form class=\"find\" action=\"/console/job\" role=\"search\"><input name=\"id\" type=\"search\" size=\"36\" ");
        html.raw("maxlength=\"64\" required placeholder=\"Message id\" aria-label=\"Find a job by its message id\" spellcheck=\"false\" autocomplete=\"off\">");
        html.raw("<button>Find</button></form>");
        if let Some(token) = &who.form_token {
            html.raw("<form class=\"who\" method=\"post\" action=\"/console/sign-out\"><span title=\"The key that you signed in with\">");
            let name = if who.known.is_root { "root" } else { &who.known.name };
            html.name(name).raw("</span><input type=\"hidden\" name=\"token\" value=\"").text(Token::as_str(token));
            html.raw("\"><button class=\"quiet\">Sign out</button></form>");
        }
        html.raw("</header>");
    }
}
