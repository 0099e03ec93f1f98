//! A request on its way from the node that took it to the one that leads, and the response on its way back.
//!
//! | what | bytes |
//! |---|---|
//! | a request | the address of who sent it, method, target, headers, body |
//! | a response | 2 bytes status, headers, body |
//! | a text, a value | 4 bytes length, and so many bytes |
//! | headers | 4 bytes count, and for each its name and its value |
//! | a body | all that is left |

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, request::Parts};
use std::net::IpAddr;

/// A request's bytes.
pub(crate) fn encode_request(head: &Parts, peer: IpAddr, body: &[u8]) -> Bytes {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut bytes = Vec::with_capacity(body.len() + 1_024);
    put(&mut bytes, peer.to_string().as_bytes());
    put(&mut bytes, head.method.as_str().as_bytes());
    put(&mut bytes, target.as_bytes());
    put_headers(&mut bytes, &head.headers);
    bytes.extend_from_slice(body);
    bytes.into()
}

/// The request in these bytes; `None` if there is none.
pub(crate) fn decode_request(mut bytes: Bytes) -> Option<(Parts, IpAddr, Bytes)> {
    let peer = std::str::from_utf8(&take(&mut bytes)?).ok()?.parse().ok()?;
    let mut request = Request::new(());
    *request.method_mut() = http::Method::from_bytes(&take(&mut bytes)?).ok()?;
    let target = http::Uri::from_maybe_shared(take(&mut bytes)?).ok()?;
    // Nobody writes whom a request is for: the `Host` that was signed says that.
    if target.scheme().is_some() || target.authority().is_some() {
        return None;
    }
    *request.uri_mut() = target;
    *request.headers_mut() = take_headers(&mut bytes)?;
    Some((request.into_parts().0, peer, bytes))
}

/// A response's bytes.
pub(crate) fn encode_response(response: &Response<Bytes>) -> Bytes {
    let mut bytes = Vec::with_capacity(response.body().len() + 512);
    bytes.extend_from_slice(&response.status().as_u16().to_le_bytes());
    put_headers(&mut bytes, response.headers());
    bytes.extend_from_slice(response.body());
    bytes.into()
}

/// The response in these bytes; `None` if there is none.
pub(crate) fn decode_response(mut bytes: Bytes) -> Option<Response<Bytes>> {
    let status = StatusCode::from_u16(bytes.try_get_u16_le().ok()?).ok()?;
    let headers = take_headers(&mut bytes)?;
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Some(response)
}

fn put(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(value);
}

