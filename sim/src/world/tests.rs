use super::*;

/// A world whose nodes have read their files.
fn world(scenario: &str) -> World {
    let mut world = World::new(&Scenario::named(scenario).unwrap(), 7);
    world.advance(START);
    world
}

/// Enough for a node to start.
const START: u64 = 500_000;

fn act(world: &mut World, line: &str) {
    let action = Action::parse(line, world.scenario()).unwrap();
    world.act(&action);
}

/// What a line typed into m1's terminal prints.
fn typed(world: &mut World, line: &str) -> String {
    let node = world.scenario().node("m1").unwrap();
    act(world, &format!("on m1 {line}"));
    world.advance(50_000);
    world.terminal(node).unwrap().lines().iter().last().unwrap().text.clone()
}

#[test]
fn a_terminal_talks_to_its_node() {
    let mut world = world("single");
    assert_eq!(typed(&mut world, "PING"), "PONG");
    assert_eq!(typed(&mut world, "ECHO \"a b\""), "\"a b\"");
}

#[test]
fn a_terminal_understands_resp3() {
    let mut world = world("single");
    let hello = typed(&mut world, "HELLO 3");
    assert!(hello.starts_with("1# \"server\" => \"redis\"\n"), "{hello}");
    assert_eq!(typed(&mut world, "GET nothing"), "(nil)");
    assert!(typed(&mut world, "INFO replication").starts_with("# Replication"));
}

#[test]
fn a_dead_node_refuses_and_a_dark_one_is_silent() {
    let mut world = world("single");
    typed(&mut world, "PING");
    act(&mut world, "kill m1");
    world.advance(10_000);
    let refused = "Could not connect to Redis at 127.0.0.1:7001: Connection refused";
    assert_eq!(typed(&mut world, "PING"), refused);
    act(&mut world, "restart m1");
    world.advance(START);
    assert_eq!(typed(&mut world, "PING"), "PONG");
    act(&mut world, "power-cut m1");
    assert_eq!(typed(&mut world, "PING"), "127.0.0.1:7001> PING");
}

#[test]
fn a_partition_delays_what_tcp_will_send_again() {
    let mut world = world("single");
    typed(&mut world, "PING");
    act(&mut world, "partition m1 *");
    assert_eq!(typed(&mut world, "PING"), "127.0.0.1:7001> PING");
    act(&mut world, "heal");
    world.advance(1_000_000);
    let lines = world.terminal(NodeId(0)).unwrap().lines();
    assert_eq!(lines.iter().last().unwrap().text, "PONG");
}

#[test]
fn a_paused_process_answers_when_it_goes_on() {
    let mut world = world("single");
    act(&mut world, "pause m1");
    assert_eq!(typed(&mut world, "PING"), "127.0.0.1:7001> PING");
    act(&mut world, "resume m1");
    world.advance(10_000);
    let lines = world.terminal(NodeId(0)).unwrap().lines();
    assert_eq!(lines.iter().last().unwrap().text, "PONG");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let run = |seed| {
        let mut world = World::new(&Scenario::named("sentinel").unwrap(), seed);
        act(&mut world, "workload m1 10");
        world.advance(2_000_000);
        act(&mut world, "kill m1");
        world.advance(3_000_000);
        world.digest().to_string()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn copies_of_a_world_go_their_own_ways() {
    let mut one = world("sentinel");
    one.advance(1_000_000);
    let mut two = one.clone();
    act(&mut one, "kill m1");
    one.advance(1_000_000);
    two.advance(1_000_000);
    assert!(one.process(NodeId(0)).is_none());
    assert!(two.process(NodeId(0)).is_some());
}
