import { csvReader } from './dataframe/io/csv/reader.ts';
const env = { node: 'here', allowPaths: null, attempt: 1, position: 0 };
const scan = { format: 'csv' as const, paths: ['/tmp/d3prof/s.csv'], csv: { header: true, delimiter: ',', quote: '"', schema: null, nullValues: [], ignoreErrors: false, splitBytes: 16 << 20 }, columns: null, predicate: null, schema: null };
for (let k = 0; k < 4; k++) {
  const t0 = performance.now();
  const ins = await csvReader.inspect(scan, env);
  const t1 = performance.now();
  let rows = 0, bytes = 0;
  for (const s of ins.splits) { bytes += s.bytes; for await (const b of csvReader.read({ ...scan, schema: ins.schema }, s, env)) rows += b.rows; }
  console.log(k, ins.splits.length, rows, t1 - t0, performance.now() - t1, bytes / (performance.now() - t1) / 1e3, 'MB/s');
}
