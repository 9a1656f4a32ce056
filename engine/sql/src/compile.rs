//! A script, statement by statement: declares tables, binds queries, lowers them together.

mod functions;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::DFSchema;
use datafusion_expr::ExprSchemable;
use millrace_plan::{
    Changelog, EmitMode, Error, FunctionDef, Limits, Operator, Place, Plan, Result, TableDef, UserFunction,
};

use crate::bind::{Binder, Declared, DeclaredColumn, DeclaredWatermark, Tables, simplify};
use crate::catalog::nearest;
use crate::lower::{Demands, Insert, Strategy, check_columns, late_table, lower};
use crate::parse::{self, ColumnKind, CreateTable, Emit, Script, Statement};
use crate::types::sql_name;

/// What the planner must know of connectors and of user functions.
pub trait TableRules {
    /// Fails if the table's options are not what its connector and format understand.
    fn check(&self, table: &TableDef) -> Result<()>;

    /// The row kinds that the table sends when it is read: new rows only, unless its format has changes.
    fn source_changelog(&self, table: &TableDef) -> Result<Changelog> {
        let _ = table;
        Ok(Changelog::Append)
    }

    /// Fails if the table cannot be read.
    fn check_source(&self, table: &TableDef) -> Result<()>;

    /// Fails if the table promises nothing of the times of its rows, not even by ending.
    fn check_source_watermark(&self, table: &TableDef) -> Result<()> {
        let _ = table;
        Ok(())
    }

    /// Fails if the table cannot be read to its end whenever a run begins.
    fn check_lookup(&self, table: &TableDef) -> Result<()>;

    /// True if a reader of the table may stop holding event time back before the table ends.
    fn may_fall_idle(&self, table: &TableDef) -> Result<bool> {
        let _ = table;
        Ok(false)
    }

    /// Fails if the table cannot be written; `changes` = rows with `-U`, `+U`, `-D` will come.
    fn check_sink(&self, table: &TableDef, changes: bool) -> Result<()>;

    /// The functions that a script may call without declaring them.
    fn functions(&self) -> &[UserFunction] {
        &[]
    }

    /// The function that CREATE FUNCTION declares; fails if there is none, or none that can be called.
    fn load_function(&self, def: &FunctionDef) -> Result<UserFunction> {
        Err(Error::query(format!("function `{}` cannot be loaded here: there are no files", def.name)))
    }
}

/// What to compile, and for what.
pub struct Request<'a> {
    /// The script.
    pub sql: &'a str,
    /// Shards that will run it.
    pub shards: usize,
    /// Bounds on the text.
    pub limits: &'a Limits,
    /// The connectors' rules.
    pub rules: &'a dyn TableRules,
    /// The options of the table that a bare SELECT writes to.
    pub stdout: BTreeMap<String, String>,
    /// Rows of each sink meet on one shard, which sorts them.
    pub ordered: bool,
}

/// What SET statements asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `table.exec.mini-batch.allow-latency`: how long changes are collected, in milliseconds.
    pub emit_interval_ms: Option<u64>,
    /// `table.exec.state.ttl`: how long state without an end of its own is kept, in milliseconds; 0 = for ever.
    pub state_ttl_ms: Option<u64>,
    /// `pipeline.name`.
    pub pipeline_name: Option<String>,
    /// `table.optimizer.agg-phase-strategy` = `ONE_PHASE`: rows go to the owner of their group.
    pub one_phase: bool,
    /// `table.exec.source.cdc-events-duplicate` = `true`: sources may send a change twice.
    pub duplicates: bool,
    /// `table.exec.emit.allow-lateness`: how long windows that were sent take rows, in milliseconds.
    pub lateness_ms: i64,
    /// `table.exec.sink.not-null-enforcer` = `DROP`: a row with NULL for a NOT NULL column is left out.
    pub drops_nulls: bool,
    /// `table.exec.sink.type-length-enforcer` = `TRIM_PAD`: values get the length of their column.
    pub trims_and_pads: bool,
}

/// A compiled script.
#[derive(Debug)]
pub struct Compiled {
    /// What every shard runs.
    pub plan: Plan,
    /// What SET statements asked for.
    pub settings: Settings,
    /// What the user should know but need not change.
    pub warnings: Vec<String>,
}

