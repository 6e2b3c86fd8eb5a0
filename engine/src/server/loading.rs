//! Loading: the files of an earlier life, or of DEBUG RELOAD, become data. Commands of an AOF are executed as if a client had
//! sent them.

use alloc::{boxed::Box, string::ToString};

use super::Server;
use crate::{
    io::{DiskError, DiskReply, Effect},
    persistence::{
        load_file::{Content, Part},
        load_files::LoadStep,
        refuse::{self, Refused},
    },
    refusal::Refusal,
    resp::Args,
    session::Client,
    trace::{PersistenceFact, ServerFact},
    turn::Turn,
};

/// Why a command of an AOF can't be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfit {
    /// There is none of this name.
    Unknown,
    /// Not with so many arguments.
    Arity,
}

impl Server {
    /// The disk has answered: reading goes on.
    pub(crate) fn load_on_disk(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        let is_replica = self.replication.is_replica();
        let step = self.persistence.load_on_disk(turn, result, &mut self.keyspace, is_replica);
        self.go_on_loading(turn, step);
    }

    /// Ten times a second: a rest may be over.
    pub(crate) fn load_cron(&mut self, turn: &mut Turn) {
        self.persistence.load_cron(turn);
    }

    /// Do what the files need next, until they wait.
    pub(super) fn go_on_loading(&mut self, turn: &mut Turn, step: Result<LoadStep, Refused>) {
        let mut step = step;
        loop {
            step = match step {
                Ok(LoadStep::Waits) => return,
                Ok(LoadStep::Execute(part)) => self.execute_piece(turn, part),
                Ok(LoadStep::AllRead) => match self.reload.is_some() {
                    true => return self.all_reloaded(turn),
                    false => self.boot_data_read(turn),
                },
                Ok(LoadStep::Ready) => return self.loaded(turn),
                Err(why) => return self.refuse_load(turn, why),
            };
        }
    }

    /// Execute the commands of a file that have come in.
    fn execute_piece(&mut self, turn: &mut Turn, mut part: Box<Part>) -> Result<LoadStep, Refused> {
        let file = part.file;
        let outcome = match self.execute_commands_of(turn, &mut part) {
            Ok(()) => self.persistence.piece_taken(turn, part),
            Err(why) => Err(why),
        };
        if outcome.is_err() {
            turn.disk_unawaited(file.close());
        }
        outcome
    }

    fn execute_commands_of(&mut self, turn: &mut Turn, part: &mut Part) -> Result<(), Refused> {
        let Content::Commands(reader, client) = &mut part.content else { return Ok(()) };
        loop {
            match reader.next_command() {
                Ok(Some(args)) => {
                    if let Err(unfit) = self.replay(turn, client, args) {
                        let name = args.at(0).to_vec();
                        let end = reader.offset();
                        let known = unfit == Unfit::Arity;
                        return Err(refuse::bad_command(part, end, &name, known));
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(refuse::bad_format(part, error.offset)),
            }
        }
    }

    /// One command of an AOF.
    fn replay(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        args: Args<'_>,
    ) -> Result<(), Unfit> {
        let row = match self.find(args) {
            Ok(row) => row,
            Err(Refusal::UnknownCommand { .. }) => return Err(Unfit::Unknown),
            Err(_) => return Err(Unfit::Arity),
        };
        self.persistence.count_taken(1);
        // What a command answers was answered when it ran for the first time; only an error is worth a line.
        let outcome = self.call(turn, client, row, args);
        if let Err(refusal) = outcome {
            let line = refusal.to_string();
            let error = line.strip_prefix("ERR ").unwrap_or(&line).into();
            let fact = PersistenceFact::LoadedCommandFails { error, command: row.name.into() };
            turn.note(fact);
        }
        client.output.bytes.clear();
        client.output.held_until = None;
        Ok(())
    }

    /// At boot, all files are read: the AOF is opened behind them.
    fn boot_data_read(&mut self, turn: &mut Turn) -> Result<LoadStep, Refused> {
        if let Some(position) = self.persistence.boot_data_read(turn) {
            self.restore_position(turn, position);
        }
        self.dirty = 0;
        Ok(self.persistence.open_aof(turn, &mut self.keyspace))
    }

    /// The node is ready.
    fn loaded(&mut self, turn: &mut Turn) {
        self.persistence.load = None;
        self.dirty = 0;
        let network = &turn.config.network;
        let (on_network, socket) = (network.port != 0, network.unixsocket.clone());
        turn.note(ServerFact::Ready { on_network });
        socket.into_iter().for_each(|socket| turn.note(ServerFact::ReadyAt { socket }));
        let bytes = turn.config.memory.maxmemory;
        if bytes > 0 && bytes < 1 << 20 {
            turn.note(ServerFact::TinyMaxmemory { bytes });
        }
    }

    /// The data can't be loaded: say so, and end. Nothing has been overwritten.
    pub(super) fn refuse_load(&mut self, turn: &mut Turn, why: Refused) {
        for sentence in why.0 {
            turn.note(PersistenceFact::LoadRefused { sentence });
        }
        if let Some(load) = &self.persistence.load {
            load.close_files(turn);
        }
        if self.reload.is_some() {
            let why = "Error trying to load the RDB dump, check server logs.";
            return self.reload_ended(turn, Err(Refusal::err(why)));
        }
        turn.fx.push(Effect::Exit { code: 1 });
    }
}
