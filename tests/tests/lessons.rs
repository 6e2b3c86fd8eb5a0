//! Every lesson is played: the solution of each step reaches its goal, and doing nothing does not.

use sim::{History, Lesson, lesson};

#[test]
fn every_lesson_can_be_done_and_must_be() {
    let lessons =
        lesson::all().into_iter().map(|lesson| lesson.unwrap_or_else(|bad| panic!("{bad}")));
    let wrong: Vec<String> = lessons.filter_map(|lesson| play(&lesson).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Play a lesson by its own solutions.
fn play(lesson: &Lesson) -> Result<(), String> {
    let (run, begins) = lesson.beginning();
    let mut history = History::new(run).map_err(|bad| bad.to_string())?;
    history.play_to(begins);
    for (n, step) in lesson.steps.iter().enumerate() {
        let which = format!("{}, step {}: {}", lesson.name, n + 1, step.goal.text());
        let since = history.world().now();
        if step.is_done(history.world(), since) {
            return Err(format!("{which}: reached before anything is done"));
        }
        let mut idle = history.clone();
        if !step.solve(&mut history) {
            return Err(format!("{which}: the solution does not reach it"));
        }
        idle.play_to(history.now());
        if !step.watch && step.is_done(idle.world(), since) {
            return Err(format!("{which}: reached by doing nothing"));
        }
    }
    Ok(())
}

#[test]
fn every_lesson_names_what_it_covers() {
    for lesson in lesson::all() {
        let lesson = lesson.unwrap_or_else(|bad| panic!("{bad}"));
        assert!(!lesson.rows.is_empty(), "{} names no row", lesson.name);
        for row in &lesson.rows {
            let mut parts = row.split('-');
            let (document, number) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let ok = document.len() == 2
                && document.starts_with('D')
                && number.len() == 2
                && number.bytes().all(|b| b.is_ascii_digit());
            assert!(ok, "{}: '{row}' is no row", lesson.name);
        }
    }
}

#[test]
fn korean_texts_are_korean_and_english_ones_are_not() {
    let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for lesson in lesson::all() {
        let lesson = lesson.unwrap_or_else(|bad| panic!("{bad}"));
        let steps = lesson.steps.iter();
        let mut texts: Vec<_> =
            steps.flat_map(|step| [&step.text, &step.task, &step.hint]).collect();
        texts.push(&lesson.summary);
        texts.extend(lesson.steps.iter().flat_map(|step| &step.question).map(|q| &q.text));
        for text in texts {
            assert!(hangul(&text.ko), "{}: not Korean: {}", lesson.name, text.ko);
            assert!(!hangul(&text.en), "{}: not English: {}", lesson.name, text.en);
        }
    }
}
