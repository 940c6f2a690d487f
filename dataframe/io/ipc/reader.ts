import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import type { Batch, Column } from '../../column/column.js';
import { type Field, formatType, type Schema, sameType } from '../../column/datatype.js';
import { concatBatches, concatColumns } from '../../kernels/concat.js';
import { Lent } from '../../kernels/lent.js';
import { requireSameSchema, selectedFields } from '../columns.js';
import { asBadData, badData } from '../errors.js';
import { openSource, resolveSources } from '../paths.js';
import type {
  IoEnv,
  IpcSplit,
  OpenSource,
  ReadUse,
  ScanInspection,
  ScanSpec,
  SourceHandle,
  SourceReader,
  Split,
} from '../source.js';
import { splitsByFile, splitsUpTo } from '../split-runs.js';
import { type DictionaryBlock, readBlock, readContents, readFields } from './blocks.js';
import { readBuffers } from './buffers.js';
import { decodeField } from './decode.js';
import { type Entries, entriesOf, keepEntries, keptEntries } from './dictionaries.js';
import { type Located, locateFields } from './locate.js';
import type { BatchHeader } from './message.js';
import type { IpcField } from './schema.js';

/** Rows up to which record batches are brought together: streams may have them of a few rows each. */
const batchRows = 65_536;

/** Arrow IPC, files and streams: one split per record batch. Buffers of columns that nobody asks for are not read. */
export const ipcReader: SourceReader = { inspect, read };

async function inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const files = await resolveSources(scan.paths, 'ipc', env);
  const splits: Split[] = [];
  let schema: Schema | null = null;
  for (const file of files) {
    const source = await openSource(file, env);
    try {
      const contents = await readContents(source, file);
      requireDistinct(contents.fields, file);
      const own = contents.fields.map(({ name, type }) => ({ name, type }));
      if (schema === null) {
        schema = own;
        selectedFields(schema, scan.columns, `scan of ${file}`);
      } else requireSameSchema(schema, own, files[0] as string, file);
      for (const { header, start, metadata, body, dictionaries } of contents.batches) {
        const located = locateFields(contents.fields, header);
        if (header.rows === 0) continue;
        const asked = located.filter(({ field }) => scan.columns?.includes(field.name) ?? true);
        splits.push({
          path: file,
          rowGroup: 0,
          start,
          end: start + metadata + body,
          rows: header.rows,
          bytes: asked.reduce((sum, each) => sum + bytesOf(each), 0),
          statistics: null,
          ipc: { schema: contents.schema, metadata, dictionaries },
        });
      }
    } catch (error) {
      throw asBadData({ file }, error);
    } finally {
      await source.handle.close();
    }
  }
  // Plans need at least one partition to carry the schema.
  if (splits.length === 0) {
    const path = files[0] as string;
    splits.push({ path, rowGroup: 0, start: 0, end: 0, rows: 0, bytes: 0, statistics: null });
  }
  return { schema: schema ?? [], splits };
}

function bytesOf({ buffers, children }: Located): number {
  const own = buffers.reduce((sum, { length }) => sum + length, 0);
  return children.reduce((sum, child) => sum + bytesOf(child), own);
}

function requireDistinct(fields: readonly IpcField[], file: string): void {
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name)) {
      throw new VolleyError('DUPLICATE_COLUMN', `${file} has two columns named '${name}'`, {
        file,
        column: name,
      });
    }
    seen.add(name);
  }
}

async function* read(
  scan: ScanSpec,
  splits: readonly Split[],
  env: IoEnv,
  use: ReadUse,
): AsyncGenerator<Batch> {
  assert(scan.schema !== null, 'a scan is read after its inspection');
  const schema = selectedFields(scan.schema, scan.columns, `scan of ${splits[0]?.path}`);
  let left = use.rows;
  for (const wanted of splitsByFile(splits.filter(({ rows }) => rows > 0))) {
    if (left <= 0) return;
    const file = wanted[0]!.path;
    const source = await openSource(file, env);
    try {
      const reader = await FileReader.open(source, file, wanted[0]!, schema, use);
      for (const some of splitsUpTo(batchRows, wanted)) {
        const batches: Batch[] = [];
        for (const split of some) {
          if (left <= 0) break;
          batches.push(await reader.batch(split));
          left -= split.rows;
        }
        if (batches.length > 0) yield concatBatches(schema, batches, use.lent);
      }
    } catch (error) {
      throw asBadData({ file }, error);
    } finally {
      await source.handle.close();
    }
  }
}

/** Reads record batches of one file. */
class FileReader {
  readonly #handle: SourceHandle;
  readonly #stamp: string | null;
  readonly #file: string;
  readonly #fields: readonly IpcField[];
  readonly #schema: Schema;
  readonly #use: ReadUse;
  readonly #entries = new Map<string, Entries>();

