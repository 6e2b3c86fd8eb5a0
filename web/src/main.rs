//! Entry point of the page.

mod digest;

use leptos::prelude::*;

fn main() {
    console_error_panic_hook::set_once();
    mount_to_body(|| view! { <main id="page"><h1>"Keepsake"</h1></main> });
}