/// Compiles a script. A script without INSERT or SELECT compiles to an empty plan.
pub fn compile(request: &Request) -> Result<Compiled> {
    let script = parse::parse(request.sql, request.limits)?;
    let mut session = Session {
        request,
        tables: Tables::default(),
        inserts: vec![],
        settings: Settings::default(),
        warnings: vec![],
    };
    session.own_functions()?;
    session.run(script)?;
    let Session { tables, inserts, settings, mut warnings, .. } = session;
    let places: Vec<(String, Option<Place>)> =
        inserts.iter().map(|insert| (insert.table.name.clone(), insert.place)).collect();
    let strategy = Strategy {
        shards: request.shards,
        ordered: request.ordered,
        one_phase: settings.one_phase,
        duplicates: settings.duplicates,
        state_ttl_ms: settings.state_ttl_ms,
        lateness_ms: settings.lateness_ms,
    };
    let late = late_table::declared(&tables, |table| request.rules.may_fall_idle(table))?;
    let plan = lower(inserts, strategy, late.clone())?;
    check_plan(&plan, request.rules, &tables, &places)?;
    warnings.extend(late_table::warnings(&plan, &late));
    Ok(Compiled { plan, settings, warnings })
}

fn check_plan(
    plan: &Plan,
    rules: &dyn TableRules,
    tables: &Tables,
    places: &[(String, Option<Place>)],
) -> Result<()> {
    for node in &plan.nodes {
        match &node.operator {
            Operator::Source { table, lookup, .. } => {
                let declared = tables.tables.get(&table.name);
                let place = declared.and_then(|declared| declared.place);
                rules.check_source(table).map_err(|error| error.at(place))?;
                if *lookup {
                    rules.check_lookup(table).map_err(|error| error.at(place))?;
                }
                let watermark = declared.and_then(|declared| declared.watermark.as_ref());
                if let Some((_, DeclaredWatermark::Source)) = watermark {
                    rules.check_source_watermark(table).map_err(|error| error.at(place))?;
                }
            }
            Operator::Sink { table } => {
                let changes = node.changelog == Changelog::Retract;
                let written =
                    places.iter().find(|(name, _)| *name == table.name).and_then(|(_, place)| *place);
                let declared = tables.tables.get(&table.name).and_then(|declared| declared.place);
                let place = written.or(declared);
                rules.check_sink(table, changes).map_err(|error| error.at(place))?;
            }
            _ => {}
        }
    }
    Ok(())
}

struct Session<'a> {
    request: &'a Request<'a>,
    tables: Tables,
    inserts: Vec<Insert>,
    settings: Settings,
    warnings: Vec<String>,
}

