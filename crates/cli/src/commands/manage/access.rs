//! `adit access`: who may visit a tunnel besides its owner.

use adit_app::access::Open;
use adit_app::access::edit::{Edit, Wanted, made};
use adit_app::failure::{Code, Failure, Outcome};
use adit_proto::access::{Scope, ScopeError};
use adit_proto::contracts::{AccessEntry, AccessEntryType};
use adit_tunnel::management::access::{self, entries};
use adit_tunnel::management::{Error, Locator, Rest};
use adit_wire::clock;

use super::target::{OfPort, Target};
use super::{foreign, shape, text};
use crate::context::Context;

/// What to do with an access list.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let somebody in, or keep somebody out.
    Create(CreateArgs),
    /// List who may visit.
    List(ListArgs),
    /// Take entries away.
    Delete(DeleteArgs),
    /// Take all entries away: then the owner only may visit.
    Reset(ListArgs),
}

/// Whom an entry is about.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Whom {
    /// Everybody who knows the URL.
    #[arg(short, long)]
    anonymous: bool,

    /// Users of the relay, by name.
    #[arg(long = "user", value_name = "NAME", num_args = 1..)]
    users: Vec<String>,

    /// Groups of users.
    #[arg(long = "group", value_name = "NAME", num_args = 1..)]
    groups: Vec<String>,

    #[command(flatten)]
    foreign: foreign::Audience,
}

/// Which list.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    of: OfPort,
}

/// What `adit access create` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What keeps somebody out outranks what lets somebody in, wherever either stands. Asking again for the
same moves its end.

Examples:
  adit access create shop --anonymous                     everybody, for 8 hours
  adit access create shop --anonymous --expiration 2d
  adit access create shop --user ann bob --group team     until it is taken away
  adit access create shop -p 3000 --anonymous --deny      not this port")]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    list: List,

    #[command(flatten)]
    whom: Whom,

    /// Keep them out instead.
    #[arg(short, long)]
    deny: bool,

    /// What they may do: connect, host, manage, manage:ports, inspect.
    #[arg(
        long,
        alias = "scope",
        value_name = "SCOPE",
        num_args = 1..,
        value_delimiter = ',',
        default_value = "connect",
        value_parser = scope
    )]
    scopes: Vec<Scope>,

    /// When it ends, such as 30m, 8h or 2d from now. For everybody that is 8h unless said; for
    /// others it has no end.
    #[arg(short, long, value_name = "TIME")]
    expiration: Option<Open>,
}

/// What `adit access list` and `adit access reset` take.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    list: List,
}

/// What `adit access delete` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit access delete shop --anonymous
  adit access delete shop --user bob
  adit access delete shop --index 2      the second one that `adit access list` shows")]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    list: List,

    #[command(flatten)]
    whom: Whom,

    /// Only entries that keep somebody out.
    #[arg(short, long)]
    deny: bool,

    /// The entry with this number in `adit access list`.
    #[arg(short, long, value_name = "NUMBER", conflicts_with_all = ["anonymous", "users", "groups"])]
    index: Option<usize>,
}

