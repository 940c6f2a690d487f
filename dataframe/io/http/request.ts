import { setTimeout as sleep } from 'node:timers/promises';
import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import type { IoEnv } from '../source.js';
import { parsedUrl, placeOf, requireAllowedUrl, wholeUrl } from '../urls.js';

/** An answer whose body is not read yet, and the end of waiting for it. */
export interface Answer {
  readonly response: Response;
  /** Call whenever bytes have come: silence is what ends a request. */
  heard(): void;
  /** True once it has ended for silence. */
  silent(): boolean;
  /** Ends the request, whatever is left of it. */
  end(): void;
}

/**
 * One attempt of a GET for bytes [start, end]. Follows redirects, each hop checked against what the node may use; user,
 * password and headers go to the first server only.
 * @throws ACCESS_DENIED, UNREACHABLE (silence, a broken network: worth another attempt)
 */
export async function getRange(name: string, start: number, end: number, env: IoEnv): Promise<Answer> {
  const first = parsedUrl(wholeUrl(name, env.access));
  let url = first;
  for (let hop = 0; ; hop++) {
    requireAllowedUrl(placeOf(url), env);
    const headers = new Headers(url.origin === first.origin ? env.access?.headers : undefined);
    const userinfo = url.origin === first.origin ? credentialsOf(first) : null;
    if (userinfo !== null && !headers.has('authorization')) headers.set('authorization', userinfo);
    headers.set('range', `bytes=${start}-${end}`);
    // Ranges count bytes of what is sent: nothing may be packed on the way.
    headers.set('accept-encoding', 'identity');
    const answer = await send(url, headers, name, env);
    const next = answer.response.headers.get('location');
    if (!redirects.has(answer.response.status) || next === null) return answer;
    answer.end();
    if (hop === limits.httpRedirects) {
      throw failure('UNREACHABLE', name, env, `redirects more than ${limits.httpRedirects} times`);
    }
    url = redirected(next, url, name, env);
  }
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function redirected(next: string, from: URL, name: string, env: IoEnv): URL {
  const url = URL.canParse(next, from.href) ? new URL(next, from.href) : null;
  const downgrade = from.protocol === 'https:' && url?.protocol !== 'https:';
  if (url === null || !/^https?:$/.test(url.protocol) || downgrade) {
    throw failure('ACCESS_DENIED', name, env, 'redirects to something that is not https');
  }
  return url;
}

function credentialsOf(url: URL): string | null {
  if (url.username === '' && url.password === '') return null;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

async function send(url: URL, headers: Headers, name: string, env: IoEnv): Promise<Answer> {
  const controller = new AbortController();
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    controller.abort();
  }, limits.httpSilenceMs);
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  try {
    const response = await fetch(bare, { headers, redirect: 'manual', signal: controller.signal });
    return {
      response,
      heard: () => void timer.refresh(),
      silent: () => silent,
      end: () => {
        clearTimeout(timer);
        controller.abort();
      },
    };
  } catch (error) {
    clearTimeout(timer);
    throw networkFailure(error, silent, name, env);
  }
}

/** A failure that may pass, so that it is worth another attempt. */
export class Passing extends Error {
  readonly failure: VolleyError;
  readonly waitMs: number;

  constructor(failure: VolleyError, waitMs = 0) {
    super(failure.message);
    this.failure = failure;
    this.waitMs = waitMs;
  }
}

/** What a broken connection is to the user: the cause's code, and nothing that could hold a URL. */
export function networkFailure(error: unknown, silent: boolean, name: string, env: IoEnv): Error {
  const code = ((error as Error | null)?.cause as NodeJS.ErrnoException | undefined)?.code ?? 'broken off';
  const what = silent ? `was silent for ${limits.httpSilenceMs / 1000} s` : `cannot be reached (${code})`;
  return new Passing(failure('UNREACHABLE', name, env, what));
}

export function failure(code: VolleyError['code'], name: string, env: IoEnv, what: string): VolleyError {
  return new VolleyError(code, `${name}, asked for by ${env.node}, ${what}`, { path: name, node: env.node });
}

/** Throws what a status other than 200, 206 and 416 stands for. */
export function checkStatus({ status, statusText, headers }: Response, name: string, env: IoEnv): void {
  if (status === 200 || status === 206 || status === 416) return;
  const said = `answers ${status} ${statusText}`.trimEnd();
  if (status === 404 || status === 410) throw failure('FILE_NOT_FOUND', name, env, said);
  if (status === 401 || status === 403) {
    const wayOut = 'give headers: { authorization }, or user and password in the URL';
    throw failure('ACCESS_DENIED', name, env, `${said}: ${wayOut}`);
  }
  const told = failure('UNREACHABLE', name, env, said);
  const mayPass = status === 408 || status === 429 || (status >= 500 && status !== 501);
  throw mayPass ? new Passing(told, 1000 * Number(headers.get('retry-after') ?? 0) || 0) : told;
}

/**
 * Runs `attempt` again after failures that may pass: silence, broken connections, 408, 429 and 5xx. Waits longer each
 * time, or as long as the server says, within a bound.
 */
export async function withRetries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (n === limits.httpAttempts) throw error.failure;
      const own = limits.httpRetryBaseMs * 2 ** (n - 1) * (1 + Math.random() * limits.retryJitter);
      await sleep(Math.min(limits.httpRetryMaxMs, Math.max(error.waitMs, own)));
    }
  }
}
