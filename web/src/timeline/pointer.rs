//! The pointer on the timeline: dragging goes to a moment, two fingers or the wheel zoom, a wheel that turns sideways moves.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{LEFT, WIDTH};
use crate::{
    model::Timeline,
    timeline::lens::{Window, Zoom},
};

/// Fingers (or the mouse) that are down: which, and where from left to right.
#[derive(Clone, Debug, Default)]
pub struct Fingers {
    down: Vec<(i32, f64)>,
    /// How far apart two were, and how much they showed then.
    pinch: Option<(f64, Window)>,
}

/// Narrower than this nothing more can be seen.
const NARROWEST: f64 = 5_000.0;
/// How much a turn of the wheel zooms, and how much may come at once.
const WHEEL: f64 = 0.002;
const WHEEL_MOST: f64 = 0.5;

pub fn down(line: Timeline, fingers: StoredValue<Fingers>, event: &web_sys::PointerEvent) {
    let Some(share) = share(event) else { return };
    // Dragging goes on outside of the element.
    if let Some(target) = element(event) {
        let _ = target.set_pointer_capture(event.pointer_id());
    }
    let window = line.window.get_untracked();
    fingers.update_value(|fingers| {
        fingers.down.retain(|(id, _)| *id != event.pointer_id());
        fingers.down.push((event.pointer_id(), share));
        fingers.pinch = fingers.apart().map(|apart| (apart, window));
    });
    if fingers.with_value(|fingers| fingers.pinch.is_none()) {
        go(line, share);
    }
}

pub fn moved(line: Timeline, fingers: StoredValue<Fingers>, event: &web_sys::PointerEvent) {
    let Some(share) = share(event) else { return };
    fingers.update_value(|fingers| {
        for finger in &mut fingers.down {
            if finger.0 == event.pointer_id() {
                finger.1 = share;
            }
        }
    });
    let (count, pinch) = fingers.with_value(|f| (f.down.len(), f.pinch.zip(f.apart())));
    match pinch {
        Some(((before, window), apart)) => {
            let middle = fingers.with_value(|f| (f.down[0].1 + f.down[1].1) / 2.0);
            zoom(line, window, middle, before.max(0.01) / apart.max(0.01));
        }
        None if count == 1 && event.buttons() & 1 == 1 => go(line, share),
        None => {}
    }
}

pub fn up(fingers: StoredValue<Fingers>, event: &web_sys::PointerEvent) {
    fingers.update_value(|fingers| {
        fingers.down.retain(|(id, _)| *id != event.pointer_id());
        fingers.pinch = None;
    });
}

/// The wheel zooms about the pointer; sideways (or with shift) it moves. Where the page itself scrolls it is left alone, but
/// for a pinch, which browsers report as a wheel with ctrl.
pub fn wheel(line: Timeline, event: &web_sys::WheelEvent) {
    if !event.ctrl_key() && page_scrolls() {
        return;
    }
    let Some(share) = share(event) else { return };
    event.prevent_default();
    let window = line.window.get_untracked();
    let sideways = if event.shift_key() { event.delta_y() } else { event.delta_x() };
    if sideways.abs() > event.delta_y().abs() || event.shift_key() {
        let by = sideways / 1000.0 * window.span as f64;
        hold(line, window, window.start as f64 + by, window.span);
    } else {
        let strength = if event.ctrl_key() { WHEEL * 4.0 } else { WHEEL };
        let by = (event.delta_y() * strength).clamp(-WHEEL_MOST, WHEEL_MOST);
        zoom(line, window, share, by.exp());
    }
}

/// As wide as `factor` times the window, with the moment at `share` staying where it is.
fn zoom(line: Timeline, window: Window, share: f64, factor: f64) {
    let share = share.clamp(0.0, 1.0);
    let span = (window.span as f64 * factor).max(NARROWEST);
    let at = window.start as f64 + share * window.span as f64;
    hold(line, window, at - share * span, span as u64);
}

fn hold(line: Timeline, window: Window, start: f64, span: u64) {
    if window.whole && span >= window.span {
        return;
    }
    let now = line.now.get_untracked();
    line.lens.update(|lens| {
        lens.zoom = Zoom::Wide(span);
        lens.held = Some((start.max(0.0) as u64, now));
    });
}

/// Go to the moment at `share`; the window stays.
fn go(line: Timeline, share: f64) {
    let window = line.window.get_untracked();
    let t = window.moment(share);
    if !window.whole {
        line.lens.update(|lens| lens.held = Some((window.start, t)));
    }
    line.page.seek(t);
}

impl Fingers {
    fn apart(&self) -> Option<f64> {
        match self.down[..] {
            [(_, a), (_, b)] => Some((a - b).abs()),
            _ => None,
        }
    }
}

/// How far from the left edge of the diagram (0) to its right one (1).
fn share(event: &web_sys::MouseEvent) -> Option<f64> {
    let area = element(event)?.get_bounding_client_rect();
    let x = (f64::from(event.client_x()) - area.left()) / area.width() * WIDTH;
    Some((x - LEFT) / (WIDTH - LEFT))
}

fn element(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.current_target()?.dyn_into().ok()
}

fn page_scrolls() -> bool {
    let root = web_sys::window().and_then(|window| window.document()?.document_element());
    root.is_some_and(|root| root.scroll_height() > root.client_height())
}
