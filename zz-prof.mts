import { ndjsonReader } from './dataframe/io/json/reader.ts';
import { Lent } from './dataframe/kernels/lent.ts';
const path = '/tmp/ipcfix/b.ndjson';
const env = { node: 'x', allowPaths: null, attempt: 1, position: 0 };
const cols = process.argv[2] === 'all' ? null : process.argv[2]!.split(',');
const scan: any = { format: 'ndjson', paths: [path], csv: null, columns: null, predicate: null, schema: null, json: { schema: null, ignoreErrors: false, splitBytes: 32 << 20 } };
const { schema, splits } = await ndjsonReader.inspect(scan, env);
for (let k = 0; k < 4; k++) {
  const t = performance.now();
  for await (const b of ndjsonReader.read({ ...scan, schema, columns: cols }, splits, env, { lent: new Lent(), movesText: false, rows: Infinity }));
  console.log((performance.now() - t).toFixed(0));
}
