import { VolleyError } from '../../core/base/errors.js';
import { formatType, sameType } from '../column/datatype.js';
import { coerce, commonType } from '../expr/functions.js';
import { columnNotFound } from '../expr/nearest.js';
import { columnNode, fieldOf, joinPlan, type Plan, pickColumns, projectPlan } from './plan.js';
import { checkNames } from './select.js';
import type { JoinVerb } from './verb.js';

/** Resolves a join: keys of equal type (cast into columns of their own where needed), output names, no clash. */
export function analyzeJoin(verb: JoinVerb, left: Plan, right: Plan): Plan {
  checkKeys(verb, left, right);
  const leftNames = new Set(left.schema.map(f => f.name));
  const keys = new Set(verb.rightOn);
  const take = right.schema
    .filter(field => !keys.has(field.name))
    .map(({ name }) => ({ column: name, name: leftNames.has(name) ? `${name}${verb.suffix}` : name }));
  checkNames([...leftNames, ...take.map(t => t.name)], `join (suffix ${JSON.stringify(verb.suffix)})`);
  const casted = castKeys(verb, left, right);
  const joined = joinPlan({ ...casted, how: verb.how, take });
  return pickColumns(joined, [...leftNames, ...take.map(t => t.name)]);
}

function checkKeys(verb: JoinVerb, left: Plan, right: Plan): void {
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
    if (commonType(a.type, b.type) === null) {
      throw new VolleyError(
        'TYPE_MISMATCH',
        `join: ${JSON.stringify(name)} is ${formatType(a.type)}, ${JSON.stringify(other)} is ${formatType(b.type)}: no row could match. Cast one with withColumns(col(${JSON.stringify(name)}).cast(…)).`,
        { left: name, right: other, leftType: formatType(a.type), rightType: formatType(b.type) },
      );
    }
  });
}

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
