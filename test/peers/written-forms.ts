import type { DataFrame } from '../../index.js';

/** Tables that the peers made for Volley to write: every type, those of CSV, those of JSON, and many rows. */
export type SourceSet = 'types' | 'csv' | 'json' | 'big';

export interface WrittenForm {
  readonly set: SourceSet;
  readonly format: 'parquet' | 'ipc' | 'csv' | 'ndjson' | 'json';
  readonly extension: string;
  /** Of the sink; readers of text have to know some. */
  readonly options: object;
  sink(frame: DataFrame, path: string): Promise<unknown>;
}

const parquet = [
  ...(['none', 'snappy', 'zstd'] as const).flatMap(compression => [
    { compression },
    { compression, rowGroupRows: 90 },
  ]),
  { bloomFilters: ['int64', 'utf8'], rowGroupRows: 200 },
];
const ipc = (['none', 'lz4', 'zstd'] as const).flatMap(compression =>
  [[], true as const].flatMap(dictionaries => [
    { compression, dictionaries },
    { compression, dictionaries, batchRows: 77 },
  ]),
);
const csv = [{}, { delimiter: ';' }, { delimiter: '\t', nullValue: 'NULL' }];
const packings = ['', '.gz', '.zst'];

/** Every form in which Volley writes. */
export const writtenForms: readonly WrittenForm[] = [
  ...parquet.map(options => parquetForm('types', options)),
  parquetForm('big', {}),
  ...ipc.map(options => ipcForm('types', options)),
  ipcForm('big', { compression: 'lz4' }),
  ...csv.flatMap(options => packings.map(packing => csvForm(`csv${packing}`, options))),
  ...packings.map(packing => jsonForm('ndjson', `ndjson${packing}`)),
  ...packings.map(packing => jsonForm('json', `json${packing}`)),
];

function parquetForm(set: SourceSet, options: Parameters<DataFrame['sinkParquet']>[1] & {}): WrittenForm {
  const sink: WrittenForm['sink'] = (frame, path) => frame.sinkParquet(path, options);
  return { set, format: 'parquet', extension: 'parquet', options, sink };
}

function ipcForm(set: SourceSet, options: Parameters<DataFrame['sinkIPC']>[1] & {}): WrittenForm {
  const sink: WrittenForm['sink'] = (frame, path) => frame.sinkIPC(path, options);
  return { set, format: 'ipc', extension: 'arrow', options, sink };
}

function csvForm(extension: string, options: Parameters<DataFrame['sinkCSV']>[1] & {}): WrittenForm {
  const sink: WrittenForm['sink'] = (frame, path) => frame.sinkCSV(path, options);
  return { set: 'csv', format: 'csv', extension, options, sink };
}

function jsonForm(format: 'ndjson' | 'json', extension: string): WrittenForm {
  const sink: WrittenForm['sink'] = (frame, path) =>
    format === 'json' ? frame.sinkJSON(path) : frame.sinkNDJSON(path);
  return { set: 'json', format, extension, options: {}, sink };
}
