import { limits } from '../../../core/base/limits.js';
import { Lent } from '../../kernels/lent.js';
import { badData } from '../errors.js';
import { readRanges } from '../parquet/ranges.js';
import { readRange } from '../paths.js';
import type { OpenSource, SourceHandle } from '../source.js';
import {
  type BatchHeader,
  type Block,
  continuation,
  type Message,
  metadataOf,
  readFooterTable,
  readMessage,
} from './message.js';
import { type IpcField, readSchema } from './schema.js';

/** A dictionary, or a part of one, in the order of the file. */
export interface DictionaryBlock extends Block {
  readonly id: number;
}

export interface BatchBlock extends Block {
  readonly header: BatchHeader;
  /** What its codes stand for: of each id the entries, and those that were appended. */
  readonly dictionaries: readonly DictionaryBlock[];
}

export interface IpcContents {
  readonly fields: readonly IpcField[];
  readonly batches: readonly BatchBlock[];
  /** Where the schema stands: in the footer of a file, in the first message of a stream. */
  readonly schema: SchemaPlace;
}

export interface SchemaPlace {
  readonly form: 'file' | 'stream';
  readonly start: number;
  readonly length: number;
}

const magic = Buffer.from('ARROW1');
/** Footer length and magic. */
const tailBytes = 10;
/** Read at a time: most metadata is far smaller. */
const windowBytes = 64 * 1024;

/** Everything but the values: schema and where the record batches lie. Bodies are not read. @throws BAD_DATA, RangeError */
export async function readContents({ handle, size }: OpenSource, file: string): Promise<IpcContents> {
  const head = await readRange(handle, 0, Math.min(size, 8));
  if (head.toString('latin1', 0, 4) === 'FEA1') {
    throw badData(
      { file },
      'is Feather version 1, which is no Arrow IPC',
      'Write it again with a newer version',
    );
  }
  const isFile = head.subarray(0, magic.length).equals(magic);
  return isFile ? readFile(handle, size) : readStream(new Window(handle, size), size);
}

/** The schema of a file that was looked at before. */
export async function readFields(handle: SourceHandle, place: SchemaPlace): Promise<IpcField[]> {
  const bytes = await readExactly(handle, place.start, place.length);
  if (place.form === 'file') return readSchema(readFooterTable(bytes, place.start).schema);
  const message = readMessage(metadataOf(bytes));
  if (message.kind !== 'schema') throw new RangeError('its first message is no schema: the file changed');
  return readSchema(message.schema);
}

/** The metadata of one message that was planned. */
export async function readBlock(handle: SourceHandle, { start, metadata, body }: Block): Promise<Message> {
  const message = readMessage(metadataOf(await readExactly(handle, start, metadata)));
  if (message.bodyBytes !== body)
    throw new RangeError(`a body of ${message.bodyBytes} bytes where ${body} lie`);
  return message;
}

async function readExactly(handle: SourceHandle, start: number, length: number): Promise<Buffer> {
  const bytes = await readRange(handle, start, length);
  if (bytes.length < length) throw new RangeError('ends too early: the file changed');
  return bytes;
}

async function readFile(handle: SourceHandle, size: number): Promise<IpcContents> {
  const window = new Window(handle, size);
  const tail = await window.at(size - tailBytes, tailBytes);
  if (size < magic.length + 2 + tailBytes || !tail.subarray(4).equals(magic)) {
    throw new RangeError('does not end as an Arrow file does: it is cut, or was not closed');
  }
  const length = tail.readInt32LE(0);
  const start = size - tailBytes - length;
  if (length < 0 || start < 8 || length > limits.ipcMetadataBytes) {
    throw new RangeError(`its footer claims ${length} of its ${size} bytes`);
  }
  const footer = readFooterTable(await window.at(start, length), start);
  const fields = readSchema(footer.schema);
  const dictionaries = new Dictionaries(false);
  for (const [block, message] of await readMessages(handle, footer.dictionaries)) {
    if (message.kind !== 'dictionary')
      throw new RangeError('its footer takes another message for a dictionary');
    dictionaries.add(message.id, message.isDelta, block);
  }
  const all = dictionaries.now();
  const batches = (await readMessages(handle, footer.batches)).map(([block, message]): BatchBlock => {
    if (message.kind !== 'batch') throw new RangeError('its footer takes another message for a record batch');
    return { ...block, header: message.batch, dictionaries: all };
  });
  return { fields, batches, schema: { form: 'file', start, length } };
}

