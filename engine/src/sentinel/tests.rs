mod clock_jumps;
mod conf_lines;
mod net;
mod notified_scripts;
mod quorum;
mod votes_and_hellos;
