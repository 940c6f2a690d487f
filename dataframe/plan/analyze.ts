import { assertNever } from '../../core/base/assert.js';
import { DataType, type Schema } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { coerce, isFloat, unify } from '../expr/operands.js';
import { caseBranch, conjunction } from '../expr/traverse.js';
import { condition, scopeOf, typeExpr } from '../expr/typing.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import type { NamedExpr, SortKey } from '../physical/fragment.js';
import { aggregateExprs } from './aggregate.js';
import { refuseNestedKeys, requireColumns } from './checks.js';
import { analyzeConcat } from './concat.js';
import { analyzeJoin } from './join.js';
import type { MemoryTable } from './memory-table.js';
import {
  aggregatePlan,
  columnNode,
  filterPlan,
  limitPlan,
  memoryPlan,
  numberPlan,
  type Plan,
  pickColumns,
  projectPlan,
  scanPlan,
  sortPlan,
  tailPlan,
} from './plan.js';
import { analyzeDescribe, analyzeExplode, analyzePivot, analyzeUnpivot, type PivotValue } from './reshape.js';
import { analyzeSelect, analyzeWithColumns, checkNames, expand, refuseAggregate } from './select.js';
import type { SortBy, Verb } from './verb.js';

/** What was found out about every source of the tree. */
export interface Sources {
  readonly scans: ReadonlyMap<ScanSpec, ScanInspection>;
  readonly tables: ReadonlyMap<MemoryTable, Schema>;
  /** What the columns of pivots are made of. */
  readonly pivots: ReadonlyMap<Verb, readonly PivotValue[]>;
}

/** Resolves names and types of a whole tree of verbs. Throws what the user is to see. */
export function analyze(verb: Verb, sources: Sources): Plan {
  const visit = (v: Verb) => analyze(v, sources);
  switch (verb.kind) {
    case 'scan':
      return analyzeScan(verb.scan, sources);
    case 'memory':
      return analyzeMemory(verb.table, sources);
    case 'filter': {
      const input = visit(verb.input);
      refuseAggregate(verb.predicate, 'filter');
      return filterPlan(input, condition(verb.predicate, scopeOf(input.schema, 'filter'), 'filter'));
    }
    case 'select':
      return analyzeSelect(visit(verb.input), verb.exprs);
    case 'withColumns':
      return analyzeWithColumns(visit(verb.input), verb.exprs);
    case 'drop': {
      const input = visit(verb.input);
      requireColumns(verb.names, input.schema, 'drop');
      return pickColumns(
        input,
        input.schema.map(f => f.name).filter(n => !verb.names.includes(n)),
      );
    }
    case 'rename':
      return analyzeRename(visit(verb.input), verb.names);
    case 'groupBy':
      return analyzeGroupBy(verb, visit(verb.input));
    case 'join':
      return analyzeJoin(verb, visit(verb.left), visit(verb.right));
    case 'sort':
      return analyzeSort(visit(verb.input), verb.by, verb.limit);
    case 'limit':
      return limitPlan(visit(verb.input), verb.n, verb.offset);
    case 'tail':
      return tailPlan(visit(verb.input), verb.n);
    case 'concat':
      return analyzeConcat(verb.inputs.map(visit), verb.how);
    case 'unique':
      return analyzeUnique(verb, visit(verb.input));
    case 'fillNull':
      return analyzeFillNull(visit(verb.input), verb.value);
    case 'fillNan':
      return analyzeFillNan(visit(verb.input), verb.value);
    case 'explode':
      return analyzeExplode(verb, visit(verb.input));
    case 'unpivot':
      return analyzeUnpivot(verb, visit(verb.input));
    case 'pivot':
      return analyzePivot(verb, visit(verb.input), sources.pivots.get(verb) ?? []);
    case 'describe':
      return analyzeDescribe(visit(verb.input));
    case 'sample': {
      const input = visit(verb.input);
      const { n, fraction, seed } = verb;
      return { kind: 'sample', input, n, fraction, seed, schema: input.schema };
    }
    case 'repartition': {
      const input = visit(verb.input);
      const { n, by } = verb;
      requireColumns(by, input.schema, 'repartition');
      return { kind: 'repartition', input, n, by, schema: input.schema };
    }
    case 'dropNulls':
      return analyzeDropNulls(visit(verb.input), verb.names);
    default:
      return assertNever(verb);
  }
}

function analyzeScan(scan: ScanSpec, sources: Sources): Plan {
  const inspection = sources.scans.get(scan);
  if (inspection === undefined) throw new Error(`volley bug: ${scan.paths[0]} was not inspected`);
  const { schema } = inspection;
  checkNames(
    schema.map(f => f.name),
    `${scan.format} file ${scan.paths[0] ?? ''}`,
  );
  if (scan.columns !== null) {
    requireColumns(scan.columns, schema, `scan of ${scan.paths[0] ?? ''}`);
    checkNames(scan.columns, 'scan columns');
  }
  const hive = scan.hive && { ...scan.hive, found: inspection.hive ?? null };
  return scanPlan({ ...scan, schema, ...(hive && { hive }) }, inspection.splits);
}

function analyzeMemory(table: MemoryTable, sources: Sources): Plan {
  const schema = sources.tables.get(table);
  if (schema === undefined) throw new Error(`volley bug: the schema of ${table.name} was not asked for`);
  return memoryPlan(table, schema, null);
}

