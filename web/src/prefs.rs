//! What the reader prefers, kept in this browser alone: language and theme. (`boot.js` reads them too, before the first
//! paint; without a chosen theme the style sheet follows the system's.)

use gloo::storage::{LocalStorage, Storage};

use crate::text::Lang;

const LANG: &str = "keepsake.lang";
const THEME: &str = "keepsake.theme";

/// The chosen language, or the browser's.
pub fn lang() -> Lang {
    LocalStorage::get(LANG).unwrap_or_else(|_| {
        let language = web_sys::window().and_then(|w| w.navigator().language()).unwrap_or_default();
        if language.starts_with("ko") { Lang::Ko } else { Lang::En }
    })
}

/// Keep the language that was chosen.
pub fn keep_lang(lang: Lang) {
    // Private windows may refuse to store anything: then it holds until the page is closed.
    let _ = LocalStorage::set(LANG, lang);
}

/// Set the document's language (for fonts, hyphenation, screen readers).
pub fn set_document_lang(lang: Lang) {
    if let Some(root) = root() {
        let _ = root.set_attribute("lang", lang.code());
    }
}

/// The other theme, from now on.
pub fn toggle_theme() {
    let chosen = root().and_then(|root| root.get_attribute("data-theme"));
    let shown = chosen.unwrap_or_else(|| system_theme().to_owned());
    let theme = if shown == "dark" { "light" } else { "dark" };
    let _ = LocalStorage::set(THEME, theme);
    set_theme(theme);
}

fn set_theme(theme: &str) {
    if let Some(root) = root() {
        let _ = root.set_attribute("data-theme", theme);
    }
}

fn system_theme() -> &'static str {
    if matches("(prefers-color-scheme: dark)") { "dark" } else { "light" }
}

/// Whether the reader prefers reduced motion.
pub fn still() -> bool {
    matches("(prefers-reduced-motion: reduce)")
}

/// Whether a media query holds now.
pub fn matches(query: &str) -> bool {
    let query = web_sys::window().and_then(|window| window.match_media(query).ok()?);
    query.is_some_and(|query| query.matches())
}

fn root() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.document_element()
}
