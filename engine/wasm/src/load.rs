//! From a module's bytes to one of its functions.

use std::sync::Arc;

use millrace_plan::{Error, FunctionDef, FunctionSignature, Result, UserFunction};
use wasmi::{ExternType, FuncType, Module, ValType};

use super::aggregate::WasmAggregate;
use super::declaration::{self, number};
use super::guest::{ALLOC, Image, shown};
use super::scalar::{Form, WasmScalar};

/// The export whose text declares the functions of a module.
const FUNCTIONS: &str = "millrace_functions";

/// What the names of an aggregate's exports end with, but for the first two always there.
const STEPS_OF_AGGREGATES: [&str; 3] = ["accumulate", "merge", "retract"];

/// The function that a CREATE FUNCTION names, from the bytes of its file.
///
/// # Errors
///
/// `Culprit::Query`: the module cannot be used, or does not have the function in a form that can be called.
pub fn load(def: &FunctionDef, bytes: &[u8]) -> Result<UserFunction> {
    let found = Image::new(bytes).and_then(|image| Exports::of(image)?.function(def));
    found.map_err(|error| error.within(format!("function `{}` of {}", def.name, def.path)))
}

struct Exports {
    image: Arc<Image>,
    module: Module,
    declared: Vec<FunctionSignature>,
}

impl Exports {
    fn of(image: Arc<Image>) -> Result<Exports> {
        let module = image.module()?;
        let mut own = Exports { image, module, declared: vec![] };
        if own.func(FUNCTIONS).is_some() {
            own.expect(FUNCTIONS, &[], Some(ValType::I32))?;
            own.declared = declaration::parse(&own.text()?)?;
        }
        Ok(own)
    }

    fn func(&self, name: &str) -> Option<FuncType> {
        self.module.get_export(name).and_then(|export| export.func().cloned())
    }

    /// The declarations: text that ends with a zero byte.
    fn text(&self) -> Result<String> {
        let as_query = |error: Error| Error::query(error.message);
        let mut guest = self.image.guest(FUNCTIONS).map_err(as_query)?;
        let address = guest.call_address(FUNCTIONS, &[]).map_err(as_query)?;
        let wrong = || {
            Error::query(format!(
                "`{FUNCTIONS}` gave {address}, where there is no text that ends with a zero byte"
            ))
            .hint("return the address of UTF-8 text in the exported `memory`")
        };
        let rest = guest.memory().get(address as usize..).ok_or_else(wrong)?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(wrong)?;
        String::from_utf8(rest[..end].to_vec()).map_err(|_| wrong())
    }

    /// Fails unless the export is there and has this type.
    fn expect(&self, name: &str, params: &[ValType], result: Option<ValType>) -> Result<()> {
        let wanted = FuncType::new(params.iter().copied(), result);
        match self.func(name) {
            Some(own) if own.params() == wanted.params() && own.results() == wanted.results() => Ok(()),
            Some(own) => Err(Error::query(format!(
                "export `{name}` is {}, but must be {}",
                shown(&own),
                shown(&wanted)
            ))
            .hint("give it that type, or declare other types for it")),
            None => Err(Error::query(format!("the module does not export `{name}`"))
                .hint(format!("export a function `{name}` of type {}", shown(&wanted)))),
        }
    }

    /// Fails unless rows can be copied into the module.
    fn expect_memory(&self) -> Result<()> {
        if !matches!(self.module.get_export("memory"), Some(ExternType::Memory(_))) {
            return Err(Error::query("the module does not export `memory`")
                .hint("batches are copied into it: export the memory under this name"));
        }
        self.expect(ALLOC, &[ValType::I32], Some(ValType::I32))
    }

    fn function(self, def: &FunctionDef) -> Result<UserFunction> {
        let alike = |own: &&FunctionSignature| own.name.eq_ignore_ascii_case(&def.export);
        let Some(declared) = self.declared.iter().find(alike).cloned() else {
            return self.undeclared(def);
        };
        let export = declared.name.clone();
        let signature = FunctionSignature { name: def.name.clone(), ..declared };
        if self.func(&format!("{export}_accumulate")).is_some() {
            return self.aggregate(signature, export);
        }
        let batch = format!("{export}_batch");
        if self.func(&batch).is_some() {
            self.expect(&batch, &[ValType::I32; 2], Some(ValType::I32))?;
            self.expect_memory()?;
            return Ok(self.scalar(signature, batch, Form::Batch));
        }
        let types: Option<Vec<ValType>> = signature.args.iter().map(number).collect();
        match (types, number(&signature.result)) {
            (Some(types), Some(result)) => self.expect(&export, &types, Some(result))?,
            _ => {
                return Err(Error::query(format!("the module does not export `{batch}`")).hint(format!(
                    "STRING and BYTES go by batch: export a function `{batch}` of type (i32, i32) -> i32"
                )));
            }
        }
        Ok(self.scalar(signature, export, Form::Number))
    }

    fn scalar(self, signature: FunctionSignature, export: String, form: Form) -> UserFunction {
        UserFunction::Scalar(Arc::new(WasmScalar { signature, image: self.image, export, form }))
    }

    /// A function of plain numbers that the module says nothing of.
    fn undeclared(self, def: &FunctionDef) -> Result<UserFunction> {
        let alike = |name: &str| name.eq_ignore_ascii_case(&def.export);
        let exports: Vec<&str> =
            self.module.exports().filter(|own| own.ty().func().is_some()).map(|own| own.name()).collect();
        let Some(name) = exports.iter().find(|name| alike(name)).map(|name| name.to_string()) else {
            let known = self.declared.iter().map(|own| own.name.as_str()).chain(exports);
            let known: Vec<String> =
                known.filter(|name| !name.starts_with("millrace_")).map(|name| format!("`{name}`")).collect();
            return Err(Error::query(format!("the module has no function `{}`", def.export)).hint(format!(
                "it has {}; name one after the file, as in 'file.wasm#name'",
                known.join(", ")
            )));
        };
        let func = self.func(&name).ok_or_else(|| Error::bug(format!("export `{name}` is lost")))?;
        let signature = declaration::of_numbers(&def.name, &func)?;
        Ok(self.scalar(signature, name, Form::Number))
    }

    fn aggregate(self, signature: FunctionSignature, export: String) -> Result<UserFunction> {
        let retracts = self.func(&format!("{export}_retract")).is_some();
        for step in &STEPS_OF_AGGREGATES[..if retracts { 3 } else { 2 }] {
            self.expect(&format!("{export}_{step}"), &[ValType::I32; 5], Some(ValType::I32))?;
        }
        self.expect(&format!("{export}_result"), &[ValType::I32; 2], Some(ValType::I32))?;
        self.expect_memory()?;
        if signature.args.is_empty() {
            return Err(Error::query("an aggregate function has no arguments")
                .hint("declare at least one; SQL can call it with a constant"));
        }
        let image = self.image;
        Ok(UserFunction::Aggregate(Arc::new(WasmAggregate { signature, image, export, retracts })))
    }
}
