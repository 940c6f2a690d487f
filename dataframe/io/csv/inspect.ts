import { isUtf8 } from 'node:buffer';
import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import type { DataType, Field, Schema } from '../../column/datatype.js';
import { columnNotFound } from '../../expr/nearest.js';
import { selectedFields } from '../columns.js';
import { badData } from '../errors.js';
import { openSource, readRange, resolveSources } from '../paths.js';
import type { CsvOptions, IoEnv, Packing, ScanInspection, ScanSpec, SourceHandle, Split } from '../source.js';
import { packingOf, readUnpacked } from '../text/unpack.js';
import { sampleBytes } from './constants.js';
import { valueParser } from './convert.js';
import { carriageReturn, type Dialect, dialectOf, lineFeed } from './dialect.js';
import { dropEscapes, FieldKind, Problem } from './fields.js';
import { TypeGuesser } from './infer.js';
import { markBytes, RecordScanner } from './scanner.js';
import { findSplits } from './splits.js';
import { lineAfter, RecordBlock, Tokenizer } from './tokenize.js';

/** Schema and splits. Types come from the head of the first file; every file is scanned once for record starts. */
export async function inspectCsv(scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const options = scan.csv;
  assert(options !== null, 'a csv scan has csv options');
  const dialect = dialectOf(options);
  const files = await resolveSources(scan.paths, 'csv', env);
  const splits: Split[] = [];
  let schema: Schema | null = null;
  for (const file of files) {
    const { handle, size } = await openSource(file, env);
    try {
      const packing = await packingOf(handle);
      const beginning = beginningOf(handle, size, packing, file);
      const head = await readHead(beginning, file, options, dialect);
      if (head === null) {
        requireDeclared(file, options);
        continue;
      }
      if (schema === null) {
        schema = schemaOf(head, file, options, dialect);
        selectedFields(schema, scan.columns, `scan of ${file}`);
      } else {
        requireSameNames(schema, head, files[0] as string, file);
      }
      if (packing !== null) {
        splits.push({ ...byteRange(file, head.dataStart, head.dataStart + size), packing });
      } else if (head.dataStart < size) {
        const starts = await findSplits(handle, head.dataStart, size, options.splitBytes, dialect);
        starts.forEach((start, i) => {
          splits.push(byteRange(file, start, starts[i + 1] ?? size));
        });
      }
    } finally {
      await handle.close();
    }
  }
  // Plans need at least one partition to carry the schema.
  if (splits.length === 0) {
    splits.push(byteRange(files[0] as string, 0, 0));
  }
  schema ??= Object.entries(options.schema ?? {}).map(([name, type]) => ({ name, type }));
  return { schema, splits };
}

function byteRange(path: string, start: number, end: number): Split {
  return { path, rowGroup: 0, start, end, rows: -1, bytes: end - start, statistics: null };
}

/** The beginning of a file. */
interface Head {
  readonly window: Buffer;
  /** Whether the window is the whole file. */
  readonly whole: boolean;
  /** Names in the header, or null without one. */
  readonly names: readonly string[] | null;
  readonly fields: number;
  /** Where data begins, after a byte order mark and the header. */
  readonly dataStart: number;
}

/** The first bytes of a file, unpacked: as many as asked for, or all. */
type Beginning = (length: number) => Promise<{ window: Buffer; whole: boolean }>;

function beginningOf(handle: SourceHandle, size: number, packing: Packing | null, file: string): Beginning {
  return async length => {
    if (packing === null) {
      return { window: await readRange(handle, 0, Math.min(size, length)), whole: length >= size };
    }
    const window = await readUnpacked(handle, packing, file, length);
    return { window, whole: window.length < length };
  };
}

/** null for an empty file. */
async function readHead(
  beginning: Beginning,
  file: string,
  options: CsvOptions,
  dialect: Dialect,
): Promise<Head | null> {
  let length = sampleBytes;
  for (;;) {
    const { window, whole } = await beginning(length);
    const start = firstRecordStart(window, whole, dialect);
    if (start === window.length && whole) {
      return null;
    }
    const next = new RecordScanner(dialect).find(window.subarray(start), 0, 0);
    if (next >= 0 || whole) {
      const end = next >= 0 ? start + next : window.length;
      const texts = firstRecord(window.subarray(start, end), file, dialect);
      return options.header
        ? { window, whole, names: headerNames(texts, file), fields: texts.length, dataStart: end }
        : { window, whole, names: null, fields: texts.length, dataStart: start };
    }
    if (length >= limits.lineBytes) {
      throw badData(
        { file, row: 1, text: window.toString('utf8', 0, 100) },
        `a line exceeds ${limits.lineBytes} bytes`,
      );
    }
    length = Math.min(limits.lineBytes, length * 8);
  }
}

