import { isUtf8 } from 'node:buffer';
import { assert } from '../../../core/base/assert.js';
import type { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import type { Batch } from '../../column/column.js';
import { formatType, type Schema } from '../../column/datatype.js';
import { selectedFields } from '../columns.js';
import { type BadPlace, badData } from '../errors.js';
import { openSource, readRange } from '../paths.js';
import type { IoEnv, ScanSpec, SourceHandle, SourceReader, Split } from '../source.js';
import { batchRows, windowBytes } from './constants.js';
import { type ColumnConverter, createConverter } from './convert.js';
import { type Dialect, dialectOf } from './dialect.js';
import { inspectCsv } from './inspect.js';
import { countRecords, RecordScanner } from './scanner.js';
import { Problem, RecordBlock, Tokenizer } from './tokenize.js';

/**
 * CSV: one split per byte range, cut at record starts. Rows in errors count records of the file from 1, header and
 * blank lines included, so that they are line numbers where no field holds a line break.
 */
export const csvReader: SourceReader = {
  inspect: inspectCsv,
  async *read(scan, splits, env) {
    for (const split of splits) yield* read(scan, split, env);
  },
};

async function* read(scan: ScanSpec, split: Split, env: IoEnv): AsyncGenerator<Batch> {
  assert(scan.schema !== null && scan.csv !== null, 'a scan is read after its inspection');
  const schema = selectedFields(scan.schema, scan.columns, `scan of ${split.path}`);
  if (split.start >= split.end) {
    return;
  }
  const { handle } = await openSource(split.path, env);
  try {
    const reader = new SplitReader(handle, split, scan.schema, schema, dialectOf(scan.csv));
    yield* reader.batches();
    if (reader.skipped > 0) {
      reportSkipped(split.path, reader.skipped, env);
    }
  } finally {
    await handle.close();
  }
}

/** ignoreErrors drops rows; that it did is never silent. */
function reportSkipped(path: string, rows: number, env: IoEnv): void {
  if (env.skippedRows !== undefined) {
    env.skippedRows(path, rows);
  } else {
    process.emitWarning(`volley: ignoreErrors skipped ${rows} bad rows of ${path}`);
  }
}

class SplitReader {
  skipped = 0;
  #handle: SourceHandle;
  #split: Split;
  #file: Schema;
  #schema: Schema;
  #dialect: Dialect;
  #tokenizer: Tokenizer;
  #block: RecordBlock;
  #converters: readonly ColumnConverter[];
  #rows = 0;

  constructor(handle: SourceHandle, split: Split, file: Schema, schema: Schema, dialect: Dialect) {
    this.#handle = handle;
    this.#split = split;
    this.#file = file;
    this.#schema = schema;
    this.#dialect = dialect;
    this.#tokenizer = new Tokenizer(dialect);
    this.#block = new RecordBlock(file.length);
    this.#converters = schema.map(field => {
      const column = file.findIndex(candidate => candidate.name === field.name);
      return createConverter(field, column, dialect);
    });
  }

  async *batches(): AsyncGenerator<Batch> {
    for await (const { window, final } of this.#windows()) {
      let p = this.#consumed;
      for (;;) {
        const next = this.#tokenizer.fill(window, p, final, this.#block);
        if (this.#block.count > 0) {
          await this.#convert(window);
        }
        if (this.#rows >= batchRows) {
          yield this.#finish();
        }
        if (next === p) {
          break;
        }
        p = next;
      }
      this.#consumed = p;
    }
    if (this.#rows > 0) {
      yield this.#finish();
    }
  }

  /** Bytes of the current window whose records are done. */
  #consumed = 0;

  /** Pieces of the split, each beginning with what the consumer left of the one before. */
  async *#windows(): AsyncGenerator<{ window: Buffer; final: boolean }> {
    const { start, end, path } = this.#split;
    // A record that no window has held so far: its pieces wait until the scanner sees its end, so it is tokenised once.
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    let scanner: RecordScanner | null = null;
    let dropping = false;
    for (let position = start; position < end; ) {
      const wanted = Math.min(windowBytes, end - position);
      let chunk: Buffer = await readRange(this.#handle, position, wanted);
      if (chunk.length < wanted) {
        throw badData(
          { file: path },
          `ends at byte ${position + chunk.length}, planned to ${end}: the file changed`,
        );
      }
      position += wanted;
      const final = position >= end;
      if (scanner !== null) {
        const found: number = scanner.find(chunk, 0, 0);
        if (found < 0 && !final) {
          pendingBytes += chunk.length;
          if (!dropping) {
            pending.push(chunk);
          }
          if (!dropping && pendingBytes > limits.lineBytes) {
            await this.#overlong(pending[0]!);
            pending = [];
            dropping = true;
          }
          continue;
        }
        if (dropping) {
          chunk = chunk.subarray(found < 0 ? chunk.length : found);
        }
        scanner = null;
        dropping = false;
      }
      const window: Buffer = pending.length === 0 ? chunk : Buffer.concat([...pending, chunk]);
      this.#consumed = 0;
      yield { window, final };
      const rest = window.subarray(this.#consumed);
      pending = rest.length === 0 ? [] : [rest];
      pendingBytes = rest.length;
      if (rest.length > 0 && this.#consumed === 0) {
        scanner = new RecordScanner(this.#dialect);
        scanner.find(rest, 0, 0);
      }
    }
  }

  /** A record that does not end within the bound: an error, or one more that is skipped. */
  async #overlong(beginning: Buffer): Promise<void> {
    if (!this.#dialect.ignoreErrors) {
      const row = await this.#rowOf(this.#tokenizer.records);
      const text = beginning.toString('utf8', 0, 100);
      throw badData({ file: this.#split.path, row, text }, `a line exceeds ${limits.lineBytes} bytes`);
    }
    this.skipped++;
    this.#tokenizer.records++;
  }

  async #convert(window: Buffer): Promise<void> {
    const block = this.#block;
    checkText(window, block);
    let bad = -1;
    let badColumn = -1;
    for (let r = 0; r < block.count; r++) {
      if (block.problem[r] !== Problem.None) {
        bad = bad < 0 ? r : bad;
      }
    }
    for (let c = 0; c < this.#converters.length; c++) {
      const converter = this.#converters[c]!;
      for (let r = 0; r < block.count; r++) {
        if (block.problem[r] === Problem.None && !converter.parse(window, block, r)) {
          block.problem[r] = Problem.Value;
          if (bad < 0 || r < bad) {
            bad = r;
            badColumn = c;
          }
        }
      }
    }
    if (bad >= 0 && !this.#dialect.ignoreErrors) {
      throw await this.#failure(window, bad, badColumn);
    }
    let kept = block.count;
    if (bad >= 0) {
      for (let r = 0; r < block.count; r++) {
        kept -= block.problem[r] === Problem.None ? 0 : 1;
      }
      this.skipped += block.count - kept;
    }
    for (const converter of this.#converters) {
      for (let r = 0; r < block.count; r++) {
        if (block.problem[r] === Problem.None) {
          converter.append(window, block, r);
        }
      }
    }
    this.#rows += kept;
  }

  async #failure(window: Buffer, r: number, converter: number): Promise<VolleyError> {
    const block = this.#block;
    const row = await this.#rowOf(block.ordinal[r]!);
    const line = window.toString('utf8', block.from[r]!, block.to[r]!).replace(/\r$/, '');
    const place: BadPlace = { file: this.#split.path, row, text: line };
    const skip = 'ignoreErrors: true skips such rows';
    switch (block.problem[r]) {
      case Problem.Ragged:
        return badData(place, `${block.found[r]} fields where ${block.fields} belong`, skip);
      case Problem.TextAfterQuote:
        return badData(
          place,
          'text follows a closing quote',
          `Quotes within quoted fields are doubled. ${skip}`,
        );
      case Problem.OpenQuote:
        return badData(place, 'a quoted field never ends', `quote: '' turns quoting off. ${skip}`);
      case Problem.Nul:
        return badData(place, 'a NUL byte', skip);
      case Problem.NotUtf8:
        return badData(place, 'not UTF-8', `Convert the file to UTF-8 first. ${skip}`);
      default: {
        const { name, type } = this.#converters[converter]!.field;
        const i = r * block.fields + this.#file.findIndex(field => field.name === name);
        const text = window.toString('utf8', block.starts[i]!, block.ends[i]!);
        const wayOut = `Declare another type (schema: { ${JSON.stringify(name)}: DataType.Utf8 }), add the text to nullValues, or ${skip}`;
        return badData({ ...place, column: name, text }, `no ${formatType(type)}`, wayOut);
      }
    }
  }

  /** 1-based number in the file of a record of this split. Only errors pay for counting what comes before. */
  async #rowOf(ordinal: number): Promise<number> {
    return 1 + ordinal + (await countRecords(this.#handle, 0, this.#split.start, this.#dialect));
  }

  #finish(): Batch {
    const batch = {
      schema: this.#schema,
      rows: this.#rows,
      columns: this.#converters.map(converter => converter.builder.finish()),
    };
    this.#rows = 0;
    return batch;
  }
}

/** Marks records with NUL bytes or invalid UTF-8. The whole block is looked at natively; records only when it fails. */
function checkText(window: Buffer, block: RecordBlock): void {
  const from = block.from[0]!;
  const to = block.to[block.count - 1]!;
  const bytes = window.subarray(from, to);
  const valid = isUtf8(bytes);
  const hasNul = bytes.includes(0);
  if (valid && !hasNul) {
    return;
  }
  for (let r = 0; r < block.count; r++) {
    const record = window.subarray(block.from[r]!, block.to[r]!);
    if (!valid && !isUtf8(record)) {
      block.problem[r] ||= Problem.NotUtf8;
    } else if (hasNul && record.includes(0)) {
      block.problem[r] ||= Problem.Nul;
    }
  }
}
