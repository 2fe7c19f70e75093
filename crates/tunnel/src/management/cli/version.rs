//! The command's version.

use std::fmt;

/// A version such as 1.0.1435.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The parts, the first one counting most.
    pub parts: [u32; 3],
}

/// The oldest that is spoken to: the one that Microsoft's own tools ask for, too.
pub const OLDEST: Version = Version { parts: [1, 0, 1435] };

impl Version {
    /// Finds the version in what `--version` prints: in the line that names it, or where nothing else is
    /// printed. Anything else may be the version of anything.
    pub(super) fn find(text: &str) -> Option<Self> {
        let named = text.lines().find_map(|line| line.split_once("CLI version:"));
        match named {
            Some((_, version)) => Self::parse(version.split_whitespace().next()?),
            None => Self::parse(text.trim()),
        }
    }

    /// Reads `1.0.1435+d49a94cc24`.
    fn parse(word: &str) -> Option<Self> {
        let number = word.split(['+', '-']).next()?;
        let parts: Result<Vec<u32>, _> = number.split('.').map(str::parse).collect();
        Some(Self { parts: parts.ok()?.try_into().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.parts;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_among_what_else_is_printed() {
        let documented = include_str!("../../../tests/fixtures/devtunnel/version.out");
        assert_eq!(Version::find(documented), Some(Version { parts: [1, 0, 1435] }));
        assert_eq!(Version::find("1.0.1516\n"), Some(Version { parts: [1, 0, 1516] }));
        for text in ["adit 0.1.0", "no version here", "1.0", "Welcome 2024.1.1 to you"] {
            assert_eq!(Version::find(text), None, "{text}");
        }
        assert!(Version { parts: [1, 0, 944] } < OLDEST && Version { parts: [1, 1, 0] } > OLDEST);
    }
}