function analyzeRename(input: Plan, names: ReadonlyMap<string, string>): Plan {
  requireColumns([...names.keys()], input.schema, 'rename');
  const columns = input.schema.map(f => ({ name: names.get(f.name) ?? f.name, expr: columnNode(f.name) }));
  checkNames(
    columns.map(c => c.name),
    'rename',
  );
  return projectPlan(input, columns);
}

/** Names no user column has. */
const COUNT = '\u0000count';
const ORDER = '\u0000order';

function analyzeGroupBy(verb: Extract<Verb, { kind: 'groupBy' }>, input: Plan): Plan {
  const keys = expand(verb.keys, input.schema, 'groupBy');
  for (const key of keys) refuseAggregate(key.expr, 'groupBy');
  const keyNames = new Set(keys.map(k => k.name));
  const rest = input.schema.filter(f => !keyNames.has(f.name));
  const outputs = expand(verb.exprs, rest, 'agg');
  checkNames([...keyNames, ...outputs.map(o => o.name)], 'agg');
  checkNames(
    keys.map(k => k.name),
    'groupBy',
  );
  if (!verb.maintainOrder) return aggregateExprs(input, keys, outputs, 'agg');
  const order: ExprNode = { kind: 'aggregate', op: 'min', input: columnNode(ORDER), filter: null };
  const numbered = numberPlan(input, ORDER);
  const grouped = aggregateExprs(numbered, keys, [...outputs, { name: ORDER, expr: order }], 'agg');
  const by = [{ column: ORDER, descending: false, nullsLast: true }];
  return pickColumns(
    sortPlan(grouped, by),
    grouped.schema.map(f => f.name).filter(name => name !== ORDER),
  );
}

function analyzeSort(input: Plan, by: readonly SortBy[], limit: number | null): Plan {
  const scope = scopeOf(input.schema, 'sort');
  const computed: NamedExpr[] = [];
  const keys = by.map(({ expr, descending, nullsLast }, i): SortKey => {
    refuseAggregate(expr, 'sort');
    const { node } = typeExpr(expr, scope);
    const name = node.kind === 'column' ? node.name : `__sort${i}`;
    if (node.kind !== 'column') computed.push({ name, expr: node });
    return { column: name, descending, nullsLast: nullsLast ?? !descending };
  });
  const names = input.schema.map(f => f.name);
  const own = names.map(name => ({ name, expr: columnNode(name) }));
  const source = computed.length === 0 ? input : projectPlan(input, [...own, ...computed]);
  refuseNestedKeys(
    keys.map(key => key.column),
    source.schema,
    'sort',
  );
  return pickColumns(sortPlan(source, keys, limit), names);
}

function analyzeUnique({ on, keep }: Extract<Verb, { kind: 'unique' }>, input: Plan): Plan {
  const names = input.schema.map(f => f.name);
  const keys = on ?? names;
  requireColumns(keys, input.schema, 'unique');
  checkNames(keys, 'unique');
  refuseNestedKeys(keys, input.schema, 'unique');
  const op = keep === 'last' ? 'last' : 'first';
  const rest = names.filter(n => !keys.includes(n));
  const specs = rest.map(name => ({ name, op, column: name, filter: null }) as const);
  if (keep !== 'none') return pickColumns(aggregatePlan(input, keys, specs), names);
  const count = { name: COUNT, op: 'len', column: null, filter: null } as const;
  const one: ExprNode = { kind: 'literal', value: 1, type: DataType.Int64 };
  const alone: ExprNode = { kind: 'call', fn: 'eq', args: [columnNode(COUNT), one] };
  return pickColumns(filterPlan(aggregatePlan(input, keys, [...specs, count]), alone), names);
}

function analyzeFillNull(input: Plan, value: ExprNode): Plan {
  const typed = typeExpr(value, scopeOf(input.schema, 'fillNull'));
  const columns = input.schema.map(({ name, type }) => {
    const column = { node: columnNode(name), type };
    const filled = unify([column, typed]);
    if (filled === null || type.kind === 'null') return { name, expr: column.node };
    return { name, expr: { kind: 'call', fn: 'coalesce', args: filled.map(f => f.node) } as ExprNode };
  });
  return projectPlan(input, columns);
}

function analyzeDropNulls(input: Plan, given: readonly string[]): Plan {
  requireColumns(given, input.schema, 'dropNulls');
  const names = given.length > 0 ? given : input.schema.map(f => f.name);
  const present = names.map(
    (name): ExprNode => ({ kind: 'call', fn: 'isNotNull', args: [columnNode(name)] }),
  );
  const predicate = conjunction(present);
  return predicate === null ? input : filterPlan(input, predicate);
}

function analyzeFillNan(input: Plan, value: ExprNode): Plan {
  const typed = typeExpr(value, scopeOf(input.schema, 'fillNan'));
  const columns = input.schema.map(({ name, type }) => {
    const column = columnNode(name);
    if (!isFloat(type)) return { name, expr: column };
    const test: ExprNode = { kind: 'call', fn: 'isNaN', args: [column] };
    const expr: ExprNode = {
      kind: 'case',
      branches: [caseBranch(test, coerce(typed, type).node)],
      otherwise: column,
    };
    return { name, expr };
  });
  return projectPlan(input, columns);
}
