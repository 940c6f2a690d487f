import type { WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  clz,
  functionFor,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  load8,
  load32,
  localsOf,
  mul,
  not,
  or,
  select,
  shl,
  shrU,
  statements,
  store32,
  sub,
  when,
  whileTrue,
  xor,
} from '../codegen/wasm/assemble.js';
import { wordsBytes } from './text-words.js';

/** Where a loop that notes texts says how far it came, behind the masks of the words by length. */
export const cursorAt = 256;

const names = ['p', 'end', 'words', 'i', 'n', 'place', 'length', 'q', 'm', 'w0', 'w1', 'w2'] as const;
const { get: n, set: setN } = localsOf(names);

/** Notes rows i, i + 1, … as long as they are short texts. `next` finds the text at `q` of `length` bytes, `step` goes on. */
function notingBody(next: (stop: (condition: Code) => Code) => Code, step: Code): Code {
  const stopped = statements(store32(n('place'), n('p'), cursorAt), giveBack(n('i')));
  const stop = (condition: Code) => when(condition, stopped);
  const masked = (word: number) => and(load32(n('q'), 4 * word), load32(n('m'), 4 * word));
  return statements(
    whileTrue(
      sub(n('n'), n('i')),
      statements(
        next(stop),
        stop(geU(sub(n('length'), int(1)), int(wordsBytes))),
        stop(not(load8(sub(add(n('q'), n('length')), int(1))))),
        setN('m', add(n('place'), shl(n('length'), int(4)))),
        ...[setN('w0', masked(0)), setN('w1', masked(1)), setN('w2', masked(2))],
        stop(not(n('w0'))),
        store32(n('words'), n('w0'), 0),
        store32(n('words'), n('w1'), 4),
        store32(n('words'), n('w2'), 8),
        setN('words', add(n('words'), int(12))),
        setN('i', add(n('i'), int(1))),
        step,
      ),
    ),
    stopped,
  );
}

/** note(p, end, words, i, n, place): texts of a PLAIN page, each behind its length. Gives the row it stopped at. */
const plainBody = notingBody(
  stop =>
    statements(
      setN('q', add(n('p'), int(4))),
      stop(gtU(n('q'), n('end'))),
      setN('length', load32(n('p'))),
      stop(gtU(n('length'), sub(n('end'), n('q')))),
    ),
  setN('p', add(n('q'), n('length'))),
);

/** The same for entries: `p` is the address of the first one's offset, `end` that of the bytes. */
const entriesBody = notingBody(
  () =>
    statements(
      setN('length', sub(load32(n('p'), 4), load32(n('p')))),
      setN('q', add(n('end'), load32(n('p')))),
    ),
  setN('p', add(n('p'), int(4))),
);

const tableNames = [
  ...['words', 'codes', 'n', 'slots', 'mask', 'offsets', 'bytes', 'count'],
  ...['w0', 'w1', 'w2', 'at', 'code', 'hash', 'to'],
] as const;
const { get: t, set: setT } = localsOf(tableNames);

/** Of three words, the address of the slot to look at first. */
const hashed = statements(
  setT('hash', mul(t('w0'), int(0x9e3779b1))),
  setT('hash', mul(xor(xor(t('hash'), shrU(t('hash'), int(15))), t('w1')), int(0x85ebca6b))),
  setT('hash', mul(xor(xor(t('hash'), shrU(t('hash'), int(13))), t('w2')), int(0xc2b2ae35))),
  setT('hash', xor(t('hash'), shrU(t('hash'), int(16)))),
  setT('at', and(shl(t('hash'), int(4)), t('mask'))),
);
const slot = add(t('slots'), t('at'));
const nextSlot = setT('at', and(add(t('at'), int(16)), t('mask')));
const storeSlot = (code: Code) =>
  statements(
    store32(slot, code, 0),
    store32(slot, t('w0'), 4),
    store32(slot, t('w1'), 8),
    store32(slot, t('w2'), 12),
  );
const loadWords = (from: Code, offset: number) =>
  statements(
    setT('w0', load32(from, offset)),
    setT('w1', load32(from, offset + 4)),
    setT('w2', load32(from, offset + 8)),
  );
const bytesOf = (word: Code) => sub(int(4), shrU(clz(word), int(3)));
const isOther = or(
  or(xor(load32(slot, 4), t('w0')), xor(load32(slot, 8), t('w1'))),
  xor(load32(slot, 12), t('w2')),
);

const added = statements(
  setT('count', add(t('count'), int(1))),
  setT('code', t('count')),
  storeSlot(t('code')),
  setT('to', load32(add(t('offsets'), shl(sub(t('count'), int(1)), int(2))))),
  store32(add(t('bytes'), t('to')), t('w0'), 0),
  store32(add(t('bytes'), t('to')), t('w1'), 4),
  store32(add(t('bytes'), t('to')), t('w2'), 8),
  // No byte of a text's last word with text is 0.
  setT(
    'hash',
    select(
      t('w2'),
      add(int(8), bytesOf(t('w2'))),
      select(t('w1'), add(int(4), bytesOf(t('w1'))), bytesOf(t('w0'))),
    ),
  ),
  store32(add(t('offsets'), shl(t('count'), int(2))), add(t('to'), t('hash')), 0),
);

/**
 * resolve(words, codes, n, slots, mask, offsets, bytes, count): codes of n rows that were noted; what is new is added, for
 * which there is room. `mask`: bytes of the slots less one. Gives the number of texts.
 */
const resolveBody = statements(
  whileTrue(
    t('n'),
    statements(
      loadWords(t('words'), 0),
      when(
        t('w0'),
        statements(
          hashed,
          setT('code', load32(slot)),
          whileTrue(select(t('code'), isOther, int(0)), statements(nextSlot, setT('code', load32(slot)))),
          when(t('code'), [], added),
          setT('code', sub(t('code'), int(1))),
        ),
        setT('code', t('w1')),
      ),
      store32(t('codes'), t('code')),
      setT('words', add(t('words'), int(12))),
      setT('codes', add(t('codes'), int(4))),
      setT('n', sub(t('n'), int(1))),
    ),
  ),
  giveBack(t('count')),
);

/** rehash(words, codes, n, slots, mask, …): puts the used ones of n slots at `words` into others, which are free. */
const rehashBody = statements(
  whileTrue(
    t('n'),
    statements(
      setT('code', load32(t('words'))),
      when(
        t('code'),
        statements(loadWords(t('words'), 4), hashed, whileTrue(load32(slot), nextSlot), storeSlot(t('code'))),
      ),
      setT('words', add(t('words'), int(16))),
      setT('n', sub(t('n'), int(1))),
    ),
  ),
  giveBack(int(0)),
);

/** The loops of DistinctTexts, over memory that all of it lies in. */
export interface TextLoops {
  readonly plain: WasmFunction;
  readonly entries: WasmFunction;
  readonly resolve: WasmFunction;
  readonly rehash: WasmFunction;
}

export function textLoops(memory: WasmMemory): TextLoops {
  const made = (name: string, body: Code, given: number, all: number) =>
    functionFor(memory, `texts ${name}`, () => functionOver(memory, given, all - given, body));
  const plain = made('plain', plainBody, 6, names.length);
  const entries = made('entries', entriesBody, 6, names.length);
  const resolve = made('resolve', resolveBody, 8, tableNames.length);
  return { plain, entries, resolve, rehash: made('rehash', rehashBody, 8, tableNames.length) };
}
