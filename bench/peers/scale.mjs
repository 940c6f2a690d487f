/**
 * The process of a JavaScript reader of Parquet (hyparquet or parquet-wasm), for scale: it reads the columns of a
 * question and answers it with plain loops over what the reader gives. bench/systems/protocol.ts is the contract.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [name, text] = process.argv.slice(2);
const { files } = JSON.parse(text);
const require = createRequire(import.meta.url);
const packagePath = require.resolve.paths(name).map(folder => `${folder}/${name}/package.json`);

function versionOf() {
  for (const path of packagePath) {
    try {
      return JSON.parse(readFileSync(path, 'utf8')).version;
    } catch {}
  }
  return '';
}

/** Columns as arrays of values, whatever the reader has of them. */
async function reader() {
  if (name === 'hyparquet') {
    const { asyncBufferFromFile, parquetRead } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    return async (file, columns) => {
      const chunks = Object.fromEntries(columns.map(column => [column, [[]]]));
      await parquetRead({
        file: await asyncBufferFromFile(file),
        compressors,
        columns,
        // Columns are cut in places of their own.
        onChunk: ({ columnName, columnData, rowStart }) => {
          const [all] = chunks[columnName];
          for (let i = 0; i < columnData.length; i++) all[rowStart + i] = columnData[i];
        },
      });
      return chunks;
    };
  }
  const { readParquet } = await import('parquet-wasm');
  const { tableFromIPC } = await import('apache-arrow');
  return async (file, columns) => {
    const table = tableFromIPC(readParquet(readFileSync(file), { columns }).intoIPCStream());
    return Object.fromEntries(columns.map(column => [column, [table.getChild(column)]]));
  };
}

const read = await reader();

async function sumsBy(file, key, ...values) {
  const columns = await read(file, [key, ...values]);
  const groups = new Map();
  columns[key].forEach((keys, part) => {
    const parts = values.map(value => columns[value][part]);
    let row = 0;
    for (const k of keys) {
      let sums = groups.get(k);
      if (sums === undefined) groups.set(k, (sums = new Float64Array(values.length)));
      for (let v = 0; v < parts.length; v++) sums[v] += Number(parts[v][row] ?? parts[v].get(row));
      row++;
    }
  });
  return { key, values, groups };
}

const questions = {};
for (const [letter, form] of [
  ['s', 'snappy'],
  ['z', 'zstd'],
]) {
  questions[`${letter}1`] = () => sumsBy(files[form], 'id1', 'v1');
  questions[`${letter}2`] = () => sumsBy(files[form], 'id3', 'v1');
  questions[`${letter}3`] = () => sumsBy(files[form], 'id6', 'v1', 'v2', 'v3');
}

function check({ key, values, groups }) {
  const sums = Object.fromEntries(values.map(value => [value, 0]));
  if (key === 'id6') sums.id6 = 0;
  for (const [k, group] of groups) {
    if (key === 'id6') sums.id6 += k;
    values.forEach((value, v) => {
      sums[value] += group[v];
    });
  }
  return { rows: groups.size, sums };
}

const reply = message => process.stdout.write(`${JSON.stringify(message)}\n`);
reply({ kind: 'ready', version: versionOf(), loadMs: 0, convertMs: 0, note: 'from files' });
for await (const question of createInterface({ input: process.stdin })) {
  try {
    if (questions[question] === undefined) {
      reply({ kind: 'unanswered' });
      continue;
    }
    const start = performance.now();
    const answer = await questions[question]();
    reply({ kind: 'answer', ms: performance.now() - start, check: check(answer) });
  } catch (error) {
    reply({ kind: 'error', message: String(error) });
  }
}
