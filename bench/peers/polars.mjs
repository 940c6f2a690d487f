/** The process of Polars: bench/systems/protocol.ts says what it is told and what it answers. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import pl from 'nodejs-polars';

const { col, len } = pl;
const job = JSON.parse(process.argv[2]);
const version = JSON.parse(
  readFileSync(new URL('node_modules/nodejs-polars/package.json', import.meta.url), 'utf8'),
).version;
const numeric = /^(?:U?Int|Float)/;

const groupby = {
  q1: ({ x }) => x.groupBy('id1').agg(col('v1').sum()),
  q2: ({ x }) => x.groupBy(['id1', 'id2']).agg(col('v1').sum()),
  q3: ({ x }) => x.groupBy('id3').agg(col('v1').sum(), col('v3').mean()),
  q4: ({ x }) => x.groupBy('id4').agg(col('v1').mean(), col('v2').mean(), col('v3').mean()),
  q5: ({ x }) => x.groupBy('id6').agg(col('v1').sum(), col('v2').sum(), col('v3').sum()),
  q6: ({ x }) =>
    x.groupBy(['id4', 'id5']).agg(col('v3').median().alias('median_v3'), col('v3').std().alias('sd_v3')),
  q7: ({ x }) => x.groupBy('id3').agg(col('v1').max().sub(col('v2').min()).alias('range_v1_v2')),
  // This binding has no top_k.
  q8: ({ x }) =>
    x
      .filter(col('v3').isNotNull())
      .groupBy('id6')
      .agg(col('v3').sort({ descending: true }).head(2))
      .explode('v3'),
  q9: ({ x }) => x.groupBy(['id2', 'id4']).agg(pl.pearsonCorr('v1', 'v2').pow(2).alias('r2')),
  q10: ({ x }) =>
    x.groupBy(['id1', 'id2', 'id3', 'id4', 'id5', 'id6']).agg(col('v3').sum(), len().alias('n')),
};
const join = {
  q1: ({ x, small }) => x.join(small, { on: 'id1', how: 'inner', suffix: '_right' }),
  q2: ({ x, medium }) => x.join(medium, { on: 'id2', how: 'inner', suffix: '_right' }),
  q3: ({ x, medium }) => x.join(medium, { on: 'id2', how: 'left', suffix: '_right' }),
  q4: ({ x, medium }) => x.join(medium, { on: 'id5', how: 'inner', suffix: '_right' }),
  q5: ({ x, big }) => x.join(big, { on: 'id3', how: 'inner', suffix: '_right' }),
};
const scan = {
  f1: ({ flights }) => flights.groupBy('origin').agg(len().alias('n'), col('delay').mean()),
  f2: ({ flights }) => flights,
  f3: ({ flights }) =>
    flights
      .filter(col('delay').gt(60))
      .groupBy(['origin', 'destination'])
      .agg(len().alias('n'), col('distance').sum()),
};
for (const [letter, name] of Object.entries({ s: 'snappy', z: 'zstd', c: 'csv' })) {
  scan[`${letter}1`] = ({ [name]: x }) => x.groupBy('id1').agg(col('v1').sum());
  scan[`${letter}2`] = ({ [name]: x }) => x.groupBy('id3').agg(col('v1').sum());
  scan[`${letter}3`] = ({ [name]: x }) =>
    x.groupBy('id6').agg(col('v1').sum(), col('v2').sum(), col('v3').sum());
  scan[`${letter}4`] = ({ [name]: x }) => x;
  scan[`${letter}5`] = ({ [name]: x }) => x.filter(col('v3').lt(0.0001));
}
const questions = { groupby, join, scan }[job.bench];

const reply = message => process.stdout.write(`${JSON.stringify(message)}\n`);

function load() {
  const start = performance.now();
  if (job.scan) {
    const scanned = Object.entries(job.files).map(([name, file]) => [
      name,
      file.endsWith('.csv') ? pl.scanCSV(file) : pl.scanParquet(file),
    ]);
    return { tables: Object.fromEntries(scanned), loadMs: 0, convertMs: 0 };
  }
  const raw = Object.entries(job.files).map(([name, file]) => [name, pl.readParquet(file)]);
  const loaded = performance.now();
  const tables = {};
  for (const [name, frame] of raw) {
    const casts = (job.categories[name] ?? []).map(column => col(column).cast(pl.Categorical));
    tables[name] = (casts.length === 0 ? frame : frame.withColumns(...casts)).lazy();
  }
  for (const name of Object.keys(tables)) tables[name] = tables[name].collectSync().lazy();
  const converted = performance.now();
  return { tables, loadMs: loaded - start, convertMs: converted - loaded };
}

function check(frame) {
  const names = frame.columns.filter((_, i) => numeric.test(frame.dtypes[i].variant));
  const sums = names.map(name => col(name).cast(pl.Float64).fillNan(null).sum().alias(name));
  const [row] = sums.length === 0 ? [{}] : frame.select(...sums).toRecords();
  return { rows: frame.height, sums: row };
}

const { tables, loadMs, convertMs } = load();
reply({
  kind: 'ready',
  version,
  loadMs,
  convertMs,
  note: job.scan ? 'from files' : 'strings of few values as Categorical',
});
for await (const question of createInterface({ input: process.stdin })) {
  try {
    const start = performance.now();
    const frame = await questions[question](tables).collect();
    const ms = performance.now() - start;
    reply({ kind: 'answer', ms, check: check(frame) });
  } catch (error) {
    reply({ kind: 'error', message: String(error) });
  }
}