impl Session<'_> {
    fn run(&mut self, script: Script) -> Result<()> {
        for statement in script.statements {
            match statement {
                Statement::CreateTable(create) => self.create_table(create)?,
                Statement::CreateView(view) => {
                    self.free_name(&view.name, view.place)?;
                    let plan = Binder::new(&self.tables).query(&view.query, view.place)?;
                    let plan = named(plan, &view.columns, view.place)?;
                    self.tables.views.insert(view.name, plan);
                }
                Statement::CreateFunction(create) => self.create_function(create)?,
                Statement::DropFunction(drop) => self.drop_function(&drop)?,
                Statement::Insert(insert) => {
                    let table = self.sink(&insert.table, insert.place)?;
                    self.insert(insert, table)?;
                }
                Statement::Query(query) => self.bare_query(query)?,
                Statement::Set(set) => self.set(&set.key, &set.value, set.place)?,
            }
        }
        Ok(())
    }

    fn free_name(&self, name: &str, place: Option<Place>) -> Result<()> {
        match self.tables.contains(name) {
            false => Ok(()),
            true => Err(Error::query(format!("`{name}` is declared twice"))
                .hint("give one of them another name")
                .at(place)),
        }
    }

    fn create_table(&mut self, create: CreateTable) -> Result<()> {
        if create.if_not_exists && self.tables.contains(&create.name) {
            return Ok(());
        }
        self.free_name(&create.name, create.place)?;
        let declared = declare(&self.tables, &create, self.request.rules)?;
        self.tables.tables.insert(create.name, Arc::new(declared));
        Ok(())
    }

    fn sink(&self, name: &str, place: Option<Place>) -> Result<Arc<TableDef>> {
        if let Some(declared) = self.tables.tables.get(name) {
            return Ok(declared.def.clone());
        }
        let unknown = match self.tables.views.contains_key(name) {
            true => Error::query(format!("`{name}` is a view: nothing can be inserted into it")),
            false => Error::query(format!("unknown table `{name}`")),
        };
        let unknown = unknown.at(place);
        Err(match nearest(name, self.tables.tables.keys().map(String::as_str)) {
            Some(found) => unknown.hint(format!("did you mean `{found}`?")),
            None => unknown.hint("declare it first with CREATE TABLE"),
        })
    }

    fn insert(&mut self, insert: parse::Insert, table: Arc<TableDef>) -> Result<()> {
        let parse::Insert { query, columns, emit, ttls, place, .. } = insert;
        let bound = Binder::new(&self.tables).query(&query, place)?;
        let columns = check_columns(&table, &columns, &bound, place)?;
        let query = simplify(bound, place)?;
        let emit = self.emit_mode(emit, place)?;
        let demands = self.demands(&table);
        self.inserts.push(Insert { query, table, columns, demands, emit, ttls, place });
        Ok(())
    }

    fn demands(&self, table: &TableDef) -> Demands {
        let declared = self.tables.tables.get(&table.name).filter(|_| self.settings.trims_and_pads);
        let lengths = declared.map_or(vec![], |declared| declared.lengths.clone());
        Demands { lengths, drops_nulls: self.settings.drops_nulls }
    }

    /// A SELECT outside INSERT prints its rows.
    fn bare_query(&mut self, query: parse::Query) -> Result<()> {
        let parse::Query { query, emit, ttls, place } = query;
        let bound = Binder::new(&self.tables).query(&query, place)?;
        // A result has no NOT NULL to violate: a join may send NULL first and take it back.
        let fields = bound.schema().fields().iter();
        let fields: Vec<FieldRef> =
            fields.map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        let table = Arc::new(TableDef {
            name: "stdout".into(),
            schema: Arc::new(Schema::new(fields)),
            metadata: vec![],
            primary_key: vec![],
            options: self.request.stdout.clone(),
        });
        let (name, columns) = (table.name.clone(), vec![]);
        self.insert(parse::Insert { table: name, columns, query, emit, ttls, place }, table)
    }

    fn emit_mode(&mut self, emit: Option<Emit>, place: Option<Place>) -> Result<Option<EmitMode>> {
        Ok(match emit {
            None => None,
            Some(Emit::Final) => Some(EmitMode::Final),
            Some(Emit::Changes { every_ms }) => {
                if let Some(every) = every_ms {
                    if self.settings.emit_interval_ms.is_some_and(|own| own != every) {
                        return Err(Error::query("two different intervals for EMIT CHANGES in one script")
                            .hint("use one interval, or run two pipelines")
                            .at(place));
                    }
                    self.settings.emit_interval_ms = Some(every);
                }
                Some(EmitMode::Changes)
            }
        })
    }

    fn set(&mut self, key: &str, value: &str, place: Option<Place>) -> Result<()> {
        match key {
            "table.exec.mini-batch.allow-latency" => {
                let every = parse::duration(value).map_err(|error| error.at(place))?;
                self.settings.emit_interval_ms = Some(every);
            }
            "table.exec.state.ttl" => {
                let ttl = parse::duration(value).map_err(|error| error.at(place))?;
                self.settings.state_ttl_ms = Some(ttl);
            }
            "table.exec.emit.allow-lateness" => {
                let length = millrace_plan::duration_ms(value).and_then(|own| i64::try_from(own).ok());
                self.settings.lateness_ms = length.ok_or_else(|| {
                    Error::query(format!("'{value}' is not a duration"))
                        .hint("write a number and a unit, as in '5 s'")
                        .at(place)
                })?;
            }
            "table.optimizer.agg-phase-strategy" => {
                self.settings.one_phase = choice(key, value, &["ONE_PHASE"], &["AUTO", "TWO_PHASE"], place)?;
            }
            "table.exec.source.cdc-events-duplicate" => {
                self.settings.duplicates = choice(key, value, &["true"], &["false"], place)?;
            }
            "table.exec.sink.not-null-enforcer" => {
                self.settings.drops_nulls = choice(key, value, &["DROP"], &["ERROR"], place)?;
            }
            "table.exec.sink.type-length-enforcer" => {
                self.settings.trims_and_pads = choice(key, value, &["TRIM_PAD"], &["IGNORE"], place)?;
            }
            "pipeline.name" => self.settings.pipeline_name = Some(value.to_string()),
            "table.local-time-zone" if !matches!(value, "UTC" | "Etc/UTC" | "Z") => {
                return Err(Error::query(format!("table.local-time-zone '{value}' is not supported"))
                    .hint("Millrace computes in UTC; convert with CONVERT_TZ")
                    .at(place));
            }
            _ if FLINK_SETTINGS.iter().any(|prefix| key.starts_with(prefix)) => {
                self.warnings.push(format!("SET '{key}' has no effect in Millrace"));
            }
            _ => {
                return Err(Error::query(format!("unknown setting '{key}'"))
                    .hint("Millrace reads 'table.exec.mini-batch.allow-latency', 'table.exec.state.ttl', 'table.optimizer.agg-phase-strategy', \
                           'table.exec.emit.allow-lateness', 'table.exec.source.cdc-events-duplicate', 'table.exec.sink.not-null-enforcer', \
                           'table.exec.sink.type-length-enforcer' and 'pipeline.name'")
                    .at(place));
            }
        }
        Ok(())
    }
}

