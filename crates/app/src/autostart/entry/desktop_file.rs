//! A desktop file in the directory of those that the desktop starts.

use std::path::PathBuf;

use crate::autostart::MINIMISED;
use crate::failure::Outcome;
use crate::places;

/// What the file is called.
pub(super) const NAME: &str = "adit-desktop.desktop";

/// Where it is.
pub(super) fn directory() -> Outcome<PathBuf> {
    Ok(places::user_config()?.join("autostart"))
}

/// The file for a program.
pub(super) fn write(program: &str) -> String {
    let exec = exec(program);
    format!(
        "[Desktop Entry]\nType=Application\nName=Adit\nComment=Keeps your tunnels up\nExec={exec}\n\
         Icon=adit-desktop\nTerminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n"
    )
}

/// Whether a file starts the program: desktops switch an entry off by a line in it.
pub(super) fn starts(text: &str, program: &str) -> bool {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[Desktop Entry]");
    lines.next();
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with('[')).collect();
    let value = |name| {
        let pairs = lines.iter().filter_map(|line| line.split_once('='));
        let mut pairs = pairs.filter(|(key, _)| key.trim_end() == name);
        pairs.next().map(|(_, value)| value.trim_start())
    };
    value("Exec") == Some(exec(program).as_str())
        && value("Hidden") != Some("true")
        && value("X-GNOME-Autostart-enabled") != Some("false")
}

/// The command line: an argument in quotes, in a value of type string, which has escapes of its own; and percent signs
/// are fields.
fn exec(program: &str) -> String {
    let mut quoted = String::with_capacity(program.len() + 2);
    for letter in program.chars() {
        match letter {
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => quoted.extend([r"\\", letter.encode_utf8(&mut [0; 4])]),
            '%' => quoted.push_str("%%"),
            letter => quoted.push(letter),
        }
    }
    format!("\"{quoted}\" {MINIMISED}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::autostart::Autostart;

    #[test]
    fn it_is_switched_on_and_off_and_the_file_is_the_truth() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("autostart");
        let ours = Autostart::at(&directory, Path::new("/opt/adit/adit-desktop"));
        assert!(!ours.is_on().unwrap());
        ours.set(false).unwrap();
        ours.set(true).unwrap();
        ours.set(true).unwrap();
        assert!(ours.is_on().unwrap());
        let moved = Autostart::at(&directory, Path::new("/home/ann/adit-desktop"));
        assert!(!moved.is_on().unwrap(), "what starts is another program");
        // A desktop's own settings switch it off.
        let file = directory.join(NAME);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("enabled=true", "enabled=false")).unwrap();
        assert!(!ours.is_on().unwrap());
        std::fs::write(&file, format!("{text}Hidden=true\n")).unwrap();
        assert!(!ours.is_on().unwrap());
        ours.set(true).unwrap();
        assert!(ours.is_on().unwrap());
        ours.set(false).unwrap();
        assert!(!ours.is_on().unwrap() && !file.exists());
    }

    #[test]
    fn a_path_is_quoted_as_the_specification_wants() {
        assert_eq!(exec("/opt/my apps/adit"), "\"/opt/my apps/adit\" --minimised");
        assert_eq!(exec(r#"/a"b$c`d\e%f"#), r#""/a\\"b\\$c\\`d\\\\e%%f" --minimised"#);
    }

    #[test]
    fn only_lines_of_the_entry_itself_count() {
        let text = write("/opt/adit");
        assert!(starts(&text, "/opt/adit"));
        assert!(starts(&format!("{text}\n[Desktop Action x]\nHidden=true\n"), "/opt/adit"));
        assert!(!starts("Exec=\"/opt/adit\" --minimised\n", "/opt/adit"));
    }
}
