//! What was chosen once and is not asked again, in a file of its own.

use serde::{Deserialize, Serialize};

use crate::place_key::PlaceKey;

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Whether Microsoft's service is one of the places. Relays are those that there is a key for.
    pub microsoft: bool,
    /// Where new tunnels live unless somebody says otherwise; `None` is as [`Setup::default_place`] finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<PlaceKey>,
    /// The first run is over.
    pub first_run_over: bool,
    /// It was answered whether to take over what another app kept.
    pub import_answered: bool,
    /// The port of a page of our own that a tunnel leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<u16>,
}

impl Setup {
    /// Where new tunnels live: as chosen, else in the one place besides this computer, else here.
    pub fn default_place(&self, places: &[PlaceKey]) -> PlaceKey {
        if let Some(chosen) = self.default.as_ref().filter(|it| places.contains(it)) {
            return chosen.clone();
        }
        let mut others = places.iter().filter(|place| **place != PlaceKey::here());
        match (others.next(), others.next()) {
            (Some(only), None) => only.clone(),
            _ => PlaceKey::here(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_choice_the_only_place_besides_this_computer_is_the_default() {
        let (here, microsoft) = (PlaceKey::here(), PlaceKey::microsoft());
        let relay = PlaceKey::from("https://cp.r.example");
        let mut setup = Setup::default();
        assert_eq!(setup.default_place(std::slice::from_ref(&here)), here);
        assert_eq!(setup.default_place(&[here.clone(), relay.clone()]), relay);
        let all = [here.clone(), relay.clone(), microsoft.clone()];
        assert_eq!(setup.default_place(&all), here);
        setup.default = Some(microsoft.clone());
        assert_eq!(setup.default_place(&all), microsoft);
        // One that is left is no default any more.
        assert_eq!(setup.default_place(&[here, relay.clone()]), relay);
    }
}
