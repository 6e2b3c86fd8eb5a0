//! What the numbers were measured on.

use std::fs;
use std::process::Command;

/// One line: processor, memory, kernel, both programs' versions.
pub fn line() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let processor =
        field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(0, |count| count.get());
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes >> 20);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    let redis = Command::new("redis-server").arg("--version").output().map(|output| output.stdout);
    let redis = String::from_utf8_lossy(&redis.unwrap_or_default()).into_owned();
    let redis =
        redis.split(' ').find_map(|word| word.strip_prefix("v=")).unwrap_or("?").to_string();
    format!(
        "{processor}, {cores} cores, {memory} GiB, Linux {}, Redis {redis}, load {load}",
        kernel.trim()
    )
}