  private constructor(
    source: OpenSource,
    file: string,
    fields: readonly IpcField[],
    schema: Schema,
    use: ReadUse,
  ) {
    this.#handle = source.handle;
    this.#stamp = source.stamp ?? null;
    this.#file = file;
    this.#fields = fields;
    this.#schema = schema;
    this.#use = use;
  }

  static async open(
    source: OpenSource,
    file: string,
    split: Split,
    schema: Schema,
    use: ReadUse,
  ): Promise<FileReader> {
    const fields = await readFields(source.handle, placesOf(split).schema);
    for (const field of schema) requireReadable(fields, field, file);
    return new FileReader(source, file, fields, schema, use);
  }

  async batch(split: Split): Promise<Batch> {
    const { metadata, dictionaries } = placesOf(split);
    const { start, end, rows } = split;
    const message = await readBlock(this.#handle, { start, metadata, body: end - start - metadata });
    if (message.kind !== 'batch' || message.batch.rows !== rows) {
      throw new RangeError(`its record batch at ${start} is not the one that was planned: the file changed`);
    }
    const located = locateFields(this.#fields, message.batch);
    const asked = this.#schema.map(({ name }) => located.find(({ field }) => field.name === name)!);
    const columns = await this.#decode(asked, message.batch, start + metadata, dictionaries, rows);
    return { schema: this.#schema, rows, columns };
  }

  async #decode(
    located: readonly Located[],
    { compression }: BatchHeader,
    start: number,
    blocks: readonly DictionaryBlock[],
    rows: number,
    movesText = this.#use.movesText,
  ): Promise<Column[]> {
    const dictionaries = new Map<number, Entries>();
    for (const each of located) await this.#collect(each.field, blocks, rows, dictionaries);
    // What is unpacked does not need the packed bytes any more.
    const lent = compression === 'none' ? this.#use.lent : new Lent();
    try {
      const buffers = await readBuffers(this.#handle, start, located, compression, lent);
      return located.map(each => decodeField(each, { buffers, dictionaries, movesText }));
    } finally {
      if (lent !== this.#use.lent) lent.giveBack();
    }
  }

  /** The dictionaries of a field and those inside it. */
  async #collect(
    field: IpcField,
    blocks: readonly DictionaryBlock[],
    rows: number,
    into: Map<number, Entries>,
  ): Promise<void> {
    const { dictionary } = field;
    if (dictionary !== null && !into.has(dictionary.id)) {
      into.set(dictionary.id, await this.#entriesOf(dictionary, blocks, rows));
    }
    for (const child of field.children) await this.#collect(child, blocks, rows, into);
  }

  async #entriesOf(
    { id, entries }: NonNullable<IpcField['dictionary']>,
    blocks: readonly DictionaryBlock[],
    rows: number,
  ): Promise<Entries> {
    const own = blocks.filter(block => block.id === id);
    if (own.length === 0) throw new RangeError(`column '${entries.name}': dictionary ${id} does not exist`);
    // Dictionaries inside of others may have been replaced in between: those are decoded again.
    const key = entries.children.length > 0 ? '' : own.map(({ start }) => start).join();
    const place = key === '' || this.#stamp === null ? null : `${this.#file}\n${this.#stamp}\n${key}`;
    const known = this.#entries.get(key) ?? (place === null ? null : keptEntries(place));
    if (known !== null) return known;
    const columns: Column[] = [];
    for (const block of own) {
      const message = await readBlock(this.#handle, block);
      if (message.kind !== 'dictionary' || message.id !== id) {
        throw new RangeError(
          `its dictionary at ${block.start} is not the one that was planned: the file changed`,
        );
      }
      const located = locateFields([entries], message.batch);
      columns.push(
        ...(await this.#decode(located, message.batch, block.start + block.metadata, blocks, rows, false)),
      );
    }
    const length = columns.reduce((sum, column) => sum + column.length, 0);
    const made = entriesOf(concatColumns(columns, length), rows);
    if (key !== '') this.#entries.set(key, made);
    if (place !== null) keepEntries(place, made);
    return made;
  }
}

function placesOf(split: Split): IpcSplit {
  assert(split.ipc !== undefined, 'a split of an Arrow file knows where its schema is');
  return split.ipc;
}

function requireReadable(fields: readonly IpcField[], { name, type }: Field, file: string): void {
  const field = fields.find(each => each.name === name);
  if (field === undefined) throw badData({ file, column: name }, 'is not there any more: the file changed');
  if (field.layout.kind === 'refused') {
    throw new VolleyError(
      'UNSUPPORTED',
      `${file}, column '${name}': the Arrow type ${field.layout.what} is not read. ` +
        'Select the other columns to read the rest of the file',
      { file, column: name, type: field.layout.what },
    );
  }
  if (!sameType(field.type, type)) {
    throw badData({ file, column: name }, `is ${formatType(field.type)}, planned as ${formatType(type)}`);
  }
}
