//! The connections between parties, and what does not get through.

use leptos::prelude::*;
use view::stage::Link;

use super::{place::Places, spot};
use crate::model::Timeline;

/// All links, once a pair.
#[component]
pub fn Links(places: StoredValue<Places>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let links = Memo::new(move |_| line.stage.with(|stage| stage.links.clone()));
    view! {
        <g class="links">
            {move || links.get().into_iter().filter_map(|link| draw(link, places)).collect_view()}
        </g>
    }
}

fn draw(link: Link, places: StoredValue<Places>) -> Option<impl IntoView> {
    let (a, b) = (spot(places, link.a)?, spot(places, link.b)?);
    let (x, y) = ((a.x + b.x) / 2.0, (a.y + b.y) / 2.0);
    let cut = !(link.passes && link.passes_back);
    let class = if cut { "link cut" } else { "link" };
    Some(view! {
        <g class=class>
            <path d=curve((a.x, a.y), (b.x, b.y))/>
            {cut.then(|| view! { <text x=x y=y text-anchor="middle">"✂"</text> })}
        </g>
    })
}

/// A line that bends a little, so that links in one row do not hide each other.
pub fn curve(a: (f64, f64), b: (f64, f64)) -> String {
    let (cx, cy) = bend(a, b);
    format!("M{:.1} {:.1} Q{cx:.1} {cy:.1} {:.1} {:.1}", a.0, a.1, b.0, b.1)
}

/// The point that the line bends towards.
pub fn bend(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).sqrt().max(1.0);
    let by = (length * 0.12).min(36.0) * if a.0 <= b.0 { -1.0 } else { 1.0 };
    ((a.0 + b.0) / 2.0 - dy / length * by * 0.4, (a.1 + b.1) / 2.0 + dx.abs() / length * by)
}
