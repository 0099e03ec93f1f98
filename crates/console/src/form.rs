//! What a browser sends: the values of a query or a form (`application/x-www-form-urlencoded`), and cookies.

/// The value of a field, decoded; the first, if there are several.
pub(crate) fn value(encoded: &str, name: &str) -> Option<String> {
    encoded.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key)? == name).then(|| decode(value)).flatten()
    })
}

/// The value of a cookie (RFC 6265).
pub(crate) fn cookie<'c>(cookies: &'c str, name: &str) -> Option<&'c str> {
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `None` if it is not well-formed, or no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(rest.next()?)? << 4 | digit(rest.next()?)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_decoded() {
        let query = "a=1&name=b%20c+%C3%A9&name=2&empty=&flag&bad=%zz&worse=%ff&cut=%2";
        assert_eq!(value(query, "a").as_deref(), Some("1"));
        assert_eq!(value(query, "name").as_deref(), Some("b c é"));
        assert_eq!(value(query, "empty").as_deref(), Some(""));
        assert_eq!(value(query, "flag").as_deref(), Some(""));
        for absent in ["bad", "worse", "cut", "nothing", ""] {
            assert_eq!(value(query, absent), None, "{absent}");
        }
    }

    #[test]
    fn cookies_are_found_by_their_whole_names() {
        let cookies = "xsession=1; session=two; session=three; a=b=c";
        assert_eq!(cookie(cookies, "session"), Some("two"));
        assert_eq!(cookie(cookies, "a"), Some("b=c"));
        assert_eq!(cookie(cookies, "sess"), None);
        assert_eq!(cookie("", "session"), None);
    }
}