/// True if a setting's value is one of `yes`, false if it is one of `no`.
fn choice(key: &str, value: &str, yes: &[&str], no: &[&str], place: Option<Place>) -> Result<bool> {
    let is_in = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(value));
    match (is_in(yes), is_in(no)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Error::query(format!("'{key}' = '{value}' is not supported"))
            .hint(format!("write {} or {}", no.join(", "), yes.join(", ")))
            .at(place)),
    }
}

/// Settings that a script may carry for Flink's sake.
const FLINK_SETTINGS: [&str; 9] = [
    "__table.",
    "table.",
    "execution.",
    "pipeline.",
    "sql-client.",
    "parallelism.",
    "state.",
    "restart-strategy",
    "taskmanager.",
];

fn named(
    plan: datafusion_expr::LogicalPlan,
    columns: &[String],
    place: Option<Place>,
) -> Result<datafusion_expr::LogicalPlan> {
    use datafusion_expr::{Expr, LogicalPlanBuilder};
    if columns.is_empty() {
        return Ok(plan);
    }
    if columns.len() != plan.schema().fields().len() {
        return Err(Error::query(format!(
            "the view names {} columns, but its query has {}",
            columns.len(),
            plan.schema().fields().len()
        ))
        .at(place));
    }
    let exprs: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .zip(columns)
        .map(|(c, name)| Expr::Column(c).alias(name))
        .collect();
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(|builder| builder.build())
        .map_err(|error| crate::bind::explain_error(&error, place))
}

/// What a CREATE TABLE declares.
fn declare(tables: &Tables, create: &CreateTable, rules: &dyn TableRules) -> Result<Declared> {
    let mut physical: Vec<FieldRef> = vec![];
    let mut metadata: Vec<(String, FieldRef)> = vec![];
    let mut lengths = vec![];
    for column in &create.columns {
        let duplicate = create.columns.iter().filter(|other| other.name == column.name).count() > 1;
        if duplicate {
            return Err(Error::query(format!("column `{}` is declared twice", column.name)).at(column.place));
        }
        let field =
            |data_type: &DataType| Arc::new(Field::new(&column.name, data_type.clone(), !column.not_null));
        match (&column.kind, &column.data_type) {
            (ColumnKind::Physical, Some(data_type)) => {
                physical.push(field(data_type));
                lengths.push(column.length);
            }
            (ColumnKind::Metadata { key, .. }, Some(data_type)) => {
                metadata.push((key.clone(), field(data_type)));
            }
            (ColumnKind::Computed(_), _) => {}
            (_, None) => {
                return Err(Error::query(format!("column `{}` has no type", column.name)).at(column.place));
            }
        }
    }
    let primary_key = primary_key(create, &physical)?;
    let def = Arc::new(TableDef {
        name: create.name.clone(),
        schema: Arc::new(Schema::new(physical.clone())),
        metadata: metadata.clone(),
        primary_key,
        options: create.options.clone(),
    });
    let stored: Vec<FieldRef> =
        physical.into_iter().chain(metadata.into_iter().map(|(_, field)| field)).collect();
    let (schema, columns) = columns(tables, create, &stored)?;
    let watermark = watermark(tables, create, &schema, &columns)?;
    let changelog = rules.check(&def).and_then(|()| rules.source_changelog(&def));
    let changelog = changelog.map_err(|error| error.at(create.place))?;
    let (schema, place) = (Arc::new(schema), create.place);
    Ok(Declared { def, lengths, schema, columns, changelog, watermark, place })
}

