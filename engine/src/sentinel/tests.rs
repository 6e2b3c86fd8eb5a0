mod conf;
mod net;
mod quorum;
mod scripts;
mod tilt;
mod unit;
