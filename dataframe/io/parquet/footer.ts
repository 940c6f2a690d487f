import { limits } from '../../../core/base/limits.js';
import { badData, decoding } from '../errors.js';
import { readRange } from '../paths.js';
import type { OpenSource, SourceHandle } from '../source.js';
import { type FileMetaData, readMetadata } from './metadata.js';
import { type FileColumn, fileColumns } from './types.js';

/** Bytes read first from the end of a file: most footers fit. */
const footerGuessBytes = 128 * 1024;
const magic = 'PAR1';

/** Footers this thread has parsed, least recently used first: every task over a file asks for the same one. */
const parsed = new Map<string, { readonly stamp: string; readonly footer: Footer }>();

export interface Footer {
  readonly metadata: FileMetaData;
  readonly columns: readonly FileColumn[];
}

/**
 * Reads the footer only; not again while the file has the same stamp.
 * @throws BAD_DATA when it is cut, lies about its size or does not parse
 */
export async function readFooter({ handle, size, stamp }: OpenSource, file: string): Promise<Footer> {
  const known = parsed.get(file);
  parsed.delete(file);
  const same = stamp != null && known?.stamp === stamp;
  const footer = same ? known.footer : await parseFooter(handle, size, file);
  if (stamp == null) return footer;
  parsed.set(file, { stamp, footer });
  if (parsed.size > limits.parquetFooters) parsed.delete(parsed.keys().next().value!);
  return footer;
}

async function parseFooter(handle: SourceHandle, size: number, file: string): Promise<Footer> {
  if (size < 12) {
    throw badData(
      { file },
      `${size} bytes are no Parquet file: it was never written, or cut short; write it again or leave it out`,
    );
  }
  const guess = Math.min(size, footerGuessBytes);
  let tail = await readRange(handle, size - guess, guess);
  if (tail.length < 8 || tail.toString('latin1', tail.length - 4) !== magic) {
    throw badData({ file }, 'no Parquet file, or cut short: it does not end in PAR1');
  }
  const footerBytes = tail.readUInt32LE(tail.length - 8);
  if (footerBytes > size - 12 || footerBytes > limits.parquetFooterBytes) {
    throw badData({ file }, `its footer claims ${footerBytes} bytes of a file of ${size}`);
  }
  if (footerBytes + 8 > tail.length) {
    tail = await readRange(handle, size - footerBytes - 8, footerBytes + 8);
  }
  return decoding({ file }, () => {
    const metadata = readMetadata(tail.subarray(tail.length - footerBytes - 8, tail.length - 8));
    checkShape(metadata, file);
    return { metadata, columns: fileColumns(metadata) };
  });
}

/** The little that everything after relies on. */
function checkShape(metadata: FileMetaData, file: string): void {
  const leaves = metadata.schema.filter(element => element.type !== undefined).length;
  let rows = 0;
  for (const group of metadata.row_groups) {
    if (group.num_rows < 0 || group.num_rows > 2 ** 31 - 1) {
      throw badData({ file }, `a row group claims ${group.num_rows} rows`);
    }
    if (group.columns.length !== leaves) {
      throw badData({ file }, `a row group has ${group.columns.length} columns, the schema ${leaves}`);
    }
    rows += group.num_rows;
  }
  if (rows !== metadata.num_rows) {
    throw badData({ file }, `its row groups have ${rows} rows, its footer says ${metadata.num_rows}`);
  }
}