fn put_headers(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    bytes.extend_from_slice(&u32::try_from(headers.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in headers {
        put(bytes, name.as_str().as_bytes());
        put(bytes, value.as_bytes());
    }
}

fn take(bytes: &mut Bytes) -> Option<Bytes> {
    let length = bytes.try_get_u32_le().ok()? as usize;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn take_headers(bytes: &mut Bytes) -> Option<HeaderMap> {
    let count = bytes.try_get_u32_le().ok()?;
    let mut headers = HeaderMap::new();
    for _ in 0..count {
        let name = HeaderName::from_bytes(&take(bytes)?).ok()?;
        headers.try_append(name, HeaderValue::from_maybe_shared(take(bytes)?).ok()?).ok()?;
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::Index};

    #[test]
    fn what_goes_over_comes_out_as_it_was() {
        let request = Request::post("/000000000000/q?x=%20y").header("host", "a:1").header("x", "1").header("x", "2");
        let head = request.body(()).unwrap().into_parts().0;
        let peer = IpAddr::from([192, 0, 2, 7]);
        let bytes = encode_request(&head, peer, b"body");
        let (read, from, body) = decode_request(bytes.clone()).unwrap();
        assert_eq!((&read.method, &read.uri, &read.headers), (&head.method, &head.uri, &head.headers));
        assert_eq!((from, body.as_ref()), (peer, b"body".as_slice()));
        let response = Response::builder().status(418).header("a", "b").body(Bytes::from_static(b"tea")).unwrap();
        let read = decode_response(encode_response(&response)).unwrap();
        assert_eq!((read.status(), read.headers()), (response.status(), response.headers()));
        assert_eq!(read.body(), "tea");
        for length in 0..bytes.len() - 4 {
            assert!(decode_request(bytes.slice(..length)).is_none(), "{length}");
        }
    }

    /// What a node may have to pass on, of any shape.
    fn requests() -> impl Strategy<Value = (Parts, IpAddr, Vec<u8>)> {
        let header = ("[a-zA-Z0-9-]{1,12}", "[ -~]{0,40}");
        let target = r"/[a-zA-Z0-9/%._~-]{0,30}(\?[a-zA-Z0-9=&%+/?-]{0,30})?";
        let request = ("[A-Z]{1,8}", target, vec(header, 0..12), any::<IpAddr>(), vec(any::<u8>(), 0..200));
        request.prop_map(|(method, target, headers, peer, body)| {
            let mut request = Request::builder().method(method.as_str()).uri(target);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            (request.body(()).unwrap().into_parts().0, peer, body)
        })
    }

    fn responses() -> impl Strategy<Value = Response<Bytes>> {
        let header = ("[a-z0-9-]{1,12}", "[ -~]{0,40}");
        (100_u16..1_000, vec(header, 0..12), vec(any::<u8>(), 0..200)).prop_map(|(status, headers, body)| {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(body.into()).unwrap()
        })
    }

    fn assert_same(read: &(Parts, IpAddr, Bytes), head: &Parts, peer: IpAddr, body: &[u8]) {
        assert_eq!((&read.0.method, &read.0.uri, &read.0.headers), (&head.method, &head.uri, &head.headers));
        assert_eq!((read.1, read.2.as_ref()), (peer, body));
    }

    /// What is read of any bytes is what would be written: a node that says something else than it means is not understood.
    fn check(bytes: &[u8]) {
        if let Some((head, peer, body)) = decode_request(Bytes::copy_from_slice(bytes)) {
            assert!(head.headers.len() * 8 + body.len() <= bytes.len(), "no more than came");
            let again = decode_request(encode_request(&head, peer, &body)).expect("what was read can be passed on");
            assert_same(&again, &head, peer, &body);
        }
        if let Some(response) = decode_response(Bytes::copy_from_slice(bytes)) {
            assert!(response.headers().len() * 8 + response.body().len() <= bytes.len(), "no more than came");
            let again = decode_response(encode_response(&response)).expect("what was read can be passed on");
            assert_eq!(
                (again.status(), again.headers(), again.body()),
                (response.status(), response.headers(), response.body())
            );
        }
    }

    proptest! {
        #[test]
        fn every_request_and_response_comes_out_as_it_was((head, peer, body) in requests(), response in responses()) {
            let read = decode_request(encode_request(&head, peer, &body)).unwrap();
            assert_same(&read, &head, peer, &body);
            let read = decode_response(encode_response(&response)).unwrap();
            prop_assert_eq!((read.status(), read.headers(), read.body()), (response.status(), response.headers(), response.body()));
        }

        #[test]
        fn whatever_bytes_come_they_are_refused_or_mean_what_they_say(
            (head, peer, body) in requests(),
            response in responses(),
            changes in vec((any::<Index>(), any::<u8>(), 0_usize..4), 1..4),
        ) {
            for mut bytes in [encode_request(&head, peer, &body).to_vec(), encode_response(&response).to_vec()] {
                for (at, byte, how) in &changes {
                    let at = at.index(bytes.len().max(1));
                    match how {
                        0 if at < bytes.len() => bytes[at] = *byte,
                        1 => bytes.insert(at.min(bytes.len()), *byte),
                        2 => bytes.truncate(at),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|changed| *changed ^= 1 << (byte % 8)),
                    }
                }
                check(&bytes);
            }
        }

        #[test]
        fn bytes_of_nobody_are_refused_or_mean_what_they_say(bytes in vec(any::<u8>(), 0..300)) {
            check(&bytes);
        }
    }

    /// A target names what is asked, and never who is: with a host in it, it would be passed on as another.
    #[test]
    fn a_target_that_is_no_path_is_refused() {
        let of = |target: &[u8]| {
            let mut bytes = Vec::new();
            put(&mut bytes, b"192.0.2.7");
            put(&mut bytes, b"GET");
            put(&mut bytes, target);
            put_headers(&mut bytes, &HeaderMap::new());
            decode_request(bytes.into()).map(|(head, ..)| head.uri)
        };
        assert_eq!(of(b"/q?x").unwrap(), "/q?x");
        for target in ["http://other/q?x", "other:80", "other", "", "q?x"] {
            assert_eq!(of(target.as_bytes()), None, "{target}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in [&[0xff; 4][..], &[0xff; 64], &[200, 0, 0xff, 0xff, 0xff, 0xff]] {
            assert!(decode_request(Bytes::copy_from_slice(bytes)).is_none());
            assert!(decode_response(Bytes::copy_from_slice(bytes)).is_none());
        }
    }
}
