import { VolleyError } from '../../../core/base/errors.js';
import { dateText, nanosPerDay, timestampText } from '../../codegen/time-text.js';
import { isValid } from '../../column/bitmap.js';
import type { Batch, Column } from '../../column/column.js';
import { type DataType, formatType, type TimeUnit } from '../../column/datatype.js';
import { entryText } from '../../column/dictionary.js';

/** The type of a new column. @throws UNSUPPORTED */
export function columnTypeSql(type: DataType, column: string): string {
  switch (type.kind) {
    case 'timestamp':
      return type.timeZone === null ? 'timestamp' : 'timestamptz';
    case 'list': {
      if (type.item.kind === 'list') break;
      return `${columnTypeSql(type.item, column)}[]`;
    }
    default: {
      const name = sqlNames[type.kind];
      if (name !== undefined) return name;
    }
  }
  throw new VolleyError(
    'UNSUPPORTED',
    `column '${column}' is ${formatType(type)}, which PostgreSQL has no column for: cast or drop it`,
    { column },
  );
}

const sqlNames: Readonly<Record<string, string>> = {
  null: 'text',
  bool: 'boolean',
  int8: 'smallint',
  uint8: 'smallint',
  int16: 'smallint',
  uint16: 'integer',
  int32: 'integer',
  uint32: 'bigint',
  int64: 'bigint',
  uint64: 'numeric(20, 0)',
  float32: 'real',
  float64: 'double precision',
  utf8: 'text',
  binary: 'bytea',
  date: 'date',
  duration: 'interval',
};

/** Rows of one piece of text. */
const pieceRows = 4096;

/** Batches as COPY … FROM STDIN reads them: the text of any type is what the server's own input of that type takes. */
export async function* copyText(batches: AsyncIterable<Batch> | Iterable<Batch>): AsyncGenerator<Buffer> {
  for await (const { columns, rows } of batches) {
    const cells = columns.map(column => escapedCells(column));
    for (let from = 0; from < rows; from += pieceRows) {
      let text = '';
      for (let row = from; row < Math.min(rows, from + pieceRows); row++) {
        for (let c = 0; c < cells.length; c++) text += (c === 0 ? '' : '\t') + cells[c]!(row);
        text += '\n';
      }
      yield Buffer.from(text);
    }
  }
}

type Cell = (row: number) => string;

/** `\N` is null, and what would end a field or a row is escaped. */
function escapedCells(column: Column): Cell {
  const { validity } = column;
  const text = cellsOf(column);
  const cell = mayNeedEscapes.has(column.type.kind) ? (row: number) => escaped(text(row)) : text;
  return validity === null ? cell : row => (isValid(validity, row) ? cell(row) : '\\N');
}

const mayNeedEscapes: ReadonlySet<string> = new Set(['utf8', 'binary', 'list']);
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(text: string): string {
  return /[\\\n\r\t]/.test(text) ? text.replace(/[\\\n\r\t]/g, char => escapes[char]!) : text;
}

/** The text of values that are not null. */
function cellsOf(column: Column): Cell {
  const { type, values } = column;
  switch (type.kind) {
    case 'null':
      return () => '';
    case 'bool':
      return row => (values[row] === 0 ? 'f' : 't');
    case 'utf8': {
      const texts = new Map<number, string>();
      return row => {
        const code = values[row]!;
        let text = texts.get(code);
        if (text === undefined) texts.set(code, (text = entryText(column.dictionary!, code)));
        return text;
      };
    }
    case 'binary': {
      const { bytes, offsets } = column.dictionary!;
      return row => {
        const code = values[row]!;
        return `\\x${Buffer.from(bytes.subarray(offsets[code]!, offsets[code + 1]!)).toString('hex')}`;
      };
    }
    case 'date':
      return row => dateText(values[row]!);
    case 'timestamp': {
      const zone = type.timeZone === null ? '' : '+00';
      const ticks = wideCells(column);
      return row => `${momentText(ticks(row), type.unit)}${zone}`;
    }
    case 'duration': {
      const ticks = wideCells(column);
      return row => `${(BigInt(ticks(row)) * BigInt(nanosPer[type.unit])) / 1000n} microseconds`;
    }
    case 'int64':
    case 'uint64': {
      const ticks = wideCells(column);
      return row => String(ticks(row));
    }
    case 'list':
      return listCells(column);
    case 'float32':
    case 'float64':
      return row => (Object.is(values[row], -0) ? '-0' : String(values[row]));
    default:
      return row => String(values[row]);
  }
}

const nanosPer: Record<TimeUnit, number> = { s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

/** 64-bit integers: numbers while they are exact. */
function wideCells({ physical, values, type }: Column): (row: number) => number | bigint {
  if (physical !== 'i64') return row => values[row]!;
  return row => {
    const signed = (BigInt(values[2 * row + 1]!) << 32n) | BigInt(values[2 * row]! >>> 0);
    return type.kind === 'uint64' ? BigInt.asUintN(64, signed) : signed;
  };
}

function momentText(ticks: number | bigint, unit: TimeUnit): string {
  const perDay = nanosPerDay / nanosPer[unit];
  if (typeof ticks === 'number') {
    const day = Math.floor(ticks / perDay);
    return timestampText(day, (ticks - day * perDay) * nanosPer[unit]);
  }
  const big = BigInt(perDay);
  const rest = ((ticks % big) + big) % big;
  return timestampText(Number((ticks - rest) / big), Number(rest) * nanosPer[unit]);
}

/** `{1,NULL,"a \"b\""}`. */
function listCells({ items, values }: Column): Cell {
  const { validity, type } = items!;
  const text = cellsOf(items!);
  const quotes = type.kind !== 'bool' && !/^u?int|^float/.test(type.kind);
  const item = (k: number) => {
    if (validity !== null && !isValid(validity, k)) return 'NULL';
    return quotes ? `"${text(k).replace(/["\\]/g, '\\$&')}"` : text(k);
  };
  return row => {
    const parts: string[] = [];
    for (let k = values[row]!; k < values[row + 1]!; k++) parts.push(item(k));
    return `{${parts.join(',')}}`;
  };
}
