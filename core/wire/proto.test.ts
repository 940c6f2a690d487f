import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../base/version.js';
import { schema } from './proto.js';

test('the schema loads once', () => {
  expect(schema()).toBe(schema());
});

test('generated types are those of proto/volley.proto (else: npm run proto)', () => {
  const out = mkdtempSync(join(tmpdir(), 'volley-proto-'));
  const flags = ['--longs=Number', '--enums=String', '--defaults', '--arrays', '--oneofs'];
  const run = spawnSync(
    process.execPath,
    [
      join(packageRoot, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js'),
      ...flags,
      '--importFileExtension=.js',
      `--outDir=${out}`,
      'proto/volley.proto',
    ],
    { cwd: packageRoot, encoding: 'utf8' },
  );
  expect(run.status, run.stderr).toBe(0);
  const read = (folder: string) =>
    Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')]));
  expect(read(join(packageRoot, 'proto/generated/volley/v1'))).toEqual(read(join(out, 'volley/v1')));
  rmSync(out, { recursive: true });
});
