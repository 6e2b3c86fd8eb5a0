//! Serves the page: a directory of files, over HTTP.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use std::path::Path;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// The routes that serve the page which lies in `directory` (built by `cargo xtask page`).
///
/// A file with a `.br` beside it is sent compressed to clients that accept it.
pub fn page(directory: &Path) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .fallback_service(ServeDir::new(directory).precompressed_br())
        .layer(from_fn(caching))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        // The page's own policy stands in index.html, so that it holds wherever the page is hosted;
        // this is the one directive that only a header can carry.
        .layer(header(CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"))
}

/// A name with a fingerprint never changes its content; everything else is revalidated at every load.
async fn caching(request: Request, next: Next) -> Response {
    let keep = if is_fingerprinted(request.uri().path()) {
        HeaderValue::from_static("public, max-age=31536000, immutable")
    } else {
        HeaderValue::from_static("no-cache")
    };
    let mut response = next.run(request).await;
    if response.status().is_success() {
        response.headers_mut().insert(CACHE_CONTROL, keep);
    }
    response
}

/// `/page-0f1e2d3c4b5a6978.js`, the way `cargo xtask page` names files.
fn is_fingerprinted(path: &str) -> bool {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, print)| {
        print.len() == 16 && print.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::is_fingerprinted;

    #[test]
    fn only_a_fingerprinted_name_is_kept_for_good() {
        assert!(is_fingerprinted("/page-0f1e2d3c4b5a6978.js"));
        assert!(!is_fingerprinted("/"));
        assert!(!is_fingerprinted("/index.html"));
        assert!(!is_fingerprinted("/lesson-failover.toml"));
    }
}
