import type { FragmentInput } from './task.js';

/**
 * Build sides that earlier tasks of the layer made ready in this thread, of dependencies that are the same for all its
 * tasks. A side may refer to its partitions' memory: it is used again only while they lie where they lay. One per
 * dependency at most.
 */
export class BuildSides {
  readonly #known = new Map<number, { readonly entries: readonly FragmentInput[]; readonly side: unknown }>();

  get any(): boolean {
    return this.#known.size > 0;
  }

  /** `make` gives the side of dependency `input`, read from these entries. */
  of<T>(input: number, entries: readonly FragmentInput[], make: () => T): T {
    const known = this.#known.get(input);
    if (known !== undefined && sameEntries(known.entries, entries)) return known.side as T;
    const side = make();
    this.#known.set(input, { entries, side });
    return side;
  }
}

function sameEntries(a: readonly FragmentInput[], b: readonly FragmentInput[]): boolean {
  return a.length === b.length && a.every((entry, i) => isSame(entry, b[i]!));
}

function isSame(a: FragmentInput, b: FragmentInput): boolean {
  return (
    a.bytes.buffer === b.bytes.buffer &&
    a.bytes.byteOffset === b.bytes.byteOffset &&
    a.header.byteLength === b.header.byteLength
  );
}