/** The metadata of messages that a footer names, some at a time. */
async function readMessages(handle: SourceHandle, blocks: readonly Block[]): Promise<[Block, Message][]> {
  const out: [Block, Message][] = [];
  for (let from = 0; from < blocks.length; from += limits.ipcReadsInFlight) {
    const some = blocks.slice(from, from + limits.ipcReadsInFlight);
    const lent = new Lent();
    try {
      const ranges = some.map(({ start, metadata }) => ({ start, length: metadata }));
      const read = await readRanges(handle, ranges, lent);
      some.forEach((block, i) => {
        const message = readMessage(metadataOf(read[i]!));
        if (message.bodyBytes !== block.body) {
          throw new RangeError(`a body of ${message.bodyBytes} bytes where its footer has ${block.body}`);
        }
        out.push([block, message]);
      });
    } finally {
      lent.giveBack();
    }
  }
  return out;
}

async function readStream(window: Window, size: number): Promise<IpcContents> {
  let fields: IpcField[] | null = null;
  let schema: SchemaPlace = { form: 'stream', start: 0, length: 0 };
  const dictionaries = new Dictionaries(true);
  const batches: BatchBlock[] = [];
  let at = 0;
  for (let n = 0; n < limits.ipcMessages; n++) {
    if (size - at < 4) throw new RangeError(`ends at byte ${size} without the mark of its end: it is cut`);
    const head = await window.at(at, Math.min(8, size - at));
    const marked = head.readUInt32LE(0) === continuation;
    const prefix = marked ? 8 : 4;
    if (head.length < prefix) throw new RangeError(`ends at byte ${size}, within a message`);
    const length = head.readInt32LE(prefix - 4);
    if (length === 0) {
      await requireNothing(window, at + prefix, size);
      if (fields === null) throw new RangeError('has no schema');
      return { fields, batches, schema };
    }
    if (length < 0 || length > limits.ipcMetadataBytes || at + prefix + length > size) {
      throw new RangeError(
        `a message at ${at} of ${length} bytes of metadata in ${size}: it is cut, or no Arrow IPC`,
      );
    }
    const metadata = prefix + length;
    const message = readMessage(metadataOf(await window.at(at, metadata)));
    const block: Block = { start: at, metadata, body: message.bodyBytes };
    at += metadata + message.bodyBytes;
    if (at > size)
      throw new RangeError(`ends at byte ${size}, within a body that goes on to ${at}: it is cut`);
    if ((message.kind === 'schema') !== (fields === null))
      throw new RangeError('its schema is not its first message');
    if (message.kind === 'schema') {
      fields = readSchema(message.schema);
      schema = { form: 'stream', start: block.start, length: metadata };
    } else if (message.kind === 'dictionary') dictionaries.add(message.id, message.isDelta, block);
    else batches.push({ ...block, header: message.batch, dictionaries: dictionaries.now() });
  }
  throw new RangeError(`has more than ${limits.ipcMessages} messages`);
}

/** Behind the end of a stream there may be padding; anything else means that the mark of the end is damage. */
async function requireNothing(window: Window, from: number, size: number): Promise<void> {
  const rest = await window.at(from, Math.min(size - from, windowBytes));
  if (rest.length < size - from || rest.some(byte => byte !== 0)) {
    throw new RangeError(`goes on for ${size - from} bytes behind the mark of its end`);
  }
}

/** The blocks that make up each dictionary so far. */
class Dictionaries {
  readonly #replaced: boolean;
  readonly #blocks = new Map<number, DictionaryBlock[]>();
  #now: readonly DictionaryBlock[] | null = [];

  /** `replaced`: whether a dictionary may take the place of an earlier one. */
  constructor(replaced: boolean) {
    this.#replaced = replaced;
  }

  add(id: number, isDelta: boolean, block: Block): void {
    const known = this.#blocks.get(id);
    if (isDelta && known === undefined)
      throw new RangeError(`adds to dictionary ${id}, which does not exist`);
    if (!isDelta && known !== undefined && !this.#replaced)
      throw new RangeError(`has dictionary ${id} twice`);
    if (isDelta) known!.push({ ...block, id });
    else this.#blocks.set(id, [{ ...block, id }]);
    this.#now = null;
  }

  now(): readonly DictionaryBlock[] {
    this.#now ??= [...this.#blocks.values()].flat();
    return this.#now;
  }
}

/** Small reads next to each other as one. */
class Window {
  readonly #handle: SourceHandle;
  readonly #size: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(handle: SourceHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  /** Exactly these bytes. */
  async at(start: number, length: number): Promise<Buffer> {
    if (start < 0 || length < 0 || start + length > this.#size)
      throw new RangeError('ends too early: it is cut');
    if (start < this.#start || start + length > this.#start + this.#bytes.length) {
      // The last bytes of a file are read with what stands before them.
      const from = Math.max(0, Math.min(start, this.#size - windowBytes));
      const ahead = start + length - from > windowBytes ? start : from;
      const bytes = Math.max(length, Math.min(windowBytes, this.#size - ahead));
      this.#bytes = await readExactly(this.#handle, ahead, bytes);
      this.#start = ahead;
    }
    return this.#bytes.subarray(start - this.#start, start - this.#start + length);
  }
}
