//! Streams and how they come about: connecting out, listening, and what a connection may be.
//!
//! Nothing here knows what the bytes mean.

mod connect;
mod error;
pub(crate) mod head;
mod listen;
mod local;
mod proxy;
mod race;
mod stream;
mod target;

pub use connect::{Connector, Dial, Dialed};
pub use error::{ConnectError, ProxyProblem, Step};
pub use listen::{BindError, Listener, bind};
pub use local::connect_local;
pub use proxy::{BadProxy, Proxies};
pub use stream::{Io, Stream};
pub use target::{BadUrl, Target};
