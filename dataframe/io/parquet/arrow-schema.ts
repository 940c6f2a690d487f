import type { DataType, Schema } from '../../column/datatype.js';
import { schemaMessage } from '../ipc/flatwrite.js';
import { metadataOf, readMessage } from '../ipc/message.js';
import { type IpcField, readSchema } from '../ipc/schema.js';
import type { FileColumn } from './types.js';

/** The key under which writers that come from Arrow leave its schema in the footer: a message of Arrow IPC in base64. */
export const arrowSchemaKey = 'ARROW:schema';

/** The schema for the footer; null: the file tells all of it by itself. */
export function arrowSchema(schema: Schema): string | null {
  if (!schema.some(({ type }) => hasDuration(type))) return null;
  return Buffer.from(schemaMessage(schema, new Set())).toString('base64');
}

function hasDuration(type: DataType): boolean {
  if (type.kind === 'list') return hasDuration(type.item);
  return type.kind === 'struct'
    ? type.fields.some(field => hasDuration(field.type))
    : type.kind === 'duration';
}

/**
 * The columns with the types that only Arrow has: Durations, which files hold as bare 64-bit integers. A schema that does
 * not parse, or is of other columns, is passed over, as all readers do that do not come from Arrow.
 */
export function withArrowTypes(columns: readonly FileColumn[], base64: string): readonly FileColumn[] {
  let fields: readonly IpcField[];
  try {
    const message = readMessage(metadataOf(Buffer.from(base64, 'base64')));
    if (message.kind !== 'schema') return columns;
    fields = readSchema(message.schema);
  } catch {
    return columns;
  }
  return fields.length === columns.length ? columns.map((column, c) => typed(column, fields[c]!)) : columns;
}

function typed(column: FileColumn, { name, type, layout, children }: IpcField): FileColumn {
  const { item, fields, element } = column;
  if (column.unsupported !== null) return column;
  if (item !== null) {
    if (children.length !== 1 || type.kind !== 'list') return column;
    const own = typed(item, children[0]!);
    return { ...column, item: own, type: { kind: 'list', item: own.type } };
  }
  if (fields !== null) {
    const alike =
      children.length === fields.length && fields.every((field, f) => field.name === children[f]!.name);
    if (!alike || type.kind !== 'struct') return column;
    const own = fields.map((field, f) => typed(field, children[f]!));
    return {
      ...column,
      fields: own,
      type: { kind: 'struct', fields: own.map(({ name, type }) => ({ name, type })) },
    };
  }
  const bare =
    element.type === 'INT64' && element.converted_type === undefined && element.logical_type === undefined;
  const named = column.path.length > 1 || column.name === name;
  return bare && named && type.kind === 'duration' && layout.kind === 'words' ? { ...column, type } : column;
}
