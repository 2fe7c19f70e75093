//! What `adit up` is to do, from arguments and `./adit.toml`. Nothing happens here.

use std::path::Path;

use adit_app::access::Access;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::name::Name;
use adit_app::place::{Because, Place};
use adit_app::port::Port;

use super::Args;
use crate::project::{self, Project};

/// What to do.
#[derive(Debug)]
pub(super) struct Plan {
    /// At least one, no number twice, smallest first.
    pub(super) ports: Vec<Port>,
    pub(super) name: Option<Name>,
    pub(super) access: Access,
    pub(super) place: Place,
    pub(super) because: Because,
    pub(super) lan: bool,
    /// Whether ports may be removed and made again.
    pub(super) replace_ports: bool,
    /// Under which a trial relay without a name is found again: made of directory and ports.
    pub(super) default_key: String,
}

/// Makes it. `choose` decides between the places that the arguments and the file wish for.
pub(super) fn make(
    args: Args,
    project: Option<Project>,
    directory: &Path,
    choose: impl FnOnce(Option<Place>, Option<Place>) -> Outcome<(Place, Because)>,
) -> Outcome<Plan> {
    let (ports, name, access, wished) = match project {
        Some(Project { ports, name, access, r#where }) if args.ports.is_empty() => {
            (ports, name, access, r#where)
        }
        _ => (args.ports, None, None, None),
    };
    let ports = distinct(ports)?;
    let access = match args.anonymous {
        Some(open) => Access::Anonymous(open),
        None => access.unwrap_or_default(),
    };
    let (place, because) = choose(args.on, wished)?;
    if args.lan {
        check_lan(&place, access)?;
    }
    let default_key = key(directory, &ports);
    let name = args.name.or(name);
    let (lan, replace_ports) = (args.lan, args.replace_ports);
    Ok(Plan { ports, name, access, place, because, lan, replace_ports, default_key })
}

impl Plan {
    /// What people call what is put up here.
    pub(super) fn called(&self) -> String {
        self.name.as_ref().map_or_else(|| self.locals(), ToString::to_string)
    }

    /// The local servers.
    pub(super) fn locals(&self) -> String {
        let each = |port: &Port| format!("localhost:{}", port.number);
        self.ports.iter().map(each).collect::<Vec<_>>().join(" and ")
    }

    /// What a trial relay of this plan is called among the others of this user.
    pub(super) fn key(&self) -> &str {
        self.name.as_ref().map_or(&self.default_key, Name::as_str)
    }
}

fn distinct(mut ports: Vec<Port>) -> Outcome<Vec<Port>> {
    if ports.is_empty() {
        let message = format!("no ports are given, and there are none in ./{}", project::FILE);
        return Err(Failure::new(Code::Usage, message).hint("for example: adit up 3000"));
    }
    ports.sort_by_key(|port| port.number);
    match ports.windows(2).find(|pair| pair[0].number == pair[1].number) {
        Some(pair) => {
            Err(Failure::new(Code::Usage, format!("port {} is given twice", pair[0].number)))
        }
        None => Ok(ports),
    }
}

fn check_lan(place: &Place, access: Access) -> Outcome {
    if *place != Place::Here {
        let place = place.shown();
        let message = format!("--lan is for tunnels on this computer, and this one is on {place}");
        return Err(Failure::new(Code::Usage, message).hint("leave --lan out, or add --on here"));
    }
    if access == Access::Private {
        return Err(Failure::new(
            Code::Usage,
            "--lan lets everybody on the local network visit, which must be said",
        )
        .hint("add --anonymous, or --anonymous=1h to end it sooner"));
    }
    Ok(())
}

/// Directory and ports, short enough to read and unlike that of any other directory. The dot keeps
/// it apart from names, which have none.
fn key(directory: &Path, ports: &[Port]) -> String {
    let base = directory.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let fits = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let base: String = base.unwrap_or_default().chars().map(fits).take(24).collect();
    let base = base.trim_matches('-');
    let numbers: Vec<_> = ports.iter().take(4).map(|port| port.number.to_string()).collect();
    let mut hash = Fnv::new();
    hash.add(directory.as_os_str().as_encoded_bytes());
    for port in ports {
        hash.add(&port.number.to_be_bytes());
    }
    let base = if base.is_empty() { "root" } else { base };
    format!("{base}-{}.{:08x}", numbers.join("-"), hash.0 as u32)
}

/// FNV-1a: the same for ever, unlike the hash of the standard library.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        Line::parse_from(std::iter::once("up").chain(line.split_whitespace())).args
    }

    fn plan(line: &str, file: Option<&str>) -> Outcome<Plan> {
        let project = file.map(|text| toml::from_str(text).unwrap());
        make(args(line), project, Path::new("/home/ann/Shop Front"), |asked, wished| {
            Ok((asked.or(wished).unwrap_or(Place::Here), Because::NoSignIn))
        })
    }

    fn message(line: &str) -> String {
        let failure = plan(line, None).unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        failure.to_string()
    }

    #[test]
    fn a_port_is_enough() {
        let plan = plan("3000", None).unwrap();
        assert_eq!((plan.ports.len(), plan.access, plan.place), (1, Access::Private, Place::Here));
    }

    #[test]
    fn the_file_says_what_the_arguments_leave_open() {
        let file =
            "ports = [3000]\nname = 'shop'\naccess = 'anonymous'\nwhere = 'https://cp.x.example'";
        let of_file = plan("", Some(file)).unwrap();
        assert_eq!(of_file.key(), "shop");
        assert_eq!(of_file.place.to_string(), "https://cp.x.example");
        let mixed = plan("--name other --on here --anonymous=1h", Some(file)).unwrap();
        assert_eq!((mixed.key(), mixed.place.clone()), ("other", Place::Here));
        assert_eq!(mixed.access, Access::Anonymous("1h".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_way_out() {
        assert!(message("").contains("adit up 3000"));
        assert!(message("3000 3000:https").contains("3000 is given twice"));
        assert!(message("3000 --lan").contains("--anonymous"));
        assert!(message("3000 --lan --anonymous --on https://cp.x.example").contains("--on here"));
    }

    #[test]
    fn each_directory_and_set_of_ports_has_a_key_of_its_own() {
        let ports = |line: &str| plan(line, None).unwrap().ports;
        let shop = key(Path::new("/home/ann/Shop Front"), &ports("3000"));
        assert_eq!(shop, plan("3000", None).unwrap().key());
        assert!(shop.starts_with("shop-front-3000."), "{shop}");
        assert_ne!(shop, key(Path::new("/srv/Shop Front"), &ports("3000")));
        assert_ne!(shop, key(Path::new("/home/ann/Shop Front"), &ports("3000 3001")));
        assert!(key(Path::new("/"), &ports("1")).starts_with("root-1."));
        assert!(shop.parse::<Name>().is_err());
    }
}
