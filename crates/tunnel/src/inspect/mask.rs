//! Hides what a request's query carries, so that a line on a screen or in a log leaks no secret.

/// What stands in the place of every hidden value.
pub(super) const HIDDEN: &str = "•••";

/// Returns `target` with each query value hidden and each key kept: `/a?id=7&x` becomes
/// `/a?id=•••&•••`. An item without `=` is hidden whole, because nothing says that it is a key
/// and not the secret itself. User information in an absolute target is hidden too.
pub fn mask_query(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut masked = String::with_capacity(target.len() + HIDDEN.len());
    push_path(&mut masked, path);
    let Some(query) = query else { return masked };
    masked.push('?');
    for item in query.split_inclusive(['&', ';']) {
        let (item, separator) = match item.strip_suffix(['&', ';']) {
            Some(rest) => (rest, &item[rest.len()..]),
            None => (item, ""),
        };
        match item.split_once('=') {
            Some((key, "")) => masked.extend([key, "="]),
            Some((key, _)) => masked.extend([key, "=", HIDDEN]),
            None if item.is_empty() => {}
            None => masked.push_str(HIDDEN),
        }
        masked.push_str(separator);
    }
    masked
}

/// Appends the part before the query, without the `user:password@` of an absolute target.
fn push_path(masked: &mut String, path: &str) {
    let Some((scheme, rest)) = path.split_once("://") else { return masked.push_str(path) };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => masked.extend([scheme, "://", HIDDEN, &rest[at..]]),
        None => masked.push_str(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_values_go() {
        assert_eq!(mask_query("/"), "/");
        assert_eq!(mask_query("/p?a=1&b=two%20words"), "/p?a=•••&b=•••");
        assert_eq!(mask_query("/p?a=1;b=2"), "/p?a=•••;b=•••");
        assert_eq!(mask_query("/p?a=x=y"), "/p?a=•••");
    }

    #[test]
    fn what_may_be_a_secret_without_a_key_is_hidden_whole() {
        assert_eq!(mask_query("/cb?eyJhbGciOi.J9"), "/cb?•••");
        assert_eq!(mask_query("/p?a=1&token&c="), "/p?a=•••&•••&c=");
    }

    #[test]
    fn odd_queries_keep_their_shape() {
        assert_eq!(mask_query("/p?"), "/p?");
        assert_eq!(mask_query("/p?&&a=1&"), "/p?&&a=•••&");
        assert_eq!(mask_query("/p?a=?b=1"), "/p?a=•••");
    }

    #[test]
    fn a_password_in_an_absolute_target_is_hidden() {
        assert_eq!(mask_query("http://u:p@h/x?y=1"), "http://•••@h/x?y=•••");
        assert_eq!(mask_query("http://h/x@y"), "http://h/x@y");
    }
}
