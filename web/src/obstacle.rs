//! Why no failover comes, in words: on the stage and in the inspector.

use view::sentinel::Obstacle;

use crate::text::Lang;

/// The obstacle in one or two sentences.
pub fn sentence(obstacle: Obstacle, lang: Lang) -> String {
    let text = |ko: &str, en: &str| match lang {
        Lang::Ko => ko.to_owned(),
        Lang::En => en.to_owned(),
    };
    match obstacle {
        Obstacle::NoReplicaKnown => text(
            "승격할 레플리카를 센티널이 하나도 몰라서 페일오버가 되지 않아요. 센티널은 레플리카를 마스터의 INFO에서 알게 되고, INFO는 10초마다 요청해요. 마스터를 다시 시작하고 다음 INFO를 기다려 보세요.",
            "No failover comes: the sentinels know of no replica to promote. They learn of replicas from the master's INFO, for which they ask every ten seconds. Restart the master and wait for the next one.",
        ),
        Obstacle::BelowQuorum { reachable, quorum } => text(
            &format!(
                "페일오버가 되지 않아요. 의견을 낼 수 있는 센티널이 {reachable}대뿐이라 쿼럼 {quorum}을 채울 수 없어요."
            ),
            &format!(
                "No failover comes: only {reachable} of the sentinels can be heard, fewer than the quorum of {quorum}."
            ),
        ),
        Obstacle::BelowMajority { reachable, majority } => text(
            &format!(
                "페일오버가 되지 않아요. 투표할 수 있는 센티널이 {reachable}대뿐이라 리더에게 필요한 {majority}표가 나올 수 없어요."
            ),
            &format!(
                "No failover comes: only {reachable} of the sentinels can vote, and a leader needs {majority} votes."
            ),
        ),
        Obstacle::NoGoodReplica => text(
            "페일오버가 되지 않아요. 아는 레플리카는 있지만 지금 승격할 수 있는 것이 없어요. 이유는 후보 표에서 확인하세요.",
            "No failover comes: replicas are known, but none can be promoted now. The table of candidates says why.",
        ),
        Obstacle::Rests { millis } => {
            let seconds = millis.div_ceil(1000);
            text(
                &format!(
                    "페일오버 시도가 방금 있었으므로, 이 센티널은 {seconds}초가 지나야 스스로 시도해요."
                ),
                &format!(
                    "There has just been an attempt, so this sentinel begins none of its own for {seconds} s."
                ),
            )
        }
    }
}
