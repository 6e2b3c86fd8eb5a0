//! Which part of time the timeline shows.
//!
//! By default it shows the whole run; where time goes slowly (1/10 and slower), some twelve seconds of watching around the
//! present, so that the slant of a message can be seen. A width that was chosen stays. The window stands still while the
//! present moves through it, and turns like a page when the present is about to leave it.

/// How wide a part of time is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    /// A width that follows the speed.
    #[default]
    Auto,
    /// So many microseconds.
    Wide(u64),
}

/// What the reader chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lens {
    /// How wide.
    pub zoom: Zoom,
    /// A beginning that was moved by hand, and where the present stood then: it holds until the present moves out of it.
    pub held: Option<(u64, u64)>,
}

/// A part of time: microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From when on.
    pub start: u64,
    /// How long.
    pub span: u64,
    /// Whether it is all of the run.
    pub whole: bool,
}

/// The widths that the zoom steps through.
const WIDTHS: [u64; 12] = [
    10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
    30_000_000, 60_000_000,
];
/// Real seconds of watching that a window shows where it suits the speed.
const WATCHED_SECONDS: f64 = 12.0;
/// From this speed on the whole run is shown.
const FAST: f64 = 0.5;

impl Window {
    /// Where a moment lies: 0 is the left edge, 1 the right one.
    pub fn share(self, at: u64) -> f64 {
        (at as f64 - self.start as f64) / self.span as f64
    }

    /// Which moment lies there.
    pub fn moment(self, share: f64) -> u64 {
        self.start + (share.clamp(0.0, 1.0) * self.span as f64) as u64
    }

    /// The first moment that is not shown any more.
    pub const fn end(self) -> u64 {
        self.start + self.span
    }

    fn has(self, at: u64) -> bool {
        (self.start..=self.end()).contains(&at)
    }

    /// The next narrower or wider one.
    pub fn stepped(self, closer: bool) -> u64 {
        if closer {
            WIDTHS.into_iter().rev().find(|width| *width < self.span).unwrap_or(WIDTHS[0])
        } else {
            WIDTHS.into_iter().find(|width| *width > self.span).unwrap_or(WIDTHS[11])
        }
    }
}

/// The window, from the one before it.
pub fn window(lens: Lens, old: Option<Window>, speed: f64, now: u64, furthest: u64) -> Window {
    let all = whole(furthest);
    let span = match lens.zoom {
        Zoom::Wide(span) => span,
        Zoom::Auto if speed >= FAST => return all,
        Zoom::Auto => (speed * WATCHED_SECONDS * 1e6) as u64,
    };
    if span >= all.span {
        return all;
    }
    let at = |start: u64| Window { start, span, whole: false };
    if let Some((start, then)) = lens.held
        && (now == then || at(start).has(now))
    {
        return at(start);
    }
    match old {
        Some(old) if old.span == span && old.has(now) && old.share(now) < 0.95 => old,
        // Another width: the present stays where it is.
        Some(old) if old.span != span && old.has(now) => {
            let before = old.share(now).clamp(0.1, 0.9) * span as f64;
            at(now.saturating_sub(before as u64))
        }
        _ => at(now.saturating_sub(span / 5 * 2)),
    }
}

/// The whole run: it grows in steps, so that the picture stands still between them.
fn whole(furthest: u64) -> Window {
    const STEPS: [u64; 8] = [10, 15, 20, 30, 45, 60, 90, 120];
    let seconds = furthest / 1_000_000 + 1;
    let step = STEPS.into_iter().find(|step| *step >= seconds);
    let span = step.unwrap_or_else(|| seconds.div_ceil(60) * 60) * 1_000_000;
    Window { start: 0, span, whole: true }
}

/// Round moments to write below the diagram, some seven of them.
pub fn ticks(window: Window) -> Vec<u64> {
    let step = [1, 2, 5]
        .iter()
        .flat_map(|digit| (3..9).map(move |zeros| digit * 10_u64.pow(zeros)))
        .filter(|step| window.span / step <= 8)
        .min()
        .unwrap_or(window.span);
    (window.start.div_ceil(step)..=window.end() / step).map(|n| n * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn wide(span: u64) -> Lens {
        Lens { zoom: Zoom::Wide(span), held: None }
    }

    #[test]
    fn left_alone_the_whole_run_is_shown_or_what_suits_a_slow_speed() {
        let all = window(Lens::default(), None, 1.0, 3 * SECOND, 12 * SECOND);
        assert_eq!((all.start, all.span, all.whole), (0, 15 * SECOND, true));
        let slow = window(Lens::default(), Some(all), 0.01, 3 * SECOND, 12 * SECOND);
        assert_eq!((slow.span, slow.whole), (120_000, false));
        assert!(slow.has(3 * SECOND));
        assert_eq!(window(wide(60 * SECOND), None, 1.0, 0, SECOND).span, 10 * SECOND);
    }

    #[test]
    fn the_window_turns_like_a_page_when_the_present_is_about_to_leave_it() {
        let mut shown = None;
        let mut turns = 0;
        for now in (0..10 * SECOND).step_by(16_000) {
            let next = window(wide(SECOND), shown, 1.0, now, 20 * SECOND);
            assert!(next.has(now) && next.share(now) <= 0.95);
            turns += usize::from(shown.is_some_and(|old: Window| old != next));
            shown = Some(next);
        }
        assert!((8..25).contains(&turns), "{turns} turns");
    }

    #[test]
    fn another_width_leaves_the_present_where_it_is() {
        let old = Window { start: 2 * SECOND, span: 10 * SECOND, whole: false };
        let closer = window(wide(SECOND), Some(old), 1.0, 5 * SECOND, 60 * SECOND);
        assert!((closer.share(5 * SECOND) - 0.3).abs() < 0.001);
        assert_eq!((old.stepped(true), closer.stepped(false)), (5 * SECOND, 2 * SECOND));
    }

    #[test]
    fn a_window_moved_by_hand_holds_until_the_present_moves_out_of_it() {
        let held = Lens { held: Some((30 * SECOND, 5 * SECOND)), ..wide(SECOND) };
        assert_eq!(window(held, None, 1.0, 5 * SECOND, 60 * SECOND).start, 30 * SECOND);
        assert!(window(held, None, 1.0, 6 * SECOND, 60 * SECOND).has(6 * SECOND));
    }

    #[test]
    fn ticks_are_round_and_few() {
        for span in WIDTHS {
            let ticks = ticks(Window { start: 123_456, span, whole: false });
            assert!((2..=9).contains(&ticks.len()), "{} in {span}", ticks.len());
        }
    }
}
