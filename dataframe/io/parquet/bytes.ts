import { kernelMemory } from '../../../core/base/kernel-memory.js';
import { copyInto } from '../../column/copy-bytes.js';
import type { Lent } from '../../kernels/lent.js';

/** Bytes up to which a page is copied, where others than a kernel of WebAssembly can do without. */
const mostCopied = 8 * 1024 * 1024;

/** @throws RangeError when a page has no such bytes */
export function requireBytes(page: Uint8Array, from: number, length: number): void {
  if (length < 0 || from + length > page.length) {
    throw new RangeError(`a page of ${page.length} bytes ends before its values`);
  }
}

export function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}

/** The page where kernels of this thread find it, if need be a copy; or as it is, where there is no such memory. */
export function kernelBytes(page: Uint8Array, lent: Lent): Uint8Array {
  const home = kernelMemory();
  if (home === null || page.buffer === home.buffer || page.length > mostCopied) return page;
  const copy = lent.bytes(page.length);
  if (copy.buffer !== home.buffer) return page;
  copyInto(copy, 0, page);
  return copy;
}
