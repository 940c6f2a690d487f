import { VolleyError } from '../../core/base/errors.js';
import { formatType, type Schema } from '../column/datatype.js';
import { columnNotFound } from '../expr/nearest.js';

/** Throws COLUMN_NOT_FOUND for names that are not there. */
export function requireColumns(names: readonly string[], schema: Schema, where: string): void {
  for (const name of names) {
    if (!schema.some(f => f.name === name)) throw columnNotFound(name, schema, where);
  }
}

/** Throws TYPE_MISMATCH for lists where values are compared. */
export function refuseLists(names: readonly string[], schema: Schema, where: string): void {
  for (const { name, type } of schema) {
    if (type.kind !== 'list' || !names.includes(name)) continue;
    throw new VolleyError(
      'TYPE_MISMATCH',
      `${where}: ${JSON.stringify(name)} is ${formatType(type)}, and lists are not compared. Use explode(${JSON.stringify(name)}), or an item: col(${JSON.stringify(name)}).list.get(0).`,
      { column: name },
    );
  }
}
