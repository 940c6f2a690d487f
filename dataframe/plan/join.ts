import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType, sameType } from '../column/datatype.js';
import { columnNotFound } from '../expr/nearest.js';
import type { ExprNode } from '../expr/node.js';
import { coerce, commonType } from '../expr/operands.js';
import { columnNode, fieldOf, type JoinPlan, joinPlan, type Plan, pickColumns, projectPlan } from './plan.js';
import { checkNames } from './select.js';
import type { JoinVerb } from './verb.js';

/** Resolves a join: keys of equal type (cast into columns of their own where needed), output names, no clash. */
export function analyzeJoin(verb: JoinVerb, left: Plan, right: Plan): Plan {
  checkKeys(verb, left, right);
  const { how } = verb;
  const leftNames = new Set(left.schema.map(f => f.name));
  const keys = new Set(verb.rightOn);
  const rightColumns = how === 'semi' || how === 'anti' ? [] : right.schema.filter(f => !keys.has(f.name));
  const take = rightColumns.map(({ name }) => ({
    column: name,
    name: leftNames.has(name) ? `${name}${verb.suffix}` : name,
  }));
  const names = [...leftNames, ...take.map(t => t.name)];
  checkNames(names, `join (suffix ${JSON.stringify(verb.suffix)})`);
  const casted = castKeys(verb, left, right);
  if (how === 'right' || how === 'full') return withBothKeys(verb, casted, take, names);
  return pickColumns(joinPlan({ ...casted, how, take }), names);
}

/** Where left rows may be missing, the left key's column takes the right key's value: they are equal where both exist. */
function withBothKeys(
  verb: JoinVerb,
  casted: ReturnType<typeof castKeys>,
  take: JoinPlan['take'],
  names: readonly string[],
): Plan {
  const { left, leftOn, rightOn } = casted;
  const used = new Set([...names, ...left.schema.map(f => f.name)]);
  const keys = rightOn.map((column, i) => {
    let name = `__right${i}`;
    while (used.has(name)) name += '_';
    used.add(name);
    return { column, name };
  });
  const joined = joinPlan({ ...casted, how: verb.how, take: [...take, ...keys] });
  const columns = names.map(name => {
    const k = verb.leftOn.indexOf(name);
    if (k < 0) return { name, expr: columnNode(name) };
    const right = columnNode(keys[k]!.name);
    if (verb.how === 'right') return { name, expr: right };
    const expr: ExprNode = { kind: 'call', fn: 'coalesce', args: [columnNode(leftOn[k]!), right] };
    return { name, expr };
  });
  return projectPlan(joined, columns);
}

function checkKeys(verb: JoinVerb, left: Plan, right: Plan): void {
  if (verb.how === 'cross') {
    if (verb.leftOn.length + verb.rightOn.length === 0) return;
    throw new VolleyError(
      'INVALID_ARGUMENT',
      "join: how 'cross' pairs every row with every row and takes no keys",
    );
  }
  if (verb.leftOn.length === 0 || verb.leftOn.length !== verb.rightOn.length) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `join: give { on: 'key' }, or { leftOn, rightOn } of equal length (got ${verb.leftOn.length} and ${verb.rightOn.length})`,
    );
  }
  verb.leftOn.forEach((name, i) => {
    const other = verb.rightOn[i]!;
    const a = left.schema.find(f => f.name === name);
    const b = right.schema.find(f => f.name === other);
    if (a === undefined) throw columnNotFound(name, left.schema, 'join (left side)');
    if (b === undefined) throw columnNotFound(other, right.schema, 'join (right side)');
    if (!isKeyType(a.type) || !isKeyType(b.type)) {
      throw new VolleyError(
        'UNSUPPORTED',
        `join: ${JSON.stringify(name)} is ${formatType(a.type)}: lists and structs are no keys. Join on what is in them.`,
        { column: name },
      );
    }
    if (commonType(a.type, b.type) === null) {
      throw new VolleyError(
        'TYPE_MISMATCH',
        `join: ${JSON.stringify(name)} is ${formatType(a.type)}, ${JSON.stringify(other)} is ${formatType(b.type)}: no row could match. Cast one with withColumns(col(${JSON.stringify(name)}).cast(…)).`,
        { left: name, right: other, leftType: formatType(a.type), rightType: formatType(b.type) },
      );
    }
  });
}

const isKeyType = ({ kind }: DataType) => kind !== 'list' && kind !== 'struct';

/** Sides and key names such that both keys of a pair have one type. */
function castKeys(verb: JoinVerb, left: Plan, right: Plan) {
  const leftOn = [...verb.leftOn];
  const rightOn = [...verb.rightOn];
  const sides = [
    { plan: left, on: leftOn, added: [] as { name: string; from: string; to: number }[] },
    { plan: right, on: rightOn, added: [] as { name: string; from: string; to: number }[] },
  ] as const;
  const types = leftOn.map((name, i) => {
    return commonType(fieldOf(left.schema, name).type, fieldOf(right.schema, rightOn[i]!).type)!;
  });
  const taken = new Set([...left.schema, ...right.schema].map(f => f.name));
  const plans = sides.map(side => {
    const columns = side.plan.schema.map(f => ({ name: f.name, expr: columnNode(f.name) }));
    side.on.forEach((name, i) => {
      const { type } = fieldOf(side.plan.schema, name);
      if (sameType(type, types[i]!)) return;
      let fresh = `__key${i}`;
      while (taken.has(fresh)) fresh += '_';
      columns.push({ name: fresh, expr: coerce({ node: columnNode(name), type }, types[i]!).node });
      side.on[i] = fresh;
    });
    return columns.length === side.plan.schema.length ? side.plan : projectPlan(side.plan, columns);
  });
  return { left: plans[0]!, right: plans[1]!, leftOn, rightOn };
}
