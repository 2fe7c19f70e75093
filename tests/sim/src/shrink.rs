//! Makes a plan that breaks a promise smaller, so that what is left is what matters.

use crate::brain::Flaw;
use crate::check::Violation;
use crate::plan::Plan;
use crate::run;

/// Leaves out of `plan` what it does not need to break the same promise, and returns it with its violation.
/// A plan that breaks none is returned as it is.
pub fn shrink(plan: &Plan, flaw: Option<Flaw>) -> (Plan, Option<Violation>) {
    let Err(mut violation) = run(plan, flaw) else { return (plan.clone(), None) };
    let mut plan = plan.clone();
    let promise = violation.invariant;
    let fails = |plan: &Plan| run(plan, flaw).err().filter(|v| v.invariant == promise);
    let mut shorter = plan.clone();
    shorter.visits.clear();
    if let Some(found) = fails(&shorter) {
        (plan, violation) = (shorter, found);
    }
    // Large pieces first: most of what happens has nothing to do with it.
    let mut size = plan.steps.len().max(1);
    while size > 0 {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut without = plan.clone();
            without.steps.drain(at..(at + size).min(plan.steps.len()));
            match fails(&without) {
                Some(found) => (plan, violation) = (without, found),
                None => at += size,
            }
        }
        size /= 2;
    }
    (plan, Some(violation))
}
