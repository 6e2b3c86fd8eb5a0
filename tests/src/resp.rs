//! A small blocking RESP2 client, apart from the engine's own reader, so that the tests do not check the engine by itself.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// What a server replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Simple(String),
    /// `-ERR …`, without the minus
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$1 …`
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Nil,
    /// `*2 …`
    Array(Vec<Value>),
}

impl Value {
    /// Whether this is a string, simple or bulk, with these bytes.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Value::Simple(simple) => simple == text,
            Value::Bulk(bytes) => bytes == text.as_bytes(),
            _ => false,
        }
    }

    /// Fails the test unless this is `+OK`.
    #[track_caller]
    pub fn expect_ok(&self) {
        assert_eq!(self, &Value::Simple("OK".into()));
    }

    /// The text of a string, an error or a number.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Value::Simple(text) | Value::Error(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// The number of an integer reply.
    #[track_caller]
    pub fn integer(&self) -> i64 {
        match self {
            Value::Integer(number) => *number,
            other => panic!("{other:?} is no integer"),
        }
    }

    /// The elements of an array reply.
    #[track_caller]
    pub fn array(&self) -> &[Value] {
        match self {
            Value::Array(values) => values,
            other => panic!("{other:?} is no array"),
        }
    }
}

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.stream.get_ref().peer_addr())
    }
}

impl Client {
    /// Connects to a port on 127.0.0.1. A reply that takes over 20 seconds is an error.
    pub fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and returns the reply; a broken connection fails the test.
    #[track_caller]
    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Value {
        match self.try_call(arguments) {
            Ok(reply) => reply,
            Err(why) => panic!("{self:?} broke: {why}"),
        }
    }

    /// Sends one command and returns the reply, if the connection holds.
    pub fn try_call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> std::io::Result<Value> {
        self.send(arguments)?;
        self.read()
    }

    /// Sends one command without waiting for the reply.
    pub fn send<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> std::io::Result<()> {
        self.send_raw(&encode(arguments))
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one reply.
    pub fn read(&mut self) -> std::io::Result<Value> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| broken("an empty line"))?;
        let number = || rest.parse::<i64>().map_err(|_| broken(&line));
        Ok(match kind {
            "+" => Value::Simple(rest.into()),
            "-" => Value::Error(rest.into()),
            ":" => Value::Integer(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Value::Nil,
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Value::Bulk(bytes)
                }
            },
            "*" => match usize::try_from(number()?) {
                Err(_) => Value::Nil,
                Ok(count) => {
                    Value::Array((0..count).map(|_| self.read()).collect::<Result<_, _>>()?)
                }
            },
            _ => return Err(broken(&line)),
        })
    }

    /// Everything that the server still sends until it closes the connection.
    pub fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }
}

fn broken(line: &str) -> std::io::Error {
    std::io::Error::other(format!("not RESP: {line:?}"))
}

/// A command as RESP.
pub fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
