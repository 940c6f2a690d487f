/** Bytes of the first file that types are inferred from: a change of it changes plans. */
export const sampleBytes = 1024 * 1024;
/** Bytes read at a time. */
export const windowBytes = 4 * 1024 * 1024;
/** Records tokenised before their columns are converted: their field positions stay in the cache. */
export const blockRecords = 2048;
/** Fields tokenised before their columns are converted. */
export const blockFields = 262_144;
/** Rows of one batch, about. */
export const batchRows = 65_536;
