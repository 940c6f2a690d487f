/**
 * npm run cross-check: files of pyarrow, Polars and DuckDB read back equal in Volley, and Volley's in them. Expected values
 * come from the peers alone: cross_check.py writes the files and what their own readers find in them, and reads what
 * Volley wrote. Exit code 1 on any difference.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { python } from '../../bench/systems/process.js';
import { isVolleyError } from '../../core/base/errors.js';
import { packageRoot } from '../../core/base/version.js';
import { newSeed } from '../../dataframe/io/testing/oracle.js';
import { connect, type DataFrame, type Session } from '../../index.js';
import { type Cell, cellsOf, kindOf } from './cells.js';
import { type SourceSet, writtenForms } from './written-forms.js';

type Format = 'parquet' | 'ipc' | 'csv' | 'ndjson' | 'json';

/** A file of a peer, and what it finds there. */
interface Case {
  readonly peer: string;
  readonly format: Format;
  readonly form: string;
  readonly path: string;
  readonly options: object;
  readonly rows: number;
  /** `cells`: the key of the column's. */
  readonly columns: readonly { readonly name: string; readonly kind: string; readonly cells: string }[];
  /** Columns that Volley does not read: it has to say so by name. */
  readonly refused: readonly string[];
}

interface Manifest {
  readonly cases: readonly Case[];
  readonly columns: Readonly<Record<string, readonly Cell[]>>;
}

/** By who wrote and who read, and the format. */
class Tally {
  readonly failures: string[] = [];
  readonly #rows = new Map<string, { cases: number; passed: number; refused: number; failed: number }>();

  add(who: string, format: string, form: string, { refused = 0, failure = null as string | null }): void {
    const key = `${who.padEnd(20)} ${format.padEnd(8)}`;
    const row = this.#rows.get(key) ?? { cases: 0, passed: 0, refused: 0, failed: 0 };
    this.#rows.set(key, row);
    row.cases++;
    row.refused += refused;
    if (failure === null) row.passed++;
    else {
      row.failed++;
      this.failures.push(`${who}, ${format}, ${form}: ${failure}`);
    }
  }

