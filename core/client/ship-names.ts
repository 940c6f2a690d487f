/** Free names a task may use. */

/**
 * Globals of a worker thread: JavaScript's and Node's, up to Node 24. A fixed list, because what else stands on the
 * submitter's globalThis (test runners, polyfills) is not there on a worker. `require`, which only evaluated scripts
 * see, is not among them.
 */
const globals = new Set(
  `undefined NaN Infinity globalThis eval isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI
  encodeURIComponent escape unescape Object Function Array Number Boolean String Symbol Date Promise RegExp Error
  AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError DisposableStack
  AsyncDisposableStack JSON Math Intl Iterator ArrayBuffer SharedArrayBuffer Atomics Uint8Array Int8Array Uint16Array
  Int16Array Uint32Array Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray BigUint64Array
  BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect WebAssembly global
  console process Buffer URL URLSearchParams URLPattern AbortController AbortSignal Event EventTarget CustomEvent
  CloseEvent ErrorEvent EventSource MessageChannel MessagePort MessageEvent BroadcastChannel TextEncoder TextDecoder
  TextEncoderStream TextDecoderStream CompressionStream DecompressionStream ReadableStream ReadableStreamDefaultReader
  ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableByteStreamController ReadableStreamDefaultController
  TransformStream TransformStreamDefaultController WritableStream WritableStreamDefaultController
  WritableStreamDefaultWriter ByteLengthQueuingStrategy CountQueuingStrategy Blob File FormData Headers Request
  Response WebSocket fetch crypto Crypto CryptoKey SubtleCrypto DOMException performance Performance PerformanceEntry
  PerformanceMark PerformanceMeasure PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming
  navigator Navigator setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask
  structuredClone atob btoa`.split(/\s+/),
);

/** Volley's exports that a task may name; the worker supplies those its functions ask for. */
export const allowedVolleyNames: readonly string[] = [
  'taskContext',
  'VolleyError',
  'col',
  'lit',
  'when',
  'coalesce',
  'concatStr',
  'DataType',
];
const volleyNames = new Set(allowedVolleyNames);

/** Calls that esbuild (hence tsx and vitest) and tsc add to functions; the worker supplies them (ship-support). */
const toolNames = new Set([
  '__name',
  '__using',
  '__callDispose',
  '__addDisposableResource',
  '__disposeResources',
]);

/** Stands for the helper of vite's compiler, which functions reach through a rewritten import. */
export const usingHelper = '__usingCtx';

export type NameKind = 'global' | 'volley' | 'tool' | 'captured';

export function kindOfName(name: string): NameKind {
  if (globals.has(name)) return 'global';
  if (volleyNames.has(name)) return 'volley';
  return toolNames.has(name) ? 'tool' : 'captured';
}
