//! TLS, which is not implemented.

use super::prelude::*;

const NO_TLS: &str = "There is no TLS; put a proxy in front.";

/// The rows.
pub const ROWS: &[Directive] = &[
    number("tls-port", PORT, 0, Place::Kept).kept_only(NO_TLS),
    optional("tls-cert-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-key-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-key-file-pass", Place::Kept).kept_only(NO_TLS),
    optional("tls-client-cert-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-client-key-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-client-key-file-pass", Place::Kept).kept_only(NO_TLS),
    optional("tls-dh-params-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-ca-cert-file", Place::Kept).kept_only(NO_TLS),
    optional("tls-ca-cert-dir", Place::Kept).kept_only(NO_TLS),
    one_of("tls-auth-clients", || vec!["no", "yes", "optional"], 1).kept_only(NO_TLS),
    yes_no("tls-replication", false, Place::Kept).kept_only(NO_TLS),
    yes_no("tls-cluster", false, Place::Kept).kept_only(NO_TLS),
    optional("tls-protocols", Place::Kept).kept_only(NO_TLS),
    optional("tls-ciphers", Place::Kept).kept_only(NO_TLS),
    optional("tls-ciphersuites", Place::Kept).kept_only(NO_TLS),
    yes_no("tls-prefer-server-ciphers", false, Place::Kept).kept_only(NO_TLS),
    yes_no("tls-session-caching", true, Place::Kept).kept_only(NO_TLS),
    number("tls-session-cache-size", NATURAL, 20 * 1024, Place::Kept).kept_only(NO_TLS),
    number("tls-session-cache-timeout", NATURAL, 300, Place::Kept).kept_only(NO_TLS),
];
