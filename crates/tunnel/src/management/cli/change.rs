//! Making and changing tunnels and ports, which takes the command several calls.

use std::time::Duration;

use adit_proto::contracts::{
    AccessControl, ProblemDetails, Protocol, Tunnel, TunnelOptions, TunnelPort,
};

use super::line::{Line, invalid};
use super::{Cli, Shown, ShownPort, access, contract, locator};
use crate::management::{Error, Locator, Management, Said};

impl Cli {
    /// Makes a tunnel with its ports and access list: all of it, or, when something fails, nothing.
    pub(super) async fn make(&self, tunnel: &Tunnel) -> Result<Tunnel, Error> {
        let line = creation(tunnel)?;
        let ports = tunnel.ports.as_deref().unwrap_or_default();
        for port in ports {
            port_creation("x", port)?;
        }
        let none = AccessControl::default();
        let entries = access::plan(tunnel.access_control.as_ref().unwrap_or(&none), &[])?;
        let made = contract(self.read::<Shown>(&line).await?.tunnel);
        let at = locator(&made).ok_or_else(|| invalid("the command told no id"))?;
        let rest = async {
            // Another tunnel may have had that id.
            self.forget(&at, None).await?;
            self.set_access(&at, None, &entries).await?;
            let mut added = Vec::with_capacity(ports.len());
            for port in ports {
                added.push(self.add_port(&at, port).await?);
            }
            Ok(added)
        };
        match rest.await {
            Ok(added) => Ok(Tunnel { ports: Some(added), ..made }),
            Err(error) => {
                // The first error is what matters; what cannot be removed ends by itself.
                if let Err(error) = self.delete(&at).await {
                    tracing::warn!(tunnel = %at, %error, "a half-made tunnel is left over");
                }
                Err(error)
            }
        }
    }

    /// Changes a tunnel: what is absent stays, lists that are present replace the old ones.
    pub(super) async fn change(&self, tunnel: &Tunnel) -> Result<Tunnel, Error> {
        let at = locator(tunnel).ok_or_else(|| invalid("the tunnel has no id"))?;
        let mut known = self.show(&at).await?;
        let at = locator(&known).unwrap_or(at);
        let steps = steps(tunnel.ports.as_deref(), known.ports.as_deref().unwrap_or_default())?;
        let entries = match &tunnel.access_control {
            Some(wanted) => {
                let own = match &known.access_control {
                    Some(control) => control.entries.clone(),
                    None => self.access(&at, None).await?,
                };
                access::plan(wanted, &own)?
            }
            None => access::Plan::default(),
        };
        if let Some(line) = update(&at, tunnel, known.labels.as_deref().unwrap_or_default())? {
            known =
                Tunnel { ports: known.ports, ..contract(self.read::<Shown>(&line).await?.tunnel) };
        }
        self.set_access(&at, None, &entries).await?;
        for step in &steps {
            match step {
                Step::Remove(port) => drop(self.delete_port(&at, *port).await?),
                Step::Add(port) => drop(self.add_port(&at, port).await?),
                Step::Describe(port) => drop(self.change_port(&at, port).await?),
            }
        }
        if steps.is_empty() && tunnel.access_control.is_none() {
            return Ok(known);
        }
        self.show(&at).await
    }

    /// Adds a port, with its access list; with all that it had, if it was removed to be made again.
    pub(super) async fn add_port(
        &self,
        at: &Locator,
        port: &TunnelPort,
    ) -> Result<TunnelPort, Error> {
        if let Some(made) = self.add_noted(at, port).await? {
            return Ok(made);
        }
        let line = port_creation(&at.to_string(), port)?;
        let none = AccessControl::default();
        let entries = access::plan(port.access_control.as_ref().unwrap_or(&none), &[])?;
        let made = self.read::<ShownPort>(&line).await?.port.into_port();
        self.set_access(at, Some(port.port_number), &entries).await?;
        Ok(made)
    }

    /// Changes a port in place, as far as the service lets it.
    pub(super) async fn change_port(
        &self,
        at: &Locator,
        port: &TunnelPort,
    ) -> Result<TunnelPort, Error> {
        let number = port.port_number;
        let known = self.show(at).await?;
        let known = known.port(number).cloned().ok_or_else(|| missing(number))?;
        if is_other_protocol(port, &known) || port.options.is_some() {
            return Err(Error::Replacement { port: number });
        }
        let mut known = known;
        if let Some(wanted) = &port.access_control {
            let own = self.access(at, Some(number)).await?;
            self.set_access(at, Some(number), &access::plan(wanted, &own)?).await?;
            known.access_control = Some(wanted.clone());
        }
        let bare = Line::new("port update").value(at).option("-p", number);
        let mut line = bare.clone().text("-d", port.description.as_deref())?;
        line = relabel(line, port.labels.as_deref(), known.labels.as_deref())?;
        if line.sent() == bare.sent() {
            return Ok(known);
        }
        Ok(self.read::<ShownPort>(&line.words(&["-j"])).await?.port.into_port())
    }
}

