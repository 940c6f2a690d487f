import type { Schema } from '../column/datatype.js';
import type { AggregateStep } from '../physical/fragment.js';

export function partialSchema(step: AggregateStep): Schema {
  return step.input.filter(field => step.keys.includes(field.name));
}
