import { wasm } from '../../core/base/kernel-memory.js';

/** Counts WebAssembly instances from now on: kernels that were translated, by memory. Call `stop` in the end. */
export function countInstances(): { readonly made: number; stop(): void } {
  const { Instance } = wasm;
  let made = 0;
  const counting = new Proxy(Instance, {
    construct(target, args) {
      made++;
      return Reflect.construct(target, args);
    },
  });
  Object.assign(wasm, { Instance: counting });
  return {
    get made() {
      return made;
    },
    stop: () => Object.assign(wasm, { Instance }),
  };
}
