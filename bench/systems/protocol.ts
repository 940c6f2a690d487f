import { createInterface } from 'node:readline';
import type { DataOptions } from '../data/columns.js';

/**
 * How the runner talks with a system's own process, Node and Python alike: the job is an argument, then one JSON line
 * a question on stdin and one JSON line a reply on stdout. A closed stdin ends the process.
 */
export interface SystemJob extends DataOptions {
  readonly bench: string;
  readonly threads: number;
  /** Files by table name: Parquet, and CSV where the name ends so. */
  readonly files: Readonly<Record<string, string>>;
  /** Columns that peers turn into ENUM or Categorical, by table; `<table>.<column>` of one name share their values. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Tables are not loaded: every question reads the files. */
  readonly scan: boolean;
  /** Volley only: where its data comes from. */
  readonly load: 'arrow' | 'parquet';
  /** Volley only: worker processes × 1 thread, results left there. */
  readonly cluster: boolean;
}

export interface Check {
  readonly rows: number;
  /** Of every numeric column; null and NaN count as nothing. */
  readonly sums: Readonly<Record<string, number>>;
}

export type Reply =
  | {
      readonly kind: 'ready';
      readonly version: string;
      readonly loadMs: number;
      readonly convertMs: number;
      /** What was converted, for people. */
      readonly note?: string;
    }
  | {
      readonly kind: 'answer';
      readonly ms: number;
      readonly check: Check;
      readonly extra?: Readonly<Record<string, number>>;
    }
  /** The system has no form of this question: no failure of the run. */
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'error'; readonly message: string };

/** A system under measurement, loaded. */
export interface LoadedSystem {
  readonly version: string;
  readonly loadMs: number;
  readonly convertMs: number;
  readonly note?: string;
  /** Times one question, then checks its answer untimed. */
  ask(question: string): Promise<Omit<Extract<Reply, { kind: 'answer' }>, 'kind'>>;
  close(): Promise<void>;
}

/** The process of one system: loads, answers until stdin closes. */
export async function serveSystem(load: () => Promise<LoadedSystem>): Promise<void> {
  let system: LoadedSystem;
  try {
    system = await load();
  } catch (error) {
    reply({ kind: 'error', message: String(error) });
    return;
  }
  const { version, loadMs, convertMs, note } = system;
  reply({ kind: 'ready', version, loadMs, convertMs, note });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      reply({ kind: 'answer', ...(await system.ask(line)) });
    } catch (error) {
      reply({ kind: 'error', message: String(error) });
    }
  }
  await system.close();
}

function reply(message: Reply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
