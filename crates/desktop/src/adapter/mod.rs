//! From the application's values to what the interface shows, one file a view.
//!
//! Lists keep their models: a row that looks as before is not touched, so that nothing is drawn or jumps without need.

pub mod bars;
pub mod cards;
pub mod chart;
pub mod events;
pub mod listening;
pub mod log;
pub mod making;
pub mod places;
pub mod port;
pub mod reader;
pub mod settings;
pub mod setup;
pub mod sheet;
pub mod terms;

use std::collections::BTreeSet;

use slint::{Model, VecModel};

/// Makes a model hold these rows, telling rows apart by a key, with as few changes as possible.
///
/// Nearly always the same rows come again in the same order; a thousand of them must not cost a frame then.
pub fn sync<T, K>(model: &VecModel<T>, rows: Vec<T>, key: impl Fn(&T) -> K)
where
    T: Clone + PartialEq + 'static,
    K: Ord,
{
    let stays = model.row_count() == rows.len()
        && model.iter().zip(&rows).all(|(old, row)| key(&old) == key(row));
    if !stays {
        arrange(model, &rows, &key);
    }
    for (index, row) in rows.into_iter().enumerate() {
        if model.row_data(index).is_some_and(|old| old != row) {
            model.set_row_data(index, row);
        }
    }
}

/// The same for a model that is within the row of another. What shows it may be about to ask for the model anew, because
/// the outer row has changed; Slint 1.18 then forgets that a row of the inner one has changed too, unless rows came or
/// went.
pub fn sync_inner<T, K>(model: &VecModel<T>, rows: Vec<T>, key: impl Fn(&T) -> K)
where
    T: Clone + PartialEq + 'static,
    K: Ord,
{
    let is_new =
        model.row_count() != rows.len() || model.iter().zip(&rows).any(|(old, row)| old != *row);
    sync(model, rows, key);
    if let Some(row) = model.row_data(0).filter(|_| is_new) {
        model.push(row);
        model.remove(model.row_count() - 1);
    }
}

/// Makes a model hold these rows, each in its place: where rows have no key, and what is beside one that changes is not to
/// be drawn again.
pub fn sync_in_place<T>(model: &VecModel<T>, rows: impl IntoIterator<Item = T>)
where
    T: Clone + PartialEq + 'static,
{
    let mut count = 0;
    for row in rows {
        match model.row_data(count) {
            None => model.push(row),
            Some(old) if old != row => model.set_row_data(count, row),
            Some(_) => {}
        }
        count += 1;
    }
    while model.row_count() > count {
        model.remove(model.row_count() - 1);
    }
}

/// Removes, moves and adds rows until the keys of the model are these.
fn arrange<T, K>(model: &VecModel<T>, rows: &[T], key: &impl Fn(&T) -> K)
where
    T: Clone + 'static,
    K: Ord,
{
    let keys: BTreeSet<K> = rows.iter().map(key).collect();
    let mut index = 0;
    while let Some(old) = model.row_data(index) {
        if keys.contains(&key(&old)) {
            index += 1;
        } else {
            model.remove(index);
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let wanted = key(row);
        let from = (index..model.row_count())
            .find(|at| model.row_data(*at).is_some_and(|old| key(&old) == wanted));
        match from {
            Some(from) if from == index => {}
            // One that moved up leaves its old place.
            Some(from) => {
                let old = model.remove(from);
                model.insert(index, old);
            }
            None => model.insert(index, row.clone()),
        }
    }
    while model.row_count() > rows.len() {
        model.remove(model.row_count() - 1);
    }
}

#[cfg(test)]
mod tests {
    use slint::{Model, VecModel};

    use super::{sync, sync_in_place};

    #[test]
    fn rows_without_a_key_are_told_apart_by_their_place() {
        let model = VecModel::from(vec!['a', 'a']);
        for rows in [vec!['a', 'b', 'a'], vec!['c'], vec![], vec!['a', 'a']] {
            sync_in_place(&model, rows.clone());
            assert_eq!(model.iter().collect::<Vec<_>>(), rows);
        }
    }

    #[test]
    fn rows_come_go_and_move_and_the_others_stay() {
        let model = VecModel::from(vec![(1, 'a'), (2, 'b'), (3, 'c')]);
        for rows in [
            vec![(1, 'a'), (2, 'B'), (3, 'c')],
            vec![(3, 'c'), (1, 'a')],
            vec![],
            vec![(5, 'x'), (4, 'y'), (3, 'z')],
        ] {
            sync(&model, rows.clone(), |row| row.0);
            assert_eq!(model.iter().collect::<Vec<_>>(), rows);
        }
    }
}
