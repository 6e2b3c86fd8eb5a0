//! One test binary over everything; each module says what it is about.

mod browser;
mod chaos;
mod command_line;
mod corruption;
mod crash;
mod cross_protocol;
mod differential;
mod differential_aof;
mod failover;
mod fairness;
mod fidelity;
mod fuzz;
mod harness;
mod interop_persistence;
mod interop_replication;
mod interop_scripts;
mod interop_sentinel;
mod interop_shutdown;
mod lab;
mod lessons;
mod memory;
mod oracle_config;
mod oracle_keyspace;
mod power_cut;
mod solo;
mod tidy;
