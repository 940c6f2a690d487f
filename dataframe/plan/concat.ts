import { VolleyError } from '../../core/base/errors.js';
import { DataType, formatType, type Schema, sameType } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { coerce, commonType } from '../expr/operands.js';
import { columnNode, concatPlan, type Plan, projectPlan } from './plan.js';

/** Rows of several frames: 'vertical' wants the same names in the same order, 'diagonal' fills what is missing with null. */
export function analyzeConcat(inputs: readonly Plan[], how: 'vertical' | 'diagonal'): Plan {
  const [first] = inputs;
  if (first === undefined) throw new VolleyError('INVALID_ARGUMENT', 'concat needs at least one frame');
  const types = new Map<string, DataType>();
  inputs.forEach((input, i) => {
    if (how === 'vertical') requireNames(first, input, i);
    for (const field of input.schema) {
      const known = types.get(field.name);
      const common = known === undefined ? field.type : commonType(known, field.type);
      if (common === null) {
        throw new VolleyError(
          'TYPE_MISMATCH',
          `concat: ${JSON.stringify(field.name)} is ${formatType(known!)} in one frame and ${formatType(field.type)} in frame ${i + 1}. Cast one with withColumns(col(${JSON.stringify(field.name)}).cast(…)).`,
          { column: field.name },
        );
      }
      types.set(field.name, common);
    }
  });
  const schema = [...types].map(([name, type]) => ({ name, type }));
  return concatPlan(inputs.map(input => shaped(input, schema)));
}

function requireNames(first: Plan, other: Plan, i: number): void {
  const names = first.schema.map(f => f.name);
  const otherNames = other.schema.map(f => f.name);
  if (names.length === otherNames.length && names.every((n, k) => n === otherNames[k])) return;
  throw new VolleyError(
    'TYPE_MISMATCH',
    `concat: frame ${i + 1} has the columns [${otherNames.join(', ')}], the first has [${names.join(', ')}]. Select the same names in the same order first, or use { how: 'diagonal' }.`,
  );
}

/** The rows with exactly these columns and types; columns it lacks are null. */
function shaped(input: Plan, schema: Schema): Plan {
  const same =
    input.schema.length === schema.length &&
    input.schema.every((f, k) => f.name === schema[k]!.name && sameType(f.type, schema[k]!.type));
  if (same) return input;
  return projectPlan(
    input,
    schema.map(({ name, type }) => {
      const own = input.schema.find(f => f.name === name);
      if (own !== undefined)
        return { name, expr: coerce({ node: columnNode(name), type: own.type }, type).node };
      const expr: ExprNode = { kind: 'literal', value: null, type: DataType.Null };
      return { name, expr: coerce({ node: expr, type: DataType.Null }, type).node };
    }),
  );
}