fn primary_key(create: &CreateTable, physical: &[FieldRef]) -> Result<Vec<usize>> {
    let find = |name: &String| {
        physical.iter().position(|field| field.name() == name).ok_or_else(|| {
            Error::query(format!("PRIMARY KEY names `{name}`, which is not a physical column"))
                .at(create.place)
        })
    };
    create.primary_key.iter().map(find).collect()
}

fn names_of(fields: &[FieldRef], place: Option<Place>) -> Result<DFSchema> {
    DFSchema::new_with_metadata(
        fields.iter().map(|field| (None, field.clone())).collect(),
        Default::default(),
    )
    .map_err(|error| crate::bind::explain_error(&error, place))
}

fn columns(
    tables: &Tables,
    create: &CreateTable,
    stored: &[FieldRef],
) -> Result<(Schema, Vec<DeclaredColumn>)> {
    let names = names_of(stored, create.place)?;
    let (mut fields, mut columns) = (vec![], vec![]);
    for column in &create.columns {
        match &column.kind {
            ColumnKind::Computed(expr) => {
                let expr = Binder::new(tables).scalar(expr, &names, column.place)?;
                let data_type = expr
                    .get_type(&names)
                    .map_err(|error| crate::bind::explain_error(&error, column.place))?;
                fields.push(Arc::new(Field::new(&column.name, data_type, true)));
                columns.push(DeclaredColumn::Computed(expr));
            }
            _ => {
                let found = stored.iter().position(|field| *field.name() == column.name);
                let position = found.ok_or_else(|| Error::bug(format!("lost column {}", column.name)))?;
                fields.push(stored[position].clone());
                columns.push(DeclaredColumn::Stored(position));
            }
        }
    }
    Ok((Schema::new(fields), columns))
}

fn watermark(
    tables: &Tables,
    create: &CreateTable,
    schema: &Schema,
    columns: &[DeclaredColumn],
) -> Result<Option<(usize, DeclaredWatermark)>> {
    let Some(watermark) = &create.watermark else { return Ok(None) };
    let unknown = || {
        let error = Error::query(format!("WATERMARK FOR names an unknown column `{}`", watermark.column));
        let error = error.at(watermark.place);
        match nearest(&watermark.column, schema.fields().iter().map(|field| field.name().as_str())) {
            Some(found) => error.hint(format!("did you mean `{found}`?")),
            None => error,
        }
    };
    let position =
        schema.fields().iter().position(|field| *field.name() == watermark.column).ok_or_else(unknown)?;
    let data_type = schema.field(position).data_type();
    if !matches!(data_type, DataType::Timestamp(..)) {
        return Err(Error::query(format!(
            "WATERMARK FOR `{}`: the column is {}, not a timestamp",
            watermark.column,
            sql_name(data_type)
        ))
        .hint(format!("add a computed column: `row_time` AS TO_TIMESTAMP(`{}`)", watermark.column))
        .at(watermark.place));
    }
    if columns[position].is_processing_time() {
        return Err(Error::query(format!("WATERMARK FOR `{}`, which is processing time", watermark.column))
            .hint("leave WATERMARK out: windows by PROCTIME() follow the clock")
            .at(watermark.place));
    }
    if watermark.is_of_source() {
        return Ok(Some((position, DeclaredWatermark::Source)));
    }
    let fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let names = names_of(&fields, create.place)?;
    let expr = Binder::new(tables).scalar(&watermark.expr, &names, watermark.place)?;
    let result =
        expr.get_type(&names).map_err(|error| crate::bind::explain_error(&error, watermark.place))?;
    if !matches!(result, DataType::Timestamp(..)) {
        return Err(Error::query(format!("the watermark is {}, not a timestamp", sql_name(&result)))
            .hint(format!("write `{0}` - INTERVAL '5' SECOND", watermark.column))
            .at(watermark.place));
    }
    Ok(Some((position, DeclaredWatermark::Expr(expr))))
}
