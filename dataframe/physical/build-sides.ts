import type { FragmentInput } from './task.js';

/**
 * Build sides that earlier tasks of the layer made ready in this thread. A side is used again while its partitions are
 * the same bytes in the same place, so what it refers to is what it was made from. One per dependency at most.
 */
export class BuildSides {
  readonly #known = new Map<number, { readonly entries: readonly FragmentInput[]; readonly side: unknown }>();

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
    a.header.byteLength === b.header.byteLength &&
    a.header.checksum === b.header.checksum &&
    Buffer.compare(a.header.meta, b.header.meta) === 0
  );
}
