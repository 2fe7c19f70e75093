//! The code that is typed elsewhere to sign in, as a command says it among other words.

/// Where to type what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// The page.
    pub url: String,
    /// What is typed there.
    pub code: String,
}

impl DeviceCode {
    /// The code that a line tells, if it tells one with the page it is for.
    pub fn find(line: &str) -> Option<Self> {
        let url = url(line)?;
        let words = line.split_whitespace().skip_while(|word| !is_the_word(word)).skip(1);
        let code = words.map(bare).find(|word| is_code(word))?;
        Some(Self { url, code: code.to_owned() })
    }
}

/// The first address of a web page in a line. Nothing but `https` is ever opened for a sign-in.
fn url(line: &str) -> Option<String> {
    let at = line.find("https://")?;
    let rest = &line[at..];
    let end = rest.find(|it: char| it.is_whitespace() || "\"'<>".contains(it));
    let url = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ',', ')', ';', ':']);
    (url.len() > "https://".len()).then(|| url.to_owned())
}

fn is_the_word(word: &str) -> bool {
    bare(word).eq_ignore_ascii_case("code")
}

fn bare(word: &str) -> &str {
    word.trim_matches(|it: char| !it.is_ascii_alphanumeric())
}

/// Codes are capitals and figures, such as `ABCD-1234`; words of the sentence are not.
fn is_code(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    (6..=16).contains(&word.len()) && word.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_words_of_both_providers() {
        let found = |line: &str| DeviceCode::find(line).map(|it| (it.url, it.code));
        let both = |url: &str, code: &str| Some((url.to_owned(), code.to_owned()));
        assert_eq!(
            found(
                "To sign in, use a web browser to open the page https://microsoft.com/devicelogin \
                 and enter the code ERX4K7QNZ to authenticate."
            ),
            both("https://microsoft.com/devicelogin", "ERX4K7QNZ")
        );
        assert_eq!(
            found("Browse to https://github.com/login/device, and enter code: AB12-CD34."),
            both("https://github.com/login/device", "AB12-CD34")
        );
    }

    #[test]
    fn a_line_without_both_tells_none() {
        for line in [
            "",
            "Logged in as ann@example.com using Microsoft.",
            "Open https://microsoft.com/devicelogin",
            "Enter the code ERX4K7QNZ",
            "Open http://microsoft.com/devicelogin and enter the code ERX4K7QNZ",
            "The code of conduct is at https://example.com/CODE-OF-CONDUCT",
        ] {
            assert_eq!(DeviceCode::find(line), None, "{line}");
        }
    }
}
