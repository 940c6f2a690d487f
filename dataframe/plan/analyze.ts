import { assertNever } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { formatType, type Schema, sameType } from '../column/datatype.js';
import { coerce, commonType, unify } from '../expr/functions.js';
import { columnNotFound } from '../expr/nearest.js';
import type { ExprNode } from '../expr/node.js';
import { conjunction } from '../expr/traverse.js';
import { condition, scopeOf, typeExpr } from '../expr/typing.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import type { NamedExpr, SortKey } from '../physical/fragment.js';
import { aggregateExprs } from './aggregate.js';
import { analyzeJoin } from './join.js';
import type { MemoryTable } from './memory-table.js';
import {
  aggregatePlan,
  columnNode,
  concatPlan,
  filterPlan,
  limitPlan,
  memoryPlan,
  type Plan,
  pickColumns,
  projectPlan,
  scanPlan,
  sortPlan,
  tailPlan,
} from './plan.js';
import { analyzeSelect, analyzeWithColumns, checkNames, expand, refuseAggregate } from './select.js';
import type { SortBy, Verb } from './verb.js';

/** What was found out about every source of the tree. */
export interface Sources {
  readonly scans: ReadonlyMap<ScanSpec, ScanInspection>;
  readonly tables: ReadonlyMap<MemoryTable, Schema>;
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
      return analyzeGroupBy(visit(verb.input), verb.keys, verb.exprs);
    case 'join':
      return analyzeJoin(verb, visit(verb.left), visit(verb.right));
    case 'sort':
      return analyzeSort(visit(verb.input), verb.by, verb.limit);
    case 'limit':
      return limitPlan(visit(verb.input), verb.n, verb.offset);
    case 'tail':
      return tailPlan(visit(verb.input), verb.n);
    case 'concat':
      return analyzeConcat(verb.inputs.map(visit));
    case 'unique':
      return analyzeUnique(visit(verb.input), verb.on, verb.keep);
    case 'fillNull':
      return analyzeFillNull(visit(verb.input), verb.value);
    case 'dropNulls': {
      const input = visit(verb.input);
      requireColumns(verb.names, input.schema, 'dropNulls');
      const names = verb.names.length > 0 ? verb.names : input.schema.map(f => f.name);
      const present = names.map(
        (name): ExprNode => ({ kind: 'call', fn: 'isNotNull', args: [columnNode(name)] }),
      );
      const predicate = conjunction(present);
      return predicate === null ? input : filterPlan(input, predicate);
    }
    default:
      return assertNever(verb);
  }
}

function requireColumns(names: readonly string[], schema: Schema, where: string): void {
  for (const name of names) {
    if (!schema.some(f => f.name === name)) throw columnNotFound(name, schema, where);
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
  return scanPlan({ ...scan, schema }, inspection.splits);
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

function analyzeGroupBy(input: Plan, keyExprs: readonly ExprNode[], exprs: readonly ExprNode[]): Plan {
  const keys = expand(keyExprs, input.schema, 'groupBy');
  for (const key of keys) refuseAggregate(key.expr, 'groupBy');
  const keyNames = new Set(keys.map(k => k.name));
  const rest = input.schema.filter(f => !keyNames.has(f.name));
  const outputs = expand(exprs, rest, 'agg');
  checkNames([...keyNames, ...outputs.map(o => o.name)], 'agg');
  checkNames(
    keys.map(k => k.name),
    'groupBy',
  );
  return aggregateExprs(input, keys, outputs, 'agg');
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
  return pickColumns(sortPlan(source, keys, limit), names);
}

function analyzeConcat(inputs: readonly Plan[]): Plan {
  const [first, ...others] = inputs;
  if (first === undefined) throw new VolleyError('INVALID_ARGUMENT', 'concat needs at least one frame');
  const names = first.schema.map(f => f.name);
  const types = first.schema.map(f => f.type);
  others.forEach((other, i) => {
    const otherNames = other.schema.map(f => f.name);
    if (names.length !== otherNames.length || names.some((n, k) => n !== otherNames[k])) {
      throw new VolleyError(
        'TYPE_MISMATCH',
        `concat: frame ${i + 2} has the columns [${otherNames.join(', ')}], the first has [${names.join(', ')}]. Select the same names in the same order first.`,
      );
    }
    other.schema.forEach((field, k) => {
      const common = commonType(types[k]!, field.type);
      if (common === null) {
        throw new VolleyError(
          'TYPE_MISMATCH',
          `concat: ${JSON.stringify(field.name)} is ${formatType(types[k]!)} in one frame and ${formatType(field.type)} in frame ${i + 2}. Cast one with withColumns(col(${JSON.stringify(field.name)}).cast(…)).`,
          { column: field.name },
        );
      }
      types[k] = common;
    });
  });
  return concatPlan(inputs.map(input => castColumns(input, (name, k) => ({ name, type: types[k]! }))));
}

function castColumns(input: Plan, target: (name: string, position: number) => Schema[number]): Plan {
  const wanted = input.schema.map((f, k) => target(f.name, k).type);
  if (input.schema.every((f, k) => sameType(f.type, wanted[k]!))) return input;
  return projectPlan(
    input,
    input.schema.map(({ name, type }, k) => ({
      name,
      expr: coerce({ node: columnNode(name), type }, wanted[k]!).node,
    })),
  );
}

function analyzeUnique(input: Plan, on: readonly string[] | null, keep: 'first' | 'last' | 'any'): Plan {
  const names = input.schema.map(f => f.name);
  const keys = on ?? names;
  requireColumns(keys, input.schema, 'unique');
  checkNames(keys, 'unique');
  const op = keep === 'last' ? 'last' : 'first';
  const rest = names.filter(n => !keys.includes(n));
  const specs = rest.map(name => ({ name, op, column: name, filter: null }) as const);
  return pickColumns(aggregatePlan(input, keys, specs), names);
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
