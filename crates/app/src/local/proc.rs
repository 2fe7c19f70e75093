//! Listeners as Linux tells them: sockets in `/proc/net/tcp` and `tcp6`, and whose they are in `/proc/<pid>/fd`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Listening, is_forwarded_to, risk};

/// The state of a listening socket (`TCP_LISTEN` of the kernel's `tcp_states.h`).
const LISTEN: &str = "0A";

/// A process file system, and whose processes to look for in it.
#[derive(Debug)]
pub(super) struct Proc {
    root: PathBuf,
    user: u32,
    /// Ticks a second in which start times are written.
    ticks: u64,
}

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    port: u16,
    user: u32,
    inode: u64,
}

/// The process behind a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    id: u32,
    program: Option<String>,
    since: Option<Timestamp>,
}

impl Proc {
    /// That of this computer, and the user of this process.
    pub(super) fn system() -> Self {
        Self {
            root: PathBuf::from("/proc"),
            user: rustix::process::geteuid().as_raw(),
            ticks: rustix::param::clock_ticks_per_second(),
        }
    }

    /// What listens on loopback or on all addresses, except the process `without`. What cannot be read is left out.
    pub(super) fn listening(&self, without: u32) -> Vec<Listening> {
        let sockets: Vec<_> = ["net/tcp", "net/tcp6"]
            .iter()
            .filter_map(|name| fs::read_to_string(self.root.join(name)).ok())
            .flat_map(|table| table.lines().skip(1).filter_map(socket).collect::<Vec<_>>())
            .filter(|socket| socket.user == self.user)
            .collect();
        let owners = self.owners(&sockets);
        let listening = sockets.into_iter().filter_map(|socket| {
            let owner = owners.get(&socket.inode);
            owner.is_none_or(|owner| owner.id != without).then(|| Listening {
                port: socket.port,
                program: owner.and_then(|owner| owner.program.clone()),
                since: owner.and_then(|owner| owner.since),
                risk: risk(socket.port),
            })
        });
        listening.collect()
    }

    /// The processes behind sockets, by inode. A socket that many have is that of the oldest: the others are its
    /// children.
    fn owners(&self, sockets: &[Socket]) -> BTreeMap<u64, Process> {
        let mut owners = BTreeMap::<u64, Process>::new();
        let boot = self.boot();
        for (id, directory) in self.processes() {
            let inodes = inodes(&directory);
            let mut process = None;
            for inode in inodes.filter(|inode| sockets.iter().any(|it| it.inode == *inode)) {
                let process = process.get_or_insert_with(|| self.process(id, &directory, boot));
                let owner = owners.entry(inode).or_insert_with(|| process.clone());
                if (process.since, process.id) < (owner.since, owner.id) {
                    *owner = process.clone();
                }
            }
        }
        owners
    }

    /// The user's processes; their directories belong to who runs them.
    fn processes(&self) -> impl Iterator<Item = (u32, PathBuf)> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let is_own = entry.metadata().ok()?.uid() == self.user;
            is_own.then(|| (id, entry.path()))
        })
    }

    fn process(&self, id: u32, directory: &Path, boot: Option<Timestamp>) -> Process {
        let stat = fs::read_to_string(directory.join("stat")).ok();
        let since = boot.zip(stat).and_then(|(boot, stat)| {
            let millis = started(&stat)?.checked_mul(1_000)? / self.ticks.max(1);
            boot.checked_add(Duration::from_millis(millis)).ok()
        });
        Process { id, program: program(directory), since }
    }

    /// When the computer was started, which start times are counted from.
    fn boot(&self) -> Option<Timestamp> {
        let stat = fs::read_to_string(self.root.join("stat")).ok()?;
        let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
        Timestamp::from_second(line.trim().parse().ok()?).ok()
    }
}

/// Reads a line of `/proc/net/tcp` (proc_net(5)): a listening socket that a tunnel could forward to.
fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != LISTEN || !is_local(address) {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    // After the state come queues, timer and retransmits; then the user; then the probes.
    let user = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Socket { port, user, inode })
}

