//! The canonical path: dot segments and doubled slashes removed, each byte that is not unreserved percent-encoded.
//!
//! What was sent is encoded already, so that this is the second time: `%20` becomes `%2520`. Every service but S3
//! wants it so (AWS General Reference, "Elements of an AWS API request signature", CanonicalURI).

/// Appends the canonical form of `path` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, path: &str) {
    let start = out.len();
    if path.bytes().all(|byte| byte == b'/' || (is_unreserved(byte) && byte != b'.')) && !path.contains("//") {
        out.extend_from_slice(if path.is_empty() { b"/" } else { path.as_bytes() });
        return;
    }
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                let parent = out.iter().skip(start).rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(start + parent);
            }
            _ => {
                out.push(b'/');
                encode(out, segment.as_bytes());
            }
        }
    }
    if path.ends_with('/') || out.len() == start {
        out.push(b'/');
    }
}

/// Letters, digits and `-._~`: what stays as it is (RFC 3986, section 2.3).
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends `bytes`, percent-encoded with upper-case digits.
pub(crate) fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        encode_byte(out, byte);
    }
}

pub(crate) fn encode_byte(out: &mut Vec<u8>, byte: u8) {
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_encoded_once_more() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/../..", "/"),
            ("/000000000000/jobs", "/000000000000/jobs"),
            ("/000000000000/jobs.fifo", "/000000000000/jobs.fifo"),
            ("//example//", "/example/"),
            ("/./example", "/example"),
            ("/example/.", "/example"),
            ("/example/./", "/example/"),
            ("/example1/example2/../..", "/"),
            ("/example1/../example2", "/example2"),
            ("/example space/", "/example%20space/"),
            ("/example%20space", "/example%2520space"),
            ("/ሴ", "/%E1%88%B4"),
            ("/a+b=c", "/a%2Bb%3Dc"),
        ] {
            let mut out = b"before".to_vec();
            write(&mut out, path);
            assert_eq!(String::from_utf8(out).unwrap(), format!("before{canonical}"), "{path}");
        }
    }
}
