/**
 * npm run build, after the type declarations: bundles what runs. A file costs the module loader one to two milliseconds
 * whatever is in it, on every start of a program, a command and a thread. So each kind of process has code of its own
 * (what they share is small), and what a process loads in any case is put together into one file. What only some need
 * stays in files of its own. Every file that starts in a process or thread keeps its place under dist/
 * (core/base/entries.ts). Packages stay packages.
 */
import { rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));

/** `whole`: modules that become one file with all that they import, save for what is in the files before them. */
const processes = [
  {
    folder: 'program',
    entries: ['index.ts', 'bench/main.ts', 'examples/flights.ts'],
    whole: [
      'index.ts',
      'dataframe/frame/actions.ts',
      'worker/pool/threads.ts',
      'session/embedded.ts',
      'dataframe/column/arrow.ts',
      'core/rpc/bulk-node.ts',
      'core/rpc/grpc-client.ts',
    ],
  },
  {
    folder: 'command',
    entries: ['cli/main.ts', 'cli/script-loader.ts', 'cli/script-hooks.ts', 'worker/shell/supervisor.ts'],
    whole: ['cli/main.ts', 'scheduler/shell/head.ts', 'core/rpc/grpc-server.ts'],
  },
  {
    folder: 'engine',
    entries: ['worker/shell/engine-main.ts'],
    whole: [
      'worker/shell/engine-main.ts',
      'core/rpc/grpc-client.ts',
      'core/rpc/bulk-grpc-server.ts',
      'core/rpc/bulk-grpc-client.ts',
    ],
  },
  {
    folder: 'thread',
    entries: ['worker/pool/thread.ts'],
    whole: ['worker/pool/thread.ts', 'dataframe/io/readers.ts', 'dataframe/io/sink.ts'],
  },
];

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  minifyWhitespace: true,
  lineLimit: 110,
  logLevel: 'warning',
};

rmSync(join(root, 'dist/shared'), { recursive: true, force: true });
await Promise.all(processes.map(bundle));
await writeRehearsed();

/** The files that idle threads rehearse scans with (dataframe/physical/warm-up.ts), by what was just built. */
async function writeRehearsed() {
  const { col, connect, DataType } = await import('./dist/index.js');
  const session = await connect({ threads: 1 });
  const rows = Array.from({ length: 4096 }, (_, i) => ({
    name: i % 97 === 0 ? null : `name ${i % 100}`,
    whole: BigInt(i % 20),
    real: i / 3,
  }));
  const options = { rowGroupRows: 2048, overwrite: true };
  for (const compression of ['snappy', 'zstd'])
    await session
      .fromRecords(rows, { partitions: 1 })
      .withColumns(col('whole').cast(DataType.Int32))
      .sinkParquet(join(root, `dist/rehearsed-${compression}.parquet`), { ...options, compression });
  await session.close();
}

async function bundle(kind) {
  const { folder, entries } = kind;
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: entries,
    splitting: true,
    absWorkingDir: root,
    outbase: root,
    outdir: 'dist',
    chunkNames: `shared/${folder}/[name]-[hash]`,
    sourcemap: 'inline',
    metafile: true,
    write: false,
  });
  const chunks = new Map(outputFiles.map(({ path, text }) => [path, { text, ...about(metafile, path) }]));
  const homes = homesOf(chunks, kind);
  const files = new Set(homes.values());
  // Dynamic imports and entries are found by their old names.
  for (const [path, { entryPoint }] of chunks) if (entryPoint !== undefined) files.add(path);
  await Promise.all(Array.from(files, file => write(file, chunks, homes)));
}

/** What esbuild says of a chunk, with absolute paths. */
function about({ outputs }, path) {
  const { exports, imports, entryPoint } = outputs[relative(root, path)];
  const own = imports.filter(({ kind, external }) => kind === 'import-statement' && !external);
  return { exports, entryPoint, imports: own.map(each => join(root, each.path)) };
}

/** The file that each chunk goes into. */
function homesOf(chunks, { folder, entries, whole }) {
  const homes = new Map();
  for (const source of whole) {
    const [top, { imports }] = [...chunks].find(([, { entryPoint }]) => entryPoint === source);
    // An entry acts when it is loaded, and exports what users see: others must find what it shares somewhere else.
    const shared = entries.length > 1 && entries.includes(source);
    const home = shared ? join(root, 'dist/shared', folder, 'common.js') : top;
    const add = path => {
      if (homes.has(path)) return;
      homes.set(path, home);
      chunks.get(path).imports.forEach(add);
    };
    if (shared) imports.forEach(add);
    else add(top);
  }
  for (const path of chunks.keys()) if (!homes.has(path)) homes.set(path, path);
  return homes;
}

/** What a chunk's exports are called in the file it went into: chunks of one file may use one name. */
function outerNames(path, chunks, homes) {
  const mates = [...chunks.keys()].filter(other => homes.get(other) === homes.get(path));
  const number = mates.indexOf(path);
  return chunks.get(path).exports.map(name => [name, homes.get(path) === path ? name : `${name}$${number}`]);
}

async function write(file, chunks, homes) {
  const clause = (path, from, swap) => {
    const names = outerNames(path, chunks, homes).map(([inner, outer]) =>
      swap ? `${outer} as ${inner}` : `${inner} as ${outer}`,
    );
    return `import ${JSON.stringify(from)}; export {${names.join()}} from ${JSON.stringify(from)};`;
  };
  const isHome = [...homes.values()].includes(file);
  const members = [...chunks.keys()].filter(path => homes.get(path) === file);
  const stub = path => clause(path, address(dirname(file), homes.get(path)), true);
  const contents = isHome ? members.map(path => clause(path, path, false)).join('\n') : stub(file);
  const linker = {
    name: 'linker',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, kind, importer, namespace }) => {
        const isPackage = !/^[./]/.test(path);
        if (isPackage || namespace === 'stub' || (!isHome && importer === '<stdin>'))
          return { path, external: true };
        const target = resolve(dirname(importer), path);
        if (kind === 'dynamic-import') return { path: address(dirname(file), target), external: true };
        const home = homes.get(target);
        if (home === file) return { path: target, sideEffects: true };
        if (home === target) return { path: address(dirname(file), target), external: true };
        return { path: target, namespace: 'stub', sideEffects: true };
      });
      onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({ contents: stub(path) }));
      onLoad({ filter: /.*/ }, ({ path }) => {
        const chunk = chunks.get(path);
        return chunk && { contents: chunk.text };
      });
    },
  };
  const [interpreter] = /^#!.*/.exec(chunks.get(file)?.text ?? '') ?? [''];
  await build({
    ...common,
    stdin: { contents, resolveDir: root },
    banner: { js: interpreter },
    outfile: file,
    sourcemap: 'linked',
    allowOverwrite: true,
    plugins: [linker],
  });
}

function address(from, to) {
  const path = relative(from, to);
  return path.startsWith('.') ? path : `./${path}`;
}
