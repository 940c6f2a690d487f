import { limits } from '../../../core/base/limits.js';
import type { Dictionary } from '../../column/column.js';
import { contentId } from '../../column/dictionary.js';
import { allocateValues } from '../../column/layout.js';
import { Lent, lending } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import type { OpenSource, ReadUse } from '../source.js';
import { schemeOf } from '../urls.js';
import { firstPage, leastTextBytes } from './chunk.js';
import { allUtf8, countOf, sinkFor } from './decode-parts.js';
import type { Footer } from './footer.js';
import type { ColumnMetaData, RowGroup } from './metadata.js';
import { PageReader } from './pages.js';
import type { FileColumn } from './types.js';

/** Read of each row group: a column with a dictionary page that is longer, with its header, is left alone. */
const pageBytes = 4096;
/** Of a dictionary page when it is unpacked. */
const entriesBytes = 64 * 1024;
/** As many rows of each row group as there are row groups: a thread looks at all of their dictionary pages. */
const rowsPerPage = 2048;

/**
 * Of each column of text that has a small dictionary in every row group: one for all of them, entries in the order in which whoever
 * puts the batches of a file together would come by them. All tasks make the same, each thread once, so that nobody need lead
 * their codes over. Of a file far away, or of many row groups of few rows: none.
 */
export function fileTexts(
  source: OpenSource,
  file: string,
  { metadata, columns }: Footer,
  names: ReadonlySet<string>,
  use: ReadUse,
): Promise<ReadonlyMap<object, Dictionary>> | null {
  const found = use.together;
  const groups = metadata.row_groups.filter(({ num_rows }) => num_rows > 0);
  if (found === undefined || groups.length < 2 || schemeOf(file) !== null) return null;
  if (metadata.num_rows < groups.length ** 2 * rowsPerPage) return null;
  let texts = found.get(metadata);
  if (texts === undefined) {
    texts = textsOfColumns(
      source,
      groups,
      columns.filter(column => isText(column) && names.has(column.name)),
      use,
    );
    found.set(metadata, texts);
    if (found.size > limits.parquetFooters) found.delete(found.keys().next().value!);
  }
  return texts;
}

async function textsOfColumns(
  source: OpenSource,
  groups: readonly RowGroup[],
  columns: readonly FileColumn[],
  use: ReadUse,
): Promise<ReadonlyMap<object, Dictionary>> {
  const found = new Map<object, Dictionary>();
  const lent = new Lent();
  try {
    const space = lent.bytes(Math.max(fewBytes, pageBytes));
    for (const column of columns) {
      const chunks = groups.map(group => group.columns[column.leaf]?.meta_data);
      if (!chunks.every(isCoded)) continue;
      const texts = await textsOf(column, chunks, source, space, use);
      if (texts !== null) found.set(column, texts);
    }
  } finally {
    lent.giveBack();
  }
  return found;
}

function isText({ type, element, leaf }: FileColumn): boolean {
  return leaf >= 0 && element.type === 'BYTE_ARRAY' && (type.kind === 'utf8' || type.kind === 'binary');
}

/** As far as its size tells: texts that are written out have a length each. */
function isCoded(chunk: ColumnMetaData | undefined): chunk is ColumnMetaData {
  return chunk !== undefined && chunk.total_uncompressed_size < leastTextBytes * chunk.num_values;
}

/** Null: not all chunks have such a page, or one is damaged, which is told by who decodes it. */
async function textsOf(
  { element, type }: FileColumn,
  chunks: readonly ColumnMetaData[],
  { handle, size }: OpenSource,
  space: Uint8Array,
  use: ReadUse,
): Promise<Dictionary | null> {
  const sink = sinkFor(element, type, 'code', allocateValues('code', 0), [], use);
  for (const chunk of chunks) {
    const start = firstPage(chunk);
    const length = Math.min(pageBytes, chunk.total_compressed_size, size - start);
    if (!(start >= 0 && length > 0)) return null;
    const { bytesRead } = await handle.read(space, 0, length, start);
    try {
      const taken = lending(lent => {
        const pages = new PageReader(space.subarray(0, bytesRead), chunk, lent);
        const header = pages.next();
        if (header.type !== 'DICTIONARY_PAGE' || header.uncompressed_page_size > entriesBytes) return false;
        sink.begin(lent);
        sink.dictionaryPage(pages.whole(header), countOf(header.dictionary_page_header?.num_values));
        return true;
      });
      if (!taken) return null;
    } catch {
      return null;
    }
  }
  const texts = sink.dictionary()!;
  return type.kind === 'utf8' && !allUtf8(texts) ? null : { ...texts, id: contentId(texts) };
}
