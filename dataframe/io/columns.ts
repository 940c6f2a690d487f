import type { Schema } from '../column/datatype.js';
import { columnNotFound } from '../expr/nearest.js';

/** The fields a scan yields, in the order asked for. @throws COLUMN_NOT_FOUND */
export function selectedFields(schema: Schema, columns: readonly string[] | null, where: string): Schema {
  if (columns === null) {
    return schema;
  }
  const byName = new Map(schema.map(field => [field.name, field]));
  return columns.map(name => {
    const field = byName.get(name);
    if (field === undefined) {
      throw columnNotFound(name, schema, where);
    }
    return field;
  });
}
