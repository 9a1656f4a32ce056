//! A row pattern as states: which variables a row may be of next, and where that leads.
//!
//! The states are those of Flink's CEP library, and so are their limits: a greedy variable takes every row that it
//! can, so that what follows it never sees such a row, even where that means that there is no match. An optional
//! variable and what follows it are tried side by side.

use millrace_plan::{PatternVariable, Result};

/// The number of a state.
pub type State = u32;

/// The state of a complete match.
pub const COMPLETE: State = 0;

/// A way on from a state.
struct Edge {
    to: State,
    /// The row is of this variable; `None` = the state is passed without the row.
    takes: Option<usize>,
    /// Closed to rows that could be of one of these greedy variables.
    unless: Vec<usize>,
}

/// Where a row leads.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// The variable that the row is of.
    pub variable: usize,
    /// The state after it.
    pub to: State,
    /// The match is complete with it.
    pub completes: bool,
}

/// The states of a pattern.
pub struct Automaton {
    states: Vec<Vec<Edge>>,
    first: State,
}

/// The states from the last to the first.
struct Builder {
    states: Vec<Vec<Edge>>,
}

impl Builder {
    fn add(&mut self, edges: Vec<Edge>) -> State {
        self.states.push(edges);
        self.states.len() as State - 1
    }

    /// A state that a row of the variable leaves for `to`; `skipped`: for which it may be left without a row.
    fn single(&mut self, variable: usize, to: State, skipped: Option<State>) -> State {
        let takes = Edge { to, takes: Some(variable), unless: vec![] };
        let passes = skipped.map(|to| Edge { to, takes: None, unless: vec![] });
        self.add([takes].into_iter().chain(passes).collect())
    }

    /// The states of a variable before those of what follows, which begin with `next`.
    fn variable(&mut self, place: usize, own: &PatternVariable, next: State) -> State {
        let least = own.least.max(1);
        let mut last = next;
        let optional = own.least == 0 && own.most == Some(1);
        if own.greedy && !optional && own.most != Some(least) {
            self.states[next as usize].iter_mut().for_each(|edge| edge.unless.push(place));
        }
        match own.most {
            None => {
                let state = self.add(vec![]);
                let passes = Edge { to: next, takes: None, unless: vec![] };
                let takes = Edge { to: state, takes: Some(place), unless: vec![] };
                self.states[state as usize] = vec![passes, takes];
                last = state;
            }
            Some(most) => (least..most).for_each(|_| last = self.single(place, last, Some(next))),
        }
        (1..least).for_each(|_| last = self.single(place, last, None));
        self.single(place, last, (own.least == 0).then_some(next))
    }
}

impl Automaton {
    /// The states of a pattern.
    pub fn new(variables: &[PatternVariable]) -> Self {
        let mut builder = Builder { states: vec![vec![]] };
        let mut first = COMPLETE;
        for (place, own) in variables.iter().enumerate().rev() {
            first = builder.variable(place, own, first);
        }
        Automaton { states: builder.states, first }
    }

    /// The state before the first row.
    pub fn first(&self) -> State {
        self.first
    }

    /// True if there is a state of this number.
    pub fn has(&self, state: State) -> bool {
        (state as usize) < self.states.len()
    }

    /// Where a row leads from a state; what completes a match is not found here. `is(variable)` says whether the row
    /// meets the variable's condition.
    pub fn follow(
        &self,
        from: State,
        is: &mut impl FnMut(usize) -> Result<bool>,
        ways: &mut Vec<Way>,
    ) -> Result<()> {
        let mut here = Some(from);
        while let Some(state) = here.take() {
            for edge in &self.states[state as usize] {
                if !is_open(edge, is)? {
                    continue;
                }
                match edge.takes {
                    Some(variable) => ways.push(Way { variable, to: edge.to, completes: false }),
                    None => here = Some(edge.to),
                }
            }
        }
        Ok(())
    }

    /// True if a match that has come to this state with the row at hand is complete.
    pub fn completes(&self, state: State, is: &mut impl FnMut(usize) -> Result<bool>) -> Result<bool> {
        let mut here = state;
        while here != COMPLETE {
            let mut next = None;
            for edge in self.states[here as usize].iter().filter(|edge| edge.takes.is_none()) {
                if is_open(edge, is)? {
                    next = Some(edge.to);
                }
            }
            match next {
                Some(state) => here = state,
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn is_open(edge: &Edge, is: &mut impl FnMut(usize) -> Result<bool>) -> Result<bool> {
    if let Some(variable) = edge.takes
        && !is(variable)?
    {
        return Ok(false);
    }
    for variable in &edge.unless {
        if is(*variable)? {
            return Ok(false);
        }
    }
    Ok(true)
}