/** Blank lines and comments before the first record say nothing. */
function firstRecordStart(window: Buffer, whole: boolean, dialect: Dialect): number {
  let start = markBytes(window);
  for (;;) {
    const byte = window[start];
    if (byte === lineFeed) start += 1;
    else if (byte === carriageReturn && window[start + 1] === lineFeed) start += 2;
    else if (byte === dialect.comment) {
      const next = lineAfter(window, start, whole);
      if (next < 0) return start;
      start = next;
    } else return start;
  }
}

function firstRecord(record: Buffer, file: string, dialect: Dialect): string[] {
  // At most as many fields as bytes; a header is short.
  let fields = 1;
  for (const byte of record) {
    fields += byte === dialect.delimiter ? 1 : 0;
  }
  const block = new RecordBlock(Math.min(fields, maxFields));
  new Tokenizer(dialect).fill(record, 0, true, block);
  const found = block.found[0]!;
  if (fields > maxFields && found > maxFields) {
    throw badData({ file, row: 1 }, `its first line has ${found} fields, more than ${maxFields}`);
  }
  const problem = block.problem[0]!;
  if (!isUtf8(record) || problem === Problem.OpenQuote || problem === Problem.TextAfterQuote) {
    const what = !isUtf8(record) ? 'is not UTF-8' : 'has a quoted field that does not end where it should';
    const text = record.toString('utf8', 0, 200);
    throw badData({ file, row: 1, text }, `the first line ${what}`, "quote: '' turns quoting off");
  }
  const texts: string[] = [];
  for (let c = 0; c < found; c++) {
    let text = record.subarray(block.starts[c]!, block.ends[c]!);
    if (block.kinds[c] === FieldKind.Escaped) {
      const plain = Buffer.alloc(text.length);
      text = plain.subarray(0, dropEscapes(text, 0, text.length, dialect, plain));
    }
    texts.push(text.toString('utf8'));
  }
  return texts;
}

/** Columns of one file: a tokenised block holds this many positions per record. */
const maxFields = 16_384;

/** An empty name becomes column_N. @throws DUPLICATE_COLUMN */
function headerNames(texts: readonly string[], file: string): string[] {
  const names = texts.map((text, i) => (text === '' ? `column_${i + 1}` : text));
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new VolleyError(
        'DUPLICATE_COLUMN',
        `${file}: two columns are named '${name}'. Rename one in the file, or scan with header: false and rename them`,
        { file, column: name },
      );
    }
    seen.add(name);
  }
  return names;
}

function schemaOf(head: Head, file: string, options: CsvOptions, dialect: Dialect): Schema {
  const declared = new Map<string, DataType>(Object.entries(options.schema ?? {}));
  const names = head.names ?? generatedNames(head.fields, [...declared.keys()]);
  const guessed = guessTypes(head, dialect);
  const schema: Field[] = names.map((name, i) => ({
    name,
    type: declared.get(name) ?? (guessed[i] as DataType),
  }));
  for (const [name, type] of declared) {
    if (!names.includes(name)) {
      throw columnNotFound(name, schema, `declared schema of ${file}`);
    }
    // Raises UNSUPPORTED now rather than in every task.
    if (type.kind !== 'utf8') valueParser({ name, type });
  }
  return schema;
}

/** column_1, column_2, …; a declared schema with one name per column names them instead. */
function generatedNames(fields: number, declared: readonly string[]): string[] {
  const names = Array.from({ length: fields }, (_, i) => `column_${i + 1}`);
  const renames = declared.length === fields && declared.some(name => !names.includes(name));
  return renames ? [...declared] : names;
}

function guessTypes(head: Head, dialect: Dialect): DataType[] {
  const block = new RecordBlock(head.fields);
  const guesser = new TypeGuesser(head.fields, dialect);
  const tokenizer = new Tokenizer(dialect);
  let p = head.dataStart;
  for (;;) {
    const next = tokenizer.fill(head.window, p, head.whole, block);
    guesser.add(head.window, block);
    if (next === p) {
      return guesser.types();
    }
    p = next;
  }
}

function requireSameNames(schema: Schema, head: Head, first: string, file: string): void {
  const names = head.names ?? schema.slice(0, head.fields).map(field => field.name);
  const wayOut = 'Files of one scan have the same columns in the same order: scan them apart';
  for (let i = 0; i < Math.max(names.length, schema.length, head.fields); i++) {
    const expected = schema[i]?.name;
    const name = names[i];
    if (name !== expected) {
      throw badData(
        { file, row: 1, column: expected ?? name },
        `column ${i + 1} is ${name === undefined ? 'missing' : `'${name}'`}, but ${expected === undefined ? 'there is none' : `'${expected}'`} in ${first}`,
        wayOut,
      );
    }
  }
}

function requireDeclared(file: string, options: CsvOptions): void {
  if (options.schema === null) {
    throw badData(
      { file },
      'the file is empty',
      'Declare a schema ({ name: DataType.Int64, … }) to read it as zero rows',
    );
  }
}
