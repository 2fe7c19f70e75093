//! The self-hosted relay of Adit: management API, relay sockets and HTTP edge.
