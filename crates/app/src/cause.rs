//! Why something is as it is, for a face to say behind the sentence that tells how it is.
//!
//! What this application found out is a value, so that [`crate::words`] can say it in any language. As text it is
//! English: that is how it crosses to other processes, and from there it comes as what somebody else said.

use std::fmt;

use adit_proto::health::Reason;
use adit_proto::host::GiveUp;
use serde::{Deserialize, Serialize};

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Cause {
    /// Why a URL is not well.
    Url(Reason),
    /// Why a tunnel is not hosted any more.
    GivenUp(GiveUp),
    /// What a system, a service or another program said, in its words.
    Said(String),
}

impl Cause {
    /// What somebody said, unless it was nothing.
    pub(crate) fn said(said: &str) -> Option<Self> {
        (!said.is_empty()).then(|| Self::Said(said.to_owned()))
    }

    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::GivenUp(GiveUp::Fatal(said)) | Self::Said(said) => said.is_empty(),
            Self::Url(_) | Self::GivenUp(_) => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(reason) => reason.fmt(f),
            Self::GivenUp(why) => why.fmt(f),
            Self::Said(said) => f.write_str(said),
        }
    }
}

impl From<String> for Cause {
    fn from(said: String) -> Self {
        Self::Said(said)
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Said(said) => said,
            cause => cause.to_string(),
        }
    }
}

/// An optional cause as a text, which is empty where there is none.
pub(crate) mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Cause;

    pub(crate) fn serialize<S: Serializer>(
        cause: &Option<Cause>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        cause.as_ref().map(Cause::to_string).unwrap_or_default().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Cause>, D::Error> {
        Ok(Cause::said(&String::deserialize(deserializer)?))
    }
}
