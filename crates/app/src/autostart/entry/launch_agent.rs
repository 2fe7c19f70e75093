//! A launch agent of the user's.
#![cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "tested on other systems too"))]

use std::path::PathBuf;

use crate::autostart::MINIMISED;
use crate::failure::{Code, Failure, Outcome};

/// What it is called to the system.
const LABEL: &str = "dev.adit.desktop";

/// What the file is called.
pub(super) const NAME: &str = "dev.adit.desktop.plist";

/// Where it is.
pub(super) fn directory() -> Outcome<PathBuf> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        Failure::new(Code::Storage, "you have no home directory").hint("set HOME to one")
    })?;
    Ok(home.join("Library").join("LaunchAgents"))
}

/// The file for a program.
pub(super) fn write(program: &str) -> String {
    let program = escape(program);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n\
         \t<key>Label</key>\n\t<string>{LABEL}</string>\n\
         \t<key>ProgramArguments</key>\n\t<array>\n\
         \t\t<string>{program}</string>\n\t\t<string>{MINIMISED}</string>\n\t</array>\n\
         \t<key>RunAtLoad</key>\n\t<true/>\n\
         \t<key>ProcessType</key>\n\t<string>Interactive</string>\n\
         </dict>\n</plist>\n"
    )
}

/// Whether a file starts the program.
pub(super) fn starts(text: &str, program: &str) -> bool {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.contains(&format!("<string>{}</string>", escape(program)))
        && !flat.contains("<key>Disabled</key> <true/>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_program_and_may_be_disabled() {
        let program = "/Applications/R&D <x>/adit";
        let text = write(program);
        assert!(text.contains("<string>/Applications/R&amp;D &lt;x&gt;/adit</string>"));
        assert!(starts(&text, program));
        assert!(!starts(&text, "/Applications/other"));
        let off = text.replace("</dict>", "<key>Disabled</key>\n<true/>\n</dict>");
        assert!(!starts(&off, program));
    }
}
