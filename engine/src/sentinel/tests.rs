mod conf;
mod net;
mod quorum;
mod unit;
