//! What every face shows, as values: folds over what is known, without time and without words.
//!
//! A view holds [messages](crate::message::Message) and moments; [`crate::words`] makes text of them when it is
//! drawn. So nothing changes here while only time passes, and two views that are equal look the same.

mod standing;

pub use standing::{Mood, PortStatus, Standing, TunnelStatus, of_status};
