import { csvReader } from './csv/reader.js';
import { hiveReader } from './hive-reader.js';
import { ipcReader } from './ipc/reader.js';
import { jsonReader, ndjsonReader } from './json/reader.js';
import { parquetReader } from './parquet/reader.js';
import { postgresReader } from './postgres/reader.js';
import type { ScanFormat, ScanSpec, SourceReader } from './source.js';

export { rehearseUnpacking } from './parquet/hybrid-wasm.js';

/** What reads the files of a scan. */
export function readerOf(scan: ScanSpec): SourceReader {
  const files = readerFor(scan.format);
  return scan.hive === undefined ? files : hiveReader(files);
}

function readerFor(format: ScanFormat): SourceReader {
  switch (format) {
    case 'parquet':
      return parquetReader;
    case 'csv':
      return csvReader;
    case 'ndjson':
      return ndjsonReader;
    case 'json':
      return jsonReader;
    case 'ipc':
      return ipcReader;
    case 'postgres':
      return postgresReader;
  }
}
