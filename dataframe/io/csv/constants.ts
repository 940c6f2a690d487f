import { notedRows } from '../../column/distinct-texts.js';

/** Bytes of the first file that types are inferred from: a change of it changes plans. */
export const sampleBytes = 1024 * 1024;
/** Bytes read at a time. */
export const windowBytes = 4 * 1024 * 1024;
/** Records tokenised at a time for inference, and their fields: positions stay in the cache. */
export const blockRecords = 2048;
export const blockFields = 262_144;
/** Most rows of one batch, and most bytes of its values; so few rows it may have whatever they take. */
export const batchRows = 1_048_576;
export const batchBytes = 64 * 1024 * 1024;
export const fewRows = 1024;
/** Rows after which it is known whether a text repeats. */
export const probeRows = 8192;
/** Rows whose texts are noted before they are looked up. */
export const textRows = notedRows;
