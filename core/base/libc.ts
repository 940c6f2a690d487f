import { createRequire } from 'node:module';

type Koffi = typeof import('koffi').default;

let loaded: Koffi | null | undefined;

/**
 * What calls functions of the C library on Linux, for the few that Node has no way to: koffi, which is optional. Null where it is not
 * installed or the system is another: whoever asks has another way, or does without. Loading it takes 5 milliseconds.
 */
export function linuxCalls(): Koffi | null {
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load(): Koffi | null {
  if (process.platform !== 'linux') return null;
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return null;
  }
}