/// What has to be done about a port.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Remove(u16),
    Add(&'a TunnelPort),
    /// Its description or labels change.
    Describe(Box<TunnelPort>),
}

/// Brings a tunnel's ports to what is wanted. Ports that would have to be replaced are not: that needs
/// somebody's word.
fn steps<'a>(
    wanted: Option<&'a [TunnelPort]>,
    known: &[TunnelPort],
) -> Result<Vec<Step<'a>>, Error> {
    let Some(wanted) = wanted else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for old in known {
        if !wanted.iter().any(|port| port.port_number == old.port_number) {
            steps.push(Step::Remove(old.port_number));
        }
    }
    for port in wanted {
        match known.iter().find(|old| old.port_number == port.port_number) {
            None => steps.push(Step::Add(port)),
            Some(old) if is_other_protocol(port, old) => {
                return Err(Error::Replacement { port: port.port_number });
            }
            Some(old) => {
                let described = TunnelPort {
                    port_number: port.port_number,
                    description: port
                        .description
                        .clone()
                        .filter(|_| port.description != old.description),
                    labels: port.labels.clone().filter(|_| port.labels != old.labels),
                    ..TunnelPort::default()
                };
                if described.description.is_some() || described.labels.is_some() {
                    steps.push(Step::Describe(Box::new(described)));
                }
            }
        }
    }
    Ok(steps)
}

fn is_other_protocol(port: &TunnelPort, known: &TunnelPort) -> bool {
    port.protocol.is_some() && spoken(port) != spoken(known)
}

/// What a port's local server speaks; found out where nothing is said.
pub(super) fn spoken(port: &TunnelPort) -> Protocol {
    port.protocol.clone().unwrap_or_default()
}

fn creation(tunnel: &Tunnel) -> Result<Line, Error> {
    let mut line = Line::new("create");
    // The service has no names for everybody's tunnels, so a name becomes the id.
    if let Some(id) = tunnel.tunnel_id.as_deref().or(tunnel.name.as_deref()) {
        let id: Locator = id.parse().map_err(|error| invalid(&format!("the id {error}")))?;
        line = line.value(id);
    }
    if let Some(seconds) = tunnel.custom_expiration {
        line = line.option("-e", access::whole_hours(Duration::from_secs(seconds.into()))?);
    }
    line = line.text("-d", tunnel.description.as_deref())?;
    line = options(line, tunnel.options.as_ref())?;
    for label in tunnel.labels.iter().flatten() {
        line = line.text("--labels", Some(label))?;
    }
    Ok(line.words(&["-j"]))
}

pub(super) fn port_creation(at: &str, port: &TunnelPort) -> Result<Line, Error> {
    let mut line = Line::new("port create").value(at).option("-p", port.port_number);
    if let Some(protocol) = &port.protocol {
        line = line.option("--protocol", protocol.as_str());
    }
    line = line.text("-d", port.description.as_deref())?;
    line = options(line, port.options.as_ref())?;
    for label in port.labels.iter().flatten() {
        line = line.text("--labels", Some(label))?;
    }
    Ok(line.words(&["-j"]))
}

/// The call that changes what belongs to the tunnel itself, if anything does.
fn update(at: &Locator, tunnel: &Tunnel, labels: &[String]) -> Result<Option<Line>, Error> {
    if tunnel.options.is_some() {
        return Err(invalid("the options of a tunnel are chosen when it is made, and stay"));
    }
    let bare = Line::new("update").value(at);
    let mut line = bare.clone().text("-d", tunnel.description.as_deref())?;
    if let Some(seconds) = tunnel.custom_expiration {
        let life = access::whole_hours(Duration::from_secs(seconds.into()))?;
        line = line.option("--expiration", life);
    }
    line = relabel(line, tunnel.labels.as_deref(), Some(labels))?;
    Ok((line.sent() != bare.sent()).then(|| line.words(&["-j"])))
}

/// The command is told which labels come and which go, and nothing where none are wanted.
fn relabel(
    mut line: Line,
    wanted: Option<&[String]>,
    known: Option<&[String]>,
) -> Result<Line, Error> {
    let (Some(wanted), known) = (wanted, known.unwrap_or_default()) else { return Ok(line) };
    for label in wanted.iter().filter(|label| !known.contains(label)) {
        line = line.text("--add-labels", Some(label))?;
    }
    for label in known.iter().filter(|label| !wanted.contains(label)) {
        line = line.text("--remove-labels", Some(label))?;
    }
    Ok(line)
}

