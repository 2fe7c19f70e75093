//! Asks before something is gone for good.

use std::io::{self, BufRead, IsTerminal, Write};

use adit_app::failure::{Code, Failure, Outcome};
use adit_wire::task;

/// Goes on when somebody at a terminal agrees to `question`. Where nobody can be asked it must have
/// been `forced`.
///
/// # Errors
/// [`Code::Usage`] where nobody can be asked, [`Code::Interrupted`] where somebody said no.
pub(super) async fn confirm(question: String, forced: bool) -> Outcome {
    if forced {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Code::Usage,
            format!("{question} Nobody can be asked: standard input is no terminal"),
        )
        .hint("add -f (--force) to do it without asking"));
    }
    let asked = task::blocking("confirm", move || {
        ask(&question, &mut io::stdin().lock(), &mut io::stderr())
    })
    .await;
    match asked {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(Code::Interrupted, "nothing was deleted")),
        Err(error) => Err(Failure::caused(Code::Usage, "cannot read the answer", &error)
            .hint("add -f (--force) to do it without asking")),
    }
}

/// Whether the answer is yes; anything else is no.
fn ask(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, agreed) in [
            ("y\n", true),
            ("Yes\n", true),
            ("\n", false),
            ("n\n", false),
            ("yy\n", false),
            ("", false),
        ] {
            let mut shown = Vec::new();
            let asked = ask("Delete shop.loc1?", &mut answer.as_bytes(), &mut shown);
            assert_eq!(asked.unwrap(), agreed, "{answer:?}");
            assert_eq!(String::from_utf8(shown).unwrap(), "Delete shop.loc1? [y/N] ");
        }
    }
}
