//! What is seen from outside: `/healthz`, `/readyz` and `/metrics`.

use super::{body::Whole, service::Shared};
use crate::seen;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use evenkeel_engine::Client;
use evenkeel_metrics::Text;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

/// A page for who watches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    /// Whether the process answers at all.
    Health,
    /// Whether it serves.
    Ready,
    /// What it counts.
    Metrics,
}

impl Outside {
    /// The page that a request asks for, if it asks for one.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        if head.method != Method::GET && head.method != Method::HEAD {
            return None;
        }
        match head.uri.path() {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    /// The page. `is_open`: no key is asked for.
    pub(super) async fn serve(self, head: &Parts, shared: &Shared, client: &Client, is_open: bool) -> Response<Whole> {
        match self {
            Self::Health => text(StatusCode::OK, "ok\n"),
            Self::Ready if shared.stopping.has_begun() => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            Self::Ready => match seen::readiness(client).await {
                Ok(()) => text(StatusCode::OK, "ready\n"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            },
            Self::Metrics if is_open || may_read_metrics(head, shared) => {
                let page = seen::metrics_page(client, &shared.seen, shared.clocks.now().wall).await;
                let mut response = text(StatusCode::OK, page);
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(Text::CONTENT_TYPE));
                response
            }
            Self::Metrics => {
                let words = "metrics need a key with the right to evenkeel:ReadMetrics, or root's: the access key as user name, its secret as password\n";
                let mut response = text(StatusCode::UNAUTHORIZED, words);
                let challenge = HeaderValue::from_static("Basic realm=\"evenkeel\", charset=\"UTF-8\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
        }
    }
}

/// Whether a request carries a key that may read metrics by HTTP's Basic scheme (RFC 7617), which is what those who scrape can send.
fn may_read_metrics(head: &Parts, shared: &Shared) -> bool {
    let now = shared.clocks.now().wall;
    let known = basic(head).and_then(|(user, password)| shared.directory.at(now).who(&user, &password));
    known.is_some_and(|known| known.may_read_metrics())
}

fn basic(head: &Parts) -> Option<(String, String)> {
    let given = head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Whole> {
    plain(status, text).map(Whole::new)
}

/// A few words for people.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, path: &str, authorization: Option<&str>) -> Parts {
        let mut request = http::Request::builder().method(method).uri(path);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_name_and_a_password_come_by_the_basic_scheme() {
        let given = |authorization| basic(&head(Method::GET, "/metrics", Some(authorization)));
        let key = Some(("AKIA".to_owned(), "a:b c".to_owned()));
        assert_eq!(given("Basic QUtJQTphOmIgYw=="), key);
        assert_eq!(given("bAsIc   QUtJQTphOmIgYw=="), key);
        for wrong in
            ["", "Basic", "Basic !", "Basic QUtJQQ==", "Bearer QUtJQTphOmIgYw==", "Basic //8=", "AWS4-HMAC-SHA256 a"]
        {
            assert_eq!(given(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_reads_ask_for_these_pages() {
        let page = |method, path| Outside::of(&head(method, path, None));
        assert_eq!(page(Method::GET, "/metrics"), Some(Outside::Metrics));
        assert_eq!(page(Method::HEAD, "/readyz?x=1"), Some(Outside::Ready));
        assert_eq!(page(Method::POST, "/metrics"), None);
        assert_eq!(page(Method::GET, "/"), None);
    }
}
