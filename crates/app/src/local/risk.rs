//! Ports that had better not be at a URL that anyone can open.

/// What is behind a port by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Risk {
    /// A database, or a cache: whoever reaches it may read and write all of it.
    Database,
    /// A debugger: whoever reaches it runs code.
    Debugger,
    /// The control of containers, clusters or queues.
    Admin,
    /// A login to this computer, or its screen.
    Login,
    /// Files of this computer.
    Files,
}

/// By number, as they are registered with IANA or chosen by the programs themselves.
const RISKS: &[(u16, Risk)] = &[
    (21, Risk::Files),
    (22, Risk::Login),
    (23, Risk::Login),
    (139, Risk::Files),
    (445, Risk::Files),
    (1433, Risk::Database),  // SQL Server
    (1521, Risk::Database),  // Oracle
    (2049, Risk::Files),     // NFS
    (2345, Risk::Debugger),  // Delve
    (2375, Risk::Admin),     // Docker
    (2376, Risk::Admin),     // Docker with TLS
    (2379, Risk::Admin),     // etcd
    (3306, Risk::Database),  // MySQL
    (3389, Risk::Login),     // Remote Desktop
    (5005, Risk::Debugger),  // JDWP
    (5432, Risk::Database),  // PostgreSQL
    (5678, Risk::Debugger),  // debugpy
    (5900, Risk::Login),     // VNC
    (5984, Risk::Database),  // CouchDB
    (6379, Risk::Database),  // Redis
    (6443, Risk::Admin),     // Kubernetes
    (8500, Risk::Admin),     // Consul
    (9042, Risk::Database),  // Cassandra
    (9200, Risk::Database),  // Elasticsearch
    (9222, Risk::Debugger),  // Chrome DevTools
    (9229, Risk::Debugger),  // Node.js
    (9300, Risk::Database),  // Elasticsearch, between nodes
    (10250, Risk::Admin),    // kubelet
    (11211, Risk::Database), // memcached
    (15672, Risk::Admin),    // RabbitMQ
    (27017, Risk::Database), // MongoDB
];

/// Why a port had better not be at a URL, if its number says so.
pub fn risk(port: u16) -> Option<Risk> {
    let at = RISKS.binary_search_by_key(&port, |(port, _)| *port).ok()?;
    RISKS.get(at).map(|(_, risk)| *risk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_debuggers_and_admin_services_are_known() {
        assert!(RISKS.is_sorted_by_key(|(port, _)| *port));
        for port in [22, 2375, 3306, 5432, 6379, 9200, 9229, 27_017] {
            assert!(risk(port).is_some(), "{port}");
        }
        assert_eq!((risk(3000), risk(5173), risk(8080)), (None, None, None));
    }
}
