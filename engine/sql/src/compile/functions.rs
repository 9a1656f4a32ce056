//! The user functions of a script: what CREATE FUNCTION and DROP FUNCTION do.

use millrace_plan::{Error, Place, Result, UserFunction};

use super::Session;
use crate::bind::function_names;
use crate::catalog::nearest;
use crate::parse::{CreateFunction, DropFunction};

impl Session<'_> {
    /// Declares the functions that the script need not declare.
    pub(super) fn own_functions(&mut self) -> Result<()> {
        let functions = self.request.rules.functions().iter().cloned();
        functions.into_iter().try_for_each(|function| {
            let name = function.signature().name.clone();
            self.declare_function(&name, function, None)
        })
    }

    pub(super) fn create_function(&mut self, create: CreateFunction) -> Result<()> {
        let CreateFunction { def, if_not_exists, place } = create;
        if if_not_exists && self.tables.functions.contains_key(&def.name.to_lowercase()) {
            return Ok(());
        }
        let function = self.request.rules.load_function(&def).map_err(|error| error.at(place))?;
        self.declare_function(&def.name, function, place)
    }

    fn declare_function(&mut self, name: &str, function: UserFunction, place: Option<Place>) -> Result<()> {
        let another = |what: String| Err(Error::query(what).hint("give it another name").at(place));
        let is_built_in = function_names().any(|own| own.eq_ignore_ascii_case(name))
            || crate::function::scalar(name).is_some()
            || crate::bind::aggregate::aggregate(name).is_some();
        if is_built_in {
            return another(format!("`{name}` is a function of Millrace already"));
        }
        match self.tables.functions.insert(name.to_lowercase(), function) {
            None => Ok(()),
            Some(_) => another(format!("function `{name}` is declared twice")),
        }
    }

    pub(super) fn drop_function(&mut self, drop: &DropFunction) -> Result<()> {
        let removed = self.tables.functions.remove(&drop.name.to_lowercase());
        if removed.is_some() || drop.if_exists {
            return Ok(());
        }
        let unknown = Error::query(format!("unknown function `{}`", drop.name)).at(drop.place);
        Err(match nearest(&drop.name, self.tables.functions.keys().map(String::as_str)) {
            Some(found) => unknown.hint(format!("did you mean `{found}`?")),
            None => unknown.hint("DROP FUNCTION IF EXISTS leaves it at that"),
        })
    }
}
