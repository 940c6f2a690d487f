import type { DataType, Schema } from '../column/datatype.js';
import { sameType } from '../column/datatype.js';
import type { ExprNode, LiteralValue } from '../expr/node.js';
import type { ColumnStatistics } from './source.js';

export type Bound = number | string | boolean | bigint;
type Comparison = 'eq' | 'neq' | 'lt' | 'ltEq' | 'gt' | 'gtEq';

/** What is known of a column's values; `lacks`: true for a value that is surely not among them. */
type KnownValues = ColumnStatistics & { readonly lacks?: (value: Bound) => boolean };

interface Facts {
  readonly schema: Schema;
  readonly statistics: Readonly<Record<string, KnownValues>>;
  readonly rows: number;
}

/**
 * False only when `predicate` cannot be true for any row of these statistics. What it does not understand, missing
 * statistics and possible NaN count as "may be true", so leaving out what is false never changes an answer.
 */
export function mayMatch(
  predicate: ExprNode | null,
  schema: Schema,
  statistics: Readonly<Record<string, KnownValues>>,
  rows: number,
): boolean {
  return predicate === null || possible(predicate, { schema, statistics, rows });
}

function possible(node: ExprNode, facts: Facts): boolean {
  if (node.kind === 'alias') {
    return possible(node.input, facts);
  }
  if (node.kind === 'literal') {
    return node.value !== false && node.value !== null;
  }
  if (node.kind !== 'call') {
    return true;
  }
  const [a, b, c] = node.args;
  switch (node.fn) {
    case 'and':
      return node.args.every(arg => possible(arg, facts));
    case 'or':
      return node.args.some(arg => possible(arg, facts));
    case 'eq':
    case 'neq':
    case 'lt':
    case 'ltEq':
    case 'gt':
    case 'gtEq':
      return a === undefined || b === undefined || comparisonPossible(node.fn, a, b, facts);
    case 'isBetween':
      return (
        a === undefined ||
        b === undefined ||
        c === undefined ||
        (comparisonPossible('gtEq', a, b, facts) && comparisonPossible('ltEq', a, c, facts))
      );
    case 'isIn':
      return a === undefined || membershipPossible(a, node.params?.values, facts);
    case 'isNull':
      return a === undefined || nullsOf(a, facts) !== 0;
    case 'isNotNull':
      return a === undefined || nullsOf(a, facts) !== facts.rows;
    default:
      return true;
  }
}

const mirrored: Record<Comparison, Comparison> = {
  eq: 'eq',
  neq: 'neq',
  lt: 'gt',
  ltEq: 'gtEq',
  gt: 'lt',
  gtEq: 'ltEq',
};

function comparisonPossible(op: Comparison, left: ExprNode, right: ExprNode, facts: Facts): boolean {
  const column = columnOf(left, facts);
  const literal = literalOf(right);
  if (column !== null && literal !== null) {
    return valuePossible(op, column, literal);
  }
  const otherColumn = columnOf(right, facts);
  const otherLiteral = literalOf(left);
  if (otherColumn !== null && otherLiteral !== null) {
    return valuePossible(mirrored[op], otherColumn, otherLiteral);
  }
  return true;
}

function membershipPossible(
  node: ExprNode,
  values: LiteralValue | readonly LiteralValue[] | undefined,
  facts: Facts,
): boolean {
  const column = columnOf(node, facts);
  if (column === null || !Array.isArray(values)) {
    return true;
  }
  // The list has no types of its own: only types whose literals cannot mean anything else are looked at.
  // Unscaled values may be text (expr/node.ts), which does not compare as it is stored.
  if (column.type.kind === 'decimal') return true;
  const kind = classOf(column.type);
  return values.some((value: LiteralValue) => {
    if (value === null) {
      return false;
    }
    const literal =
      kind === 'number' && (typeof value === 'number' || typeof value === 'bigint') ? value : null;
    const text = kind === 'text' && typeof value === 'string' ? value : null;
    return literal === null && text === null ? true : boundsAllow('eq', column, (literal ?? text) as Bound);
  });
}

interface KnownColumn {
  readonly type: DataType;
  readonly statistics: KnownValues;
  readonly rows: number;
}

