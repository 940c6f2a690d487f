import { VolleyError } from '../../core/base/errors.js';
import { formatType, type Schema, sameType } from '../column/datatype.js';
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

/** All files of a scan have the same columns, in any order. */
export function requireSameSchema(schema: Schema, own: Schema, first: string, file: string): void {
  const types = new Map(own.map(field => [field.name, field.type]));
  const wayOut = 'Scan them apart, or write them with the same columns';
  for (const field of schema) {
    const type = types.get(field.name);
    if (type === undefined) {
      throw new VolleyError(
        'COLUMN_NOT_FOUND',
        `${file} lacks column '${field.name}', which ${first} has. ${wayOut}`,
        {
          file,
          column: field.name,
          nearest: [],
        },
      );
    }
    if (!sameType(type, field.type)) {
      throw new VolleyError(
        'TYPE_MISMATCH',
        `${file}, column '${field.name}': ${formatType(type)}, but ${formatType(field.type)} in ${first}. ${wayOut}`,
        { file, column: field.name },
      );
    }
    types.delete(field.name);
  }
  for (const name of types.keys()) {
    throw new VolleyError('TYPE_MISMATCH', `${file} has a column '${name}' that ${first} lacks. ${wayOut}`, {
      file,
      column: name,
    });
  }
}
