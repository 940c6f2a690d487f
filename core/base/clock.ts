/** Time as an argument: shells own the one real clock, tests and the simulator own theirs. Monotonic milliseconds. */
export interface Clock {
  nowMs(): number;
}

export const monotonicClock: Clock = { nowMs: () => performance.now() };
