import {
  add,
  and,
  type Code,
  geU,
  giveBack,
  gtU,
  int,
  load8,
  type localsOf,
  not,
  or,
  shl,
  shrU,
  statements,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';

/**
 * Reads the header of the run at local `p`, LEB128 of at most 32 bits, into `head`, its length into `run`, and moves `p` behind it;
 * `shift` and `next` are written. Gives back `tooShort` where there is none before `end`, or an empty run.
 */
export function runHeader({ get, set }: ReturnType<typeof localsOf<string>>, tooShort: number): Code {
  const fails = (condition: Code) => when(condition, giveBack(int(tooShort)));
  return statements(
    ...[set('head', int(0)), set('shift', int(0)), set('next', int(0x80))],
    whileTrue(
      geU(get('next'), int(0x80)),
      statements(
        fails(geU(get('p'), get('end'))),
        fails(gtU(get('shift'), int(28))),
        set('next', load8(get('p'))),
        set('p', add(get('p'), int(1))),
        set('head', or(get('head'), shl(and(get('next'), int(0x7f)), get('shift')))),
        set('shift', add(get('shift'), int(7))),
      ),
    ),
    set('run', shrU(get('head'), int(1))),
    fails(not(get('run'))),
  );
}
