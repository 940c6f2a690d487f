import { closeBracket, comma, lineFeed, openBrace, openBracket } from './lexer.js';

/** Where records stand in the bytes of a source. */
export interface Framing {
  /** Whether a line feed ends a record instead of being white space in it. */
  readonly linesEnd: boolean;
  /** Goes on from `p` to where the next record begins, and says in `state` whether there is one. */
  start(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number;
  /** The position behind a record that ends at `p` and what separates it from the next; -1: as `state` says. */
  finish(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number;
  /** 'more': it cannot be said from these bytes. */
  readonly state: 'record' | 'more' | 'done' | 'malformed';
  /** What is malformed. */
  readonly problem: string;
  /** Where what `start` found begins to count: that of its line. */
  readonly recordStart: number;
}

const isBlank = (byte: number) => byte === 32 || byte === 9 || byte === 13;

/** A record a line; blank lines are nothing. */
export class Lines implements Framing {
  readonly linesEnd = true;
  state: Framing['state'] = 'record';
  problem = '';
  recordStart = 0;

  start(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number {
    this.recordStart = p;
    for (let q = p; q < end; q++) {
      const byte = bytes[q]!;
      if (byte === lineFeed) this.recordStart = q + 1;
      else if (!isBlank(byte)) {
        this.state = 'record';
        return q;
      }
    }
    this.state = isFinal ? 'done' : 'more';
    return this.recordStart;
  }

  finish(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number {
    for (; p < end; p++) {
      if (bytes[p] === lineFeed) return p + 1;
      if (!isBlank(bytes[p]!)) {
        this.problem = 'more text behind the object of a line';
        this.state = 'malformed';
        return -1;
      }
    }
    this.state = 'more';
    return isFinal ? p : -1;
  }
}

export const moreText = 'more text behind the document';

/** The objects of one array, or one object. */
export class Elements implements Framing {
  readonly linesEnd = false;
  state: Framing['state'] = 'record';
  problem = '';
  recordStart = 0;
  #next: 'document' | 'first' | 'element' | 'nothing' = 'document';
  #isArray = false;

  start(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number {
    for (; p < end; p++) {
      const byte = bytes[p]!;
      if (isBlank(byte) || byte === lineFeed) continue;
      if (this.#next === 'document' && byte === openBracket) {
        this.#isArray = true;
        this.#next = 'first';
        continue;
      }
      if (this.#next === 'first' && byte === closeBracket) {
        this.#next = 'nothing';
        continue;
      }
      this.recordStart = p;
      if (this.#next === 'nothing') return this.#fails(moreText, p);
      if (this.#next === 'document' && byte !== openBrace)
        return this.#fails('neither an array nor an object', p);
      this.state = 'record';
      return p;
    }
    this.recordStart = p;
    if (!isFinal) this.state = 'more';
    else if (this.#next === 'nothing' || this.#next === 'document') this.state = 'done';
    else return this.#fails('the array does not end', p);
    return p;
  }

  finish(bytes: Uint8Array, p: number, end: number, isFinal: boolean): number {
    if (!this.#isArray) {
      this.#next = 'nothing';
      return p;
    }
    while (p < end && (isBlank(bytes[p]!) || bytes[p] === lineFeed)) p++;
    if (p >= end) {
      if (isFinal) this.#fails('the array does not end', p);
      else this.state = 'more';
      return -1;
    }
    if (bytes[p] === comma) this.#next = 'element';
    else if (bytes[p] === closeBracket) this.#next = 'nothing';
    else {
      this.#fails('neither a comma nor the end of the array behind an element', p);
      return -1;
    }
    return p + 1;
  }

  #fails(problem: string, p: number): number {
    this.problem = problem;
    this.state = 'malformed';
    return p;
  }
}