  print(): void {
    console.log(
      `${'from → to'.padEnd(20)} ${'format'.padEnd(8)}   cases  passed  failed  columns refused by name`,
    );
    for (const [key, { cases, passed, failed, refused }] of this.#rows)
      console.log(`${key} ${[cases, passed, failed, refused].map(n => String(n).padStart(7)).join(' ')}`);
  }
}

const tally = new Tally();
/** What Volley said of columns that it does not read or write. */
const refusals = new Set<string>();

function scan(
  session: Session,
  { format, path, options }: Pick<Case, 'format' | 'path' | 'options'>,
): DataFrame {
  switch (format) {
    case 'parquet':
      return session.scanParquet(path, options);
    case 'ipc':
      return session.scanIPC(path, options);
    case 'csv':
      return session.scanCSV(path, options);
    case 'ndjson':
      return session.scanNDJSON(path, options);
    case 'json':
      return session.scanJSON(path, options);
  }
}

/** @returns what is wrong, or null */
async function differenceOf(
  session: Session,
  each: Case,
  columns: Manifest['columns'],
): Promise<string | null> {
  const frame = scan(session, each);
  // A column without rows is not looked at.
  for (const name of each.rows > 0 ? each.refused : []) {
    const said = await frame
      .select(name)
      .collect()
      .then(
        () => null,
        error => error,
      );
    if (!isVolleyError(said, 'UNSUPPORTED')) return `column ${name} is to be refused, not ${said ?? 'read'}`;
    refusals.add(said.message.replace(each.path, '…'));
  }
  const table = await frame.select(...each.columns.map(({ name }) => name)).collect();
  if (table.numRows !== each.rows) return `${table.numRows} rows instead of ${each.rows}`;
  for (const [c, { name, kind, cells }] of each.columns.entries()) {
    const vector = table.getChildAt(c)!;
    const found = kindOf(vector.type);
    if (!sameKind(found, kind)) return `${name}: ${found} instead of ${kind}`;
    const values = cellsOf(vector);
    const row = values.findIndex((cell, r) => !sameCell(cell, columns[cells]![r]!));
    if (row >= 0)
      return `${name}, row ${row}: ${JSON.stringify(values[row])} instead of ${JSON.stringify(columns[cells]![row])}`;
  }
  return null;
}

/** Integers that a Parquet file calls decimals without digits behind the point are integers to Volley. */
function sameKind(found: string, kind: string): boolean {
  return found === kind || (/^int(?:32|64)$/.test(found) && /^decimal\(\d+,0\)$/.test(kind));
}

function sameCell(a: Cell, b: Cell): boolean {
  return (
    a === b ||
    (Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((cell, i) => sameCell(cell, b[i])))
  );
}

async function readPeers(session: Session, folder: string, only: string): Promise<void> {
  const { cases, columns } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Manifest;
  for (const each of cases) {
    if (!`${each.peer} ${each.format} ${each.form}`.includes(only)) continue;
    const failure = await differenceOf(session, each, columns).catch(error => String(error));
    const refused = each.rows > 0 ? each.refused.length : 0;
    tally.add(`${each.peer} → Volley`, each.format, each.form, { refused, failure });
  }
}

/** Writes every source in every form, and has the peers read it. */
async function writeForPeers(session: Session, folder: string, seed: number, only: string): Promise<void> {
  const written: object[] = [];
  for (const form of writtenForms) {
    for (const rows of form.set === 'big' ? ['big'] : ['many', 'empty', 'one', 'nulls']) {
      const path = join(folder, `volley-${written.length}.${form.extension}`);
      const name = `${form.extension} ${JSON.stringify(form.options)}, ${form.set}, ${rows}`;
      if (!`volley ${form.format} ${name}`.includes(only)) continue;
      try {
        const source =
          form.set === 'big'
            ? session.scanParquet(join(folder, 'source-big.parquet'))
            : session.scanIPC(join(folder, `source-${form.set satisfies SourceSet}-${rows}.arrow`));
        await form.sink(source, path);
        written.push({ ...form, rows, path, form: name });
      } catch (error) {
        tally.add('Volley → peers', form.format, name, { failure: String(error) });
      }
    }
  }
  writeFileSync(join(folder, 'written.json'), JSON.stringify(written));
  const child = spawn(python, [script, 'read', folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const { format, form, passed, failures } = JSON.parse(line) as {
      format: Format;
      form: string;
      passed: string[];
      failures: string[];
    };
    for (const reader of passed) tally.add(`Volley → ${reader}`, format, form, {});
    for (const failure of failures) tally.add(`Volley → ${failure.split(':')[0]}`, format, form, { failure });
  }
  if ((await ended) !== 0) tally.failures.push('the peers ended before they had read everything');
}

const script = join(packageRoot, 'test', 'peers', 'cross_check.py');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      // Of the large file.
      rows: { type: 'string', default: '1e7' },
      // Cases whose name holds this text: `big`, `INT96`, `polars ipc`.
      only: { type: 'string', default: '' },
      // Leaves the files where they are.
      keep: { type: 'boolean', default: false },
    },
  });
  if (!existsSync(python)) {
    console.error('The Python peers are missing. Install them with: npm run bench:peers');
    process.exitCode = 2;
    return;
  }
  const seed = values.seed === undefined ? newSeed() : Number(values.seed);
  console.log(`npm run cross-check -- --seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'volley-cross-check-'));
  try {
    execFileSync(python, [script, 'write', folder, String(seed), String(Number(values.rows))], {
      stdio: 'inherit',
    });
    const session = await connect({ threads: 2 });
    try {
      await readPeers(session, folder, values.only);
      await writeForPeers(session, folder, seed, values.only);
    } finally {
      await session.close();
    }
  } finally {
    if (values.keep) console.log(`files: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  for (const refusal of refusals) console.log(`refused  ${refusal}`);
  tally.print();
  for (const failure of tally.failures) console.log(`FAILED  ${failure}`);
  if (tally.failures.length > 0) process.exitCode = 1;
}

await main();
