//! A lesson that is being played: its steps, their goals, their solutions.

use std::collections::VecDeque;

use ::view::{
    lesson::{LessonCard, LessonView, StepView},
    protocol::Notice,
};
use engine::time::Time;

use super::{Player, job::Job};
use crate::{
    lesson::{Lesson, Move, Step},
    run::Run,
};

/// A lesson, and how far the learner is.
#[derive(Clone, Debug)]
pub(super) struct Playing {
    lesson: Lesson,
    /// The step; as many as there are steps when it has ended.
    step: usize,
    /// When the step began.
    begun: Time,
    /// Whether its goal was reached.
    done: bool,
    /// The run and the moment in which the step began: the way back to its beginning.
    from: (Run, u64),
}

impl Playing {
    fn step(&self) -> Option<&Step> {
        self.lesson.steps.get(self.step)
    }

    /// What the page shows of it.
    pub fn view(&self) -> LessonView {
        let lesson = &self.lesson;
        LessonView {
            card: card(lesson),
            titles: lesson.steps.iter().map(|step| step.title.clone()).collect(),
            step: self.step,
            now: self.step().map(|step| StepView {
                title: step.title.clone(),
                text: step.text.clone(),
                question: step.question.clone(),
                task: step.task.clone(),
                hint: step.hint.clone(),
                watch: step.watch,
            }),
            done: self.done,
            speed: self.step().map_or(1.0, |step| step.speed),
        }
    }
}

/// A lesson in the list.
pub fn card(lesson: &Lesson) -> LessonCard {
    LessonCard {
        name: lesson.name.clone(),
        title: lesson.title.clone(),
        summary: lesson.summary.clone(),
        steps: lesson.steps.len(),
    }
}

impl Player {
    /// Begin a lesson: its setup is played, and its first step waits.
    pub(super) fn begin_lesson(&mut self, file: &str, text: &str) {
        match Lesson::parse(file, text) {
            Ok(lesson) => {
                let (run, at) = lesson.beginning();
                self.open(run.clone(), at);
                // The setup is part of the first step's way back, and must be over before a goal is looked at.
                self.finish_job();
                let begun = self.moment();
                self.lesson =
                    Some(Playing { lesson, step: 0, begun, done: false, from: (run, at) });
                self.take_speed();
            }
            Err(bad) => self.notices.push(Notice::BadLesson { why: bad.to_string() }),
        }
    }

    /// Go on to the next step.
    pub(super) fn next_step(&mut self) {
        let begun = self.moment();
        let Some(from) = self.timelines.first().map(|one| one.history.past()) else { return };
        if let Some(playing) = &mut self.lesson
            && playing.step < playing.lesson.steps.len()
        {
            playing.step += 1;
            playing.begun = begun;
            playing.done = false;
            playing.from = from;
        }
        self.take_speed();
        self.look_for_goal();
    }

    /// Go back to the beginning of the present step.
    pub(super) fn restart_step(&mut self) {
        let Some(playing) = &mut self.lesson else { return };
        playing.done = false;
        let (run, at) = playing.from.clone();
        self.open(run, at);
        self.finish_job();
        let begun = self.moment();
        if let Some(playing) = &mut self.lesson {
            playing.begun = begun;
        }
        self.take_speed();
    }

    /// Do what the present step's solution says.
    pub(super) fn solve(&mut self) {
        let Some(step) = self.lesson.as_ref().and_then(Playing::step) else { return };
        let moves: VecDeque<Move> = step.solution.iter().cloned().collect();
        self.stop();
        if let Some(first) = self.timelines.first_mut() {
            first.cut_off();
        }
        self.job = Some(Job::Solve { moves, until: None });
    }

    /// A slice of the solution; what is left of it.
    pub(super) fn solve_on(
        &mut self,
        mut moves: VecDeque<Move>,
        until: Option<u64>,
    ) -> Option<Job> {
        /// While a goal is waited for it is looked at so often.
        const GLANCE_MICROS: u64 = 1_000;
        let now = self.now();
        let Some(next) = moves.front() else {
            self.look_for_goal();
            return None;
        };
        match next {
            Move::Act(action) => {
                let action = action.clone();
                moves.pop_front();
                self.timelines.first_mut()?.act(action);
                Some(Job::Solve { moves, until: None })
            }
            Move::Wait(millis) => {
                let until = until.unwrap_or(now + millis * 1000);
                let left = if self.slice_to(until) { Some(until) } else { None };
                if left.is_none() {
                    moves.pop_front();
                }
                Some(Job::Solve { moves, until: left })
            }
            Move::Until(millis) => {
                let until = until.unwrap_or(now + millis * 1000);
                self.play_to((now + GLANCE_MICROS).min(until));
                self.look_for_goal();
                if !self.goal_is_ahead() || self.now() >= until {
                    moves.pop_front();
                    return Some(Job::Solve { moves, until: None });
                }
                Some(Job::Solve { moves, until: Some(until) })
            }
        }
    }

    /// Whether a step is being played whose goal is not reached, or none is played.
    pub(super) fn goal_is_ahead(&self) -> bool {
        self.lesson.as_ref().is_none_or(|playing| !playing.done)
    }

    /// A goal that is reached stays reached; time stands still until the learner goes on.
    pub(super) fn look_for_goal(&mut self) {
        let Some(playing) = self.lesson.as_ref().filter(|playing| !playing.done) else { return };
        let (Some(step), Some(first)) = (playing.step(), self.timelines.first()) else { return };
        if step.is_done(first.history.world(), playing.begun) {
            self.playing = false;
            self.owed = 0;
            if let Some(playing) = &mut self.lesson {
                playing.done = true;
            }
        }
    }

    fn take_speed(&mut self) {
        if let Some(step) = self.lesson.as_ref().and_then(Playing::step) {
            self.speed = step.speed;
        }
    }

    fn moment(&self) -> Time {
        let first = self.timelines.first();
        first.map_or(crate::world::BEGINNING, |one| one.history.world().now())
    }

    /// Work on the job until it is done: only for what is known to be short.
    fn finish_job(&mut self) {
        while let Some(job) = self.job.take() {
            self.job = self.work_on(job);
        }
    }
}
