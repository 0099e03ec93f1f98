//! Web pages of other origins: what tells a browser that they may call the SQS door, as AWS tells it (Fetch Standard, section 3.2).
//!
//! 1. Only where requests are signed: a page that has no key gets no further with these headers than without. Where no key is asked
//!    for, pages are refused before anything is looked at ([`super::unsigned`]).
//! 2. Only the SQS door: the console and `/v1` are for their own pages and for programs.
//! 3. Without credentials of the browser: `*` excludes cookies, and the signature is the page's own.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};

/// The most of `Access-Control-Request-Headers` that is repeated, in bytes. Ours: SDKs send some 200.
const ASKED_BYTES_MAX: usize = 2_048;
/// How long a browser may keep that it may call, in seconds: two days, as AWS says. Browsers keep it for two hours at most.
const KEPT_SECONDS: HeaderValue = HeaderValue::from_static("172800");
/// What a page may read of an answer beside its body: SDKs find the error's code and the request's id there.
const EXPOSED: HeaderValue = HeaderValue::from_static("x-amzn-RequestId,x-amzn-query-error,Date");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Whether a request is for the SQS door: to the root or to a queue's own path, which begins with its account.
pub(super) fn is_for_pages(head: &Parts) -> bool {
    let path = head.uri.path().as_bytes();
    path == b"/" || path.get(1).is_some_and(u8::is_ascii_digit)
}

/// Whether a browser asks if a page may call.
pub(super) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && has(head, &header::ORIGIN) && has(head, &header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// That it may, with the headers that it asks for.
pub(super) fn preflight<B: Default>(head: &Parts) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT_SECONDS);
    let asked = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    // By name: `*` would not hold for Authorization.
    if let Some(asked) = asked.filter(|asked| asked.len() <= ASKED_BYTES_MAX) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// Lets the page that asked, if one did, read the answer.
pub(super) fn expose(head: &Parts, headers: &mut HeaderMap) {
    if has(head, &header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

fn has(head: &Parts, name: &HeaderName) -> bool {
    head.headers.contains_key(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, headers: &[(HeaderName, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const ORIGIN: (HeaderName, &str) = (header::ORIGIN, "https://app.example");
    const POST: (HeaderName, &str) = (header::ACCESS_CONTROL_REQUEST_METHOD, "POST");

    #[test]
    fn a_browser_is_told_that_a_page_may_call_with_the_headers_of_its_sdk() {
        let sdk = "amz-sdk-invocation-id,authorization,content-type,x-amz-target";
        let asked = head(Method::OPTIONS, &[ORIGIN, POST, (header::ACCESS_CONTROL_REQUEST_HEADERS, sdk)]);
        assert!(is_preflight(&asked));
        let told = preflight::<Vec<u8>>(&asked);
        let header = |name: HeaderName| told.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((told.status(), header(header::ACCESS_CONTROL_ALLOW_ORIGIN)), (StatusCode::OK, Some("*")));
        assert_eq!(header(header::ACCESS_CONTROL_ALLOW_HEADERS), Some(sdk));
        assert_eq!(header(header::ACCESS_CONTROL_ALLOW_METHODS), Some("GET, POST"));
        assert_eq!(header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
    }

    #[test]
    fn only_the_sqs_door_is_for_pages() {
        let is_for = |path: &str| {
            let request = http::Request::builder().uri(path).body(()).unwrap();
            is_for_pages(&request.into_parts().0)
        };
        for path in ["/", "/?Action=ListQueues", "/000000000012/jobs", "http://host/000000000012/jobs"] {
            assert!(is_for(path), "{path}");
        }
        for path in ["/console", "/console/queue", "/v1/keys", "/metrics", "/readyz", "*", "/x"] {
            assert!(!is_for(path), "{path}");
        }
    }

    #[test]
    fn what_is_no_question_of_a_browser_is_none() {
        for (method, headers) in [
            (Method::OPTIONS, &[][..]),
            (Method::OPTIONS, &[ORIGIN]),
            (Method::OPTIONS, &[POST]),
            (Method::POST, &[ORIGIN, POST]),
        ] {
            assert!(!is_preflight(&head(method, headers)));
        }
        let long = "x".repeat(ASKED_BYTES_MAX + 1);
        let asked = head(Method::OPTIONS, &[ORIGIN, POST, (header::ACCESS_CONTROL_REQUEST_HEADERS, &long)]);
        assert!(!preflight::<Vec<u8>>(&asked).headers().contains_key(header::ACCESS_CONTROL_ALLOW_HEADERS));
    }

    #[test]
    fn only_pages_are_told_that_they_may_read_an_answer() {
        let mut headers = HeaderMap::new();
        expose(&head(Method::POST, &[]), &mut headers);
        assert!(headers.is_empty());
        expose(&head(Method::POST, &[ORIGIN]), &mut headers);
        assert_eq!(headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), Some(&ANY));
        assert!(
            headers
                .get(header::ACCESS_CONTROL_EXPOSE_HEADERS)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("x-amzn-query-error")
        );
    }
}
