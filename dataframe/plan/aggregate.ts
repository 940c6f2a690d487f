import { VolleyError } from '../../core/base/errors.js';
import { formatExpr } from '../expr/format.js';
import { columnNotFound } from '../expr/nearest.js';
import type { ExprNode } from '../expr/node.js';
import { exprKey, mapOperands } from '../expr/traverse.js';
import { type Scope, scopeOf, typeExpr } from '../expr/typing.js';
import type { AggregateSpec, NamedExpr } from '../physical/fragment.js';
import { refuseNestedKeys } from './checks.js';
import { aggregatePlan, columnNode, type Plan, pickColumns, projectPlan } from './plan.js';

type AggregateNode = Extract<ExprNode, { kind: 'aggregate' }>;

/**
 * Groups by `keys` and evaluates `outputs`, which may compute with several aggregates and aggregate expressions.
 * Three steps: a projection makes keys, inputs and filters into columns; aggregates of plain columns; a projection of
 * what is computed from them. The outer two are left out where they would change nothing.
 */
export function aggregateExprs(
  input: Plan,
  keys: readonly NamedExpr[],
  outputs: readonly NamedExpr[],
  where: string,
): Plan {
  const split = new Split(input, keys, outputs, where);
  const columns = outputs.map(output => ({ name: output.name, expr: split.output(output) }));
  const aggregated = aggregatePlan(
    projectedInput(input, split.inputs()),
    keys.map(k => k.name),
    split.specs(),
  );
  const keyColumns = keys.map(({ name }) => ({ name, expr: columnNode(name) }));
  const final = [...keyColumns, ...columns];
  if (final.every(c => c.expr.kind === 'column' && c.expr.name === c.name)) {
    return pickColumns(
      aggregated,
      final.map(c => c.name),
    );
  }
  const scope = scopeOf(aggregated.schema, where);
  return projectPlan(
    aggregated,
    final.map(c => ({ name: c.name, expr: typeExpr(c.expr, scope).node })),
  );
}

/** A table with no column would lose its rows' number on the way: len() over nothing keeps one column. */
function projectedInput(input: Plan, columns: readonly NamedExpr[]): Plan {
  if (columns.length === 0) return input;
  const plain = columns.every(c => c.expr.kind === 'column' && c.expr.name === c.name);
  return plain
    ? pickColumns(
        input,
        columns.map(c => c.name),
      )
    : projectPlan(input, columns);
}

/** Takes expressions apart into what is computed before, by, and after the aggregation. */
class Split {
  readonly #scope: Scope;
  readonly #keys: readonly NamedExpr[];
  readonly #where: string;
  /** Input columns by expression: one expression is computed once. */
  readonly #inputs = new Map<string, NamedExpr>();
  readonly #specs = new Map<string, AggregateSpec>();
  readonly #taken: Set<string>;

  constructor(input: Plan, keys: readonly NamedExpr[], outputs: readonly NamedExpr[], where: string) {
    this.#scope = scopeOf(input.schema, where);
    this.#where = where;
    this.#keys = keys;
    this.#taken = new Set([...keys, ...outputs, ...input.schema].map(c => c.name));
    for (const key of keys) {
      const { node, type } = typeExpr(key.expr, this.#scope);
      refuseNestedKeys([key.name], [{ name: key.name, type }], 'groupBy');
      this.#inputs.set(`key ${key.name}`, { name: key.name, expr: node });
    }
  }

  inputs(): NamedExpr[] {
    return [...this.#inputs.values()];
  }

  specs(): AggregateSpec[] {
    return [...this.#specs.values()];
  }

  /** The output as an expression of keys and aggregates; an output that is one aggregate gives it its name. */
  output({ name, expr }: NamedExpr): ExprNode {
    let plain = expr;
    while (plain.kind === 'alias') plain = plain.input;
    return plain.kind === 'aggregate' ? this.#aggregate(plain, name) : this.#after(plain);
  }

  #after(node: ExprNode): ExprNode {
    if (node.kind === 'aggregate') return this.#aggregate(node, null);
    if (node.kind === 'column') return this.#keyColumn(node.name);
    return mapOperands(node, operand => this.#after(operand));
  }

  #keyColumn(name: string): ExprNode {
    if (this.#keys.some(key => key.name === name)) return columnNode(name);
    if (!this.#scope.types.has(name)) throw columnNotFound(name, this.#scope.schema, this.#where);
    throw new VolleyError(
      'UNSUPPORTED',
      `${this.#where}: col(${JSON.stringify(name)}) has many values per group. Aggregate it, e.g. col(${JSON.stringify(name)}).first() or .sum(), or make it a key of groupBy.`,
      { column: name },
    );
  }

  #aggregate(node: AggregateNode, wanted: string | null): ExprNode {
    const typed = typeExpr(node, this.#scope).node as AggregateNode;
    for (const part of [typed.input, typed.filter, typed.other ?? null]) {
      if (part !== null) refuseNested(part, this.#where);
    }
    const key = exprKey(typed);
    const known = this.#specs.get(key);
    if (known !== undefined) return columnNode(known.name);
    const name = wanted ?? this.#fresh('agg');
    this.#specs.set(key, {
      name,
      op: typed.op,
      column: typed.input && this.#input(typed.input),
      filter: typed.filter && this.#input(typed.filter),
      ...(typed.other === undefined ? {} : { other: this.#input(typed.other) }),
      ...(typed.param === undefined ? {} : { param: typed.param }),
    });
    return columnNode(name);
  }

  /** The name of the input column that holds this expression. */
  #input(node: ExprNode): string {
    const key = exprKey(node);
    const known = this.#inputs.get(key);
    if (known !== undefined) return known.name;
    const isKey = (name: string) => this.#keys.some(k => k.name === name);
    if (node.kind === 'column') {
      const same = this.#keys.find(k => k.name === node.name);
      if (same !== undefined && same.expr.kind === 'column' && same.expr.name === node.name) return node.name;
    }
    const name = node.kind === 'column' && !isKey(node.name) ? node.name : this.#fresh('in');
    this.#inputs.set(key, { name, expr: node });
    return name;
  }

  #fresh(stem: string): string {
    for (let i = 0; ; i++) {
      const name = `__${stem}${i}`;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}

function refuseNested(node: ExprNode, where: string): void {
  if (node.kind === 'aggregate') {
    throw new VolleyError(
      'UNSUPPORTED',
      `${where}: ${formatExpr(node)} stands inside another aggregate. Aggregate in two steps: groupBy(…).agg(…) twice.`,
    );
  }
  mapOperands(node, operand => {
    refuseNested(operand, where);
    return operand;
  });
}
