/**
 * Calls that build tools write into functions, supplied to revived ones.
 * `__name`, `__using`, `__callDispose`: esbuild, tsx, vitest. `__addDisposableResource`, `__disposeResources`: tsc.
 * `__usingCtx`: oxc, the compiler of newer vites.
 */
export const toolSupport: Readonly<Record<string, unknown>> = {
  __name: (fn: object, value: string) => Object.defineProperty(fn, 'name', { value, configurable: true }),
  __using: (stack: EsbuildStack, value: unknown, isAsync?: boolean) => {
    if (value !== null && value !== undefined)
      stack.push([isAsync === true, disposerOf(value, isAsync === true), value]);
    else if (isAsync === true) stack.push([true, null, undefined]);
    return value;
  },
  __callDispose: (stack: EsbuildStack, error: unknown, hasError: unknown) => {
    const run = new Unwinding(error, Boolean(hasError));
    return run.unwind(stack.map(([isAsync, dispose, value]) => ({ isAsync, dispose, value })));
  },
  __addDisposableResource: (env: TypeScriptEnv, value: unknown, isAsync: boolean) => {
    if (value !== null && value !== undefined)
      env.stack.push({ value, dispose: disposerOf(value, isAsync), isAsync });
    else if (isAsync) env.stack.push({ value: undefined, dispose: null, isAsync: true });
    return value;
  },
  __disposeResources: (env: TypeScriptEnv) => new Unwinding(env.error, env.hasError).unwind(env.stack),
  __usingCtx: () => new UsingContext(),
};

type Disposer = (this: unknown) => unknown;
type EsbuildStack = [isAsync: boolean, dispose: Disposer | null, value: unknown][];
interface Resource {
  readonly isAsync: boolean;
  readonly dispose: Disposer | null;
  readonly value: unknown;
}
interface TypeScriptEnv {
  readonly stack: Resource[];
  readonly error: unknown;
  readonly hasError: boolean;
}

/** What compiled code does with it: `u` and `a` register, `e` is set by its catch block, `d` disposes. */
class UsingContext {
  private readonly stack: Resource[] = [];
  declare e?: unknown;

  u(value: unknown): unknown {
    return this.add(value, false);
  }

  a(value: unknown): unknown {
    return this.add(value, true);
  }

  d(): unknown {
    return new Unwinding(this.e, Object.hasOwn(this, 'e')).unwind(this.stack);
  }

  private add(value: unknown, isAsync: boolean): unknown {
    const absent = value === null || value === undefined;
    if (!absent || isAsync)
      this.stack.push({ value, isAsync, dispose: absent ? null : disposerOf(value, isAsync) });
    return value;
  }
}

/** Resources are disposed last first; an error while disposing carries the one before it, as the standard says. */
class Unwinding {
  private error: unknown;
  private hasError: boolean;

  constructor(error: unknown, hasError: boolean) {
    this.error = error;
    this.hasError = hasError;
  }

  unwind(stack: readonly Resource[]): unknown {
    for (let i = stack.length - 1; i >= 0; i--) {
      const { isAsync, dispose, value } = stack[i]!;
      try {
        const result = dispose?.call(value);
        if (isAsync) {
          const rest = stack.slice(0, i);
          return Promise.resolve(result).then(
            () => this.unwind(rest),
            error => {
              this.fail(error);
              return this.unwind(rest);
            },
          );
        }
      } catch (error) {
        this.fail(error);
      }
    }
    if (this.hasError) throw this.error;
    return undefined;
  }

  private fail(error: unknown): void {
    this.error = this.hasError ? suppressed(error, this.error) : error;
    this.hasError = true;
  }
}

function suppressed(error: unknown, previous: unknown): Error {
  const made = new Error('An error was suppressed during disposal', { cause: previous });
  return Object.assign(made, { name: 'SuppressedError', error, suppressed: previous });
}

function disposerOf(value: unknown, isAsync: boolean): Disposer {
  const holder = value as Record<symbol, unknown>;
  const { dispose, asyncDispose } = Symbol as unknown as { dispose: symbol; asyncDispose: symbol };
  const method = (isAsync ? holder[asyncDispose] : undefined) ?? holder[dispose];
  if (typeof method !== 'function') throw new TypeError('Object not disposable');
  return method as Disposer;
}
