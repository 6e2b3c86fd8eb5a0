//! A sentinel's view of a master: two numbers for two things (quorum, majority), and the candidates.

use leptos::prelude::*;
use view::sentinel::{Verdict, WatchedMaster};

use crate::{model::Page, stage::grouped, text::Text};

const QUORUM: Text = Text("다운에 동의 / 쿼럼", "agree it is down / quorum");
const MAJORITY: Text = Text("이 센티널이 얻은 표 / 과반", "votes for this one / majority");
const CANDIDATE: Text = Text("후보", "candidate");
const PRIORITY: Text = Text("우선순위", "priority");
const VOTE: Text = Text("표", "voted for");

/// The panel.
pub fn panel(master: WatchedMaster, page: Page) -> impl IntoView {
    let vote = master.vote.clone().map(|(name, epoch)| {
        view! { <p class="soft">{format!("{} → {name} · epoch {epoch}", page.say(VOTE))}</p> }
    });
    view! {
        <div class="meters">
            {meter(page.say(QUORUM), master.agree, master.quorum)}
            {meter(page.say(MAJORITY), master.votes, master.majority)}
        </div>
        {vote}
        <table class="candidates">
            <thead><tr><th>{page.say(CANDIDATE)}</th><th>{page.say(PRIORITY)}</th><th>"offset"</th><th></th></tr></thead>
            <tbody>
                {master.candidates.into_iter().map(|candidate| {
                    let chosen = candidate.verdict == Verdict::Chosen;
                    view! {
                        <tr class:chosen=chosen>
                            <td>{candidate.name}</td>
                            <td>{candidate.priority}</td>
                            <td class="mono">{grouped(candidate.offset)}</td>
                            <td>{page.say(verdict(candidate.verdict))}</td>
                        </tr>
                    }
                }).collect_view()}
            </tbody>
        </table>
    }
}

/// A count out of a total, as cells of which so many are filled.
fn meter(name: &'static str, have: u32, need: u32) -> impl IntoView {
    view! {
        <span>{name}</span>
        <span class="meter" aria-hidden="true">{(0..need).map(|n| view! { <i class:on=n < have></i> }).collect_view()}</span>
        <span class="mono">{format!("{have}/{need}")}</span>
    }
}

/// Why it would be chosen, or not.
const fn verdict(verdict: Verdict) -> Text {
    match verdict {
        Verdict::Chosen => Text("선택", "the choice"),
        Verdict::LosesByPriority => Text("우선순위에서 뒤짐", "behind by priority"),
        Verdict::LosesByOffset => Text("오프셋이 뒤처짐", "has fewer writes"),
        Verdict::LosesByRunId => Text("실행 ID 순서에서 뒤짐", "behind by run id"),
        Verdict::Down => Text("SDOWN", "SDOWN"),
        Verdict::Disconnected => Text("연결 없음", "disconnected"),
        Verdict::SilentFor(_) => Text("응답 없음", "silent"),
        Verdict::PriorityZero => Text("승격 안 함 (0)", "never (priority 0)"),
        Verdict::InfoTooOld(_) => Text("INFO가 오래됨", "its INFO is old"),
        Verdict::LostMasterLongAgo(_) => {
            Text("마스터와 너무 오래 끊김", "lost its master long ago")
        }
    }
}
