//! A module, compiled once for each thread that uses it, and the instance that one call works on.

use std::cell::RefCell;
use std::sync::Arc;

use millrace_plan::{Error, Result};
use wasmi::{
    CompilationMode, Config, Engine, Func, FuncType, Instance, Memory, Module, Store, StoreLimits,
    StoreLimitsBuilder, TrapCode, Val, ValType,
};

/// Steps that one call may take; a function of plain numbers, for each row.
///
/// It is the same for a batch and for a row, so that which rows are refused does not depend on how rows fall into
/// batches: a batch that takes more is tried in halves, and a row that is refused takes more by itself.
pub const STEPS: u64 = 50_000_000;

/// Bytes of memory that one call may have.
pub const MEMORY_BYTES: usize = 64 << 20;

/// The export that allocates: `millrace_alloc(bytes: i32) -> i32`.
pub const ALLOC: &str = "millrace_alloc";

/// A module's bytes.
pub struct Image {
    bytes: Box<[u8]>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a module of {} bytes", self.bytes.len())
    }
}

fn engine() -> Engine {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .compilation_mode(CompilationMode::Eager)
        .ignore_custom_sections(true)
        .wasm_multi_memory(false)
        .wasm_tail_call(false);
    Engine::new(&config)
}

thread_local! {
    /// The modules that this thread has compiled: an engine shared between threads would be a lock.
    static COMPILED: RefCell<Vec<(Arc<Image>, Module)>> = const { RefCell::new(vec![]) };
}

impl Image {
    /// Takes a module that can be compiled and asks for nothing.
    pub fn new(bytes: &[u8]) -> Result<Arc<Image>> {
        let image = Arc::new(Image { bytes: bytes.into() });
        let module = image.module()?;
        if let Some(import) = module.imports().next() {
            return Err(Error::query(format!(
                "the module imports `{}` from `{}`",
                import.name(),
                import.module()
            ))
            .hint("a function can ask nothing of its surroundings: compile it for wasm32-unknown-unknown, without WASI"));
        }
        Ok(image)
    }

    /// The module as this thread has compiled it.
    pub fn module(self: &Arc<Image>) -> Result<Module> {
        COMPILED.with_borrow_mut(|compiled| {
            if let Some((_, module)) = compiled.iter().find(|(image, _)| Arc::ptr_eq(image, self)) {
                return Ok(module.clone());
            }
            let module = Module::new(&engine(), &self.bytes).map_err(|error| {
                Error::query(format!("not a WebAssembly module that can run: {error}"))
                    .hint("compile for WebAssembly 2.0 without SIMD, threads, 64-bit or several memories")
            })?;
            // What no plan holds any more will not be called again.
            compiled.retain(|(image, _)| Arc::strong_count(image) > 1);
            compiled.push((self.clone(), module.clone()));
            Ok(module)
        })
    }

    /// A new instance.
    pub fn guest<'a>(self: &Arc<Image>, function: &'a str) -> Result<Guest<'a>> {
        let module = self.module()?;
        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).trap_on_grow_failure(true);
        let mut store = Store::new(module.engine(), limits.build());
        store.limiter(|limits| limits);
        let mut guest = Guest { function, instance: None, memory: None, store };
        guest.refuel()?;
        let instance = Instance::new(&mut guest.store, &module, &[]).map_err(|error| guest.failed(&error))?;
        guest.memory = instance.get_memory(&guest.store, "memory");
        guest.instance = Some(instance);
        Ok(guest)
    }
}

/// An instance and what it may still use.
pub struct Guest<'a> {
    /// The function's name, for messages.
    function: &'a str,
    store: Store<StoreLimits>,
    instance: Option<Instance>,
    memory: Option<Memory>,
}

impl Guest<'_> {
    /// What is wrong with the data, by the function's name.
    pub fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::data(format!("{}: {what}", self.function))
    }

    fn failed(&self, error: &wasmi::Error) -> Error {
        match error.as_trap_code() {
            Some(TrapCode::OutOfFuel) => self.wrong(format!("it took more than {STEPS} steps")),
            Some(TrapCode::GrowthOperationLimited | TrapCode::OutOfSystemMemory) => {
                self.wrong(format!("it needs more than {} MiB of memory", MEMORY_BYTES >> 20))
            }
            Some(TrapCode::UnreachableCodeReached) => self.wrong("it gave up (`unreachable`)"),
            Some(trap) => self.wrong(trap.trap_message()),
            None => match error.to_string().contains("limiter") {
                true => self.wrong(format!("it needs more than {} MiB of memory", MEMORY_BYTES >> 20)),
                false => self.wrong(error),
            },
        }
    }

    /// Gives back the steps taken.
    pub fn refuel(&mut self) -> Result<()> {
        self.store.set_fuel(STEPS).map_err(|error| Error::bug(format!("steps of a function: {error}")))
    }

    /// An exported function.
    pub fn func(&self, name: &str) -> Result<Func> {
        let instance = self.instance.as_ref();
        let func = instance.and_then(|instance| instance.get_func(&self.store, name));
        func.ok_or_else(|| Error::bug(format!("export `{name}` is lost")))
    }

    /// Calls a function whose type is known to fit.
    pub fn call(&mut self, func: Func, args: &[Val], results: &mut [Val]) -> Result<()> {
        func.call(&mut self.store, args, results).map_err(|error| self.failed(&error))
    }

    /// Calls an export of addresses and counts that gives an address.
    pub fn call_address(&mut self, name: &str, args: &[u32]) -> Result<u32> {
        let func = self.func(name)?;
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(arg.cast_signed())).collect();
        let mut result = [Val::I32(0)];
        self.call(func, &args, &mut result)?;
        match result {
            [Val::I32(address)] => Ok(address.cast_unsigned()),
            _ => Err(Error::bug(format!("export `{name}` gave no address"))),
        }
    }

    /// The instance's memory.
    pub fn memory(&self) -> &[u8] {
        self.memory.as_ref().map_or(&[], |memory| memory.data(&self.store))
    }

    /// `len` bytes from an address, or what is wrong with it.
    pub fn read(&self, address: u32, len: usize) -> Result<&[u8]> {
        let start = address as usize;
        let bytes = start.checked_add(len).and_then(|end| self.memory().get(start..end));
        bytes.ok_or_else(|| self.wrong(format!("{len} bytes at address {address} are not in its memory")))
    }

    /// Room for `bytes` bytes that the guest has set aside, all zero or not, and its address: a multiple of 8.
    pub fn allocate(&mut self, bytes: usize) -> Result<(u32, &mut [u8])> {
        let too_large = || Error::data(format!("{bytes} bytes are more than a function can take"));
        let asked = u32::try_from(bytes).map_err(|_| too_large())?;
        let address = self.call_address(ALLOC, &[asked])?;
        let start = address as usize;
        if address % 8 != 0 || self.read(address, bytes).is_err() {
            return Err(self.wrong(format!(
                "{ALLOC}({bytes}) gave {address}, which is not a multiple of 8 within its memory"
            )));
        }
        let memory = self.memory.as_ref().map(|memory| memory.data_mut(&mut self.store));
        let room = memory.and_then(|memory| memory.get_mut(start..start + bytes));
        Ok((address, room.ok_or_else(|| Error::bug("a memory shrank"))?))
    }
}

/// The types that an exported function has: `(i32, i64) -> i64`.
pub fn shown(own: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(|own| name(*own)).collect::<Vec<_>>().join(", ");
    format!("({}) -> {}", list(own.params()), list(own.results()))
}

fn name(own: ValType) -> &'static str {
    match own {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        _ => "a reference",
    }
}
