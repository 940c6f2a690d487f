import { assert } from '../../../core/base/assert.js';
import { limits } from '../../../core/base/limits.js';
import type { DataType, Field, Schema } from '../../column/datatype.js';
import { Lent } from '../../kernels/lent.js';
import { selectedFields } from '../columns.js';
import { sampleBytes } from '../csv/constants.js';
import { markBytes } from '../csv/scanner.js';
import { badData } from '../errors.js';
import { openSource, resolveSources } from '../paths.js';
import type { ByteSource, IoEnv, ScanInspection, ScanSpec, Split } from '../source.js';
import { splitSource } from '../text/split-source.js';
import { packingOf } from '../text/unpack.js';
import { Window } from '../window.js';
import type { Framing } from './framing.js';
import { ShapeGuesser } from './infer.js';
import { Lexer, lineFeed, openBrace } from './lexer.js';
import { createWriter } from './writers.js';

/**
 * Types come from the head of the first file that has records. `split` cuts a file of so many bytes; a compressed one
 * stays whole.
 */
export async function inspectJson(
  scan: ScanSpec,
  env: IoEnv,
  framing: () => Framing,
  split: (size: number) => readonly number[],
): Promise<ScanInspection> {
  assert(scan.json !== undefined, 'a scan of JSON has its options');
  const declared = new Map<string, DataType>(Object.entries(scan.json.schema ?? {}));
  // Raises UNSUPPORTED now rather than in every task.
  for (const [name, type] of declared) createWriter(type, name, false);
  const files = await resolveSources(scan.paths, scan.format, env);
  const splits: Split[] = [];
  const lent = new Lent();
  let inferred: Schema | null = null;
  for (const file of files) {
    const { handle, size } = await openSource(file, env);
    try {
      const packing = await packingOf(handle);
      const whole = { ...byteRange(file, 0, size), ...(packing && { packing }) };
      if (inferred === null) {
        const source = await splitSource(handle, whole);
        try {
          inferred = await inferSchema(source, file, framing(), lent);
        } finally {
          await source.close();
        }
      }
      const starts = packing === null ? split(size) : [0];
      starts.forEach((start, i) => {
        const end = starts[i + 1] ?? size;
        splits.push({ ...whole, start, end, bytes: end - start });
      });
    } finally {
      lent.giveBack();
      await handle.close();
    }
  }
  if (inferred === null && declared.size === 0) {
    throw badData(
      { file: files[0] as string },
      'has no records',
      'Declare a schema ({ name: DataType.Int64, … }) to read it as zero rows',
    );
  }
  const schema = schemaOf(inferred ?? [], declared);
  selectedFields(schema, scan.columns, `scan of ${files[0]}`);
  // Plans need at least one partition to carry the schema.
  if (splits.length === 0) splits.push(byteRange(files[0] as string, 0, 0));
  return { schema, splits };
}

function byteRange(path: string, start: number, end: number): Split {
  return { path, rowGroup: 0, start, end, rows: -1, bytes: end - start, statistics: null };
}

/** Declared types override; declared columns that the sample does not have follow: they may come later. */
function schemaOf(inferred: Schema, declared: ReadonlyMap<string, DataType>): Schema {
  const found = inferred.map(({ name, type }): Field => ({ name, type: declared.get(name) ?? type }));
  const names = new Set(found.map(({ name }) => name));
  const more = [...declared].filter(([name]) => !names.has(name)).map(([name, type]) => ({ name, type }));
  return [...found, ...more];
}

/** From the records of the sample, which goes on until there is one; null: the file has none. */
async function inferSchema(
  source: ByteSource,
  file: string,
  framing: Framing,
  lent: Lent,
): Promise<Schema | null> {
  const window = new Window(source, 0, sampleBytes, lent);
  const guesser = new ShapeGuesser();
  const lexer = new Lexer(framing.linesEnd);
  let records = 0;
  let problem: string | null = null;
  await window.more();
  window.at = markBytes(window.bytes);
  for (;;) {
    const { bytes, isFinal } = window;
    const p = framing.start(bytes, window.at, bytes.length, isFinal);
    window.at = p;
    if (framing.state === 'done' || (records > 0 && window.start + p >= sampleBytes)) break;
    if (framing.state === 'malformed') {
      problem = framing.problem;
      break;
    }
    const to = framing.state === 'more' ? -1 : lexer.skipValue(bytes, p, bytes.length);
    const next = to < 0 ? -1 : framing.finish(bytes, to, bytes.length, isFinal);
    if (next >= 0) {
      if (bytes[p] === openBrace) {
        guesser.add(bytes, p, to);
        records++;
      } else problem ??= 'no JSON object';
      window.at = next;
      continue;
    }
    const cut = framing.state === 'more' || (to < 0 && lexer.problem === null);
    if (cut && !isFinal && bytes.length - p <= limits.lineBytes) {
      if (records > 0 && window.start + bytes.length >= sampleBytes) break;
      await window.more();
      continue;
    }
    problem ??= (to < 0 ? lexer.problem : framing.problem) ?? 'ends too early';
    if (!framing.linesEnd || isFinal) break;
    await window.skipPast(lineFeed);
  }
  // What is wrong behind good records is for the reader to say.
  if (records === 0 && problem !== null) throw badData({ file }, problem);
  const schema = guesser.schema();
  return schema.length === 0 ? null : schema;
}
