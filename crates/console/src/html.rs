//! HTML that grows. Markup is ours and `'static`; everything else is text, and escaped.

use std::fmt::{self, Display, Write as _};

/// A page, or a part of one.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or in an attribute's quotes.
    pub(crate) fn text(&mut self, text: impl Display) -> &mut Self {
        let _ = write!(Escape(&mut self.0), "{text}");
        self
    }

    /// Text as a value in the query of a link (RFC 3986: all but unreserved characters are percent-encoded).
    pub(crate) fn value(&mut self, text: &str) -> &mut Self {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(byte.into());
            } else {
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
        self
    }

    /// A name that others chose, kept apart from the direction of what is around it.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.raw("<bdi>").text(name).raw("</bdi>")
    }

    /// Begins a part that the script brings up to date. Fields to type in, and what people scroll in, are kept out of such parts.
    pub(crate) fn live(&mut self, id: &'static str) -> &mut Self {
        self.raw("<div class=\"live\" data-live id=\"").raw(id).raw("\">")
    }

    pub(crate) fn end_live(&mut self) -> &mut Self {
        self.raw("</div>")
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

struct Escape<'a>(&'a mut String);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML has no way to say it; U+FFFD is what a browser would show.
                '\0' => self.0.push('\u{FFFD}'),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut html = Html::default();
        html.raw("<a title=\"").text("\"><script>alert('1')</script>&\0").raw("\">");
        assert_eq!(
            html.finish(),
            "<a title=\"&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\u{FFFD}\">"
        );
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_link() {
        let mut html = Html::default();
        html.value("a b&c=\"d\"#é/").raw("|").name("<i>");
        assert_eq!(html.finish(), "a%20b%26c%3D%22d%22%23%C3%A9%2F|<bdi>&lt;i&gt;</bdi>");
    }
}
