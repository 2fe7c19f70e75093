//! The notes that are on the screen, as far as somebody may still answer them.

use std::collections::VecDeque;

use crate::notify::{About, Note};

/// So many are remembered; of older ones an answer is not heard, which opens nothing and harms nobody.
const MOST: usize = 64;

/// Notes by the server's numbers, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Known {
    notes: VecDeque<(u32, Note)>,
}

impl Known {
    /// The number of the note that this one takes the place of, and zero if there is none.
    pub(super) fn place_of(&self, note: &Note) -> u32 {
        let same = self.notes.iter().find(|(_, it)| note.replaces(it));
        same.map_or(0, |(id, _)| *id)
    }

    pub(super) fn add(&mut self, id: u32, note: Note) {
        self.forget(id);
        self.notes.retain(|(_, it)| !note.replaces(it));
        if self.notes.len() == MOST {
            self.notes.pop_front();
        }
        self.notes.push_back((id, note));
    }

    pub(super) fn about(&self, id: u32) -> Option<About> {
        self.notes.iter().find(|(it, _)| *it == id)?.1.about.clone()
    }

    pub(super) fn forget(&mut self, id: u32) {
        self.notes.retain(|(it, _)| *it != id);
    }
}

#[cfg(test)]
mod tests {
    use adit_app::condition::Subject;
    use adit_app::effect::{Notice, NoticeKind};
    use adit_app::message::Message;
    use adit_app::place_key::PlaceKey;

    use super::*;

    fn note(kind: NoticeKind, title: &str) -> Note {
        let place = PlaceKey::here();
        let text = Message::ListFailed(place.clone());
        let notice = Notice { kind, about: Subject::Place(place), name: None, text, offer: None };
        let about = About { notice, action: None, later: "Later".to_owned() };
        let (title, body) = (title.to_owned(), String::new());
        Note { title, body, about: Some(about), passes: false, says: None }
    }

    #[test]
    fn the_same_takes_its_own_place_and_another_its_own() {
        let mut known = Known::default();
        known.add(7, note(NoticeKind::SignIn, "once"));
        assert_eq!(known.place_of(&note(NoticeKind::SignIn, "again")), 7);
        assert_eq!(known.place_of(&note(NoticeKind::Broken, "another")), 0);
        assert_eq!(known.place_of(&Note::passing("copied")), 0);
        known.add(7, note(NoticeKind::SignIn, "again"));
        known.add(8, Note::passing("copied"));
        assert_eq!(known.place_of(&Note::passing("copied too")), 8);
        assert!(known.about(7).is_some() && known.about(8).is_none());
        known.forget(7);
        assert!(known.about(7).is_none());
    }

    #[test]
    fn not_more_are_remembered_than_anybody_answers() {
        let mut known = Known::default();
        for id in 0..1_000 {
            let mut note = note(NoticeKind::Broken, "x");
            if let Some(about) = &mut note.about {
                about.notice.about =
                    Subject::Place(PlaceKey::from(format!("https://r{id}.example")));
            }
            known.add(id, note);
        }
        assert_eq!(known.notes.len(), MOST);
        assert!(known.about(999).is_some());
    }
}