/// Whether an address, in the kernel's hexadecimal words, is loopback or all addresses.
fn is_local(address: &str) -> bool {
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let address = match address.len() {
        // The words are as they lie in memory.
        8 => word(0).map(|word| IpAddr::from(Ipv4Addr::from(word.to_ne_bytes()))),
        32 => {
            let words: Option<Vec<_>> = (0..4).map(|at| word(at * 8)).collect();
            let bytes: Option<Vec<u8>> =
                words.map(|words| words.into_iter().flat_map(u32::to_ne_bytes).collect());
            let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            bytes.map(|bytes| Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    };
    address.is_some_and(is_forwarded_to)
}

/// The inodes of a process's sockets.
fn inodes(process: &Path) -> impl Iterator<Item = u64> {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let target = fs::read_link(file.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

/// What a process is called: by its file, or as it calls itself.
fn program(process: &Path) -> Option<String> {
    let file = fs::read_link(process.join("exe")).ok();
    let file = file.and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    // What was replaced by an update is still called so.
    let file = file.map(|name| name.trim_end_matches(" (deleted)").to_owned());
    let own = || fs::read_to_string(process.join("comm")).ok().map(|name| name.trim().to_owned());
    file.or_else(own).filter(|name| !name.is_empty())
}

/// When a process began, in ticks since the computer did (`starttime` of proc_pid_stat(5)). The name before it may have
/// spaces and brackets.
fn started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::symlink;

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";

    fn line(address: &str, state: &str, user: u32, inode: u64) -> String {
        format!(
            "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {user}  \
             0 {inode} 1 0000000000000000 100 0 0 10 0"
        )
    }

    /// A process file system in a folder, with these sockets.
    fn world(folder: &Path, tcp: &[String], tcp6: &[String]) -> Proc {
        let table = |lines: &[String]| [&[HEAD.to_owned()], lines].concat().join("\n");
        fs::create_dir(folder.join("net")).unwrap();
        fs::write(folder.join("net/tcp"), table(tcp)).unwrap();
        fs::write(folder.join("net/tcp6"), table(tcp6)).unwrap();
        fs::write(folder.join("stat"), "cpu 1 2\nbtime 1000\n").unwrap();
        let user = fs::metadata(folder).unwrap().uid();
        Proc { root: folder.to_owned(), user, ticks: 100 }
    }

    fn process(folder: &Path, id: u32, name: &str, ticks: u64, inode: u64) {
        let directory = folder.join(id.to_string());
        fs::create_dir_all(directory.join("fd")).unwrap();
        let zeros = ["0"; 18].join(" ");
        fs::write(directory.join("stat"), format!("{id} (a) b) S {zeros} {ticks} 0")).unwrap();
        fs::write(directory.join("comm"), format!("{name}\n")).unwrap();
        symlink(format!("socket:[{inode}]"), directory.join("fd/3")).unwrap();
        symlink("/dev/null", directory.join("fd/0")).unwrap();
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn listeners_of_this_user_on_this_computer_are_found_with_their_program_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let tcp = [
            line("0100007F:1435", LISTEN, user, 11),
            line("00000000:0BB8", LISTEN, user, 12),
            line("0100007F:1F90", "01", user, 13),
            line("0101A8C0:1F91", LISTEN, user, 14),
            line("0100007F:1F92", LISTEN, user + 1, 15),
        ];
        let tcp6 = [
            line("00000000000000000000000001000000:0050", LISTEN, user, 16),
            line("0000000000000000FFFF00000100007F:0051", LISTEN, user, 17),
            line("000080FE000000000000000001000000:0052", LISTEN, user, 18),
            line("00000000000000000000000000000000:0053", LISTEN, user, 19),
        ];
        let proc = world(folder.path(), &tcp, &tcp6);
        process(folder.path(), 7, "worker", 5_000, 11);
        process(folder.path(), 9, "node", 4_000, 11);
        process(folder.path(), 3, "adit-like", 1, 19);
        let mut found = proc.listening(3);
        found.sort_by_key(|it| it.port);
        let ports: Vec<_> = found.iter().map(|it| it.port).collect();
        assert_eq!(ports, [80, 81, 3000, 5173]);
        assert_eq!(found[3].program.as_deref(), Some("node"));
        assert_eq!(found[3].since, Timestamp::from_second(1_040).ok());
        assert_eq!((&found[2].program, found[2].since), (&None, None));
    }

    #[test]
    fn a_system_without_any_of_this_has_no_listeners() {
        let folder = tempfile::tempdir().unwrap();
        let proc = Proc { root: folder.path().join("nowhere"), user: 0, ticks: 100 };
        assert_eq!(proc.listening(0), []);
    }

    #[test]
    fn a_real_listener_is_found_unless_it_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proc = Proc::system();
        let found = proc.listening(0);
        let ours = found.iter().find(|it| it.port == port).unwrap();
        let this = std::env::current_exe().unwrap();
        assert_eq!(ours.program.as_deref(), this.file_name().unwrap().to_str());
        assert!(ours.since.is_some());
        let others = proc.listening(std::process::id());
        assert!(others.iter().all(|it| it.port != port));
    }
}
