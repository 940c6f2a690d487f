import { assertNever } from '../../core/base/assert.js';
import { formatExpr } from '../expr/format.js';
import type { ExprNode } from '../expr/node.js';
import type { AggregateSpec, NamedExpr, SortKey, UnpivotStep } from '../physical/fragment.js';
import type { Plan } from './plan.js';
import { inputsOf } from './traverse.js';

/** The plan as an indented tree, root first, one line a node. */
export function explainPlan(plan: Plan, depth = 0): string {
  const lines = [`${'  '.repeat(depth)}${describe(plan)}`];
  for (const input of inputsOf(plan)) lines.push(explainPlan(input, depth + 1));
  return lines.join('\n');
}

function describe(plan: Plan): string {
  switch (plan.kind) {
    case 'scan': {
      const { scan, schema, splits } = plan;
      const columns = `${schema.length}/${scan.schema?.length ?? 0} columns [${names(schema)}]`;
      const where = scan.predicate === null ? '' : ` where ${formatExpr(scan.predicate)}`;
      const from = [...scan.paths, ...(scan.postgres ? [scan.postgres.relation] : [])].join(', ');
      return `SCAN ${scan.format} ${from} ${columns}, ${splits.length} splits${where}`;
    }
    case 'memory': {
      const columns = `${plan.schema.length}/${plan.whole.length} columns [${names(plan.schema)}]`;
      return `MEMORY ${plan.table.name} ${columns}`;
    }
    case 'filter':
      return `FILTER ${formatExpr(plan.predicate)}`;
    case 'project':
      return `PROJECT ${formatColumns(plan.columns)}`;
    case 'aggregate':
      return `AGGREGATE by [${plan.keys.join(', ')}]: ${formatSpecs(plan.aggregates)}`;
    case 'join': {
      const on = plan.leftOn.map((l, i) => (l === plan.rightOn[i] ? l : `${l} = ${plan.rightOn[i]}`));
      return `JOIN ${plan.how}${on.length === 0 ? '' : ` on ${on.join(', ')}`} take [${formatTake(plan.take)}]`;
    }
    case 'sort':
      return `SORT ${formatSort(plan.by)}${plan.limit === null ? '' : ` top ${plan.limit}`}`;
    case 'explode':
      return `EXPLODE ${plan.columns.join(', ')}`;
    case 'unpivot':
      return `UNPIVOT ${formatUnpivot(plan)}`;
    case 'number':
      return `NUMBER ${plan.name}`;
    case 'sample':
      return `SAMPLE ${plan.n ?? `${plan.fraction} of the rows`} by seed ${plan.seed}`;
    case 'repartition': {
      const by = plan.by.length === 0 ? '' : ` by ${plan.by.join(', ')}`;
      return `REPARTITION${plan.n === null ? '' : ` into ${plan.n}`}${by}`;
    }
    case 'limit':
      return `LIMIT ${plan.n}${plan.offset === 0 ? '' : ` offset ${plan.offset}`}`;
    case 'tail':
      return `TAIL ${plan.n}`;
    case 'concat':
      return 'CONCAT';
    default:
      return assertNever(plan);
  }
}

const names = (fields: readonly { readonly name: string }[]) => fields.map(f => f.name).join(', ');

/** `a, b = x + 1`: what a projection makes. */
export function formatColumns(columns: readonly NamedExpr[]): string {
  const isPlain = (name: string, expr: ExprNode) => expr.kind === 'column' && expr.name === name;
  return columns
    .map(c => (isPlain(c.name, c.expr) ? c.name : `${c.name} = ${formatExpr(c.expr)}`))
    .join(', ');
}

/** `total = sum(x), n = len()`. */
export function formatSpecs(specs: readonly AggregateSpec[]): string {
  return specs
    .map(s => `${s.name} = ${s.op}(${inputs(s)}${s.filter === null ? '' : ` where ${s.filter}`})`)
    .join(', ');
}

const inputs = ({ column, other, param }: AggregateSpec) =>
  [column, other, param].filter(part => part !== null && part !== undefined).join(', ');

/** `a desc, b`: nulls are named where they are not in their usual place. */
export function formatSort(by: readonly SortKey[]): string {
  return by
    .map(({ column, descending, nullsLast }) => {
      const nulls = nullsLast === descending ? (nullsLast ? ' nulls last' : ' nulls first') : '';
      return `${column}${descending ? ' desc' : ''}${nulls}`;
    })
    .join(', ');
}

/** `[a, b] by c: variable, value`. */
export function formatUnpivot({ labels, index, variable, values }: Omit<UnpivotStep, 'kind'>): string {
  return `[${labels.join(', ')}] by [${index.join(', ')}]: ${[variable, ...values.map(v => v.name)].join(', ')}`;
}

export function formatTake(take: readonly { readonly column: string; readonly name: string }[]): string {
  return take.map(t => (t.column === t.name ? t.name : `${t.column} as ${t.name}`)).join(', ');
}
