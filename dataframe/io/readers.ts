import { csvReader } from './csv/reader.js';
import { parquetReader } from './parquet/reader.js';
import type { ScanFormat, SourceReader } from './source.js';

/** The reader of a file format. */
export function readerFor(format: ScanFormat): SourceReader {
  switch (format) {
    case 'parquet':
      return parquetReader;
    case 'csv':
      return csvReader;
  }
}