/// The options that the command knows.
fn options(mut line: Line, options: Option<&TunnelOptions>) -> Result<Line, Error> {
    let Some(options) = options else { return Ok(line) };
    let known = TunnelOptions {
        host_header: options.host_header.clone(),
        is_host_header_unchanged: options.is_host_header_unchanged,
        origin_header: options.origin_header.clone(),
        is_origin_header_unchanged: options.is_origin_header_unchanged,
        request_timeout_seconds: options.request_timeout_seconds,
        ..TunnelOptions::default()
    };
    if known != *options {
        return Err(invalid(
            "the command sets the host header, the origin header and the request timeout only",
        ));
    }
    for (name, unchanged, text) in [
        ("--host-header", options.is_host_header_unchanged, &options.host_header),
        ("--origin-header", options.is_origin_header_unchanged, &options.origin_header),
    ] {
        line = match unchanged {
            Some(true) => line.words(&[name, "unchanged"]),
            _ => line.text(name, text.as_deref())?,
        };
    }
    if let Some(seconds) = options.request_timeout_seconds {
        line = line.option("--request-timeout", seconds);
    }
    Ok(line)
}

pub(super) fn missing(port: u16) -> Error {
    let detail = format!("the tunnel has no port {port}");
    Error::NotFound(Said { problem: ProblemDetails::new("Not found.", detail), request_id: None })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::port;
    use super::*;

    #[test]
    fn a_tunnel_is_made_in_the_words_of_the_command() {
        let tunnel = Tunnel {
            name: Some("shop".into()),
            custom_expiration: Some(3600),
            description: Some("my shop".into()),
            options: Some(TunnelOptions {
                is_host_header_unchanged: Some(true),
                is_origin_header_unchanged: Some(true),
                request_timeout_seconds: Some(60),
                ..TunnelOptions::default()
            }),
            ..Tunnel::default()
        };
        let words = creation(&tunnel).unwrap().sent().join(" ");
        assert_eq!(
            words,
            "create shop -e 1h -d my shop --host-header unchanged --origin-header unchanged \
             --request-timeout 60 -j"
        );
        assert_eq!(creation(&Tunnel::default()).unwrap().sent(), ["create", "-j"]);
        let line = port_creation("shop.euw", &port(3000, Protocol::Http)).unwrap();
        assert_eq!(line.sent().join(" "), "port create shop.euw -p 3000 --protocol http -j");
    }

    #[test]
    fn what_the_command_cannot_do_is_refused_before_anything_is_done() {
        let inspection =
            TunnelOptions { is_inspection_enabled: Some(true), ..TunnelOptions::default() };
        let tunnel = Tunnel { options: Some(inspection), ..Tunnel::default() };
        assert!(matches!(creation(&tunnel), Err(Error::Invalid(_))));
        let tunnel = Tunnel { custom_expiration: Some(90), ..Tunnel::default() };
        assert!(matches!(creation(&tunnel), Err(Error::Invalid(_))));
    }

    #[test]
    fn ports_come_and_go_and_none_is_replaced_unasked() {
        let known = [port(1, Protocol::Http), port(2, Protocol::Http)];
        let wanted = [port(2, Protocol::Http), port(3, Protocol::Auto)];
        let planned = steps(Some(&wanted), &known).unwrap();
        assert_eq!(planned, [Step::Remove(1), Step::Add(&wanted[1])]);
        assert_eq!(steps(None, &known).unwrap(), []);
        let other = [port(2, Protocol::Https)];
        let refused = steps(Some(&other), &known);
        assert!(matches!(refused, Err(Error::Replacement { port: 2 })), "{refused:?}");
    }

    #[test]
    fn only_what_changes_is_sent() {
        let at: Locator = "shop.euw".parse().unwrap();
        assert!(update(&at, &Tunnel::default(), &[]).unwrap().is_none());
        let tunnel = Tunnel { custom_expiration: Some(86_400), ..Tunnel::default() };
        let line = update(&at, &tunnel, &[]).unwrap().unwrap();
        assert_eq!(line.sent().join(" "), "update shop.euw --expiration 1d -j");
        let labels = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let tunnel = Tunnel { labels: Some(labels(&["a", "b"])), ..Tunnel::default() };
        let line = update(&at, &tunnel, &labels(&["a", "c"])).unwrap().unwrap();
        assert_eq!(line.sent().join(" "), "update shop.euw --add-labels b --remove-labels c -j");
        assert!(update(&at, &tunnel, &labels(&["a", "b"])).unwrap().is_none());
        let tunnel = Tunnel { options: Some(TunnelOptions::default()), ..Tunnel::default() };
        assert!(matches!(update(&at, &tunnel, &[]), Err(Error::Invalid(_))));
    }
}