pub(crate) async fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Create(args) => create(args, context).await,
        Command::List(args) => list(args, context).await,
        Command::Delete(args) => delete(args, context).await,
        Command::Reset(args) => reset(args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Outcome {
    args.whom.check(false)?;
    let (of, port) = Of::open(&args.list, context).await?;
    let who = of.resolve(&args.whom).await?;
    let now = clock::wall();
    let new = made(who, args.deny, &args.scopes, args.expiration, now);
    let changed = of.change(port, &Edit::Add(new)).await?;
    of.print(changed.unwrap_or_default(), context).await
}

async fn list(args: ListArgs, context: &Context) -> Outcome {
    let (of, port) = Of::open(&args.list, context).await?;
    let known = entries(&of.rest, &of.at, port).await.map_err(|error| of.failure(&error))?;
    of.print(known, context).await
}

async fn delete(args: DeleteArgs, context: &Context) -> Outcome {
    args.whom.check(args.index.is_some())?;
    let (of, port) = Of::open(&args.list, context).await?;
    let who = of.resolve(&args.whom).await?;
    let wanted = Wanted { index: args.index, who, deny: args.deny.then_some(true) };
    match of.change(port, &Edit::Take(wanted)).await? {
        Some(changed) => of.print(changed, context).await,
        None => Err(Failure::new(Code::NotFound, format!("{} has no such entry", of.shown))
            .hint("`adit access list` shows what there is")),
    }
}

async fn reset(args: ListArgs, context: &Context) -> Outcome {
    let (of, port) = Of::open(&args.list, context).await?;
    let changed = of.change(port, &Edit::Reset).await?;
    of.print(changed.unwrap_or_default(), context).await
}

impl Whom {
    /// Whether it can be meant; somebody must be named unless `otherwise`.
    fn check(&self, otherwise: bool) -> Outcome {
        self.foreign.refuse()?;
        if otherwise || self.anonymous || !self.users.is_empty() || !self.groups.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Code::Usage, "it is not said whom this is about")
            .hint("name somebody: --anonymous, --user <name>, --group <name>"))
    }
}

/// The list that a command is about.
struct Of {
    rest: Rest,
    at: Locator,
    /// What people call it.
    shown: String,
}

impl Of {
    async fn open(list: &List, context: &Context) -> Outcome<(Self, Option<u16>)> {
        let (service, at) = list.target.open(context).await?;
        let shown = match list.of.port {
            None => format!("the access list of {at}"),
            Some(port) => format!("the access list of port {port} of {at}"),
        };
        Ok((Self { rest: service.rest, at, shown }, list.of.port))
    }

    /// The ids of those who are named.
    async fn resolve(&self, whom: &Whom) -> Outcome<Vec<(AccessEntryType, Vec<String>)>> {
        let mut who = Vec::new();
        if whom.anonymous {
            who.push((AccessEntryType::Anonymous, Vec::new()));
        }
        for (kind, names) in
            [(AccessEntryType::Users, &whom.users), (AccessEntryType::Groups, &whom.groups)]
        {
            if !names.is_empty() {
                let ids = self.ids(&kind, names).await?;
                who.push((kind, ids));
            }
        }
        Ok(who)
    }

    async fn ids(&self, kind: &AccessEntryType, names: &[String]) -> Outcome<Vec<String>> {
        let found = access::ids(&self.rest, kind, names).await;
        let found = found.map_err(|error| self.failure(&error))?;
        let id = |(name, id): (&String, Option<String>)| {
            id.ok_or_else(|| {
                let what = if *kind == AccessEntryType::Users { "user" } else { "group" };
                Failure::new(Code::NotFound, format!("the relay knows no {what} `{name}`"))
                    .hint("the relay's operator sees them with: adit relay user list")
            })
        };
        names.iter().zip(found).map(id).collect()
    }

    async fn change(&self, port: Option<u16>, edit: &Edit) -> Outcome<Option<Vec<AccessEntry>>> {
        let now = clock::wall();
        let changed = access::change(&self.rest, &self.at, port, |known| edit.apply(known, now));
        changed.await.map_err(|error| self.failure(&error))
    }

    async fn print(&self, entries: Vec<AccessEntry>, context: &Context) -> Outcome {
        let entries = access::in_force(entries, clock::wall());
        if context.json {
            return shape::print("accessControlEntries", &entries);
        }
        if entries.is_empty() {
            return context.screen.line("The owner only.");
        }
        let names = access::names(&self.rest, &entries).await;
        let name = |entry: &AccessEntry, id: &str| access::name(&names, &entry.kind, id).to_owned();
        let rows = text::entry_rows(&entries, name);
        rows.iter().try_for_each(|line| context.screen.line(line))
    }

    fn failure(&self, error: &Error) -> Failure {
        Failure::service(format_args!("read or change {}", self.shown), error)
    }
}

fn scope(text: &str) -> Result<Scope, ScopeError> {
    match text.parse()? {
        Scope::Create => Err(ScopeError::CreateOnTunnel),
        scope => Ok(scope),
    }
}
