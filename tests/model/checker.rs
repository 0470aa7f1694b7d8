//! The model for the checker: a state is what a path of steps leads to.
//!
//! The code under test cannot be copied in the middle of a request, so each new state is reached from the
//! start. Two paths lead to the same state if all facts that decide what can happen next are equal.

use std::hash::{Hash, Hasher};

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::rules::Rule;
use crate::world::{self, Observed, Scenario, SignedIn, Step};

#[derive(Clone, Debug)]
pub(crate) struct State {
    path: Vec<Step>,
    observed: Observed,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.observed.facts == other.observed.facts
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.observed.facts.hash(hasher);
    }
}

/// A scenario, and the sign-in that all its worlds start with.
struct World {
    scenario: Scenario,
    signed_in: SignedIn,
}

impl World {
    fn new(scenario: Scenario) -> Self {
        Self { signed_in: world::sign_in(&scenario), scenario }
    }

    fn after(&self, path: Vec<Step>) -> State {
        let observed = world::after(&self.scenario, &self.signed_in, &path);
        State { path, observed }
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.after(Vec::new())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend_from_slice(&state.observed.next);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut path = state.path.clone();
        path.push(step);
        Some(self.after(path))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! rules {
            ($($rule:ident $name:literal,)*) => {
                vec![$(Property::always($name, |_, state: &State| {
                    !state.observed.broken.contains(&Rule::$rule)
                }),)*]
            };
        }
        rules! {
            RevokedIsNotServed "a revoked request is not served beyond the bound",
            ExpiredIsNotServed "an expired sign-in is not served",
            EndedStaysEnded "an ended sign-in stays ended",
            UsedIsNotIdle "a sign-in in use does not end",
            ChangesAreKept "an acknowledged change is kept",
            OneSuccessor "a secret has one successor",
            IssuedSecretsBelong "a secret that a client gets belongs to the sign-in",
            NoLockout "a client has the current secret",
            ReuseEnds "a reused refresh token ends the sign-in",
            GraceEnds "a replaced secret cannot be refreshed for ever",
            LostIsRepeated "a refresh whose response was lost can be repeated",
            SignOutEnds "a sign-out ends the sign-in",
        }
    }
}

/// Explores every interleaving, and returns the number of states. Panics with the steps that lead to the
/// first broken rule.
pub(crate) fn holds(scenario: Scenario) -> usize {
    let checker = World::new(scenario).checker().spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

/// Explores until a rule is broken, and returns the names of the broken rules.
pub(crate) fn broken(scenario: Scenario) -> Vec<&'static str> {
    let checker =
        World::new(scenario).checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    checker.discoveries().into_keys().collect()
}
