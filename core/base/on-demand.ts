import { createRequire } from 'node:module';

/**
 * Modules that few programs need, loaded by the first call that needs them: together they would be half of the time of
 * `import 'volley'` and of a thread's start. Not import(), because the callers are synchronous.
 */
const load = createRequire(import.meta.url);

export const acorn = (): typeof import('acorn') => load('acorn');
export const childProcess = (): typeof import('node:child_process') => load('node:child_process');
export const nodeCrypto = (): typeof import('node:crypto') => load('node:crypto');
export const flatbuffers = (): typeof import('flatbuffers') => load('flatbuffers');
/**
 * In one file, and without its native addition, which takes longer to load than all of msgpackr and reads short texts
 * at half the speed of JavaScript (long ones at three times).
 */
export const msgpackr = (): typeof import('msgpackr') => load('msgpackr/index-no-eval');
export const v8 = (): typeof import('node:v8') => load('node:v8');
export const vm = (): typeof import('node:vm') => load('node:vm');
