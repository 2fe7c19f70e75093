//! Which endpoint a path names.

use adit_proto::constraints::parse_port_number;
use adit_proto::id::TunnelId;
use percent_encoding::percent_decode_str;

use super::problem::Problem;
use crate::seams::Socket;

/// An endpoint of the management API, or a relay socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Tunnels,
    Tunnel(String),
    NameCheck(String),
    Ports(String),
    Port(String, u16),
    Endpoint(String, String),
    Events(String),
    Links(String),
    Link(String, String),
    UserLimits,
    Clusters,
    Recommendations,
    FormatSubjects,
    ResolveSubjects,
    Socket(Socket),
}

impl Route {
    /// Reads a path, with or without the prefix of the first version of the API.
    pub(crate) fn parse(path: &str) -> Result<Self, Problem> {
        let path = path.strip_prefix("/api/v1/").map_or(path, |rest| rest);
        let segments: Option<Vec<String>> = path.trim_matches('/').split('/').map(decode).collect();
        let segments = segments.ok_or_else(unknown)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["tunnels"] => Ok(Self::Tunnels),
            ["tunnels", name, CHECK] => Ok(Self::NameCheck(name.into())),
            ["tunnels", id] => Ok(match id.strip_suffix(CHECK) {
                Some(name) => Self::NameCheck(name.into()),
                None => Self::Tunnel(id.into()),
            }),
            ["tunnels", id, "ports"] => Ok(Self::Ports(id.into())),
            ["tunnels", id, "ports", port] => match parse_port_number(port) {
                Ok(port) => Ok(Self::Port(id.into(), port)),
                Err(violation) => Err(Problem::member("portNumber", violation.to_string())),
            },
            ["tunnels", id, "endpoints", endpoint] => {
                Ok(Self::Endpoint(id.into(), endpoint.into()))
            }
            ["tunnels", id, "events"] => Ok(Self::Events(id.into())),
            ["tunnels", id, "links"] => Ok(Self::Links(id.into())),
            ["tunnels", id, "links", link] => Ok(Self::Link(id.into(), link.into())),
            ["userlimits"] => Ok(Self::UserLimits),
            ["clusters"] => Ok(Self::Clusters),
            ["clusters", "recommendations"] => Ok(Self::Recommendations),
            ["subjects", "format"] => Ok(Self::FormatSubjects),
            ["subjects", "resolve"] => Ok(Self::ResolveSubjects),
            ["v1", "host", id, endpoint] => {
                Ok(Self::Socket(Socket::Host { tunnel: tunnel(id)?, endpoint: endpoint.into() }))
            }
            ["v1", "client", id] => Ok(Self::Socket(Socket::Client { tunnel: tunnel(id)? })),
            _ => Err(unknown()),
        }
    }

    /// Its name in the metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Tunnels => "tunnels",
            Self::Tunnel(_) => "tunnel",
            Self::NameCheck(_) => "name_check",
            Self::Ports(_) => "ports",
            Self::Port(..) => "port",
            Self::Endpoint(..) => "endpoint",
            Self::Events(_) => "events",
            Self::Links(_) => "links",
            Self::Link(..) => "link",
            Self::UserLimits => "user_limits",
            Self::Clusters => "clusters",
            Self::Recommendations => "recommendations",
            Self::FormatSubjects | Self::ResolveSubjects => "subjects",
            Self::Socket(Socket::Host { .. }) => "host_socket",
            Self::Socket(Socket::Client { .. }) => "client_socket",
        }
    }

    /// The methods that it answers to, as an `Allow` header.
    pub(crate) fn methods(&self) -> &'static str {
        match self {
            Self::Tunnel(_) | Self::Port(..) => "GET, PUT, DELETE",
            Self::Endpoint(..) => "PUT, DELETE",
            Self::Links(_) => "GET, POST",
            Self::Link(..) => "DELETE",
            Self::Events(_) | Self::FormatSubjects | Self::ResolveSubjects => "POST",
            _ => "GET",
        }
    }
}

/// The suffix of a name that asks whether the name is free.
const CHECK: &str = ":checkNameAvailability";

/// A segment, decoded; nothing if it is not text or would not be a segment.
fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.contains('/')).then(|| text.into_owned())
}

fn tunnel(id: &str) -> Result<TunnelId, Problem> {
    id.parse().map_err(|_| Problem::no_tunnel())
}

fn unknown() -> Problem {
    let detail = "This relay has nothing at this path. See the management API's documentation.";
    Problem::new(http::StatusCode::NOT_FOUND, "Not found.", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_endpoint_is_found_with_and_without_the_old_prefix() {
        assert_eq!(Route::parse("/clusters").unwrap(), Route::Clusters);
        assert_eq!(Route::parse("/api/v1/clusters").unwrap(), Route::Clusters);
        assert_eq!(Route::parse("/tunnels/").unwrap(), Route::Tunnels);
    }

    #[test]
    fn both_spellings_of_the_name_check_are_one() {
        let check = Route::NameCheck("my-app".into());
        assert_eq!(Route::parse("/tunnels/my-app:checkNameAvailability").unwrap(), check);
        assert_eq!(Route::parse("/tunnels/my-app%3AcheckNameAvailability").unwrap(), check);
        assert_eq!(Route::parse("/tunnels/my-app/:checkNameAvailability").unwrap(), check);
    }

    #[test]
    fn what_is_no_port_is_a_bad_request_and_what_is_no_path_is_not_found() {
        for (path, status) in [
            ("/tunnels/x/ports/0", 400),
            ("/tunnels/x/ports/65536", 400),
            ("/tunnels/x/ports/+80", 400),
            ("/", 404),
            ("/tunnels/x/y/z", 404),
            ("/tunnels/a%2Fb", 404),
            ("/tunnels/%ff", 404),
            ("/v1/host/NOT-AN-ID/e", 404),
        ] {
            assert_eq!(Route::parse(path).unwrap_err().status, status, "{path}");
        }
    }
}