/** A column, or a cast of it that keeps the order and value of every integer. */
function columnOf(node: ExprNode, facts: Facts): KnownColumn | null {
  if (node.kind === 'alias') {
    return columnOf(node.input, facts);
  }
  if (node.kind === 'cast') {
    const inner = columnOf(node.input, facts);
    const widens = inner !== null && narrowIntegers.has(inner.type.kind) && wideNumbers.has(node.type.kind);
    return widens ? inner : null;
  }
  if (node.kind !== 'column') {
    return null;
  }
  const statistics = Object.hasOwn(facts.statistics, node.name) ? facts.statistics[node.name] : undefined;
  const type = facts.schema.find(field => field.name === node.name)?.type;
  return statistics === undefined || type === undefined ? null : { type, statistics, rows: facts.rows };
}

const narrowIntegers: ReadonlySet<DataType['kind']> = new Set<DataType['kind']>([
  'int8',
  'int16',
  'int32',
  'uint8',
  'uint16',
  'uint32',
]);
const wideNumbers: ReadonlySet<DataType['kind']> = new Set<DataType['kind']>(['int64', 'float64']);

function literalOf(node: ExprNode): { value: Bound; type: DataType } | null {
  if (node.kind === 'alias') {
    return literalOf(node.input);
  }
  return node.kind === 'literal' && node.value !== null ? { value: node.value, type: node.type } : null;
}

function nullsOf(node: ExprNode, facts: Facts): number | null {
  return columnOf(node, facts)?.statistics.nullCount ?? null;
}

function valuePossible(
  op: Comparison,
  column: KnownColumn,
  literal: { value: Bound; type: DataType },
): boolean {
  const kind = classOf(column.type);
  const comparable = kind === 'other' ? sameType(column.type, literal.type) : kind === classOf(literal.type);
  return !comparable || boundsAllow(op, column, literal.value);
}

/** Types whose values compare with each other as they are stored; 'other' only with the very same type. */
function classOf(type: DataType): 'number' | 'text' | 'bool' | 'other' {
  if (/^u?int|^float/.test(type.kind)) {
    return 'number';
  }
  return type.kind === 'utf8' ? 'text' : type.kind === 'bool' ? 'bool' : 'other';
}

function boundsAllow(op: Comparison, column: KnownColumn, value: Bound): boolean {
  const { min, max, nullCount } = column.statistics;
  if (nullCount !== null && nullCount === column.rows) {
    return false; // Only nulls: no comparison is true.
  }
  if (typeof value === 'number' && Number.isNaN(value)) {
    return true;
  }
  const float = column.type.kind === 'float32' || column.type.kind === 'float64';
  // The engine may round the literal to the column's float32 before it compares.
  const values =
    column.type.kind === 'float32' && typeof value === 'number' ? [value, Math.fround(value)] : [value];
  return values.some(v => {
    const toMin = min === null ? null : compare(v, min);
    const toMax = max === null ? null : compare(v, max);
    switch (op) {
      case 'eq':
        return (
          !(toMin !== null && toMin < 0) &&
          !(toMax !== null && toMax > 0) &&
          column.statistics.lacks?.(v) !== true
        );
      case 'neq':
        // Statistics leave NaN out, and a text bound may be shortened.
        return float || typeof v === 'string' || !(toMin === 0 && toMax === 0);
      case 'lt':
        return toMin === null || toMin > 0;
      case 'ltEq':
        return toMin === null || toMin >= 0;
      case 'gt':
        // NaN, which no maximum tells of, is larger than any number.
        return float || toMax === null || toMax < 0;
      case 'gtEq':
        return float || toMax === null || toMax <= 0;
      default:
        return true;
    }
  });
}

/** Sign of a - b in Volley's order; null when they do not compare. */
function compare(a: Bound, b: Bound): number | null {
  if (typeof a === 'string' || typeof b === 'string') {
    return typeof a === typeof b ? Buffer.compare(Buffer.from(a as string), Buffer.from(b as string)) : null;
  }
  if ((typeof a === 'boolean') !== (typeof b === 'boolean')) {
    return null;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
