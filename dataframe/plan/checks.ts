import { VolleyError } from '../../core/base/errors.js';
import { formatType, type Schema } from '../column/datatype.js';
import { isNested } from '../column/layout.js';
import { columnNotFound } from '../expr/nearest.js';

/** Throws COLUMN_NOT_FOUND for names that are not there. */
export function requireColumns(names: readonly string[], schema: Schema, where: string): void {
  for (const name of names) {
    if (!schema.some(f => f.name === name)) throw columnNotFound(name, schema, where);
  }
}

/** Throws TYPE_MISMATCH for lists and structs where values are compared. */
export function refuseNestedKeys(names: readonly string[], schema: Schema, where: string): void {
  for (const { name, type } of schema) {
    if (!isNested(type) || !names.includes(name)) continue;
    const column = JSON.stringify(name);
    const ways =
      type.kind === 'list'
        ? `lists are not compared. Use explode(${column}), or an item: col(${column}).list.get(0).`
        : `structs are not compared. Use a field: col(${column}).struct.field('…').`;
    throw new VolleyError('TYPE_MISMATCH', `${where}: ${column} is ${formatType(type)}, and ${ways}`, {
      column: name,
    });
  }
}
